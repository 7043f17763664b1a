//! `[[schedule]]`, `[[expect]]` and `[sequence]` → rules of days.
//!
//! Owns: the keys of these tables. Never: what is done on a day.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use super::calendar::{Calendar, EVERY};
use super::keys::{self, Table};
use super::load_calendar::{date, weekday};
use super::mistake;
use super::schedule::{Days, Expect, MAX_OFFSET, Per, Rule, Sequence, SequencePlace, Shift};
use super::toml_read::{Node, Text};

/// Calendars by id; `None` = its file has mistakes of its own.
pub type Calendars = BTreeMap<String, Option<Arc<Calendar>>>;

/// Reads `[[schedule]]`.
pub fn rules(top: &Node<'_>, calendars: &Calendars) -> Vec<Rule> {
    let nodes = top.tables("schedule");
    nodes.iter().filter_map(|node| rule(node, calendars, &keys::SCHEDULE)).collect()
}

/// Reads `calendar`: on whose open days alone a new day makes something due that has no `[[schedule]]`; `None` = every day.
pub fn new_days(top: &Node<'_>, calendars: &Calendars) -> Option<Arc<Calendar>> {
    let text = top.opt_str("calendar")?;
    if top.has("schedule") {
        let hint = "「calendar」を [[schedule]] の中に移してください";
        text.mistake(mistake::BAD_VALUE, "[[schedule]] があるので「calendar」は使われません", hint);
    }
    calendar(&text, calendars).flatten()
}

/// Reads `[[expect]]`.
pub fn expects(top: &Node<'_>, calendars: &Calendars) -> Vec<Expect> {
    let nodes = top.tables("expect");
    let read = |node: &Node<'_>| {
        let by = node.opt_str("by").and_then(|text| minutes(&text));
        let contact = node.str("contact");
        let rule = rule(node, calendars, &keys::EXPECT)?;
        Some(Expect { rule, by: by.unwrap_or(24 * 60), contact: contact?.value.to_owned() })
    };
    nodes.iter().filter_map(read).collect()
}

fn rule(node: &Node<'_>, calendars: &Calendars, table: &Table) -> Option<Rule> {
    let title = node.opt_str("title").map(|text| text.value.to_owned()).unwrap_or_default();
    let months: Vec<u32> = node.opt_ints("months", 1..=12).into_iter().map(|month| month as u32).collect();
    let days = days(node);
    let calendar = node.opt_str("calendar").map(|text| calendar(&text, calendars));
    let shift = node
        .opt_word("shift", &[("following", Shift::Following), ("preceding", Shift::Preceding), ("skip", Shift::Skip)]);
    let offset = node.opt_int("offset", -MAX_OFFSET..=MAX_OFFSET).unwrap_or(0);
    let overrides: Vec<_> = node.tables("override").iter().map(moved).collect();
    node.finish(table);
    let standard = if days == Some(Days::Every) { Shift::Skip } else { Shift::Following };
    let mut rule = Rule {
        title,
        months,
        days: days?,
        calendar: calendar.unwrap_or(Some(None))?,
        shift: shift.unwrap_or(standard),
        offset,
        overrides: Vec::new(),
    };
    for (on, text, instead) in overrides.into_iter().flatten() {
        if !rule.is_nominal(on) {
            let message = format!("{on} はこの規則の日ではありません");
            text.mistake(mistake::BAD_VALUE, message, "休業日による移動の前の日を書いてください");
        }
        rule.overrides.push((on, instead));
    }
    Some(rule)
}

fn days(node: &Node<'_>) -> Option<Days> {
    let weekdays = node.opt_list("weekdays");
    if !node.has("day") {
        return Some(match weekdays {
            Some(list) => {
                if list.is_empty() {
                    node.mistake(mistake::BAD_VALUE, "「weekdays」が空です", "毎日なら weekdays を消してください");
                }
                Days::Weekdays(list.iter().filter_map(weekday).collect())
            }
            None => Days::Every,
        });
    }
    if weekdays.is_some() {
        node.mistake(mistake::BAD_VALUE, "day と weekdays は一緒に書けません", "[[…]] を2つに分けてください");
    }
    if node.is_text("day") {
        return node.opt_word("day", &[("last", Days::Last)]);
    }
    node.opt_int("day", 1..=31).map(|day| Days::Day(day as u32))
}

