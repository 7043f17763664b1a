//! One portable SELECT: what a view may say so that it runs unchanged on SQLite and PostgreSQL.
//!
//! Owns: the subset, the tables a SELECT names, its output columns, and the check of names against a catalogue.
//! Never: runs or rewrites SQL, infers types.
//!
//! # What may be written
//! `WITH` (not recursive), joins, sub-selects, `UNION [ALL]`, `EXCEPT`, `INTERSECT`, `GROUP BY`, `HAVING`, windows,
//! `CASE`, `CAST(… AS TEXT | INTEGER | BIGINT)` and the functions of [`FUNCTIONS`]. No `LIKE` (case differs), no `*`
//! but in `count(*)`, no comments, no binds. A name with an ASCII capital or a sign goes in `"…"`: PostgreSQL folds it.

use sqlparser::ast::{
    Cte, Distinct, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, LimitClause,
    ObjectName, OrderBy, OrderByKind, Query as Sql, Select, SelectItem, SetExpr, SetOperator,
    SetQuantifier, Spanned, TableAlias, TableFactor, TableWithJoins,
};
use sqlparser::dialect::Dialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};

use super::ExprError;
use super::query_scope::Walk;

/// Longest SELECT, in characters.
pub const MAX_SQL: usize = 20_000;
/// Deepest nesting of parentheses and sub-selects.
pub const MAX_SQL_DEPTH: usize = 40;
/// Functions that mean the same on both databases.
pub const FUNCTIONS: [&str; 20] = [
    "abs", "coalesce", "count", "dense_rank", "first_value", "lag", "last_value", "lead", "length", "ltrim", "max",
    "min", "nullif", "rank", "replace", "row_number", "rtrim", "substr", "sum", "trim",
];

/// Answers for the tables a SELECT may name.
pub trait Catalogue {
    /// Columns of the table; `Some(None)` when the table exists and its columns are not known.
    fn columns(&self, table: &str) -> Option<Option<Vec<String>>>;

    /// Every table, for a did-you-mean hint.
    fn tables(&self) -> Vec<String>;
}

/// What a SELECT was found to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Tables it names directly (no names of its own `WITH`), in order of first use.
    pub tables: Vec<String>,
    /// Names of its output columns.
    pub columns: Vec<String>,
}

/// Reads one SELECT and checks every name.
///
/// # Errors
/// Of mistakes of form the first one, else every mistake of names and of the subset.
pub fn read(sql: &str, catalogue: &dyn Catalogue) -> Result<Query, Vec<ExprError>> {
    let parsed = parse(sql).map_err(|e| vec![e])?;
    let mut walk = Walk::new(catalogue);
    let columns = walk.query(&parsed, true);
    let mut names = Vec::new();
    for (name, at) in columns {
        match name {
            Some(name) if names.contains(&name) => {
                walk.mistake(at, format!("列「{name}」が2つあります"), "AS で別の名前を付けてください");
            }
            Some(name) => names.push(name),
            None => walk.mistake(at, "列に名前がありません", "AS で名前を付けてください"),
        }
    }
    if walk.errors.is_empty() {
        Ok(Query { tables: walk.tables, columns: names })
    } else {
        Err(walk.errors)
    }
}

/// Tables a SELECT names directly, in order of first use; nothing is checked against a catalogue.
///
/// # Errors
/// As [`read`], but for unknown names.
pub fn table_names(sql: &str) -> Result<Vec<String>, Vec<ExprError>> {
    struct Anything;
    impl Catalogue for Anything {
        fn columns(&self, _: &str) -> Option<Option<Vec<String>>> {
            Some(None)
        }
        fn tables(&self) -> Vec<String> {
            Vec::new()
        }
    }
    read(sql, &Anything).map(|query| query.tables)
}

/// Names as both databases read them: anything beyond ASCII but spaces is a letter.
#[derive(Debug)]
struct Portable;

impl Dialect for Portable {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_ascii_alphabetic() || ch == '_' || (!ch.is_ascii() && !ch.is_whitespace())
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        self.is_identifier_start(ch) || ch.is_ascii_digit()
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }
}

/// A mistake at a place; an unknown place is the beginning.
fn mistake(at: Location, message: impl Into<String>, hint: impl Into<String>) -> ExprError {
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).max(1);
    ExprError { line: count(at.line), column: count(at.column), message: message.into(), hint: hint.into() }
}

