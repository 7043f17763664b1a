//! `status` and `report`: what came, left and waits, what to do, and one run's report.
//!
//! Owns: how these read on a terminal and as JSON. Never: decides; it shows what the ledger and the folders say.

use serde_json::json;

use super::operate::any_stopped;
use super::{Cli, CliError, ReportArgs, StatusArgs, exit, print_json};
use crate::clock::{day_jst, time_jst};
use crate::pipeline::{Hub, facts, hold, waiting};
use crate::report::json;
use crate::report::model::Direction;
use crate::report::verdict::{Outcome, Tone};
use crate::report::words::{count, thousands, visible, yen};
use crate::store::hold::HeldRow;
use crate::store::ledger::{self, Exchange, State, Wanted};
use crate::store::run::{self, RunTotals};

/// Drafts told of with their commands; `--json` has them all.
const DRAFTS: usize = 20;
/// Most drafts asked for.
const DRAFT_LIMIT: u32 = 1000;
/// Held records told of with their commands.
const HELD: usize = 20;

/// Is there anything to tell of it? A draft without anything to send is none.
pub fn is_told(exchange: &Exchange) -> bool {
    exchange.state != State::Withdrawn
}

/// `status`: what came, what left, what waits.
pub fn status(cli: &Cli, args: &StatusArgs) -> Result<u8, CliError> {
    let mut hub = cli.hub()?;
    let dantai = hub.dantai().to_owned();
    let wanted = Wanted { dantai: Some(&dantai), limit: args.last, ..Wanted::default() };
    let mut seen = ledger::list(&mut hub.conn, &wanted)?;
    let older = u32::try_from(seen.len()).is_ok_and(|n| n >= args.last);
    seen.retain(is_told);
    seen.reverse();
    let drafts = Wanted { dantai: Some(&dantai), states: &[State::Draft], limit: DRAFT_LIMIT, ..Wanted::default() };
    let mut drafts = ledger::list(&mut hub.conn, &drafts)?;
    drafts.reverse();
    if cli.json {
        let list = exchanges_json(&mut hub, &seen)?;
        let drafts: Vec<i64> = drafts.iter().map(|d| d.id).collect();
        let alerts = alerts_json(&mut hub)?;
        let waiting = waiting_json(&hub)?;
        let held = held_json(&mut hub)?;
        print_json(&json!({ "exchanges": list, "drafts": drafts, "held": held, "waiting": waiting, "alerts": alerts }));
        return attention(cli, &mut hub);
    }
    if older {
        let all = format!("{} status --last {}", cli.program(), u64::from(args.last.max(1)) * 10);
        println!(
            "（新しいほうから {} まで。これより前は {all} か、報告書の一覧で見られます）",
            count(u64::from(args.last))
        );
    }
    print_exchanges(cli, &mut hub, &seen)?;
    print_derivations(&mut hub)?;
    print_drafts(cli, &hub, &drafts);
    print_held(cli, &mut hub)?;
    let exit = attention(cli, &mut hub)?;
    println!("詳しくは {} report 番号。報告書の一覧: {}", cli.program(), index(&hub));
    Ok(exit)
}

/// Tells what waits in the inbox; is there anything that nothing but a person moves on?
fn attention(cli: &Cli, hub: &mut Hub) -> Result<u8, CliError> {
    let overdue = print_waiting(cli, hub)?;
    let told = print_alerts(cli, hub)?;
    Ok(if overdue || told || any_stopped(hub)? { exit::ATTENTION } else { exit::OK })
}

fn index(hub: &Hub) -> String {
    hub.area.reports().join("index.html").display().to_string()
}

