//! The ledger keeps its promises on both databases.

use renkei::finding::{DataPlace, Finding, Severity};
use renkei::store::ledger::{self, Direction, Facts, State, Wanted};
use renkei::store::ledger_out::{self, Change, OutRecord, RecordBatch};
use renkei::store::run::{self, NewRun, RunKind, RunState, RunTotals};
use renkei::store::{Conn, Decision, Store, StoreError, detail, lease, request};
use renkei::value::Value;

use crate::store::{DANTAI, on_both};

const NOW: &str = "2026-04-01T00:00:00Z";
const LATER: &str = "2026-04-01T01:00:00Z";

#[test]
fn an_exchange_goes_through_its_states_and_is_found_by_its_bytes() {
    on_both("exchange", |store| {
        let mut conn = store.connect().unwrap();
        let begin = |conn: &mut Conn, name| {
            ledger::begin(conn, DANTAI, Direction::In, "juki-ido", name, State::Claiming, NOW).unwrap()
        };
        let (a, b) = (begin(&mut conn, "a.csv"), begin(&mut conn, "b.csv"));
        assert_eq!((a, b), (1, 2));
        let facts = Facts { sha256: Some("ab"), bytes: Some(7), work_name: Some("1"), ..Facts::default() };
        ledger::learn(&mut conn, a, &facts).unwrap();
        assert!(ledger::advance(&mut conn, a, State::Claiming, State::Claimed, None, LATER).unwrap());
        assert!(!ledger::advance(&mut conn, a, State::Claiming, State::Claimed, None, LATER).unwrap());
        let find = |conn: &mut Conn| ledger::find_accepted(conn, DANTAI, "juki-ido", "ab", None).unwrap().map(|e| e.id);
        assert_eq!(find(&mut conn), None);
        ledger::learn(&mut conn, a, &Facts { accepted: Some(true), ..Facts::default() }).unwrap();
        assert_eq!(find(&mut conn), Some(a));
        let got = ledger::get(&mut conn, a).unwrap();
        assert_eq!((got.state, got.bytes, got.work_name.as_deref()), (State::Claimed, Some(7), Some("1")));
        assert_eq!((got.received_at.as_str(), got.updated_at.as_str()), (NOW, LATER));
        let wanted = Wanted { states: &[State::Claiming], limit: 9, ..Wanted::default() };
        assert_eq!(ledger::list(&mut conn, &wanted).unwrap().iter().map(|e| e.id).collect::<Vec<_>>(), [b]);
        assert!(matches!(ledger::get(&mut conn, 99), Err(StoreError::Missing { .. })));
    });
}

#[test]
fn a_lease_is_held_by_one_worker_until_it_ends() {
    on_both("lease", |store| {
        let mut conn = store.connect().unwrap();
        let mut other = store.connect().unwrap();
        for name in ["a", "b"] {
            ledger::begin(&mut conn, DANTAI, Direction::In, "juki-ido", name, State::Claimed, NOW).unwrap();
        }
        let claim = |conn: &mut Conn, who, now| {
            let found =
                lease::claim_next(conn, DANTAI, Direction::In, &[State::Claimed], who, now, "2026-04-01T00:30:00Z");
            found.unwrap().map(|e| e.id)
        };
        assert_eq!(claim(&mut conn, "w1", NOW), Some(1));
        assert_eq!(claim(&mut other, "w2", NOW), Some(2));
        assert_eq!(claim(&mut conn, "w1", NOW), None);
        assert_eq!(claim(&mut conn, "w3", LATER), Some(1));
        ledger::postpone(&mut conn, 1, "ディスク不足", "2026-04-01T02:00:00Z", LATER).unwrap();
        assert_eq!(claim(&mut conn, "w1", LATER), Some(2));
        let none =
            lease::claim_next(&mut conn, "999996", Direction::In, &[State::Claimed], "w4", LATER, LATER).unwrap();
        assert_eq!(none, None, "another municipality's");
        assert_eq!(lease::release_all(&mut conn, "999996", "w1").unwrap(), 0);
        assert_eq!(lease::release_all(&mut conn, DANTAI, "w1").unwrap(), 1);
        assert_eq!(ledger::get(&mut conn, 1).unwrap().attempts, 1);
    });
}

