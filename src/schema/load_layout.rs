//! `schemas/layouts/<id>.toml` → one [`Layout`] for `default` and one for each profile.
//!
//! Owns: the keys of the file, framing and record kinds. Never: the keys of a field (`load_field`), judgements across
//! fields (`lint`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::layout::*;
use super::load_field::{FieldFrame, load_field};
use super::load_total::load_totals;
use super::order::OrderError;
use super::toml_read::{Node, Reader, Text};
use super::{keys, lint, mistake};
use crate::codec::charset::Charset;
use crate::value::is_hidden;

/// Longest record when a layout says nothing, bytes.
pub const DEFAULT_MAX_RECORD: usize = 65_536;
/// Deepest XML nesting when a layout says nothing.
pub const DEFAULT_MAX_DEPTH: usize = 16;
/// Keys that hold for every profile.
const NOT_IN_PROFILE: [&str; 7] = ["version", "provenance", "source", "kind", "record", "total", "profile"];

/// Code tables by id, as fields use them.
pub type CodeLists = BTreeMap<String, Arc<CodeList>>;

/// Overrides of fields by `レコード.項目`.
type Overrides<'a> = Vec<(Text<'a>, Node<'a>)>;

/// Reads a layout file. Mistakes go to the reader; what could be understood is returned all the same, so that the
/// mappings that use the layout can be checked in the same go.
pub fn load_layouts(id: &str, reader: &Reader, codes: &CodeLists) -> Vec<Layout> {
    let Some(document) = reader.parse() else {
        return Vec::new();
    };
    let file = Node::root(reader, &document);
    let mut layouts: Vec<Layout> = compile(id, codes, &file, None).into_iter().collect();
    let profiles = file.opt_table("profile").map(|p| p.sub_tables()).unwrap_or_default();
    for (name, node) in profiles {
        if name.value == "default" {
            name.mistake(
                mistake::BAD_VALUE,
                "プロファイル名に default は使えません",
                "素のレイアウトが default です。別の名前にしてください",
            );
        }
        for key in NOT_IN_PROFILE {
            if node.has(key) {
                reader.mistake(
                    mistake::BAD_VALUE,
                    node.place_of(key),
                    format!("「{key}」はプロファイルでは変えられません"),
                    "別のレイアウトにしてください",
                );
            }
        }
        layouts.extend(compile(id, codes, &file, Some((name, node))));
    }
    layouts
}

/// One profile of the file; `None` is `default`.
fn compile<'a>(id: &str, codes: &CodeLists, file: &Node<'a>, profile: Option<(Text<'a>, Node<'a>)>) -> Option<Layout> {
    file.version();
    file.has("profile");
    let title = file.str("title").map(|t| t.value).unwrap_or_default();
    let (name, over) = profile.map_or((None, None), |(name, node)| (Some(name), Some(node)));
    let title = match over.as_ref().and_then(|o| o.opt_str("title")) {
        Some(of_profile) => format!("{title}（{}）", of_profile.value),
        None => title.to_owned(),
    };
    let overrides = over.as_ref().and_then(|o| o.opt_table("field")).map(|o| o.sub_tables()).unwrap_or_default();
    let top = file.clone().under(over);
    let provenance = file.word(
        "provenance",
        &[("documented", Provenance::Documented), ("partly", Provenance::Partly), ("inferred", Provenance::Inferred)],
    );
    let source = file.str("source");
    let physical = physical(file, &top);
    let records = records(file, physical.as_ref(), codes, &overrides);
    let order = order(&top, &records);
    let totals = load_totals(file, &records);
    top.finish_under(&keys::LAYOUT, &keys::PROFILE);
    let mut layout = Layout {
        id: id.to_owned(),
        title,
        profile: name.map_or("default", |n| n.value).to_owned(),
        provenance: provenance.unwrap_or(Provenance::Inferred),
        source: source.map(|s| s.value.to_owned()).unwrap_or_default(),
        file: file.reader().file().to_owned(),
        physical: physical?,
        records,
        order: order.unwrap_or_default(),
        totals,
    };
    lint::layout(&mut layout, &top);
    Some(layout)
}

/// The family of format before its details are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Delimited,
    Fixed,
    Xml,
}

