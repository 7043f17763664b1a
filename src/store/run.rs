//! Runs: one attempt at an exchange, a derivation or a draft, with its control totals.

use super::{Conn, Result, RowRef, StoreError, sequence};
use crate::value::Value;

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// Loads a file.
    In,
    /// Makes a view the rows of an entity.
    Derive,
    /// Writes a file.
    Out,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Under way, or interrupted.
    Running,
    /// Its work stands.
    Done,
    /// It refused the data; nothing of it stands.
    Rejected,
    /// The machine failed, or it was interrupted; nothing of it stands.
    Failed,
}

impl RunKind {
    /// The word in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            RunKind::In => "in",
            RunKind::Derive => "derive",
            RunKind::Out => "out",
        }
    }

    /// Reads [`RunKind::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        [RunKind::In, RunKind::Derive, RunKind::Out].into_iter().find(|k| k.as_str() == word)
    }
}

impl RunState {
    /// The word in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            RunState::Running => "running",
            RunState::Done => "done",
            RunState::Rejected => "rejected",
            RunState::Failed => "failed",
        }
    }

    /// Reads [`RunState::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        [RunState::Running, RunState::Done, RunState::Rejected, RunState::Failed]
            .into_iter()
            .find(|s| s.as_str() == word)
    }
}

/// Control totals: counts of records (rows for a derivation) and amounts in yen. What was read is what was loaded, unchanged,
/// closed, held, rejected or skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunTotals {
    /// What the file says it holds.
    pub declared: Option<i64>,
    /// Data records read.
    pub read: i64,
    /// Rows of keys not known before.
    pub loaded_new: i64,
    /// Rows with other values than before.
    pub loaded_changed: i64,
    /// Rows with the same values as before.
    pub unchanged: i64,
    /// Keys closed because a record said so (outbound: because the view no longer returns them).
    pub closed: i64,
    /// Keys closed because a full set does not name them; not part of what was read.
    pub vanished: i64,
    /// Records held back.
    pub held: i64,
    /// Records of a file that was refused as a whole.
    pub rejected: i64,
    /// Records that no rule of the mapping wanted, or that closed what was not there.
    pub skipped: i64,
    /// Out: records written.
    pub written: i64,
    /// What the file says the amount is.
    pub amount_declared: Option<i64>,
    /// Amount of `read`.
    pub amount_read: i64,
    /// Amount of what was loaded or unchanged.
    pub amount_loaded: i64,
    /// Amount of `loaded_new`.
    pub amount_new: i64,
    /// Amount of `loaded_changed`.
    pub amount_changed: i64,
    /// Amount of `unchanged`.
    pub amount_unchanged: i64,
    /// Amount of `held`.
    pub amount_held: i64,
    /// Amount of `written`.
    pub amount_written: i64,
}

impl RunTotals {
    /// Keys for which something else stands than before.
    pub fn changes(&self) -> i64 {
        self.loaded_new + self.loaded_changed + self.closed + self.vanished
    }
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its number, from 1.
    pub id: i64,
    /// The file; a derivation has none.
    pub exchange: Option<i64>,
    /// Interface id.
    pub interface: String,
    /// 6-digit municipality code.
    pub dantai: String,
    /// What it does.
    pub kind: RunKind,
    /// How it stands.
    pub state: RunState,
    /// The JST day it works for, ISO.
    pub base_date: String,
    /// Revision of the plan.
    pub revision: String,
    /// Begin.
    pub started_at: String,
    /// End.
    pub finished_at: Option<String>,
    /// Why it failed or refused, Japanese.
    pub note: Option<String>,
    /// Control totals; zero while it is under way.
    pub totals: RunTotals,
}

const COLUMNS: &str = "id, exchange, interface, dantai, kind, state, base_date, revision, started_at, finished_at, note, \
    declared, read, loaded_new, loaded_changed, unchanged, closed, vanished, held, rejected, skipped, written, \
    amount_declared, amount_read, amount_loaded, amount_new, amount_changed, amount_unchanged, amount_held, amount_written";

