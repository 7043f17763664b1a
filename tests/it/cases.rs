//! The example cases of every interface, on both databases: what an operator is told and what leaves. What they cover is
//! `coverage`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use renkei::cases::{Outcome, run_on};
use renkei::mapping::site;

use crate::pg;
use crate::town::copy_tree;

/// A user with no rights of its own: `nobody` on Debian.
const NOBODY: u32 = 65_534;

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

/// Root may read every file, so cases with a file that nobody may read are then played by a user who has no rights.
#[test]
fn cases_that_the_administrator_passes_over_end_as_expected_for_another_user() {
    let passed_over = run(None).cases.into_iter().filter(|case| case.skipped.is_some());
    let interfaces: Vec<String> = passed_over.map(|case| case.name.split('/').next().unwrap().to_owned()).collect();
    if interfaces.is_empty() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let (root, program, temporary) =
        (place.path().join("site"), place.path().join("renkei"), place.path().join("temporary"));
    fs::create_dir_all(&temporary).unwrap();
    for folder in ["schemas", "mappings"] {
        copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &root.join(folder));
    }
    for interface in &interfaces {
        let cases = Path::new("tests/interfaces").join(interface);
        copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join(&cases), &root.join(&cases));
    }
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("renkei.toml"), root.join("renkei.toml")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_renkei"), &program).unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o777)).unwrap();
    let done = Command::new(&program)
        .args(["test", "--root"])
        .arg(&root)
        .args(&interfaces)
        .env("TMPDIR", &temporary)
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
    assert!(!told.contains('－'), "no case is passed over: {told}");
}
