//! Reads the declarative files of a site folder, each bounded, into memory.
//!
//! Owns: the folders, the names files may have, the size limits. Never: understands a file.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use super::context::Files;
use crate::finding::{Finding, RulePlace, Severity};
use crate::schema::load_calendar::{self, Holidays};
use crate::schema::load_schedule::Calendars;
use crate::schema::mistake;
use crate::schema::toml_read::Reader;
use crate::schema::view::View;

/// Largest TOML file, bytes.
pub const MAX_TOML: u64 = 4 << 20;
/// Largest code table, bytes.
pub const MAX_CSV: u64 = 64 << 20;
/// Most files of one folder.
pub const MAX_FILES: usize = 10_000;

/// Folders and the extension of their files.
const FOLDERS: [(&str, &str, u64); 13] = [
    ("schemas/layouts", "toml", MAX_TOML),
    ("schemas/entities", "toml", MAX_TOML),
    ("schemas/views", "toml", MAX_TOML),
    ("schemas/feeds", "toml", MAX_TOML),
    ("schemas/codes", "csv", MAX_CSV),
    ("schemas/guards", "toml", MAX_TOML),
    ("schemas/calendars", "toml", MAX_TOML),
    ("schemas/calendars", "csv", MAX_CSV),
    ("schemas/tables", "toml", MAX_TOML),
    ("schemas/lists", "toml", MAX_TOML),
    ("mappings/in", "toml", MAX_TOML),
    ("mappings/derive", "toml", MAX_TOML),
    ("mappings/out", "toml", MAX_TOML),
];

impl Files {
    /// A reader over a file; `None` when it is missing or no UTF-8 (which was reported on reading).
    pub fn reader(&self, path: &str) -> Option<Reader> {
        let text = std::str::from_utf8(self.bytes.get(path)?).ok()?;
        Some(Reader::new(path, text))
    }
}

/// Reads everything there is; what cannot be read is reported.
pub(super) fn read(root: &Path, findings: &mut Vec<Finding>) -> Files {
    let mut files = Files::default();
    if root.join("renkei.toml").exists() {
        keep(root, "renkei.toml", MAX_TOML, &mut files, findings);
    } else {
        let hint = "renkei のフォルダー（renkei.toml のあるところ）で打つか、--root フォルダー を付けてください";
        unreadable("renkei.toml", 0, "renkei.toml がありません", hint, findings);
    }
    for (folder, extension, limit) in FOLDERS {
        for name in names(root, folder, extension, findings) {
            keep(root, &format!("{folder}/{name}"), limit, &mut files, findings);
        }
    }
    strays(root, findings);
    files
}

/// Warns of folders and declarative files that nothing reads: a misspelt name would be a silent one.
fn strays(root: &Path, findings: &mut Vec<Finding>) {
    let known = |path: &str| FOLDERS.iter().any(|(folder, ..)| *folder == path);
    for top in ["schemas", "mappings"] {
        for (name, is_folder) in entries(root, top) {
            let path = format!("{top}/{name}");
            if !known(&path) && (is_folder || declarative(&name)) {
                let near = mistake::did_you_mean(&path, FOLDERS.iter().map(|(folder, ..)| *folder));
                stray(&path, &near, findings);
            }
        }
    }
    for (folder, extension, _) in FOLDERS {
        for (name, is_folder) in entries(root, folder) {
            let belongs = |(other, end, _): &(&str, &str, u64)| *other == folder && name.ends_with(&format!(".{end}"));
            if is_folder || (declarative(&name) && !FOLDERS.iter().any(belongs)) {
                stray(&format!("{folder}/{name}"), &format!("{folder}/ に置くのは .{extension} だけです"), findings);
            }
        }
    }
}

