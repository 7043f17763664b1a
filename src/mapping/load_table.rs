//! `schemas/tables/<id>.toml` → [`DayTable`]: a view shown in the day's report.
//!
//! Owns: the keys of the file. Never: runs the view.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::schema::toml_read::{Node, Reader};
use crate::schema::view::View;
use crate::schema::{keys, mistake};

/// A declared table of the day's report, e.g. what was asked against what came back.
#[derive(Debug, Clone)]
pub struct DayTable {
    /// Heading, Japanese.
    pub title: String,
    /// Its rows and columns. A column whose name begins with 差 ought to be 0; one that ends in 額 is yen.
    pub view: Arc<View>,
    /// How to read it, Japanese; may be empty.
    pub note: String,
}

/// Reads one file; mistakes go to the reader.
pub fn load_table(_id: &str, reader: &Reader, views: &BTreeMap<String, Arc<View>>) -> Option<DayTable> {
    let document = reader.parse()?;
    let top = Node::root(reader, &document);
    top.version();
    let title = top.str("title");
    let view = top.str("view");
    let note = top.opt_str("note");
    top.finish(&keys::DAY_TABLE);
    let view = view?;
    let Some(found) = views.get(view.value) else {
        view.mistake(
            mistake::UNKNOWN_NAME,
            format!("ビュー「{}」がありません", view.value),
            "schemas/views にあるファイル名（拡張子なし）を書いてください",
        );
        return None;
    };
    Some(DayTable {
        title: title?.value.to_owned(),
        view: found.clone(),
        note: note.map(|n| n.value.to_owned()).unwrap_or_default(),
    })
}
