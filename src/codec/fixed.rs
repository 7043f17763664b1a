//! Fixed-length files: records by the length of their kind, fields by byte position.
//!
//! Owns: recognising the kind at its byte offset, line ends, what to do when the framing breaks. Never: decodes.

use std::io::{self, Read};

use crate::finding::Severity;
use crate::schema::layout::{FieldKind, Layout, LineEnd};

use super::class;
use super::core::{Broken, Core};
use super::field_read::Piece;
use super::field_rule::FieldRule;
use super::frame::Source;
use super::order::Recognised;
use super::record::{Note, Record, about_file};
use super::sink::Findings;

/// Cuts fixed-length records.
pub(super) struct Fixed {
    ends: Ends,
    /// Length of the longest kind, bytes.
    longest: usize,
    pieces: Vec<Piece>,
    done: bool,
}

/// Line ends of this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    CrLf,
    Lf,
    None,
    /// The first record decides.
    Open,
}

/// What follows a record's last byte.
enum Follow {
    /// Right so; bytes of the line end.
    Right(usize),
    /// A line end of the wrong kind; its bytes.
    Wrong(usize),
    /// The file ends without the line end.
    EndOfFile,
    /// The line is shorter or longer than the record.
    OtherLength,
}

impl Fixed {
    pub fn new(layout: &Layout) -> Self {
        let ends = match layout.physical.line_end {
            LineEnd::CrLf => Ends::CrLf,
            LineEnd::Lf => Ends::Lf,
            LineEnd::None => Ends::None,
            LineEnd::CrLfOrNone => Ends::Open,
        };
        Fixed {
            ends,
            longest: layout.records.iter().map(|record| record.length).max().unwrap_or(0),
            pieces: Vec::new(),
            done: false,
        }
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
            if self.done || source.need(1)? == 0 || core.eof_mark(source, findings)? {
                return Ok(false);
            }
            if self.ends == Ends::None || !core.empty_line(source, findings)? {
                break;
            }
        }
        if core.walk.is_final(&core.layout) {
            return self.trailing(source, findings);
        }
        source.need(self.longest + 2)?;
        let recognised = recognise(source.data(), core);
        let kind = match recognised {
            Recognised::Allowed(kind) | Recognised::Misplaced(kind) => kind,
            Recognised::Unknown(_) => {
                return self.unknown(source, core, recognised, record, findings);
            }
        };
        let length = core.layout.records[kind].length;
        self.decide(source.data(), length);
        if source.data().len() < length {
            return self.short(source, core, recognised, record, findings);
        }
        match self.follow(source.data(), length, source.ended()) {
            Follow::OtherLength => self.wrong_length(source, core, recognised, (length, record), findings)?,
            follow => {
                core.begin(record, source.position(), length as u64);
                let end = line_end_note(&follow, self.ends, record, findings);
                let raw = &source.data()[..length];
                cut(raw, &core.kinds[kind].fields, &mut self.pieces);
                core.complete(recognised, raw, &self.pieces, record, findings);
                core.line += 1;
                source.advance(length + end);
            }
        }
        Ok(true)
    }

    /// After the first record the line ends are known. A line end inside it means that the file has them.
    fn decide(&mut self, data: &[u8], length: usize) {
        if self.ends == Ends::Open && data.len() != length {
            let head = &data[..data.len().min(length + 1)];
            let broken = memchr::memchr2(b'\r', b'\n', head).is_some();
            self.ends = if broken { Ends::CrLf } else { Ends::None };
        }
    }

    fn follow(&self, data: &[u8], length: usize, ended: bool) -> Follow {
        let rest = &data[length..];
        if self.ends == Ends::None {
            return Follow::Right(0);
        }
        if ended && (rest.is_empty() || rest == [0x1A]) {
            return if self.ends == Ends::Open { Follow::Right(0) } else { Follow::EndOfFile };
        }
        match (rest, self.ends) {
            ([b'\r', b'\n', ..], Ends::Lf) => Follow::Wrong(2),
            ([b'\r', b'\n', ..], _) => Follow::Right(2),
            ([b'\n', ..], Ends::Lf) => Follow::Right(1),
            ([b'\n' | b'\r', ..], _) => Follow::Wrong(1),
            _ => Follow::OtherLength,
        }
    }

    /// Bytes behind a complete file.
    fn trailing<R: Read>(&mut self, source: &mut Source<R>, findings: &mut Findings) -> io::Result<bool> {
        let byte = source.position();
        let rest = source.skip_rest()?;
        about_file(findings, Note::fatal("trailing-bytes"), byte, || {
            format!("最後のレコードの後に余分なデータが {rest} バイトあります")
        });
        self.done = true;
        Ok(false)
    }

    /// A record of no known kind: with line ends its line is skipped, without them nothing behind it can be read.
    fn unknown<R: Read>(
        &mut self,
        source: &mut Source<R>,
        core: &mut Core,
        recognised: Recognised,
        record: &mut Record,
        findings: &mut Findings,
    ) -> io::Result<bool> {
        let byte = source.position();
        let within = &source.data()[..source.data().len().min(self.longest + 2)];
        let lines = match self.ends {
            Ends::CrLf | Ends::Lf => true,
            Ends::None => false,
            Ends::Open => memchr::memchr2(b'\r', b'\n', within).is_some(),
        };
        if lines {
            let len = source.skip_line()?;
            core.begin(record, byte, len);
            core.line += 1;
            core.known(recognised, record, findings);
            return Ok(true);
        }
        self.give_up(source, core, recognised, record, findings, |core, rest| {
            let expected = core.walk.expected(&core.layout);
            let message = format!(
                "レコードの種類を見分けられません。改行のないファイルのため、残り {rest} バイトは読めません。来るはずのもの: {expected}"
            );
            ("unknown-record", 1, message)
        })
    }

    /// Nothing behind this place can be read: the rest of the file is one broken record. `why` gets its length and gives
    /// the code, how many bytes to point at, and the message.
    fn give_up<R: Read>(
        &mut self,
        source: &mut Source<R>,
        core: &mut Core,
        recognised: Recognised,
        record: &mut Record,
        findings: &mut Findings,
        why: impl FnOnce(&Core, u64) -> (&'static str, u64, String),
    ) -> io::Result<bool> {
        let byte = source.position();
        let rest = source.skip_rest()?;
        core.begin(record, byte, rest);
        let (code, len, message) = why(core, rest);
        core.broken(recognised, Broken { note: Note::fatal(code), byte, len, message }, record, findings);
        core.stopped = true;
        self.done = true;
        Ok(true)
    }

    /// Fewer bytes than the record needs are left in the file.
    fn short<R: Read>(
        &mut self,
        source: &mut Source<R>,
        core: &mut Core,
        recognised: Recognised,
        record: &mut Record,
        findings: &mut Findings,
    ) -> io::Result<bool> {
        let length = core.layout.records[kind_of(recognised)].length;
        let lines = matches!(self.ends, Ends::CrLf | Ends::Lf);
        if lines && memchr::memchr2(b'\r', b'\n', source.data()).is_some() {
            self.wrong_length(source, core, recognised, (length, record), findings)?;
            return Ok(true);
        }
        self.give_up(source, core, recognised, record, findings, |_, rest| {
            let message = format!("最後のレコードが {rest} バイトで切れています。正しくは {length} バイトです");
            ("truncated", rest, message)
        })
    }

    /// A line that is not as long as its record.
    fn wrong_length<R: Read>(
        &mut self,
        source: &mut Source<R>,
        core: &mut Core,
        recognised: Recognised,
        (length, record): (usize, &mut Record),
        findings: &mut Findings,
    ) -> io::Result<()> {
        let byte = source.position();
        let len = source.skip_line()?;
        core.begin(record, byte, len);
        let (code, message) = if len > core.max_record.max(length) as u64 {
            let message = format!("1件のレコードが {len} バイトあり、上限 {} バイトを超えています", core.max_record);
            ("record-too-long", message)
        } else {
            let name = &core.layout.records[kind_of(recognised)].name;
            ("record-length", format!("「{name}」レコードが {len} バイトです。正しくは {length} バイトです"))
        };
        let broken = Broken { note: Note::error(code), byte, len, message };
        core.broken(recognised, broken, record, findings);
        core.line += 1;
        Ok(())
    }
}

