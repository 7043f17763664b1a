//! A source: a view with its condition, as the streets read it.
//!
//! Owns: handing a compiled condition to the store. Never: writes SQL itself.

use std::sync::Arc;

use super::HubError;
use crate::expr::Expr;
use crate::mapping::site::Site;
use crate::schema::view::View;
use crate::store::select::{Filter, Selection, value_of_part};
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
}

impl Source<'_> {
    /// Every row in order, in bounded memory: the view's columns, then its lineage columns.
    pub fn each(&self, conn: &mut Conn, f: impl FnMut(&[Value<'_>]) -> Result<(), StoreError>) -> Result<(), HubError> {
        self.select(conn, |selection, conn| selection.each(conn, f))
    }

    /// The different values of some text columns, at most `limit`.
    pub fn distinct(&self, conn: &mut Conn, columns: &[usize], limit: usize) -> Result<Vec<Vec<String>>, HubError> {
        self.select(conn, |selection, conn| selection.distinct(conn, columns, limit))
    }

    fn select<T>(
        &self,
        conn: &mut Conn,
        work: impl FnOnce(&Selection<'_>, &mut Conn) -> Result<T, StoreError>,
    ) -> Result<T, HubError> {
        let entities: Vec<_> = self.site.entities.values().cloned().collect();
        let views: Vec<Arc<View>> = self.site.views.values().cloned().collect();
        // The selection's own two placeholders come first; the condition's are numbered after them.
        let mut binds = vec![OwnedValue::Null; Filter::FIRST - 1];
        let name = |slot: u32| self.view.columns.get(slot as usize).map_or_else(String::new, |(name, _)| quote(name));
        let sql = match self.filter {
            Some(expr) => {
                Some(expr.to_sql(conn.dialect(), &name, &mut binds).map_err(|e| HubError::Rules(e.to_string()))?)
            }
            None => None,
        };
        let mut sql = sql;
        for (column, value) in self.part {
            binds.push(OwnedValue::Text((*value).to_owned()));
            let placeholder = match conn.dialect() {
                Dialect::Sqlite => "?".to_owned(),
                Dialect::Postgres => format!("${}::text", binds.len()),
            };
            let equal = format!("{} = {placeholder}", value_of_part(&self.view.columns[*column].0));
            sql = Some(sql.map_or_else(|| equal.clone(), |sql| format!("{sql} AND {equal}")));
        }
        let params: Vec<Value<'_>> = binds.iter().skip(Filter::FIRST - 1).map(OwnedValue::as_value).collect();
        let filter = sql.as_ref().map(|sql| Filter { sql, params: &params });
        let selection = Selection {
            view: self.view,
            entities: &entities,
            views: &views,
            base_date: self.base_date,
            dantai: self.dantai,
            filter,
            order: self.order,
        };
        Ok(work(&selection, conn)?)
    }
}
