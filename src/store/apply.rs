//! The one transaction that makes staged versions stand: duplicates out, unchanged out, pointers moved, vanished keys closed.
//!
//! Set-based and in key order, so that the cost follows the rows staged and the pointer table is written front to back.
//! Never: decides about tolerance; it reports duplicates and the caller holds their records, or rolls everything back.

mod closed;
mod left_out;
mod vanished;

pub use left_out::take_out_twice;

use super::bulk::{CLOSED, ROW};
use super::open::dialect_sql;
use super::same::{self, Same};
use super::{Conn, Dialect, Result, ddl, quote};
use crate::schema::entity::Entity;
use crate::value::Value;

/// How to apply.
#[derive(Debug, Clone, Copy)]
pub struct ApplyMode {
    /// The rows are the whole set: keys not named are closed.
    pub full: bool,
    /// Some record was held, so a key not named may still exist: closing is put off. Duplicates found here count as held.
    pub any_held: bool,
    /// Most duplicates listed; the rest is only counted.
    pub max_duplicates: u32,
    /// Column (index into the entity's) whose sums are wanted by class.
    pub amount: Option<usize>,
}

/// What an apply did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Keys not known before.
    pub new: u64,
    /// Keys with other values than before.
    pub changed: u64,
    /// Keys with the same values as before; their staged rows are gone.
    pub unchanged: u64,
    /// Keys closed because a record said so.
    pub closed: u64,
    /// Keys closed because a full set does not name them.
    pub vanished: u64,
    /// Records that would close a key that is not there; their staged rows are gone.
    pub close_unknown: u64,
    /// Staged rows whose key another staged row has too; all of them are gone.
    pub duplicates: u64,
    /// The first of these, in file order.
    pub duplicate_rows: Vec<Duplicate>,
    /// Rows older than what stands (by the entity's `newer`); they are gone.
    pub older: u64,
    /// The first of these, in file order.
    pub older_rows: Vec<Duplicate>,
    /// A full set whose closing was put off.
    pub closing_put_off: bool,
    /// Sums of the amount column by class; `None` = not asked for, or everything is new.
    pub amounts: Option<Amounts>,
}

/// Sums of the amount column over staged rows, by what became of them, yen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Keys not known before.
    pub new: i64,
    /// Keys with other values than before.
    pub changed: i64,
    /// Keys with the same values as before.
    pub unchanged: i64,
    /// Rows whose key came twice.
    pub duplicates: i64,
}

/// A row whose key another row of the same run has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// Values of the key columns, in their order, as text.
    pub key: Vec<String>,
    /// 1-based record.
    pub record: u64,
    /// 0-based offset.
    pub byte: u64,
    /// Length in bytes.
    pub len: u64,
}

/// Names and numbers every statement needs.
struct Work<'a> {
    entity: &'a Entity,
    dantai: &'a str,
    run: i64,
    first: i64,
    last: i64,
    /// Quoted tables: versions, pointers, closed keys (where a column orders versions), staged keys, duplicate keys.
    v: String,
    c: String,
    t: Option<String>,
    s: String,
    d: String,
    /// Quoted key columns.
    key: Vec<String>,
}

/// `_op` of a staged key whose row is older than what stands.
const OLDER: i64 = 2;
/// Which rows of `v_` a run staged: parameters ?1 run, ?2 first, ?3 last.
const STAGED: &str = "_vid BETWEEN ?2 AND ?3 AND _run = ?1";

/// Makes the rows that `run` staged for `entity` stand. Call it inside [`Conn::durable`] together with the ledger's update,
/// once per entity of the run. A run that staged nothing is fine (a full set of none closes everything).
///
/// # Errors
/// The store's.
pub fn apply_entity(conn: &mut Conn, entity: &Entity, run: i64, dantai: &str, mode: ApplyMode) -> Result<Applied> {
    apply_compared(conn, entity, run, dantai, mode, &Same::default())
}

/// [`apply_entity`] for a run whose unchanged rows were not staged: `same` is what its writer found.
///
/// # Errors
/// As [`apply_entity`]; another run changed the entity after the comparison.
pub fn apply_compared(
    conn: &mut Conn,
    entity: &Entity,
    run: i64,
    dantai: &str,
    mode: ApplyMode,
    same: &Same,
) -> Result<Applied> {
    conn.transaction(|conn| {
        same::ensure_current(conn, entity, same)?;
        let (work, staged, closes) = Work::staged(conn, entity, run, dantai)?;
        let applied = work.apply(conn, mode, staged, closes, same)?;
        conn.execute(
            "UPDATE stage SET applied = 1 WHERE run = ?1 AND entity = ?2",
            &[Value::Int(run), Value::Text(&entity.id)],
        )?;
        Ok(applied)
    })
}

