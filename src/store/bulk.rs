//! The narrow door for many rows: reusable buffers in, prepared inserts or COPY out.
//!
//! Owns: the buffers, version numbers, the hash of a version. Never: makes a version stand ([`super::apply`] does).

use std::cmp::Ordering;
use std::ops::Range;

use twox_hash::XxHash3_64;

use super::conn::Target;
use super::rows::Cell;
pub use super::rows::Rows;
use super::same::{Comparison, Same};
use super::vault::{self, Sealed};
use super::{Conn, Result, sequence};
use crate::schema::entity::Entity;
use crate::value::Value;

/// Columns the store puts before the entity's own, in the order of [`VersionWriter`]'s inserts.
const VERSION_COLUMNS: [&str; 9] = ["_vid", "_dantai", "_run", "_rec", "_off", "_len", "_src", "_op", "_hash"];

/// Of these, how many come from the batch (from `_rec` on).
const HEAD: usize = 6;

/// `_op` of a row.
pub const ROW: i64 = 0;
/// `_op` of a tombstone: the key was closed.
pub const CLOSED: i64 = 1;

/// Why [`VersionBatch::finish`] did not keep a row. The data is at fault: make a finding and hold the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// A key column (index into the entity's columns) is NULL.
    NullKey(usize),
    /// A text holds the character U+0000, which PostgreSQL cannot keep.
    NulCharacter,
}

/// Versions of one entity on their way to the store; reused from batch to batch. Keep it to some thousands of rows.
#[derive(Debug, Clone)]
pub struct VersionBatch {
    rows: Rows,
    key: Vec<usize>,
    newer: Option<usize>,
    closes: u64,
    /// Of the row under way: first cell, start of its text, is it a tombstone.
    row_cell: usize,
    row_text: usize,
    closing: bool,
    scratch: Vec<u8>,
    sealed: Vec<Sealed>,
}

impl VersionBatch {
    /// An empty batch for `entity`.
    pub fn new(entity: &Entity) -> Self {
        VersionBatch {
            rows: Rows::new(HEAD + entity.columns.len()),
            key: entity.key.clone(),
            newer: entity.newer,
            closes: 0,
            row_cell: 0,
            row_text: 0,
            closing: false,
            scratch: Vec::new(),
            sealed: Vec::new(),
        }
    }

    /// Number of rows kept.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of text held.
    pub fn text_bytes(&self) -> usize {
        self.rows.text_bytes()
    }

