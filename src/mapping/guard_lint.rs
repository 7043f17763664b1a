//! What is protected cannot be forgotten: a mapping that would show it without its guard, open it without a purpose, or
//! carry it to where nobody knows that it is protected, is refused.
//!
//! Owns: these judgements, for the whole site. Never: follows values itself (`carry`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::context::Context;
use super::load_out::used_columns;
use super::load_table::DayTable;
use super::plan::{DerivePlan, HoldTest, InPlan, Level, OutPlan};
use crate::finding::{Finding, RulePlace};
use crate::schema::mistake;
use crate::value::Type;

/// Reports what would show.
pub(super) fn judge(
    context: &Context<'_>,
    inbound: impl Iterator<Item = Arc<InPlan>>,
    derive: &BTreeMap<String, Arc<DerivePlan>>,
    outbound: &BTreeMap<String, Arc<OutPlan>>,
    tables: &BTreeMap<String, DayTable>,
    findings: &mut Vec<Finding>,
) {
    guards_exist(context, findings);
    let inbound: Vec<_> = inbound.collect();
    inbound.iter().for_each(|plan| judge_in(plan, findings));
    derive.values().for_each(|plan| judge_derive(context, plan, findings));
    for plan in outbound.values() {
        judge_out(context, plan, findings);
        judge_sources(context, &inbound, plan, findings);
    }
    for (id, table) in tables {
        let columns = table.view.columns.iter().enumerate();
        for (_, (name, _)) in columns.filter(|(i, _)| shows(context, &table.view, *i)) {
            let message = format!("日報の表「{id}」の列「{name}」に、保護する値か金庫の値が出ます");
            let finding = Finding::rule(mistake::GUARD, whole(&format!("schemas/tables/{id}.toml")), message);
            findings.push(finding.with_action("ビューからその列を除いてください"));
        }
    }
}

fn whole(file: &str) -> RulePlace {
    RulePlace { file: file.to_owned(), line: 1, column: 1 }
}

fn shows(context: &Context<'_>, view: &crate::schema::view::View, column: usize) -> bool {
    context.carried.is_vault(context.entities, view, column)
        || !context.carried.guards(context.entities, view, column).is_empty()
}

fn guards_exist(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for column in context.entities.values().flat_map(|e| &e.columns) {
        let Some(guard) = &column.guard else { continue };
        if !context.files.has(&format!("schemas/guards/{guard}.toml")) {
            let hint = mistake::did_you_mean(guard, context.guards.keys().map(String::as_str));
            let message = format!("列「{}」の guard「{guard}」がありません", column.name);
            let hint =
                if hint.is_empty() { format!("schemas/guards/{guard}.toml を書いてください") } else { hint };
            findings.push(Finding::rule(mistake::UNKNOWN_NAME, column.place.clone(), message).with_action(hint));
        }
    }
}

/// What is guarded in one column is guarded in every column it goes to, and part of no message.
fn judge_guarded_in(plan: &InPlan, findings: &mut Vec<Finding>) {
    let fields = plan.guarded_fields();
    for rows in &plan.into {
        for (column, expr) in rows.entity.columns.iter().zip(&rows.columns) {
            let slots = expr.iter().flat_map(crate::expr::Expr::slots);
            let guarded = |slot: u32| fields.contains(&((slot >> 16) as usize, (slot & 0xFFFF) as usize));
            if column.guard.is_none() && column.ty != Type::Int && slots.into_iter().any(guarded) {
                let message =
                    format!("保護する項目が、台帳「{}」の列「{}」にも入ります", rows.entity.name, column.name);
                let finding = Finding::rule(mistake::GUARD, rows.place.clone(), message);
                findings.push(finding.with_action("その列にも guard を書いてください"));
            }
        }
    }
    for (kind, field) in fields {
        let Some(field) = plan.layout.records.get(kind).and_then(|r| r.fields.get(field)) else { continue };
        let place = format!("{{{}}}", field.name);
        for check in plan.checks.iter().filter(|c| c.record == kind && c.message.contains(&place)) {
            let message = format!("保護する項目「{}」が文に出ます", field.name);
            let finding = Finding::rule(mistake::GUARD, check.place.clone(), message);
            findings.push(finding.with_action("message からその項目を除いてください"));
        }
    }
}

