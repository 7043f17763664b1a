//! What left: every record of an outbound file with its lineage, and what each partner has now.

use super::bulk::Rows;
use super::conn::Target;
use super::{Conn, Result, RowRef};
use crate::value::Value;

/// One record of an outbound file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutRecord<'a> {
    /// 1-based number in the file.
    pub n: u64,
    /// Record kind's name.
    pub kind: &'a str,
    /// 0-based offset in the file.
    pub byte: u64,
    /// Length in bytes.
    pub len: u64,
    /// Key for the partner; headers and trailers have none.
    pub key: Option<&'a str>,
    /// Hash of what was written.
    pub hash: i64,
    /// Why it is in the file.
    pub change: Change,
    /// `"jumin:123,hihokensha:5"`: entity and version; empty for headers and trailers.
    pub lineage: &'a str,
}

/// Why a record is in an outbound file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A full set.
    Full,
    /// The partner does not have the key.
    New,
    /// The partner has other values.
    Changed,
    /// The key vanished.
    Closed,
}

impl Change {
    /// The word in the store, in JSON and in `実行.区分`.
    pub fn as_str(self) -> &'static str {
        match self {
            Change::Full => "full",
            Change::New => "new",
            Change::Changed => "changed",
            Change::Closed => "closed",
        }
    }

    /// Reads [`Change::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        [Change::Full, Change::New, Change::Changed, Change::Closed].into_iter().find(|c| c.as_str() == word)
    }
}

/// A stored [`OutRecord`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// File it is in.
    pub exchange: i64,
    /// See [`OutRecord::n`].
    pub n: u64,
    /// See [`OutRecord::kind`].
    pub kind: String,
    /// See [`OutRecord::byte`].
    pub byte: u64,
    /// See [`OutRecord::len`].
    pub len: u64,
    /// See [`OutRecord::key`].
    pub key: Option<String>,
    /// See [`OutRecord::hash`].
    pub hash: i64,
    /// See [`OutRecord::change`].
    pub change: Option<Change>,
    /// See [`OutRecord::lineage`].
    pub lineage: String,
}

/// A buffer of outbound records on their way to the store; reused. Keep it to some thousands of records.
#[derive(Debug)]
pub struct RecordBatch(Rows);

const COLUMNS: [&str; 9] = ["exchange", "n", "kind", "byte", "len", "key", "hash", "change", "lineage"];

impl Default for RecordBatch {
    fn default() -> Self {
        RecordBatch(Rows::new(COLUMNS.len() - 1))
    }
}

