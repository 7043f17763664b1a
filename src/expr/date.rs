//! Civil date maths on ISO text. Unknown parts are `00` and are never guessed.
//!
//! Owns: what counts as a date (years 0001–9999, proleptic Gregorian). Never: reads a clock.

use chrono::{Datelike, Days, NaiveDate};

/// Largest number of days that `add_days` moves; more leaves the years 0001–9999 from anywhere.
pub(super) const MAX_DAYS: i64 = 3_700_000;
/// Largest number of years that `add_years` moves.
pub(super) const MAX_YEARS: i64 = 9_999;

/// The three parts of `YYYY-MM-DD` as digits; the parts are not checked against the calendar.
fn parts(text: &str) -> Option<(i32, u32, u32)> {
    let b: &[u8; 10] = text.as_bytes().try_into().ok()?;
    let number = |range: std::ops::Range<usize>| {
        b[range].iter().try_fold(0u32, |n, d| d.is_ascii_digit().then(|| n * 10 + u32::from(d - b'0')))
    };
    if b[4] != b'-' || b[7] != b'-' {
        return None;
    }
    Some((number(0..4)? as i32, number(5..7)?, number(8..10)?))
}

/// A whole, real date; None when a part is unknown or the day does not exist.
pub(super) fn whole(text: &str) -> Option<NaiveDate> {
    let (year, month, day) = parts(text)?;
    if year == 0 { None } else { NaiveDate::from_ymd_opt(year, month, day) }
}

/// Is this text a date as the store keeps it: real, or with the day, or the month and the day, unknown (`00`)?
pub(super) fn is_iso(text: &str) -> bool {
    match parts(text) {
        Some((_, month, 0)) => month <= 12,
        Some(_) => whole(text).is_some(),
        None => false,
    }
}

/// The year, unless it is unknown (`0000`).
pub(super) fn year(text: &str) -> Option<i64> {
    parts(text).map(|(year, _, _)| i64::from(year)).filter(|y| *y != 0)
}

/// The month, unless it is unknown.
pub(super) fn month(text: &str) -> Option<i64> {
    parts(text).map(|(_, month, _)| i64::from(month)).filter(|m| (1..=12).contains(m))
}

/// The day of the month, unless it is unknown; a day is at most 31 here, whatever the month.
pub(super) fn day(text: &str) -> Option<i64> {
    parts(text).map(|(_, _, day)| i64::from(day)).filter(|d| (1..=31).contains(d))
}

/// The year that begins on 1 April (会計年度); needs year and month, the day may be unknown.
pub(super) fn fiscal_year(text: &str) -> Option<i64> {
    Some(year(text)? - i64::from(month(text)? < 4))
}

/// The same day `n` years on; 29 February becomes 28 February in a year that has none.
pub(super) fn add_years(text: &str, n: i64) -> Option<NaiveDate> {
    let from = whole(text)?;
    if !(-MAX_YEARS..=MAX_YEARS).contains(&n) {
        return None;
    }
    let year = from.year() + n as i32;
    if !(1..=9999).contains(&year) {
        return None;
    }
    NaiveDate::from_ymd_opt(year, from.month(), from.day()).or_else(|| NaiveDate::from_ymd_opt(year, 2, 28))
}

/// The date `n` days on.
pub(super) fn add_days(text: &str, n: i64) -> Option<NaiveDate> {
    let from = whole(text)?;
    if !(-MAX_DAYS..=MAX_DAYS).contains(&n) {
        return None;
    }
    let days = Days::new(n.unsigned_abs());
    let to = if n < 0 { from.checked_sub_days(days) } else { from.checked_add_days(days) }?;
    (1..=9999).contains(&to.year()).then_some(to)
}

/// Days from `from` to `to`; negative when `to` is earlier.
pub(super) fn days_between(from: &str, to: &str) -> Option<i64> {
    Some(whole(to)?.signed_duration_since(whole(from)?).num_days())
}

/// ISO text of a date within the years 0001–9999.
pub(super) fn iso(date: NaiveDate) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_parts_are_dates_but_never_whole_dates() {
        assert!(is_iso("1935-00-00") && is_iso("1935-04-00") && is_iso("2024-02-29"));
        assert!(!is_iso("1935-00-01") && !is_iso("2023-02-29") && !is_iso("1935-13-00") && !is_iso("１９３５-00-00"));
        assert_eq!(whole("1935-00-00"), None);
        assert_eq!((year("1935-00-00"), month("1935-00-00"), day("1935-04-00")), (Some(1935), None, None));
    }

    #[test]
    fn leap_day_moves_to_28_february_and_the_fiscal_year_begins_in_april() {
        assert_eq!(add_years("2024-02-29", 1).map(iso).as_deref(), Some("2025-02-28"));
        assert_eq!(add_years("2024-02-29", 4).map(iso).as_deref(), Some("2028-02-29"));
        assert_eq!(add_years("9999-01-01", 1), None);
        assert_eq!((fiscal_year("2025-03-31"), fiscal_year("2025-04-00")), (Some(2024), Some(2025)));
        assert_eq!(days_between("2024-02-28", "2024-03-01"), Some(2));
        assert_eq!(add_days("9999-12-31", 1), None);
    }
}
