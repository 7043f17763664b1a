//! A [`Draft`] as the text of a layout file, doubts as `# TODO` comments where they belong.
//!
//! Owns: the look of the file. Never: judges what it writes; loading it does.

use std::fmt::Write;

use super::draft::{Draft, DraftField, Keys, Setting};
use crate::value::is_hidden;

/// The file's text, `\n` line ends.
pub fn toml_text(draft: &Draft) -> String {
    let mut out = String::from("version = 1\n");
    todos(&mut out, "", &draft.doubts);
    lines(&mut out, &draft.keys);
    for profile in &draft.profiles {
        let _ = writeln!(out, "\n[profile.{}]", key(&profile.name));
        lines(&mut out, &profile.keys);
        for (field, keys) in &profile.fields {
            let _ = writeln!(out, "[profile.{}.field.{}]", key(&profile.name), string(field));
            lines(&mut out, keys);
        }
    }
    for record in &draft.records {
        out.push_str("\n[[record]]\n");
        todos(&mut out, "", &record.doubts);
        lines(&mut out, &record.keys);
        out.push_str("fields = [\n");
        record.fields.iter().for_each(|field| field_line(&mut out, field));
        out.push_str("]\n");
    }
    for total in &draft.totals {
        out.push_str("\n[[total]]\n");
        todos(&mut out, "", &total.doubts);
        lines(&mut out, &total.keys);
    }
    out
}

fn field_line(out: &mut String, field: &DraftField) {
    todos(out, "  ", &field.doubts);
    let _ = writeln!(out, "  {},", inline(&field.keys));
}

fn todos(out: &mut String, indent: &str, doubts: &[String]) {
    for doubt in doubts {
        // A comment ends at the line's end, control characters are no TOML, and what turns a line round would hide it.
        let plain: String = doubt.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect();
        let _ = writeln!(out, "{indent}# TODO: {plain}");
    }
}

fn lines(out: &mut String, keys: &Keys) {
    for (name, value) in keys {
        let _ = writeln!(out, "{} = {}", key(name), setting(value));
    }
}

fn inline(keys: &Keys) -> String {
    let pairs: Vec<String> = keys.iter().map(|(name, value)| format!("{} = {}", key(name), setting(value))).collect();
    format!("{{ {} }}", pairs.join(", "))
}

fn setting(value: &Setting) -> String {
    match value {
        Setting::Text(text) => string(text),
        Setting::Int(number) => number.to_string(),
        Setting::Flag(flag) => flag.to_string(),
        Setting::List(list) => {
            let items: Vec<String> = list.iter().map(|text| string(text)).collect();
            format!("[{}]", items.join(", "))
        }
        Setting::Table(keys) => inline(keys),
    }
}

/// Bare where TOML allows it.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if bare { name.to_owned() } else { string(name) }
}

fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if is_hidden(c) => {
                let code = u32::from(c);
                let _ = if code > 0xFFFF { write!(out, "\\U{code:08X}") } else { write!(out, "\\u{code:04X}") };
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
