//! The writer: one call writes one record of any format, or says why it cannot.
//!
//! Owns: order, totals and places on the way out. Never: writes half a record or a value it would not read back.

use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;

use crate::finding::{DataPlace, Finding, Severity};
use crate::schema::layout::{Bom, Kind, Layout, LineEnd, Quote, TotalScope};
use crate::value::Value;

use super::delimited_write::{encode_delimited, put_quotes};
use super::fault::Fault;
use super::field_rule::KindRule;
use super::field_write::{Contents, compose, encode_fixed, judge};
use super::frame::{BYTE_ORDER_MARK, ReadLimits};
use super::order::OrderWalk;
use super::sink::Findings;
use super::totals::{Countable, TotalSeen, TotalsWatch};
use super::xml_write::XmlStyle;

/// Bytes collected before they are written.
const BLOCK: usize = 256 << 10;

/// Where a record went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// 0-based offset of its first byte in the file.
    pub byte: u64,
    /// Bytes without line end.
    pub len: u64,
    /// 1-based number in the file, the heading row not counted.
    pub record: u64,
}

/// Writes the records of a file by its layout.
pub struct RecordWriter<W: Write + Seek> {
    layout: Arc<Layout>,
    kinds: Vec<KindRule>,
    walk: OrderWalk,
    totals: TotalsWatch,
    out: W,
    /// Offset in `out` of the file's first byte.
    origin: u64,
    /// Bytes already in `out`.
    written: u64,
    buffer: Vec<u8>,
    records: u64,
    contents: Contents,
    /// The record being made.
    line: Vec<u8>,
    style: Style,
    patches: Vec<Patch>,
}

/// What the format needs.
enum Style {
    Delimited { separator: u8, quote: Quote },
    Fixed,
    Xml(XmlStyle),
}

/// A file total to be filled in at the end: `width` digits at `byte` of the file.
struct Patch {
    total: usize,
    byte: u64,
    width: usize,
    record: u64,
}

impl<W: Write + Seek> RecordWriter<W> {
    /// A writer at the current position of `out`; the byte order mark, heading row or root tag is written.
    ///
    /// # Errors
    /// The output's own; `InvalidData` when a heading cannot be written in the layout's charset.
    pub fn new(layout: Arc<Layout>, mut out: W) -> io::Result<Self> {
        let physical = &layout.physical;
        let style = match &physical.kind {
            Kind::Delimited { separator, quote, .. } => Style::Delimited { separator: *separator, quote: *quote },
            Kind::Fixed => Style::Fixed,
            Kind::Xml { root, namespace, .. } => Style::Xml(XmlStyle::new(&layout, root, namespace)),
        };
        let kinds = layout.records.iter().map(|record| KindRule::new(record, &physical.kind)).collect();
        let origin = out.stream_position()?;
        let mut writer = RecordWriter {
            kinds,
            walk: OrderWalk::default(),
            totals: TotalsWatch::new(&layout, ReadLimits::default().totals_kept),
            out,
            origin,
            written: 0,
            buffer: Vec::with_capacity(BLOCK + 4096),
            records: 0,
            contents: Contents::default(),
            line: Vec::new(),
            style,
            patches: Vec::new(),
            layout,
        };
        writer.open()?;
        Ok(writer)
    }

