//! One connection to the store, whichever engine is behind it.
//!
//! SQL is written once, with `?1 … ?n`; values are always bound. A connection belongs to one thread at a time.

use super::bulk::{Rows, VersionBatch};
use super::pg::Postgres;
use super::row::RowRef;
use super::same::{LookUp, Standing};
use super::sqlite::Sqlite;
use super::{Result, StoreError};
use crate::value::Value;

pub use crate::expr::Dialect;

/// A connection.
pub struct Conn {
    pub(super) engine: Engine,
    in_transaction: bool,
}

pub(super) enum Engine {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

/// How a transaction that did its work without an error ends.
#[derive(Debug)]
pub enum Decision<T> {
    /// Keep it.
    Commit(T),
    /// Undo it; the value tells why.
    Rollback(T),
}

/// Where [`Conn::insert_rows`] puts rows. Columns come in this order: serial (if any), constants, cells of the row.
pub struct Target<'a> {
    /// Table name, unquoted.
    pub table: &'a str,
    /// Column names, unquoted.
    pub columns: &'a [&'a str],
    /// First number of a column that counts up; `None` = there is no such column.
    pub serial: Option<i64>,
    /// Values that are the same in every row.
    pub constants: &'a [Value<'a>],
}

impl Conn {
    pub(super) fn new(engine: Engine) -> Self {
        Conn { engine, in_transaction: false }
    }

