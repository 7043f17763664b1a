//! How numbers, dates and foreign text look to a Japanese reader.
//!
//! Owns: the formats. Never: a clock or a time zone of the machine; JST is UTC+9 and nothing else.

use std::borrow::{Borrow, Cow};

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, Timelike};

use crate::value::is_hidden;

/// A whole number, or a reference to one, as pages have them.
pub trait Whole {
    /// Its value.
    fn whole(self) -> i128;
}

macro_rules! whole {
    ($($number:ty),*) => {$(
        impl Whole for $number {
            fn whole(self) -> i128 {
                self as i128
            }
        }
        impl Whole for &$number {
            fn whole(self) -> i128 {
                *self as i128
            }
        }
    )*};
}

whole!(u64, i64, usize, i128);

/// `12,345`, `-1,234`.
pub fn thousands(n: impl Whole) -> String {
    let n = n.whole();
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `12,345件`.
pub fn count(n: impl Whole) -> String {
    thousands(n) + "件"
}

/// `12,345円`; `—` when there is none.
pub fn yen(amount: impl Borrow<Option<i64>>) -> String {
    amount.borrow().map_or_else(|| "—".to_owned(), |n| thousands(n) + "円")
}

/// `12,345バイト`.
pub fn bytes(n: impl Whole) -> String {
    thousands(n) + "バイト"
}

/// A byte offset, which counts from 0, as the position that people count from 1.
pub fn from_one(offset: impl Borrow<u64>) -> u64 {
    offset.borrow().saturating_add(1)
}

/// `2026年7月10日（金） 17:05` from seconds since 1970-01-01 UTC.
pub fn jst(unix_seconds: i64) -> String {
    let zone = FixedOffset::east_opt(9 * 3600);
    match zone.zip(DateTime::from_timestamp(unix_seconds, 0)) {
        Some((zone, utc)) => {
            let at = utc.with_timezone(&zone);
            format!("{} {:02}:{:02}", long_date(at.date_naive()), at.hour(), at.minute())
        }
        None => format!("時刻 {unix_seconds}"),
    }
}

/// `2026年7月10日（金）` from an ISO date; anything else comes back as it is.
pub fn day(iso: &str) -> String {
    NaiveDate::parse_from_str(iso, "%Y-%m-%d").map_or_else(|_| iso.to_owned(), long_date)
}

fn long_date(date: NaiveDate) -> String {
    let weekday = ['月', '火', '水', '木', '金', '土', '日'][date.weekday().num_days_from_monday() as usize];
    format!("{}年{}月{}日（{weekday}）", date.year(), date.month(), date.day())
}

/// Characters that would vanish, move the cursor or turn the line round are shown as what they are (`␊`, `[U+202E]`);
/// everything else is untouched. For pages, spreadsheets and terminals, never for machine files.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\u{0}'..='\u{1f}' => out.extend(char::from_u32(0x2400 + c as u32)),
            '\u{7f}' => out.push('␡'),
            c if is_hidden(c) => out.push_str(&format!("[U+{:04X}]", c as u32)),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_dates_read_as_japanese() {
        assert_eq!(thousands(0_u64), "0");
        assert_eq!(thousands(-1_234_567_i64), "-1,234,567");
        assert_eq!(thousands(i64::MIN), "-9,223,372,036,854,775,808");
        assert_eq!(count(999_u64), "999件");
        assert_eq!(yen(Some(1000)), "1,000円");
        assert_eq!(yen(None), "—");
        assert_eq!(jst(1_783_670_700), "2026年7月10日（金） 17:05");
        assert_eq!(day("2026-07-10"), "2026年7月10日（金）");
        assert_eq!(day("1935-00-00"), "1935-00-00");
    }

    #[test]
    fn hidden_characters_are_shown() {
        assert_eq!(visible("a\u{1b}[31m\r\n\u{202e}b\u{85}"), "a␛[31m␍␊[U+202E]b[U+0085]");
        assert!(matches!(visible("葛\u{e0100}飾　区"), Cow::Borrowed(_)));
    }
}
