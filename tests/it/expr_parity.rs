//! An expression means the same in Rust, on SQLite and on PostgreSQL: random typed expressions over random rows.
//!
//! The generator writes source text, so that parsing and typing are tested with it. An overflow is an error on every
//! side, but which side notices depends on which operands it looks at: such a row is compared only where nobody erred.

mod sources;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use renkei::expr::{CodeTable, Dialect, EvalError, Expr, Scope, Scratch};
use renkei::value::{OwnedValue, Type};
use sources::{cases, quoted};
use std::collections::HashMap;
use std::sync::Arc;

/// Columns of the test table, by slot.
const COLUMNS: [(&str, Type); 6] = [
    ("文一", Type::Text),
    ("文二", Type::Text),
    ("数一", Type::Int),
    ("数二", Type::Int),
    ("日一", Type::Date),
    ("日二", Type::Date),
];

/// Six columns in the order of [`COLUMNS`].
type TestRow = Vec<OwnedValue>;

struct TestScope;

impl Scope for TestScope {
    fn resolve(&self, path: &[&str]) -> Option<(u32, Type)> {
        let at = COLUMNS.iter().position(|(name, _)| path == [*name])?;
        Some((at as u32, COLUMNS[at].1))
    }

    fn code_table(&self, name: &str) -> Option<Arc<CodeTable>> {
        let rows = [("1", vec!["一", "壱"]), ("a", vec!["あ"]), ("", vec!["空", ""]), ("髙", vec!["高", "はしご"])];
        let rows: HashMap<String, Vec<String>> =
            rows.into_iter().map(|(k, v)| (k.to_owned(), v.into_iter().map(str::to_owned).collect())).collect();
        let columns = vec!["名".to_owned(), "別".to_owned()];
        (name == "表").then(|| Arc::new(CodeTable { name: name.to_owned(), columns, rows }))
    }
}

/// A database's answer: its value as Rust has it, or the error it gave.
type Answer = Result<OwnedValue, String>;

/// Holds an answer against Rust's, row by row.
fn compare(
    source: &str,
    sql: &str,
    rows: &[TestRow],
    answer: &mut dyn FnMut(&Expr, &TestRow) -> Answer,
) -> Result<(), String> {
    let expr = Expr::parse(source, &TestScope).map_err(|e| format!("{source}\n{e:?}"))?;
    for row in rows {
        let scratch = Scratch::new();
        match (expr.eval(&row[..], &scratch), answer(&expr, row)) {
            (Ok(here), Ok(there)) if here == there.as_value() => {}
            (_, Err(error)) if error.contains("integer overflow") || error.contains("bigint out of range") => {}
            (Err(EvalError::Overflow), Ok(_)) => {}
            (here, there) => {
                return Err(format!("{source}\n{sql}\n{row:?}\nRust {here:?}\nSQL  {there:?}"));
            }
        }
    }
    Ok(())
}

fn column(slot: u32) -> String {
    format!("\"{}\"", COLUMNS[slot as usize].0)
}

/// Asks SQLite for the value of `expr` over a table of one row.
fn on_sqlite(db: &rusqlite::Connection, sql: &str, binds: &[OwnedValue], ty: Type) -> Answer {
    let value = |v: &OwnedValue| match v {
        OwnedValue::Null => rusqlite::types::Value::Null,
        OwnedValue::Text(t) => rusqlite::types::Value::Text(t.clone()),
        OwnedValue::Int(n) => rusqlite::types::Value::Integer(*n),
        OwnedValue::Bool(b) => rusqlite::types::Value::Integer(i64::from(*b)),
    };
    let params = rusqlite::params_from_iter(binds.iter().map(value));
    db.query_row(&format!("SELECT {sql} FROM t"), params, |r| r.get::<_, rusqlite::types::Value>(0))
        .map(|v| match (v, ty) {
            (rusqlite::types::Value::Null, _) => OwnedValue::Null,
            (rusqlite::types::Value::Integer(n), Type::Bool) => OwnedValue::Bool(n == 1),
            (rusqlite::types::Value::Integer(n), _) => OwnedValue::Int(n),
            (rusqlite::types::Value::Text(t), _) => OwnedValue::Text(t),
            (other, _) => OwnedValue::Text(format!("{other:?}")),
        })
        .map_err(|e| e.to_string())
}

