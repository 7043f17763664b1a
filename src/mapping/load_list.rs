//! `schemas/lists/<id>.toml` → [`List`]: a list that operators read, print and export.
//!
//! Owns: the keys of the file, the names its conditions may use. Never: runs the view.

use std::sync::Arc;

use super::context::Context;
use super::load_mask::{self, Mask};
use super::plan::slot;
use super::scope::Names;
use crate::expr::{CodeTable, Expr};
use crate::schema::load_entity::COLUMN_TYPES;
use crate::schema::toml_read::{Node, Reader, Text};
use crate::schema::view::View;
use crate::schema::{keys, mistake};
use crate::value::Type;

/// `kind` of a parameter's slot (`パラメータ.<name>`), beside those of [`super::plan`].
pub const PARAMETER: u16 = 0xFFFD;
/// Most columns of a list: a page of A4 has no room for more.
pub const MAX_COLUMNS: usize = 40;
/// Most parameters of a list.
pub const MAX_PARAMETERS: usize = 20;

/// An operators' list.
#[derive(Debug, Clone)]
pub struct List {
    /// File stem.
    pub id: String,
    /// Japanese title.
    pub title: String,
    /// Where in the business flows it is read; may be empty.
    pub flow: String,
    /// How to read it, Japanese; may be empty.
    pub note: String,
    /// Its rows.
    pub view: Arc<View>,
    /// Only rows for which this is true (slot = column index, a parameter's, or one of `実行.…` and `サイト.…`).
    pub filter: Option<Expr>,
    /// ORDER BY: indexes of view columns.
    pub order: Vec<usize>,
    /// What a reader may choose.
    pub parameters: Vec<Parameter>,
    /// What is shown, from left to right.
    pub columns: Vec<ListColumn>,
    /// Whose guarded values are not shown.
    pub masks: Vec<Mask>,
}

/// What a reader may choose.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// `パラメータ.<name>`.
    pub name: String,
    /// Heading, Japanese.
    pub title: String,
    /// Its type.
    pub ty: Type,
    /// Over `実行.…` and `サイト.…`; without it a parameter that is not given restricts nothing.
    pub default: Option<Expr>,
    /// Only these can be chosen, by code or by name.
    pub codes: Option<Arc<CodeTable>>,
    /// What it restricts (slots as in [`List::filter`]).
    pub filter: Option<Expr>,
}

/// A column of a list.
#[derive(Debug, Clone)]
pub struct ListColumn {
    /// Index of the view's column.
    pub from: usize,
    /// Heading, Japanese.
    pub title: String,
    /// Its type.
    pub ty: Type,
    /// Set to the right; whole numbers are.
    pub right: bool,
    /// Width in half-width characters, for spreadsheets; 0 = by its contents.
    pub width: u32,
    /// Shown as ＊＊＊.
    pub secret: bool,
    /// Its sum stands below the last row.
    pub total: bool,
    /// Codes are shown with their names: `1 住登者`.
    pub codes: Option<Arc<CodeTable>>,
}

/// Reads a list; mistakes go to the reader. `None` when it has any that matter.
pub fn load_list(id: &str, reader: &Reader, context: &Context<'_>) -> Option<List> {
    let document = reader.parse()?;
    let top = Node::root(reader, &document);
    top.version();
    let title = top.str("title");
    let flow = top.opt_str("flow");
    let note = top.opt_str("note");
    let from = top.str("from");
    let filter = top.opt_str("where");
    let order = top.opt_list("order").unwrap_or_default();
    let (parameters, columns) = (top.tables("parameter"), top.tables("column"));
    let masks = top.tables("mask");
    top.finish(&keys::LIST);
    if columns.is_empty() || columns.len() > MAX_COLUMNS {
        let message = format!("列（[[column]]）は 1 つから {MAX_COLUMNS} までです");
        reader.mistake(mistake::BAD_VALUE, top.place_of("column"), message, "");
    }
    if parameters.len() > MAX_PARAMETERS {
        let message = format!("条件（[[parameter]]）は {MAX_PARAMETERS} までです");
        reader.mistake(mistake::BAD_VALUE, top.place_of("parameter"), message, "");
    }
    let view = from.as_ref().and_then(|text| context.view(text))?;
    let heads: Vec<_> = parameters.iter().map(|node| parameter_head(node, &parameters)).collect();
    let site = Names::of_site(&context.config.site, context.codes);
    let mut names = site.clone().with_columns(view.columns.iter().enumerate());
    for (index, head) in heads.iter().enumerate() {
        if let Some((name, ty)) = head {
            names = names.with_name(format!("パラメータ.{name}"), slot(PARAMETER, index as u16), *ty);
        }
    }
    let parameters: Vec<_> = parameters
        .iter()
        .zip(&heads)
        .map(|(node, head)| parameter(node, head.as_ref(), (&names, &site), context))
        .collect();
    let columns: Vec<_> = columns.iter().map(|node| column(node, &view, context)).collect();
    let filter = names.predicate(filter.as_ref());
    let masks: Vec<_> = masks.iter().map(|node| load_mask::mask(node, &keys::LIST_MASK, &view, context)).collect();
    let masks = masks.into_iter().collect::<Option<Vec<_>>>();
    let filters = filter.iter().flatten().chain(parameters.iter().flatten().filter_map(|p| p.filter.as_ref()));
    load_mask::judge(&top, &view, context, (masks.as_deref(), columns.iter().flatten().map(|c| c.from)), filters);
    let order: Vec<_> = order.iter().map(|text| column_of(text, &view)).collect();
    Some(List {
        id: id.to_owned(),
        title: title?.value.to_owned(),
        flow: flow.map(|t| t.value.to_owned()).unwrap_or_default(),
        note: note.map(|t| t.value.to_owned()).unwrap_or_default(),
        order: whole_order(order.into_iter().collect::<Option<Vec<_>>>()?, &view),
        filter: filter?,
        parameters: parameters.into_iter().collect::<Option<Vec<_>>>()?,
        columns: columns.into_iter().collect::<Option<Vec<_>>>()?,
        masks: masks?,
        view,
    })
}

