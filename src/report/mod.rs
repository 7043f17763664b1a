//! Reports: what a run or a day did, for the people who answer for it.
//!
//! Owns: the models of the reports, their words and numbers in Japanese, their HTML, CSV, JSON and terminal text,
//! and the files that hold them.
//! Never: reads the store, the ledger or a clock. Everything is in the model, so the same model gives the same bytes.
//!
//! The reports may hold personal data (values of findings); whoever owns the report folder decides who may read it.
//!
//! CSV is for people and spreadsheets: UTF-8 with BOM, CRLF, cells that a spreadsheet would run or rewrite get a
//! leading `'` (see [`sheet`]). JSON is for machines and holds every text exactly.
//!
//! Byte positions count from 1 wherever a person reads them (pages, CSV, terminal); JSON and the models hold the offset,
//! which counts from 0.
pub mod balance;
mod csv;
pub mod day;
mod html;
pub mod index;
pub mod json;
pub mod list;
pub mod model;
pub mod sheet;
mod text;
pub mod timeline;
pub mod verdict;
pub mod whole;
pub mod words;
mod write;

#[cfg(test)]
mod example;
#[cfg(test)]
mod promise;

pub use balance::{Balance, Tally};
pub use day::{DayReport, DayRow};
pub use index::{DayLine, IndexDay, IndexReport, write_index};
pub use model::RunReport;
pub use text::text;
pub use verdict::Outcome;
pub use write::{write_day, write_page, write_run};
