//! Where the values of a SELECT's output columns come from: which columns of which tables may show in them.
//!
//! Owns: that question, answered for SELECTs that [`super::query`] has accepted. A value shows where it is passed on whole
//! or in part (`substr`, `||`, arithmetic, a branch of `CASE`, `max`); not where it is only asked about (`=`, `IS NULL`,
//! the condition of a `CASE`) or counted. Never: reports mistakes; what is not understood has no origin.

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::{
    BinaryOperator, Expr as Sql, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Select, SelectItem,
    SetExpr, TableFactor, TableWithJoins,
};

use super::query::parse;

/// Names of the columns a value may come from, in the words of who asks.
pub type Origins = BTreeSet<String>;
/// Columns of a relation in order, with their origins.
pub type Columns = Vec<(String, Origins)>;

/// Functions that say nothing of their argument but how many or how long.
const COUNTING: [&str; 5] = ["count", "row_number", "rank", "dense_rank", "length"];

/// Output columns of a SELECT with their origins; `table` answers those of the tables it names.
pub fn origins(sql: &str, table: &dyn Fn(&str) -> Columns) -> Columns {
    match parse(sql) {
        Ok(query) => Walk { table, ctes: Vec::new(), levels: Vec::new() }.query(&query),
        Err(_) => Vec::new(),
    }
}

struct Walk<'t> {
    table: &'t dyn Fn(&str) -> Columns,
    ctes: Vec<(String, Columns)>,
    /// Relations in sight, by alias, the innermost SELECT last.
    levels: Vec<Vec<(String, BTreeMap<String, Origins>)>>,
}

impl Walk<'_> {
    fn query(&mut self, query: &Query) -> Columns {
        let own = self.ctes.len();
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let columns = self.query(&cte.query);
            let columns = renamed(columns, cte.alias.columns.iter().map(|c| c.name.value.as_str()));
            self.ctes.push((cte.alias.name.value.clone(), columns));
        }
        let output = self.set(&query.body);
        self.ctes.truncate(own);
        output
    }

    fn set(&mut self, body: &SetExpr) -> Columns {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                let mut output = self.set(left);
                for ((_, origins), (_, more)) in output.iter_mut().zip(self.set(right)) {
                    origins.extend(more);
                }
                output
            }
            _ => Vec::new(),
        }
    }

    fn select(&mut self, select: &Select) -> Columns {
        self.levels.push(Vec::new());
        for table in &select.from {
            self.joined(table);
        }
        let mut output = Columns::new();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let name = match expr {
                        Sql::Identifier(name) => name.value.clone(),
                        Sql::CompoundIdentifier(parts) => parts.last().map(|p| p.value.clone()).unwrap_or_default(),
                        _ => String::new(),
                    };
                    output.push((name, self.expr(expr)));
                }
                SelectItem::ExprWithAlias { expr, alias } => output.push((alias.value.clone(), self.expr(expr))),
                _ => {}
            }
        }
        self.levels.pop();
        output
    }

    fn joined(&mut self, table: &TableWithJoins) {
        self.relation(&table.relation);
        for join in &table.joins {
            self.relation(&join.relation);
        }
    }

    fn relation(&mut self, factor: &TableFactor) {
        let (alias, columns) = match factor {
            TableFactor::Table { name, alias, .. } => {
                let name = name.0.last().and_then(|part| part.as_ident()).map(|i| i.value.clone()).unwrap_or_default();
                let own = self.ctes.iter().rev().find(|(cte, _)| *cte == name).map(|(_, columns)| columns.clone());
                let columns = own.unwrap_or_else(|| (self.table)(&name));
                (alias.as_ref().map_or(name, |a| a.name.value.clone()), columns)
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let columns = self.query(subquery);
                let names = alias.iter().flat_map(|a| &a.columns).map(|c| c.name.value.as_str());
                let columns = renamed(columns, names);
                (alias.as_ref().map(|a| a.name.value.clone()).unwrap_or_default(), columns)
            }
            TableFactor::NestedJoin { table_with_joins, .. } => return self.joined(table_with_joins),
            _ => return,
        };
        if let Some(level) = self.levels.last_mut() {
            level.push((alias, columns.into_iter().collect()));
        }
    }

    fn expr(&mut self, expr: &Sql) -> Origins {
        let (mut expr, mut found) = (expr, Origins::new());
        // Chains lean to the left; walking them in a loop keeps the stack small.
        while let Sql::BinaryOp { left, op, right } = expr {
            if !passes_on(op) {
                return found;
            }
            found.extend(self.expr(right));
            expr = left;
        }
        found.extend(self.single(expr));
        found
    }

    fn single(&mut self, expr: &Sql) -> Origins {
        match expr {
            Sql::Identifier(name) => self.column(None, &name.value),
            Sql::CompoundIdentifier(parts) => match &parts[..] {
                [table, column] => self.column(Some(&table.value), &column.value),
                _ => Origins::new(),
            },
            Sql::Nested(inner) | Sql::UnaryOp { expr: inner, .. } | Sql::Cast { expr: inner, .. } => self.expr(inner),
            Sql::Trim { expr: inner, .. } | Sql::Substring { expr: inner, .. } => self.expr(inner),
            Sql::Case { conditions, else_result, .. } => {
                let results = conditions.iter().map(|branch| &branch.result).chain(else_result.as_deref());
                results.flat_map(|result| self.expr(result)).collect()
            }
            Sql::Subquery(query) => self.query(query).into_iter().flat_map(|(_, origins)| origins).collect(),
            Sql::Function(function) => self.function(function),
            _ => Origins::new(),
        }
    }

    fn function(&mut self, function: &Function) -> Origins {
        let name = function.name.to_string().to_ascii_lowercase();
        let FunctionArguments::List(list) = &function.args else { return Origins::new() };
        if COUNTING.contains(&name.as_str()) {
            return Origins::new();
        }
        let args = list.args.iter().filter_map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        });
        args.flat_map(|arg| self.expr(arg)).collect()
    }

    fn column(&self, table: Option<&str>, column: &str) -> Origins {
        let mut relations = self.levels.iter().rev().flatten();
        let found = relations.find_map(|(alias, columns)| {
            if table.is_some_and(|table| table != alias) {
                return None;
            }
            columns.get(column)
        });
        found.cloned().unwrap_or_default()
    }
}

