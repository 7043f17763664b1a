//! A layout as an item sheet (項目定義書) for people: sheets of cells.
//!
//! Owns: the columns and their titles, which `import` reads back. Never: writes files.

use super::draft::{Draft, DraftRecord, Keys, Setting, get, text_of};
use super::sheet::Sheet;

/// Title of the first column of the sheet of the file's keys.
pub const KEY: &str = "キー";
/// Title of its second.
pub const VALUE: &str = "値";
/// Name of the sheet of the file's keys.
pub const FILE_SHEET: &str = "ファイル";
/// Name of the sheet of totals.
pub const TOTAL_SHEET: &str = "合計";
/// Rows above the items: name of the record kind.
pub const RECORD: &str = "レコード";
/// Its length in bytes.
pub const LENGTH: &str = "レコード長";
/// Its element.
pub const ELEMENT: &str = "要素名";
/// Item and values by which it is recognised.
pub const WHEN: &str = "見分ける項目と値";
/// Columns of totals and their keys.
pub const TOTALS: [(&str, &str); 6] = [
    ("合計を書く項目", "declared"),
    ("数え方", "counted"),
    ("条件の項目", "field"),
    ("条件の値", "is"),
    ("範囲", "scope"),
    ("0は無記載", "zero_is_silent"),
];

/// Columns of items: title, key, and whether it stands in every sheet.
pub const COLUMNS: [(&str, &str, bool); 24] = [
    ("項目名", "name", true),
    ("パス", "path", false),
    ("型", "type", true),
    ("桁数", "len", true),
    ("整数部の桁数", "whole", false),
    ("小数部の桁数", "fraction", false),
    ("日付の形", "form", false),
    ("元号の符号", "era", false),
    ("必須", "required", true),
    ("桁数固定", "exact", false),
    ("固定値", "constant", false),
    ("コード表", "codes", false),
    ("コード外の扱い", "codes_unknown", false),
    ("使える文字", "letters", false),
    ("検査", "check", false),
    ("検査の扱い", "check_severity", false),
    ("秘匿", "secret", false),
    ("予備", "filler", false),
    ("不詳可", "unknown", false),
    ("ゼロは空", "zero_null", false),
    ("無期限可", "open", false),
    ("文字コード", "charset", false),
    ("詰め方", "pad", false),
    ("制御バイト", "accept", false),
];

/// The sheets: the file, each record kind, totals.
pub fn sheets(draft: &Draft) -> Vec<Sheet> {
    let mut all = vec![file_sheet(draft)];
    all.extend(draft.records.iter().map(record_sheet));
    if !draft.totals.is_empty() {
        all.push(total_sheet(draft));
    }
    all
}

/// A value as a cell.
pub fn cell(value: &Setting) -> String {
    match value {
        Setting::Text(text) => text.clone(),
        Setting::Int(number) => number.to_string(),
        Setting::Flag(true) => "○".to_owned(),
        Setting::Flag(false) => "×".to_owned(),
        Setting::List(list) => list.join(" "),
        Setting::Table(keys) => keys.iter().map(|(_, value)| cell(value)).collect::<Vec<_>>().join(" "),
    }
}

fn file_sheet(draft: &Draft) -> Sheet {
    // A tab is no sight in a sheet.
    let cell = |value: &Setting| cell(value).replace('\\', "\\\\").replace('\t', "\\t");
    let mut rows = vec![vec![KEY.to_owned(), VALUE.to_owned()]];
    rows.extend(draft.keys.iter().map(|(key, value)| vec![key.clone(), cell(value)]));
    for profile in &draft.profiles {
        let of = |key: &str, value: &Setting| vec![format!("profile/{}/{key}", profile.name), cell(value)];
        rows.extend(profile.keys.iter().map(|(key, value)| of(key, value)));
        for (field, keys) in &profile.fields {
            rows.extend(keys.iter().map(|(key, value)| of(&format!("{field}/{key}"), value)));
        }
    }
    Sheet { name: FILE_SHEET.to_owned(), rows, merged: Vec::new() }
}

fn record_sheet(record: &DraftRecord) -> Sheet {
    let mut rows = vec![vec![RECORD.to_owned(), record.name().to_owned()]];
    if let Some(length) = get(&record.keys, "length") {
        rows.push(vec![LENGTH.to_owned(), cell(length)]);
    }
    if let Some(element) = get(&record.keys, "element") {
        rows.push(vec![ELEMENT.to_owned(), cell(element)]);
    }
    if let Some(Setting::Table(when)) = get(&record.keys, "when") {
        let mut row = vec![WHEN.to_owned(), text_of(when, "field").to_owned()];
        if let Some(Setting::List(values)) = get(when, "is") {
            row.extend(values.iter().cloned());
        }
        rows.push(row);
    }
    rows.push(Vec::new());
    let used = |key: &str| record.fields.iter().any(|field| get(&field.keys, key).is_some());
    let columns: Vec<_> = COLUMNS.iter().filter(|(_, key, always)| *always || used(key)).collect();
    let fixed = get(&record.keys, "length").is_some();
    let mut head = vec!["項番".to_owned()];
    head.extend(columns.iter().map(|(title, _, _)| (*title).to_owned()));
    if fixed {
        head.push("開始位置".to_owned());
    }
    rows.push(head);
    let mut start = 1;
    for (at, field) in record.fields.iter().enumerate() {
        let mut row = vec![(at + 1).to_string()];
        row.extend(columns.iter().map(|(_, key, _)| get(&field.keys, key).map(cell).unwrap_or_default()));
        if fixed {
            row.push(start.to_string());
            start += length(&field.keys);
        }
        rows.push(row);
    }
    Sheet { name: record.name().to_owned(), rows, merged: Vec::new() }
}

fn length(keys: &Keys) -> i64 {
    match get(keys, "len") {
        Some(Setting::Int(length)) => *length,
        _ => 0,
    }
}

fn total_sheet(draft: &Draft) -> Sheet {
    let mut rows = vec![TOTALS.iter().map(|(title, _)| (*title).to_owned()).collect::<Vec<_>>()];
    for total in &draft.totals {
        let only = match get(&total.keys, "only") {
            Some(Setting::Table(only)) => only.clone(),
            _ => Keys::new(),
        };
        let of = |key: &str| get(&total.keys, key).or_else(|| get(&only, key)).map(cell).unwrap_or_default();
        rows.push(TOTALS.iter().map(|(_, key)| of(key)).collect());
    }
    Sheet { name: TOTAL_SHEET.to_owned(), rows, merged: Vec::new() }
}
