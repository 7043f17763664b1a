//! Clear: the work folder forgets a file that is settled, unless somebody wrote to it after the archive had its copy.
//!
//! Owns: noticing that. Never: removes bytes that are nowhere else.
//!
//! On a local file system a write shows as a change of size or time of change (to the nanosecond) up to the moment of the
//! last look. What a sender writes through a handle it still has open after that look, or with the time put back, cannot be
//! seen; a feed that proves completeness by a manifest or a rename closes that gap.

use std::fs;
use std::path::Path;

use super::receive::{companion_name, work_name};
use super::step::Step;
use super::{Hub, HubError};
use crate::inbox::stamp::Stamp;
use crate::store::ledger::{self, Exchange};
use crate::store::request;

/// The last step: what lies in the work folder for this exchange is no longer needed. The file itself goes last; while it
/// is there, the next start knows that there is something to clear.
pub fn clear(hub: &mut Hub, exchange: &Exchange) -> Result<(), HubError> {
    let id = exchange.id;
    for name in [companion_name(id), work_name(id)] {
        let path = hub.area.work().join(&name);
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        let changed = name == work_name(id) && is_other(hub, exchange, &path, &meta)?;
        let cleared = if changed || meta.is_dir() {
            tracing::warn!(exchange = id, "changed after it was taken, set aside");
            fs::rename(&path, hub.area.set_aside().join(&name))
        } else {
            fs::remove_file(&path)
        };
        cleared.map_err(HubError::io("作業ファイルの削除", &path))?;
        if changed {
            tell_late_write(hub, exchange, &name)?;
        }
    }
    hub.taken.remove(&id);
    hub.steps.pass(Step::InCleared)
}

/// Has a sender written on after the archive had taken its copy? These bytes are nowhere else. Where it is not known how
/// the file looked then (a stop came between), its hash says.
fn is_other(hub: &Hub, exchange: &Exchange, path: &Path, meta: &fs::Metadata) -> Result<bool, HubError> {
    let Some(sha256) = &exchange.sha256 else { return Ok(false) };
    if !meta.is_file() {
        return Ok(true);
    }
    if hub.taken.get(&exchange.id) == Some(&Stamp::of(meta)) {
        return Ok(false);
    }
    let now = crate::area::hash_file(path).map_err(HubError::io("読み込み", path))?;
    Ok(now.sha256 != *sha256)
}

/// Says where the bytes of a late write are; what was archived and loaded stays as it is.
fn tell_late_write(hub: &mut Hub, exchange: &Exchange, name: &str) -> Result<(), HubError> {
    let now = hub.clock.stamp();
    let before = exchange.note.as_deref().map(|n| format!("{n}。")).unwrap_or_default();
    let told = format!(
        "{before}受け取ったあとに送信側がファイルを書き換えました。取り込んだのは書き換え前の内容です。\
         書き換え後の内容は data/set-aside/{name} にあります。送信側に確認し、必要なら入れ直してもらってください"
    );
    hub.conn.durable(|conn| {
        ledger::advance(conn, exchange.id, exchange.state, exchange.state, Some(&told), &now)?;
        request::log(conn, "renkei", "late-write", Some(exchange.id), name, &now)
    })?;
    Ok(())
}
