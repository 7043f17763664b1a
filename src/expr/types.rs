//! From `sqlparser`'s tree to typed nodes: names become slots, every node gets a type, mistakes are gathered.
//!
//! Owns: what is allowed and which types fit where. Never: evaluates, renders.
//!
//! Recursion is bounded by [`MAX_DEPTH`]: chains of binary operators are walked in a loop along their left spine.

use super::ast::{ArithOp, CompareOp, Node};
use super::like::LikePattern;
use super::parse::{mistake, too_deep};
use super::{ExprError, MAX_ARITH_CHAIN, MAX_DEPTH, MAX_NODES, Scope};
use crate::value::Type;
use sqlparser::ast::{BinaryOperator, CaseWhen, DataType, Expr as Sql, Spanned, UnaryOperator, Value as Literal};
use sqlparser::tokenizer::Location;

/// A node with its type; None is the type of a bare `NULL`, which fits everywhere.
pub(super) struct Typed {
    pub(super) node: Node,
    pub(super) ty: Option<Type>,
    pub(super) at: Location,
}

/// Gathers mistakes while it builds; a None somewhere means that a mistake was already noted.
pub(super) struct Builder<'s> {
    pub(super) scope: &'s dyn Scope,
    mistakes: Vec<ExprError>,
    nodes: usize,
    gave_up: bool,
}

/// Types a parsed expression, for a place that wants `want` if it says so.
pub(super) fn compile(parsed: &Sql, scope: &dyn Scope, want: Option<Type>) -> Result<(Node, Type), Vec<ExprError>> {
    let mut builder = Builder { scope, mistakes: Vec::new(), nodes: 0, gave_up: false };
    let done = builder.build(parsed, 0).and_then(|typed| {
        let ty = want.or(typed.ty).unwrap_or(Type::Text);
        Some((builder.coerce(typed, ty)?, ty))
    });
    match done {
        Some(done) if builder.mistakes.is_empty() => Ok(done),
        _ => Err(builder.mistakes),
    }
}

/// The word for a type in messages.
fn japanese(ty: Type) -> &'static str {
    match ty {
        Type::Text => "文字列",
        Type::Int => "整数",
        Type::Date => "日付",
        Type::Bool => "条件（真偽）",
    }
}

/// What to do about a `have` where `want` is wanted.
fn conversion_hint(have: Type, want: Type) -> &'static str {
    match (have, want) {
        (Type::Int, Type::Text) => "CAST(… AS TEXT) を使うか、定数なら '1' のように引用符で囲んでください。",
        (Type::Text, Type::Int) => "CAST(… AS INTEGER) を使うか、定数なら引用符を外してください。",
        (Type::Text, Type::Date) => "CAST(… AS DATE) を使うか、定数なら '2024-04-01' の形で書いてください。",
        (Type::Date, Type::Int) => "year()、month()、day()、days_between() などを使ってください。",
        (Type::Bool, _) => "CASE WHEN … THEN … ELSE … END で値にしてください。",
        (_, Type::Bool) => "「=」や IS NULL などの条件にしてください。",
        _ => "両側の型をそろえてください。",
    }
}

/// Where an expression begins; a loop, because the tree may be deep on its left.
pub(super) fn start(mut e: &Sql) -> Location {
    loop {
        e = match e {
            Sql::BinaryOp { left, .. } => left,
            Sql::Nested(inner) | Sql::IsNull(inner) | Sql::IsNotNull(inner) => inner,
            Sql::Like { expr, .. } | Sql::InList { expr, .. } | Sql::Between { expr, .. } => expr,
            Sql::UnaryOp { expr, .. } | Sql::Cast { expr, .. } => expr,
            Sql::Function(function) => return function.name.span().start,
            Sql::Case { case_token, .. } => return case_token.0.span.start,
            other => return other.span().start,
        }
    }
}

fn compare_op(op: &BinaryOperator) -> Option<CompareOp> {
    Some(match op {
        BinaryOperator::Eq => CompareOp::Eq,
        BinaryOperator::NotEq => CompareOp::Ne,
        BinaryOperator::Lt => CompareOp::Lt,
        BinaryOperator::LtEq => CompareOp::Le,
        BinaryOperator::Gt => CompareOp::Gt,
        BinaryOperator::GtEq => CompareOp::Ge,
        _ => return None,
    })
}

