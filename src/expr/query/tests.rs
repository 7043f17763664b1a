use super::*;

struct Town;

impl Catalogue for Town {
    fn columns(&self, table: &str) -> Option<Option<Vec<String>>> {
        let columns: &[&str] = match table {
            "住民" => &["宛名番号", "世帯番号", "生年月日", "操作者ID", "_v"],
            "被保険者" => &["被保険者番号", "宛名番号", "履歴番号", "_v"],
            "実行" => &["基準日", "団体コード"],
            _ => return None,
        };
        Some(Some(columns.iter().map(|c| (*c).to_owned()).collect()))
    }

    fn tables(&self) -> Vec<String> {
        ["住民", "被保険者", "実行"].map(str::to_owned).to_vec()
    }
}

fn mistakes(sql: &str) -> Vec<(u32, u32, String)> {
    let errors = read(sql, &Town).unwrap_err();
    errors.into_iter().map(|e| (e.line, e.column, format!("{}{}", e.message, e.hint))).collect()
}

#[test]
fn a_view_with_everything_that_is_allowed_is_read() {
    let sql =
        "WITH n AS (SELECT h.宛名番号, max(h.履歴番号) AS 最後, min(h._v) AS _v1 FROM 被保険者 h GROUP BY h.宛名番号)
SELECT j.宛名番号 AS 番号, CASE WHEN n.最後 > 1 THEN '有' ELSE '無' END AS 履歴, CAST(n.最後 AS TEXT) || '/' AS t,
 row_number() OVER (PARTITION BY j.世帯番号 ORDER BY 生年月日 DESC) AS 順, n._v1
FROM 住民 j LEFT JOIN n ON n.宛名番号 = j.宛名番号
WHERE j.生年月日 <= (SELECT 基準日 FROM 実行) AND EXISTS (SELECT 1 FROM 被保険者 x WHERE x.宛名番号 = j.宛名番号)
UNION ALL
SELECT a.宛名番号, 'x', substr(a.生年月日, 1, 4), 1, a._v FROM (SELECT 宛名番号, 生年月日, _v FROM 住民) a
ORDER BY 番号";
    let query = read(sql, &Town).unwrap();
    assert_eq!(query.tables, ["被保険者", "住民", "実行"]);
    assert_eq!(query.columns, ["番号", "履歴", "t", "順", "_v1"]);
}

#[test]
fn quoted_names_and_upper_case_functions_pass() {
    let query =
        read("SELECT j.\"操作者ID\", MAX(宛名番号) AS \"Ban\" FROM 住民 j GROUP BY \"操作者ID\"", &Town).unwrap();
    assert_eq!(query.columns, ["操作者ID", "Ban"]);
}

#[test]
fn unknown_names_are_all_found_where_they_stand() {
    let found = mistakes("SELECT j.宛名番, k.世帯番号,\n 生年月 FROM 住民 j JOIN 被保険 h ON true");
    let places: Vec<(u32, u32)> = found.iter().map(|(l, c, _)| (*l, *c)).collect();
    assert!(places.contains(&(1, 10)), "{found:?}");
    assert!(places.contains(&(1, 15)), "{found:?}");
    assert!(places.contains(&(2, 21)), "{found:?}");
    assert!(found.iter().any(|(.., text)| text.contains("「宛名番号」ではありませんか")));
}

#[test]
fn a_mistyped_word_of_the_language_is_named() {
    for (sql, column, meant) in [
        ("SELECT 宛名番号 FROM 住民 WEHRE 宛名番号 = '1'", 21, "WHERE"),
        ("SELECT 宛名番号 FORM 住民", 13, "FROM"),
        ("SELECT j.宛名番号 FROM 住民 j JION 被保険者 h ON h.宛名番号 = j.宛名番号", 25, "JOIN"),
    ] {
        let found = mistakes(sql);
        assert_eq!((found[0].0, found[0].1), (1, column), "{found:?}");
        assert!(found[0].2.contains(&format!("「{meant}」ではありませんか")), "{found:?}");
    }
}

