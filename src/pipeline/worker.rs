//! The worker: takes no input. It looks at the inbox and the ledger and does what is due, in one order, until nothing is.
//!
//! Owns: that order, the lock that keeps a second worker away, the waiting. Never: keeps state between two looks.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::derive::Ending;
use super::receive::{self, receive};
use super::{Hub, HubError, archive, deliver, derive, due, guarded, inbound, outbound};
use crate::clock::Clock;
use crate::mapping::plan::DerivePlan;
use crate::store::ledger::{self, Direction, Exchange, State};
use crate::store::{lease, run};

/// Name under which this worker holds leases.
const WORKER: &str = "worker";
/// States of received files that have their way to go.
const INBOUND: [State; 4] = [State::Claimed, State::Archived, State::Loading, State::Applied];
/// States of files to send that have their way to go without an operator.
const OUTBOUND: [State; 3] = [State::Drafting, State::Confirmed, State::Delivering];
/// A lease this long outlives any file; it ends when the worker lets go or starts anew.
const LEASE_SECONDS: i64 = 24 * 3600;
/// First pause after the machine failed with an exchange; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: i64 = 10;
/// See [`FIRST_PAUSE`], seconds.
const LONGEST_PAUSE: i64 = 3600;
/// Longest time that a file still arriving holds back derivations and drafts.
const LONGEST_ARRIVAL: Duration = Duration::from_secs(600);
/// Pause between two looks at files that are still arriving.
const ARRIVING_PAUSE: Duration = Duration::from_millis(100);

/// What one round did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// Pieces of work done.
    pub done: usize,
    /// Files that are still arriving.
    pub waiting: usize,
    /// Files that have been arriving for longer than their feed allows.
    pub overdue: usize,
    /// Pieces of work that failed and are put off.
    pub failed: usize,
}

/// Keeps a second worker away from a site's folders for as long as it lives.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "held, not read")] File);

/// Takes the worker's lock, or says that another has it.
pub fn lock(hub: &Hub) -> Result<Lock, HubError> {
    let path = hub.area.data.join("worker.lock");
    let file = File::create(&path).map_err(HubError::io("ロックの取得", &path))?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock(file)),
        Err(_) => Err(HubError::Refused(
            "このフォルダーでは別の renkei が動いています。終わるのを待つか、serve に任せてください".into(),
        )),
    }
}

/// What a worker does first: finish what a stop interrupted.
pub fn recover(hub: &mut Hub) -> Result<(), HubError> {
    let dantai = hub.dantai().to_owned();
    lease::release_all(&mut hub.conn, &dantai, WORKER)?;
    hub.area.sweep_scratch().map_err(HubError::io("作業フォルダーの整理", &hub.area.work()))?;
    receive::recover(hub)?;
    clear_finished(hub)?;
    write_last_reports(hub)?;
    work_off(hub, Direction::Out, &[State::Drafting], &mut Round::default(), outward)
}

/// A file to send goes as far as it goes without an operator: a draft that was interrupted is written again, one that is
/// confirmed is delivered.
fn outward(hub: &mut Hub, exchange: Exchange) -> Result<(), HubError> {
    if exchange.state != State::Drafting {
        return deliver::deliver(hub, &exchange);
    }
    let site = hub.site.clone();
    if let Some(plan) = site.outbound.get(&exchange.interface) {
        return outbound::write(hub, plan, &exchange).map(|_| ());
    }
    let (note, now) = (Some("送信定義が無くなりました"), hub.clock.stamp());
    ledger::advance(&mut hub.conn, exchange.id, State::Drafting, State::Withdrawn, note, &now)?;
    Ok(())
}

/// States whose report was written after the state was: a stop between the two leaves the report of the state before.
const TOLD: [State; 6] =
    [State::Rejected, State::Duplicate, State::Draft, State::Confirmed, State::Returned, State::Delivered];
/// Exchanges that changed last, whose reports are written again after a stop. The worker writes them one by one, so one
/// would do; the others are for commands that ran beside it.
const LAST_REPORTS: u32 = 8;

