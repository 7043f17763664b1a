//! Tables of a declarative file: typed getters that report, and keys nobody asked for.
//!
//! Owns: what a missing, mistyped or unknown key is called. Never: knows what a key means.

use std::cell::RefCell;
use std::rc::Rc;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::keys::Table;
use super::mistake;
use super::toml_read::{Reader, Text};
use crate::finding::RulePlace;

type Entry<'a> = (&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>);

/// A table of the file. Every key that is asked for is known; [`Node::finish`] refuses the others.
/// Clones share what was asked.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    reader: &'a Reader,
    table: &'a DeTable<'a>,
    at: usize,
    over: Option<Box<Node<'a>>>,
    asked: Rc<RefCell<Vec<&'static str>>>,
}

impl<'a> Node<'a> {
    /// The whole document.
    pub fn root(reader: &'a Reader, document: &'a Spanned<DeTable<'a>>) -> Self {
        Self::of(reader, document.get_ref(), 0)
    }

    fn of(reader: &'a Reader, table: &'a DeTable<'a>, at: usize) -> Self {
        Node { reader, table, at, over: None, asked: Rc::default() }
    }

    /// The same table with another one in front of it: what `over` says wins.
    pub fn under(mut self, over: Option<Node<'a>>) -> Self {
        self.over = over.map(Box::new);
        self
    }

