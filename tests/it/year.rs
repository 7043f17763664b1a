//! A whole year of a small synthetic municipality, day by day: nothing that was dropped or collected is unaccounted for.

use std::path::Path;

use chrono::NaiveDate;
use renkei::cli::simulate::{Year, play};

use crate::town::fast_folder;

#[test]
fn every_record_and_yen_of_a_year_is_accounted_for() {
    let into = fast_folder();
    let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
    let year = Year { seed: 1, residents: 300, from: day(2026, 4, 1), to: day(2027, 3, 31) };
    let told = play(Path::new(env!("CARGO_MANIFEST_DIR")), into.path(), &year, &mut |_, _, _| {}).unwrap();
    assert_eq!(told.days, 365);
    assert!(told.received > 200 && told.sent > 20, "{} received, {} sent", told.received, told.sent);
    assert!(told.rejected > 0 && told.duplicates > 0 && told.held > 0);
    assert!(told.expected > 500 && told.late > 0 && told.missing > 0, "{told:?}");
    assert!(told.wrong.is_empty(), "{:#?}", told.wrong);
    let page = std::fs::read_to_string(into.path().join("data/report/timeline.html")).unwrap();
    assert!(page.contains("未着") && page.contains("遅れて到着"));
}
