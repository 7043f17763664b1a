//! The synthetic municipality says what a hub should find in it; the ledger, and so the reports, say exactly that.
//! (`sample_reconciles` asks the tables themselves.)

use renkei::sample::{Fate, Matching};
use renkei::store::detail::{self, TotalSeen};
use renkei::store::ledger::State;
use renkei::store::run::{self, Run, RunKind};

use crate::town::{Town, exchange, last_run, work};

fn derived(hub: &mut renkei::pipeline::Hub, interface: &str) -> (Run, Vec<TotalSeen>) {
    let dantai = hub.dantai().to_owned();
    let run = run::last_done(&mut hub.conn, &dantai, interface).unwrap().expect("a derivation");
    assert_eq!(run.kind, RunKind::Derive);
    let totals = detail::totals(&mut hub.conn, run.id, 100).unwrap();
    (run, totals)
}

/// Count and yen of one named outcome.
fn outcome(totals: &[TotalSeen], title: &str) -> (u64, i64) {
    let found = totals.iter().find(|t| t.title == format!("{}{title}", renkei::pipeline::derive::OUTCOME));
    let found = found.unwrap_or_else(|| panic!("no outcome {title} in {totals:?}"));
    (found.counted as u64, found.declared.unwrap_or(0))
}

#[test]
fn the_ledger_says_of_every_file_and_outcome_what_the_sample_promises() {
    let town = Town::new();
    let summary = town.sample(400);
    let mut hub = town.hub();
    work(&mut hub);
    for file in &summary.files {
        let e = exchange(&mut hub, &file.name);
        match file.fate {
            Fate::Accepted { loaded, held } => {
                let t = last_run(&mut hub, &e).totals;
                assert_eq!(e.state, State::Reported, "{}: {:?}", file.name, e.note);
                assert_eq!((t.read as u64, t.held as u64), (file.records, held), "{}", file.name);
                assert_eq!(
                    (t.loaded_new + t.loaded_changed + t.unchanged + t.closed) as u64,
                    loaded,
                    "{}: {t:?}",
                    file.name
                );
                assert_eq!(t.amount_read, file.amount, "{}", file.name);
            }
            Fate::Rejected => assert_eq!(e.state, State::Rejected, "{}", file.name),
            Fate::Duplicate => assert_eq!(e.state, State::Duplicate, "{}", file.name),
        }
    }
    let expected = &summary.expected;
    let (_, totals) = derived(&mut hub, "keshikomi");
    let (transfer, deduction) = (expected.transfer, expected.deduction);
    let both = |pick: fn(&Matching) -> u64| pick(&transfer) + pick(&deduction);
    assert_eq!(outcome(&totals, "消込（一致）").0, both(|m| m.exact));
    assert_eq!(outcome(&totals, "過納").0, both(|m| m.over));
    assert_eq!(outcome(&totals, "一部納付").0, both(|m| m.short));
    assert_eq!(outcome(&totals, "期割なし（口座振替）"), (transfer.unmatched, transfer.unmatched_yen));
    assert_eq!(outcome(&totals, "期割なし（特別徴収）"), (deduction.unmatched, deduction.unmatched_yen));
    assert_eq!(outcome(&totals, "口座振替不能").0, transfer.failed);
    assert_eq!(outcome(&totals, "特別徴収の停止").0, deduction.failed);
    assert_eq!(outcome(&totals, "振替結果未着").0, both(|m| m.pending));
    let collected: i64 = totals.iter().filter_map(|t| t.declared).sum();
    assert_eq!(collected, transfer.collected + deduction.collected);
    let (run, _) = derived(&mut hub, "shuno-meisai");
    let receipt = expected.receipt;
    assert_eq!(run.totals.read as u64, receipt.exact + receipt.failed);
    assert_eq!(run.totals.amount_read, receipt.collected);
    let (run, _) = derived(&mut hub, "tainosha-haaku");
    assert_eq!((run.totals.read as u64, run.totals.amount_read), (expected.overdue, expected.overdue_yen));
}