#[test]
fn runs_findings_held_records_and_totals_come_back_as_they_went() {
    on_both("run", |store| {
        let mut conn = store.connect().unwrap();
        let new = NewRun {
            exchange: Some(1),
            interface: "juki-ido",
            dantai: DANTAI,
            kind: RunKind::In,
            base_date: "2026-04-01",
            revision: "r1",
        };
        let id = run::begin(&mut conn, &new, NOW).unwrap();
        assert_eq!(run::unfinished(&mut conn, DANTAI).unwrap().len(), 1);
        let place = DataPlace { record: 3, line: 4, byte: 500, len: 10, field: "氏名".into() };
        let finding = Finding::data("field-too-long", Severity::Error, place, "長すぎます").with_value("abc", true);
        detail::add_findings(&mut conn, id, 1, std::slice::from_ref(&finding)).unwrap();
        detail::count_findings(&mut conn, id, "field-too-long", Severity::Error, 1).unwrap();
        detail::count_findings(&mut conn, id, "field-too-long", Severity::Error, 5).unwrap();
        let held = detail::Held { record: 3, byte: 500, len: 10, line: 4, code: "field-too-long".into() };
        detail::add_held(&mut conn, id, std::slice::from_ref(&held)).unwrap();
        let total =
            detail::TotalSeen { title: "件数".into(), declared: Some(3), counted: 4, agrees: false, record: 9 };
        detail::add_totals(&mut conn, id, std::slice::from_ref(&total)).unwrap();
        assert_eq!(detail::findings(&mut conn, id, 0, 10).unwrap(), [finding]);
        let counts = detail::finding_counts(&mut conn, id).unwrap();
        assert_eq!(counts, [("field-too-long".to_owned(), Severity::Error, 6)]);
        assert_eq!(detail::held(&mut conn, id, 0, 10).unwrap(), [held]);
        assert_eq!(detail::totals(&mut conn, id, 10).unwrap(), [total]);
        let totals =
            RunTotals { declared: Some(4), read: 4, loaded_new: 3, held: 1, amount_read: -5, ..RunTotals::default() };
        run::finish(&mut conn, id, RunState::Done, &totals, None, LATER).unwrap();
        let got = run::get(&mut conn, id).unwrap();
        assert_eq!((got.state, &got.totals), (RunState::Done, &totals));
        assert_eq!(run::last_done(&mut conn, DANTAI, "juki-ido").unwrap(), Some(got.clone()));
        assert_eq!(run::of_exchange(&mut conn, 1).unwrap(), std::slice::from_ref(&got));
        assert_eq!(run::between(&mut conn, DANTAI, NOW, LATER, 10).unwrap(), [got]);
        assert_eq!(run::between(&mut conn, "999996", NOW, LATER, 10).unwrap(), []);
        detail::forget(&mut conn, id).unwrap();
        assert_eq!(detail::held(&mut conn, id, 0, 10).unwrap(), []);
    });
}

