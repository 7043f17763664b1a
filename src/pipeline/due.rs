//! What is due: derivations and drafts whose sources have moved on since they were last made, or whose day has come.
//!
//! Owns: that question, answered from the ledger alone. Never: remembers anything of its own.

use chrono::{NaiveDate, TimeDelta};

use super::{Hub, HubError};
use crate::clock::day_jst;
use crate::mapping::plan::{DerivePlan, OutPlan};
use crate::schema::calendar::Calendar;
use crate::schema::schedule::{self, Occurrence, Rule};
use crate::store::hold;
use crate::store::ledger::{self, Direction, Exchange, State, Wanted};
use crate::store::run::{self, Run};

/// States of a draft that still has its way to go; one that was stopped may yet be sent.
const OPEN: [State; 5] = [State::Drafting, State::Draft, State::Confirmed, State::Delivering, State::Failed];

/// Must this derivation be computed? After a source changed what stands, and once its files say something else. Without a
/// schedule also on every new day (of its calendar), if its rows may change by that alone ([`DerivePlan::daily`]); with
/// one, on its days.
pub fn derive_is_due(hub: &mut Hub, plan: &DerivePlan) -> Result<bool, HubError> {
    let today = hub.clock.today().to_string();
    let own = last(hub, &plan.interface)?;
    let scheduled = hub.heeds_schedules && !plan.schedule.is_empty();
    let sources = sources(hub, &plan.after, &plan.requires);
    if newest(hub, &sources)?.is_some() {
        let news = match &own {
            None => true,
            Some(own) => own.revision != plan.revision || changed(hub, &sources, own.id)?,
        };
        let new_day = !scheduled
            && plan.daily
            && own.as_ref().is_some_and(|own| own.base_date < turned(hub, plan.calendar.as_deref()));
        if (news || new_day) && has_required(hub, &plan.requires, own.as_ref(), None)? {
            return Ok(true);
        }
    } else if !sources.is_empty() {
        return Ok(false);
    }
    if !scheduled {
        // Its days alone would make it run, and they are not heeded.
        let alone = sources.is_empty() && !plan.schedule.is_empty();
        return Ok(alone && own.is_none_or(|own| own.base_date < today));
    }
    let Some((due, before)) = occurrence(hub, &plan.schedule)? else { return Ok(false) };
    let done = own.as_ref().is_some_and(|own| own.base_date >= due.day.to_string());
    Ok(!done && has_required(hub, &plan.requires, own.as_ref(), before)?)
}

/// The last day that makes something due for being new, by a calendar if it has one. Beyond its end every day does.
fn turned(hub: &Hub, calendar: Option<&Calendar>) -> String {
    let today = hub.clock.today();
    calendar.and_then(|calendar| calendar.preceding(today)).unwrap_or(today).to_string()
}

/// Did a derivation, by the mapping as it is, leave everything as it was the last time?
pub fn changed_nothing(hub: &mut Hub, plan: &DerivePlan) -> Result<bool, HubError> {
    let own = last(hub, &plan.interface)?;
    Ok(own.is_some_and(|own| own.revision == plan.revision && own.totals.changes() == 0))
}

/// Must a draft be made? Without a schedule: after a source changed what stands, and on every new day (of its calendar) if
/// its rows may change by that alone ([`OutPlan::daily`]). With one: on its days, once for each; a day that was missed is made up for.
/// Never while one is under way, nor before what it requires.
pub fn draft_is_due(hub: &mut Hub, plan: &OutPlan) -> Result<bool, HubError> {
    let sources = sources(hub, &plan.after, &plan.requires);
    let source = newest(hub, &sources)?;
    let scheduled = hub.heeds_schedules && !plan.schedule.is_empty();
    if (source.is_none() && !(scheduled && sources.is_empty())) || is_open(hub, &plan.interface)? {
        return Ok(false);
    }
    let dantai = hub.dantai().to_owned();
    // A draft that could not be written is an end too: it comes again with new data, not at once and for ever.
    let own = run::last_ended(&mut hub.conn, &dantai, &plan.interface)?;
    // What was kept back and is let go now follows by itself.
    let released = match &own {
        Some(own) => hold::released_since(&mut hub.conn, &plan.interface, &dantai, own.id)?,
        None => false,
    };
    if released {
        return Ok(true);
    }
    if !scheduled {
        let news = match &own {
            None => true,
            Some(own) => {
                (plan.daily && own.base_date < turned(hub, plan.calendar.as_deref())) || changed(hub, &sources, own.id)?
            }
        };
        return Ok(news && has_required(hub, &plan.requires, own.as_ref(), None)?);
    }
    let Some((due, before)) = occurrence(hub, &plan.schedule)? else { return Ok(false) };
    if let Some(served) = draft_since(hub, &plan.interface, due.day, None)? {
        // What was returned comes again when its data are corrected; what was withdrawn for newer data, at once.
        let corrected = match &own {
            None => false,
            Some(own) => changed(hub, &sources, own.id)?,
        };
        if served != State::Superseded && !(served == State::Returned && corrected) {
            return Ok(false);
        }
    }
    has_required(hub, &plan.requires, own.as_ref(), before)
}

