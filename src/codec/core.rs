//! What all formats share once the bytes of a record are cut out: kind, order, fields, totals.
//!
//! Owns: the numbering of records and the findings about order and file. Never: cuts bytes.

use std::io::{self, Read};
use std::sync::Arc;

use crate::codec::charset::Charset;
use crate::finding::Severity;
use crate::schema::layout::{Bom, EofMark, Layout};

use super::field_read::{Piece, read_fields};
use super::field_rule::KindRule;
use super::frame::{BYTE_ORDER_MARK, ReadLimits, Source};
use super::order::{OrderWalk, Recognised};
use super::record::{Note, Record, about_file};
use super::sink::Findings;
use super::totals::TotalsWatch;

/// Offsets within a record are 32 bits and text may take three bytes for one.
const RECORD_CEILING: usize = 1 << 30;

pub(super) struct Core {
    pub layout: Arc<Layout>,
    pub kinds: Vec<KindRule>,
    pub walk: OrderWalk,
    pub totals: TotalsWatch,
    /// Records begun.
    pub number: u64,
    /// 1-based line of the next record.
    pub line: u64,
    pub max_record: usize,
    /// Reading ended before the file did, and that is said: what is missing at the end is no news.
    pub stopped: bool,
    scratch: Vec<u8>,
}

/// Why a record could not be cut into fields.
pub(super) struct Broken {
    pub note: Note,
    /// Place, 0-based offset in the file, and length.
    pub byte: u64,
    pub len: u64,
    pub message: String,
}

impl Core {
    pub fn new(layout: Arc<Layout>, limits: &ReadLimits) -> Self {
        let physical = &layout.physical;
        let kinds = layout.records.iter().map(|record| KindRule::new(record, &physical.kind));
        Core {
            kinds: kinds.collect(),
            walk: OrderWalk::default(),
            totals: TotalsWatch::new(&layout, limits.totals_kept),
            number: 0,
            line: 1,
            max_record: physical.max_record.min(limits.max_record).clamp(1, RECORD_CEILING),
            stopped: false,
            scratch: Vec::new(),
            layout,
        }
    }

    /// Judges the byte order mark and skips it. `false`: there is nothing to read.
    pub fn open<R: Read>(&mut self, source: &mut Source<R>, findings: &mut Findings) -> io::Result<bool> {
        source.need(BYTE_ORDER_MARK.len() + 1)?;
        let marked = source.data().starts_with(BYTE_ORDER_MARK);
        let empty = source.data().len() == if marked { BYTE_ORDER_MARK.len() } else { 0 };
        if empty {
            about_file(findings, Note::fatal("empty-file"), 0, || "ファイルが空です".to_owned());
            return Ok(false);
        }
        let physical = &self.layout.physical;
        match physical.bom {
            Bom::Required if !marked => about_file(findings, Note::fatal("bad-bom"), 0, || {
                "先頭に BOM（EF BB BF）がありません。このファイルには BOM が必要です".to_owned()
            }),
            Bom::Forbidden if marked => about_file(findings, Note::fatal("bad-bom"), 0, || {
                let charset = physical.charset.name();
                let hint = if physical.charset == Charset::Utf8 {
                    ""
                } else {
                    "。UTF-8 で作られた可能性があります"
                };
                format!("先頭に BOM（EF BB BF）があります。文字コード {charset} のこのファイルでは使えません{hint}")
            }),
            _ => {}
        }
        if marked {
            source.advance(BYTE_ORDER_MARK.len());
        }
        Ok(true)
    }

    /// Is the next byte a 0x1A that ends the file? Consumes it.
    pub fn eof_mark<R: Read>(&mut self, source: &mut Source<R>, findings: &mut Findings) -> io::Result<bool> {
        if source.data().first() != Some(&0x1A) || source.need(2)? != 1 {
            return Ok(false);
        }
        if self.layout.physical.eof_mark == EofMark::Forbidden {
            about_file(findings, Note::fatal("eof-mark"), source.position(), || {
                "ファイルの最後に EOF 記号（16進 1A）があります。このファイルでは使えません".to_owned()
            });
        }
        source.advance(1);
        Ok(true)
    }

    /// An empty line is skipped with a warning.
    pub fn empty_line<R: Read>(&mut self, source: &mut Source<R>, findings: &mut Findings) -> io::Result<bool> {
        let len = match source.data().first() {
            Some(b'\n') => 1,
            Some(b'\r') => {
                source.need(2)?;
                if source.data().get(1) == Some(&b'\n') { 2 } else { 1 }
            }
            _ => return Ok(false),
        };
        let (byte, line) = (source.position(), self.line);
        findings.note("empty-line", Severity::Warning, || {
            let place = crate::finding::DataPlace { line, byte, ..Default::default() };
            crate::finding::Finding::data(
                "empty-line",
                Severity::Warning,
                place,
                format!("{line}行目が空行です。読み飛ばしました"),
            )
        });
        source.advance(len);
        self.line += 1;
        Ok(true)
    }

