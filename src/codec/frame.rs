//! The bytes of a file as a window that moves forward: read in blocks, bounded, each byte with its place.
//!
//! Owns: the read buffer, byte order marks and the skipping of what cannot be read.
//! Never: knows fields; holds more than one record and two blocks.

use std::io::{self, BufRead, Read};

/// How much memory reading may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes read at once.
    pub block: usize,
    /// Cap on the layout's own `max_record`, bytes.
    pub max_record: usize,
    /// How many totals are kept for the report (all are checked).
    pub totals_kept: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        ReadLimits { block: 1 << 20, max_record: 16 << 20, totals_kept: 10_000 }
    }
}

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The window. Positions are 0-based offsets in the file.
pub(super) struct Source<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset in the file of `buffer[0]`.
    base: u64,
    ended: bool,
    block: usize,
    /// XML only: bytes that may still be handed out before [`BUDGET_SPENT`].
    budget: Option<usize>,
    /// XML only: line ends consumed.
    lines: u64,
}

/// Message of the I/O error that ends an XML token longer than allowed.
pub(super) const BUDGET_SPENT: &str = "token longer than allowed";

impl<R: Read> Source<R> {
    pub fn new(input: R, block: usize) -> Self {
        Source {
            input,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            base: 0,
            ended: false,
            block: block.max(1),
            budget: None,
            lines: 0,
        }
    }

    /// What is read and not consumed.
    #[inline]
    pub fn data(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Offset in the file of the first byte of [`Source::data`].
    #[inline]
    pub fn position(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Is nothing left behind [`Source::data`]?
    #[inline]
    pub fn ended(&self) -> bool {
        self.ended
    }

    #[inline]
    pub fn advance(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Reads until `count` bytes are there or the file ends; says how many are there.
    pub fn need(&mut self, count: usize) -> io::Result<usize> {
        while self.end - self.start < count && !self.ended {
            self.more()?;
        }
        Ok(self.end - self.start)
    }

    /// Reads one more block behind the data.
    pub fn more(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.base += self.start as u64;
            self.end -= self.start;
            self.start = 0;
        }
        let target = self.end + self.block;
        if self.buffer.len() < target {
            self.buffer.resize(target, 0);
        }
        while self.end < target && !self.ended {
            match self.input.read(&mut self.buffer[self.end..target]) {
                Ok(0) => self.ended = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Consumes up to and including the next line end (LF, CR or CRLF) with bounded memory; says how many bytes came
    /// before it.
    pub fn skip_line(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        loop {
            if let Some(at) = memchr::memchr2(b'\n', b'\r', self.data()) {
                let carriage = self.data()[at] == b'\r';
                self.advance(at + 1);
                if carriage && self.need(1)? > 0 && self.data()[0] == b'\n' {
                    self.advance(1);
                }
                return Ok(skipped + at as u64);
            }
            let rest = self.data().len();
            skipped += rest as u64;
            self.advance(rest);
            if self.need(1)? == 0 {
                return Ok(skipped);
            }
        }
    }

    /// Consumes the whole rest; says how many bytes.
    pub fn skip_rest(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        while self.need(1)? > 0 {
            let rest = self.data().len();
            skipped += rest as u64;
            self.advance(rest);
        }
        Ok(skipped)
    }

    /// XML only: how many bytes the next token may take.
    pub fn allow(&mut self, bytes: usize) {
        self.budget = Some(bytes);
    }

    /// XML only: 1-based line of [`Source::position`].
    pub fn line(&self) -> u64 {
        self.lines + 1
    }
}

/// For the XML reader alone: counts lines and refuses to hand out more than the budget.
impl<R: Read> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let data = self.fill_buf()?;
        let count = data.len().min(out.len());
        out[..count].copy_from_slice(&data[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let there = self.need(1)?;
        let allowed = self.budget.unwrap_or(usize::MAX);
        if allowed == 0 && there > 0 {
            return Err(io::Error::other(BUDGET_SPENT));
        }
        Ok(&self.buffer[self.start..self.start + there.min(allowed)])
    }

    fn consume(&mut self, count: usize) {
        let taken = &self.data()[..count.min(self.end - self.start)];
        let lines = memchr::memchr_iter(b'\n', taken).count();
        self.lines += lines as u64;
        if let Some(budget) = &mut self.budget {
            *budget = budget.saturating_sub(count);
        }
        self.advance(count);
    }
}
