//! What a run found: findings, held records, totals of the file against what was counted.

use super::bulk::Rows;
use super::conn::Target;
use super::{Conn, Result, StoreError};
use crate::finding::{DataPlace, Finding, RulePlace, Severity};
use crate::value::Value;

/// A record that was read and not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// 1-based number in the file.
    pub record: u64,
    /// 0-based offset in the file.
    pub byte: u64,
    /// Length in bytes.
    pub len: u64,
    /// 1-based line.
    pub line: u64,
    /// Code of the finding that held it.
    pub code: String,
}

/// A total the file declares against what was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalSeen {
    /// What it is, e.g. `トレーラ.合計件数`.
    pub title: String,
    /// What the file says; `None` = it says nothing.
    pub declared: Option<i64>,
    /// What was counted.
    pub counted: i64,
    /// Are they equal?
    pub agrees: bool,
    /// 1-based record that declares it.
    pub record: u64,
}

/// Stores findings of a run, numbered from `first` (1 for the first). Counts are kept apart: [`count_findings`].
///
/// # Errors
/// The store's.
pub fn add_findings(conn: &mut Conn, run: i64, first: u64, findings: &[Finding]) -> Result<()> {
    let columns = [
        "run",
        "n",
        "code",
        "severity",
        "record",
        "line",
        "byte",
        "len",
        "field",
        "value",
        "rule_file",
        "rule_line",
        "rule_column",
        "message",
        "action",
    ];
    let mut rows = Rows::new(columns.len() - 1);
    for (i, f) in findings.iter().enumerate() {
        rows.push_row(&[
            Value::Int((first + i as u64) as i64),
            Value::Text(&f.code),
            Value::Text(f.severity.word()),
            Value::Int(f.data.record as i64),
            Value::Int(f.data.line as i64),
            Value::Int(f.data.byte as i64),
            Value::Int(f.data.len as i64),
            Value::Text(&f.data.field),
            Value::Text(&f.value),
            Value::Text(&f.rule.file),
            Value::Int(i64::from(f.rule.line)),
            Value::Int(i64::from(f.rule.column)),
            Value::Text(&f.message),
            Value::Text(&f.action),
        ]);
    }
    let target = Target { table: "finding", columns: &columns, serial: None, constants: &[Value::Int(run)] };
    conn.insert_rows(&target, &rows)
}

/// Adds to the count of a code, whether or not its findings are stored.
///
/// # Errors
/// The store's.
pub fn count_findings(conn: &mut Conn, run: i64, code: &str, severity: Severity, n: u64) -> Result<()> {
    conn.execute(
        "INSERT INTO finding_count (run, code, severity, n) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (run, code, severity) DO UPDATE SET n = finding_count.n + excluded.n",
        &[Value::Int(run), Value::Text(code), Value::Text(severity.word()), Value::Int(n as i64)],
    )?;
    Ok(())
}

/// Findings of a run in the order they were stored, at most `limit`, after number `after` (0 = from the start).
///
/// # Errors
/// The store's.
pub fn findings(conn: &mut Conn, run: i64, after: u64, limit: u32) -> Result<Vec<Finding>> {
    let sql = format!(
        "SELECT code, severity, record, line, byte, len, field, value, rule_file, rule_line, rule_column, message, action
         FROM finding WHERE run = ?1 AND n > ?2 ORDER BY n LIMIT {limit}"
    );
    conn.query(&sql, &[Value::Int(run), Value::Int(after as i64)], |r| {
        Ok(Finding {
            code: r.string(0)?,
            severity: severity(r.text(1)?)?,
            data: DataPlace {
                record: r.count(2)?,
                line: r.count(3)?,
                byte: r.count(4)?,
                len: r.count(5)?,
                field: r.string(6)?,
            },
            value: r.string(7)?,
            rule: RulePlace { file: r.string(8)?, line: r.count(9)? as u32, column: r.count(10)? as u32 },
            message: r.string(11)?,
            action: r.string(12)?,
        })
    })
}

