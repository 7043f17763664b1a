//! One record becomes one row of an entity, or a finding that says why it cannot.
//!
//! Owns: evaluating `when`, `close_when` and the columns of an `[[into]]`. Never: decides what a held record means.

use super::breach::failed;
use super::row::InRow;
use crate::codec::Record;
use crate::expr::{Row, Scratch};
use crate::finding::{Finding, Severity};
use crate::mapping::plan::{InPlan, IntoRows};
use crate::store::bulk::{Unfit, VersionBatch};
use crate::store::vault::Sealed;
use crate::value::Value;
use crate::vault::Vault;

/// Why a record cannot become a row.
pub enum Unmapped {
    /// A key column (index into the entity's) is empty.
    KeyMissing(usize),
    /// An expression could not be computed: for which column, and why.
    Failed(Option<usize>, String),
}

impl Unmapped {
    /// The finding that says so.
    pub fn finding(self, plan: &InPlan, rows: &IntoRows, record: &Record) -> Finding {
        match self {
            Unmapped::KeyMissing(column) => {
                let name = &rows.entity.columns[column].name;
                let mut place = record.place(&plan.layout, None);
                place.field = name.clone();
                Finding::data(
                    "key-missing",
                    Severity::Error,
                    place,
                    format!("「{name}」が空のため、どの行か決められません"),
                )
                .with_rule(rows.place.clone())
            }
            Unmapped::Failed(column, why) => {
                let mut finding = failed(plan, record, &rows.place, &why);
                if let Some(column) = column {
                    finding.data.field = rows.entity.columns[column].name.clone();
                }
                finding
            }
        }
    }
}

/// The token of a value goes into the row, the value sealed beside it. Without keys (a preview) neither is kept.
fn push_sealed(value: Value<'_>, close: bool, vault: Option<&Vault>, batch: &mut VersionBatch) {
    let (Value::Text(text), Some(vault)) = (value, vault) else {
        let masked = if value == Value::Null { value } else { Value::Text("＊＊＊") };
        return batch.push(masked);
    };
    let token = vault.token(text);
    batch.push(Value::Text(&token));
    if !close {
        let (key_id, sealed) = vault.seal(&token, text);
        batch.seal(Sealed { token, key_id, sealed });
    }
}

/// Appends one row, or nothing when `when` does not want the record.
pub fn map_into(
    rows: &IntoRows,
    record: &Record,
    row: &InRow<'_>,
    scratch: &mut Scratch,
    vault: Option<&Vault>,
    batch: &mut VersionBatch,
) -> Result<bool, Unmapped> {
    let failed = |e: crate::expr::EvalError| Unmapped::Failed(None, e.to_string());
    if let Some(when) = &rows.when
        && !when.is_true(row, scratch).map_err(failed)?
    {
        return Ok(false);
    }
    let close = match &rows.close_when {
        Some(when) => when.is_true(row, scratch).map_err(failed)?,
        None => false,
    };
    scratch.clear();
    batch.start(record.number, record.byte, record.len, None, close);
    for (column, expr) in rows.columns.iter().enumerate() {
        let Some(expr) = expr else {
            batch.push(Value::Null);
            continue;
        };
        // Most columns are a field as it is.
        if let Some(slot) = expr.as_slot() {
            if rows.entity.columns[column].vault {
                push_sealed(row.get(slot), close, vault, batch);
            } else {
                batch.push(row.get(slot));
            }
            continue;
        }
        match expr.eval(row, scratch) {
            Ok(value) if rows.entity.columns[column].vault => push_sealed(value, close, vault, batch),
            Ok(value) => batch.push(value),
            Err(e) => {
                batch.abandon();
                return Err(Unmapped::Failed(Some(column), e.to_string()));
            }
        }
    }
    match batch.finish() {
        Ok(()) => Ok(true),
        Err(Unfit::NullKey(column)) => Err(Unmapped::KeyMissing(column)),
        Err(Unfit::NulCharacter) => Err(Unmapped::Failed(None, "使えない文字 U+0000 があります".into())),
    }
}