fn check_sqlite(db: &rusqlite::Connection, source: &str, rows: &[TestRow]) -> Result<(), String> {
    let expr = Expr::parse(source, &TestScope).map_err(|e| format!("{source}\n{e:?}"))?;
    let mut binds = Vec::new();
    let sql = expr.to_sql(Dialect::Sqlite, &column, &mut binds).map_err(|e| e.to_string())?;
    compare(source, &sql, rows, &mut |expr, row| {
        db.execute("DELETE FROM t", []).map_err(|e| e.to_string())?;
        let value = |v: &OwnedValue| match v {
            OwnedValue::Text(t) => rusqlite::types::Value::Text(t.clone()),
            OwnedValue::Int(n) => rusqlite::types::Value::Integer(*n),
            _ => rusqlite::types::Value::Null,
        };
        db.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", rusqlite::params_from_iter(row.iter().map(value)))
            .map_err(|e| e.to_string())?;
        on_sqlite(db, &sql, &binds, expr.ty())
    })
}

fn sqlite() -> rusqlite::Connection {
    let db = rusqlite::Connection::open_in_memory().expect("an in-memory database");
    let columns = COLUMNS.map(|(name, ty)| format!("\"{name}\" {}", if ty == Type::Int { "INTEGER" } else { "TEXT" }));
    db.execute(&format!("CREATE TABLE t ({})", columns.join(", ")), []).expect("a table");
    db
}

