//! Archive: the bytes of a claimed file are hashed and kept before anything looks at them.
//!
//! Owns: claimed → archived, for one file or for many small ones with one wait for the disk. Never: reads content, or says
//! "archived" before the copy is durable.

use std::fs;
use std::io::{ErrorKind, Read, Take};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::receive::{refuse, work_name};
use super::step::Step;
use super::{Hub, HubError};
use crate::area::{Archived, Area, Packed};
use crate::finding::{DataPlace, Finding, Severity};
use crate::inbox::stamp::Stamp;
use crate::store::StoreError;
use crate::store::ledger::{self, Direction, Exchange, Facts, State, Wanted};

/// Files archived with one wait for the disk.
const TOGETHER: u32 = 256;
/// Fewer files than this are not worth writing back the whole file system for.
const FEW: usize = 4;
/// Files above this size go alone, bytes.
const SMALL: u64 = 1 << 20;

/// One claimed file.
pub(super) fn archive(hub: &mut Hub, exchange: &Exchange) -> Result<(), HubError> {
    let id = exchange.id;
    let path = hub.area.work().join(work_name(id));
    let vaulted = hub.site.is_vaulted(&exchange.interface);
    if vaulted {
        super::vault::needed(hub)?;
    }
    if let Some(finding) = unfit(hub, exchange, &path)? {
        return refuse(hub, id, &exchange.interface, State::Claimed, finding);
    }
    let kept = read_once(hub, id, &path, |area, file, scratch| {
        if !vaulted {
            return area.archive_file(file, scratch);
        }
        // A sender's file may belong to somebody else; the folder above keeps others out in any case.
        let _ = file.get_ref().set_permissions(fs::Permissions::from_mode(0o600));
        area.archive_sealed(file, scratch)
    })?;
    hub.steps.pass(Step::InArchivedFile)?;
    tell(hub, &[(id, kept)])?;
    hub.steps.pass(Step::InArchived)
}

/// The small files among those claimed, with one wait for the disk for all of them instead of three each. What has
/// anything odd about it, and what must be sealed, is left to [`archive`].
///
/// # Errors
/// The ledger's; the disk's.
pub(super) fn archive_small(hub: &mut Hub) -> Result<(), HubError> {
    let mut before = None;
    loop {
        let dantai = hub.dantai().to_owned();
        let wanted = Wanted {
            dantai: Some(&dantai),
            direction: Some(Direction::In),
            states: &[State::Claimed],
            before,
            limit: TOGETHER,
            ..Wanted::default()
        };
        let claimed = ledger::list(&mut hub.conn, &wanted)?;
        let Some(lowest) = claimed.last().map(|e| e.id) else { return Ok(()) };
        before = Some(lowest);
        let work = hub.area.work();
        let small = |e: &&Exchange| {
            let meta = fs::symlink_metadata(work.join(work_name(e.id)));
            e.attempts == 0 && !hub.site.is_vaulted(&e.interface) && meta.is_ok_and(|m| m.is_file() && m.len() <= SMALL)
        };
        let small: Vec<&Exchange> = claimed.iter().rev().filter(small).collect();
        if small.len() < FEW {
            continue;
        }
        let mut packed = Vec::new();
        for exchange in small {
            let path = work.join(work_name(exchange.id));
            let aside = hub.area.set_aside().join(exchange.id.to_string());
            if let Ok(None) = odd(hub, exchange, &path, &aside)
                && let Ok(one) = read_once(hub, exchange.id, &path, |area, file, scratch| area.pack(file, scratch))
            {
                packed.push((exchange.id, one));
            }
        }
        if !packed.is_empty() {
            place_all(hub, packed)?;
        }
    }
}

/// Two waits for the disk: for the bytes, and for their names. What finds no place is left to [`archive`], which puts off
/// that file alone.
fn place_all(hub: &mut Hub, packed: Vec<(i64, Packed)>) -> Result<(), HubError> {
    let folder = hub.area.archive();
    let fail = |e| HubError::io("原本の保存", &folder)(e);
    hub.area.make_all_durable().map_err(fail)?;
    let mut kept = Vec::with_capacity(packed.len());
    for (id, one) in packed {
        match hub.area.place(one) {
            Ok(archived) => kept.push((id, archived)),
            Err(error) => {
                tracing::error!(exchange = id, %error, "file not archived with the others, will be tried alone")
            }
        }
    }
    if kept.is_empty() {
        return Ok(());
    }
    hub.area.make_all_durable().map_err(fail)?;
    hub.steps.pass(Step::InArchivedFile)?;
    tell(hub, &kept)?;
    hub.steps.pass(Step::InArchived)
}

