//! What is due: derivations and drafts whose sources have moved on since they were last made.
//!
//! Owns: that question, answered from the ledger alone. Never: remembers anything of its own.

use super::{Hub, HubError};
use crate::mapping::plan::{DerivePlan, OutPlan};
use crate::store::hold;
use crate::store::ledger::{self, Direction, Exchange, State, Wanted};
use crate::store::run::{self, Run};

/// States of a draft that still has its way to go; one that was stopped may yet be sent.
const OPEN: [State; 5] = [State::Drafting, State::Draft, State::Confirmed, State::Delivering, State::Failed];

/// Must this derivation be computed? After any of its sources, and on the first worked day after the last time.
pub fn derive_is_due(hub: &mut Hub, plan: &DerivePlan) -> Result<bool, HubError> {
    let today = hub.clock.today().to_string();
    let Some(source) = newest(hub, &plan.after)? else { return Ok(false) };
    Ok(match last(hub, &plan.interface)? {
        None => true,
        Some(own) => own.id < source.id || own.base_date < today,
    })
}

/// Must a draft be made? After any of its sources, unless one is under way.
pub fn draft_is_due(hub: &mut Hub, plan: &OutPlan) -> Result<bool, HubError> {
    let Some(source) = newest(hub, &plan.after)? else { return Ok(false) };
    if is_open(hub, &plan.interface)? {
        return Ok(false);
    }
    let Some(own) = last(hub, &plan.interface)? else { return Ok(true) };
    let dantai = hub.dantai().to_owned();
    // What was kept back and is let go now follows by itself.
    Ok(own.id < source.id || hold::released_since(&mut hub.conn, &plan.interface, &dantai, own.id)?)
}

/// Withdraws an unconfirmed draft whose sources have changed what stands since it was made; the new data make a new draft
/// due. What an operator has confirmed stays as it is.
pub fn withdraw_outdated(hub: &mut Hub, plan: &OutPlan) -> Result<(), HubError> {
    let dantai = hub.dantai().to_owned();
    let wanted = Wanted {
        dantai: Some(&dantai),
        direction: Some(Direction::Out),
        interface: Some(&plan.interface),
        states: &[State::Draft],
        limit: 100,
        ..Wanted::default()
    };
    for draft in ledger::list(&mut hub.conn, &wanted)? {
        let Some(run) = run::of_exchange(&mut hub.conn, draft.id)?.pop() else { continue };
        let mut changed = false;
        for source in &plan.after {
            changed = changed || run::changed_since(&mut hub.conn, &dantai, source, run.id)?;
        }
        let note = "下書きのあとに新しいデータが入ったため取り下げ、作り直します";
        let now = hub.clock.stamp();
        // False when an operator was faster.
        if changed
            && hub.conn.durable(|c| ledger::advance(c, draft.id, State::Draft, State::Superseded, Some(note), &now))?
        {
            super::facts::write_exchange(hub, draft.id)?;
        }
    }
    Ok(())
}

/// Is a draft of this interface under way?
pub fn is_open(hub: &mut Hub, interface: &str) -> Result<bool, HubError> {
    Ok(open(hub, interface)?.is_some())
}

/// The draft of this interface that is under way.
pub fn open(hub: &mut Hub, interface: &str) -> Result<Option<Exchange>, HubError> {
    let dantai = hub.dantai().to_owned();
    let wanted = Wanted {
        dantai: Some(&dantai),
        direction: Some(Direction::Out),
        interface: Some(interface),
        states: &OPEN,
        limit: 1,
        ..Wanted::default()
    };
    Ok(ledger::list(&mut hub.conn, &wanted)?.pop())
}

fn newest(hub: &mut Hub, sources: &[String]) -> Result<Option<Run>, HubError> {
    let mut newest: Option<Run> = None;
    for source in sources {
        if let Some(run) = last(hub, source)?
            && newest.as_ref().is_none_or(|n| n.id < run.id)
        {
            newest = Some(run);
        }
    }
    Ok(newest)
}

fn last(hub: &mut Hub, interface: &str) -> Result<Option<Run>, HubError> {
    let dantai = hub.dantai().to_owned();
    Ok(run::last_done(&mut hub.conn, &dantai, interface)?)
}