    /// The file this is part of.
    pub fn reader(&self) -> &'a Reader {
        self.reader
    }

    /// Where the table starts.
    pub fn place(&self) -> RulePlace {
        self.reader.place(self.at)
    }

    /// Notes a mistake about the table as a whole.
    pub fn mistake(&self, code: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.reader.mistake(code, self.place(), message, hint);
    }

    fn find(&self, key: &'static str) -> Option<Entry<'a>> {
        self.asked.borrow_mut().push(key);
        let front = self.over.as_ref().and_then(|over| over.find(key));
        front.or_else(|| self.table.iter().find(|(k, _)| k.get_ref().as_ref() == key))
    }

    /// Is the key written here (or in the table in front)? The key is known from now on.
    pub fn has(&self, key: &'static str) -> bool {
        self.find(key).is_some()
    }

    /// Is the key written as a table? It is known from now on.
    pub fn is_table(&self, key: &'static str) -> bool {
        self.find(key).is_some_and(|(_, value)| matches!(value.get_ref(), DeValue::Table(_)))
    }

    /// Is the key written as a string? It is known from now on.
    pub fn is_text(&self, key: &'static str) -> bool {
        self.find(key).is_some_and(|(_, value)| matches!(value.get_ref(), DeValue::String(_)))
    }

    /// Where a key of this table stands, for findings about its value.
    pub fn place_of(&self, key: &'static str) -> RulePlace {
        self.find(key).map_or_else(|| self.place(), |(_, v)| self.reader.place(v.span().start))
    }

    fn missing(&self, key: &str) {
        self.mistake(mistake::MISSING_KEY, format!("「{key}」がありません"), format!("{key} = … を書いてください"));
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let message = format!("「{key}」は{expected}で書きます（{}になっています）", japanese_type(value.get_ref()));
        let hint = match value.get_ref() {
            DeValue::String(_) if expected == "整数" || expected == "true か false " => "引用符を外してください",
            DeValue::Array(_) | DeValue::Table(_) => "",
            _ if expected == "文字列" => "値を \"…\" で囲んでください",
            _ if expected.ends_with("配列") => "値を [ … ] で囲んでください",
            _ => "",
        };
        self.reader.mistake(mistake::WRONG_TYPE, self.reader.place(value.span().start), message, hint);
    }

    fn text(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Option<Text<'a>> {
        match value.get_ref() {
            DeValue::String(text) => Some(Text { value: text.as_ref(), span: value.span(), reader: self.reader }),
            _ => {
                self.wrong_type(key, value, "文字列");
                None
            }
        }
    }

    fn key_text(&self, key: &'a Spanned<DeString<'a>>) -> Text<'a> {
        Text { value: key.get_ref().as_ref(), span: key.span(), reader: self.reader }
    }

    /// A string that may be left out.
    pub fn opt_str(&self, key: &'static str) -> Option<Text<'a>> {
        self.find(key).and_then(|(_, value)| self.text(key, value))
    }

    /// A string that must be there.
    pub fn str(&self, key: &'static str) -> Option<Text<'a>> {
        match self.find(key) {
            Some((_, value)) => self.text(key, value),
            None => {
                self.missing(key);
                None
            }
        }
    }

    /// A whole number within `range`, if it is there.
    pub fn opt_int(&self, key: &'static str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let (_, value) = self.find(key)?;
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong_type(key, value, "整数");
            return None;
        };
        let parsed = i64::from_str_radix(number.as_str(), number.radix()).ok();
        let good = parsed.filter(|n| range.contains(n));
        if good.is_none() {
            let message = format!("「{key}」は{}から{}までの整数で書きます", range.start(), range.end());
            let place = self.reader.place(value.span().start);
            self.reader.mistake(mistake::BAD_VALUE, place, message, "");
        }
        good
    }

    /// A list of whole numbers within `range`; left out is empty.
    pub fn opt_ints(&self, key: &'static str, range: std::ops::RangeInclusive<i64>) -> Vec<i64> {
        let Some((_, value)) = self.find(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type(key, value, "整数の配列");
            return Vec::new();
        };
        let mut numbers = Vec::new();
        for item in items.iter() {
            let parsed = match item.get_ref() {
                DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
                _ => None,
            };
            match parsed.filter(|n| range.contains(n)) {
                Some(number) => numbers.push(number),
                None => {
                    let message = format!("「{key}」は{}から{}までの整数で書きます", range.start(), range.end());
                    self.reader.mistake(mistake::BAD_VALUE, self.reader.place(item.span().start), message, "");
                }
            }
        }
        numbers
    }

    /// A length or count from 1, if it is there.
    pub fn opt_len(&self, key: &'static str) -> Option<usize> {
        self.opt_int(key, 1..=1_000_000).map(|n| n as usize)
    }

    /// `true` or `false`; left out is `None`.
    pub fn opt_bool(&self, key: &'static str) -> Option<bool> {
        let (_, value) = self.find(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => {
                self.wrong_type(key, value, "true か false ");
                None
            }
        }
    }

    /// `true` or `false`; left out is `false`.
    pub fn flag(&self, key: &'static str) -> bool {
        self.opt_bool(key).unwrap_or(false)
    }

    /// One of some words, if it is there.
    pub fn opt_word<T: Clone>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.opt_str(key)?;
        let found = words.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            text.mistake(
                mistake::BAD_VALUE,
                format!("「{key}」に「{}」は書けません", text.value),
                mistake::did_you_mean(text.value, words.iter().map(|(word, _)| *word)),
            );
        }
        found.map(|(_, value)| value.clone())
    }

    /// One of some words that must be there.
    pub fn word<T: Clone>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        if !self.has(key) {
            let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("「{key}」がありません");
            self.mistake(mistake::MISSING_KEY, message, format!("{} のどれかを書いてください", list.join("、")));
            return None;
        }
        self.opt_word(key, words)
    }

    /// A list of strings; left out is `None`.
    pub fn opt_list(&self, key: &'static str) -> Option<Vec<Text<'a>>> {
        let (_, value) = self.find(key)?;
        match value.get_ref() {
            DeValue::Array(items) => Some(items.iter().filter_map(|item| self.text(key, item)).collect()),
            _ => {
                self.wrong_type(key, value, "文字列の配列");
                None
            }
        }
    }

    /// A list of strings that must be there.
    pub fn list(&self, key: &'static str) -> Option<Vec<Text<'a>>> {
        if !self.has(key) {
            self.missing(key);
            return None;
        }
        self.opt_list(key)
    }

    /// A list of lists of strings; left out is empty.
    pub fn lists(&self, key: &'static str) -> Vec<Vec<Text<'a>>> {
        let Some((_, value)) = self.find(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type(key, value, "配列の配列");
            return Vec::new();
        };
        let mut lists = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Array(inner) => {
                    lists.push(inner.iter().filter_map(|i| self.text(key, i)).collect());
                }
                _ => self.wrong_type(key, item, "配列の配列"),
            }
        }
        lists
    }

    /// A table, if it is there.
    pub fn opt_table(&self, key: &'static str) -> Option<Node<'a>> {
        let (name, value) = self.find(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Node::of(self.reader, table, start(name, value))),
            _ => {
                self.wrong_type(key, value, "表");
                None
            }
        }
    }

    /// An array of tables; left out is empty.
    pub fn tables(&self, key: &'static str) -> Vec<Node<'a>> {
        let Some((_, value)) = self.find(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type(key, value, "表の配列");
            return Vec::new();
        };
        let mut nodes = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(table) => {
                    nodes.push(Node::of(self.reader, table, item.span().start));
                }
                _ => self.wrong_type(key, item, "表"),
            }
        }
        nodes
    }

    /// Keys and tables of a table whose keys are free, in file order.
    pub fn sub_tables(&self) -> Vec<(Text<'a>, Node<'a>)> {
        let mut nodes = Vec::new();
        for (key, value) in self.in_file_order() {
            match value.get_ref() {
                DeValue::Table(table) => {
                    nodes.push((self.key_text(key), Node::of(self.reader, table, start(key, value))))
                }
                _ => self.wrong_type(key.get_ref(), value, "表"),
            }
        }
        nodes
    }

    /// Keys and strings of a table whose keys are free, in file order.
    pub fn pairs(&self) -> Vec<(Text<'a>, Text<'a>)> {
        self.in_file_order()
            .into_iter()
            .filter_map(|(key, value)| Some((self.key_text(key), self.text(key.get_ref(), value)?)))
            .collect()
    }

    fn in_file_order(&self) -> Vec<Entry<'a>> {
        let mut entries: Vec<_> = self.table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
    }

    /// Refuses the keys nobody asked for, naming the one that was perhaps meant, or when a key of `table` may be
    /// written. Nothing may have been asked for that is not in `table`.
    pub fn finish(&self, table: &Table) {
        self.finish_under(table, table);
    }

    /// [`Node::finish`], with a list of its own for the table in front.
    pub fn finish_under(&self, table: &Table, over_table: &Table) {
        let asked = self.asked.borrow();
        debug_assert!(asked.iter().all(|key| table.condition(key).is_some()), "not all in {}: {asked:?}", table.name);
        self.refuse_unknown(table);
        if let Some(over) = &self.over {
            over.refuse_unknown(over_table);
        }
    }

    fn refuse_unknown(&self, table: &Table) {
        let asked = self.asked.borrow();
        for (key, _) in self.in_file_order() {
            let key = self.key_text(key);
            if asked.contains(&key.value) {
                continue;
            }
            let hint = match table.condition(key.value) {
                Some(when) if !when.is_empty() => format!("{when} のときだけ書けます"),
                _ if !key.value.is_ascii() && table.condition("map").is_some() => {
                    "項目や列の式は、この表の .map の下に書いてください".to_owned()
                }
                _ => mistake::did_you_mean(key.value, asked.iter().copied()),
            };
            key.mistake(mistake::UNKNOWN_KEY, format!("「{}」というキーはここでは使えません", key.value), hint);
        }
    }

    /// Reads `version`, which every file begins with; only 1 exists.
    pub fn version(&self) {
        if !self.has("version") {
            self.missing("version");
        } else {
            self.opt_int("version", 1..=1);
        }
    }
}

/// A table written as `key = {…}` starts at its brace, one with a `[header]` at the header's key.
fn start(key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>) -> usize {
    value.span().start.max(key.span().start)
}

fn japanese_type(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "文字列",
        DeValue::Integer(_) => "整数",
        DeValue::Float(_) => "小数",
        DeValue::Boolean(_) => "真偽値",
        DeValue::Datetime(_) => "日時",
        DeValue::Array(_) => "配列",
        DeValue::Table(_) => "表",
    }
}

#[cfg(test)]
mod tests;
