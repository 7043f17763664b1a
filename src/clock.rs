//! The injected clock, and the two ways a time is written: UTC for the store, JST for people and file names.
//!
//! Owns: reading the time. Never: schedules (calendars are data).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, SecondsFormat, TimeZone, Utc};

/// Where "now" comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until it is moved: seconds since the epoch. For tests, the demo and simulations.
    Fixed(Arc<AtomicI64>),
}

/// Japan Standard Time; it has no summer time.
pub fn jst() -> FixedOffset {
    FixedOffset::east_opt(9 * 3600).expect("+09:00 is a valid offset")
}

impl Clock {
    /// A clock that stands at this JST day and time.
    pub fn fixed(day: NaiveDate, hour: u32, minute: u32) -> Self {
        let at = day.and_hms_opt(hour, minute, 0).expect("a time of day");
        let seconds = jst().from_local_datetime(&at).single().expect("JST has no gaps").timestamp();
        Clock::Fixed(Arc::new(AtomicI64::new(seconds)))
    }

    /// Moves a fixed clock on; the system's clock stays what it is.
    pub fn advance(&self, seconds: i64) {
        if let Clock::Fixed(at) = self {
            at.fetch_add(seconds, Ordering::SeqCst);
        }
    }

    /// Now, in UTC.
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Clock::System => Utc::now(),
            Clock::Fixed(at) => DateTime::from_timestamp(at.load(Ordering::SeqCst), 0).unwrap_or_default(),
        }
    }

    /// Now as the store keeps it: `2026-07-10T08:05:00Z`.
    pub fn stamp(&self) -> String {
        self.now().to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// Today in JST.
    pub fn today(&self) -> NaiveDate {
        self.now().with_timezone(&jst()).date_naive()
    }
}

/// A stored UTC stamp as `YYYYMMDDhhmmss` JST; the stamp itself if it is not one.
pub fn compact_jst(stamp: &str) -> String {
    with_jst(stamp, |t| t.format("%Y%m%d%H%M%S").to_string())
}

/// A stored UTC stamp as `2026年7月10日（金） 17:05` JST.
pub fn people_jst(stamp: &str) -> String {
    with_jst(stamp, |t| {
        let day = t.date_naive();
        format!("{}年{}月{}日（{}） {}", day.year(), day.month(), day.day(), weekday(day), t.format("%H:%M"))
    })
}

/// A stored UTC stamp's day in JST, `YYYY-MM-DD`.
pub fn day_jst(stamp: &str) -> String {
    with_jst(stamp, |t| t.format("%Y-%m-%d").to_string())
}

/// A stored UTC stamp's time of day in JST, `HH:MM`.
pub fn time_jst(stamp: &str) -> String {
    with_jst(stamp, |t| t.format("%H:%M").to_string())
}

/// Japanese weekday in one character.
pub fn weekday(day: NaiveDate) -> char {
    ['月', '火', '水', '木', '金', '土', '日'][day.weekday().num_days_from_monday() as usize]
}

fn with_jst(stamp: &str, f: impl Fn(DateTime<FixedOffset>) -> String) -> String {
    match DateTime::parse_from_rfc3339(stamp) {
        Ok(t) => f(t.with_timezone(&jst())),
        Err(_) => stamp.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_is_stored_and_jst_is_shown() {
        let clock = Clock::fixed(NaiveDate::from_ymd_opt(2026, 7, 10).unwrap(), 8, 5);
        assert_eq!(clock.stamp(), "2026-07-09T23:05:00Z");
        assert_eq!(people_jst(&clock.stamp()), "2026年7月10日（金） 08:05");
        assert_eq!(compact_jst(&clock.stamp()), "20260710080500");
        assert_eq!(clock.today().to_string(), "2026-07-10");
    }
}
