//! Facts: what the ledger knows of an exchange, a derivation or a day, as the models that reports render.
//!
//! Owns: the translation ledger → report model, and where reports lie. Never: computes what the ledger does not say.

use std::path::PathBuf;

use super::derive::OUTCOME;
use super::looks::{looks, people_name};
use super::outbound::GROUP;
use super::{Hub, HubError};
use crate::clock::{day_jst, people_jst};
use crate::finding::catalogue;
use crate::outbox::manifest_name;
use crate::report::balance::{Balance, Tally};
use crate::report::model::{
    Delivery, Direction, FileUsed, FindingLine, FindingsBeyond, HeldRecord, LayoutUsed, Municipality, RunReport,
    SeenTotal, TallyLine, Times,
};
use crate::report::verdict::Outcome;
use crate::report::whole;
use crate::store::ledger::{self, Exchange, State, Wanted};
use crate::store::run::{self, Run, RunKind, RunState, RunTotals};
use crate::store::{detail, hold, request};

/// Most exchanges and runs of one day's report; more are in the ledger (`status`).
pub(super) const DAY_LIMIT: u32 = 20_000;
/// Most control totals shown of one file.
const TOTALS_LIMIT: u32 = 2_000;

/// The word an operator reads for a state.
pub fn state_word(state: State) -> &'static str {
    match state {
        State::Claiming | State::Claimed | State::Archived => "受付済",
        State::Loading => "取込中",
        State::Applied | State::Reported => "取込済",
        State::Rejected => "却下",
        State::Duplicate => "重複",
        State::Failed => "要対応",
        State::Withdrawn => "取下げ",
        State::Drafting => "作成中",
        State::Draft => "確認待ち",
        State::Confirmed => "確認済",
        State::Delivering => "送付中",
        State::Delivered => "送付済",
        State::Returned => "差戻し",
        State::Superseded => "差替え",
    }
}

/// Folder of an exchange's report.
pub fn report_folder(hub: &Hub, exchange: &Exchange) -> PathBuf {
    hub.area.reports().join(day_jst(&exchange.received_at)).join(exchange.id.to_string())
}

/// Writes the report of an exchange (again); the same ledger gives the same bytes.
pub fn write_exchange(hub: &mut Hub, id: i64) -> Result<(), HubError> {
    let exchange = ledger::get(&mut hub.conn, id)?;
    let report = exchange_report(hub, &exchange)?;
    let folder = report_folder(hub, &exchange);
    crate::report::write_run(&report, &folder).map_err(HubError::io("報告書の書き出し", &folder))?;
    super::draft_list::write_page(hub, &exchange)
}

/// Writes the report of a derivation.
pub fn write_derivation(hub: &mut Hub, run: i64) -> Result<(), HubError> {
    let run = run::get(&mut hub.conn, run)?;
    let report = run_report(hub, None, Some(&run))?;
    let folder = derivation_folder(hub, &run);
    crate::report::write_run(&report, &folder).map_err(HubError::io("報告書の書き出し", &folder))
}

