//! The example cases of every interface, on both databases: what an operator is told and what leaves. What they cover is
//! `coverage`.

use std::path::Path;

use renkei::cases::{Outcome, run_on};
use renkei::mapping::site;

use crate::pg;

fn run(url: Option<&dyn Fn(&str) -> String>) -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (site, _) = site::load(root).expect("the shipped site has no mistake");
    run_on(&site, &[], false, url).expect("the cases run")
}

#[test]
fn every_case_ends_as_expected_on_sqlite() {
    let outcome = run(None);
    assert_eq!(outcome.failed(), 0, "{}", outcome.text());
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
