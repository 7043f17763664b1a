//! Derive: a view becomes the rows of an entity, by the same stage and settle as a file.
//!
//! Owns: the runs of derivations, several at once where none reads what another writes, and what is told of them. Never:
//! computes anything itself; the view does.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::derived::{Staged, Staging};
use super::step::Step;
use super::together::{self, Group};
use super::{Hub, HubError, guarded, interrupted};
use crate::finding::{DataPlace, Finding, Severity};
use crate::mapping::plan::DerivePlan;
use crate::schema::view::View;
use crate::store::apply::{self, ApplyMode};
use crate::store::run::{self, NewRun, RunKind, RunState, RunTotals};
use crate::store::shared::Shared;
use crate::store::{Conn, detail};

/// Most derivations computed at a time; each has two connections and their memory.
const THREADS: usize = 2;
/// Memory for the pages of the store that a staging connection looks at and writes.
const WRITING_MIB: u32 = 16;
/// Prefix of an outcome's line among a run's totals; its declared side is the amount.
pub const OUTCOME: &str = "outcome:";

/// What became of a derivation.
pub enum Ending {
    /// Its rows stand.
    Stands,
    /// It was computed too early: what it waits for changed after all. Nothing is left of it.
    TooEarly,
    /// The machine failed, or the view.
    Failed(HubError),
}

/// Computes derivations at once and makes their rows stand, in the order given: each after those it waits for. A later one
/// was computed from what stood before the earlier ones; where these changed something, it has to come again.
///
/// # Errors
/// A stop ends them all, and so does a machine that fails before any is computed.
pub fn derive_together(hub: &mut Hub, plans: &[Arc<DerivePlan>]) -> Result<Vec<Ending>, HubError> {
    let mut begun = Vec::with_capacity(plans.len());
    for plan in plans {
        begun.push(unless_stopped(guarded(hub, |hub| begin(hub, plan)))?);
    }
    let ready: Vec<Ready<'_>> =
        plans.iter().zip(&begun).filter_map(|(plan, run)| Some(Ready { plan, run: *run.as_ref().ok()? })).collect();
    let mut staged = stage_together(hub, &ready)?.into_iter();
    let site = hub.site.clone();
    let mut changed: Vec<&DerivePlan> = Vec::new();
    let mut endings = Vec::with_capacity(plans.len());
    for (plan, begun) in plans.iter().zip(begun) {
        let run = begun.as_ref().ok().copied();
        let done = match begun {
            Err(error) => Err(error),
            Ok(run) => match staged.next().unwrap_or(Err(HubError::Bug)) {
                Err(error) => Err(error),
                Ok(_) if changed.iter().any(|earlier| site.waits(&plan.interface, &earlier.interface)) => {
                    guarded(hub, |hub| take_back(hub, plan, run)).map(|()| Ending::TooEarly)
                }
                Ok(staged) => guarded(hub, |hub| finish(hub, plan, run, &staged)).map(|has_changed| {
                    changed.extend(has_changed.then_some(plan.as_ref()));
                    Ending::Stands
                }),
            },
        };
        let ending = unless_stopped(done)?.unwrap_or_else(Ending::Failed);
        if let (Ending::Failed(error), Some(run)) = (&ending, run) {
            fail(hub, plan, run, error);
        }
        endings.push(ending);
    }
    Ok(endings)
}

/// Forgets a run that was computed too early, with what it staged.
fn take_back(hub: &mut Hub, plan: &DerivePlan, run: i64) -> Result<(), HubError> {
    apply::discard_run(&mut hub.conn, &plan.entity, run)?;
    Ok(run::forget(&mut hub.conn, run)?)
}

/// Writes down that a run failed; where even that fails, the next begin clears up.
fn fail(hub: &mut Hub, plan: &DerivePlan, run: i64, error: &HubError) {
    let why = super::worker::chain(error);
    let written = guarded(hub, |hub| interrupted::fail(hub, run, [plan.entity.as_ref()], &why));
    if let Err(error) = written {
        tracing::error!(interface = %plan.interface, error = %super::worker::chain(&error), "failure not written down");
    }
}

/// A stop is no failure of this piece of work.
fn unless_stopped<T>(done: Result<T, HubError>) -> Result<Result<T, HubError>, HubError> {
    match done {
        Err(HubError::Stopped(step)) => Err(HubError::Stopped(step)),
        other => Ok(other),
    }
}

/// What became of the derivation at a place among those that are ready.
type Place = (usize, Result<Staged, HubError>);

/// A derivation that has begun.
struct Ready<'a> {
    plan: &'a DerivePlan,
    run: i64,
}

/// Writes down that a derivation runs.
fn begin(hub: &mut Hub, plan: &DerivePlan) -> Result<i64, HubError> {
    let now = hub.clock.stamp();
    let today = hub.clock.today().to_string();
    let dantai = hub.dantai().to_owned();
    discard_unfinished(hub, plan)?;
    let new = NewRun {
        exchange: None,
        interface: &plan.interface,
        dantai: &dantai,
        kind: RunKind::Derive,
        base_date: &today,
        revision: &plan.revision,
    };
    let run = run::begin(&mut hub.conn, &new, &now)?;
    hub.steps.pass(Step::DeriveStaging)?;
    Ok(run)
}

