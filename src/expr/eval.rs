//! Evaluation of a compiled expression over one row.
//!
//! Owns: three-valued logic, comparison, arithmetic. Never: allocates for fields, literals and comparisons.
//!
//! The same rules as the rendered SQL; [`super::sql`] is the other half of every line here.

use super::ast::{ArithOp, CompareOp, Func, Node};
use super::scratch::Scratch;
use super::{Row, functions};
use crate::value::Value;
use std::cmp::Ordering;

/// Longest text an expression may make, in bytes.
pub const MAX_TEXT: usize = 1 << 20;

/// Why a row has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// A sum, difference, product or quotient does not fit 64 bits.
    #[error("計算の結果が64ビットの整数に収まりません。")]
    Overflow,
    /// A computed text would be longer than [`MAX_TEXT`].
    #[error("計算した文字列が長すぎます（上限1,048,576バイト）。")]
    TextTooLong,
    /// The row gave a value of another type than its scope had promised: a mistake of the program, not of the data.
    #[error("行の値の型が、式を読み込んだときの型と違います。")]
    WrongType,
}

pub(super) type Evaluated<'a> = Result<Value<'a>, EvalError>;

/// The value of `node` for `row`.
pub(super) fn eval<'a, R: Row + ?Sized>(node: &'a Node, row: &'a R, scratch: &'a Scratch) -> Evaluated<'a> {
    match node {
        Node::Slot(slot) => Ok(row.get(*slot)),
        Node::Text(text) => Ok(Value::Text(text)),
        Node::Int(n) => Ok(Value::Int(*n)),
        Node::Null(_) => Ok(Value::Null),
        Node::Case { operand, branches, otherwise } => {
            case(operand.as_deref(), branches, otherwise.as_deref(), row, scratch)
        }
        Node::Bool(_)
        | Node::Compare { .. }
        | Node::IsNull { .. }
        | Node::And(_)
        | Node::Or(_)
        | Node::Not(_)
        | Node::In { .. }
        | Node::Between { .. }
        | Node::Like { .. } => Ok(truth(truth_of(node, row, scratch)?)),
        _ => eval_computed(node, row, scratch),
    }
}

/// The truth of a predicate, None when unknown. Predicates call each other here: a `Result` of a [`Value`] is returned
/// through memory, which costs more than most comparisons.
pub(super) fn truth_of<'a, R: Row + ?Sized>(
    node: &'a Node,
    row: &'a R,
    scratch: &'a Scratch,
) -> Result<Option<bool>, EvalError> {
    match node {
        Node::Bool(b) => Ok(Some(*b)),
        Node::Compare { op, text: true, sides } => {
            let left = text_of(&sides.0, row, scratch)?;
            Ok(compare_texts(*op, left, text_of(&sides.1, row, scratch)?))
        }
        Node::Compare { op, sides, .. } => {
            let left = eval(&sides.0, row, scratch)?;
            compare(*op, left, eval(&sides.1, row, scratch)?)
        }
        Node::IsNull { value, negated } => Ok(Some(is_null(value, row, scratch)? != *negated)),
        Node::And(items) => all(items, false, row, scratch),
        Node::Or(items) => all(items, true, row, scratch),
        Node::Not(value) => Ok(truth_of(value, row, scratch)?.map(|b| !b)),
        Node::In { value, list, negated } => {
            let found = is_in(eval(value, row, scratch)?, list, row, scratch)?;
            Ok(found.map(|b| b != *negated))
        }
        Node::Between { parts, negated, .. } => {
            let value = eval(&parts.0, row, scratch)?;
            let low = compare(CompareOp::Ge, value, eval(&parts.1, row, scratch)?)?;
            let high = compare(CompareOp::Le, value, eval(&parts.2, row, scratch)?)?;
            let inside = match (low, high) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
            Ok(inside.map(|b| b != *negated))
        }
        Node::Like { value, pattern, negated } => {
            Ok(text_of(value, row, scratch)?.map(|t| pattern.matches(t) != *negated))
        }
        _ => as_bool(eval(node, row, scratch)?),
    }
}

