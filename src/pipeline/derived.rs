//! The rows of a derivation: what its view returns becomes versions of its entity, staged where they differ from what stands.
//!
//! Owns: lineage of derived rows, the counts of named outcomes. Never: makes a row stand ([`super::derive`] does), uses more
//! of the hub than a thread of its own may have.

use std::sync::Arc;

use super::HubError;
use super::row::{RunItems, ViewRow};
use super::sentence::filled;
use super::source::Source;
use super::step::{Step, Steps};
use crate::codec::Findings;
use crate::expr::Scratch;
use crate::finding::{DataPlace, Finding, Severity};
use crate::mapping::plan::{DerivePlan, Outcome};
use crate::mapping::site::Site;
use crate::schema::view::View;
use crate::store::apply;
use crate::store::bulk::{VersionBatch, VersionWriter};
use crate::store::lineage::lineage_text;
use crate::store::same::Same;
use crate::store::shared::Shared;
use crate::store::{Conn, StoreError};
use crate::value::Value;

/// Rows staged at a time.
const BATCH_ROWS: usize = 4096;

/// What one moment's derivations have in common.
pub(super) struct Staging {
    pub site: Arc<Site>,
    pub steps: Steps,
    /// 基準日, ISO.
    pub today: String,
    /// 作成日時 as outcomes see it, JST.
    pub created_at: String,
    /// The municipality.
    pub dantai: String,
}

/// A derivation whose rows are staged.
pub(super) struct Staged {
    /// What they were.
    pub told: Told,
    /// Which of them stand already.
    pub same: Same,
}

impl Staging {
    /// Computes a view that several derivations read, for those over the same connection.
    pub(super) fn share(&self, view: &View, shared: &mut Shared, reading: &mut Conn) -> Result<(), HubError> {
        let source = Source {
            site: &self.site,
            view,
            filter: None,
            part: &[],
            order: &[],
            dantai: &self.dantai,
            base_date: &self.today,
            shared: None,
        };
        source.share(reading, shared)
    }

    /// Computes the rows over one connection and stages them over another: only those that differ from what stands, unless
    /// a key came twice; then all of them, for the settling to see.
    pub(super) fn stage(
        &self,
        plan: &DerivePlan,
        run: i64,
        (reading, shared): (&mut Conn, &Shared),
        writing: &mut Conn,
    ) -> Result<Staged, HubError> {
        let staged = self.stage_once(plan, run, (reading, shared), writing, true)?;
        if !staged.same.came_twice() {
            return Ok(staged);
        }
        apply::discard_run(writing, &plan.entity, run)?;
        self.stage_once(plan, run, (reading, shared), writing, false)
    }

    fn stage_once(
        &self,
        plan: &DerivePlan,
        run: i64,
        (reading, shared): (&mut Conn, &Shared),
        writing: &mut Conn,
        comparing: bool,
    ) -> Result<Staged, HubError> {
        let mut pass = self.pass(plan);
        let mut writer = VersionWriter::new(&plan.entity, run, &self.dantai);
        if comparing {
            writer = writer.comparing(&plan.entity, writing, plan.amount);
        }
        // In the order of the key: the same rows have the same numbers in the report on every database.
        let order: Vec<usize> = plan
            .entity
            .key
            .iter()
            .filter_map(|&k| plan.view.columns.iter().position(|(name, _)| *name == plan.entity.columns[k].name))
            .collect();
        let source = Source {
            site: &self.site,
            view: &plan.view,
            filter: None,
            part: &[],
            order: &order,
            dantai: &self.dantai,
            base_date: &self.today,
            shared: Some(shared),
        };
        let read = source.each(reading, |values| {
            pass.take(values, &self.site.values);
            if pass.batch.len() >= BATCH_ROWS {
                if self.steps.stopping() {
                    return Err(StoreError::Stopped);
                }
                writer.write_changed(writing, &mut pass.batch)?;
                pass.batch.clear();
            }
            Ok(())
        });
        match read {
            Err(HubError::Store(StoreError::Stopped)) => return Err(HubError::Stopped(Step::DeriveStaging)),
            other => other?,
        }
        writer.write_changed(writing, &mut pass.batch)?;
        Ok(Staged { told: pass.told, same: writer.finish() })
    }