fn arith_op(op: &BinaryOperator) -> Option<ArithOp> {
    Some(match op {
        BinaryOperator::Plus => ArithOp::Add,
        BinaryOperator::Minus => ArithOp::Sub,
        BinaryOperator::Multiply => ArithOp::Mul,
        BinaryOperator::Divide => ArithOp::Div,
        BinaryOperator::Modulo => ArithOp::Rem,
        _ => return None,
    })
}

/// The first operand and the further ones of a chain of like operators, from left to right.
fn spine<T>(mut e: &Sql, like: impl Fn(&BinaryOperator) -> Option<T>) -> (&Sql, Vec<(T, &Sql)>) {
    let mut rest = Vec::new();
    while let Sql::BinaryOp { left, op, right } = e {
        let Some(found) = like(op) else { break };
        rest.push((found, &**right));
        e = left;
    }
    rest.reverse();
    (e, rest)
}

impl Builder<'_> {
    /// Notes a mistake; answers None so that callers can return it.
    pub(super) fn wrong<T>(&mut self, at: Location, message: impl Into<String>, hint: impl Into<String>) -> Option<T> {
        if !self.gave_up {
            self.mistakes.push(mistake(at, message, hint));
        }
        None
    }

    /// Types `e`, which stands `depth` levels down.
    pub(super) fn build(&mut self, mut e: &Sql, depth: usize) -> Option<Typed> {
        while let Sql::Nested(inner) = e {
            e = inner;
        }
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            if !self.gave_up {
                let at = start(e);
                self.mistakes.push(if depth > MAX_DEPTH {
                    too_deep(at)
                } else {
                    mistake(
                        at,
                        format!("式の部品が多すぎます（上限{MAX_NODES}個）。"),
                        "コード表かビューに分けてください。",
                    )
                });
            }
            self.gave_up = true;
            return None;
        }
        let at = start(e);
        let (node, ty) = match e {
            Sql::Identifier(name) => self.name(std::slice::from_ref(name), at)?,
            Sql::CompoundIdentifier(path) => self.name(path, at)?,
            Sql::Value(value) => self.literal(&value.value, at)?,
            Sql::TypedString(typed) => match (&typed.data_type, &typed.value.value) {
                (DataType::Date, Literal::SingleQuotedString(text)) => self.date_literal(text, at)?,
                _ => return self.refuse(e, at),
            },
            Sql::IsNull(value) => self.is_null(value, false, depth)?,
            Sql::IsNotNull(value) => self.is_null(value, true, depth)?,
            Sql::UnaryOp { op: UnaryOperator::Not, expr } => {
                (Node::Not(Box::new(self.build_as(expr, depth, Type::Bool)?)), Some(Type::Bool))
            }
            Sql::UnaryOp { op: UnaryOperator::Minus, expr } => self.negative(expr, at, depth)?,
            Sql::BinaryOp { op, .. } => self.binary(e, op, at, depth)?,
            Sql::InList { expr, list, negated } => self.in_list(expr, list, *negated, depth)?,
            Sql::Between { expr, negated, low, high } => self.between([expr, low, high], *negated, depth)?,
            Sql::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let value = self.build_as(expr, depth, Type::Text);
                let pattern = self.literal_text(pattern, "LIKE の右側");
                let (value, pattern) = (Box::new(value?), LikePattern::new(&pattern?));
                (Node::Like { value, pattern, negated: *negated }, Some(Type::Bool))
            }
            Sql::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), at, depth)?
            }
            _ => return self.call(e, at, depth),
        };
        Some(Typed { node, ty, at })
    }

    /// Types `e` one level down for a place that wants `want`.
    pub(super) fn build_as(&mut self, e: &Sql, depth: usize, want: Type) -> Option<Node> {
        let typed = self.build(e, depth + 1)?;
        self.coerce(typed, want)
    }

    /// Types all of `items` one level down, so that each one's mistakes are noted.
    pub(super) fn build_all<'e>(
        &mut self,
        items: impl IntoIterator<Item = &'e Sql>,
        depth: usize,
    ) -> Option<Vec<Typed>> {
        let built: Vec<Option<Typed>> = items.into_iter().map(|item| self.build(item, depth + 1)).collect();
        built.into_iter().collect()
    }

    /// Lets `typed` stand where `want` is wanted, or notes why not.
    pub(super) fn coerce(&mut self, typed: Typed, want: Type) -> Option<Node> {
        match (typed.ty, want) {
            (None, _) => Some(Node::Null(want)),
            (Some(have), _) if have == want => Some(typed.node),
            (Some(Type::Date), Type::Text) => Some(typed.node),
            (Some(Type::Text), Type::Date) if typed.node.is_date_text() => Some(typed.node),
            (Some(have), _) => self.wrong(
                typed.at,
                format!("ここには{}が要りますが、{}です。", japanese(want), japanese(have)),
                conversion_hint(have, want),
            ),
        }
    }

    /// The one type of `items`. Where a value is chosen (`widen`), dates among texts become texts; where values are
    /// compared that is a mistake, because a date and any text are hardly ever meant to be compared.
    pub(super) fn unify(&mut self, items: &[Typed], widen: bool) -> Option<Type> {
        let mut found: Option<Type> = None;
        for item in items {
            let Some(ty) = item.ty else { continue };
            found = match found {
                None => Some(ty),
                Some(known) if known == ty => Some(known),
                Some(Type::Text | Type::Date) if matches!(ty, Type::Text | Type::Date) => {
                    let dates = items.iter().all(|i| i.ty != Some(Type::Text) || i.node.is_date_text());
                    if !dates && !widen {
                        return self.wrong(
                            item.at,
                            "日付と文字列は比べられません。",
                            "定数は '2024-04-01' の形で、項目は CAST(… AS TEXT) か CAST(… AS DATE) で型をそろえてください。",
                        );
                    }
                    Some(if dates { Type::Date } else { Type::Text })
                }
                Some(known) => {
                    let message = format!("型がそろっていません: {}と{}です。", japanese(known), japanese(ty));
                    return self.wrong(item.at, message, conversion_hint(ty, known));
                }
            };
        }
        Some(found.unwrap_or(Type::Text))
    }

    /// [`Builder::unify`], and each item as a node of that type.
    pub(super) fn unified(&mut self, items: Vec<Typed>, widen: bool) -> Option<(Vec<Node>, Type)> {
        let ty = self.unify(&items, widen)?;
        let nodes: Option<Vec<Node>> = items.into_iter().map(|item| self.coerce(item, ty)).collect();
        Some((nodes?, ty))
    }

    fn is_null(&mut self, value: &Sql, negated: bool, depth: usize) -> Option<(Node, Option<Type>)> {
        let typed = self.build(value, depth + 1)?;
        Some((Node::IsNull { value: Box::new(typed.node), negated }, Some(Type::Bool)))
    }

    fn negative(&mut self, e: &Sql, at: Location, depth: usize) -> Option<(Node, Option<Type>)> {
        if let Sql::Value(value) = e
            && let Literal::Number(digits, false) = &value.value
        {
            return self.integer(&format!("-{digits}"), at);
        }
        Some((Node::Negative(Box::new(self.build_as(e, depth, Type::Int)?)), Some(Type::Int)))
    }

    fn binary(&mut self, e: &Sql, op: &BinaryOperator, at: Location, depth: usize) -> Option<(Node, Option<Type>)> {
        match op {
            BinaryOperator::And | BinaryOperator::Or => {
                let items = self.chain(e, op, depth, Type::Bool)?;
                let node = if *op == BinaryOperator::And { Node::And(items) } else { Node::Or(items) };
                return Some((node, Some(Type::Bool)));
            }
            BinaryOperator::StringConcat => {
                return Some((Node::Concat(self.chain(e, op, depth, Type::Text)?), Some(Type::Text)));
            }
            _ => {}
        }
        if arith_op(op).is_some() {
            let (first, rest) = spine(e, arith_op);
            if rest.len() > MAX_ARITH_CHAIN {
                let hint = "ビューか別の項目に分けてください。";
                return self.wrong(at, format!("計算が長すぎます（上限{MAX_ARITH_CHAIN}個の演算）。"), hint);
            }
            let first = self.build_as(first, depth, Type::Int);
            let rest: Vec<Option<(ArithOp, Node)>> =
                rest.into_iter().map(|(op, e)| Some((op, self.build_as(e, depth, Type::Int)?))).collect();
            let rest: Option<Box<[(ArithOp, Node)]>> = rest.into_iter().collect();
            return Some((Node::Arith(Box::new(first?), rest?), Some(Type::Int)));
        }
        if let (Some(op), Sql::BinaryOp { left, right, .. }) = (compare_op(op), e) {
            let sides = self.build_all([&**left, &**right], depth)?;
            let (text, mut nodes) = self.comparable(sides, op.orders())?;
            let (right, left) = (nodes.pop()?, nodes.pop()?);
            return Some((Node::Compare { op, text, sides: Box::new((left, right)) }, Some(Type::Bool)));
        }
        self.wrong(
            at,
            format!("演算子「{op}」は使えません。"),
            "使えるのは + - * / % || = <> < <= > >= AND OR NOT です。",
        )
    }

    /// Operands that are compared with each other; says whether they are text or dates.
    fn comparable(&mut self, items: Vec<Typed>, orders: bool) -> Option<(bool, Vec<Node>)> {
        let at = items.first()?.at;
        let (nodes, ty) = self.unified(items, false)?;
        if orders && ty == Type::Bool {
            return self.wrong(at, "条件（真偽）どうしの大小は比べられません。", "= か <> を使ってください。");
        }
        Some((matches!(ty, Type::Text | Type::Date), nodes))
    }

    fn chain(&mut self, e: &Sql, op: &BinaryOperator, depth: usize, want: Type) -> Option<Box<[Node]>> {
        let (first, rest) = spine(e, |other| (other == op).then_some(()));
        let operands = std::iter::once(first).chain(rest.into_iter().map(|((), operand)| operand));
        let nodes: Vec<Option<Node>> = operands.map(|operand| self.build_as(operand, depth, want)).collect();
        nodes.into_iter().collect()
    }

    fn in_list(&mut self, value: &Sql, list: &[Sql], negated: bool, depth: usize) -> Option<(Node, Option<Type>)> {
        let items = self.build_all(std::iter::once(value).chain(list), depth)?;
        let (_, mut nodes) = self.comparable(items, false)?;
        let value = Box::new(nodes.remove(0));
        Some((Node::In { value, list: nodes.into(), negated }, Some(Type::Bool)))
    }

    fn between(&mut self, parts: [&Sql; 3], negated: bool, depth: usize) -> Option<(Node, Option<Type>)> {
        let items = self.build_all(parts, depth)?;
        let (text, mut nodes) = self.comparable(items, true)?;
        let (high, low, value) = (nodes.pop()?, nodes.pop()?, nodes.pop()?);
        Some((Node::Between { text, parts: Box::new((value, low, high)), negated }, Some(Type::Bool)))
    }

    fn case(
        &mut self,
        operand: Option<&Sql>,
        conditions: &[CaseWhen],
        otherwise: Option<&Sql>,
        at: Location,
        depth: usize,
    ) -> Option<(Node, Option<Type>)> {
        let whens = conditions.iter().map(|c| &c.condition);
        let whens = match operand {
            Some(operand) => self
                .build_all(std::iter::once(operand).chain(whens), depth)
                .and_then(|items| self.comparable(items, false))
                .map(|(_, nodes)| nodes),
            None => {
                let nodes: Vec<Option<Node>> = whens.map(|e| self.build_as(e, depth, Type::Bool)).collect();
                nodes.into_iter().collect()
            }
        };
        let results = self.build_all(conditions.iter().map(|c| &c.result).chain(otherwise), depth)?;
        self.refuse_all_null(&results, at)?;
        let (mut results, ty) = self.unified(results, true)?;
        let mut whens = whens?;
        let operand = operand.map(|_| Box::new(whens.remove(0)));
        let otherwise = otherwise.and_then(|_| results.pop()).map(Box::new);
        let branches = whens.into_iter().zip(results).collect();
        Some((Node::Case { operand, branches, otherwise }, Some(ty)))
    }

    /// A choice among NULLs has no type that all three sides would agree on.
    pub(super) fn refuse_all_null(&mut self, items: &[Typed], at: Location) -> Option<()> {
        if items.iter().all(|item| item.ty.is_none()) {
            return self.wrong(at, "どの結果も NULL なので型が決まりません。", "NULL だけなら NULL と書いてください。");
        }
        Some(())
    }
}
