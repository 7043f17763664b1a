//! Values that nobody may read in a report, where they stand under another item: in a record that is out of step (a column
//! too many or too few, two columns exchanged) an item that is shown holds what belongs to one that is not.
//!
//! Owns: when a finding does not show what it is about. Never: hides that something is wrong, or where.

use std::collections::BTreeSet;

use crate::codec::Findings;
use crate::finding::Finding;
use crate::mapping::plan::InPlan;
use crate::schema::layout::FieldKind;

/// So many findings in one record show that it is out of step.
const OUT_OF_STEP: u64 = 3;
/// Fewest digits that are told from dates and amounts by their number.
const DIGITS: usize = 9;
/// Values of so few characters (a code, a byte that is no character) tell nothing of anybody.
const SHORT: usize = 2;
const MASK: &str = "＊＊＊";

/// What a plan's records hold that no report shows.
pub(super) struct Veil {
    /// Names of secret and guarded items.
    items: BTreeSet<String>,
    /// Lengths of secret items of digits.
    digits: Vec<usize>,
}

/// How many findings there were before a record, pushed and kept.
#[derive(Clone, Copy)]
pub(super) struct Before(u64, usize);

impl Before {
    /// Now.
    pub fn of(findings: &Findings) -> Before {
        Before(findings.total(), findings.kept().len())
    }
}

impl Veil {
    /// Of a plan.
    pub fn new(plan: &InPlan) -> Veil {
        let guarded = plan.guarded_fields();
        let kinds = plan.layout.records.iter().enumerate();
        let fields = kinds.flat_map(|(kind, record)| record.fields.iter().enumerate().map(move |(i, f)| (kind, i, f)));
        let (mut items, mut digits) = (BTreeSet::new(), Vec::new());
        for (kind, index, field) in fields {
            if field.secret || guarded.contains(&(kind, index)) {
                items.insert(field.name.clone());
            }
            if field.secret && field.kind == FieldKind::Digits && field.len >= DIGITS {
                digits.push(field.len);
            }
        }
        Veil { items, digits }
    }

    /// Takes the values out of the findings of a record that is out of step, and what looks like a secret number out of any.
    pub fn cover(&self, findings: &mut Findings, before: Before) {
        let found = findings.total() - before.0;
        if found == 0 || self.items.is_empty() {
            return;
        }
        let own = findings.kept_from(before.1);
        let astray = found >= OUT_OF_STEP || (found > 1 && own.iter().any(|f| self.items.contains(&f.data.field)));
        for finding in own {
            self.cover_one(finding, astray);
        }
    }

    fn cover_one(&self, finding: &mut Finding, astray: bool) {
        let own = self.items.contains(&finding.data.field);
        if finding.value.chars().nth(SHORT).is_some()
            && !own
            && (astray || without(&finding.value, &self.digits).is_some())
        {
            MASK.clone_into(&mut finding.value);
        }
        if let Some(message) = without(&finding.message, &self.digits) {
            finding.message = message;
        }
    }
}

/// The text without its numbers of these lengths, half-width or full-width, grouped by hyphens or not; `None` when it has none.
fn without(text: &str, lengths: &[usize]) -> Option<String> {
    if lengths.is_empty() {
        return None;
    }
    let digit = |c: char| c.is_ascii_digit() || ('０'..='９').contains(&c);
    let (mut out, mut rest, mut found) = (String::new(), text, false);
    while let Some(start) = rest.find(digit) {
        let run = &rest[start..];
        let end = run.find(|c: char| !digit(c) && c != '-').unwrap_or(run.len());
        let hidden = lengths.contains(&run[..end].chars().filter(|c| digit(*c)).count());
        out.push_str(&rest[..start]);
        out.push_str(if hidden { MASK } else { &run[..end] });
        found |= hidden;
        rest = &run[end..];
    }
    out.push_str(rest);
    found.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_a_secret_length_is_taken_out_however_it_is_written() {
        for (text, left) in [
            ("123456789018", Some("＊＊＊")),
            ("番号（1234-5678-9018）と 2026-11-20", Some("番号（＊＊＊）と 2026-11-20")),
            ("x１２３４５６７８９０１８", Some("x＊＊＊")),
            ("000000100000001", None),
            ("12文字、上限5文字", None),
            ("", None),
        ] {
            assert_eq!(without(text, &[12]).as_deref(), left, "{text}");
        }
    }
}
