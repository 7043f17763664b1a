//! The items of a sheet: the heading row by its words, then a row an item.
//!
//! Owns: headings, groups, repeats, marks such as ○. Never: reads a type's word (`import_type`).

use std::collections::BTreeSet;

use super::doc::{COLUMNS, ELEMENT, LENGTH, RECORD, WHEN};
use super::draft::*;
use super::import_file::setting;
use super::import_type::{length_cell, plain, put_type, type_cell};
use super::sheet::{ITEMS, Sheet};
use crate::value::is_hidden;

/// Rows from the top in which the heading is looked for.
const HEADING_ROWS: usize = 60;
/// Most times an item is repeated.
const REPEATS: usize = 99;
/// Name of an item of whose name no character may be kept.
const NAMELESS: &str = "項目";

/// Headings of other people's sheets and what they are here.
const HEADINGS: [(&str, &str); 40] = [
    ("項目名", "name"),
    ("データ項目名", "name"),
    ("項目名称", "name"),
    ("データ項目名称", "name"),
    ("項目", "name"),
    ("名称", "name"),
    ("型", "type"),
    ("データ型", "type"),
    ("属性", "type"),
    ("データ属性", "type"),
    ("データ形式", "type"),
    ("形式", "type"),
    ("種類", "type"),
    ("桁数", "len"),
    ("桁", "len"),
    ("最大桁数", "len"),
    ("文字数", "len"),
    ("バイト数", "len"),
    ("長さ", "len"),
    ("LENGTH", "len"),
    ("必須", "required"),
    ("必須項目", "required"),
    ("必須区分", "required"),
    ("出力条件", "required"),
    ("必須/任意", "required"),
    ("コード", "code"),
    ("コードID", "code"),
    ("コード値", "code"),
    ("備考", "note"),
    ("説明", "note"),
    ("繰返", "repeat"),
    ("繰返し", "repeat"),
    ("繰り返し", "repeat"),
    ("繰返回数", "repeat"),
    ("グループ", "group"),
    ("グループ名", "group"),
    ("レコード", "group"),
    ("レコード名", "group"),
    ("不詳", "unknown"),
    ("データ項目ID", "id"),
];

