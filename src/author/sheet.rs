//! A sheet of cells, whatever file it came from, and the bounds of what is read.
//!
//! Owns: the shape, the limits, cell addresses. Never: knows what a cell means.

/// Most bytes of a sheet file.
pub const FILE_BYTES: u64 = 16 << 20;
/// Most bytes that an XLSX may unfold to.
pub const UNFOLDED_BYTES: u64 = 64 << 20;
/// Most bytes of the texts that the cells of an XLSX share.
pub const SHARED_BYTES: u64 = 16 << 20;
/// Most merged areas of a file.
pub const MERGED: usize = 5_000;
/// Most items of a file.
pub const ITEMS: usize = 5_000;
/// Most sheets of a file.
pub const SHEETS: usize = 200;
/// Most rows of a sheet.
pub const ROWS: usize = 20_000;
/// Most columns of a sheet.
pub const COLUMNS: usize = 256;
/// Most cells of a file.
pub const CELLS: usize = 1_000_000;
/// Most characters of a cell.
pub const CELL_CHARS: usize = 4_000;

/// A sheet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Its name.
    pub name: String,
    /// Rows of cells; rows may differ in length.
    pub rows: Vec<Vec<String>>,
    /// Merged cells: first row, first column, last row, last column, from 0.
    pub merged: Vec<(usize, usize, usize, usize)>,
}

/// Why a sheet file is not read; Japanese.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// A bound is passed.
    #[error("{0}")]
    TooLarge(String),
    /// It is no such file.
    #[error("{0}")]
    Unreadable(String),
}

impl Sheet {
    /// The cell, empty where there is none.
    pub fn cell(&self, row: usize, column: usize) -> &str {
        self.rows.get(row).and_then(|cells| cells.get(column)).map_or("", String::as_str)
    }

    /// The first cell of the merged cells that this one lies in, if it is not the first itself.
    pub fn merged_into(&self, row: usize, column: usize) -> Option<(usize, usize)> {
        let found =
            self.merged.iter().find(|(r, c, r2, c2)| (*r..=*r2).contains(&row) && (*c..=*c2).contains(&column))?;
        ((found.0, found.1) != (row, column)).then_some((found.0, found.1))
    }

    /// `シート「…」C12`.
    pub fn address(&self, row: usize, column: usize) -> String {
        format!("シート「{}」{}{}", self.name, letters(column), row + 1)
    }

    /// Puts a cell, within the bounds.
    pub(super) fn put(&mut self, row: usize, column: usize, text: String) -> Result<(), SheetError> {
        if row >= ROWS || column >= COLUMNS {
            let message = format!("シート「{}」が {ROWS} 行 {COLUMNS} 列を超えます", self.name);
            return Err(SheetError::TooLarge(message));
        }
        if text.chars().count() > CELL_CHARS {
            let message = format!("{} が {CELL_CHARS} 文字を超えます", self.address(row, column));
            return Err(SheetError::TooLarge(message));
        }
        if self.rows.len() <= row {
            self.rows.resize(row + 1, Vec::new());
        }
        let cells = &mut self.rows[row];
        if cells.len() <= column {
            cells.resize(column + 1, String::new());
        }
        cells[column] = text;
        Ok(())
    }
}

/// `A`, `Z`, `AA`.
fn letters(column: usize) -> String {
    let mut text = String::new();
    let mut rest = column + 1;
    while rest > 0 {
        rest -= 1;
        text.insert(0, char::from(b'A' + (rest % 26) as u8));
        rest /= 26;
    }
    text
}
