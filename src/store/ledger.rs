//! The ledger of exchanges: one row per file received or sent, and its state.
//!
//! Owns: states, the duplicate rule. Never: decides which state comes next (`pipeline` does).

use super::{Conn, Result, RowRef, StoreError, sequence};
use crate::value::Value;

pub use super::state::{Direction, State};

/// One file received or sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Its number, from 1.
    pub id: i64,
    /// 6-digit municipality code.
    pub dantai: String,
    /// Which way.
    pub direction: Direction,
    /// Interface id.
    pub interface: String,
    /// Name as received, or as sent.
    pub file_name: String,
    /// Where it stands.
    pub state: State,
    /// When it was received, or its draft was begun.
    pub received_at: String,
    /// When its state changed last.
    pub updated_at: String,
    /// Lower-case hex.
    pub sha256: Option<String>,
    /// Size.
    pub bytes: Option<i64>,
    /// Where it lay in the inbox, relative to the site's folder; out: where it lies in the outbox.
    pub inbox_path: Option<String>,
    /// Name in the work folder.
    pub work_name: Option<String>,
    /// Layout id.
    pub layout: Option<String>,
    /// Profile of the layout.
    pub profile: Option<String>,
    /// Revision of the plan.
    pub revision: Option<String>,
    /// Out: who gets it.
    pub partner: Option<String>,
    /// Out, of a mapping that is cut into files: values of the split columns, U+001F between.
    pub part: Option<String>,
    /// Did its rows stand at some time? Then the same bytes are a duplicate.
    pub accepted: bool,
    /// How often the machine failed.
    pub attempts: i64,
    /// Not before this time again.
    pub next_at: Option<String>,
    /// Worker that has the lease.
    pub claimed_by: Option<String>,
    /// End of the lease.
    pub lease_until: Option<String>,
    /// The exchange it duplicates, or that took its place.
    pub related: Option<i64>,
    /// Number of records.
    pub records: Option<i64>,
    /// Control amount, yen.
    pub amount: Option<i64>,
    /// Why it is in this state, Japanese.
    pub note: Option<String>,
}

const COLUMNS: &str = "id, dantai, direction, interface, file_name, state, received_at, updated_at, sha256, bytes, \
    inbox_path, work_name, layout, profile, revision, partner, accepted, attempts, next_at, claimed_by, lease_until, \
    related, records, amount, note, part";

fn read(r: &RowRef<'_>) -> Result<Exchange> {
    let state = State::parse(r.text(5)?).ok_or_else(|| StoreError::unexpected("exchange.state"))?;
    Ok(Exchange {
        id: r.int(0)?,
        dantai: r.string(1)?,
        direction: if r.text(2)? == "in" { Direction::In } else { Direction::Out },
        interface: r.string(3)?,
        file_name: r.string(4)?,
        state,
        received_at: r.string(6)?,
        updated_at: r.string(7)?,
        sha256: r.opt_string(8)?,
        bytes: r.opt_int(9)?,
        inbox_path: r.opt_string(10)?,
        work_name: r.opt_string(11)?,
        layout: r.opt_string(12)?,
        profile: r.opt_string(13)?,
        revision: r.opt_string(14)?,
        partner: r.opt_string(15)?,
        accepted: r.int(16)? != 0,
        attempts: r.int(17)?,
        next_at: r.opt_string(18)?,
        claimed_by: r.opt_string(19)?,
        lease_until: r.opt_string(20)?,
        related: r.opt_int(21)?,
        records: r.opt_int(22)?,
        amount: r.opt_int(23)?,
        note: r.opt_string(24)?,
        part: r.opt_string(25)?,
    })
}

/// Writes down a new exchange; returns its number.
///
/// # Errors
/// The store's.
pub fn begin(
    conn: &mut Conn,
    dantai: &str,
    direction: Direction,
    interface: &str,
    file_name: &str,
    state: State,
    now: &str,
) -> Result<i64> {
    conn.transaction(|conn| {
        let id = sequence::take(conn, "exchange", 1)?;
        conn.execute(
            "INSERT INTO exchange (id, dantai, direction, interface, file_name, state, received_at, updated_at, accepted, attempts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 0, 0)",
            &[
                Value::Int(id),
                Value::Text(dantai),
                Value::Text(direction.as_str()),
                Value::Text(interface),
                Value::Text(file_name),
                Value::Text(state.as_str()),
                Value::Text(now),
            ],
        )?;
        Ok(id)
    })
}