fn physical(file: &Node<'_>, top: &Node<'_>) -> Option<Physical> {
    let family = file.word("kind", &[("delimited", Family::Delimited), ("fixed", Family::Fixed), ("xml", Family::Xml)]);
    let charset = top.has("charset").then(|| charset(top));
    if charset.is_none() {
        let hint = "\"windows-31j\"、\"utf-8\" などの文字コードを書いてください";
        top.mistake(mistake::MISSING_KEY, "「charset」がありません", hint);
    }
    let line_end = line_end(top, family);
    let bom =
        top.opt_word("bom", &[("forbidden", Bom::Forbidden), ("optional", Bom::Optional), ("required", Bom::Required)]);
    let eof_mark = top.opt_word("eof_mark", &[("forbidden", EofMark::Forbidden), ("optional", EofMark::Optional)]);
    let max_record = top.opt_len("max_record");
    let kind = match family? {
        Family::Fixed => Kind::Fixed,
        Family::Delimited => delimited(top),
        Family::Xml => Kind::Xml {
            root: top.str("root").map(|t| t.value.to_owned()).unwrap_or_default(),
            namespace: top.opt_str("namespace").map(|t| t.value.to_owned()).unwrap_or_default(),
            max_depth: top.opt_int("max_depth", 1..=64).map_or(DEFAULT_MAX_DEPTH, |n| n as usize),
        },
    };
    Some(Physical {
        kind,
        charset: charset.flatten().unwrap_or(Charset::Utf8),
        line_end,
        bom: bom.unwrap_or(Bom::Forbidden),
        eof_mark: eof_mark.unwrap_or(EofMark::Forbidden),
        max_record: max_record.unwrap_or(DEFAULT_MAX_RECORD),
    })
}

/// Other names of character sets, and what they are called here.
const CHARSET_SYNONYMS: [(&str, &str); 9] = [
    ("shift_jis", "windows-31j"),
    ("shift-jis", "windows-31j"),
    ("sjis", "windows-31j"),
    ("cp932", "windows-31j"),
    ("ms932", "windows-31j"),
    ("utf8", "utf-8"),
    ("jis8", "jis-x-0201"),
    ("jis", "jis-x-0208"),
    ("us-ascii", "ascii"),
];

/// `charset` of a layout or field, if it is there.
pub(super) fn charset(node: &Node<'_>) -> Option<Charset> {
    let text = node.opt_str("charset")?;
    let all = Charset::all();
    let found = all.iter().find(|charset| charset.name() == text.value).copied();
    if found.is_none() {
        let known = CHARSET_SYNONYMS.iter().find(|(other, _)| other.eq_ignore_ascii_case(text.value));
        let hint = match known {
            Some((_, name)) => format!("「{name}」と書いてください"),
            None => mistake::did_you_mean(text.value, all.iter().map(|charset| charset.name())),
        };
        text.mistake(mistake::BAD_VALUE, format!("「charset」に「{}」は書けません", text.value), hint);
    }
    found
}

fn line_end(top: &Node<'_>, family: Option<Family>) -> LineEnd {
    const WORDS: [(&str, LineEnd); 4] =
        [("crlf", LineEnd::CrLf), ("lf", LineEnd::Lf), ("none", LineEnd::None), ("crlf-or-none", LineEnd::CrLfOrNone)];
    match family {
        Some(Family::Fixed) => top.word("line_end", &WORDS).unwrap_or(LineEnd::CrLfOrNone),
        Some(Family::Delimited) => top.opt_word("line_end", &WORDS[..2]).unwrap_or(LineEnd::CrLf),
        _ => top.opt_word("line_end", &WORDS[..2]).unwrap_or(LineEnd::Lf),
    }
}

fn delimited(top: &Node<'_>) -> Kind {
    let separator = top.str("separator").and_then(|text| match text.value.as_bytes() {
        [b'"' | b'\r' | b'\n' | 0, ..] => {
            text.mistake(mistake::BAD_VALUE, "この文字は区切りに使えません", "\",\" や \"\\t\" にしてください");
            None
        }
        [byte] if byte.is_ascii() => Some(*byte),
        _ => {
            let hint = "\",\" や \"\\t\" のように1文字で書いてください";
            text.mistake(mistake::BAD_VALUE, "区切りは半角1文字です", hint);
            None
        }
    });
    let quote = top.opt_word("quote", &[("always", Quote::Always), ("needed", Quote::Needed), ("never", Quote::Never)]);
    Kind::Delimited {
        separator: separator.unwrap_or(b','),
        quote: quote.unwrap_or(Quote::Needed),
        header: top.flag("header"),
    }
}

fn records(
    top: &Node<'_>,
    physical: Option<&Physical>,
    codes: &CodeLists,
    overrides: &Overrides<'_>,
) -> Vec<RecordKind> {
    let nodes = top.tables("record");
    if nodes.is_empty() {
        let hint = "[[record]] を1つ以上書いてください";
        top.mistake(mistake::MISSING_KEY, "レコードがありません", hint);
    }
    let frame = FieldFrame {
        fixed: physical.is_some_and(|p| p.kind == Kind::Fixed),
        xml: physical.is_some_and(|p| matches!(p.kind, Kind::Xml { .. })),
        charset: physical.map_or(Charset::Utf8, |p| p.charset),
        codes,
    };
    let mut used = vec![false; overrides.len()];
    let mut kinds: Vec<RecordKind> = Vec::new();
    for node in &nodes {
        let Some(name) = node.str("name") else {
            node.tables("fields");
            continue;
        };
        if kinds.iter().any(|k| k.name == name.value) {
            name.mistake(mistake::DUPLICATE, format!("レコード「{}」が2つあります", name.value), "");
        }
        if !good_name(name.value) {
            let hint = "空白、記号 . ( ) | * + ? と、実行・サイトという名前は使えません";
            name.mistake(mistake::BAD_VALUE, format!("「{}」はレコードの名前に使えません", name.value), hint);
        }
        kinds.push(record(node, &name, &frame, overrides, &mut used));
    }
    for ((name, _), _) in overrides.iter().zip(&used).filter(|(_, used)| !**used) {
        let all: Vec<String> =
            kinds.iter().flat_map(|k| k.fields.iter().map(|f| format!("{}.{}", k.name, f.name))).collect();
        name.unknown("上書きする項目", all.iter().map(String::as_str));
    }
    kinds
}

