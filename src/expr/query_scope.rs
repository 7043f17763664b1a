//! The names a SELECT sees at each place, and the walk over its expressions.
//!
//! Owns: the allow-list of expressions and functions. Never: knows the clauses of a SELECT ([`super::query`]).

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr as Sql, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    OrderByExpr, Spanned, UnaryOperator, Value, WindowType,
};
use sqlparser::tokenizer::Location;

use super::query::{Catalogue, FUNCTIONS};
use super::{ExprError, nearest};

/// Names one SELECT adds.
#[derive(Debug, Default)]
struct Level {
    /// Alias and columns (if known).
    relations: Vec<(String, Option<Vec<String>>)>,
    /// Output names, which `GROUP BY` and `ORDER BY` may use.
    aliases: Vec<String>,
}

/// The walk: what was found so far and what is visible now.
pub(super) struct Walk<'c> {
    catalogue: &'c dyn Catalogue,
    pub(super) tables: Vec<String>,
    pub(super) errors: Vec<ExprError>,
    pub(super) ctes: Vec<(String, Option<Vec<String>>)>,
    levels: Vec<Level>,
}

impl<'c> Walk<'c> {
    pub(super) fn new(catalogue: &'c dyn Catalogue) -> Self {
        Walk { catalogue, tables: Vec::new(), errors: Vec::new(), ctes: Vec::new(), levels: Vec::new() }
    }

    pub(super) fn push_scope(&mut self) {
        self.levels.push(Level::default());
    }

    pub(super) fn pop_scope(&mut self) {
        self.levels.pop();
    }

    pub(super) fn add_relation(&mut self, alias: String, columns: Option<Vec<String>>) {
        let Some(level) = self.levels.last_mut() else { return };
        level.relations.push((alias, columns));
    }

    pub(super) fn add_aliases(&mut self, names: impl Iterator<Item = String>) {
        if let Some(level) = self.levels.last_mut() {
            level.aliases.extend(names);
        }
    }