/// What makes something due: where days are not heeded, also what would have to come before them.
fn sources(hub: &Hub, after: &[String], required: &[String]) -> Vec<String> {
    let more = if hub.heeds_schedules { &[] } else { required };
    after.iter().chain(more).cloned().collect()
}

/// The day of a schedule that is the last up to today, and the one before it. Days before this site began are none.
fn occurrence(hub: &mut Hub, rules: &[Rule]) -> Result<Option<(Occurrence, Option<NaiveDate>)>, HubError> {
    let (start, today) = (super::watch::start(hub)?, hub.clock.today());
    let Some(due) = schedule::latest(rules, start, today) else { return Ok(None) };
    let far = due.day - TimeDelta::days(schedule::FAR);
    let before = due.day.pred_opt().and_then(|day| schedule::latest(rules, far, day)).map(|before| before.day);
    Ok(Some((due, before)))
}

/// State of the newest draft (with a number below `before`) begun on or after a day (JST).
fn draft_since(hub: &mut Hub, interface: &str, day: NaiveDate, before: Option<i64>) -> Result<Option<State>, HubError> {
    let dantai = hub.dantai().to_owned();
    let wanted = Wanted {
        dantai: Some(&dantai),
        direction: Some(Direction::Out),
        interface: Some(interface),
        before,
        limit: 1,
        ..Wanted::default()
    };
    let newest = ledger::list(&mut hub.conn, &wanted)?.pop();
    Ok(newest.filter(|draft| day_jst(&draft.received_at) >= day.to_string()).map(|draft| draft.state))
}

/// Did each of these have news since the scheduled day before (without a schedule: since the last time)?
fn has_required(
    hub: &mut Hub,
    required: &[String],
    own: Option<&Run>,
    since: Option<NaiveDate>,
) -> Result<bool, HubError> {
    if !hub.heeds_schedules {
        return Ok(true);
    }
    for interface in required {
        let Some(run) = last(hub, interface)? else { return Ok(false) };
        let old = match since {
            Some(day) => run.base_date <= day.to_string(),
            None => own.is_some_and(|own| run.id < own.id),
        };
        if old {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Says, of what is made today for a scheduled day that is over, that it is made up for; `exchange` is the draft itself.
pub fn made_up(hub: &mut Hub, rules: &[Rule], exchange: Option<(&str, i64)>) -> Result<Option<String>, HubError> {
    if !hub.heeds_schedules {
        return Ok(None);
    }
    let today = hub.clock.today();
    let Some((due, _)) = occurrence(hub, rules)?.filter(|(due, _)| due.day < today) else { return Ok(None) };
    if let Some((interface, id)) = exchange
        && draft_since(hub, interface, due.day, Some(id))?.is_some()
    {
        return Ok(None);
    }
    Ok(Some(format!("予定日 {} の分です。その日に行えなかったため、{today} に行いました", due.day)))
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

/// Did any of these change what stands since a run?
fn changed(hub: &mut Hub, sources: &[String], since: i64) -> Result<bool, HubError> {
    let dantai = hub.dantai().to_owned();
    for source in sources {
        if run::changed_since(&mut hub.conn, &dantai, source, since)? {
            return Ok(true);
        }
    }
    Ok(false)
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
