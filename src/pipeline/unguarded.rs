//! Guards whose list never came: they protect nobody, and no row shows it.
//!
//! Owns: that question, answered from the plans and the ledger. Never: looks at a row.

use std::sync::Arc;

use super::watch::Alert;
use super::{Hub, HubError};
use crate::mapping::load_guard::Guard;
use crate::mapping::plan::{InPlan, OutPlan};
use crate::mapping::site::Site;
use crate::store::ledger::{self, Direction, Wanted};
use crate::store::run;

/// One alert for each list that a guard reads and that never came, once a file was made that the guard ought to keep.
pub(super) fn alerts(hub: &mut Hub) -> Result<Vec<Alert>, HubError> {
    let site = hub.site.clone();
    let mut alerts = Vec::new();
    for guard in site.guards.values() {
        let mut missing = Vec::new();
        for lists in lists(&site, guard) {
            missing.extend(never_came(hub, &lists)?);
        }
        let kept = site.outbound.values().filter(|plan| plan.holds.iter().any(|hold| hold.code == guard.id));
        if missing.is_empty() || !any_sent(hub, kept)? {
            continue;
        }
        for first in missing {
            let title = super::facts::title(hub, first);
            alerts.push(Alert {
                    interface: first.to_owned(),
                    message: format!(
                        "「{title}」が一度も取り込まれていません。「{}」の保護が働いていないため、送付の確認をする前に取り込んでください",
                        guard.title
                    ),
                    contact: site
                        .feeds
                        .get(first)
                        .and_then(|feed| feed.expect.first())
                        .map(|expect| expect.contact.clone())
                        .unwrap_or_default(),
                });
        }
    }
    Ok(alerts)
}

/// For each table the guard's view reads, the interfaces whose files fill it; tables that no file fills are none.
fn lists<'a>(site: &'a Site, guard: &Guard) -> Vec<Vec<&'a str>> {
    let filled = |id: &str| {
        let fills = |plan: &&Arc<InPlan>| plan.into.iter().any(|rows| rows.entity.id == id);
        let mut interfaces: Vec<&str> =
            site.inbound.values().filter(fills).map(|plan| plan.interface.as_str()).collect();
        interfaces.dedup();
        interfaces
    };
    let read = site.entities.values().filter(|entity| site.reads(&guard.view, &entity.name));
    read.map(|entity| filled(&entity.id)).filter(|interfaces| !interfaces.is_empty()).collect()
}

/// The first of these interfaces, if none of them ever brought a file that was accepted.
fn never_came<'a>(hub: &mut Hub, interfaces: &[&'a str]) -> Result<Option<&'a str>, HubError> {
    let dantai = hub.dantai().to_owned();
    for interface in interfaces {
        if run::last_done(&mut hub.conn, &dantai, interface)?.is_some() {
            return Ok(None);
        }
    }
    Ok(interfaces.first().copied())
}

/// Was a file of one of these ever begun?
fn any_sent<'a>(hub: &mut Hub, plans: impl Iterator<Item = &'a Arc<OutPlan>>) -> Result<bool, HubError> {
    let dantai = hub.dantai().to_owned();
    for plan in plans {
        let wanted = Wanted {
            dantai: Some(&dantai),
            direction: Some(Direction::Out),
            interface: Some(&plan.interface),
            limit: 1,
            ..Wanted::default()
        };
        if !ledger::list(&mut hub.conn, &wanted)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
