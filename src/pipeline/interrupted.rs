//! What a stop left half done: of a run that did not end nothing stands; what it staged goes, and the ledger says so.
//!
//! Owns: that clearing up. Never: decides which runs these are.

use super::{Hub, HubError};
use crate::schema::entity::Entity;
use crate::store::run::{self, Run, RunState, RunTotals};
use crate::store::{apply, detail};

/// Note of a run that a stop cut off.
const CUT_OFF: &str = "中断されたため、やり直しました";

/// Discards what an interrupted run staged for `entities` and closes the run; doing it twice does nothing more.
pub fn discard<'a>(hub: &mut Hub, old: &Run, entities: impl IntoIterator<Item = &'a Entity>) -> Result<(), HubError> {
    fail(hub, old.id, entities, CUT_OFF)
}

/// [`discard`] for a run in which the machine, or the rule, failed: `note` says why.
pub fn fail<'a>(
    hub: &mut Hub,
    run: i64,
    entities: impl IntoIterator<Item = &'a Entity>,
    note: &str,
) -> Result<(), HubError> {
    for entity in entities {
        apply::discard_run(&mut hub.conn, entity, run)?;
    }
    detail::forget(&mut hub.conn, run)?;
    let (now, nothing) = (hub.clock.stamp(), RunTotals::default());
    Ok(run::finish(&mut hub.conn, run, RunState::Failed, &nothing, Some(note), &now)?)
}

/// Derivations that failed and have not come to an end since, each with why: the last time it was tried, newest first.
pub fn failing(hub: &mut Hub) -> Result<Vec<Run>, HubError> {
    let dantai = hub.dantai().to_owned();
    let mut failing: Vec<Run> = Vec::new();
    for run in run::failed_derivations(&mut hub.conn, &dantai, FAILING)? {
        let known = failing.iter().any(|other| other.interface == run.interface);
        if !known && run.note.as_deref() != Some(CUT_OFF) {
            failing.push(run);
        }
    }
    Ok(failing)
}

/// Most failed runs that are looked at.
const FAILING: u32 = 1_000;

/// [`discard`] for every run of an exchange that did not end.
pub fn discard_of_exchange(hub: &mut Hub, exchange: i64, entities: &[&Entity]) -> Result<(), HubError> {
    for old in run::of_exchange(&mut hub.conn, exchange)?.iter().filter(|old| old.state == RunState::Running) {
        discard(hub, old, entities.iter().copied())?;
    }
    Ok(())
}