    /// Forgets the rows, keeps the memory.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.sealed.clear();
        self.closes = 0;
    }

    /// Adds a sealed value that a row of this batch names by its token; it is written with the batch.
    pub fn seal(&mut self, value: Sealed) {
        self.sealed.push(value);
    }

    /// Begins a row: record number (from 1), byte offset and length in the inbound file; `src` for derived rows
    /// (`"jumin:123,hihokensha:5"`); `close` = the key is to be closed instead of written.
    pub fn start(&mut self, record: u64, offset: u64, length: u64, src: Option<&str>, close: bool) {
        self.row_cell = self.rows.cells.len();
        self.closing = close;
        self.rows.push(Value::Int(record as i64));
        self.rows.push(Value::Int(offset as i64));
        self.rows.push(Value::Int(length as i64));
        self.rows.push(src.map_or(Value::Null, Value::Text));
        self.rows.push(Value::Int(if close { CLOSED } else { ROW }));
        self.rows.push(Value::Null);
        self.row_text = self.rows.text.len();
    }

    /// The value of the entity's next column. A tombstone keeps the key and the column that orders versions only.
    #[inline]
    pub fn push(&mut self, value: Value<'_>) {
        let kept = !self.closing || {
            let column = self.rows.cells.len() - self.row_cell - HEAD;
            self.newer == Some(column) || self.key.contains(&column)
        };
        self.rows.push(if kept { value } else { Value::Null });
    }

    /// Ends the row once every column was pushed; computes its hash over the values.
    ///
    /// # Errors
    /// The row cannot be kept; it is dropped and the batch goes on.
    pub fn finish(&mut self) -> std::result::Result<(), Unfit> {
        let values = self.row_cell + HEAD;
        assert_eq!(self.rows.cells.len(), self.row_cell + self.rows.width, "every column is pushed once");
        let null_key = self.key.iter().find(|k| matches!(self.rows.cells[values + **k], Cell::Null));
        let text = &self.rows.text.as_bytes()[self.row_text..];
        let unfit = match null_key {
            Some(column) => Some(Unfit::NullKey(*column)),
            None if memchr::memchr(0, text).is_some() => Some(Unfit::NulCharacter),
            None => None,
        };
        if let Some(unfit) = unfit {
            self.abandon();
            return Err(unfit);
        }
        let hash = hash_cells(text, &self.rows.cells[values..], &mut self.scratch);
        self.rows.cells[values - 1] = Cell::Int(hash);
        self.closes += u64::from(self.closing);
        Ok(())
    }

    /// Takes back the last row that was finished, when another row of the same record could not be made.
    pub fn undo(&mut self) {
        let Some(from) = self.rows.cells.len().checked_sub(self.rows.width) else { return };
        self.closes -= u64::from(matches!(self.rows.cells[from + HEAD - 2], Cell::Int(CLOSED)));
        let text = self.rows.cells[from..].iter().find_map(|cell| match cell {
            Cell::Text { start, .. } => Some(*start as usize),
            _ => None,
        });
        self.rows.cells.truncate(from);
        if let Some(text) = text {
            self.rows.text.truncate(text);
        }
    }

    /// The value of a column (index into the entity's) of a finished row.
    pub fn value(&self, row: usize, column: usize) -> Value<'_> {
        self.rows.value(row, HEAD + column)
    }

    /// Record number (from 1), byte offset and length in the inbound file of a finished row.
    pub fn place(&self, row: usize) -> (u64, u64, u64) {
        let number = |cell| self.rows.value(row, cell).as_int().unwrap_or(0) as u64;
        (number(0), number(1), number(2))
    }

    /// Do the keys of the finished rows ascend, none of them twice? Text by its bytes.
    pub(super) fn ascends(&self, key: &[usize]) -> bool {
        let order = |row: usize| {
            let orders = key.iter().map(|column| match (self.value(row - 1, *column), self.value(row, *column)) {
                (Value::Text(a), Value::Text(b)) => a.cmp(b),
                (Value::Int(a), Value::Int(b)) => a.cmp(&b),
                _ => Ordering::Greater,
            });
            orders.fold(Ordering::Equal, Ordering::then)
        };
        (1..self.len()).all(|row| order(row).is_lt())
    }

    /// What a finished row does ([`ROW`] or [`CLOSED`]), and its hash.
    pub(super) fn operation_and_hash(&self, row: usize) -> (i64, i64) {
        let number = |cell| self.rows.value(row, cell).as_int().unwrap_or(0);
        (number(HEAD - 2), number(HEAD - 1))
    }

    /// Takes out the finished rows marked, none of them a tombstone; their text stays until the batch is cleared.
    pub(super) fn drop_rows(&mut self, marked: &[bool]) {
        let (width, mut kept) = (self.rows.width, 0);
        for row in marked.iter().enumerate().filter_map(|(row, gone)| (!gone).then_some(row)) {
            self.rows.cells.copy_within(row * width..(row + 1) * width, kept * width);
            kept += 1;
        }
        self.rows.cells.truncate(kept * width);
    }

    /// Drops the row under way, e.g. when mapping one of its columns failed.
    pub fn abandon(&mut self) {
        self.rows.cells.truncate(self.row_cell);
        self.rows.text.truncate(self.row_text);
    }
}

/// Hash of values: xxh3-64 of their text, seeding xxh3-64 of their kinds, lengths and numbers. Equal values have equal hashes.
fn hash_cells(text: &[u8], cells: &[Cell], scratch: &mut Vec<u8>) -> i64 {
    scratch.clear();
    for cell in cells {
        match cell {
            Cell::Null => scratch.push(0),
            Cell::Int(n) => {
                scratch.push(1);
                scratch.extend_from_slice(&n.to_le_bytes());
            }
            Cell::Text { start, end } => {
                scratch.push(2);
                scratch.extend_from_slice(&(end - start).to_le_bytes());
            }
        }
    }
    XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(text), scratch) as i64
}

