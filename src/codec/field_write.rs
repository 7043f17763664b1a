//! Typed values become the contents and the bytes of fields, checked by the same rules that reading uses.
//!
//! Owns: content, charset and padding of one field. Never: writes files; a fault means that nothing is written.

use crate::codec::charset::Charset;
use crate::schema::layout::{FieldKind, Pad};
use crate::value::Value;

use super::class;
use super::date;
use super::fault::Fault;
use super::field_rule::FieldRule;
use super::totals::{Countable, Unreadable};

/// Contents of one record's fields before encoding.
#[derive(Default)]
pub(super) struct Contents {
    pub text: String,
    fields: Vec<(usize, usize, Option<i64>)>,
}

impl Contents {
    /// Empties it for the next record.
    pub fn clear(&mut self) {
        self.text.clear();
        self.fields.clear();
    }

    /// Ends a field: its content is the text from `start` on.
    pub fn close(&mut self, start: usize, number: Option<i64>) {
        self.fields.push((start, self.text.len(), number));
    }

    /// The contents of all fields, one after the other.
    pub fn all(&self) -> &str {
        &self.text
    }

    pub fn get(&self, field: usize) -> &str {
        let found = self.fields.get(field);
        found.and_then(|(start, end, _)| self.text.get(*start..*end)).unwrap_or_default()
    }
}

impl Countable for Contents {
    fn content(&self, field: usize) -> Option<&str> {
        Some(self.get(field))
    }

    fn number(&self, field: usize) -> Result<Option<i64>, Unreadable> {
        Ok(self.fields.get(field).and_then(|(_, _, number)| *number))
    }
}

/// Appends the content of a value: text in the file's form, zeros filled in, other padding not yet.
pub(super) fn compose(rule: &FieldRule, value: Value<'_>, out: &mut String) -> Result<(), Fault> {
    match (value, &rule.kind) {
        (Value::Null | Value::Text(""), _) => {
            out.push_str(rule.constant.as_deref().unwrap_or_default());
            return Ok(());
        }
        (Value::Int(number), FieldKind::Int { signed }) => {
            if number < 0 && !signed {
                return Err(Fault::NotANumber { signed: false });
            }
            let digits = number.unsigned_abs().to_string();
            let sign = if number < 0 { "-" } else { "" };
            out.push_str(sign);
            fill_zeros(rule, digits.len() + sign.len(), out);
            out.push_str(&digits);
        }
        (Value::Text(text), FieldKind::Date(date)) => {
            date::write(date, text, out).map_err(Fault::Date)?;
        }
        (Value::Text(text), FieldKind::Decimal { whole, fraction }) => {
            compose_decimal(rule, (*whole, *fraction), text, out)?;
        }
        (Value::Int(_) | Value::Bool(_), _) | (_, FieldKind::Int { .. } | FieldKind::Mark(_)) => {
            return Err(Fault::WrongType);
        }
        (Value::Text(text), FieldKind::Digits) => {
            fill_zeros(rule, text.len(), out);
            out.push_str(text);
        }
        (Value::Text(text), _) => out.push_str(text),
    }
    Ok(())
}

fn fill_zeros(rule: &FieldRule, len: usize, out: &mut String) {
    if rule.pad == Pad::ZeroLeft {
        out.extend(std::iter::repeat_n('0', rule.len.saturating_sub(len)));
    }
}

fn compose_decimal(
    rule: &FieldRule,
    (whole, fraction): (usize, usize),
    text: &str,
    out: &mut String,
) -> Result<(), Fault> {
    let (before, after) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if before.is_empty() || !digits(before) || !digits(after) || before.len() > whole || after.len() > fraction {
        return Err(Fault::NotDecimal(whole, fraction));
    }
    if rule.implied_point(whole, fraction) {
        out.extend(std::iter::repeat_n('0', whole - before.len()));
        out.push_str(before);
        out.push_str(after);
        out.extend(std::iter::repeat_n('0', fraction - after.len()));
    } else {
        fill_zeros(rule, text.len(), out);
        out.push_str(text);
    }
    Ok(())
}

/// Judges a composed content as a reader would; warnings are no reason not to write.
pub(super) fn judge(rule: &FieldRule, content: &str, faults: &mut impl FnMut(Fault)) {
    rule.judge(content, class::of(content.as_bytes()), faults);
}

/// Appends the bytes of a content in the field's charset.
pub(super) fn encode(rule: &FieldRule, content: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    rule.charset.encode(content, out).map_err(|error| Fault::Unmappable(error.ch))
}

/// Appends a fixed-length field: exactly `len` bytes, whatever is returned.
pub(super) fn encode_fixed(rule: &FieldRule, content: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = out.len();
    let end = start + rule.len;
    if let FieldKind::Mark(accept) = &rule.kind {
        out.extend_from_slice(accept.first().map_or(&[], Vec::as_slice));
        out.resize(end, b' ');
        return Ok(());
    }
    let encoded = encode(rule, content, out);
    let count = out.len() - start;
    let result = encoded.and_then(|()| match count {
        _ if count > rule.len => Err(Fault::TooManyBytes(count)),
        _ if count == rule.len || count == 0 => Ok(()),
        _ if rule.pad == Pad::None => Err(Fault::TooFewBytes(count)),
        _ => Ok(()),
    });
    if result.is_err() {
        out.resize(end, b' ');
        return result;
    }
    pad(rule, start, count, out)
}

fn pad(rule: &FieldRule, start: usize, count: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    let end = start + rule.len;
    let rest = rule.len - count;
    let none = matches!(&rule.kind, FieldKind::Date(date) if date.zero_null) && count == 0;
    match rule.pad {
        _ if none => out.resize(end, b'0'),
        Pad::None | Pad::SpaceRight => out.resize(end, b' '),
        Pad::ZeroLeft => {
            out.resize(end, b'0');
            out[start..].rotate_right(rest);
        }
        Pad::SpaceLeft => {
            out.resize(end, b' ');
            out[start..].rotate_right(rest);
        }
        Pad::WideSpaceRight => {
            let space = wide_space(rule.charset);
            let fits = !space.is_empty() && rest.is_multiple_of(space.len());
            if fits {
                let from = out.len();
                if rest > 0 {
                    out.extend_from_slice(space);
                }
                // What is there already is doubled until it is enough: `rest` is a multiple of one space.
                while out.len() < end {
                    let more = (out.len() - from).min(end - out.len());
                    out.extend_from_within(from..from + more);
                }
            } else {
                out.resize(end, b' ');
                if count > 0 {
                    return Err(Fault::CannotPad);
                }
            }
        }
    }
    Ok(())
}

/// U+3000 in a charset; empty where there is none.
fn wide_space(charset: Charset) -> &'static [u8] {
    match charset {
        Charset::Utf8 => b"\xE3\x80\x80",
        Charset::Windows31j | Charset::Windows31jExact => b"\x81\x40",
        Charset::JisX0208 => b"\x21\x21",
        Charset::JisX0201 | Charset::Ascii => b"",
    }
}
