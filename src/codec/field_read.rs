//! Raw bytes of a record's fields become text and typed values.
//!
//! Owns: decoding field by field (a half character at a field's edge is seen), with a short cut for ASCII.
//! Never: cuts records, judges order or totals.

use crate::codec::charset::{DecodeError, DecodeErrorKind};
use crate::schema::layout::{Field, FieldKind, Pad, RecordKind};

use super::class;
use super::fault::Fault;
use super::field_rule::{FieldRule, KindRule, Typed};
use super::record::{Cell, Note, Notes, Record, Tag};

/// Where a field lies in the record's bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Piece {
    /// The whole field, quotes and padding included.
    pub at: u32,
    pub len: u32,
    /// The content: without quotes (delimited) or without ASCII padding (fixed).
    pub start: u32,
    pub end: u32,
    /// Bits of [`class`] of the content.
    pub class: u8,
}

impl Piece {
    pub fn content<'r>(&self, raw: &'r [u8]) -> &'r [u8] {
        raw.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// Reads all fields of a record. `pieces` are as many as the kind has fields.
pub(super) fn read_fields(
    kind: (&RecordKind, &KindRule),
    raw: &[u8],
    pieces: &[Piece],
    record: &mut Record,
    scratch: &mut Vec<u8>,
    notes: &mut Notes<'_>,
) {
    decode_fields(kind, raw, pieces, record, scratch, notes);
    let Record { text, cells, .. } = record;
    for (index, (rule, piece)) in kind.1.fields.iter().zip(pieces).enumerate() {
        let cell = &mut cells[index];
        if cell.tag == Tag::Bad || matches!(rule.kind, FieldKind::Mark(_)) {
            continue;
        }
        let field = &kind.0.fields[index];
        let bits = if rule.ascii { piece.class } else { class::NON_ASCII };
        let bits = if cell.wide { bits | class::WIDE } else { bits };
        let content = text.get(cell.start as usize..cell.end as usize).unwrap_or_default();
        let typed = rule.judge(content, bits, &mut |fault| {
            report(fault, field, (piece, raw), content, notes);
        });
        match typed {
            Typed::Text => cell.tag = Tag::Text,
            Typed::Null => cell.tag = Tag::Null,
            made => store(made, rule, text, cell),
        }
    }
}

/// Puts the typed value into the cell.
#[inline]
pub(super) fn store(typed: Typed, rule: &FieldRule, text: &mut String, cell: &mut Cell) {
    cell.tag = match typed {
        Typed::Null => Tag::Null,
        Typed::Bad => Tag::Bad,
        Typed::Text => Tag::Text,
        Typed::Int(number) => {
            cell.number = number;
            Tag::Int
        }
        Typed::Iso(iso) => {
            cell.start = text.len() as u32;
            text.extend(iso.iter().map(|byte| char::from(*byte)));
            cell.end = text.len() as u32;
            Tag::Text
        }
        Typed::Decimal => {
            let content = text.get(cell.start as usize..cell.end as usize).unwrap_or_default().to_owned();
            cell.start = text.len() as u32;
            rule.decimal_text(&content, text);
            cell.end = text.len() as u32;
            Tag::Text
        }
    };
}

/// First pass: every field's content as text. ASCII fields that follow one another are taken over in one piece.
fn decode_fields(
    kind: (&RecordKind, &KindRule),
    raw: &[u8],
    pieces: &[Piece],
    record: &mut Record,
    scratch: &mut Vec<u8>,
    notes: &mut Notes<'_>,
) {
    let Record { text, cells, .. } = record;
    cells.resize(pieces.len(), Cell::default());
    // The open run of ASCII fields: its start and end in `raw`; it goes to the end of `text`.
    let (mut from, mut to) = (0, 0);
    for (index, ((rule, piece), cell)) in kind.1.fields.iter().zip(pieces).zip(cells.iter_mut()).enumerate() {
        cell.at = piece.at;
        cell.len = piece.len;
        if rule.ascii && piece.class & (class::NON_ASCII | class::ESCAPED) == 0 {
            if from == to {
                from = piece.start as usize;
            }
            to = piece.end as usize;
            let base = text.len() as u32;
            cell.start = piece.start - from as u32 + base;
            cell.end = piece.end - from as u32 + base;
        } else {
            append_ascii(raw, from, to, text);
            (from, to) = (0, 0);
            let field = &kind.0.fields[index];
            decode_one((field, rule), raw, piece, text, cell, scratch, notes);
        }
    }
    append_ascii(raw, from, to, text);
}