/// Writes batches of one run into `v_<entity>`. The rows stand for nothing until [`super::apply`] points at them; which ones
/// they are is written down with them, so an unfinished run can always be discarded.
#[derive(Debug)]
pub struct VersionWriter {
    entity: String,
    table: String,
    columns: Vec<String>,
    run: i64,
    dantai: String,
    comparison: Option<Comparison>,
}

impl VersionWriter {
    /// A writer for `run`.
    pub fn new(entity: &Entity, run: i64, dantai: &str) -> Self {
        let own = VERSION_COLUMNS.into_iter().map(str::to_owned);
        VersionWriter {
            entity: entity.id.clone(),
            table: format!("v_{}", entity.id),
            columns: own.chain(entity.columns.iter().map(|c| c.name.clone())).collect(),
            run,
            dantai: dantai.to_owned(),
            comparison: None,
        }
    }

    /// Compares every batch of [`VersionWriter::write_changed`] with what stands, when the first one says that it pays. The
    /// entity's rows must all come through this writer. `amount`: see [`super::apply::ApplyMode`].
    pub fn comparing(mut self, entity: &Entity, conn: &Conn, amount: Option<usize>) -> Self {
        self.comparison = Some(Comparison::new(entity, conn.dialect(), &self.dantai, amount));
        self
    }

    /// [`VersionWriter::write`] without the rows that stand as they are; they are taken out of the batch.
    ///
    /// # Errors
    /// As [`VersionWriter::write`].
    pub fn write_changed(&mut self, conn: &mut Conn, batch: &mut VersionBatch) -> Result<Range<i64>> {
        if let Some(comparison) = &mut self.comparison {
            let rows = batch.len();
            comparison.take_out(conn, batch)?;
            // Nothing is new, so every value is in the vault already.
            if batch.is_empty() && rows > 0 {
                return Ok(0..0);
            }
        }
        self.write(conn, batch)
    }

    /// What was compared, for [`super::apply::apply_compared`].
    pub fn finish(self) -> Same {
        self.comparison.map(Comparison::finish).unwrap_or_default()
    }

    /// Writes a batch in one transaction (or the one that is open); returns its version numbers.
    ///
    /// # Errors
    /// The store's; nothing of the batch is kept then.
    pub fn write(&mut self, conn: &mut Conn, batch: &VersionBatch) -> Result<Range<i64>> {
        if batch.is_empty() {
            return Ok(0..0);
        }
        conn.transaction(|conn| {
            let first = sequence::take(conn, &self.table, batch.len() as u64)?;
            let end = first + batch.len() as i64;
            conn.execute(
                "INSERT INTO stage (run, entity, first_vid, last_vid, staged, closes, applied)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)
                 ON CONFLICT (run, entity) DO UPDATE SET last_vid = excluded.last_vid,
                   staged = stage.staged + excluded.staged, closes = stage.closes + excluded.closes",
                &[
                    Value::Int(self.run),
                    Value::Text(&self.entity),
                    Value::Int(first),
                    Value::Int(end - 1),
                    Value::Int(batch.len() as i64),
                    Value::Int(batch.closes as i64),
                ],
            )?;
            let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
            let constants = [Value::Text(&self.dantai), Value::Int(self.run)];
            let target = Target { table: &self.table, columns: &columns, serial: Some(first), constants: &constants };
            conn.insert_rows(&target, &batch.rows)?;
            vault::keep(conn, &batch.sealed)?;
            Ok(first..end)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_tells_apart_what_text_alone_does_not() {
        let hash = |values: &[Value<'_>]| {
            let mut rows = Rows::new(values.len());
            rows.push_row(values);
            hash_cells(rows.text.as_bytes(), &rows.cells, &mut Vec::new())
        };
        let (a, b, ab, none) = (Value::Text("a"), Value::Text("b"), Value::Text("ab"), Value::Text(""));
        assert_eq!(hash(&[a, b]), hash(&[a, b]));
        assert_ne!(hash(&[a, b]), hash(&[ab, none]));
        assert_ne!(hash(&[ab, none]), hash(&[ab, Value::Null]));
        assert_ne!(hash(&[Value::Int(1)]), hash(&[Value::Text("1")]));
    }
}
