//! What an operator asks for by hand: a draft, a delivery, the way of a record.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use renkei::pipeline::{HubError, deliver, outbound};
use renkei::store::ledger::{self, Direction, State, Wanted};

use crate::kill::{open, site_folder};
use crate::town::{OPERATOR, Town, exchange, exchanges, make_sample, sample_file, work};

fn renkei(root: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_renkei")).arg("--root").arg(root).args(args).output().unwrap()
}

#[test]
fn a_draft_asked_for_while_one_is_open_is_refused_and_no_second_one_is_made() {
    let town = Town::new();
    let mut hub = town.hub();
    town.sample(100);
    work(&mut hub);
    let drafts = |hub: &mut _| exchanges(hub).into_iter().filter(|e| e.state == State::Draft).collect::<Vec<_>>();
    let before = drafts(&mut hub);
    let site = hub.site.clone();
    for draft in &before {
        let refused = outbound::draft(&mut hub, &site.outbound[&draft.interface]).unwrap_err();
        assert!(
            matches!(&refused, HubError::Refused(why) if why.contains(&format!("受付番号 {}", draft.id))),
            "{refused}"
        );
    }
    assert!(!before.is_empty());
    assert_eq!(drafts(&mut hub), before);
}

#[test]
fn a_delivered_file_does_not_keep_the_note_of_an_attempt_that_failed() {
    let town = Town::new();
    let mut hub = town.hub();
    town.sample(100);
    work(&mut hub);
    let wanted = Wanted { direction: Some(Direction::Out), states: &[State::Draft], limit: 1, ..Wanted::default() };
    let draft = ledger::list(&mut hub.conn, &wanted).unwrap().remove(0);
    deliver::confirm(&mut hub, draft.id, OPERATOR, None).unwrap();
    let in_the_way = hub.area.outbox.join(&draft.interface).join(&draft.file_name);
    fs::write(&in_the_way, b"not taken away yet").unwrap();
    renkei::pipeline::worker::run_until_idle(&mut hub, std::time::Duration::ZERO).unwrap();
    assert!(exchange(&mut hub, &draft.file_name).note.is_some_and(|note| note.contains("引き取られて")));
    fs::remove_file(&in_the_way).unwrap();
    hub.clock.advance(3600);
    work(&mut hub);
    let sent = exchange(&mut hub, &draft.file_name);
    assert_eq!((sent.state, sent.note), (State::Delivered, None));
}

#[test]
fn a_file_that_cannot_be_delivered_keeps_no_other_one_back_and_is_told() {
    let folder = site_folder();
    let root = folder.path();
    make_sample(100, &root.join("inbox"));
    assert!(renkei(root, &["run", "--wait", "5"]).status.code().is_some_and(|code| code <= 1));
    let mut hub = open(root);
    let wanted = Wanted { direction: Some(Direction::Out), states: &[State::Draft], limit: 100, ..Wanted::default() };
    let drafts = ledger::list(&mut hub.conn, &wanted).unwrap();
    assert!(drafts.len() > 2);
    for draft in &drafts {
        deliver::confirm(&mut hub, draft.id, OPERATOR, None).unwrap();
    }
    let first = drafts.last().unwrap();
    let in_the_way = hub.area.outbox.join(&first.interface).join(&first.file_name);
    fs::write(&in_the_way, b"not taken away yet").unwrap();
    let told = renkei(root, &["deliver"]);
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(String::from_utf8_lossy(&told.stderr).contains(&format!("受付番号 {}", first.id)), "{told:?}");
    for draft in &drafts {
        let state = exchange(&mut hub, &draft.file_name).state;
        assert_eq!(state, if draft.id == first.id { State::Confirmed } else { State::Delivered });
    }
    fs::remove_file(&in_the_way).unwrap();
    assert_eq!(renkei(root, &["deliver"]).status.code(), Some(0));
    assert_eq!(exchange(&mut hub, &first.file_name).state, State::Delivered);
}

#[test]
fn a_file_named_like_a_number_does_not_hide_the_exchange_of_that_number() {
    let folder = site_folder();
    let root = folder.path();
    let inbox = root.join("inbox/juki-ido");
    fs::create_dir_all(&inbox).unwrap();
    let (name, bytes) = sample_file("juki-ido", "20261120010000.csv");
    fs::write(inbox.join(name), bytes).unwrap();
    renkei(root, &["run", "--wait", "5"]);
    fs::write(inbox.join("1"), b"x").unwrap();
    renkei(root, &["run", "--wait", "5"]);
    let mut hub = open(root);
    assert_eq!(exchange(&mut hub, "1").state, State::Rejected);
    for target in ["1:1", "#1:1"] {
        let told = renkei(root, &["trace", target]);
        assert!(String::from_utf8_lossy(&told.stdout).contains(name), "{target}: {told:?}");
    }
}