/// Does any row of the municipality stand?
///
/// # Errors
/// The store's.
pub fn any_stands(conn: &mut Conn, entity: &Entity, dantai: &str) -> Result<bool> {
    let any = format!("SELECT 1 FROM {} WHERE _dantai = ?1 LIMIT 1", quote(&format!("c_{}", entity.id)));
    Ok(conn.query_opt(&any, &[Value::Text(dantai)], |_| Ok(()))?.is_some())
}

/// Removes what an unfinished run staged for an entity; doing it twice does nothing. What was applied stays.
///
/// # Errors
/// The store's.
pub fn discard_run(conn: &mut Conn, entity: &Entity, run: i64) -> Result<u64> {
    conn.transaction(|conn| {
        let id = [Value::Int(run), Value::Text(&entity.id)];
        let stage = conn.query_opt(
            "SELECT first_vid, last_vid FROM stage WHERE run = ?1 AND entity = ?2 AND applied = 0",
            &id,
            |r| Ok((r.int(0)?, r.int(1)?)),
        )?;
        let Some((first, last)) = stage else { return Ok(0) };
        let v = quote(&format!("v_{}", entity.id));
        let range = [Value::Int(run), Value::Int(first), Value::Int(last)];
        let removed = conn.execute(&format!("DELETE FROM {v} WHERE {STAGED}"), &range)?;
        conn.execute("DELETE FROM stage WHERE run = ?1 AND entity = ?2", &id)?;
        Ok(removed)
    })
}

impl<'a> Work<'a> {
    /// What a run staged for an entity, how many rows, and how many of them close a key.
    fn staged(conn: &mut Conn, entity: &'a Entity, run: i64, dantai: &'a str) -> Result<(Self, u64, u64)> {
        let stage = conn.query_opt(
            "SELECT first_vid, last_vid, staged, closes FROM stage WHERE run = ?1 AND entity = ?2",
            &[Value::Int(run), Value::Text(&entity.id)],
            |r| Ok((r.int(0)?, r.int(1)?, r.count(2)?, r.count(3)?)),
        )?;
        let (first, last, staged, closes) = stage.unwrap_or((0, -1, 0, 0));
        Ok((Work::new(entity, run, dantai, first, last), staged, closes))
    }

    fn new(entity: &'a Entity, run: i64, dantai: &'a str, first: i64, last: i64) -> Self {
        let table = |prefix: &str| quote(&format!("{prefix}_{}", entity.id));
        let key = entity.key.iter().map(|k| quote(&entity.columns[*k].name)).collect();
        let t = entity.newer.map(|_| table("t"));
        Work { entity, dantai, run, first, last, v: table("v"), c: table("c"), t, s: table("s"), d: table("d"), key }
    }

    fn apply(&self, conn: &mut Conn, mode: ApplyMode, staged: u64, closes: u64, same: &Same) -> Result<Applied> {
        if closes == 0 && !self.any_known(conn)? && self.first_load(conn)? {
            ddl::analyze_after(conn, self.entity, staged)?;
            return Ok(Applied { new: staged, ..Applied::default() });
        }
        self.merge(conn, mode, staged, same)
    }

    /// Does any key stand, or was any closed?
    fn any_known(&self, conn: &mut Conn) -> Result<bool> {
        Ok(any_stands(conn, self.entity, self.dantai)? || self.any_closed(conn)?)
    }

    /// Nothing stands yet: pointers straight from the versions. False, and nothing done, when some key came twice.
    fn first_load(&self, conn: &mut Conn) -> Result<bool> {
        let key = self.keys("");
        let sql = format!(
            "INSERT INTO {c} (_dantai, {key}, _vid, _hash) SELECT _dantai, {key}, _vid, _hash FROM {v}
             WHERE {STAGED} ORDER BY {key}",
            c = self.c,
            v = self.v
        );
        conn.execute_unless_conflict(&sql, &self.range())
    }

