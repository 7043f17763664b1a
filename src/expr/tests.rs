use super::*;
use std::collections::HashMap;

/// Columns: 文, 文2 (text), 数, 数2 (int), 日, 日2 (date); 明細.金額 (int); a code table `性別`.
struct Fields;

impl Scope for Fields {
    fn resolve(&self, path: &[&str]) -> Option<(u32, Type)> {
        match path {
            ["文"] => Some((0, Type::Text)),
            ["文2"] => Some((1, Type::Text)),
            ["数"] | ["明細", "金額"] => Some((2, Type::Int)),
            ["数2"] => Some((3, Type::Int)),
            ["日"] => Some((4, Type::Date)),
            ["日2"] => Some((5, Type::Date)),
            _ => None,
        }
    }

    fn names(&self) -> Vec<String> {
        ["文", "文2", "数", "数2", "日", "日2", "明細.金額"].map(str::to_owned).to_vec()
    }

    fn code_table(&self, name: &str) -> Option<Arc<CodeTable>> {
        let rows = HashMap::from([("1".to_owned(), vec!["男".to_owned()]), ("2".to_owned(), vec!["女".to_owned()])]);
        (name == "性別").then(|| Arc::new(CodeTable { name: name.into(), columns: vec!["名称".into()], rows }))
    }
}

fn row() -> [Value<'static>; 6] {
    [
        Value::Text("宛名abc"),
        Value::Null,
        Value::Int(7),
        Value::Int(0),
        Value::Text("2024-02-29"),
        Value::Text("1935-00-00"),
    ]
}

fn value(source: &str) -> OwnedValue {
    let expr = Expr::parse(source, &Fields).unwrap_or_else(|e| panic!("{source}: {e:?}"));
    let scratch = Scratch::new();
    expr.eval(&row()[..], &scratch).unwrap_or_else(|e| panic!("{source}: {e:?}")).to_owned()
}

fn mistakes(source: &str) -> Vec<ExprError> {
    Expr::parse(source, &Fields).expect_err(source)
}

#[test]
fn expressions_mean_what_the_module_says() {
    let text = |t: &str| OwnedValue::Text(t.to_owned());
    let int = OwnedValue::Int;
    for (source, want) in [
        ("文", text("宛名abc")),
        ("明細.金額 + 1 * 2", int(9)),
        ("\"数\" - 1 - 1", int(5)),
        ("-7 / 2", int(-3)),
        ("-7 % 2", int(-1)),
        ("数 / 数2", OwnedValue::Null),
        ("数 % 0", OwnedValue::Null),
        ("-9223372036854775808 % -1", int(0)),
        ("文 || 'x' || 日", text("宛名abcx2024-02-29")),
        ("文 || 文2", OwnedValue::Null),
        ("文2 = 'a' OR 数 = 7", OwnedValue::Bool(true)),
        ("文2 = 'a' AND 数 = 7", OwnedValue::Null),
        ("文2 = 'a' AND 数 = 8", OwnedValue::Bool(false)),
        ("NOT 文2 = 'a'", OwnedValue::Null),
        ("数 IN (1, 7)", OwnedValue::Bool(true)),
        ("数 NOT IN (1, NULL)", OwnedValue::Null),
        ("数 BETWEEN 8 AND NULL", OwnedValue::Bool(false)),
        ("文 LIKE '_名%'", OwnedValue::Bool(true)),
        ("日 > '1935-00-00'", OwnedValue::Bool(true)),
        ("日 = DATE '2024-02-29'", OwnedValue::Bool(true)),
        ("CASE 数 WHEN 7 THEN '七' ELSE '他' END", text("七")),
        ("CASE WHEN 文2 = 'a' THEN 1 END", OwnedValue::Null),
        ("CAST(数 AS TEXT)", text("7")),
        ("CAST('-007' AS INTEGER)", int(-7)),
        ("CAST('+7' AS INTEGER)", OwnedValue::Null),
        ("CAST(' 7' AS INTEGER)", OwnedValue::Null),
        ("CAST('9223372036854775808' AS INTEGER)", OwnedValue::Null),
        ("CAST('2023-02-29' AS DATE)", OwnedValue::Null),
        ("coalesce(文2, 文, 'x')", text("宛名abc")),
        ("nullif(数, 7)", OwnedValue::Null),
        ("substr(文, 2, 2)", text("名a")),
        ("substr(文, 9, 2)", text("")),
        ("substr(文, 0, 2)", OwnedValue::Null),
        ("length(文)", int(5)),
        ("lpad(CAST(数 AS TEXT), 3, '0')", text("007")),
        ("lpad(文, 3, '0')", text("宛名abc")),
        ("rpad('a', 3, '　')", text("a　　")),
        ("replace(文, 'b', '')", text("宛名ac")),
        ("trim('  a ')", text("a")),
        ("least(数, 数2)", int(0)),
        ("greatest(数, NULL)", OwnedValue::Null),
        ("abs(-3)", int(3)),
        ("year(日2)", int(1935)),
        ("month(日2)", OwnedValue::Null),
        ("add_years(日, 1)", text("2025-02-28")),
        ("add_days(日, 1)", text("2024-03-01")),
        ("add_years(日2, 1)", OwnedValue::Null),
        ("days_between(日, '2024-03-01')", int(1)),
        ("fiscal_year(日)", int(2023)),
        ("code('性別', '1', '名称')", text("男")),
        ("code('性別', '9', '名称')", OwnedValue::Null),
    ] {
        assert_eq!(value(source), want, "{source}");
    }
}