fn read(r: &RowRef<'_>) -> Result<Run> {
    Ok(Run {
        id: r.int(0)?,
        exchange: r.opt_int(1)?,
        interface: r.string(2)?,
        dantai: r.string(3)?,
        kind: RunKind::parse(r.text(4)?).ok_or_else(|| StoreError::unexpected("run.kind"))?,
        state: RunState::parse(r.text(5)?).ok_or_else(|| StoreError::unexpected("run.state"))?,
        base_date: r.string(6)?,
        revision: r.string(7)?,
        started_at: r.string(8)?,
        finished_at: r.opt_string(9)?,
        note: r.opt_string(10)?,
        totals: RunTotals {
            declared: r.opt_int(11)?,
            read: r.int(12)?,
            loaded_new: r.int(13)?,
            loaded_changed: r.int(14)?,
            unchanged: r.int(15)?,
            closed: r.int(16)?,
            vanished: r.int(17)?,
            held: r.int(18)?,
            rejected: r.int(19)?,
            skipped: r.int(20)?,
            written: r.int(21)?,
            amount_declared: r.opt_int(22)?,
            amount_read: r.int(23)?,
            amount_loaded: r.int(24)?,
            amount_new: r.int(25)?,
            amount_changed: r.int(26)?,
            amount_unchanged: r.int(27)?,
            amount_held: r.int(28)?,
            amount_written: r.int(29)?,
        },
    })
}

/// What is known of a run when it begins.
#[derive(Debug, Clone, Copy)]
pub struct NewRun<'a> {
    /// See [`Run::exchange`].
    pub exchange: Option<i64>,
    /// See [`Run::interface`].
    pub interface: &'a str,
    /// See [`Run::dantai`].
    pub dantai: &'a str,
    /// See [`Run::kind`].
    pub kind: RunKind,
    /// See [`Run::base_date`].
    pub base_date: &'a str,
    /// See [`Run::revision`].
    pub revision: &'a str,
}

/// Writes down that a run begins; returns its number.
///
/// # Errors
/// The store's.
pub fn begin(conn: &mut Conn, new: &NewRun<'_>, now: &str) -> Result<i64> {
    conn.transaction(|conn| {
        let id = sequence::take(conn, "run", 1)?;
        conn.execute(
            "INSERT INTO run (id, exchange, interface, dantai, kind, state, base_date, revision, started_at, read,
               loaded_new, loaded_changed, unchanged, closed, vanished, held, rejected, skipped, written,
               amount_read, amount_loaded, amount_new, amount_changed, amount_unchanged, amount_held, amount_written)
             VALUES (?1, ?2, ?3, ?4, ?5, 'running', ?6, ?7, ?8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
            &[
                Value::Int(id),
                new.exchange.map_or(Value::Null, Value::Int),
                Value::Text(new.interface),
                Value::Text(new.dantai),
                Value::Text(new.kind.as_str()),
                Value::Text(new.base_date),
                Value::Text(new.revision),
                Value::Text(now),
            ],
        )?;
        Ok(id)
    })
}

/// Writes down how a run ended.
///
/// # Errors
/// The store's.
pub fn finish(
    conn: &mut Conn,
    id: i64,
    state: RunState,
    totals: &RunTotals,
    note: Option<&str>,
    now: &str,
) -> Result<()> {
    let t = totals;
    let opt = |n: Option<i64>| n.map_or(Value::Null, Value::Int);
    conn.execute(
        "UPDATE run SET state = ?2, note = ?3, finished_at = ?4, declared = ?5, read = ?6, loaded_new = ?7,
           loaded_changed = ?8, unchanged = ?9, closed = ?10, held = ?11, rejected = ?12, skipped = ?13, written = ?14,
           amount_declared = ?15, amount_read = ?16, amount_loaded = ?17, amount_held = ?18, amount_written = ?19,
           vanished = ?20, amount_new = ?21, amount_changed = ?22, amount_unchanged = ?23
         WHERE id = ?1",
        &[
            Value::Int(id),
            Value::Text(state.as_str()),
            note.map_or(Value::Null, Value::Text),
            Value::Text(now),
            opt(t.declared),
            Value::Int(t.read),
            Value::Int(t.loaded_new),
            Value::Int(t.loaded_changed),
            Value::Int(t.unchanged),
            Value::Int(t.closed),
            Value::Int(t.held),
            Value::Int(t.rejected),
            Value::Int(t.skipped),
            Value::Int(t.written),
            opt(t.amount_declared),
            Value::Int(t.amount_read),
            Value::Int(t.amount_loaded),
            Value::Int(t.amount_held),
            Value::Int(t.amount_written),
            Value::Int(t.vanished),
            Value::Int(t.amount_new),
            Value::Int(t.amount_changed),
            Value::Int(t.amount_unchanged),
        ],
    )?;
    Ok(())
}

/// A run by its number.
///
/// # Errors
/// The store's; [`StoreError::Missing`].
pub fn get(conn: &mut Conn, id: i64) -> Result<Run> {
    let found = conn.query_opt(&format!("SELECT {COLUMNS} FROM run WHERE id = ?1"), &[Value::Int(id)], read)?;
    found.ok_or_else(|| StoreError::Missing { what: format!("run {id}") })
}

