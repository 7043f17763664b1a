//! Verbs for operators and for those who run the daemon.
//!
//! Owns: their output. Never: decides; it calls the pipeline.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use notify::Watcher;
use serde_json::json;

use super::{Cli, CliError, DecideArgs, ReportArgs, RetryArgs, RunArgs, ServeArgs, StatusArgs, exit};
use crate::pipeline::{Hub, HubError, deliver as street, facts, outbound, waiting, worker};
use crate::store::ledger::{self, Direction, Exchange, State, Wanted};

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
            Ok(_) => Duration::from_secs(args.every),
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

/// `run`: everything that is due, once.
pub fn run(cli: &Cli, args: &RunArgs) -> Result<u8, CliError> {
    let mut hub = cli.hub()?;
    hub.progress = super::progress::bar(cli.json);
    let _lock = worker::lock(&hub)?;
    let before = ledger::list(&mut hub.conn, &Wanted { limit: 1, ..Wanted::default() })?.first().map_or(0, |e| e.id);
    let round = worker::run_until_idle(&mut hub, Duration::from_secs(args.wait))?;
    let site = hub.site.clone();
    for interface in &args.draft {
        let plan = site
            .outbound
            .get(interface)
            .ok_or_else(|| CliError::Refused(format!("送信定義「{interface}」がありません")))?;
        outbound::draft(&mut hub, plan)?;
    }
    crate::pipeline::day::write_day(&mut hub)?;
    let wanted = Wanted { limit: 20_000, ..Wanted::default() };
    let seen: Vec<Exchange> =
        ledger::list(&mut hub.conn, &wanted)?.into_iter().filter(|e| e.id > before).rev().collect();
    print_exchanges(cli, &mut hub, &seen)?;
    if !cli.json && round.waiting > 0 {
        println!("届いている途中のファイルが {} 件あります", round.waiting);
    }
    let overdue = print_waiting(cli, &hub)?;
    Ok(match () {
        () if any_stopped(&mut hub)? || overdue => exit::ATTENTION,
        () if round.failed > 0 => exit::MACHINE,
        () if needs_person(&mut hub, &seen)? => exit::ATTENTION,
        () => exit::OK,
    })
}

