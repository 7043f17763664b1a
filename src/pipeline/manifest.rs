//! The manifest that comes with a file, against the file.
//!
//! Owns: what of a manifest is believed. Never: changes a state; a breach is a finding.

use std::fs;
use std::io::{ErrorKind, Read};

use super::receive::companion_name;
use super::{Hub, HubError};
use crate::finding::{DataPlace, Finding, Severity};
use crate::schema::feed::Completeness;
use crate::store::ledger::Exchange;

/// Largest manifest read, bytes.
const MANIFEST_LIMIT: u64 = 64 * 1024;

/// Must a manifest come with the file?
fn needs_manifest(hub: &Hub, exchange: &Exchange) -> bool {
    hub.site.feeds.get(&exchange.interface).is_some_and(|feed| matches!(feed.complete, Completeness::Manifest { .. }))
}

/// The manifest that came with a file; `None` when it is gone.
fn manifest(hub: &Hub, exchange: &Exchange) -> Result<Option<Vec<u8>>, HubError> {
    let path = hub.area.work().join(companion_name(exchange.id));
    let mut bytes = Vec::new();
    match crate::area::open_plain(&path).and_then(|f| f.take(MANIFEST_LIMIT).read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        // No file, or none that may be read: it says nothing, and the file is refused for that.
        Err(e)
            if e.kind() == ErrorKind::PermissionDenied || fs::symlink_metadata(&path).is_ok_and(|m| !m.is_file()) =>
        {
            Ok(Some(Vec::new()))
        }
        Err(e) => Err(HubError::io("読み込み", &path)(e)),
    }
}

/// Keys of a manifest that are believed; saying two things of one says nothing.
const SAID_ONCE: [&str; 2] = ["SHA-256", "件数"];

/// What a manifest says of a key.
fn said<'t>(manifest: &'t str, key: &str) -> Option<&'t str> {
    all_said(manifest, key).next()
}

fn all_said<'t>(manifest: &'t str, key: &str) -> impl Iterator<Item = &'t str> {
    manifest.lines().filter_map(move |l| l.split_once('=').filter(|(k, _)| k.trim() == key).map(|(_, v)| v.trim()))
}

fn mismatch(message: String) -> Option<Finding> {
    Some(Finding::data("manifest-mismatch", Severity::Fatal, DataPlace::default(), message))
}

/// What the manifest says against the bytes that arrived.
pub fn manifest_breach(hub: &Hub, exchange: &Exchange) -> Result<Option<Finding>, HubError> {
    if !needs_manifest(hub, exchange) {
        return Ok(None);
    }
    let Some(bytes) = manifest(hub, exchange)? else {
        return Ok(mismatch("管理ファイルが無くなりました。ファイルと管理ファイルの両方を入れ直してください".into()));
    };
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Ok(mismatch("管理ファイルが UTF-8 ではありません".into()));
    };
    if SAID_ONCE.iter().any(|key| all_said(text, key).any(|said| Some(said) != all_said(text, key).next())) {
        return Ok(mismatch("管理ファイルの同じ項目に、違う値が2つ以上あります".into()));
    }
    Ok(match said(text, "SHA-256") {
        None => mismatch("管理ファイルに SHA-256 の行がありません".into()),
        Some(said) if !said.eq_ignore_ascii_case(exchange.sha256.as_deref().unwrap_or_default()) => mismatch(
            "管理ファイルの SHA-256 が、届いたファイルの内容と違います。途中で切れたか、別の版のファイルです".into(),
        ),
        Some(_) => None,
    })
}

/// The number of data records the manifest says, if it says one, against those that were read.
pub fn count_breach(hub: &Hub, exchange: &Exchange, read: u64) -> Result<Option<Finding>, HubError> {
    if !needs_manifest(hub, exchange) {
        return Ok(None);
    }
    let bytes = manifest(hub, exchange)?.unwrap_or_default();
    let count = std::str::from_utf8(&bytes).ok().and_then(|text| said(text, "件数"));
    Ok(count.filter(|said| said.parse() != Ok(read)).and_then(|said| {
        mismatch(format!("管理ファイルの件数（{said}）が、ファイルのデータの件数（{read} 件）と違います"))
    }))
}
