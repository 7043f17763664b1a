//! What somebody who may drop anything into the inbox must not be able to do.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use renkei::area::Area;
use renkei::clock::Clock;
use renkei::finding::{DataPlace, Finding, Severity};
use renkei::inbox::{Entry, Inbox, SCAN_LIMIT};
use renkei::outbox::Parcel;
use renkei::pipeline::receive::{READY_LIMIT, receive};
use renkei::pipeline::{Hub, Step, Steps, facts, worker};
use renkei::store::ledger::{self, Exchange, State, Wanted};

use crate::town::{self, Town};

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
pub fn site() -> (tempfile::TempDir, Hub) {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = tempfile::tempdir().unwrap();
    for folder in ["schemas", "mappings"] {
        copy_tree(&own.join(folder), &place.path().join(folder));
    }
    fs::copy(own.join("renkei.toml"), place.path().join("renkei.toml")).unwrap();
    let (mut site, _) = renkei::mapping::site::load(place.path()).unwrap_or_else(|f| panic!("{f:#?}"));
    site.config.vault_key = renkei::config::KeyPlace::Example;
    let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
    let hub = Hub::open(site, Clock::fixed(day, 9, 0)).unwrap();
    (place, hub)
}

pub fn drop_file(hub: &Hub, interface: &str, name: &str, content: &[u8]) -> PathBuf {
    let path = hub.area.inbox.join(interface).join(name);
    fs::write(&path, content).unwrap();
    path
}

