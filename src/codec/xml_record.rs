//! The record part of the walk through an XML document: from its element's start to its end.
//!
//! Owns: which field an element fills, a record's greatest length. Never: reads events (`xml_read`).

use std::io::Read;
use std::sync::Arc;

use super::class;
use super::core::Core;
use super::field_read::{report_text, store};
use super::record::{Cell, Note, Record};
use super::sink::Findings;
use super::xml_parts::Target;
use super::xml_read::{RECORD_DEPTH, XmlRecords};

/// What is known of the record being read.
pub(super) struct Open {
    /// `None`: not recognised, skipped.
    kind: Option<usize>,
    seen: Vec<bool>,
    too_long: bool,
}

impl<R: Read> XmlRecords<R> {
    /// A record element begins.
    pub(super) fn begin(&mut self, name: &str, core: &mut Core, record: &mut Record, findings: &mut Findings) {
        let layout = Arc::clone(&core.layout);
        let is = |kind: usize| Some(!name.is_empty() && layout.records.get(kind).is_some_and(|r| r.element == name));
        let recognised = core.walk.recognise(&layout, is);
        let kind = core.known(recognised, record, findings);
        let fields = kind.map_or(0, |kind| layout.records[kind].fields.len());
        record.cells.resize(fields, Cell::default());
        self.path.restart();
        self.field = None;
        self.open = Some(Open { kind, seen: vec![false; fields], too_long: false });
        if kind.is_none() {
            self.skip = Some(self.depth);
        }
    }

    /// An element inside a record begins.
    pub(super) fn inner_tag(
        &mut self,
        name: Option<&str>,
        full: &str,
        before: u64,
        record: &mut Record,
        findings: &mut Findings,
    ) {
        let Some(open) = &mut self.open else {
            return;
        };
        let inside_field = self.field.is_some();
        let target = self.path.enter(open.kind.filter(|_| !inside_field), name);
        let (code, what) = match target {
            Target::Group => return,
            Target::Field(field) if !open.seen[field] => {
                open.seen[field] = true;
                self.field = Some(field);
                let start = record.text.len() as u32;
                let at = (self.offset + self.reader.buffer_position() - record.byte) as u32;
                record.cells[field] = Cell { start, end: start, at, ..Cell::default() };
                return;
            }
            Target::Field(_) => ("duplicate-element", "が2回あります"),
            Target::Unknown => ("unknown-element", "はこのレコードにありません"),
        };
        let mut notes = record.notes(findings);
        notes.at(Note::error(code), before, 0, || format!("要素 <{full}> {what}"));
        record.held = notes.held;
        self.skip = Some(self.depth);
    }

    /// A record element ends: its fields are judged.
    pub(super) fn complete(&mut self, core: &mut Core, record: &mut Record, findings: &mut Findings) {
        let Some(Open { kind: Some(kind), too_long, .. }) = self.open.take() else {
            return;
        };
        if too_long {
            core.close(kind, record, findings);
            return;
        }
        let layout = Arc::clone(&core.layout);
        let declared = &layout.records[kind];
        record.recognised = true;
        let mut notes = record.notes(findings);
        let Record { text, cells, .. } = record;
        for (index, rule) in core.kinds[kind].fields.iter().enumerate() {
            let cell = &mut cells[index];
            let field = &declared.fields[index];
            let content = text.get(cell.start as usize..cell.end as usize).unwrap_or_default();
            let place = (cell.at as usize, cell.len as usize);
            let typed = rule.judge(content, class::of(content.as_bytes()), &mut |fault| {
                report_text(fault, field, place, content, &mut notes);
            });
            store(typed, rule, text, cell);
        }
        record.held = notes.held;
        core.close(kind, record, findings);
    }

    /// Gives up the content of a record that is longer than allowed. (One long token is stopped by the budget.)
    pub(super) fn measure(&mut self, core: &Core, record: &mut Record, findings: &mut Findings) {
        let len = self.position() - record.byte;
        let Some(open) = &mut self.open else {
            return;
        };
        if open.too_long || len <= core.max_record as u64 {
            return;
        }
        open.too_long = true;
        self.field = None;
        self.skip = Some(RECORD_DEPTH);
        record.text.clear();
        record.cells.clear();
        let mut notes = record.notes(findings);
        notes.at(Note::error("record-too-long"), record.byte, len, || {
            format!("1件のレコードが上限 {} バイトを超えています", core.max_record)
        });
        record.held = notes.held;
    }

    /// Nothing more can be read. `true`: a record was begun; it is held and counted.
    pub(super) fn abandon(&mut self, core: &mut Core, record: &mut Record, findings: &mut Findings) -> bool {
        core.stopped |= !self.root_closed;
        let Some(open) = self.open.take() else {
            return false;
        };
        record.len = self.position() - record.byte;
        record.held = true;
        record.text.clear();
        record.cells.clear();
        if let Some(kind) = open.kind {
            core.close(kind, record, findings);
        }
        true
    }
}
