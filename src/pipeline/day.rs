//! A day: what the ledger knows of one municipality's day, as the model of its report, and the index of all days.
//!
//! Owns: which exchanges and runs belong to a day. Never: computes what the ledger does not say.

use super::facts::{DAY_LIMIT, balance, delivery, exchange_report, has_amount, outcome_of, title};
use super::{Hub, HubError};
use crate::clock::{day_jst, people_jst, time_jst};
use crate::report::day::{AuditHead, DayReport, DayRow, DeliveryRow, WaitingRow};
use crate::report::model::{Direction, Municipality};
use crate::report::timeline::AlertRow;
use crate::report::verdict::Outcome;
use crate::report::words::count;
use crate::store::ledger::{self, Exchange, State, Wanted};
use crate::store::run::{self, Run, RunKind, RunState};
use crate::store::{audit, detail};

/// Writes today's report (JST) and the index of all days.
pub fn write_day(hub: &mut Hub) -> Result<(), HubError> {
    let today = hub.clock.today().to_string();
    let report = day_report(hub, &today)?;
    let folder = hub.area.reports().join(&today);
    crate::report::write_day(&report, &folder).map_err(HubError::io("日報の書き出し", &folder))?;
    write_index(hub, report)
}

fn write_index(hub: &mut Hub, today: DayReport) -> Result<(), HubError> {
    use crate::report::index::{DayLine, IndexDay, IndexReport, write_index};
    let folder = hub.area.reports();
    let entries = std::fs::read_dir(&folder).map_err(HubError::io("報告書の一覧", &folder))?;
    let days = entries
        .filter_map(Result::ok)
        .filter(|e| e.path().join("index.html").is_file())
        .filter_map(|e| e.file_name().into_string().ok())
        .map(|date| {
            let runs = if date == today.date {
                today
                    .rows
                    .iter()
                    .cloned()
                    .map(|mut r| {
                        r.href = format!("{date}/{}", r.href);
                        r
                    })
                    .collect()
            } else {
                Vec::new()
            };
            IndexDay { href: format!("{date}/index.html"), line: DayLine::read(&folder.join(&date)), date, runs }
        })
        .collect();
    let index = IndexReport { municipality: today.municipality, alerts: today.alerts, timeline: true, days };
    write_index(&index, &folder).map_err(HubError::io("報告書の一覧", &folder))
}

/// The report of a JST day, from the ledger.
pub fn day_report(hub: &mut Hub, day: &str) -> Result<DayReport, HubError> {
    let (since, until) = bounds(day)?;
    let dantai = hub.dantai().to_owned();
    let mut report = DayReport {
        date: day.to_owned(),
        municipality: Municipality { code: dantai.clone(), name: hub.site.municipality_name() },
        ..DayReport::default()
    };
    let runs = run::between(&mut hub.conn, &dantai, &since, &until, DAY_LIMIT)?;
    let wanted = Wanted {
        dantai: Some(&dantai),
        since: Some(&since),
        until: Some(&until),
        limit: DAY_LIMIT,
        ..Wanted::default()
    };
    let exchanges = ledger::list(&mut hub.conn, &wanted)?;
    let last: std::collections::HashMap<i64, &Run> = runs.iter().filter_map(|r| Some((r.exchange?, r))).collect();
    for exchange in exchanges.iter().rev().filter(|e| e.state != State::Withdrawn) {
        let run = last.get(&exchange.id).copied();
        let say = said_of(hub, exchange, run)?;
        report.rows.push(DayRow { say, ..day_row(hub, exchange, run) });
        if exchange.state == State::Delivered {
            let d = delivery(hub, exchange)?;
            report.deliveries.push(DeliveryRow {
                time: time_jst(&exchange.updated_at),
                partner: d.partner,
                title: title(hub, &exchange.interface),
                file: d.file,
                sha256: d.sha256,
                count: exchange.records.unwrap_or(0) as u64,
                amount: exchange.amount,
                confirmed_by: d.confirmed_by,
            });
        }
    }
    for run in runs.iter().filter(|r| r.kind == RunKind::Derive && r.state == RunState::Done) {
        report.rows.push(derive_row(hub, run));
    }
    let wanted = Wanted { dantai: Some(&dantai), states: &[State::Draft], limit: 1000, ..Wanted::default() };
    for draft in ledger::list(&mut hub.conn, &wanted)?.iter().rev() {
        report.waiting.push(WaitingRow {
            since: people_jst(&draft.received_at),
            exchange: draft.id.to_string(),
            title: title(hub, &draft.interface),
            file: draft.file_name.clone(),
            count: draft.records.unwrap_or(0) as u64,
            amount: draft.amount,
            href: format!("../{}/{}/index.html", day_jst(&draft.received_at), draft.id),
        });
    }
    report.tables = super::tables::tables(hub, day)?;
    report.audit = audit::head_before(&mut hub.conn, &until)?.map(|(rows, head)| AuditHead { rows, head });
    // The inbox as it is now belongs to no other day.
    if day == hub.clock.today().to_string() {
        report.tables.extend(super::waiting::table(hub)?);
        let alerts = super::watch::alerts(hub)?.into_iter();
        report.alerts = alerts.map(|a| AlertRow { message: a.message, contact: a.contact }).collect();
    }
    Ok(report)
}

