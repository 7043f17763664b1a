//! Dates and times: what is written in a file against ISO text.
//!
//! Owns: the calendar and the eras. Never: guesses an era or repairs a day.

use crate::schema::layout::{DateForm, DateRule};

/// What a date in a file means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadDate {
    /// "None" by the rule.
    Null,
    /// The text itself is the value.
    AsIs,
    /// ISO text made from it, ASCII.
    Iso([u8; 10]),
}

/// Last year before each era (year 1 of the era is one more), and its first and last day as year, month, day. A day on
/// which an era changed carries either name in old data; dates of 明治 before 1873 are lunar and not converted.
const ERAS: [(u32, Day, Day); 5] = [
    (1867, (1873, 1, 1), (1912, 7, 30)),
    (1911, (1912, 7, 30), (1926, 12, 25)),
    (1925, (1926, 12, 25), (1989, 1, 7)),
    (1988, (1989, 1, 8), (2019, 4, 30)),
    (2018, (2019, 5, 1), (9999, 12, 31)),
];

type Day = (u32, u32, u32);

const OPEN_START: Day = (0, 1, 1);
const OPEN_END: Day = (9999, 12, 31);

/// Reads the content of a date field. `Err` says what is wrong, as the end of a Japanese sentence.
pub(super) fn read(rule: &DateRule, text: &[u8]) -> Result<ReadDate, &'static str> {
    match &rule.form {
        DateForm::Iso => {
            let &[a, b, c, d, b'-', e, f, b'-', g, h] = text else {
                return Err("YYYY-MM-DD の形ではありません");
            };
            if rule.zero_null && text == b"0000-00-00" {
                return Ok(ReadDate::Null);
            }
            let day = numbers(&[a, b, c, d], &[e, f], &[g, h]).ok_or("数字でない文字があります")?;
            check(rule, day)?;
            Ok(ReadDate::AsIs)
        }
        DateForm::Compact => {
            let &[a, b, c, d, e, f, g, h] = text else {
                return Err("YYYYMMDD の8桁ではありません");
            };
            if rule.zero_null && text == b"00000000" {
                return Ok(ReadDate::Null);
            }
            if rule.open && text == b"99999999" {
                return Ok(ReadDate::Iso(iso(OPEN_END)));
            }
            let day = numbers(&[a, b, c, d], &[e, f], &[g, h]).ok_or("数字でない文字があります")?;
            check(rule, day)?;
            Ok(ReadDate::Iso(iso(day)))
        }
        DateForm::MonthDay => {
            let &[a, b, c, d] = text else {
                return Err("MMDD の4桁ではありません");
            };
            if rule.zero_null && text == b"0000" {
                return Ok(ReadDate::Null);
            }
            // The year is not known here: a leap year lets 0229 through, the mapping decides the year.
            let day = numbers(b"2000", &[a, b], &[c, d]).ok_or("数字でない文字があります")?;
            check(rule, day)?;
            Ok(ReadDate::AsIs)
        }
        DateForm::Era(codes) => read_era(rule, codes, text),
    }
}

fn read_era(rule: &DateRule, codes: &[u8; 5], text: &[u8]) -> Result<ReadDate, &'static str> {
    let &[era, a, b, c, d, e, f] = text else {
        return Err("元号1桁と YYMMDD の7桁ではありません");
    };
    if rule.zero_null && text.iter().all(|byte| matches!(byte, b'0' | b' ')) {
        return Ok(ReadDate::Null);
    }
    if rule.open && text == b"9999999" {
        return Ok(ReadDate::Iso(iso(OPEN_END)));
    }
    let index = codes.iter().position(|code| *code == era);
    let (before, first, last) = ERAS[index.ok_or("元号の番号が決まりにありません")?];
    let (year, month, day) = numbers(&[a, b], &[c, d], &[e, f]).ok_or("数字でない文字があります")?;
    if year == 0 {
        return Err("元号の年が00です");
    }
    let date = (before + year, month, day);
    check(rule, date)?;
    // Unknown parts are 00: the era must hold the latest possible day at one end, the earliest at the other.
    let latest = (date.0, if month == 0 { 12 } else { month }, if day == 0 { 31 } else { day });
    let earliest = (date.0, month.max(1), day.max(1));
    let too_early = latest < first;
    let too_late = earliest > last;
    if too_early || too_late {
        return Err("その元号にない日です");
    }
    Ok(ReadDate::Iso(iso(date)))
}