    pub(super) fn hide_aliases(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.aliases.clear();
        }
    }

    /// Is it a column of the innermost SELECT, not of one around it?
    pub(super) fn is_own(&self, parts: &[Ident]) -> bool {
        let Some(level) = self.levels.last() else { return false };
        match parts {
            [column] => {
                level.relations.iter().any(|(_, columns)| columns.as_ref().is_some_and(|c| c.contains(&column.value)))
            }
            [table, _] => level.relations.iter().any(|(alias, _)| *alias == table.value),
            _ => false,
        }
    }

    /// Columns of a table by name: of the query's own `WITH`, else of the catalogue.
    pub(super) fn columns_of(&mut self, table: &Ident) -> Option<Vec<String>> {
        let name = &table.value;
        if let Some((_, columns)) = self.ctes.iter().rev().find(|(cte, _)| cte == name) {
            return columns.clone();
        }
        match self.catalogue.columns(name) {
            Some(columns) => {
                if !self.tables.contains(name) {
                    self.tables.push(name.clone());
                }
                columns
            }
            None => {
                let known = self.catalogue.tables();
                let hint = meant(name, known.iter().map(String::as_str));
                self.mistake(table.span.start, format!("表「{name}」がありません"), hint);
                None
            }
        }
    }

    /// The name an output column has by itself.
    pub(super) fn name_of(expr: &Sql) -> Option<String> {
        match expr {
            Sql::Identifier(name) => Some(name.value.clone()),
            Sql::CompoundIdentifier(parts) => parts.last().map(|p| p.value.clone()),
            _ => None,
        }
    }

    fn bare(&mut self, name: &Ident) {
        let wanted = &name.value;
        for level in self.levels.iter().rev() {
            let holders = level.relations.iter().filter(|(_, columns)| match columns {
                Some(columns) => columns.contains(wanted),
                None => false,
            });
            let holders: Vec<&str> = holders.map(|(alias, _)| alias.as_str()).collect();
            if level.aliases.contains(wanted) || holders.len() == 1 {
                return;
            }
            if holders.len() > 1 {
                let hint = format!("「{}.{wanted}」のように表を付けてください", holders[0]);
                let message = format!("列「{wanted}」がどの表のものか決まりません");
                self.mistake(name.span.start, message, hint);
                return;
            }
            if level.relations.iter().any(|(_, columns)| columns.is_none()) {
                return;
            }
        }
        let known = self.levels.iter().flat_map(|l| &l.relations).filter_map(|(_, c)| c.as_ref()).flatten();
        let hint = meant(wanted, known.map(String::as_str));
        self.mistake(name.span.start, format!("列「{wanted}」がありません"), hint);
    }

    fn qualified(&mut self, parts: &[Ident]) {
        let [table, column] = parts else {
            let at = parts.first().map_or(Location::empty(), |p| p.span.start);
            self.mistake(at, "「表.列」の形で書いてください", "");
            return;
        };
        let relations = || self.levels.iter().rev().flat_map(|l| &l.relations);
        let Some((_, columns)) = relations().find(|(alias, _)| *alias == table.value) else {
            let hint = meant(&table.value, relations().map(|(alias, _)| alias.as_str()));
            self.mistake(table.span.start, format!("表「{}」がここにありません", table.value), hint);
            return;
        };
        if let Some(columns) = columns
            && !columns.contains(&column.value)
        {
            let hint = meant(&column.value, columns.iter().map(String::as_str));
            let message = format!("表「{}」に列「{}」がありません", table.value, column.value);
            self.mistake(column.span.start, message, hint);
        }
    }

    /// Checks an expression.
    pub(super) fn expr(&mut self, expr: &Sql) {
        let mut expr = expr;
        // Chains lean to the left; walking them in a loop keeps the stack small.
        while let Sql::BinaryOp { left, op, right } = expr {
            self.operator(op, right.span().start);
            self.expr(right);
            expr = left;
        }
        match expr {
            Sql::Identifier(name) => self.bare(name),
            Sql::CompoundIdentifier(parts) => self.qualified(parts),
            Sql::Value(value) => self.value(&value.value, value.span.start),
            Sql::Nested(inner)
            | Sql::IsNull(inner)
            | Sql::IsNotNull(inner)
            | Sql::IsTrue(inner)
            | Sql::IsNotTrue(inner)
            | Sql::IsFalse(inner)
            | Sql::IsNotFalse(inner)
            | Sql::UnaryOp { op: UnaryOperator::Not | UnaryOperator::Minus | UnaryOperator::Plus, expr: inner } => {
                self.expr(inner);
            }
            Sql::IsDistinctFrom(a, b) | Sql::IsNotDistinctFrom(a, b) => {
                self.expr(a);
                self.expr(b);
            }
            Sql::InList { expr, list, .. } => {
                self.expr(expr);
                list.iter().for_each(|e| self.expr(e));
            }
            Sql::InSubquery { expr, subquery, .. } => {
                self.expr(expr);
                self.query(subquery, false);
            }
            Sql::Between { expr, low, high, .. } => {
                self.expr(expr);
                self.expr(low);
                self.expr(high);
            }
            Sql::Tuple(items) => items.iter().for_each(|e| self.expr(e)),
            other => self.special(other),
        }
    }

    /// Expressions with a form of their own.
    fn special(&mut self, expr: &Sql) {
        match expr {
            Sql::Exists { subquery, .. } | Sql::Subquery(subquery) => {
                self.query(subquery, false);
            }
            Sql::Case { operand, conditions, else_result, .. } => {
                operand.iter().for_each(|e| self.expr(e));
                for branch in conditions {
                    self.expr(&branch.condition);
                    self.expr(&branch.result);
                }
                else_result.iter().for_each(|e| self.expr(e));
            }
            Sql::Cast { kind: CastKind::Cast, expr: inner, data_type, format: None } => {
                let good = matches!(data_type, DataType::Text | DataType::Integer(None) | DataType::BigInt(None));
                if !good {
                    let at = inner.span().start;
                    self.mistake(at, format!("型「{data_type}」は使えません"), "TEXT か BIGINT を書いてください");
                }
                self.expr(inner);
            }
            Sql::Substring { expr, substring_from, substring_for, special: true, .. } => {
                self.expr(expr);
                substring_from.iter().for_each(|e| self.expr(e));
                substring_for.iter().for_each(|e| self.expr(e));
            }
            Sql::Trim { trim_where: None, trim_what: None, expr, trim_characters: None } => self.expr(expr),
            Sql::Function(function) => self.function(function),
            Sql::Like { .. } | Sql::ILike { .. } => {
                let hint = "大文字・小文字の扱いがデータベースで違います。substr で比べてください";
                self.mistake(expr.span().start, "LIKE は使えません", hint);
            }
            other => self.mistake(other.span().start, "この形の式は使えません", "SQL の基本の形で書いてください"),
        }
    }

    fn operator(&mut self, op: &BinaryOperator, at: Location) {
        use BinaryOperator as B;
        let good = matches!(
            op,
            B::Plus
                | B::Minus
                | B::Multiply
                | B::Divide
                | B::Modulo
                | B::StringConcat
                | B::Gt
                | B::Lt
                | B::GtEq
                | B::LtEq
                | B::Eq
                | B::NotEq
                | B::And
                | B::Or
        );
        if !good {
            self.mistake(at, format!("演算子「{op}」は使えません"), "");
        }
    }

    fn value(&mut self, value: &Value, at: Location) {
        match value {
            Value::SingleQuotedString(_) | Value::Null | Value::Boolean(_) => {}
            Value::Number(digits, _) if digits.bytes().all(|b| b.is_ascii_digit()) => {}
            Value::Number(..) => self.mistake(at, "小数は使えません", "整数で書いてください"),
            _ => self.mistake(at, "この形の値は使えません", "'…' か整数で書いてください"),
        }
    }

    fn function(&mut self, function: &Function) {
        let at = function.name.span().start;
        let name = function.name.to_string().to_ascii_lowercase();
        if !FUNCTIONS.contains(&name.as_str()) {
            self.mistake(at, format!("関数「{name}」は使えません"), meant(&name, FUNCTIONS));
        }
        let odd = function.uses_odbc_syntax
            || function.parameters != FunctionArguments::None
            || function.null_treatment.is_some()
            || !function.within_group.is_empty();
        if odd {
            self.mistake(at, "この形の関数は使えません", "");
        }
        match &function.args {
            FunctionArguments::List(list) => {
                if !list.clauses.is_empty() {
                    self.mistake(at, "引数の中の ORDER BY などは使えません", "");
                }
                if matches!(name.as_str(), "min" | "max") && list.args.len() != 1 {
                    let hint = "CASE WHEN a < b THEN a ELSE b END と書いてください";
                    self.mistake(at, format!("{name} の引数は1つです"), hint);
                }
                for arg in &list.args {
                    match arg {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => self.expr(expr),
                        FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if name == "count" => {}
                        _ => self.mistake(at, "この形の引数は使えません", ""),
                    }
                }
            }
            _ => self.mistake(at, "関数には ( ) が要ります", ""),
        }
        function.filter.iter().for_each(|e| self.expr(e));
        match &function.over {
            None => {}
            Some(WindowType::WindowSpec(window)) => {
                window.partition_by.iter().for_each(|e| self.expr(e));
                self.ordering(&window.order_by);
            }
            Some(WindowType::NamedWindow(window)) => {
                self.mistake(window.span.start, "名前の付いた窓は使えません", "OVER ( … ) に直接書いてください");
            }
        }
    }

    /// Checks the expressions of an `ORDER BY`.
    pub(super) fn ordering(&mut self, list: &[OrderByExpr]) {
        for order in list {
            if order.with_fill.is_some() {
                self.mistake(order.expr.span().start, "この並べ方は使えません", "");
            }
            self.expr(&order.expr);
        }
    }
}

fn meant<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    nearest(wanted, names.into_iter()).map_or_else(String::new, |name| format!("「{name}」ではありませんか"))
}
