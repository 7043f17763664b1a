//! The functions: their names, their arguments' types and what they compute.
//!
//! Owns: the closed list of functions. Never: sees nodes; arguments arrive as values.

use super::ast::{CompareOp, Func};
use super::date;
use super::eval::{EvalError, Evaluated, MAX_TEXT, as_int, as_text, compare, number};
use super::scratch::Scratch;
use crate::value::{Type, Value};

/// Most arguments of a function whose arguments are all evaluated before it runs.
pub(super) const MAX_PLAIN_ARGUMENTS: usize = 3;
/// Widest `lpad` and `rpad`, in characters.
pub(super) const MAX_PAD: i64 = 1_000;

/// What a function's name stands for while an expression is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// Arguments of fixed types; the last `optional` ones may be left out.
    Plain {
        func: Func,
        arguments: &'static [Type],
        optional: usize,
        result: Type,
    },
    /// Two or more numbers.
    Numbers(Func),
    Coalesce,
    Nullif,
    /// `lpad` (`left`) and `rpad`.
    Pad {
        left: bool,
    },
    Replace,
    Code,
}

use Named::{Numbers, Pad, Plain};
use Type::{Date, Int, Text};

/// Every function: name, meaning, and how it is called, for messages.
#[rustfmt::skip]
pub(super) const FUNCTIONS: &[(&str, Named, &str)] = &[
    ("abs", Plain { func: Func::Abs, arguments: &[Int], optional: 0, result: Int }, "abs(数)"),
    ("add_days", Plain { func: Func::AddDays, arguments: &[Date, Int], optional: 0, result: Date }, "add_days(日付, 日数)"),
    ("add_years", Plain { func: Func::AddYears, arguments: &[Date, Int], optional: 0, result: Date }, "add_years(日付, 年数)"),
    ("coalesce", Named::Coalesce, "coalesce(値, 値, …)"),
    ("code", Named::Code, "code('表', キー, '列')"),
    ("day", Plain { func: Func::Day, arguments: &[Date], optional: 0, result: Int }, "day(日付)"),
    ("days_between", Plain { func: Func::DaysBetween, arguments: &[Date, Date], optional: 0, result: Int }, "days_between(始め, 終わり)"),
    ("fiscal_year", Plain { func: Func::FiscalYear, arguments: &[Date], optional: 0, result: Int }, "fiscal_year(日付)"),
    ("greatest", Numbers(Func::Greatest), "greatest(数, 数)"),
    ("least", Numbers(Func::Least), "least(数, 数)"),
    ("length", Plain { func: Func::Length, arguments: &[Text], optional: 0, result: Int }, "length(文字列)"),
    ("lpad", Pad { left: true }, "lpad(文字列, 文字数, '0')"),
    ("ltrim", Plain { func: Func::Ltrim, arguments: &[Text], optional: 0, result: Text }, "ltrim(文字列)"),
    ("month", Plain { func: Func::Month, arguments: &[Date], optional: 0, result: Int }, "month(日付)"),
    ("nullif", Named::Nullif, "nullif(値, 値)"),
    ("replace", Named::Replace, "replace(文字列, '前', '後')"),
    ("rpad", Pad { left: false }, "rpad(文字列, 文字数, ' ')"),
    ("rtrim", Plain { func: Func::Rtrim, arguments: &[Text], optional: 0, result: Text }, "rtrim(文字列)"),
    ("substr", Plain { func: Func::Substr, arguments: &[Text, Int, Int], optional: 1, result: Text }, "substr(文字列, 開始, 文字数)"),
    ("trim", Plain { func: Func::Trim, arguments: &[Text], optional: 0, result: Text }, "trim(文字列)"),
    ("year", Plain { func: Func::Year, arguments: &[Date], optional: 0, result: Int }, "year(日付)"),
];

/// Names that other dialects use → the name to write here.
const SYNONYMS: &[(&str, &str)] = &[
    ("concat", "||"),
    ("ifnull", "coalesce"),
    ("nvl", "coalesce"),
    ("isnull", "IS NULL"),
    ("if", "CASE WHEN … THEN … ELSE … END"),
    ("iif", "CASE WHEN … THEN … ELSE … END"),
    ("decode", "CASE … WHEN … THEN … END"),
    ("left", "substr"),
    ("right", "substr"),
    ("mid", "substr"),
    ("substring", "substr"),
    ("len", "length"),
    ("char_length", "length"),
    ("character_length", "length"),
    ("min", "least"),
    ("max", "greatest"),
    ("mod", "%"),
    ("to_number", "CAST(… AS INTEGER)"),
    ("to_char", "CAST(… AS TEXT)"),
    ("to_date", "CAST(… AS DATE)"),
    ("date_add", "add_days"),
    ("datediff", "days_between"),
];

/// The function called `name`; its letters' case does not matter.
pub(super) fn named(name: &str) -> Option<(Named, &'static str)> {
    FUNCTIONS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name)).map(|(_, named, call)| (*named, *call))
}

