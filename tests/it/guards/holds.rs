//! What is held, what lets it go, and for how long.

use super::*;

#[test]
fn a_protected_row_is_held_until_it_is_released_and_again_when_it_changes() {
    on_both("guards_hold", |place| {
        let mut hub = place.hub();
        place.put("shield", "S1.csv", "2,1\r\n3,0\r\n");
        place.put("person", "P1.csv", &format!("1,甲,公開町１\r\n2,乙,{ADDRESS}\r\n3,丙,公開町３\r\n"));
        work(&mut hub);
        let draft = newest(&mut hub, "send-address");
        let report = facts::exchange_report(&mut hub, &draft).unwrap();
        assert_eq!(report.held.len(), 1);
        assert!(report.held[0].reason.contains("保護の対象（2）"), "{}", report.held[0].reason);
        assert!(
            report.findings.iter().any(|f| f.code == "jusho" && f.action.contains("renkei release send-address 2"))
        );
        assert_eq!(send(&mut hub, "send-address"), "1,甲,〒公開町１\r\n3,丙,〒公開町３\r\n");
        work(&mut hub);
        assert_eq!(newest(&mut hub, "send-address").id, draft.id, "nothing is due while it is held");

        let refused = hold::release(&mut hub, "send-address", Some("2"), OPERATOR, " ").unwrap_err();
        assert!(refused.to_string().contains("--reason"), "{refused}");
        assert!(hold::release(&mut hub, "send-address", Some("1"), OPERATOR, "本人").is_err());
        hold::release(&mut hub, &draft.id.to_string(), Some("2"), OPERATOR, "本人の申出").unwrap();
        assert!(hold::release(&mut hub, "send-address", Some("2"), OPERATOR, "再").is_err(), "once");
        work(&mut hub);
        assert_eq!(send(&mut hub, "send-address"), format!("2,乙,〒{ADDRESS}\r\n"));

        place.put("person", "P2.csv", "2,乙,秘密町８\r\n");
        work(&mut hub);
        let again = newest(&mut hub, "send-address");
        assert_eq!(again.state, State::Returned, "nothing but a held record: no file");
        assert!(again.note.unwrap().contains("保留"));
        let held = hold::held(&mut hub, None, 10).unwrap();
        assert_eq!(held.iter().map(|(_, row)| row.key.as_str()).collect::<Vec<_>>(), ["2"]);
        let told = audit::list(&mut hub.conn, None, 100).unwrap();
        assert!(told.iter().any(|a| a.what == "release" && a.detail == "本人の申出" && a.subject == "send-address 2"));
        assert!(told.iter().all(|a| !format!("{a:?}").contains("秘密町")));
    });
}

#[test]
fn what_was_let_go_is_held_again_under_a_protection_that_begins_anew() {
    on_both("guards_anew", |place| {
        // 有効 tells one protection from the next.
        let view = place.root().join("schemas/views/shielded.toml");
        let text = fs::read_to_string(&view).unwrap();
        let text = text.replace("\"番号\" = \"text\" }", "\"番号\" = \"text\", \"有効\" = \"text\" }");
        let text = text.replace("s.番号, s._v", "s.番号, s.有効, s._v").replace("有効 = '1'", "有効 <> '0'");
        fs::write(&view, text).unwrap();
        let mut hub = place.hub();
        let arrive = |hub: &mut Hub, interface: &str, name: &str, text: &str| {
            place.put(interface, name, text);
            work(hub);
        };
        place.put("shield", "S1.csv", "2,1\r\n");
        arrive(&mut hub, "person", "P1.csv", &format!("2,乙,{ADDRESS}\r\n"));
        hold::release(&mut hub, "send-address", Some("2"), OPERATOR, "本人の申出").unwrap();
        work(&mut hub);
        assert_eq!(send(&mut hub, "send-address"), format!("2,乙,〒{ADDRESS}\r\n"));
        // The protection ends, and another address is sent: the row that was let go is now one the partner does not have.
        place.put("shield", "S2.csv", "2,0\r\n");
        arrive(&mut hub, "person", "P2.csv", "2,乙,公開町２\r\n");
        assert_eq!(send(&mut hub, "send-address"), "2,乙,〒公開町２\r\n");
        place.put("shield", "S3.csv", "2,2\r\n");
        arrive(&mut hub, "person", "P3.csv", &format!("1,甲,公開町１\r\n2,乙,{ADDRESS}\r\n"));
        assert_eq!(hold::held(&mut hub, None, 10).unwrap().len(), 1, "another protection, another decision");
        assert_eq!(send(&mut hub, "send-address"), "1,甲,〒公開町１\r\n");
        hold::release(&mut hub, "send-address", Some("2"), OPERATOR, "あらためて申出").unwrap();
        work(&mut hub);
        assert_eq!(send(&mut hub, "send-address"), format!("2,乙,〒{ADDRESS}\r\n"));
    });
}