/// The reports that a stop may have cut off: those of the last changes. Writing one again gives the same bytes.
fn write_last_reports(hub: &mut Hub) -> Result<(), HubError> {
    let dantai = hub.dantai().to_owned();
    let last = ledger::last_changed(&mut hub.conn, &dantai, &TOLD, LAST_REPORTS)?;
    if last.is_empty() {
        return Ok(());
    }
    for exchange in last {
        super::facts::write_exchange(hub, exchange.id)?;
    }
    let site = hub.site.clone();
    for interface in site.derive.keys() {
        if let Some(run) = run::last_done(&mut hub.conn, &dantai, interface)? {
            super::facts::write_derivation(hub, run.id)?;
        }
    }
    super::day::write_day(hub)
}

/// Files that are settled but whose report or clearing a stop cut off: they still lie in the work folder.
fn clear_finished(hub: &mut Hub) -> Result<(), HubError> {
    let work = hub.area.work();
    let entries = std::fs::read_dir(&work).map_err(HubError::io("作業フォルダーの確認", &work))?;
    let mut left: Vec<i64> = entries
        .filter_map(Result::ok)
        .filter_map(|e| e.file_name().to_str().and_then(|n| n.strip_suffix(".in")).and_then(|id| id.parse().ok()))
        .collect();
    left.sort_unstable();
    for id in left {
        let Some(exchange) = hub.exchange(id)? else { continue };
        if matches!(exchange.state, State::Rejected | State::Duplicate | State::Reported | State::Withdrawn) {
            match inbound::advance(hub, exchange) {
                Err(stopped @ HubError::Stopped(_)) => return Err(stopped),
                // Not worth keeping all other work waiting for.
                Err(error) => tracing::error!(exchange = id, error = %chain(&error), "work folder not cleared"),
                Ok(()) => {}
            }
        }
    }
    Ok(())
}

/// One round: receive, work off files, derive, draft, deliver. `started` is when this worker began.
pub fn round(hub: &mut Hub, started: Instant) -> Result<Round, HubError> {
    let received = receive(hub, started)?;
    let mut round =
        Round { done: received.taken, waiting: received.waiting, overdue: received.overdue, failed: received.failed };
    archive::archive_small(hub)?;
    work_off(hub, Direction::In, &INBOUND, &mut round, inbound::advance)?;
    if !is_held_back(hub, &round) {
        compute(hub, &mut round)?;
    }
    work_off(hub, Direction::Out, &OUTBOUND, &mut round, outward)?;
    let news = std::mem::replace(&mut hub.overdue, round.overdue) != round.overdue;
    if news && round.overdue > 0 {
        tracing::warn!(files = round.overdue, "files in the inbox are still not complete (see status)");
    }
    let done = round.done > 0 || news;
    let expected = (done || super::watch::is_due(hub)) && super::watch::look(hub)?;
    if done || expected {
        super::day::write_day(hub)?;
        hub.timeline_is_old = true;
    }
    // It tells of the whole year: once after all the work.
    if round.done == 0 && std::mem::take(&mut hub.timeline_is_old) {
        super::timeline::write_timeline(hub)?;
    }
    Ok(round)
}

/// Derivations and drafts that are due.
fn compute(hub: &mut Hub, round: &mut Round) -> Result<(), HubError> {
    derive_all(hub, round)?;
    let site = hub.site.clone();
    for plan in site.outbound.values() {
        due::withdraw_outdated(hub, plan)?;
        if !is_put_off(hub, &plan.interface) && due::draft_is_due(hub, plan)? {
            let done = guarded(hub, |hub| outbound::draft(hub, plan).map(|_| ()));
            note(hub, &plan.interface, round, done)?;
        }
    }
    Ok(())
}

/// Derivations that are due, each once: as many at a time as will not have to wait for each other's rows.
fn derive_all(hub: &mut Hub, round: &mut Round) -> Result<(), HubError> {
    let mut left = hub.site.derive_order();
    loop {
        let together = together(hub, &left)?;
        if together.is_empty() {
            return Ok(());
        }
        let endings = match derive::derive_together(hub, &together) {
            Ok(endings) => endings,
            // The machine failed before any was computed: the first is put off, the others are tried without it.
            Err(error) => vec![Ending::Failed(error)],
        };
        for (plan, ending) in together.iter().zip(endings) {
            let done = match ending {
                Ending::TooEarly => continue,
                Ending::Stands => Ok(()),
                Ending::Failed(error) => Err(error),
            };
            note(hub, &plan.interface, round, done)?;
            left.retain(|other| other.interface != plan.interface);
        }
    }
}

