//! Parts: a draft of one mapping cut into several files, one for each value of its split columns.
//!
//! Owns: which files there are, which rows and keys belong to one, and in which profile it is written.
//! Never: writes a file (`outbound`) or compares rows (`fill`).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::key::key_values;
use super::row::{RunItems, ViewRow};
use super::source::Source;
use super::{Hub, HubError};
use crate::expr::Scratch;
use crate::mapping::plan::OutPlan;
use crate::store::ledger_out;
use crate::value::Value;

/// Between the values of a part.
const SEPARATOR: char = '\u{1f}';
/// Most files of one draft.
const LIMIT: usize = 1000;
/// No row has it: the one file of a draft for which there are no rows. (`U+001F` stands in no field.)
const NONE: &str = "\u{1f}\u{1f}";

/// The files of a draft, in order: one without a part when the mapping is not cut, and one of no rows when it is and
/// there are none.
///
/// # Errors
/// The store's; more than `LIMIT` files.
pub fn parts(hub: &mut Hub, plan: &OutPlan, today: &str) -> Result<Vec<Option<String>>, HubError> {
    if plan.split.is_empty() {
        return Ok(vec![None]);
    }
    let (site, dantai) = (hub.site.clone(), hub.dantai().to_owned());
    let source = Source {
        site: &site,
        view: &plan.view,
        filter: plan.filter.as_ref(),
        part: &[],
        order: &[],
        dantai: &dantai,
        base_date: today,
        shared: None,
    };
    let found = source.distinct(&mut hub.conn, &plan.split, LIMIT + 1)?;
    let mut parts: BTreeSet<String> = found.iter().map(|values| values.join("\u{1f}")).collect();
    if plan.delta && plan.send_closed {
        ledger_out::each_sent(&mut hub.conn, &plan.interface, &dantai, |key, _| {
            if parts.len() <= LIMIT {
                parts.insert(part_of_key(plan, key));
            }
            Ok(())
        })?;
    }
    if parts.len() > LIMIT {
        return Err(HubError::Refused(format!(
            "「{}」が {LIMIT} 個を超えるファイルに分かれます。split の列を見直してください",
            plan.title
        )));
    }
    if parts.is_empty() {
        parts.insert(NONE.to_owned());
    }
    Ok(parts.into_iter().map(Some).collect())
}

/// Split columns and their values; nothing when the mapping is not cut.
pub fn values<'p>(plan: &OutPlan, part: Option<&'p str>) -> Vec<(usize, &'p str)> {
    match part {
        Some(NONE) => plan.split.iter().map(|column| (*column, NONE)).collect(),
        Some(part) => plan.split.iter().copied().zip(part.split(SEPARATOR)).collect(),
        None => Vec::new(),
    }
}

/// Does a key that the partner has belong to the part?
pub fn holds_key(plan: &OutPlan, part: Option<&str>, key: &str) -> bool {
    part.is_none_or(|part| part_of_key(plan, key) == part)
}

fn part_of_key(plan: &OutPlan, key: &str) -> String {
    let columns = key_values(plan, key);
    let values: Vec<String> = plan.split.iter().map(|column| columns[*column].as_value().to_string()).collect();
    values.join("\u{1f}")
}

/// The mapping as it holds for one file: with the layout in the profile that the part asks for.
///
/// # Errors
/// A condition cannot be computed.
pub fn plan_of(plan: &Arc<OutPlan>, part: Option<&str>) -> Result<Arc<OutPlan>, HubError> {
    let mut columns = vec![Value::Null; plan.view.columns.len()];
    for (column, value) in values(plan, part) {
        columns[column] = if value.is_empty() { Value::Null } else { Value::Text(value) };
    }
    let (run, mut scratch) = (RunItems::default(), Scratch::default());
    let row = ViewRow { columns: &columns, run: &run, site: &[] };
    for variant in &plan.variants {
        if variant.when.is_true(&row, &mut scratch).map_err(|e| HubError::Rules(e.to_string()))? {
            return Ok(Arc::new(OutPlan { layout: variant.layout.clone(), ..OutPlan::clone(plan) }));
        }
    }
    Ok(plan.clone())
}

/// The value of a split column as part of a file name.
///
/// # Errors
/// It has characters that no file name may have.
pub fn in_name(plan: &OutPlan, part: Option<&str>, column: usize) -> Result<String, HubError> {
    let found = values(plan, part).into_iter().find(|(c, _)| *c == column).map_or("", |(_, value)| value);
    let value = if found == NONE { "" } else { found };
    if value.chars().any(|c| c.is_control() || "/\\:*?\"<>|{}".contains(c)) {
        let name = &plan.view.columns[column].0;
        return Err(HubError::Refused(format!("「{name}」の値「{value}」はファイル名に使えません")));
    }
    Ok(value.to_owned())
}