/// Computes and stages the rows of each, on at most [`THREADS`] threads; in the order in which they were given.
fn stage_together(hub: &mut Hub, ready: &[Ready<'_>]) -> Result<Vec<Result<Staged, HubError>>, HubError> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let views: Vec<&View> = ready.iter().map(|ready| ready.plan.view.as_ref()).collect();
    let groups = together::groups(&hub.site, &views);
    let workers = groups.len().min(cores).min(THREADS);
    let mut conns = Vec::with_capacity(workers);
    for _ in 0..workers {
        let (mut reading, mut writing) = (hub.spare()?, hub.spare()?);
        // Together as much as one alone.
        reading.bound_cache(Conn::CACHE_MIB / workers as u32)?;
        writing.bound_cache(WRITING_MIB)?;
        conns.push((reading, writing));
    }
    let staging = Staging {
        site: hub.site.clone(),
        steps: hub.steps.clone(),
        today: hub.clock.today().to_string(),
        created_at: crate::clock::compact_jst(&hub.clock.stamp()),
        dantai: hub.dantai().to_owned(),
    };
    let (next, staging) = (AtomicUsize::new(0), &staging);
    let work = |mut conns: (Conn, Conn)| {
        let (mut staged, mut whole) = (Vec::new(), true);
        while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
            whole &= stage(group, staging, ready, &mut conns, &mut staged);
        }
        (staged, whole.then_some(conns))
    };
    let mut all: Vec<Result<Staged, HubError>> = ready.iter().map(|_| Err(HubError::Bug)).collect();
    let mut left = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = conns.drain(..).map(|conns| scope.spawn(|| work(conns))).collect();
        for thread in threads {
            // One that panicked leaves its connections behind and what it had under way as a bug.
            let Ok((staged, conns)) = thread.join() else { continue };
            for (index, staged) in staged {
                all[index] = staged;
            }
            left.extend(conns);
        }
    });
    // Connections whose work failed may be in the middle of something.
    if all.iter().all(Result::is_ok) {
        for (reading, writing) in left {
            hub.leave(reading)?;
            hub.leave(writing)?;
        }
    }
    Ok(all)
}

/// Computes and stages each of a group. Is the reading connection as it was before?
fn stage(
    group: &Group,
    staging: &Staging,
    ready: &[Ready<'_>],
    conns: &mut (Conn, Conn),
    staged: &mut Vec<Place>,
) -> bool {
    let (reading, writing) = conns;
    let mut shared = Shared::default();
    for view in &group.shared {
        // Who reads it computes it then, and tells what is wrong.
        if let Err(error) = staging.share(view, &mut shared, reading) {
            tracing::warn!(view = %view.id, error = %super::worker::chain(&error), "view not computed for all");
        }
    }
    for &place in &group.members {
        let Ready { plan, run } = &ready[place];
        staged.push((place, staging.stage(plan, *run, (&mut *reading, &shared), writing)));
    }
    shared.drop(reading).is_ok()
}

/// Makes what was staged stand, and writes the report. Did anything change?
fn finish(hub: &mut Hub, plan: &DerivePlan, run: i64, staged: &Staged) -> Result<bool, HubError> {
    let changed = settle(hub, plan, run, staged)?;
    hub.steps.pass(Step::DeriveSettled)?;
    super::facts::write_derivation(hub, run)?;
    Ok(changed)
}

fn settle(hub: &mut Hub, plan: &DerivePlan, run: i64, Staged { told, same }: &Staged) -> Result<bool, HubError> {
    let now = hub.clock.stamp();
    let dantai = hub.dantai().to_owned();
    let note = super::due::made_up(hub, if plan.after.is_empty() { &plan.schedule } else { &[] }, None)?;
    let changed = hub.conn.durable(|conn| {
        let applied = apply::apply_compared(
            conn,
            &plan.entity,
            run,
            &dantai,
            ApplyMode { full: true, any_held: false, max_duplicates: 0, amount: plan.amount },
            same,
        )?;
        let duplicates = applied.duplicates as i64;
        let totals = RunTotals {
            read: told.rows,
            loaded_new: applied.new as i64,
            loaded_changed: applied.changed as i64,
            unchanged: applied.unchanged as i64,
            vanished: applied.vanished as i64,
            held: duplicates + told.unfit,
            skipped: applied.older as i64,
            amount_read: told.amount,
            amount_loaded: told.amount,
            amount_new: applied.amounts.map_or(told.amount, |a| a.new),
            amount_changed: applied.amounts.map_or(0, |a| a.changed),
            amount_unchanged: applied.amounts.map_or(0, |a| a.unchanged),
            amount_held: applied.amounts.map_or(0, |a| a.duplicates),
            ..RunTotals::default()
        };
        for code in told.findings.codes() {
            detail::count_findings(conn, run, &code.code, code.worst, code.count)?;
        }
        detail::add_findings(conn, run, 1, told.findings.kept())?;
        if duplicates > 0 {
            let message = format!(
                "同じキーの行が {duplicates} 件計算されたため、保留しました。ビュー「{}」の定義を確認してください",
                plan.view.name
            );
            detail::count_findings(conn, run, "duplicate-key", Severity::Error, 1)?;
            let first = told.findings.kept().len() as u64 + 1;
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
            .zip(&told.tallies)
            .map(|(o, t)| detail::TotalSeen {
                title: format!("{OUTCOME}{}", o.title),
                declared: plan.amount.map(|_| t.amount),
                counted: t.count,
                agrees: true,
                record: 0,
            })
            .collect();
        detail::add_totals(conn, run, &outcomes)?;
        run::finish(conn, run, RunState::Done, &totals, note.as_deref(), &now)?;
        Ok(totals.changes() > 0)
    })?;
    crate::store::ddl::ensure_indexes(&mut hub.conn, &plan.entity)?;
    Ok(changed)
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