/// A value that goes to the vault is masked on its way there, and goes nowhere else.
fn judge_in(plan: &InPlan, findings: &mut Vec<Finding>) {
    judge_guarded_in(plan, findings);
    let mut bound: BTreeSet<u32> = BTreeSet::new();
    let columns = || {
        plan.into.iter().flat_map(|rows| {
            let columns = rows.entity.columns.iter().zip(&rows.columns);
            columns.filter_map(move |(column, expr)| Some((rows, column, expr.as_ref()?)))
        })
    };
    for (rows, column, expr) in columns().filter(|(_, column, _)| column.vault) {
        for slot in expr.slots() {
            let (kind, field) = ((slot >> 16) as usize, (slot & 0xFFFF) as usize);
            let Some(field) = plan.layout.records.get(kind).and_then(|r| r.fields.get(field)) else { continue };
            bound.insert(slot);
            if !field.secret {
                let message = format!("金庫に入る項目「{}」が secret ではありません", field.name);
                let finding = Finding::rule(mistake::GUARD, rows.place.clone(), message);
                let action = format!("レイアウト {} の項目に secret = true を書いてください", plan.layout.id);
                findings.push(finding.with_action(action));
            }
        }
        if expr.as_slot().is_none() && expr.slots().is_empty() {
            let message = format!("金庫の列「{}」に、項目でない値が入ります", column.name);
            findings.push(Finding::rule(mistake::GUARD, rows.place.clone(), message));
        }
    }
    for (rows, column, expr) in columns().filter(|(_, column, _)| !column.vault && column.ty != Type::Int) {
        if expr.slots().iter().any(|slot| bound.contains(slot)) {
            let message = format!("金庫に入る項目が、台帳「{}」の列「{}」にも入ります", rows.entity.name, column.name);
            let finding = Finding::rule(mistake::GUARD, rows.place.clone(), message);
            findings.push(
                finding.with_action("その列も vault = true にするか、この行を消してください（有無は int の列で）"),
            );
        }
    }
}

/// What a derivation stores stays as protected as it was.
fn judge_derive(context: &Context<'_>, plan: &DerivePlan, findings: &mut Vec<Finding>) {
    let mut refuse = |message: String, action: &str| {
        findings.push(Finding::rule(mistake::GUARD, whole(&plan.file), message).with_action(action));
    };
    for (index, (name, _)) in plan.view.columns.iter().enumerate() {
        let vault = context.carried.is_vault(context.entities, &plan.view, index);
        let guards = context.carried.guards(context.entities, &plan.view, index);
        let place = format!("{{{name}}}");
        if (vault || !guards.is_empty()) && plan.outcomes.iter().any(|o| o.message.contains(&place)) {
            refuse(format!("保護する列「{name}」が文に出ます"), "message からその項目を除いてください");
        }
        let Some(column) = plan.entity.column(name).map(|i| &plan.entity.columns[i]) else { continue };
        if vault != column.vault {
            let message = format!("列「{name}」が、ビューと台帳「{}」の一方でだけ金庫の値です", plan.entity.name);
            refuse(message, "台帳の列の vault をビューの元の列にそろえてください");
        }
        for guard in guards.into_iter().filter(|guard| column.guard.as_deref() != Some(guard)) {
            let message = format!("列「{name}」の保護「{guard}」が、台帳「{}」で失われます", plan.entity.name);
            refuse(message, &format!("台帳の列に guard = \"{guard}\" を書いてください"));
        }
    }
}

/// What is protected is not what a record is known by: keys, groups and names of files stand in reports.
fn judge_names(plan: &OutPlan, findings: &mut Vec<Finding>) {
    let named = [("key", &plan.key), ("group", &plan.group), ("split", &plan.split)];
    for (key, index) in named.iter().flat_map(|(key, columns)| columns.iter().map(move |index| (key, index))) {
        if plan.guarded.contains(index) {
            let message = format!("保護する列「{}」は {key} に使えません", plan.view.columns[*index].0);
            let finding = Finding::rule(mistake::GUARD, whole(&plan.file), message);
            findings.push(finding.with_action("報告書に出る値なので、ほかの列を使ってください"));
        }
    }
}

