//! Rows on their way to the store, in one buffer that is used again.
//!
//! Owns: the arena. Never: knows what the cells mean.

use crate::value::Value;

/// Rows of one width, all text in one arena: no allocation per cell, and none per row once it has grown.
#[derive(Debug, Clone)]
pub struct Rows {
    pub(super) width: usize,
    pub(super) text: String,
    pub(super) cells: Vec<Cell>,
}

/// A cell of [`Rows`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Cell {
    Null,
    Int(i64),
    /// Bytes of the arena.
    Text {
        start: u32,
        end: u32,
    },
}

/// One row of [`Rows`].
#[derive(Clone, Copy)]
pub(super) struct RowCells<'a> {
    text: &'a str,
    cells: &'a [Cell],
}

impl Rows {
    /// Most text one buffer may hold, bytes. Far above what a bounded batch needs; passing it is a bug.
    const TEXT_LIMIT: usize = u32::MAX as usize;

    /// An empty buffer for rows of `width` cells.
    pub fn new(width: usize) -> Self {
        Rows { width, text: String::new(), cells: Vec::new() }
    }

    /// Number of cells in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of whole rows.
    pub fn len(&self) -> usize {
        self.cells.len() / self.width
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Bytes of text held; what a caller bounds a batch by.
    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// The value of a cell.
    pub fn value(&self, row: usize, cell: usize) -> Value<'_> {
        match self.cells[row * self.width + cell] {
            Cell::Null => Value::Null,
            Cell::Int(n) => Value::Int(n),
            Cell::Text { start, end } => Value::Text(&self.text[start as usize..end as usize]),
        }
    }

    /// Forgets the rows, keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
    }

    /// Adds the next cell; the row is whole after `width` of them.
    #[inline]
    pub fn push(&mut self, value: Value<'_>) {
        let cell = match value {
            Value::Null => Cell::Null,
            Value::Int(n) => Cell::Int(n),
            Value::Bool(b) => Cell::Int(i64::from(b)),
            Value::Text(t) => {
                let start = self.text.len();
                self.text.push_str(t);
                assert!(self.text.len() <= Self::TEXT_LIMIT, "a batch of rows outgrew its limit");
                Cell::Text { start: start as u32, end: self.text.len() as u32 }
            }
        };
        self.cells.push(cell);
    }

    /// Adds a whole row.
    pub fn push_row(&mut self, values: &[Value<'_>]) {
        assert_eq!(values.len(), self.width, "a row has the width of its buffer");
        for value in values {
            self.push(*value);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = RowCells<'_>> {
        self.cells.chunks_exact(self.width).map(|cells| RowCells { text: &self.text, cells })
    }
}

impl<'a> RowCells<'a> {
    pub(super) fn cells(self) -> &'a [Cell] {
        self.cells
    }

    /// Text of a cell; empty for others.
    pub(super) fn text(self, cell: &Cell) -> &'a str {
        match cell {
            Cell::Text { start, end } => &self.text[*start as usize..*end as usize],
            _ => "",
        }
    }
}