/// Entries of a folder that are not hidden, sorted, and whether each is a folder itself.
fn entries(root: &Path, folder: &str) -> Vec<(String, bool)> {
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else { return Vec::new() };
    let named = |entry: std::fs::DirEntry| (entry.file_name().to_string_lossy().into_owned(), entry.path().is_dir());
    let mut found: Vec<_> = entries.flatten().take(MAX_FILES).map(named).filter(|(n, _)| !n.starts_with('.')).collect();
    found.sort();
    found
}

fn declarative(name: &str) -> bool {
    name.ends_with(".toml") || name.ends_with(".csv")
}

fn stray(path: &str, hint: &str, findings: &mut Vec<Finding>) {
    let place = RulePlace { file: path.to_owned(), line: 1, column: 1 };
    let mut finding = Finding::rule(mistake::UNUSED, place, format!("「{path}」は読まれません")).with_action(hint);
    finding.severity = Severity::Warning;
    findings.push(finding);
}

/// File names of a folder, sorted; other extensions and hidden files are no declarative files.
fn names(root: &Path, folder: &str, extension: &str, findings: &mut Vec<Finding>) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for entry in entries.flatten().take(MAX_FILES) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(&format!(".{extension}")) else {
            continue;
        };
        if stem.starts_with('.') || !entry.path().is_file() {
            continue;
        }
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if stem.is_empty() || !stem.chars().all(good) {
            let path = format!("{folder}/{name}");
            let message = format!("ファイル名「{name}」は使えません");
            unreadable(&path, 0, &message, "小文字の英数字と - _ だけにしてください", findings);
            continue;
        }
        names.push(name);
    }
    names.sort();
    names
}

fn keep(root: &Path, path: &str, limit: u64, files: &mut Files, findings: &mut Vec<Finding>) {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(root.join(path)).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        unreadable(path, 0, &format!("ファイルが読めません（{error}）"), "", findings);
    } else if bytes.len() as u64 > limit {
        unreadable(path, 0, &format!("ファイルが大きすぎます（{limit}バイトまで）"), "", findings);
        bytes.clear();
    } else if let Err(error) = std::str::from_utf8(&bytes) {
        let good = &bytes[..error.valid_up_to()];
        let line = good.iter().filter(|b| **b == b'\n').count() as u32 + 1;
        let message = format!("UTF-8 ではないバイトが{}バイト目にあります", good.len() + 1);
        unreadable(path, line, &message, "文字コード UTF-8 で保存してください", findings);
    }
    files.bytes.insert(path.to_owned(), bytes);
}

fn unreadable(path: &str, line: u32, message: &str, hint: &str, findings: &mut Vec<Finding>) {
    let place = RulePlace { file: path.to_owned(), line, column: line.min(1) };
    findings.push(Finding::rule(mistake::UNREADABLE, place, message).with_action(hint));
}

/// Calendars by id, with the holidays their files name.
pub(super) fn calendars(files: &Files, findings: &mut Vec<Finding>) -> Calendars {
    let mut holidays: BTreeMap<String, Holidays> = BTreeMap::new();
    let mut calendars = Calendars::new();
    let of_kind = |end: &'static str| files.of_folder("schemas/calendars").filter(move |(_, path)| path.ends_with(end));
    for (stem, path) in of_kind(".csv") {
        let Some(reader) = files.reader(path) else { continue };
        holidays.insert(format!("{stem}.csv"), load_calendar::load_holidays(&reader));
        findings.extend(reader.into_findings());
    }
    for (stem, path) in of_kind(".toml") {
        let Some(reader) = files.reader(path) else { continue };
        let calendar = load_calendar::load_calendar(stem, &reader, &|name| holidays.get(name).cloned());
        calendars.insert(stem.to_owned(), calendar.map(Arc::new));
        findings.extend(reader.into_findings());
    }
    calendars
}

/// Are there entities or views whose names could not be read?
pub(super) fn unread_tables(files: &Files, entities: usize, views: &[(String, Option<View>)]) -> bool {
    let read = views.iter().filter(|(_, view)| view.is_some()).count();
    files.of_folder("schemas/entities").count() > entities || files.of_folder("schemas/views").count() > read
}
