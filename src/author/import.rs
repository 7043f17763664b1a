//! An item sheet (項目定義書) to a draft of a layout, every doubt with its sheet and cell.
//!
//! Owns: which sheet is what, and what a sheet without framing is taken for. Never: leaves a cell out without a word, or
//! makes up a length.

use std::collections::BTreeSet;

use super::doc::{KEY, TOTALS, VALUE};
use super::draft::*;
use super::sheet::{ITEMS, Sheet};
use super::{import_file, import_item};

/// Draws a layout up from sheets. `file` is the sheet file's name; `codes` are the code tables of the site.
///
/// # Errors
/// No sheet has a heading row of items; Japanese.
pub fn import(sheets: &[Sheet], file: &str, codes: &BTreeSet<String>) -> Result<Draft, String> {
    let mut draft = Draft::default();
    let framed = sheets.iter().find(|sheet| sheet.cell(0, 0) == KEY && sheet.cell(0, 1) == VALUE);
    match framed {
        Some(sheet) => import_file::framing(sheet, &mut draft),
        None => unframed(file, &mut draft),
    }
    let fixed = text_of(&draft.keys, "kind") == "fixed";
    for sheet in sheets.iter().filter(|sheet| !is_own(sheet)) {
        match import_item::records(sheet, fixed, codes) {
            Some(records) => {
                draft.records.extend(records);
                if draft.records.iter().map(|record| record.fields.len()).sum::<usize>() > ITEMS {
                    return Err(format!("項目が {ITEMS} を超えます（シート「{}」まで）", sheet.name));
                }
            }
            None if sheet.rows.iter().all(|row| row.iter().all(|cell| cell.trim().is_empty())) => {}
            None => {
                let doubt = format!(
                    "シート「{}」に項目の見出し行（項目名・型・桁数など）が見つからず、読まなかった",
                    sheet.name
                );
                draft.doubts.push(doubt);
            }
        }
    }
    if draft.records.is_empty() {
        return Err("項目の見出し行（項目名と、型か桁数）のあるシートがありません".to_owned());
    }
    name_apart(&mut draft);
    if framed.is_none() {
        order(&mut draft);
    }
    if let Some(sheet) = sheets.iter().find(|sheet| is_totals(sheet)) {
        import_file::totals(sheet, &mut draft);
    }
    Ok(draft)
}

/// The sheets that `layout doc` adds to those of the records.
fn is_own(sheet: &Sheet) -> bool {
    let framing = sheet.cell(0, 0) == KEY && sheet.cell(0, 1) == VALUE;
    framing || is_totals(sheet)
}

/// By its headings: a record kind may bear the sheet's name.
fn is_totals(sheet: &Sheet) -> bool {
    TOTALS.iter().take(2).enumerate().all(|(column, (title, _))| sheet.cell(0, column) == *title)
}

/// What an item sheet does not say.
fn unframed(file: &str, draft: &mut Draft) {
    let title = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let keys = &mut draft.keys;
    put_text(keys, "title", title);
    put_text(keys, "provenance", "inferred");
    put_text(keys, "source", &format!("項目定義書 {file} から取り込み"));
    put_text(keys, "kind", "delimited");
    put_text(keys, "charset", "utf-8");
    put_text(keys, "line_end", "crlf");
    put_text(keys, "separator", ",");
    put_text(keys, "quote", "needed");
    let doubt = "項目定義書に形式がない。カンマ区切り・utf-8・CRLF・引用符は必要なとき・見出し行なし・BOMなしとした。相手に確かめてください";
    draft.doubts.push(doubt.to_owned());
}

/// Record kinds of one name get numbers.
fn name_apart(draft: &mut Draft) {
    let mut used: Vec<String> = Vec::new();
    for record in &mut draft.records {
        let name = record.name().to_owned();
        let mut free = name.clone();
        let mut number = 2;
        while used.contains(&free) {
            free = format!("{name}_{number}");
            number += 1;
        }
        if free != name {
            record.doubts.push(format!("レコード名「{name}」が重なるので「{free}」とした"));
            set(&mut record.keys, "name", Setting::Text(free.clone()));
        }
        used.push(free);
    }
}

fn order(draft: &mut Draft) {
    let names: Vec<&str> = draft.records.iter().map(DraftRecord::name).collect();
    let order = match &names[..] {
        [only] => format!("{only}*"),
        many => many.join(" "),
    };
    if names.len() > 1 {
        let doubt = "レコードが2種類以上ある。並び（order）と見分け方（when）を書いてください。仮に1件ずつこの順とした";
        draft.doubts.push(doubt.to_owned());
    }
    put_text(&mut draft.keys, "order", &order);
}
