//! SQLite and PostgreSQL: the same files give the same rows, the same files out, the same reports.

use std::path::Path;

use crate::pg;
use crate::town::{Town, copy_tree, day, files_below, make_sample, picture, same};

/// Every report, by path below the report folder.
fn reports(folder: &Path) -> String {
    let mut all = String::new();
    for path in files_below(folder) {
        let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
        for (n, line) in text.lines().enumerate() {
            all += &format!("{}:{} {line}\n", path.strip_prefix(folder).unwrap().display(), n + 1);
        }
    }
    all
}

#[test]
fn both_databases_give_the_same_rows_files_and_reports() {
    let Some(url) = pg::url("parity") else { return };
    let files = tempfile::tempdir().unwrap();
    make_sample(300, files.path());
    let [lite, postgres] = [Town::new(), Town::on(url)].map(|town| {
        copy_tree(files.path(), &town.folder.path().join("inbox"));
        let mut hub = town.hub();
        day(&mut hub);
        (picture(&mut hub), reports(&hub.area.reports()))
    });
    assert!(lite.0.contains("outbox tokucho-ido/") && lite.0.contains("rejected") && lite.0.contains("duplicate"));
    same(&lite.0, &postgres.0, "rows, ledger and files");
    same(&lite.1, &postgres.1, "reports");
}
