//! What the hub did against what the municipality knows: files received, files sent, files expected.
//!
//! Owns: naming every difference. Never: repairs one.

use std::fs;

use chrono::{NaiveDate, TimeDelta};

use super::{Told, Year, refused};
use crate::cli::CliError;
use crate::clock::Clock;
use crate::pipeline::facts::state_word;
use crate::pipeline::outbound::ONLY_HELD;
use crate::pipeline::{Hub, HubError};
use crate::sample::year::{Dropped, Fate, World};
use crate::schema::schedule;
use crate::store::expectation::{self, Standing};
use crate::store::ledger::{self, Direction, Exchange, State, Wanted};
use crate::store::run;

fn today(hub: &mut Hub, day: NaiveDate, direction: Direction) -> Result<Vec<ledger::Exchange>, CliError> {
    let start = Clock::fixed(day, 0, 0);
    let since = start.stamp();
    start.advance(86_400);
    let until = start.stamp();
    let wanted = Wanted {
        direction: Some(direction),
        since: Some(&since),
        until: Some(&until),
        limit: 1000,
        ..Wanted::default()
    };
    Ok(ledger::list(&mut hub.conn, &wanted).map_err(HubError::from)?)
}

/// Every file that was dropped today against what became of it.
pub(super) fn files(
    hub: &mut Hub,
    day: NaiveDate,
    dropped: &[Dropped],
    told: &mut Told,
    lines: &mut String,
) -> Result<(), CliError> {
    let seen = today(hub, day, Direction::In)?;
    if seen.len() != dropped.len() {
        told.differs(format!("{day}: 置いたファイル {} 個、受け取ったファイル {} 個", dropped.len(), seen.len()));
    }
    for file in dropped {
        told.received += 1;
        told.records += file.records;
        let Some(e) = seen.iter().find(|e| e.interface == file.interface && e.file_name == file.name) else {
            told.differs(format!("{day}: {}/{} が受け取られていません", file.interface, file.name));
            continue;
        };
        let state = match (file.duplicate, file.rejected) {
            (true, _) => State::Duplicate,
            (_, true) => State::Rejected,
            _ => State::Reported,
        };
        if e.state != state {
            told.differs(format!(
                "{day}: {} は「{}」のはずが「{}」です（{}）",
                file.name,
                state_word(state),
                state_word(e.state),
                e.note.as_deref().unwrap_or("")
            ));
            continue;
        }
        *lines += &format!("{day},受信,{},{},{},{}\r\n", file.interface, file.name, file.records, state_word(e.state));
        match state {
            State::Duplicate => told.duplicates += 1,
            State::Rejected => told.rejected += 1,
            _ => counts(hub, day, file, e.id, told)?,
        }
    }
    Ok(())
}

fn counts(hub: &mut Hub, day: NaiveDate, file: &Dropped, id: i64, told: &mut Told) -> Result<(), CliError> {
    let runs = run::of_exchange(&mut hub.conn, id).map_err(HubError::from)?;
    let Some(t) = runs.last().map(|r| &r.totals) else { return Ok(()) };
    told.held += t.held;
    let expected = [file.records, file.new, file.changed, file.unchanged, file.closed, file.held, 0, 0];
    let found = [t.read, t.loaded_new, t.loaded_changed, t.unchanged, t.closed, t.held, t.skipped, t.vanished];
    if expected != found {
        told.differs(format!(
            "{day}: {}（件数・新規・変更・不変・終了・保留・対象外・消滅） 市 {expected:?} 連携 {found:?}",
            file.name
        ));
    }
    Ok(())
}