/// The calendar of that id; `Some(None)` = every day. `None` when it is not known, which is a mistake unless its file has
/// some.
pub fn calendar(id: &Text<'_>, calendars: &Calendars) -> Option<Option<Arc<Calendar>>> {
    if id.value == EVERY {
        return Some(None);
    }
    match calendars.get(id.value) {
        Some(found) => found.clone().map(Some),
        None => {
            id.unknown("暦", calendars.keys().map(String::as_str).chain([EVERY]));
            None
        }
    }
}

/// `on`, where it stands, and `use`.
fn moved<'a>(node: &Node<'a>) -> Option<(NaiveDate, Text<'a>, NaiveDate)> {
    let (on, instead) = (node.str("on"), node.str("use"));
    node.finish(&keys::OVERRIDE);
    let (on, instead) = (on?, instead.and_then(|text| date(&text)));
    Some((date(&on)?, on, instead?))
}

/// `HH:MM` up to 24:00.
fn minutes(text: &Text<'_>) -> Option<u32> {
    let parts = text.value.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2);
    let found = parts.and_then(|(h, m)| Some(h.parse::<u32>().ok()? * 60 + m.parse::<u32>().ok().filter(|m| *m < 60)?));
    let found = found.filter(|minutes| *minutes <= 24 * 60);
    if found.is_none() {
        text.mistake(mistake::BAD_VALUE, format!("「{}」は時刻ではありません", text.value), "\"17:00\" の形です");
    }
    found
}

/// Reads `[sequence]`. `field_is_known` says whether some layout of the feed has the record and field.
pub fn sequence(top: &Node<'_>, field_is_known: &dyn Fn(&str, &str) -> bool) -> Option<Sequence> {
    let node = top.opt_table("sequence")?;
    let (field, name) = (node.opt_str("field"), node.opt_str("name"));
    let start = node.opt_int("start", 0..=1_000_000_000).unwrap_or(1);
    let per = node.opt_word("per", &[("never", Per::Never), ("year", Per::Year), ("day", Per::Day)]);
    node.finish(&keys::SEQUENCE);
    let place = match (field, name) {
        (Some(field), None) => match field.value.split_once('.') {
            Some((record, item)) if field_is_known(record, item) => {
                SequencePlace::Field(record.to_owned(), item.to_owned())
            }
            _ => {
                let message = format!("項目「{}」がどのレイアウトにもありません", field.value);
                field.mistake(mistake::UNKNOWN_NAME, message, "\"レコード.項目\" の形で書いてください");
                return None;
            }
        },
        (None, Some(name)) => match name.value.split_once("{n}") {
            Some((before, after)) if !after.contains("{n}") => SequencePlace::Name(before.to_owned(), after.to_owned()),
            _ => {
                name.mistake(mistake::BAD_VALUE, "通番の場所 {n} がちょうど1つ要ります", "\"KR01_*_{n}.csv\" など");
                return None;
            }
        },
        _ => {
            let hint = "field = \"レコード.項目\" か name = \"…{n}…\"";
            node.mistake(mistake::MISSING_KEY, "field か name のどちらか一方を書いてください", hint);
            return None;
        }
    };
    Some(Sequence { place, start, per: per.unwrap_or(Per::Never) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::toml_read::Reader;

    #[test]
    fn every_mistake_of_a_rule_is_told_at_once() {
        let text = "[[expect]]\nmonths = [13]\nday = 40\nweekdays = [\"mon\"]\ncalendar = \"bnak\"\nshift = \"after\"\n\
                    offset = 99\nby = \"25:00\"\ncontact = \"a\"\nx = 1\n[[expect]]\nday = \"first\"\n\
                    [[expect]]\nday = 10\ncontact = \"b\"\noverride = [{ on = \"2026-07-11\", use = \"2026-07-12\" }]\n";
        let reader = Reader::new("a.toml", text);
        let document = reader.parse().unwrap();
        expects(&Node::root(&reader, &document), &Calendars::new());
        drop(document);
        let mut lines: Vec<u32> = reader.into_findings().iter().map(|f| f.rule.line).collect();
        lines.sort_unstable();
        assert_eq!(lines, [1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 16]);
    }
}
