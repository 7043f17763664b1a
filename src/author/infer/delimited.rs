//! The draft of a layout of separated values.
//!
//! Owns: heading row, record kinds by key, quoting, columns. Never: reads a value's meaning.

use super::framing::{Rows, tally};
use super::text::Text;
use super::{Decision, Inferred, Sample, Unclear, column, key, naming, sequence, totals};
use crate::author::draft::*;
use crate::codec::charset::Charset;
use crate::value::is_hidden;

/// Most rows that are looked at.
const ROWS: usize = 5_000;

type Row<'s> = (usize, Vec<&'s [u8]>);

/// Draws the layout up.
pub fn draft(
    sample: Sample<'_>,
    text: &Text,
    rows: &Rows<'_>,
    mut decisions: Vec<Decision>,
) -> Result<Inferred, Unclear> {
    let charset = match text.charset {
        Charset::JisX0201 => {
            if let Some(decision) = decisions.iter_mut().find(|d| d.what == "文字コード") {
                decision.chosen = "windows-31j".to_owned();
                decision.rivals = vec!["jis-x-0201: 同じバイト列。漢字が入らないと決まっているとき".to_owned()];
            }
            Charset::Windows31j
        }
        other => other,
    };
    let quote = quoting(rows, &mut decisions);
    let decode = |item: &[u8]| decoded(item, charset, quote == "never");
    let header = header(rows, &decode, &mut decisions);
    let body: Vec<&Row<'_>> = rows.rows.iter().skip(usize::from(header.is_some())).take(ROWS).collect();
    let (kinds, key_values) = kinds(&body, &mut decisions);
    let count = key_values.len();
    let names = naming::kinds(&kinds, count, 0);
    let mut draft = Draft::default();
    head(&mut draft, sample, text, charset, rows, (quote, header.is_some()));
    put_text(&mut draft.keys, "order", &sequence::order(&kinds, &names));
    let mut columns: Vec<Vec<Vec<String>>> = Vec::new();
    for kind in 0..count {
        let of: Vec<&&Row<'_>> = body.iter().zip(&kinds).filter(|(_, k)| **k == kind).map(|(row, _)| row).collect();
        let width = tally(of.iter().map(|(_, items)| items.len())).first().map_or(0, |(width, _)| *width);
        let cells: Vec<Vec<String>> = (0..width)
            .map(|at| of.iter().map(|row| row.1.get(at).map(|i| decode(i)).unwrap_or_default()).collect())
            .collect();
        draft.records.push(record(&names[kind], &key_values[kind], &cells, header.as_deref()));
        columns.push(cells);
    }
    let cut = sample.bytes.len() as u64 != sample.whole || rows.rows.len() > ROWS;
    if !cut {
        totals::add(&mut draft, &columns, &kinds, &mut decisions);
    }
    let records = body.iter().zip(&kinds).map(|(row, kind)| (*kind, row.0, 0)).collect();
    Ok(Inferred { draft, decisions, edges: Vec::new(), records })
}

/// Keys of the file.
fn head(
    draft: &mut Draft,
    sample: Sample<'_>,
    text: &Text,
    charset: Charset,
    rows: &Rows<'_>,
    (quote, header): (&str, bool),
) {
    let keys = &mut draft.keys;
    put_text(keys, "title", "（標本から推定したレイアウト）");
    put_text(keys, "provenance", "inferred");
    put_text(keys, "source", &format!("標本 {} の先頭 {} バイトから推定", sample.name, sample.bytes.len()));
    put_text(keys, "kind", "delimited");
    put_text(keys, "charset", charset.name());
    put_text(keys, "line_end", rows.line_end);
    if text.bom {
        put_text(keys, "bom", "optional");
        draft.doubts.push("BOM があった。送る側として BOM が要るなら bom = \"required\"".to_owned());
    }
    if rows.eof_mark {
        put_text(keys, "eof_mark", "optional");
    }
    put_text(keys, "separator", &char::from(rows.separator).to_string());
    put_text(keys, "quote", quote);
    put_flag(keys, "header", header);
    if text.ascii {
        draft.doubts.push(
            "ASCII の文字しかなく、文字コードは決められない。漢字の入る見本か仕様書で確かめてください".to_owned(),
        );
    }
    draft
        .doubts
        .push("標本で一度も空でなかった項目に required を付けた。仕様書の必須かどうかと合わせてください".to_owned());
}