#[test]
fn a_confirmed_file_does_not_leave_with_somebody_who_came_under_protection_meanwhile() {
    on_both("guards_late", |place| {
        let mut hub = place.hub();
        place.put("person", "P.csv", &format!("1,甲,公開町１\r\n2,乙,{ADDRESS}\r\n"));
        work(&mut hub);
        let draft = newest(&mut hub, "send-address");
        deliver::confirm(&mut hub, draft.id, OPERATOR, draft.sha256.as_deref()).unwrap();
        place.put("shield", "S.csv", "2,1\r\n");
        work(&mut hub);
        let outbox = hub.area.outbox.join("send-address");
        assert_eq!(files_below(&outbox), Vec::<PathBuf>::new(), "nothing left");
        let late = ledger::get(&mut hub.conn, draft.id).unwrap();
        assert_eq!(late.state, State::Superseded, "{late:?}");
        assert!(late.note.unwrap().contains("保護の対象になった人"));
        assert_eq!(send(&mut hub, "send-address"), "1,甲,〒公開町１\r\n");
        let told = audit::list(&mut hub.conn, Some(draft.id), 10).unwrap();
        assert!(told.iter().any(|a| a.what == "withdraw"), "{told:?}");

        // Who was let go goes, whatever else changed.
        hold::release(&mut hub, "send-address", Some("2"), OPERATOR, "本人の申出").unwrap();
        work(&mut hub);
        let draft = newest(&mut hub, "send-address");
        deliver::confirm(&mut hub, draft.id, OPERATOR, draft.sha256.as_deref()).unwrap();
        place.put("shield", "S2.csv", "7,1\r\n");
        work(&mut hub);
        let sent = fs::read_to_string(outbox.join(&draft.file_name)).unwrap();
        assert_eq!(sent, format!("2,乙,〒{ADDRESS}\r\n"));
    });
}

#[test]
fn a_draft_of_yesterday_cannot_be_confirmed_with_somebody_whose_protection_begins_today() {
    on_both("guards_dated", |place| {
        let view = place.root().join("schemas/views/shielded.toml");
        let text = fs::read_to_string(&view).unwrap();
        fs::write(&view, text.replace("= '1'", "<= (SELECT 基準日 FROM 実行)")).unwrap();
        let mut hub = place.hub();
        place.put("shield", "S.csv", "2,2026-11-21\r\n");
        place.put("person", "P.csv", &format!("1,甲,公開町１\r\n2,乙,{ADDRESS}\r\n"));
        work(&mut hub);
        let draft = newest(&mut hub, "send-address");
        hub.clock.advance(24 * 3600);
        let refused = deliver::confirm(&mut hub, draft.id, OPERATOR, draft.sha256.as_deref()).unwrap_err();
        assert!(refused.to_string().contains("保護の対象になった人"), "{refused}");
        work(&mut hub);
        assert_eq!(send(&mut hub, "send-address"), "1,甲,〒公開町１\r\n");
    });
}