/// Columns of the heading row.
struct Heading {
    row: usize,
    columns: Vec<(usize, &'static str)>,
}

impl Heading {
    fn column(&self, key: &str) -> Option<usize> {
        self.columns.iter().find(|(_, known)| *known == key).map(|(column, _)| *column)
    }
}

/// Record kinds of a sheet; `None` when it has no heading row of items.
pub fn records(sheet: &Sheet, fixed: bool, codes: &BTreeSet<String>) -> Option<Vec<DraftRecord>> {
    let heading = heading(sheet)?;
    let mut first = DraftRecord::default();
    above(sheet, heading.row, &mut first);
    let mut records: Vec<DraftRecord> = Vec::new();
    let (mut group, mut items) = (String::new(), 0);
    for row in heading.row + 1..sheet.rows.len() {
        if sheet.rows[row].iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if let Some(column) = heading.column("group") {
            let cell = sheet.cell(row, column).trim();
            if !cell.is_empty() {
                group = safe_name(cell);
            }
        }
        let at = records.iter().position(|record| record.name() == group || group.is_empty());
        let at = at.unwrap_or_else(|| {
            let mut record = if records.is_empty() { first.clone() } else { DraftRecord::default() };
            if !group.is_empty() {
                set(&mut record.keys, "name", Setting::Text(group.clone()));
            }
            records.push(record);
            records.len() - 1
        });
        let fields = item(sheet, &heading, row, fixed, codes, &mut records[at]);
        items += fields.len();
        if items > ITEMS {
            let place = sheet.address(row, 0);
            records[at].doubts.push(format!("{place}: 項目が {ITEMS} を超えるので、ここから下は読まなかった"));
            break;
        }
        records[at].fields.extend(fields);
    }
    records.retain(|record| !record.fields.is_empty());
    records.iter_mut().for_each(|record| finish(record, fixed));
    (!records.is_empty()).then_some(records)
}

/// The row with the most known headings: a name, and a type or a length.
fn heading(sheet: &Sheet) -> Option<Heading> {
    let mut best: Option<Heading> = None;
    for row in 0..sheet.rows.len().min(HEADING_ROWS) {
        let mut found = Heading { row, columns: Vec::new() };
        for (column, cell) in sheet.rows[row].iter().enumerate() {
            let word = plain(cell);
            let own = COLUMNS.iter().find(|(title, _, _)| plain(title) == word).map(|(_, key, _)| *key);
            let known = HEADINGS.iter().find(|(title, _)| plain(title) == word).map(|(_, key)| *key);
            if let Some(key) = own.or(known).filter(|key| found.column(key).is_none()) {
                found.columns.push((column, key));
            }
        }
        let is = found.column("name").is_some() && (found.column("type").is_some() || found.column("len").is_some());
        if is && best.as_ref().is_none_or(|old| found.columns.len() > old.columns.len()) {
            best = Some(found);
        }
    }
    best
}

/// What stands above the heading in the sheets of `layout doc`.
fn above(sheet: &Sheet, heading: usize, record: &mut DraftRecord) {
    put_text(&mut record.keys, "name", &safe_name(&sheet.name));
    for row in 0..heading {
        let value = sheet.cell(row, 1);
        match sheet.cell(row, 0) {
            RECORD => set(&mut record.keys, "name", Setting::Text(value.to_owned())),
            ELEMENT => put_text(&mut record.keys, "element", value),
            LENGTH => match length_cell(value).as_slice() {
                [length] => put(&mut record.keys, "length", Setting::Int(*length as i64)),
                _ if value.trim().is_empty() => {}
                _ => record.doubts.push(format!("レコード長「{}」が読めない", value.trim())),
            },
            WHEN => {
                let mut when = Keys::new();
                put_text(&mut when, "field", value);
                let values = sheet.rows[row].iter().skip(2).filter(|value| !value.is_empty()).cloned();
                put(&mut when, "is", Setting::List(values.collect()));
                put(&mut record.keys, "when", Setting::Table(when));
            }
            _ => {}
        }
    }
}

/// A name that a record or an item may have.
fn safe_name(name: &str) -> String {
    let odd = |c: char| c.is_whitespace() || is_hidden(c) || ".()|*+?\"{}".contains(c);
    let plain: String = name.trim().chars().map(|c| if odd(c) { '_' } else { c }).collect();
    plain.trim_start_matches('_').to_owned()
}

/// A row as one field, or as many as it repeats.
fn item(
    sheet: &Sheet,
    heading: &Heading,
    row: usize,
    fixed: bool,
    codes: &BTreeSet<String>,
    record: &mut DraftRecord,
) -> Vec<DraftField> {
    let raw = |key: &str| heading.column(key).map_or("", |column| sheet.cell(row, column));
    let at = |key: &str| sheet.address(row, heading.column(key).unwrap_or(0));
    let written = raw("name").trim().to_owned();
    if written.is_empty() {
        record.doubts.push(format!("{}: 項目名がないので読まなかった", at("name")));
        return Vec::new();
    }
    let mut doubts = Vec::new();
    let mut keys = Keys::new();
    let name = safe_field(&written);
    if name != written {
        doubts.push(format!("{}: 項目名「{written}」を「{name}」とした", at("name")));
    }
    put_text(&mut keys, "name", &name);
    let read = type_cell(raw("type"));
    let mut lengths = length_cell(raw("len"));
    if lengths.is_empty() {
        lengths = read.lengths.clone();
    }
    if let (Some(whole), Some(fraction)) = (length_cell(raw("whole")).first(), length_cell(raw("fraction")).first()) {
        put_own_decimal(&mut keys, &lengths, (*whole, *fraction));
    } else {
        let mut said = Vec::new();
        put_type(&mut keys, (&read, raw("type")), &lengths, fixed, &mut said);
        let place = if said.iter().any(|s| s.starts_with("桁数")) { at("len") } else { at("type") };
        doubts.extend(said.into_iter().map(|doubt| format!("{place}: {doubt}")));
    }
    own_columns(&raw, &mut keys);
    if !raw("form").is_empty() {
        doubts.retain(|doubt| !doubt.contains("日付の桁数"));
    }
    let table = text_of(&keys, "codes").to_owned();
    if !table.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b)) {
        unset(&mut keys, "codes");
        code(&table, &at("codes"), codes, &mut doubts);
    }
    required(raw("required"), &at("required"), &mut keys, &mut doubts);
    let marked = raw("unknown").trim();
    if matches!(marked, "○" | "◯" | "可") || plain(raw("note")).contains("不詳可") {
        set(&mut keys, "unknown", Setting::Flag(true));
    }
    if text_of(&keys, "type") != "DATE" {
        unset(&mut keys, "unknown");
    }
    code(raw("code").trim(), &at("code"), codes, &mut doubts);
    for key in ["name", "type", "len"] {
        if let Some(from) = heading.column(key).and_then(|column| sheet.merged_into(row, column)) {
            doubts.push(format!(
                "{}: 結合セル（{} から）。値がこの行のものか確かめてください",
                at(key),
                sheet.address(from.0, from.1)
            ));
        }
    }
    repeated(DraftField { keys, doubts }, raw("repeat"), &at("repeat"))
}

