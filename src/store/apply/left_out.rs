//! Staged rows that do not come to stand: those whose key came twice, and those older than what stands.
//!
//! Owns: which rows these are. Never: decides what becomes of their records.

use super::{Amounts, Applied, Duplicate, OLDER, ROW, STAGED, Work};
use crate::schema::entity::Entity;
use crate::store::open::dialect_sql;
use crate::store::row::RowRef;
use crate::store::{Conn, Result, quote};
use crate::value::Value;

/// Records of which some row leaves, while rows of theirs may be staged for several entities.
const RECORDS: &str = "records_left_out";

/// Takes out, before anything is applied, every row of every record that has a row whose key came twice: a record is held as
/// a whole, whichever of its rows is the reason. For each entity (with its amount column) the rows that left for their own
/// sake, and the sum of all that left; and how many records they were.
///
/// # Errors
/// The store's.
pub fn take_out_twice(
    conn: &mut Conn,
    entities: &[(&Entity, Option<usize>)],
    run: i64,
    dantai: &str,
    limit: u32,
) -> Result<(Vec<Applied>, u64)> {
    let create = format!("CREATE TEMP TABLE IF NOT EXISTS {RECORDS} (_rec INTEGER NOT NULL PRIMARY KEY)");
    conn.script(&dialect_sql(&create, conn.dialect()))?;
    conn.execute(&format!("DELETE FROM {RECORDS}"), &[])?;
    let (mut left, mut sums) = (Vec::with_capacity(entities.len()), Vec::with_capacity(entities.len()));
    for (entity, amount) in entities {
        let work = Work::staged(conn, entity, run, dantai)?.0;
        sums.push(work.sum_staged(conn, *amount)?);
        let mut applied = Applied::default();
        if !work.collect_keys(conn)? {
            work.take_out_duplicates(conn, limit, Some(RECORDS), &mut applied)?;
        }
        left.push(applied);
    }
    if left.iter().all(|applied| applied.duplicates == 0) {
        return Ok((left, 0));
    }
    for (((entity, amount), applied), before) in entities.iter().zip(&mut left).zip(sums) {
        let work = Work::staged(conn, entity, run, dantai)?.0;
        let others = format!("DELETE FROM {} WHERE {STAGED} AND _rec IN (SELECT _rec FROM {RECORDS})", work.v);
        conn.execute(&others, &work.range())?;
        let count = format!("SELECT count(*) FROM {} WHERE {STAGED}", work.v);
        let staged = conn.query_one(&count, &work.range(), |r| r.int(0))?;
        let sql = "UPDATE stage SET staged = ?3 WHERE run = ?1 AND entity = ?2";
        conn.execute(sql, &[Value::Int(run), Value::Text(&entity.id), Value::Int(staged)])?;
        applied.amounts = work.left_amount(conn, *amount, before)?;
    }
    let records = conn.query_one(&format!("SELECT count(*) FROM {RECORDS}"), &[], |r| r.count(0))?;
    Ok((left, records))
}

impl Work<'_> {
    /// The sum of what was staged `before` and is not any more.
    pub(super) fn left_amount(
        &self,
        conn: &mut Conn,
        amount: Option<usize>,
        before: Option<i64>,
    ) -> Result<Option<Amounts>> {
        let left = before.zip(self.sum_staged(conn, amount)?).map(|(before, after)| before - after);
        Ok(left.map(|duplicates| Amounts { duplicates, ..Amounts::default() }))
    }

    /// Where a row was in its file, and its key as text: the columns that [`Work::duplicate`] reads.
    fn named(&self, table: &str) -> String {
        let key: String = self.key.iter().map(|name| format!(", CAST({table}.{name} AS TEXT)")).collect();
        format!("{table}._rec, {table}._off, {table}._len{key}")
    }

    fn duplicate(&self, row: &RowRef<'_>) -> Result<Duplicate> {
        let key = (0..self.key.len()).map(|i| row.string(3 + i)).collect::<Result<_>>()?;
        Ok(Duplicate { record: row.count(0)?, byte: row.count(1)?, len: row.count(2)?, key })
    }

    /// Every row whose key came twice leaves: nobody knows which one is right. Their records go into the table `records`.
    pub(super) fn take_out_duplicates(
        &self,
        conn: &mut Conn,
        limit: u32,
        records: Option<&str>,
        applied: &mut Applied,
    ) -> Result<()> {
        let Work { v, s, d, .. } = self;
        let staged = "v._vid BETWEEN ?2 AND ?3 AND v._run = ?1";
        let (key, key_v) = (self.keys(""), self.keys("v."));
        let same = self.same_key("s", "v");
        conn.execute(
            &format!(
                "INSERT INTO {d} ({key}) SELECT DISTINCT {key_v} FROM {v} v JOIN {s} s ON {same}
                 WHERE {staged} AND v._vid <> s._vid"
            ),
            &self.range(),
        )?;
        applied.duplicate_rows = conn.query(
            &format!(
                "SELECT {} FROM {v} v JOIN {d} d ON {} WHERE {staged} ORDER BY v._vid LIMIT {limit}",
                self.named("v"),
                self.same_key("d", "v")
            ),
            &self.range(),
            |r| self.duplicate(r),
        )?;
        let among = format!("({key}) IN (SELECT {key} FROM {d})");
        if let Some(records) = records {
            let sql = format!("INSERT INTO {records} SELECT DISTINCT _rec FROM {v} WHERE {STAGED} AND {among}");
            conn.execute(&format!("{sql} ON CONFLICT DO NOTHING"), &self.range())?;
        }
        applied.duplicates = conn.execute(&format!("DELETE FROM {v} WHERE {STAGED} AND {among}"), &self.range())?;
        conn.execute(&format!("DELETE FROM {s} WHERE {among}"), &[])?;
        conn.execute(&format!("DELETE FROM {d}"), &[])?;
        Ok(())
    }

    /// Rows that came later and are older than what stands, or than what their key was closed with, leave. Their keys stay
    /// among the staged ones: a full set that names a key in an old version closes nothing.
    pub(super) fn take_out_older(&self, conn: &mut Conn, limit: u32, applied: &mut Applied) -> Result<()> {
        let Some(column) = self.entity.newer else { return Ok(()) };
        let Work { v, s, .. } = self;
        let newer = quote(&self.entity.columns[column].name);
        // CROSS JOIN has SQLite go this way round: from the staged keys, never over everything that stands. Equal rows are
        // of one age.
        let mark = format!(
            "UPDATE {s} SET _op = {OLDER} WHERE _was IS NOT NULL AND _vid IN
               (SELECT n._vid FROM {s} s CROSS JOIN {v} n CROSS JOIN {v} o
                WHERE (s._old <> s._hash OR s._old IS NULL AND s._op = {ROW})
                  AND n._vid = s._vid AND o._vid = s._was AND n.{newer} < o.{newer})"
        );
        if conn.execute(&mark, &[])? == 0 {
            return Ok(());
        }
        let list = format!(
            "SELECT {} FROM {s} s JOIN {v} v ON v._vid = s._vid WHERE s._op = {OLDER} ORDER BY v._vid LIMIT {limit}",
            self.named("v")
        );
        applied.older_rows = conn.query(&list, &[], |r| self.duplicate(r))?;
        applied.older = self.drop_staged(conn, &format!("_op = {OLDER}"))?;
        Ok(())
    }
}
