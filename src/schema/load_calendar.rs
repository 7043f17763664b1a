//! `schemas/calendars/<id>.toml` and its holidays → [`Calendar`].
//!
//! Owns: the keys of the file and the shape of the CSV. Never: knows a holiday itself.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, Weekday};

use super::calendar::{Calendar, EVERY};
use super::toml_read::{Node, Reader, Text};
use super::{keys, mistake};
use crate::finding::RulePlace;

/// Longest horizon, days: 100 years.
pub const MAX_DAYS: i64 = 36_525;
/// Most holidays of a file.
pub const MAX_HOLIDAYS: usize = 10_000;

/// Words for days of the week.
pub const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

/// Holidays by day.
pub type Holidays = BTreeMap<NaiveDate, String>;

/// A span of days that is closed every year; the end may lie in the next one.
struct Closed {
    from: (u32, u32),
    until: (u32, u32),
    name: String,
}

impl Closed {
    fn holds(&self, day: NaiveDate) -> bool {
        let at = (day.month(), day.day());
        if self.from <= self.until {
            (self.from..=self.until).contains(&at)
        } else {
            at >= self.from || at <= self.until
        }
    }
}

/// Reads a calendar; mistakes go to the reader. `holidays` answers for a file beside it, `None` = there is none.
pub fn load_calendar(id: &str, reader: &Reader, holidays: &dyn Fn(&str) -> Option<Holidays>) -> Option<Calendar> {
    let document = reader.parse()?;
    let top = Node::root(reader, &document);
    top.version();
    let title = top.str("title");
    let (from_text, until_text) = (top.str("from"), top.str("until"));
    let from = from_text.as_ref().and_then(date);
    let until = until_text.as_ref().and_then(date);
    let holidays = match top.opt_str("holidays") {
        Some(file) => holidays(file.value).or_else(|| {
            let hint = "schemas/calendars/ に date,name の CSV を置いてください";
            file.mistake(mistake::UNKNOWN_NAME, format!("祝日のファイル「{}」がありません", file.value), hint);
            None
        }),
        None => Some(Holidays::new()),
    };
    let weekend: Vec<Weekday> = top.opt_list("weekend").unwrap_or_default().iter().filter_map(weekday).collect();
    let closed: Vec<Option<Closed>> = top.tables("closed").iter().map(closed).collect();
    top.finish(&keys::CALENDAR);
    if id == EVERY {
        top.mistake(mistake::BAD_VALUE, "暦「every」は製品が持っています", "別のファイル名にしてください");
    }
    let (from, until, until_text) = (from?, until?, until_text?);
    let days = (until - from).num_days() + 1;
    if !(1..=MAX_DAYS).contains(&days) {
        until_text.mistake(mistake::BAD_VALUE, "暦の終わりが始まりより前か、100年より先です", "");
        return None;
    }
    let (holidays, closed) = (holidays?, closed.into_iter().collect::<Option<Vec<_>>>()?);
    let title = title?;
    judge_reach(&holidays, &until_text, until);
    let days = from.iter_days().take(days as usize).map(|day| {
        let span = closed.iter().find(|span| span.holds(day));
        let holiday = holidays.get(&day);
        let open = span.is_none() && holiday.is_none() && !weekend.contains(&day.weekday());
        (open, holiday.cloned().or_else(|| span.map(|s| s.name.clone())).unwrap_or_default())
    });
    Some(Calendar::new(id, title.value, from, days))
}

/// The horizon may not lie in a year for which not a single holiday is known: such a year would be quietly without any.
fn judge_reach(holidays: &Holidays, until_text: &Text<'_>, until: NaiveDate) {
    // The first days of a year need none of it but 1 January.
    if let Some((last, _)) = holidays.last_key_value()
        && last.year() < until.year()
        && (until.year() > last.year() + 1 || until.ordinal() > 10)
    {
        let message = format!("祝日は {} までしかありませんが、暦は {until} までです", last);
        until_text.mistake(mistake::BAD_VALUE, message, "祝日の CSV に足すか、until を縮めてください");
    }
}

/// A date `YYYY-MM-DD`, with a mistake when it is none.
pub(crate) fn date(text: &Text<'_>) -> Option<NaiveDate> {
    let found = NaiveDate::parse_from_str(text.value, "%Y-%m-%d").ok().filter(|_| text.value.len() == 10);
    if found.is_none() {
        text.mistake(mistake::BAD_VALUE, format!("「{}」は日付ではありません", text.value), "\"2026-07-10\" の形です");
    }
    found
}