    fn merge(&self, conn: &mut Conn, mode: ApplyMode, staged: u64, same: &Same) -> Result<Applied> {
        let mut applied = Applied::default();
        if !self.collect_keys(conn)? {
            let before = self.sum_staged(conn, mode.amount)?;
            self.take_out_duplicates(conn, mode.max_duplicates, None, &mut applied)?;
            applied.amounts = self.left_amount(conn, mode.amount, before)?;
        }
        if conn.dialect() == Dialect::Postgres && staged > 1000 {
            conn.script(&format!("ANALYZE {}", self.s))?;
        }
        self.take_out_older(conn, mode.max_duplicates, &mut applied)?;
        self.sum_classes(conn, mode.amount, &mut applied)?;
        let count = format!("SELECT count(*), count(_old) FROM {} WHERE _op = {ROW}", self.s);
        let (rows, known) = conn.query_one(&count, &[], |r| Ok((r.count(0)?, r.count(1)?)))?;
        applied.unchanged = self.drop_staged(conn, &format!("_op = {ROW} AND _hash = _old"))?;
        applied.new = rows - known;
        applied.changed = known - applied.unchanged;
        applied.unchanged += same.rows;
        if let Some(amounts) = &mut applied.amounts {
            amounts.unchanged += same.amount;
        }
        applied.close_unknown = self.drop_staged(conn, &format!("_op = {CLOSED} AND _old IS NULL"))?;
        let put_off = mode.any_held || applied.duplicates > 0;
        if mode.full && !put_off {
            applied.vanished = self.close_vanished(conn, same)?;
        }
        applied.closing_put_off = mode.full && put_off;
        applied.closed = self.move_pointers(conn)?;
        ddl::analyze_after(conn, self.entity, applied.new)?;
        conn.execute(&format!("DELETE FROM {}", self.s), &[])?;
        Ok(applied)
    }

    /// Sum over everything staged.
    fn sum_staged(&self, conn: &mut Conn, amount: Option<usize>) -> Result<Option<i64>> {
        let Some(column) = amount else { return Ok(None) };
        let name = quote(&self.entity.columns[column].name);
        let sql = format!("SELECT CAST(COALESCE(SUM({name}), 0) AS BIGINT) FROM {} WHERE {STAGED}", self.v);
        conn.query_one(&sql, &self.range(), |r| r.int(0)).map(Some)
    }

    /// Sums by how the key stands, before anything is moved.
    fn sum_classes(&self, conn: &mut Conn, amount: Option<usize>, applied: &mut Applied) -> Result<()> {
        let Some(column) = amount else { return Ok(()) };
        let name = quote(&self.entity.columns[column].name);
        let sum = |test: &str| format!("CAST(COALESCE(SUM(CASE WHEN {test} THEN v.{name} ELSE 0 END), 0) AS BIGINT)");
        let sql = format!(
            "SELECT {}, {}, {} FROM {s} s CROSS JOIN {v} v WHERE v._vid = s._vid AND s._op = {ROW}",
            sum("s._old IS NULL"),
            sum("s._old <> s._hash"),
            sum("s._old = s._hash"),
            s = self.s,
            v = self.v,
        );
        let (new, changed, unchanged) = conn.query_one(&sql, &[], |r| Ok((r.int(0)?, r.int(1)?, r.int(2)?)))?;
        let duplicates = applied.amounts.map_or(0, |a| a.duplicates);
        applied.amounts = Some(Amounts { new, changed, unchanged, duplicates });
        Ok(())
    }

