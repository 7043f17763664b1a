//! Random histories of levies, payments, write-offs, refunds and corrections: no yen is lost and none is counted twice.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use renkei::pipeline::source::Source;
use renkei::pipeline::{Hub, worker};

use crate::pg;
use crate::town::Town;

/// One instalment of one person: what was levied, then corrected to, paid (bank results), written off and refunded.
#[derive(Debug, Clone)]
struct Instalment {
    levied: i64,
    corrected: Option<i64>,
    paid: Vec<i64>,
    written_off: i64,
    refunded: i64,
    refund_failed: bool,
}

fn instalment() -> impl Strategy<Value = Instalment> {
    let amount = 0i64..20;
    (
        amount.clone(),
        proptest::option::weighted(0.3, amount.clone()),
        proptest::collection::vec(1i64..25, 0..3),
        prop_oneof![3 => Just(0), 1 => 1i64..10],
        prop_oneof![2 => Just(0), 1 => 1i64..15],
        any::<bool>(),
    )
        .prop_map(|(levied, corrected, paid, off, refunded, refund_failed)| Instalment {
            levied: levied * 1000,
            corrected: corrected.map(|c| c * 1000),
            paid: paid.into_iter().map(|p| p * 1000).collect(),
            written_off: off * 1000,
            refunded: refunded * 1000,
            refund_failed,
        })
}

/// Persons with one instalment a month from July on; those up to October are past their day on the base date.
const MONTHS: [(&str, &str); 6] = [
    ("01", "2026-07-31"),
    ("02", "2026-08-31"),
    ("03", "2026-09-30"),
    ("04", "2026-11-02"),
    ("05", "2026-11-30"),
    ("06", "2026-12-25"),
];

type History = Vec<Vec<Instalment>>;

fn insured(person: usize) -> String {
    format!("{}", 10_000_000 + person * 10)
}

fn levy(history: &History, corrected: bool) -> String {
    let mut out = "\"H\",\"KS04\",\"999997\",\"1\",\"20261101040000\"\r\n".to_owned();
    let (mut count, mut sum) = (0, 0);
    for (person, instalments) in history.iter().enumerate() {
        let after = |i: &Instalment| if corrected { i.corrected.unwrap_or(i.levied) } else { i.levied };
        let year: i64 = instalments.iter().map(after).sum();
        for (instalment, (period, day)) in instalments.iter().zip(MONTHS) {
            let amount = after(instalment);
            count += 1;
            sum += amount;
            let _ = write!(
                out,
                "\"D\",\"KS04\",\"999997\",\"1\",\"1\",\"20261101040000\",\"{count}\",\"{}\",\"{person:015}\",\"2026\",\"2026\",\
                 \"{}\",\"{period}\",\"3\",\"{day}\",\"{amount}\",\"{year}\",\"\",\"\",\"\",\"2026-07-10\",\"\"\r\n",
                insured(person),
                u8::from(corrected)
            );
        }
    }
    out + &format!("\"T\",\"KS04\",\"999997\",\"{count}\",\"{sum}\"\r\n")
}

fn payments(history: &History) -> String {
    let mut out = format!("1910{}{:40}11029998{:15}001{:15}11234567{:17}\r\n", "9999900001", "", "", "", "");
    let (mut count, mut sum) = (0, 0);
    for (person, instalments) in history.iter().enumerate() {
        for (instalment, (period, _)) in instalments.iter().zip(MONTHS) {
            for (turn, amount) in instalment.paid.iter().enumerate() {
                count += 1;
                sum += amount;
                let customer = format!("{}2026{period}000000", insured(person));
                let _ = write!(
                    out,
                    "29999{:15}001{:15}{:4}1{turn:07}{:30}{amount:010}1{customer}0{:8}\r\n",
                    "", "", "", "A", ""
                );
            }
        }
    }
    out + &format!("8{count:06}{sum:012}{count:06}{sum:012}{:06}{:012}{:65}\r\n9{:119}\r\n", 0, 0, "", "")
}

fn write_offs(history: &History) -> String {
    let mut out = String::new();
    for (person, instalments) in history.iter().enumerate() {
        for (i, (period, day)) in instalments.iter().zip(MONTHS).filter(|(i, _)| i.written_off > 0) {
            let _ = write!(
                out,
                "999997,{person:015},2026,2026,70,{period},,,T{person}-{period},,,{day},,,,,,{},,,0,,,0,,,,,,,,,,,1,{},,\
                 SYS0000001,2026-11-01,09:00:00,1,0\r\n",
                i.levied, i.written_off
            );
        }
    }
    out
}

fn refunds(history: &History) -> String {
    let mut out = String::new();
    let mut totals = [0; 4];
    for (person, instalments) in history.iter().enumerate() {
        for (i, (period, _)) in instalments.iter().zip(MONTHS).filter(|(i, _)| i.refunded > 0) {
            let _ = write!(
                out,
                "2,9999900001,20261105,{}2026{period}000000,9999,001,1,1234567,A,{},{},20261106,\r\n",
                insured(person),
                i.refunded,
                u8::from(i.refund_failed)
            );
            let at = if i.refund_failed { 2 } else { 0 };
            totals[at] += 1;
            totals[at + 1] += i.refunded;
        }
    }
    let [good, good_yen, bad, bad_yen] = totals;
    out + &format!("8,{},{},{good},{good_yen},{bad},{bad_yen}\r\n", good + bad, good_yen + bad_yen)
}

