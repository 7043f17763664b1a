//! What guards protect in the tree of a trace.
//!
//! Owns: taking it out, and naming it for the audit. Never: reads files or the store.

use serde_json::{Value as Json, json};

use crate::pipeline::Hub;

/// Key of the names of those that guards protect; not shown.
pub(super) const GUARDED: &str = "保護する項目";
/// Key of a record's data items; their names and values are shown as they are.
pub(super) const CONTENT: &str = "内容";

/// Takes the protected values out of the tree.
pub(super) fn mask(node: &mut Json) {
    let Json::Object(map) = node else { return };
    if let Some(Json::Array(names)) = map.remove(GUARDED)
        && let Some(Json::Object(content)) = map.get_mut(CONTENT)
    {
        for name in names.iter().filter_map(Json::as_str) {
            if let Some(value) = content.get_mut(name) {
                *value = json!("＊＊＊");
            }
        }
    }
    children(map).for_each(mask);
}

/// The same tree without the word of what is protected in it.
pub(super) fn forget_guarded(node: &mut Json) {
    let Json::Object(map) = node else { return };
    map.remove(GUARDED);
    children(map).for_each(forget_guarded);
}

fn children(map: &mut serde_json::Map<String, Json>) -> impl Iterator<Item = &mut Json> {
    map.values_mut().flat_map(|value| match value {
        Json::Array(items) => items.iter_mut().collect::<Vec<_>>(),
        other => vec![other],
    })
}

/// Versions in the tree whose records may show something protected: entity and number, as in a lineage.
pub(super) fn note_guarded(hub: &Hub, node: &Json, found: &mut Vec<String>) {
    match node {
        Json::Array(items) => items.iter().for_each(|item| note_guarded(hub, item, found)),
        Json::Object(map) => {
            let name = map.get("エンティティ").and_then(Json::as_str);
            let entity = hub.site.entities.values().find(|e| Some(e.name.as_str()) == name);
            if let Some(entity) = entity.filter(|e| e.columns.iter().any(|c| c.guard.is_some())) {
                found.push(format!("{}:{}", entity.id, map.get("版").unwrap_or(&Json::Null)));
            }
            map.values().for_each(|item| note_guarded(hub, item, found));
        }
        _ => {}
    }
}

/// Records in the tree with something protected in them: exchange and number. Held ones have no version.
pub(super) fn note_records(node: &Json, found: &mut Vec<String>) {
    match node {
        Json::Array(items) => items.iter().for_each(|item| note_records(item, found)),
        Json::Object(map) => {
            if map.get(GUARDED).and_then(Json::as_array).is_some_and(|names| !names.is_empty()) {
                let part = |key: &str| map.get(key).unwrap_or(&Json::Null);
                found.push(format!("{}:{}", part("受付番号"), part("記録")));
            }
            map.values().for_each(|item| note_records(item, found));
        }
        _ => {}
    }
}
