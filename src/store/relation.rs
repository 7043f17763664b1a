//! Site values, calendars and codes as tables, and the clauses through which views see them and what partners have.
//!
//! Owns: the rows, written at start when the declarative files say something new. Never: reads those files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::bulk::Rows;
use super::conn::Target;
use super::{Conn, Dialect, Result, quote};
use crate::expr::CodeTable;
use crate::schema::calendar::Calendar;
use crate::schema::relation::BuiltIn;
use crate::value::Value;

/// Rows written at a time.
const CHUNK: usize = 10_000;
/// Columns of a code table that 符号 shows after 名称.
const EXTRA: usize = 3;

/// What the declarative files of a site say.
#[derive(Debug, Clone, Copy)]
pub struct SiteFacts<'a> {
    /// `[site]`.
    pub values: &'a [(String, String)],
    /// Calendars by id; `every` is added over the days of all of them.
    pub calendars: &'a BTreeMap<String, Arc<Calendar>>,
    /// Code tables by id.
    pub codes: &'a BTreeMap<String, Arc<CodeTable>>,
}

/// A table, its columns after `dantai`, and its rows.
struct Filled {
    table: &'static str,
    columns: &'static [&'static str],
    rows: Vec<Vec<Option<String>>>,
}

/// Columns that hold numbers.
const NUMBERS: [&str; 2] = ["open", "number"];

/// Makes the tables say what the files say; nothing is written when they do already.
///
/// # Errors
/// The store's; the tables are then as they were.
pub fn refresh(conn: &mut Conn, dantai: &str, facts: &SiteFacts<'_>) -> Result<()> {
    let filled = [site_rows(facts), calendar_rows(facts), code_rows(facts)];
    let fingerprint = fingerprint(&filled);
    let sql = "SELECT fingerprint FROM relation_state WHERE dantai = ?1";
    if conn.query_opt(sql, &[Value::Text(dantai)], |r| r.string(0))?.as_deref() == Some(fingerprint.as_str()) {
        return Ok(());
    }
    conn.transaction(|conn| {
        // Two processes that start at once write one after the other.
        conn.execute(
            "INSERT INTO relation_state (dantai, fingerprint) VALUES (?1, ?2)
             ON CONFLICT (dantai) DO UPDATE SET fingerprint = excluded.fingerprint",
            &[Value::Text(dantai), Value::Text(&fingerprint)],
        )?;
        for table in &filled {
            conn.execute(&format!("DELETE FROM {} WHERE dantai = ?1", table.table), &[Value::Text(dantai)])?;
            insert(conn, dantai, table)?;
        }
        Ok(())
    })
}

fn insert(conn: &mut Conn, dantai: &str, table: &Filled) -> Result<()> {
    let columns: Vec<&str> = std::iter::once("dantai").chain(table.columns.iter().copied()).collect();
    let constants = [Value::Text(dantai)];
    let target = Target { table: table.table, columns: &columns, serial: None, constants: &constants };
    for chunk in table.rows.chunks(CHUNK) {
        let mut rows = Rows::new(table.columns.len());
        for row in chunk {
            for (column, cell) in table.columns.iter().zip(row) {
                rows.push(match cell {
                    None => Value::Null,
                    Some(number) if NUMBERS.contains(column) => Value::Int(number.parse().unwrap_or_default()),
                    Some(text) => Value::Text(text),
                });
            }
        }
        conn.insert_rows(&target, &rows)?;
    }
    Ok(())
}

fn site_rows(facts: &SiteFacts<'_>) -> Filled {
    let rows = facts.values.iter().map(|(item, value)| vec![Some(item.clone()), Some(value.clone())]);
    Filled { table: "site_value", columns: &["item", "value"], rows: rows.collect() }
}

fn calendar_rows(facts: &SiteFacts<'_>) -> Filled {
    let from = facts.calendars.values().map(|calendar| calendar.from).min();
    let until = facts.calendars.values().map(|calendar| calendar.until()).max();
    let every = from.zip(until).map(|(from, until)| Calendar::every(from, until));
    let mut rows = Vec::new();
    for calendar in facts.calendars.values().map(|calendar| &**calendar).chain(&every) {
        for (date, day) in calendar.days() {
            rows.push(vec![
                Some(calendar.id.clone()),
                Some(date.to_string()),
                Some(i64::from(day.open).to_string()),
                Some(day.number.to_string()),
                calendar.following(date).map(|open| open.to_string()),
                calendar.preceding(date).map(|open| open.to_string()),
                Some(day.name.clone()),
            ]);
        }
    }
    let columns = &["calendar", "day", "open", "number", "next_open", "prev_open", "name"];
    Filled { table: "calendar_day", columns, rows }
}

fn code_rows(facts: &SiteFacts<'_>) -> Filled {
    let mut rows = Vec::new();
    for (id, table) in facts.codes {
        let sorted: BTreeMap<&String, &Vec<String>> = table.rows.iter().collect();
        for (code, texts) in sorted {
            let mut row = vec![Some(id.clone()), Some(code.clone()), Some(texts.first().cloned().unwrap_or_default())];
            row.extend((1..=EXTRA).map(|column| texts.get(column).cloned()));
            rows.push(row);
        }
    }
    let columns = &["code_table", "code", "name", "column1", "column2", "column3"];
    Filled { table: "code_value", columns, rows }
}

fn fingerprint(filled: &[Filled]) -> String {
    let mut hash = Sha256::new();
    for table in filled {
        hash.update(table.table);
        for cell in table.rows.iter().flatten() {
            // The length tells where a cell ends, and NULL from an empty text.
            hash.update(cell.as_ref().map_or(-1, |text| text.len() as i64).to_le_bytes());
            hash.update(cell.as_deref().unwrap_or_default());
        }
    }
    hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// `, "暦" AS NOT MATERIALIZED (SELECT …)`: a built-in relation as a view sees it; ?2 is the municipality.
pub(super) fn clause(relation: BuiltIn, dialect: Dialect) -> String {
    let (from, cells): (&str, Vec<&str>) = match relation {
        BuiltIn::Run => return String::new(),
        BuiltIn::Site => ("site_value r WHERE r.dantai = ?2", vec!["r.item", "r.value"]),
        BuiltIn::Calendar => (
            "calendar_day r WHERE r.dantai = ?2",
            vec!["r.calendar", "r.day", "r.open", "r.number", "r.next_open", "r.prev_open", "r.name"],
        ),
        BuiltIn::Codes => (
            "code_value r WHERE r.dantai = ?2",
            vec!["r.code_table", "r.code", "r.name", "r.column1", "r.column2", "r.column3"],
        ),
        BuiltIn::Sent => (
            "sent r JOIN exchange e ON e.id = r.exchange WHERE r.dantai = ?2",
            vec!["r.interface", "r.key", "r.exchange", day_jst(dialect)],
        ),
    };
    let columns: Vec<String> =
        cells.iter().zip(relation.columns()).map(|(cell, name)| format!("{cell} AS {}", quote(name))).collect();
    format!(", {} AS NOT MATERIALIZED (SELECT {} FROM {from})", quote(relation.name()), columns.join(", "))
}

/// The JST day on which a file was delivered: nothing changes a delivered exchange any more.
fn day_jst(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "date(e.updated_at, '+9 hours')",
        Dialect::Postgres => {
            "to_char(CAST(e.updated_at AS timestamptz) AT TIME ZONE INTERVAL '9 hours', 'YYYY-MM-DD') COLLATE \"C\""
        }
    }
}
