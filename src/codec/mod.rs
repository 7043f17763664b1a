//! Bytes of files to typed records and back, by the layout.
//!
//! ```text
//! bytes ─ frame ─▶ delimited / fixed / xml_read ─ pieces ─▶ field_read ─ typed cells ─▶ Record
//!                                    core: order, totals, numbering; every mistake goes to Findings
//! values ─ field_write ─▶ writer / xml_write ─▶ bytes
//! ```
//!
//! Owns: framing, charsets, field types, content models, control totals, in both directions.
//! Never: maps, stores, names files, or knows a data item. Reading has bounded memory whatever the bytes; bad bytes
//! give findings with their place, never an error and never a repaired value.
//!
//! A record that cannot be read is still a [`Record`]: held, with its place, so that every record is accounted for.
pub mod charset;

mod class;
mod code_set;
mod core;
mod date;
mod delimited;
mod delimited_write;
mod fault;
mod field_read;
mod field_rule;
mod field_write;
mod fixed;
mod frame;
mod order;
mod reader;
mod record;
mod sink;
mod split;
#[cfg(test)]
mod tests;
mod totals;
mod writer;
mod xml_names;
mod xml_parts;
mod xml_read;
mod xml_record;
mod xml_write;

pub use frame::ReadLimits;
pub use reader::RecordReader;
pub use record::Record;
pub use sink::{CodeCount, Findings};
pub use totals::TotalSeen;
pub use writer::{Placed, RecordWriter};
