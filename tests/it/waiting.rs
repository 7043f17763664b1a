//! What waits is named and forgotten by nobody: strays, missing companions, late writes, floods, outdated drafts, old records.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use renkei::clock::Clock;
use renkei::inbox::left::Reason;
use renkei::pipeline::{Step, Steps, deliver, waiting};
use renkei::store::ledger::{self, State};

use crate::town::{OPERATOR, Town, exchange, exchanges, findings, last_run, look, sample_file, work};

fn good() -> (&'static str, &'static [u8]) {
    sample_file("juki-ido", "20261120010000.csv")
}

/// The first good line with another 履歴番号.
fn version(n: u32) -> Vec<u8> {
    let text = String::from_utf8(good().1.to_vec()).unwrap();
    let mut items: Vec<String> = text.lines().next().unwrap().split(',').map(str::to_owned).collect();
    items[2] = n.to_string();
    (items.join(",") + "\r\n").into_bytes()
}

#[test]
fn files_where_no_feed_looks_are_named_and_left_where_they_are() {
    let town = Town::new();
    let mut hub = town.hub();
    let inbox = town.folder.path().join("inbox");
    fs::write(inbox.join("LOST.csv"), b"x").unwrap();
    fs::create_dir(inbox.join("juki-idou")).unwrap();
    fs::write(inbox.join("juki-idou/A.csv"), b"x").unwrap();
    work(&mut hub);
    let named: Vec<_> = waiting::waiting(&hub).unwrap().into_iter().map(|w| (w.path, w.reason, w.overdue)).collect();
    let unknown = |path: &str| (path.to_owned(), Reason::UnknownFolder, true);
    assert_eq!(named, [unknown("LOST.csv"), unknown("juki-idou/")]);
    assert!(exchanges(&mut hub).is_empty() && inbox.join("LOST.csv").is_file());
    let today = hub.clock.today().to_string();
    let report = renkei::pipeline::day::day_report(&mut hub, &today).unwrap();
    assert!(report.tables.iter().any(|t| t.rows.iter().any(|row| row[0] == "LOST.csv")), "the day's report names it");
}

#[test]
fn a_file_without_its_companion_is_named_and_holds_no_derivation_back_once_it_is_overdue() {
    let mut town = Town::new();
    let feed = town.site.feeds.get_mut("hihokensha").unwrap();
    let mut own = (**feed).clone();
    own.overdue_seconds = 60;
    *feed = Arc::new(own);
    let mut hub = town.hub();
    hub.clock = Clock::System;
    fs::write(town.inbox("hihokensha").join("KR01_a.csv"), b"x").unwrap();
    let started = Instant::now();
    assert_eq!((look(&mut hub, started).waiting, look(&mut hub, started).overdue), (1, 0));
    let named = waiting::waiting(&hub).unwrap();
    assert_eq!((named[0].path.as_str(), named[0].reason), ("hihokensha/KR01_a.csv", Reason::NoCompanion));
    assert!(!named[0].overdue);
    assert_eq!(named[0].next().unwrap(), "KR01_a.ctl を同じフォルダーに入れてください");
    // As if more than a minute had passed.
    let round = look(&mut hub, started - Duration::from_secs(61));
    assert_eq!((round.waiting, round.overdue), (0, 1));
}

#[test]
fn a_name_that_a_folder_does_not_take_is_told_with_those_it_takes_and_asks_for_no_companion() {
    let town = Town::new();
    let hub = town.hub();
    fs::write(town.inbox("hokenryo").join("hokenryo.csv"), b"x").unwrap();
    let named = waiting::waiting(&hub).unwrap();
    assert_eq!(named[0].reason, Reason::WrongName);
    let next = named[0].next().unwrap();
    assert!(next.contains("KR03_*.csv") && !next.contains(".ctl"), "{next}");
}

#[test]
fn a_file_that_was_cut_reads_the_same_on_the_day_the_timeline_and_its_own_report() {
    let town = Town::new();
    let mut hub = town.hub();
    let (name, bytes) = good();
    town.put("juki-ido", name, &bytes[..bytes.len() - 100]);
    work(&mut hub);
    let file = exchange(&mut hub, name);
    let own = renkei::pipeline::facts::exchange_report(&mut hub, &file).unwrap();
    let today = hub.clock.today().to_string();
    let day = renkei::pipeline::day::day_report(&mut hub, &today).unwrap();
    let row = day.rows.iter().find(|row| row.exchange == file.id.to_string()).unwrap();
    assert_eq!((row.tone(), row.say.as_str()), (own.tone(), own.whole_sentence()));
    assert_eq!(own.tone(), renkei::report::verdict::Tone::Bad);
    let timeline = renkei::pipeline::timeline::timeline(&mut hub).unwrap();
    let line = timeline.days.iter().flat_map(|day| &day.lines).find(|line| line.detail.contains(name)).unwrap();
    assert_eq!((line.tone().sign(), line.held), ("△", own.balance.held.count));
    // Of a file in another charset nothing is taken: no page may say that it came.
    let (sjis, wrong) = sample_file("juki-ido", ".sjis.csv");
    let utf8 = sjis.replace(".sjis", "");
    town.put("juki-ido", &utf8, wrong);
    work(&mut hub);
    let timeline = renkei::pipeline::timeline::timeline(&mut hub).unwrap();
    let line = timeline.days.iter().flat_map(|day| &day.lines).find(|line| line.detail.contains(&utf8)).unwrap();
    assert_eq!(line.tone(), renkei::report::verdict::Tone::Bad, "{line:?}");
}

