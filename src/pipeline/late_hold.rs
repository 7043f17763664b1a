//! Protection that began after a draft was made: what would be held now does not leave in an older file.
//!
//! Owns: that question, asked before a draft is confirmed and again before its file is handed over. Never: makes a draft anew
//! (`due` does, once this one is withdrawn).

use std::collections::{HashMap, HashSet};

use super::hold::Protected;
use super::key::key_text;
use super::source::Source;
use super::{Hub, HubError, facts, hold, part};
use crate::mapping::plan::{HoldTest, OutPlan};
use crate::store::ledger::{self, Exchange, State};
use crate::store::ledger_out::{self, Change};
use crate::store::{StoreError, request, run};
use crate::value::Value;

/// Note of what is withdrawn, and what the audit says of it.
const NOTE: &str = "作成したあとに保護の対象になった人の記録が入っているため取り下げ、作り直します";

/// Withdraws a draft, or a confirmed file that is not on its way yet, in which a row stands that a guard protects now and
/// that nobody let go. True if it was withdrawn. Costs nothing when neither the day nor any source has changed since.
///
/// # Errors
/// The store's.
pub(super) fn withdraw(hub: &mut Hub, exchange: &Exchange) -> Result<bool, HubError> {
    let site = hub.site.clone();
    let Some(plan) = site.outbound.get(&exchange.interface).filter(|plan| !plan.holds.is_empty()) else {
        return Ok(false);
    };
    if !may_have_begun(hub, plan, exchange)? || !has_protected(hub, plan, exchange)? {
        return Ok(false);
    }
    let (id, now) = (exchange.id, hub.clock.stamp());
    let done = hub.conn.durable(|conn| {
        let done = ledger::advance(conn, id, exchange.state, State::Superseded, Some(NOTE), &now)?;
        if done {
            request::log(conn, "renkei", "withdraw", Some(id), NOTE, &now)?;
        }
        Ok::<_, StoreError>(done)
    })?;
    facts::write_exchange(hub, id)?;
    Ok(done)
}

/// Is it another day than that of the draft, or did what it is made from change?
fn may_have_begun(hub: &mut Hub, plan: &OutPlan, exchange: &Exchange) -> Result<bool, HubError> {
    let Some(run) = run::of_exchange(&mut hub.conn, exchange.id)?.pop() else { return Ok(true) };
    if run.base_date != hub.clock.today().to_string() {
        return Ok(true);
    }
    for source in &plan.after {
        if run::changed_since(&mut hub.conn, &exchange.dantai, source, run.id)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Does a row of a protected person stand in the file? Rows are told by their key, as the partner tells them.
fn has_protected(hub: &mut Hub, plan: &OutPlan, exchange: &Exchange) -> Result<bool, HubError> {
    let held = held_now(hub, plan, exchange)?;
    if held.is_empty() {
        return Ok(false);
    }
    let mut released = HashSet::new();
    crate::store::hold::each_released(&mut hub.conn, &plan.interface, &exchange.dantai, |key, hash, protection| {
        released.insert((key.to_owned(), hash, protection));
        Ok(())
    })?;
    let mut found = false;
    let looked = ledger_out::each_record(&mut hub.conn, exchange.id, |record| {
        let Some(key) = record.key.filter(|_| record.change != Some(Change::Closed)) else { return Ok(()) };
        let Some(protections) = held.get(&key) else { return Ok(()) };
        found = protections.iter().any(|protection| !released.contains(&(key.clone(), record.hash, *protection)));
        if found { Err(StoreError::Stopped) } else { Ok(()) }
    });
    match looked {
        Ok(()) | Err(StoreError::Stopped) => Ok(found),
        Err(error) => Err(error.into()),
    }
}

/// Keys of the rows of the view whose person is protected now, with the protections.
fn held_now(hub: &mut Hub, plan: &OutPlan, exchange: &Exchange) -> Result<HashMap<String, Vec<i64>>, HubError> {
    let today = hub.clock.today().to_string();
    let mut guards = Vec::new();
    for hold in &plan.holds {
        if let HoldTest::Guard { guard, key, .. } = &hold.test {
            guards.push((*key, hold::protected(hub, guard, &exchange.dantai, &today)?));
        }
    }
    let mut keys = HashMap::new();
    if guards.iter().all(|(_, protected)| protected.is_empty()) {
        return Ok(keys);
    }
    let site = hub.site.clone();
    let part = part::values(plan, exchange.part.as_deref());
    let source = Source {
        site: &site,
        view: &plan.view,
        filter: None,
        part: &part,
        order: &[],
        dantai: &exchange.dantai,
        base_date: &today,
        shared: None,
    };
    let mut key = String::new();
    source.each(&mut hub.conn, |values| {
        let protection = |(at, protected): &(usize, Protected)| match values[*at] {
            Value::Text(text) => protected.get(text).copied(),
            _ => None,
        };
        let protections: Vec<i64> = guards.iter().filter_map(protection).collect();
        if !protections.is_empty() {
            key_text(plan, &values[..plan.view.columns.len()], &mut key);
            keys.insert(key.clone(), protections);
        }
        Ok(())
    })?;
    Ok(keys)
}