fn quoting(rows: &Rows<'_>, decisions: &mut Vec<Decision>) -> &'static str {
    let (mut quoted, mut bare, mut odd) = (0usize, 0usize, 0usize);
    for item in rows.rows.iter().flat_map(|(_, items)| items) {
        let whole = item.len() >= 2 && item.starts_with(b"\"") && item.ends_with(b"\"");
        match (whole, item.contains(&b'"')) {
            (true, _) => quoted += 1,
            (false, true) => odd += 1,
            (false, false) => bare += 1,
        }
    }
    let (word, sure) = match (quoted, bare, odd) {
        (_, 0, 0) => ("always", 95),
        (0, _, o) if o > 0 => ("never", 75),
        (0, ..) => ("needed", 60),
        _ => ("needed", 90),
    };
    let evidence = format!("引用符で囲んだ項目 {quoted}、囲まない項目 {bare}、途中に引用符のある項目 {odd}");
    let rivals = if quoted == 0 {
        vec!["never: 引用符を使わない相手かもしれません".to_owned()]
    } else {
        Vec::new()
    };
    decisions.push(Decision::new("引用符", word, sure, evidence).against(rivals));
    word
}

/// An item's text without its quotes.
fn decoded(item: &[u8], charset: Charset, bare: bool) -> String {
    let inner = item.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).filter(|_| !bare);
    let mut text = String::new();
    let _ = charset.decode(inner.unwrap_or(item), &mut text);
    if inner.is_some() { text.replace("\"\"", "\"") } else { text }
}

/// Names of the first row, if it is a heading.
fn header(rows: &Rows<'_>, decode: &dyn Fn(&[u8]) -> String, decisions: &mut Vec<Decision>) -> Option<Vec<String>> {
    let (_, first) = rows.rows.first()?;
    let names: Vec<String> = first.iter().map(|item| decode(item)).collect();
    let worded =
        |name: &String| !name.is_empty() && name.chars().any(|c| c.is_alphabetic()) && name.chars().count() <= 80;
    let distinct = names.iter().enumerate().all(|(at, name)| !names[..at].contains(name));
    let numeric = |text: &String| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || "-/:.".contains(c));
    // A column of numbers and dates under a word.
    let under = (0..names.len())
        .filter(|at| {
            let below = || rows.rows[1..].iter().filter_map(|(_, items)| items.get(*at)).take(200).map(|i| decode(i));
            below().any(|text| !text.is_empty()) && below().filter(|text| !text.is_empty()).all(|text| numeric(&text))
        })
        .count();
    let same = rows.rows.iter().take(200).all(|(_, items)| items.len() == first.len());
    let is = names.iter().all(worded) && distinct && under > 0 && same;
    let evidence = if is {
        format!("1行目は {} 個の異なる語で、うち {under} 列は2行目から数字・日付だけ", names.len())
    } else {
        "1行目も他の行と同じ形の値".to_owned()
    };
    decisions.push(Decision::new("見出し行", if is { "あり" } else { "なし" }, if is { 95 } else { 90 }, evidence));
    is.then(|| names.iter().map(|name| naming_safe(name)).collect())
}

/// The heading as a name that a field may have.
fn naming_safe(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_whitespace() || is_hidden(c) || ".\"{}".contains(c) { '_' } else { c }).collect();
    plain.trim_start_matches('_').to_owned()
}

