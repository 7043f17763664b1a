//! One record as read: its place in the file, its text and its typed values.
//!
//! Owns: the reusable storage of a record. Never: judges bytes (`field_read`) or cuts them (`delimited`, `fixed`, …).

use crate::finding::{DataPlace, Finding, Severity};
use crate::schema::layout::{Field, Layout};
use crate::value::Value;

use super::sink::Findings;

/// One record as read. Reusable: [`RecordReader::next`](super::RecordReader::next) fills it again without allocating.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Index into [`Layout::records`], always a valid one. What could not be recognised is held and has the kind
    /// that was expected; see [`Record::recognised`].
    pub kind: usize,
    /// 1-based number in the file, the heading row not counted.
    pub number: u64,
    /// 1-based line on which it starts; the record's number in files without line ends.
    pub line: u64,
    /// 0-based offset of the first byte in the file.
    pub byte: u64,
    /// Bytes, quotes included, line end excluded.
    pub len: u64,
    /// Was a finding of [`Severity::Error`] or worse pushed for it?
    pub held: bool,
    /// Was its kind recognised and cut into the right number of fields? If not, every value is null.
    pub recognised: bool,
    /// Decoded text of all fields, and texts made from them (ISO dates).
    pub(super) text: String,
    pub(super) cells: Vec<Cell>,
}

/// One field of a record.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cell {
    /// Range in [`Record::text`].
    pub start: u32,
    pub end: u32,
    /// Raw bytes, quotes and padding included, from the record's first byte.
    pub at: u32,
    pub len: u32,
    /// Value of a number.
    pub number: i64,
    pub tag: Tag,
    /// Is its text of two-byte codes alone? See [`class::WIDE`](super::class::WIDE).
    pub wide: bool,
}

/// What a cell's value is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Tag {
    /// Nothing given, or no value at all (padding, marks).
    #[default]
    Null,
    Text,
    Int,
    /// Given, but no value could be made of it; reads as null.
    Bad,
}

impl Record {
    /// An empty record to be filled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Value of a field; null for an index the record does not have.
    #[inline]
    pub fn value(&self, field: usize) -> Value<'_> {
        match self.cells.get(field) {
            Some(cell) => match cell.tag {
                Tag::Text => Value::Text(self.slice(cell)),
                Tag::Int => Value::Int(cell.number),
                Tag::Null | Tag::Bad => Value::Null,
            },
            None => Value::Null,
        }
    }

    /// Text of a field as it stands in the file, decoded and without quotes and padding; empty when undecodable.
    /// Dates are already ISO text.
    pub fn raw(&self, field: usize) -> &str {
        self.cells.get(field).map_or("", |cell| self.slice(cell))
    }

    /// Could no value be made of this field?
    pub(super) fn is_bad(&self, field: usize) -> bool {
        self.cells.get(field).is_none_or(|c| c.tag == Tag::Bad)
    }

    /// Place of the record (`None`) or of one of its fields, for findings.
    pub fn place(&self, layout: &Layout, field: Option<usize>) -> DataPlace {
        let found = field.and_then(|index| {
            let kind = layout.records.get(self.kind)?;
            Some((kind.fields.get(index)?, self.cells.get(index)))
        });
        match found {
            Some((field, Some(cell))) => DataPlace {
                record: self.number,
                line: self.line,
                byte: self.byte + u64::from(cell.at),
                len: u64::from(cell.len),
                field: field.name.clone(),
            },
            Some((field, None)) => DataPlace { field: field.name.clone(), ..self.whole() },
            None => self.whole(),
        }
    }

    fn whole(&self) -> DataPlace {
        DataPlace { record: self.number, line: self.line, byte: self.byte, len: self.len, field: String::new() }
    }

    #[inline]
    fn slice(&self, cell: &Cell) -> &str {
        let range = cell.start as usize..cell.end as usize;
        self.text.get(range).unwrap_or_default()
    }

    /// Makes room for the next record.
    pub(super) fn restart(&mut self, number: u64, line: u64, byte: u64) {
        self.kind = 0;
        self.number = number;
        self.line = line;
        self.byte = byte;
        self.len = 0;
        self.held = false;
        self.recognised = false;
        self.text.clear();
        self.cells.clear();
    }

    /// The place again, without borrowing the record.
    pub(super) fn notes<'a>(&self, findings: &'a mut Findings) -> Notes<'a> {
        Notes { findings, place: self.whole(), held: self.held }
    }
}

/// Pushes findings about one record and remembers whether it is held.
pub(super) struct Notes<'a> {
    pub findings: &'a mut Findings,
    /// Place of the whole record.
    pub place: DataPlace,
    pub held: bool,
}

/// What a finding says besides its place.
pub(super) struct Note {
    pub code: &'static str,
    pub severity: Severity,
}

impl Note {
    pub fn error(code: &'static str) -> Self {
        Note { code, severity: Severity::Error }
    }

    pub fn fatal(code: &'static str) -> Self {
        Note { code, severity: Severity::Fatal }
    }

    pub fn warning(code: &'static str) -> Self {
        Note { code, severity: Severity::Warning }
    }
}

impl Notes<'_> {
    /// About the whole record.
    pub fn record(&mut self, note: Note, message: impl FnOnce() -> String) {
        self.at(note, self.place.byte, self.place.len, message);
    }

    /// About `len` bytes at `byte` of the file.
    pub fn at(&mut self, note: Note, byte: u64, len: u64, message: impl FnOnce() -> String) {
        self.held |= note.severity >= Severity::Error;
        let place = &self.place;
        self.findings.note(note.code, note.severity, || {
            let place = DataPlace { byte, len, ..place.clone() };
            Finding::data(note.code, note.severity, place, message())
        });
    }

    /// About a field, `len` bytes at `at` from the record's first byte; `make` gives message, value and action
    /// (empty: the catalogue's).
    pub fn field(
        &mut self,
        note: Note,
        field: &Field,
        (at, len): (usize, usize),
        make: impl FnOnce() -> (String, String, String),
    ) {
        self.held |= note.severity >= Severity::Error;
        let place = &self.place;
        self.findings.note(note.code, note.severity, || {
            let place =
                DataPlace { byte: place.byte + at as u64, len: len as u64, field: field.name.clone(), ..place.clone() };
            let (message, value, action) = make();
            Finding::data(note.code, note.severity, place, message)
                .with_value(&value, field.secret)
                .with_rule(field.place.clone())
                .with_action(action)
        });
    }
}

/// A finding about the file itself.
pub(super) fn about_file(findings: &mut Findings, note: Note, byte: u64, message: impl FnOnce() -> String) {
    findings.note(note.code, note.severity, || {
        let place = DataPlace { byte, ..DataPlace::default() };
        Finding::data(note.code, note.severity, place, message())
    });
}
