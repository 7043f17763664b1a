//! What somebody who may drop anything into the inbox must not be able to do.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use renkei::clock::Clock;
use renkei::finding::{DataPlace, Finding, Severity};
use renkei::inbox::{Entry, Inbox, SCAN_LIMIT};
use renkei::pipeline::{Hub, Step, Steps, facts, worker};
use renkei::store::ledger::{self, Exchange, State, Wanted};

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A site of the shipped files in a folder of its own.
fn site() -> (tempfile::TempDir, Hub) {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = tempfile::tempdir().unwrap();
    for folder in ["schemas", "mappings"] {
        copy_tree(&own.join(folder), &place.path().join(folder));
    }
    fs::copy(own.join("renkei.toml"), place.path().join("renkei.toml")).unwrap();
    let (site, _) = renkei::mapping::site::load(place.path()).unwrap_or_else(|f| panic!("{f:#?}"));
    let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
    let hub = Hub::open(site, Clock::fixed(day, 9, 0)).unwrap();
    (place, hub)
}

fn drop_file(hub: &Hub, interface: &str, name: &str, content: &[u8]) -> PathBuf {
    let path = hub.area.inbox.join(interface).join(name);
    fs::write(&path, content).unwrap();
    path
}

fn all(hub: &mut Hub) -> Vec<Exchange> {
    let mut all = ledger::list(&mut hub.conn, &Wanted { limit: 1000, ..Wanted::default() }).unwrap();
    all.reverse();
    all
}

/// Does something once, when the step is passed.
fn at(step: Step, act: impl Fn() + Send + Sync + 'static) -> Steps {
    let done = AtomicBool::new(false);
    Steps::with_hook(move |passed| {
        if passed == step && !done.swap(true, Ordering::Relaxed) {
            act();
        }
        true
    })
}

#[test]
fn what_cannot_be_moved_stops_no_other_file_and_is_told_once() {
    let (_place, mut hub) = site();
    // Their places are taken, so both moves fail, as they would without the rights to move them.
    fs::create_dir_all(hub.area.set_aside().join("1/x")).unwrap();
    fs::create_dir_all(hub.area.work().join("2.in")).unwrap();
    fs::create_dir(hub.area.inbox.join("hihokensha/folder")).unwrap();
    let kept = drop_file(&hub, "juki-ido", "a.csv", b"x\r\n");
    drop_file(&hub, "taino", "b.csv", b"x\r\n");
    worker::settle(&mut hub).unwrap();
    worker::settle(&mut hub).unwrap();
    let seen = all(&mut hub);
    let states: Vec<_> = seen.iter().map(|e| (e.interface.as_str(), e.state)).collect();
    assert_eq!(states[..2], [("hihokensha", State::Rejected), ("juki-ido", State::Rejected)]);
    assert!(
        states[2..].iter().any(|(i, s)| *i == "taino" && matches!(s, State::Reported | State::Rejected)),
        "{states:?}"
    );
    assert!(seen.len() <= 5, "one try each a while: {states:?}");
    assert!(kept.exists() && facts::report_folder(&hub, &seen[1]).join("index.html").exists());
}

#[test]
fn a_file_swapped_between_look_and_claim_is_set_aside_and_never_followed() {
    let swaps: [fn(&Path, &Path); 3] = [
        |path, secret| symlink(secret, path).unwrap(),
        |path, _| fs::create_dir_all(path.join("inner")).unwrap(),
        |path, _| assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success()),
    ];
    for swap in swaps {
        let (place, mut hub) = site();
        let secret = place.path().join("secret.csv");
        fs::write(&secret, "secret").unwrap();
        let path = drop_file(&hub, "juki-ido", "a.csv", b"x\r\n");
        let outside = secret.clone();
        hub.steps = at(Step::InAnnounced, move || {
            fs::remove_file(&path).unwrap();
            swap(&path, &outside);
        });
        worker::settle(&mut hub).unwrap();
        worker::recover(&mut hub).unwrap();
        let seen = all(&mut hub);
        assert_eq!((seen.len(), seen[0].state, seen[0].sha256.as_deref()), (1, State::Rejected, None));
        assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
        assert!(fs::symlink_metadata(hub.area.set_aside().join("1")).is_ok());
        assert_eq!(fs::read_dir(hub.area.work()).unwrap().count(), 0);
    }
}

