//! Judgements across the files of a site: names that clash, things that wait for each other, things nobody uses.
//!
//! Owns: the order of derivations. Never: looks inside one file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::context::Context;
use super::plan::{DerivePlan, InPlan, OutPlan};
use crate::finding::{Finding, RulePlace, Severity};
use crate::schema::mistake;
use crate::schema::view::View;

/// Reports what does not hold together.
pub(super) fn judge(
    context: &Context<'_>,
    inbound: &[Arc<InPlan>],
    derive: &BTreeMap<String, Arc<DerivePlan>>,
    outbound: &BTreeMap<String, Arc<OutPlan>>,
    findings: &mut Vec<Finding>,
) {
    table_names(context, findings);
    view_cycles(context, findings);
    interface_ids(context, findings);
    for id in derive_order(derive).1 {
        let message = format!("「{id}」が、めぐりめぐって自分自身を待っています");
        let place = whole(&format!("mappings/derive/{id}.toml"));
        findings.push(Finding::rule(mistake::CYCLE, place, message).with_action("after を見直してください"));
    }
    waits_for_sources(context, derive, findings);
    for plan in outbound.values().filter(|plan| !plan.after.is_empty()) {
        unheard_sources(context, inbound, derive, plan, findings);
    }
    unused(context, outbound, findings);
}

/// Warnings about what a draft is made of and does not hear of: it would leave with what was there before.
fn unheard_sources(
    context: &Context<'_>,
    inbound: &[Arc<InPlan>],
    derive: &BTreeMap<String, Arc<DerivePlan>>,
    plan: &OutPlan,
    findings: &mut Vec<Finding>,
) {
    let read = context.files_of_view(&plan.view);
    let from_files = inbound.iter().flat_map(|other| other.into.iter().map(|rows| (&other.interface, &rows.entity)));
    let derived = derive.values().map(|other| (&other.interface, &other.entity));
    let heard = |interface: &String| plan.after.contains(interface) || plan.requires.contains(interface);
    let unheard: BTreeMap<&String, &String> = from_files
        .chain(derived)
        .filter(|(interface, entity)| read.contains(&entity.place.file) && !heard(interface))
        .map(|(interface, entity)| (interface, &entity.name))
        .collect();
    for (interface, entity) in unheard {
        let message = format!(
            "台帳「{entity}」を使うのに、それを変える「{interface}」が after にありません。確認前の下書きが古いまま残ります"
        );
        let hint = format!("after に \"{interface}\" を足してください");
        let mut finding = Finding::rule(mistake::CYCLE, whole(&plan.file), message).with_action(hint);
        finding.severity = Severity::Warning;
        findings.push(finding);
    }
}

fn whole(file: &str) -> RulePlace {
    RulePlace { file: file.to_owned(), line: 1, column: 1 }
}

/// Entities and views share one space of names.
fn table_names(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let entities = context.entities.values().map(|e| (&e.name, &e.place));
    let views = context.views.values().map(|v| (&v.name, &v.place));
    let mut seen: BTreeMap<&str, &RulePlace> = BTreeMap::new();
    for (name, place) in entities.chain(views) {
        if let Some(first) = seen.insert(name, place) {
            let message = format!("名前「{name}」は {} でも使っています", first.file);
            let finding = Finding::rule(mistake::DUPLICATE, place.clone(), message);
            findings.push(finding.with_action("別の名前にしてください"));
        }
    }
}

fn view_cycles(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let by_name: BTreeMap<&str, &View> = context.views.values().map(|v| (v.name.as_str(), &**v)).collect();
    for view in context.views.values() {
        let mut seen = BTreeSet::new();
        let mut todo: Vec<&str> = view.uses.iter().map(String::as_str).collect();
        while let Some(name) = todo.pop() {
            if name == view.name {
                let message = format!("ビュー「{}」が、めぐりめぐって自分自身を使っています", view.name);
                let finding = Finding::rule(mistake::CYCLE, view.place.clone(), message);
                findings.push(finding.with_action("FROM と JOIN を見直してください"));
                break;
            }
            if let Some(next) = by_name.get(name)
                && seen.insert(name)
            {
                todo.extend(next.uses.iter().map(String::as_str));
            }
        }
    }
}

