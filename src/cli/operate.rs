//! Verbs for operators and for those who run the daemon.
//!
//! Owns: their output. Never: decides; it calls the pipeline.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::status::{is_told, print_exchanges, print_waiting};
use super::{Cli, CliError, DecideArgs, RetryArgs, RunArgs, ServeArgs, exit};
use crate::pipeline::{Hub, HubError, deliver as street, due, outbound, worker};
use crate::store::ledger::{self, Direction, Exchange, State, Wanted};
use notify::Watcher;

/// A file open for writing was closed: the one access that is news.
const WRITTEN: notify::EventKind =
    notify::EventKind::Access(notify::event::AccessKind::Close(notify::event::AccessMode::Write));

/// `serve`: the daemon.
pub fn serve(cli: &Cli, args: &ServeArgs) -> Result<u8, CliError> {
    start_log();
    // A panic's own words may repeat what it worked on; its place is enough.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "bug");
    }));
    let mut hub = cli.hub()?;
    let _lock = worker::lock(&hub)?;
    let stop = hub.steps.stop_flag();
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, stop.clone())?;
    }
    let (hint, hints) = std::sync::mpsc::sync_channel::<()>(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Our own reading is no news; answering it would keep the worker busy for ever.
        let read = event.is_ok_and(|e| e.kind.is_access() && e.kind != WRITTEN);
        if !read {
            let _ = hint.try_send(());
        }
    })
    .map_err(|e| CliError::Refused(format!("受信フォルダーを監視できません: {e}")))?;
    for interface in hub.site.feeds.keys() {
        let folder = hub.area.inbox.join(interface);
        if let Err(error) = watcher.watch(&folder, notify::RecursiveMode::NonRecursive) {
            tracing::warn!(%interface, %error, "no notifications for this folder; it is scanned all the same");
        }
    }
    tracing::info!(interfaces = hub.site.feeds.len(), "serving");
    let started = Instant::now();
    let mut recovered = false;
    while !stop.load(Ordering::Relaxed) {
        let outcome = if recovered { Ok(()) } else { worker::recover(&mut hub) };
        let round = outcome.and_then(|()| {
            recovered = true;
            worker::round(&mut hub, started)
        });
        let pause = match round {
            Ok(round) if round.done > 0 => continue,
            Ok(round) if round.waiting > 0 => Duration::from_millis(hub.site.config.limits.poll_millis),
            Ok(_) => {
                // Without work is the time to empty the log; the next file does not pay for this one then.
                if let Err(error) = hub.conn.checkpoint() {
                    tracing::warn!(%error, "log of the database not emptied");
                }
                Duration::from_secs(args.every)
            }
            Err(HubError::Stopped(_)) => break,
            Err(error) => {
                tracing::error!(error = %worker::chain(&error), "round failed, will be tried again");
                recovered = false;
                reconnect(&mut hub);
                // No hint shortens this pause: trouble that stays must not fill the log.
                std::thread::sleep(Duration::from_secs(1));
                Duration::from_secs(args.every)
            }
        };
        wait(&hints, &stop, pause);
    }
    tracing::info!("stopped; what was under way goes on at the next start");
    Ok(exit::OK)
}

/// Pause after a hint: a file being written gives one with every block, and each would be a round.
const GATHER: Duration = Duration::from_millis(50);

/// Waits for a hint or the end of the pause, and looks at the stop flag meanwhile.
fn wait(hints: &std::sync::mpsc::Receiver<()>, stop: &std::sync::atomic::AtomicBool, pause: Duration) {
    let until = Instant::now() + pause;
    while !stop.load(Ordering::Relaxed) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        if hints.recv_timeout(left.min(Duration::from_millis(200))).is_ok() {
            return std::thread::sleep(GATHER);
        }
    }
}

/// The database may have been restarted under us.
fn reconnect(hub: &mut Hub) {
    if let Ok(conn) = hub.store.connect() {
        hub.conn = conn;
    }
}

/// Only our own words: libraries would log the values they are given, and with them personal data.
fn start_log() {
    use tracing_subscriber::layer::{Layer, SubscriberExt};
    let level = tracing_subscriber::EnvFilter::try_from_env("RENKEI_LOG").unwrap_or_else(|_| "info".into());
    let ours = tracing_subscriber::filter::Targets::new().with_target("renkei", tracing::Level::TRACE);
    let lines = tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr).with_filter(ours);
    // Without the bridge from the `log` crate that `init` would set up.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(level).with(lines));
}

/// Most exchanges that `run` tells of.
const LISTED: u32 = 20_000;

