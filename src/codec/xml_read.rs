//! XML files: one element below the root per record, streamed.
//!
//! Owns: the walk through the document and its limits. Never: takes a DTD, an entity that is not predefined, another
//! namespace than the layout's, or a token longer than a record may be.

use std::io::{self, Read};
use std::sync::Arc;

use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::schema::layout::{Kind, Layout};

use super::core::Core;
use super::frame::{BUDGET_SPENT, BYTE_ORDER_MARK, Source};
use super::record::{Note, Record, about_file};
use super::sink::Findings;
use super::xml_names::{Mistake, Names, root_names};
use super::xml_parts::{PathWalk, Torn, referred};
use super::xml_record::Open;

/// Room for a tag's own characters beside a record's content, bytes.
const TAG_ROOM: usize = 4096;
/// Records are the children of the root.
pub(super) const RECORD_DEPTH: usize = 2;

/// Reads records out of an XML document.
pub(super) struct XmlRecords<R: Read> {
    pub(super) reader: quick_xml::Reader<Source<R>>,
    buffer: Vec<u8>,
    /// Bytes before the reader's own position 0 (a byte order mark).
    pub(super) offset: u64,
    root: String,
    namespace: String,
    max_depth: usize,
    names: Option<Names>,
    pub(super) depth: usize,
    /// Ignore all until the element at this depth ends.
    pub(super) skip: Option<usize>,
    /// Where below the record.
    pub(super) path: PathWalk,
    /// The record being read.
    pub(super) open: Option<Open>,
    /// The field being read.
    pub(super) field: Option<usize>,
    pub(super) root_closed: bool,
    done: bool,
}

/// What an event means for the caller of `next`.
enum Turn {
    Go,
    /// A record is complete.
    Record,
    /// Nothing more can be read.
    Stop,
}

impl<R: Read> XmlRecords<R> {
    pub fn new(layout: &Layout, source: Source<R>) -> Self {
        let (root, namespace, max_depth) = match &layout.physical.kind {
            Kind::Xml { root, namespace, max_depth } => (root.clone(), namespace.clone(), *max_depth),
            Kind::Delimited { .. } | Kind::Fixed => (String::new(), String::new(), 0),
        };
        let mut reader = quick_xml::Reader::from_reader(source);
        reader.config_mut().check_comments = true;
        XmlRecords {
            reader,
            buffer: Vec::new(),
            offset: 0,
            root,
            namespace,
            max_depth,
            names: None,
            depth: 0,
            skip: None,
            path: PathWalk::new(layout),
            open: None,
            field: None,
            root_closed: false,
            done: false,
        }
    }

    /// Judges the start of the file. `false`: there is nothing to read.
    pub fn start(&mut self, core: &mut Core, findings: &mut Findings) -> io::Result<bool> {
        let source = self.reader.get_mut();
        let opened = core.open(source, findings)?;
        self.offset = source.position();
        source.need(BYTE_ORDER_MARK.len())?;
        if opened && source.data().starts_with(BYTE_ORDER_MARK) {
            about_file(findings, Note::fatal("bad-bom"), self.offset, || "先頭に BOM が2つあります".to_owned());
            return Ok(false);
        }
        Ok(opened)
    }

    /// Offset in the file behind the last event.
    pub fn position(&self) -> u64 {
        self.offset + self.reader.buffer_position()
    }

    /// Reads the next record; `false` at the end.
    pub fn next(&mut self, core: &mut Core, record: &mut Record, findings: &mut Findings) -> io::Result<bool> {
        while !self.done {
            let before = self.position();
            self.reader.get_mut().allow(core.max_record + TAG_ROOM);
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.clear();
            let turn = match self.reader.read_event_into(&mut buffer) {
                Ok(event) => self.event(event, before, (core, record), findings),
                Err(error) => {
                    self.broken(&error, &buffer, before, core, findings)?;
                    Turn::Stop
                }
            };
            self.buffer = buffer;
            match turn {
                Turn::Go => self.measure(core, record, findings),
                Turn::Record => return Ok(true),
                Turn::Stop => {
                    self.done = true;
                    return Ok(self.abandon(core, record, findings));
                }
            }
        }
        Ok(false)
    }

    fn event(&mut self, event: Event<'_>, before: u64, to: (&mut Core, &mut Record), findings: &mut Findings) -> Turn {
        let (core, record) = to;
        match event {
            Event::Start(tag) => self.start_tag(&tag, before, (core, record), findings),
            Event::Empty(tag) => match self.start_tag(&tag, before, (core, record), findings) {
                Turn::Go => self.end_tag(core, record, findings),
                other => other,
            },
            Event::End(_) => self.end_tag(core, record, findings),
            Event::Text(text) => self.text(&text.xml10_content(), before, record, findings),
            Event::CData(text) => self.text(&text.xml10_content(), before, record, findings),
            Event::GeneralRef(reference) => self.reference(&reference, before, record, findings),
            Event::Decl(declaration) => {
                let encoding = declaration.encoding();
                let utf8 = match &encoding {
                    None => true,
                    Some(Ok(name)) => name.eq_ignore_ascii_case("utf-8"),
                    Some(Err(_)) => false,
                };
                if before != self.offset {
                    return self.fatal("xml-broken", before, findings, "XML 宣言が先頭にありません".to_owned());
                }
                if !utf8 {
                    let message = "XML 宣言の文字コードが UTF-8 ではありません".to_owned();
                    return self.fatal("xml-encoding", before, findings, message);
                }
                Turn::Go
            }
            Event::DocType(_) => {
                let message = "DOCTYPE 宣言があります。安全のため DTD を持つ XML は受け付けません".to_owned();
                self.fatal("xml-doctype", before, findings, message)
            }
            Event::Comment(_) | Event::PI(_) => Turn::Go,
            Event::Eof => {
                if !self.root_closed {
                    let message = format!("ファイルが途中で終わっています。</{}> がありません", self.root);
                    return self.fatal("truncated", before, findings, message);
                }
                Turn::Stop
            }
        }
    }

