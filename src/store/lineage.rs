//! Where a version came from, and what came of it.
//!
//! Lineage is text: `"jumin:123,hihokensha:5"` names versions by entity id and number. Going back (file ← version ← outbound
//! record) is a lookup by number. Going forward looks at every derived row or outbound record: it is a rare question, and
//! an index would cost every load.

use super::{Conn, Result, RowRef, quote};
use crate::schema::entity::Entity;
use crate::schema::view::View;
use crate::value::{OwnedValue, Value};

/// A version with everything known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its number.
    pub vid: i64,
    /// Municipality.
    pub dantai: String,
    /// Run that wrote it; its exchange is the file.
    pub run: i64,
    /// 1-based record of that file; 0 = the file as a whole (a key it no longer names).
    pub record: u64,
    /// 0-based byte offset of the record.
    pub byte: u64,
    /// Its length in bytes.
    pub len: u64,
    /// Lineage of a derived row, or the version a full set closed.
    pub src: Option<String>,
    /// Is it a tombstone?
    pub closed: bool,
    /// Values in the order of the entity's columns.
    pub values: Vec<OwnedValue>,
}

/// Writes the lineage of a selected row: `values` as [`super::select::Selection::each`] gives them. A NULL names nothing;
/// the same version is named once.
pub fn lineage_text(view: &View, values: &[Value<'_>], out: &mut String) {
    use std::fmt::Write;
    out.clear();
    let versions = values.iter().skip(view.columns.len());
    for (i, ((_, entity), value)) in view.lineage.iter().zip(versions).enumerate() {
        let named = |j: usize| view.lineage[j].1 == *entity && values[view.columns.len() + j] == *value;
        let Value::Int(vid) = value else { continue };
        if (0..i).any(named) {
            continue;
        }
        if !out.is_empty() {
            out.push(',');
        }
        // Writing into a String cannot fail.
        let _ = write!(out, "{entity}:{vid}");
    }
}

/// Reads lineage text: (entity id, version number). What is not of that form is left out.
pub fn parse(text: &str) -> impl Iterator<Item = (&str, i64)> {
    text.split(',').filter_map(|part| {
        let (entity, vid) = part.split_once(':')?;
        Some((entity, vid.parse().ok()?))
    })
}

/// Every row of an entity that stands for a municipality, in key order: the values of its columns.
///
/// # Errors
/// The store's, or `f`'s.
pub fn each_current(
    conn: &mut Conn,
    entity: &Entity,
    dantai: &str,
    f: impl FnMut(&[Value<'_>]) -> Result<()>,
) -> Result<()> {
    let columns: Vec<String> = entity.columns.iter().map(|c| format!("v.{}", quote(&c.name))).collect();
    let key: Vec<String> = entity.key.iter().map(|k| format!("c.{}", quote(&entity.columns[*k].name))).collect();
    let sql = format!(
        "SELECT {} FROM {} c JOIN {} v ON v._vid = c._vid WHERE c._dantai = ?1 ORDER BY {}",
        columns.join(", "),
        quote(&format!("c_{}", entity.id)),
        quote(&format!("v_{}", entity.id)),
        key.join(", ")
    );
    conn.for_each(&sql, &[Value::Text(dantai)], f)
}

/// A column of the row that stands under a key of one column; `None`: there is no such row.
///
/// # Errors
/// The store's.
pub fn current_value(
    conn: &mut Conn,
    entity: &Entity,
    dantai: &str,
    key: &str,
    column: usize,
) -> Result<Option<OwnedValue>> {
    let sql = format!(
        "SELECT v.{} FROM {} c JOIN {} v ON v._vid = c._vid WHERE c._dantai = ?1 AND c.{} = ?2",
        quote(&entity.columns[column].name),
        quote(&format!("c_{}", entity.id)),
        quote(&format!("v_{}", entity.id)),
        quote(&entity.columns[entity.key[0]].name),
    );
    let mut found = None;
    conn.for_each(&sql, &[Value::Text(dantai), Value::Text(key)], |values| {
        found = values.first().map(|value| Value::to_owned(*value));
        Ok(())
    })?;
    Ok(found)
}

/// A version by its number.
///
/// # Errors
/// The store's.
pub fn version(conn: &mut Conn, entity: &Entity, vid: i64) -> Result<Option<Version>> {
    conn.query_opt(&sql(entity, "_vid = ?1", 1), &[Value::Int(vid)], |r| read(entity, r))
}

/// Versions that a record of a run's file became, at most `limit`. Looks at the rows that run wrote.
///
/// # Errors
/// The store's.
pub fn versions_of_record(conn: &mut Conn, entity: &Entity, run: i64, record: u64, limit: u32) -> Result<Vec<Version>> {
    let stage = conn.query_opt(
        "SELECT first_vid, last_vid FROM stage WHERE run = ?1 AND entity = ?2",
        &[Value::Int(run), Value::Text(&entity.id)],
        |r| Ok((r.int(0)?, r.int(1)?)),
    )?;
    let Some((first, last)) = stage else { return Ok(Vec::new()) };
    let sql = sql(entity, "_vid BETWEEN ?1 AND ?2 AND _run = ?3 AND _rec = ?4", limit);
    let params = [Value::Int(first), Value::Int(last), Value::Int(run), Value::Int(record as i64)];
    conn.query(&sql, &params, |r| read(entity, r))
}

/// Versions of `entity` whose own lineage names a version of another, at most `limit`. Looks at every derived row.
///
/// # Errors
/// The store's.
pub fn derived_from(conn: &mut Conn, entity: &Entity, source: &str, vid: i64, limit: u32) -> Result<Vec<Version>> {
    let sql = sql(entity, "_src IS NOT NULL AND ',' || _src || ',' LIKE ?1", limit);
    let found = conn.query(&sql, &[Value::Text(&format!("%,{source}:{vid},%"))], |r| read(entity, r))?;
    // LIKE takes the underscore of an id for any character.
    let named = |v: &Version| v.src.as_deref().is_some_and(|src| parse(src).any(|name| name == (source, vid)));
    Ok(found.into_iter().filter(named).collect())
}

/// All versions of one key, oldest first, at most `limit`. Looks at every version.
///
/// # Errors
/// The store's.
pub fn history(conn: &mut Conn, entity: &Entity, dantai: &str, key: &[Value<'_>], limit: u32) -> Result<Vec<Version>> {
    let (test, params) = key_test(entity, dantai, key);
    conn.query(&sql(entity, &test, limit), &params, |r| read(entity, r))
}

/// Number of the version that stands for a key.
///
/// # Errors
/// The store's.
pub fn current(conn: &mut Conn, entity: &Entity, dantai: &str, key: &[Value<'_>]) -> Result<Option<i64>> {
    let (test, params) = key_test(entity, dantai, key);
    let table = quote(&format!("c_{}", entity.id));
    conn.query_opt(&format!("SELECT _vid FROM {table} WHERE {test}"), &params, |r| r.int(0))
}

fn key_test<'a>(entity: &Entity, dantai: &'a str, key: &[Value<'a>]) -> (String, Vec<Value<'a>>) {
    let mut test = "_dantai = ?1".to_owned();
    for (i, column) in entity.key.iter().enumerate() {
        test.push_str(&format!(" AND {} = ?{}", quote(&entity.columns[*column].name), i + 2));
    }
    let mut params = vec![Value::Text(dantai)];
    params.extend_from_slice(key);
    (test, params)
}

fn sql(entity: &Entity, test: &str, limit: u32) -> String {
    let columns: Vec<String> = entity.columns.iter().map(|c| quote(&c.name)).collect();
    format!(
        "SELECT _vid, _dantai, _run, _rec, _off, _len, _src, _op, {} FROM {} WHERE {test} ORDER BY _vid LIMIT {limit}",
        columns.join(", "),
        quote(&format!("v_{}", entity.id))
    )
}

fn read(entity: &Entity, r: &RowRef<'_>) -> Result<Version> {
    let values = (0..entity.columns.len()).map(|i| Ok(r.value(8 + i)?.to_owned()));
    Ok(Version {
        vid: r.int(0)?,
        dantai: r.string(1)?,
        run: r.int(2)?,
        record: r.count(3)?,
        byte: r.count(4)?,
        len: r.count(5)?,
        src: r.opt_string(6)?,
        closed: r.int(7)? == super::bulk::CLOSED,
        values: values.collect::<Result<_>>()?,
    })
}