/// The text of a node that is text or a date.
#[inline]
fn text_of<'a, R: Row + ?Sized>(
    node: &'a Node,
    row: &'a R,
    scratch: &'a Scratch,
) -> Result<Option<&'a str>, EvalError> {
    match node {
        Node::Slot(slot) => as_text(row.get(*slot)),
        Node::Text(text) => Ok(Some(text)),
        _ => as_text(eval(node, row, scratch)?),
    }
}

#[inline]
fn is_null<'a, R: Row + ?Sized>(node: &'a Node, row: &'a R, scratch: &'a Scratch) -> Result<bool, EvalError> {
    match node {
        Node::Slot(slot) => Ok(row.get(*slot).is_null()),
        _ => Ok(eval(node, row, scratch)?.is_null()),
    }
}

/// The nodes that compute; kept apart so that the plain path stays small.
fn eval_computed<'a, R: Row + ?Sized>(node: &'a Node, row: &'a R, scratch: &'a Scratch) -> Evaluated<'a> {
    match node {
        Node::Arith(first, rest) => {
            let mut sum = as_int(eval(first, row, scratch)?)?;
            for (op, item) in rest {
                sum = arith(*op, sum, as_int(eval(item, row, scratch)?)?)?;
            }
            Ok(number(sum))
        }
        Node::Negative(value) => match as_int(eval(value, row, scratch)?)? {
            Some(n) => n.checked_neg().map(Value::Int).ok_or(EvalError::Overflow),
            None => Ok(Value::Null),
        },
        Node::Concat(items) => concat(items, row, scratch),
        Node::Call(Func::Coalesce, items) => {
            for item in items {
                let value = eval(item, row, scratch)?;
                if !value.is_null() {
                    return Ok(value);
                }
            }
            Ok(Value::Null)
        }
        Node::Call(func @ (Func::Least | Func::Greatest), items) => {
            let mut best = as_int(eval(&items[0], row, scratch)?)?;
            for item in &items[1..] {
                let next = as_int(eval(item, row, scratch)?)?;
                best = best.zip(next).map(|(a, b)| if *func == Func::Least { a.min(b) } else { a.max(b) });
            }
            Ok(number(best))
        }
        Node::Call(func, items) => {
            let mut values = [Value::Null; functions::MAX_PLAIN_ARGUMENTS];
            for (value, item) in values.iter_mut().zip(items) {
                *value = eval(item, row, scratch)?;
            }
            functions::call(*func, &values[..items.len()], scratch)
        }
        Node::Pad { value, left, width, fill } => {
            functions::pad(as_text(eval(value, row, scratch)?)?, *left, *width, *fill, scratch)
        }
        Node::Replace { value, from, to } => {
            functions::replace(as_text(eval(value, row, scratch)?)?, from, to, scratch)
        }
        Node::Code { table, key, column } => {
            let key = as_text(eval(key, row, scratch)?)?;
            let text = key.and_then(|key| table.rows.get(key)).and_then(|texts| texts.get(*column));
            Ok(text.map_or(Value::Null, |t| Value::Text(t)))
        }
        // Everything else is the plain path's.
        _ => Ok(Value::Null),
    }
}

/// `AND` (stops at false) and `OR` (`stop` = true).
fn all<'a, R: Row + ?Sized>(
    items: &'a [Node],
    stop: bool,
    row: &'a R,
    scratch: &'a Scratch,
) -> Result<Option<bool>, EvalError> {
    let mut unknown = false;
    for item in items {
        match truth_of(item, row, scratch)? {
            Some(b) if b == stop => return Ok(Some(stop)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { None } else { Some(!stop) })
}

fn is_in<'a, R: Row + ?Sized>(
    value: Value<'a>,
    list: &'a [Node],
    row: &'a R,
    scratch: &'a Scratch,
) -> Result<Option<bool>, EvalError> {
    let mut unknown = false;
    for item in list {
        match compare(CompareOp::Eq, value, eval(item, row, scratch)?)? {
            Some(true) => return Ok(Some(true)),
            Some(false) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { None } else { Some(false) })
}

fn case<'a, R: Row + ?Sized>(
    operand: Option<&'a Node>,
    branches: &'a [(Node, Node)],
    otherwise: Option<&'a Node>,
    row: &'a R,
    scratch: &'a Scratch,
) -> Evaluated<'a> {
    let subject = operand.map(|n| eval(n, row, scratch)).transpose()?;
    for (when, then) in branches {
        let taken = match subject {
            Some(subject) => compare(CompareOp::Eq, subject, eval(when, row, scratch)?)?,
            None => truth_of(when, row, scratch)?,
        };
        if taken == Some(true) {
            return eval(then, row, scratch);
        }
    }
    otherwise.map_or(Ok(Value::Null), |n| eval(n, row, scratch))
}

