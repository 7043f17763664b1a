//! A small site as plain JSON: what cases and tests compare.
//!
//! Owns: leaving out what does not depend on the data. Never: shows a secret item.

use serde_json::{Map, Value as Json, json};

use super::{Hub, HubError};
use crate::report::model::RunReport;
use crate::schema::entity::Entity;
use crate::store::lineage;
use crate::value::{OwnedValue, Value};

/// A report as a case expects it: what depends on the data alone.
pub fn case_json(report: &RunReport) -> Json {
    let mut json = serde_json::to_value(report).unwrap_or(Json::Null);
    if let Some(map) = json.as_object_mut() {
        for key in ["times", "municipality", "plan_revision", "note", "next_steps", "layout", "list"] {
            map.remove(key);
        }
        map.retain(|_, v| !matches!(v, Json::Array(a) if a.is_empty()) && !v.is_null());
        if let Some(file) = map.get_mut("file").and_then(Json::as_object_mut) {
            file.remove("sha256");
        }
        map.remove("delivery");
    }
    json
}

/// The rows of an entity that stand, in key order, without NULLs; secret ones masked. For cases and small sites.
pub fn rows_json(hub: &mut Hub, entity: &Entity) -> Result<Vec<Json>, HubError> {
    let dantai = hub.dantai().to_owned();
    let mut rows = Vec::new();
    lineage::each_current(&mut hub.conn, entity, &dantai, |values| {
        let mut map = Map::new();
        for (column, value) in entity.columns.iter().zip(values) {
            let value = match Value::to_owned(*value) {
                OwnedValue::Null => continue,
                _ if column.secret => json!("＊＊＊"),
                OwnedValue::Text(t) => json!(t),
                OwnedValue::Int(n) => json!(n),
                OwnedValue::Bool(b) => json!(b),
            };
            map.insert(column.name.clone(), value);
        }
        rows.push(Json::Object(map));
        Ok(())
    })?;
    Ok(rows)
}
