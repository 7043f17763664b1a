//! What is protected stays so: holds and releases, the vault and its keys, the audit chain; on both databases.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use renkei::clock::Clock;
use renkei::config::KeyPlace;
use renkei::mapping::site::{self, Site};
use renkei::pipeline::{Hub, HubError, deliver, facts, hold, list, snapshot, vault, watch, worker};
use renkei::store::audit;
use renkei::store::ledger::{self, Exchange, State};
use renkei::value::Value;
use renkei::vault::ring::new_key;

use crate::pg;
use crate::town::{OPERATOR, exchanges, files_below};

mod chain;
mod rules;
mod shipped;

use rules::RULES;

const NUMBER: &str = "123456789018";
const ADDRESS: &str = "秘密町９－９－９";

struct Place {
    folder: tempfile::TempDir,
    url: Option<String>,
}

impl Place {
    fn new(url: Option<String>) -> Place {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in RULES {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Place { folder, url }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Rules with one file changed: the mistakes.
    fn mistakes(&self, file: &str, from: &str, to: &str) -> String {
        let path = self.root().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file}: {from}");
        fs::write(&path, text.replace(from, to)).unwrap();
        let told = site::load(self.root()).map(|_| ()).unwrap_err();
        fs::write(&path, text).unwrap();
        told.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    fn site(&self) -> Site {
        let mut site = site::load(self.root()).unwrap_or_else(|f| panic!("{f:#?}")).0;
        if let Some(url) = &self.url {
            site.config.store_url.clone_from(url);
        }
        site
    }

    fn hub(&self) -> Hub {
        let mut site = self.site();
        site.config.vault_key = KeyPlace::Example;
        open(site).unwrap()
    }

    fn put(&self, interface: &str, name: &str, text: &str) {
        let folder = self.root().join("inbox").join(interface);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), text).unwrap();
    }

    /// Files below `data/` and `outbox/` that hold the text, plain or as the archive unpacks them.
    fn showing(&self, hub: &Hub, text: &str) -> Vec<PathBuf> {
        let wanted = text.as_bytes();
        let mut found = Vec::new();
        for path in ["data", "outbox"].iter().flat_map(|folder| files_below(&self.root().join(folder))) {
            let mut bytes = fs::read(&path).unwrap();
            if path.extension().is_some_and(|e| e == "zst") {
                bytes = Vec::new();
                let sha256 = path.file_stem().unwrap().to_string_lossy().into_owned();
                std::io::Read::read_to_end(&mut hub.area.open_archived(&sha256).unwrap(), &mut bytes).unwrap();
            }
            if bytes.windows(wanted.len()).any(|part| part == wanted) {
                found.push(path);
            }
        }
        found
    }
}

fn open(site: Site) -> Result<Hub, HubError> {
    Hub::open(site, Clock::fixed(NaiveDate::from_ymd_opt(2026, 11, 20).unwrap(), 9, 0))
}

/// The test on SQLite, then on PostgreSQL.
fn on_both(name: &str, test: impl Fn(&Place)) {
    test(&Place::new(None));
    if let Some(url) = pg::url(name) {
        test(&Place::new(Some(url)));
    }
}

fn work(hub: &mut Hub) {
    hub.clock.advance(60);
    worker::settle(hub).unwrap();
}

fn newest(hub: &mut Hub, interface: &str) -> Exchange {
    exchanges(hub).into_iter().filter(|e| e.interface == interface).max_by_key(|e| e.id).expect("an exchange")
}

fn send(hub: &mut Hub, interface: &str) -> String {
    let draft = newest(hub, interface);
    assert_eq!(draft.state, State::Draft, "{:?}", draft.note);
    let confirmed = deliver::confirm(hub, draft.id, OPERATOR, draft.sha256.as_deref()).unwrap();
    deliver::deliver(hub, &confirmed).unwrap();
    fs::read_to_string(hub.area.outbox.join(interface).join(&draft.file_name)).unwrap()
}

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
        arrive(&mut hub, "person", "P3.csv", &format!("2,乙,{ADDRESS}\r\n"));
        assert_eq!(hold::held(&mut hub, None, 10).unwrap().len(), 1, "another protection, another decision");
        assert_eq!(newest(&mut hub, "send-address").state, State::Returned, "nothing but a held record: no file");
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