/// Of derivations in their order, those that are due and may be computed now: nothing they wait for is due as well, or it
/// will most likely leave everything as it is, for so it did the last time.
fn together(hub: &mut Hub, left: &[Arc<DerivePlan>]) -> Result<Vec<Arc<DerivePlan>>, HubError> {
    let site = hub.site.clone();
    let (mut together, mut restless) = (Vec::new(), Vec::<&DerivePlan>::new());
    for plan in left {
        if is_put_off(hub, &plan.interface) || !due::derive_is_due(hub, plan)? {
            continue;
        }
        if !restless.iter().any(|earlier| site.waits(&plan.interface, &earlier.interface)) {
            together.push(Arc::clone(plan));
        }
        if !due::changed_nothing(hub, plan)? {
            restless.push(plan);
        }
    }
    Ok(together)
}

/// Did this computation fail a short while ago?
fn is_put_off(hub: &Hub, interface: &str) -> bool {
    hub.put_off.get(interface).is_some_and(|(until, _)| Instant::now() < *until)
}

/// Notes what became of one computation; a failure puts it off and stops no other work.
fn note(hub: &mut Hub, interface: &str, round: &mut Round, done: Result<(), HubError>) -> Result<(), HubError> {
    match done {
        Ok(()) => {
            hub.put_off.remove(interface);
            round.done += 1;
        }
        Err(HubError::Stopped(step)) => return Err(HubError::Stopped(step)),
        Err(error) => {
            tracing::error!(%interface, error = %chain(&error), "computation failed, will be tried again");
            let tries = hub.put_off.get(interface).map_or(0, |(_, tries)| *tries);
            let pause = (FIRST_PAUSE << tries.min(16)).min(LONGEST_PAUSE).unsigned_abs();
            hub.put_off.insert(interface.to_owned(), (Instant::now() + Duration::from_secs(pause), tries + 1));
            round.failed += 1;
        }
    }
    Ok(())
}

/// While files are arriving, what is computed from them waits; but not longer than [`LONGEST_ARRIVAL`].
fn is_held_back(hub: &mut Hub, round: &Round) -> bool {
    if round.waiting == 0 {
        hub.arriving_since = None;
        return false;
    }
    hub.arriving_since.get_or_insert_with(Instant::now).elapsed() < LONGEST_ARRIVAL
}

fn work_off(
    hub: &mut Hub,
    direction: Direction,
    states: &[State],
    round: &mut Round,
    work: impl Fn(&mut Hub, Exchange) -> Result<(), HubError>,
) -> Result<(), HubError> {
    loop {
        let now = hub.clock.stamp();
        let until = later(&hub.clock, LEASE_SECONDS);
        let dantai = hub.dantai().to_owned();
        let claimed = lease::claim_next(&mut hub.conn, &dantai, direction, states, WORKER, &now, &until)?;
        let Some(exchange) = claimed else { return Ok(()) };
        let (id, attempts) = (exchange.id, exchange.attempts);
        match guarded(hub, |hub| work(hub, exchange)) {
            Ok(()) => {
                round.done += 1;
                // A draft has an operator's wait before it; what was received is at its end.
                if direction == Direction::Out {
                    lease::release(&mut hub.conn, id)?;
                }
            }
            Err(HubError::Stopped(step)) => return Err(HubError::Stopped(step)),
            Err(error) => {
                round.failed += 1;
                put_off(hub, id, attempts, &error)?;
            }
        }
    }
}