/// Writes ISO text in the rule's form. `Err` says why it cannot be.
pub(super) fn write(rule: &DateRule, text: &str, out: &mut String) -> Result<(), &'static str> {
    if rule.form == DateForm::MonthDay {
        return match read(rule, text.as_bytes())? {
            ReadDate::Null => Err("日付がありません"),
            _ => {
                out.push_str(text);
                Ok(())
            }
        };
    }
    let plain = DateRule { form: DateForm::Iso, zero_null: false, ..rule.clone() };
    read(&plain, text.as_bytes())?;
    match &rule.form {
        DateForm::Compact => text.split('-').for_each(|part| out.push_str(part)),
        DateForm::Era(codes) => write_era(codes, text, out)?,
        _ => out.push_str(text),
    }
    Ok(())
}

fn write_era(codes: &[u8; 5], text: &str, out: &mut String) -> Result<(), &'static str> {
    let part = |range: std::ops::Range<usize>| text.get(range).and_then(|t| t.parse::<u32>().ok());
    let (Some(year), Some(month), Some(day)) = (part(0..4), part(5..7), part(8..10)) else {
        return Err("YYYY-MM-DD の形ではありません");
    };
    if (year, month, day) == OPEN_END {
        out.push_str("9999999");
        return Ok(());
    }
    // With unknown parts the earliest and the latest possible day must fall in one era. A day on which the era changed
    // is written in the new era (the later entry).
    let era_of = |date: Day| ERAS.iter().rposition(|(_, first, last)| date >= *first && date <= *last);
    let earliest = era_of((year, month.max(1), day.max(1)));
    let latest = era_of((year, if month == 0 { 12 } else { month }, if day == 0 { 31 } else { day }));
    let era = match (earliest, latest) {
        (Some(a), Some(b)) if a == b => a,
        (Some(_), Some(_)) => return Err("月日が不詳のため元号を決められません"),
        _ => return Err("元号で表せない日です"),
    };
    let short = year - ERAS[era].0;
    if short > 99 {
        return Err("元号の年が2桁で表せません");
    }
    out.push(char::from(codes[era]));
    out.push_str(&format!("{short:02}{month:02}{day:02}"));
    Ok(())
}

/// Year (any width), month, day; `None` unless all are ASCII digits.
fn numbers(year: &[u8], month: &[u8; 2], day: &[u8; 2]) -> Option<Day> {
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0u32, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
    };
    Some((number(year)?, number(month)?, number(day)?))
}

fn check(rule: &DateRule, date: Day) -> Result<(), &'static str> {
    let (year, month, day) = date;
    if rule.open && (date == OPEN_START || date == OPEN_END) {
        return Ok(());
    }
    if year == 0 {
        return Err("年が0000です");
    }
    if date == OPEN_END && rule.form != DateForm::MonthDay {
        return Err("9999-12-31（期限なし）はこの項目では使えません");
    }
    if rule.unknown && day == 0 && month <= 12 {
        return Ok(());
    }
    if !(1..=12).contains(&month) {
        return Err(if month == 0 { "月が00です" } else { "月が1から12の間にありません" });
    }
    if day == 0 {
        return Err("日が00です");
    }
    if day > days_in(year, month) {
        return Err("暦にない日です");
    }
    Ok(())
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

