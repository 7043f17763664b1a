//! A source: a view with its condition, as the streets read it.
//!
//! Owns: handing a compiled condition to the store. Never: writes SQL itself.

use std::sync::Arc;

use super::HubError;
use crate::expr::Expr;
use crate::mapping::site::Site;
use crate::schema::view::View;
use crate::store::select::{Filter, Selection, value_of_part};
use crate::store::shared::Shared;
use crate::store::{Conn, Dialect, StoreError, quote};
use crate::value::{OwnedValue, Value};

/// What to read.
pub struct Source<'a> {
    /// The site, for entities and nested views.
    pub site: &'a Site,
    /// The view.
    pub view: &'a View,
    /// Only rows for which this is true (slot = column index).
    pub filter: Option<&'a Expr>,
    /// ORDER BY: indexes of view columns.
    pub order: &'a [usize],
    /// Only rows whose text columns have these values (empty: or NULL).
    pub part: &'a [(usize, &'a str)],
    /// Municipality.
    pub dantai: &'a str,
    /// 実行.基準日, ISO.
    pub base_date: &'a str,
    /// What is computed already over the connection that will read.
    pub shared: Option<&'a Shared>,
}

impl Source<'_> {
    /// Every row in order, in bounded memory: the view's columns, then its lineage columns.
    pub fn each(&self, conn: &mut Conn, f: impl FnMut(&[Value<'_>]) -> Result<(), StoreError>) -> Result<(), HubError> {
        let conditions: Vec<&Expr> = self.filter.into_iter().collect();
        self.each_where(conn, &conditions, &|_| None, f)
    }

    /// [`Source::each`] where all of `conditions` are true; `bound` gives the value of a slot that is no column.
    pub fn each_where(
        &self,
        conn: &mut Conn,
        conditions: &[&Expr],
        bound: &dyn Fn(u32) -> Option<OwnedValue>,
        f: impl FnMut(&[Value<'_>]) -> Result<(), StoreError>,
    ) -> Result<(), HubError> {
        self.select(conn, conditions, bound, |selection, conn| selection.each(conn, f))
    }

    /// The different values of some text columns, at most `limit`.
    pub fn distinct(&self, conn: &mut Conn, columns: &[usize], limit: usize) -> Result<Vec<Vec<String>>, HubError> {
        let conditions: Vec<&Expr> = self.filter.into_iter().collect();
        self.select(conn, &conditions, &|_| None, |selection, conn| selection.distinct(conn, columns, limit))
    }

    /// Computes the rows for the selections to come over the same connection; no filter applies.
    pub fn share(&self, conn: &mut Conn, shared: &mut Shared) -> Result<(), HubError> {
        self.select(conn, &[], &|_| None, |selection, conn| shared.compute(conn, selection))
    }

    fn select<T>(
        &self,
        conn: &mut Conn,
        conditions: &[&Expr],
        bound: &dyn Fn(u32) -> Option<OwnedValue>,
        work: impl FnOnce(&Selection<'_>, &mut Conn) -> Result<T, StoreError>,
    ) -> Result<T, HubError> {
        let entities: Vec<_> = self.site.entities.values().cloned().collect();
        let views: Vec<Arc<View>> = self.site.views.values().cloned().collect();
        // The selection's own two placeholders come first; the conditions' are numbered after them.
        let mut binds = vec![OwnedValue::Null; Filter::FIRST - 1];
        let name = |slot: u32| match (self.view.columns.get(slot as usize), bound(slot)) {
            (Some((name, _)), _) => quote(name),
            (None, Some(value)) => literal(&value),
            (None, None) => String::new(),
        };
        let mut parts = Vec::new();
        for expr in conditions {
            let sql = expr.to_sql(conn.dialect(), &name, &mut binds).map_err(|e| HubError::Rules(e.to_string()))?;
            parts.push(sql);
        }
        for (column, value) in self.part {
            binds.push(OwnedValue::Text((*value).to_owned()));
            let placeholder = match conn.dialect() {
                Dialect::Sqlite => "?".to_owned(),
                Dialect::Postgres => format!("${}::text", binds.len()),
            };
            parts.push(format!("{} = {placeholder}", value_of_part(&self.view.columns[*column].0)));
        }
        let sql = parts.join(" AND ");
        let params: Vec<Value<'_>> = binds.iter().skip(Filter::FIRST - 1).map(OwnedValue::as_value).collect();
        let filter = (!parts.is_empty()).then_some(Filter { sql: &sql, params: &params });
        let selection = Selection {
            view: self.view,
            entities: &entities,
            views: &views,
            base_date: self.base_date,
            dantai: self.dantai,
            filter,
            order: self.order,
            shared: self.shared,
        };
        Ok(work(&selection, conn)?)
    }
}

/// A value as SQL writes it. Expressions name their own literals by position, so a value that stands for a name cannot be
/// a placeholder too; both databases read a doubled `'` as one and nothing else specially (`standard_conforming_strings`).
fn literal(value: &OwnedValue) -> String {
    match value {
        OwnedValue::Null => "NULL".to_owned(),
        OwnedValue::Text(text) => format!("CAST('{}' AS TEXT)", text.replace('\'', "''")),
        OwnedValue::Int(n) => format!("CAST({n} AS BIGINT)"),
        OwnedValue::Bool(b) => if *b { "TRUE" } else { "FALSE" }.to_owned(),
    }
}
