//! Rules of days: when a file is due to leave, a derivation to run, a file to arrive.
//!
//! Owns: the days a rule names within a span. Never: asks what today is, what came or left.

use std::sync::Arc;

use chrono::{Datelike, Months, NaiveDate, TimeDelta, Weekday};

use super::calendar::Calendar;

/// Most business days a rule may move a day.
pub const MAX_OFFSET: i64 = 60;
/// Days beyond which no rule's next day is looked for: a yearly rule has one within.
pub const FAR: i64 = 800;

/// One rule: nominal days, moved to open days of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What the days are for; may be empty.
    pub title: String,
    /// Months (1 to 12); empty = every month.
    pub months: Vec<u32>,
    /// Which days of these months.
    pub days: Days,
    /// Which days are open; `None` = all of them (`every`).
    pub calendar: Option<Arc<Calendar>>,
    /// What becomes of a closed day.
    pub shift: Shift,
    /// So many open days later; earlier if negative.
    pub offset: i64,
    /// Nominal day → the day that holds in its place, before the offset.
    pub overrides: Vec<(NaiveDate, NaiveDate)>,
}

/// Nominal days of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Days {
    /// All.
    Every,
    /// 1 to 31; in a shorter month its last.
    Day(u32),
    /// The last.
    Last,
    /// Days of the week.
    Weekdays(Vec<Weekday>),
}

/// What becomes of a nominal day that is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shift {
    /// The next open day.
    Following,
    /// The last open day before.
    Preceding,
    /// It is left out.
    Skip,
}

/// A day that a rule names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// The day.
    pub day: NaiveDate,
    /// Before it was moved.
    pub nominal: NaiveDate,
    /// Title of the rule.
    pub title: String,
}

/// When a file ought to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// The days.
    pub rule: Rule,
    /// Minutes after midnight JST by which it ought to have come; 1440 = the end of the day.
    pub by: u32,
    /// Whom to phone.
    pub contact: String,
}

/// A running number that the sender gives its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Where it stands.
    pub place: SequencePlace,
    /// The first number of a period.
    pub start: i64,
    /// When it begins anew.
    pub per: Per,
}

/// Where a running number stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequencePlace {
    /// Record kind and field, by name.
    Field(String, String),
    /// File name: what stands before and after the number; `*` is any run.
    Name(String, String),
}

/// When a running number begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// Never.
    Never,
    /// With the calendar year.
    Year,
    /// With the day.
    Day,
}

impl Rule {
    /// Is this a day the rule names before it is moved?
    pub fn is_nominal(&self, day: NaiveDate) -> bool {
        let in_month = self.months.is_empty() || self.months.contains(&day.month());
        in_month
            && match &self.days {
                Days::Every => true,
                Days::Day(n) => day.day() == (*n).min(last_of_month(day)),
                Days::Last => day.day() == last_of_month(day),
                Days::Weekdays(days) => days.contains(&day.weekday()),
            }
    }

    /// The days from `from` to `until` (both included) that the rule names, each once, in order. What the calendar does
    /// not know has no day.
    pub fn occurrences(&self, from: NaiveDate, until: NaiveDate) -> Vec<Occurrence> {
        // The longest run of closed days and the offset, each open day counted as two weeks' share of days.
        let reach = TimeDelta::days(31 + self.offset.abs() * 3);
        let near = (from - reach).iter_days().take_while(|day| *day <= until + reach);
        let far = self.overrides.iter().map(|(on, _)| *on);
        let mut found: Vec<Occurrence> = near
            .chain(far)
            .filter(|day| self.is_nominal(*day))
            .filter_map(|nominal| Some(Occurrence { day: self.held(nominal)?, nominal, title: self.title.clone() }))
            .filter(|o| (from..=until).contains(&o.day))
            .collect();
        found.sort();
        found.dedup_by_key(|o| o.day);
        found
    }

    /// The day that holds for a nominal day.
    fn held(&self, nominal: NaiveDate) -> Option<NaiveDate> {
        let instead = self.overrides.iter().find(|(on, _)| *on == nominal).map(|(_, day)| *day);
        let Some(calendar) = &self.calendar else {
            return Some(instead.unwrap_or(nominal) + TimeDelta::days(self.offset));
        };
        let day = match (instead, self.shift) {
            (Some(day), _) => day,
            (None, Shift::Following) => calendar.following(nominal)?,
            (None, Shift::Preceding) => calendar.preceding(nominal)?,
            (None, Shift::Skip) => calendar.is_open(nominal)?.then_some(nominal)?,
        };
        calendar.offset(day, self.offset)
    }
}

/// The days all rules name together, each once, in order.
pub fn occurrences<'r>(
    rules: impl IntoIterator<Item = &'r Rule>,
    from: NaiveDate,
    until: NaiveDate,
) -> Vec<Occurrence> {
    let mut all: Vec<Occurrence> = rules.into_iter().flat_map(|rule| rule.occurrences(from, until)).collect();
    all.sort();
    all.dedup_by_key(|o| o.day);
    all
}

