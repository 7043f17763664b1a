//! The physical description of a file, as compiled from `schemas/layouts/<id>.toml`; it serves reading and writing alike.
//!
//! Owns: the types and their meaning. Never: reads TOML (`load`), reads or writes files (`codec`).
//!
//! Lengths are bytes in fixed-length layouts and characters in delimited and XML ones.

use crate::codec::charset::Charset;
use crate::finding::{RulePlace, Severity};
use crate::value::Type;

/// How far a layout can be trusted; shipped as it is and shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// Read in an official document.
    Documented,
    /// Corroborated by sources that are not official.
    Partly,
    /// Our own construction; meant to be replaced by the site's item sheet.
    Inferred,
}

/// One layout in one profile (a profile overrides charset, line end and the like; `default` is the bare layout).
#[derive(Debug, Clone)]
pub struct Layout {
    /// File stem of the TOML.
    pub id: String,
    /// Japanese title.
    pub title: String,
    /// Profile this was compiled for.
    pub profile: String,
    /// How far it can be trusted.
    pub provenance: Provenance,
    /// Where the facts come from.
    pub source: String,
    /// TOML path relative to the site's folder.
    pub file: String,
    /// Framing.
    pub physical: Physical,
    /// Record kinds in the order of the TOML.
    pub records: Vec<RecordKind>,
    /// Which kinds may follow which.
    pub order: Order,
    /// Control totals inside the file.
    pub totals: Vec<Total>,
}

/// Framing and character set of a file.
#[derive(Debug, Clone)]
pub struct Physical {
    /// The family of format.
    pub kind: Kind,
    /// Character set of fields that name none.
    pub charset: Charset,
    /// What ends a record.
    pub line_end: LineEnd,
    /// Byte order mark (UTF-8 only).
    pub bom: Bom,
    /// May one 0x1A follow the last record?
    pub eof_mark: EofMark,
    /// Longest record in bytes without its line end.
    pub max_record: usize,
}

/// The family of format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Separated values.
    Delimited {
        /// One ASCII byte, never a possible trail byte of the charset.
        separator: u8,
        /// When fields are quoted with `"` (reading accepts quoted and bare unless `Never`).
        quote: Quote,
        /// Does a heading row with the field names come first? Checked on reading, written on writing.
        header: bool,
    },
    /// Fields at byte positions.
    Fixed,
    /// Elements; every record kind names its element.
    Xml {
        /// Root element written, and required on reading.
        root: String,
        /// Namespace of the root, empty for none.
        namespace: String,
        /// Deepest nesting accepted.
        max_depth: usize,
    },
}

/// When a delimited field is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// Every field.
    Always,
    /// Where the content needs it.
    Needed,
    /// Quotes are ordinary characters; content with a separator or line end is refused on writing.
    Never,
}

/// What ends a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// 0D 0A; a lone one is a finding.
    CrLf,
    /// 0A.
    Lf,
    /// Nothing: fixed lengths only.
    None,
    /// Reading takes CRLF or none, decided once by the bytes after the first record; writing uses CRLF.
    CrLfOrNone,
}

/// Byte order mark policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bom {
    /// A BOM is a finding.
    Forbidden,
    /// A BOM is skipped; none is written.
    Optional,
    /// One is written and required.
    Required,
}

/// 0x1A policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EofMark {
    /// It is a finding.
    Forbidden,
    /// One may follow the last record; none is written.
    Optional,
}

/// One kind of record.
#[derive(Debug, Clone)]
pub struct RecordKind {
    /// Name used in `order`, totals and expressions.
    pub name: String,
    /// How it is recognised; `None` = by its place in `order`.
    pub when: Option<Discriminator>,
    /// Bytes without line end (fixed only; else 0).
    pub length: usize,
    /// Element name (XML only).
    pub element: String,
    /// Fields in order.
    pub fields: Vec<Field>,
    /// Where it is declared.
    pub place: RulePlace,
}

/// A record is of this kind when the field has one of the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discriminator {
    /// Index into `fields`.
    pub field: usize,
    /// Raw text values.
    pub values: Vec<String>,
}

/// One data item.
#[derive(Debug, Clone)]
pub struct Field {
    /// Japanese name of the data item.
    pub name: String,
    /// What it holds.
    pub kind: FieldKind,
    /// Length: bytes (fixed, exact) or characters (delimited, XML; greatest).
    pub len: usize,
    /// Must it be exactly `len` long (delimited, XML)?
    pub exact: bool,
    /// 0-based byte offset in the record (fixed only).
    pub offset: usize,
    /// Character set (its own or the file's).
    pub charset: Charset,
    /// Fixed only: how the content is padded to `len`.
    pub pad: Pad,
    /// Is an empty field a finding?
    pub required: bool,
    /// Only this value is right; written where the mapping gives none.
    pub constant: Option<String>,
    /// Allowed values: name of a code table of `schemas/codes/`, resolved.
    pub codes: Option<std::sync::Arc<CodeList>>,
    /// Text fields: the only characters that are right, sorted; the type's own rule holds besides.
    pub letters: Option<Box<[char]>>,
    /// Check digit rule and how bad a wrong one is.
    pub check: Option<(CheckDigit, Severity)>,
    /// Masked everywhere.
    pub secret: bool,
    /// 予備: decoded and checked for its charset only; no value.
    pub filler: bool,
    /// Element path below the record's element, `/`-separated (XML only).
    pub path: String,
    /// Where it is declared.
    pub place: RulePlace,
}

