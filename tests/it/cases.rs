//! The example cases of every interface, on both databases: what an operator is told and what leaves.

use std::path::Path;

use renkei::cases::{Outcome, run_on};
use renkei::mapping::site;

use crate::pg;

/// Interfaces that must have cases.
const INTERFACES: [&str; 46] = [
    "juki-ido",
    "shotoku-kazei-ido",
    "tokucho-taishosha",
    "tokucho-kekka",
    "koza-furikae-kekka",
    "taino",
    "hihokensha",
    "kiwari-shien",
    "kojin-bango",
    "jutogai-atena",
    "shien-sochi",
    "jushochi-tokurei",
    "hokenryo",
    "koza",
    "shuno",
    "shuno-meisai",
    "nenkin-henno",
    "kanpu-furikomi-kekka",
    "keshikomi",
    "tainosha-haaku",
    "koiki-juki",
    "koiki-shotoku-kazei",
    "koiki-shuno",
    "koiki-taino",
    "tokucho-irai",
    "tokucho-ido",
    "kanpu-juto",
    "koza-furikae-irai",
    "koza-saifurikae-irai",
    "kanpu-furikomi",
    "koiki-jutogai",
    "koiki-shien-sochi",
    "kaigo-jushochi-tokurei",
    "jutogai-fuban-irai",
    "gendogaku-fuka-toroku",
    "gendogaku-fuka",
    "nenrei-totatsu",
    "zenki-kourei-sofu",
    "tokucho-tsuika-kohosha",
    "kaigo-tokucho-kakucho",
    "tokucho-irai-kekka",
    "tokucho-koho",
    "kiwari-santei",
    "zantei-fuka",
    "karichoshu-heijunka",
    "koiki-kiwari",
];

fn run(url: Option<&dyn Fn(&str) -> String>) -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (site, _) = site::load(root).expect("the shipped site has no mistake");
    run_on(&site, &[], false, url).expect("the cases run")
}

#[test]
fn every_case_ends_as_expected_on_sqlite() {
    let outcome = run(None);
    assert_eq!(outcome.failed(), 0, "{}", outcome.text());
    for interface in INTERFACES {
        let prefix = format!("{interface}/");
        assert!(outcome.cases.iter().any(|c| c.name.starts_with(&prefix)), "{interface} has no case");
    }
}

#[test]
fn every_case_ends_as_expected_on_postgresql() {
    if pg::url("cases_probe").is_none() {
        return;
    }
    let url = |case: &str| pg::url(&format!("case_{}", case.replace(['/', '-'], "_"))).expect("a database");
    let outcome = run(Some(&url));
    assert_eq!(outcome.failed(), 0, "{}", outcome.text());
}
