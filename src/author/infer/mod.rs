//! A draft of a layout from a sample file: framing, character set, record kinds, items, types, totals.
//!
//! Owns: the order of the questions, and that each answer comes with its evidence, its confidence and its rivals.
//! Never: prints or keeps a person's data (evidence is counts, positions and values of codes), reads more than it was
//! given, or claims certainty: the layout's provenance is `inferred`, and what is doubtful is a `TODO`.

mod column;
mod cost;
mod delimited;
mod fixed;
mod framing;
mod grid;
mod group;
mod key;
mod mixed;
mod naming;
mod segment;
mod sequence;
mod text;
mod totals;
mod verify;

use super::draft::Draft;

/// Most bytes of a sample that are looked at.
pub const SAMPLE_BYTES: usize = 16 << 20;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was asked: 文字コード, 区切り, レコード長 …
    pub what: String,
    /// The answer.
    pub chosen: String,
    /// 0–100.
    pub confidence: u8,
    /// Why, in numbers.
    pub evidence: String,
    /// Other answers that were considered, with what speaks against them.
    pub rivals: Vec<String>,
}

impl Decision {
    fn new(what: &str, chosen: impl Into<String>, confidence: u8, evidence: impl Into<String>) -> Self {
        let (chosen, evidence) = (chosen.into(), evidence.into());
        Decision { what: what.to_owned(), chosen, confidence, evidence, rivals: Vec::new() }
    }

    fn against(mut self, rivals: Vec<String>) -> Self {
        self.rivals = rivals;
        self
    }
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Inferred {
    /// The layout with its doubts.
    pub draft: Draft,
    /// How each decision was made.
    pub decisions: Vec<Decision>,
    /// First columns of the items of each record kind (fixed only), by record name.
    pub edges: Vec<(String, Vec<usize>)>,
    /// Record kind of each whole record of the sample with its place: byte offset, bytes.
    pub records: Vec<(usize, usize, usize)>,
}

/// Why nothing can be said; Japanese.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unclear(pub String);

/// A sample.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'s> {
    /// The first bytes of the file, at most [`SAMPLE_BYTES`].
    pub bytes: &'s [u8],
    /// Bytes of the whole file.
    pub whole: u64,
    /// Its name, for `source`.
    pub name: &'s str,
}

/// Files that are neither separated values nor of fixed length, by how they begin.
fn other_format(bytes: &[u8]) -> Option<&'static str> {
    let body = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    let known: [(&[u8], &str); 6] = [
        (b"<?xml", "XML の標本"),
        (b"PK\x03\x04", "ZIP や XLSX の標本"),
        (b"\x1F\x8B", "圧縮した標本（gzip）"),
        (b"%PDF", "PDF の標本"),
        (b"{\"", "JSON の標本"),
        (b"\xD0\xCF\x11\xE0", "古い形式の Excel や Word の標本"),
    ];
    known.iter().find(|(begin, _)| body.starts_with(begin)).map(|(_, what)| *what)
}

/// Draws up a layout.
///
/// # Errors
/// The bytes are no text that a layout could describe.
pub fn infer(sample: Sample<'_>) -> Result<Inferred, Unclear> {
    if sample.bytes.is_empty() {
        return Err(Unclear("標本が空です".to_owned()));
    }
    if let Some(what) = other_format(sample.bytes) {
        return Err(Unclear(format!(
            "{what}からは推定しません。区切り文字の並びか固定長の、元のファイルを渡してください"
        )));
    }
    let mut decisions = Vec::new();
    let text = text::charset(sample, &mut decisions)?;
    let frame = framing::frame(sample, &text, &mut decisions)?;
    let mut found = match frame {
        framing::Frame::Delimited(rows) => delimited::draft(sample, &text, &rows, decisions)?,
        framing::Frame::Fixed(rows) => fixed::draft(sample, &text, &rows, decisions)?,
    };
    verify::verify(sample, &mut found)?;
    Ok(found)
}
