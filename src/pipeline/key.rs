//! Keys and hashes of outbound rows: what a partner has, key by key.
//!
//! Owns: their form. Never: looks into the ledger.

use twox_hash::XxHash3_64;

use crate::mapping::plan::OutPlan;
use crate::value::{OwnedValue, Type, Value};

/// Between the columns of a key.
const KEY_SEPARATOR: char = '\u{1f}';

/// Writes the key of a row: its key columns as text.
pub fn key_text(plan: &OutPlan, columns: &[Value<'_>], into: &mut String) {
    use std::fmt::Write;
    into.clear();
    for (i, column) in plan.key.iter().enumerate() {
        if i > 0 {
            into.push(KEY_SEPARATOR);
        }
        let _ = write!(into, "{}", columns[*column]);
    }
}

/// The key of a row as a person may read it: secret items masked, the parts visibly apart.
pub fn shown_key(plan: &OutPlan, columns: &[Value<'_>]) -> String {
    let shown = |&column: &usize| match columns[column] {
        Value::Null => String::new(),
        _ if plan.secret[column] => "＊＊＊".to_owned(),
        value => value.to_string(),
    };
    plan.key.iter().map(shown).collect::<Vec<_>>().join("・")
}

/// A row of which only the key columns are known.
pub fn key_values(plan: &OutPlan, key: &str) -> Vec<OwnedValue> {
    let mut columns = vec![OwnedValue::Null; plan.view.columns.len()];
    for (part, &column) in key.split(KEY_SEPARATOR).zip(&plan.key) {
        columns[column] = match plan.view.columns[column].1 {
            _ if part.is_empty() => OwnedValue::Null,
            Type::Int => part.parse().map_or(OwnedValue::Null, OwnedValue::Int),
            _ => OwnedValue::Text(part.to_owned()),
        };
    }
    columns
}

/// Hash of a key, for the table of what a partner has.
pub fn key_hash(key: &str) -> u64 {
    XxHash3_64::oneshot(key.as_bytes())
}

/// Hash of a row's values; equal values have equal hashes.
pub fn hash_row(columns: &[Value<'_>], scratch: &mut Vec<u8>) -> i64 {
    scratch.clear();
    for value in columns {
        match value {
            Value::Null => scratch.push(0),
            Value::Int(n) => {
                scratch.push(1);
                scratch.extend_from_slice(&n.to_le_bytes());
            }
            Value::Text(t) => {
                scratch.push(2);
                scratch.extend_from_slice(&(t.len() as u32).to_le_bytes());
                scratch.extend_from_slice(t.as_bytes());
            }
            Value::Bool(b) => scratch.extend_from_slice(&[3, u8::from(*b)]),
        }
    }
    XxHash3_64::oneshot(scratch) as i64
}
