//! `schemas/views/<id>.toml` → [`View`].
//!
//! Owns: the keys of the file and the agreement of declared and selected columns. Never: runs SQL.

use std::collections::BTreeMap;

use super::load_entity::{COLUMN_TYPES, is_reserved, judge_name};
use super::relation::BuiltIn;
use super::toml_read::{Node, Reader, Text};
use super::view::View;
use super::{keys, mistake};
use crate::expr::query::{self, Catalogue};
use crate::value::Type;

/// What the SELECTs of a site may name: entities, views and what is built in, by Japanese name.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// Name → columns; `None` when the file that declares it has mistakes.
    pub columns: BTreeMap<String, Option<Vec<String>>>,
    /// Ids of entities, for `lineage`.
    pub entity_ids: Vec<String>,
    /// Some file that may declare a table has mistakes: unknown tables are then not reported.
    pub lenient: bool,
}

impl Tables {
    /// With the relations every SELECT may name.
    pub fn new() -> Self {
        let built_in = BuiltIn::ALL.into_iter().map(|relation| {
            let columns = relation.columns().iter().map(|column| (*column).to_owned());
            (relation.name().to_owned(), Some(columns.collect()))
        });
        Tables { columns: built_in.collect(), ..Tables::default() }
    }
}

impl Catalogue for Tables {
    fn columns(&self, table: &str) -> Option<Option<Vec<String>>> {
        match self.columns.get(table) {
            Some(columns) => Some(columns.clone()),
            None => self.lenient.then_some(None),
        }
    }

    fn tables(&self) -> Vec<String> {
        self.columns.keys().cloned().collect()
    }
}

/// What a view declares, before its SQL is looked at: enough for the others to name it.
pub fn declared(id: &str, reader: &Reader) -> Option<View> {
    let document = reader.parse()?;
    let top = Node::root(reader, &document);
    top.version();
    let name = top.str("name");
    let columns = top.opt_table("columns");
    if columns.is_none() && !top.has("columns") {
        top.mistake(
            mistake::MISSING_KEY,
            "「columns」がありません",
            "columns = { \"列\" = \"text\" } を書いてください",
        );
    }
    let columns = columns.map(|node| typed(&node)).unwrap_or_default();
    let lineage = top.opt_table("lineage").map(|node| node.pairs()).unwrap_or_default();
    for (column, _) in &lineage {
        if !column.value.starts_with('_') {
            column.mistake(mistake::BAD_VALUE, "由来の列の名前は「_」で始めます", "_v1 のようにしてください");
        }
    }
    let sql = top.str("sql");
    let shared = top.flag("shared");
    top.finish(&keys::VIEW);
    let (name, sql) = (name?, sql?);
    if is_reserved(name.value) {
        name.mistake(mistake::BAD_VALUE, format!("「{}」はビューの名前に使えません", name.value), "");
    }
    Some(View {
        id: id.to_owned(),
        name: name.value.to_owned(),
        columns,
        lineage: lineage.iter().map(|(c, e)| (c.value.to_owned(), e.value.to_owned())).collect(),
        sql: sql.value.to_owned(),
        uses: Vec::new(),
        of_day: false,
        shared,
        place: sql.place(),
    })
}

fn typed(columns: &Node<'_>) -> Vec<(String, Type)> {
    let mut typed = Vec::new();
    for (name, word) in columns.pairs() {
        judge_name(&name);
        let ty = COLUMN_TYPES.iter().find(|(w, _)| *w == word.value);
        if ty.is_none() {
            let hint = mistake::did_you_mean(word.value, COLUMN_TYPES.iter().map(|(w, _)| *w));
            word.mistake(mistake::BAD_VALUE, format!("型「{}」はありません", word.value), hint);
        }
        typed.push((name.value.to_owned(), ty.map_or(Type::Text, |(_, ty)| *ty)));
    }
    typed
}

/// Checks the SQL of a view against all tables and fills in what it uses.
pub fn check_sql(view: &mut View, reader: &Reader, tables: &Tables) {
    let Some(document) = reader.parse() else { return };
    let top = Node::root(reader, &document);
    let Some(sql) = top.opt_str("sql") else { return };
    let lineage = top.opt_table("lineage").map(|node| node.pairs()).unwrap_or_default();
    for (_, entity) in &lineage {
        if !tables.lenient && !tables.entity_ids.iter().any(|id| id == entity.value) {
            entity.unknown("台帳", tables.entity_ids.iter().map(String::as_str));
        }
    }
    match query::read(sql.value, tables) {
        Ok(query) => {
            judge_columns(view, &sql, &query.columns);
            view.of_day = [BuiltIn::Run, BuiltIn::Sent].iter().any(|r| query.tables.iter().any(|t| t == r.name()));
            view.uses = query.tables.into_iter().filter(|t| t != BuiltIn::Run.name()).collect();
        }
        Err(errors) => {
            for error in errors {
                sql.mistake_at((error.line, error.column), mistake::SQL, error.message, error.hint);
            }
            // What it does name is still wanted for cycles.
            view.uses = query::table_names(sql.value).unwrap_or_default();
        }
    }
}

fn judge_columns(view: &View, sql: &Text<'_>, selected: &[String]) {
    let lineage = view.lineage.iter().map(|(name, _)| name);
    let declared: Vec<&String> = view.columns.iter().map(|(name, _)| name).chain(lineage).collect();
    let mut good = true;
    for name in declared.iter().filter(|name| !selected.contains(name)) {
        let hint = mistake::did_you_mean(name, selected.iter().map(String::as_str));
        sql.mistake(mistake::SQL, format!("SELECT が列「{name}」を返しません"), hint);
        good = false;
    }
    for name in selected.iter().filter(|name| !declared.contains(name)) {
        let hint = "columns か lineage に書くか、SELECT から消してください";
        sql.mistake(mistake::SQL, format!("SELECT の列「{name}」が columns にありません"), hint);
        good = false;
    }
    let in_order = selected.iter().filter(|name| view.columns.iter().any(|(c, _)| c == *name));
    if good && !in_order.eq(view.columns.iter().map(|(name, _)| name)) {
        sql.mistake(mistake::SQL, "columns の並びが SELECT の並びと違います", "同じ順に並べてください");
    }
}
