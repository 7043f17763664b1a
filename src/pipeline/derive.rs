//! Derive: a view becomes the rows of an entity, by the same stage and settle as a file.
//!
//! Owns: lineage of derived rows, the counts of named outcomes. Never: computes anything itself; the view does.

use super::ahead::Reading;
use super::row::{RunItems, ViewRow};
use super::source::Source;
use super::step::Step;
use super::{Hub, HubError, interrupted};
use crate::codec::Findings;
use crate::expr::Scratch;
use crate::finding::{DataPlace, Finding, Severity};
use crate::mapping::plan::{DerivePlan, Outcome};
use crate::mapping::site::Site;
use crate::store::apply::{self, ApplyMode};
use crate::store::bulk::{VersionBatch, VersionWriter};
use crate::store::lineage::lineage_text;
use crate::store::run::{self, NewRun, RunKind, RunState, RunTotals};
use crate::store::same::Same;
use crate::store::{StoreError, detail};
use crate::value::Value;

/// Rows staged at a time.
const BATCH_ROWS: usize = 4096;
/// Prefix of an outcome's line among a run's totals; its declared side is the amount.
pub const OUTCOME: &str = "outcome:";

/// Counts of one named outcome.
#[derive(Debug, Clone, Default)]
struct Tally {
    count: i64,
    amount: i64,
}

/// Computes one derivation anew for the day `today`, from rows that are being read or, with `None`, that it reads itself.
/// Rows that are as before leave no trace; rows that are gone are closed.
pub fn derive(hub: &mut Hub, plan: &DerivePlan, today: &str, ahead: Option<Reading>) -> Result<i64, HubError> {
    let now = hub.clock.stamp();
    let dantai = hub.dantai().to_owned();
    discard_unfinished(hub, plan)?;
    let new = NewRun {
        exchange: None,
        interface: &plan.interface,
        dantai: &dantai,
        kind: RunKind::Derive,
        base_date: today,
        revision: &plan.revision,
    };
    let run = run::begin(&mut hub.conn, &new, &now)?;
    hub.steps.pass(Step::DeriveStaging)?;
    let (mut pass, mut same) = stage(hub, plan, run, today, ahead, true)?;
    if same.came_twice() {
        // Every row of a key that came twice must be found among what is staged.
        apply::discard_run(&mut hub.conn, &plan.entity, run)?;
        (pass, same) = stage(hub, plan, run, today, None, false)?;
    }
    settle(hub, plan, run, &pass, &same, &dantai)?;
    hub.steps.pass(Step::DeriveSettled)?;
    super::facts::write_derivation(hub, run)?;
    Ok(run)
}

/// Stages the rows, when `comparing` but for those that stand as they are.
fn stage<'a>(
    hub: &mut Hub,
    plan: &'a DerivePlan,
    run: i64,
    today: &str,
    ahead: Option<Reading>,
    comparing: bool,
) -> Result<(Pass<'a>, Same), HubError> {
    let dantai = hub.dantai().to_owned();
    let mut pass = Pass::new(hub, plan, today);
    let writer = VersionWriter::new(&plan.entity, run, &dantai);
    let mut writer = if comparing { writer.comparing(&plan.entity, &hub.conn, plan.amount) } else { writer };
    let mut writing = hub.spare()?;
    let (steps, site) = (hub.steps.clone(), hub.site.clone());
    let take = |values: &[Value<'_>]| {
        pass.take(values, &site.values);
        if pass.batch.len() >= BATCH_ROWS {
            if steps.stopping() {
                return Err(StoreError::Stopped);
            }
            writer.write_changed(&mut writing, &mut pass.batch)?;
            pass.batch.clear();
        }
        Ok(())
    };
    let read = match ahead {
        Some(reading) => reading.each(take),
        None => {
            let mut conn = hub.spare()?;
            let read = source(&site, plan, &order(plan), &dantai, today).each(&mut conn, take);
            hub.leave(conn)?;
            read
        }
    };
    match read {
        Err(HubError::Store(StoreError::Stopped)) => return Err(HubError::Stopped(Step::DeriveStaging)),
        other => other?,
    }
    writer.write_changed(&mut writing, &mut pass.batch)?;
    hub.leave(writing)?;
    Ok((pass, writer.finish()))
}

