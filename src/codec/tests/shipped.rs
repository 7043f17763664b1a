//! The layouts that are shipped: what each writes, it reads back.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::round_trip::values;
use super::{read_in_blocks, text, write};
use crate::finding::Severity;
use crate::schema::layout::{Field, FieldKind, Kind, Layout};
use crate::schema::load_codes::load_codes;
use crate::schema::load_layout::{CodeLists, load_layouts};
use crate::schema::toml_read::Reader;
use crate::value::OwnedValue;

fn files(folder: &str, extension: &str) -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|is| is == extension))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    found.sort();
    found
}

fn layouts() -> Vec<Layout> {
    let reader = |path: &Path| Reader::new(path.to_str().unwrap(), fs::read_to_string(path).unwrap());
    let codes: CodeLists =
        files("codes", "csv").iter().map(|(id, path)| (id.clone(), load_codes(id, &reader(path)).list)).collect();
    let mut all = Vec::new();
    for (id, path) in files("layouts", "toml") {
        let reader = reader(&path);
        let of_file = load_layouts(&id, &reader, &codes);
        // None is passed over: a file that does not load would be one that is not tested.
        assert!(!of_file.is_empty() && reader.into_findings().is_empty(), "{id}");
        all.extend(of_file);
    }
    all
}

/// A value that the field's own rules take; `None` where the writer decides (constants, totals, padding).
fn value(field: &Field, fixed: bool, runner: &mut TestRunner) -> Option<OwnedValue> {
    if field.filler || field.constant.is_some() {
        return None;
    }
    if let Some(codes) = &field.codes {
        let at = (0..codes.entries.len()).new_tree(runner).unwrap().current();
        return Some(text(&codes.entries[at].0));
    }
    if let Some((rule, _)) = field.check {
        let bodies = (0..10_000_000u64).prop_map(|n| n + 10_000_000_000_000);
        let body = bodies.new_tree(runner).unwrap().current().to_string();
        let found = (1..=body.len()).rev().filter(|len| *len <= field.len).find_map(|len| {
            let number = |body: &str| {
                let digit = rule.digit(body)?;
                let whole = [format!("{body}{digit}"), format!("{digit}{body}")];
                whole.into_iter().find(|number| rule.holds(number) && number.len() <= field.len)
            };
            number(&body[body.len() - len..]).filter(|number| !field.exact || number.len() == field.len)
        });
        return Some(text(&found.expect("a number with its check digit")));
    }
    loop {
        let value = match values(field, fixed).new_tree(runner).unwrap().current() {
            OwnedValue::Text(text) => OwnedValue::Text(permitted(field, &text)),
            value => value,
        };
        if value != OwnedValue::Null || !field.required {
            return Some(value);
        }
    }
}

/// The text with a letter that the field names in place of every one it does not name.
fn permitted(field: &Field, text: &str) -> String {
    let Some(letters) = &field.letters else { return text.to_owned() };
    text.chars().map(|c| if letters.contains(&c) { c } else { '1' }).collect()
}

/// A walk through the content model.
fn kinds(layout: &Layout, runner: &mut TestRunner) -> Vec<usize> {
    let mut kinds = Vec::new();
    let mut state = 0;
    loop {
        let next = &layout.order.next[state];
        let stop = (0..4u32).new_tree(runner).unwrap().current() == 0;
        if next.is_empty() || layout.order.accept[state] && stop && kinds.len() > 3 {
            return kinds;
        }
        let (kind, to) = next[(0..next.len()).new_tree(runner).unwrap().current()];
        kinds.push(kind);
        state = to;
    }
}

#[test]
fn every_shipped_layout_reads_back_what_it_writes() {
    let mut runner = TestRunner::deterministic();
    let layouts = layouts();
    assert!(layouts.len() >= 15);
    for layout in &layouts {
        let fixed = layout.physical.kind == Kind::Fixed;
        for round in 0..12 {
            let given: Vec<(usize, Vec<Option<OwnedValue>>)> = kinds(layout, &mut runner)
                .into_iter()
                .map(|kind| {
                    let fields = layout.records[kind].fields.iter().enumerate();
                    let is_total = |at: usize| layout.totals.iter().any(|total| total.declared == (kind, at));
                    let one = |(at, field): (usize, &Field)| {
                        if is_total(at) { None } else { value(field, fixed, &mut runner) }
                    };
                    (kind, fields.map(one).collect())
                })
                .collect();
            let filled: Vec<_> = given
                .iter()
                .map(|(kind, values)| (*kind, values.iter().map(|v| v.clone().unwrap_or(OwnedValue::Null)).collect()))
                .collect();
            let (bytes, totals) = write(layout, &filled);
            let back = read_in_blocks(layout, &bytes, 1 + round * 7);
            let name = format!("{} {}", layout.id, layout.profile);
            let bad: Vec<_> = back.findings.kept().iter().filter(|f| f.severity >= Severity::Error).collect();
            assert!(bad.is_empty(), "{name}: {bad:?}");
            assert_eq!(back.totals.len(), totals.len(), "{name}");
            assert!(totals.iter().chain(&back.totals).all(|total| total.agrees), "{name}: {totals:?}");
            for (record, (kind, values)) in back.records.iter().zip(&given) {
                assert_eq!(record.kind, *kind, "{name}");
                for (at, value) in values.iter().enumerate() {
                    let field = &layout.records[*kind].fields[at];
                    if let Some(value) = value {
                        // A fixed number that is empty is written as zeros.
                        let zero = fixed && matches!(field.kind, FieldKind::Int { .. }) && *value == OwnedValue::Null;
                        let expected = if zero { OwnedValue::Int(0) } else { value.clone() };
                        assert_eq!(record.value(at).to_owned(), expected, "{name} {}", field.name);
                    }
                }
            }
            // The same bytes come out again.
            assert_eq!(write(layout, &filled).0, bytes, "{name}");
        }
    }
}