/// The report of a derivation's run; `None`: there is no such run here, or it is no derivation.
pub fn derivation_report(hub: &mut Hub, run: i64) -> Result<Option<RunReport>, HubError> {
    match run::get(&mut hub.conn, run) {
        Ok(run) if run.kind == RunKind::Derive && run.dantai == hub.dantai() => {
            run_report(hub, None, Some(&run)).map(Some)
        }
        Ok(_) | Err(crate::store::StoreError::Missing { .. }) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Folder of a derivation's report.
pub fn derivation_folder(hub: &Hub, run: &Run) -> PathBuf {
    hub.area.reports().join(day_jst(&run.started_at)).join(format!("d{}", run.id))
}

/// The report of an exchange.
pub fn exchange_report(hub: &mut Hub, exchange: &Exchange) -> Result<RunReport, HubError> {
    let run = run::of_exchange(&mut hub.conn, exchange.id)?.pop();
    run_report(hub, Some(exchange), run.as_ref())
}

fn run_report(hub: &mut Hub, exchange: Option<&Exchange>, run: Option<&Run>) -> Result<RunReport, HubError> {
    let site = hub.site.clone();
    let interface =
        exchange.map_or_else(|| run.map(|r| r.interface.clone()).unwrap_or_default(), |e| e.interface.clone());
    let direction = match (exchange, run) {
        (Some(e), _) if e.direction == ledger::Direction::In => Direction::In,
        (Some(_), _) => Direction::Out,
        _ => Direction::Derive,
    };
    let number = exchange.map_or_else(|| format!("d{}", run.map_or(0, |r| r.id)), |e| e.id.to_string());
    let outcome = exchange.map_or(Outcome::Loaded, |e| outcome_of(e, run.map(|r| &r.totals)));
    let mut report = RunReport::new(&title(hub, &interface), &interface, direction, &number, outcome);
    report.municipality = Municipality { code: hub.dantai().to_owned(), name: site.municipality_name() };
    if let Some(e) = exchange {
        report.file = Some(FileUsed {
            name: e.file_name.clone(),
            sha256: e.sha256.clone().unwrap_or_default(),
            bytes: e.bytes.unwrap_or(0) as u64,
        });
        report.times.received = people_jst(&e.received_at);
        report.plan_revision = e.revision.clone().unwrap_or_default();
        let layout = e.layout.clone().zip(e.profile.clone()).and_then(|k| site.layouts.get(&k));
        report.layout = layout.map(|l| LayoutUsed {
            id: l.id.clone(),
            profile: l.profile.clone(),
            provenance: l.provenance,
            source: l.source.clone(),
        });
        let listed = direction == Direction::Out && e.sha256.is_some() && site.outbound.contains_key(&e.interface);
        report.list = listed.then(|| super::draft_list::PAGE.to_owned());
        report.delivery = (direction == Direction::Out).then(|| delivery(hub, e)).transpose()?;
        let told = matches!(outcome, Outcome::Duplicate | Outcome::NotMade | Outcome::Returned | Outcome::Failed);
        report.note = e.note.clone().filter(|_| told).unwrap_or_default();
    }
    if let Some(run) = run {
        fill_run(hub, &mut report, run)?;
    }
    if let Some(e) = exchange.filter(|_| direction == Direction::In) {
        judge_whole(hub, &mut report, e)?;
    }
    Ok(report)
}

/// Says what the findings come to for the file; its kept bytes are looked at only where nothing of it was taken.
fn judge_whole(hub: &Hub, report: &mut RunReport, exchange: &Exchange) -> Result<(), HubError> {
    let key = exchange.layout.clone().zip(exchange.profile.clone());
    let Some(charset) = key.and_then(|k| hub.site.layouts.get(&k)).map(|l| l.physical.charset) else { return Ok(()) };
    let untaken = matches!(report.outcome, Outcome::AllHeld | Outcome::Rejected) && !report.findings.is_empty();
    let looks = match exchange.sha256.as_deref().filter(|_| untaken) {
        Some(sha256) => {
            let path = hub.area.archived_path(sha256);
            let input = hub.area.open_archived(sha256).map_err(HubError::io("読み込み", &path))?;
            looks(input, charset).map_err(HubError::io("読み込み", &path))?
        }
        None => None,
    };
    whole::judge(report, looks, people_name(charset));
    Ok(())
}

fn fill_run(hub: &mut Hub, report: &mut RunReport, run: &Run) -> Result<(), HubError> {
    report.times.started = people_jst(&run.started_at);
    report.times.finished = run.finished_at.as_deref().map(people_jst).unwrap_or_default();
    if report.times.received.is_empty() {
        report.times = Times { received: String::new(), ..report.times.clone() };
    }
    report.base_date = run.base_date.clone();
    report.plan_revision = run.revision.clone();
    let has_amount = has_amount(hub, &run.interface);
    report.balance = balance(run, has_amount);
    let rows = hub.site.config.limits.report_rows as u32;
    let totals = detail::totals(&mut hub.conn, run.id, TOTALS_LIMIT)?;
    for (at, t) in totals.iter().enumerate() {
        let line = |label: &str| TallyLine {
            label: label.to_owned(),
            tally: Tally { count: t.counted.max(0) as u64, amount: t.declared },
        };
        if let Some(label) = t.title.strip_prefix(OUTCOME) {
            report.outcomes.push(line(label));
        } else if let Some(label) = t.title.strip_prefix(GROUP) {
            report.groups.push(line(label));
        } else {
            report.seen_totals.push(SeenTotal {
                title: grouped_title(&totals, at),
                declared: t.declared.map_or_else(|| "記載なし".to_owned(), |n| n.to_string()),
                counted: t.counted.to_string(),
                agrees: t.agrees,
            });
        }
    }
    let findings = detail::findings(&mut hub.conn, run.id, 0, rows)?;
    for finding in &findings {
        let mut line = FindingLine::from(finding);
        if line.action.is_empty() {
            line.action = catalogue().get(&finding.code).map(|c| c.action.clone()).unwrap_or_default();
            if finding.code == "unknown-file-name" {
                line.action += &names_taken(hub, &run.interface);
            }
        }
        report.findings.push(line);
    }
    for (code, _, n) in detail::finding_counts(&mut hub.conn, run.id)? {
        let shown = findings.iter().filter(|f| f.code == code).count() as u64;
        if n > shown {
            report.findings_beyond.push(FindingsBeyond { code, count: n - shown });
        }
    }
    for h in detail::held(&mut hub.conn, run.id, 0, rows)? {
        // A mapping's own check has no entry in the catalogue: its message says why.
        let said = || {
            report
                .findings
                .iter()
                .find(|f| f.code == h.code && f.record == h.record)
                .map_or_else(|| h.code.clone(), |f| f.message.clone())
        };
        let reason = catalogue().get(&h.code).map_or_else(said, |c| c.title.clone());
        report.held.push(HeldRecord { record: h.record, line: h.line, byte: h.byte, len: h.len, reason });
    }
    if let Some(id) = run.exchange.filter(|_| run.kind == RunKind::Out) {
        let site = hub.site.clone();
        for h in hold::of_exchange(&mut hub.conn, id, rows)? {
            let reason = format!("キー {}: {}", super::hold::shown_key(&site, &run.interface, &h.key), h.message);
            report.held.push(HeldRecord { record: h.n, reason, ..HeldRecord::default() });
        }
    }
    report.held_beyond = (run.totals.held.max(0) as u64).saturating_sub(report.held.len() as u64);
    Ok(())
}

/// The forms of file names that a folder takes, as a sentence.
fn names_taken(hub: &Hub, interface: &str) -> String {
    let forms = hub.site.feeds.get(interface).map_or(&[][..], |feed| feed.forms.as_slice());
    let patterns: Vec<&str> = forms.iter().map(|form| form.pattern.as_str()).collect();
    format!("このフォルダー（{interface}）に入れられる名前は {} です（* は任意の文字）。", patterns.join("、"))
}

/// The title of a total, with the number of its group where a file has several.
fn grouped_title(totals: &[detail::TotalSeen], at: usize) -> String {
    let title = &totals[at].title;
    let same = |t: &&detail::TotalSeen| t.title == *title;
    if totals.iter().filter(same).nth(1).is_none() {
        return title.clone();
    }
    format!("{title}（{}組目）", totals[..=at].iter().filter(same).count())
}

pub(super) fn balance(run: &Run, has_amount: bool) -> Balance {
    let t = &run.totals;
    let yen = |count: i64, amount: i64| Tally { count: count.max(0) as u64, amount: has_amount.then_some(amount) };
    let plain = |count: i64| Tally::of(count.max(0) as u64);
    let closed = t.amount_loaded - t.amount_new - t.amount_changed - t.amount_unchanged;
    let mut balance = Balance {
        read: yen(t.read, t.amount_read),
        new: yen(t.loaded_new, t.amount_new),
        changed: yen(t.loaded_changed, t.amount_changed),
        unchanged: yen(t.unchanged, t.amount_unchanged),
        closed: yen(t.closed, if t.closed > 0 { closed } else { 0 }),
        outside: yen(t.skipped, if t.closed > 0 { 0 } else { closed }),
        held: yen(t.held, t.amount_held),
        rejected: plain(t.rejected),
        vanished: plain(t.vanished),
        ..Balance::default()
    };
    if run.kind == RunKind::Out {
        // What the partner has already and what is kept back are not encoded, so their amounts are not known.
        let Balance { read, new, changed, unchanged, outside, held, .. } = &mut balance;
        for tally in [read, new, changed, unchanged, outside, held] {
            tally.amount = None;
        }
        balance.closed = Tally::default();
        balance.vanished = plain(t.closed);
        balance.written = Some(yen(t.written, t.amount_written));
    }
    if run.state == RunState::Rejected {
        for tally in
            [&mut balance.new, &mut balance.changed, &mut balance.unchanged, &mut balance.closed, &mut balance.outside]
        {
            tally.amount = has_amount.then_some(0);
        }
        balance.rejected = yen(t.rejected, t.amount_read);
    }
    balance
}

pub(super) fn has_amount(hub: &Hub, interface: &str) -> bool {
    hub.site.outbound.get(interface).is_some_and(|p| p.amount.is_some())
        || hub.site.derive.get(interface).is_some_and(|p| p.amount.is_some())
        || hub.site.inbound.iter().any(|((i, _, _), p)| i == interface && p.amount.is_some())
}

/// Japanese title of an interface.
pub fn title(hub: &Hub, interface: &str) -> String {
    let site = &hub.site;
    let found = site.outbound.get(interface).map(|p| p.title.clone());
    let found = found.or_else(|| site.derive.get(interface).map(|p| p.title.clone()));
    let found =
        found.or_else(|| site.inbound.iter().find(|((i, _, _), _)| i == interface).map(|(_, p)| p.title.clone()));
    found.unwrap_or_else(|| interface.to_owned())
}

/// How an exchange ended, as its report says it.
pub fn outcome_of(exchange: &Exchange, totals: Option<&RunTotals>) -> Outcome {
    let held = totals.map_or(0, |t| t.held);
    match exchange.state {
        State::Rejected => Outcome::Rejected,
        State::Duplicate => Outcome::Duplicate,
        State::Drafting | State::Draft => Outcome::Drafted,
        State::Confirmed | State::Delivering => Outcome::Confirmed,
        State::Delivered => Outcome::Delivered,
        // Nobody sent it back: all there was to send is held.
        State::Returned if held > 0 && exchange.records == Some(0) => Outcome::NotMade,
        State::Returned | State::Superseded => Outcome::Returned,
        State::Withdrawn => Outcome::Nothing,
        State::Applied | State::Reported if held > 0 && totals.is_some_and(|t| t.read == held) => Outcome::AllHeld,
        State::Applied | State::Reported if held > 0 => Outcome::PartlyHeld,
        State::Applied | State::Reported => Outcome::Loaded,
        _ => Outcome::Failed,
    }
}

pub(super) fn delivery(hub: &mut Hub, exchange: &Exchange) -> Result<Delivery, HubError> {
    let manifest = hub.site.outbound.get(&exchange.interface).and_then(|p| p.manifest.clone());
    let mut delivery = Delivery {
        partner: exchange.partner.clone().unwrap_or_default(),
        file: exchange.file_name.clone(),
        manifest: manifest.map(|suffix| manifest_name(&exchange.file_name, &suffix)).unwrap_or_default(),
        sha256: exchange.sha256.clone().unwrap_or_default(),
        ..Delivery::default()
    };
    for event in request::events(&mut hub.conn, Some(exchange.id), 100)? {
        match event.what.as_str() {
            "confirm" => (delivery.confirmed_by, delivery.confirmed_at) = (event.who, people_jst(&event.at)),
            "deliver" => delivery.delivered_at = people_jst(&event.at),
            _ => {}
        }
    }
    Ok(delivery)
}

/// Every report of a small site, oldest first; for cases.
pub fn all_reports(hub: &mut Hub) -> Result<Vec<RunReport>, HubError> {
    let dantai = hub.dantai().to_owned();
    let wanted = Wanted { dantai: Some(&dantai), limit: DAY_LIMIT, ..Wanted::default() };
    let exchanges = ledger::list(&mut hub.conn, &wanted)?;
    let mut reports = Vec::new();
    for exchange in exchanges.iter().rev().filter(|e| e.state != State::Withdrawn) {
        reports.push(exchange_report(hub, exchange)?);
    }
    for run in run::between(&mut hub.conn, &dantai, "", "9999", DAY_LIMIT)? {
        if run.kind == RunKind::Derive && run.state == RunState::Done {
            reports.push(run_report(hub, None, Some(&run))?);
        }
    }
    Ok(reports)
}

/// Interface, file name and hash of a delivered exchange.
pub fn delivered(hub: &mut Hub, id: i64) -> Result<(String, String, String, Option<String>), HubError> {
    let e = ledger::get(&mut hub.conn, id)?;
    Ok((e.interface, e.file_name, e.sha256.unwrap_or_default(), e.profile))
}
