//! A calendar: which days are open, from `schemas/calendars/<id>.toml`; and the arithmetic of open days.
//!
//! Owns: the next, the previous and the n-th open day within the horizon. Never: reads files, guesses beyond the horizon
//! (equinoxes are announced a year ahead, so nobody can know).

use chrono::NaiveDate;

/// Id of the calendar without a closed day and without an end; it has no file.
pub const EVERY: &str = "every";
/// Days before the horizon at which people are warned.
pub const WARN_DAYS: i64 = 90;

/// Days from `from` on, none left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// File stem.
    pub id: String,
    /// Japanese title.
    pub title: String,
    /// First day that is known.
    pub from: NaiveDate,
    days: Vec<Day>,
}

/// One day of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Is it open?
    pub open: bool,
    /// Number of open days from the calendar's first day up to and including this one.
    pub number: i64,
    /// Why it is closed, or its name (`元日`); empty for ordinary days and weekends.
    pub name: String,
}

impl Calendar {
    /// A calendar from `from`, with one entry for each day: closed or not, and its name.
    pub fn new(id: &str, title: &str, from: NaiveDate, days: impl IntoIterator<Item = (bool, String)>) -> Self {
        let mut number = 0;
        let days = days.into_iter().map(|(open, name)| {
            number += i64::from(open);
            Day { open, number, name }
        });
        Calendar { id: id.to_owned(), title: title.to_owned(), from, days: days.collect() }
    }

    /// The calendar without a closed day, for what is listed day by day.
    pub fn every(from: NaiveDate, until: NaiveDate) -> Self {
        let days = from.iter_days().take_while(|day| *day <= until).map(|_| (true, String::new()));
        Calendar::new(EVERY, "毎日", from, days)
    }

    /// Last day that is known.
    pub fn until(&self) -> NaiveDate {
        self.from + chrono::TimeDelta::days(self.days.len() as i64 - 1)
    }

    /// What is known of a day; `None` outside the horizon.
    pub fn day(&self, day: NaiveDate) -> Option<&Day> {
        usize::try_from((day - self.from).num_days()).ok().and_then(|at| self.days.get(at))
    }

    /// Every day in order.
    pub fn days(&self) -> impl Iterator<Item = (NaiveDate, &Day)> {
        self.from.iter_days().zip(&self.days)
    }

    /// Is the day open? `None` outside the horizon.
    pub fn is_open(&self, day: NaiveDate) -> Option<bool> {
        self.day(day).map(|day| day.open)
    }

    /// The day itself if it is open, else the next open one.
    pub fn following(&self, day: NaiveDate) -> Option<NaiveDate> {
        let known = self.day(day)?;
        if known.open { Some(day) } else { self.numbered(known.number + 1) }
    }

    /// The day itself if it is open, else the last open one before.
    pub fn preceding(&self, day: NaiveDate) -> Option<NaiveDate> {
        let known = self.day(day)?;
        if known.open { Some(day) } else { self.numbered(known.number) }
    }

    /// So many open days later, or earlier if negative. From a closed day on, the count begins with the next open one
    /// (later) or the last one before (earlier).
    pub fn offset(&self, day: NaiveDate, by: i64) -> Option<NaiveDate> {
        let known = self.day(day)?;
        match by {
            0 => Some(day),
            // A closed day has the number of the open day before it, which is the first step back.
            by if by < 0 && !known.open => self.numbered(known.number + by + 1),
            by => self.numbered(known.number + by),
        }
    }

    /// The open day of that number.
    fn numbered(&self, number: i64) -> Option<NaiveDate> {
        if number < 1 {
            return None;
        }
        let at = self.days.partition_point(|day| day.number < number);
        (at < self.days.len()).then(|| self.from + chrono::TimeDelta::days(at as i64))
    }
}

#[cfg(test)]
mod tests {
    use crate::schema::shipped_days::{day, shipped};

    #[test]
    fn bank_days_of_a_year_are_as_many_as_published() {
        let bank = shipped("bank", "2027-12-31");
        for (year, open) in [("2026", 242), ("2027", 244)] {
            let counted = bank.days().filter(|(date, day)| date.to_string().starts_with(year) && day.open).count();
            assert_eq!(counted, open, "{year}");
        }
        assert_eq!(bank.until(), day("2027-12-31"));
    }

    #[test]
    fn a_closed_day_moves_to_the_published_bank_day() {
        let bank = shipped("bank", "2028-01-10");
        for (closed, open) in [
            ("2026-05-31", "2026-06-01"),
            ("2026-10-31", "2026-11-02"),
            ("2026-12-31", "2027-01-04"),
            ("2027-01-31", "2027-02-01"),
            ("2027-02-28", "2027-03-01"),
            ("2027-07-31", "2027-08-02"),
            ("2027-10-31", "2027-11-01"),
            ("2027-12-31", "2028-01-04"),
            ("2026-09-22", "2026-09-24"),
            ("2026-09-24", "2026-09-24"),
        ] {
            assert_eq!(bank.following(day(closed)), Some(day(open)), "{closed}");
        }
        assert_eq!(bank.preceding(day("2026-12-31")), Some(day("2026-12-30")));
        let office = shipped("office", "2027-12-31");
        assert_eq!(office.preceding(day("2026-12-31")), Some(day("2026-12-28")));
        assert_eq!(office.is_open(day("2026-12-30")), Some(false));
        assert_eq!(bank.is_open(day("2026-12-30")), Some(true));
    }

    #[test]
    fn open_days_are_counted_over_holidays_and_never_beyond_the_horizon() {
        let bank = shipped("bank", "2027-12-31");
        assert_eq!(bank.offset(day("2026-09-28"), -5), Some(day("2026-09-16")));
        assert_eq!(bank.offset(day("2026-09-16"), 5), Some(day("2026-09-28")));
        assert_eq!(bank.offset(day("2026-09-22"), -1), Some(day("2026-09-18")));
        assert_eq!(bank.offset(day("2026-09-22"), 1), Some(day("2026-09-24")));
        assert_eq!(bank.following(day("2027-12-31")), None);
        assert_eq!(bank.following(day("2028-01-01")), None);
        assert_eq!(bank.offset(day("2025-01-06"), -1), None);
    }
}
