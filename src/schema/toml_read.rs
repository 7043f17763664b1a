//! A reader of declarative TOML files that gathers every mistake with its line and column.
//!
//! Owns: the text, places in it, the findings. Never: looks at keys ([`super::toml_node`]).

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;

use super::mistake;
pub use super::toml_node::Node;
use crate::finding::{Finding, RulePlace};

/// One file: its text and the mistakes found in it so far.
#[derive(Debug)]
pub struct Reader {
    file: String,
    text: String,
    line_starts: Vec<usize>,
    findings: RefCell<Vec<Finding>>,
}

impl Reader {
    /// `file` is the path as findings show it: relative to the site's folder, with `/`.
    pub fn new(file: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let line_starts =
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1)).collect();
        Reader { file: file.into(), text, line_starts, findings: RefCell::default() }
    }

    /// Path as findings show it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The tree, or `None` after one finding that says where the syntax breaks.
    pub fn parse(&self) -> Option<Spanned<DeTable<'_>>> {
        match DeTable::parse(&self.text) {
            Ok(table) => Some(table),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let message = format!("TOML として読めません（{}）", error.message());
                let hint = match self.text.get(at..).and_then(|rest| rest.chars().next()) {
                    Some(c) if !c.is_ascii() => "日本語のキーは \"…\" で囲んでください",
                    _ => "引用符・かっこの閉じ忘れ、同じキーの重複がないか見てください",
                };
                self.mistake(mistake::SYNTAX, self.place(at), message, hint);
                None
            }
        }
    }

    /// Line and column (both from 1, the column in characters) of a byte offset.
    pub fn place(&self, offset: usize) -> RulePlace {
        let offset = offset.min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts[line - 1];
        let column = self.text.get(start..offset).map_or(offset - start, |before| before.chars().count());
        RulePlace { file: self.file.clone(), line: line as u32, column: column as u32 + 1 }
    }

    /// Notes a mistake.
    pub fn mistake(&self, code: &str, place: RulePlace, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.borrow_mut().push(Finding::rule(code, place, message).with_action(hint));
    }

    /// Hands over what was found.
    pub fn into_findings(self) -> Vec<Finding> {
        self.findings.into_inner()
    }

    /// Byte offset of character `n` of the string whose TOML source is at `span`, through quotes and escapes.
    fn offset_in_string(&self, span: &Range<usize>, value: &str, n: usize) -> usize {
        let raw = &self.text[span.clone()];
        let basic = raw.starts_with('"');
        let mut at = opening_len(raw);
        let mut value = value.chars().peekable();
        for _ in 0..n {
            at += skipped_len(&raw[at..], basic, value.peek().copied());
            at += char_len(&raw[at..], basic);
            value.next();
        }
        at += skipped_len(&raw[at.min(raw.len())..], basic, value.peek().copied());
        span.start + at.min(raw.len())
    }
}

/// Bytes before the first character of a TOML string.
fn opening_len(raw: &str) -> usize {
    if raw.starts_with("\"\"\"") || raw.starts_with("'''") {
        match &raw.as_bytes()[3..] {
            [b'\r', b'\n', ..] => 5,
            [b'\n', ..] => 4,
            _ => 3,
        }
    } else {
        usize::from(raw.starts_with(['"', '\'']))
    }
}

/// Bytes that stand for no character: a line-ending backslash with what it swallows, and the CR of a folded CRLF.
fn skipped_len(raw: &str, basic: bool, next: Option<char>) -> usize {
    if raw.starts_with("\r\n") && next != Some('\r') {
        return 1;
    }
    match raw.strip_prefix('\\') {
        Some(rest) if basic && rest.starts_with([' ', '\t', '\r', '\n']) => {
            raw.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len()
        }
        _ => 0,
    }
}

/// Bytes of the character at the start of `raw`, an escape counted whole.
fn char_len(raw: &str, basic: bool) -> usize {
    let mut chars = raw.chars();
    let Some(first) = chars.next() else { return 0 };
    if first != '\\' || !basic {
        return first.len_utf8();
    }
    match chars.next() {
        Some('u') => 6,
        Some('U') => 10,
        Some('x') => 4,
        _ => 2,
    }
    .min(raw.len())
}

/// A string of the file that knows where it stands.
#[derive(Debug, Clone)]
pub struct Text<'a> {
    /// The value.
    pub value: &'a str,
    pub(super) span: Range<usize>,
    pub(super) reader: &'a Reader,
}

impl<'a> Text<'a> {
    /// Where it starts.
    pub fn place(&self) -> RulePlace {
        self.reader.place(self.span.start)
    }

    /// Where line `line`, column `column` (both from 1, in characters) of the value stands in the file.
    pub fn place_of(&self, line: u32, column: u32) -> RulePlace {
        let before: usize =
            self.value.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(|l| l.chars().count()).sum();
        let n = (before + column.saturating_sub(1) as usize).min(self.value.chars().count());
        self.reader.place(self.reader.offset_in_string(&self.span, self.value, n))
    }

    /// Notes a mistake at this string.
    pub fn mistake(&self, code: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.reader.mistake(code, self.place(), message, hint);
    }

    /// Notes a mistake inside this string.
    pub fn mistake_at(
        &self,
        (line, column): (u32, u32),
        code: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.reader.mistake(code, self.place_of(line, column), message, hint);
    }

    /// Notes that the name is unknown and which one was perhaps meant.
    pub fn unknown<'n>(&self, what: &str, candidates: impl IntoIterator<Item = &'n str>) {
        let hint = mistake::did_you_mean(self.value, candidates);
        self.mistake(mistake::UNKNOWN_NAME, format!("{what}「{}」がありません", self.value), hint);
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        self.value
    }
}