/// Items may have more signs in their names than records.
fn safe_field(name: &str) -> String {
    let odd = |c: char| c.is_whitespace() || is_hidden(c) || ".\"{}".contains(c);
    let plain: String = name.chars().map(|c| if odd(c) { '_' } else { c }).collect();
    match plain.trim_start_matches('_') {
        "" => NAMELESS.to_owned(),
        name => name.to_owned(),
    }
}

/// A decimal as `layout doc` writes it.
fn put_own_decimal(keys: &mut Keys, lengths: &[usize], (whole, fraction): (usize, usize)) {
    put_text(keys, "type", "9V");
    if let Some(len) = lengths.first() {
        put(keys, "len", Setting::Int(*len as i64));
    }
    put(keys, "whole", Setting::Int(whole as i64));
    put(keys, "fraction", Setting::Int(fraction as i64));
}

/// Columns that only `layout doc` writes, cell for key.
fn own_columns<'s>(raw: &dyn Fn(&str) -> &'s str, keys: &mut Keys) {
    let common = ["name", "type", "len", "required", "whole", "fraction", "unknown"];
    for (_, key, _) in COLUMNS.iter().filter(|(_, key, _)| !common.contains(key)) {
        let cell = raw(key);
        if !cell.is_empty() {
            set(keys, key, setting(key, cell));
        }
    }
}

fn required(cell: &str, at: &str, keys: &mut Keys, doubts: &mut Vec<String>) {
    match plain(cell).as_str() {
        "○" | "◯" | "◎" | "●" | "必須" | "必" | "Y" | "YES" | "1" | "TRUE" => {
            put_flag(keys, "required", true)
        }
        "" | "-" | "‐" | "―" | "×" | "任意" | "N" | "NO" | "0" | "FALSE" => {}
        _ => doubts.push(format!("{at}: 必須・出力条件「{}」は条件付きと見て required を付けなかった", cell.trim())),
    }
}

fn code(cell: &str, at: &str, codes: &BTreeSet<String>, doubts: &mut Vec<String>) {
    if cell.is_empty() || matches!(plain(cell).as_str(), "-" | "‐" | "―" | "×" | "なし") {
        return;
    }
    let hint = if codes.contains(cell) {
        "同じ名前のコード表がある。codes に書くか確かめてください"
    } else {
        "schemas/codes にコード表を作り、codes に書いてください"
    };
    doubts.push(format!("{at}: コード「{cell}」。{hint}"));
}

fn repeated(field: DraftField, cell: &str, at: &str) -> Vec<DraftField> {
    let text = plain(cell).replace(['回', '件'], "");
    match text.parse::<usize>() {
        Ok(times @ 2..=REPEATS) => {
            let name = field.name().to_owned();
            let one = |number: usize| {
                let mut copy = field.clone();
                set(&mut copy.keys, "name", Setting::Text(format!("{name}_{number}")));
                if number == 1 {
                    copy.doubts.push(format!("{at}: {times} 回の繰返しを _1 から _{times} の項目に展開した"));
                }
                copy
            };
            (1..=times).map(one).collect()
        }
        Ok(0 | 1) => vec![field],
        _ if text.is_empty() || matches!(text.as_str(), "-" | "‐" | "―" | "×" | "なし") => vec![field],
        _ => {
            let mut field = field;
            field.doubts.push(format!("{at}: 繰返し「{}」を読めない。1回とした", cell.trim()));
            vec![field]
        }
    }
}

/// Lengths add up, names are apart.
fn finish(record: &mut DraftRecord, fixed: bool) {
    let mut used: Vec<String> = Vec::new();
    for field in &mut record.fields {
        let name = field.name().to_owned();
        let filler = get(&field.keys, "filler").is_some();
        let mut free = name.clone();
        let mut number = 2;
        while !filler && used.contains(&free) {
            free = format!("{name}_{number}");
            number += 1;
        }
        if free != name {
            field.doubts.push(format!("項目名「{name}」が重なるので「{free}」とした"));
            set(&mut field.keys, "name", Setting::Text(free.clone()));
        }
        if !filler {
            used.push(free);
        }
    }
    if fixed && get(&record.keys, "length").is_none() {
        let len = |field: &DraftField| match get(&field.keys, "len") {
            Some(Setting::Int(len)) => *len,
            // What the type itself says.
            _ => match (text_of(&field.keys, "type"), text_of(&field.keys, "form")) {
                ("DATE", "YYYYMMDD") => 8,
                ("DATE", "GYYMMDD") => 7,
                ("DATE", "MMDD") | ("YEAR", _) => 4,
                ("DATE", _) => 10,
                _ => 0,
            },
        };
        let length = record.fields.iter().map(len).sum();
        put(&mut record.keys, "length", Setting::Int(length));
        record.doubts.push("レコード長が書かれていないので、桁数の合計とした".to_owned());
    }
}