pub fn all(hub: &mut Hub) -> Vec<Exchange> {
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
    let mut seen = all(&mut hub);
    seen.retain(|e| e.direction == renkei::store::ledger::Direction::In);
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
fn a_findings_message_is_bounded() {
    let finding = Finding::data("unknown-element", Severity::Error, DataPlace::default(), "長".repeat(1 << 20));
    assert_eq!(finding.message.chars().count(), Finding::MESSAGE_LIMIT + 1);
}

#[test]
fn a_flood_in_one_folder_keeps_no_other_folder_waiting() {
    let (_place, mut hub) = site();
    let long_ago = Instant::now().checked_sub(Duration::from_secs(3600)).unwrap_or_else(Instant::now);
    for n in 0..READY_LIMIT + 10 {
        drop_file(&hub, "juki-ido", &format!("{n:05}.csv"), b"");
    }
    let other = drop_file(&hub, "taino", "b.csv", b"x\r\n");
    receive(&mut hub, Instant::now()).unwrap();
    let received = receive(&mut hub, long_ago).unwrap();
    assert_eq!((received.taken, received.waiting), (READY_LIMIT + 1, 10));
    assert!(!other.exists());
    assert_eq!(receive(&mut hub, long_ago).unwrap().taken, 10);
}

#[test]
fn a_file_that_a_wrong_name_made_unreadable_may_come_again_under_the_right_one() {
    let town = Town::new();
    let mut hub = town.hub();
    let bytes = town::sample_file("juki-ido", ".sjis.csv").1;
    let mut send = |name: &str| {
        town.put("juki-ido", name, bytes);
        town::work(&mut hub);
        let e = town::exchange(&mut hub, name);
        (e.state, town::last_run(&mut hub, &e).totals)
    };
    let (state, wrong) = send("A.csv");
    assert_eq!((state, wrong.held), (State::Reported, wrong.read), "no record can be read as UTF-8");
    let (state, right) = send("A.sjis.csv");
    assert_eq!((state, right.held, right.loaded_new), (State::Reported, 0, right.read));
    town.put("juki-ido", "B.sjis.csv", bytes);
    town::work(&mut hub);
    assert_eq!(town::exchange(&mut hub, "B.sjis.csv").state, State::Duplicate);
    town.put("juki-ido", "C.csv", bytes);
    town::work(&mut hub);
    let held = town::exchange(&mut hub, "C.csv");
    assert_eq!(held.state, State::Duplicate);
    let note = held.note.unwrap();
    assert!(note.contains("保留した記録は取り込まれないまま"), "nobody takes what is held for taken in: {note}");
}

#[test]
fn a_manifest_that_says_two_things_of_one_proves_nothing() {
    let (_place, mut hub) = site();
    let sha256 = "f0f9fbb0f4ef4cf2f0ca1b0f8cd3fcfdc1ddd1a7f4ae4e5d8b3b9c1b7c2b4a69";
    drop_file(&hub, "hihokensha", "KR01_a.csv", b"x\r\n");
    drop_file(&hub, "hihokensha", "KR01_a.ctl", format!("件数=1\r\n件数=2\r\nSHA-256={sha256}\r\n").as_bytes());
    worker::settle(&mut hub).unwrap();
    let seen = all(&mut hub);
    assert_eq!(seen[0].state, State::Rejected);
    assert!(seen[0].note.as_deref().unwrap().contains("違う値"), "{:?}", seen[0].note);
}

#[test]
fn two_files_of_one_name_on_their_way_out_never_replace_each_other() {
    let place = tempfile::tempdir().unwrap();
    let below = |name: &str| place.path().join(name);
    let area = Area { inbox: below("inbox"), outbox: below("outbox"), data: below("data"), ring: None };
    area.create().unwrap();
    let kept: Vec<_> = ["one", "two"].map(|text| area.archive_file(&mut text.as_bytes(), text).unwrap()).into();
    let parcel = |exchange: usize| Parcel {
        exchange: exchange as i64,
        sha256: &kept[exchange].sha256,
        folder: area.outbox.clone(),
        name: "A.csv",
        manifest: Some((".ctl", exchange.to_string())),
    };
    // Both were confirmed while the outbox could not be written to.
    parcel(0).prepare(&area).unwrap();
    parcel(1).prepare(&area).unwrap();
    parcel(0).place(&area).unwrap();
    parcel(0).place_manifest(&area).unwrap();
    let taken = |name: &str| fs::read_to_string(area.outbox.join(name)).unwrap();
    for _ in 0..2 {
        assert_eq!(parcel(1).place(&area).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(parcel(1).place_manifest(&area).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!((taken("A.csv"), taken("A.ctl")), ("one".into(), "0".into()));
    }
    fs::remove_file(area.outbox.join("A.csv")).unwrap();
    fs::remove_file(area.outbox.join("A.ctl")).unwrap();
    parcel(1).place(&area).unwrap();
    parcel(1).place_manifest(&area).unwrap();
    assert_eq!((taken("A.csv"), taken("A.ctl")), ("two".into(), "1".into()));
}

#[test]
fn what_could_not_be_kept_leaves_nothing_behind_that_fills_the_disk() {
    let place = tempfile::tempdir().unwrap();
    let below = |name: &str| place.path().join(name);
    let area = Area { inbox: below("inbox"), outbox: below("outbox"), data: below("data"), ring: None };
    area.create().unwrap();
    struct Torn(usize);
    impl std::io::Read for Torn {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or(std::io::ErrorKind::StorageFull)?;
            into.fill(7);
            Ok(into.len())
        }
    }
    for reads in [0, 1, 1000] {
        assert!(area.archive_file(&mut Torn(reads), "1").is_err());
        assert_eq!(fs::read_dir(area.work()).unwrap().count(), 0, "after {reads} reads");
    }
    fs::create_dir(below("taken")).unwrap();
    fs::write(below("a.csv"), "x").unwrap();
    assert!(renkei::area::copy_whole(&below("a.csv"), &below("taken")).is_err());
    assert!(!below("taken.copy").exists());
}

#[test]
fn a_name_that_somebody_dropped_is_not_in_the_log() {
    let (place, mut hub) = site();
    fs::create_dir_all(hub.area.work().join("1.in")).unwrap();
    drop_file(&hub, "juki-ido", "山田太郎.csv", b"x\r\n");
    let path = place.path().join("log");
    let log = std::sync::Arc::new(fs::File::create(&path).unwrap());
    let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log).finish();
    tracing::subscriber::with_default(lines, || worker::settle(&mut hub).unwrap());
    let log = fs::read_to_string(path).unwrap();
    assert!(log.contains("entry not moved") && !log.contains("山田"), "{log}");
}

#[test]
fn a_file_whose_amounts_no_number_can_sum_is_refused_and_the_next_one_is_taken() {
    let (place, _) = site();
    let layout = place.path().join("schemas/layouts/taino.toml");
    let wide = fs::read_to_string(&layout)
        .unwrap()
        .replace("\"税額\", type = \"9\", len = 12", "\"税額\", type = \"9\", len = 19");
    fs::write(layout, wide).unwrap();
    let (mut site, _) = renkei::mapping::site::load(place.path()).unwrap_or_else(|f| panic!("{f:#?}"));
    site.config.vault_key = renkei::config::KeyPlace::Example;
    let mut hub = Hub::open(site, Clock::fixed(town::base_day(), 9, 0)).unwrap();
    let good = "999997,000000100000193,2026,2026,70,01,,,100019312026,,,2026-07-31,,2026-07-31,,,,50600,100,0,0,,,0,,,,,\
        2026-08-20,,0,0,0,0,0,,2028-07-30,TAINO00001,2026-11-19,06:00:00,1,0\r\n";
    let mut items: Vec<&str> = good.lines().next().unwrap().split(',').collect();
    items[17] = "9223372036854775807";
    let one = items.join(",") + "\r\n";
    items[8] = "ANOTHER";
    drop_file(&hub, "taino", "a.csv", (one + &items.join(",") + "\r\n").as_bytes());
    drop_file(&hub, "taino", "b.csv", good.as_bytes());
    worker::settle(&mut hub).unwrap();
    let seen: Vec<_> = all(&mut hub).into_iter().map(|e| (e.state, e.attempts, e.note.unwrap_or_default())).collect();
    assert_eq!((seen[0].0, seen[0].1), (State::Rejected, 0), "{seen:?}");
    assert!(seen[0].2.contains("金額の合計"), "{seen:?}");
    assert_eq!((seen[1].0, seen[1].1), (State::Reported, 0), "{seen:?}");
}

#[test]
fn a_file_that_finds_no_place_in_the_archive_keeps_no_other_one_waiting() {
    let (_place, mut hub) = site();
    for n in 0..6 {
        drop_file(&hub, "juki-ido", &format!("{n}.csv"), format!("{n}\r\n").as_bytes());
    }
    let own = renkei::area::hash_file(&hub.area.inbox.join("juki-ido/3.csv")).unwrap().sha256;
    fs::write(hub.area.archive().join(&own[..2]), "in its way").unwrap();
    worker::settle(&mut hub).unwrap();
    let taken = all(&mut hub).into_iter().filter(|e| e.interface == "juki-ido");
    let stands: Vec<_> = taken.map(|e| (e.file_name, e.state, e.attempts)).collect();
    assert_eq!(stands.len(), 6, "{stands:?}");
    for (name, state, attempts) in &stands {
        let expected = if name == "3.csv" { (State::Claimed, 1) } else { (State::Reported, 0) };
        assert_eq!((*state, *attempts), expected, "{stands:?}");
    }
    let left: Vec<_> = fs::read_dir(hub.area.work()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 1, "the file itself and no scratch: {left:?}");
}

#[test]
fn a_file_of_holes_does_not_use_up_the_room_for_what_is_set_aside() {
    let (_place, hub) = site();
    fs::File::create(hub.area.set_aside().join("1")).unwrap().set_len(100 << 30).unwrap();
    fs::write(hub.area.set_aside().join("2"), [1; 100_000]).unwrap();
    let (files, bytes) = hub.area.set_aside_size(100, 1 << 30).unwrap();
    assert!(files == 2 && (100_000..1 << 20).contains(&bytes), "{files} {bytes}");
}
