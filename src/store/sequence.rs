//! Numbers for everything that is numbered: increasing, never used twice, the same for the same history.

use super::{Conn, Result};
use crate::value::Value;

/// Takes `count` numbers of the sequence `name` (which begins at 1) and returns the first.
///
/// # Errors
/// The store's.
pub fn take(conn: &mut Conn, name: &str, count: u64) -> Result<i64> {
    let count = count as i64;
    let next = conn.query_one(
        "INSERT INTO sequence (name, next) VALUES (?1, ?2 + 1)
         ON CONFLICT (name) DO UPDATE SET next = sequence.next + ?2 RETURNING next",
        &[Value::Text(name), Value::Int(count)],
        |r| r.int(0),
    )?;
    Ok(next - count)
}