fn parse(sql: &str) -> Result<Sql, ExprError> {
    let start = Location::new(1, 1);
    if sql.chars().nth(MAX_SQL).is_some() {
        return Err(mistake(start, format!("SQL が長すぎます（上限{MAX_SQL}文字）"), "ビューを分けてください"));
    }
    let tokens = Tokenizer::new(&Portable, sql).tokenize_with_location().map_err(|e| {
        mistake(e.location, "ここから先を読み取れません", "引用符の閉じ忘れ、全角の記号がないか見てください")
    })?;
    tokens.iter().try_for_each(refuse_token)?;
    refuse_depth(&tokens)?;
    let first = tokens.iter().find(|t| !matches!(t.token, Token::Whitespace(_)));
    let leading = first.map(|t| (t.token.to_string().to_ascii_uppercase(), t.span.start));
    if !leading.as_ref().is_some_and(|(word, _)| word == "SELECT" || word == "WITH") {
        let at = leading.map_or(start, |(_, at)| at);
        return Err(mistake(at, "SELECT だけを書けます", "SELECT か WITH で始めてください"));
    }
    let mut parser = Parser::new(&Portable)
        .with_recursion_limit(MAX_SQL_DEPTH * 8)
        .with_tokens_with_locations(tokens.clone());
    let query = parser.parse_query().map_err(|e| syntax_mistake(&e, &tokens))?;
    let rest = parser.peek_token_ref();
    if rest.token != Token::EOF {
        let message = format!("「{}」の所で SELECT の形が崩れています", rest.token);
        return Err(mistake(rest.span.start, message, "SELECT は一つだけ書いてください"));
    }
    Ok(*query)
}

fn refuse_token(token: &TokenWithSpan) -> Result<(), ExprError> {
    let (message, hint) = match &token.token {
        Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => {
            ("SQL の中に注釈は書けません", "TOML の # の注釈を使ってください")
        }
        Token::SemiColon => ("「;」は使えません", "SELECT は一つだけ書いてください"),
        Token::Placeholder(_) => ("置き換え記号（?、$1 など）は使えません", "実行 の列か値を書いてください"),
        Token::DoubleEq => ("「==」は使えません", "「=」と書いてください"),
        Token::Char(c) => {
            let hint = "空白・括弧・カンマ・演算子は半角で書いてください";
            return Err(mistake(token.span.start, format!("文字「{c}」は使えません"), hint));
        }
        Token::Word(word) if word.quote_style.is_none() => {
            let japanese = !word.value.is_ascii();
            if japanese && word.value.contains(|c: char| c.is_ascii_uppercase()) {
                let message = format!("名前「{}」に引用符がありません", word.value);
                let hint = format!("英大文字を含む名前は \"{}\" と書いてください", word.value);
                return Err(mistake(token.span.start, message, hint));
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    Err(mistake(token.span.start, message, hint))
}

fn refuse_depth(tokens: &[TokenWithSpan]) -> Result<(), ExprError> {
    let (mut open, mut prefixes) = (0usize, 0usize);
    for token in tokens {
        match &token.token {
            Token::LParen => (open, prefixes) = (open + 1, 0),
            Token::RParen => (open, prefixes) = (open.saturating_sub(1), 0),
            Token::Minus | Token::Plus => prefixes += 1,
            Token::Whitespace(_) => {}
            Token::Word(word) if word.quote_style.is_none() => {
                match word.value.to_ascii_uppercase().as_str() {
                    "CASE" => (open, prefixes) = (open + 1, 0),
                    "END" => (open, prefixes) = (open.saturating_sub(1), 0),
                    "NOT" => prefixes += 1,
                    _ => prefixes = 0,
                }
            }
            _ => prefixes = 0,
        }
        if open + prefixes > MAX_SQL_DEPTH {
            let message = format!("入れ子が深すぎます（上限{MAX_SQL_DEPTH}段）");
            return Err(mistake(token.span.start, message, "ビューを分けてください"));
        }
    }
    Ok(())
}

fn syntax_mistake(error: &ParserError, tokens: &[TokenWithSpan]) -> ExprError {
    let hint = "括弧の数、カンマ、ON・AND、CASE … END の形を確かめてください";
    let text = match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => "",
    };
    let place = text.rsplit_once(" at Line: ").and_then(|(_, tail)| {
        let (line, column) = tail.split_once(", Column: ")?;
        Some(Location::new(line.trim().parse().ok()?, column.trim().parse().ok()?))
    });
    match place.and_then(|at| tokens.iter().find(|t| t.span.start == at)) {
        Some(token) if token.token != Token::EOF => {
            mistake(token.span.start, format!("「{}」の所で SELECT の形が崩れています", token.token), hint)
        }
        _ => {
            let end = tokens.iter().rev().find(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
            let at = end.map_or(Location::new(1, 1), |t| t.span.start);
            mistake(at, "SELECT が途中で終わっています", hint)
        }
    }
}

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
            with, body, order_by, limit_clause, fetch, locks, for_clause, settings, format_clause, pipe_operators,
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
                self.mistake(subquery.span().start, "副問い合わせに名前がありません", "「) a」のように名前を付けてください");
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

#[cfg(test)]
mod tests;