/// The declared order, then every other column: the same rows in the same order on every database.
fn whole_order(mut order: Vec<usize>, view: &View) -> Vec<usize> {
    for column in 0..view.columns.len() {
        if !order.contains(&column) {
            order.push(column);
        }
    }
    order
}

fn column_of(text: &Text<'_>, view: &View) -> Option<usize> {
    let found = view.columns.iter().position(|(name, _)| *name == text.value);
    if found.is_none() {
        text.unknown("列", view.columns.iter().map(|(name, _)| name.as_str()));
    }
    found
}

/// Name and type, which other conditions may use too.
fn parameter_head(node: &Node<'_>, all: &[Node<'_>]) -> Option<(String, Type)> {
    let name = node.str("name");
    let ty = node.word("type", &COLUMN_TYPES);
    let name = name?;
    let same = |other: &&Node<'_>| other.opt_str("name").is_some_and(|n| n.value == name.value);
    if all.iter().filter(same).count() > 1 {
        name.mistake(mistake::DUPLICATE, format!("条件「{}」が 2 つあります", name.value), "名前を変えてください");
    }
    let plain = |c: char| c.is_alphanumeric() || c == '_';
    if name.value.is_empty() || !name.value.chars().all(plain) {
        name.mistake(
            mistake::BAD_VALUE,
            format!("「{}」は条件の名前に使えません", name.value),
            "文字と数字だけにしてください",
        );
        return None;
    }
    Some((name.value.to_owned(), ty?))
}

fn parameter(
    node: &Node<'_>,
    head: Option<&(String, Type)>,
    (names, site): (&Names<'_>, &Names<'_>),
    context: &Context<'_>,
) -> Option<Parameter> {
    let title = node.opt_str("title");
    let default = node.opt_str("default");
    let codes = node.opt_str("codes");
    let filter = node.opt_str("where");
    node.finish(&keys::PARAMETER);
    let (name, ty) = head?;
    let default = default.map(|text| site.compile(&text, *ty));
    let filter = names.predicate(filter.as_ref());
    Some(Parameter {
        name: name.clone(),
        title: title.map_or_else(|| name.clone(), |t| t.value.to_owned()),
        ty: *ty,
        default: match default {
            Some(default) => Some(default?),
            None => None,
        },
        codes: code_table(codes.as_ref(), context)?,
        filter: filter?,
    })
}

/// The table of this id; the outer `None` where there is no such table.
fn code_table(id: Option<&Text<'_>>, context: &Context<'_>) -> Option<Option<Arc<CodeTable>>> {
    let Some(id) = id else { return Some(None) };
    let found = context.codes.get(id.value).cloned();
    if found.is_none() {
        id.unknown("コード表", context.codes.keys().map(String::as_str));
    }
    found.map(Some)
}

fn column(node: &Node<'_>, view: &View, context: &Context<'_>) -> Option<ListColumn> {
    let from = node.str("from");
    let title = node.opt_str("title");
    let right = node.opt_word("align", &[("left", false), ("right", true)]);
    let width = node.opt_int("width", 1..=200).unwrap_or(0) as u32;
    let secret = node.flag("secret");
    let total = node.flag("total");
    let codes = node.opt_str("codes");
    node.finish(&keys::LIST_COLUMN);
    let name = from?;
    let from = column_of(&name, view)?;
    let ty = view.columns[from].1;
    if total && ty != Type::Int {
        node.mistake(mistake::TYPE, "数値でない列の合計は出せません", "total を消してください");
    }
    let codes = code_table(codes.as_ref(), context)?;
    Some(ListColumn {
        from,
        title: title.map_or_else(|| name.value.to_owned(), |t| t.value.to_owned()),
        ty,
        right: right.unwrap_or(ty == Type::Int),
        width,
        secret: secret || context.carried.is_secret(context.entities, view, from),
        total,
        codes,
    })
}
