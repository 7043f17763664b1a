//! Rows of views that several computations over one connection need: computed once, kept in temporary tables.
//!
//! Owns: those tables. Never: decides which views are worth it; keeps rows longer than what they were computed from stands
//! (whoever had them computed drops them).

use super::open::dialect_sql;
use super::select::Selection;
use super::{Conn, Dialect, Result, ddl, quote};

/// What is computed already, for the selections of the same connection, base date and municipality.
#[derive(Debug, Default)]
pub struct Shared {
    /// Names of the views; the table of each is numbered by its place here.
    views: Vec<String>,
}

impl Shared {
    /// Computes the view of a selection without filter and order, from what is computed already where it reads that.
    ///
    /// # Errors
    /// The store's; the view is then not among the computed ones.
    pub fn compute(&mut self, conn: &mut Conn, selection: &Selection<'_>) -> Result<()> {
        let view = selection.view;
        let table = table(self.views.len());
        let columns = view.columns.iter().map(|(name, ty)| format!("{} {}", quote(name), ddl::type_of(*ty)));
        let lineage = view.lineage.iter().map(|(name, _)| format!("{} INTEGER", quote(name)));
        let columns: Vec<String> = columns.chain(lineage).collect();
        let create = format!("DROP TABLE IF EXISTS {table}; CREATE TEMP TABLE {table} ({})", columns.join(", "));
        conn.script(&dialect_sql(&create, conn.dialect()))?;
        let selection = Selection { shared: Some(self), ..*selection };
        let sql = format!("INSERT INTO {table} {}", selection.rows(conn.dialect())?);
        conn.execute(&sql, &selection.params())?;
        if conn.dialect() == Dialect::Postgres {
            conn.script(&format!("ANALYZE {table}"))?;
        }
        self.views.push(view.name.clone());
        Ok(())
    }

    /// Drops the tables.
    ///
    /// # Errors
    /// The store's.
    pub fn drop(&mut self, conn: &mut Conn) -> Result<()> {
        for place in 0..std::mem::take(&mut self.views).len() {
            conn.script(&format!("DROP TABLE IF EXISTS {}", table(place)))?;
        }
        Ok(())
    }

    /// Are the rows of this view there?
    pub(super) fn has(&self, view: &str) -> bool {
        self.views.iter().any(|name| name == view)
    }

    /// The SELECT of the rows of a view that are there.
    pub(super) fn rows(&self, view: &str) -> Option<String> {
        self.views.iter().position(|name| name == view).map(|place| format!("SELECT * FROM {}", table(place)))
    }
}

fn table(place: usize) -> String {
    format!("shared_{place}")
}
