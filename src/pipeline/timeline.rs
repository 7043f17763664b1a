//! The timeline: what the ledger, the expectations and the schedules say of each day, as the model of its page.
//!
//! Owns: which days and lines there are. Never: decides what is due or met ([`super::due`], [`super::watch`]).

use std::collections::{BTreeMap, HashMap};

use chrono::{NaiveDate, TimeDelta};

use super::facts::{report_folder, title};
use super::{Hub, HubError, watch};
use crate::clock::{day_jst, time_jst};
use crate::report::model::Municipality;
use crate::report::timeline::{AlertRow, Event, TimelineDay, TimelineLine, TimelineReport};
use crate::report::words::count;
use crate::schema::schedule;
use crate::store::expectation::{self, Standing};
use crate::store::ledger::{self, Direction, Exchange, State, Wanted};
use crate::store::run::{self, Run, RunKind, RunState};

/// Days that the page looks back at most.
const BACK_DAYS: i64 = 400;
/// Days that the page looks ahead.
const AHEAD_DAYS: i64 = 62;
/// Exchanges of the page at most.
const EXCHANGES: u32 = 50_000;

/// Records held of each exchange, and whether these are all it had.
type Held = HashMap<i64, (u64, bool)>;

type Days = BTreeMap<String, Vec<TimelineLine>>;

/// Writes `timeline.html` and `timeline.json` beside the index of reports.
pub fn write_timeline(hub: &mut Hub) -> Result<(), HubError> {
    let report = timeline(hub)?;
    let folder = hub.area.reports();
    crate::report::timeline::write_timeline(&report, &folder).map_err(HubError::io("予定と実績の書き出し", &folder))
}

/// The model of the page.
pub fn timeline(hub: &mut Hub) -> Result<TimelineReport, HubError> {
    let today = hub.clock.today();
    let from = watch::start(hub)?.max(today - TimeDelta::days(BACK_DAYS));
    let alerts = watch::alerts(hub)?.into_iter().map(|a| AlertRow { message: a.message, contact: a.contact });
    let mut report = TimelineReport {
        municipality: Municipality { code: hub.dantai().to_owned(), name: hub.site.municipality_name() },
        from: from.to_string(),
        today: today.to_string(),
        alerts: alerts.collect(),
        ..TimelineReport::default()
    };
    let mut days = Days::new();
    let since = crate::clock::Clock::fixed(from, 0, 0).stamp();
    let dantai = hub.dantai().to_owned();
    let runs = run::between(&mut hub.conn, &dantai, &since, "9999", EXCHANGES)?;
    // The last run of an exchange is the one that counts.
    let of = |r: &Run| (r.totals.held.max(0) as u64, r.totals.held > 0 && r.totals.held == r.totals.read);
    let held: Held = runs.iter().filter_map(|r| Some((r.exchange?, of(r)))).collect();
    let told = expected(hub, from, today, &held, &mut days)?;
    happened(hub, &since, &told, &held, &mut days)?;
    computed(hub, &runs, &mut days);
    report.days = shown(hub, days);
    report.days.reverse();
    report.coming = due(hub, today + TimeDelta::days(1), today + TimeDelta::days(AHEAD_DAYS));
    Ok(report)
}

/// What is due from one day to another, both included: for the page and for `renkei calendar`.
pub fn due(hub: &Hub, from: NaiveDate, until: NaiveDate) -> Vec<TimelineDay> {
    let mut days = Days::new();
    let mut add = |day: NaiveDate, line: TimelineLine| days.entry(day.to_string()).or_default().push(line);
    let line = |event, title: &str, of: &str, time: String, detail: String| TimelineLine {
        time,
        event,
        title: if of.is_empty() { title.to_owned() } else { format!("{title}（{of}）") },
        detail,
        href: String::new(),
        held: 0,
    };
    for feed in hub.site.feeds.values() {
        let name = title(hub, &feed.interface);
        for expect in &feed.expect {
            let time = format!("{:02}:{:02}", expect.by / 60, expect.by % 60);
            for o in expect.rule.occurrences(from, until) {
                add(o.day, line(Event::Expected, &name, &o.title, time.clone(), format!("連絡先：{}", expect.contact)));
            }
        }
    }
    for plan in hub.site.derive.values() {
        for o in schedule::occurrences(&plan.schedule, from, until) {
            add(o.day, line(Event::DeriveDue, &plan.title, &o.title, String::new(), String::new()));
        }
    }
    for plan in hub.site.outbound.values() {
        for o in schedule::occurrences(&plan.schedule, from, until) {
            add(
                o.day,
                line(Event::DraftDue, &plan.title, &o.title, String::new(), format!("送付先：{}", plan.partner)),
            );
        }
    }
    shown(hub, days)
}

/// Days in order, with their names; lines by time.
fn shown(hub: &Hub, days: Days) -> Vec<TimelineDay> {
    let name = |date: &str| {
        let day: NaiveDate = date.parse().ok()?;
        let names = hub.site.calendars.values().filter_map(|calendar| calendar.day(day));
        names.map(|day| day.name.clone()).find(|name| !name.is_empty())
    };
    days.into_iter()
        .map(|(date, mut lines)| {
            lines.sort_by(|a, b| (&a.time, a.event, &a.title).cmp(&(&b.time, b.event, &b.title)));
            TimelineDay { name: name(&date).unwrap_or_default(), date, lines }
        })
        .collect()
}