/// The order of the key: the same rows have the same numbers in the report on every database.
pub(super) fn order(plan: &DerivePlan) -> Vec<usize> {
    let column = |k: &usize| plan.view.columns.iter().position(|(name, _)| *name == plan.entity.columns[*k].name);
    plan.entity.key.iter().filter_map(column).collect()
}

/// What a derivation reads; `order` is its [`order`].
pub(super) fn source<'a>(
    site: &'a Site,
    plan: &'a DerivePlan,
    order: &'a [usize],
    dantai: &'a str,
    base_date: &'a str,
) -> Source<'a> {
    Source { site, view: &plan.view, filter: None, part: &[], order, dantai, base_date }
}

fn settle(
    hub: &mut Hub,
    plan: &DerivePlan,
    run: i64,
    pass: &Pass<'_>,
    same: &Same,
    dantai: &str,
) -> Result<(), HubError> {
    let now = hub.clock.stamp();
    let note = super::due::made_up(hub, if plan.after.is_empty() { &plan.schedule } else { &[] }, None)?;
    hub.conn.durable(|conn| {
        let mode = ApplyMode { full: true, any_held: false, max_duplicates: 0, amount: plan.amount };
        let applied = apply::apply_compared(conn, &plan.entity, run, dantai, mode, same)?;
        let duplicates = applied.duplicates as i64;
        let totals = RunTotals {
            read: pass.rows,
            loaded_new: applied.new as i64,
            loaded_changed: applied.changed as i64,
            unchanged: applied.unchanged as i64,
            vanished: applied.vanished as i64,
            held: duplicates + pass.unfit,
            skipped: applied.older as i64,
            amount_read: pass.amount,
            amount_loaded: pass.amount,
            amount_new: applied.amounts.map_or(pass.amount, |a| a.new),
            amount_changed: applied.amounts.map_or(0, |a| a.changed),
            amount_unchanged: applied.amounts.map_or(0, |a| a.unchanged),
            amount_held: applied.amounts.map_or(0, |a| a.duplicates),
            ..RunTotals::default()
        };
        for code in pass.findings.codes() {
            detail::count_findings(conn, run, &code.code, code.worst, code.count)?;
        }
        detail::add_findings(conn, run, 1, pass.findings.kept())?;
        if duplicates > 0 {
            let message = format!(
                "同じキーの行が {duplicates} 件計算されたため、保留しました。ビュー「{}」の定義を確認してください",
                plan.view.name
            );
            detail::count_findings(conn, run, "duplicate-key", Severity::Error, 1)?;
            let first = pass.findings.kept().len() as u64 + 1;
            detail::add_findings(
                conn,
                run,
                first,
                &[Finding::data("duplicate-key", Severity::Error, DataPlace::default(), message)],
            )?;
        }
        let outcomes: Vec<detail::TotalSeen> = plan
            .outcomes
            .iter()
            .zip(&pass.tallies)
            .map(|(o, t)| detail::TotalSeen {
                title: format!("{OUTCOME}{}", o.title),
                declared: plan.amount.map(|_| t.amount),
                counted: t.count,
                agrees: true,
                record: 0,
            })
            .collect();
        detail::add_totals(conn, run, &outcomes)?;
        run::finish(conn, run, RunState::Done, &totals, note.as_deref(), &now)
    })?;
    crate::store::ddl::ensure_indexes(&mut hub.conn, &plan.entity)?;
    Ok(())
}

/// Of a run that a stop interrupted nothing stands; what it staged goes.
fn discard_unfinished(hub: &mut Hub, plan: &DerivePlan) -> Result<(), HubError> {
    let dantai = hub.dantai().to_owned();
    for old in run::unfinished(&mut hub.conn, &dantai)? {
        if old.kind == RunKind::Derive && old.interface == plan.interface {
            interrupted::discard(hub, &old, [plan.entity.as_ref()])?;
        }
    }
    Ok(())
}