    fn fatal(&self, code: &'static str, byte: u64, findings: &mut Findings, message: String) -> Turn {
        about_file(findings, Note::fatal(code), byte, || message);
        Turn::Stop
    }

    fn start_tag(
        &mut self,
        tag: &BytesStart<'_>,
        before: u64,
        (core, record): (&mut Core, &mut Record),
        findings: &mut Findings,
    ) -> Turn {
        self.depth += 1;
        if self.depth > self.max_depth {
            let message = format!("要素の入れ子が {} 段を超えています", self.max_depth);
            return self.fatal("xml-too-deep", before, findings, message);
        }
        if self.skip.is_some() {
            return Turn::Go;
        }
        if self.depth == 1 {
            return self.root_tag(tag, before, findings);
        }
        let full_name = tag.name();
        let name = self.names.as_ref().and_then(|names| names.local(full_name.as_ref()));
        let mistake = self.names.as_ref().and_then(|names| names.attribute_mistake(tag));
        if self.depth == RECORD_DEPTH {
            core.line = self.reader.get_ref().line();
            core.begin(record, before, 0);
            self.begin(name.unwrap_or_default(), core, record, findings);
        } else {
            self.inner_tag(name, full_name.as_ref(), before, record, findings);
        }
        if let Some(mistake) = mistake {
            let mut notes = record.notes(findings);
            notes.at(Note::error(mistake.code()), before, 0, || mistake.message(full_name.as_ref()));
            record.held = notes.held;
        }
        Turn::Go
    }

    fn root_tag(&mut self, tag: &BytesStart<'_>, before: u64, findings: &mut Findings) -> Turn {
        if self.root_closed {
            let message = format!("</{}> の後に余分な要素があります", self.root);
            return self.fatal("trailing-bytes", before, findings, message);
        }
        match root_names(tag, &self.root, &self.namespace) {
            Ok(names) => {
                self.names = Some(names);
                Turn::Go
            }
            Err(Mistake::Root) => {
                let message = format!("最上位の要素が <{}> ではありません", self.root);
                self.fatal("xml-root", before, findings, message)
            }
            Err(Mistake::Namespace) => {
                let message = format!("最上位の要素の名前空間が「{}」ではありません", self.namespace);
                self.fatal("xml-namespace", before, findings, message)
            }
            Err(mistake @ (Mistake::Attribute | Mistake::Broken)) => {
                let message = mistake.message(&self.root);
                self.fatal(mistake.code(), before, findings, message)
            }
        }
    }

    fn end_tag(&mut self, core: &mut Core, record: &mut Record, findings: &mut Findings) -> Turn {
        let depth = self.depth;
        self.depth = depth.saturating_sub(1);
        if self.skip.is_some_and(|skip| depth > skip) {
            return Turn::Go;
        }
        let skipped = self.skip.take().is_some();
        match depth {
            1 => {
                self.root_closed = true;
                Turn::Go
            }
            RECORD_DEPTH => {
                record.len = self.position() - record.byte;
                self.complete(core, record, findings);
                Turn::Record
            }
            _ => {
                if !skipped && let Some(field) = self.field.take() {
                    let cell = &mut record.cells[field];
                    cell.end = record.text.len() as u32;
                }
                self.path.leave();
                Turn::Go
            }
        }
    }

    /// The document is no XML any more; only the input's own errors are passed on.
    fn broken(
        &self,
        error: &quick_xml::Error,
        token: &[u8],
        before: u64,
        core: &Core,
        findings: &mut Findings,
    ) -> io::Result<()> {
        match error {
            quick_xml::Error::Io(error) if error.to_string() != BUDGET_SPENT => {
                return Err(io::Error::new(error.kind(), Arc::clone(error)));
            }
            _ => {
                let place =
                    Torn { token, before, at: self.offset + self.reader.error_position(), limit: core.max_record };
                let (code, byte, message) = place.explain(error);
                self.fatal(code, byte, findings, message);
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str, before: u64, record: &mut Record, findings: &mut Findings) -> Turn {
        if self.skip.is_some() {
            return Turn::Go;
        }
        if let Some(field) = self.field {
            record.text.push_str(text);
            let end = (self.position() - record.byte) as u32;
            let cell = &mut record.cells[field];
            cell.len = end - cell.at;
            return Turn::Go;
        }
        if text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            return Turn::Go;
        }
        if self.open.is_none() {
            let message = "レコードの外に文字があります".to_owned();
            return self.fatal("trailing-bytes", before, findings, message);
        }
        let mut notes = record.notes(findings);
        notes.at(Note::error("unexpected-text"), before, text.len() as u64, || "項目の外に文字があります".to_owned());
        record.held = notes.held;
        Turn::Go
    }

    fn reference(
        &mut self,
        reference: &BytesRef<'_>,
        before: u64,
        record: &mut Record,
        findings: &mut Findings,
    ) -> Turn {
        match referred(reference) {
            Some(ch) => self.text(ch.encode_utf8(&mut [0; 4]), before, record, findings),
            None => {
                let message = "XML で決められた5つ以外の実体参照、または正しくない文字参照があります".to_owned();
                self.fatal("xml-entity", before, findings, message)
            }
        }
    }
}
