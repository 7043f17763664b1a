//! The declared tables of a day's report: `schemas/tables/<id>.toml` names a view and a title; its rows are shown.
//!
//! Owns: running those views. Never: knows what they compare.

use super::source::Source;
use super::{Hub, HubError};
use crate::mapping::load_table::DayTable;
use crate::mapping::site::Site;
use crate::report::day::{Column, ColumnKind, TableReport};
use crate::schema::relation::BuiltIn;
use crate::store::{Conn, StoreError, run};
use crate::value::Type;

/// Most rows of one table.
const ROWS: usize = 1_000;

/// The tables of a day as they were computed last, and what stood then.
pub struct DayTables {
    day: String,
    news: Option<i64>,
    tables: Vec<TableReport>,
}

/// The tables for a day, in the order of their ids. Those that were computed last are given again while the day is the same
/// and no run has changed what stands.
pub fn tables(hub: &mut Hub, day: &str) -> Result<Vec<TableReport>, HubError> {
    let site = hub.site.clone();
    if site.tables.is_empty() {
        return Ok(Vec::new());
    }
    let dantai = hub.dantai().to_owned();
    // Asked before the tables are read: what changes meanwhile makes them old.
    let news = run::last_news(&mut hub.conn, &dantai)?;
    if let Some(last) = hub.day_tables.as_ref().filter(|last| last.day == day && last.news == news) {
        return Ok(last.tables.clone());
    }
    let plans: Vec<&DayTable> = site.tables.values().collect();
    let tables = read_all(hub, &site, &plans, &dantai, day)?;
    // What partners have changes without a run that changes what stands.
    let kept = !plans.iter().any(|plan| site.reads(&plan.view, BuiltIn::Sent.name()));
    hub.day_tables = kept.then(|| DayTables { day: day.to_owned(), news, tables: tables.clone() });
    Ok(tables)
}

/// Every other table on a second thread.
fn read_all(
    hub: &mut Hub,
    site: &Site,
    plans: &[&DayTable],
    dantai: &str,
    day: &str,
) -> Result<Vec<TableReport>, HubError> {
    let mut beside = hub.spare()?;
    // The worker's own keeps as many pages as ever.
    beside.bound_cache(Conn::CACHE_MIB / 2)?;
    let conn = &mut beside;
    let (here, there) = std::thread::scope(|scope| {
        let there = scope.spawn(move || {
            let plans = plans.iter().skip(1).step_by(2);
            plans.map(|plan| read(conn, site, plan, dantai, day)).collect::<Result<Vec<_>, _>>()
        });
        let plans = plans.iter().step_by(2);
        let here: Result<Vec<_>, _> = plans.map(|plan| read(&mut hub.conn, site, plan, dantai, day)).collect();
        (here, there.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let (mut here, mut there) = (here?.into_iter(), there?.into_iter());
    hub.leave(beside)?;
    let next = |n: usize| if n.is_multiple_of(2) { here.next() } else { there.next() };
    Ok((0..plans.len()).filter_map(next).collect())
}

fn read(conn: &mut Conn, site: &Site, table: &DayTable, dantai: &str, day: &str) -> Result<TableReport, HubError> {
    let columns =
        table.view.columns.iter().map(|(name, ty)| Column { title: name.clone(), kind: kind(name, *ty) }).collect();
    let mut rows = Vec::new();
    let order: Vec<usize> = (0..table.view.columns.len()).collect();
    let source = Source {
        site,
        view: &table.view,
        filter: None,
        part: &[],
        order: &order,
        dantai,
        base_date: day,
        shared: None,
    };
    let mut note = table.note.clone();
    let done = source.each(conn, |values| {
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
    Ok(TableReport { title: table.title.clone(), columns, rows, note })
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
