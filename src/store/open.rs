//! Finding and opening the database, and bringing the ledger's tables up to date.

use std::path::{Path, PathBuf};

use postgres::Config;

use super::conn::Engine;
use super::pg::Postgres;
use super::sqlite::Sqlite;
use super::{Conn, Dialect, Result, StoreError};
use crate::value::Value;

/// Migrations in order; never edited once released, only added to.
const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_ledger", include_str!("migrations/0001_ledger.sql")),
    ("0002_stopped", include_str!("migrations/0002_stopped.sql")),
    ("0003_relation", include_str!("migrations/0003_relation.sql")),
    ("0004_expectation", include_str!("migrations/0004_expectation.sql")),
    ("0005_part", include_str!("migrations/0005_part.sql")),
    ("0006_guards", include_str!("migrations/0006_guards.sql")),
    ("0007_protection", include_str!("migrations/0007_protection.sql")),
];

/// Advisory lock (PostgreSQL) under which migrations run: "renkei" in bytes.
const LOCK: i64 = 0x7265_6e6b_6569;

/// A cheap handle to the store: it knows where the database is, and opens connections.
#[derive(Debug, Clone)]
pub struct Store {
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Sqlite(PathBuf),
    Postgres { config: Box<Config>, target: String },
}

impl Store {
    /// Opens the store named by `url`, creating file and folders (SQLite; paths are relative to `root`), and
    /// brings the ledger's tables up to date. On PostgreSQL the database must exist and be UTF-8.
    ///
    /// # Errors
    /// The URL is not understood; the database cannot be opened; a migration fails (nothing of it is kept).
    pub fn open(url: &str, root: &Path) -> Result<Store> {
        let store = Store { place: Place::parse(url, root)? };
        if let Place::Sqlite(path) = &store.place
            && let Some(folder) = path.parent()
        {
            std::fs::create_dir_all(folder)
                .map_err(|e| StoreError::Open { target: path.display().to_string(), why: e.to_string() })?;
        }
        migrate(&mut store.connect()?)?;
        Ok(store)
    }

    /// A new connection.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub fn connect(&self) -> Result<Conn> {
        let engine = match &self.place {
            Place::Sqlite(path) => Engine::Sqlite(Sqlite::open(path)?),
            Place::Postgres { config, target } => Engine::Postgres(Box::new(Postgres::open(config, target)?)),
        };
        Ok(Conn::new(engine))
    }

    /// Which dialect its connections speak.
    pub fn dialect(&self) -> Dialect {
        match self.place {
            Place::Sqlite(_) => Dialect::Sqlite,
            Place::Postgres { .. } => Dialect::Postgres,
        }
    }
}

impl Place {
    fn parse(url: &str, root: &Path) -> Result<Place> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.starts_with(':') {
                return Err(StoreError::Url { why: "ファイルのパスがありません".into() });
            }
            return Ok(Place::Sqlite(root.join(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            // The driver's message names the option, never its value.
            let config: Config = url.parse().map_err(|e: postgres::Error| StoreError::Url { why: e.to_string() })?;
            let target = format!("PostgreSQL {}", config.get_dbname().unwrap_or("（既定）"));
            return Ok(Place::Postgres { config: Box::new(config), target });
        }
        Err(StoreError::Url { why: "種類が分かりません".into() })
    }
}

fn migrate(conn: &mut Conn) -> Result<()> {
    conn.transaction(|conn| {
        if conn.dialect() == Dialect::Postgres {
            conn.query("SELECT CAST(pg_advisory_xact_lock(?1) AS TEXT)", &[Value::Int(LOCK)], |_| Ok(()))?;
        }
        conn.script(&dialect_sql(
            "CREATE TABLE IF NOT EXISTS migration (n INTEGER PRIMARY KEY, name TEXT NOT NULL)",
            conn.dialect(),
        ))?;
        let done = conn.query_one("SELECT count(*) FROM migration", &[], |r| r.count(0))? as usize;
        if done > MIGRATIONS.len() {
            return Err(StoreError::unexpected("この保存先は、より新しい版の renkei が作ったものです"));
        }
        for (n, (name, sql)) in MIGRATIONS.iter().enumerate().skip(done) {
            conn.script(&dialect_sql(sql, conn.dialect()))?;
            if *name == "0006_guards" {
                super::audit::absorb_events(conn)?;
            }
            let row = [Value::Int(n as i64 + 1), Value::Text(name)];
            conn.execute("INSERT INTO migration (n, name) VALUES (?1, ?2)", &row)?;
        }
        Ok(())
    })
}

/// SQLite's DDL in the words of `dialect`.
pub(super) fn dialect_sql(sql: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => sql.to_owned(),
        Dialect::Postgres => {
            sql.replace(" INTEGER", " BIGINT").replace(" TEXT", " TEXT COLLATE \"C\"").replace(" WITHOUT ROWID", "")
        }
    }
}
