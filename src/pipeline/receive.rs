//! Receive: complete files leave the inbox for the work folder, announced in the ledger first.
//!
//! Owns: the order announce → move → claimed, and what becomes of entries that are no files. Never: reads content.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::step::Step;
use super::{Hub, HubError};
use crate::finding::{DataPlace, Finding, Severity};
use crate::inbox::{self, Entry};
use crate::schema::feed::Feed;
use crate::store::ledger::{self, Direction, Exchange, Facts, State, Wanted};
use crate::store::run::{self, NewRun, RunKind, RunState, RunTotals};
use crate::store::{StoreError, detail};

/// Files announced and moved at a time.
const BATCH: usize = 256;

/// What one look at all inbox folders came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Files taken, and entries set aside.
    pub taken: usize,
    /// Files that are still arriving.
    pub waiting: usize,
    /// Folders that could not be worked off.
    pub failed: usize,
}

/// Looks at every inbox folder once and takes what is complete. A folder in trouble keeps no other one waiting.
pub fn receive(hub: &mut Hub, started: Instant) -> Result<Received, HubError> {
    let site = hub.site.clone();
    let mut received = Received::default();
    for (interface, feed) in &site.feeds {
        match receive_one(hub, interface, feed, started.elapsed()) {
            Ok(one) => {
                received.taken += one.taken;
                received.waiting += one.waiting;
            }
            Err(error @ HubError::Io { .. }) => {
                tracing::error!(%interface, error = %super::worker::chain(&error), "inbox folder cannot be worked off, will be tried again");
                received.failed += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(received)
}

fn receive_one(hub: &mut Hub, interface: &str, feed: &Feed, now: Duration) -> Result<Received, HubError> {
    let site = hub.site.clone();
    let mut received = Received::default();
    let folder = hub.area.inbox.join(interface);
    let layout = |name: &str| site.in_plan(interface, name).map(|plan| plan.layout.clone());
    let entries = hub.inbox.scan(&folder, feed, &layout, now).map_err(HubError::io("受信フォルダーの確認", &folder))?;
    let mut ready = Vec::new();
    for entry in entries {
        match entry {
            Entry::Waiting { .. } => received.waiting += 1,
            Entry::Ready { path, name, companion } => ready.push((path, name, companion)),
            Entry::Odd { path, name, code, message } => {
                set_aside(hub, interface, &path, &name, Finding::data(code, Severity::Fatal, DataPlace::default(), message), now)?;
                received.taken += 1;
            }
        }
    }
    for batch in ready.chunks(BATCH) {
        received.taken += claim(hub, interface, batch, now)?;
    }
    Ok(received)
}

/// Announces, moves and claims; returns how many were moved.
fn claim(hub: &mut Hub, interface: &str, batch: &[(PathBuf, String, Option<PathBuf>)], elapsed: Duration) -> Result<usize, HubError> {
    let now = hub.clock.stamp();
    let dantai = hub.dantai().to_owned();
    let root = hub.site.root.clone();
    let ids = hub.conn.durable(|conn| {
        let mut ids = Vec::with_capacity(batch.len());
        for (path, name, _) in batch {
            let id = ledger::begin(conn, &dantai, Direction::In, interface, name, State::Claiming, &now)?;
            let from = path.strip_prefix(&root).unwrap_or(path).to_string_lossy().into_owned();
            ledger::learn(conn, id, &Facts { inbox_path: Some(&from), work_name: Some(&work_name(id)), ..Facts::default() })?;
            ids.push(id);
        }
        Ok::<_, StoreError>(ids)
    })?;
    hub.steps.pass(Step::InAnnounced)?;
    let mut moved = Vec::with_capacity(ids.len());
    for (id, (path, _, companion)) in ids.iter().zip(batch) {
        moved.push(fetch(hub, *id, path, companion.as_deref()).unwrap_or_else(|error| {
            tracing::error!(exchange = id, error = %super::worker::chain(&error), "a file cannot be moved out of the inbox");
            hub.inbox.put_off(path, elapsed);
            false
        }));
    }
    hub.steps.pass(Step::InMoved)?;
    hub.conn.transaction(|conn| {
        for (id, moved) in ids.iter().zip(&moved) {
            let (to, note) = claimed(*moved);
            ledger::advance(conn, *id, State::Claiming, to, note, &now)?;
        }
        Ok::<_, StoreError>(())
    })?;
    hub.steps.pass(Step::InClaimed)?;
    Ok(moved.iter().filter(|moved| **moved).count())
}

/// What becomes of an announced file.
fn claimed(moved: bool) -> (State, Option<&'static str>) {
    if moved { (State::Claimed, None) } else { (State::Withdrawn, Some("受信フォルダーから取り出せませんでした（無くなったか、移動できません）")) }
}

/// Moves a file into the work folder, its companion first. False: it is gone.
fn fetch(hub: &Hub, id: i64, path: &Path, companion: Option<&Path>) -> Result<bool, HubError> {
    if let Some(companion) = companion {
        move_if_there(companion, &hub.area.work().join(companion_name(id)))?;
    }
    move_if_there(path, &hub.area.work().join(work_name(id)))
}

/// Finishes what a stop left between announcing and claiming.
pub fn recover(hub: &mut Hub) -> Result<(), HubError> {
    let now = hub.clock.stamp();
    loop {
        let dantai = hub.dantai().to_owned();
        let wanted = Wanted { dantai: Some(&dantai), direction: Some(Direction::In), states: &[State::Claiming], limit: 1000, ..Wanted::default() };
        let left = ledger::list(&mut hub.conn, &wanted)?;
        if left.is_empty() {
            return Ok(());
        }
        for exchange in left {
            let id = exchange.id;
            let aside = hub.area.set_aside().join(id.to_string());
            if fs::symlink_metadata(&aside).is_ok() {
                let finding = Finding::data("not-a-file", Severity::Fatal, DataPlace::default(), "取り込めないものが置かれていました");
                refuse(hub, id, &exchange.interface, State::Claiming, finding)?;
                continue;
            }
            let (to, note) = claimed(fetch_announced(hub, &exchange).unwrap_or(false));
            ledger::advance(&mut hub.conn, id, State::Claiming, to, note, &now)?;
        }
    }
}

/// Moves a file that was announced before a stop, unless that was done already.
fn fetch_announced(hub: &Hub, exchange: &Exchange) -> Result<bool, HubError> {
    if hub.area.work().join(work_name(exchange.id)).exists() {
        return Ok(true);
    }
    let (Some(from), Some(_)) = (&exchange.inbox_path, &exchange.work_name) else { return Ok(false) };
    let from = hub.site.root.join(from);
    let feed = hub.site.feeds.get(&exchange.interface);
    let companion = feed.zip(from.parent()).and_then(|(feed, folder)| inbox::companion(feed, folder, &exchange.file_name));
    fetch(hub, exchange.id, &from, companion.as_deref())
}

/// Moves an entry that is no file out of the way, and says so in a report. One that cannot be moved (another file system,
/// no permission) stays where it is.
fn set_aside(hub: &mut Hub, interface: &str, path: &Path, name: &str, mut finding: Finding, elapsed: Duration) -> Result<(), HubError> {
    let now = hub.clock.stamp();
    let dantai = hub.dantai().to_owned();
    let id = hub.conn.durable(|conn| ledger::begin(conn, &dantai, Direction::In, interface, name, State::Claiming, &now))?;
    hub.steps.pass(Step::InAnnounced)?;
    let aside = hub.area.set_aside().join(id.to_string());
    if let Err(source) = fs::rename(path, &aside) {
        if source.kind() != std::io::ErrorKind::NotFound {
            tracing::error!(exchange = id, error = %source, "an entry cannot be moved out of the inbox");
            hub.inbox.put_off(path, elapsed);
            finding.message += "。移動できないため、受信フォルダーに残しています";
        }
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
        let new = NewRun { exchange: Some(id), interface, dantai: &dantai, kind: RunKind::In, base_date: &today, revision: "" };
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

fn move_if_there(from: &Path, to: &Path) -> Result<bool, HubError> {
    match fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) if e.kind() == std::io::ErrorKind::CrossesDevices => {
            let copied = crate::area::open_plain(from).and_then(|mut file| {
                let scratch = to.with_extension("copy");
                let mut out = fs::File::create(&scratch)?;
                std::io::copy(&mut file, &mut out)?;
                out.sync_all()?;
                fs::rename(&scratch, to)?;
                fs::remove_file(from)
            });
            copied.map(|()| true).map_err(HubError::io("受信ファイルの移動", from))
        }
        Err(e) => Err(HubError::io("受信ファイルの移動", from)(e)),
    }
}
