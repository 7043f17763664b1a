//! Leases: who works on which exchange, so that several workers never take the same.
//!
//! Owns: giving and ending them. Never: changes a state.

use super::ledger::{Exchange, get, words};
use super::state::{Direction, State};
use super::{Conn, Dialect, Result};
use crate::value::Value;

/// Gives the lease of the municipality's oldest exchange in one of `states` that nobody holds (or whose lease ran out) to
/// `worker`.
/// Several workers may ask at once; none gets what another has.
///
/// # Errors
/// The store's.
pub fn claim_next(
    conn: &mut Conn,
    dantai: &str,
    direction: Direction,
    states: &[State],
    worker: &str,
    now: &str,
    lease_until: &str,
) -> Result<Option<Exchange>> {
    let lock = match conn.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => " FOR UPDATE SKIP LOCKED",
    };
    let due = format!(
        "SELECT id FROM exchange WHERE dantai = ?3 AND direction = ?1 AND state IN ({})
           AND (claimed_by IS NULL OR lease_until < ?2) AND (next_at IS NULL OR next_at <= ?2) ORDER BY id LIMIT 1{lock}",
        words(states)
    );
    conn.transaction(|conn| {
        let params = [Value::Text(direction.as_str()), Value::Text(now), Value::Text(dantai)];
        let Some(id) = conn.query_opt(&due, &params, |r| r.int(0))? else {
            return Ok(None);
        };
        hold(conn, id, worker, lease_until)?;
        get(conn, id).map(Some)
    })
}

/// Takes or extends the lease of one exchange.
///
/// # Errors
/// The store's.
pub fn hold(conn: &mut Conn, id: i64, worker: &str, lease_until: &str) -> Result<()> {
    conn.execute(
        "UPDATE exchange SET claimed_by = ?2, lease_until = ?3 WHERE id = ?1",
        &[Value::Int(id), Value::Text(worker), Value::Text(lease_until)],
    )?;
    Ok(())
}

/// Gives the lease of one exchange back.
///
/// # Errors
/// The store's.
pub fn release(conn: &mut Conn, id: i64) -> Result<()> {
    conn.execute("UPDATE exchange SET claimed_by = NULL, lease_until = NULL WHERE id = ?1", &[Value::Int(id)])?;
    Ok(())
}

/// Gives every lease of a municipality's worker back: what it does first after a start, for it may have died holding some.
///
/// # Errors
/// The store's.
pub fn release_all(conn: &mut Conn, dantai: &str, worker: &str) -> Result<u64> {
    let sql = "UPDATE exchange SET claimed_by = NULL, lease_until = NULL WHERE claimed_by = ?1 AND dantai = ?2";
    conn.execute(sql, &[Value::Text(worker), Value::Text(dantai)])
}