/// Is there an exchange that nothing but an operator's `retry` moves on?
fn any_stopped(hub: &mut Hub) -> Result<bool, HubError> {
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

/// `status`: what came, what left, what waits.
pub fn status(cli: &Cli, args: &StatusArgs) -> Result<u8, CliError> {
    let mut hub = cli.hub()?;
    let dantai = hub.dantai().to_owned();
    let wanted = Wanted { dantai: Some(&dantai), limit: args.last, ..Wanted::default() };
    let mut seen = ledger::list(&mut hub.conn, &wanted)?;
    seen.retain(|e| e.state != State::Withdrawn);
    seen.reverse();
    print_exchanges(cli, &mut hub, &seen)?;
    if !cli.json {
        let waiting = Wanted { dantai: Some(&dantai), states: &[State::Draft], limit: 1000, ..Wanted::default() };
        let drafts = ledger::list(&mut hub.conn, &waiting)?;
        println!("確認待ち {} 件。報告書: {}", drafts.len(), hub.area.reports().join("index.html").display());
    }
    let overdue = print_waiting(cli, &hub)?;
    Ok(if overdue || any_stopped(&mut hub)? { exit::ATTENTION } else { exit::OK })
}

/// What lies in the inbox untaken; true when a person must look at some of it. In JSON it is part of the one document.
fn print_waiting(cli: &Cli, hub: &Hub) -> Result<bool, CliError> {
    let waiting = waiting::waiting(hub)?;
    for w in waiting.iter().filter(|_| !cli.json) {
        let mark = if w.overdue { "【要確認】" } else { "" };
        println!("inbox/{}: {mark}{}（{} から）", w.path, w.reason.japanese(), crate::clock::people_jst(&w.since));
    }
    Ok(waiting.iter().any(|w| w.overdue))
}

fn waiting_json(hub: &Hub) -> Result<Vec<serde_json::Value>, CliError> {
    let waiting = waiting::waiting(hub)?;
    Ok(waiting
        .iter()
        .map(|w| {
            json!({ "path": w.path, "interface": w.interface, "reason": w.reason.word(), "since": w.since,
                "entries": w.entries, "overdue": w.overdue })
        })
        .collect())
}

/// One exchange a line, or as JSON.
pub fn print_exchanges(cli: &Cli, hub: &mut Hub, exchanges: &[Exchange]) -> Result<(), CliError> {
    let mut list = Vec::new();
    for e in exchanges {
        let run = crate::store::run::of_exchange(&mut hub.conn, e.id)?.pop();
        let t = run.map(|r| r.totals).unwrap_or_default();
        let report = facts::report_folder(hub, e).join("index.html");
        if cli.json {
            list.push(json!({
                "exchange": e.id, "direction": e.direction.as_str(), "interface": e.interface, "file": e.file_name, "state": e.state.as_str(),
                "received_at": e.received_at, "sha256": e.sha256, "bytes": e.bytes, "read": t.read, "new": t.loaded_new, "changed": t.loaded_changed,
                "unchanged": t.unchanged, "closed": t.closed, "held": t.held, "rejected": t.rejected, "written": t.written, "amount": e.amount,
                "note": e.note, "report": report,
            }));
            continue;
        }
        let way = if e.direction == Direction::In { "受信" } else { "送付" };
        let what = if e.direction == Direction::In {
            format!(
                "読込 {} 新規 {} 変更 {} 同じ {} 終了 {} 保留 {} 却下 {}",
                t.read, t.loaded_new, t.loaded_changed, t.unchanged, t.closed, t.held, t.rejected
            )
        } else {
            format!("{} 件 SHA-256 {}", e.records.unwrap_or(0), e.sha256.as_deref().map_or("", |s| &s[..16]))
        };
        println!(
            "{:>6} {way} {} {} {}",
            e.id,
            facts::state_word(e.state),
            facts::title(hub, &e.interface),
            crate::report::words::visible(&e.file_name)
        );
        println!("       {what}");
        if let Some(note) = &e.note {
            println!("       {}", crate::report::words::visible(note));
        }
    }
    if cli.json {
        println!("{}", json!({ "exchanges": list, "waiting": waiting_json(hub)? }));
    }
    Ok(())
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
    for exchange in ledger::list(&mut hub.conn, &wanted)?.into_iter().rev() {
        street::deliver(&mut hub, &exchange)?;
        sent.push(ledger::get(&mut hub.conn, exchange.id)?);
    }
    crate::pipeline::day::write_day(&mut hub)?;
    print_exchanges(cli, &mut hub, &sent)?;
    if !cli.json {
        println!("{} 件送付しました", sent.len());
    }
    Ok(exit::OK)
}

/// `report`: a run's report on the terminal, or the files of a day's report.
pub fn report(cli: &Cli, args: &ReportArgs) -> Result<u8, CliError> {
    let mut hub = cli.hub()?;
    if let Some(id) = args.exchange {
        let exchange = match ledger::get(&mut hub.conn, id) {
            Ok(exchange) => exchange,
            Err(crate::store::StoreError::Missing { .. }) => {
                return Err(CliError::Refused(format!("受付番号 {id} はありません")));
            }
            Err(e) => return Err(e.into()),
        };
        let report = facts::exchange_report(&mut hub, &exchange)?;
        if cli.json {
            println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
        } else {
            facts::write_exchange(&mut hub, id)?;
            print!("{}", crate::report::text(&report));
            println!("報告書: {}", facts::report_folder(&hub, &exchange).join("index.html").display());
        }
        return Ok(exit::OK);
    }
    let day = args.day.clone().unwrap_or_else(|| hub.clock.today().to_string());
    let report = crate::pipeline::day::day_report(&mut hub, &day)?;
    if cli.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        let folder = hub.area.reports().join(&day);
        crate::report::write_day(&report, &folder)?;
        println!("{}", report.headline());
        println!("日報: {}", folder.join("index.html").display());
    }
    Ok(exit::OK)
}

impl From<crate::store::StoreError> for CliError {
    fn from(error: crate::store::StoreError) -> Self {
        CliError::Hub(error.into())
    }
}
