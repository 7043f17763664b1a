//! Receive: complete files leave the inbox for the work folder, announced in the ledger first.
//!
//! Owns: the order announce → move → claimed, and what becomes of entries that are no files. Never: reads content.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::step::Step;
use super::{Hub, HubError};
use crate::finding::{DataPlace, Finding, Severity};
use crate::inbox::stamp::Stamp;
use crate::inbox::{self, Entry};
use crate::store::ledger::{self, Direction, Exchange, Facts, State, Wanted};
use crate::store::run::{self, NewRun, RunKind, RunState, RunTotals};
use crate::store::{StoreError, detail};

/// Files announced and moved at a time.
const BATCH: usize = 256;
/// Entries of one folder set aside in one round; a heap of them must not keep the files of other folders waiting.
const ODD_LIMIT: usize = 64;

/// Files of one folder taken in one round, for the same reason; the rest comes in the next round.
pub const READY_LIMIT: usize = 1024;

/// What one look at all inbox folders came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Files taken, and entries set aside.
    pub taken: usize,
    /// Files that are still arriving.
    pub waiting: usize,
    /// Files that have been arriving for longer than their feed allows; nothing waits for them.
    pub overdue: usize,
    /// Folders that could not be read.
    pub failed: usize,
}

/// Looks at every inbox folder once and takes what is complete.
pub fn receive(hub: &mut Hub, started: Instant) -> Result<Received, HubError> {
    let site = hub.site.clone();
    let mut received = Received::default();
    for interface in site.feeds.keys() {
        match receive_from(hub, interface, started.elapsed(), &mut received) {
            // A folder that cannot be read keeps no other folder waiting.
            Err(error @ HubError::Io { .. }) => {
                tracing::error!(%interface, error = %super::worker::chain(&error), "inbox folder not read, will be tried again");
                received.failed += 1;
            }
            other => other?,
        }
    }
    Ok(received)
}

fn receive_from(hub: &mut Hub, interface: &str, now: Duration, received: &mut Received) -> Result<(), HubError> {
    let site = hub.site.clone();
    let Some(feed) = site.feeds.get(interface) else { return Ok(()) };
    let folder = hub.area.inbox.join(interface);
    let layout = |name: &str| site.in_plan(interface, name).map(|plan| plan.layout.clone());
    let entries = hub.inbox.scan(&folder, feed, &layout, now).map_err(HubError::io("受信フォルダーの確認", &folder))?;
    let mut ready = Vec::new();
    let mut odd = 0;
    for entry in entries {
        match entry {
            Entry::Waiting { overdue: false, .. } => received.waiting += 1,
            Entry::Waiting { overdue: true, .. } => received.overdue += 1,
            Entry::Ready { path, name, companion, stamp } => ready.push(Arrived { path, name, companion, stamp }),
            Entry::Odd { path, name, code, message } => {
                odd += 1;
                if odd <= ODD_LIMIT && has_room(hub)? {
                    set_aside(
                        hub,
                        interface,
                        &path,
                        &name,
                        now,
                        Finding::data(code, Severity::Fatal, DataPlace::default(), message),
                    )?;
                    received.taken += 1;
                }
            }
        }
    }
    received.waiting += ready.len().saturating_sub(READY_LIMIT);
    ready.truncate(READY_LIMIT);
    for batch in ready.chunks(BATCH) {
        claim(hub, interface, batch, now)?;
        received.taken += batch.len();
    }
    Ok(())
}

/// Is there room for one more entry set aside? What finds none stays in the inbox, where `status` names it.
fn has_room(hub: &Hub) -> Result<bool, HubError> {
    let folder = hub.area.set_aside();
    let limits = &hub.site.config.limits;
    let (files, bytes) = hub
        .area
        .set_aside_size(limits.set_aside_files, limits.set_aside_bytes)
        .map_err(HubError::io("取り置きフォルダーの確認", &folder))?;
    let room = files < limits.set_aside_files && bytes < limits.set_aside_bytes;
    if !room {
        tracing::error!(files, bytes, "the set-aside folder is full, entries stay in the inbox");
    }
    Ok(room)
}

/// A complete file as the scan saw it.
struct Arrived {
    path: PathBuf,
    name: String,
    companion: Option<PathBuf>,
    stamp: Stamp,
}