fn kind_of(recognised: Recognised) -> usize {
    match recognised {
        Recognised::Allowed(kind) | Recognised::Misplaced(kind) | Recognised::Unknown(kind) => kind,
    }
}

/// Finds the kind by the bytes at the discriminator's place.
fn recognise(data: &[u8], core: &Core) -> Recognised {
    core.walk.recognise(&core.layout, |kind| {
        let rule = core.kinds.get(kind)?;
        let (field, values) = rule.when.as_ref()?;
        let field = rule.fields.get(*field)?;
        let bytes = data.get(field.offset..field.offset + field.len);
        let is = |bytes: &[u8]| {
            let (start, end) = field.trim_ascii(bytes);
            values.iter().any(|value| value == bytes || *value == bytes[start..end])
        };
        Some(bytes.is_some_and(is))
    })
}

/// Cuts a record into its fields.
fn cut(raw: &[u8], fields: &[FieldRule], pieces: &mut Vec<Piece>) {
    pieces.clear();
    for rule in fields {
        let bytes = raw.get(rule.offset..rule.offset + rule.len).unwrap_or_default();
        let all = class::of(bytes);
        let plain = rule.ascii && all & class::NON_ASCII == 0;
        let (start, end) = if plain { rule.trim_ascii(bytes) } else { (0, bytes.len()) };
        let padded = matches!(rule.kind, FieldKind::Digits | FieldKind::Int { .. } | FieldKind::Year)
            && end - start < bytes.len();
        pieces.push(Piece {
            at: rule.offset as u32,
            len: bytes.len() as u32,
            start: (rule.offset + start) as u32,
            end: (rule.offset + end) as u32,
            class: if padded { class::of(&bytes[start..end]) } else { all },
        });
    }
}

/// Says what is wrong with the line end; gives its length.
fn line_end_note(follow: &Follow, ends: Ends, record: &mut Record, findings: &mut Findings) -> usize {
    let byte = record.byte + record.len;
    let mut notes = record.notes(findings);
    let len = match follow {
        Follow::Right(len) => *len,
        Follow::Wrong(len) => {
            let right = if ends == Ends::Lf { "LF（0A）" } else { "CRLF（0D 0A）" };
            notes.at(Note::error("bad-line-end"), byte, *len as u64, || {
                format!("改行が違います。このファイルの改行は {right} です")
            });
            *len
        }
        Follow::EndOfFile | Follow::OtherLength => {
            let note = Note { code: "no-final-line-end", severity: Severity::Info };
            notes.at(note, byte, 0, || "最後のレコードに改行がありません".to_owned());
            0
        }
    };
    record.held |= notes.held;
    len
}
