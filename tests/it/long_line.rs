//! A line longer than memory is one finding, not the end of the process.

use crate::bad_input::good_file;

/// A line of 2 GiB between two good ones, worked off by a process that may not have so much memory.
#[test]
fn a_line_of_two_gigabytes_is_one_finding() {
    const LENGTH: u64 = 2 << 30;
    let folder = tempfile::tempdir().unwrap();
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::copy(own.join("renkei.toml"), folder.path().join("renkei.toml")).unwrap();
    for part in ["schemas", "mappings"] {
        crate::town::copy_tree(&own.join(part), &folder.path().join(part));
    }
    let inbox = folder.path().join("inbox/juki-ido");
    std::fs::create_dir_all(&inbox).unwrap();
    let (before, after) = (good_file(1), good_file(2));
    let file = std::fs::File::create(inbox.join("LONG.csv")).unwrap();
    // The hole reads as NUL bytes; it takes no disk.
    file.set_len(before.len() as u64 + LENGTH).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &before, 0).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[b"\r\n", &after[..]].concat(), before.len() as u64 + LENGTH)
        .unwrap();
    drop(file);
    let script = format!(
        "ulimit -v 200000; exec {} --json --root {} run",
        env!("CARGO_BIN_EXE_renkei"),
        folder.path().display()
    );
    let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    let e = &said["exchanges"][0];
    assert_eq!(
        (e["state"].as_str(), e["new"].as_i64(), e["held"].as_i64()),
        (Some("reported"), Some(2), Some(1)),
        "{said}"
    );
    let report =
        std::fs::read_to_string(std::path::Path::new(e["report"].as_str().unwrap()).with_file_name("findings.csv"))
            .unwrap();
    assert!(report.contains("record-too-long") || report.contains("長すぎる"), "{report}");
}