/// A day of the week, with a mistake when it is none.
pub(crate) fn weekday(text: &Text<'_>) -> Option<Weekday> {
    let found = WEEKDAYS.iter().find(|(word, _)| *word == text.value);
    if found.is_none() {
        let hint = mistake::did_you_mean(text.value, WEEKDAYS.iter().map(|(word, _)| *word));
        text.mistake(mistake::BAD_VALUE, format!("曜日「{}」はありません", text.value), hint);
    }
    found.map(|(_, day)| *day)
}

fn closed(node: &Node<'_>) -> Option<Closed> {
    let (from, until, name) = (node.str("from"), node.str("until"), node.str("name"));
    node.finish(&keys::CLOSED);
    let (from, until) = (from.and_then(|t| month_day(&t)), until.and_then(|t| month_day(&t)));
    Some(Closed { from: from?, until: until?, name: name?.value.to_owned() })
}

/// `MM-DD`; 29 February is one.
fn month_day(text: &Text<'_>) -> Option<(u32, u32)> {
    let day = NaiveDate::parse_from_str(&format!("2024-{}", text.value), "%Y-%m-%d").ok();
    let found = day.filter(|_| text.value.len() == 5).map(|day| (day.month(), day.day()));
    if found.is_none() {
        text.mistake(mistake::BAD_VALUE, format!("「{}」は月日ではありません", text.value), "\"12-29\" の形です");
    }
    found
}

/// Reads holidays: `date,name` with a header; lines that begin with `#` are remarks. Good rows are returned all the same.
pub fn load_holidays(reader: &Reader) -> Holidays {
    let at = |line: u64| RulePlace { file: reader.file().to_owned(), line: line as u32, column: 1 };
    let mut holidays = Holidays::new();
    let mut csv = csv::ReaderBuilder::new().comment(Some(b'#')).flexible(true).from_reader(reader.text().as_bytes());
    if !csv.headers().is_ok_and(|header| header.iter().eq(["date", "name"])) {
        reader.mistake(mistake::SYNTAX, at(1), "見出しがありません", "最初の行を「date,name」にしてください");
        return holidays;
    }
    for record in csv.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(1, |p| p.line());
                reader.mistake(mistake::SYNTAX, at(line), "CSV として読めません", "");
                break;
            }
        };
        let place = at(record.position().map_or(1, |p| p.line()));
        let (text, name) = (record.get(0).unwrap_or_default(), record.get(1).unwrap_or_default());
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
        match day {
            Some(day) if record.len() == 2 && !name.is_empty() => {
                if holidays.insert(day, name.to_owned()).is_some() {
                    reader.mistake(mistake::DUPLICATE, place, format!("祝日 {day} が2つあります"), "");
                }
            }
            _ => reader.mistake(mistake::SYNTAX, place, "日付と名称の行ではありません", "2026-01-01,元日 の形です"),
        }
        if holidays.len() > MAX_HOLIDAYS {
            reader.mistake(mistake::LENGTH, at(1), format!("祝日が多すぎます（{MAX_HOLIDAYS}まで）"), "");
            break;
        }
    }
    holidays
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_of_a_calendar_is_told_at_once() {
        let text = "version = 1\ntitle = \"a\"\nfrom = \"2026-13-01\"\nuntil = \"2027\"\nholidays = \"x.csv\"\n\
                    weekend = [\"sut\"]\nclosed = [{ from = \"12-32\", until = \"01-03\", name = \"n\" }]\nmonths = 3\n";
        let reader = Reader::new("c.toml", text);
        assert!(load_calendar("c", &reader, &|_| None).is_none());
        let mut lines: Vec<u32> = reader.into_findings().iter().map(|f| f.rule.line).collect();
        lines.sort_unstable();
        assert_eq!(lines, [3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn holidays_that_are_none_or_double_are_refused() {
        let reader =
            Reader::new("h.csv", "# 出典\ndate,name\n2026-01-01,元日\n2026-02-30,x\n2026-01-01,y\n2026-1-2,z\n");
        assert_eq!(load_holidays(&reader).len(), 1);
        let lines: Vec<u32> = reader.into_findings().iter().map(|f| f.rule.line).collect();
        assert_eq!(lines, [4, 5, 6]);
    }

    #[test]
    fn a_horizon_beyond_the_last_known_year_of_holidays_is_refused() {
        let text = "version = 1\ntitle = \"a\"\nfrom = \"2026-01-01\"\nuntil = \"2027-06-30\"\nholidays = \"h.csv\"\n";
        let reader = Reader::new("c.toml", text);
        let one = Holidays::from([(NaiveDate::from_ymd_opt(2026, 11, 23).unwrap(), "n".to_owned())]);
        load_calendar("c", &reader, &|_| Some(one.clone()));
        assert_eq!(reader.into_findings().len(), 1);
    }
}