/// Every row of a view: its numbers by column, with person and period.
fn rows(hub: &mut Hub, view: &str) -> Vec<(String, String, BTreeMap<String, i64>)> {
    let site = hub.site.clone();
    let (dantai, today) = (hub.dantai().to_owned(), hub.clock.today().to_string());
    let view = &site.views[view];
    let source = Source {
        site: &site,
        view,
        filter: None,
        part: &[],
        order: &[],
        dantai: &dantai,
        base_date: &today,
        shared: None,
    };
    let mut found = Vec::new();
    let done = source.each(&mut hub.conn, |values| {
        let numbers = view.columns.iter().zip(values).filter_map(|((name, _), v)| Some((name.clone(), v.as_int()?)));
        let period = values[2].to_string();
        found.push((values[0].to_string(), period, numbers.collect()));
        Ok(())
    });
    done.unwrap();
    found
}

fn is_conserved(town: &Town, history: &History) {
    let mut hub = town.hub();
    for (corrected, name) in [(false, "001"), (true, "002")] {
        town.put(
            "kiwari-shien",
            &format!("KS04_999997_20261101050000_{name}.csv"),
            levy(history, corrected).as_bytes(),
        );
        if !corrected {
            town.put("koza-furikae-kekka", "FURIKAE_1.txt", payments(history).as_bytes());
            town.put("taino", "TAINO_1.csv", write_offs(history).as_bytes());
            town.put("kanpu-furikomi-kekka", "KANPU_1.csv", refunds(history).as_bytes());
        }
        worker::settle(&mut hub).unwrap();
        balances(&mut hub, history, corrected);
    }
}

fn balances(hub: &mut Hub, history: &History, corrected: bool) {
    let ledger = rows(hub, "kibetsu-shushi");
    assert_eq!(ledger.len(), history.iter().map(Vec::len).sum::<usize>());
    for (insured, period, n) in &ledger {
        let person = (insured.parse::<usize>().unwrap() - 10_000_000) / 10;
        let i = &history[person][period.parse::<usize>().unwrap() - 1];
        let levied = if corrected { i.corrected.unwrap_or(i.levied) } else { i.levied };
        assert_eq!((n["調定額"], n["収納額"], n["不納欠損額"]), (levied, i.paid.iter().sum(), i.written_off));
        assert_eq!(n["調定額"], n["収納額"] + n["未納額"] + n["不納欠損額"] - n["過誤納額"], "{insured} {period}");
        assert!(n["未納額"] >= 0 && n["過誤納額"] >= 0 && n["未納額"].min(n["過誤納額"]) == 0);
    }
    let owed: BTreeMap<(&str, &str), i64> =
        ledger.iter().map(|(h, p, n)| ((h.as_str(), p.as_str()), n["未納額"])).collect();
    let over: i64 = ledger.iter().map(|(_, _, n)| n["過誤納額"]).sum();
    let settled = rows(hub, "kanpu-juto");
    for (insured, period, n) in &settled {
        let parts = [n["年金返納額"], n["還付済額"], n["充当額"], n["時効額"], n["還付未済額"]];
        assert_eq!(n["過誤納額"], parts.iter().sum::<i64>(), "{insured} {period}");
        assert!(parts.iter().all(|p| *p >= 0) && n["還付過多額"] >= 0, "{insured} {period} {parts:?}");
    }
    assert_eq!(over, settled.iter().map(|(_, _, n)| n["過誤納額"]).sum::<i64>());
    let refunded = |i: &&Instalment| !i.refund_failed;
    let paid_out: i64 = history.iter().flatten().filter(refunded).map(|i| i.refunded).sum();
    assert_eq!(paid_out, settled.iter().map(|(_, _, n)| n["還付済額"] + n["還付過多額"]).sum::<i64>());
    offsets(hub, &owed, settled.iter().map(|(_, _, n)| n["充当額"]).sum());
}

/// What pays what: never more than is owed, and all that is due is paid while there is money.
fn offsets(hub: &mut Hub, owed: &BTreeMap<(&str, &str), i64>, total: i64) {
    let pairs = {
        let site = hub.site.clone();
        let (dantai, today) = (hub.dantai().to_owned(), hub.clock.today().to_string());
        let view = &site.views["juto-uchiwake"];
        let source = Source {
            site: &site,
            view,
            filter: None,
            part: &[],
            order: &[],
            dantai: &dantai,
            base_date: &today,
            shared: None,
        };
        let mut found: Vec<(String, String, i64)> = Vec::new();
        let done = source.each(&mut hub.conn, |v| {
            found.push((v[0].to_string(), v[4].to_string(), v[5].as_int().unwrap_or(0)));
            Ok(())
        });
        done.unwrap();
        found
    };
    let mut to: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for (person, period, yen) in &pairs {
        assert!(*yen > 0);
        *to.entry((person, period)).or_default() += yen;
    }
    for (target, yen) in &to {
        assert!(*yen <= owed[target], "{target:?}");
    }
    assert_eq!(to.values().sum::<i64>(), total);
}

fn history() -> impl Strategy<Value = History> {
    proptest::collection::vec(proptest::collection::vec(instalment(), 6), 25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn every_yen_of_a_random_history_is_accounted_for(history in history()) {
        is_conserved(&Town::new(), &history);
    }
}

#[test]
fn every_yen_of_a_random_history_is_accounted_for_on_postgres() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for round in 0..2 {
        let Some(url) = pg::url(&format!("conservation_{round}")) else { return };
        let history = history().new_tree(&mut runner).unwrap().current();
        is_conserved(&Town::on(url), &history);
    }
}
