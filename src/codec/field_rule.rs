//! A field's rules compiled for speed, and the judgement of its content: the same for reading and writing.
//!
//! Owns: what content is right for a field and which value it is. Never: knows bytes of the file, pads or quotes.

use crate::codec::charset::Charset;
use crate::finding::Severity;
use crate::schema::layout::{CheckDigit, DateRule, Field, FieldKind, Kind, Pad, RecordKind};

use super::class::{self, half_in, is_half};
use super::code_set::CodeSet;
use super::date::{self, ReadDate};
use super::fault::Fault;

/// A record kind's rules.
#[derive(Debug, Clone)]
pub(super) struct KindRule {
    pub fields: Vec<FieldRule>,
    /// Field and raw bytes that recognise the kind.
    pub when: Option<(usize, Vec<Vec<u8>>)>,
}

/// A field's rules.
#[derive(Debug, Clone)]
pub(super) struct FieldRule {
    pub kind: FieldKind,
    pub fixed: bool,
    pub len: usize,
    pub exact: bool,
    pub offset: usize,
    pub charset: Charset,
    /// Are ASCII bytes the same characters in this charset (and is it text at all)?
    pub ascii: bool,
    pub pad: Pad,
    pub required: bool,
    pub filler: bool,
    pub constant: Option<String>,
    codes: Option<CodeSet>,
    unknown_code: Severity,
    letters: Option<Box<[char]>>,
    check: Option<(CheckDigit, Severity)>,
    /// May the content hold line ends?
    breaks: bool,
    quick: Quick,
}

/// ASCII content that is right at a glance: its length in bytes, and classes it must not have.
#[derive(Debug, Clone, Copy)]
struct Quick {
    least: usize,
    most: usize,
    wrong: u8,
}

/// The value of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    Null,
    /// The content itself.
    Text,
    Int(i64),
    /// An ISO date made of it.
    Iso([u8; 10]),
    /// A decimal whose text is made of it, see [`FieldRule::decimal_text`].
    Decimal,
    /// No value could be made of it.
    Bad,
}

impl KindRule {
    pub fn new(record: &RecordKind, kind: &Kind) -> Self {
        let fields: Vec<_> = record.fields.iter().map(|field| FieldRule::new(field, kind)).collect();
        let when = record.when.as_ref().map(|when| {
            let charset = record.fields.get(when.field).map_or(Charset::Ascii, |field| field.charset);
            let encoded = |value: &String| {
                let mut bytes = Vec::new();
                charset.encode(value, &mut bytes).is_ok().then_some(bytes)
            };
            (when.field, when.values.iter().filter_map(encoded).collect())
        });
        KindRule { fields, when }
    }
}

impl Quick {
    /// Forms whose value is the text itself; for all others nothing is right at a glance.
    fn new(field: &Field, fixed: bool) -> Self {
        let text = class::CONTROL | class::BREAK | class::NON_ASCII;
        let wrong = match field.kind {
            FieldKind::Half => text,
            FieldKind::HalfKana => text | class::LOWER,
            FieldKind::Digits => text | class::NOT_DIGIT,
            _ => return Quick { least: 1, most: 0, wrong: 0 },
        };
        if field.filler {
            return Quick { least: 1, most: 0, wrong: 0 };
        }
        let least = if field.exact && !fixed { field.len.max(1) } else { 1 };
        Quick { least, most: if fixed { usize::MAX } else { field.len }, wrong }
    }

    #[inline]
    fn passes(self, text: &str, class: u8) -> bool {
        class & self.wrong == 0 && text.len() >= self.least && text.len() <= self.most
    }
}

impl FieldRule {
    pub fn new(field: &Field, kind: &Kind) -> Self {
        let fixed = *kind == Kind::Fixed;
        let mark = matches!(field.kind, FieldKind::Mark(_));
        let mut rule = FieldRule {
            kind: field.kind.clone(),
            fixed,
            len: field.len,
            exact: field.exact && !fixed,
            offset: field.offset,
            charset: field.charset,
            ascii: field.charset != Charset::JisX0208 && !mark,
            pad: if fixed { field.pad } else { Pad::None },
            required: field.required && !field.filler,
            filler: field.filler,
            constant: None,
            codes: field.codes.as_deref().map(CodeSet::new),
            unknown_code: field.codes.as_ref().and_then(|codes| codes.unknown).unwrap_or(Severity::Error),
            letters: field.letters.clone(),
            check: field.check,
            breaks: field.kind == FieldKind::Wide && !fixed,
            quick: Quick::new(field, fixed),
        };
        rule.constant = field.constant.as_deref().map(|text| rule.trim(text).to_owned());
        rule
    }