/// A draft is made anew when somebody comes under protection: the guard's sources are the draft's too.
fn judge_sources(context: &Context<'_>, inbound: &[Arc<InPlan>], plan: &OutPlan, findings: &mut Vec<Finding>) {
    for hold in &plan.holds {
        let HoldTest::Guard { guard, .. } = &hold.test else { continue };
        let mut missing: BTreeSet<&str> = BTreeSet::new();
        for entity in context.entities.values().filter(|e| guard.view.uses.contains(&e.name)) {
            let writes = |p: &&Arc<InPlan>| p.into.iter().any(|rows| rows.entity.id == entity.id);
            missing.extend(inbound.iter().filter(writes).map(|p| p.interface.as_str()));
        }
        for source in missing.into_iter().filter(|source| !plan.after.iter().any(|a| a == source)) {
            let message = format!("保護「{}」の元になる「{source}」が after にありません", guard.id);
            let finding = Finding::rule(mistake::GUARD, hold.place.clone(), message);
            let action =
                format!("after に \"{source}\" を足してください。保護が始まったときに下書きを作り直すためです");
            findings.push(finding.with_action(action));
        }
    }
}

fn judge_out(context: &Context<'_>, plan: &OutPlan, findings: &mut Vec<Finding>) {
    judge_names(plan, findings);
    let column = |index: usize| plan.view.columns[index].0.as_str();
    let mut refuse = |place: RulePlace, message: String, action: String| {
        findings.push(Finding::rule(mistake::GUARD, place, message).with_action(action));
    };
    let mut needed: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let used = used_columns(&plan.records, &plan.key, &plan.view);
    for index in used.iter().chain(&plan.group) {
        for guard in context.carried.guards(context.entities, &plan.view, *index) {
            needed.entry(guard).or_default().insert(*index);
        }
    }
    for (guard, columns) in needed {
        let held = |h: &super::plan::Hold| matches!(&h.test, HoldTest::Guard { guard: g, .. } if g.id == guard);
        if !plan.holds.iter().any(held) {
            let names: Vec<&str> = columns.iter().map(|i| column(*i)).collect();
            let message =
                format!("保護する列（{}）を送るのに、[[hold]] guard = \"{guard}\" がありません", names.join("、"));
            let action = format!("[[hold]] に guard = \"{guard}\" と key = （本人の番号の列）を書いてください");
            refuse(whole(&plan.file), message, action);
        }
    }
    if let (Some(first), None) = (plan.opens.first(), &plan.purpose) {
        let message = format!("金庫の列「{}」を送るのに、「purpose」がありません", column(*first));
        let action = "purpose = \"…\" に、番号を使う事務を書いてください。使わないなら列を送らないでください";
        refuse(whole(&plan.file), message, action.to_owned());
    }
    if let Some(index) = plan.group.iter().find(|i| plan.opens.contains(i)) {
        let message = format!("金庫の列「{}」で組に分けることはできません", column(*index));
        refuse(whole(&plan.file), message, String::new());
    }
    for record in &plan.records {
        let kind = &plan.layout.records[record.record];
        for (field, exprs) in kind.fields.iter().zip(record.fields.iter().zip(&record.closed)) {
            let slots = [exprs.0, exprs.1].into_iter().flatten().flat_map(|expr| expr.slots());
            let opened = slots.into_iter().any(|slot| plan.opens.contains(&(slot as usize)));
            if opened && !field.secret {
                let message = format!("金庫の値が入る項目「{}」が secret ではありません", field.name);
                let action = format!("レイアウト {} の項目に secret = true を書いてください", plan.layout.id);
                refuse(record.place.clone(), message, action);
            }
            if opened && record.level != Level::Row {
                let message = format!("金庫の値は行の項目にだけ入れられます（「{}」）", field.name);
                refuse(record.place.clone(), message, String::new());
            }
        }
    }
}