fn claim(hub: &mut Hub, interface: &str, batch: &[Arrived], since_start: Duration) -> Result<(), HubError> {
    let now = hub.clock.stamp();
    let dantai = hub.dantai().to_owned();
    let root = hub.site.root.clone();
    let ids = hub.conn.durable(|conn| {
        let mut ids = Vec::with_capacity(batch.len());
        for Arrived { path, name, .. } in batch {
            let id = ledger::begin(conn, &dantai, Direction::In, interface, name, State::Claiming, &now)?;
            let from = path.strip_prefix(&root).unwrap_or(path).to_string_lossy().into_owned();
            ledger::learn(
                conn,
                id,
                &Facts { inbox_path: Some(&from), work_name: Some(&work_name(id)), ..Facts::default() },
            )?;
            ids.push(id);
        }
        Ok::<_, StoreError>(ids)
    })?;
    hub.steps.pass(Step::InAnnounced)?;
    let mut moved = Vec::with_capacity(ids.len());
    for (id, arrived) in ids.iter().zip(batch) {
        let there = move_both(hub, *id, &arrived.path, arrived.companion.as_deref());
        if let (Ok(true), Ok(now)) = (&there, Stamp::at(&hub.area.work().join(work_name(*id)))) {
            // A copy from another file system is a file of its own; the copying watched the original.
            let copied = now.inode != arrived.stamp.inode;
            hub.taken.insert(*id, if copied { now } else { arrived.stamp });
        }
        moved.push(there);
    }
    hub.steps.pass(Step::InMoved)?;
    hub.conn.transaction(|conn| {
        for (id, moved) in ids.iter().zip(&moved) {
            let (to, note) = match moved {
                Ok(true) => (State::Claimed, None),
                Ok(false) => (State::Withdrawn, Some(GONE)),
                Err(_) => continue,
            };
            ledger::advance(conn, *id, State::Claiming, to, note, &now)?;
        }
        Ok::<_, StoreError>(())
    })?;
    for ((id, Arrived { path, .. }), moved) in ids.iter().zip(batch).zip(moved) {
        if let Err(error) = moved {
            stuck(hub, *id, interface, path, since_start, None, error)?;
        }
    }
    hub.steps.pass(Step::InClaimed)
}

/// Note of an exchange whose file was taken away again.
const GONE: &str = "取り込む前に受信フォルダーから無くなりました";
/// Note of one whose file could not be moved when renkei started again.
const STUCK: &str =
    "受信フォルダーから動かせませんでした。ファイルは元の場所にあり、次に見るときに別の番号で受け付けます";

/// Moves a file, then its companion: where the file stays, its companion stays beside it.
fn move_both(hub: &Hub, id: i64, path: &Path, companion: Option<&Path>) -> Result<bool, HubError> {
    let there = move_if_there(path, &hub.area.work().join(work_name(id)))?;
    if let (true, Some(companion)) = (there, companion) {
        // Without it the file is refused, with a report; the file itself is safe.
        if let Err(error) = move_if_there(companion, &hub.area.work().join(companion_name(id))) {
            tracing::warn!(exchange = id, error = %super::worker::chain(&error), "companion not moved");
        }
    }
    Ok(there)
}

/// An entry that cannot be moved is left alone for a while, so that it stops no other. The first time a report says so.
fn stuck(
    hub: &mut Hub,
    id: i64,
    interface: &str,
    path: &Path,
    now: Duration,
    odd: Option<Finding>,
    error: HubError,
) -> Result<(), HubError> {
    tracing::error!(exchange = id, error = %super::worker::chain(&error), "entry not moved, left alone for a while");
    if hub.inbox.leave_alone(path, now) > 0 {
        let (now, note) = (hub.clock.stamp(), "受信フォルダーから動かせませんでした");
        ledger::advance(&mut hub.conn, id, State::Claiming, State::Withdrawn, Some(note), &now)?;
        return Ok(());
    }
    let what = odd.map(|f| f.message + "。").unwrap_or_default();
    let message = format!("{what}受信フォルダーから動かせません（権限の不足など）");
    refuse(
        hub,
        id,
        interface,
        State::Claiming,
        Finding::data("not-movable", Severity::Fatal, DataPlace::default(), message),
    )?;
    super::facts::write_exchange(hub, id)
}

/// Finishes what a stop left between announcing and claiming.
pub fn recover(hub: &mut Hub) -> Result<(), HubError> {
    let now = hub.clock.stamp();
    loop {
        let dantai = hub.dantai().to_owned();
        let wanted = Wanted {
            dantai: Some(&dantai),
            direction: Some(Direction::In),
            states: &[State::Claiming],
            limit: 1000,
            ..Wanted::default()
        };
        let left = ledger::list(&mut hub.conn, &wanted)?;
        if left.is_empty() {
            return Ok(());
        }
        for exchange in left {
            let id = exchange.id;
            let aside = hub.area.set_aside().join(id.to_string());
            if fs::symlink_metadata(&aside).is_ok() {
                let finding = Finding::data(
                    "not-a-file",
                    Severity::Fatal,
                    DataPlace::default(),
                    "取り込めないものが置かれていました",
                );
                refuse(hub, id, &exchange.interface, State::Claiming, finding)?;
                super::facts::write_exchange(hub, id)?;
                continue;
            }
            // What cannot be moved stays where it is; the next scan sees it again.
            let (to, note) = match fetch(hub, &exchange) {
                Ok(true) => (State::Claimed, None),
                Ok(false) => (State::Withdrawn, Some(GONE)),
                Err(error) => {
                    tracing::error!(exchange = id, error = %super::worker::chain(&error), "announced entry not moved");
                    (State::Withdrawn, Some(STUCK))
                }
            };
            ledger::advance(&mut hub.conn, id, State::Claiming, to, note, &now)?;
        }
    }
}

