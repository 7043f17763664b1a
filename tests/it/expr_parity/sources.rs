//! Random expressions of each type, as source text, and rows for them.

use super::TestRow;
use proptest::prelude::*;
use renkei::value::OwnedValue;

fn text_value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(vec![
            "", "a", "A", "ab", "aB", "b", "1", "01", "-1", "-", "--1", "007", "-0", "+1", " 1", "1 ", "１", " a ", "　",
            "%", "_", "*", "?", "[a]", "]", "^", "\\", "\\%", "'", "\"", "髙", "高", "が", "か\u{3099}", "𠮷", "é", "ｶﾞ",
            "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
            "0009223372036854775807", "99999999999999999999", "2024-02-29", "1935-00-00", "2023-02-29", "a\nb", "a\n",
            "2024-02-29\n", "1\n", "0001-01-01", "９", "٣",
        ]).prop_map(str::to_owned),
        1 => "[ab1 0\\-%_*?\\[\\]髙あ𠮷]{0,6}",
    ]
}

fn int_value() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => -12i64..=12,
        2 => -100_000i64..=100_000,
        1 => proptest::sample::select(vec![i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1, 1 << 31, -(1 << 31), 3_652_058]),
    ]
}

fn date_value() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => proptest::sample::select(vec![
            "2024-02-29", "2000-02-29", "1900-02-28", "2023-03-31", "2023-04-01", "1935-00-00", "1935-04-00", "0000-00-00",
            "0001-01-01", "9999-12-31", "2024-12-31", "0004-02-29", "0000-05-00",
        ]).prop_map(str::to_owned),
        2 => (1i32..=9999, 1u32..=12, 0u32..=28).prop_map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}")),
        1 => (1895i32..=2105, 1u32..=12, 29u32..=30).prop_filter_map("real", |(y, m, d)| {
            (m != 2).then(|| format!("{y:04}-{m:02}-{d:02}"))
        }),
    ]
}

/// What a date column holds although it should not: the answer must still be the same.
fn any_date_value() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => date_value(),
        1 => proptest::sample::select(vec![
            "2023-02-29", "1900-02-29", "2024-13-01", "2024-02-30", "2024-04-31", "now", "2024-2-9", "", "0000-02-29",
            "2024-02-29 ", "2024-02-29\n", "２０２４-02-29", "2024/02/29", "-024-01-01", "2024-00-15", "2024-01-32",
            "2460000.5", "2024-01-01T00:00",
        ]).prop_map(str::to_owned),
    ]
}

fn row() -> impl Strategy<Value = TestRow> {
    fn maybe<T: std::fmt::Debug + Clone + 'static>(
        value: impl Strategy<Value = T> + 'static,
        wrap: fn(T) -> OwnedValue,
    ) -> BoxedStrategy<OwnedValue> {
        prop_oneof![1 => Just(OwnedValue::Null), 4 => value.prop_map(wrap)].boxed()
    }
    (
        [maybe(text_value(), OwnedValue::Text), maybe(text_value(), OwnedValue::Text)],
        [maybe(int_value(), OwnedValue::Int), maybe(int_value(), OwnedValue::Int)],
        [maybe(any_date_value(), OwnedValue::Text), maybe(any_date_value(), OwnedValue::Text)],
    )
        .prop_map(|(t, n, d)| t.into_iter().chain(n).chain(d).collect())
}

pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn pick(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(words)
}

/// Source text of an expression of each type, `depth` levels deep at most.
struct Sources {
    text: BoxedStrategy<String>,
    int: BoxedStrategy<String>,
    date: BoxedStrategy<String>,
    truth: BoxedStrategy<String>,
}

fn sources(depth: u32) -> Sources {
    if depth == 0 {
        let text = prop_oneof![5 => pick(&["文一", "文二"]).prop_map(str::to_owned), 2 => text_value().prop_map(|t| quoted(&t)),
            1 => Just("NULL".to_owned())];
        let int = prop_oneof![5 => pick(&["数一", "数二"]).prop_map(str::to_owned), 2 => int_value().prop_map(|n| n.to_string()),
            1 => Just("NULL".to_owned())];
        let date = prop_oneof![5 => pick(&["日一", "日二"]).prop_map(str::to_owned),
            2 => date_value().prop_map(|d| format!("DATE '{d}'"))];
        let truth = prop_oneof![Just("TRUE".to_owned()), Just("FALSE".to_owned()), Just("(数一 > 数二)".to_owned())];
        return Sources { text: text.boxed(), int: int.boxed(), date: date.boxed(), truth: truth.boxed() };
    }
    let s = sources(depth - 1);
    let Sources { text: t, int: n, date: d, truth: b } = &s;
    Sources {
        text: prop_oneof![2 => t.clone(), 5 => texts(t, n, d, b)].boxed(),
        int: prop_oneof![2 => n.clone(), 5 => ints(t, n, d, b)].boxed(),
        date: prop_oneof![2 => d.clone(), 3 => dates(t, n, d, b)].boxed(),
        truth: truths(t, n, d, b),
    }
}

type Source = BoxedStrategy<String>;

