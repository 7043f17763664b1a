//! The example cases of every interface, on both databases: what an operator is told and what leaves. What they cover is
//! `coverage`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use renkei::cases::{Outcome, run_on};
use renkei::mapping::site;

use crate::pg;
use crate::town::{copy_tree, files_below};

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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interfaces");
    let unreadable = |path: &&PathBuf| {
        path.ends_with("case.toml") && fs::read_to_string(path).unwrap().contains("\nunreadable = true\n")
    };
    let below = |path: &PathBuf| path.strip_prefix(&root).unwrap().iter().next().unwrap().to_str().unwrap().to_owned();
    let interfaces: BTreeSet<String> = files_below(&root).iter().filter(unreadable).map(below).collect();
    assert!(!interfaces.is_empty(), "there is such a case");
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
    let mut renkei = Command::new(&program);
    if rustix::process::geteuid().is_root() {
        renkei.uid(NOBODY).gid(NOBODY);
    }
    let done = renkei.args(["test", "--root"]).arg(&root).args(&interfaces).env("TMPDIR", &temporary).output().unwrap();
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
    assert!(!told.contains('－'), "no case is passed over: {told}");
}
