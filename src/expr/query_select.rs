//! The clauses of a SELECT, walked in the order in which names come into sight.
//!
//! Owns: which clauses are portable, what the output columns are called. Never: looks into expressions
//! ([`super::query_scope`]).

use sqlparser::ast::{
    Cte, Distinct, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, LimitClause, ObjectName, OrderBy,
    OrderByKind, Query as Sql, Select, SelectItem, SetExpr, SetOperator, SetQuantifier, Spanned, TableAlias,
    TableFactor, TableWithJoins,
};
use sqlparser::tokenizer::Location;

use super::parse::mistake;
use super::query_scope::Walk;

/// Output columns of a part: name (if it has one) and place.
pub(super) type Output = Vec<(Option<String>, Location)>;

impl Walk<'_> {
    pub(super) fn mistake(&mut self, at: Location, message: impl Into<String>, hint: impl Into<String>) {
        self.errors.push(mistake(at, message, hint));
    }

    fn refuse(&mut self, bad: bool, at: Location, what: &str) {
        if bad {
            self.mistake(at, format!("{what} は使えません"), "どちらのデータベースでも同じに動く形だけが書けます");
        }
    }

    /// Walks a query. `named`: every output column needs a name. Answers its output columns.
    pub(super) fn query(&mut self, query: &Sql, named: bool) -> Output {
        let Sql {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        let at = query.span().start;
        self.refuse(fetch.is_some(), at, "FETCH");
        self.refuse(!locks.is_empty(), at, "FOR UPDATE などのロック");
        let other = for_clause.is_some() || settings.is_some() || format_clause.is_some() || !pipe_operators.is_empty();
        self.refuse(other, at, "この句");
        let own = self.ctes.len();
        if let Some(with) = with {
            self.refuse(with.recursive, with.with_token.0.span.start, "WITH RECURSIVE");
            for cte in &with.cte_tables {
                self.cte(cte);
            }
        }
        let output = self.set(body, named, order_by.as_ref());
        match limit_clause {
            None => {}
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) => {
                self.refuse(!limit_by.is_empty(), at, "LIMIT BY");
                limit.iter().for_each(|e| self.expr(e));
                offset.iter().for_each(|o| self.expr(&o.value));
            }
            Some(LimitClause::OffsetCommaLimit { offset, .. }) => {
                self.refuse(true, offset.span().start, "LIMIT a, b");
            }
        }
        self.ctes.truncate(own);
        output
    }

    fn cte(&mut self, cte: &Cte) {
        let Cte { alias, query, from, materialized, .. } = cte;
        self.refuse(from.is_some() || materialized.is_some(), alias.name.span.start, "この WITH の形");
        let output = self.query(query, alias.columns.is_empty());
        let columns = self.alias_columns(alias, output);
        self.ctes.push((alias.name.value.clone(), columns));
    }

    /// Columns of a relation under its alias, which may rename them.
    fn alias_columns(&mut self, alias: &TableAlias, output: Output) -> Option<Vec<String>> {
        if alias.columns.is_empty() {
            return Some(output.into_iter().filter_map(|(name, _)| name).collect());
        }
        if alias.columns.len() != output.len() {
            let message = format!("列の名前が{}個です（SELECT は{}列）", alias.columns.len(), output.len());
            self.mistake(alias.name.span.start, message, "数をそろえてください");
        }
        Some(alias.columns.iter().map(|c| c.name.value.clone()).collect())
    }

    fn set(&mut self, body: &SetExpr, named: bool, order_by: Option<&OrderBy>) -> Output {
        match body {
            SetExpr::Select(select) => self.select(select, named, order_by),
            SetExpr::SetOperation { .. } => {
                let output = self.operation(body, named);
                let names = output.iter().filter_map(|(name, _)| name.clone()).collect();
                self.push_scope();
                self.add_relation(String::new(), Some(names));
                self.order_by(order_by);
                self.pop_scope();
                output
            }
            SetExpr::Query(inner) => {
                self.refuse(true, inner.span().start, "括弧で囲んだ SELECT をつなぐ形");
                self.query(inner, named)
            }
            other => {
                self.refuse(true, other.span().start, "SELECT 以外の文");
                Vec::new()
            }
        }
    }

    /// A chain of set operations, walked without recursion on the left.
    fn operation(&mut self, body: &SetExpr, named: bool) -> Output {
        let mut parts = Vec::new();
        let mut next = body;
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = next {
            let at = right.span().start;
            let good = match set_quantifier {
                SetQuantifier::None => true,
                SetQuantifier::All => *op == SetOperator::Union,
                _ => false,
            };
            self.refuse(!good || *op == SetOperator::Minus, at, "この集合演算");
            if matches!(**right, SetExpr::SetOperation { .. }) {
                self.refuse(true, at, "異なる集合演算を混ぜること");
            }
            parts.push(&**right);
            next = left;
        }
        parts.push(next);
        let mut first: Option<Output> = None;
        for part in parts.into_iter().rev() {
            let output = match part {
                SetExpr::SetOperation { .. } => Vec::new(),
                part => self.set(part, named && first.is_none(), None),
            };
            match &first {
                None => first = Some(output),
                Some(columns) if columns.len() != output.len() => {
                    let message = format!("つなぐ SELECT の列が{}個と{}個です", columns.len(), output.len());
                    self.mistake(part.span().start, message, "列の数をそろえてください");
                }
                Some(_) => {}
            }
        }
        first.unwrap_or_default()
    }

    fn select(&mut self, select: &Select, named: bool, order_by: Option<&OrderBy>) -> Output {
        let at = select.select_token.0.span.start;
        self.refuse(matches!(select.distinct, Some(Distinct::On(_))), at, "DISTINCT ON");
        self.refuse(select.top.is_some() || select.into.is_some(), at, "TOP・INTO");
        self.refuse(select.qualify.is_some() || !select.lateral_views.is_empty(), at, "QUALIFY・LATERAL");
        let other = !select.connect_by.is_empty()
            || !select.cluster_by.is_empty()
            || !select.distribute_by.is_empty()
            || !select.sort_by.is_empty()
            || !select.named_window.is_empty()
            || select.prewhere.is_some()
            || select.exclude.is_some()
            || select.value_table_mode.is_some();
        self.refuse(other, at, "この句");
        self.push_scope();
        for table in &select.from {
            self.joined(table);
        }
        let mut output = Output::new();
        for item in &select.projection {
            output.extend(self.item(item, named));
        }
        select.selection.iter().for_each(|e| self.expr(e));
        self.add_aliases(output.iter().filter_map(|(name, _)| name.clone()));
        match &select.group_by {
            GroupByExpr::All(_) => self.refuse(true, at, "GROUP BY ALL"),
            GroupByExpr::Expressions(list, modifiers) => {
                self.refuse(!modifiers.is_empty(), at, "WITH ROLLUP などの指定");
                list.iter().for_each(|e| self.expr(e));
            }
        }
        self.order_by(order_by);
        self.hide_aliases();
        select.having.iter().for_each(|e| self.expr(e));
        self.grouping(select, order_by);
        self.pop_scope();
        output
    }

    fn order_by(&mut self, order_by: Option<&OrderBy>) {
        match order_by.map(|o| &o.kind) {
            None => {}
            Some(OrderByKind::All(_)) => self.refuse(true, Location::empty(), "ORDER BY ALL"),
            Some(OrderByKind::Expressions(list)) => self.ordering(list),
        }
    }

    fn item(&mut self, item: &SelectItem, named: bool) -> Output {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                self.expr(expr);
                let at = expr.span().start;
                let name = Walk::name_of(expr);
                if name.is_none() && !named {
                    return vec![(Some(String::new()), at)];
                }
                vec![(name, at)]
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                self.expr(expr);
                vec![(Some(alias.value.clone()), alias.span.start)]
            }
            other => {
                let at = other.span().start;
                self.mistake(at, "「*」は使えません", "列の名前を並べてください（EXISTS の中は SELECT 1）");
                Vec::new()
            }
        }
    }

    fn joined(&mut self, table: &TableWithJoins) {
        self.relation(&table.relation);
        for Join { relation, join_operator, .. } in &table.joins {
            self.relation(relation);
            let constraint = match join_operator {
                JoinOperator::Join(c)
                | JoinOperator::Inner(c)
                | JoinOperator::Left(c)
                | JoinOperator::LeftOuter(c)
                | JoinOperator::CrossJoin(c) => c,
                _ => {
                    self.refuse(true, relation.span().start, "内部結合・LEFT JOIN・CROSS JOIN 以外の結合");
                    continue;
                }
            };
            match constraint {
                JoinConstraint::On(expr) => self.expr(expr),
                JoinConstraint::None => {}
                JoinConstraint::Using(_) | JoinConstraint::Natural => {
                    self.refuse(true, relation.span().start, "USING・NATURAL（ON で書いてください）");
                }
            }
        }
    }

    fn relation(&mut self, factor: &TableFactor) {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => self.table(name, alias.as_ref()),
            TableFactor::Derived { lateral: false, subquery, alias: Some(alias), .. } => {
                let output = self.query(subquery, alias.columns.is_empty());
                let columns = self.alias_columns(alias, output);
                self.add_relation(alias.name.value.clone(), columns);
            }
            TableFactor::Derived { subquery, alias: None, .. } => {
                self.query(subquery, true);
                self.mistake(
                    subquery.span().start,
                    "副問い合わせに名前がありません",
                    "「) a」のように名前を付けてください",
                );
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => self.joined(table_with_joins),
            other => self.refuse(true, other.span().start, "この形の表"),
        }
    }

    fn table(&mut self, name: &ObjectName, alias: Option<&TableAlias>) {
        let parts: Vec<&Ident> = name.0.iter().filter_map(|part| part.as_ident()).collect();
        let [table] = parts[..] else {
            self.refuse(true, name.span().start, "「.」の付いた表の名前");
            return;
        };
        if let Some(alias) = alias.filter(|a| !a.columns.is_empty()) {
            self.refuse(true, alias.name.span.start, "表の列の付け替え");
        }
        let columns = self.columns_of(table);
        let alias = alias.map_or(&table.value, |a| &a.name.value);
        self.add_relation(alias.clone(), columns);
    }
}
