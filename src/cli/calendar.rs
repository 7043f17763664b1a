//! `calendar`: what is due when.
//!
//! Owns: how it reads on a terminal and as JSON. Never: decides a day; the rules of the site do.

use chrono::{Datelike, Months, NaiveDate};
use serde_json::json;

use super::{CalendarArgs, Cli, CliError, exit, print_json};
use crate::clock::{Clock, weekday};
use crate::finding::{Finding, RulePlace, Severity};
use crate::mapping::site::Site;
use crate::pipeline::{timeline, watch};
use crate::report::words::visible;
use crate::schema::mistake;

/// Longest span shown, days.
const LONGEST: i64 = 400;

/// `calendar`: days with what is due on them.
pub fn calendar(cli: &Cli, args: &CalendarArgs) -> Result<u8, CliError> {
    let hub = cli.hub()?;
    let today = hub.clock.today();
    let from = args.from.unwrap_or(today);
    let until = args.to.unwrap_or_else(|| end_of_next_month(from));
    if until < from || (until - from).num_days() > LONGEST {
        return Err(CliError::Refused(format!("--to は、--from の日から、その {LONGEST} 日後までの日にしてください")));
    }
    let days = timeline::due(&hub, from, until);
    let warnings = watch::horizons(&hub.site, until);
    if cli.json {
        print_json(&json!({ "from": from.to_string(), "to": until.to_string(), "days": days, "warnings": warnings }));
        return Ok(exit::OK);
    }
    println!("■ {from} から {until} までの予定");
    for day in &days {
        let of = day.date.parse().map(weekday).unwrap_or(' ');
        println!("{}（{of}）{}", day.date, visible(&day.name));
        for line in &day.lines {
            println!(
                "    {:5} {}　{}　{}",
                line.time,
                line.event.japanese(),
                visible(&line.title),
                visible(&line.detail)
            );
        }
    }
    if days.is_empty() {
        println!("    予定はありません（schemas/feeds の [[expect]]、mappings の [[schedule]] に書きます）");
    }
    for warning in warnings {
        println!("警告: {warning}");
    }
    Ok(exit::OK)
}

/// Calendars that end soon, as warnings of `check`.
pub fn horizons(site: &Site) -> Vec<Finding> {
    let today = Clock::System.today();
    let warn = |message: String| {
        let place = RulePlace { file: "schemas/calendars".to_owned(), line: 1, column: 1 };
        let mut finding = Finding::rule(mistake::BAD_VALUE, place, message);
        finding.severity = Severity::Warning;
        finding
    };
    watch::horizons(site, today).into_iter().map(warn).collect()
}

fn end_of_next_month(day: NaiveDate) -> NaiveDate {
    let first = day.with_day(1).and_then(|first| first.checked_add_months(Months::new(2)));
    first.and_then(|first| first.pred_opt()).unwrap_or(day)
}