    fn pass<'a>(&self, plan: &'a DerivePlan) -> Pass<'a> {
        Pass {
            plan,
            columns: columns(plan),
            run: RunItems {
                base_date: self.today.clone(),
                municipality: self.dantai.clone(),
                created_at: self.created_at.clone(),
                ..RunItems::default()
            },
            batch: VersionBatch::new(&plan.entity),
            scratch: Scratch::new(),
            src: String::new(),
            told: Told {
                rows: 0,
                unfit: 0,
                amount: 0,
                tallies: vec![Tally::default(); plan.outcomes.len()],
                findings: Findings::new(self.site.config.limits.findings_per_code),
            },
        }
    }
}

/// Where each entity column comes from in the view.
fn columns(plan: &DerivePlan) -> Vec<Option<usize>> {
    plan.entity.columns.iter().map(|c| plan.view.columns.iter().position(|(name, _)| *name == c.name)).collect()
}

/// What a derivation's rows were.
pub(super) struct Told {
    /// Rows of the view.
    pub rows: i64,
    /// Of these, rows without a key.
    pub unfit: i64,
    /// Sum of the control amount, yen.
    pub amount: i64,
    /// By outcome of the plan.
    pub tallies: Vec<Tally>,
    /// What the outcomes and the rows without a key have to say.
    pub findings: Findings,
}

/// Counts of one named outcome.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Rows.
    pub count: i64,
    /// Sum of their control amounts, yen.
    pub amount: i64,
}

struct Pass<'a> {
    plan: &'a DerivePlan,
    columns: Vec<Option<usize>>,
    run: RunItems,
    batch: VersionBatch,
    scratch: Scratch,
    src: String,
    told: Told,
}

impl Pass<'_> {
    fn take(&mut self, values: &[Value<'_>], site: &[(String, String)]) {
        self.told.rows += 1;
        let columns = &values[..self.plan.view.columns.len()];
        lineage_text(&self.plan.view, values, &mut self.src);
        self.batch.start(self.told.rows as u64, 0, 0, Some(&self.src), false);
        for from in &self.columns {
            self.batch.push(from.map_or(Value::Null, |i| columns[i]));
        }
        if self.batch.finish().is_err() {
            let place = DataPlace { record: self.told.rows as u64, ..DataPlace::default() };
            let message = format!("ビュー「{}」の {} 行目のキーが空です", self.plan.view.name, self.told.rows);
            self.told.findings.push(Finding::data("key-missing", Severity::Error, place, message));
            self.told.unfit += 1;
            return;
        }
        let amount = self.plan.amount.and_then(|i| self.columns[i]).and_then(|i| columns[i].as_int()).unwrap_or(0);
        self.told.amount = self.told.amount.saturating_add(amount);
        let row = ViewRow { columns, run: &self.run, site };
        for (outcome, tally) in self.plan.outcomes.iter().zip(&mut self.told.tallies) {
            if outcome.when.is_true(&row, &mut self.scratch).unwrap_or(false) {
                tally.count += 1;
                tally.amount = tally.amount.saturating_add(amount);
                if outcome.severity >= Severity::Warning {
                    self.told.findings.push(named(outcome, self.plan, columns, self.told.rows as u64));
                }
            }
        }
    }
}

fn named(outcome: &Outcome, plan: &DerivePlan, columns: &[Value<'_>], row: u64) -> Finding {
    let message = filled(&outcome.message, |name| {
        let i = plan.view.columns.iter().position(|(column, _)| column == name)?;
        let secret = plan.entity.column(name).is_some_and(|c| plan.entity.columns[c].secret);
        Some(if secret { "＊＊＊".to_owned() } else { columns[i].to_string() })
    });
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