#[test]
fn a_late_write_of_the_same_size_is_noticed_and_its_bytes_are_kept() {
    let town = Town::new();
    let mut hub = town.hub();
    let (name, bytes) = good();
    town.put("juki-ido", name, bytes);
    let claimed = hub.area.work().join("1.in");
    let mut other = bytes.to_vec();
    other[..3].copy_from_slice(b"888");
    assert_ne!(other, bytes);
    let late = other.clone();
    hub.steps = Steps::with_hook(move |step| {
        if step == Step::InArchived {
            fs::write(&claimed, &late).unwrap();
        }
        true
    });
    work(&mut hub);
    let e = exchange(&mut hub, name);
    assert_eq!(e.state, State::Reported);
    assert!(e.note.unwrap().contains("書き換え"));
    assert_eq!(fs::read(hub.area.set_aside().join("1.in")).unwrap(), other);
}

#[test]
fn a_write_between_claim_and_hash_puts_the_file_off_until_it_rests() {
    let town = Town::new();
    let mut hub = town.hub();
    let (name, bytes) = good();
    town.put("juki-ido", name, &vec![b'x'; bytes.len()]);
    let claimed = hub.area.work().join("1.in");
    hub.steps = Steps::with_hook(move |step| {
        if step == Step::InMoved {
            fs::write(&claimed, bytes).unwrap();
        }
        true
    });
    let started = Instant::now();
    assert_eq!(look(&mut hub, started).failed, 1);
    assert_eq!(exchange(&mut hub, name).state, State::Claimed);
    hub.clock.advance(60);
    work(&mut hub);
    let e = exchange(&mut hub, name);
    assert_eq!((e.state, last_run(&mut hub, &e).totals.held), (State::Reported, 0));
}

#[test]
fn a_flood_of_what_cannot_be_taken_stays_in_the_inbox_once_the_set_aside_folder_is_full() {
    let mut town = Town::new();
    town.site.config.limits.set_aside_files = 5;
    let mut hub = town.hub();
    let inbox = town.inbox("juki-ido");
    for n in 0..20 {
        fs::create_dir(inbox.join(format!("folder{n:02}.csv"))).unwrap();
    }
    work(&mut hub);
    assert_eq!((exchanges(&mut hub).len(), fs::read_dir(&inbox).unwrap().count()), (5, 15));
    assert!(waiting::waiting(&hub).unwrap().iter().all(|w| w.reason == Reason::Odd));
    town.put("juki-ido", good().0, good().1);
    work(&mut hub);
    assert_eq!(exchange(&mut hub, good().0).state, State::Reported, "good files go on");
}

#[test]
fn a_flood_of_the_same_bytes_is_counted_on_one_row() {
    let town = Town::new();
    let mut hub = town.hub();
    for n in 0..30 {
        town.put("juki-ido", &format!("COPY{n:02}.csv"), &version(1));
        work(&mut hub);
    }
    let rows = ledger::list(&mut hub.conn, &ledger::Wanted { limit: 100, ..ledger::Wanted::default() }).unwrap();
    let named: Vec<_> = rows.iter().filter(|e| e.state == State::Duplicate).collect();
    assert_eq!((rows.iter().filter(|e| e.interface == "juki-ido").count(), named.len()), (21, 20));
    assert!(named[0].note.as_deref().unwrap().contains("さらに 9 回"), "{:?}", named[0].note);
}

#[test]
fn an_older_version_that_arrives_late_is_named_and_changes_nothing() {
    let town = Town::new();
    let mut hub = town.hub();
    for (name, n) in [("A.csv", 5), ("B.csv", 3), ("C.csv", 6)] {
        town.put("juki-ido", name, &version(n));
        work(&mut hub);
    }
    let b = exchange(&mut hub, "B.csv");
    let totals = last_run(&mut hub, &b).totals;
    assert_eq!((totals.read, totals.loaded_changed, totals.skipped), (1, 0, 1), "accounted for");
    let found = findings(&mut hub, &b);
    assert!(found.iter().any(|f| f.code == "older-version" && f.data.field == "履歴番号"), "{found:?}");
    let c = exchange(&mut hub, "C.csv");
    assert_eq!(last_run(&mut hub, &c).totals.loaded_changed, 1);
}

#[test]
fn an_unconfirmed_draft_is_made_anew_when_its_data_change_and_the_old_one_cannot_be_confirmed() {
    let town = Town::new();
    let mut hub = town.hub();
    town.sample(100);
    work(&mut hub);
    let draft = |hub: &mut _| {
        exchanges(hub).into_iter().find(|e| e.interface == "koiki-juki" && e.state == State::Draft).unwrap()
    };
    let old = draft(&mut hub);
    work(&mut hub);
    assert_eq!(draft(&mut hub).id, old.id, "nothing new, nothing made anew");
    town.put("juki-ido", "NEW.csv", &version(99));
    work(&mut hub);
    let new = draft(&mut hub);
    assert!(new.id > old.id);
    let refused = deliver::confirm(&mut hub, old.id, OPERATOR, old.sha256.as_deref()).unwrap_err();
    assert!(refused.to_string().contains("新しいデータ"), "{refused}");
    deliver::confirm(&mut hub, new.id, OPERATOR, new.sha256.as_deref()).unwrap();
}
