//! Staged rows that do not come to stand: those whose key came twice, and those older than what stands.
//!
//! Owns: which rows these are. Never: decides what becomes of their records.

use super::{Applied, Duplicate, OLDER, STAGED, Work};
use crate::store::{Conn, Result, quote};

impl Work<'_> {
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
                "SELECT v._rec, v._off, v._len FROM {v} v JOIN {d} d ON {} WHERE {staged} ORDER BY v._vid LIMIT {limit}",
                self.same_key("d", "v")
            ),
            &self.range(),
            |r| Ok(Duplicate { record: r.count(0)?, byte: r.count(1)?, len: r.count(2)? }),
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
            "SELECT v._rec, v._off, v._len FROM {s} s JOIN {v} v ON v._vid = s._vid WHERE s._op = {OLDER}
             ORDER BY v._vid LIMIT {limit}"
        );
        applied.older_rows =
            conn.query(&list, &[], |r| Ok(Duplicate { record: r.count(0)?, byte: r.count(1)?, len: r.count(2)? }))?;
        applied.older = self.drop_staged(conn, &format!("_op = {OLDER}"))?;
        Ok(())
    }
}
