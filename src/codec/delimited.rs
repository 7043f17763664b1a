//! Delimited files: raw bytes are cut into records and fields before anything is decoded.
//!
//! Owns: quoting, line ends, resynchronising after a broken record. Never: decodes or types.
//! Splitting before decoding is safe: `,` `"` CR LF TAB are never the second byte of a character in any charset here.

use std::io::{self, Read};

use crate::schema::layout::{Kind, Layout, LineEnd, Quote};

use super::class;
use super::core::{Broken, Core};
use super::frame::Source;
use super::order::Recognised;
use super::record::{Note, Record, about_file};
use super::sink::Findings;
use super::split::{LineBreak, Scan, Splitter, Why};

/// Reads delimited records.
pub(super) struct Delimited {
    header: bool,
    expected: LineBreak,
    splitter: Splitter,
}

impl Delimited {
    /// `None` unless the layout is a delimited one.
    pub fn new(layout: &Layout) -> Option<Self> {
        let Kind::Delimited { separator, quote, header } = layout.physical.kind else {
            return None;
        };
        let expected = match layout.physical.line_end {
            LineEnd::Lf => LineBreak::Lf,
            LineEnd::CrLf | LineEnd::CrLfOrNone | LineEnd::None => LineBreak::CrLf,
        };
        Some(Delimited { header, expected, splitter: Splitter::new(separator, quote != Quote::Never) })
    }

    /// Reads the heading row.
    pub fn start<R: Read>(
        &mut self,
        source: &mut Source<R>,
        core: &mut Core,
        findings: &mut Findings,
    ) -> io::Result<()> {
        if !self.header {
            return Ok(());
        }
        let byte = source.position();
        match self.scan_record(source, core.max_record)? {
            Scan::Record { len, end } => {
                if let Some(message) = self.header_mistake(&source.data()[..len], &core.layout) {
                    about_file(findings, Note::fatal("header-mismatch"), byte, || message);
                }
                source.advance(len + end.len());
            }
            _ => {
                about_file(findings, Note::fatal("header-mismatch"), byte, || "見出し行が読めません".to_owned());
                source.skip_line()?;
            }
        }
        core.line += 1;
        Ok(())
    }

    fn header_mistake(&self, raw: &[u8], layout: &Layout) -> Option<String> {
        let fields = &layout.records.first()?.fields;
        let mut text = String::new();
        for (index, field) in fields.iter().enumerate() {
            let column = index + 1;
            let Some(piece) = self.splitter.pieces.get(index) else {
                return Some(format!(
                    "見出し行の項目数が {} です。正しくは {} です",
                    self.splitter.pieces.len(),
                    fields.len()
                ));
            };
            text.clear();
            let decoded = layout.physical.charset.decode(piece.content(raw), &mut text);
            if decoded.is_err() || text != field.name {
                return Some(format!("見出し行の{column}列目が「{}」ではありません", field.name));
            }
        }
        let (is, right) = (self.splitter.pieces.len(), fields.len());
        (is != right).then(|| format!("見出し行の項目数が {is} です。正しくは {right} です"))
    }

    /// Reads the next record; `false` at the end of the file.
    pub fn next<R: Read>(
        &mut self,
        source: &mut Source<R>,
        core: &mut Core,
        record: &mut Record,
        findings: &mut Findings,
    ) -> io::Result<bool> {
        loop {
            if source.need(1)? == 0 || core.eof_mark(source, findings)? {
                return Ok(false);
            }
            if !core.empty_line(source, findings)? {
                break;
            }
        }
        let byte = source.position();
        match self.scan_record(source, core.max_record)? {
            Scan::Record { len, end } => {
                let raw = &source.data()[..len];
                core.begin(record, byte, len as u64);
                if end != self.expected {
                    self.line_end_note(end, record, findings);
                }
                let recognised = self.recognise(raw, core);
                core.complete(recognised, raw, &self.splitter.pieces, record, findings);
                let within = self.splitter.pieces.iter().any(|piece| piece.class & class::BREAK != 0);
                core.line += 1 + if within { line_feeds(raw) } else { 0 };
                source.advance(len + end.len());
            }
            Scan::Broken { at, why, quoted_from } => {
                self.resume(source, core, record, (at, why, quoted_from), findings)?;
            }
            // Not reached: the scan is repeated until the record or the file ends.
            Scan::More => return Ok(false),
        }
        Ok(true)
    }

