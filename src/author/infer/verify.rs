//! The draft is loaded and reads its own sample; what it refuses there is loosened and said.
//!
//! Owns: the loop. Never: changes cuts, kinds or framing.

use std::sync::Arc;

use super::{Decision, Inferred, Sample, Unclear};
use crate::author::draft::*;
use crate::author::toml_text::toml_text;
use crate::codec::{Findings, ReadLimits, Record, RecordReader};
use crate::finding::Severity;
use crate::schema::layout::Layout;
use crate::schema::load_layout::{CodeLists, load_layouts};
use crate::schema::toml_read::Reader;

/// Times a field may be loosened.
const ROUNDS: usize = 4;

/// What a trial found.
#[derive(Debug, Default)]
struct Trial {
    records: u64,
    errors: u64,
    /// Record kind and name of each field that was refused, once.
    fields: Vec<(usize, String)>,
    /// First other error.
    other: String,
}

/// Loads the draft and reads the sample with it until no field is refused.
///
/// # Errors
/// The draft is no layout that can be loaded.
pub fn verify(sample: Sample<'_>, found: &mut Inferred) -> Result<(), Unclear> {
    let mut loosened = 0;
    let mut trial = Trial::default();
    for _ in 0..ROUNDS {
        trial = read(&layout(&found.draft)?, sample)?;
        if trial.fields.is_empty() {
            break;
        }
        for (kind, name) in &trial.fields {
            let fixed = text_of(&found.draft.keys, "kind") == "fixed";
            let field = found.draft.records.get_mut(*kind).and_then(|r| r.fields.iter_mut().find(|f| f.name() == name));
            if let Some(field) = field {
                loosen(field, fixed);
                loosened += 1;
                disown(&mut found.draft, *kind, name);
            }
        }
    }
    let sure = if trial.errors == 0 { 100 } else { 30 };
    let evidence =
        format!("このレイアウトで標本の {} 件を読み、誤り {} 件、緩めた項目 {loosened}", trial.records, trial.errors);
    let chosen = if trial.errors == 0 { "標本を誤りなく読めた" } else { "標本に読めない所がある" };
    if trial.errors > 0 {
        found.draft.doubts.push(format!("標本を読むと誤りが {} 件残る（{}）", trial.errors, trial.other));
    }
    found.decisions.push(Decision::new("確かめ", chosen, sure, evidence));
    Ok(())
}

fn layout(draft: &Draft) -> Result<Layout, Unclear> {
    let reader = Reader::new("layout.toml", toml_text(draft));
    let layouts = load_layouts("layout", &reader, &CodeLists::new());
    let mistakes = reader.into_findings();
    match (mistakes.iter().find(|m| m.severity >= Severity::Error), layouts.into_iter().next()) {
        (None, Some(layout)) => Ok(layout),
        (mistake, _) => {
            let why = mistake.map(|m| m.message.clone()).unwrap_or_default();
            Err(Unclear(format!("標本からは使えるレイアウトになりません（{why}）")))
        }
    }
}

fn read(layout: &Layout, sample: Sample<'_>) -> Result<Trial, Unclear> {
    let whole = sample.bytes.len() as u64 == sample.whole;
    let limits = ReadLimits::default();
    let mut reader = RecordReader::new(Arc::new(layout.clone()), sample.bytes, limits);
    let (mut record, mut trial) = (Record::new(), Trial::default());
    let mut findings = Findings::new(10_000);
    let failed = |error: std::io::Error| Unclear(format!("標本を読めません（{error}）"));
    while reader.next(&mut record, &mut findings).map_err(failed)? {
        trial.records += 1;
        for finding in findings.drain().into_iter().filter(|f| f.severity >= Severity::Error) {
            trial.errors += 1;
            let place = (record.kind, finding.data.field.clone());
            if !place.1.is_empty() && !trial.fields.contains(&place) {
                trial.fields.push(place);
            }
            if trial.other.is_empty() {
                trial.other = format!("{} 件目: {}", finding.data.record, finding.code);
            }
        }
        if trial.records >= super::framing::MOST_ROWS as u64 {
            return Ok(trial);
        }
    }
    // A sample that was cut ends anywhere.
    for finding in findings.drain().into_iter().filter(|f| whole && f.severity >= Severity::Error) {
        trial.errors += 1;
        if trial.other.is_empty() {
            trial.other = format!("ファイルの終わり: {}", finding.code);
        }
    }
    Ok(trial)
}

/// What is no number any more is not added up, and states no sum.
fn disown(draft: &mut Draft, kind: usize, name: &str) {
    let record = &draft.records[kind];
    let still = |field: &DraftField| field.name() == name && matches!(text_of(&field.keys, "type"), "9" | "D");
    if record.fields.iter().any(still) {
        return;
    }
    let place = format!("{}.{name}", record.name());
    let sum = format!("sum({place})");
    let before = draft.totals.len();
    draft.totals.retain(|t| text_of(&t.keys, "declared") != place && text_of(&t.keys, "counted") != sum);
    if draft.totals.len() != before {
        draft.doubts.push(format!("「{place}」は数でない値があり、合計の候補から外した"));
    }
}

/// First what is asked of the value, then its type.
fn loosen(field: &mut DraftField, fixed: bool) {
    let before = field.keys.len();
    unset(&mut field.keys, "required");
    unset(&mut field.keys, "exact");
    if field.keys.len() != before {
        return;
    }
    let word = text_of(&field.keys, "type").to_owned();
    let natural = match (word.as_str(), text_of(&field.keys, "form")) {
        ("DATE", "YYYYMMDD") | ("TIME", _) => 8,
        ("DATE", "GYYMMDD") => 7,
        ("DATE", "MMDD") | ("YEAR", _) => 4,
        ("DATE", _) => 10,
        _ => 20,
    };
    let len = get(&field.keys, "len").cloned().unwrap_or(Setting::Int(natural));
    field.keys.retain(|(key, _)| matches!(key.as_str(), "name" | "constant" | "charset" | "filler"));
    // What is no half-width text either may be anything its character set has; a field's own set is a narrow one.
    let anything = !fixed || (word == "X" && get(&field.keys, "charset").is_none());
    put_text(&mut field.keys, "type", if anything { "N" } else { "X" });
    put(&mut field.keys, "len", len);
    field.doubts.push(format!("型 {word} に合わない値があったので緩めた"));
}