impl RecordBatch {
    /// Adds a record.
    pub fn push(&mut self, r: &OutRecord<'_>) {
        self.0.push_row(&[
            Value::Int(r.n as i64),
            Value::Text(r.kind),
            Value::Int(r.byte as i64),
            Value::Int(r.len as i64),
            r.key.map_or(Value::Null, Value::Text),
            Value::Int(r.hash),
            Value::Text(r.change.as_str()),
            Value::Text(r.lineage),
        ]);
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets the records, keeps the memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Writes the records of `exchange` in one transaction (or the one that is open).
    ///
    /// # Errors
    /// The store's; nothing of the batch is kept then.
    pub fn write(&self, conn: &mut Conn, exchange: i64) -> Result<()> {
        let constants = [Value::Int(exchange)];
        let target = Target { table: "out_record", columns: &COLUMNS, serial: None, constants: &constants };
        conn.insert_rows(&target, &self.0)
    }
}

fn read(r: &RowRef<'_>) -> Result<StoredRecord> {
    Ok(StoredRecord {
        exchange: r.int(0)?,
        n: r.count(1)?,
        kind: r.string(2)?,
        byte: r.count(3)?,
        len: r.count(4)?,
        key: r.opt_string(5)?,
        hash: r.int(6)?,
        change: Change::parse(r.text(7)?),
        lineage: r.string(8)?,
    })
}

/// Record `n` of an outbound file.
///
/// # Errors
/// The store's.
pub fn record(conn: &mut Conn, exchange: i64, n: u64) -> Result<Option<StoredRecord>> {
    let sql = format!("SELECT {} FROM out_record WHERE exchange = ?1 AND n = ?2", COLUMNS.join(", "));
    conn.query_opt(&sql, &[Value::Int(exchange), Value::Int(n as i64)], read)
}

/// The first records of an outbound file, at most `limit`.
///
/// # Errors
/// The store's.
pub fn records_of(conn: &mut Conn, exchange: i64, limit: u32) -> Result<Vec<StoredRecord>> {
    let sql = format!("SELECT {} FROM out_record WHERE exchange = ?1 ORDER BY n LIMIT {limit}", COLUMNS.join(", "));
    conn.query(&sql, &[Value::Int(exchange)], read)
}

/// Every record of an outbound file in its order.
///
/// # Errors
/// The store's, or `f`'s.
pub fn each_record(conn: &mut Conn, exchange: i64, mut f: impl FnMut(StoredRecord) -> Result<()>) -> Result<()> {
    let sql = format!("SELECT {} FROM out_record WHERE exchange = ?1 ORDER BY n", COLUMNS.join(", "));
    conn.each_row(&sql, &[Value::Int(exchange)], |r| f(read(r)?))
}

/// Outbound records whose lineage names a version, at most `limit`, newest file first. Looks at every record there is: a
/// reverse trace is a rare question, and an index over each of millions of lineage entries would cost every draft.
///
/// # Errors
/// The store's.
pub fn records_naming(conn: &mut Conn, entity: &str, vid: i64, limit: u32) -> Result<Vec<StoredRecord>> {
    let sql = format!(
        "SELECT {} FROM out_record WHERE ',' || lineage || ',' LIKE ?1 ORDER BY exchange DESC, n LIMIT {limit}",
        COLUMNS.join(", ")
    );
    // Ids have no % ; an underscore matching any character is told apart below.
    let found = conn.query(&sql, &[Value::Text(&format!("%,{entity}:{vid},%"))], read)?;
    let name = format!("{entity}:{vid}");
    Ok(found.into_iter().filter(|r| r.lineage.split(',').any(|part| part == name)).collect())
}

/// Forgets the records of a draft; for one that was interrupted and is written again.
///
/// # Errors
/// The store's.
pub fn forget_records(conn: &mut Conn, exchange: i64) -> Result<()> {
    conn.execute("DELETE FROM out_record WHERE exchange = ?1", &[Value::Int(exchange)])?;
    Ok(())
}

/// What a partner has, key by key in byte order: (key, hash).
///
/// # Errors
/// The store's, or `f`'s.
pub fn each_sent(
    conn: &mut Conn,
    interface: &str,
    dantai: &str,
    mut f: impl FnMut(&str, i64) -> Result<()>,
) -> Result<()> {
    conn.each_row(
        "SELECT key, hash FROM sent WHERE interface = ?1 AND dantai = ?2 ORDER BY key",
        &[Value::Text(interface), Value::Text(dantai)],
        |r| f(r.text(0)?, r.int(1)?),
    )
}

/// How many keys a partner has.
///
/// # Errors
/// The store's.
pub fn count_sent(conn: &mut Conn, interface: &str, dantai: &str) -> Result<u64> {
    let sql = "SELECT count(*) FROM sent WHERE interface = ?1 AND dantai = ?2";
    conn.query_one(sql, &[Value::Text(interface), Value::Text(dantai)], |r| r.count(0))
}

/// The file was delivered: from now on the partner has its records. A full set replaces what it had (in a mapping cut into
/// files: what files of the same `part` told). Call it in the transaction that sets the exchange delivered.
///
/// # Errors
/// The store's.
pub fn mark_sent(
    conn: &mut Conn,
    exchange: i64,
    interface: &str,
    dantai: &str,
    full: bool,
    part: Option<&str>,
) -> Result<()> {
    conn.transaction(|conn| {
        let place = [Value::Text(interface), Value::Text(dantai), Value::Int(exchange)];
        if let (true, Some(part)) = (full, part) {
            conn.execute(
                "DELETE FROM sent WHERE interface = ?1 AND dantai = ?2 AND exchange IN
                   (SELECT id FROM exchange WHERE interface = ?1 AND dantai = ?2 AND part = ?3)",
                &[place[0], place[1], Value::Text(part)],
            )?;
        } else if full {
            conn.execute("DELETE FROM sent WHERE interface = ?1 AND dantai = ?2", &place[..2])?;
        } else {
            conn.execute(
                "DELETE FROM sent WHERE interface = ?1 AND dantai = ?2 AND key IN
                   (SELECT key FROM out_record WHERE exchange = ?3 AND change = 'closed')",
                &place,
            )?;
        }
        conn.execute(
            "INSERT INTO sent (interface, dantai, key, hash, exchange, n)
             SELECT CAST(?1 AS TEXT), CAST(?2 AS TEXT), key, hash, exchange, n FROM out_record
             WHERE exchange = ?3 AND key IS NOT NULL AND change <> 'closed' ORDER BY key
             ON CONFLICT (interface, dantai, key) DO UPDATE
               SET hash = excluded.hash, exchange = excluded.exchange, n = excluded.n",
            &place,
        )?;
        Ok(())
    })
}
