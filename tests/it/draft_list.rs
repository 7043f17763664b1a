//! The list by which an operator checks whom a file to send is about.

use std::fs;

use renkei::pipeline::{HubError, draft_list, facts, list};
use renkei::report::list::ListCell;
use renkei::store::ledger::{Direction, State};

use crate::town::{Town, exchanges, last_run, work};

#[test]
fn every_draft_lists_each_of_its_records_and_its_report_leads_there() {
    let town = Town::new();
    let mut hub = town.hub();
    town.sample(100);
    work(&mut hub);
    let drafts: Vec<_> = exchanges(&mut hub).into_iter().filter(|e| e.state == State::Draft).collect();
    assert!(drafts.len() > 4);
    for draft in &drafts {
        let run = last_run(&mut hub, draft).totals;
        let report = draft_list::draft_list(&mut hub, draft.id, list::MAX_ROWS).unwrap();
        let held = |row: &&Vec<ListCell>| row[1] == ListCell::Text("保留".into());
        let written = report.rows.iter().filter(|row| !held(row)).count() as i64;
        assert_eq!((written, report.cut), (run.written, false), "{}", draft.interface);
        assert_eq!(run.held > 0, report.rows.iter().any(|row| held(&row)), "{}", draft.interface);
        let folder = facts::report_folder(&hub, draft);
        let page = fs::read_to_string(folder.join(draft_list::PAGE)).unwrap();
        assert!(page.contains(&draft.file_name), "{}", draft.interface);
        assert!(fs::read_to_string(folder.join("index.html")).unwrap().contains("href=\"list.html\""));
    }
}

#[test]
fn a_list_that_is_cut_says_so_and_sums_nothing() {
    let town = Town::new();
    let mut hub = town.hub();
    town.sample(100);
    work(&mut hub);
    let draft = exchanges(&mut hub).into_iter().find(|e| e.interface == "tokucho-irai").unwrap();
    let whole = draft_list::draft_list(&mut hub, draft.id, list::MAX_ROWS).unwrap();
    assert!(whole.rows.len() > 1 && whole.sums().is_some());
    let cut = draft_list::draft_list(&mut hub, draft.id, 1).unwrap();
    assert_eq!((cut.rows.len(), cut.cut, cut.sums()), (1, true, None));
    assert!(cut.html().unwrap().contains("先頭の"));
}

#[test]
fn only_what_is_to_be_sent_has_such_a_list() {
    let town = Town::new();
    let mut hub = town.hub();
    town.sample(100);
    work(&mut hub);
    let came = exchanges(&mut hub).into_iter().find(|e| e.direction == Direction::In).unwrap();
    for number in [came.id, 999_999] {
        let refused = draft_list::draft_list(&mut hub, number, 10).unwrap_err();
        assert!(matches!(&refused, HubError::Refused(why) if why.contains(&number.to_string())), "{refused}");
    }
}