#[test]
fn every_mistake_is_named_with_its_place_and_a_hint() {
    let found = mistakes("文３ = '1'\n AND lenght(文) > 1\n AND 数 = '1'");
    let places: Vec<(u32, u32)> = found.iter().map(|e| (e.line, e.column)).collect();
    assert_eq!(places, [(1, 1), (2, 6), (3, 10)]);
    assert!(found[1].hint.contains("length"), "{found:?}");
    assert!(mistakes("明細.金顎 = 1")[0].hint.contains("明細.金額"));
}

#[test]
fn what_is_not_in_the_language_is_refused_in_japanese() {
    let mut wrong = Vec::new();
    for (source, column, word) in [
        ("", 1, "空"),
        ("(SELECT 1)", 2, "副問い合わせ"),
        ("数 = 1;", 6, "；"),
        ("数 = 1 -- x", 7, "注釈"),
        ("数 /* x */ = 1", 3, "注釈"),
        ("数 IN (SELECT 1)", 1, "副問い合わせ"),
        ("EXISTS (SELECT 1)", 9, "副問い合わせ"),
        ("sum(数) OVER ()", 1, "ウィンドウ"),
        ("数 = ?", 5, "置き換え記号"),
        ("数 == 1", 3, "=="),
        ("数 ＝ 1", 3, "＝"),
        ("数 + 1.5", 5, "小数"),
        ("数 =", 4, "途中"),
        ("(数 = 1", 7, "途中"),
        ("数 = 1)", 6, "形"),
        ("文 ILIKE 'a'", 1, "照合"),
        ("文 LIKE 'a' ESCAPE 'x'", 1, "照合"),
        ("文 LIKE 文2", 8, "定数"),
        ("文::int", 1, "型変換"),
        ("数 IS TRUE", 1, "IS"),
        ("current_date", 1, "時刻"),
        ("substring(文 FROM 1)", 11, "substring"),
        ("lpad(文, 5, '')", 12, "1文字"),
        ("substr(文)", 8, "引数"),
        ("code('性', '1', '名称')", 6, "コード表"),
        ("coalesce(NULL, NULL)", 1, "型が決まりません"),
        ("'abc", 1, "閉じられて"),
        ("数 ~ 1", 1, "演算子"),
        ("日 = 文", 5, "比べられません"),
        ("日 > '2024-02-30'", 5, "比べられません"),
        ("9223372036854775808", 1, "大きすぎ"),
        ("count(*)", 1, "形"),
        ("文 + 1", 1, "整数"),
        ("interval '1' day", 10, "INTERVAL"),
        ("N'a'", 1, "定数"),
    ] {
        let found = mistakes(source);
        let shown = format!("{source}: {found:?}");
        let word = if word == "；" { "「;」" } else { word };
        let first = &found[0];
        if !first.message.contains(word) || (first.line, first.column) != (1, column) || first.hint.is_empty() {
            wrong.push(shown);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_wanted_type_takes_dates_as_text_and_literal_dates_and_nothing_else() {
    let parse = |source: &str, want| Expr::parse_as(source, &Fields, want).map(|e| e.ty());
    assert_eq!(parse("日", Type::Text), Ok(Type::Text));
    assert_eq!(parse("'1935-00-00'", Type::Date), Ok(Type::Date));
    assert_eq!(parse("CASE WHEN 数 = 1 THEN '2024-04-01' ELSE 日 END", Type::Date), Ok(Type::Date));
    assert_eq!(parse("NULL", Type::Int), Ok(Type::Int));
    assert!(parse("文", Type::Date).is_err() && parse("'2023-02-29'", Type::Date).is_err());
    assert!(parse("数", Type::Text).is_err() && parse("数", Type::Bool).is_err());
}

#[test]
fn no_source_overflows_the_stack_or_takes_long() {
    let deep = |open: &str, close: &str, n: usize| format!("{}数{}", open.repeat(n), close.repeat(n));
    for source in [
        deep("(", ")", 1_900),
        deep("(", "", 3_900),
        deep("abs(", ")", 700),
        deep("-", "", 3_900).replace("--", "- -"),
        deep("NOT ", "", 900),
        deep("CASE WHEN ", " THEN 1 END", 180),
        deep("CASE WHEN ", "", 390),
        format!("数{}", "+数".repeat(1_900)),
        format!("数{}", "=数".repeat(1_900)),
        format!("文{}", " IS NULL".repeat(480)),
        format!("数{} IS TRUE", "+数".repeat(1_900)),
        format!("数{}", "::int".repeat(790)),
        format!("a{}", ".a".repeat(1_900)),
        "数,".repeat(1_900),
        "[".repeat(3_900),
        "case-".repeat(790),
        "数".repeat(4_001),
    ] {
        assert!(!mistakes(&source).is_empty());
    }
    // What is allowed at the limits loads, and answers.
    assert_eq!(value(&deep("abs(", ")", MAX_DEPTH)), OwnedValue::Int(7));
    assert_eq!(value(&format!("数{}", "+数".repeat(MAX_ARITH_CHAIN))), OwnedValue::Int(7 * 201));
    assert_eq!(value(&format!("数=7{}", " AND 数=7".repeat(400))), OwnedValue::Bool(true));
    assert_eq!(value(&deep("(", ")", 60)), OwnedValue::Int(7));
}

#[test]
fn overflow_and_endless_text_are_errors_and_not_wrong_answers() {
    let fails = |source: &str| {
        let expr = Expr::parse(source, &Fields).expect(source);
        expr.eval(&row()[..], &Scratch::new()).expect_err(source)
    };
    assert_eq!(fails("9223372036854775807 + 数"), EvalError::Overflow);
    assert_eq!(fails("-9223372036854775808 / -1"), EvalError::Overflow);
    assert_eq!(fails("abs(-9223372036854775807 - 1)"), EvalError::Overflow);
    let grow = format!("replace('aaaaaaaaaa', 'a', '{}')", "a".repeat(1_000));
    assert_eq!(fails(&format!("replace({grow}, 'a', '{}')", "a".repeat(1_000))), EvalError::TextTooLong);
}

#[test]
fn a_code_is_meant_by_itself_or_by_the_name_that_it_alone_has() {
    let rows = [("1", "済"), ("2", "未"), ("3", "未")].map(|(code, name)| (code.to_owned(), vec![name.to_owned()]));
    let table = CodeTable { rows: rows.into(), ..CodeTable::default() };
    assert_eq!((table.code("2"), table.code("済")), (Some("2"), Some("1")));
    assert_eq!((table.code("未"), table.code("4"), table.name("3")), (None, None, Some("未")));
    assert_eq!(table.listed(2), "使えるもの: 1（済）、2（未） など");
}

#[test]
fn literals_become_binds_in_the_order_of_the_text() {
    let expr = Expr::parse("文 = 'a' AND lpad(文 || 'b', 2, '0') > 'c' AND 数 >= 5", &Fields).expect("a good one");
    let name = |slot: u32| format!("\"c{slot}\"");
    let mut binds = vec![OwnedValue::Int(1)];
    let sql = expr.to_sql(Dialect::Postgres, &name, &mut binds).expect("renders");
    assert!(sql.starts_with("((\"c0\" = $2::text) AND "), "{sql}");
    let texts: Vec<String> = binds.iter().map(|b| b.as_value().to_string()).collect();
    assert_eq!(texts, ["1", "a", "0", "b", "c", "5"]);
    assert!(sql.contains("COLLATE \"C\"") && sql.contains("$6::int8"), "{sql}");
    assert_eq!(expr.slots(), [0, 2]);
    assert_eq!(Expr::parse("(数)", &Fields).expect("a field").as_slot(), Some(2));
}
