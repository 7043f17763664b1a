//! The bench measures whole runs of a site it makes: a declaration it does not bring along would stop it unnoticed.

use std::process::Command;

#[test]
fn every_usual_figure_can_be_measured() {
    let into = tempfile::tempdir().unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_renkei"))
        .args(["--root", env!("CARGO_MANIFEST_DIR"), "--json", "bench", "--records", "2000", "--runs", "1", "--into"])
        .arg(into.path())
        .args(["parse", "delta", "resend", "out", "small"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    // Whether a target is met says nothing at this size.
    let figures: serde_json::Value = serde_json::from_str(&told).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
    let names: Vec<&str> =
        figures["figures"].as_array().unwrap().iter().map(|f| f["figure"].as_str().unwrap()).collect();
    for name in ["parse+check+map", "delta sqlite", "resend sqlite", "out csv", "out 500-byte", "small"] {
        assert!(names.contains(&name), "{name} is missing among {names:?}");
    }
}
