//! Runs views: entities, nested views and the run's own values become WITH clauses around the view's SELECT.
//!
//! Entities offer key columns from the pointer table and the others from the versions, so that joins on keys use the pointers'
//! primary key and joins on other columns the versions' secondary indexes. Both databases give the same rows in the same
//! order: text sorts by code point (COLLATE "C"; SQLite's BINARY), NULL first.

use std::io::Write;
use std::sync::Arc;

use super::shared::Shared;
use super::{Conn, Dialect, Result, StoreError, quote, relation};
use crate::schema::entity::Entity;
use crate::schema::relation::BuiltIn;
use crate::schema::view::View;
use crate::value::{Type, Value};

/// A condition over the view's columns, rendered by the expression module.
#[derive(Debug, Clone, Copy)]
pub struct Filter<'a> {
    /// SQL with columns by quoted name and placeholders from `?`[`Filter::FIRST`] on.
    pub sql: &'a str,
    /// Values of the placeholders.
    pub params: &'a [Value<'a>],
}

impl Filter<'_> {
    /// Number of the first placeholder a filter may use.
    pub const FIRST: usize = 3;
}

/// What to select.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// From which view.
    pub view: &'a View,
    /// All entities of the site.
    pub entities: &'a [Arc<Entity>],
    /// All views of the site.
    pub views: &'a [Arc<View>],
    /// 実行.基準日, ISO.
    pub base_date: &'a str,
    /// 実行.団体コード; only this municipality's rows are seen.
    pub dantai: &'a str,
    /// Only rows for which this is true.
    pub filter: Option<Filter<'a>>,
    /// ORDER BY: indexes of view columns. For the same file every time it must tell any two rows apart.
    pub order: &'a [usize],
    /// What is computed already over the connection that will select.
    pub shared: Option<&'a Shared>,
}

impl Selection<'_> {
    /// Every row in order, in bounded memory: the view's columns, then its lineage columns (version numbers or NULL).
    ///
    /// # Errors
    /// The store's, or `f`'s; the view names what is not there (refused when schemas are loaded).
    pub fn each(&self, conn: &mut Conn, f: impl FnMut(&[Value<'_>]) -> Result<()>) -> Result<()> {
        let mut sql = self.rows(conn.dialect())?;
        for (i, column) in self.order.iter().enumerate() {
            let (name, ty) = &self.view.columns[*column];
            sql.push_str(if i == 0 { " ORDER BY " } else { ", " });
            sql.push_str(&quote(name));
            if conn.dialect() == Dialect::Postgres && matches!(ty, Type::Text | Type::Date) {
                sql.push_str(" COLLATE \"C\"");
            }
            sql.push_str(" ASC NULLS FIRST");
        }
        conn.for_each(&sql, &self.params(), f)
    }

    /// The steps in which SQLite would go about it, in its own words. A join that scans costs the square of the rows.
    ///
    /// # Errors
    /// As [`Selection::each`].
    pub fn steps(&self, conn: &mut Conn) -> Result<Vec<String>> {
        let sql = format!("EXPLAIN QUERY PLAN {}", self.sql("*", conn.dialect())?);
        conn.query(&sql, &self.params(), |row| row.string(3))
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// As [`Selection::each`].
    pub fn count(&self, conn: &mut Conn) -> Result<u64> {
        let sql = self.sql("count(*)", conn.dialect())?;
        conn.query_one(&sql, &self.params(), |r| r.count(0))
    }

    /// The different values of some text columns, in order; NULL counts as empty. At most `limit` of them.
    ///
    /// # Errors
    /// As [`Selection::each`].
    pub fn distinct(&self, conn: &mut Conn, columns: &[usize], limit: usize) -> Result<Vec<Vec<String>>> {
        let names: Vec<String> = columns.iter().map(|c| value_of_part(&self.view.columns[*c].0)).collect();
        let numbers: Vec<String> = (1..=columns.len()).map(|n| n.to_string()).collect();
        let what = format!("DISTINCT {}", names.join(", "));
        let sql = format!("{} ORDER BY {} LIMIT {limit}", self.sql(&what, conn.dialect())?, numbers.join(", "));
        let mut found = Vec::new();
        conn.for_each(&sql, &self.params(), |values| {
            found.push(values.iter().map(Value::to_string).collect());
            Ok(())
        })?;
        found.sort();
        Ok(found)
    }

    /// SQL of every row, in no order: the view's columns, then its lineage columns.
    pub(super) fn rows(&self, dialect: Dialect) -> Result<String> {
        let names = self.view.columns.iter().map(|(name, _)| name);
        let names: Vec<String> =
            names.chain(self.view.lineage.iter().map(|(name, _)| name)).map(|n| quote(n)).collect();
        self.sql(&names.join(", "), dialect)
    }

    pub(super) fn params(&self) -> Vec<Value<'_>> {
        let mut params = vec![Value::Text(self.base_date), Value::Text(self.dantai)];
        params.extend(self.filter.iter().flat_map(|f| f.params));
        params
    }

    /// WITH … SELECT `what` FROM the view WHERE the filter.
    fn sql(&self, what: &str, dialect: Dialect) -> Result<String> {
        let mut with = format!(
            "WITH {}(\"基準日\", \"団体コード\") AS (SELECT CAST(?1 AS TEXT), CAST(?2 AS TEXT))",
            quote(BuiltIn::Run.name())
        );
        let mut done = Vec::new();
        self.add_view(self.view, dialect, &mut done, &mut Vec::new(), &mut with)?;
        let mut sql = format!("{with} SELECT {what} FROM {}", quote(&self.view.name));
        if let Some(filter) = self.filter {
            sql.push_str(&format!(" WHERE {}", filter.sql));
        }
        Ok(sql)
    }

    /// Adds a view after everything it uses, each once.
    fn add_view<'a>(
        &'a self,
        view: &'a View,
        dialect: Dialect,
        done: &mut Vec<&'a str>,
        open: &mut Vec<&'a str>,
        with: &mut String,
    ) -> Result<()> {
        if open.contains(&view.name.as_str()) {
            return Err(StoreError::unexpected(format!("ビュー「{}」が自分自身を使っています", view.name)));
        }
        if let Some(rows) = self.shared.and_then(|shared| shared.rows(&view.name)) {
            done.push(&view.name);
            with.push_str(&format!(", {} AS NOT MATERIALIZED ({rows})", quote(&view.name)));
            return Ok(());
        }
        open.push(&view.name);
        for name in &view.uses {
            if name == BuiltIn::Run.name() || done.contains(&name.as_str()) {
                continue;
            }
            if let Some(relation) = BuiltIn::named(name) {
                with.push_str(&relation::clause(relation, dialect));
                done.push(name);
            } else if let Some(entity) = self.entities.iter().find(|e| e.name == *name) {
                with.push_str(&entity_clause(entity, dialect));
                done.push(name);
            } else if let Some(used) = self.views.iter().find(|v| v.name == *name) {
                self.add_view(used, dialect, done, open, with)?;
            } else {
                return Err(StoreError::Missing {
                    what: format!("「{name}」（ビュー「{}」が使う表）", view.name)
                });
            }
        }
        open.pop();
        done.push(&view.name);
        let sql = view.sql.trim().trim_end_matches(';');
        let hint = if self.users(&view.name) > 1 { "MATERIALIZED" } else { "NOT MATERIALIZED" };
        with.push_str(&format!(", {} AS {hint} (\n{sql}\n)", quote(&view.name)));
        Ok(())
    }

    /// How many of the views this selection needs use `name`. What two of them use is computed once; what one of them uses
    /// becomes part of it, so that its conditions reach the tables.
    fn users(&self, name: &str) -> usize {
        let (mut users, mut seen, mut open) = (0, Vec::new(), vec![self.view]);
        while let Some(view) = open.pop() {
            if seen.contains(&view.name.as_str()) || self.shared.is_some_and(|shared| shared.has(&view.name)) {
                continue;
            }
            seen.push(&view.name);
            users += usize::from(view.uses.iter().any(|used| used == name));
            open.extend(self.views.iter().map(Arc::as_ref).filter(|other| view.uses.contains(&other.name)));
        }
        users
    }
}

