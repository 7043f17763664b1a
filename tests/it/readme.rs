//! The README's example interface, built by its files alone.

use std::fs;
use std::path::Path;

use renkei::clock::Clock;
use renkei::pipeline::{Hub, snapshot, worker};
use renkei::store::ledger::{self, State, Wanted};
use renkei::store::{detail, run};

use crate::town::copy_tree;

const README: &str = include_str!("../../README.md");
const FOR_OPERATORS: &str = include_str!("../../README.ja.md");

/// Files that the README shows: path and content; `cp932` after the path asks for that charset and CRLF.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for part in README.split("<!-- file: ").skip(1) {
        let (head, rest) = part.split_once(" -->\n```").unwrap();
        let body = rest.split_once('\n').unwrap().1.split_once("```").unwrap().0;
        match head.split_once(' ') {
            Some((path, "cp932")) => {
                let mut bytes = Vec::new();
                renkei::codec::charset::Charset::Windows31j.encode(&body.replace('\n', "\r\n"), &mut bytes).unwrap();
                files.push((path.to_owned(), bytes));
            }
            _ => files.push((head.to_owned(), body.as_bytes().to_vec())),
        }
    }
    files
}

#[test]
fn the_readmes_interface_works_by_its_files_alone() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = tempfile::tempdir().unwrap();
    let root = place.path();
    copy_tree(&own.join("schemas"), &root.join("schemas"));
    copy_tree(&own.join("mappings"), &root.join("mappings"));
    fs::copy(own.join("renkei.toml"), root.join("renkei.toml")).unwrap();
    let (data, rules): (Vec<_>, Vec<_>) = files().into_iter().partition(|(path, _)| path.ends_with(".csv"));
    assert_eq!((data.len(), rules.len()), (1, 7), "the README shows one data file and seven declarative ones");
    for (path, content) in &rules {
        fs::write(root.join(path), content).unwrap();
    }
    let (site, warnings) = renkei::mapping::site::load(root).unwrap_or_else(|f| panic!("{f:#?}"));
    assert!(warnings.is_empty(), "{warnings:#?}");
    let mut hub = Hub::open(site, Clock::fixed(chrono::NaiveDate::from_ymd_opt(2026, 11, 20).unwrap(), 9, 0)).unwrap();
    fs::write(hub.area.inbox.join("kaigo-shikaku").join(&data[0].0), &data[0].1).unwrap();
    worker::settle(&mut hub).unwrap();

    let entity = hub.site.entities["kaigo_shikaku"].clone();
    let rows = snapshot::rows_json(&mut hub, &entity).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["氏名"], "髙橋　一郎");
    let runs = run::of_exchange(&mut hub.conn, 1).unwrap();
    let findings = detail::findings(&mut hub.conn, runs[0].id, 0, 10).unwrap();
    assert_eq!(findings.len(), 1);
    let promised = README.lines().find(|l| l.contains("[soshitsu-before-shutoku]")).unwrap();
    assert!(promised.contains(&findings[0].message), "{promised}");
    assert!(promised.starts_with(&format!(
        "{} 件目 {} 行目 {} バイト目",
        findings[0].data.record,
        findings[0].data.line,
        findings[0].data.byte + 1
    )));

    let sent = worker::send_now(&mut hub, "kaigo-gen-shikaku", "試験").unwrap();
    assert_eq!(sent.len(), 1);
    let delivered =
        ledger::list(&mut hub.conn, &Wanted { states: &[State::Delivered], limit: 10, ..Wanted::default() }).unwrap();
    let file = fs::read_to_string(hub.area.outbox.join("kaigo-gen-shikaku").join(&delivered[0].file_name)).unwrap();
    assert_eq!(
        file,
        "\"D\",\"new\",\"0000000011\",\"000000000000001\",\"2020-04-01\",\"6200\"\r\n\"T\",\"1\",\"6200\"\r\n"
    );
}

#[test]
fn the_operators_manual_names_the_folder_and_the_file_names_of_every_feed() {
    let manual = FOR_OPERATORS.to_ascii_lowercase();
    let mut missing = Vec::new();
    for (id, feed) in &crate::town::shipped().feeds {
        let patterns = feed.forms.iter().map(|form| form.pattern.to_ascii_lowercase());
        missing.extend(patterns.chain([id.clone()]).filter(|name| !manual.contains(&format!("`{name}`"))));
    }
    assert!(missing.is_empty(), "{missing:?}");
}
