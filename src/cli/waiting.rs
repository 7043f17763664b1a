//! What lies in the inbox and is not taken yet, and why: for `status`.
//!
//! Owns: the reasons in words. Never: takes, moves or opens a file; the worker's own scan decides what is taken.

use std::fs;
use std::path::Path;

use crate::inbox;
use crate::mapping::site::Site;
use crate::schema::feed::{Completeness, Feed};

/// Most entries told of; the folders have them all.
const LIMIT: usize = 200;

/// One entry that is not taken yet.
#[derive(Debug, serde::Serialize)]
pub struct Waiting {
    /// Folder below the inbox and name.
    pub file: String,
    /// What it waits for.
    pub why: String,
    /// What a person does; empty: nothing, it goes on by itself.
    pub next: String,
}

/// Everything in the inbox, folder by folder, in name order; a folder that cannot be read is one entry.
pub fn waiting(site: &Site, inbox: &Path) -> Vec<Waiting> {
    let mut all = stray(site, inbox);
    for (interface, feed) in &site.feeds {
        let folder = inbox.join(interface);
        match names(&folder) {
            Ok(names) => all.extend(names.iter().map(|name| entry(feed, interface, &folder, name))),
            Err(error) => all.push(Waiting {
                file: format!("{interface}/"),
                why: format!("フォルダーを読めません（{error}）"),
                next: "システム担当（ベンダー）へ連絡してください".into(),
            }),
        }
        if all.len() >= LIMIT {
            break;
        }
    }
    all.truncate(LIMIT);
    all
}

/// What lies beside the folders of the interfaces: nobody takes it.
fn stray(site: &Site, inbox: &Path) -> Vec<Waiting> {
    let names = names(inbox).unwrap_or_default();
    let stray = names.into_iter().filter(|name| !site.feeds.contains_key(name));
    stray
        .map(|name| Waiting {
            file: name,
            why: "情報ごとのフォルダーに入っていないため、取り込みません".into(),
            next: "情報ごとのフォルダーへ移してください".into(),
        })
        .collect()
}

fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let entries = fs::read_dir(folder)?.take(inbox::SCAN_LIMIT).filter_map(Result::ok);
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    Ok(names)
}

fn entry(feed: &Feed, interface: &str, folder: &Path, name: &str) -> Waiting {
    let (why, next) = reason(feed, folder, name);
    Waiting { file: format!("{interface}/{name}"), why, next }
}

fn reason(feed: &Feed, folder: &Path, name: &str) -> (String, String) {
    let nothing = String::new;
    if inbox::is_unfinished(name) {
        let why = "送っている途中の名前です。送り終わって名前が変わるのを待っています".to_owned();
        return (why, "送り終わっているはずなら、送付元に確かめてください".into());
    }
    if let Completeness::DoneFile { suffix } | Completeness::Manifest { suffix } = &feed.complete {
        if name.ends_with(suffix.as_str()) {
            let why = "完了ファイルだけがあります。対になる本体のファイルを待っています".to_owned();
            return (why, "本体のファイルを同じフォルダーに入れてください".into());
        }
        let companion = inbox::companion(feed, folder, name).filter(|c| fs::symlink_metadata(c).is_err());
        if let Some(companion) = companion.as_deref().and_then(Path::file_name) {
            let companion = companion.to_string_lossy();
            let why = format!("完了ファイル {companion} を待っています");
            return (why, format!("{companion} を同じフォルダーに入れてください"));
        }
    }
    match &feed.complete {
        Completeness::Stable { .. } | Completeness::Trailer { .. } => {
            ("送り終わるのを待っているか、次の取込を待っています".to_owned(), nothing())
        }
        _ => ("次の取込を待っています".to_owned(), nothing()),
    }
}
