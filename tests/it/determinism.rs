//! The same input gives the same bytes, whatever the machine's time zone, locale and number of processors and however the
//! files arrive.

use std::path::Path;
use std::process::Command;

use renkei::pipeline::Hub;

use crate::town::{Town, copy_tree, day, files_below, make_sample, same, sample_files, send_all, sent, values, work};

/// Path and content of every file a demo leaves for people and partners.
fn demo(into: &Path, zone: &str, locale: &str, processors: &str) -> String {
    let status = Command::new("taskset")
        .args(["--cpu-list", processors, env!("CARGO_BIN_EXE_renkei")])
        .args(["--root", env!("CARGO_MANIFEST_DIR"), "demo", "--residents", "300", "--into"])
        .arg(into)
        .envs([("TZ", zone), ("LANG", locale), ("LC_ALL", locale)])
        .stdout(std::process::Stdio::null())
        .status()
        .expect("starts");
    assert!(status.success());
    let mut all = String::new();
    for folder in [into.join("outbox"), into.join("data/report")] {
        for path in files_below(&folder) {
            let sha = renkei::area::hash_file(&path).unwrap().sha256;
            all += &format!("{} {sha}\n", path.strip_prefix(into).unwrap().display());
        }
    }
    all
}

/// The first processor this test may run on.
fn one_processor() -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("a list").trim();
    allowed.chars().take_while(char::is_ascii_digit).collect()
}

#[test]
fn time_zone_locale_and_processors_change_no_byte_of_outbox_and_reports() {
    let folder = tempfile::tempdir().unwrap();
    let east = demo(&folder.path().join("east"), "Asia/Tokyo", "ja_JP.UTF-8", "0-1023");
    let west = demo(&folder.path().join("west"), "America/New_York", "C", &one_processor());
    assert!(east.contains("outbox/koiki-juki/") && east.contains("report.json"), "{east}");
    same(&east, &west, "Tokyo against New York");
}

#[test]
fn files_dropped_one_by_one_lead_where_files_dropped_at_once_lead() {
    let files = tempfile::tempdir().unwrap();
    let summary = make_sample(200, files.path());
    let at_once = Town::new();
    copy_tree(files.path(), &at_once.folder.path().join("inbox"));
    let mut hub = at_once.hub();
    day(&mut hub);
    let expected = values(&mut hub) + &sent(&mut hub);

    let one_by_one = Town::new();
    let mut hub = one_by_one.hub();
    // Whoever is protected is known before anything is sent; what left before that cannot be held.
    let (first, then): (Vec<_>, Vec<_>) = summary.files.iter().partition(|file| file.interface == "shien-sochi");
    for file in first.into_iter().chain(then) {
        let from = files.path().join(&file.interface).join(&file.name);
        let manifest = from.with_extension("ctl");
        if manifest.exists() {
            one_by_one.put(
                &file.interface,
                &manifest.file_name().unwrap().to_string_lossy(),
                &std::fs::read(&manifest).unwrap(),
            );
        }
        one_by_one.put(&file.interface, &file.name, &std::fs::read(&from).unwrap());
        work(&mut hub);
        send_all(&mut hub);
    }
    // What is asked for once (of banks) follows what was known on the day it was asked; everything else follows the data.
    let once =
        |text: String| text.lines().filter(|l| !l.starts_with("koza-furikae-irai ")).collect::<Vec<_>>().join("\n");
    same(&once(expected), &once(values(&mut hub) + &sent(&mut hub)), "one by one against at once");
}

#[test]
fn a_days_tables_are_those_of_what_stands_now_however_often_they_were_asked_for() {
    let town = Town::new();
    let mut hub = town.hub();
    let tables = |hub: &mut Hub| {
        let today = hub.clock.today().to_string();
        renkei::pipeline::day::day_report(hub, &today).unwrap().tables
    };
    let empty = tables(&mut hub);
    let mut seen = vec![empty.clone()];
    for last in [false, true] {
        for ((interface, name), bytes) in
            sample_files().iter().filter(|((i, _), _)| (i == "koza-furikae-kekka") == last)
        {
            town.put(interface, name, bytes);
        }
        work(&mut hub);
        let now = tables(&mut hub);
        assert_eq!(now, tables(&mut town.hub()), "as who never asked before sees them");
        assert!(!seen.contains(&now), "the files changed them");
        seen.push(now);
    }
    hub.clock.advance(86_400);
    let tomorrow = town.hub();
    tomorrow.clock.advance(86_400);
    assert_eq!(tables(&mut hub), tables(&mut { tomorrow }), "another day has its own");
}
