//! `mappings/in/<interface>.toml` → one [`InPlan`] for each layout and profile the feed's forms name.
//!
//! Owns: the keys of the file and the types of every expression against its target. Never: moves data.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::context::Context;
use super::plan::{Check, InPlan, IntoRows, Mode, Tolerance};
use super::scope::{Names, judge_code, judge_message, valued};
use crate::expr::Expr;
use crate::finding::Severity;
use crate::schema::layout::{FieldKind, Layout};
use crate::schema::load_field::SEVERITIES;
use crate::schema::load_total::field_of;
use crate::schema::toml_read::{Node, Reader, Text};
use crate::schema::{keys, mistake};
use crate::value::Type;

/// Reads an inbound mapping; mistakes go to the reader. Plans with mistakes are left out.
pub fn load_in(interface: &str, reader: &Reader, context: &Context<'_>) -> Vec<InPlan> {
    let Some(document) = reader.parse() else {
        return Vec::new();
    };
    let top = Node::root(reader, &document);
    top.version();
    let title = top.str("title");
    let names = top.list("layouts").unwrap_or_default();
    judge_restrictions(&top, &names);
    let mut plans = Vec::new();
    let layouts = layouts(interface, &top, &names, context);
    for layout in &layouts {
        plans.extend(plan(interface, &top, layout, context));
    }
    for key in ["mode", "empty_full", "tolerance", "amount", "sealed", "check", "into"] {
        top.has(key);
    }
    top.finish(&keys::IN);
    for plan in &mut plans {
        plan.title = title.as_ref().map(|t| t.value.to_owned()).unwrap_or_default();
    }
    plans
}

/// Layouts and profiles the mapping is compiled for: those of the feed's forms, checked against `layouts`.
fn layouts(interface: &str, top: &Node<'_>, names: &[Text<'_>], context: &Context<'_>) -> Vec<Arc<Layout>> {
    for name in names {
        context.layout(name.value, "default").or_mistake(name, None);
    }
    let mut wanted = BTreeSet::new();
    match context.feeds.get(interface) {
        Some(feed) => {
            for form in &feed.forms {
                if names.iter().any(|n| n.value == form.layout) {
                    wanted.insert((form.layout.as_str(), form.profile.as_str()));
                } else {
                    let message = format!("受信設定の form が使うレイアウト「{}」が layouts にありません", form.layout);
                    let hint = format!("layouts に \"{}\" を足してください", form.layout);
                    let place = top.place_of("layouts");
                    top.reader().mistake(mistake::NOT_MAPPED, place, message, hint);
                }
            }
        }
        None => {
            let file = format!("schemas/feeds/{interface}.toml");
            if !context.files.has(&file) {
                top.mistake(
                    mistake::UNKNOWN_NAME,
                    format!("受信設定 {file} がありません"),
                    "ファイルの届き方を書いてください",
                );
            }
        }
    }
    // A layout that no form names is checked all the same, so that its mistakes show before it is used.
    for name in names {
        if !wanted.iter().any(|(layout, _)| *layout == name.value) {
            wanted.insert((name.value, "default"));
        }
    }
    wanted
        .into_iter()
        .filter_map(|(layout, profile)| context.layouts.get(&(layout.to_owned(), profile.to_owned())))
        .map(Arc::clone)
        .collect()
}

fn plan(interface: &str, top: &Node<'_>, layout: &Arc<Layout>, context: &Context<'_>) -> Option<InPlan> {
    let site = Names::of_site(&context.config.site, context.codes);
    let mut used = Used::default();
    let mode = mode(top, layout, &site, &mut used);
    let empty_closes = top.opt_word("empty_full", &[("reject", false), ("close", true)]).unwrap_or(false);
    let tolerance = tolerance(top, context);
    let amount = top.opt_str("amount").map(|text| amount(&text, layout));
    let checks = top.tables("check");
    let checks: Vec<_> = meant_for(&checks, layout).map(|node| check(node, layout, &site, &mut used)).collect();
    let nodes = top.tables("into");
    if nodes.is_empty() {
        top.mistake(mistake::MISSING_KEY, "[[into]] がありません", "取り込み先の台帳を書いてください");
    }
    let into: Vec<_> = meant_for(&nodes, layout).map(|node| into(node, layout, &site, context, &mut used)).collect();
    if into.is_empty() && !nodes.is_empty() {
        let message = format!("レイアウト「{}」の [[into]] がありません", layout.id);
        top.mistake(mistake::MISSING_KEY, message, "そのレイアウトの取り込み先の台帳も書いてください");
    }
    let into = into.into_iter().collect::<Option<Vec<_>>>()?;
    let mut files = BTreeSet::from([top.reader().file().to_owned()]);
    files.extend(into.iter().map(|rows| rows.entity.place.file.clone()));
    files.extend(context.files_of_layout(layout));
    files.extend(used.codes.iter().map(|id| format!("schemas/codes/{id}.csv")));
    let left_guarded = left_guarded(context, layout, &into);
    Some(InPlan {
        interface: interface.to_owned(),
        title: String::new(),
        layout: Arc::clone(layout),
        mode: mode?,
        empty_closes,
        tolerance,
        checks: checks.into_iter().collect::<Option<Vec<_>>>()?,
        into,
        sealed: top.flag("sealed"),
        left_guarded,
        amount: amount.flatten(),
        revision: context.revision(files),
        file: top.reader().file().to_owned(),
    })
}