/// Can the name stand in a content model and in `レコード.項目`?
fn good_name(name: &str) -> bool {
    !matches!(name, "" | "実行" | "サイト")
        && !name.contains(|c: char| c.is_whitespace() || is_hidden(c) || ".()|*+?\"{}".contains(c))
}

fn record(
    node: &Node<'_>,
    name: &Text<'_>,
    frame: &FieldFrame<'_>,
    overrides: &Overrides<'_>,
    used: &mut [bool],
) -> RecordKind {
    let mut fields: Vec<Field> = Vec::new();
    for item in node.tables("fields") {
        let over = item.opt_str("name").and_then(|field| {
            let wanted = format!("{}.{}", name.value, field.value);
            let at = overrides.iter().position(|(key, _)| key.value == wanted)?;
            used[at] = true;
            Some(overrides[at].1.clone())
        });
        let Some(field) = load_field(item.under(over), frame) else {
            continue;
        };
        if !field.filler && fields.iter().any(|f| !f.filler && f.name == field.name) {
            let message = format!("項目「{}」が「{}」に2つあります", field.name, name.value);
            let reader = node.reader();
            reader.mistake(mistake::DUPLICATE, field.place.clone(), message, "");
        }
        fields.push(field);
    }
    if fields.is_empty() {
        node.mistake(mistake::MISSING_KEY, format!("レコード「{}」に項目がありません", name.value), "");
    }
    let length = if frame.fixed {
        let length = node.opt_len("length");
        if length.is_none() && !node.has("length") {
            let hint = "length = バイト数 を書いてください";
            node.mistake(mistake::MISSING_KEY, "「length」がありません", hint);
        }
        length.unwrap_or(0)
    } else {
        0
    };
    let element =
        if frame.xml { node.opt_str("element").map_or(name.value, |t| t.value).to_owned() } else { String::new() };
    let when = node.opt_table("when").and_then(|when| discriminator(&when, &fields));
    node.finish(&keys::RECORD);
    RecordKind { name: name.value.to_owned(), when, length, element, fields, place: node.place() }
}

fn discriminator(when: &Node<'_>, fields: &[Field]) -> Option<Discriminator> {
    let field = when.str("field");
    let values = when.list("is");
    when.finish(&keys::WHEN);
    let (field, values) = (field?, values?);
    if values.is_empty() {
        when.mistake(mistake::BAD_VALUE, "「is」が空です", "見分ける値を書いてください");
    }
    let Some(index) = fields.iter().position(|f| f.name == field.value) else {
        field.unknown("項目", fields.iter().map(|f| f.name.as_str()));
        return None;
    };
    let values: Vec<String> = values.iter().map(|v| v.value.to_owned()).collect();
    match &fields[index].constant {
        Some(constant) if !values.contains(constant) => when.mistake(
            mistake::BAD_VALUE,
            format!("項目「{}」の固定値「{constant}」が「is」にありません", field.value),
            "固定値と見分ける値をそろえてください",
        ),
        None if values.len() == 1 => field.mistake(
            mistake::BAD_VALUE,
            format!("見分けに使う項目「{}」に固定値がありません", field.value),
            format!("項目に constant = \"{}\" を書いてください", values[0]),
        ),
        _ => {}
    }
    Some(Discriminator { field: index, values })
}

fn order(top: &Node<'_>, records: &[RecordKind]) -> Option<Order> {
    let names: Vec<&str> = records.iter().map(|r| r.name.as_str()).collect();
    let Some(text) = top.opt_str("order") else {
        if let [only] = &names[..] {
            return Order::parse(&format!("{only}*"), &names).ok();
        }
        if !names.is_empty() {
            let hint = "order = \"ヘッダ データ* トレーラ\" のように書いてください";
            top.mistake(mistake::MISSING_KEY, "「order」がありません", hint);
        }
        return None;
    };
    match Order::parse(text.value, &names) {
        Ok(order) => Some(order),
        Err(errors) => {
            for OrderError { at, message, unknown } in errors {
                let hint = unknown.map(|name| mistake::did_you_mean(&name, names.iter().copied())).unwrap_or_default();
                text.mistake_at((1, at as u32 + 1), mistake::ORDER, message, hint);
            }
            None
        }
    }
}
