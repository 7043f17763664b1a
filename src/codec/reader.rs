//! The reader: one call gives one record of any format.
//!
//! Owns: the choice of format and the end of the file. Never: maps, stores or decides about a file.

use std::io::{self, Read};
use std::sync::Arc;

use crate::schema::layout::{Kind, Layout};

use super::core::Core;
use super::delimited::Delimited;
use super::fixed::Fixed;
use super::frame::{ReadLimits, Source};
use super::record::Record;
use super::sink::Findings;
use super::totals::TotalSeen;
use super::xml_read::XmlRecords;

/// Reads the records of a file by its layout, streaming, with bounded memory.
pub struct RecordReader<R: Read> {
    core: Core,
    format: Format<R>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Reading,
    Done,
}

/// The three families, each with its input.
enum Format<R: Read> {
    Delimited(Delimited, Source<R>),
    Fixed(Fixed, Source<R>),
    Xml(Box<XmlRecords<R>>),
}

impl<R: Read> RecordReader<R> {
    /// A reader at the start of a file. Reads nothing yet.
    pub fn new(layout: Arc<Layout>, input: R, limits: ReadLimits) -> Self {
        let source = Source::new(input, limits.block);
        let format = match &layout.physical.kind {
            Kind::Xml { .. } => Format::Xml(Box::new(XmlRecords::new(&layout, source))),
            Kind::Fixed => Format::Fixed(Fixed::new(&layout), source),
            Kind::Delimited { .. } => match Delimited::new(&layout) {
                Some(delimited) => Format::Delimited(delimited, source),
                None => Format::Fixed(Fixed::new(&layout), source),
            },
        };
        RecordReader { core: Core::new(layout, &limits), format, state: State::New }
    }

    /// Reads the next record into `record`. `Ok(false)`: the file has ended, and what can only be judged at its end
    /// (order, totals, a torn tail) is pushed.
    ///
    /// Bad bytes are findings, never errors. A record that cannot be read is returned all the same, held, so that
    /// every record of the file is accounted for.
    ///
    /// # Errors
    /// The input's own.
    pub fn next(&mut self, record: &mut Record, findings: &mut Findings) -> io::Result<bool> {
        if self.state == State::New {
            self.state = State::Reading;
            self.start(findings)?;
        }
        if self.state == State::Done {
            return Ok(false);
        }
        let core = &mut self.core;
        let found = match &mut self.format {
            Format::Delimited(delimited, source) => delimited.next(source, core, record, findings)?,
            Format::Fixed(fixed, source) => fixed.next(source, core, record, findings)?,
            Format::Xml(xml) => xml.next(core, record, findings)?,
        };
        if !found {
            self.state = State::Done;
            let end = self.bytes_read();
            self.core.finish(end, findings);
        }
        Ok(found)
    }

    fn start(&mut self, findings: &mut Findings) -> io::Result<()> {
        let core = &mut self.core;
        let opened = match &mut self.format {
            Format::Delimited(delimited, source) => {
                let opened = core.open(source, findings)?;
                if opened {
                    delimited.start(source, core, findings)?;
                }
                opened
            }
            Format::Fixed(_, source) => core.open(source, findings)?,
            Format::Xml(xml) => xml.start(core, findings)?,
        };
        if !opened {
            self.state = State::Done;
        }
        Ok(())
    }

    /// Totals compared so far, for the report; at most `ReadLimits::totals_kept`.
    pub fn totals(&self) -> &[TotalSeen] {
        self.core.totals.seen()
    }

    /// Records read so far, held and unreadable ones included.
    pub fn records_read(&self) -> u64 {
        self.core.number
    }

    /// Bytes consumed so far.
    pub fn bytes_read(&self) -> u64 {
        match &self.format {
            Format::Delimited(_, source) | Format::Fixed(_, source) => source.position(),
            Format::Xml(xml) => xml.position(),
        }
    }
}
