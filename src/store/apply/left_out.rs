//! Staged rows that do not come to stand: those whose key came twice, and those older than what stands.
//!
//! Owns: which rows these are. Never: decides what becomes of their records.

use super::{Applied, Duplicate, OLDER, STAGED, Work};
use crate::store::row::RowRef;
use crate::store::{Conn, Result, quote};

impl Work<'_> {
    /// Where a row was in its file, and its key as text: the columns that [`Work::duplicate`] reads.
    fn named(&self, table: &str) -> String {
        let key: String = self.key.iter().map(|name| format!(", CAST({table}.{name} AS TEXT)")).collect();
        format!("{table}._rec, {table}._off, {table}._len{key}")
    }

    fn duplicate(&self, row: &RowRef<'_>) -> Result<Duplicate> {
        let key = (0..self.key.len()).map(|i| row.string(3 + i)).collect::<Result<_>>()?;
        Ok(Duplicate { record: row.count(0)?, byte: row.count(1)?, len: row.count(2)?, key })
    }

    /// Every row whose key came twice leaves: nobody knows which one is right.
    pub(super) fn take_out_duplicates(&self, conn: &mut Conn, limit: u32, applied: &mut Applied) -> Result<()> {
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
        applied.duplicates = conn.execute(&format!("DELETE FROM {v} WHERE {STAGED} AND {among}"), &self.range())?;
        conn.execute(&format!("DELETE FROM {s} WHERE {among}"), &[])?;
        conn.execute(&format!("DELETE FROM {d}"), &[])?;
        Ok(())
    }

    /// Rows that came later and are older than what stands leave. Their keys stay among the staged ones: a full set that
    /// names a key in an old version closes nothing.
    pub(super) fn take_out_older(&self, conn: &mut Conn, limit: u32, applied: &mut Applied) -> Result<()> {
        let Some(column) = self.entity.newer else { return Ok(()) };
        let Work { v, s, .. } = self;
        let newer = quote(&self.entity.columns[column].name);
        // CROSS JOIN has SQLite go this way round: from the staged keys, never over everything that stands. Equal rows are
        // of one age.
        let mark = format!(
            "UPDATE {s} SET _op = {OLDER} WHERE _old IS NOT NULL AND _vid IN
               (SELECT n._vid FROM {s} s CROSS JOIN {v} n CROSS JOIN {v} o
                WHERE s._old <> s._hash AND n._vid = s._vid AND o._vid = s._was AND n.{newer} < o.{newer})"
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
