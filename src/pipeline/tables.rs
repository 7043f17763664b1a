//! The declared tables of a day's report: `schemas/tables/<id>.toml` names a view and a title; its rows are shown.
//!
//! Owns: running those views. Never: knows what they compare.

use super::source::Source;
use super::{Hub, HubError};
use crate::report::day::{Column, ColumnKind, TableReport};
use crate::store::StoreError;
use crate::value::Type;

/// Most rows of one table.
const ROWS: usize = 1_000;

/// The tables for a day, in the order of their ids.
pub fn tables(hub: &mut Hub, day: &str) -> Result<Vec<TableReport>, HubError> {
    let site = hub.site.clone();
    let dantai = hub.dantai().to_owned();
    let mut tables = Vec::new();
    for table in site.tables.values() {
        let columns =
            table.view.columns.iter().map(|(name, ty)| Column { title: name.clone(), kind: kind(name, *ty) }).collect();
        let mut rows = Vec::new();
        let order: Vec<usize> = (0..table.view.columns.len()).collect();
        let source = Source {
            site: &site,
            view: &table.view,
            filter: None,
            part: &[],
            order: &order,
            dantai: &dantai,
            base_date: day,
        };
        let mut note = table.note.clone();
        let done = source.each(&mut hub.conn, |values| {
            if rows.len() == ROWS {
                return Err(StoreError::Stopped);
            }
            rows.push(values[..table.view.columns.len()].iter().map(ToString::to_string).collect());
            Ok(())
        });
        match done {
            Ok(()) => {}
            Err(HubError::Store(StoreError::Stopped)) => note += &format!("（先頭 {ROWS} 行）"),
            Err(e) => return Err(e),
        }
        tables.push(TableReport { title: table.title.clone(), columns, rows, note });
    }
    Ok(tables)
}

/// By the column's name: 差… ought to be 0, …額 is yen, any other number a count.
fn kind(name: &str, ty: Type) -> ColumnKind {
    match ty {
        Type::Int if name.starts_with('差') => ColumnKind::Difference,
        Type::Int if name.ends_with('額') => ColumnKind::Amount,
        Type::Int => ColumnKind::Count,
        _ => ColumnKind::Text,
    }
}
