//! `schemas/entities/<id>.toml` → [`Entity`].
//!
//! Owns: the keys of the file and what a column may be called. Never: writes DDL.

use super::entity::{Column, Entity};
use super::relation::BuiltIn;
use super::toml_read::{Node, Reader, Text};
use super::{keys, mistake};
use crate::value::{Type, is_hidden};

/// Longest name of a table or column that PostgreSQL keeps whole, bytes.
pub const MAX_NAME: usize = 63;
/// Longest id of an entity: `v_<id>` and names of its indexes must stay within [`MAX_NAME`].
pub const MAX_ID: usize = 40;

/// Types of columns.
pub(crate) const COLUMN_TYPES: [(&str, Type); 3] = [("text", Type::Text), ("int", Type::Int), ("date", Type::Date)];

/// Reads an entity; mistakes go to the reader. `None` when its name cannot be told.
pub fn load_entity(id: &str, reader: &Reader) -> Option<Entity> {
    let document = reader.parse()?;
    let top = Node::root(reader, &document);
    top.version();
    let name = top.str("name");
    let columns = columns(&top);
    let key = top.list("key").unwrap_or_default();
    if key.is_empty() && top.has("key") {
        reader.mistake(mistake::BAD_VALUE, top.place_of("key"), "「key」が空です", "キーの項目を書いてください");
    }
    let key = resolve(&key, &columns);
    let indexes = top.lists("index").iter().map(|list| resolve(list, &columns)).collect();
    let newer = top.opt_str("newer").and_then(|text| newer(&text, &columns));
    top.finish(&keys::ENTITY);
    if id.len() > MAX_ID {
        top.mistake(mistake::LENGTH, format!("ファイル名が長すぎます（{MAX_ID}文字まで）"), "");
    }
    let name = name?;
    if is_reserved(name.value) {
        name.mistake(mistake::BAD_VALUE, format!("「{}」は台帳の名前に使えません", name.value), "");
    }
    Some(Entity { id: id.to_owned(), name: name.value.to_owned(), columns, key, indexes, newer, place: top.place() })
}

/// The column that orders versions: a number or a date.
fn newer(text: &Text<'_>, columns: &[Column]) -> Option<usize> {
    let found = columns.iter().position(|c| c.name == text.value);
    match found {
        None => text.unknown("列", columns.iter().map(|c| c.name.as_str())),
        Some(i) if columns[i].ty == Type::Text => {
            let message = format!("列「{}」は文字なので、新しさを比べられません", text.value);
            text.mistake(mistake::TYPE, message, "type が int か date の列を書いてください");
        }
        Some(_) => {}
    }
    found.filter(|i| columns[*i].ty != Type::Text)
}

/// Names of tables that every site has.
pub(crate) fn is_reserved(name: &str) -> bool {
    name.is_empty() || name.starts_with('_') || BuiltIn::named(name).is_some()
}

fn columns(top: &Node<'_>) -> Vec<Column> {
    let nodes = top.tables("column");
    if nodes.is_empty() {
        top.mistake(mistake::MISSING_KEY, "列がありません", "column = [ { name = …, type = … } ] を書いてください");
    }
    let mut columns: Vec<Column> = Vec::new();
    for node in &nodes {
        let name = node.str("name");
        let ty = node.word("type", &COLUMN_TYPES);
        let wrong = node.opt_str("type").filter(|_| ty.is_none());
        let secret = node.flag("secret");
        let vault = node.flag("vault");
        let guard = node.opt_str("guard").map(|text| text.value.to_owned());
        if vault && ty.is_some_and(|ty| ty != Type::Text) {
            let message = "vault = true の列は type = \"text\" で書きます";
            node.reader().mistake(mistake::TYPE, node.place_of("vault"), message, "");
        }
        node.finish(&keys::COLUMN);
        let Some(name) = name else { continue };
        judge_name(&name);
        if columns.iter().any(|c| c.name == name.value) {
            name.mistake(mistake::DUPLICATE, format!("列「{}」が2つあります", name.value), "");
            continue;
        }
        columns.push(Column {
            name: name.value.to_owned(),
            ty: ty.unwrap_or_else(|| wrong.map_or(Type::Text, |word| probable(word.value))),
            secret: secret || vault,
            vault,
            guard,
            place: node.place(),
        });
    }
    columns
}

/// The type that a wrong word was most likely meant to be, so that one mistake does not make ten.
fn probable(word: &str) -> Type {
    let likeness = |(known, _): &&(&str, Type)| (strsim::jaro_winkler(word, known) * 1e6) as u64;
    COLUMN_TYPES.iter().max_by_key(likeness).map_or(Type::Text, |(_, ty)| *ty)
}

/// A column's name must stand in PostgreSQL whole and in expressions.
pub(crate) fn judge_name(name: &Text<'_>) {
    let message = if name.value.is_empty() {
        "列の名前が空です".to_owned()
    } else if name.value.starts_with('_') {
        "「_」で始まる列は製品が使います".to_owned()
    } else if name.value.len() > MAX_NAME {
        format!("列「{}」の名前が{}バイトあります（{MAX_NAME}バイトまで、漢字で21文字）", name.value, name.value.len())
    } else if name.value.contains(|c: char| is_hidden(c) || ".\"{}".contains(c)) {
        format!("列「{}」の名前に使えない記号があります", name.value)
    } else {
        return;
    };
    name.mistake(mistake::BAD_VALUE, message, "別の名前にしてください");
}

fn resolve(names: &[Text<'_>], columns: &[Column]) -> Vec<usize> {
    let mut indexes = Vec::new();
    for name in names {
        match columns.iter().position(|c| c.name == name.value) {
            Some(index) if indexes.contains(&index) => {
                name.mistake(mistake::DUPLICATE, format!("列「{}」が2回あります", name.value), "");
            }
            Some(index) => indexes.push(index),
            None => name.unknown("列", columns.iter().map(|c| c.name.as_str())),
        }
    }
    indexes
}
