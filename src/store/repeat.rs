//! Duplicates that go on coming: the first ones have a row and a report each, the rest is counted on the last of these.
//!
//! Owns: that count. Never: decides what a duplicate is (`ledger::find_accepted`).

use super::ledger::Exchange;
use super::{Conn, Result};
use crate::value::Value;

/// Duplicates of one accepted file that have a row of their own; more are counted.
pub const NAMED: i64 = 20;

/// The duplicate on which one more with these bytes is to be counted; `None` while there are fewer than [`NAMED`].
///
/// # Errors
/// The store's.
pub fn counted_on(conn: &mut Conn, exchange: &Exchange) -> Result<Option<i64>> {
    let sql = "SELECT id FROM exchange WHERE sha256 = ?1 AND interface = ?2 AND dantai = ?3 AND direction = 'in'
                 AND state = 'duplicate' ORDER BY id LIMIT 1 OFFSET ?4";
    let sha256 = exchange.sha256.as_deref().unwrap_or_default();
    let params =
        [Value::Text(sha256), Value::Text(&exchange.interface), Value::Text(&exchange.dantai), Value::Int(NAMED - 1)];
    conn.query_opt(sql, &params, |r| r.int(0))
}

/// Counts one more on `named`; returns how many that makes.
///
/// # Errors
/// The store's.
pub fn count(conn: &mut Conn, named: i64, now: &str) -> Result<i64> {
    let id = Value::Int(named);
    let sql = "UPDATE exchange SET repeated = repeated + 1, updated_at = ?2 WHERE id = ?1";
    conn.execute(sql, &[id, Value::Text(now)])?;
    conn.query_one("SELECT repeated FROM exchange WHERE id = ?1", &[id], |r| r.int(0))
}

/// Writes down what a duplicate says of those counted on it.
///
/// # Errors
/// The store's.
pub fn note(conn: &mut Conn, named: i64, note: &str) -> Result<()> {
    conn.execute("UPDATE exchange SET note = ?2 WHERE id = ?1", &[Value::Int(named), Value::Text(note)])?;
    Ok(())
}

/// Removes the row of a file that was counted, once nothing of it is left in the work folder.
///
/// # Errors
/// The store's.
pub fn forget(conn: &mut Conn, id: i64) -> Result<()> {
    let sql = "DELETE FROM exchange WHERE id = ?1 AND direction = 'in' AND state = 'withdrawn' AND related IS NOT NULL";
    conn.execute(sql, &[Value::Int(id)])?;
    Ok(())
}
