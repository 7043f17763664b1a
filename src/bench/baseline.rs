//! The tools that a figure is compared with: `iconv | sqlite3 .import`, and `psql \copy` with checks and a merge in SQL.
//!
//! Owns: these command lines. Never: uses anything of this program.

use std::path::Path;
use std::process::Command;

use super::child;
use crate::cli::CliError;

/// Columns of the file, as the tools name them.
const COLUMNS: usize = 30;
/// The key and the two columns with an index, counted from 1.
const KEY: usize = 2;
const INDEXED: [usize; 2] = [4, 15];
/// Checks and merge in SQL over the staging table `s`.
const MERGE: &str = include_str!("../../benches/merge.sql");

/// Seconds of `iconv -f CP932 -t UTF-8 FILE | sqlite3 DB '.import /dev/stdin t'` into a table with the same columns, a
/// unique key and two indexes.
pub(super) fn sqlite(into: &Path, file: &Path, records: u64) -> Result<f64, CliError> {
    let db = into.join("bench-import.db");
    let _ = std::fs::remove_file(&db);
    let [a, b] = INDEXED;
    let table = format!(
        "CREATE TABLE t({}, UNIQUE(c{KEY})); CREATE INDEX t{a} ON t(c{a}); CREATE INDEX t{b} ON t(c{b});",
        columns(" TEXT")
    );
    child::run(Command::new("sqlite3").arg(&db).arg(table), &[0])?;
    let script = "iconv -f CP932 -t UTF-8 \"$1\" | sqlite3 \"$2\" -cmd '.mode csv' '.import /dev/stdin t'";
    let ran = child::run(Command::new("sh").args(["-c", script, "sh"]).arg(file).arg(&db), &[0])?;
    let count = child::run(Command::new("sqlite3").arg(&db).arg("SELECT count(*) FROM t"), &[0])?.output;
    std::fs::remove_file(&db)?;
    counted("sqlite3 .import", &count, records)?;
    Ok(ran.seconds)
}

/// Seconds of `psql`: `\copy` in SJIS into a staging table, the same checks, a merge into a keyed and indexed table.
pub(super) fn postgres(into: &Path, file: &Path, url: &str, records: u64) -> Result<f64, CliError> {
    let name = "renkei_bench_base";
    create_database(url, name)?;
    let url = database(url, name);
    let [a, b] = INDEXED;
    let tables = format!(
        "CREATE TABLE s({}); CREATE TABLE t({}, PRIMARY KEY(c{KEY})); CREATE INDEX ON t(c{a}); CREATE INDEX ON t(c{b});
         CREATE TABLE bad(key text, why text);",
        columns(" text"),
        columns(" text")
    );
    psql(&url, &["-c", &tables])?;
    let script = into.join("bench-merge.sql");
    let copy = format!("\\encoding SJIS\n\\copy s FROM '{}' WITH (FORMAT csv)\n", file.display());
    let names = columns("");
    let set: Vec<String> = (1..=COLUMNS).filter(|c| *c != KEY).map(|c| format!("c{c} = EXCLUDED.c{c}")).collect();
    let merge = MERGE.replace("{columns}", &names).replace("{set}", &set.join(", "));
    std::fs::write(&script, format!("{copy}{merge}"))?;
    let ran = psql(&url, &["-f", &script.to_string_lossy()])?;
    let count = psql(&url, &["-Atc", "SELECT count(*) FROM t"])?.output;
    counted("psql", &count, records)?;
    psql_admin(&url, &format!("DROP DATABASE {name}"))?;
    Ok(ran.seconds)
}

/// Makes a database anew.
pub(super) fn create_database(url: &str, name: &str) -> Result<(), CliError> {
    psql_admin(url, &format!("DROP DATABASE IF EXISTS {name}"))?;
    psql_admin(url, &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
}

/// The URL of another database on the same server.
pub(super) fn database(url: &str, name: &str) -> String {
    let (address, options) = url.split_once('?').map_or((url, String::new()), |(a, o)| (a, format!("?{o}")));
    let server = match address.split_once("://") {
        Some((_, rest)) if rest.contains('/') => address.rsplit_once('/').map_or(address, |(server, _)| server),
        _ => address,
    };
    format!("{server}/{name}{options}")
}

fn psql_admin(url: &str, sql: &str) -> Result<(), CliError> {
    psql(&database(url, "postgres"), &["-c", sql]).map(|_| ())
}

fn psql(url: &str, rest: &[&str]) -> Result<child::Ran, CliError> {
    child::run(
        Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url])
            .args(rest)
            .env("PGOPTIONS", "-c client_min_messages=warning"),
        &[0],
    )
}

fn columns(ty: &str) -> String {
    (1..=COLUMNS).map(|c| format!("c{c}{ty}")).collect::<Vec<_>>().join(", ")
}

fn counted(what: &str, count: &str, records: u64) -> Result<(), CliError> {
    if count.trim() == records.to_string() {
        return Ok(());
    }
    Err(CliError::Refused(format!("{what}: {} 件（期待 {records}）", count.trim())))
}