    /// Starts a record of `len` bytes at `byte`.
    pub fn begin(&mut self, record: &mut Record, byte: u64, len: u64) {
        self.number += 1;
        record.restart(self.number, self.line, byte);
        record.len = len;
    }

    /// Reads a record whose fields are cut.
    pub fn complete(
        &mut self,
        recognised: Recognised,
        raw: &[u8],
        pieces: &[Piece],
        record: &mut Record,
        findings: &mut Findings,
    ) {
        let Some(kind) = self.known(recognised, record, findings) else {
            return;
        };
        let declared = &self.layout.records[kind];
        let mut notes = record.notes(findings);
        let (is, right) = (pieces.len(), declared.fields.len());
        if is == right {
            record.recognised = true;
            read_fields((declared, &self.kinds[kind]), raw, pieces, record, &mut self.scratch, &mut notes);
        } else {
            let name = &declared.name;
            notes.record(Note::error("field-count"), || {
                format!("「{name}」レコードの項目数が {is} です。正しくは {right} です")
            });
        }
        record.held = notes.held;
        self.close(kind, record, findings);
    }

    /// Finds the kind, says what is wrong with it, goes on in the order. `None`: no kind; all is said.
    pub fn known(&mut self, recognised: Recognised, record: &mut Record, findings: &mut Findings) -> Option<usize> {
        let layout = &self.layout;
        let mut notes = record.notes(findings);
        let kind = match recognised {
            Recognised::Allowed(kind) => kind,
            Recognised::Misplaced(kind) => {
                let name = &layout.records[kind].name;
                let expected = self.walk.expected(layout);
                notes.record(Note::fatal("order-violation"), || {
                    format!("「{name}」レコードがここに来てはいけません。来るはずのもの: {expected}")
                });
                kind
            }
            Recognised::Unknown(kind) => {
                let expected = self.walk.expected(layout);
                notes.record(Note::error("unknown-record"), || {
                    format!("レコードの種類を見分けられません。来るはずのもの: {expected}")
                });
                record.held = notes.held;
                record.kind = kind;
                self.totals.count_unknown();
                return None;
            }
        };
        record.held = notes.held;
        record.kind = kind;
        self.walk.step(&self.layout, kind);
        Some(kind)
    }

    /// A record that could not be cut: it is named, held and counted as far as its kind is known.
    pub fn broken(&mut self, recognised: Recognised, broken: Broken, record: &mut Record, findings: &mut Findings) {
        let mut notes = record.notes(findings);
        let fatal = broken.note.severity == Severity::Fatal;
        notes.at(broken.note, broken.byte, broken.len, || broken.message);
        record.held = notes.held;
        match recognised {
            Recognised::Allowed(kind) => {
                record.kind = kind;
                self.walk.step(&self.layout, kind);
                // After a fatal one its totals would be news of the same.
                if !fatal {
                    self.close(kind, record, findings);
                }
            }
            Recognised::Misplaced(kind) | Recognised::Unknown(kind) => {
                record.kind = kind;
                self.totals.count_unknown();
            }
        }
    }

    /// Totals of a record of a known kind.
    pub fn close(&mut self, kind: usize, record: &Record, findings: &mut Findings) {
        self.totals.count(&self.layout, kind, record);
        if self.totals.declares(kind) {
            let layout = Arc::clone(&self.layout);
            let place = |field| record.place(&layout, Some(field));
            self.totals.declare(&layout, kind, record, place, findings);
        }
    }

    /// Checks at the end of the file.
    pub fn finish(&mut self, end: u64, findings: &mut Findings) {
        if self.stopped {
            return;
        }
        if !self.walk.may_end(&self.layout) {
            let expected = self.walk.expected(&self.layout);
            findings.note("order-unfinished", Severity::Fatal, || {
                let message = format!("ファイルが途中で終わっています。まだ来るはずのもの: {expected}");
                let place = crate::finding::DataPlace { byte: end, line: self.line, ..Default::default() };
                crate::finding::Finding::data("order-unfinished", Severity::Fatal, place, message)
            });
        }
        let layout = Arc::clone(&self.layout);
        self.totals.finish(&layout, findings);
    }
}