#[test]
fn random_expressions_mean_the_same_in_rust_and_on_sqlite() {
    let db = sqlite();
    let count = std::env::var("RENKEI_PARITY_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    let mut runner = runner(count);
    runner
        .run(&cases(), |(source, rows)| check_sqlite(&db, &source, &rows).map_err(TestCaseError::fail))
        .unwrap_or_else(|e| panic!("{e}"));
}

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn an_overflow_is_an_error_on_sqlite_too_and_never_a_float() {
    let db = sqlite();
    for source in [
        "9223372036854775807 + 数一",
        "数一 * 9223372036854775807 * 2 - 3",
        "- (-9223372036854775807 - 数一)",
        "(9223372036854775807 + 数一) / 0",
        "-9223372036854775808 / (数一 - 2)",
        "abs(-9223372036854775808)",
    ] {
        let expr = Expr::parse(source, &TestScope).expect(source);
        let row = [
            OwnedValue::Null,
            OwnedValue::Null,
            OwnedValue::Int(1),
            OwnedValue::Null,
            OwnedValue::Null,
            OwnedValue::Null,
        ];
        assert_eq!(expr.eval(&row[..], &Scratch::new()), Err(EvalError::Overflow), "{source}");
        let mut binds = Vec::new();
        let sql = expr.to_sql(Dialect::Sqlite, &column, &mut binds).expect(source);
        db.execute("DELETE FROM t", []).expect("empty");
        db.execute("INSERT INTO t (\"数一\") VALUES (1)", []).expect("a row");
        let answer = on_sqlite(&db, &sql, &binds, expr.ty());
        assert!(answer.as_ref().is_err_and(|e| e.contains("overflow")), "{source}: {answer:?}");
    }
}

#[test]
fn what_loads_at_the_limits_also_runs_on_sqlite() {
    let db = sqlite();
    for (source, rows) in at_the_limits() {
        check_sqlite(&db, &source, &rows).unwrap_or_else(|e| panic!("{e}"));
    }
}

/// Long and deep expressions: their SQL must neither grow with the nesting nor meet a database's own limits.
fn at_the_limits() -> Vec<(String, Vec<TestRow>)> {
    let nested =
        |open: &str, column: &str, close: &str, n: usize| format!("{}{column}{}", open.repeat(n), close.repeat(n));
    let row = vec![
        OwnedValue::Text("x".into()),
        OwnedValue::Null,
        OwnedValue::Int(1),
        OwnedValue::Int(2),
        OwnedValue::Text("2024-02-29".into()),
        OwnedValue::Null,
    ];
    [
        format!("数一{}", " + 数一".repeat(200)),
        format!("文一{}", " || 文一".repeat(550)),
        format!("数一 = 1{}", " OR 数一 = 2".repeat(300)),
        nested("abs(1 + ", "数一", ")", 15),
        nested("least(1, ", "数一", ")", 31),
        nested("CAST(CAST(", "数一", " AS TEXT) AS INTEGER)", 15),
        nested("lpad(", "文一", ", 3, '0')", 31),
        nested("substr(", "文一", ", 数一, 3)", 31),
        nested("add_years(", "日一", ", 数二)", 31),
        nested("add_days(add_years(", "日一", ", -数二), 1)", 15),
        nested("CASE WHEN 数一 > 0 THEN ", "数一", " END", 30),
    ]
    .map(|source| (source, vec![row.clone()]))
    .into()
}

#[test]
fn random_expressions_mean_the_same_in_rust_and_on_postgres() {
    let Some(url) = crate::pg::url("expr_parity") else { return };
    let mut client = postgres::Client::connect(&url, postgres::NoTls).expect("connects");
    check_postgres(&mut client, 1_000);
}

/// Runs the long and deep expressions and `count` random cases against PostgreSQL (a few milliseconds each), over a temporary table of the session.
fn check_postgres(client: &mut postgres::Client, count: u32) {
    let columns = COLUMNS.map(|(name, ty)| format!("\"{name}\" {}", if ty == Type::Int { "int8" } else { "text" }));
    client.batch_execute(&format!("CREATE TEMP TABLE t ({})", columns.join(", "))).expect("a temporary table");
    for (source, rows) in at_the_limits() {
        on_postgres(client, &source, &rows).unwrap_or_else(|e| panic!("{e}"));
    }
    let mut runner = runner(1);
    let strategy = cases();
    for _ in 0..count {
        let (source, rows) = strategy.new_tree(&mut runner).expect("a case").current();
        if let Err(difference) = on_postgres(client, &source, &rows) {
            panic!("{difference}");
        }
    }
}

fn on_postgres(client: &mut postgres::Client, source: &str, rows: &[TestRow]) -> Result<(), String> {
    fn param(value: &OwnedValue) -> Box<dyn postgres::types::ToSql + Sync + '_> {
        match value {
            OwnedValue::Text(t) => Box::new(t.as_str()),
            OwnedValue::Int(n) => Box::new(*n),
            OwnedValue::Bool(b) => Box::new(*b),
            OwnedValue::Null => Box::new(None::<String>),
        }
    }
    let expr = Expr::parse(source, &TestScope).map_err(|e| format!("{source}\n{e:?}"))?;
    let mut binds = Vec::new();
    let sql = expr.to_sql(Dialect::Postgres, &column, &mut binds).map_err(|e| e.to_string())?;
    compare(source, &sql, rows, &mut |expr, row| {
        let insert = row.iter().map(|v| match v {
            OwnedValue::Text(t) => quoted(t),
            OwnedValue::Int(n) => format!("'{n}'"),
            _ => "NULL".to_owned(),
        });
        let insert = format!("TRUNCATE t; INSERT INTO t VALUES ({})", insert.collect::<Vec<_>>().join(", "));
        client.batch_execute(&insert).map_err(|e| format!("{e:?}"))?;
        let params: Vec<Box<dyn postgres::types::ToSql + Sync>> = binds.iter().map(param).collect();
        let params: Vec<&(dyn postgres::types::ToSql + Sync)> = params.iter().map(|p| &**p).collect();
        let found = client.query_one(&format!("SELECT {sql} FROM t"), &params).map_err(|e| format!("{e:?}"))?;
        Ok(match expr.ty() {
            Type::Int => found.get::<_, Option<i64>>(0).map_or(OwnedValue::Null, OwnedValue::Int),
            Type::Bool => found.get::<_, Option<bool>>(0).map_or(OwnedValue::Null, OwnedValue::Bool),
            Type::Text | Type::Date => found.get::<_, Option<String>>(0).map_or(OwnedValue::Null, OwnedValue::Text),
        })
    })
}
