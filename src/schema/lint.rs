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

#[cfg(test)]
mod tests {
    use crate::schema::layout::{Layout, Pad};
    use crate::schema::load_layout::{CodeLists, load_layouts};
    use crate::schema::toml_read::Reader;

    const HEAD: &str = "version=1\ntitle='a'\nprovenance='inferred'\nsource='a'\nkind='fixed'\ncharset='jis-x-0201'\nline_end='crlf'\n";

    fn load(rest: &str) -> (Vec<Layout>, Vec<String>) {
        let reader = Reader::new("a.toml", format!("{HEAD}{rest}"));
        let layouts = load_layouts("a", &reader, &CodeLists::new());
        (layouts, reader.into_findings().iter().map(|f| format!("{} {}", f.rule.line, f.code)).collect())
    }

    #[test]
    fn offsets_are_computed_and_lengths_must_add_up() {
        let record = "[[record]]\nname='a'\nlength=6\nfields=[{name='x',type='D',len=1},{name='y',type='9',len=4},{name='z',type='X',len=1,filler=true}]\n";
        let (layouts, found) = load(record);
        assert_eq!(found, Vec::<String>::new());
        let offsets: Vec<usize> = layouts[0].records[0].fields.iter().map(|f| f.offset).collect();
        assert_eq!(offsets, [0, 1, 5]);
        assert_eq!(layouts[0].records[0].fields[1].pad, Pad::ZeroLeft);
        assert_eq!(load(&record.replace("length=6", "length=7")).1, ["8 rule-length"]);
    }

    #[test]
    fn kinds_that_may_follow_each_other_must_differ() {
        let kind = |name: &str, digit: &str| {
            format!(
                "[[record]]\nname='{name}'\nlength=1\nwhen={{field='k',is=['{digit}']}}\nfields=[{{name='k',type='D',len=1,constant='{digit}'}}]\n"
            )
        };
        let two = |digit: &str| format!("order='(a | b)*'\n{}{}", kind("a", "1"), kind("b", digit));
        assert_eq!(load(&two("2")).1, Vec::<String>::new());
        assert_eq!(load(&two("1")).1[0], "14 rule-order");
        assert_eq!(load(&two("2").replace("is=['2']", "is=['3']")).1, ["17 rule-bad-value"]);
    }

    #[test]
    fn what_the_charset_cannot_hold_is_refused_before_any_file_comes() {
        let wide = "[[record]]\nname='a'\nlength=4\nfields=[{name='x',type='J',len=4}]\n";
        assert_eq!(load(wide).1, ["11 rule-charset"]);
        let constant = "[[record]]\nname='a'\nlength=1\nfields=[{name='x',type='K',len=1,constant='あ'}]\n";
        assert_eq!(load(constant).1, ["11 rule-charset"]);
    }

    #[test]
    fn a_profile_overrides_framing_and_fields_and_nothing_else() {
        let text = "[profile.y]\nline_end='none'\nkind='xml'\n[profile.y.field.'a.x']\nconstant=' '\n[profile.y.field.'a.q']\nlen=3\n[[record]]\nname='a'\nlength=1\nfields=[{name='x',type='D',len=1,constant='1'}]\n";
        let (layouts, mut found) = load(text);
        found.sort();
        found.dedup();
        assert_eq!(found, ["10 rule-bad-value", "13 rule-unknown-name"]);
        assert_eq!(layouts[0].records[0].fields[0].constant.as_deref(), Some("1"));
        assert_eq!(
            load(&text.replace("kind='xml'\n", "").replace("[profile.y.field.'a.q']\nlen=3\n", "")).0[1].profile,
            "y"
        );
    }
}