fn append_ascii(raw: &[u8], from: usize, to: usize, text: &mut String) {
    let bytes = raw.get(from..to).unwrap_or_default();
    text.push_str(std::str::from_utf8(bytes).unwrap_or_default());
}

fn decode_one(
    (field, rule): (&Field, &FieldRule),
    raw: &[u8],
    piece: &Piece,
    text: &mut String,
    cell: &mut Cell,
    scratch: &mut Vec<u8>,
    notes: &mut Notes<'_>,
) {
    let content = piece.content(raw);
    if let FieldKind::Mark(accept) = &rule.kind {
        if !accept.iter().any(|mark| mark == content) {
            cell.tag = Tag::Bad;
            bad_mark(field, accept, piece, content, notes);
        }
        return;
    }
    let escaped = piece.class & class::ESCAPED != 0;
    let bytes = if escaped {
        unescape(content, scratch);
        scratch.as_slice()
    } else if rule.fixed && content.iter().all(|byte| *byte == b' ') {
        &[]
    } else {
        content
    };
    let start = text.len();
    match rule.charset.decode_seeing(bytes, text) {
        Ok(wide) => {
            cell.wide = wide;
            let whole = text.get(start..).unwrap_or_default();
            let trimmed = rule.trim(whole);
            let skipped = match rule.pad {
                Pad::SpaceLeft => whole.len() - trimmed.len(),
                _ => 0,
            };
            cell.start = (start + skipped) as u32;
            cell.end = (start + skipped + trimmed.len()) as u32;
        }
        Err(error) => {
            cell.tag = Tag::Bad;
            let offset = if escaped { escaped_offset(content, error.offset) } else { error.offset };
            undecodable(field, (piece.start as usize + offset, error), notes);
        }
    }
}

/// `""` → `"`.
fn unescape(content: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut rest = content;
    while let Some(at) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=at]);
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// Offset in the quoted content of a byte of the unescaped one.
fn escaped_offset(content: &[u8], offset: usize) -> usize {
    let mut at = 0;
    for _ in 0..offset {
        at += if content.get(at) == Some(&b'"') { 2 } else { 1 };
    }
    at
}

/// Finding for bytes that are no character; place to the byte.
pub(super) fn undecodable(field: &Field, (at, error): (usize, DecodeError), notes: &mut Notes<'_>) {
    notes.field(Note::error("undecodable"), field, (at, error.len), || {
        let name = &field.name;
        let charset = field.charset.name();
        let why = match error.kind {
            DecodeErrorKind::TruncatedChar => "文字の途中で項目が終わっています",
            DecodeErrorKind::BadTrail => "文字が壊れています",
            DecodeErrorKind::Unassigned => "文字が割り当てられていない番号です",
            DecodeErrorKind::NotAllowed => "この文字コードでは使えないバイトです",
        };
        let hex = hex(&error.bytes[..error.len.min(error.bytes.len())]);
        let message = format!("項目「{name}」に文字コード {charset} で読めないバイトがあります。{why}");
        (message, hex, String::new())
    });
}

fn bad_mark(field: &Field, accept: &[Vec<u8>], piece: &Piece, content: &[u8], notes: &mut Notes<'_>) {
    let place = (piece.at as usize, piece.len as usize);
    notes.field(Note::error("bad-mark"), field, place, || {
        let right: Vec<_> = accept.iter().map(|mark| hex(mark)).collect();
        let message = format!("「{}」が決められた符号（16進 {}）ではありません", field.name, right.join(" または "));
        (message, hex(content), String::new())
    });
}

/// Bytes for people: `81 22`.
pub(super) fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<_> = bytes.iter().take(16).map(|byte| format!("{byte:02X}")).collect();
    pairs.join(" ")
}

/// Turns a fault of a content into a finding; a control character is placed to its byte.
fn report(fault: Fault, field: &Field, (piece, raw): (&Piece, &[u8]), content: &str, notes: &mut Notes<'_>) {
    let control = |byte: &u8| class::TABLE[usize::from(*byte)] & (class::CONTROL | class::BREAK) != 0;
    let place = match fault {
        Fault::Control => {
            let at = piece.content(raw).iter().position(control).unwrap_or(0);
            (piece.start as usize + at, 1)
        }
        _ => (piece.at as usize, piece.len as usize),
    };
    report_text(fault, field, place, content, notes);
}

/// The same with a given place: offset from the record's first byte and length.
pub(super) fn report_text(fault: Fault, field: &Field, place: (usize, usize), content: &str, notes: &mut Notes<'_>) {
    notes.field(fault.note(), field, place, || {
        let visible = content.chars().map(|ch| if ch.is_control() { '␣' } else { ch });
        (fault.message(field), visible.collect(), fault.action(field))
    });
}