/// Kind of each row and, per kind, the values of its first item (empty: one kind).
fn kinds(body: &[&Row<'_>], decisions: &mut Vec<Decision>) -> (Vec<usize>, Vec<Vec<String>>) {
    let one = (vec![0; body.len()], vec![Vec::new()]);
    let bare = |item: &[u8]| String::from_utf8_lossy(item).trim_matches('"').to_owned();
    let mut values: Vec<String> = Vec::new();
    let mut of = Vec::with_capacity(body.len());
    for (_, items) in body {
        let value = items.first().map(|item| bare(item)).unwrap_or_default();
        let at = values.iter().position(|known| *known == value).unwrap_or_else(|| {
            values.push(value);
            values.len() - 1
        });
        if values.len() > 9 {
            return one;
        }
        of.push(at);
    }
    let forms: Vec<Form> = (0..values.len()).map(|kind| Form::of(body, &of, kind)).collect();
    if values.len() < 2 || values.len() >= body.len() {
        return one;
    }
    // Values whose rows look alike are one kind.
    let mut merged: Vec<Vec<usize>> = Vec::new();
    for (at, form) in forms.iter().enumerate() {
        match merged.iter_mut().find(|group| forms[group[0]].alike(form)) {
            Some(group) => group.push(at),
            None => merged.push(vec![at]),
        }
    }
    if merged.len() < 2 {
        return one;
    }
    let kind_of = |value: usize| merged.iter().position(|group| group.contains(&value)).unwrap_or(0);
    let names: Vec<Vec<String>> =
        merged.iter().map(|group| group.iter().map(|at| values[*at].clone()).collect()).collect();
    let shown: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(kind, values)| {
            format!("「{}」{}件", values.join("・"), of.iter().filter(|v| kind_of(**v) == kind).count())
        })
        .collect();
    let evidence = format!("先頭の項目の値で項目数か値の形が分かれる: {}", shown.join("、"));
    decisions.push(Decision::new("レコード種別", format!("{} 種類", names.len()), 90, evidence));
    (of.iter().map(|value| kind_of(*value)).collect(), names)
}

/// What the rows of a kind look like: number of items, and per item the sorts of bytes and lengths.
struct Form {
    items: usize,
    sorts: Vec<(u8, usize, usize)>,
}

impl Form {
    fn of(body: &[&Row<'_>], of: &[usize], kind: usize) -> Form {
        let mut form = Form { items: 0, sorts: Vec::new() };
        for (_, items) in body.iter().zip(of).filter(|(_, k)| **k == kind).map(|(row, _)| row) {
            form.items = form.items.max(items.len());
            form.sorts.resize(form.items.max(form.sorts.len()), (0, usize::MAX, 0));
            for (at, item) in items.iter().enumerate() {
                let sorts = item.iter().filter(|b| **b != b'"').fold(0, |all, byte| all | key::sort(*byte) & !2);
                let (old, least, most) = form.sorts[at];
                form.sorts[at] = (old | sorts, least.min(item.len()), most.max(item.len()));
            }
        }
        form
    }

    fn alike(&self, other: &Form) -> bool {
        let apart = self.sorts.iter().zip(&other.sorts).skip(1).any(|(a, b)| {
            let sorts = a.0 != 0 && b.0 != 0 && a.0 & b.0 == 0;
            sorts || a.1 > b.2 || b.1 > a.2
        });
        self.items == other.items && !apart
    }
}

fn record(name: &str, values: &[String], cells: &[Vec<String>], header: Option<&[String]>) -> DraftRecord {
    let mut keys = Keys::new();
    put_text(&mut keys, "name", name);
    let mut fields = Vec::new();
    for (at, column) in cells.iter().enumerate() {
        let look = column::delimited(column);
        let given = header.and_then(|names| names.get(at)).filter(|name| !name.is_empty());
        let of_key = at == 0 && !values.is_empty();
        let label = match given {
            Some(name) => name.clone(),
            None if of_key => "レコード区分".to_owned(),
            None => naming::item(at, cells.len()),
        };
        let mut field = DraftField { keys: Keys::new(), doubts: look.doubts };
        put_text(&mut field.keys, "name", &label);
        field.keys.extend(look.keys);
        if of_key {
            let mut table = Keys::new();
            put_text(&mut table, "field", &label);
            put(&mut table, "is", Setting::List(values.to_vec()));
            put(&mut keys, "when", Setting::Table(table));
            if let [only] = values {
                put_text(&mut field.keys, "constant", only);
            }
            field.doubts.clear();
        }
        fields.push(field);
    }
    let doubts = if cells.first().is_some_and(|column| column.len() < 5) {
        vec![format!("標本に {} 件しかない。型と桁数は仕様書で確かめてください", cells[0].len())]
    } else {
        Vec::new()
    };
    DraftRecord { keys, fields, doubts }
}
