//! What ought to arrive and what did: one row for each file expected, and the senders' running numbers.
//!
//! Owns: these tables. Never: knows a calendar or decides what met what (`pipeline`).

use super::{Conn, Result, RowRef, StoreError};
use crate::value::Value;

/// How an expectation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The deadline is not over.
    Waiting,
    /// It came in time.
    Met,
    /// It came after the deadline.
    Late,
    /// It did not come.
    Missing,
}

impl Standing {
    const WORDS: [(Standing, &'static str); 4] = [
        (Standing::Waiting, "waiting"),
        (Standing::Met, "met"),
        (Standing::Late, "late"),
        (Standing::Missing, "missing"),
    ];

    /// The word in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(standing, _)| *standing == self).map_or("", |(_, word)| word)
    }

    fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(standing, _)| *standing)
    }
}

/// A file that ought to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// Interface id.
    pub interface: String,
    /// UTC stamp by which it ought to have come.
    pub deadline: String,
    /// Its JST day, ISO.
    pub day: String,
    /// What it is; may be empty.
    pub title: String,
    /// Whom to phone.
    pub contact: String,
    /// How it stands.
    pub standing: Standing,
    /// What met it.
    pub exchange: Option<i64>,
    /// When that came, UTC stamp.
    pub met_at: Option<String>,
    /// When it was first found missing, UTC stamp.
    pub told_at: Option<String>,
}

/// An accepted file, for matching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Its number.
    pub exchange: i64,
    /// When it came, UTC stamp.
    pub at: String,
    /// Its name.
    pub file_name: String,
}

const COLUMNS: &str = "interface, deadline, day, title, contact, state, exchange, met_at, told_at";

fn read(r: &RowRef<'_>) -> Result<Expectation> {
    Ok(Expectation {
        interface: r.string(0)?,
        deadline: r.string(1)?,
        day: r.string(2)?,
        title: r.string(3)?,
        contact: r.string(4)?,
        standing: Standing::parse(r.text(5)?).ok_or_else(|| StoreError::unexpected("expectation.state"))?,
        exchange: r.opt_int(6)?,
        met_at: r.opt_string(7)?,
        told_at: r.opt_string(8)?,
    })
}

/// The JST day (ISO) on which work for the municipality began; `today` the first time.
///
/// # Errors
/// The store's.
pub fn start(conn: &mut Conn, dantai: &str, today: &str) -> Result<String> {
    let sql = "SELECT day FROM site_start WHERE dantai = ?1";
    if let Some(day) = conn.query_opt(sql, &[Value::Text(dantai)], |r| r.string(0))? {
        return Ok(day);
    }
    let row = [Value::Text(dantai), Value::Text(today)];
    conn.execute("INSERT INTO site_start (dantai, day) VALUES (?1, ?2) ON CONFLICT (dantai) DO NOTHING", &row)?;
    conn.query_one(sql, &[Value::Text(dantai)], |r| r.string(0))
}

/// Expectations of one interface from a day on, by deadline.
///
/// # Errors
/// The store's.
pub fn of_interface(conn: &mut Conn, dantai: &str, interface: &str, from: &str) -> Result<Vec<Expectation>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM expectation WHERE dantai = ?1 AND interface = ?2 AND day >= ?3 ORDER BY deadline"
    );
    conn.query(&sql, &[Value::Text(dantai), Value::Text(interface), Value::Text(from)], read)
}

/// Expectations of all interfaces with days in `[from, until]`, by deadline.
///
/// # Errors
/// The store's.
pub fn between(conn: &mut Conn, dantai: &str, from: &str, until: &str) -> Result<Vec<Expectation>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM expectation WHERE dantai = ?1 AND day >= ?2 AND day <= ?3 ORDER BY deadline, interface"
    );
    conn.query(&sql, &[Value::Text(dantai), Value::Text(from), Value::Text(until)], read)
}

/// What is missing from a day on and is still felt: nothing that was expected later of the same interface has come.
///
/// # Errors
/// The store's.
pub fn missing(conn: &mut Conn, dantai: &str, from: &str) -> Result<Vec<Expectation>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM expectation e WHERE dantai = ?1 AND day >= ?2 AND state = 'missing' AND NOT EXISTS
           (SELECT 1 FROM expectation n WHERE n.dantai = e.dantai AND n.interface = e.interface
              AND n.deadline > e.deadline AND n.state IN ('met', 'late'))
         ORDER BY deadline, interface"
    );
    conn.query(&sql, &[Value::Text(dantai), Value::Text(from)], read)
}

/// The last day of an interface that is written down.
///
/// # Errors
/// The store's.
pub fn last_day(conn: &mut Conn, dantai: &str, interface: &str) -> Result<Option<String>> {
    let sql = "SELECT max(day) FROM expectation WHERE dantai = ?1 AND interface = ?2 AND state <> 'waiting'";
    conn.query_one(sql, &[Value::Text(dantai), Value::Text(interface)], |r| r.opt_string(0))
}

