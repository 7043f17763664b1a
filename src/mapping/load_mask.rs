//! `[[mask]]` of a list: whose guarded values it does not show.
//!
//! Owns: its keys, and that no list forgets it. Never: chooses rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::context::Context;
use super::load_guard::Guard;
use crate::expr::Expr;
use crate::schema::toml_read::Node;
use crate::schema::view::View;
use crate::schema::{keys, mistake};
use crate::value::{Type, Value};

/// Hides the guarded columns of the rows whose key the guard protects, or whose key nobody knows.
#[derive(Debug, Clone)]
pub struct Mask {
    /// The guard.
    pub guard: Arc<Guard>,
    /// View column of the person's key.
    pub key: usize,
    /// View columns that may show what the guard protects.
    pub carried: Vec<usize>,
}

impl Mask {
    /// Are the guarded columns of this row not to be shown? `protected`: the keys under the guard's protection.
    pub fn hides(&self, row: &[Value<'_>], protected: &HashMap<String, i64>) -> bool {
        match row[self.key] {
            Value::Text(key) if !key.is_empty() => protected.contains_key(key),
            _ => true,
        }
    }
}

/// Reads one mask, or the like of a `[[hold]]`; `known`: the keys that may stand there.
pub(super) fn mask(node: &Node<'_>, known: &keys::Table, view: &View, context: &Context<'_>) -> Option<Mask> {
    let guard = node.str("guard");
    let key = node.str("key");
    node.finish(known);
    let (guard, key) = (guard?, key?);
    let Some(found) = context.guards.get(guard.value) else {
        if !context.files.has(&format!("schemas/guards/{}.toml", guard.value)) {
            guard.unknown("保護の定義", context.guards.keys().map(String::as_str));
        }
        return None;
    };
    let Some(column) = view.columns.iter().position(|(name, _)| name == key.value) else {
        key.unknown("ビューの列", view.columns.iter().map(|(name, _)| name.as_str()));
        return None;
    };
    if view.columns[column].1 != Type::Text {
        key.mistake(mistake::TYPE, format!("列「{}」は文字ではないので、保護する人を調べられません", key.value), "");
        return None;
    }
    let shows = |index: &usize| context.carried.guards(context.entities, view, *index).contains(found.id.as_str());
    let carried = (0..view.columns.len()).filter(shows).collect();
    Some(Mask { guard: Arc::clone(found), key: column, carried })
}

/// Refuses a list that shows a guarded column without its mask, and one that lets rows be chosen by it: what is asked for
/// would be what is told. `shown`: the masks (`None` = they have mistakes of their own) and the view columns shown.
pub(super) fn judge<'e>(
    top: &Node<'_>,
    view: &View,
    context: &Context<'_>,
    (masks, columns): (Option<&[Mask]>, impl Iterator<Item = usize>),
    filters: impl Iterator<Item = &'e Expr>,
) {
    let guards = |index: usize| context.carried.guards(context.entities, view, index);
    let mut needed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for index in columns {
        for guard in guards(index) {
            needed.entry(guard).or_default().insert(&view.columns[index].0);
        }
    }
    for (guard, columns) in needed {
        if masks.is_some_and(|masks| masks.iter().all(|mask| mask.guard.id != guard)) {
            let names: Vec<&str> = columns.into_iter().collect();
            let message =
                format!("保護する列（{}）を載せるのに、[[mask]] guard = \"{guard}\" がありません", names.join("、"));
            let action = format!("[[mask]] に guard = \"{guard}\" と key = （本人の番号の列）を書いてください");
            top.mistake(mistake::GUARD, message, action);
        }
    }
    let asked = filters.flat_map(Expr::slots).map(|slot| slot as usize);
    for index in asked.filter(|index| *index < view.columns.len()).collect::<BTreeSet<_>>() {
        if !guards(index).is_empty() {
            let message = format!("保護する列「{}」を、行を選ぶ条件に使うことはできません", view.columns[index].0);
            top.mistake(mistake::GUARD, message, "ほかの列で選んでください");
        }
    }
}