    /// Which dialect this connection speaks.
    pub fn dialect(&self) -> Dialect {
        match self.engine {
            Engine::Sqlite(_) => Dialect::Sqlite,
            Engine::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs one statement; returns the number of rows it changed.
    ///
    /// # Errors
    /// What the engine refuses.
    pub fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64> {
        match &mut self.engine {
            Engine::Sqlite(db) => db.execute(sql, params),
            Engine::Postgres(db) => db.execute(sql, params),
        }
    }

    /// Runs one statement of an open transaction; false, with the statement undone, when it would break a unique key.
    pub(super) fn execute_unless_conflict(&mut self, sql: &str, params: &[Value<'_>]) -> Result<bool> {
        // PostgreSQL gives the whole transaction up at an error unless there is a savepoint; SQLite undoes the statement.
        let savepoint = self.dialect() == Dialect::Postgres;
        if savepoint {
            self.script("SAVEPOINT statement")?;
        }
        let done = match self.execute(sql, params) {
            Ok(_) => true,
            Err(e) if e.is_conflict() => {
                if savepoint {
                    self.script("ROLLBACK TO SAVEPOINT statement")?;
                }
                false
            }
            Err(e) => return Err(e),
        };
        if savepoint {
            self.script("RELEASE SAVEPOINT statement")?;
        }
        Ok(done)
    }

    /// Runs statements without parameters, separated by `;`.
    ///
    /// # Errors
    /// What the engine refuses.
    pub fn script(&mut self, sql: &str) -> Result<()> {
        match &mut self.engine {
            Engine::Sqlite(db) => db.script(sql),
            Engine::Postgres(db) => db.script(sql),
        }
    }

    /// All rows of a query. The caller bounds it by LIMIT or by what the table can hold.
    ///
    /// # Errors
    /// What the engine or `f` refuses.
    pub fn query<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mut f: impl FnMut(&RowRef<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.each_row(sql, params, |row| {
            rows.push(f(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// The one row of a query.
    ///
    /// # Errors
    /// As [`Conn::query`]; [`StoreError::Missing`] when there is none.
    pub fn query_one<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        f: impl FnMut(&RowRef<'_>) -> Result<T>,
    ) -> Result<T> {
        self.query_opt(sql, params, f)?.ok_or_else(|| StoreError::Missing { what: sql.to_owned() })
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// As [`Conn::query`].
    pub fn query_opt<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        f: impl FnMut(&RowRef<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.query(sql, params, f)?.into_iter().next())
    }

    /// Every row of a query in turn, in bounded memory, whatever its size: SQLite steps, PostgreSQL streams with the
    /// socket's back pressure.
    ///
    /// # Errors
    /// What the engine or `f` refuses. Return [`StoreError::Stopped`] from `f` to end early.
    pub fn for_each(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mut f: impl FnMut(&[Value<'_>]) -> Result<()>,
    ) -> Result<()> {
        let mut width = 0;
        self.each_row(sql, params, |row| {
            if width == 0 {
                width = match row {
                    RowRef::Sqlite(r) => r.as_ref().column_count(),
                    RowRef::Postgres(r) => r.len(),
                };
            }
            let mut values = Vec::with_capacity(width);
            for i in 0..width {
                values.push(row.value(i)?);
            }
            f(&values)
        })
    }

    /// [`Conn::for_each`] with the row itself.
    ///
    /// # Errors
    /// As [`Conn::for_each`].
    pub fn each_row(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mut f: impl FnMut(&RowRef<'_>) -> Result<()>,
    ) -> Result<()> {
        match &mut self.engine {
            Engine::Sqlite(db) => db.each_row(sql, params, &mut f),
            Engine::Postgres(db) => db.each_row(sql, params, &mut f),
        }
    }

    /// Many rows into one table by the fastest door: prepared inserts on SQLite, COPY on PostgreSQL, where numbers need
    /// `bigint` columns and text `text` ones. Inside one transaction (joins the one that is open).
    ///
    /// # Errors
    /// What the engine refuses; nothing of `rows` is kept then.
    pub fn insert_rows(&mut self, target: &Target<'_>, rows: &Rows) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.transaction(|conn| match &mut conn.engine {
            Engine::Sqlite(db) => db.insert_rows(target, rows),
            Engine::Postgres(db) => db.insert_rows(target, rows),
        })
    }

    /// What stands for the keys of every `step`-th row of a batch; `key` = columns of the entity. See [`super::same`].
    pub(super) fn look_up(
        &mut self,
        sql: &LookUp,
        dantai: &str,
        batch: &VersionBatch,
        key: &[usize],
        step: usize,
        found: &mut Vec<Standing>,
    ) -> Result<()> {
        match &mut self.engine {
            Engine::Sqlite(db) => db.look_up(sql, dantai, batch, key, step, found),
            Engine::Postgres(db) => db.look_up(&sql.each, dantai, batch, key, step, found),
        }
    }

    /// Runs `f` in a transaction: committed when it returns `Ok`, undone otherwise. On SQLite it takes the write lock at
    /// once, so that it never fails half-way for a lock. Inside another transaction it simply joins it.
    ///
    /// # Errors
    /// `f`'s, or the engine's.
    pub fn transaction<T>(&mut self, f: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        self.decide(|conn| f(conn).map(Decision::Commit))
    }

    /// [`Conn::transaction`] whose commit is on disk when it returns, power loss or not.
    ///
    /// # Errors
    /// As [`Conn::transaction`].
    pub fn durable<T>(&mut self, f: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        self.durable_decide(|conn| f(conn).map(Decision::Commit))
    }

    /// [`Conn::decide`] whose commit is on disk when it returns.
    ///
    /// # Errors
    /// As [`Conn::transaction`].
    pub fn durable_decide<T>(&mut self, f: impl FnOnce(&mut Conn) -> Result<Decision<T>>) -> Result<T> {
        if self.in_transaction {
            return self.decide(f);
        }
        self.set_full_sync(true)?;
        let result = self.decide(f);
        self.set_full_sync(false)?;
        result
    }

    /// [`Conn::transaction`] in which `f` may also decide to undo without an error. Inside another transaction a
    /// rollback cannot be honoured alone: the inner decision must be passed on.
    ///
    /// # Errors
    /// As [`Conn::transaction`].
    pub fn decide<T>(&mut self, f: impl FnOnce(&mut Conn) -> Result<Decision<T>>) -> Result<T> {
        if self.in_transaction {
            return match f(self)? {
                Decision::Commit(value) => Ok(value),
                Decision::Rollback(_) => Err(StoreError::Stopped),
            };
        }
        self.script(match self.dialect() {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        })?;
        self.in_transaction = true;
        let result = f(self);
        self.in_transaction = false;
        match result {
            Ok(Decision::Commit(value)) => match self.script("COMMIT") {
                Ok(()) => Ok(value),
                Err(e) => {
                    self.roll_back();
                    Err(e)
                }
            },
            Ok(Decision::Rollback(value)) => {
                self.roll_back();
                Ok(value)
            }
            Err(e) => {
                self.roll_back();
                Err(e)
            }
        }
    }

    /// Is a transaction of [`Conn::transaction`] open?
    pub fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// SQLite: moves the log into the database file and empties it. Call after a first load and without work, outside a
    /// transaction. Waits for nobody: what readers are in the way of stays in the log.
    ///
    /// # Errors
    /// What the engine refuses.
    pub fn checkpoint(&mut self) -> Result<()> {
        match &mut self.engine {
            Engine::Sqlite(db) => db.checkpoint(),
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// Memory for pages that a connection begins with.
    pub const CACHE_MIB: u32 = 64;

    /// Most memory for pages of the database, and for one sort, from now on; SQLite only.
    ///
    /// # Errors
    /// What the engine refuses.
    pub fn bound_cache(&mut self, mib: u32) -> Result<()> {
        match self.dialect() {
            Dialect::Sqlite => self.script(&format!("PRAGMA cache_size=-{}", u64::from(mib) << 10)),
            Dialect::Postgres => Ok(()),
        }
    }

    /// Gives memory back that only a next statement would use. For a connection that is put away.
    ///
    /// # Errors
    /// What the engine refuses.
    pub fn shrink(&mut self) -> Result<()> {
        match self.dialect() {
            Dialect::Sqlite => self.script("PRAGMA shrink_memory"),
            Dialect::Postgres => Ok(()),
        }
    }

    /// The first error is the one to report; a rollback that fails as well adds nothing (the engine has already undone it).
    fn roll_back(&mut self) {
        let _ = self.script("ROLLBACK");
    }

    fn set_full_sync(&mut self, full: bool) -> Result<()> {
        match (self.dialect(), full) {
            (Dialect::Sqlite, true) => self.script("PRAGMA synchronous=FULL"),
            (Dialect::Sqlite, false) => self.script("PRAGMA synchronous=NORMAL"),
            (Dialect::Postgres, _) => Ok(()),
        }
    }
}