    fn scan_record<R: Read>(&mut self, source: &mut Source<R>, max_record: usize) -> io::Result<Scan> {
        loop {
            match self.splitter.scan(source.data(), source.ended(), max_record) {
                Scan::More => source.more()?,
                found => return Ok(found),
            }
        }
    }

    fn recognise(&self, raw: &[u8], core: &Core) -> Recognised {
        core.walk.recognise(&core.layout, |kind| {
            let (field, values) = core.kinds.get(kind)?.when.as_ref()?;
            let content = self.splitter.pieces.get(*field).map(|piece| piece.content(raw));
            Some(content.is_some_and(|content| values.iter().any(|value| value == content)))
        })
    }

    /// Reports a broken record and goes on at the next line. A quoted field that ran over a line end is taken for one
    /// whose closing quote is missing: then the line it began on is the broken record, and the next one is read anew.
    fn resume<R: Read>(
        &mut self,
        source: &mut Source<R>,
        core: &mut Core,
        record: &mut Record,
        (at, why, quoted_from): (usize, Why, Option<usize>),
        findings: &mut Findings,
    ) -> io::Result<()> {
        let byte = source.position();
        let raw = &source.data()[..at];
        let recognised = self.recognise(raw, core);
        let lf = quoted_from.and_then(|from| Some(from + memchr::memchr(b'\n', raw.get(from..)?)?));
        let lines_before = line_feeds(&raw[..lf.unwrap_or(raw.len())]);
        let len = match lf {
            Some(lf) => {
                let end = if lf > 0 && raw[lf - 1] == b'\r' { lf - 1 } else { lf };
                source.advance(lf + 1);
                end as u64
            }
            None => {
                source.advance(at);
                at as u64 + source.skip_line()?
            }
        };
        core.begin(record, byte, len);
        let broken = match (why, quoted_from) {
            (Why::TooLong, _) if lf.is_none() => Broken {
                note: Note::error("record-too-long"),
                byte,
                len,
                message: format!("1件のレコードが {len} バイトあり、上限 {} バイトを超えています", core.max_record),
            },
            (Why::QuoteInBare, _) => Broken {
                note: Note::error("bad-quote"),
                byte: byte + at as u64,
                len: 1,
                message: format!("{}番目の項目の途中に引用符（\"）があります", self.splitter.pieces.len()),
            },
            (Why::TextAfterQuote, Some(_)) if lf.is_none() => Broken {
                note: Note::error("bad-quote"),
                byte: byte + at as u64,
                len: 1,
                message: format!(
                    "{}番目の項目の閉じ引用符（\"）の後に余分な文字があります",
                    self.splitter.pieces.len()
                ),
            },
            (_, from) => Broken {
                note: Note::error("bad-quote"),
                byte: byte + from.unwrap_or(1) as u64 - 1,
                len: 1,
                message: "項目の引用符（\"）が閉じられていません。この行を1件として扱い、次の行から読み直しました"
                    .to_owned(),
            },
        };
        core.broken(recognised, broken, record, findings);
        core.line += lines_before + 1;
        Ok(())
    }

    fn line_end_note(&self, end: LineBreak, record: &mut Record, findings: &mut Findings) {
        let mut notes = record.notes(findings);
        let byte = record.byte + record.len;
        if end == LineBreak::EndOfFile {
            let note = Note { code: "no-final-line-end", severity: crate::finding::Severity::Info };
            notes.at(note, byte, 0, || "最後のレコードに改行がありません".to_owned());
        } else {
            let (is, right) = (end.word(), self.expected.word());
            notes.at(Note::error("bad-line-end"), byte, end.len() as u64, || {
                format!("改行が {is} です。このファイルの改行は {right} です")
            });
        }
        record.held |= notes.held;
    }
}

fn line_feeds(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