/// What becomes known about an exchange on its way; `None` leaves what is there.
#[derive(Debug, Clone, Default)]
pub struct Facts<'a> {
    /// See [`Exchange::file_name`].
    pub file_name: Option<&'a str>,
    /// See [`Exchange::sha256`].
    pub sha256: Option<&'a str>,
    /// See [`Exchange::bytes`].
    pub bytes: Option<i64>,
    /// See [`Exchange::inbox_path`].
    pub inbox_path: Option<&'a str>,
    /// See [`Exchange::work_name`].
    pub work_name: Option<&'a str>,
    /// See [`Exchange::layout`].
    pub layout: Option<&'a str>,
    /// See [`Exchange::profile`].
    pub profile: Option<&'a str>,
    /// See [`Exchange::revision`].
    pub revision: Option<&'a str>,
    /// See [`Exchange::partner`].
    pub partner: Option<&'a str>,
    /// See [`Exchange::part`].
    pub part: Option<&'a str>,
    /// See [`Exchange::accepted`].
    pub accepted: Option<bool>,
    /// See [`Exchange::related`].
    pub related: Option<i64>,
    /// See [`Exchange::records`].
    pub records: Option<i64>,
    /// See [`Exchange::amount`].
    pub amount: Option<i64>,
}

/// Adds facts to an exchange.
///
/// # Errors
/// The store's.
pub fn learn(conn: &mut Conn, id: i64, facts: &Facts<'_>) -> Result<()> {
    let int = |n: Option<i64>| n.map_or(Value::Null, Value::Int);
    let columns = [
        ("file_name", facts.file_name.map_or(Value::Null, Value::Text)),
        ("sha256", facts.sha256.map_or(Value::Null, Value::Text)),
        ("bytes", int(facts.bytes)),
        ("inbox_path", facts.inbox_path.map_or(Value::Null, Value::Text)),
        ("work_name", facts.work_name.map_or(Value::Null, Value::Text)),
        ("layout", facts.layout.map_or(Value::Null, Value::Text)),
        ("profile", facts.profile.map_or(Value::Null, Value::Text)),
        ("revision", facts.revision.map_or(Value::Null, Value::Text)),
        ("partner", facts.partner.map_or(Value::Null, Value::Text)),
        ("part", facts.part.map_or(Value::Null, Value::Text)),
        ("accepted", int(facts.accepted.map(i64::from))),
        ("related", int(facts.related)),
        ("records", int(facts.records)),
        ("amount", int(facts.amount)),
    ];
    let sets: Vec<String> =
        columns.iter().enumerate().map(|(i, (name, _))| format!("{name} = COALESCE(?{}, {name})", i + 2)).collect();
    let mut params = vec![Value::Int(id)];
    params.extend(columns.iter().map(|(_, value)| *value));
    conn.execute(&format!("UPDATE exchange SET {} WHERE id = ?1", sets.join(", ")), &params)?;
    Ok(())
}

/// Moves an exchange from one state to another; false when it was not in `from` (somebody was faster). Without a new note
/// the old one stays, unless it says why an attempt failed: that is over.
///
/// # Errors
/// The store's.
pub fn advance(conn: &mut Conn, id: i64, from: State, to: State, note: Option<&str>, now: &str) -> Result<bool> {
    let changed = conn.execute(
        "UPDATE exchange SET state = ?3, note = COALESCE(?4, CASE WHEN attempts > 0 THEN NULL ELSE note END), updated_at = ?5 WHERE id = ?1 AND state = ?2",
        &[
            Value::Int(id),
            Value::Text(from.as_str()),
            Value::Text(to.as_str()),
            note.map_or(Value::Null, Value::Text),
            Value::Text(now),
        ],
    )?;
    Ok(changed == 1)
}

/// Writes down that the machine failed; `state` stays, so that the work goes on where it stood, not before `next_at`.
/// The lease ends. When the pipeline gives up it calls [`stop`].
///
/// # Errors
/// The store's.
pub fn postpone(conn: &mut Conn, id: i64, note: &str, next_at: &str, now: &str) -> Result<()> {
    conn.execute(
        "UPDATE exchange SET attempts = attempts + 1, note = ?2, next_at = ?3, updated_at = ?4,
           claimed_by = NULL, lease_until = NULL WHERE id = ?1",
        &[Value::Int(id), Value::Text(note), Value::Text(next_at), Value::Text(now)],
    )?;
    Ok(())
}

/// The machine failed once more and the pipeline gives up: [`State::Failed`], and the state it stood in is remembered. The
/// lease ends.
///
/// # Errors
/// The store's.
pub fn stop(conn: &mut Conn, id: i64, note: &str, now: &str) -> Result<()> {
    conn.execute(
        "UPDATE exchange SET stopped_in = state, state = 'failed', attempts = attempts + 1, note = ?2, next_at = NULL,
           updated_at = ?3, claimed_by = NULL, lease_until = NULL WHERE id = ?1 AND state <> 'failed'",
        &[Value::Int(id), Value::Text(note), Value::Text(now)],
    )?;
    Ok(())
}

