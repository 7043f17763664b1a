//! The synthetic municipality taken in by a real hub: every figure known beforehand comes out again.

use std::path::Path;
use std::time::Duration;

use renkei::clock::Clock;
use renkei::mapping::site;
use renkei::pipeline::{Hub, worker};
use renkei::sample::{Fate, Matching, SampleOptions, write_files};
use renkei::store::ledger::{self, State, Wanted};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// `(消込区分, records, yen)` of one 納付方法.
fn matched(store: &rusqlite::Connection, by: &str) -> Matching {
    let sql = "SELECT v.消込区分, count(*), sum(v.収納額) FROM v_shuno v JOIN c_shuno c ON c._vid = v._vid \
               WHERE v.納付方法 = ?1 GROUP BY v.消込区分";
    let mut found = Matching::default();
    let mut statement = store.prepare(sql).unwrap();
    let rows =
        statement.query_map([by], |r| Ok((r.get::<_, String>(0)?, r.get::<_, i64>(1)? as u64, r.get::<_, i64>(2)?)));
    for (class, records, yen) in rows.unwrap().map(Result::unwrap) {
        found.collected += yen;
        match class.as_str() {
            "exact" => found.exact = records,
            "over" => found.over = records,
            "short" => found.short = records,
            "failed" => found.failed = records,
            "pending" => found.pending = records,
            "unmatched" => (found.unmatched, found.unmatched_yen) = (records, yen),
            other => panic!("{other}"),
        }
    }
    found
}

#[test]
fn every_record_and_yen_of_the_sample_is_accounted_for() {
    reconcile(&SampleOptions { residents: 3_000, ..SampleOptions::default() });
}

#[test]
fn a_small_town_before_the_first_due_day_is_accounted_for() {
    let base_date = chrono::NaiveDate::from_ymd_opt(2026, 7, 10).unwrap();
    reconcile(&SampleOptions { seed: 9, residents: 400, base_date, include_bad: true });
}

fn reconcile(options: &SampleOptions) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(source.join("renkei.toml"), folder.path().join("renkei.toml")).unwrap();
    for part in ["schemas", "mappings/in", "mappings/derive"] {
        copy(&source.join(part), &folder.path().join(part));
    }
    let (mut site, _) = site::load(folder.path()).unwrap();
    site.config.vault_key = renkei::config::KeyPlace::Example;
    let made = write_files(&site, options, &folder.path().join("inbox"), &mut |_, _, _| {}).unwrap();
    let mut hub = Hub::open(site, Clock::fixed(options.base_date, 9, 0)).unwrap();
    worker::run_until_idle(&mut hub, Duration::from_secs(60)).unwrap();

    let seen = ledger::list(&mut hub.conn, &Wanted { limit: 1000, ..Wanted::default() }).unwrap();
    for file in &made.files {
        let exchange = seen.iter().find(|e| e.interface == file.interface && e.file_name == file.name).unwrap();
        let right = match file.fate {
            Fate::Accepted { .. } => exchange.state == State::Reported,
            Fate::Rejected => exchange.state == State::Rejected,
            Fate::Duplicate => exchange.state == State::Duplicate,
        };
        assert!(right, "{} is {:?}", file.name, exchange.state);
    }

    let store = rusqlite::Connection::open(folder.path().join("data/renkei.db")).unwrap();
    let count = |sql: &str| store.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    let rows = |entity: &str| count(&format!("SELECT count(*) FROM c_{entity}")) as u64;
    let e = &made.expected;
    assert_eq!(rows("jumin"), e.residents);
    assert_eq!(rows("shotoku_kazei"), e.taxed);
    assert_eq!(rows("hihokensha"), e.insured);
    assert_eq!(rows("kiwari"), e.periods);
    assert_eq!(count("SELECT sum(期別保険料額) FROM v_kiwari v JOIN c_kiwari c ON c._vid = v._vid"), e.periods_yen);
    assert_eq!(rows("tokucho_taisho"), e.pensioners);
    assert_eq!(rows("tokucho_kekka"), e.deductions);
    assert_eq!(rows("koza_kekka"), e.transfers);
    assert_eq!(rows("taino"), e.debts);
    assert_eq!(matched(&store, "3"), e.transfer);
    assert_eq!(matched(&store, "1"), e.deduction);
    assert_eq!(rows("tainosha"), e.overdue);
    assert_eq!(count("SELECT sum(未納額) FROM v_tainosha v JOIN c_tainosha c ON c._vid = v._vid"), e.overdue_yen);
    let held: u64 = made.files.iter().map(|f| if let Fate::Accepted { held, .. } = f.fate { held } else { 0 }).sum();
    assert_eq!(count("SELECT count(*) FROM held") as u64, held);
}