/// What was expected; the exchanges that are told of by it.
fn expected(
    hub: &mut Hub,
    from: NaiveDate,
    today: NaiveDate,
    held: &Held,
    days: &mut Days,
) -> Result<Vec<i64>, HubError> {
    let dantai = hub.dantai().to_owned();
    let mut told = Vec::new();
    for e in expectation::between(&mut hub.conn, &dantai, &from.to_string(), &today.to_string())? {
        let event = match e.standing {
            Standing::Waiting => Event::Expected,
            Standing::Met => Event::Met,
            Standing::Late => Event::Late,
            Standing::Missing => Event::Missing,
        };
        let name = title(hub, &e.interface);
        let mut line = TimelineLine {
            time: e.met_at.as_deref().map_or_else(|| deadline(&e.deadline, &e.day), time_jst),
            event,
            title: if e.title.is_empty() { name } else { format!("{name}（{}）", e.title) },
            detail: match e.standing {
                Standing::Met => String::new(),
                Standing::Late => format!("期限 {} {}", e.day, deadline(&e.deadline, &e.day)),
                Standing::Waiting | Standing::Missing => format!("連絡先：{}", e.contact),
            },
            href: String::new(),
            held: e.exchange.and_then(|id| held.get(&id)).map_or(0, |(n, _)| *n),
        };
        if let Some(id) = e.exchange {
            let exchange = ledger::get(&mut hub.conn, id)?;
            line.href = href(hub, &exchange);
            let detail = [exchange.file_name, std::mem::take(&mut line.detail), held_words(line.held)];
            line.detail =
                detail.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("　");
            told.push(id);
        }
        let day = e.met_at.as_deref().map_or(e.day, day_jst);
        days.entry(day).or_default().push(line);
    }
    Ok(told)
}

/// The end of a day is 24:00 of that day.
fn deadline(stamp: &str, day: &str) -> String {
    if day_jst(stamp) == day { time_jst(stamp) } else { "24:00".to_owned() }
}

/// `保留 9件`; nothing where none is.
fn held_words(held: u64) -> String {
    if held > 0 { format!("保留 {}", count(held)) } else { String::new() }
}

/// What came, was made and left.
fn happened(hub: &mut Hub, since: &str, told: &[i64], held: &Held, days: &mut Days) -> Result<(), HubError> {
    let dantai = hub.dantai().to_owned();
    let wanted = Wanted { dantai: Some(&dantai), since: Some(since), limit: EXCHANGES, ..Wanted::default() };
    for exchange in ledger::list(&mut hub.conn, &wanted)? {
        let event = match (exchange.direction, exchange.state) {
            (_, State::Withdrawn | State::Superseded | State::Duplicate | State::Drafting) => continue,
            (Direction::In, _) if told.contains(&exchange.id) => continue,
            (_, State::Rejected | State::Failed) => Event::Refused,
            // Nothing of it is in.
            (Direction::In, _) if held.get(&exchange.id).is_some_and(|(_, all)| *all) => Event::Refused,
            (Direction::In, _) => Event::Arrived,
            (Direction::Out, State::Delivered) => Event::Delivered,
            (Direction::Out, State::Draft) => Event::Unconfirmed,
            (Direction::Out, _) => Event::Made,
        };
        if event == Event::Delivered && day_jst(&exchange.received_at) != day_jst(&exchange.updated_at) {
            push(hub, &exchange, Event::Made, &exchange.received_at.clone(), held, days);
        }
        let at = if event == Event::Delivered { &exchange.updated_at } else { &exchange.received_at };
        push(hub, &exchange, event, &at.clone(), held, days);
    }
    Ok(())
}

/// What was computed.
fn computed(hub: &Hub, runs: &[Run], days: &mut Days) {
    let of_us = |r: &&Run| r.kind == RunKind::Derive && r.state == RunState::Done && r.dantai == hub.dantai();
    for run in runs.iter().filter(of_us) {
        // Computations after every file would hide the others; those of a schedule, and those that were made up for, are told.
        let scheduled = hub.site.derive.get(&run.interface).is_some_and(|plan| !plan.schedule.is_empty());
        if scheduled {
            let day = day_jst(&run.started_at);
            let line = TimelineLine {
                time: time_jst(&run.started_at),
                event: Event::Derived,
                title: title(hub, &run.interface),
                detail: run.note.clone().unwrap_or_default(),
                href: format!("{day}/d{}/index.html", run.id),
                held: 0,
            };
            days.entry(day).or_default().push(line);
        }
    }
}

fn push(hub: &Hub, exchange: &Exchange, event: Event, at: &str, held: &Held, days: &mut Days) {
    let held = held.get(&exchange.id).map_or(0, |(n, _)| *n);
    let parts = [exchange.file_name.clone(), exchange.note.clone().unwrap_or_default(), held_words(held)];
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    let line = TimelineLine {
        time: time_jst(at),
        event,
        title: title(hub, &exchange.interface),
        detail: parts.join("　"),
        href: href(hub, exchange),
        held,
    };
    days.entry(day_jst(at)).or_default().push(line);
}

/// The report of an exchange as the page beside the index links it.
fn href(hub: &Hub, exchange: &Exchange) -> String {
    let folder = report_folder(hub, exchange);
    let below = folder.strip_prefix(hub.area.reports()).unwrap_or(&folder);
    format!("{}/index.html", below.display())
}
