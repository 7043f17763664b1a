//! What the machine failed with too often is stopped, told, and taken up again on an operator's word; nothing is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Instant;

use renkei::pipeline::{HubError, deliver, watch, worker};
use renkei::store::ledger::{State, Wanted, list};

use crate::town::{OPERATOR, Town, exchange, exchanges, last_run, look, sample_file, work};

/// Longest pause between two attempts, seconds.
const LONGEST_PAUSE: i64 = 3600;

#[test]
fn what_the_machine_fails_with_is_stopped_after_the_last_attempt_and_loses_nothing_when_it_is_retried() {
    let mut town = Town::new();
    town.site.config.limits.attempts = 3;
    let mut hub = town.hub();
    let (name, bytes) = sample_file("juki-ido", "20261120010000.csv");
    town.put("juki-ido", name, bytes);
    // The archive is no folder: the machine is in trouble, whoever the test runs as.
    let archive = hub.area.archive();
    fs::remove_dir(&archive).unwrap();
    fs::write(&archive, b"").unwrap();
    for attempt in 1..=3 {
        let round = worker::run_until_idle(&mut hub, std::time::Duration::ZERO).unwrap();
        assert_eq!((round.failed, exchange(&mut hub, name).attempts), (1, attempt));
        hub.clock.advance(LONGEST_PAUSE);
    }
    let stopped = exchange(&mut hub, name);
    assert_eq!(stopped.state, State::Failed);
    assert!(stopped.note.as_deref().unwrap().contains("renkei retry 1"), "{:?}", stopped.note);
    assert_eq!(fs::read(hub.area.work().join("1.in")).unwrap(), bytes, "the file is where it was");
    work(&mut hub);
    assert_eq!(exchange(&mut hub, name).attempts, 3, "no attempt without an operator");

    fs::remove_file(&archive).unwrap();
    fs::create_dir(&archive).unwrap();
    fs::set_permissions(&archive, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(deliver::retry(&mut hub, stopped.id, " "), Err(HubError::Refused(_))));
    deliver::retry(&mut hub, stopped.id, OPERATOR).unwrap();
    work(&mut hub);
    let e = exchange(&mut hub, name);
    assert_eq!((e.state, e.attempts), (State::Reported, 0));
    assert!(last_run(&mut hub, &e).totals.loaded_new > 0);
    let refused = deliver::retry(&mut hub, e.id, OPERATOR).unwrap_err();
    assert!(refused.to_string().contains("止まっていません"), "{refused}");
}

#[test]
fn a_draft_that_could_not_be_written_is_stopped_keeps_its_place_and_is_written_when_it_is_retried() {
    let mut town = Town::new();
    town.site.config.limits.attempts = 2;
    let mut hub = town.hub();
    town.sample(100);
    let work_folder = hub.area.work();
    // A folder stands where every draft would be written.
    let in_the_way: Vec<_> = (1..200).map(|id| work_folder.join(format!("{id}.draft"))).collect();
    in_the_way.iter().for_each(|path| fs::create_dir(path).unwrap());
    let started = std::time::Instant::now();
    for _ in 0..4 {
        worker::round(&mut hub, started).unwrap();
        hub.clock.advance(LONGEST_PAUSE);
    }
    let stopped: Vec<_> = exchanges(&mut hub).into_iter().filter(|e| e.state == State::Failed).collect();
    assert!(!stopped.is_empty());
    in_the_way.iter().for_each(|path| fs::remove_dir(path).unwrap());
    work(&mut hub);
    for e in &stopped {
        let same = Wanted { interface: Some(&e.interface), limit: 10, ..Wanted::default() };
        // An interface cut into files has a draft for each of them, and no more.
        let files = stopped.iter().filter(|other| other.interface == e.interface).count();
        assert_eq!(list(&mut hub.conn, &same).unwrap().len(), files, "no second draft beside {}", e.file_name);
        deliver::retry(&mut hub, e.id, OPERATOR).unwrap();
    }
    work(&mut hub);
    let mut written = 0;
    for e in &stopped {
        let now = renkei::store::ledger::get(&mut hub.conn, e.id).unwrap();
        // Some turn out to have nothing to send.
        if now.state != State::Withdrawn {
            assert_eq!((now.state, now.sha256.is_some()), (State::Draft, true), "{}", e.file_name);
            written += 1;
        }
    }
    assert!(written > 0);
}

#[test]
fn a_derivation_that_fails_is_told_with_its_reason_until_it_is_done() {
    let mut town = Town::new();
    let whole = town.site.derive["nenrei-totatsu"].clone();
    let plan = Arc::make_mut(town.site.derive.get_mut("nenrei-totatsu").unwrap());
    Arc::make_mut(&mut plan.view).sql = "SELECT 1 FROM nothing_of_that_name".to_owned();
    let mut hub = town.hub();
    let (name, bytes) = sample_file("juki-ido", "20261120010000.csv");
    town.put("juki-ido", name, bytes);
    let round = look(&mut hub, Instant::now());
    assert_eq!(round.failed, 1);
    let told = watch::alerts(&mut hub).unwrap();
    let alert = told.iter().find(|alert| alert.interface == "nenrei-totatsu").expect("it is told");
    assert!(
        alert.message.contains("計算できませんでした") && alert.message.contains("nothing_of_that_name"),
        "{alert:?}"
    );
    assert_eq!(exchange(&mut hub, name).state, State::Reported, "nothing else waits for it");
    drop(hub);

    town.site.derive.insert("nenrei-totatsu".to_owned(), whole);
    let mut hub = town.hub();
    assert_eq!(look(&mut hub, Instant::now()).failed, 0);
    let told = watch::alerts(&mut hub).unwrap();
    assert!(told.iter().all(|alert| alert.interface != "nenrei-totatsu"), "{told:?}");
}