fn concat<'a, R: Row + ?Sized>(items: &'a [Node], row: &'a R, scratch: &'a Scratch) -> Evaluated<'a> {
    let mut made = String::new();
    let mut unknown = false;
    for item in items {
        match as_text(eval(item, row, scratch)?)? {
            Some(text) if made.len() + text.len() > MAX_TEXT => return Err(EvalError::TextTooLong),
            Some(text) => made.push_str(text),
            None => unknown = true,
        }
    }
    Ok(if unknown { Value::Null } else { Value::Text(scratch.keep(made)) })
}

/// Three-valued comparison: None when a side is NULL. Text goes by bytes.
pub(super) fn compare(op: CompareOp, left: Value<'_>, right: Value<'_>) -> Result<Option<bool>, EvalError> {
    let order = match (left, right) {
        (Value::Text(a), Value::Text(b)) => return Ok(compare_texts(op, Some(a), Some(b))),
        (Value::Int(a), Value::Int(b)) => a.cmp(&b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(&b),
        (Value::Null, _) | (_, Value::Null) => return Ok(None),
        _ => return Err(EvalError::WrongType),
    };
    Ok(Some(holds(op, order)))
}

#[inline]
fn compare_texts(op: CompareOp, left: Option<&str>, right: Option<&str>) -> Option<bool> {
    let (a, b) = left.zip(right)?;
    Some(match op {
        // Equality first looks at the lengths, which is quicker than finding the order.
        CompareOp::Eq => a == b,
        CompareOp::Ne => a != b,
        _ => holds(op, a.as_bytes().cmp(b.as_bytes())),
    })
}

fn holds(op: CompareOp, order: Ordering) -> bool {
    match op {
        CompareOp::Eq => order == Ordering::Equal,
        CompareOp::Ne => order != Ordering::Equal,
        CompareOp::Lt => order == Ordering::Less,
        CompareOp::Le => order != Ordering::Greater,
        CompareOp::Gt => order == Ordering::Greater,
        CompareOp::Ge => order != Ordering::Less,
    }
}

fn arith(op: ArithOp, left: Option<i64>, right: Option<i64>) -> Result<Option<i64>, EvalError> {
    let (Some(a), Some(b)) = (left, right) else {
        return Ok(None);
    };
    let result = match op {
        ArithOp::Add => a.checked_add(b),
        ArithOp::Sub => a.checked_sub(b),
        ArithOp::Mul => a.checked_mul(b),
        ArithOp::Div | ArithOp::Rem if b == 0 => return Ok(None),
        ArithOp::Div => a.checked_div(b),
        ArithOp::Rem => Some(a.wrapping_rem(b)),
    };
    result.map(Some).ok_or(EvalError::Overflow)
}

fn truth<'a>(value: Option<bool>) -> Value<'a> {
    value.map_or(Value::Null, Value::Bool)
}

pub(super) fn number<'a>(value: Option<i64>) -> Value<'a> {
    value.map_or(Value::Null, Value::Int)
}

pub(super) fn as_text(value: Value<'_>) -> Result<Option<&str>, EvalError> {
    match value {
        Value::Text(text) => Ok(Some(text)),
        Value::Null => Ok(None),
        _ => Err(EvalError::WrongType),
    }
}

pub(super) fn as_int(value: Value<'_>) -> Result<Option<i64>, EvalError> {
    match value {
        Value::Int(n) => Ok(Some(n)),
        Value::Null => Ok(None),
        _ => Err(EvalError::WrongType),
    }
}

fn as_bool(value: Value<'_>) -> Result<Option<bool>, EvalError> {
    match value {
        Value::Bool(b) => Ok(Some(b)),
        Value::Null => Ok(None),
        _ => Err(EvalError::WrongType),
    }
}
