//! Which records a pass over a file must remember.
//!
//! Owns: that question, answered from the plan alone. Never: reads records.

use crate::mapping::plan::{InPlan, Mode};

/// Kinds that expressions of other kinds look back at.
pub(super) fn remembered(plan: &InPlan) -> Vec<bool> {
    let mut wanted = vec![false; plan.layout.records.len()];
    let mut note = |own: usize, expr: &crate::expr::Expr| {
        for slot in expr.slots() {
            let kind = (slot >> 16) as usize;
            if kind != own && kind < wanted.len() {
                wanted[kind] = true;
            }
        }
    };
    for check in &plan.checks {
        check.when.iter().chain([&check.expect]).for_each(|e| note(check.record, e));
    }
    for rows in &plan.into {
        rows.when
            .iter()
            .chain(&rows.close_when)
            .chain(rows.columns.iter().flatten())
            .for_each(|e| note(rows.record, e));
    }
    if let Mode::FullWhen(when) = &plan.mode {
        note(usize::MAX, when);
    }
    wanted
}
