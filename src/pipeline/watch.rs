//! Watch: what ought to arrive by now, what of it did, and which running numbers were left out.
//!
//! Owns: writing that down, once for each file expected. Never: decides what met what (`arrival`), waits.

use chrono::{NaiveDate, SecondsFormat, TimeDelta, TimeZone, Utc};

use super::arrival::{assign, gaps};
use super::{Hub, HubError};
use crate::clock::{day_jst, jst, people_jst};
use crate::codec::{Findings, ReadLimits, Record, RecordReader};
use crate::mapping::site::Site;
use crate::schema::feed::Feed;
use crate::schema::schedule::{self, Per, Sequence, SequencePlace};
use crate::store::StoreError;
use crate::store::expectation::{self, Arrival, Expectation, Standing};

/// Days after which what is missing is no longer looked for.
const FORGET_DAYS: i64 = 400;
/// Days for which a file that never came is told of, if none came after it.
pub const TOLD_DAYS: i64 = 62;
/// Records read at most to find a running number: it stands at the front.
const NUMBER_RECORDS: usize = 1_000;
/// Gaps named at most for each interface.
const GAPS: usize = 20;

/// Something a person ought to know: a file that did not come, or a number left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Interface id.
    pub interface: String,
    /// What is wrong, Japanese.
    pub message: String,
    /// Whom to phone; may be empty.
    pub contact: String,
}

/// The JST day on which this site began to work.
pub fn start(hub: &mut Hub) -> Result<NaiveDate, HubError> {
    let today = hub.clock.today();
    let dantai = hub.dantai().to_owned();
    let day = expectation::start(&mut hub.conn, &dantai, &today.to_string())?;
    // A clock that was put back names no day before the start.
    Ok(day.parse().unwrap_or(today).min(today))
}

/// Brings what is expected up to date; true when anything changed.
pub fn look(hub: &mut Hub) -> Result<bool, HubError> {
    let start = start(hub)?;
    let site = hub.site.clone();
    let mut changed = false;
    let mut next: Option<String> = None;
    for feed in site.feeds.values() {
        if !feed.expect.is_empty() {
            let (news, deadline) = look_at(hub, feed, start)?;
            changed |= news;
            next = [next, deadline].into_iter().flatten().min();
        }
        if let Some(sequence) = &feed.sequence {
            number_files(hub, feed, sequence)?;
        }
    }
    // A feed without a rule has no deadline; the next file makes it look again.
    hub.next_deadline = Some(next.unwrap_or_else(|| "9999".to_owned()));
    Ok(changed)
}

/// Is it time to look again, though nothing was done?
pub fn is_due(hub: &Hub) -> bool {
    hub.next_deadline.as_ref().is_none_or(|deadline| *deadline < hub.clock.stamp())
}

/// One interface; with the next deadline.
fn look_at(hub: &mut Hub, feed: &Feed, start: NaiveDate) -> Result<(bool, Option<String>), HubError> {
    let (today, now, dantai) = (hub.clock.today(), hub.clock.stamp(), hub.dantai().to_owned());
    let interface = feed.interface.as_str();
    let last = expectation::last_day(&mut hub.conn, &dantai, interface)?;
    let from = last.and_then(|day| day.parse().ok()).unwrap_or(start).max(start);
    let due = named(feed, from.min(today), today);
    let old = (today - TimeDelta::days(FORGET_DAYS)).to_string();
    Ok(hub.conn.transaction(|conn| {
        expectation::forget_waiting(conn, &dantai, interface)?;
        let mut rows = expectation::of_interface(conn, &dantai, interface, &old)?;
        let known = rows.len();
        for e in due {
            if !rows[..known].iter().any(|row| row.deadline == e.deadline) {
                rows.push(e);
            }
        }
        rows.sort_by(|a, b| a.deadline.cmp(&b.deadline));
        let open = rows.iter().position(|row| row.exchange.is_none()).unwrap_or(rows.len());
        let after = open.checked_sub(1).map_or(String::new(), |before| rows[before].deadline.clone());
        let arrivals = expectation::arrivals(conn, &dantai, interface, &after)?;
        let changed = assign(&mut rows, &arrivals, &now);
        for (at, row) in rows.iter().enumerate() {
            if changed.contains(&at) || row.standing == Standing::Waiting {
                expectation::put(conn, &dantai, row)?;
            }
            if changed.contains(&at) && row.standing == Standing::Missing {
                tracing::warn!(interface, deadline = %row.deadline, "a file that was expected has not come");
            }
        }
        let next = rows.iter().find(|row| row.standing == Standing::Waiting).map(|row| row.deadline.clone());
        Ok::<_, StoreError>((!changed.is_empty(), next))
    })?)
}