/// An exchange with which the machine failed is tried again after a pause; after the last attempt it is stopped. What is
/// refused only waits for something (a partner, a mapping) and is never stopped.
fn put_off(hub: &mut Hub, id: i64, attempts: i64, error: &HubError) -> Result<(), HubError> {
    let most = i64::from(hub.site.config.limits.attempts);
    if attempts + 1 < most || matches!(error, HubError::Refused(_)) {
        tracing::error!(exchange = id, error = %chain(error), "work failed, will be tried again");
        let pause = (FIRST_PAUSE << attempts.clamp(0, 16)).min(LONGEST_PAUSE);
        let next = later(&hub.clock, pause);
        return Ok(ledger::postpone(&mut hub.conn, id, &error.to_string(), &next, &hub.clock.stamp())?);
    }
    tracing::error!(exchange = id, error = %chain(error), "work failed too often, stopped until it is retried");
    let note = format!(
        "{error}。{most} 回試して止めました。原因を除いてから renkei retry {id} を実行してください。何も失われていません"
    );
    ledger::stop(&mut hub.conn, id, &note, &hub.clock.stamp())?;
    if let Err(error) = super::facts::write_exchange(hub, id) {
        tracing::error!(exchange = id, error = %chain(&error), "report not written");
    }
    Ok(())
}

fn later(clock: &Clock, seconds: i64) -> String {
    (clock.now() + chrono::TimeDelta::seconds(seconds)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// An error with its causes on one line, for the log.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    text
}

/// Rounds until nothing is left to do and no file is arriving, at most `wait` long for arriving files. Returns what was done.
pub fn run_until_idle(hub: &mut Hub, wait: Duration) -> Result<Round, HubError> {
    recover(hub)?;
    go_on(hub, Instant::now(), wait, Round::default())
}

/// [`run_until_idle`] in which all files that must rest are taken together: which of them was first is then no matter of how
/// fast the machine is. For what has to be the same every time; whoever waits for files takes each as it comes.
pub fn run_in_step(hub: &mut Hub, wait: Duration) -> Result<Round, HubError> {
    recover(hub)?;
    let started = Instant::now();
    let first = round(hub, started)?;
    if first.waiting > 0 {
        let rests = hub.site.feeds.values().map(|feed| feed.complete.rest());
        std::thread::sleep(rests.max().unwrap_or_default().min(wait));
    }
    go_on(hub, started, wait, first)
}

fn go_on(hub: &mut Hub, started: Instant, wait: Duration, mut sum: Round) -> Result<Round, HubError> {
    let mut quiet_since = Instant::now();
    loop {
        let round = round(hub, started)?;
        sum.done += round.done;
        sum.failed += round.failed;
        (sum.waiting, sum.overdue) = (round.waiting, round.overdue);
        if round.done > 0 {
            quiet_since = Instant::now();
        } else if round.waiting == 0 || quiet_since.elapsed() >= wait {
            return Ok(sum);
        } else {
            hub.steps.go_on(super::Step::InClaimed)?;
            let waited = quiet_since.elapsed().as_secs();
            hub.progress.tell("届いている途中のファイルを待っています", waited, wait.as_secs());
            std::thread::sleep(ARRIVING_PAUSE);
        }
    }
}

/// [`run_until_idle`] for cases and tests: files were dropped whole, so none is waited for longer than its feed says.
pub fn settle(hub: &mut Hub) -> Result<(), HubError> {
    run_until_idle(hub, Duration::from_secs(30)).map(|_| ())
}

/// Confirms and delivers the open draft of an interface (making one if there is none). For cases and the demo.
pub fn send_now(hub: &mut Hub, interface: &str, who: &str) -> Result<Vec<i64>, HubError> {
    let site = hub.site.clone();
    let plan = site
        .outbound
        .get(interface)
        .ok_or_else(|| HubError::Refused(format!("送信定義「{interface}」がありません")))?;
    if !due::is_open(hub, interface)? {
        outbound::draft(hub, plan)?;
    }
    let dantai = hub.dantai().to_owned();
    let wanted = ledger::Wanted {
        dantai: Some(&dantai),
        direction: Some(Direction::Out),
        interface: Some(interface),
        states: &[State::Draft],
        limit: 100,
        ..ledger::Wanted::default()
    };
    let drafts = ledger::list(&mut hub.conn, &wanted)?;
    let mut sent = Vec::new();
    for draft in drafts {
        let confirmed = deliver::confirm(hub, draft.id, who, draft.sha256.as_deref())?;
        deliver::deliver(hub, &confirmed)?;
        sent.push(draft.id);
    }
    Ok(sent)
}
