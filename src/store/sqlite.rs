//! SQLite behind [`super::Conn`].
//!
//! Owns: pragmas, prepared statements, binding. Never: builds SQL with values in it.

use std::cmp::Ordering;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Row};

use super::bulk::VersionBatch;
use super::conn::Target;
use super::row::RowRef;
use super::rows::{Cell, Rows};
use super::same::{LookUp, Standing};
use super::{Result, StoreError, quote};
use crate::value::Value;

/// How long a statement waits for the write lock of another connection before it is busy.
const BUSY: Duration = Duration::from_secs(60);

/// Pointers between two rows of a batch, on average, up to which walking over them is quicker than finding the rows.
const BETWEEN: usize = 4;

/// Prepared statements kept per connection.
const STATEMENTS: usize = 256;

/// Set on every connection.
/// - `cache_size`: 64 MiB, also the memory of one sort: the pages a delta of some ten thousand rows touches; what does not fit goes to temporary files.
/// - `wal_autocheckpoint`: 128 MiB of 16 KiB pages; `journal_size_limit` shortens a log that one big transaction made longer.
/// - `mmap_size=0`: resident memory stays what the cache says.
const PRAGMAS: &str = "
PRAGMA synchronous=NORMAL;
PRAGMA cache_size=-65536;
PRAGMA temp_store=FILE;
PRAGMA mmap_size=0;
PRAGMA wal_autocheckpoint=8192;
PRAGMA journal_size_limit=67108864;
PRAGMA foreign_keys=OFF;
PRAGMA threads=1;
";