/// Moves an announced file and its companion, unless that was done before the stop. Does the work folder have the file?
fn fetch(hub: &Hub, exchange: &Exchange) -> Result<bool, HubError> {
    let work = hub.area.work().join(work_name(exchange.id));
    let (Some(from), Some(_)) = (&exchange.inbox_path, &exchange.work_name) else { return Ok(false) };
    let from = hub.site.root.join(from);
    if fs::symlink_metadata(&work).is_err() && !move_if_there(&from, &work)? {
        return Ok(false);
    }
    let beside = hub.area.work().join(companion_name(exchange.id));
    let feed = hub.site.feeds.get(&exchange.interface);
    if let (Some(feed), Some(folder), Err(_)) = (feed, from.parent(), fs::symlink_metadata(&beside))
        && let Some(companion) = inbox::companion(feed, folder, &exchange.file_name)
    {
        move_if_there(&companion, &beside)?;
    }
    Ok(true)
}

/// Moves an entry that is no file out of the way, and says so in a report.
fn set_aside(
    hub: &mut Hub,
    interface: &str,
    path: &Path,
    name: &str,
    since_start: Duration,
    finding: Finding,
) -> Result<(), HubError> {
    let now = hub.clock.stamp();
    let dantai = hub.dantai().to_owned();
    let id =
        hub.conn.durable(|conn| ledger::begin(conn, &dantai, Direction::In, interface, name, State::Claiming, &now))?;
    hub.steps.pass(Step::InAnnounced)?;
    let aside = hub.area.set_aside().join(id.to_string());
    if let Err(source) = fs::rename(path, &aside)
        && source.kind() != std::io::ErrorKind::NotFound
    {
        let error = HubError::Io { what: "取り込めないものの移動", path: aside, source };
        return stuck(hub, id, interface, path, since_start, Some(finding), error);
    }
    hub.steps.pass(Step::InMoved)?;
    refuse(hub, id, interface, State::Claiming, finding)?;
    super::facts::write_exchange(hub, id)
}

/// Rejects an exchange for one finding about the whole of it.
pub fn refuse(hub: &mut Hub, id: i64, interface: &str, from: State, finding: Finding) -> Result<(), HubError> {
    let now = hub.clock.stamp();
    let today = hub.clock.today().to_string();
    let dantai = hub.dantai().to_owned();
    let note = finding.message.clone();
    hub.conn.durable(|conn| {
        let new = NewRun {
            exchange: Some(id),
            interface,
            dantai: &dantai,
            kind: RunKind::In,
            base_date: &today,
            revision: "",
        };
        let run = run::begin(conn, &new, &now)?;
        detail::count_findings(conn, run, &finding.code, finding.severity, 1)?;
        detail::add_findings(conn, run, 1, &[finding])?;
        run::finish(conn, run, RunState::Rejected, &RunTotals::default(), Some(&note), &now)?;
        ledger::advance(conn, id, from, State::Rejected, Some(&note), &now)?;
        Ok::<_, StoreError>(())
    })?;
    Ok(())
}

/// Name of a claimed file in the work folder.
pub fn work_name(exchange: i64) -> String {
    format!("{exchange}.in")
}

/// Name of its done-file or manifest there.
pub fn companion_name(exchange: i64) -> String {
    format!("{exchange}.with")
}

/// Errors name the folder alone: a file's name was given by somebody outside, and errors go to the log.
fn move_if_there(from: &Path, to: &Path) -> Result<bool, HubError> {
    let folder = from.parent().unwrap_or(from);
    match fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) if e.kind() == std::io::ErrorKind::CrossesDevices => {
            let moved = Stamp::at(from).and_then(|before| {
                crate::area::copy_whole(from, to)?;
                if Stamp::at(from)? != before {
                    fs::remove_file(to)?;
                    return Err(std::io::Error::new(std::io::ErrorKind::WouldBlock, "the file is still being written"));
                }
                fs::remove_file(from)
            });
            moved.map(|()| true).map_err(HubError::io("受信ファイルの移動", folder))
        }
        Err(e) => Err(HubError::io("受信ファイルの移動", folder)(e)),
    }
}