/// Does the result of the operator show its operands?
fn passes_on(op: &BinaryOperator) -> bool {
    use BinaryOperator as B;
    !matches!(op, B::Eq | B::NotEq | B::Lt | B::LtEq | B::Gt | B::GtEq | B::And | B::Or)
}

fn renamed<'n>(mut columns: Columns, names: impl Iterator<Item = &'n str>) -> Columns {
    for ((name, _), new) in columns.iter_mut().zip(names) {
        new.clone_into(name);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> Vec<Vec<String>> {
        let table = |name: &str| {
            let column = |c: &str| (c.to_owned(), Origins::from([format!("{name}.{c}")]));
            vec![column("a"), column("b"), column("k")]
        };
        origins(sql, &table).into_iter().map(|(_, origins)| origins.into_iter().collect()).collect()
    }

    #[test]
    fn a_value_is_followed_through_aliases_parts_branches_unions_and_subselects() {
        assert_eq!(of("SELECT x.a, b || '-' || substr(x.a, 1, 2) AS c FROM t x"), [vec!["t.a"], vec!["t.a", "t.b"]]);
        assert_eq!(of("WITH w AS (SELECT a AS z FROM t) SELECT max(z) AS m FROM w"), [["t.a"]]);
        assert_eq!(of("SELECT a FROM t UNION ALL SELECT b FROM u"), [["t.a", "u.b"]]);
        assert_eq!(of("SELECT (SELECT u.b FROM u WHERE u.k = t.k) AS s FROM t"), [["u.b"]]);
        assert_eq!(of("SELECT CASE WHEN t.a = '1' THEN t.b ELSE t.k END AS c FROM t"), [["t.b", "t.k"]]);
        assert_eq!(of("SELECT s.q FROM (SELECT coalesce(b, a) AS q FROM t) s"), [["t.a", "t.b"]]);
    }

    #[test]
    fn asking_about_a_value_or_counting_it_shows_nothing_of_it() {
        let none: [Vec<String>; 1] = [Vec::new()];
        assert_eq!(of("SELECT CASE WHEN a IS NULL THEN '0' ELSE '1' END AS c FROM t"), none);
        assert_eq!(of("SELECT count(a) AS n FROM t"), none);
        assert_eq!(of("SELECT length(a) AS n FROM t"), none);
    }
}