#[test]
fn the_address_of_a_held_row_is_in_no_file_but_the_one_it_came_in() {
    on_both("guards_leak", |place| {
        let mut hub = place.hub();
        place.put("shield", "S.csv", "2,1\r\n");
        let too_long = ADDRESS.repeat(6);
        place.put("person", "P.csv", &format!("1,甲,公開町１\r\n2,乙,{ADDRESS}\r\n3,丙,{too_long}\r\n"));
        work(&mut hub);
        send(&mut hub, "send-address");
        work(&mut hub);
        let bad = newest(&mut hub, "person");
        let report = facts::exchange_report(&mut hub, &bad).unwrap();
        assert_eq!(report.findings[0].value, "＊＊＊", "a bad address is no more shown than a good one");
        let came_in = newest(&mut hub, "person").sha256.unwrap();
        let allowed = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with(&came_in) || name.starts_with("renkei.db")
        };
        let leaks: Vec<_> = place.showing(&hub, ADDRESS).into_iter().filter(|p| !allowed(p)).collect();
        assert_eq!(leaks, Vec::<PathBuf>::new());
        let reports = files_below(&hub.area.reports());
        assert!(reports.iter().any(|p| p.extension().is_some_and(|e| e == "json")), "there are reports to look at");
    });
}

#[test]
fn a_guard_whose_list_never_came_is_told_of_as_soon_as_a_file_is_made_that_it_ought_to_keep() {
    on_both("guards_no_list", |place| {
        let mut hub = place.hub();
        work(&mut hub);
        assert_eq!(watch::alerts(&mut hub).unwrap(), [], "nothing was made yet");
        place.put("person", "P.csv", "1,甲,公開町１\r\n");
        work(&mut hub);
        send(&mut hub, "send-address");
        let alerts = watch::alerts(&mut hub).unwrap();
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert_eq!(alerts[0].interface, "shield");
        assert!(alerts[0].message.contains("保護が働いていない"), "{alerts:?}");
        place.put("shield", "S.csv", "2,1\r\n");
        work(&mut hub);
        assert_eq!(watch::alerts(&mut hub).unwrap(), []);
    });
}

#[test]
fn forgetting_a_guard_a_purpose_or_a_mask_is_a_mistake_at_load() {
    let place = Place::new(None);
    place.site();
    let hold = "[[hold]]\nguard = \"jusho\"\nkey = \"番号\"\n";
    let told = place.mistakes("mappings/out/send-address.toml", hold, "");
    assert!(told.contains("保護する列（送付先）") && told.contains("guard = \"jusho\""), "{told}");
    let own = "[[hold]]\ncode = \"x\"\nwhen = \"番号 = '2'\"\nfields = [\"送付先\"]\nmessage = \"{送付先}\"\n";
    let told = place.mistakes("mappings/out/send-address.toml", hold, own);
    assert!(told.contains("文中の項目「送付先」"), "{told}");
    let told = place.mistakes("mappings/out/send-number.toml", "purpose = \"試験の事務\"\n", "");
    assert!(told.contains("purpose"), "{told}");
    for layout in ["number", "out-number"] {
        let told = place.mistakes(&format!("schemas/layouts/{layout}.toml"), ", secret = true", "");
        assert!(told.contains("secret ではありません"), "{layout}: {told}");
    }
    let mask = "[[mask]]\nguard = \"jusho\"\nkey = \"番号\"\n";
    let told = place.mistakes("schemas/lists/addresses.toml", mask, "");
    assert!(told.contains("保護する列（送付先）") && told.contains("[[mask]]"), "{told}");
    let told = place.mistakes("schemas/lists/addresses.toml", "order", "where = \"送付先 = '公開町１'\"\norder");
    assert!(told.contains("条件に使うことはできません"), "{told}");
    let told = place.mistakes("mappings/out/send-address.toml", "key = [\"番号\"]", "key = [\"番号\", \"送付先\"]");
    assert!(told.contains("「送付先」は key に使えません"), "{told}");
    let told = place.mistakes("mappings/out/send-address.toml", "\"person\", \"shield\"", "\"person\"");
    assert!(told.contains("元になる「shield」が after にありません"), "{told}");
    let told = place.mistakes("schemas/entities/person.toml", "guard = \"jusho\"", "guard = \"jusyo\"");
    assert!(told.contains("jusyo") && told.contains("jusho"), "{told}");
}

#[test]
fn a_list_shows_no_protected_address_unless_it_is_noted_who_asks_and_why() {
    on_both("guards_list", |place| {
        let mut hub = place.hub();
        place.put("shield", "S.csv", "2,1\r\n");
        place.put("person", "P.csv", &format!("1,甲,公開町１\r\n2,乙,{ADDRESS}\r\n"));
        work(&mut hub);
        let list = hub.site.lists["addresses"].clone();
        let none = std::collections::BTreeMap::new();
        let masked = list::list(&mut hub, &list, &none).unwrap();
        assert_eq!(masked.masked, 1);
        let shown = [masked.csv(), masked.json().unwrap(), masked.html().unwrap().into_bytes()];
        assert!(shown.iter().all(|bytes| !String::from_utf8_lossy(bytes).contains(ADDRESS)));
        assert!(String::from_utf8_lossy(&shown[0]).contains("公開町１"), "others are shown");
        assert!(list::log_open(&mut hub, &list, OPERATOR, " ").is_err());
        list::log_open(&mut hub, &list, OPERATOR, "送付先の確認").unwrap();
        let open = list::list_for(&mut hub, &list, &none, true).unwrap();
        assert!(String::from_utf8_lossy(&open.csv()).contains(ADDRESS));
        let told = audit::list(&mut hub.conn, None, 10).unwrap();
        assert!(told.iter().any(|a| a.what == "look" && a.who == OPERATOR && a.detail == "送付先の確認"));
    });
}

