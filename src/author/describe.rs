//! A compiled [`Layout`] back to the keys of its file: what a layout says, without defaults.
//!
//! Owns: which key says what, the mirror of `schema::load_layout` and `load_field`. Never: comments, order of keys as a
//! person wrote them.

use super::draft::{
    Draft, DraftField, DraftProfile, DraftRecord, DraftTotal, Keys, Setting, get, put, put_flag, put_text,
};
use crate::finding::Severity;
use crate::schema::layout::*;
use crate::schema::load_layout::{DEFAULT_MAX_DEPTH, DEFAULT_MAX_RECORD};

/// The file that would compile to these: `default` first, then its profiles.
pub fn describe(layouts: &[Layout]) -> Draft {
    let Some(layout) = layouts.first() else {
        return Draft::default();
    };
    let mut keys = Keys::new();
    put_text(&mut keys, "title", &layout.title);
    put_text(&mut keys, "provenance", provenance(layout.provenance));
    put_text(&mut keys, "source", &layout.source);
    put_text(&mut keys, "kind", family(&layout.physical.kind));
    keys.extend(framing(layout));
    Draft {
        keys,
        doubts: Vec::new(),
        profiles: layouts[1..].iter().map(|other| profile(layout, other)).collect(),
        records: layout.records.iter().map(|record| describe_record(layout, record)).collect(),
        totals: layout.totals.iter().map(|total| describe_total(layout, total)).collect(),
    }
}

/// Word of a provenance in TOML.
pub fn provenance(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::Documented => "documented",
        Provenance::Partly => "partly",
        Provenance::Inferred => "inferred",
    }
}

fn family(kind: &Kind) -> &'static str {
    match kind {
        Kind::Delimited { .. } => "delimited",
        Kind::Fixed => "fixed",
        Kind::Xml { .. } => "xml",
    }
}

/// Keys that a profile may change, all written out.
fn framing(layout: &Layout) -> Keys {
    let physical = &layout.physical;
    let mut keys = Keys::new();
    put_text(&mut keys, "charset", physical.charset.name());
    put_text(&mut keys, "line_end", line_end(physical.line_end));
    if physical.bom != Bom::Forbidden {
        put_text(&mut keys, "bom", if physical.bom == Bom::Required { "required" } else { "optional" });
    }
    if physical.eof_mark == EofMark::Optional {
        put_text(&mut keys, "eof_mark", "optional");
    }
    if physical.max_record != DEFAULT_MAX_RECORD {
        put(&mut keys, "max_record", Setting::Int(physical.max_record as i64));
    }
    match &physical.kind {
        Kind::Delimited { separator, quote, header } => {
            put_text(&mut keys, "separator", &char::from(*separator).to_string());
            put_text(&mut keys, "quote", quote_word(*quote));
            put_flag(&mut keys, "header", *header);
        }
        Kind::Xml { root, namespace, max_depth } => {
            put_text(&mut keys, "root", root);
            if !namespace.is_empty() {
                put_text(&mut keys, "namespace", namespace);
            }
            if *max_depth != DEFAULT_MAX_DEPTH {
                put(&mut keys, "max_depth", Setting::Int(*max_depth as i64));
            }
        }
        Kind::Fixed => {}
    }
    put_text(&mut keys, "order", &layout.order.source);
    keys
}

fn line_end(end: LineEnd) -> &'static str {
    match end {
        LineEnd::CrLf => "crlf",
        LineEnd::Lf => "lf",
        LineEnd::None => "none",
        LineEnd::CrLfOrNone => "crlf-or-none",
    }
}

/// Word of a quoting in TOML.
pub fn quote_word(quote: Quote) -> &'static str {
    match quote {
        Quote::Always => "always",
        Quote::Needed => "needed",
        Quote::Never => "never",
    }
}

