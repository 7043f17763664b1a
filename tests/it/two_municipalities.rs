//! Two municipalities in one store: neither works on, decides or reads what is the other's.

use renkei::pipeline::step::{Step, Steps};
use renkei::pipeline::{Hub, deliver, draft_list, facts, hold, worker};
use renkei::store::ledger::{self, State, Wanted};

use crate::pg;
use crate::town::{OPERATOR, Town, exchange, sample_file, work};

/// Two site folders over one store, with the municipalities 999997 and 999996.
fn two(url: &str) -> (Town, Town) {
    let (one, mut other) = (Town::on(url.to_owned()), Town::on(url.to_owned()));
    other.site.config.municipality = "999996".to_owned();
    (one, other)
}

fn drafts(hub: &mut Hub) -> Vec<i64> {
    let wanted = Wanted { states: &[State::Draft], limit: 100, ..Wanted::default() };
    ledger::list(&mut hub.conn, &wanted).unwrap().iter().map(|draft| draft.id).collect()
}

fn apart(url: &str) {
    let (one, other) = two(url);
    let (mut own, mut foreign) = (one.hub(), other.hub());
    // Taken by the one, which then stops: the other does not go on with it.
    let (name, bytes) = sample_file("juki-ido", "20261120010000.csv");
    one.put("juki-ido", name, bytes);
    own.steps = Steps::with_hook(|step| step != Step::InClaimed);
    assert!(worker::settle(&mut own).is_err(), "stopped");
    work(&mut foreign);
    assert_eq!(exchange(&mut own, name).state, State::Claimed);
    own.steps = Steps::default();
    work(&mut own);
    assert_eq!(exchange(&mut own, name).state, State::Reported);

    let drafts = drafts(&mut own);
    assert!(!drafts.is_empty(), "there is something to decide");
    for id in drafts {
        let draft = ledger::get(&mut own.conn, id).unwrap();
        let refused = deliver::confirm(&mut foreign, id, OPERATOR, draft.sha256.as_deref()).unwrap_err();
        assert_eq!(refused.to_string(), format!("受付番号 {id} はありません"));
        assert!(deliver::send_back(&mut foreign, id, OPERATOR, "理由").is_err());
        assert!(hold::held(&mut foreign, Some(&id.to_string()), 10).is_err());
        assert!(draft_list::draft_list(&mut foreign, id, 10).is_err());
        assert_eq!(ledger::get(&mut own.conn, id).unwrap().state, State::Draft);
    }
    let derived = renkei::store::run::between(&mut own.conn, "999997", "", "9999", 1000).unwrap();
    for run in derived.iter().filter(|run| run.exchange.is_none()) {
        assert!(facts::derivation_report(&mut foreign, run.id).unwrap().is_none());
    }
    assert!(facts::all_reports(&mut foreign).unwrap().is_empty());
}

#[test]
fn two_municipalities_in_one_store_keep_apart_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    apart(&format!("sqlite:{}", folder.path().join("both.db").display()));
}

#[test]
fn two_municipalities_in_one_store_keep_apart_on_postgresql() {
    if let Some(url) = pg::url("two_municipalities") {
        apart(&url);
    }
}