/// An exchange that was stopped or put off goes on at once where it stood, with all its attempts again; false when it was
/// neither.
///
/// # Errors
/// The store's.
pub fn retry(conn: &mut Conn, id: i64, now: &str) -> Result<bool> {
    let changed = conn.execute(
        "UPDATE exchange SET state = COALESCE(stopped_in, state), stopped_in = NULL, attempts = 0, next_at = NULL,
           note = NULL, updated_at = ?2 WHERE id = ?1 AND (state = 'failed' AND stopped_in IS NOT NULL OR next_at > ?2)",
        &[Value::Int(id), Value::Text(now)],
    )?;
    Ok(changed == 1)
}

/// An exchange by its number.
///
/// # Errors
/// The store's; [`StoreError::Missing`].
pub fn get(conn: &mut Conn, id: i64) -> Result<Exchange> {
    let found = conn.query_opt(&format!("SELECT {COLUMNS} FROM exchange WHERE id = ?1"), &[Value::Int(id)], read)?;
    found.ok_or_else(|| StoreError::Missing { what: format!("exchange {id}") })
}

/// The accepted exchange that had the same bytes, if there is one: then a file is a duplicate. With `read_as` (layout and
/// profile) only one that was read in the same way: what a wrong name made unreadable may come again under the right one.
///
/// # Errors
/// The store's.
pub fn find_accepted(
    conn: &mut Conn,
    dantai: &str,
    interface: &str,
    sha256: &str,
    read_as: Option<(&str, &str)>,
) -> Result<Option<Exchange>> {
    let mut params = vec![Value::Text(dantai), Value::Text(interface), Value::Text(sha256)];
    let mut same_way = "";
    if let Some((layout, profile)) = read_as {
        params.extend([Value::Text(layout), Value::Text(profile)]);
        same_way = "AND layout = ?4 AND profile = ?5";
    }
    conn.query_opt(
        &format!(
            "SELECT {COLUMNS} FROM exchange WHERE sha256 = ?3 AND dantai = ?1 AND interface = ?2 {same_way}
               AND direction = 'in' AND accepted = 1 AND state <> 'withdrawn' ORDER BY id LIMIT 1"
        ),
        &params,
        read,
    )
}

/// Which exchanges [`list`] returns; `None` and empty mean any.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// Municipality.
    pub dantai: Option<&'a str>,
    /// Which way.
    pub direction: Option<Direction>,
    /// Interface id.
    pub interface: Option<&'a str>,
    /// One of these states.
    pub states: &'a [State],
    /// Name as received or sent.
    pub file_name: Option<&'a str>,
    /// Received (or begun) at or after this time.
    pub since: Option<&'a str>,
    /// Received before this time.
    pub until: Option<&'a str>,
    /// Only numbers below this one (for paging backwards).
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// Exchanges, newest first.
///
/// # Errors
/// The store's.
pub fn list(conn: &mut Conn, wanted: &Wanted<'_>) -> Result<Vec<Exchange>> {
    let mut sql = format!("SELECT {COLUMNS} FROM exchange WHERE 1 = 1");
    let mut params = Vec::new();
    let texts = [
        ("dantai =", wanted.dantai),
        ("direction =", wanted.direction.map(Direction::as_str)),
        ("interface =", wanted.interface),
        ("file_name =", wanted.file_name),
        ("received_at >=", wanted.since),
        ("received_at <", wanted.until),
    ];
    for (test, value) in texts {
        if let Some(value) = value {
            params.push(Value::Text(value));
            sql.push_str(&format!(" AND {test} ?{}", params.len()));
        }
    }
    if let Some(before) = wanted.before {
        params.push(Value::Int(before));
        sql.push_str(&format!(" AND id < ?{}", params.len()));
    }
    if !wanted.states.is_empty() {
        sql.push_str(&format!(" AND state IN ({})", words(wanted.states)));
    }
    sql.push_str(&format!(" ORDER BY id DESC LIMIT {}", wanted.limit));
    conn.query(&sql, &params, read)
}

/// Exchanges in one of `states`, those that changed last first.
///
/// # Errors
/// The store's.
pub fn last_changed(conn: &mut Conn, dantai: &str, states: &[State], limit: u32) -> Result<Vec<Exchange>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM exchange WHERE dantai = ?1 AND state IN ({}) ORDER BY updated_at DESC, id DESC LIMIT {limit}",
        words(states)
    );
    conn.query(&sql, &[Value::Text(dantai)], read)
}

/// State words as an SQL list; they are ours, so they need no binding.
pub(super) fn words(states: &[State]) -> String {
    states.iter().map(|s| format!("'{}'", s.as_str())).collect::<Vec<_>>().join(", ")
}
