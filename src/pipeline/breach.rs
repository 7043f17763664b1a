//! Findings of a mapping's own rules: their sentences, with the record's values put in.
//!
//! Owns: the words; that secret values stay out of them. Never: decides what a breach leads to.

use super::sentence::filled;
use crate::codec::Record;
use crate::finding::{DataPlace, Finding, RulePlace, Severity};
use crate::mapping::plan::{Check, InPlan};

/// An expression of the mapping that this record makes impossible to compute.
pub(super) fn failed(plan: &InPlan, record: &Record, rule: &RulePlace, why: &str) -> Finding {
    Finding::data(
        "expression-failed",
        Severity::Error,
        record.place(&plan.layout, None),
        format!("定義の式を計算できません（{why}）"),
    )
    .with_rule(rule.clone())
}

/// A check that this record does not pass.
pub(super) fn breach(plan: &InPlan, check: &Check, record: &Record) -> Finding {
    let place: DataPlace = record.place(&plan.layout, check.field);
    let message = fill(&check.message, plan, record);
    let mut finding = Finding::data(&check.code, check.severity, place, message)
        .with_rule(check.place.clone())
        .with_action(check.action.clone());
    if let Some(field) = check.field {
        let secret = plan.layout.records[record.kind].fields[field].secret;
        finding = finding.with_value(&record.value(field).to_string(), secret);
    }
    finding
}

/// Puts the values of the record's own fields into `{項目}` places; secret ones are masked.
fn fill(message: &str, plan: &InPlan, record: &Record) -> String {
    let fields = &plan.layout.records[record.kind].fields;
    filled(message, |name| {
        let i = fields.iter().position(|f| f.name == name)?;
        Some(if fields[i].secret { "＊＊＊".to_owned() } else { record.value(i).to_string() })
    })
}