/// Runs of an exchange, first first.
///
/// # Errors
/// The store's.
pub fn of_exchange(conn: &mut Conn, exchange: i64) -> Result<Vec<Run>> {
    conn.query(&format!("SELECT {COLUMNS} FROM run WHERE exchange = ?1 ORDER BY id"), &[Value::Int(exchange)], read)
}

/// The last run of an interface that is done.
///
/// # Errors
/// The store's.
pub fn last_done(conn: &mut Conn, dantai: &str, interface: &str) -> Result<Option<Run>> {
    conn.query_opt(
        &format!(
            "SELECT {COLUMNS} FROM run WHERE interface = ?1 AND dantai = ?2 AND state = 'done' ORDER BY id DESC LIMIT 1"
        ),
        &[Value::Text(interface), Value::Text(dantai)],
        read,
    )
}

/// Derivations of a municipality that failed after the last time they were done, newest first, at most `limit`.
///
/// # Errors
/// The store's.
pub fn failed_derivations(conn: &mut Conn, dantai: &str, limit: u32) -> Result<Vec<Run>> {
    conn.query(
        &format!(
            "SELECT {COLUMNS} FROM run WHERE dantai = ?1 AND kind = 'derive' AND state = 'failed'
             AND NOT EXISTS (SELECT 1 FROM run later WHERE later.interface = run.interface AND later.dantai = run.dantai
             AND later.state = 'done' AND later.id > run.id) ORDER BY id DESC LIMIT {limit}"
        ),
        &[Value::Text(dantai)],
        read,
    )
}

/// The last run of an interface that came to its end, with a result or without.
///
/// # Errors
/// The store's.
pub fn last_ended(conn: &mut Conn, dantai: &str, interface: &str) -> Result<Option<Run>> {
    conn.query_opt(
        &format!(
            "SELECT {COLUMNS} FROM run WHERE interface = ?1 AND dantai = ?2 AND state IN ('done', 'rejected')
             ORDER BY id DESC LIMIT 1"
        ),
        &[Value::Text(interface), Value::Text(dantai)],
        read,
    )
}

/// Did a run of an interface after run `since` change anything that stands?
///
/// # Errors
/// The store's.
pub fn changed_since(conn: &mut Conn, dantai: &str, interface: &str, since: i64) -> Result<bool> {
    let sql = "SELECT id FROM run WHERE interface = ?1 AND dantai = ?2 AND state = 'done' AND id > ?3
                 AND loaded_new + loaded_changed + closed + vanished > 0 LIMIT 1";
    let params = [Value::Text(interface), Value::Text(dantai), Value::Int(since)];
    Ok(conn.query_opt(sql, &params, |_| Ok(()))?.is_some())
}

/// Number of the last run of a municipality that may have changed what stands: of a file, or of a derivation with news.
///
/// # Errors
/// The store's.
pub fn last_news(conn: &mut Conn, dantai: &str) -> Result<Option<i64>> {
    // A file's totals count one of its entities only.
    let sql = "SELECT id FROM run WHERE dantai = ?1 AND state = 'done'
                 AND (kind = 'in' OR kind = 'derive' AND loaded_new + loaded_changed + closed + vanished > 0)
               ORDER BY id DESC LIMIT 1";
    conn.query_opt(sql, &[Value::Text(dantai)], |r| r.int(0))
}

/// Runs of a municipality that began in `[since, until)`, first first, at most `limit`.
///
/// # Errors
/// The store's.
pub fn between(conn: &mut Conn, dantai: &str, since: &str, until: &str, limit: u32) -> Result<Vec<Run>> {
    conn.query(
        &format!(
            "SELECT {COLUMNS} FROM run WHERE dantai = ?3 AND started_at >= ?1 AND started_at < ?2 ORDER BY id LIMIT {limit}"
        ),
        &[Value::Text(since), Value::Text(until), Value::Text(dantai)],
        read,
    )
}

/// Forgets a run of which nothing stands and nothing was told; its number is not given again.
///
/// # Errors
/// The store's.
pub fn forget(conn: &mut Conn, id: i64) -> Result<()> {
    conn.execute("DELETE FROM run WHERE id = ?1 AND state = 'running'", &[Value::Int(id)])?;
    Ok(())
}

/// Runs that are under way; after a start, those that were interrupted.
///
/// # Errors
/// The store's.
pub fn unfinished(conn: &mut Conn, dantai: &str) -> Result<Vec<Run>> {
    conn.query(
        &format!("SELECT {COLUMNS} FROM run WHERE state = 'running' AND dantai = ?1 ORDER BY id"),
        &[Value::Text(dantai)],
        read,
    )
}