fn iso((year, month, day): Day) -> [u8; 10] {
    let digit = |number: u32| b'0' + (number % 10) as u8;
    [
        digit(year / 1000),
        digit(year / 100),
        digit(year / 10),
        digit(year),
        b'-',
        digit(month / 10),
        digit(month),
        b'-',
        digit(day / 10),
        digit(day),
    ]
}

/// Is this `HH:MM` or `HH:MM:SS`?
pub(super) fn is_time(text: &[u8]) -> bool {
    let pair = |tens: u8, ones: u8, limit: u8| {
        tens.is_ascii_digit() && ones.is_ascii_digit() && (tens - b'0') * 10 + (ones - b'0') < limit
    };
    match *text {
        [a, b, b':', c, d] => pair(a, b, 24) && pair(c, d, 60),
        [a, b, b':', c, d, b':', e, f] => pair(a, b, 24) && pair(c, d, 60) && pair(e, f, 60),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(form: DateForm) -> DateRule {
        DateRule { form, unknown: false, zero_null: false, open: false }
    }

    fn iso_of(rule: &DateRule, text: &str) -> Option<String> {
        match read(rule, text.as_bytes()).ok()? {
            ReadDate::Null => Some("null".to_owned()),
            ReadDate::AsIs => Some(text.to_owned()),
            ReadDate::Iso(bytes) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
        }
    }

    #[test]
    fn impossible_days_are_refused_and_leap_days_are_not() {
        let iso = rule(DateForm::Iso);
        for bad in
            ["2026-02-30", "2026-13-01", "2026-00-01", "2026-1-1", "2025-02-29", "0000-01-01", "9999-12-31", "１"]
        {
            assert!(read(&iso, bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(iso_of(&iso, "2024-02-29").as_deref(), Some("2024-02-29"));
        assert_eq!(iso_of(&rule(DateForm::MonthDay), "0229").as_deref(), Some("0229"));
        assert!(iso_of(&rule(DateForm::MonthDay), "0230").is_none());
    }

    #[test]
    fn unknown_parts_none_and_open_ends_need_leave() {
        let lenient = DateRule { unknown: true, zero_null: true, open: true, ..rule(DateForm::Compact) };
        for (text, value) in [
            ("19350000", "1935-00-00"),
            ("19350500", "1935-05-00"),
            ("00000000", "null"),
            ("99999999", "9999-12-31"),
            ("00000101", "0000-01-01"),
        ] {
            assert_eq!(iso_of(&lenient, text).as_deref(), Some(value));
            assert!(iso_of(&rule(DateForm::Compact), text).is_none(), "{text}");
        }
        assert!(iso_of(&lenient, "19350015").is_none());
    }

    #[test]
    fn eras_go_both_ways_and_end_where_they_end() {
        let era = rule(DateForm::Era(*b"13579"));
        for (text, value) in [
            ("5640107", "1989-01-07"),
            ("7010108", "1989-01-08"),
            ("7310430", "2019-04-30"),
            ("9010501", "2019-05-01"),
            ("3151225", "1926-12-25"),
        ] {
            assert_eq!(iso_of(&era, text).as_deref(), Some(value));
        }
        for bad in ["5640108", "7310501", "2010101", "5000101", "1050101"] {
            assert!(iso_of(&era, bad).is_none(), "{bad}");
        }
        let mut out = String::new();
        write(&era, "1989-01-07", &mut out).unwrap();
        write(&era, "1926-12-25", &mut out).unwrap();
        assert_eq!(out, "56401075011225");
        let unknown = DateRule { unknown: true, ..era };
        assert!(write(&unknown, "1989-00-00", &mut out).is_err());
        assert_eq!(iso_of(&unknown, "5100000").as_deref(), Some("1935-00-00"));
        assert_eq!(iso_of(&unknown, "5640000").as_deref(), Some("1989-00-00"));
    }

    #[test]
    fn times_are_on_the_clock() {
        assert!(is_time(b"23:59") && is_time(b"00:00:00"));
        assert!(!is_time(b"24:00") && !is_time(b"9:00") && !is_time(b"12:60"));
    }
}
