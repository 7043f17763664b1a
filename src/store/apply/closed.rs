//! Keys that were closed, with the version each was closed with, where a column orders the versions of an entity.
//!
//! Owns: that a record which comes late cannot open again what a newer one closed. Never: says that a row is older
//! ([`super::left_out`] compares).

use super::Work;
use crate::store::bulk::{CLOSED, ROW};
use crate::store::{Conn, Result, quote};
use crate::value::Value;

impl Work<'_> {
    /// Is any closed key remembered?
    pub(super) fn any_closed(&self, conn: &mut Conn) -> Result<bool> {
        let Some(t) = &self.t else { return Ok(false) };
        let any = format!("SELECT 1 FROM {t} WHERE _dantai = ?1 LIMIT 1");
        Ok(conn.query_opt(&any, &[Value::Text(self.dantai)], |_| Ok(()))?.is_some())
    }

    /// SQL of the version that a staged key `n` has, standing or closed, and of the join it needs; ?4 is the municipality.
    pub(super) fn closed_with(&self) -> (&'static str, String) {
        match &self.t {
            None => ("c._vid", String::new()),
            Some(t) => {
                let join = format!(" LEFT JOIN {t} t ON t._dantai = ?4 AND {}", self.same_key("n", "t"));
                ("COALESCE(c._vid, t._vid)", join)
            }
        }
    }

    /// Keys that open again are forgotten; those that a record closes are remembered with its tombstone, or when that does
    /// not say how new it is, with the version it closes.
    pub(super) fn remember(&self, conn: &mut Conn) -> Result<()> {
        let Work { v, s, .. } = self;
        let (Some(t), Some(column)) = (&self.t, self.entity.newer) else { return Ok(()) };
        let (key, dantai) = (self.keys(""), [Value::Text(self.dantai)]);
        let opened = format!("SELECT {key} FROM {s} WHERE _op = {ROW} AND _old IS NULL AND _was IS NOT NULL");
        conn.execute(&format!("DELETE FROM {t} WHERE _dantai = ?1 AND ({key}) IN ({opened})"), &dantai)?;
        let closed = format!(
            "INSERT INTO {t} (_dantai, {key}, _vid)
             SELECT CAST(?1 AS TEXT), {}, CASE WHEN v.{} IS NULL THEN s._was ELSE s._vid END
             FROM {s} s JOIN {v} v ON v._vid = s._vid WHERE s._op = {CLOSED} AND s._old IS NOT NULL {}",
            self.keys("s."),
            quote(&self.entity.columns[column].name),
            self.once_more()
        );
        conn.execute(&closed, &dantai)?;
        Ok(())
    }

    /// Remembers the keys among the pointers `c` that pass a test (?1: the municipality), with the version that stands.
    pub(super) fn remember_gone(&self, conn: &mut Conn, gone: &str) -> Result<()> {
        let Some(t) = &self.t else { return Ok(()) };
        let sql = format!(
            "INSERT INTO {t} (_dantai, {}, _vid) SELECT c._dantai, {}, c._vid FROM {} c WHERE {gone} {}",
            self.keys(""),
            self.keys("c."),
            self.c,
            self.once_more()
        );
        conn.execute(&sql, &[Value::Text(self.dantai)])?;
        Ok(())
    }

    /// A key may be remembered already: while the entity went without an order, what opened it again forgot nothing.
    fn once_more(&self) -> String {
        format!("ON CONFLICT (_dantai, {}) DO UPDATE SET _vid = excluded._vid", self.keys(""))
    }
}
