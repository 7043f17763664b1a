//! Rows of drafts that were kept back, and those an operator let go.
//!
//! Owns: both tables. Never: decides what is kept back; holds no protected value.

use super::bulk::Rows;
use super::conn::Target;
use super::{Conn, Result, RowRef};
use crate::value::Value;

/// A row that was kept back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRow {
    /// Draft it was kept out of.
    pub exchange: i64,
    /// 1-based number among what that draft keeps back.
    pub n: u64,
    /// Key for the partner; its columns are joined by U+001F.
    pub key: String,
    /// Hash of the row's values.
    pub hash: i64,
    /// Hash of what the guard says of it; 0 = no guard keeps it.
    pub protection: i64,
    /// Rule that kept it.
    pub code: String,
    /// Why, Japanese.
    pub message: String,
}

/// What lets a row go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release<'a> {
    /// Outbound interface.
    pub interface: &'a str,
    /// Municipality.
    pub dantai: &'a str,
    /// Key as in [`HeldRow::key`].
    pub key: &'a str,
    /// The row as it was looked at.
    pub hash: i64,
    /// Its protection as it was looked at; another one keeps the row back again.
    pub protection: i64,
    /// Who decided.
    pub who: &'a str,
    /// Why.
    pub reason: &'a str,
}

const HELD: &str = "h.exchange, h.n, h.key, h.hash, h.protection, h.code, h.message";

fn read(r: &RowRef<'_>) -> Result<HeldRow> {
    Ok(HeldRow {
        exchange: r.int(0)?,
        n: r.count(1)?,
        key: r.string(2)?,
        hash: r.int(3)?,
        protection: r.int(4)?,
        code: r.string(5)?,
        message: r.string(6)?,
    })
}

/// Stores what a draft keeps back; `n` is given by the order, from `first` on.
///
/// # Errors
/// The store's.
pub fn add(conn: &mut Conn, exchange: i64, first: u64, held: &[HeldRow]) -> Result<()> {
    let mut rows = Rows::new(6);
    for (i, h) in held.iter().enumerate() {
        rows.push_row(&[
            Value::Int((first + i as u64) as i64),
            Value::Text(&h.key),
            Value::Int(h.hash),
            Value::Int(h.protection),
            Value::Text(&h.code),
            Value::Text(&h.message),
        ]);
    }
    let columns = ["exchange", "n", "key", "hash", "protection", "code", "message"];
    let target = Target { table: "out_held", columns: &columns, serial: None, constants: &[Value::Int(exchange)] };
    conn.insert_rows(&target, &rows)
}

/// Forgets what a draft kept back; for one that is written again.
///
/// # Errors
/// The store's.
pub fn forget(conn: &mut Conn, exchange: i64) -> Result<()> {
    conn.execute("DELETE FROM out_held WHERE exchange = ?1", &[Value::Int(exchange)]).map(|_| ())
}

/// What a draft keeps back, in its order, at most `limit`.
///
/// # Errors
/// The store's.
pub fn of_exchange(conn: &mut Conn, exchange: i64, limit: u32) -> Result<Vec<HeldRow>> {
    let sql = format!("SELECT {HELD} FROM out_held h WHERE h.exchange = ?1 ORDER BY h.n LIMIT {limit}");
    conn.query(&sql, &[Value::Int(exchange)], read)
}

/// What a draft keeps back and nobody has let go since, in its order, at most `limit`.
///
/// # Errors
/// The store's.
pub fn unreleased(conn: &mut Conn, exchange: i64, interface: &str, dantai: &str, limit: u32) -> Result<Vec<HeldRow>> {
    let sql = format!(
        "SELECT {HELD} FROM out_held h WHERE h.exchange = ?1 AND NOT EXISTS (SELECT 1 FROM out_release r
         WHERE r.interface = ?2 AND r.dantai = ?3 AND r.key = h.key AND r.hash = h.hash AND r.protection = h.protection) ORDER BY h.n LIMIT {limit}"
    );
    conn.query(&sql, &[Value::Int(exchange), Value::Text(interface), Value::Text(dantai)], read)
}

/// How much a draft keeps back.
///
/// # Errors
/// The store's.
pub fn count(conn: &mut Conn, exchange: i64) -> Result<u64> {
    conn.query_one("SELECT count(*) FROM out_held WHERE exchange = ?1", &[Value::Int(exchange)], |r| r.count(0))
}

/// The newest draft of an interface that keeps a key back.
///
/// # Errors
/// The store's.
pub fn newest(conn: &mut Conn, interface: &str, dantai: &str, key: &str) -> Result<Option<HeldRow>> {
    let sql = format!(
        "SELECT {HELD} FROM out_held h
         JOIN exchange e ON e.id = h.exchange WHERE h.key = ?1 AND e.interface = ?2 AND e.dantai = ?3
         ORDER BY h.exchange DESC LIMIT 1"
    );
    conn.query_opt(&sql, &[Value::Text(key), Value::Text(interface), Value::Text(dantai)], read)
}

/// Lets a row go, as it is; false when that was done before. `after_run`: the last run there is.
///
/// # Errors
/// The store's.
pub fn release(conn: &mut Conn, release: &Release<'_>, now: &str) -> Result<bool> {
    let last = conn.query_one("SELECT coalesce(max(id), 0) FROM run", &[], |r| r.int(0))?;
    let done = conn.execute(
        "INSERT INTO out_release (interface, dantai, key, hash, protection, who, reason, at, after_run)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (interface, dantai, key, hash, protection) DO NOTHING",
        &[
            Value::Text(release.interface),
            Value::Text(release.dantai),
            Value::Text(release.key),
            Value::Int(release.hash),
            Value::Int(release.protection),
            Value::Text(release.who),
            Value::Text(release.reason),
            Value::Text(now),
            Value::Int(last),
        ],
    )?;
    Ok(done == 1)
}

/// Every row of an interface that may go: key, hash and the protection it may go in spite of.
///
/// # Errors
/// The store's, or `f`'s.
pub fn each_released(
    conn: &mut Conn,
    interface: &str,
    dantai: &str,
    mut f: impl FnMut(&str, i64, i64) -> Result<()>,
) -> Result<()> {
    conn.each_row(
        "SELECT key, hash, protection FROM out_release WHERE interface = ?1 AND dantai = ?2",
        &[Value::Text(interface), Value::Text(dantai)],
        |r| f(r.text(0)?, r.int(1)?, r.int(2)?),
    )
}

/// Was a row of this interface let go since that run was the last one?
///
/// # Errors
/// The store's.
pub fn released_since(conn: &mut Conn, interface: &str, dantai: &str, run: i64) -> Result<bool> {
    let sql = "SELECT 1 FROM out_release WHERE interface = ?1 AND dantai = ?2 AND after_run >= ?3 LIMIT 1";
    let params = [Value::Text(interface), Value::Text(dantai), Value::Int(run)];
    Ok(conn.query_opt(sql, &params, |_| Ok(()))?.is_some())
}
