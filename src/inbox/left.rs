//! What lies in the inbox and was not taken: what it is, and since when it has not changed.
//!
//! Owns: that look, made afresh from the folders alone, so that a command sees what the daemon sees. Never: moves anything.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{companion_name, escaped, is_companion, is_left_to_others, not_a_file, plain_name};
use crate::schema::feed::Feed;
use crate::schema::load_feed::matches;

/// Most entries looked at in one folder.
const LOOK_LIMIT: usize = 20_000;

/// Why an entry was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A data file that is not proved complete yet, or that no daemon has looked at.
    Arriving,
    /// A data file whose done-file or manifest is missing.
    NoCompanion,
    /// A data file whose done-file or manifest is missing, and whose name the folder does not take anyway.
    WrongName,
    /// A done-file or manifest whose data file is missing.
    NoData,
    /// A name of sending (`.tmp`, `.part`, hidden).
    Unfinished,
    /// No file that can be taken, and not set aside (yet).
    Odd,
    /// It lies where no feed looks.
    UnknownFolder,
}

impl Reason {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Arriving => "arriving",
            Reason::NoCompanion => "no-companion",
            Reason::WrongName => "wrong-name",
            Reason::NoData => "no-data",
            Reason::Unfinished => "unfinished",
            Reason::Odd => "odd",
            Reason::UnknownFolder => "unknown-folder",
        }
    }

    /// What an operator reads.
    pub fn japanese(self) -> &'static str {
        match self {
            Reason::Arriving => "まだ取り込まれていません（届いている途中か、renkei が動いていません）",
            Reason::NoCompanion => "対になるファイル（完了ファイル、管理ファイル）が届いていません",
            Reason::WrongName => "このフォルダーに入れられる名前ではありません。取り込まれません",
            Reason::NoData => "完了ファイル（管理ファイル）だけがあり、データのファイルが届いていません",
            Reason::Unfinished => "送信中の名前のままです",
            Reason::Odd => "取り込めないもの（フォルダー、リンク、使えない名前など）です",
            Reason::UnknownFolder => {
                "情報ごとのフォルダーの中ではありません（またはフォルダーの名前が違います）。取り込まれません"
            }
        }
    }
}

/// One entry that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Path below the inbox; safe to show.
    pub path: String,
    /// Interface of the folder, if a feed looks at it.
    pub interface: Option<String>,
    /// Why.
    pub reason: Reason,
    /// When it came or was last changed, seconds since 1970 (the file system's own time, which a sender cannot set).
    pub since: i64,
    /// Entries it stands for: a folder that no feed looks at counts what lies directly in it.
    pub entries: u64,
    /// The names it waits for: of the missing done-file or manifest, or those that the folder takes; empty = none.
    pub wanted: Vec<String>,
}

/// What lies in an interface's folder, in name order, at most `most`.
pub fn in_folder(folder: &Path, feed: &Feed, most: usize) -> io::Result<Vec<Left>> {
    let names = names(folder)?;
    let there: HashSet<&str> = names.iter().filter_map(|n| n.to_str()).collect();
    let wanted: HashSet<String> =
        there.iter().filter(|n| !is_companion(feed, n)).filter_map(|n| companion_name(feed, n)).collect();
    let mut found = Vec::new();
    for name in &names {
        let Ok(meta) = fs::symlink_metadata(folder.join(name)) else { continue };
        let shown = plain_name(name);
        let reason = match &shown {
            // It is named with its data file.
            Some(name) if is_companion(feed, name) && wanted.contains(name) => continue,
            Some(name) if is_companion(feed, name) => Reason::NoData,
            Some(_) if is_left_to_others(feed, name) => Reason::Unfinished,
            Some(name) if not_a_file(&meta).is_none() && meta.len() <= feed.max_bytes => {
                match companion_name(feed, name).filter(|c| !there.contains(c.as_str())) {
                    None => Reason::Arriving,
                    Some(_) if !feed.forms.iter().any(|form| matches(&form.pattern, name)) => Reason::WrongName,
                    Some(_) => Reason::NoCompanion,
                }
            }
            _ => Reason::Odd,
        };
        let wanted = match (reason, &shown) {
            (Reason::NoCompanion, Some(name)) => companion_name(feed, name).into_iter().collect(),
            (Reason::WrongName, _) => feed.forms.iter().map(|form| form.pattern.clone()).collect(),
            _ => Vec::new(),
        };
        let path = format!("{}/{}", feed.interface, shown.unwrap_or_else(|| escaped(name)));
        let interface = Some(feed.interface.clone());
        found.push(Left { path, interface, reason, since: meta.ctime(), entries: 1, wanted });
        if found.len() == most {
            break;
        }
    }
    Ok(found)
}

/// What lies in the inbox where no feed looks: files beside the interfaces' folders, and other folders that are not empty.
pub fn elsewhere(inbox: &Path, known: &dyn Fn(&str) -> bool, most: usize) -> io::Result<Vec<Left>> {
    let mut found = Vec::new();
    for name in names(inbox)? {
        let path = inbox.join(&name);
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        let mut shown = plain_name(&name).unwrap_or_else(|| escaped(&name));
        let mut entries = 1;
        if meta.is_dir() {
            entries = fs::read_dir(&path).map_or(1, |inside| inside.take(LOOK_LIMIT).count() as u64);
            if entries == 0 || name.to_str().is_some_and(known) {
                continue;
            }
            shown.push('/');
        }
        let (reason, since) = (Reason::UnknownFolder, meta.ctime());
        found.push(Left { path: shown, interface: None, reason, since, entries, wanted: Vec::new() });
        if found.len() == most {
            break;
        }
    }
    Ok(found)
}

/// Names in a folder in order, at most [`LOOK_LIMIT`].
fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)?.take(LOOK_LIMIT) {
        names.push(entry?.file_name());
    }
    names.sort();
    Ok(names)
}