fn bounds(day: &str) -> Result<(String, String), HubError> {
    let day = chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d")
        .map_err(|_| HubError::Refused(format!("日付「{day}」は YYYY-MM-DD の形で書いてください")))?;
    let start = crate::clock::Clock::fixed(day, 0, 0);
    let since = start.stamp();
    start.advance(86_400);
    Ok((since, start.stamp()))
}

/// Why a file was not taken, as the ledger says it; else what the findings say of it as a whole.
fn said_of(hub: &mut Hub, exchange: &Exchange, run: Option<&Run>) -> Result<String, HubError> {
    if matches!(exchange.state, State::Rejected | State::Failed) {
        return Ok(exchange.note.clone().unwrap_or_default());
    }
    if let Some(in_file) = exchange.records.filter(|n| exchange.direction == ledger::Direction::Out && *n > 0) {
        let unchanged = run.map_or(0, |r| r.totals.unchanged);
        let why = format!("ファイルの明細 {}（前回から変わらない記録は入りません）", count(in_file));
        return Ok(if unchanged > 0 { why } else { String::new() });
    }
    let Some(run) = run.filter(|r| r.kind == RunKind::In && r.totals.held > 0) else { return Ok(String::new()) };
    // Only these can amount to such a finding; the others are not worth reading all their findings.
    let may = run.totals.held == run.totals.read || cut_short(hub, run.id)?;
    Ok(if may { exchange_report(hub, exchange)?.whole_sentence().to_owned() } else { String::new() })
}

fn cut_short(hub: &mut Hub, run: i64) -> Result<bool, HubError> {
    Ok(detail::finding_counts(&mut hub.conn, run)?.iter().any(|(code, ..)| code == "no-final-line-end"))
}

fn day_row(hub: &Hub, exchange: &Exchange, run: Option<&Run>) -> DayRow {
    let totals = run.map(|r| r.totals.clone()).unwrap_or_default();
    let has_amount = has_amount(hub, &exchange.interface);
    let balance = run.map(|r| balance(r, has_amount)).unwrap_or_default();
    DayRow {
        time: time_jst(&exchange.received_at),
        direction: if exchange.direction == ledger::Direction::In { Direction::In } else { Direction::Out },
        exchange: exchange.id.to_string(),
        title: title(hub, &exchange.interface),
        file: exchange.file_name.clone(),
        outcome: outcome_of(exchange, Some(&totals)),
        read: totals.read.max(0) as u64,
        loaded: balance.taken().count,
        held: totals.held.max(0) as u64,
        rejected: totals.rejected.max(0) as u64,
        amount: exchange.amount,
        agrees: balance.agrees(),
        href: format!("{}/index.html", exchange.id),
        say: String::new(),
    }
}

fn derive_row(hub: &Hub, run: &Run) -> DayRow {
    let has_amount = has_amount(hub, &run.interface);
    let balance = balance(run, has_amount);
    DayRow {
        time: time_jst(&run.started_at),
        direction: Direction::Derive,
        exchange: format!("d{}", run.id),
        title: title(hub, &run.interface),
        file: String::new(),
        outcome: Outcome::Loaded,
        read: run.totals.read.max(0) as u64,
        loaded: balance.taken().count,
        held: run.totals.held.max(0) as u64,
        rejected: 0,
        amount: has_amount.then_some(run.totals.amount_read),
        agrees: balance.agrees(),
        href: format!("d{}/index.html", run.id),
        say: String::new(),
    }
}
