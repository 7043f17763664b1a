//! The names an expression of a mapping may use, and how a mistake in one is reported.
//!
//! Owns: the slots of fields, view columns, `実行.…` and `サイト.…`. Never: evaluates.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::plan::{RUN, RunItem, SITE, slot};
use crate::expr::{CodeTable, Expr, Scope};
use crate::schema::layout::{Layout, RecordKind};
use crate::schema::mistake;
use crate::schema::toml_read::Text;
use crate::schema::view::View;
use crate::value::Type;

/// Items of `実行.…` with their types.
pub const RUN_ITEMS: [(&str, RunItem, Type); 7] = [
    ("基準日", RunItem::BaseDate, Type::Date),
    ("団体コード", RunItem::Municipality, Type::Text),
    ("ファイル名", RunItem::FileName, Type::Text),
    ("作成日時", RunItem::CreatedAt, Type::Text),
    ("連番", RunItem::Sequence, Type::Int),
    ("区分", RunItem::Change, Type::Text),
    ("作成日", RunItem::CreatedOn, Type::Text),
];

/// Code tables by name.
pub type CodeTables = BTreeMap<String, Arc<CodeTable>>;

/// Names and what they mean; qualified ones hold a `.`, which no name of an item may.
#[derive(Debug, Clone)]
pub struct Names<'a> {
    slots: BTreeMap<String, (u32, Type)>,
    codes: &'a CodeTables,
    /// Names of the code tables that were asked for: the plan depends on them.
    pub used_codes: RefCell<BTreeSet<String>>,
}

impl<'a> Names<'a> {
    /// `実行.…` and `サイト.…`, which every mapping knows; `site` is sorted by key.
    pub fn of_site(site: &[(String, String)], codes: &'a CodeTables) -> Self {
        let mut slots = BTreeMap::new();
        for (name, item, ty) in RUN_ITEMS {
            slots.insert(format!("実行.{name}"), (slot(RUN, item as u16), ty));
        }
        for (index, (key, _)) in site.iter().enumerate() {
            slots.insert(format!("サイト.{key}"), (slot(SITE, index as u16), Type::Text));
        }
        Names { slots, codes, used_codes: RefCell::default() }
    }

    /// The columns of a view alone: for what becomes SQL.
    pub fn of_view(codes: &'a CodeTables, view: &View) -> Self {
        let none = Names { slots: BTreeMap::new(), codes, used_codes: RefCell::default() };
        none.with_columns(view.columns.iter().enumerate())
    }

    /// Adds `レコード.項目` for every record kind, and bare names for the one that is read (`current`).
    pub fn with_layout(mut self, layout: &Layout, current: Option<usize>) -> Self {
        for (kind, record) in layout.records.iter().enumerate() {
            for (name, field, ty) in valued(record) {
                let place = (slot(kind as u16, field as u16), ty);
                self.slots.insert(format!("{}.{name}", record.name), place);
                if current == Some(kind) {
                    self.slots.insert(name.to_owned(), place);
                }
            }
        }
        self
    }

    /// Adds columns of a view; the slot is the index.
    pub fn with_columns<'c>(mut self, columns: impl IntoIterator<Item = (usize, &'c (String, Type))>) -> Self {
        for (index, (name, ty)) in columns {
            self.slots.insert(name.clone(), (index as u32, *ty));
        }
        self
    }

    /// Adds one name.
    pub fn with_name(mut self, name: String, slot: u32, ty: Type) -> Self {
        self.slots.insert(name, (slot, ty));
        self
    }

    /// Compiles an expression of the wanted type; every mistake is reported where it stands in the file.
    pub fn compile(&self, text: &Text<'_>, want: Type) -> Option<Expr> {
        match Expr::parse_as(text.value, self, want) {
            Ok(expr) => Some(expr),
            Err(errors) => {
                for error in errors {
                    let place = (error.line, error.column);
                    text.mistake_at(place, mistake::EXPRESSION, error.message, error.hint);
                }
                None
            }
        }
    }

    /// Type of an expression as it stands, before it is fitted to a target.
    pub fn type_of(&self, text: &Text<'_>) -> Option<Type> {
        Expr::parse(text.value, self).ok().map(|expr| expr.ty())
    }

    /// Compiles an optional predicate. The outer `None` means that it has a mistake.
    pub fn predicate(&self, text: Option<&Text<'_>>) -> Option<Option<Expr>> {
        match text {
            None => Some(None),
            Some(text) => self.compile(text, Type::Bool).map(Some),
        }
    }
}

impl Scope for Names<'_> {
    fn resolve(&self, path: &[&str]) -> Option<(u32, Type)> {
        self.slots.get(&path.join(".")).copied()
    }

    fn names(&self) -> Vec<String> {
        self.slots.keys().cloned().collect()
    }

    fn code_table(&self, name: &str) -> Option<Arc<CodeTable>> {
        let table = self.codes.get(name)?;
        self.used_codes.borrow_mut().insert(name.to_owned());
        Some(Arc::clone(table))
    }
}

/// Fields that have a value: name, index, type.
pub(super) fn valued(record: &RecordKind) -> impl Iterator<Item = (&str, usize, Type)> {
    let fields = record.fields.iter().enumerate();
    fields.filter_map(|(index, field)| Some((field.name.as_str(), index, field.ty()?)))
}

/// Checks that every `{名前}` of a message is one of `names`, and that braces are closed.
pub(super) fn judge_message(message: &Text<'_>, names: &[&str]) {
    let mut column = 1;
    let mut line = 1;
    let mut open: Option<((u32, u32), String)> = None;
    for c in message.value.chars() {
        match (c, &mut open) {
            ('{', None) => open = Some(((line, column + 1), String::new())),
            ('}', Some((place, name))) => {
                if !names.contains(&name.as_str()) {
                    let hint = mistake::did_you_mean(name, names.iter().copied());
                    let text = format!("文中の項目「{name}」がありません");
                    message.mistake_at(*place, mistake::UNKNOWN_NAME, text, hint);
                }
                open = None;
            }
            (c, Some((_, name))) => name.push(c),
            _ => {}
        }
        (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
    }
    if let Some((place, _)) = open {
        message.mistake_at(place, mistake::SYNTAX, "「{」が「}」で閉じられていません", "");
    }
}

/// Is it a code for findings: `a-z`, digits and `-`?
pub(super) fn judge_code(code: &Text<'_>) {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if code.value.is_empty() || !code.value.chars().all(good) {
        let hint = "birth-in-future のように書いてください";
        let message = format!("code「{}」は小文字の英数字と - で書きます", code.value);
        code.mistake(mistake::BAD_VALUE, message, hint);
    }
}
