//! The audit: who did what, each row bound to the one before it by a hash, so that a change shows.
//!
//! Owns: the chain and its proof. Never: holds a protected value; callers name exchanges, keys and counts.
//!
//! Whoever can write to the database can also compute a new chain from some row on; a head (number and hash of the last
//! row) that was noted elsewhere shows that too.

use sha2::{Digest, Sha256};

use super::{Conn, Result, RowRef, sequence};
use crate::value::Value;

/// `prev` of the first row.
const START: &str = "0";

/// What is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Operator or `renkei`.
    pub who: &'a str,
    /// What was done, a short code: `confirm`, `release`, `look`, `vault-open` …
    pub what: &'a str,
    /// With which exchange.
    pub exchange: Option<i64>,
    /// With what else: an interface, a key; may be empty.
    pub subject: &'a str,
    /// More about it, Japanese, without protected values.
    pub detail: &'a str,
}

/// A row as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// Its number, from 1 without a gap.
    pub id: i64,
    /// When, UTC.
    pub at: String,
    /// See [`Entry`].
    pub who: String,
    /// See [`Entry`].
    pub what: String,
    /// See [`Entry`].
    pub exchange: Option<i64>,
    /// See [`Entry`].
    pub subject: String,
    /// See [`Entry`].
    pub detail: String,
    /// Hash of the row before.
    pub prev: String,
    /// Hash of this row, 64 hexadecimal digits.
    pub hash: String,
}

/// What looking at the whole chain came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Rows that hold.
    pub rows: u64,
    /// Hash of the last of them; empty when there is none.
    pub head: String,
    /// The first row that does not hold, and why (Japanese); `None` = all hold.
    pub broken: Option<(i64, &'static str)>,
}

const COLUMNS: &str = "id, at, who, what, exchange, subject, detail, prev, hash";

fn read(r: &RowRef<'_>) -> Result<Audited> {
    Ok(Audited {
        id: r.int(0)?,
        at: r.string(1)?,
        who: r.string(2)?,
        what: r.string(3)?,
        exchange: r.opt_int(4)?,
        subject: r.string(5)?,
        detail: r.string(6)?,
        prev: r.string(7)?,
        hash: r.string(8)?,
    })
}

