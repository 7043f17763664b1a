//! `split` and `[[profile_when]]` of an outbound mapping: one view, several files.
//!
//! Owns: what may cut a file, and that each file gets a name of its own. Never: reads rows (`pipeline::part`).

use std::sync::Arc;

use super::context::Context;
use super::load_out::resolve;
use super::plan::{NamePart, OutRecord, Variant};
use super::scope::Names;
use crate::schema::layout::{FieldKind, Layout};
use crate::schema::mistake;
use crate::schema::toml_read::{Node, Text};
use crate::schema::view::View;
use crate::value::Type;

/// Indexes of the split columns: text, and part of the key, so that a key says which file it belongs to.
pub(super) fn columns(names: &[Text<'_>], view: &View, key: &[usize]) -> Vec<usize> {
    for name in names {
        let Some(column) = view.columns.iter().position(|(column, _)| column == name.value) else { continue };
        if view.columns[column].1 != Type::Text {
            let message = format!("split の列「{}」が text ではありません", name.value);
            name.mistake(mistake::TYPE, message, "ビューで text の列を作ってください");
        } else if !key.contains(&column) {
            let message = format!("split の列「{}」が key にありません", name.value);
            name.mistake(mistake::BAD_VALUE, message, "どのファイルの行かがキーで分かるよう、key にも書いてください");
        }
    }
    resolve(names, view)
}

/// Profiles that take the place of the usual one.
pub(super) fn variants(
    nodes: &[Node<'_>],
    context: &Context<'_>,
    layout: &Layout,
    view: &View,
    split: &[usize],
) -> Option<Vec<Variant>> {
    let mut variants = Vec::new();
    for node in nodes {
        let profile = node.str("profile");
        let when = node.str("when");
        node.finish(&crate::schema::keys::PROFILE_WHEN);
        let (profile, when) = (profile?, when?);
        let columns = view.columns.iter().enumerate().filter(|(index, _)| split.contains(index));
        let names = Names::of_site(&[], context.codes).with_columns(columns);
        let when = names.compile(&when, Type::Bool);
        let layout: Option<Arc<Layout>> =
            context.layout(&layout.id, profile.value).or_mistake(&profile, Some(&profile));
        variants.push(Variant { when: when?, layout: layout? });
    }
    Some(variants)
}

/// A field that another profile needs must be mapped too.
pub(super) fn judge_variants(top: &Node<'_>, variants: &[Variant], records: &[OutRecord]) {
    for (layout, record) in variants.iter().flat_map(|v| records.iter().map(move |r| (&v.layout, r))) {
        for (index, field) in layout.records[record.record].fields.iter().enumerate() {
            let total = layout.totals.iter().any(|t| t.declared == (record.record, index));
            let own = field.constant.is_some() || field.filler || matches!(field.kind, FieldKind::Mark(_));
            if field.required && !own && !total && record.fields[index].is_none() {
                let message = format!(
                    "プロファイル {} で必須の項目「{}」（{}）に何も入りません",
                    layout.profile, field.name, layout.records[record.record].name
                );
                top.mistake(mistake::NOT_MAPPED, message, "[record.map] に書いてください");
            }
        }
    }
}

/// Two files of one draft must not have one name.
pub(super) fn judge_name(text: &Text<'_>, parts: &[NamePart], split: &[usize]) -> bool {
    let named = |column: &usize| parts.contains(&NamePart::Column(*column));
    let good = parts.contains(&NamePart::Sequence3) || split.iter().all(named);
    if !good {
        let hint = "{連番3} か、split のすべての列を {列} の形で入れてください";
        text.mistake(mistake::BAD_VALUE, "分けたファイルの名前が同じになります", hint);
    }
    good
}
