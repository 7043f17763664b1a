//! renkei (連携): the hub through which a municipality's offices exchange files.
//!
//! Files are dropped into `inbox/`; renkei proves that they are complete, reads, checks and maps them into one canonical
//! store, and makes the files for its partners from that store; an operator confirms them before they leave through
//! `outbox/`. Every record is accounted for, and every line that left can be followed to the bytes it came from.
//!
//! # The code map, in the order data flows
//!
//! Core: pure and synchronous; no database, no folders, no clock.
//! - [`value`], [`finding`]: what a value is; what can be wrong with data. Every other module speaks in these.
//! - [`schema`]: what `schemas/` says: layouts, entities, views, feeds, codes; loading and checking them.
//! - [`expr`]: the one language of mappings: parsed, typed at load, evaluated here, rendered to SQL for the store.
//! - [`codec`]: bytes ↔ records, by layout; strict character sets.
//! - [`mapping`]: what `mappings/` says, compiled with all of the above into immutable plans; [`mapping::site`] loads a
//!   whole site and reports every mistake at once.
//!
//! Shell: owns the effects.
//! - [`config`], [`clock`], [`area`]: configuration, time, folders and the archive of raw files.
//! - [`inbox`], [`outbox`]: which entries of a folder are complete files; how a file is handed over once.
//! - [`vault`]: keys, tokens, sealed values and files; pure but for the random bytes of the system.
//! - [`store`]: SQLite or PostgreSQL; ledger, versions, views. The only place that knows SQL databases.
//! - [`pipeline`]: the streets: receive … report, select … deliver, derive; and the worker that looks at the ledger and
//!   does what is due.
//! - [`report`]: reports as pure rendering of a model.
//! - [`author`]: layouts from a sample or an item sheet, and item sheets from layouts.
//! - [`cases`]: example cases as data, run by `renkei test` and by the test suite.
//! - [`sample`]: a synthetic municipality (the only Rust here that may know the domain).
//! - [`mod@bench`]: whole runs measured against public tools in the same session.
//! - [`cli`]: the verbs.
//!
//! # Rules of the house
//! - The Rust knows no domain. A new interface is a layout, a mapping, a feed and cases.
//! - Wrong data is a [`finding::Finding`]; trouble of the machine is an error; anything else is a bug.
//! - Nothing is repaired silently. Nothing is lost: one transaction moves data and ledger together, and what a step left
//!   half done the next start finishes or does again.

pub mod area;
pub mod author;
pub mod bench;
pub mod cases;
pub mod cli;
pub mod clock;
pub mod codec;
pub mod config;
pub mod expr;
pub mod finding;
pub mod inbox;
pub mod mapping;
pub mod outbox;
pub mod pipeline;
pub mod report;
pub mod sample;
pub mod schema;
pub mod store;
pub mod value;
pub mod vault;
