//! What `--json` prints is what `schemas/REFERENCE.md` says.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

const REFERENCE: &str = include_str!("../../schemas/REFERENCE.md");

/// The document that a verb prints on a site.
fn printed(root: &Path, verb: &[&str]) -> Json {
    let mut renkei = Command::new(env!("CARGO_BIN_EXE_renkei"));
    let out = renkei.arg("--json").arg("--root").arg(root).args(verb).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("{verb:?}: {e}: {text}{}", String::from_utf8_lossy(&out.stderr)))
}

/// By what is described: its keys, with whether they may be missing.
fn described() -> BTreeMap<&'static str, BTreeMap<&'static str, bool>> {
    let section = REFERENCE.split_once("\n## What `--json` prints\n").unwrap().1;
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let keys = |cell: &'static str| {
        // What stands in parentheses or behind a colon describes a key.
        let own = cell.split_once(": ").map_or(cell, |(own, _)| own);
        let parts = own.split('(').enumerate();
        let outside =
            parts.map(|(at, part)| if at == 0 { part } else { part.split_once(')').map_or("", |(_, after)| after) });
        outside
            .flat_map(|part| part.split('`').skip(1).step_by(2))
            .map(|key| (key.trim_end_matches('?'), key.ends_with('?')))
            .collect()
    };
    rows.map(|(of, cell)| (of, keys(cell))).collect()
}

/// Compares what was printed, and what it holds by name, with the rows of the table.
fn compare(of: &str, json: &Json, seen: &mut Vec<String>) {
    match json {
        Json::Array(rows) => rows.iter().for_each(|row| compare(of, row, seen)),
        Json::Object(keys) => {
            let told = described();
            let Some(told) = told.get(of) else { return };
            for key in keys.keys() {
                assert!(told.contains_key(key.as_str()), "{of} prints {key}, which is not described");
            }
            for (key, may_be_missing) in told {
                assert!(*may_be_missing || keys.contains_key(*key), "{of} is to print {key}");
            }
            seen.push(of.to_owned());
            keys.iter().for_each(|(key, value)| compare(&format!("{of}.{key}"), value, seen));
        }
        _ => {}
    }
}

#[test]
fn every_verb_prints_the_keys_that_are_described_and_no_others() {
    let place = tempfile::tempdir().unwrap();
    let (root, sample) = (place.path().join("demo"), place.path().join("sample"));
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = Vec::new();
    let made = printed(repository, &["demo", "--residents", "100", "--into", root.to_str().unwrap()]);
    compare("run", &made, &mut seen);
    printed(repository, &["sample", sample.to_str().unwrap(), "--residents", "100", "--bad"]);
    let bad = crate::town::files_below(&sample);
    let bad = bad.iter().find(|file| file.to_string_lossy().contains("20261120030000")).unwrap().to_str().unwrap();
    std::fs::write(root.join("inbox/astray.csv"), "x\r\n").unwrap();
    let status = printed(&root, &["status", "--last", "1000"]);
    let exchanges = status["exchanges"].as_array().unwrap();
    let number = |wanted: &dyn Fn(&Json) -> bool| exchanges.iter().find(|e| wanted(e)).unwrap()["exchange"].to_string();
    let loaded = number(&|e| e["interface"] == "juki-ido" && e["new"].as_i64() > Some(0));
    let held = number(&|e| e["direction"] == "in" && e["held"].as_i64() > Some(0));
    let sent = number(&|e| e["direction"] == "out" && e["written"].as_i64() > Some(3));
    compare("status", &status, &mut seen);
    let (from, to) = (format!("{loaded}:1"), format!("{sent}:2"));
    let good = place.path().join("good.csv");
    std::fs::write(&good, "番号,額\r\n".to_owned() + &"0001,100\r\n0002,2500\r\n".repeat(20)).unwrap();
    for (of, verb) in [
        ("check", ["check"].as_slice()),
        ("preview", &["preview", "juki-ido", bad]),
        ("run", &["run"]),
        ("run", &["deliver"]),
        ("report NUMBER", &["report", &held]),
        ("report NUMBER", &["report", &sent]),
        ("report", &["report"]),
        ("calendar", &["calendar", "--from", "2026-11-20", "--to", "2026-11-30"]),
        ("held", &["held"]),
        ("audit verify", &["audit", "verify"]),
        ("audit list", &["audit", "list"]),
        ("vault status", &["vault", "status"]),
        ("list", &["list"]),
        ("list ID", &["list", "shuno-keshikomi"]),
        ("list ID", &["list", "--draft", &sent]),
        ("trace", &["trace", &from]),
        ("trace", &["trace", &to]),
        ("layout infer", &["layout", "infer", good.to_str().unwrap()]),
    ] {
        compare(of, &printed(&root, verb), &mut seen);
    }
    let unseen: Vec<_> = described().into_keys().filter(|of| !seen.iter().any(|seen| seen == of)).collect();
    assert!(unseen.iter().all(|of| *of == "status.alerts" || *of == "status.waiting"), "not compared: {unseen:?}");
}

/// The cases `findings`, which hold one file with every kind of wrong record.
#[test]
fn a_preview_holds_the_records_that_a_run_holds_duplicates_among_them() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = tempfile::tempdir().unwrap();
    for folder in ["schemas", "mappings"] {
        crate::town::copy_tree(&repository.join(folder), &place.path().join(folder));
    }
    std::fs::copy(repository.join("renkei.toml"), place.path().join("renkei.toml")).unwrap();
    let (mut compared, mut duplicates) = (0, 0);
    for interface in std::fs::read_dir(repository.join("tests/interfaces")).unwrap().map(|e| e.unwrap().path()) {
        let folder = interface.join("findings");
        let Ok(case) = std::fs::read_to_string(folder.join("case.toml")) else { continue };
        let value = |line: &str| line.split('"').nth(1).unwrap().to_owned();
        let of = |key: &str| case.lines().find(|line| line.starts_with(&format!("{key} = "))).map(value);
        if case.matches("[[step]]").count() != 1 || case.contains("into = ") {
            continue;
        }
        let dropped = of("drop").unwrap();
        let file = place.path().join(of("as").unwrap_or_else(|| dropped.clone()));
        std::fs::copy(folder.join(&dropped), &file).unwrap();
        let interface = interface.file_name().unwrap().to_str().unwrap().to_owned();
        let expected: Json = serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
        let report = &expected["reports"][0];
        let told = printed(
            place.path(),
            &["preview", &interface, file.to_str().unwrap(), "--base-date", &of("base_date").unwrap()],
        );
        assert_eq!(told["rejects"], report["outcome"] == "rejected", "{interface}");
        // Of a file that is rejected nothing is held, and its keys are not looked at.
        if report["outcome"] == "rejected" {
            continue;
        }
        assert_eq!(told["held"], report["balance"]["held"]["count"], "{interface}");
        let count = |all: &Json| all.as_array().unwrap().iter().filter(|f| f["code"] == "duplicate-key").count();
        assert_eq!(count(&told["findings"]), count(&report["findings"]), "{interface}");
        duplicates += count(&told["findings"]);
        compared += 1;
    }
    assert!(compared > 8 && duplicates > 8, "{compared} {duplicates}");
}