/// The last day up to and including `until` that the rules name, not before `from`.
pub fn latest(rules: &[Rule], from: NaiveDate, until: NaiveDate) -> Option<Occurrence> {
    // Near days first: most rules name one within a month, and a yearly one is asked for seldom.
    let near = until - TimeDelta::days(35);
    let found = occurrences(rules, near.max(from), until).pop();
    found.or_else(|| (near > from).then(|| occurrences(rules, from, near).pop()).flatten())
}

/// The first day after `after` that the rules name.
pub fn next(rules: &[Rule], after: NaiveDate) -> Option<Occurrence> {
    let (near, far) = (after + TimeDelta::days(35), after + TimeDelta::days(FAR));
    let first = |from, until| occurrences(rules, from, until).into_iter().next();
    first(after.succ_opt()?, near).or_else(|| first(near, far))
}

fn last_of_month(day: NaiveDate) -> u32 {
    let next = day.with_day(1).and_then(|first| first.checked_add_months(Months::new(1)));
    next.and_then(|first| first.pred_opt()).map_or(31, |last| last.day())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::load_schedule::{Calendars, rules};
    use crate::schema::shipped_days::{day, shipped};
    use crate::schema::toml_read::{Node, Reader};

    fn rule(text: &str) -> Rule {
        let calendars: Calendars =
            ["bank", "office"].map(|id| (id.to_owned(), Some(Arc::new(shipped(id, "2028-01-10"))))).into();
        let reader = Reader::new("a.toml", format!("[[schedule]]\n{text}"));
        let document = reader.parse().unwrap();
        let found = rules(&Node::root(&reader, &document), &calendars);
        drop(document);
        assert_eq!(reader.into_findings(), []);
        found.into_iter().next().unwrap()
    }

    /// Rule, span, and the days it names in it.
    const KNOWN: [(&str, &str, &str, &[&str]); 11] = [
        ("months = [7]\nday = 10", "2026-04-01", "2027-03-31", &["2026-07-10"]),
        (
            "day = \"last\"\ncalendar = \"bank\"\nmonths = [5, 10, 12]",
            "2026-05-01",
            "2027-01-31",
            &["2026-06-01", "2026-11-02", "2027-01-04"],
        ),
        (
            "day = \"last\"\ncalendar = \"bank\"\nshift = \"preceding\"\nmonths = [12]",
            "2026-01-01",
            "2027-12-31",
            &["2026-12-30", "2027-12-30"],
        ),
        (
            "day = 31\nmonths = [2, 12]\ncalendar = \"bank\"",
            "2027-01-01",
            "2028-01-05",
            &["2027-01-04", "2027-03-01", "2028-01-04"],
        ),
        ("day = 28\nmonths = [9]\ncalendar = \"bank\"\noffset = -5", "2026-09-01", "2026-09-30", &["2026-09-16"]),
        // The period's own day holds, and the request leaves five bank days before it.
        (
            "day = \"last\"\nmonths = [12]\ncalendar = \"bank\"\noffset = -5\noverride = [{ on = \"2026-12-31\", use = \"2026-12-30\" }]",
            "2026-12-01",
            "2027-01-31",
            &["2026-12-23"],
        ),
        ("calendar = \"office\"", "2026-09-18", "2026-09-25", &["2026-09-18", "2026-09-24", "2026-09-25"]),
        ("calendar = \"office\"\nshift = \"following\"", "2026-09-19", "2026-09-25", &["2026-09-24", "2026-09-25"]),
        (
            "weekdays = [\"mon\"]\ncalendar = \"office\"",
            "2026-09-14",
            "2026-09-28",
            &["2026-09-14", "2026-09-24", "2026-09-28"],
        ),
        (
            "months = [4, 6, 8, 10, 12, 2]\nday = 10",
            "2026-07-01",
            "2026-12-31",
            &["2026-08-10", "2026-10-10", "2026-12-10"],
        ),
        ("day = 1\noffset = -3", "2026-12-01", "2026-12-31", &["2026-12-29"]),
    ];

    #[test]
    fn rules_name_the_known_days() {
        for (text, from, until, expected) in KNOWN {
            let named: Vec<String> =
                rule(text).occurrences(day(from), day(until)).iter().map(|o| o.day.to_string()).collect();
            assert_eq!(named, expected, "{text}");
        }
    }

    #[test]
    fn the_last_and_the_next_day_of_a_yearly_rule_are_found() {
        let yearly = [rule("months = [7]\nday = 10")];
        assert_eq!(latest(&yearly, day("2025-04-01"), day("2026-07-09")).unwrap().day, day("2025-07-10"));
        assert_eq!(latest(&yearly, day("2025-07-11"), day("2026-07-09")), None);
        assert_eq!(latest(&yearly, day("2025-07-11"), day("2026-07-10")).unwrap().day, day("2026-07-10"));
        assert_eq!(next(&yearly, day("2026-07-10")).unwrap().day, day("2027-07-10"));
        assert_eq!(next(&yearly, day("2026-07-09")).unwrap().day, day("2026-07-10"));
    }

    #[test]
    fn beyond_the_horizon_no_day_is_guessed() {
        let monthly = rule("day = 10\ncalendar = \"bank\"");
        assert_eq!(monthly.occurrences(day("2028-01-11"), day("2028-12-31")), []);
    }
}