/// Where each entity column comes from in the view.
fn columns(plan: &DerivePlan) -> Vec<Option<usize>> {
    plan.entity.columns.iter().map(|c| plan.view.columns.iter().position(|(name, _)| *name == c.name)).collect()
}

struct Pass<'a> {
    plan: &'a DerivePlan,
    columns: Vec<Option<usize>>,
    run: RunItems,
    batch: VersionBatch,
    scratch: Scratch,
    rows: i64,
    unfit: i64,
    amount: i64,
    tallies: Vec<Tally>,
    findings: Findings,
    src: String,
}

impl<'a> Pass<'a> {
    fn new(hub: &Hub, plan: &'a DerivePlan, today: &str) -> Self {
        Pass {
            plan,
            columns: columns(plan),
            run: RunItems {
                base_date: today.to_owned(),
                municipality: hub.dantai().to_owned(),
                created_at: crate::clock::compact_jst(&hub.clock.stamp()),
                ..RunItems::default()
            },
            batch: VersionBatch::new(&plan.entity),
            scratch: Scratch::new(),
            rows: 0,
            unfit: 0,
            amount: 0,
            tallies: vec![Tally::default(); plan.outcomes.len()],
            findings: Findings::new(hub.site.config.limits.findings_per_code),
            src: String::new(),
        }
    }

    fn take(&mut self, values: &[Value<'_>], site: &[(String, String)]) {
        self.rows += 1;
        let columns = &values[..self.plan.view.columns.len()];
        lineage_text(&self.plan.view, values, &mut self.src);
        self.batch.start(self.rows as u64, 0, 0, Some(&self.src), false);
        for from in &self.columns {
            self.batch.push(from.map_or(Value::Null, |i| columns[i]));
        }
        if self.batch.finish().is_err() {
            let place = DataPlace { record: self.rows as u64, ..DataPlace::default() };
            let message = format!("ビュー「{}」の {} 行目のキーが空です", self.plan.view.name, self.rows);
            self.findings.push(Finding::data("key-missing", Severity::Error, place, message));
            self.unfit += 1;
            return;
        }
        let amount = self.plan.amount.and_then(|i| self.columns[i]).and_then(|i| columns[i].as_int()).unwrap_or(0);
        self.amount = self.amount.saturating_add(amount);
        let row = ViewRow { columns, run: &self.run, site };
        for (outcome, tally) in self.plan.outcomes.iter().zip(&mut self.tallies) {
            if outcome.when.is_true(&row, &mut self.scratch).unwrap_or(false) {
                tally.count += 1;
                tally.amount = tally.amount.saturating_add(amount);
                if outcome.severity >= Severity::Warning {
                    self.findings.push(named(outcome, self.plan, columns, self.rows as u64));
                }
            }
        }
    }
}

fn named(outcome: &Outcome, plan: &DerivePlan, columns: &[Value<'_>], row: u64) -> Finding {
    let mut message = outcome.message.clone();
    for (i, (name, _)) in plan.view.columns.iter().enumerate() {
        let place = format!("{{{name}}}");
        if message.contains(&place) {
            let secret = plan.entity.column(name).is_some_and(|c| plan.entity.columns[c].secret);
            let value = if secret { "＊＊＊".to_owned() } else { columns[i].to_string() };
            message = message.replace(&place, &value);
        }
    }
    let (field, key, secret) = key_of(plan, columns);
    Finding::data(&outcome.code, outcome.severity, DataPlace { record: row, field, ..DataPlace::default() }, message)
        .with_value(&key, secret)
        .with_rule(outcome.place.clone())
}

/// Names and values of a derived row's key, and whether some part of it is secret.
fn key_of(plan: &DerivePlan, columns: &[Value<'_>]) -> (String, String, bool) {
    let (mut names, mut values, mut secret) = (Vec::new(), Vec::new(), false);
    for column in plan.entity.key.iter().map(|&k| &plan.entity.columns[k]) {
        names.push(column.name.as_str());
        secret |= column.secret;
        let at = plan.view.columns.iter().position(|(name, _)| *name == column.name);
        values.push(at.map_or_else(String::new, |i| columns[i].to_string()));
    }
    (names.join("・"), values.join("・"), secret)
}