/// One exchange after the other, or all as one JSON document.
pub fn print_exchanges(cli: &Cli, hub: &mut Hub, exchanges: &[Exchange]) -> Result<(), CliError> {
    if cli.json {
        print_json(&json!({ "exchanges": exchanges_json(hub, exchanges)?, "waiting": waiting_json(hub)? }));
        return Ok(());
    }
    for e in exchanges {
        let totals = run::of_exchange(&mut hub.conn, e.id)?.pop().map(|r| r.totals);
        let (mut sign, word) = word(e, totals.as_ref());
        let mut whole = "";
        let held = totals.as_ref().is_some_and(|t| t.held > 0);
        if way(e) == Direction::In && (held || e.state == State::Rejected) {
            let report = facts::exchange_report(hub, e)?;
            (sign, whole) = (report.tone().sign(), report.whole_sentence());
        }
        let title = facts::title(hub, &e.interface);
        let when = format!("{} {}", day_jst(&e.received_at), time_jst(&e.received_at));
        println!("{:>6} {when} {} {sign} {word}　{title}　{}", e.id, way(e).japanese(), visible(&e.file_name));
        let counts = counts(e, &totals.unwrap_or_default());
        if !counts.is_empty() {
            println!("       {counts}");
        }
        for said in e.note.as_deref().into_iter().chain((!whole.is_empty()).then_some(whole)) {
            println!("       {}", visible(said));
        }
    }
    Ok(())
}

fn way(e: &Exchange) -> Direction {
    if e.direction == ledger::Direction::In { Direction::In } else { Direction::Out }
}

/// The sign and the word of its report; while it is under way, those of its state.
fn word(e: &Exchange, totals: Option<&RunTotals>) -> (&'static str, &'static str) {
    match e.state {
        State::Claiming | State::Claimed | State::Archived | State::Loading | State::Drafting | State::Delivering => {
            ("・", facts::state_word(e.state))
        }
        State::Draft => (Tone::Look.sign(), facts::state_word(e.state)),
        State::Failed => (Tone::Bad.sign(), facts::state_word(e.state)),
        _ => {
            let outcome = facts::outcome_of(e, totals);
            let held = totals.is_some_and(|t| t.held > 0);
            let tone = if held { outcome.tone().max(Tone::Look) } else { outcome.tone() };
            let short = if outcome == Outcome::Duplicate { "重複" } else { outcome.japanese(way(e)) };
            (tone.sign(), short)
        }
    }
}

/// The counts that are not 0.
fn counts(e: &Exchange, t: &RunTotals) -> String {
    let parts = |parts: &[(&str, i64)]| -> Vec<String> {
        parts.iter().filter(|(_, n)| *n != 0).map(|(word, n)| format!("{word} {}", thousands(*n))).collect()
    };
    if e.direction == ledger::Direction::In {
        let all = [
            ("読込", t.read),
            ("新規", t.loaded_new),
            ("変更", t.loaded_changed),
            ("変更なし", t.unchanged),
            ("削除", t.closed),
            ("終了", t.vanished),
            ("対象外", t.skipped),
            ("保留", t.held),
            ("却下", t.rejected),
        ];
        let taken = matches!(e.state, State::Applied | State::Reported);
        let none = (taken && t.read == 0).then(|| "読込 0（中に記録がありません）".to_owned());
        return none.unwrap_or_else(|| parts(&all).join("　"));
    }
    let mut all = vec![count(e.records.unwrap_or(0))];
    all.extend(e.amount.map(|n| yen(Some(n))));
    all.extend(parts(&[("保留", t.held)]));
    all.extend(e.sha256.as_deref().map(|s| format!("SHA-256 {}…", &s[..s.len().min(16)])));
    all.join("　")
}

fn exchanges_json(hub: &mut Hub, exchanges: &[Exchange]) -> Result<Vec<serde_json::Value>, CliError> {
    let mut list = Vec::new();
    for e in exchanges {
        let run = run::of_exchange(&mut hub.conn, e.id)?.pop();
        let verdict = word(e, run.as_ref().map(|r| &r.totals)).1;
        let t = run.map(|r| r.totals).unwrap_or_default();
        let report = facts::report_folder(hub, e).join("index.html");
        list.push(json!({
            "exchange": e.id, "direction": e.direction.as_str(), "interface": e.interface, "file": e.file_name, "state": e.state.as_str(),
            "verdict": verdict, "received_at": e.received_at, "sha256": e.sha256, "bytes": e.bytes, "read": t.read, "new": t.loaded_new,
            "changed": t.loaded_changed, "unchanged": t.unchanged, "closed": t.closed, "held": t.held, "rejected": t.rejected,
            "written": t.written, "amount": e.amount, "note": e.note, "report": report,
        }));
    }
    Ok(list)
}

