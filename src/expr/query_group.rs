//! `GROUP BY`: what a SELECT that groups may say of a group.
//!
//! Owns: that question. A column that is not the same for a whole group has no value there: SQLite would take one of some row,
//! PostgreSQL refuses it. Never: checks names ([`super::query_scope`] does).

use sqlparser::ast::{
    Expr as Sql, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, OrderBy, OrderByKind,
    Select, SelectItem, WindowType,
};

use super::query_scope::Walk;

/// Functions that make one value of a group.
const AGGREGATES: [&str; 4] = ["count", "max", "min", "sum"];

impl Walk<'_> {
    /// Tells of columns of the SELECT in sight that are neither grouped by nor made one value of a group.
    pub(super) fn grouping(&mut self, select: &Select, order_by: Option<&OrderBy>) {
        let listed = match &select.group_by {
            GroupByExpr::Expressions(list, _) => list.as_slice(),
            GroupByExpr::All(_) => return,
        };
        let shown: Vec<(&Sql, Option<&Ident>)> = select
            .projection
            .iter()
            .filter_map(|item| match item {
                SelectItem::UnnamedExpr(expr) => Some((expr, None)),
                SelectItem::ExprWithAlias { expr, alias } => Some((expr, Some(alias))),
                _ => None,
            })
            .collect();
        let having = select.having.iter();
        let makes_groups = shown.iter().map(|(expr, _)| *expr).chain(having.clone()).any(aggregates);
        if listed.is_empty() && !makes_groups {
            return;
        }
        // A name of the output stands for what it names.
        let named = |name: &Ident| shown.iter().find(|(_, alias)| alias.is_some_and(|a| a.value == name.value));
        let mut groups: Vec<&Sql> = Vec::new();
        for expr in listed {
            groups.push(expr);
            if let Sql::Identifier(name) = expr
                && !self.is_own(std::slice::from_ref(name))
                && let Some((expr, _)) = named(name)
            {
                groups.push(expr);
            }
        }
        let ordered: &[_] = match order_by.map(|order| &order.kind) {
            Some(OrderByKind::Expressions(list)) => list,
            _ => &[],
        };
        let ordered = ordered.iter().map(|order| &order.expr).filter(|expr| match expr {
            Sql::Identifier(name) => named(name).is_none(),
            _ => true,
        });
        for expr in shown.iter().map(|(expr, _)| *expr).chain(having).chain(ordered) {
            self.of_group(expr, &groups);
        }
    }

    fn of_group(&mut self, expr: &Sql, groups: &[&Sql]) {
        if groups.iter().any(|group| same(group, expr)) {
            return;
        }
        match expr {
            Sql::Identifier(name) => self.of_group_column(std::slice::from_ref(name)),
            Sql::CompoundIdentifier(parts) => self.of_group_column(parts),
            Sql::Function(function) if is_aggregate(function) => {}
            other => children(other).into_iter().for_each(|child| self.of_group(child, groups)),
        }
    }

    fn of_group_column(&mut self, parts: &[Ident]) {
        let Some(column) = parts.last().filter(|_| self.is_own(parts)) else { return };
        let message = format!("列「{}」は GROUP BY にないので、グループのどの行の値か決まりません", column.value);
        self.mistake(column.span.start, message, "GROUP BY に足すか、max( ) などで一つの値にしてください");
    }
}

/// Does it make one value of a group anywhere, sub-selects apart?
fn aggregates(expr: &Sql) -> bool {
    match expr {
        Sql::Function(function) if is_aggregate(function) => true,
        other => children(other).into_iter().any(aggregates),
    }
}

fn is_aggregate(function: &Function) -> bool {
    let name = function.name.to_string().to_ascii_lowercase();
    function.over.is_none() && AGGREGATES.contains(&name.as_str())
}

/// Is it the same expression? A column with its table is the same as without.
fn same(a: &Sql, b: &Sql) -> bool {
    match (a, b) {
        (Sql::Nested(inner), other) | (other, Sql::Nested(inner)) => same(inner, other),
        (Sql::Identifier(_) | Sql::CompoundIdentifier(_), Sql::Identifier(_) | Sql::CompoundIdentifier(_)) => {
            let (a, b) = (parts(a), parts(b));
            a.last() == b.last() && (a.len() != b.len() || a == b)
        }
        _ => a.to_string() == b.to_string(),
    }
}

fn parts(expr: &Sql) -> Vec<&str> {
    match expr {
        Sql::Identifier(name) => vec![name.value.as_str()],
        Sql::CompoundIdentifier(parts) => parts.iter().map(|part| part.value.as_str()).collect(),
        _ => Vec::new(),
    }
}

/// The expressions right below one, of those that may be written; a sub-select has names of its own.
fn children(expr: &Sql) -> Vec<&Sql> {
    match expr {
        Sql::BinaryOp { left, right, .. } => vec![left, right],
        Sql::Nested(inner)
        | Sql::IsNull(inner)
        | Sql::IsNotNull(inner)
        | Sql::IsTrue(inner)
        | Sql::IsNotTrue(inner)
        | Sql::IsFalse(inner)
        | Sql::IsNotFalse(inner)
        | Sql::UnaryOp { expr: inner, .. }
        | Sql::Cast { expr: inner, .. }
        | Sql::Trim { expr: inner, .. }
        | Sql::InSubquery { expr: inner, .. } => vec![inner],
        Sql::IsDistinctFrom(a, b) | Sql::IsNotDistinctFrom(a, b) => vec![a, b],
        Sql::InList { expr, list, .. } => std::iter::once(expr.as_ref()).chain(list).collect(),
        Sql::Between { expr, low, high, .. } => vec![expr, low, high],
        Sql::Tuple(items) => items.iter().collect(),
        Sql::Case { operand, conditions, else_result, .. } => {
            let branches = conditions.iter().flat_map(|branch| [&branch.condition, &branch.result]);
            operand.as_deref().into_iter().chain(branches).chain(else_result.as_deref()).collect()
        }
        Sql::Substring { expr, substring_from, substring_for, .. } => {
            let more = [substring_from.as_deref(), substring_for.as_deref()];
            std::iter::once(expr.as_ref()).chain(more.into_iter().flatten()).collect()
        }
        Sql::Function(function) => arguments(function),
        _ => Vec::new(),
    }
}

/// Arguments of a function, with those of its window.
fn arguments(function: &Function) -> Vec<&Sql> {
    let mut all: Vec<&Sql> = match &function.args {
        FunctionArguments::List(list) => list
            .args
            .iter()
            .filter_map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    if let Some(WindowType::WindowSpec(window)) = &function.over {
        all.extend(&window.partition_by);
        all.extend(window.order_by.iter().map(|order| &order.expr));
    }
    all
}
