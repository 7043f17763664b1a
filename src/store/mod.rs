//! The store: the only place that knows SQL dialects and connections.
//!
//! SQLite through `rusqlite` and PostgreSQL through the synchronous `postgres`. Not sqlx: the pipeline is plain threads, `rusqlite`
//! reaches the speed of SQLite's own prepared inserts without unsafe code, and `postgres` offers COPY.
//!
//! In the order data flows:
//! - [`conn`]: one connection, the two engines behind one type; [`row`] what comes back; [`error`] what goes wrong.
//! - [`open`]: finding the database and bringing the ledger's tables up to date.
//! - [`ddl`]: the canonical tables `v_<entity>` (versions) and `c_<entity>` (which version stands).
//! - [`ledger`] with [`state`] and [`lease`], [`run`], [`detail`], [`ledger_out`], [`request`]: what happened, typed.
//! - [`audit`]: who did what, in a chain; [`hold`] what drafts keep back; [`vault`] values kept apart.
//! - [`bulk`]: the one narrow door for many rows; [`same`] what of them stands already, [`apply`]: the one transaction
//!   that makes them stand.
//! - [`relation`]: site values, calendars and codes as tables; [`select`]: runs views; [`lineage`]: where a version came from.
//!
//! Never: opens data files, decides what a record means, reads the clock (callers pass `now`, UTC RFC 3339 text ending in `Z`,
//! always of the same length, so that text order is time order).
//!
//! **Durability.** SQLite runs in WAL mode with `synchronous=NORMAL`: a commit survives the death of the process at once, and
//! the loss of power once the next synced commit or checkpoint is on disk; the log is a prefix, so nothing later survives
//! without it. [`Conn::durable`] commits with `synchronous=FULL`: use it for the step after which an outside effect (the
//! inbox file is gone, a file is in the outbox) can no longer be undone. On PostgreSQL every commit is durable.

pub mod apply;
pub mod audit;
pub mod bulk;
pub mod conn;
pub mod ddl;
pub mod detail;
pub mod error;
pub mod expectation;
pub mod hold;
pub mod lease;
pub mod ledger;
pub mod ledger_out;
pub mod lineage;
pub mod open;
mod pg;
pub mod relation;
pub mod repeat;
pub mod request;
pub mod row;
mod rows;
pub mod run;
pub mod same;
pub mod select;
mod sequence;
pub mod shared;
mod sqlite;
pub mod state;
pub mod vault;

pub use conn::{Conn, Decision, Dialect};
pub use error::StoreError;
pub use open::Store;
pub use row::RowRef;

/// Result of everything here.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Quotes an identifier for both databases.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
