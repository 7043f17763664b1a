//! `[[total]]` → [`Total`]: control totals that are checked on reading and filled in on writing.
//!
//! Owns: the keys of a total and the small grammar of `counted`. Never: counts (`codec`).

use super::layout::*;
use super::toml_read::{Node, Text};
use super::{keys, mistake};

/// Reads every total of a layout; those with mistakes are left out.
pub(super) fn load_totals(top: &Node<'_>, records: &[RecordKind]) -> Vec<Total> {
    top.tables("total").iter().filter_map(|node| load_total(node, records)).collect()
}

fn load_total(node: &Node<'_>, records: &[RecordKind]) -> Option<Total> {
    let declared = node.str("declared");
    let counted = node.str("counted");
    let only = node.opt_table("only");
    let scope = node.opt_word("scope", &[("group", TotalScope::Group), ("file", TotalScope::File)]);
    let zero_is_silent = node.flag("zero_is_silent");
    node.finish(&keys::TOTAL);
    let declared = declared.and_then(|text| {
        let found = field_of(&text, records)?;
        let field = &records[found.0].fields[found.1];
        let countable = matches!(field.kind, FieldKind::Int { .. } | FieldKind::Digits);
        if !countable || field.filler {
            let hint = "type を 9 か D にしてください";
            text.mistake(mistake::TOTAL, format!("合計を書く項目「{}」が数ではありません", text.value), hint);
            return None;
        }
        Some(found)
    });
    let counted = counted.and_then(|text| load_counted(&text, records));
    let only = match only {
        None => Some(None),
        Some(table) => load_only(&table, records, counted.as_ref()).map(Some),
    };
    Some(Total {
        declared: declared?,
        counted: counted?,
        only: only?,
        scope: scope.unwrap_or(TotalScope::Group),
        zero_is_silent,
        place: node.place(),
    })
}

/// Resolves `レコード.項目`; an unknown one is reported.
pub(crate) fn field_of(text: &Text<'_>, records: &[RecordKind]) -> Option<(usize, usize)> {
    let found = text.value.split_once('.').and_then(|(record, field)| {
        let record = records.iter().position(|r| r.name == record.trim())?;
        Some((record, records[record].field(field.trim())?))
    });
    if found.is_none() {
        let names = field_names(records);
        text.unknown("項目", names.iter().map(String::as_str));
    }
    found
}

fn field_names(records: &[RecordKind]) -> Vec<String> {
    records
        .iter()
        .flat_map(|r| {
            let named = r.fields.iter().filter(|f| !f.filler);
            named.map(move |f| format!("{}.{}", r.name, f.name))
        })
        .collect()
}

fn load_counted(text: &Text<'_>, records: &[RecordKind]) -> Option<Counted> {
    const HINT: &str = "count(データ) か sum(データ.金額) のように書いてください";
    let call = text.value.trim();
    let inside = |name: &str| {
        let rest = call.strip_prefix(name)?.trim_start();
        rest.strip_prefix('(')?.strip_suffix(')')
    };
    if let Some(list) = inside("count") {
        let mut kinds = Vec::new();
        for name in list.split(',').map(str::trim) {
            match records.iter().position(|r| r.name == name) {
                Some(kind) => kinds.push(kind),
                None => {
                    let hint = mistake::did_you_mean(name, records.iter().map(|r| r.name.as_str()));
                    text.mistake(mistake::TOTAL, format!("レコード「{name}」がありません"), hint);
                    return None;
                }
            }
        }
        return Some(Counted::Count(kinds));
    }
    let Some(name) = inside("sum") else {
        text.mistake(mistake::TOTAL, format!("「{}」は数え方として読めません", text.value), HINT);
        return None;
    };
    let found = name.split_once('.').and_then(|(record, field)| {
        let record = records.iter().position(|r| r.name == record.trim())?;
        Some((record, records[record].field(field.trim())?))
    });
    let Some((record, field)) = found else {
        let names = field_names(records);
        let hint = mistake::did_you_mean(name.trim(), names.iter().map(String::as_str));
        text.mistake(mistake::TOTAL, format!("項目「{}」がありません", name.trim()), hint);
        return None;
    };
    if !matches!(records[record].fields[field].kind, FieldKind::Int { .. }) {
        let message = format!("合計する項目「{}」が数値ではありません", name.trim());
        text.mistake(mistake::TOTAL, message, "type を 9 か S9 にしてください");
        return None;
    }
    Some(Counted::Sum(record, field))
}

fn load_only(table: &Node<'_>, records: &[RecordKind], counted: Option<&Counted>) -> Option<(usize, Vec<String>)> {
    let field = table.str("field");
    let values = table.list("is");
    table.finish(&keys::ONLY);
    let field = field?;
    let (kind, index) = field_of(&field, records)?;
    let counts_it = match counted? {
        Counted::Count(kinds) => kinds[..] == [kind],
        Counted::Sum(record, _) => *record == kind,
    };
    if !counts_it {
        let hint = "数えるレコードの項目を書いてください";
        field.mistake(mistake::TOTAL, format!("「{}」は数えるレコードの項目ではありません", field.value), hint);
        return None;
    }
    Some((index, values?.iter().map(|v| v.value.to_owned()).collect()))
}
