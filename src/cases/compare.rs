//! What came out of a case against what is expected.
//!
//! Owns: which differences are told, and in what words. Never: runs a case.

use std::collections::BTreeSet;

use serde_json::Value as Json;

/// Most differences told of one case.
const DIFFERENCES: usize = 20;

/// Tells the places where the two differ, one a line; `at` is the path so far.
pub(super) fn compare(at: &str, expected: &Json, seen: &Json, out: &mut Vec<String>) {
    if out.len() >= DIFFERENCES || expected == seen {
        return;
    }
    match (expected, seen) {
        (Json::Object(a), Json::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            // The number of an exchange says how many interfaces the site has, not what this one does.
            for key in keys.into_iter().filter(|key| *key != "exchange") {
                compare(
                    &format!("{at}/{key}"),
                    a.get(key).unwrap_or(&Json::Null),
                    b.get(key).unwrap_or(&Json::Null),
                    out,
                );
            }
        }
        (Json::Array(a), Json::Array(b)) => {
            for i in 0..a.len().max(b.len()) {
                compare(&format!("{at}[{i}]"), a.get(i).unwrap_or(&Json::Null), b.get(i).unwrap_or(&Json::Null), out);
            }
        }
        _ => out.push(format!("{at}: 期待 {expected} 実際 {seen}")),
    }
}
