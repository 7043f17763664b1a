//! Judgements across the parts of a layout: lengths, separators, kinds that can be told apart.
//!
//! Owns: also the byte offsets, which are a result of adding up. Never: judges one field alone (`load_field`).

use super::layout::*;
use super::mistake;
use super::toml_read::Node;
use crate::codec::charset::Charset;

/// Computes the offsets of a layout and reports what does not hold together.
pub(super) fn layout(layout: &mut Layout, top: &Node<'_>) {
    if layout.physical.kind == Kind::Fixed {
        offsets(layout, top);
    }
    framing(layout, top);
    if layout.order.next.is_empty() {
        return;
    }
    used_kinds(layout, top);
    told_apart(layout, top);
}

fn offsets(layout: &mut Layout, top: &Node<'_>) {
    for record in &mut layout.records {
        let mut offset = 0;
        for field in &mut record.fields {
            field.offset = offset;
            offset += field.len;
        }
        if record.length != 0 && offset != record.length {
            let message = format!(
                "レコード「{}」の項目の合計{offset}バイトが length の{}バイトと合いません",
                record.name, record.length
            );
            let hint = if offset < record.length {
                format!("{}バイト足りません", record.length - offset)
            } else {
                format!("{}バイト多すぎます", offset - record.length)
            };
            top.reader().mistake(mistake::LENGTH, record.place.clone(), message, hint);
        }
        if offset > layout.physical.max_record {
            let message = format!("レコード「{}」が max_record を超えます", record.name);
            top.reader().mistake(mistake::LENGTH, record.place.clone(), message, "");
        }
    }
}

fn framing(layout: &Layout, top: &Node<'_>) {
    let physical = &layout.physical;
    let reader = top.reader();
    if physical.bom != Bom::Forbidden && physical.charset != Charset::Utf8 {
        let message = "BOM があるのは utf-8 だけです";
        reader.mistake(mistake::CHARSET, top.place_of("bom"), message, "bom を消してください");
    }
    let Kind::Delimited { separator, .. } = physical.kind else {
        return;
    };
    let charsets = layout.records.iter().flat_map(|r| &r.fields).map(|f| f.charset);
    let mut unsafe_for: Vec<&str> = charsets
        .chain([physical.charset])
        .filter(|charset| may_contain(*charset, separator))
        .map(Charset::name)
        .collect();
    unsafe_for.dedup();
    if let Some(charset) = unsafe_for.first() {
        let message =
            format!("区切り「{}」は文字コード {charset} の2バイト文字の一部と同じバイトです", separator as char);
        let hint = "\",\" か \"\\t\" にしてください";
        reader.mistake(mistake::CHARSET, top.place_of("separator"), message, hint);
    }
}

/// May a character of two bytes contain this ASCII byte?
fn may_contain(charset: Charset, byte: u8) -> bool {
    match charset {
        Charset::Windows31j | Charset::Windows31jExact => (0x40..=0x7E).contains(&byte),
        Charset::JisX0208 => (0x21..=0x7E).contains(&byte),
        Charset::Utf8 | Charset::JisX0201 | Charset::Ascii => false,
    }
}

fn used_kinds(layout: &Layout, top: &Node<'_>) {
    for (kind, record) in layout.records.iter().enumerate() {
        if !layout.order.next.iter().flatten().any(|(k, _)| *k == kind) {
            let message = format!("レコード「{}」が order に出てきません", record.name);
            let hint = "order に書くか、レコードを消してください";
            top.reader().mistake(mistake::ORDER, record.place.clone(), message, hint);
        }
    }
}

/// Wherever two kinds may follow, the bytes must say which it is.
fn told_apart(layout: &Layout, top: &Node<'_>) {
    for next in &layout.order.next {
        let kinds: Vec<usize> = next.iter().map(|(kind, _)| *kind).collect();
        for (i, a) in kinds.iter().enumerate() {
            for b in &kinds[i + 1..] {
                if let Some(why) = same(layout, &layout.records[*a], &layout.records[*b]) {
                    let (a, b) = (&layout.records[*a], &layout.records[*b]);
                    let message = format!("レコード「{}」と「{}」を見分けられません（{why}）", a.name, b.name);
                    let hint = "when = { field = …, is = [ … ] } を直してください";
                    top.reader().mistake(mistake::ORDER, b.place.clone(), message, hint);
                }
            }
        }
    }
}

/// Why two kinds cannot be told apart; `None` when they can. A kind without `when` is what no other is.
fn same(layout: &Layout, a: &RecordKind, b: &RecordKind) -> Option<String> {
    if matches!(layout.physical.kind, Kind::Xml { .. }) {
        return (a.element == b.element && a.when.is_none() && b.when.is_none())
            .then(|| "element が同じです".to_owned());
    }
    match (&a.when, &b.when) {
        (None, None) => Some("どちらにも when がありません".to_owned()),
        (Some(x), Some(y)) => {
            let fixed = layout.physical.kind == Kind::Fixed;
            let place = |record: &RecordKind, at: usize| {
                let field = record.fields.get(at)?;
                Some(if fixed { (field.offset, field.len) } else { (at, 0) })
            };
            if place(a, x.field) != place(b, y.field) {
                return None;
            }
            let both = x.values.iter().find(|value| y.values.contains(value))?;
            Some(format!("同じ場所の値「{both}」がどちらにもあります"))
        }
        _ => None,
    }
}
