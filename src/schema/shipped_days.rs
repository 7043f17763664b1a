//! The shipped calendars, for tests.

use chrono::NaiveDate;

use super::calendar::Calendar;
use super::load_calendar::{load_calendar, load_holidays};
use super::toml_read::Reader;

/// The day of that name.
pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The shipped calendar; `until` beyond its own horizon for days that follow from the turn of the year alone.
pub fn shipped(id: &str, until: &str) -> Calendar {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/calendars");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let csv = Reader::new("holidays.csv", read("holidays.csv"));
    let holidays = load_holidays(&csv);
    let text = read(&format!("{id}.toml")).replace("until = \"2027-12-31\"", &format!("until = \"{until}\""));
    let reader = Reader::new("calendar.toml", text);
    let calendar = load_calendar(id, &reader, &|_| Some(holidays.clone()));
    assert_eq!(reader.into_findings(), []);
    assert_eq!(csv.into_findings(), []);
    calendar.unwrap()
}