    /// The content without its padding. A field all of spaces is empty whatever the padding.
    pub fn trim<'t>(&self, text: &'t str) -> &'t str {
        if !self.fixed {
            return text;
        }
        let trimmed = match self.pad {
            Pad::None | Pad::ZeroLeft => text,
            Pad::SpaceRight => text.trim_end_matches(' '),
            Pad::SpaceLeft => text.trim_start_matches(' '),
            Pad::WideSpaceRight => text.trim_end_matches('\u{3000}'),
        };
        if trimmed.bytes().all(|byte| byte == b' ') { "" } else { trimmed }
    }

    /// The same on ASCII bytes of a fixed field: range of the content.
    pub fn trim_ascii(&self, bytes: &[u8]) -> (usize, usize) {
        let blank = |byte: &u8| *byte == b' ';
        let Some(last) = bytes.iter().rposition(|byte| !blank(byte)) else {
            return (0, 0);
        };
        match self.pad {
            Pad::SpaceRight => (0, last + 1),
            Pad::SpaceLeft => (bytes.iter().position(|byte| !blank(byte)).unwrap_or(0), bytes.len()),
            Pad::None | Pad::ZeroLeft | Pad::WideSpaceRight => (0, bytes.len()),
        }
    }

    /// Judges a content (decoded, without quotes and padding) whose bytes have these classes.
    #[inline]
    pub fn judge(&self, text: &str, class: u8, fault: &mut impl FnMut(Fault)) -> Typed {
        if self.quick.passes(text, class) {
            self.judge_allowed(text, Typed::Text, fault);
            return Typed::Text;
        }
        if text.is_empty() {
            return self.judge_empty(fault);
        }
        if class & (class::CONTROL | class::BREAK) != 0 && !(self.breaks && class & class::CONTROL == 0) {
            fault(Fault::Control);
            return Typed::Bad;
        }
        if class & (class::NON_ASCII | class::WIDE) == class::NON_ASCII && self.has_odd(text, fault) {
            return Typed::Bad;
        }
        if self.filler {
            if self.constant.as_deref().is_some_and(|constant| constant != text) {
                fault(Fault::Constant);
            }
            return Typed::Null;
        }
        if !self.fixed && !self.length_is_right(text, fault) {
            return Typed::Bad;
        }
        let typed = self.typed(text, class, fault);
        if typed != Typed::Bad && typed != Typed::Null {
            self.judge_allowed(text, typed, fault);
        }
        typed
    }

    fn judge_empty(&self, fault: &mut impl FnMut(Fault)) -> Typed {
        if self.constant.as_deref().is_some_and(|constant| !constant.is_empty()) {
            fault(Fault::Constant);
        } else if self.required {
            fault(Fault::Missing);
        }
        Typed::Null
    }

    /// Characters that no text should have: C1 controls, byte order marks, non-characters.
    fn has_odd(&self, text: &str, fault: &mut impl FnMut(Fault)) -> bool {
        let bytes = text.as_bytes();
        for at in memchr::memchr2_iter(0xC2, 0xEF, bytes) {
            // C2 80–9F, EF BB and EF BF alone can be odd; full-width letters and half-width kana are none of these.
            match (bytes[at], bytes.get(at + 1)) {
                (0xC2, Some(0x80..=0x9F)) | (0xEF, Some(0xBB | 0xBF)) => {}
                _ => continue,
            }
            match text.get(at..).and_then(|rest| rest.chars().next()) {
                Some(ch @ ('\u{80}'..='\u{9F}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}')) => {
                    fault(Fault::Odd(ch));
                    return true;
                }
                Some('\u{FFFD}') => {
                    fault(Fault::Replacement);
                    return false;
                }
                _ => {}
            }
        }
        false
    }

    /// Characters against `len`; forms of their own are left to the type.
    #[inline]
    fn length_is_right(&self, text: &str, fault: &mut impl FnMut(Fault)) -> bool {
        let digits = match self.kind {
            FieldKind::Date(_) | FieldKind::Time | FieldKind::Year | FieldKind::Decimal { .. } => return true,
            FieldKind::Int { signed: true } => text.strip_prefix('-').unwrap_or(text),
            _ => text,
        };
        if digits.len() <= self.len && !self.exact {
            return true;
        }
        let count = digits.chars().count();
        if count > self.len {
            fault(Fault::TooLong(count));
        } else if self.exact && count < self.len {
            fault(Fault::TooShort(count));
        }
        count == self.len || (count < self.len && !self.exact)
    }

    /// Type by type: text and digits here, numbers and dates below.
    #[inline]
    fn typed(&self, text: &str, class: u8, fault: &mut impl FnMut(Fault)) -> Typed {
        let wrong = match &self.kind {
            FieldKind::Half if class & class::NON_ASCII != 0 => {
                text.chars().find(|ch| !ch.is_ascii()).map(Fault::NotHalf)
            }
            FieldKind::Digits => (class & class::NOT_DIGIT != 0).then_some(Fault::NotDigits),
            FieldKind::HalfKana if class & (class::NON_ASCII | class::LOWER) != 0 => {
                text.chars().find(|ch| !is_half(*ch) || ch.is_ascii_lowercase()).map(Fault::NotKana)
            }
            FieldKind::FullWidth | FieldKind::Wide if class & class::WIDE != 0 => None,
            FieldKind::FullWidth => half_in(text).map(Fault::NotFull),
            FieldKind::Wide => {
                if let Some(half) = half_in(text) {
                    fault(Fault::HalfInWide(half));
                }
                None
            }
            FieldKind::Half | FieldKind::HalfKana => None,
            FieldKind::Int { signed } => return whole_number(text, *signed, fault),
            FieldKind::Date(rule) => return self.date(rule, text, fault),
            FieldKind::Decimal { whole, fraction } => match self.decimal_parts(text, *whole, *fraction) {
                None => Some(Fault::NotDecimal(*whole, *fraction)),
                Some(_) if self.fixed => return Typed::Decimal,
                Some(_) => None,
            },
            FieldKind::Year => (class & class::NOT_DIGIT != 0 || text.len() != 4).then_some(Fault::Year),
            FieldKind::Time => (!date::is_time(text.as_bytes())).then_some(Fault::Time),
            FieldKind::Mark(_) => return Typed::Null,
        };
        match wrong {
            None => Typed::Text,
            Some(wrong) => {
                fault(wrong);
                Typed::Bad
            }
        }
    }

    fn date(&self, rule: &DateRule, text: &str, fault: &mut impl FnMut(Fault)) -> Typed {
        match date::read(rule, text.as_bytes()) {
            Ok(ReadDate::AsIs) => Typed::Text,
            Ok(ReadDate::Iso(iso)) => Typed::Iso(iso),
            Ok(ReadDate::Null) => {
                if self.required {
                    fault(Fault::Missing);
                }
                Typed::Null
            }
            Err(why) => {
                fault(Fault::Date(why));
                Typed::Bad
            }
        }
    }

    /// Constant, codes, letters and check digit.
    #[inline]
    fn judge_allowed(&self, text: &str, typed: Typed, fault: &mut impl FnMut(Fault)) {
        if let Some(constant) = &self.constant {
            let same = match typed {
                Typed::Int(number) => constant.parse() == Ok(number),
                _ => constant == text,
            };
            if !same {
                fault(Fault::Constant);
            }
        }
        if let Some(codes) = &self.codes
            && !codes.has(text)
        {
            fault(Fault::UnknownCode(self.unknown_code));
        }
        if let Some(letters) = &self.letters
            && let Some(ch) = text.chars().find(|ch| letters.binary_search(ch).is_err())
        {
            fault(Fault::Letter(ch));
        }
        if let Some((rule, severity)) = self.check
            && !rule.holds(text)
        {
            fault(Fault::CheckDigit(rule, severity));
        }
    }

    /// Digits before and after the point; `None` when the content is no such decimal.
    fn decimal_parts<'t>(&self, text: &'t str, whole: usize, fraction: usize) -> Option<(&'t str, &'t str)> {
        let (before, after) = if self.implied_point(whole, fraction) {
            (text.len() == self.len).then(|| text.split_at_checked(whole)).flatten()?
        } else {
            match text.split_once('.') {
                Some((_, after)) if after.len() > fraction => return None,
                Some(parts) => parts,
                None => (text, "0"),
            }
        };
        let before_digits = if self.fixed { before.trim_start_matches('0') } else { before };
        let all = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let right = all(before) && all(after) && !before.is_empty() && !after.is_empty();
        (right && before_digits.len() <= whole).then_some((before, after))
    }

    /// Fixed fields just as wide as their digits have no point in the file.
    pub fn implied_point(&self, whole: usize, fraction: usize) -> bool {
        self.fixed && fraction > 0 && self.len == whole + fraction
    }

    /// Appends the value of a fixed-length decimal: without leading zeros, with its point.
    pub fn decimal_text(&self, content: &str, out: &mut String) {
        let FieldKind::Decimal { whole, fraction } = self.kind else {
            return;
        };
        if let Some((before, after)) = self.decimal_parts(content, whole, fraction) {
            let before = before.trim_start_matches('0');
            out.push_str(if before.is_empty() { "0" } else { before });
            if fraction > 0 {
                out.push('.');
                out.push_str(after);
            }
        }
    }
}

fn whole_number(text: &str, signed: bool, fault: &mut impl FnMut(Fault)) -> Typed {
    let digits = if signed { text.strip_prefix('-').unwrap_or(text) } else { text };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        fault(Fault::NotANumber { signed });
        return Typed::Bad;
    }
    let value = if digits.len() <= 18 {
        let sum = digits.bytes().fold(0i64, |sum, byte| sum * 10 + i64::from(byte - b'0'));
        Some(if digits.len() < text.len() { -sum } else { sum })
    } else {
        text.parse().ok()
    };
    value.map_or_else(
        || {
            fault(Fault::Overflow);
            Typed::Bad
        },
        Typed::Int,
    )
}