/// Items that no column takes and that have the name of a guarded column: the same of the same people, in another file.
fn left_guarded(context: &Context<'_>, layout: &Layout, into: &[IntoRows]) -> BTreeSet<(usize, usize)> {
    let columns = context.entities.values().flat_map(|entity| &entity.columns);
    let names: BTreeSet<&str> = columns.filter(|c| c.guard.is_some()).map(|c| c.name.as_str()).collect();
    let taken: BTreeSet<u32> =
        into.iter().flat_map(|rows| rows.columns.iter().flatten()).flat_map(Expr::slots).collect();
    let mut left = BTreeSet::new();
    for (kind, record) in layout.records.iter().enumerate() {
        for (field, item) in record.fields.iter().enumerate() {
            let slot = (kind << 16 | field) as u32;
            if names.contains(item.name.as_str()) && !taken.contains(&slot) {
                left.insert((kind, field));
            }
        }
    }
    left
}

/// Tables that hold for a layout: those without `layouts`, and those that name it.
fn meant_for<'n, 'a>(nodes: &'n [Node<'a>], layout: &'n Layout) -> impl Iterator<Item = &'n Node<'a>> {
    nodes.iter().filter(move |node| {
        let only = node.opt_list("layouts");
        only.is_none_or(|only| only.iter().any(|name| name.value == layout.id))
    })
}

/// Every layout that a check or an into is restricted to must be one of the mapping.
fn judge_restrictions(top: &Node<'_>, names: &[Text<'_>]) {
    for node in top.tables("check").iter().chain(&top.tables("into")) {
        for only in node.opt_list("layouts").unwrap_or_default() {
            if !names.iter().any(|name| name.value == only.value) {
                only.unknown("この設定の layouts の中のレイアウト", names.iter().map(|name| name.value));
            }
        }
    }
}

/// Code tables that expressions of the plan use.
#[derive(Debug, Default)]
struct Used {
    codes: BTreeSet<String>,
}

impl Used {
    fn note(&mut self, names: Names<'_>) {
        self.codes.extend(names.used_codes.into_inner());
    }
}

fn mode(top: &Node<'_>, layout: &Layout, site: &Names<'_>, used: &mut Used) -> Option<Mode> {
    if !top.is_table("mode") {
        return top.word("mode", &[("full", Mode::Full), ("delta", Mode::Delta)]);
    }
    let node = top.opt_table("mode")?;
    let when = node.str("full_when");
    node.finish(&keys::MODE);
    let names = site.clone().with_layout(layout, main_record(layout));
    let expr = names.compile(&when?, Type::Bool);
    used.note(names);
    expr.map(Mode::FullWhen)
}

fn tolerance(top: &Node<'_>, context: &Context<'_>) -> Tolerance {
    let standard = Tolerance::Record { max_held: context.config.limits.held };
    let Some(node) = top.opt_table("tolerance") else {
        return standard;
    };
    let by_record = node.word("hold", &[("record", true), ("file", false)]).unwrap_or(true);
    let tolerance = if by_record {
        let max_held = node.opt_int("max_held", 0..=100_000_000);
        max_held.map_or(standard, |n| Tolerance::Record { max_held: n as u64 })
    } else {
        Tolerance::File
    };
    node.finish(&keys::TOLERANCE);
    tolerance
}

/// Resolves a control amount.
pub(super) fn amount(text: &Text<'_>, layout: &Layout) -> Option<(usize, usize)> {
    let (kind, field) = field_of(text, &layout.records)?;
    if !matches!(layout.records[kind].fields[field].kind, FieldKind::Int { .. }) {
        let message = format!("管理する金額「{}」が数値ではありません", text.value);
        text.mistake(mistake::TYPE, message, "type が 9 か S9 の項目を書いてください");
        return None;
    }
    Some((kind, field))
}

