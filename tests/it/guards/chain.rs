//! The audit's chain: every change shows, and the end of it too where it was noted.

use std::fs;

use renkei::pipeline::{Hub, anchor, day, hold};
use renkei::store::{Store, audit};

use super::{Place, on_both, send, work};
use crate::town::OPERATOR;

/// A hub whose audit has some rows.
fn audited(place: &Place) -> Hub {
    let mut hub = place.hub();
    place.put("shield", "S.csv", "2,1\r\n");
    place.put("person", "P.csv", "1,甲,公開町１\r\n");
    work(&mut hub);
    send(&mut hub, "send-address");
    for n in 1..=3 {
        hold::looked(&mut hub, OPERATOR, "試験", None, &format!("見た {n} 回目")).unwrap();
    }
    hub
}

#[test]
fn a_row_of_the_audit_that_was_changed_removed_or_inserted_is_found() {
    on_both("guards_audit", |place| {
        let mut hub = audited(place);
        let proof = audit::verify(&mut hub.conn).unwrap();
        assert_eq!((proof.rows, proof.broken), (5, None));
        assert_eq!(proof.head.len(), 64);
        let broken = |hub: &mut Hub, sql: &str| {
            let mut found = None;
            let undone = hub.conn.decide(|conn| {
                conn.execute(sql, &[])?;
                found = audit::verify(conn)?.broken.map(|(row, _)| row);
                Ok(renkei::store::Decision::Rollback(()))
            });
            undone.unwrap();
            found
        };
        assert_eq!(broken(&mut hub, "UPDATE audit SET who = 'x' WHERE id = 2"), Some(2));
        assert_eq!(broken(&mut hub, "UPDATE audit SET exchange = NULL WHERE id = 1"), Some(1));
        assert_eq!(broken(&mut hub, "DELETE FROM audit WHERE id = 3"), Some(3));
        assert_eq!(broken(&mut hub, "DELETE FROM audit WHERE id = 5"), Some(5));
        let insert =
            "INSERT INTO audit SELECT 6, at, who, what, exchange, subject, detail, prev, hash FROM audit WHERE id = 5";
        assert_eq!(broken(&mut hub, insert), Some(6));
        assert_eq!(audit::verify(&mut hub.conn).unwrap().broken, None, "all of it was undone");
    });
}

#[test]
fn one_flipped_bit_in_the_database_file_is_found() {
    let place = Place::new(None);
    let mut hub = audited(&place);
    hub.conn.checkpoint().unwrap();
    drop(hub);
    let path = place.root().join("data/renkei.db");
    let mut bytes = fs::read(&path).unwrap();
    let wanted = "見た 2 回目".as_bytes();
    let at = bytes.windows(wanted.len()).position(|part| part == wanted).expect("the row is in the file");
    bytes[at + "見た ".len()] ^= 1;
    fs::write(&path, bytes).unwrap();
    let mut hub = place.hub();
    let proof = audit::verify(&mut hub.conn).unwrap();
    assert_eq!(proof.broken.map(|(row, _)| row), Some(4));
    assert_eq!(proof.rows, 3);
}

/// Rows 3 and 4 change places, one by one: a number is unique at every moment.
fn exchange_rows(hub: &mut Hub) {
    for (from, to) in [(3, 99), (4, 3), (99, 4)] {
        hub.conn.execute(&format!("UPDATE audit SET id = {to} WHERE id = {from}"), &[]).unwrap();
    }
}

#[test]
fn rows_that_were_exchanged_or_an_end_cut_off_with_its_counter_are_found() {
    on_both("guards_anchor", |place| {
        let mut hub = audited(place);
        exchange_rows(&mut hub);
        assert_eq!(audit::verify(&mut hub.conn).unwrap().broken.map(|(row, _)| row), Some(3));
        exchange_rows(&mut hub);
        assert_eq!(audit::verify(&mut hub.conn).unwrap().broken, None);

        day::write_day(&mut hub).unwrap();
        let anchors = anchor::of_reports(&hub).unwrap();
        assert_eq!((anchors.len(), anchors[0].rows), (1, 5));
        assert_eq!(anchor::first_lost(&mut hub, &anchors).unwrap(), None);
        hub.conn.execute("DELETE FROM audit WHERE id = 5", &[]).unwrap();
        hub.conn.execute("UPDATE sequence SET next = 5 WHERE name = 'audit'", &[]).unwrap();
        assert_eq!(audit::verify(&mut hub.conn).unwrap().broken, None, "the chain alone does not know its end");
        assert!(anchor::first_lost(&mut hub, &anchors).unwrap().is_some(), "the day's report does");
        let noted = anchor::parse(&format!("5:{}", anchors[0].head)).unwrap();
        assert!(anchor::first_lost(&mut hub, &[noted]).unwrap().is_some());
        assert!(anchor::parse("5:abc").is_err());
    });
}

#[test]
fn the_log_of_an_older_program_becomes_the_beginning_of_the_chain() {
    let folder = tempfile::tempdir().unwrap();
    let url = "sqlite:old.db";
    let mut conn = Store::open(url, folder.path()).unwrap().connect().unwrap();
    conn.script(
        "DROP TABLE audit; DROP TABLE out_held; DROP TABLE out_release; DROP TABLE vault; DROP TABLE vault_key;
         CREATE TABLE event (id INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
         exchange INTEGER, detail TEXT NOT NULL);
         INSERT INTO event VALUES (1, '2026-11-20T00:00:00Z', '山田', 'confirm', 7, ''),
         (2, '2026-11-20T00:01:00Z', '山田', 'deliver', 7, '');
         DELETE FROM migration WHERE n >= 6",
    )
    .unwrap();
    drop(conn);
    let mut conn = Store::open(url, folder.path()).unwrap().connect().unwrap();
    let proof = audit::verify(&mut conn).unwrap();
    assert_eq!((proof.rows, proof.broken), (2, None));
    let rows = audit::list(&mut conn, Some(7), 10).unwrap();
    assert_eq!((rows[1].who.as_str(), rows[0].what.as_str()), ("山田", "deliver"));
    assert!(conn.query("SELECT id FROM event", &[], |_| Ok(())).is_err(), "the old log is no more");
}