#[test]
fn a_manifest_that_is_no_file_proves_nothing() {
    let (place, mut hub) = site();
    let folder = hub.area.inbox.join("hihokensha");
    for name in ["a", "b"] {
        drop_file(&hub, "hihokensha", &format!("KR01_{name}.csv"), b"x\r\n");
    }
    fs::create_dir_all(folder.join("KR01_a.ctl/inner")).unwrap();
    symlink(place.path().join("renkei.toml"), folder.join("KR01_b.ctl")).unwrap();
    worker::settle(&mut hub).unwrap();
    worker::recover(&mut hub).unwrap();
    let seen = all(&mut hub);
    assert_eq!(seen.iter().map(|e| e.state).collect::<Vec<_>>(), [State::Rejected; 2]);
    assert_eq!(fs::read_dir(hub.area.work()).unwrap().count(), 0);
    assert!(place.path().join("renkei.toml").is_file());
}

#[test]
fn a_heap_of_entries_hides_no_file_for_ever() {
    let (_place, hub) = site();
    let folder = hub.area.inbox.join("hihokensha");
    for n in 0..SCAN_LIMIT + 50 {
        fs::write(folder.join(format!("{n}.csv")), "").unwrap();
    }
    fs::write(folder.join("KR01_a.csv"), "").unwrap();
    fs::write(folder.join("KR01_a.ctl"), "").unwrap();
    let mut inbox = Inbox::default();
    let feed = &hub.site.feeds["hihokensha"];
    let ready = (0..2).any(|_| {
        let found = inbox.scan(&folder, feed, &|_| None, Duration::ZERO).unwrap();
        assert!(found.len() <= SCAN_LIMIT);
        found.iter().any(|e| matches!(e, Entry::Ready { name, .. } if name == "KR01_a.csv"))
    });
    assert!(ready);
}

#[test]
fn a_bug_met_in_one_piece_of_work_puts_off_that_piece_alone() {
    let (_place, mut hub) = site();
    drop_file(&hub, "juki-ido", "a.csv", b"x\r\n");
    drop_file(&hub, "taino", "b.csv", b"x\r\n");
    hub.steps = at(Step::InStaging, || panic!("a bug, made for this test"));
    worker::settle(&mut hub).unwrap();
    let states: Vec<_> = all(&mut hub).iter().map(|e| (e.state, e.attempts)).collect();
    assert_eq!(states.iter().filter(|(s, tries)| *s == State::Loading && *tries == 1).count(), 1, "{states:?}");
    assert_eq!(states.iter().filter(|(s, _)| matches!(s, State::Reported | State::Rejected)).count(), 1, "{states:?}");

    let derive = hub.site.derive_order()[0].clone();
    hub.steps = Steps::with_hook(|step| step != Step::DeriveStaging || panic!("a bug, made for this test"));
    let mut source = None;
    for (n, interface) in derive.after.iter().enumerate().filter(|(_, i)| hub.site.feeds.contains_key(*i)) {
        source = Some(drop_file(&hub, interface, &format!("c{n}.csv"), b"y\r\n"));
    }
    if source.is_some() {
        worker::round(&mut hub, Instant::now()).unwrap();
    }
}

#[test]
fn bytes_written_after_the_archive_took_its_copy_are_not_lost() {
    let (_place, mut hub) = site();
    drop_file(&hub, "juki-ido", "a.csv", b"x\r\n");
    let work = hub.area.work().join("1.in");
    hub.steps = at(Step::InArchived, move || fs::write(&work, "x\r\ny\r\n").unwrap());
    worker::settle(&mut hub).unwrap();
    assert_eq!(fs::read_to_string(hub.area.set_aside().join("1.in")).unwrap(), "x\r\ny\r\n");
}

#[test]
fn hostile_names_and_values_are_harmless_in_reports() {
    let (_place, mut hub) = site();
    let name = "=cmd|' C calc'!A0<script>alert(1)<k>.csv";
    drop_file(&hub, "juki-ido", name, "\"<img src=x onerror=alert(1)>\",\"=1+1\",\u{1b}[31m\r\n".as_bytes());
    worker::settle(&mut hub).unwrap();
    let seen = all(&mut hub);
    let folder = facts::report_folder(&hub, &seen[0]);
    for dir in [folder.as_path(), folder.parent().unwrap(), &hub.area.reports()] {
        let page = fs::read_to_string(dir.join("index.html")).unwrap();
        assert!(!page.contains("<script>alert") && !page.contains("<img") && !page.contains('\u{1b}'));
    }
    let csv = fs::read_to_string(folder.parent().unwrap().join("exchanges.csv")).unwrap();
    assert!(csv.contains("\"'=cmd") && !csv.contains("\"=cmd"));
    let text = renkei::report::text(&facts::exchange_report(&mut hub, &seen[0]).unwrap());
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn a_findings_message_is_bounded() {
    let finding = Finding::data("unknown-element", Severity::Error, DataPlace::default(), "長".repeat(1 << 20));
    assert_eq!(finding.message.chars().count(), Finding::MESSAGE_LIMIT + 1);
}