/// An interface is one exchange in one direction: its id names runs, folders and reports.
fn interface_ids(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for folder in ["mappings/in", "mappings/derive", "mappings/out"] {
        for (id, path) in context.files.of_folder(folder) {
            if let Some(first) = seen.insert(id, path) {
                let message = format!("業務の名前「{id}」は {first} でも使っています");
                let finding = Finding::rule(mistake::DUPLICATE, whole(path), message);
                findings.push(finding.with_action("ファイル名を変えてください"));
            }
        }
    }
}

/// Derivations in order, and those that wait for themselves.
pub(super) fn derive_order(plans: &BTreeMap<String, Arc<DerivePlan>>) -> (Vec<Arc<DerivePlan>>, Vec<String>) {
    let mut order: Vec<Arc<DerivePlan>> = Vec::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    loop {
        let ready = plans.values().find(|plan| {
            let waits = |name: &String| plans.contains_key(name) && !done.contains(name.as_str());
            !done.contains(plan.interface.as_str()) && !plan.after.iter().chain(&plan.requires).any(waits)
        });
        let Some(plan) = ready else { break };
        done.insert(&plan.interface);
        order.push(Arc::clone(plan));
    }
    let stuck = plans.keys().filter(|id| !done.contains(id.as_str())).cloned().collect();
    (order, stuck)
}

/// A derivation that reads what another one writes must wait for it, or it works on yesterday's rows.
fn waits_for_sources(context: &Context<'_>, derive: &BTreeMap<String, Arc<DerivePlan>>, findings: &mut Vec<Finding>) {
    for plan in derive.values() {
        let read = context.files_of_view(&plan.view);
        for other in derive.values().filter(|other| other.interface != plan.interface) {
            if read.contains(&other.entity.place.file) && !waits(derive, &plan.interface, &other.interface) {
                let message =
                    format!("「{}」が作る台帳「{}」を使うのに、それを待ちません", other.interface, other.entity.name);
                let finding = Finding::rule(mistake::CYCLE, whole(&plan.file), message);
                findings.push(
                    finding.with_action(format!("after か [[requires]] に \"{}\" を足してください", other.interface)),
                );
            }
        }
    }
}

/// Does `later` wait for `earlier`, directly or through others?
pub(super) fn waits(derive: &BTreeMap<String, Arc<DerivePlan>>, later: &str, earlier: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut todo = vec![later];
    while let Some(name) = todo.pop() {
        let Some(plan) = derive.get(name).filter(|_| seen.insert(name)) else { continue };
        if plan.after.iter().chain(&plan.requires).any(|after| after == earlier) {
            return true;
        }
        todo.extend(plan.after.iter().chain(&plan.requires).map(String::as_str));
    }
    false
}

/// Warnings about files that nothing refers to.
fn unused(context: &Context<'_>, outbound: &BTreeMap<String, Arc<OutPlan>>, findings: &mut Vec<Finding>) {
    let mut warn = |file: &str, message: String, hint: &str| {
        let mut finding = Finding::rule(mistake::UNUSED, whole(file), message).with_action(hint);
        finding.severity = Severity::Warning;
        findings.push(finding);
    };
    let used: BTreeSet<&str> = context
        .feeds
        .values()
        .flat_map(|feed| feed.forms.iter().map(|form| form.layout.as_str()))
        .chain(outbound.values().map(|plan| plan.layout.id.as_str()))
        .collect();
    let out_broken = context.files.of_folder("mappings/out").count() != outbound.len();
    for (id, path) in context.files.of_folder("schemas/layouts") {
        if !used.contains(id) && !out_broken {
            warn(path, format!("レイアウト「{id}」はどこからも使われていません"), "不要なら消してください");
        }
    }
    for (id, path) in context.files.of_folder("schemas/feeds") {
        if !context.files.has(&format!("mappings/in/{id}.toml")) {
            let hint = format!("mappings/in/{id}.toml を書いてください");
            warn(path, format!("受信設定「{id}」に取り込みの定義がありません"), &hint);
        }
    }
}