#[test]
fn the_partner_has_what_was_delivered_last() {
    on_both("sent", |store| {
        let mut conn = store.connect().unwrap();
        let mut deliver = |exchange: i64, full: bool, records: &[(&str, i64, Change)]| {
            let mut batch = RecordBatch::default();
            for (i, (key, hash, change)) in records.iter().enumerate() {
                batch.push(&OutRecord {
                    n: i as u64 + 1,
                    kind: "データ",
                    byte: 0,
                    len: 10,
                    key: Some(key),
                    hash: *hash,
                    change: *change,
                    lineage: "jumin:12,hihokensha:5",
                });
            }
            batch.write(&mut conn, exchange).unwrap();
            ledger_out::mark_sent(&mut conn, exchange, "koiki-juki", DANTAI, full, None).unwrap();
            let mut has = Vec::new();
            let keep = |key: &str, hash| {
                has.push(format!("{key}={hash}"));
                Ok(())
            };
            ledger_out::each_sent(&mut conn, "koiki-juki", DANTAI, keep).unwrap();
            has.join(" ")
        };
        assert_eq!(deliver(1, false, &[("b", 1, Change::New), ("a", 2, Change::New)]), "a=2 b=1");
        assert_eq!(deliver(2, false, &[("a", 0, Change::Closed), ("b", 3, Change::Changed)]), "b=3");
        assert_eq!(deliver(3, true, &[("c", 4, Change::Full)]), "c=4");
        assert_eq!(ledger_out::count_sent(&mut conn, "koiki-juki", DANTAI).unwrap(), 1);
        let record = ledger_out::record(&mut conn, 2, 1).unwrap().unwrap();
        assert_eq!((record.key.as_deref(), record.change), (Some("a"), Some(Change::Closed)));
        assert_eq!(ledger_out::records_naming(&mut conn, "jumin", 12, 10).unwrap().len(), 5);
        assert_eq!(ledger_out::records_naming(&mut conn, "jumin", 1, 10).unwrap().len(), 0);
    });
}

#[test]
fn requests_wait_until_they_are_done_once() {
    on_both("request", |store| {
        let mut conn = store.connect().unwrap();
        let id = request::ask(&mut conn, "confirm", Some(3), Some("hash"), "山田", "", NOW).unwrap();
        assert_eq!(request::waiting(&mut conn, 10).unwrap()[0].argument.as_deref(), Some("hash"));
        assert!(request::done(&mut conn, id, "確認しました", LATER).unwrap());
        assert!(!request::done(&mut conn, id, "確認しました", LATER).unwrap());
        assert_eq!(request::waiting(&mut conn, 10).unwrap(), []);
        assert_eq!(request::of_exchange(&mut conn, 3).unwrap().len(), 1);
        request::log(&mut conn, "山田", "confirm", Some(3), "確認", LATER).unwrap();
        assert_eq!(request::events(&mut conn, Some(3), 10).unwrap().len(), 1);
        assert_eq!(request::events(&mut conn, None, 10).unwrap().len(), 1);
    });
}

#[test]
fn a_transaction_is_kept_whole_or_not_at_all() {
    on_both("transaction", |store| {
        let mut conn = store.connect().unwrap();
        let ask = |conn: &mut Conn| request::ask(conn, "deliver", None, None, "x", "", NOW);
        let failed: Result<(), StoreError> = conn.transaction(|conn| {
            ask(conn)?;
            Err(StoreError::Stopped)
        });
        assert!(matches!(failed, Err(StoreError::Stopped)));
        let decided = conn.durable_decide(|conn| ask(conn).map(Decision::Rollback)).unwrap();
        assert_eq!(decided, 1);
        assert_eq!(request::waiting(&mut conn, 10).unwrap(), []);
        assert_eq!(conn.durable(ask).unwrap(), 1);
        assert!(conn.execute("INSERT INTO nowhere VALUES (?1)", &[Value::Int(1)]).is_err());
        assert_eq!(request::waiting(&mut conn, 10).unwrap().len(), 1);
    });
}

#[test]
fn opening_twice_migrates_once_and_a_bad_url_is_refused_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        Store::open("sqlite:data/renkei.db", folder.path()).unwrap();
    }
    for url in ["mysql://u:himitsu@h/d", "sqlite:", "postgres://u:himitsu@h:x/d"] {
        let error = Store::open(url, folder.path()).unwrap_err();
        assert!(matches!(error, StoreError::Url { .. }));
        assert!(!error.to_string().contains("himitsu"));
    }
}