#[test]
fn a_value_of_the_vault_is_nowhere_in_plain_but_in_the_file_that_may_have_it() {
    on_both("guards_vault", |place| {
        let mut hub = place.hub();
        place.put("number", "N.csv", &format!("1,{NUMBER}\r\n2,{NUMBER}\r\n3,\r\n"));
        work(&mut hub);
        let entity = hub.site.entities["secret_number"].clone();
        let rows = snapshot::rows_json(&mut hub, &entity).unwrap();
        assert_eq!(rows[0]["秘密番号"], "＊＊＊");
        let sql = "SELECT \"秘密番号\" FROM v_secret_number ORDER BY _vid";
        let tokens = hub.conn.query(sql, &[], |r| r.opt_string(0)).unwrap();
        assert!(tokens[0].as_deref().unwrap().starts_with("vault:") && tokens[0] == tokens[1] && tokens[2].is_none());
        assert_eq!(place.showing(&hub, NUMBER), Vec::<PathBuf>::new(), "before it is sent it is nowhere");
        let sealed = "SELECT count(*) FROM vault WHERE sealed LIKE ?1";
        let plain = hub.conn.query_one(sealed, &[Value::Text(&format!("%{NUMBER}%"))], |r| r.int(0)).unwrap();
        assert_eq!(plain, 0);

        assert_eq!(send(&mut hub, "send-number"), format!("1,{NUMBER}\r\n2,{NUMBER}\r\n3,\r\n"));
        let showing = place.showing(&hub, NUMBER);
        assert!(
            showing.iter().all(|p| p.starts_with(place.root().join("outbox"))) && showing.len() == 1,
            "{showing:?}"
        );
        let told = audit::list(&mut hub.conn, None, 100).unwrap();
        let opened = told.iter().find(|a| a.what == "vault-open").expect("an audit event");
        assert!(opened.detail.contains("2 件") && opened.detail.contains("試験の事務"), "{}", opened.detail);
        work(&mut hub);
        assert_eq!(exchanges(&mut hub).iter().filter(|e| e.interface == "send-number").count(), 1, "nothing new");
    });
}

#[test]
fn without_its_key_the_vault_takes_nothing_and_says_why() {
    let place = Place::new(None);
    let mut hub = open(place.site()).unwrap();
    place.put("number", "N.csv", &format!("1,{NUMBER}\r\n"));
    hub.clock.advance(60);
    let round = worker::run_until_idle(&mut hub, std::time::Duration::ZERO).unwrap();
    assert_eq!(round.failed, 1);
    let waiting = newest(&mut hub, "number");
    assert_eq!(waiting.state, State::Claimed);
    assert!(waiting.note.unwrap().contains("RENKEI_VAULT_KEY"));
    let key = place.root().join("vault.key");
    fs::write(&key, new_key().unwrap().as_bytes()).unwrap();
    assert!(open(place.site()).err().unwrap().to_string().contains("chmod 600"));
}

#[test]
fn after_a_rotation_the_old_key_may_go_and_tokens_stay() {
    on_both("guards_rotate", |place| {
        use std::os::unix::fs::PermissionsExt;
        let file = place.root().join("vault.key");
        let keys = |lines: &[&str]| {
            fs::write(&file, lines.join("\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        };
        let (old, new) = (new_key().unwrap(), new_key().unwrap());
        keys(&[&old]);
        let mut hub = open(place.site()).unwrap();
        place.put("number", "N.csv", &format!("1,{NUMBER}\r\n"));
        work(&mut hub);
        let token = hub.vault.as_ref().unwrap().token(NUMBER);
        drop(hub);
        keys(&[&new]);
        assert!(open(place.site()).err().unwrap().to_string().contains("以前の鍵"), "the new key alone opens nothing");
        keys(&[&new, &old]);
        let mut hub = open(place.site()).unwrap();
        // One number; the inbound file and the draft have the same bytes, which are kept once.
        assert_eq!(vault::rotate(&mut hub, OPERATOR).unwrap(), (1, 1));
        assert_eq!(vault::rotate(&mut hub, OPERATOR).unwrap(), (0, 0));
        drop(hub);
        keys(&[&new]);
        let mut hub = open(place.site()).unwrap();
        assert_eq!(hub.vault.as_ref().unwrap().token(NUMBER), token);
        assert_eq!(send(&mut hub, "send-number"), format!("1,{NUMBER}\r\n"));
        let held = vault::holdings(&mut hub).unwrap();
        assert_eq!((held.values.len(), held.files.len(), held.keys.len()), (1, 1, 1));
    });
}
