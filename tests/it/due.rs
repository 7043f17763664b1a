//! What is computed again, and what is not: a source that changed something, a new day, new files.

use renkei::mapping::plan::DerivePlan;
use renkei::pipeline::{Hub, due};
use renkei::store::run::{self, NewRun, RunKind, RunState, RunTotals};

use crate::town::Town;

const DAY: i64 = 86_400;

/// As if a run had ended that changed so many rows.
fn ended(hub: &mut Hub, interface: &str, kind: RunKind, revision: &str, changed: i64) {
    let (now, today, dantai) = (hub.clock.stamp(), hub.clock.today().to_string(), hub.dantai().to_owned());
    let new = NewRun { exchange: None, interface, dantai: &dantai, kind, base_date: &today, revision };
    let run = run::begin(&mut hub.conn, &new, &now).unwrap();
    let totals = RunTotals { read: 1, loaded_changed: changed, ..RunTotals::default() };
    run::finish(&mut hub.conn, run, RunState::Done, &totals, None, &now).unwrap();
}

fn computed(hub: &mut Hub, plan: &DerivePlan) {
    ended(hub, &plan.interface, RunKind::Derive, &plan.revision, 1);
    assert!(!due::derive_is_due(hub, plan).unwrap(), "{} is due after itself", plan.interface);
}

#[test]
fn a_change_in_any_source_makes_a_derivation_due_and_a_run_that_changed_nothing_does_not() {
    let town = Town::new();
    let mut hub = town.hub();
    let site = hub.site.clone();
    for plan in site.derive_order() {
        for source in &plan.after {
            ended(&mut hub, source, RunKind::In, "", 1);
            assert!(due::derive_is_due(&mut hub, &plan).unwrap(), "{} after {source}", plan.interface);
            computed(&mut hub, &plan);
            ended(&mut hub, source, RunKind::In, "", 0);
            assert!(!due::derive_is_due(&mut hub, &plan).unwrap(), "{} after {source} without news", plan.interface);
        }
    }
}

#[test]
fn a_new_day_its_calendar_knows_as_open_makes_due_what_the_day_may_change_and_new_files_make_due_all() {
    let town = Town::new();
    let mut hub = town.hub();
    let site = hub.site.clone();
    for plan in site.derive_order() {
        ended(&mut hub, &plan.after[0], RunKind::In, "", 1);
    }
    for plan in site.derive_order() {
        computed(&mut hub, &plan);
    }
    // A receipt finds its period on any day; what is overdue is another thing tomorrow.
    assert!(!site.derive["keshikomi"].daily && site.derive["tainosha-haaku"].daily);
    assert!(site.derive["tainosha-haaku"].calendar.is_some());
    assert_eq!(hub.clock.today().to_string(), "2026-11-20");
    let told = |plan: &DerivePlan| plan.after.iter().any(|source| site.derive.contains_key(source));
    // Saturday, Sunday, a holiday, Tuesday.
    for open in [false, false, false, true] {
        hub.clock.advance(DAY);
        for plan in site.derive_order().iter().filter(|plan| !told(plan)) {
            let wanted = plan.daily && (open || plan.calendar.is_none());
            assert_eq!(due::derive_is_due(&mut hub, plan).unwrap(), wanted, "{}", plan.interface);
        }
    }
    for plan in site.derive_order() {
        ended(&mut hub, &plan.interface, RunKind::Derive, "of other files", 0);
        assert!(due::derive_is_due(&mut hub, &plan).unwrap(), "{} of other files", plan.interface);
    }
}
