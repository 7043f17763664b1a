//! The sheets that only `layout doc` writes: the file's keys, and totals.
//!
//! Owns: reading them back. Never: judges the values; loading the layout does.

use super::doc::TOTALS;
use super::draft::*;
use super::sheet::Sheet;

/// Keys whose values are whole numbers.
const INTS: [&str; 5] = ["max_record", "max_depth", "len", "whole", "fraction"];
/// Keys whose values are strings even when they look like a mark.
const TEXTS: [&str; 5] = ["constant", "letters", "separator", "title", "source"];

/// A cell as the value of a key.
pub fn setting(key: &str, cell: &str) -> Setting {
    let number = cell.trim().parse::<i64>().ok().filter(|_| INTS.contains(&key));
    match (number, cell) {
        (Some(number), _) => Setting::Int(number),
        _ if TEXTS.contains(&key) => Setting::Text(cell.to_owned()),
        (_, "○") => Setting::Flag(true),
        (_, "×") => Setting::Flag(false),
        _ if key == "accept" => Setting::List(cell.split_whitespace().map(str::to_owned).collect()),
        _ => Setting::Text(cell.to_owned()),
    }
}

/// Keys of the file and of its profiles.
pub fn framing(sheet: &Sheet, draft: &mut Draft) {
    for row in 1..sheet.rows.len() {
        let key = sheet.cell(row, 0).trim();
        if key.is_empty() {
            continue;
        }
        let cell = unescaped(sheet.cell(row, 1));
        let Some(rest) = key.strip_prefix("profile/") else {
            draft.keys.push((key.to_owned(), setting(key, &cell)));
            continue;
        };
        let parts: Vec<&str> = rest.split('/').collect();
        let profile = parts[0];
        let at = draft.profiles.iter().position(|known| known.name == profile).unwrap_or_else(|| {
            draft.profiles.push(DraftProfile { name: profile.to_owned(), ..DraftProfile::default() });
            draft.profiles.len() - 1
        });
        let of = &mut draft.profiles[at];
        match parts[1..] {
            [key] => of.keys.push((key.to_owned(), setting(key, &cell))),
            [field, key] => {
                let value = (key.to_owned(), setting(key, &cell));
                match of.fields.iter_mut().find(|(known, _)| known == field) {
                    Some((_, keys)) => keys.push(value),
                    None => of.fields.push((field.to_owned(), vec![value])),
                }
            }
            _ => draft.doubts.push(format!("{}: 「{key}」を読めません", sheet.address(row, 0))),
        }
    }
}

fn unescaped(cell: &str) -> String {
    let mut out = String::new();
    let mut chars = cell.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('t') => out.push('\t'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            other => out.push(other),
        }
    }
    out
}

/// Control totals.
pub fn totals(sheet: &Sheet, draft: &mut Draft) {
    for row in 1..sheet.rows.len() {
        let of = |key: &str| {
            let column = TOTALS.iter().position(|(_, known)| *known == key).unwrap_or(0);
            sheet.cell(row, column).trim().to_owned()
        };
        if of("declared").is_empty() {
            continue;
        }
        let mut total = DraftTotal::default();
        put_text(&mut total.keys, "declared", &of("declared"));
        put_text(&mut total.keys, "counted", &of("counted"));
        if !of("field").is_empty() {
            let mut only = Keys::new();
            put_text(&mut only, "field", &of("field"));
            put(&mut only, "is", Setting::List(of("is").split_whitespace().map(str::to_owned).collect()));
            put(&mut total.keys, "only", Setting::Table(only));
        }
        if !of("scope").is_empty() {
            put_text(&mut total.keys, "scope", &of("scope"));
        }
        put_flag(&mut total.keys, "zero_is_silent", of("zero_is_silent") == "○");
        draft.totals.push(total);
    }
}