/// How many findings of each code a run had.
///
/// # Errors
/// The store's.
pub fn finding_counts(conn: &mut Conn, run: i64) -> Result<Vec<(String, Severity, u64)>> {
    let sql = "SELECT code, severity, n FROM finding_count WHERE run = ?1 ORDER BY code, severity";
    conn.query(sql, &[Value::Int(run)], |r| Ok((r.string(0)?, severity(r.text(1)?)?, r.count(2)?)))
}

/// Stores held records.
///
/// # Errors
/// The store's.
pub fn add_held(conn: &mut Conn, run: i64, held: &[Held]) -> Result<()> {
    let mut rows = Rows::new(5);
    for h in held {
        rows.push_row(&[
            Value::Int(h.record as i64),
            Value::Int(h.byte as i64),
            Value::Int(h.len as i64),
            Value::Int(h.line as i64),
            Value::Text(&h.code),
        ]);
    }
    let columns = ["run", "record", "byte", "len", "line", "code"];
    let target = Target { table: "held", columns: &columns, serial: None, constants: &[Value::Int(run)] };
    conn.insert_rows(&target, &rows)
}

/// Held records of a run in file order, at most `limit`, after record `after` (0 = from the start).
///
/// # Errors
/// The store's.
pub fn held(conn: &mut Conn, run: i64, after: u64, limit: u32) -> Result<Vec<Held>> {
    let sql = format!(
        "SELECT record, byte, len, line, code FROM held WHERE run = ?1 AND record > ?2 ORDER BY record, code LIMIT {limit}"
    );
    conn.query(&sql, &[Value::Int(run), Value::Int(after as i64)], |r| {
        Ok(Held { record: r.count(0)?, byte: r.count(1)?, len: r.count(2)?, line: r.count(3)?, code: r.string(4)? })
    })
}

/// Stores the totals of a file.
///
/// # Errors
/// The store's.
pub fn add_totals(conn: &mut Conn, run: i64, totals: &[TotalSeen]) -> Result<()> {
    let mut rows = Rows::new(6);
    for (n, t) in totals.iter().enumerate() {
        rows.push_row(&[
            Value::Int(n as i64 + 1),
            Value::Text(&t.title),
            t.declared.map_or(Value::Null, Value::Int),
            Value::Int(t.counted),
            Value::Int(i64::from(t.agrees)),
            Value::Int(t.record as i64),
        ]);
    }
    let columns = ["run", "n", "title", "declared", "counted", "agrees", "record"];
    let target = Target { table: "total_seen", columns: &columns, serial: None, constants: &[Value::Int(run)] };
    conn.insert_rows(&target, &rows)
}

/// Totals of a run's file, in file order, at most `limit`.
///
/// # Errors
/// The store's.
pub fn totals(conn: &mut Conn, run: i64, limit: u32) -> Result<Vec<TotalSeen>> {
    let sql = format!(
        "SELECT title, declared, counted, agrees, record FROM total_seen WHERE run = ?1 ORDER BY n LIMIT {limit}"
    );
    conn.query(&sql, &[Value::Int(run)], |r| {
        Ok(TotalSeen {
            title: r.string(0)?,
            declared: r.opt_int(1)?,
            counted: r.int(2)?,
            agrees: r.int(3)? != 0,
            record: r.count(4)?,
        })
    })
}

/// Forgets what a run found; for one that was interrupted and is done again.
///
/// # Errors
/// The store's.
pub fn forget(conn: &mut Conn, run: i64) -> Result<()> {
    conn.transaction(|conn| {
        for table in ["finding", "finding_count", "held", "total_seen"] {
            conn.execute(&format!("DELETE FROM {table} WHERE run = ?1"), &[Value::Int(run)])?;
        }
        Ok(())
    })
}

fn severity(word: &str) -> Result<Severity> {
    Severity::from_word(word).ok_or_else(|| StoreError::unexpected("finding.severity"))
}
