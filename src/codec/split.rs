//! Splitting the bytes of one delimited record into fields.
//!
//! Owns: quotes, separators and the end of the record. Never: consumes input or reports anything.

use super::class;
use super::field_read::Piece;

/// Finds the fields of a record.
pub(super) struct Splitter {
    separator: u8,
    quoting: bool,
    /// Byte classes outside quotes and inside.
    bare: Box<[u8; 256]>,
    inner: Box<[u8; 256]>,
    /// Fields of the record scanned last.
    pub pieces: Vec<Piece>,
}

/// What ended a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineBreak {
    EndOfFile,
    Lf,
    Cr,
    CrLf,
}

/// Result of a scan from the start of a record.
pub(super) enum Scan {
    /// The record goes on behind the data.
    More,
    Record {
        len: usize,
        end: LineBreak,
    },
    Broken {
        /// Offset of the trouble.
        at: usize,
        why: Why,
        /// Content start, if the field in question is quoted.
        quoted_from: Option<usize>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    QuoteInBare,
    TextAfterQuote,
    Unterminated,
    TooLong,
}

impl Splitter {
    /// `quoting`: are quotes more than ordinary characters?
    pub fn new(separator: u8, quoting: bool) -> Self {
        let mut bare = Box::new(class::TABLE);
        let mut inner = Box::new(class::TABLE);
        for stop in [separator, b'\r', b'\n'] {
            bare[usize::from(stop)] |= class::STOP;
        }
        if quoting {
            bare[usize::from(b'"')] |= class::STOP;
            inner[usize::from(b'"')] |= class::STOP;
        }
        Splitter { separator, quoting, bare, inner, pieces: Vec::new() }
    }

    /// One pass over the bytes of a record: fields, their byte classes, the line end.
    pub fn scan(&mut self, data: &[u8], ended: bool, max_record: usize) -> Scan {
        // Two more for the line end: a record of just the greatest length must still be seen to end.
        let limit = max_record + 2;
        let window = &data[..data.len().min(limit)];
        let ended = ended && window.len() == data.len();
        self.pieces.clear();
        let mut at = 0;
        loop {
            let quoted_from;
            let step = if self.quoting && window.get(at) == Some(&b'"') {
                quoted_from = Some(at + 1);
                self.quoted(window, at, ended)
            } else {
                quoted_from = None;
                self.bare(window, at, ended)
            };
            match step {
                Step::Next(next) => at = next,
                Step::End { len, end } if len <= max_record => return Scan::Record { len, end },
                Step::Broken { at, why } => return Scan::Broken { at, why, quoted_from },
                Step::End { len, .. } => {
                    let why = Why::TooLong;
                    return Scan::Broken { at: len, why, quoted_from: None };
                }
                Step::More { within_quotes } if window.len() == limit => {
                    let quoted_from = quoted_from.filter(|_| within_quotes);
                    let why = Why::TooLong;
                    return Scan::Broken { at: limit, why, quoted_from };
                }
                Step::More { .. } => return Scan::More,
            }
        }
    }

    /// A field without quotes, from `start`.
    #[inline]
    fn bare(&mut self, window: &[u8], start: usize, ended: bool) -> Step {
        let (len, class) = run(window.get(start..).unwrap_or_default(), &self.bare);
        let at = start + len;
        self.pieces.push(Piece { at: start as u32, len: len as u32, start: start as u32, end: at as u32, class });
        if window.get(at) == Some(&b'"') && self.quoting {
            return Step::Broken { at, why: Why::QuoteInBare };
        }
        self.after_field(window, at, ended)
    }

    /// A field in quotes; `start` is the opening one.
    #[inline]
    fn quoted(&mut self, window: &[u8], start: usize, ended: bool) -> Step {
        let mut at = start + 1;
        let mut all = 0;
        loop {
            let (len, class) = run(window.get(at..).unwrap_or_default(), &self.inner);
            all |= class;
            at += len;
            if at >= window.len() {
                return if ended {
                    Step::Broken { at, why: Why::Unterminated }
                } else {
                    Step::More { within_quotes: true }
                };
            }
            match window.get(at + 1) {
                Some(b'"') => {
                    all |= class::ESCAPED | class::NOT_DIGIT;
                    at += 2;
                }
                None if !ended => return Step::More { within_quotes: true },
                _ => break,
            }
        }
        self.pieces.push(Piece {
            at: start as u32,
            len: (at + 1 - start) as u32,
            start: start as u32 + 1,
            end: at as u32,
            class: all,
        });
        self.after_field(window, at + 1, ended)
    }

    /// What stands behind a field: separator, line end, end of file, or what must not.
    #[inline]
    fn after_field(&self, window: &[u8], at: usize, ended: bool) -> Step {
        match window.get(at) {
            Some(byte) if *byte == self.separator => Step::Next(at + 1),
            Some(b'\n') => Step::End { len: at, end: LineBreak::Lf },
            Some(b'\r') => match window.get(at + 1) {
                Some(b'\n') => Step::End { len: at, end: LineBreak::CrLf },
                None if !ended => Step::More { within_quotes: false },
                _ => Step::End { len: at, end: LineBreak::Cr },
            },
            Some(_) => Step::Broken { at, why: Why::TextAfterQuote },
            None if ended => Step::End { len: at, end: LineBreak::EndOfFile },
            None => Step::More { within_quotes: false },
        }
    }
}

/// Where a field leads.
enum Step {
    Next(usize),
    End { len: usize, end: LineBreak },
    Broken { at: usize, why: Why },
    More { within_quotes: bool },
}

impl LineBreak {
    /// Bytes.
    pub fn len(self) -> usize {
        match self {
            LineBreak::EndOfFile => 0,
            LineBreak::Lf | LineBreak::Cr => 1,
            LineBreak::CrLf => 2,
        }
    }

    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            LineBreak::EndOfFile => "ファイルの終わり",
            LineBreak::Lf => "LF（0A）",
            LineBreak::Cr => "CR（0D）",
            LineBreak::CrLf => "CRLF（0D 0A）",
        }
    }
}

/// Bytes up to the next stop of the table, and their classes.
#[inline]
fn run(bytes: &[u8], table: &[u8; 256]) -> (usize, u8) {
    let mut all = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let class = table[usize::from(*byte)];
        if class & class::STOP != 0 {
            return (at, all);
        }
        all |= class;
    }
    (bytes.len(), all)
}