/// Padding of a fixed-length field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pad {
    /// The content fills the field.
    None,
    /// Text left, 0x20 at the right; a field of spaces is empty.
    SpaceRight,
    /// Text right, 0x20 at the left.
    SpaceLeft,
    /// Digits right, `0` at the left (numbers: the zeros are no content; code text keeps them).
    ZeroLeft,
    /// Full-width space (in the field's charset) at the right; also 0x20 when the whole field is.
    WideSpaceRight,
}

/// What a field holds. In TOML by these words: X N D K J 9 S9 9V DATE YEAR TIME MARK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind {
    /// `X`: printable ASCII.
    Half,
    /// `N`: any characters but controls; half-width ones get a warning.
    Wide,
    /// `D`: ASCII digits kept as text, zeros and all (codes and numbers that are names).
    Digits,
    /// `K`: half-width katakana with ASCII capitals, digits, space and signs.
    HalfKana,
    /// `J`: full-width characters only.
    FullWidth,
    /// `9` / `S9`: whole number.
    Int {
        /// May it be negative (leading `-`)?
        signed: bool,
    },
    /// `9V`: decimal kept as text, `n` digits before and `m` after the point.
    Decimal {
        /// Digits before the point.
        whole: usize,
        /// Digits after the point.
        fraction: usize,
    },
    /// `DATE`: becomes ISO text.
    Date(DateRule),
    /// `YEAR`: four digits kept as text.
    Year,
    /// `TIME`: `HH:MM[:SS]` kept as text.
    Time,
    /// `MARK`: raw bytes that must be one of these (escape sequences); the first is written. No value.
    Mark(Vec<Vec<u8>>),
}

/// Form and latitude of a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateRule {
    /// How it is written in the file.
    pub form: DateForm,
    /// May month and day be `00` (不詳)?
    pub unknown: bool,
    /// Does all zeros (or all nines where `open`) mean "none"? All zeros becomes Null.
    pub zero_null: bool,
    /// Are 0000-01-01 and 9999-12-31 (open ends) right?
    pub open: bool,
}

/// How a date is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DateForm {
    /// `YYYY-MM-DD`.
    Iso,
    /// `YYYYMMDD`.
    Compact,
    /// `MMDD`: no year; the value is the text `MMDD` (type text), and the mapping says which year is meant.
    MonthDay,
    /// `GYYMMDD` with a numeric era: the digit of 明治, 大正, 昭和, 平成, 令和 in turn
    /// (`era = "1-5"` → 12345, `era = "nenkin"` → 13579, `era = "letter"` → MTSHR).
    Era([u8; 5]),
}

/// Check digit rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckDigit {
    /// 個人番号: 12 digits (`kojin-bango`).
    MyNumber,
    /// 住民票コード: 11 digits (`juminhyo-code`).
    ResidentCode,
    /// 全国地方公共団体コード: 6 digits (`dantai-code`).
    Municipality,
    /// 法人番号: 13 digits (`hojin-bango`).
    Corporate,
    /// 保険者番号, 被保険者番号 and the like: weights 2,1 from the right (`luhn`).
    Luhn,
    /// GS1: weights 3,1 from the right (`gs1`).
    Gs1,
}

/// Allowed values of a field.
#[derive(Debug, Clone, Default)]
pub struct CodeList {
    /// File stem under `schemas/codes/`.
    pub id: String,
    /// Code and its Japanese name, in file order.
    pub entries: Vec<(String, String)>,
    /// Severity of an unknown code.
    pub unknown: Option<Severity>,
}

/// The content model: a small automaton over record kinds.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// As written.
    pub source: String,
    /// `next[state]` = (record kind, next state); state 0 is the start. Deterministic.
    pub next: Vec<Vec<(usize, usize)>>,
    /// May the file end in this state?
    pub accept: Vec<bool>,
}

/// A control total: what the file declares against what was counted.
#[derive(Debug, Clone)]
pub struct Total {
    /// Kind and field that declare it.
    pub declared: (usize, usize),
    /// What is counted.
    pub counted: Counted,
    /// Only records for which this field has one of these raw values count.
    pub only: Option<(usize, Vec<String>)>,
    /// Over the group since the last declaration, or the whole file.
    pub scope: TotalScope,
    /// Is a declared zero no statement (some senders leave it)?
    pub zero_is_silent: bool,
    /// Where it is declared.
    pub place: RulePlace,
}

/// What a total counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// Records of these kinds.
    Count(Vec<usize>),
    /// Sum of an `Int` field: kind, field.
    Sum(usize, usize),
}

/// Reach of a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotalScope {
    /// Since the previous record of the declaring kind (or the start).
    Group,
    /// The whole file, wherever the declaration stands.
    File,
}

impl Field {
    /// Type of the field's value in expressions; `None` when it has no value.
    pub fn ty(&self) -> Option<Type> {
        if self.filler {
            return None;
        }
        Some(match &self.kind {
            FieldKind::Int { .. } => Type::Int,
            FieldKind::Date(rule) if rule.form != DateForm::MonthDay => Type::Date,
            FieldKind::Mark(_) => return None,
            _ => Type::Text,
        })
    }
}

impl Layout {
    /// Index of a record kind by name.
    pub fn record(&self, name: &str) -> Option<usize> {
        self.records.iter().position(|r| r.name == name)
    }
}

impl RecordKind {
    /// Index of a field by name.
    pub fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| f.name == name)
    }
}
