//! `mappings/derive/<interface>.toml` → [`DerivePlan`].
//!
//! Owns: the keys of the file and the agreement of view and entity. Never: runs the view.

use std::collections::BTreeSet;

use super::context::Context;
use super::load_out::{after, requires};
use super::plan::{DerivePlan, Outcome};
use super::scope::{Names, judge_code, judge_message};
use crate::finding::Severity;
use crate::schema::entity::Entity;
use crate::schema::load_field::SEVERITIES;
use crate::schema::load_schedule;
use crate::schema::toml_read::{Node, Reader, Text};
use crate::schema::view::View;
use crate::schema::{keys, mistake};
use crate::value::Type;

/// Reads a derivation; mistakes go to the reader. `None` when it has any that matter.
pub fn load_derive(interface: &str, reader: &Reader, context: &Context<'_>) -> Option<DerivePlan> {
    let document = reader.parse()?;
    let top = Node::root(reader, &document);
    top.version();
    let title = top.str("title");
    let view_id = top.str("view");
    let entity_id = top.str("entity");
    let after = after(&top, context);
    let schedule = load_schedule::rules(&top, context.calendars);
    let calendar = load_schedule::new_days(&top, context.calendars);
    let requires = requires(&top, context);
    if !top.has("schedule") && after.is_empty() && top.opt_list("after").is_none_or(|list| list.is_empty()) {
        let hint = "after = [ … ] に元の台帳を取り込む業務を書くか、[[schedule]] に日を書いてください";
        let message = "「after」がないので、この導出は一度も行われません";
        reader.mistake(mistake::MISSING_KEY, top.place_of("after"), message, hint);
    }
    let amount = top.opt_str("amount");
    let outcomes = top.tables("outcome");
    top.finish(&keys::DERIVE);
    let view = view_id.as_ref().and_then(|text| context.view(text));
    let entity = entity_id.as_ref().and_then(|text| context.entity(text));
    if let Some(own) = after.iter().find(|name| *name == interface) {
        let message = format!("「{own}」が自分自身を待っています");
        reader.mistake(mistake::CYCLE, top.place_of("after"), message, "after から消してください");
    }
    let (view, entity, view_id) = (view?, entity?, view_id?);
    judge_match(&view_id, &view, &entity);
    let amount = amount.map(|text| amount_column(&text, &entity));
    let names = Names::of_view(context.codes, &view);
    let outcomes: Vec<_> = outcomes.iter().map(|node| outcome(node, &view, &names)).collect();
    let mut files = BTreeSet::from([reader.file().to_owned(), entity.place.file.clone()]);
    files.extend(context.files_of_view(&view));
    let used = names.used_codes.into_inner();
    files.extend(used.iter().map(|id| format!("schemas/codes/{id}.csv")));
    Some(DerivePlan {
        interface: interface.to_owned(),
        title: title?.value.to_owned(),
        view,
        entity,
        after,
        schedule,
        requires,
        // Told when all mappings are known.
        daily: true,
        calendar,
        outcomes: outcomes.into_iter().collect::<Option<Vec<_>>>()?,
        amount: amount.flatten(),
        revision: context.revision(files),
        file: reader.file().to_owned(),
    })
}

/// Every column of the entity must come from the view, in its type.
fn judge_match(view_id: &Text<'_>, view: &View, entity: &Entity) {
    for column in &entity.columns {
        match view.columns.iter().find(|(name, _)| *name == column.name) {
            None => {
                let hint = mistake::did_you_mean(&column.name, view.columns.iter().map(|(n, _)| n.as_str()));
                let message =
                    format!("ビュー「{}」に台帳「{}」の列「{}」がありません", view.name, entity.name, column.name);
                view_id.mistake(mistake::NOT_MAPPED, message, hint);
            }
            Some((_, ty)) if *ty != column.ty && (*ty, column.ty) != (Type::Date, Type::Text) => {
                let message =
                    format!("列「{}」の型がビューでは {}、台帳では {} です", column.name, ty.word(), column.ty.word());
                view_id.mistake(mistake::TYPE, message, "どちらかにそろえてください");
            }
            Some(_) => {}
        }
    }
}

fn amount_column(text: &Text<'_>, entity: &Entity) -> Option<usize> {
    let Some(index) = entity.column(text.value) else {
        text.unknown("列", entity.columns.iter().map(|c| c.name.as_str()));
        return None;
    };
    if entity.columns[index].ty != Type::Int {
        text.mistake(mistake::TYPE, format!("管理する金額「{}」が数値ではありません", text.value), "");
        return None;
    }
    Some(index)
}

fn outcome(node: &Node<'_>, view: &View, names: &Names<'_>) -> Option<Outcome> {
    let code = node.str("code");
    let title = node.str("title");
    let when = node.str("when");
    let severity = node.opt_word("severity", &SEVERITIES).unwrap_or(Severity::Info);
    let message = node.opt_str("message");
    node.finish(&keys::OUTCOME);
    if let Some(code) = &code {
        judge_code(code);
    }
    match &message {
        Some(message) => {
            let columns: Vec<&str> = view.columns.iter().map(|(name, _)| name.as_str()).collect();
            judge_message(message, &columns);
        }
        None if severity >= Severity::Warning && !node.has("message") => {
            let hint = "一覧に出す文を書いてください";
            node.mistake(mistake::MISSING_KEY, "「message」がありません", hint);
        }
        None => {}
    }
    let when = when.and_then(|text| names.compile(&text, Type::Bool));
    Some(Outcome {
        code: code?.value.to_owned(),
        title: title?.value.to_owned(),
        when: when?,
        severity,
        message: message.map(|m| m.value.to_owned()).unwrap_or_default(),
        place: node.place(),
    })
}
