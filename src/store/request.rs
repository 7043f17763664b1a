//! Operators' requests (written down here, done by the worker) and the log of who did what.

use super::{Conn, Result, RowRef, audit, sequence};
use crate::value::Value;

/// An operator's wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number, from 1.
    pub id: i64,
    /// What is to be done: `confirm`, `return`, `deliver`, …
    pub verb: String,
    /// With which exchange.
    pub exchange: Option<i64>,
    /// What the verb needs besides, e.g. the hash that is confirmed.
    pub argument: Option<String>,
    /// Who asks.
    pub who: String,
    /// Why.
    pub note: String,
    /// When.
    pub at: String,
    /// When it was done or refused.
    pub done_at: Option<String>,
    /// What came of it, Japanese.
    pub outcome: Option<String>,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number, from 1.
    pub id: i64,
    /// When.
    pub at: String,
    /// Operator or worker.
    pub who: String,
    /// What was done, a short code.
    pub what: String,
    /// With which exchange.
    pub exchange: Option<i64>,
    /// More about it, Japanese, without personal data.
    pub detail: String,
}

const COLUMNS: &str = "id, verb, exchange, argument, who, note, at, done_at, outcome";

fn read(r: &RowRef<'_>) -> Result<Request> {
    Ok(Request {
        id: r.int(0)?,
        verb: r.string(1)?,
        exchange: r.opt_int(2)?,
        argument: r.opt_string(3)?,
        who: r.string(4)?,
        note: r.string(5)?,
        at: r.string(6)?,
        done_at: r.opt_string(7)?,
        outcome: r.opt_string(8)?,
    })
}

/// Writes a request down; returns its number.
///
/// # Errors
/// The store's.
pub fn ask(
    conn: &mut Conn,
    verb: &str,
    exchange: Option<i64>,
    argument: Option<&str>,
    who: &str,
    note: &str,
    now: &str,
) -> Result<i64> {
    conn.transaction(|conn| {
        let id = sequence::take(conn, "request", 1)?;
        conn.execute(
            "INSERT INTO request (id, verb, exchange, argument, who, note, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            &[
                Value::Int(id),
                Value::Text(verb),
                exchange.map_or(Value::Null, Value::Int),
                argument.map_or(Value::Null, Value::Text),
                Value::Text(who),
                Value::Text(note),
                Value::Text(now),
            ],
        )?;
        Ok(id)
    })
}

/// Requests that wait, oldest first, at most `limit`.
///
/// # Errors
/// The store's.
pub fn waiting(conn: &mut Conn, limit: u32) -> Result<Vec<Request>> {
    let sql = format!("SELECT {COLUMNS} FROM request WHERE done_at IS NULL ORDER BY id LIMIT {limit}");
    conn.query(&sql, &[], read)
}

/// Requests about an exchange, oldest first.
///
/// # Errors
/// The store's.
pub fn of_exchange(conn: &mut Conn, exchange: i64) -> Result<Vec<Request>> {
    let sql = format!("SELECT {COLUMNS} FROM request WHERE exchange = ?1 ORDER BY id");
    conn.query(&sql, &[Value::Int(exchange)], read)
}

/// Writes down what came of a request; false when it was done already.
///
/// # Errors
/// The store's.
pub fn done(conn: &mut Conn, id: i64, outcome: &str, now: &str) -> Result<bool> {
    let changed = conn.execute(
        "UPDATE request SET done_at = ?2, outcome = ?3 WHERE id = ?1 AND done_at IS NULL",
        &[Value::Int(id), Value::Text(now), Value::Text(outcome)],
    )?;
    Ok(changed == 1)
}

/// Adds a line to the log, which is the [`audit`].
///
/// # Errors
/// The store's.
pub fn log(conn: &mut Conn, who: &str, what: &str, exchange: Option<i64>, detail: &str, now: &str) -> Result<()> {
    audit::append(conn, &audit::Entry { who, what, exchange, subject: "", detail }, now).map(|_| ())
}

/// The log without mere looks, newest first, at most `limit`; of one exchange or of all.
///
/// # Errors
/// The store's.
pub fn events(conn: &mut Conn, exchange: Option<i64>, limit: u32) -> Result<Vec<Event>> {
    let test = if exchange.is_some() { "exchange = ?1" } else { "1 = 1" };
    let sql = format!(
        "SELECT id, at, who, what, exchange, detail FROM audit WHERE {test} AND what <> 'look' ORDER BY id DESC
         LIMIT {limit}"
    );
    let params: Vec<Value<'_>> = exchange.into_iter().map(Value::Int).collect();
    conn.query(&sql, &params, |r| {
        Ok(Event {
            id: r.int(0)?,
            at: r.string(1)?,
            who: r.string(2)?,
            what: r.string(3)?,
            exchange: r.opt_int(4)?,
            detail: r.string(5)?,
        })
    })
}
