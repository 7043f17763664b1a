//! The compiled expression: a dozen node kinds that evaluation and rendering share.
//!
//! Owns: the tree after names are slots and every node has a type. Never: knows `sqlparser`, rows or databases.
//!
//! Chains (`AND`, `OR`, `||`, arithmetic from left to right) are flat lists, so that a long one costs no depth.

use super::like::LikePattern;
use crate::value::Type;
use std::collections::HashMap;
use std::sync::Arc;

/// A small table of codes, held in memory: key → one text per column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeTable {
    /// The name that `code('name', …)` uses.
    pub name: String,
    /// The columns' names, in the order of each row's texts.
    pub columns: Vec<String>,
    /// Key → the row's texts; a row shorter than `columns` answers NULL for what is missing.
    pub rows: HashMap<String, Vec<String>>,
}

impl CodeTable {
    /// The name of a code: the first text of its row.
    pub fn name(&self, code: &str) -> Option<&str> {
        self.rows.get(code)?.first().map(String::as_str)
    }

    /// The code that is meant: itself, or the only one of that name.
    pub fn code(&self, text: &str) -> Option<&str> {
        if let Some((code, _)) = self.rows.get_key_value(text) {
            return Some(code);
        }
        let mut named = self.rows.iter().filter(|(_, row)| row.first().is_some_and(|name| name == text));
        let found = named.next().map(|(code, _)| code.as_str());
        found.filter(|_| named.next().is_none())
    }

    /// `使えるもの: 1（男）、2（女）`, in the order of the codes, at most so many.
    pub fn listed(&self, most: usize) -> String {
        let mut codes: Vec<&String> = self.rows.keys().collect();
        codes.sort();
        let name =
            |code: &&String| self.name(code).map_or_else(|| code.to_string(), |name| format!("{code}（{name}）"));
        let more = if codes.len() > most { " など" } else { "" };
        format!("使えるもの: {}{more}", codes.iter().take(most).map(name).collect::<Vec<_>>().join("、"))
    }
}

/// Comparison operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// Arithmetic operators on whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArithOp {
    Add,
    Sub,
    Mul,
    /// Truncates toward zero; by zero it is NULL.
    Div,
    /// Has the sign of the left side; by zero it is NULL.
    Rem,
}

impl ArithOp {
    /// The operator as SQL writes it.
    pub(super) fn sql(self) -> &'static str {
        match self {
            ArithOp::Add => "+",
            ArithOp::Sub => "-",
            ArithOp::Mul => "*",
            ArithOp::Div => "/",
            ArithOp::Rem => "%",
        }
    }
}

impl CompareOp {
    /// The operator as SQL writes it.
    pub(super) fn sql(self) -> &'static str {
        match self {
            CompareOp::Eq => "=",
            CompareOp::Ne => "<>",
            CompareOp::Lt => "<",
            CompareOp::Le => "<=",
            CompareOp::Gt => ">",
            CompareOp::Ge => ">=",
        }
    }

    /// Is the order of the operands looked at, not only whether they are the same?
    pub(super) fn orders(self) -> bool {
        !matches!(self, CompareOp::Eq | CompareOp::Ne)
    }
}

/// Functions whose arguments are plain expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Func {
    Substr,
    Length,
    Trim,
    Ltrim,
    Rtrim,
    Abs,
    Least,
    Greatest,
    Coalesce,
    Nullif,
    Year,
    Month,
    Day,
    AddYears,
    AddDays,
    DaysBetween,
    FiscalYear,
    /// `CAST(int AS TEXT)`
    IntToText,
    /// `CAST(text AS INTEGER)`
    TextToInt,
    /// `CAST(text AS DATE)`
    TextToDate,
}

/// One node. A date literal is [`Node::Text`]: dates are ISO text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null(Type),
    Text(Box<str>),
    Int(i64),
    Bool(bool),
    Slot(u32),
    Not(Box<Node>),
    And(Box<[Node]>),
    Or(Box<[Node]>),
    /// `text`: the operands are text or dates, so their order is the order of their bytes.
    Compare {
        op: CompareOp,
        text: bool,
        sides: Box<(Node, Node)>,
    },
    IsNull {
        value: Box<Node>,
        negated: bool,
    },
    In {
        value: Box<Node>,
        list: Box<[Node]>,
        negated: bool,
    },
    Between {
        text: bool,
        /// Value, low, high.
        parts: Box<(Node, Node, Node)>,
        negated: bool,
    },
    Like {
        value: Box<Node>,
        pattern: LikePattern,
        negated: bool,
    },
    Negative(Box<Node>),
    /// From left to right; precedence is already in the nesting.
    Arith(Box<Node>, Box<[(ArithOp, Node)]>),
    Concat(Box<[Node]>),
    Case {
        operand: Option<Box<Node>>,
        branches: Box<[(Node, Node)]>,
        otherwise: Option<Box<Node>>,
    },
    Call(Func, Box<[Node]>),
    /// `lpad`, `rpad`: `fill` is repeated until `width` characters; a longer text stays as it is.
    Pad {
        value: Box<Node>,
        left: bool,
        width: usize,
        fill: char,
    },
    Replace {
        value: Box<Node>,
        from: Box<str>,
        to: Box<str>,
    },
    Code {
        table: Arc<CodeTable>,
        key: Box<Node>,
        column: usize,
    },
}

impl Node {
    /// Adds the slots this tree reads to `found`, in order of appearance and once each.
    pub(super) fn collect_slots(&self, found: &mut Vec<u32>) {
        match self {
            Node::Null(_) | Node::Text(_) | Node::Int(_) | Node::Bool(_) => {}
            Node::Slot(slot) => {
                if !found.contains(slot) {
                    found.push(*slot);
                }
            }
            Node::Not(value)
            | Node::Negative(value)
            | Node::IsNull { value, .. }
            | Node::Like { value, .. }
            | Node::Pad { value, .. }
            | Node::Replace { value, .. }
            | Node::Code { key: value, .. } => value.collect_slots(found),
            Node::And(items) | Node::Or(items) | Node::Concat(items) | Node::Call(_, items) => {
                items.iter().for_each(|n| n.collect_slots(found));
            }
            Node::Compare { sides, .. } => {
                sides.0.collect_slots(found);
                sides.1.collect_slots(found);
            }
            Node::In { value, list, .. } => {
                value.collect_slots(found);
                list.iter().for_each(|n| n.collect_slots(found));
            }
            Node::Between { parts, .. } => {
                parts.0.collect_slots(found);
                parts.1.collect_slots(found);
                parts.2.collect_slots(found);
            }
            Node::Arith(first, rest) => {
                first.collect_slots(found);
                rest.iter().for_each(|(_, n)| n.collect_slots(found));
            }
            Node::Case { operand, branches, otherwise } => {
                operand.iter().for_each(|n| n.collect_slots(found));
                for (when, then) in branches {
                    when.collect_slots(found);
                    then.collect_slots(found);
                }
                otherwise.iter().for_each(|n| n.collect_slots(found));
            }
        }
    }

    /// Can this stand where a date is wanted, though it is typed as text: literals that are dates, and choices of them.
    pub(super) fn is_date_text(&self) -> bool {
        match self {
            Node::Null(_) => true,
            Node::Text(text) => super::date::is_iso(text),
            Node::Case { branches, otherwise, .. } => {
                branches.iter().all(|(_, then)| then.is_date_text())
                    && otherwise.as_deref().is_none_or(Node::is_date_text)
            }
            Node::Call(Func::Coalesce, items) => items.iter().all(Node::is_date_text),
            _ => false,
        }
    }
}