/// The last computation of each kind, with the number that `report` takes.
fn print_derivations(hub: &mut Hub) -> Result<(), CliError> {
    let dantai = hub.dantai().to_owned();
    let site = hub.site.clone();
    for (interface, plan) in &site.derive {
        if let Some(run) = run::last_done(&mut hub.conn, &dantai, interface)? {
            let when = format!("{} {}", day_jst(&run.started_at), time_jst(&run.started_at));
            println!("{:>6} {when} 計算 ○ 計算済　{}", format!("d{}", run.id), plan.title);
            println!("       計算 {}", thousands(run.totals.read));
        }
    }
    Ok(())
}

fn print_drafts(cli: &Cli, hub: &Hub, drafts: &[Exchange]) {
    if drafts.is_empty() {
        return;
    }
    println!("■ 確認を待っている送付ファイル {}（確認されるまで送りません）", count(drafts.len()));
    let program = cli.program();
    for draft in drafts.iter().take(DRAFTS) {
        let (id, hash) = (draft.id, draft.sha256.as_deref().unwrap_or_default());
        println!("{id:>6} {}　{}", facts::title(hub, &draft.interface), visible(&draft.file_name));
        println!("       見る      {program} report {id}");
        println!("       対象者    {program} list --draft {id}");
        println!("       送る      {program} confirm {id} --by 名前 --hash {}", &hash[..hash.len().min(8)]);
        println!("       送らない  {program} return {id} --by 名前 --note 理由");
    }
    if drafts.len() > DRAFTS {
        println!("       ほかに {}", count(drafts.len() - DRAFTS));
    }
}

/// What drafts keep back, and what lets it go; `held` has them all.
fn print_held(cli: &Cli, hub: &mut Hub) -> Result<(), CliError> {
    let rows = held_rows(hub)?;
    if rows.is_empty() {
        return Ok(());
    }
    println!("■ 送らずに保留している記録 {}（解除されるまで送りません）", count(rows.len()));
    super::guard::print_held(&cli.program(), hub, &rows[..rows.len().min(HELD)]);
    if rows.len() > HELD {
        println!("       ほかに {}（renkei held で全部）", count(rows.len() - HELD));
    }
    Ok(())
}

/// Looking at who is held is noted.
fn held_rows(hub: &mut Hub) -> Result<Vec<(String, HeldRow)>, CliError> {
    let rows = hold::held(hub, None, DRAFT_LIMIT)?;
    if !rows.is_empty() {
        hold::looked(hub, &super::guard::viewer(), "status", None, &format!("保留 {} 件", rows.len()))?;
    }
    Ok(rows)
}

fn held_json(hub: &mut Hub) -> Result<Vec<serde_json::Value>, CliError> {
    let rows = held_rows(hub)?;
    let site = hub.site.clone();
    let one = |(interface, row): &(String, HeldRow)| {
        json!({ "interface": interface, "exchange": row.exchange, "number": row.n, "message": row.message,
            "key": hold::shown_key(&site, interface, &row.key), "next": hold::release_command(&site, interface, row) })
    };
    Ok(rows.iter().map(one).collect())
}

/// What lies in the inbox untaken, and what a person does about it; true when a person must look at some of it. In JSON it
/// is part of the one document, so nothing is printed here.
pub fn print_waiting(cli: &Cli, hub: &Hub) -> Result<bool, CliError> {
    let all = waiting::waiting(hub)?;
    let overdue = all.iter().any(|w| w.overdue);
    if cli.json || all.is_empty() {
        return Ok(overdue);
    }
    println!("■ 受信フォルダーにあり、まだ取り込んでいないもの {}", count(all.len()));
    for w in &all {
        let mark = if w.overdue { "【要確認】" } else { "" };
        println!("       {mark}{}（{} から）", visible(&w.path), crate::clock::people_jst(&w.since));
        println!("         {}", w.reason.japanese());
        if let Some(next) = w.next() {
            println!("         → {}", visible(&next));
        }
    }
    Ok(overdue)
}