fn texts(t: &Source, n: &Source, d: &Source, b: &Source) -> Source {
    let width = 0u32..6;
    let fill = pick(&["0", " ", "　", "'"]);
    let part = pick(&["a", "1", "b", " ", "髙", "aa", "%"]);
    prop_oneof![
        (t.clone(), t.clone(), d.clone()).prop_map(|(a, b, c)| format!("({a} || {b} || {c})")),
        (t.clone(), 1u32..4, 0u32..4).prop_map(|(a, f, l)| format!("substr({a}, {f}, {l})")),
        (t.clone(), n.clone(), n.clone()).prop_map(|(a, f, l)| format!("substr({a}, {f}, {l})")),
        (t.clone(), n.clone()).prop_map(|(a, f)| format!("substr({a}, {f})")),
        (pick(&["lpad", "rpad"]), t.clone(), width, fill)
            .prop_map(|(f, a, w, c)| format!("{f}({a}, {w}, {})", quoted(c))),
        (pick(&["trim", "ltrim", "rtrim"]), t.clone()).prop_map(|(f, a)| format!("{f}({a})")),
        (t.clone(), part, text_value()).prop_map(|(a, x, y)| format!("replace({a}, {}, {})", quoted(x), quoted(&y))),
        n.clone().prop_map(|a| format!("CAST({a} AS TEXT)")),
        d.clone().prop_map(|a| format!("CAST({a} AS TEXT)")),
        (t.clone(), pick(&["名", "別"])).prop_map(|(a, c)| format!("code('表', {a}, '{c}')")),
        choice(t, b, "文一"),
        (t.clone(), t.clone()).prop_map(|(a, b)| format!("nullif({a}, coalesce({b}, 文二))")),
    ]
    .boxed()
}

fn ints(t: &Source, n: &Source, d: &Source, b: &Source) -> Source {
    prop_oneof![
        (n.clone(), pick(&["+", "-", "*", "/", "%"]), n.clone()).prop_map(|(a, o, c)| format!("({a} {o} {c})")),
        (n.clone(), pick(&["+", "-", "*"]), n.clone(), pick(&["/", "%", "+"]), n.clone())
            .prop_map(|(a, o, c, p, e)| format!("({a} {o} {c} {p} {e})")),
        n.clone().prop_map(|a| format!("(- {a})")),
        n.clone().prop_map(|a| format!("abs({a})")),
        (pick(&["least", "greatest"]), n.clone(), n.clone()).prop_map(|(f, a, c)| format!("{f}({a}, {c})")),
        t.clone().prop_map(|a| format!("length({a})")),
        t.clone().prop_map(|a| format!("CAST({a} AS INTEGER)")),
        (pick(&["year", "month", "day", "fiscal_year"]), d.clone()).prop_map(|(f, a)| format!("{f}({a})")),
        (d.clone(), d.clone()).prop_map(|(a, c)| format!("days_between({a}, {c})")),
        choice(n, b, "数一"),
    ]
    .boxed()
}

fn dates(t: &Source, n: &Source, d: &Source, b: &Source) -> Source {
    prop_oneof![
        (pick(&["add_days", "add_years"]), d.clone(), n.clone()).prop_map(|(f, a, c)| format!("{f}({a}, {c})")),
        t.clone().prop_map(|a| format!("CAST({a} AS DATE)")),
        choice(d, b, "日一"),
    ]
    .boxed()
}

fn truths(t: &Source, n: &Source, d: &Source, b: &Source) -> Source {
    const COMPARE: &[&str] = &["=", "<>", "!=", "<", "<=", ">", ">="];
    const NOT: &[&str] = &["", "NOT "];
    let pattern = "[ab1%_*?\\[\\]\\\\髙]{0,5}";
    let pair = prop_oneof![(t.clone(), t.clone()), (n.clone(), n.clone()), (d.clone(), d.clone())];
    let triple = prop_oneof![
        (t.clone(), t.clone(), t.clone()),
        (n.clone(), n.clone(), n.clone()),
        (d.clone(), d.clone(), d.clone()),
    ];
    prop_oneof![
        3 => (pair.clone(), pick(COMPARE)).prop_map(|((a, c), o)| format!("({a} {o} {c})")),
        1 => (prop_oneof![t.clone(), n.clone(), d.clone(), b.clone()], pick(NOT)).prop_map(|(a, x)| format!("({a} IS {x}NULL)")),
        2 => (triple.clone(), pick(NOT)).prop_map(|((a, x, y), o)| format!("({a} {o}IN ({x}, {y}))")),
        2 => (triple, pick(NOT)).prop_map(|((a, x, y), o)| format!("({a} {o}BETWEEN {x} AND {y})")),
        2 => (t.clone(), pick(NOT), pattern).prop_map(|(a, o, p)| format!("({a} {o}LIKE {})", quoted(&p))),
        2 => (b.clone(), pick(&["AND", "OR", "=", "<>"]), b.clone()).prop_map(|(a, o, c)| format!("({a} {o} {c})")),
        1 => b.clone().prop_map(|a| format!("(NOT {a})")),
    ]
    .boxed()
}

/// CASE in both forms, and coalesce; `column` keeps the choice from being NULLs only.
fn choice(of: &Source, b: &Source, column: &'static str) -> Source {
    prop_oneof![
        (b.clone(), of.clone(), of.clone())
            .prop_map(move |(w, x, y)| format!("(CASE WHEN {w} THEN {x} WHEN {w} IS NULL THEN {column} ELSE {y} END)")),
        (of.clone(), of.clone(), of.clone())
            .prop_map(move |(x, y, z)| format!("(CASE {x} WHEN {y} THEN {z} WHEN {column} THEN {column} END)")),
        (of.clone(), of.clone()).prop_map(move |(x, y)| format!("coalesce({x}, {y}, {column})")),
    ]
    .boxed()
}

/// One case: an expression's source and a few rows for it.
pub fn cases() -> impl Strategy<Value = (String, Vec<TestRow>)> {
    let s = sources(3);
    let source = prop_oneof![s.text, s.int, s.date, s.truth];
    (source, proptest::collection::vec(row(), 4))
}