/// What leaves today: what is scheduled, and nothing on another day; its partner reads it.
pub(super) fn sent(
    hub: &mut Hub,
    day: NaiveDate,
    world: &mut World<'_>,
    told: &mut Told,
    lines: &mut String,
) -> Result<(), CliError> {
    let seen = today(hub, day, Direction::Out)?;
    days(hub, day, &seen, world, told);
    for e in seen.iter().rev() {
        let records = e.records.unwrap_or(0);
        match e.state {
            State::Delivered => {
                told.sent += 1;
                let path = hub.area.outbox.join(&e.interface).join(&e.file_name);
                world.read_delivered(&e.interface, &path, day).map_err(refused)?;
                // The partner takes the file, as it would; the next of the same name needs the place.
                fs::remove_file(&path)?;
            }
            State::Superseded | State::Withdrawn => continue,
            // What is protected is kept back until somebody decides; here nobody does.
            State::Returned if e.note.as_deref() == Some(ONLY_HELD) => told.kept_back += 1,
            _ => told.differs(format!("{day}: 送付 {} {} が「{}」のままです", e.id, e.interface, state_word(e.state))),
        }
        *lines += &format!("{day},送付,{},{},{records},{}\r\n", e.interface, e.file_name, state_word(e.state));
    }
    world.complaints().into_iter().for_each(|text| told.differs(text));
    Ok(())
}

/// A scheduled file is looked at on its days: made, or found to have nothing to say.
fn days(hub: &Hub, day: NaiveDate, seen: &[Exchange], world: &World<'_>, told: &mut Told) {
    for (interface, plan) in hub.site.outbound.iter().filter(|(_, plan)| !plan.schedule.is_empty()) {
        let due = !schedule::occurrences(&plan.schedule, day, day).is_empty();
        let before =
            day.pred_opt().and_then(|eve| schedule::latest(&plan.schedule, day - TimeDelta::days(schedule::FAR), eve));
        let has = |source: &String| world.came(source).is_some_and(|came| before.as_ref().is_none_or(|b| came > b.day));
        let ready = plan.requires.iter().all(has);
        let made: Vec<&Exchange> = seen.iter().filter(|e| e.interface == *interface).collect();
        told.due += usize::from(due && ready);
        if due && ready && made.is_empty() {
            told.differs(format!("{day}: {interface} の予定日ですが、作られていません"));
        }
        let odd =
            made.iter().any(|e| e.state == State::Delivered && !e.note.as_deref().unwrap_or("").contains("予定日"));
        if !due && odd && plan.requires.is_empty() {
            told.differs(format!("{day}: {interface} は予定日でないのに送付されました"));
        }
    }
}

/// Every file that was expected: in time, late or never, as its sender knows.
pub(super) fn expected(
    hub: &mut Hub,
    year: &Year,
    world: &World<'_>,
    told: &mut Told,
    lines: &mut String,
) -> Result<(), CliError> {
    let (dantai, from, to) = (hub.dantai().to_owned(), year.from.to_string(), year.to.to_string());
    let rows = expectation::between(&mut hub.conn, &dantai, &from, &to).map_err(HubError::from)?;
    for e in &rows {
        let fate = e.day.parse().ok().and_then(|day| world.kept(&e.interface, day)).unwrap_or(Fate::Never);
        let standing = match fate {
            Fate::InTime => Standing::Met,
            Fate::Late => Standing::Late,
            Fate::Never => Standing::Missing,
        };
        told.expected += 1;
        told.late += usize::from(e.standing == Standing::Late);
        if e.standing == Standing::Missing {
            told.missing += 1;
            *lines += &format!("{},受信,{},,,未着（連絡先：{}）\r\n", e.day, e.interface, e.contact);
        }
        if e.standing != standing {
            told.differs(format!("{} {}: {:?} のはずが {:?}", e.day, e.interface, standing, e.standing));
        }
        if e.contact.is_empty() {
            told.differs(format!("{} {}: 連絡先がありません", e.day, e.interface));
        }
    }
    let owed = world.all_kept().filter(|(_, day, _)| *day <= year.to);
    for (interface, day, _) in owed {
        let ruled = hub.site.feeds.get(interface).is_some_and(|feed| !feed.expect.is_empty());
        if ruled && !rows.iter().any(|e| e.interface == interface && e.day == day.to_string()) {
            told.differs(format!("{day} {interface}: 届くはずのファイルとして記録されていません"));
        }
    }
    Ok(())
}