    fn open(&mut self) -> io::Result<()> {
        let physical = &self.layout.physical;
        if physical.bom == Bom::Required {
            self.buffer.extend_from_slice(BYTE_ORDER_MARK);
        }
        match (&self.style, &physical.kind) {
            (Style::Xml(xml), _) => xml.open(&mut self.buffer),
            (Style::Delimited { separator, quote }, Kind::Delimited { header: true, .. }) => {
                let fields = self.layout.records.first().map_or(&[][..], |record| &record.fields);
                let mut first = true;
                for field in fields {
                    if !std::mem::replace(&mut first, false) {
                        self.buffer.push(*separator);
                    }
                    let start = self.buffer.len();
                    let encoded = physical.charset.encode(&field.name, &mut self.buffer);
                    let quoted = encoded.is_ok() && put_quotes(&mut self.buffer, start, *separator, *quote, false);
                    if !quoted {
                        let message = format!("見出し「{}」を書けません", field.name);
                        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                    }
                }
                self.buffer.extend_from_slice(line_end(&self.layout));
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes a record. `values` has one per field: a value, or null for the constant, else the total (filled in), else
    /// nothing (empty or padding). `Ok(Err(…))`: the findings say why it cannot be written, and nothing was.
    ///
    /// # Errors
    /// The output's own.
    pub fn write(&mut self, kind: usize, values: &[Value<'_>]) -> io::Result<Result<Placed, Vec<Finding>>> {
        let layout = Arc::clone(&self.layout);
        let Some(declared) = layout.records.get(kind).filter(|_| self.walk.allows(&layout, kind)) else {
            let name = layout.records.get(kind).map_or("？", |record| record.name.as_str());
            let expected = self.walk.expected(&layout);
            let message = format!("「{name}」レコードはここに書けません。書けるもの: {expected}");
            return Ok(Err(vec![Finding::data("order-violation", Severity::Error, self.place(""), message)]));
        };
        let mut findings = Vec::new();
        let fields = &declared.fields;
        if values.len() != fields.len() {
            let message = format!(
                "「{}」レコードの項目数は {} ですが、値が {} あります",
                declared.name,
                fields.len(),
                values.len()
            );
            return Ok(Err(vec![Finding::data("field-count", Severity::Error, self.place(""), message)]));
        }
        let mut faults: Vec<(usize, Fault)> = Vec::new();
        let filled = self.fill(kind, values, &mut faults);
        let places = self.encode(kind, &mut faults);
        for (index, fault) in faults {
            let mut note = fault.note();
            if fault == Fault::Replacement {
                // A lost character may come in with a warning, but it never goes on to a partner.
                note.severity = Severity::Error;
            }
            if note.severity >= Severity::Error {
                let field = &fields[index];
                let finding = Finding::data(note.code, note.severity, self.place(&field.name), fault.message(field))
                    .with_value(self.contents.get(index), field.secret)
                    .with_rule(field.place.clone())
                    .with_action(fault.action(field));
                findings.push(finding);
            }
        }
        if !findings.is_empty() {
            return Ok(Err(findings));
        }
        let placed = self.put()?;
        self.settle(kind, placed, &filled, &places);
        Ok(Ok(placed))
    }

    fn place(&self, field: &str) -> DataPlace {
        DataPlace { record: self.records + 1, line: 0, byte: self.position(), len: 0, field: field.to_owned() }
    }

    fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Contents of all fields, totals filled in; gives the file totals left open: total and field.
    fn fill(&mut self, kind: usize, values: &[Value<'_>], faults: &mut Vec<(usize, Fault)>) -> Vec<(usize, usize)> {
        let layout = &self.layout;
        let mut open = Vec::new();
        self.contents.clear();
        for (index, (rule, value)) in self.kinds[kind].fields.iter().zip(values).enumerate() {
            let mut value = *value;
            let mut number = value.as_int();
            let total = self.totals.declared_by(kind).iter().find(|at| layout.totals[**at].declared.1 == index);
            let mut placeholder = false;
            if let (Value::Null, None, Some(total)) = (value, &rule.constant, total) {
                placeholder = layout.totals[*total].scope == TotalScope::File;
                if placeholder {
                    open.push((*total, index));
                }
                value = Value::Int(if placeholder { 0 } else { self.totals.value_to_write(layout, *total) });
                number = value.as_int();
            }
            let text = &mut self.contents.text;
            let start = text.len();
            let composed = compose(rule, value, text);
            if placeholder && composed.is_ok() {
                // Room for the number, also where numbers are not padded.
                let missing = rule.len.saturating_sub(text.len() - start);
                text.extend(std::iter::repeat_n('0', missing));
            }
            match composed {
                Ok(()) => {
                    let content = text.get(start..).unwrap_or_default();
                    judge(rule, content, &mut |fault| faults.push((index, fault)));
                }
                Err(fault) => {
                    // What was given is shown with the finding.
                    text.truncate(start);
                    text.extend(value.to_string().chars().take(Finding::VALUE_LIMIT * 2));
                    faults.push((index, fault));
                }
            }
            self.contents.close(start, number);
        }
        open
    }

    /// Bytes of the record into `line`; gives start and length of every field's content in it.
    fn encode(&mut self, kind: usize, faults: &mut Vec<(usize, Fault)>) -> Vec<(usize, usize)> {
        let line = &mut self.line;
        line.clear();
        let rules = &self.kinds[kind].fields;
        match &self.style {
            Style::Fixed => {
                let mut places = Vec::new();
                for (index, rule) in rules.iter().enumerate() {
                    line.resize(rule.offset, b' ');
                    places.push((rule.offset, rule.len));
                    if let Err(fault) = encode_fixed(rule, self.contents.get(index), line) {
                        faults.push((index, fault));
                    }
                }
                line.resize(self.layout.records[kind].length, b' ');
                places
            }
            Style::Delimited { separator, quote } => {
                encode_delimited(rules, &self.contents, (*separator, *quote), line, faults)
            }
            Style::Xml(xml) => xml.record(kind, rules, &self.contents, line, faults),
        }
    }

    /// Appends `line` to the file.
    fn put(&mut self) -> io::Result<Placed> {
        self.records += 1;
        let placed = Placed {
            byte: self.position() + self.indent() as u64,
            len: (self.line.len() - self.indent()) as u64,
            record: self.records,
        };
        self.buffer.extend_from_slice(&self.line);
        self.buffer.extend_from_slice(line_end(&self.layout));
        if self.buffer.len() >= BLOCK {
            self.flush()?;
        }
        Ok(placed)
    }

    /// Bytes of `line` before the record itself.
    fn indent(&self) -> usize {
        match &self.style {
            Style::Xml(_) => super::xml_write::INDENT.len(),
            Style::Delimited { .. } | Style::Fixed => 0,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Order and totals after a record was written.
    fn settle(&mut self, kind: usize, placed: Placed, open: &[(usize, usize)], places: &[(usize, usize)]) {
        let layout = Arc::clone(&self.layout);
        self.walk.step(&layout, kind);
        self.totals.count(&layout, kind, &self.contents);
        // Totals that disagree are in `finish`; the pipeline judges them.
        let mut unheard = Findings::new(0);
        for total in self.totals.declared_by(kind).to_vec() {
            if let Some((_, field)) = open.iter().find(|(at, _)| *at == total) {
                let (start, width) = places.get(*field).copied().unwrap_or_default();
                self.patches.push(Patch {
                    total,
                    byte: placed.byte - self.indent() as u64 + start as u64,
                    width,
                    record: placed.record,
                });
                continue;
            }
            let declared = self.contents.number(layout.totals[total].declared.1).ok().flatten();
            let place = DataPlace { record: placed.record, byte: placed.byte, ..DataPlace::default() };
            self.totals.declare_one(&layout, total, declared, place, &mut unheard);
        }
    }

    /// Why the file may not end here; `None` when it may. To be asked before [`RecordWriter::finish`].
    pub fn unfinished(&self) -> Option<Finding> {
        if self.walk.may_end(&self.layout) {
            return None;
        }
        let expected = self.walk.expected(&self.layout);
        let message = format!("ファイルがまだ終われません。まだ要るレコード: {expected}");
        Some(Finding::data("order-unfinished", Severity::Fatal, self.place(""), message))
    }

    /// Writes the end, fills in the file totals by seeking back, and gives the output back, at its end.
    ///
    /// # Errors
    /// The output's own; `InvalidData` when records are missing (see [`RecordWriter::unfinished`]).
    pub fn finish(mut self) -> io::Result<(W, Vec<TotalSeen>)> {
        if let Some(finding) = self.unfinished() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, finding.message));
        }
        if let Style::Xml(xml) = &self.style {
            xml.close(&mut self.buffer);
        }
        self.flush()?;
        for patch in std::mem::take(&mut self.patches) {
            let digits = format!("{:0width$}", self.totals.counted(patch.total), width = patch.width);
            let fits = digits.len() == patch.width;
            if fits {
                self.out.seek(SeekFrom::Start(self.origin + patch.byte))?;
                self.out.write_all(digits.as_bytes())?;
            }
            self.totals.filled(&self.layout, patch.total, patch.record, fits);
        }
        self.out.seek(SeekFrom::Start(self.origin + self.written))?;
        self.out.flush()?;
        self.totals.finish(&self.layout, &mut Findings::new(0));
        Ok((self.out, self.totals.into_seen()))
    }
}

fn line_end(layout: &Layout) -> &'static [u8] {
    match (&layout.physical.kind, layout.physical.line_end) {
        (Kind::Xml { .. }, _) | (_, LineEnd::Lf) => b"\n",
        (_, LineEnd::CrLf | LineEnd::CrLfOrNone) => b"\r\n",
        (_, LineEnd::None) => b"",
    }
}
