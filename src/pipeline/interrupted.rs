//! What a stop left half done: of a run that did not end nothing stands; what it staged goes, and the ledger says so.
//!
//! Owns: that clearing up. Never: decides which runs these are.

use super::{Hub, HubError};
use crate::schema::entity::Entity;
use crate::store::run::{self, Run, RunState, RunTotals};
use crate::store::{apply, detail};

/// Discards what an interrupted run staged for `entities` and closes the run; doing it twice does nothing more.
pub fn discard<'a>(hub: &mut Hub, old: &Run, entities: impl IntoIterator<Item = &'a Entity>) -> Result<(), HubError> {
    for entity in entities {
        apply::discard_run(&mut hub.conn, entity, old.id)?;
    }
    detail::forget(&mut hub.conn, old.id)?;
    let (now, nothing) = (hub.clock.stamp(), RunTotals::default());
    let note = Some("中断されたため、やり直しました");
    Ok(run::finish(&mut hub.conn, old.id, RunState::Failed, &nothing, note, &now)?)
}

/// [`discard`] for every run of an exchange that did not end.
pub fn discard_of_exchange(hub: &mut Hub, exchange: i64, entities: &[&Entity]) -> Result<(), HubError> {
    for old in run::of_exchange(&mut hub.conn, exchange)?.iter().filter(|old| old.state == RunState::Running) {
        discard(hub, old, entities.iter().copied())?;
    }
    Ok(())
}