pub(super) struct Sqlite {
    db: Connection,
}

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let open = |e: rusqlite::Error| StoreError::Open { target: path.display().to_string(), why: e.to_string() };
        let db = Connection::open(path).map_err(open)?;
        db.busy_timeout(BUSY).map_err(open)?;
        db.set_prepared_statement_cache_capacity(STATEMENTS);
        // Only the first connection to an empty file decides these two. Big pages: a delta spread over all keys touches most
        // leaves whatever their size, and each page has a fixed cost (measured: a quarter less time than 8 KiB).
        db.execute_batch("PRAGMA page_size=16384").map_err(open)?;
        db.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(())).map_err(open)?;
        db.execute_batch(PRAGMAS).map_err(open)?;
        // A log within its bound stays when the last connection closes: emptying it costs as much as a delta itself. The
        // bound above empties it at a commit, and a worker without work does (see `Conn::checkpoint`).
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(open)?;
        Ok(Sqlite { db })
    }

    pub(super) fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64> {
        let mut statement = self.prepare(sql, params)?;
        let changed = statement.raw_execute().map_err(|e| StoreError::sqlite(sql, e))?;
        Ok(changed as u64)
    }

    pub(super) fn script(&mut self, sql: &str) -> Result<()> {
        self.db.execute_batch(sql).map_err(|e| StoreError::sqlite(sql, e))
    }

    /// See [`super::Conn::checkpoint`].
    pub(super) fn checkpoint(&mut self) -> Result<()> {
        let what = "PRAGMA wal_checkpoint(TRUNCATE)";
        let fail = |e| StoreError::sqlite(what, e);
        self.db.busy_timeout(Duration::ZERO).map_err(fail)?;
        let done = self.db.execute_batch(what).map_err(fail);
        self.db.busy_timeout(BUSY).map_err(fail)?;
        done
    }

    pub(super) fn each_row(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        f: &mut dyn FnMut(&RowRef<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.prepare(sql, params)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|e| StoreError::sqlite(sql, e))? {
            f(&RowRef::Sqlite(row))?;
        }
        Ok(())
    }

    pub(super) fn insert_rows(&mut self, target: &Target<'_>, rows: &Rows) -> Result<()> {
        let sql = insert_sql(target);
        let fail = |e| StoreError::sqlite(&sql, e);
        // Constants are bound once: a raw execution keeps the bindings.
        let first_constant = usize::from(target.serial.is_some());
        let mut statement = self.db.prepare_cached(&sql).map_err(fail)?;
        for (i, value) in target.constants.iter().enumerate() {
            statement.raw_bind_parameter(first_constant + i + 1, Bound(*value)).map_err(fail)?;
        }
        let first_cell = first_constant + target.constants.len() + 1;
        let mut serial = target.serial;
        // What the previous row left bound: most empty cells are empty in the next row as well.
        let mut was_null = vec![false; rows.width()];
        for row in rows.iter() {
            if let Some(n) = &mut serial {
                statement.raw_bind_parameter(1, *n).map_err(fail)?;
                *n += 1;
            }
            for (i, cell) in row.cells().iter().enumerate() {
                match cell {
                    Cell::Text { .. } => {
                        statement.raw_bind_parameter(first_cell + i, row.text(cell)).map_err(fail)?;
                        was_null[i] = false;
                    }
                    Cell::Int(n) => {
                        statement.raw_bind_parameter(first_cell + i, *n).map_err(fail)?;
                        was_null[i] = false;
                    }
                    Cell::Null if was_null[i] => {}
                    Cell::Null => {
                        statement.raw_bind_parameter(first_cell + i, Bound(Value::Null)).map_err(fail)?;
                        was_null[i] = true;
                    }
                }
            }
            statement.raw_execute().map_err(fail)?;
        }
        Ok(())
    }

    /// What stands for the keys of every `step`-th row: beside the pointers while the rows are in their order and close
    /// enough together, which costs a quarter of finding each by itself.
    pub(super) fn look_up(
        &mut self,
        sql: &LookUp,
        dantai: &str,
        batch: &VersionBatch,
        key: &[usize],
        step: usize,
        found: &mut Vec<Standing>,
    ) -> Result<()> {
        let from =
            if step == 1 && batch.ascends(key) { self.look_along(&sql.along, dantai, batch, key, found)? } else { 0 };
        let fail = |e| StoreError::sqlite(&sql.each, e);
        let mut statement = self.prepare(&sql.each, &[Value::Text(dantai)])?;
        for row in (from..batch.len()).step_by(step) {
            bind_key(&mut statement, batch, key, row).map_err(fail)?;
            let mut rows = statement.raw_query();
            if let Some(standing) = rows.next().map_err(fail)? {
                let (vid, hash) = (standing.get(0).map_err(fail)?, standing.get(1).map_err(fail)?);
                found.push(Standing { row, vid, hash });
            }
        }
        Ok(())
    }

    /// Walks the pointers and the rows of a batch together. Returns the first row it did not look at: all are looked at,
    /// unless more than [`BETWEEN`] pointers lie between two of them on average.
    fn look_along(
        &self,
        sql: &str,
        dantai: &str,
        batch: &VersionBatch,
        key: &[usize],
        found: &mut Vec<Standing>,
    ) -> Result<usize> {
        let fail = |e| StoreError::sqlite(sql, e);
        let mut statement = self.prepare(sql, &[Value::Text(dantai)])?;
        let mut row = 0;
        if batch.is_empty() {
            return Ok(row);
        }
        bind_key(&mut statement, batch, key, row).map_err(fail)?;
        let mut steps = batch.len() * BETWEEN;
        let mut rows = statement.raw_query();
        while let Some(standing) = rows.next().map_err(fail)? {
            let order = |row| order(batch, key, row, standing);
            while row < batch.len() && order(row).map_err(fail)?.is_lt() {
                row += 1;
            }
            if row == batch.len() || steps == 0 {
                return Ok(row);
            }
            steps -= 1;
            if order(row).map_err(fail)?.is_eq() {
                let (vid, hash) = (standing.get(0).map_err(fail)?, standing.get(1).map_err(fail)?);
                found.push(Standing { row, vid, hash });
                row += 1;
            }
        }
        Ok(batch.len())
    }

    fn prepare(&self, sql: &str, params: &[Value<'_>]) -> Result<CachedStatement<'_>> {
        let fail = |e| StoreError::sqlite(sql, e);
        let mut statement = self.db.prepare_cached(sql).map_err(fail)?;
        for (i, value) in params.iter().enumerate() {
            statement.raw_bind_parameter(i + 1, Bound(*value)).map_err(fail)?;
        }
        Ok(statement)
    }
}

/// Binds a row's key behind the municipality.
fn bind_key(
    statement: &mut CachedStatement<'_>,
    batch: &VersionBatch,
    key: &[usize],
    row: usize,
) -> rusqlite::Result<()> {
    key.iter()
        .enumerate()
        .try_for_each(|(i, column)| statement.raw_bind_parameter(i + 2, Bound(batch.value(row, *column))))
}

/// A row's key against that of a pointer, which stands behind its version and hash.
fn order(batch: &VersionBatch, key: &[usize], row: usize, standing: &Row<'_>) -> rusqlite::Result<Ordering> {
    for (i, column) in key.iter().enumerate() {
        let order = match (batch.value(row, *column), standing.get_ref(i + 2)?) {
            (Value::Text(own), ValueRef::Text(other)) => own.as_bytes().cmp(other),
            (Value::Int(own), ValueRef::Integer(other)) => own.cmp(&other),
            (_, other) => return Err(rusqlite::Error::InvalidColumnType(i + 2, String::new(), other.data_type())),
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(Ordering::Equal)
}

fn insert_sql(target: &Target<'_>) -> String {
    let columns: Vec<String> = target.columns.iter().map(|c| quote(c)).collect();
    let places: Vec<String> = (1..=columns.len()).map(|i| format!("?{i}")).collect();
    format!("INSERT INTO {} ({}) VALUES ({})", quote(target.table), columns.join(","), places.join(","))
}

/// A value on its way into a statement.
struct Bound<'a>(Value<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Text(t) => ValueRef::Text(t.as_bytes()),
            Value::Int(n) => ValueRef::Integer(n),
            Value::Bool(b) => ValueRef::Integer(i64::from(b)),
        }))
    }
}