fn describe_record(layout: &Layout, record: &RecordKind) -> DraftRecord {
    let mut keys = Keys::new();
    put_text(&mut keys, "name", &record.name);
    match layout.physical.kind {
        Kind::Fixed => put(&mut keys, "length", Setting::Int(record.length as i64)),
        Kind::Xml { .. } if record.element != record.name => put_text(&mut keys, "element", &record.element),
        _ => {}
    }
    if let Some(when) = &record.when {
        let mut table = Keys::new();
        put_text(&mut table, "field", record.fields.get(when.field).map_or("", |field| &field.name));
        put(&mut table, "is", Setting::List(when.values.clone()));
        put(&mut keys, "when", Setting::Table(table));
    }
    let fields = record.fields.iter().map(|f| DraftField { keys: describe_field(layout, f), doubts: Vec::new() });
    DraftRecord { keys, fields: fields.collect(), doubts: Vec::new() }
}

fn describe_field(layout: &Layout, field: &Field) -> Keys {
    let fixed = layout.physical.kind == Kind::Fixed;
    let mut keys = Keys::new();
    put_text(&mut keys, "name", &field.name);
    if matches!(layout.physical.kind, Kind::Xml { .. }) && field.path != field.name {
        put_text(&mut keys, "path", &field.path);
    }
    put_text(&mut keys, "type", type_word(&field.kind));
    put(&mut keys, "len", Setting::Int(field.len as i64));
    describe_kind(&mut keys, &field.kind);
    put_flag(&mut keys, "exact", field.exact && !fixed);
    put_flag(&mut keys, "required", field.required);
    if let Some(constant) = &field.constant {
        put_text(&mut keys, "constant", constant);
    }
    if let Some(codes) = &field.codes {
        put_text(&mut keys, "codes", &codes.id);
        if codes.unknown == Some(Severity::Warning) {
            put_text(&mut keys, "codes_unknown", "warning");
        }
    }
    if let Some(letters) = &field.letters {
        put_text(&mut keys, "letters", &letters.iter().collect::<String>());
    }
    if let Some((rule, severity)) = &field.check {
        let word = CheckDigit::WORDS.iter().find(|(_, known)| known == rule).map_or("", |(word, _)| word);
        put_text(&mut keys, "check", word);
        if *severity != Severity::Error {
            put_text(&mut keys, "check_severity", severity.word());
        }
    }
    put_flag(&mut keys, "secret", field.secret);
    put_flag(&mut keys, "filler", field.filler);
    if field.charset != layout.physical.charset {
        put_text(&mut keys, "charset", field.charset.name());
    }
    if fixed && field.pad != natural_pad(&field.kind) {
        put_text(&mut keys, "pad", pad_word(field.pad));
    }
    keys
}

fn describe_kind(keys: &mut Keys, kind: &FieldKind) {
    match kind {
        FieldKind::Date(rule) => {
            match &rule.form {
                DateForm::Iso => {}
                DateForm::Compact => put_text(keys, "form", "YYYYMMDD"),
                DateForm::MonthDay => put_text(keys, "form", "MMDD"),
                DateForm::Era(eras) => {
                    put_text(keys, "form", "GYYMMDD");
                    let word = match eras {
                        b"13579" => "nenkin",
                        b"MTSHR" => "letter",
                        _ => "1-5",
                    };
                    put_text(keys, "era", word);
                }
            }
            put_flag(keys, "unknown", rule.unknown);
            put_flag(keys, "zero_null", rule.zero_null);
            put_flag(keys, "open", rule.open);
        }
        FieldKind::Decimal { whole, fraction } => {
            put(keys, "whole", Setting::Int(*whole as i64));
            put(keys, "fraction", Setting::Int(*fraction as i64));
        }
        FieldKind::Mark(marks) => {
            let hex = |mark: &Vec<u8>| mark.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
            put(keys, "accept", Setting::List(marks.iter().map(hex).collect()));
        }
        _ => {}
    }
}

/// Word of a type in TOML.
pub fn type_word(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Half => "X",
        FieldKind::Wide => "N",
        FieldKind::Digits => "D",
        FieldKind::HalfKana => "K",
        FieldKind::FullWidth => "J",
        FieldKind::Int { signed: false } => "9",
        FieldKind::Int { signed: true } => "S9",
        FieldKind::Decimal { .. } => "9V",
        FieldKind::Date(_) => "DATE",
        FieldKind::Year => "YEAR",
        FieldKind::Time => "TIME",
        FieldKind::Mark(_) => "MARK",
    }
}