/// Files that did not come, numbers left out, calendars that end; true when there is any. In JSON it is part of the one
/// document.
fn print_alerts(cli: &Cli, hub: &mut Hub) -> Result<bool, CliError> {
    let alerts = crate::pipeline::watch::alerts(hub)?;
    if !cli.json && !alerts.is_empty() {
        println!("■ 届いていないもの・警告 {}", count(alerts.len()));
        for alert in &alerts {
            println!("       × {}", visible(&alert.message));
            if !alert.contact.is_empty() {
                println!("         → 連絡先: {}", visible(&alert.contact));
            }
        }
    }
    Ok(!alerts.is_empty())
}

fn alerts_json(hub: &mut Hub) -> Result<Vec<serde_json::Value>, CliError> {
    let alerts = crate::pipeline::watch::alerts(hub)?;
    Ok(alerts.iter().map(|a| json!({ "interface": a.interface, "message": a.message, "contact": a.contact })).collect())
}

fn waiting_json(hub: &Hub) -> Result<Vec<serde_json::Value>, CliError> {
    let waiting = waiting::waiting(hub)?;
    Ok(waiting
        .iter()
        .map(|w| {
            json!({ "path": w.path, "interface": w.interface, "reason": w.reason.word(), "since": w.since,
                "entries": w.entries, "wanted": w.wanted, "overdue": w.overdue })
        })
        .collect())
}

/// `report`: a run's report on the terminal, or the files of a day's report.
pub fn report(cli: &Cli, args: &ReportArgs) -> Result<u8, CliError> {
    let mut hub = cli.hub()?;
    if let Some(number) = &args.number {
        return one_report(cli, &mut hub, number);
    }
    let day = args.day.clone().unwrap_or_else(|| hub.clock.today().to_string());
    let report = crate::pipeline::day::day_report(&mut hub, &day)?;
    if cli.json {
        println!("{}", json::pretty(&report)?);
    } else {
        let folder = hub.area.reports().join(&day);
        crate::report::write_day(&report, &folder)?;
        crate::pipeline::timeline::write_timeline(&mut hub)?;
        println!("{}", report.headline());
        if let Some(audit) = &report.audit {
            println!("監査記録の末尾 {}:{}", audit.rows, audit.head);
        }
        println!("日報: {}", folder.join("index.html").display());
    }
    Ok(exit::OK)
}

/// The report of an exchange (`24`) or of a computation (`d24`).
fn one_report(cli: &Cli, hub: &mut Hub, number: &str) -> Result<u8, CliError> {
    let missing =
        || CliError::Refused(format!("番号「{number}」はありません（番号は {} status の左端）", cli.program()));
    let derived = number.strip_prefix(['d', 'D']);
    let id: i64 = derived.unwrap_or(number).parse().map_err(|_| missing())?;
    let (report, folder) = if derived.is_some() {
        let report = facts::derivation_report(hub, id)?.ok_or_else(missing)?;
        let run = run::get(&mut hub.conn, id)?;
        (report, facts::derivation_folder(hub, &run))
    } else {
        let exchange = hub.exchange(id)?.ok_or_else(missing)?;
        (facts::exchange_report(hub, &exchange)?, facts::report_folder(hub, &exchange))
    };
    let held = if derived.is_none() { crate::store::hold::count(&mut hub.conn, id)? } else { 0 };
    if held > 0 {
        let subject = format!("保留 {held} 件");
        crate::pipeline::hold::looked(hub, &super::guard::viewer(), "report", Some(id), &subject)?;
    }
    if cli.json {
        println!("{}", json::pretty(&report)?);
    } else {
        crate::report::write_run(&report, &folder)?;
        print!("{}", crate::report::text(&report));
        println!("報告書: {}", folder.join("index.html").display());
    }
    Ok(exit::OK)
}
