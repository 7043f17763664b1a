//! What expressions see while a record is mapped: its own fields, the last record of every other kind, the run and the
//! site.
//!
//! Owns: answering slots. Never: reads files or changes anything.

use crate::codec::Record;
use crate::expr::Row;
use crate::mapping::plan::{RUN, RunItem, SITE};
use crate::value::Value;

/// The items of `実行.…` for one run.
#[derive(Debug, Clone, Default)]
pub struct RunItems {
    /// `基準日`, ISO.
    pub base_date: String,
    /// `団体コード`, 6 digits.
    pub municipality: String,
    /// `ファイル名`.
    pub file_name: String,
    /// `作成日時`, `YYYYMMDDhhmmss` JST.
    pub created_at: String,
    /// `連番`.
    pub sequence: i64,
    /// `区分`.
    pub change: &'static str,
}

impl RunItems {
    /// Answers the field part of a run slot.
    pub fn get(&self, item: u16) -> Value<'_> {
        match item {
            i if i == RunItem::BaseDate as u16 => Value::Text(&self.base_date),
            i if i == RunItem::Municipality as u16 => Value::Text(&self.municipality),
            i if i == RunItem::FileName as u16 => Value::Text(&self.file_name),
            i if i == RunItem::CreatedAt as u16 => Value::Text(&self.created_at),
            i if i == RunItem::Sequence as u16 => Value::Int(self.sequence),
            i if i == RunItem::Change as u16 => Value::Text(self.change),
            i if i == RunItem::CreatedOn as u16 => Value::Text(self.created_at.get(..8).unwrap_or_default()),
            _ => Value::Null,
        }
    }
}

/// An inbound record in its surroundings.
pub struct InRow<'a> {
    /// The record being mapped.
    pub record: &'a Record,
    /// Last record seen of each kind.
    pub last: &'a [Option<Record>],
    /// `実行.…`.
    pub run: &'a RunItems,
    /// `サイト.…`, by index.
    pub site: &'a [(String, String)],
}

impl Row for InRow<'_> {
    #[inline]
    fn get(&self, slot: u32) -> Value<'_> {
        // Kinds of records are below RUN and SITE, so the record's own fields, nearly all that is asked for, come first.
        let (kind, field) = ((slot >> 16) as u16, (slot & 0xFFFF) as u16);
        if usize::from(kind) == self.record.kind {
            self.record.value(usize::from(field))
        } else {
            self.around(kind, field)
        }
    }
}

impl InRow<'_> {
    /// Everything but the record's own fields.
    #[inline(never)]
    fn around(&self, kind: u16, field: u16) -> Value<'_> {
        match kind {
            RUN => self.run.get(field),
            SITE => site_value(self.site, field),
            kind => match &self.last[usize::from(kind)] {
                Some(record) => record.value(usize::from(field)),
                None => Value::Null,
            },
        }
    }
}

/// A row of a view with the run around it; slots below [`SITE`] are column indexes.
pub struct ViewRow<'a> {
    /// The view's columns.
    pub columns: &'a [Value<'a>],
    /// `実行.…`.
    pub run: &'a RunItems,
    /// `サイト.…`, by index.
    pub site: &'a [(String, String)],
}

impl Row for ViewRow<'_> {
    fn get(&self, slot: u32) -> Value<'_> {
        let (kind, field) = ((slot >> 16) as u16, (slot & 0xFFFF) as u16);
        match kind {
            RUN => self.run.get(field),
            SITE => site_value(self.site, field),
            _ => self.columns.get(slot as usize).copied().unwrap_or(Value::Null),
        }
    }
}

fn site_value(site: &[(String, String)], index: u16) -> Value<'_> {
    site.get(usize::from(index)).map_or(Value::Null, |(_, value)| Value::Text(value))
}