/// What the rules of a feed name from a day to today, and the next one after.
fn named(feed: &Feed, from: NaiveDate, today: NaiveDate) -> Vec<Expectation> {
    let mut rows: Vec<Expectation> = Vec::new();
    for expect in &feed.expect {
        let days = expect.rule.occurrences(from, today);
        let next = schedule::next(std::slice::from_ref(&expect.rule), today);
        for occurrence in days.into_iter().chain(next) {
            let deadline = deadline(occurrence.day, expect.by);
            if !rows.iter().any(|row| row.deadline == deadline) {
                rows.push(Expectation {
                    interface: feed.interface.clone(),
                    deadline,
                    day: occurrence.day.to_string(),
                    title: occurrence.title,
                    contact: expect.contact.clone(),
                    standing: Standing::Waiting,
                    exchange: None,
                    met_at: None,
                    told_at: None,
                });
            }
        }
    }
    rows
}

/// So many minutes after midnight JST of a day, as a UTC stamp.
fn deadline(day: NaiveDate, minutes: u32) -> String {
    let midnight = day.and_hms_opt(0, 0, 0).unwrap_or_default();
    let at = jst().from_local_datetime(&midnight).single().unwrap_or_default() + TimeDelta::minutes(minutes.into());
    at.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn number_files(hub: &mut Hub, feed: &Feed, sequence: &Sequence) -> Result<(), HubError> {
    let dantai = hub.dantai().to_owned();
    for (arrival, sha256) in expectation::unnumbered(&mut hub.conn, &dantai, &feed.interface)? {
        let number = match &sequence.place {
            SequencePlace::Name(before, after) => in_name(before, after, &arrival.file_name),
            SequencePlace::Field(record, field) => {
                match in_file(hub, &feed.interface, &arrival, sha256.as_deref(), record, field) {
                    Ok(number) => number,
                    // A file that cannot be read now silences no warning about others; the next look tries again.
                    Err(error) => {
                        let error = super::worker::chain(&error);
                        tracing::error!(exchange = arrival.exchange, %error, "running number not read");
                        continue;
                    }
                }
            }
        };
        let day = day_jst(&arrival.at);
        let period = match sequence.per {
            Per::Never => "",
            Per::Year => day.get(..4).unwrap_or_default(),
            Per::Day => &day,
        };
        expectation::number(&mut hub.conn, &dantai, &feed.interface, arrival.exchange, period, number)?;
    }
    Ok(())
}

/// The digits of a file name between what stands before and after them (`*` is any run).
fn in_name(before: &str, after: &str, name: &str) -> Option<i64> {
    use crate::schema::load_feed::matches;
    let chars: Vec<(usize, char)> = name.char_indices().collect();
    let digits = |at: &(usize, char)| at.1.is_ascii_digit();
    for (n, at) in chars.iter().enumerate().filter(|(_, at)| digits(at)) {
        let begins = n == 0 || !digits(&chars[n - 1]);
        // A name that begins with digits of its own, as `KR01_2026…`, is told by what stands before the number.
        if !begins && !before.ends_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let length = chars[n..].iter().take_while(|at| digits(at)).count();
        let end = chars.get(n + length).map_or(name.len(), |at| at.0);
        if matches(before, &name[..at.0]) && matches(after, &name[end..]) {
            return name[at.0..end].parse().ok();
        }
    }
    None
}

/// The number in the first record of that kind among the first of the file.
fn in_file(
    hub: &Hub,
    interface: &str,
    arrival: &Arrival,
    sha256: Option<&str>,
    record: &str,
    field: &str,
) -> Result<Option<i64>, HubError> {
    let (Some(plan), Some(sha256)) = (hub.site.in_plan(interface, &arrival.file_name), sha256) else { return Ok(None) };
    let kind = plan.layout.records.iter().position(|kind| kind.name == record);
    let at = kind.and_then(|k| Some((k, plan.layout.records[k].fields.iter().position(|f| f.name == field)?)));
    let Some((kind, field)) = at else { return Ok(None) };
    let path = hub.area.archived_path(sha256);
    let input = hub.area.open_archived(sha256).map_err(HubError::io("読み込み", &path))?;
    let mut reader = RecordReader::new(plan.layout.clone(), input, ReadLimits::default());
    let (mut findings, mut read) = (Findings::new(1), Record::default());
    for _ in 0..NUMBER_RECORDS {
        if !reader.next(&mut read, &mut findings).map_err(HubError::io("読み込み", &path))? {
            break;
        }
        if read.kind == kind {
            return Ok(read.value(field).to_string().trim().parse().ok());
        }
    }
    Ok(None)
}

/// What people must be told now.
pub fn alerts(hub: &mut Hub) -> Result<Vec<Alert>, HubError> {
    let (today, dantai) = (hub.clock.today(), hub.dantai().to_owned());
    let site = hub.site.clone();
    let from = (today - TimeDelta::days(TOLD_DAYS)).to_string();
    let mut alerts: Vec<Alert> = expectation::missing(&mut hub.conn, &dantai, &from)?
        .into_iter()
        .map(|e| Alert { message: missing_sentence(hub, &e), interface: e.interface, contact: e.contact })
        .collect();
    for feed in site.feeds.values().filter(|feed| feed.sequence.is_some()) {
        alerts.extend(gap(hub, feed)?);
    }
    alerts.extend(super::unguarded::alerts(hub)?);
    alerts.extend(failing(hub)?);
    alerts.extend(horizons(&site, today).into_iter().map(|message| Alert {
        interface: String::new(),
        message,
        contact: String::new(),
    }));
    Ok(alerts)
}

/// One alert for each derivation that failed and was not done since.
pub fn failing(hub: &mut Hub) -> Result<Vec<Alert>, HubError> {
    let failing = super::interrupted::failing(hub)?;
    let told = failing.into_iter().map(|run| {
        let (title, why) = (super::facts::title(hub, &run.interface), run.note.unwrap_or_default());
        let since = people_jst(&run.started_at);
        let message = format!(
            "「{title}」を計算できませんでした（最後に試みたのは {since}。{why}）。これを元にする台帳・一覧・送付ファイルは前回のままです"
        );
        Alert { interface: run.interface, message, contact: "システム担当（ベンダー）".to_owned() }
    });
    Ok(told.collect())
}

fn missing_sentence(hub: &Hub, e: &Expectation) -> String {
    let title = super::facts::title(hub, &e.interface);
    let what = if e.title.is_empty() { title } else { format!("{title}（{}）", e.title) };
    format!("{what}が期限 {} までに届いていません", people_jst(&e.deadline))
}

fn gap(hub: &mut Hub, feed: &Feed) -> Result<Option<Alert>, HubError> {
    let Some(sequence) = &feed.sequence else { return Ok(None) };
    let dantai = hub.dantai().to_owned();
    let Some((period, seen)) = expectation::numbers(&mut hub.conn, &dantai, &feed.interface)? else { return Ok(None) };
    // Before renkei began there were files it never saw, unless the period began after.
    let least = seen.first().copied().unwrap_or(sequence.start).max(sequence.start);
    let first = if sequence.per == Per::Day { sequence.start } else { least };
    let missing = gaps(first, &seen, GAPS + 1);
    if missing.is_empty() {
        return Ok(None);
    }
    let list: Vec<String> = missing.iter().take(GAPS).map(ToString::to_string).collect();
    let more = if missing.len() > GAPS { "など" } else { "" };
    let of = if period.is_empty() { String::new() } else { format!("（{period}）") };
    let title = super::facts::title(hub, &feed.interface);
    Ok(Some(Alert {
        interface: feed.interface.clone(),
        message: format!("{title}の通番 {}{more} が抜けています{of}。届いていないファイルがあります", list.join("、")),
        contact: feed.expect.first().map(|expect| expect.contact.clone()).unwrap_or_default(),
    }))
}

/// Calendars that end soon, one sentence each.
pub fn horizons(site: &Site, today: NaiveDate) -> Vec<String> {
    site.calendars
        .values()
        .filter(|calendar| (calendar.until() - today).num_days() < crate::schema::calendar::WARN_DAYS)
        .map(|calendar| {
            format!(
                "暦「{}」（schemas/calendars/{}.toml）は {} で終わります。祝日を足し、until を延ばしてください。その先の予定日は決められません",
                calendar.title,
                calendar.id,
                calendar.until()
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_number_is_found_in_a_name() {
        for (before, after, name, number) in [
            ("KR01_*_", ".csv", "KR01_20260710_007.csv", Some(7)),
            ("Z3A13101.", "", "Z3A13101.012", Some(12)),
            ("*-", "*", "a-5-x.csv", Some(5)),
            ("KR01_", ".csv", "KR02_5.csv", None),
        ] {
            assert_eq!(in_name(before, after, name), number, "{name}");
        }
    }

    #[test]
    fn the_end_of_a_day_in_japan_is_the_afternoon_in_utc() {
        let day = NaiveDate::from_ymd_opt(2026, 7, 10).unwrap();
        assert_eq!(deadline(day, 24 * 60), "2026-07-10T15:00:00Z");
        assert_eq!(deadline(day, 17 * 60), "2026-07-10T08:00:00Z");
    }
}