/// Reads a claimed file once, to `keep` it; one that is written to meanwhile is an error.
fn read_once<T: AsRef<Archived>>(
    hub: &mut Hub,
    id: i64,
    path: &Path,
    keep: impl FnOnce(&Area, &mut Take<&mut fs::File>, &str) -> std::io::Result<T>,
) -> Result<T, HubError> {
    let mut file = crate::area::open_plain(path).map_err(HubError::io("読み込み", path))?;
    let stamp = |file: &fs::File| file.metadata().map(|m| Stamp::of(&m)).map_err(HubError::io("読み込み", path));
    let still_written = || {
        let source = std::io::Error::new(ErrorKind::WouldBlock, "the file is still being written");
        HubError::Io {
            what: "原本の保存（送信側がまだ書き込んでいます）", path: path.to_owned(), source
        }
    };
    let before = stamp(&file)?;
    // Not as it was when it was found to be complete: the next attempt asks whether it has come to rest since.
    if hub.taken.insert(id, before).is_some_and(|seen| seen != before) {
        return Err(still_written());
    }
    let kept = keep(&hub.area, &mut (&mut file).take(before.bytes + 1), &format!("{id}.archive"))
        .map_err(HubError::io("原本の保存", path))?;
    if stamp(&file)? != before || before.bytes != kept.as_ref().bytes { Err(still_written()) } else { Ok(kept) }
}

/// Says durably what is in the archive.
fn tell(hub: &mut Hub, kept: &[(i64, Archived)]) -> Result<(), HubError> {
    let now = hub.clock.stamp();
    hub.conn.durable(|conn| {
        for (id, kept) in kept {
            let facts = Facts { sha256: Some(&kept.sha256), bytes: Some(kept.bytes as i64), ..Facts::default() };
            ledger::learn(conn, *id, &facts)?;
            ledger::advance(conn, *id, State::Claimed, State::Archived, None, &now)?;
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(())
}

/// What was put in the file's place between the look at it and its claim: set aside, as it would have been at the look.
fn unfit(hub: &Hub, exchange: &Exchange, path: &Path) -> Result<Option<Finding>, HubError> {
    let aside = hub.area.set_aside().join(exchange.id.to_string());
    let Some(finding) = odd(hub, exchange, path, &aside)? else { return Ok(None) };
    match fs::rename(path, &aside) {
        // A stop came between setting it aside and writing that down.
        Err(e) if e.kind() == ErrorKind::NotFound && fs::symlink_metadata(&aside).is_ok() => {}
        moved => moved.map_err(HubError::io("取り込めないものの移動", path))?,
    }
    Ok(Some(finding))
}

/// Why this is no file to take; nothing is moved.
fn odd(hub: &Hub, exchange: &Exchange, path: &Path, aside: &Path) -> Result<Option<Finding>, HubError> {
    let fatal = |code: &str, message: &str| Some(Finding::data(code, Severity::Fatal, DataPlace::default(), message));
    let most = hub.site.feeds.get(&exchange.interface).map_or(u64::MAX, |f| f.max_bytes);
    Ok(match fs::symlink_metadata(path) {
        Ok(meta) if !meta.is_file() => fatal("not-a-file", "取り込むあいだに、ファイルでないものと入れ替えられました"),
        Ok(meta) if meta.len() > most => fatal("file-too-big", "取り込むあいだに、ファイルが上限より大きくなりました"),
        Ok(_) => match crate::area::open_plain(path) {
            Err(e) if e.kind() == ErrorKind::PermissionDenied => {
                fatal("unreadable-file", "ファイルを読む権限がありません")
            }
            _ => None,
        },
        Err(e) if e.kind() == ErrorKind::NotFound && fs::symlink_metadata(aside).is_ok() => {
            fatal("not-a-file", "取り込めないものが置かれていました")
        }
        Err(e) => return Err(HubError::io("読み込み", path)(e)),
    })
}