/// `run`: everything that is due, once.
pub fn run(cli: &Cli, args: &RunArgs) -> Result<u8, CliError> {
    let mut hub = cli.hub()?;
    hub.progress = super::progress::bar(cli.json);
    let _lock = worker::lock(&hub)?;
    let dantai = hub.dantai().to_owned();
    let all = Wanted { dantai: Some(&dantai), limit: LISTED, ..Wanted::default() };
    let before = ledger::list(&mut hub.conn, &Wanted { limit: 1, ..all })?.first().map_or(0, |e| e.id);
    // What an earlier run left half done is told too.
    let resumed = ledger::list(&mut hub.conn, &Wanted { states: &State::UNDER_WAY, ..all })?;
    let is_new = |e: &Exchange| e.id > before || resumed.iter().any(|old| old.id == e.id && old.state != e.state);
    let round = worker::run_until_idle(&mut hub, Duration::from_secs(args.wait))?;
    let site = hub.site.clone();
    let mut refused = false;
    for interface in &args.draft {
        let plan = site
            .outbound
            .get(interface)
            .ok_or_else(|| CliError::Refused(format!("送信定義「{interface}」がありません")))?;
        // Made by this very run: it is what was asked for.
        if due::open(&mut hub, interface)?.is_some_and(|open| open.id > before) {
            continue;
        }
        match outbound::draft(&mut hub, plan) {
            Err(error @ HubError::Refused(_)) => {
                super::say("", &error.to_string());
                refused = true;
            }
            made => drop(made?),
        }
    }
    crate::pipeline::day::write_day(&mut hub)?;
    let seen: Vec<Exchange> =
        ledger::list(&mut hub.conn, &all)?.into_iter().filter(|e| is_new(e) && is_told(e)).rev().collect();
    print_exchanges(cli, &mut hub, &seen)?;
    let overdue = print_waiting(cli, &hub)?;
    Ok(match () {
        () if any_stopped(&mut hub)? || overdue => exit::ATTENTION,
        () if round.failed > 0 => exit::MACHINE,
        () if refused || needs_person(&mut hub, &seen)? => exit::ATTENTION,
        () => exit::OK,
    })
}

/// Is there an exchange that nothing but an operator's `retry` moves on?
pub fn any_stopped(hub: &mut Hub) -> Result<bool, HubError> {
    let wanted = Wanted { states: &[State::Failed], limit: 1, ..Wanted::default() };
    Ok(!ledger::list(&mut hub.conn, &wanted)?.is_empty())
}

fn needs_person(hub: &mut Hub, exchanges: &[Exchange]) -> Result<bool, HubError> {
    for e in exchanges {
        if e.state == State::Rejected {
            return Ok(true);
        }
        if e.direction == Direction::In
            && crate::store::run::of_exchange(&mut hub.conn, e.id)?.last().is_some_and(|r| r.totals.held > 0)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `confirm`: lets a draft go.
pub fn confirm(cli: &Cli, args: &DecideArgs) -> Result<u8, CliError> {
    let mut hub = cli.hub()?;
    let exchange = street::confirm(&mut hub, args.exchange, &args.by, args.hash.as_deref())?;
    told(cli, &mut hub, &exchange, "確認しました。renkei が送付します（すぐ送るときは renkei deliver）")
}

/// `return`: sends a draft back.
pub fn send_back(cli: &Cli, args: &DecideArgs) -> Result<u8, CliError> {
    let mut hub = cli.hub()?;
    let exchange = street::send_back(&mut hub, args.exchange, &args.by, &args.note)?;
    told(cli, &mut hub, &exchange, "差し戻しました。送付されません")
}

/// `retry`: what was stopped or put off is tried again.
pub fn retry(cli: &Cli, args: &RetryArgs) -> Result<u8, CliError> {
    let mut hub = cli.hub()?;
    let exchange = street::retry(&mut hub, args.exchange, &args.by)?;
    told(cli, &mut hub, &exchange, "やり直します（serve が続きを行います。すぐ行うときは renkei run）")
}

fn told(cli: &Cli, hub: &mut Hub, exchange: &Exchange, message: &str) -> Result<u8, CliError> {
    if !cli.json {
        println!("受付番号 {}: {message}", exchange.id);
    }
    print_exchanges(cli, hub, std::slice::from_ref(exchange))?;
    Ok(exit::OK)
}

/// `deliver`: what is confirmed goes out now.
pub fn deliver(cli: &Cli) -> Result<u8, CliError> {
    let mut hub = cli.hub()?;
    let _lock = worker::lock(&hub)?;
    let wanted = Wanted {
        direction: Some(Direction::Out),
        states: &[State::Confirmed, State::Delivering],
        limit: 1000,
        ..Wanted::default()
    };
    let mut sent = Vec::new();
    let (mut blocked, mut failed) = (0, 0);
    for exchange in ledger::list(&mut hub.conn, &wanted)?.into_iter().rev() {
        match street::deliver(&mut hub, &exchange) {
            Ok(()) => match ledger::get(&mut hub.conn, exchange.id)? {
                sent_now if sent_now.state == State::Delivered => sent.push(sent_now),
                withdrawn => {
                    blocked += 1;
                    super::say(&format!("受付番号 {}: ", withdrawn.id), withdrawn.note.as_deref().unwrap_or_default());
                }
            },
            Err(error @ HubError::Stopped(_)) => return Err(error.into()),
            // What one file waits for keeps no other one back.
            Err(error) => {
                match error {
                    HubError::Refused(_) => blocked += 1,
                    _ => failed += 1,
                }
                tracing::error!(exchange = exchange.id, error = %worker::chain(&error), "not delivered");
                super::say(&format!("受付番号 {}: ", exchange.id), &error.to_string());
            }
        }
    }
    crate::pipeline::day::write_day(&mut hub)?;
    print_exchanges(cli, &mut hub, &sent)?;
    if !cli.json {
        match sent.len() + blocked + failed {
            0 => println!("送るものはありません（確認したファイルは、すべて送付済です）"),
            _ => println!("{} 件送付しました", sent.len()),
        }
        if blocked + failed > 0 {
            println!(
                "{} 件は送付できませんでした。原因を除いて、もう一度 renkei deliver を実行してください",
                blocked + failed
            );
        }
    }
    Ok(match () {
        () if failed > 0 => exit::MACHINE,
        () if blocked > 0 => exit::ATTENTION,
        () => exit::OK,
    })
}

impl From<crate::store::StoreError> for CliError {
    fn from(error: crate::store::StoreError) -> Self {
        CliError::Hub(error.into())
    }
}