#[test]
fn nothing_but_one_portable_select_passes() {
    for sql in [
        "DELETE FROM 住民",
        "SELECT 1 AS a; SELECT 2 AS a",
        "INSERT INTO 住民 SELECT 1",
        "SELECT * FROM 住民",
        "SELECT j.* FROM 住民 j",
        "SELECT random() AS a FROM 住民",
        "SELECT 宛名番号 FROM 住民 WHERE 宛名番号 LIKE '1%'",
        "SELECT 宛名番号 FROM 住民 -- x",
        "SELECT 操作者ID FROM 住民",
        "SELECT 宛名番号 AS Bango FROM 住民",
        "SELECT 宛名番号 FROM 住民 WHERE 宛名番号 = ?",
        "SELECT 宛名番号 FROM main.住民",
        "SELECT 宛名番号 FROM 住民 j JOIN 被保険者 h ON h.宛名番号 = j.宛名番号",
        "SELECT 宛名番号::int FROM 住民",
        "SELECT 1.5 AS a FROM 住民",
        "SELECT max(宛名番号, 世帯番号) AS a FROM 住民",
        "SELECT 宛名番号 || 'a' FROM 住民",
        "SELECT 宛名番号 FROM 住民 UNION SELECT 宛名番号, _v FROM 被保険者",
        "SELECT 宛名番号 FROM (SELECT 宛名番号 FROM 住民)",
        "WITH RECURSIVE a AS (SELECT 1 AS x) SELECT x FROM a",
        "SELECT 宛名番号 FROM 住民 FOR UPDATE",
        "SELECT 宛名番号 INTO x FROM 住民",
        "SELECT pg_read_file('/etc/passwd') AS a",
        "",
        "VALUES (1)",
    ] {
        assert!(read(sql, &Town).is_err(), "{sql}");
    }
}

#[test]
fn a_column_that_is_not_the_same_for_a_whole_group_is_named() {
    for sql in [
        "SELECT 世帯番号, 宛名番号, count(*) AS 人数 FROM 住民 GROUP BY 世帯番号",
        "SELECT 世帯番号, CASE WHEN 宛名番号 = 'a' THEN 1 ELSE 0 END AS 値 FROM 住民 GROUP BY 世帯番号",
        "SELECT 宛名番号, count(*) AS 人数 FROM 住民",
        "SELECT max(世帯番号) AS a FROM 住民 GROUP BY 世帯番号 HAVING 宛名番号 = 'a'",
        "SELECT 世帯番号, sum(1) OVER (PARTITION BY 宛名番号) AS a FROM 住民 GROUP BY 世帯番号",
        "SELECT 世帯番号 FROM 住民 GROUP BY 世帯番号 ORDER BY 宛名番号",
    ] {
        let told = mistakes(sql);
        assert!(
            matches!(told.as_slice(), [(1, _, m)] if m.contains("「宛名番号」は GROUP BY にない")),
            "{sql}: {told:?}"
        );
    }
    for sql in [
        "SELECT j.世帯番号, count(*) AS 人数 FROM 住民 j GROUP BY 世帯番号 ORDER BY 人数",
        "SELECT substr(世帯番号, 1, 2) AS 頭, max(宛名番号) AS a FROM 住民 GROUP BY substr(世帯番号, 1, 2)",
        "SELECT substr(世帯番号, 1, 2) AS 頭, count(*) AS a FROM 住民 GROUP BY 頭 ORDER BY 頭",
        "SELECT 世帯番号 || 'x' AS a, sum(count(*)) OVER (ORDER BY 世帯番号) AS b FROM 住民 GROUP BY 世帯番号",
        "SELECT 宛名番号, row_number() OVER (ORDER BY 世帯番号) AS a FROM 住民",
        "SELECT 宛名番号, (SELECT count(*) FROM 被保険者 h WHERE h.宛名番号 = j.宛名番号) AS a FROM 住民 j",
        "SELECT 世帯番号, 1 AS a FROM 住民 GROUP BY (世帯番号)",
    ] {
        assert!(read(sql, &Town).is_ok(), "{sql}: {:?}", mistakes(sql));
    }
}

#[test]
fn very_long_chains_do_not_exhaust_the_stack() {
    let chain = "宛名番号 = 'a' OR ".repeat(1_000);
    assert!(read(&format!("SELECT 宛名番号 FROM 住民 WHERE {chain} 1 = 1"), &Town).is_ok());
    assert!(read(&format!("SELECT {}1{} AS a", "(".repeat(3_000), ")".repeat(3_000)), &Town).is_err());
}