/// Writes an expectation down, or how it stands now.
///
/// # Errors
/// The store's.
pub fn put(conn: &mut Conn, dantai: &str, e: &Expectation) -> Result<()> {
    let text = |value: &Option<String>| value.clone();
    let (met_at, told_at) = (text(&e.met_at), text(&e.told_at));
    conn.execute(
        "INSERT INTO expectation (dantai, interface, deadline, day, title, contact, state, exchange, met_at, told_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (dantai, interface, deadline) DO UPDATE SET title = excluded.title, contact = excluded.contact,
           state = excluded.state, exchange = excluded.exchange, met_at = excluded.met_at, told_at = excluded.told_at",
        &[
            Value::Text(dantai),
            Value::Text(&e.interface),
            Value::Text(&e.deadline),
            Value::Text(&e.day),
            Value::Text(&e.title),
            Value::Text(&e.contact),
            Value::Text(e.standing.as_str()),
            e.exchange.map_or(Value::Null, Value::Int),
            met_at.as_deref().map_or(Value::Null, Value::Text),
            told_at.as_deref().map_or(Value::Null, Value::Text),
        ],
    )?;
    Ok(())
}

/// Forgets what an interface was waiting for: its rules may have changed, and what they say now is written down anew.
///
/// # Errors
/// The store's.
pub fn forget_waiting(conn: &mut Conn, dantai: &str, interface: &str) -> Result<()> {
    let sql = "DELETE FROM expectation WHERE dantai = ?1 AND interface = ?2 AND state = 'waiting'";
    conn.execute(sql, &[Value::Text(dantai), Value::Text(interface)])?;
    Ok(())
}

/// Accepted files of an interface received after a time that meet no expectation yet, in the order in which they came.
///
/// # Errors
/// The store's.
pub fn arrivals(conn: &mut Conn, dantai: &str, interface: &str, after: &str) -> Result<Vec<Arrival>> {
    conn.query(
        "SELECT id, received_at, file_name FROM exchange x WHERE dantai = ?1 AND interface = ?2 AND direction = 'in'
           AND accepted = 1 AND state <> 'withdrawn' AND received_at > ?3 AND NOT EXISTS
           (SELECT 1 FROM expectation e WHERE e.dantai = x.dantai AND e.interface = x.interface AND e.exchange = x.id)
         ORDER BY received_at, id",
        &[Value::Text(dantai), Value::Text(interface), Value::Text(after)],
        |r| Ok(Arrival { exchange: r.int(0)?, at: r.string(1)?, file_name: r.string(2)? }),
    )
}

/// Accepted files of an interface whose running number was not looked at yet: with the hash of their bytes.
///
/// # Errors
/// The store's.
pub fn unnumbered(conn: &mut Conn, dantai: &str, interface: &str) -> Result<Vec<(Arrival, Option<String>)>> {
    conn.query(
        "SELECT id, received_at, file_name, sha256 FROM exchange x WHERE dantai = ?1 AND interface = ?2
           AND direction = 'in' AND accepted = 1 AND state <> 'withdrawn'
           AND NOT EXISTS (SELECT 1 FROM sequence_seen s WHERE s.exchange = x.id) ORDER BY id LIMIT 1000",
        &[Value::Text(dantai), Value::Text(interface)],
        |r| Ok((Arrival { exchange: r.int(0)?, at: r.string(1)?, file_name: r.string(2)? }, r.opt_string(3)?)),
    )
}

/// Writes down the running number of a file; `None` = it shows none.
///
/// # Errors
/// The store's.
pub fn number(
    conn: &mut Conn,
    dantai: &str,
    interface: &str,
    exchange: i64,
    period: &str,
    number: Option<i64>,
) -> Result<()> {
    conn.execute(
        "INSERT INTO sequence_seen (exchange, dantai, interface, period, number) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (exchange) DO NOTHING",
        &[
            Value::Int(exchange),
            Value::Text(dantai),
            Value::Text(interface),
            Value::Text(period),
            number.map_or(Value::Null, Value::Int),
        ],
    )?;
    Ok(())
}

/// Numbers seen of an interface in its latest period, in order, and that period; `None` when none was seen.
///
/// # Errors
/// The store's.
pub fn numbers(conn: &mut Conn, dantai: &str, interface: &str) -> Result<Option<(String, Vec<i64>)>> {
    let place = [Value::Text(dantai), Value::Text(interface)];
    let sql = "SELECT max(period) FROM sequence_seen WHERE dantai = ?1 AND interface = ?2 AND number IS NOT NULL";
    let Some(period) = conn.query_one(sql, &place, |r| r.opt_string(0))? else { return Ok(None) };
    let sql = "SELECT DISTINCT number FROM sequence_seen WHERE dantai = ?1 AND interface = ?2 AND period = ?3
                 AND number IS NOT NULL ORDER BY number";
    let seen = conn.query(sql, &[place[0], place[1], Value::Text(&period)], |r| r.int(0))?;
    Ok(Some((period, seen)))
}