/// What the loader takes where nothing is said.
fn natural_pad(kind: &FieldKind) -> Pad {
    match kind {
        FieldKind::Int { .. } | FieldKind::Decimal { .. } => Pad::ZeroLeft,
        FieldKind::Half | FieldKind::HalfKana => Pad::SpaceRight,
        FieldKind::FullWidth | FieldKind::Wide => Pad::WideSpaceRight,
        _ => Pad::None,
    }
}

fn pad_word(pad: Pad) -> &'static str {
    match pad {
        Pad::None => "none",
        Pad::SpaceRight => "space-right",
        Pad::SpaceLeft => "space-left",
        Pad::ZeroLeft => "zero-left",
        Pad::WideSpaceRight => "wide-space-right",
    }
}

fn describe_total(layout: &Layout, total: &Total) -> DraftTotal {
    let kind = |at: usize| layout.records.get(at).map_or("", |record| record.name.as_str());
    let field = |(record, field): (usize, usize)| {
        let found = layout.records.get(record).and_then(|record| record.fields.get(field));
        format!("{}.{}", kind(record), found.map_or("", |field| field.name.as_str()))
    };
    let counted = match &total.counted {
        Counted::Count(kinds) => {
            format!("count({})", kinds.iter().map(|at| kind(*at)).collect::<Vec<_>>().join(", "))
        }
        Counted::Sum(record, at) => format!("sum({})", field((*record, *at))),
    };
    let mut keys = Keys::new();
    put_text(&mut keys, "declared", &field(total.declared));
    put_text(&mut keys, "counted", &counted);
    if let Some((at, values)) = &total.only {
        let record = match &total.counted {
            Counted::Sum(record, _) => *record,
            Counted::Count(kinds) => kinds.first().copied().unwrap_or(0),
        };
        let mut table = Keys::new();
        put_text(&mut table, "field", &field((record, *at)));
        put(&mut table, "is", Setting::List(values.clone()));
        put(&mut keys, "only", Setting::Table(table));
    }
    if total.scope == TotalScope::File {
        put_text(&mut keys, "scope", "file");
    }
    put_flag(&mut keys, "zero_is_silent", total.zero_is_silent);
    DraftTotal { keys, doubts: Vec::new() }
}

/// What a profile says otherwise than the bare layout. What is not said there any more is written as its default.
fn profile(base: &Layout, other: &Layout) -> DraftProfile {
    let mut keys = Keys::new();
    let title = other.title.strip_prefix(&base.title).and_then(|t| t.strip_prefix('（')?.strip_suffix('）'));
    if let Some(title) = title {
        put_text(&mut keys, "title", title);
    }
    keys.extend(difference(&framing(base), &framing(other)));
    let mut fields = Vec::new();
    for (a, b) in base.records.iter().zip(&other.records) {
        for (x, y) in a.fields.iter().zip(&b.fields) {
            let changed = difference(&describe_field(base, x), &describe_field(other, y));
            if !changed.is_empty() {
                fields.push((format!("{}.{}", a.name, x.name), changed));
            }
        }
    }
    DraftProfile { name: other.profile.clone(), keys, fields }
}

fn difference(base: &Keys, other: &Keys) -> Keys {
    let changed = other.iter().filter(|(key, value)| get(base, key) != Some(value)).cloned();
    let gone = base.iter().filter(|(key, _)| get(other, key).is_none());
    let unsaid = gone.filter_map(|(key, value)| {
        let default = match (key.as_str(), value) {
            (_, Setting::Flag(true)) => Setting::Flag(false),
            ("bom" | "eof_mark", _) => Setting::Text("forbidden".to_owned()),
            ("max_record", _) => Setting::Int(DEFAULT_MAX_RECORD as i64),
            ("max_depth", _) => Setting::Int(DEFAULT_MAX_DEPTH as i64),
            ("codes_unknown" | "check_severity", _) => Setting::Text(Severity::Error.word().to_owned()),
            _ => return None,
        };
        Some((key.clone(), default))
    });
    changed.chain(unsaid).collect()
}