    /// Staged keys into a table of this connection, in key order, each with the hash (`_old`) and the version (`_was`) that
    /// stand for it: the one look at the pointers, front to back. A key that was closed has no hash, and the version it was
    /// closed with. False when some key came twice (one of its rows is there).
    fn collect_keys(&self, conn: &mut Conn) -> Result<bool> {
        let Work { v, c, s, d, .. } = self;
        let columns: Vec<String> = self
            .entity
            .key
            .iter()
            .zip(&self.key)
            .map(|(k, name)| format!("{name} {} NOT NULL", ddl::column_type(self.entity, *k)))
            .collect();
        let key = self.keys("");
        let dialect = conn.dialect();
        // SQLite probes in the order of the inner sort, which LIMIT -1 keeps it from taking apart.
        let (on_commit, unlimited) = match dialect {
            Dialect::Sqlite => ("WITHOUT ROWID", "LIMIT -1"),
            Dialect::Postgres => ("ON COMMIT DELETE ROWS", ""),
        };
        let numbers =
            "_vid INTEGER NOT NULL, _hash INTEGER NOT NULL, _op INTEGER NOT NULL, _old INTEGER, _was INTEGER, ";
        for (table, more) in [(s, numbers), (d, "")] {
            let columns = columns.join(", ");
            let sql = format!("CREATE TEMP TABLE IF NOT EXISTS {table} ({columns}, {more}PRIMARY KEY ({key})) ");
            conn.script(&format!("{}{on_commit}", dialect_sql(&sql, dialect)))?;
            conn.execute(&format!("DELETE FROM {table}"), &[])?;
        }
        let (was, closed) = self.closed_with();
        let sql = format!(
            "INSERT INTO {s} ({key}, _vid, _hash, _op, _old, _was)
             SELECT {key_n}, n._vid, n._hash, n._op, c._hash, {was} FROM
               (SELECT {key}, _vid, _hash, _op FROM {v} WHERE {STAGED} ORDER BY {key}, _vid {unlimited}) n
               LEFT JOIN {c} c ON c._dantai = ?4 AND {same}{closed} WHERE 1 = 1",
            key_n = self.keys("n."),
            same = self.same_key("n", "c")
        );
        let [run, first, last] = self.range();
        let params = [run, first, last, Value::Text(self.dantai)];
        // Almost always every key is there once, and PostgreSQL is twice as fast when it may take that for granted.
        let once = conn.execute_unless_conflict(&sql, &params)?;
        if !once {
            conn.execute(&format!("{sql} ON CONFLICT DO NOTHING"), &params)?;
        }
        Ok(once)
    }

    /// Deletes staged versions chosen by a test over the staged keys; returns how many. The range keeps a planner with old
    /// statistics from walking all versions.
    fn drop_staged(&self, conn: &mut Conn, test: &str) -> Result<u64> {
        let chosen = format!("SELECT _vid FROM {} WHERE {test}", self.s);
        conn.execute(&format!("DELETE FROM {} WHERE {STAGED} AND _vid IN ({chosen})", self.v), &self.range())
    }

    /// Pointers of new and changed keys; pointers of keys a record closes go. Returns how many went.
    fn move_pointers(&self, conn: &mut Conn) -> Result<u64> {
        let Work { c, s, .. } = self;
        let key = self.keys("");
        let dantai = Value::Text(self.dantai);
        let insert = format!(
            "INTO {c} (_dantai, {key}, _vid, _hash) SELECT CAST(?1 AS TEXT), {key}, _vid, _hash FROM {s} WHERE _op = {ROW}"
        );
        match conn.dialect() {
            // OR ROLLBACK (no row can break a rule here) spares SQLite the copy of every page it changes, which it keeps
            // to undo one statement alone.
            Dialect::Sqlite => {
                let new = format!("INSERT OR ROLLBACK {insert} AND _old IS NULL ORDER BY {key}");
                conn.execute(&new, &[dantai])?;
                let changed = format!(
                    "UPDATE OR ROLLBACK {c} SET (_vid, _hash) = (SELECT s._vid, s._hash FROM {s} s WHERE {})
                     WHERE _dantai = ?1 AND ({key}) IN (SELECT {key} FROM {s} WHERE _op = {ROW} AND _old <> _hash)",
                    self.same_key("s", c)
                );
                conn.execute(&changed, &[dantai])?;
            }
            Dialect::Postgres => {
                let sql = format!(
                    "INSERT {insert} AND (_old IS NULL OR _old <> _hash) ORDER BY {key}
                     ON CONFLICT (_dantai, {key}) DO UPDATE SET _vid = excluded._vid, _hash = excluded._hash"
                );
                conn.execute(&sql, &[dantai])?;
            }
        }
        self.remember(conn)?;
        conn.execute(
            &format!("DELETE FROM {c} WHERE _dantai = ?1 AND ({key}) IN (SELECT {key} FROM {s} WHERE _op = {CLOSED})"),
            &[dantai],
        )
    }

    fn range(&self) -> [Value<'static>; 3] {
        [Value::Int(self.run), Value::Int(self.first), Value::Int(self.last)]
    }

    /// Key columns, each with a prefix, separated by commas.
    fn keys(&self, prefix: &str) -> String {
        self.key.iter().map(|k| format!("{prefix}{k}")).collect::<Vec<_>>().join(", ")
    }

    fn same_key(&self, a: &str, b: &str) -> String {
        self.key.iter().map(|k| format!("{a}.{k} = {b}.{k}")).collect::<Vec<_>>().join(" AND ")
    }
}
