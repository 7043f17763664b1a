//! What can change the rows of a view though no interface that it waits for had news.
//!
//! Owns: that judgement over all mappings of a site. Never: decides when anything runs (`pipeline`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::plan::{DerivePlan, InPlan, OutPlan};
use crate::schema::view::View;

/// Which interfaces write an entity, by its Japanese name.
type Writers = BTreeMap<String, BTreeSet<String>>;

/// Fills in [`DerivePlan::daily`] and [`OutPlan::daily`].
pub(super) fn tell<'a>(
    views: &BTreeMap<String, Arc<View>>,
    inbound: impl Iterator<Item = &'a Arc<InPlan>>,
    derive: &mut BTreeMap<String, DerivePlan>,
    outbound: &mut BTreeMap<String, OutPlan>,
) {
    let mut writers = Writers::new();
    let mut add = |entity: &str, interface: &str| {
        writers.entry(entity.to_owned()).or_default().insert(interface.to_owned());
    };
    for plan in inbound {
        plan.into.iter().for_each(|rows| add(&rows.entity.name, &plan.interface));
    }
    derive.values().for_each(|plan| add(&plan.entity.name, &plan.interface));
    let by_name: BTreeMap<&str, &View> = views.values().map(|view| (view.name.as_str(), &**view)).collect();
    for plan in derive.values_mut() {
        plan.daily = is_daily(&plan.view, &plan.after, &by_name, &writers);
    }
    for plan in outbound.values_mut() {
        // What it waits for is what it says; but who is protected is asked of other views than its own.
        plan.daily = !plan.holds.is_empty() || is_daily(&plan.view, &plan.after, &by_name, &Writers::new());
    }
}

fn is_daily(view: &View, after: &[String], views: &BTreeMap<&str, &View>, writers: &Writers) -> bool {
    let mut seen = BTreeSet::new();
    let mut todo = vec![view];
    while let Some(view) = todo.pop() {
        if !seen.insert(view.name.as_str()) {
            continue;
        }
        if view.of_day {
            return true;
        }
        for name in &view.uses {
            if let Some(by) = writers.get(name) {
                if by.iter().any(|interface| !after.contains(interface)) {
                    return true;
                }
            } else if let Some(next) = views.get(name.as_str()) {
                todo.push(next);
            }
        }
    }
    false
}
