//! Numbers in one record that equal the count or a sum of the records before it.
//!
//! Owns: the search and its proof (every such record agrees). Never: takes a single small number for a proof.

use super::Decision;
use crate::author::draft::*;

/// What could be stated: a count or a sum, one value for each declaring record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Item of the main kind that is summed; `None` = counted.
    pub item: Option<usize>,
    /// The value for each declaring record, in file order.
    pub values: Vec<i128>,
}

/// Counts and sums of `main` since the previous record of kind `at`.
pub fn targets(columns: &[Vec<String>], sequence: &[usize], main: usize, at: usize) -> Vec<Target> {
    let numeric = |column: &Vec<String>| {
        column.iter().all(|v| v.is_empty() || v.len() <= 18 && v.parse::<i64>().is_ok())
            && column.iter().any(|v| !v.is_empty())
    };
    let mut all = vec![Target { item: None, values: Vec::new() }];
    all.extend(
        (0..columns.len()).filter(|c| numeric(&columns[*c])).map(|c| Target { item: Some(c), values: Vec::new() }),
    );
    for target in &mut all {
        let (mut sum, mut record) = (0i128, 0usize);
        for kind in sequence {
            if *kind == main {
                sum += match target.item {
                    None => 1,
                    Some(item) => columns[item].get(record).and_then(|v| v.parse().ok()).unwrap_or(0),
                };
                record += 1;
            } else if *kind == at {
                target.values.push(sum);
                sum = 0;
            }
        }
    }
    all
}

/// Are these numbers, if they agree, no accident?
pub fn proves(values: &[i128]) -> bool {
    values.iter().any(|value| *value >= 100) || values.iter().filter(|value| **value > 1).count() > 2
}

/// Adds `[[total]]` where every declaring record agrees. `columns[kind][item][record]`.
pub fn add(draft: &mut Draft, columns: &[Vec<Vec<String>>], sequence: &[usize], decisions: &mut Vec<Decision>) {
    let rows = |kind: usize| sequence.iter().filter(|k| **k == kind).count();
    let Some(main) = (0..columns.len()).max_by_key(|kind| rows(*kind)) else {
        return;
    };
    for kind in (0..columns.len()).filter(|kind| *kind != main) {
        let found = targets(&columns[main], sequence, main, kind);
        for (at, column) in columns[kind].iter().enumerate() {
            let stated: Option<Vec<i128>> = column.iter().map(|value| value.parse().ok()).collect();
            let Some(stated) = stated.filter(|stated| !stated.is_empty()) else {
                continue;
            };
            let proof = proves(&stated);
            let counts =
                |kind: usize, item: usize| matches!(text_of(&draft.records[kind].fields[item].keys, "type"), "9" | "D");
            let agreeing: Vec<&Target> = found
                .iter()
                .filter(|target| target.values == stated && target.item.is_none_or(|item| counts(main, item)))
                .filter(|_| counts(kind, at))
                .collect();
            if let Some(target) = agreeing.first().filter(|_| proof) {
                let rivals = agreeing.len() - 1;
                declare(draft, (main, kind, at), target, (stated.len(), rivals), decisions);
            }
        }
    }
}

fn declare(
    draft: &mut Draft,
    (main, kind, item): (usize, usize, usize),
    target: &Target,
    (records, rivals): (usize, usize),
    decisions: &mut Vec<Decision>,
) {
    let field = |draft: &Draft, kind: usize, item: usize| {
        format!("{}.{}", draft.records[kind].name(), draft.records[kind].fields[item].name())
    };
    let declared = field(draft, kind, item);
    let counted = match target.item {
        None => format!("count({})", draft.records[main].name()),
        Some(of) => {
            number(&mut draft.records[main].fields[of]);
            format!("sum({})", field(draft, main, of))
        }
    };
    number(&mut draft.records[kind].fields[item]);
    draft.records[kind].fields[item].doubts.retain(|doubt| !doubt.starts_with("標本ではすべて「"));
    let mut keys = Keys::new();
    put_text(&mut keys, "declared", &declared);
    put_text(&mut keys, "counted", &counted);
    let mut doubts = vec![format!("標本の {records} 件すべてで一致した。仕様書の合計の定義と照らしてください")];
    if rivals > 0 {
        doubts.push(format!("ほかにも値の一致する数え方が {rivals} 通りある"));
    }
    draft.totals.push(DraftTotal { keys, doubts });
    let sure = if records > 1 { 95 } else { 80 };
    decisions.push(Decision::new("合計", format!("{declared} = {counted}"), sure, format!("{records} 件すべて一致")));
}

/// What is added up is a number.
fn number(field: &mut DraftField) {
    if text_of(&field.keys, "type") == "D" {
        set(&mut field.keys, "type", Setting::Text("9".to_owned()));
        unset(&mut field.keys, "exact");
        field.doubts.retain(|doubt| !doubt.starts_with("同じ桁数の数字"));
    }
}
