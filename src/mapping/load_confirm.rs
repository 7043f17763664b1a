//! `[[confirm]]` of an outbound mapping: what an operator is shown of each row before the file may leave.
//!
//! Owns: which columns those are, also where the mapping names none. Never: reads files or rows (`pipeline::draft_list`).

use std::sync::Arc;

use super::context::Context;
use super::plan::{Level, OutRecord};
use crate::expr::CodeTable;
use crate::schema::entity::Entity;
use crate::schema::layout::{Field, Layout};
use crate::schema::toml_read::Node;
use crate::schema::{keys, mistake};
use crate::value::Type;

/// Most columns of the list; its number, its kind and the remark come besides.
pub const MAX_COLUMNS: usize = 37;

/// A column of the list by which an operator checks whom a file is about.
#[derive(Debug, Clone)]
pub struct ConfirmColumn {
    /// Field of the row's record.
    pub field: usize,
    /// Shown instead of the field: a column of the entity's row whose only key column has the field's value.
    pub of: Option<(Arc<Entity>, usize)>,
    /// Heading, Japanese.
    pub title: String,
    /// Its type.
    pub ty: Type,
    /// Shown as ＊＊＊.
    pub secret: bool,
    /// Its sum stands below the last row.
    pub total: bool,
    /// Codes are shown with their names.
    pub codes: Option<Arc<CodeTable>>,
}

/// What the columns are compiled against.
pub(super) struct ConfirmScope<'a> {
    pub context: &'a Context<'a>,
    pub layout: &'a Layout,
    pub records: &'a [OutRecord],
    /// Which view columns hold secret or guarded items.
    pub secret: &'a [bool],
    /// The control amount.
    pub amount: Option<(usize, usize)>,
}

/// The declared columns; without any, every mapped field of the row's record.
pub(super) fn columns(nodes: &[Node<'_>], scope: &ConfirmScope<'_>) -> Option<Vec<ConfirmColumn>> {
    let Some(row) = scope.records.iter().find(|r| r.level == Level::Row) else { return Some(Vec::new()) };
    if nodes.is_empty() {
        let fields = scope.layout.records[row.record].fields.iter().enumerate();
        let mapped = fields.filter(|(index, field)| row.fields[*index].is_some() && field.ty().is_some());
        return Some(mapped.take(MAX_COLUMNS).map(|(index, field)| scope.plain(row, index, field)).collect());
    }
    if let Some(beyond) = nodes.get(MAX_COLUMNS) {
        beyond.mistake(mistake::BAD_VALUE, format!("列（[[confirm]]）は {MAX_COLUMNS} までです"), "");
    }
    nodes.iter().map(|node| scope.column(node, row)).collect()
}

impl ConfirmScope<'_> {
    fn plain(&self, row: &OutRecord, index: usize, field: &Field) -> ConfirmColumn {
        let slots = row.fields[index].iter().flat_map(|expr| expr.slots());
        let secret = slots.map(|slot| self.secret.get(slot as usize)).any(|secret| secret == Some(&true));
        ConfirmColumn {
            field: index,
            of: None,
            title: field.name.clone(),
            ty: field.ty().unwrap_or(Type::Text),
            secret: secret || field.secret,
            total: self.amount == Some((row.record, index)),
            codes: field.codes.as_ref().and_then(|codes| self.context.codes.get(&codes.id)).cloned(),
        }
    }

    fn column(&self, node: &Node<'_>, row: &OutRecord) -> Option<ConfirmColumn> {
        let from = node.str("from");
        let (entity, column) = (node.opt_str("entity"), node.opt_str("column"));
        let title = node.opt_str("title");
        let total = node.opt_bool("total");
        let codes = node.opt_str("codes");
        node.finish(&keys::CONFIRM);
        let from = from?;
        let fields = &self.layout.records[row.record].fields;
        let Some(index) = fields.iter().position(|f| f.name == from.value && f.ty().is_some() && !f.filler) else {
            from.unknown("項目", fields.iter().filter(|f| !f.filler).map(|f| f.name.as_str()));
            return None;
        };
        let mut shown = self.plain(row, index, &fields[index]);
        match (&entity, &column) {
            (Some(entity), Some(name)) => {
                let entity = self.context.entity(entity)?;
                let Some(at) = entity.columns.iter().position(|c| c.name == name.value) else {
                    name.unknown("列", entity.columns.iter().map(|c| c.name.as_str()));
                    return None;
                };
                if entity.key.len() != 1 {
                    let message = format!("台帳「{}」の見出しは 1 列ではありません", entity.name);
                    node.mistake(mistake::BAD_VALUE, message, "見出しが 1 列の台帳だけを引けます");
                    return None;
                }
                let named = &entity.columns[at];
                (shown.title, shown.ty, shown.codes) = (named.name.clone(), named.ty, None);
                // Whoever checks a file needs no protected item of another table.
                (shown.secret, shown.total) = (named.secret || named.vault || named.guard.is_some(), false);
                shown.of = Some((entity, at));
            }
            (None, None) => {}
            _ => {
                node.mistake(mistake::MISSING_KEY, "entity と column は両方書きます", "");
                return None;
            }
        }
        if let Some(title) = title {
            title.value.clone_into(&mut shown.title);
        }
        shown.total = total.unwrap_or(shown.total);
        if shown.total && shown.ty != Type::Int {
            node.mistake(mistake::TYPE, "数値でない列の合計は出せません", "total を消してください");
        }
        if let Some(id) = codes {
            let Some(table) = self.context.codes.get(id.value) else {
                id.unknown("コード表", self.context.codes.keys().map(String::as_str));
                return None;
            };
            shown.codes = Some(table.clone());
        }
        Some(shown)
    }
}