/// SQL of a text column that cuts a draft into files: NULL counts as empty.
pub fn value_of_part(column: &str) -> String {
    format!("COALESCE({}, '')", quote(column))
}

/// `, "住民" AS NOT MATERIALIZED (SELECT …)`: the rows of an entity that stand.
fn entity_clause(entity: &Entity, dialect: Dialect) -> String {
    let columns: Vec<String> = entity
        .columns
        .iter()
        .enumerate()
        .map(|(i, c)| format!("{}.{}", if entity.key.contains(&i) { "c" } else { "v" }, quote(&c.name)))
        .collect();
    let mut on = "v._vid = c._vid".to_owned();
    if dialect == Dialect::Sqlite {
        // Says nothing new, but lets SQLite go from a version it found by a secondary index to the pointer. PostgreSQL
        // would multiply the selectivities and expect a single row; it hashes instead.
        for k in &entity.key {
            let name = quote(&entity.columns[*k].name);
            on.push_str(&format!(" AND v.{name} = c.{name}"));
        }
    }
    format!(
        ", {} AS NOT MATERIALIZED (SELECT {}, c._vid AS _v FROM {} c JOIN {} v ON {on} WHERE c._dantai = ?2)",
        quote(&entity.name),
        columns.join(", "),
        quote(&format!("c_{}", entity.id)),
        quote(&format!("v_{}", entity.id)),
    )
}

/// What stands, as text, for comparing two stores: per entity a line `# id`, then per row in key order the municipality, record,
/// byte offset, length and every value, separated by tabs; NULL is `\N`. Version numbers are left out: they are the store's own.
///
/// # Errors
/// The store's; writing fails ([`StoreError::Unexpected`]).
pub fn dump<'a>(conn: &mut Conn, entities: impl IntoIterator<Item = &'a Entity>, out: &mut dyn Write) -> Result<()> {
    let failed = |e: std::io::Error| StoreError::unexpected(format!("書き出し: {e}"));
    for entity in entities {
        writeln!(out, "# {}", entity.id).map_err(failed)?;
        let columns: Vec<String> = entity.columns.iter().map(|c| format!("v.{}", quote(&c.name))).collect();
        let key: Vec<String> = entity.key.iter().map(|k| format!("c.{}", quote(&entity.columns[*k].name))).collect();
        let sql = format!(
            "SELECT c._dantai, v._rec, v._off, v._len, {} FROM {} c JOIN {} v ON v._vid = c._vid ORDER BY c._dantai, {}",
            columns.join(", "),
            quote(&format!("c_{}", entity.id)),
            quote(&format!("v_{}", entity.id)),
            key.join(", ")
        );
        let mut line = String::new();
        conn.for_each(&sql, &[], |values| {
            line.clear();
            for value in values {
                match value {
                    Value::Null => line.push_str("\\N"),
                    value => line.push_str(&value.to_string()),
                }
                line.push('\t');
            }
            writeln!(out, "{}", line.trim_end_matches('\t')).map_err(failed)
        })?;
    }
    Ok(())
}