/// The record kind that is meant when none is named: the only one with values.
fn main_record(layout: &Layout) -> Option<usize> {
    let mut kinds = (0..layout.records.len()).filter(|kind| valued(&layout.records[*kind]).next().is_some());
    let only = kinds.next();
    if kinds.next().is_some() { None } else { only }
}

/// Reads `record`, or takes the main one.
fn record_kind(node: &Node<'_>, layout: &Layout) -> Option<usize> {
    let names = || layout.records.iter().map(|r| r.name.as_str());
    match node.opt_str("record") {
        Some(text) => {
            let found = layout.record(text.value);
            if found.is_none() {
                text.unknown("レコード", names());
            }
            found
        }
        None => {
            let main = main_record(layout);
            if main.is_none() && !node.has("record") {
                let all: Vec<&str> = names().collect();
                let hint = format!("{} のどれかを書いてください", all.join("、"));
                node.mistake(mistake::MISSING_KEY, "「record」がありません", hint);
            }
            main
        }
    }
}

fn check(node: &Node<'_>, layout: &Layout, site: &Names<'_>, used: &mut Used) -> Option<Check> {
    let code = node.str("code");
    let record = record_kind(node, layout);
    let when = node.opt_str("when");
    let expect = node.str("expect");
    let severity = node.opt_word("severity", &SEVERITIES).unwrap_or(Severity::Error);
    let field = node.opt_str("field");
    let message = node.str("message");
    let action = node.opt_str("action");
    node.finish(&keys::CHECK);
    if let Some(code) = &code {
        judge_code(code);
    }
    let record = record?;
    let fields: Vec<&str> = valued(&layout.records[record]).map(|(name, ..)| name).collect();
    let field = field.map(|text| {
        let found = fields.contains(&text.value).then(|| layout.records[record].field(text.value)).flatten();
        if found.is_none() {
            text.unknown("項目", fields.iter().copied());
        }
        found
    });
    if let Some(message) = &message {
        judge_message(message, &fields);
    }
    let names = site.clone().with_layout(layout, Some(record));
    let when = names.predicate(when.as_ref());
    let expect = expect.and_then(|text| names.compile(&text, Type::Bool));
    used.note(names);
    Some(Check {
        code: code?.value.to_owned(),
        record,
        when: when?,
        expect: expect?,
        severity,
        message: message?.value.to_owned(),
        action: action.map(|a| a.value.to_owned()).unwrap_or_default(),
        field: field.flatten(),
        place: node.place(),
    })
}

fn into(
    node: &Node<'_>,
    layout: &Layout,
    site: &Names<'_>,
    context: &Context<'_>,
    used: &mut Used,
) -> Option<IntoRows> {
    let entity = node.str("entity").and_then(|text| context.entity(&text));
    let record = record_kind(node, layout);
    let when = node.opt_str("when");
    let close_when = node.opt_str("close_when");
    let map = node.opt_table("map");
    if map.is_none() && !node.has("map") {
        node.mistake(mistake::MISSING_KEY, "[into.map] がありません", "列と式を書いてください");
    }
    node.finish(&keys::INTO);
    let record = record?;
    let names = site.clone().with_layout(layout, Some(record));
    let when = names.predicate(when.as_ref());
    let close_when = names.predicate(close_when.as_ref());
    let (entity, map) = (entity?, map?);
    let mut columns = vec![None; entity.columns.len()];
    let mut mapped = vec![false; entity.columns.len()];
    let mut good = true;
    for (column, source) in map.pairs() {
        let Some(index) = entity.column(column.value) else {
            column.unknown("列", entity.columns.iter().map(|c| c.name.as_str()));
            good = false;
            continue;
        };
        mapped[index] = true;
        columns[index] = names.compile(&source, entity.columns[index].ty);
        good &= columns[index].is_some();
    }
    used.note(names);
    for key in entity.key.iter().filter(|key| !mapped[**key]) {
        let name = &entity.columns[*key].name;
        let message = format!("台帳「{}」のキー「{name}」に何も入りません", entity.name);
        map.mistake(mistake::NOT_MAPPED, message, format!("\"{name}\" = … を書いてください"));
        good = false;
    }
    good.then_some(())?;
    Some(IntoRows { entity, record, when: when?, close_when: close_when?, columns, place: node.place() })
}