/// What to write instead of the unknown function `name`.
pub(super) fn suggestion(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    if let Some((_, instead)) = SYNONYMS.iter().find(|(other, _)| *other == name) {
        return format!("「{instead}」を使ってください。");
    }
    match super::nearest(&name, FUNCTIONS.iter().map(|(known, ..)| *known)) {
        Some(known) => format!("「{known}」ではありませんか。"),
        None => {
            let known: Vec<&str> = FUNCTIONS.iter().map(|(known, ..)| *known).collect();
            format!("使える関数: {}", known.join(", "))
        }
    }
}

/// Runs a function whose arguments are all evaluated.
pub(super) fn call<'a>(func: Func, values: &[Value<'a>], scratch: &'a Scratch) -> Evaluated<'a> {
    let text = |at: usize| as_text(values[at]);
    let int = |at: usize| as_int(values[at]);
    let kept = |made: Option<String>| made.map_or(Value::Null, |t| Value::Text(scratch.keep(t)));
    let part = |made: Option<&'a str>| made.map_or(Value::Null, Value::Text);
    Ok(match func {
        Func::Substr => {
            let len = if values.len() == 3 { int(2)? } else { Some(i64::MAX) };
            part(substr(text(0)?, int(1)?, len))
        }
        Func::Length => number(text(0)?.map(|t| t.chars().count() as i64)),
        Func::Trim => part(text(0)?.map(|t| t.trim_matches(' '))),
        Func::Ltrim => part(text(0)?.map(|t| t.trim_start_matches(' '))),
        Func::Rtrim => part(text(0)?.map(|t| t.trim_end_matches(' '))),
        Func::Abs => match int(0)? {
            Some(n) => Value::Int(n.checked_abs().ok_or(EvalError::Overflow)?),
            None => Value::Null,
        },
        Func::Nullif => match compare(CompareOp::Eq, values[0], values[1])? {
            Some(true) => Value::Null,
            _ => values[0],
        },
        Func::Year => number(text(0)?.and_then(date::year)),
        Func::Month => number(text(0)?.and_then(date::month)),
        Func::Day => number(text(0)?.and_then(date::day)),
        Func::FiscalYear => number(text(0)?.and_then(date::fiscal_year)),
        Func::AddYears => kept(text(0)?.zip(int(1)?).and_then(|(t, n)| date::add_years(t, n)).map(date::iso)),
        Func::AddDays => kept(text(0)?.zip(int(1)?).and_then(|(t, n)| date::add_days(t, n)).map(date::iso)),
        Func::DaysBetween => number(text(0)?.zip(text(1)?).and_then(|(a, b)| date::days_between(a, b))),
        Func::IntToText => kept(int(0)?.map(|n| n.to_string())),
        Func::TextToInt => number(text(0)?.and_then(text_to_int)),
        Func::TextToDate => part(text(0)?.filter(|t| date::is_iso(t))),
        // These are evaluated argument by argument and never arrive here.
        Func::Coalesce | Func::Least | Func::Greatest => return Err(EvalError::WrongType),
    })
}

/// Characters `from` (1-based) to `from + len - 1`; NULL when `from` is below 1 or `len` below 0.
fn substr(text: Option<&str>, from: Option<i64>, len: Option<i64>) -> Option<&str> {
    let (text, from, len) = (text?, from?, len?);
    if from < 1 || len < 0 {
        return None;
    }
    let skip = usize::try_from(from - 1).unwrap_or(usize::MAX);
    let Some((start, _)) = text.char_indices().nth(skip) else {
        return Some("");
    };
    let rest = &text[start..];
    let end = rest.char_indices().nth(usize::try_from(len).unwrap_or(usize::MAX)).map_or(rest.len(), |(at, _)| at);
    Some(&rest[..end])
}

/// Strict: an optional `-` and ASCII digits that fit 64 bits; anything else is NULL.
fn text_to_int(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) { None } else { text.parse().ok() }
}

/// `lpad`, `rpad`: never cuts.
pub(super) fn pad<'a>(
    text: Option<&'a str>,
    left: bool,
    width: usize,
    fill: char,
    scratch: &'a Scratch,
) -> Evaluated<'a> {
    let Some(text) = text else {
        return Ok(Value::Null);
    };
    let missing = width.saturating_sub(text.chars().count());
    if missing == 0 {
        return Ok(Value::Text(text));
    }
    if text.len() + missing * fill.len_utf8() > MAX_TEXT {
        return Err(EvalError::TextTooLong);
    }
    let mut made = String::with_capacity(text.len() + missing * fill.len_utf8());
    if !left {
        made.push_str(text);
    }
    made.extend(std::iter::repeat_n(fill, missing));
    if left {
        made.push_str(text);
    }
    Ok(Value::Text(scratch.keep(made)))
}

/// Every occurrence of `from` (never empty), left to right.
pub(super) fn replace<'a>(text: Option<&'a str>, from: &str, to: &str, scratch: &'a Scratch) -> Evaluated<'a> {
    let Some(text) = text else {
        return Ok(Value::Null);
    };
    let count = text.matches(from).count();
    if count == 0 {
        return Ok(Value::Text(text));
    }
    if text.len() - count * from.len() + count * to.len() > MAX_TEXT {
        return Err(EvalError::TextTooLong);
    }
    Ok(Value::Text(scratch.keep(text.replace(from, to))))
}
