//! Keys that a full set does not name: found and closed.
//!
//! Owns: their tombstones. Never: decides whether a set is whole.

use super::Work;
use crate::store::bulk::{CLOSED, Rows};
use crate::store::conn::Target;
use crate::store::open::dialect_sql;
use crate::store::same::Same;
use crate::store::{Conn, Result, quote, sequence};
use crate::value::Value;

impl Work<'_> {
    /// Keys that stand and that the full set does not name: a tombstone each (its `_src` names the version it closes), and
    /// no pointer any more.
    pub(super) fn close_vanished(&self, conn: &mut Conn, same: &Same) -> Result<u64> {
        let Work { v, c, .. } = self;
        let gone = self.gone(conn, same)?;
        let dantai = Value::Text(self.dantai);
        let count = conn.query_one(&format!("SELECT count(*) FROM {c} c WHERE {gone}"), &[dantai], |r| r.count(0))?;
        if count == 0 {
            return Ok(0);
        }
        let first = sequence::take(conn, &format!("v_{}", self.entity.id), count)?;
        let key = self.keys("");
        conn.execute(
            &format!(
                "INSERT INTO {v} (_vid, _dantai, _run, _rec, _off, _len, _src, _op, _hash, {key})
                 SELECT ?2 + row_number() OVER (ORDER BY {key_c}), _dantai, ?3, 0, 0, 0,
                   '{id}:' || CAST(c._vid AS TEXT), {CLOSED}, 0, {key_c} FROM {c} c WHERE {gone}",
                key_c = self.keys("c."),
                id = self.entity.id
            ),
            &[dantai, Value::Int(first - 1), Value::Int(self.run)],
        )?;
        self.remember_gone(conn, &gone)?;
        conn.execute(&format!("DELETE FROM {c} AS c WHERE {gone}"), &[dantai])?;
        let last = Value::Int(first + count as i64 - 1);
        conn.execute(
            "INSERT INTO stage (run, entity, first_vid, last_vid, staged, closes, applied) VALUES (?1, ?2, ?3, ?4, 0, 0, 1)
             ON CONFLICT (run, entity) DO UPDATE SET last_vid = excluded.last_vid",
            &[Value::Int(self.run), Value::Text(&self.entity.id), Value::Int(first), last],
        )?;
        Ok(count)
    }

    /// The test, over pointers `c` and with ?1 the municipality, for keys that the run does not name.
    fn gone(&self, conn: &mut Conn, same: &Same) -> Result<String> {
        let Work { c, s, .. } = self;
        if same.applied.is_none() {
            let named = self.same_key("s", "c");
            return Ok(format!("c._dantai = ?1 AND NOT EXISTS (SELECT 1 FROM {s} s WHERE {named})"));
        }
        // The comparison saw every key that stands and is named.
        let g = format!("g_{}", self.entity.id);
        let quoted = quote(&g);
        let create = format!("CREATE TEMP TABLE IF NOT EXISTS {quoted} (_vid INTEGER NOT NULL PRIMARY KEY)");
        conn.script(&dialect_sql(&create, conn.dialect()))?;
        conn.execute(&format!("DELETE FROM {quoted}"), &[])?;
        let dantai = [Value::Text(self.dantai)];
        let standing = format!("SELECT count(*) FROM {c} WHERE _dantai = ?1");
        if conn.query_one(&standing, &dantai, |r| r.count(0))? > same.named() {
            let mut gone = Rows::new(1);
            conn.each_row(&format!("SELECT _vid FROM {c} WHERE _dantai = ?1"), &dantai, |r| {
                let vid = r.int(0)?;
                if !same.has(vid) {
                    gone.push(Value::Int(vid));
                }
                Ok(())
            })?;
            conn.insert_rows(&Target { table: &g, columns: &["_vid"], serial: None, constants: &[] }, &gone)?;
        }
        Ok(format!("c._dantai = ?1 AND c._vid IN (SELECT _vid FROM {quoted})"))
    }
}