/// Hash of a row: every part with its length, so that no two rows are written alike.
fn hash_of(id: i64, at: &str, entry: &Entry<'_>, prev: &str) -> String {
    let mut sha = Sha256::new();
    let exchange = entry.exchange.map_or_else(String::new, |n| n.to_string());
    let number = id.to_string();
    for part in [number.as_str(), at, entry.who, entry.what, &exchange, entry.subject, entry.detail, prev] {
        sha.update((part.len() as u64).to_le_bytes());
        sha.update(part.as_bytes());
    }
    sha.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        use std::fmt::Write;
        // Writing into a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Adds a row; call it in the transaction of what it tells. The number is taken first: that keeps a second writer waiting
/// until this one's row is there to be bound to.
///
/// # Errors
/// The store's.
pub fn append(conn: &mut Conn, entry: &Entry<'_>, now: &str) -> Result<i64> {
    conn.transaction(|conn| {
        let id = sequence::take(conn, "audit", 1)?;
        let prev = conn
            .query_opt("SELECT hash FROM audit ORDER BY id DESC LIMIT 1", &[], |r| r.string(0))?
            .unwrap_or_else(|| START.to_owned());
        let hash = hash_of(id, now, entry, &prev);
        conn.execute(
            &format!("INSERT INTO audit ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
            &[
                Value::Int(id),
                Value::Text(now),
                Value::Text(entry.who),
                Value::Text(entry.what),
                entry.exchange.map_or(Value::Null, Value::Int),
                Value::Text(entry.subject),
                Value::Text(entry.detail),
                Value::Text(&prev),
                Value::Text(&hash),
            ],
        )?;
        Ok(id)
    })
}

/// Rows, newest first, at most `limit`; of one exchange or of all.
///
/// # Errors
/// The store's.
pub fn list(conn: &mut Conn, exchange: Option<i64>, limit: u32) -> Result<Vec<Audited>> {
    let test = if exchange.is_some() { "exchange = ?1" } else { "1 = 1" };
    let params: Vec<Value<'_>> = exchange.into_iter().map(Value::Int).collect();
    conn.query(&format!("SELECT {COLUMNS} FROM audit WHERE {test} ORDER BY id DESC LIMIT {limit}"), &params, read)
}

/// The last row written before a moment (UTC stamp): its number and hash.
///
/// # Errors
/// The store's.
pub fn head_before(conn: &mut Conn, moment: &str) -> Result<Option<(i64, String)>> {
    let sql = "SELECT id, hash FROM audit WHERE at < ?1 ORDER BY id DESC LIMIT 1";
    conn.query_opt(sql, &[Value::Text(moment)], |r| Ok((r.int(0)?, r.string(1)?)))
}

/// The hash of a row; `None` = there is no such row.
///
/// # Errors
/// The store's.
pub fn hash_at(conn: &mut Conn, id: i64) -> Result<Option<String>> {
    conn.query_opt("SELECT hash FROM audit WHERE id = ?1", &[Value::Int(id)], |r| r.string(0))
}

/// Looks at every row, in bounded memory, and names the first that was changed, removed or inserted.
///
/// # Errors
/// The store's.
pub fn verify(conn: &mut Conn) -> Result<Proof> {
    conn.transaction(|conn| {
        // Keeps writers away, and says how many rows there must be.
        conn.execute("UPDATE sequence SET next = next WHERE name = 'audit'", &[])?;
        let next = conn.query_opt("SELECT next FROM sequence WHERE name = 'audit'", &[], |r| r.int(0))?;
        let must = next.map_or(0, |next| next - 1);
        let mut proof = Proof { rows: 0, head: String::new(), broken: None };
        let mut prev = START.to_owned();
        conn.each_row(&format!("SELECT {COLUMNS} FROM audit ORDER BY id"), &[], |r| {
            if proof.broken.is_some() {
                return Ok(());
            }
            let expected = proof.rows as i64 + 1;
            let row = read(r)?;
            proof.broken = judge(&row, expected, must, &prev);
            if proof.broken.is_none() {
                proof.rows += 1;
                prev = row.hash;
            }
            Ok(())
        })?;
        let last = proof.rows as i64;
        if proof.broken.is_none() && last < must {
            proof.broken = Some((last + 1, "この行から後が取り除かれています"));
        }
        if proof.rows > 0 {
            proof.head = prev;
        }
        Ok(proof)
    })
}

fn judge(row: &Audited, expected: i64, must: i64, prev: &str) -> Option<(i64, &'static str)> {
    let entry =
        Entry { who: &row.who, what: &row.what, exchange: row.exchange, subject: &row.subject, detail: &row.detail };
    match () {
        () if row.id > expected => Some((expected, "この行が取り除かれています")),
        () if row.id < expected || row.id > must => Some((row.id, "この行はあとから差し込まれています")),
        () if row.hash != hash_of(row.id, &row.at, &entry, &row.prev) => Some((row.id, "この行は書き換えられています")),
        () if row.prev != prev => Some((row.id, "この行が、前の行とつながっていません")),
        () => None,
    }
}

/// Moves the rows of the older log here; done once, when the table is made.
///
/// # Errors
/// The store's.
pub(super) fn absorb_events(conn: &mut Conn) -> Result<()> {
    let old = conn.query("SELECT at, who, what, exchange, detail FROM event ORDER BY id", &[], |r| {
        Ok((r.string(0)?, r.string(1)?, r.string(2)?, r.opt_int(3)?, r.string(4)?))
    })?;
    for (at, who, what, exchange, detail) in &old {
        let entry = Entry { who, what, exchange: *exchange, subject: "", detail };
        append(conn, &entry, at)?;
    }
    conn.script("DROP TABLE event")
}
