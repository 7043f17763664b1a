//! An item sheet as one HTML page that prints on A4.
//!
//! Owns: the page. Never: leaves a character of a layout unescaped, refers to anything outside the page.

use std::fmt::Write;

use super::sheet::Sheet;

const STYLE: &str = "@page{size:A4 landscape;margin:12mm}\
body{font:10pt/1.5 'Noto Sans JP','Yu Gothic',sans-serif;color:#111;margin:2em auto;max-width:277mm}\
h1{font-size:15pt}h2{font-size:12pt;break-after:avoid;margin-top:2em}\
table{border-collapse:collapse;width:100%}thead{display:table-header-group}tr{break-inside:avoid}\
td,th{border:1px solid #999;padding:2px 6px;text-align:left;vertical-align:top;overflow-wrap:anywhere}th{background:#eee}";

/// The page, UTF-8.
pub fn html(title: &str, sheets: &[Sheet]) -> String {
    let title = escape(title);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"ja\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title} 項目定義書</h1>\n"
    );
    for sheet in sheets {
        let _ = writeln!(out, "<h2>{}</h2>", escape(&sheet.name));
        tables(&mut out, sheet);
    }
    out.push_str("</body></html>\n");
    out
}

/// Rows up to an empty one are a table of their own; the last table has a heading row.
fn tables(out: &mut String, sheet: &Sheet) {
    let parts: Vec<&[Vec<String>]> = sheet.rows.split(|row| row.is_empty()).collect();
    for (at, part) in parts.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
        let headed = at + 1 == parts.len();
        let width = part.iter().map(Vec::len).max().unwrap_or(0);
        out.push_str("<table>\n");
        for (number, row) in part.iter().enumerate() {
            let tag = if headed && number == 0 { "th" } else { "td" };
            let cell = |column: usize| {
                let text = row.get(column).map_or("", String::as_str);
                format!("<{tag}>{}</{tag}>", escape(text))
            };
            let cells: String = (0..width).map(cell).collect();
            let row =
                if tag == "th" { format!("<thead><tr>{cells}</tr></thead>") } else { format!("<tr>{cells}</tr>") };
            out.push_str(&row);
            out.push('\n');
        }
        out.push_str("</table>\n");
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
