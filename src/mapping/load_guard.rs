//! `schemas/guards/<id>.toml` → [`Guard`]: whose data are protected.
//!
//! Owns: the keys of the file. Never: runs the view.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::scope::judge_message;
use crate::finding::RulePlace;
use crate::schema::toml_read::{Node, Reader};
use crate::schema::view::View;
use crate::schema::{keys, mistake};

/// The word of a guard's message for the key of the protected row.
pub const KEY_PLACE: &str = "キー";

/// A protection that columns of entities name (`guard = "…"`): an outbound row that shows such a column is kept back when
/// its key is one of those the view returns.
#[derive(Debug, Clone)]
pub struct Guard {
    /// File stem.
    pub id: String,
    /// What is protected, Japanese.
    pub title: String,
    /// Returns the protected keys; rows that need no protection now are not in it. Its other columns tell one protection of a
    /// key from the next: a release holds for as long as they stay the same.
    pub view: Arc<View>,
    /// Its column of keys.
    pub key: usize,
    /// Why a row is kept back; `{キー}` is replaced by the key.
    pub message: String,
    /// What to do.
    pub action: String,
    /// Where it is declared.
    pub place: RulePlace,
}

/// Reads one file; mistakes go to the reader.
pub fn load_guard(id: &str, reader: &Reader, views: &BTreeMap<String, Arc<View>>) -> Option<Guard> {
    let document = reader.parse()?;
    let top = Node::root(reader, &document);
    top.version();
    let title = top.str("title");
    let view = top.str("view");
    let key = top.str("key");
    let message = top.str("message");
    let action = top.opt_str("action");
    top.finish(&keys::GUARD);
    if let Some(message) = &message {
        judge_message(message, &[KEY_PLACE]);
    }
    let (view, key) = (view?, key?);
    let Some(found) = views.get(view.value) else {
        view.unknown("ビュー", views.keys().map(String::as_str));
        return None;
    };
    let Some(column) = found.columns.iter().position(|(name, _)| name == key.value) else {
        key.unknown("ビューの列", found.columns.iter().map(|(name, _)| name.as_str()));
        return None;
    };
    if found.columns[column].1 != crate::value::Type::Text {
        key.mistake(mistake::TYPE, "保護する人の番号は文字の列で書きます", "");
    }
    Some(Guard {
        id: id.to_owned(),
        title: title?.value.to_owned(),
        view: found.clone(),
        key: column,
        message: message?.value.to_owned(),
        action: action.map(|a| a.value.to_owned()).unwrap_or_default(),
        place: top.place(),
    })
}
