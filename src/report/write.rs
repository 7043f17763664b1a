//! The report files.
//!
//! Owns: their names and that each appears whole or not at all (written beside, then renamed; `index.html` comes last, so
//! where it is the others are too). Never: syncs to disk: a lost report is made again from the ledger.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::csv;
use super::day::DayReport;
use super::html;
use super::index::DayLine;
use super::model::RunReport;

/// Version of `report.json`; raised when a key changes its meaning or goes.
const JSON_VERSION: u32 = 1;

/// `report.json` of a run: the model and what is computed from it.
#[derive(Serialize)]
struct RunDocument<'a> {
    version: u32,
    kind: &'static str,
    verdict: &'static str,
    headline: String,
    agrees: bool,
    difference: i64,
    difference_amount: Option<i64>,
    #[serde(flatten)]
    report: &'a RunReport,
}

/// `report.json` of a day.
#[derive(Serialize)]
struct DayDocument<'a> {
    version: u32,
    kind: &'static str,
    headline: String,
    agrees: bool,
    sums: Vec<super::day::DaySum>,
    #[serde(flatten)]
    report: &'a DayReport,
}

/// Writes `findings.csv`, `held.csv`, `balance.csv`, `report.json` and `index.html` into `dir`, which is made when it is
/// missing. The same model gives the same bytes.
///
/// # Errors
/// The file system's; files already renamed stay, and writing again repairs the rest.
pub fn write_run(report: &RunReport, dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    write_file(dir, "findings.csv", &csv::findings(report))?;
    write_file(dir, "held.csv", &csv::held(report))?;
    write_file(dir, "balance.csv", &csv::balance(report))?;
    let difference = report.balance.difference();
    let document = RunDocument {
        version: JSON_VERSION,
        kind: "run",
        verdict: report.verdict(),
        headline: report.headline(),
        agrees: report.alarms().is_empty(),
        difference: difference.count,
        difference_amount: difference.amount,
        report,
    };
    write_file(dir, "report.json", &json(&document)?)?;
    write_file(dir, "index.html", html::run_page(report)?.as_bytes())
}

/// Writes `exchanges.csv`, `deliveries.csv`, `waiting.csv`, one `table-NN.csv` per table, `report.json` and `index.html`
/// into `dir`, which is made when it is missing. The same model gives the same bytes.
///
/// # Errors
/// The file system's; files already renamed stay, and writing again repairs the rest.
pub fn write_day(report: &DayReport, dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    write_file(dir, "exchanges.csv", &csv::exchanges(report))?;
    write_file(dir, "deliveries.csv", &csv::deliveries(report))?;
    write_file(dir, "waiting.csv", &csv::waiting(report))?;
    for at in 0..report.tables.len() {
        write_file(dir, &table_name(at), &csv::table(report, at))?;
    }
    // Tables of an earlier writing that are no more would look like today's.
    let mut at = report.tables.len();
    while fs::remove_file(dir.join(table_name(at))).is_ok() {
        at += 1;
    }
    let document = DayDocument {
        version: JSON_VERSION,
        kind: "day",
        headline: report.headline(),
        agrees: report.rows.iter().all(|r| r.agrees && r.difference() == 0),
        sums: report.sums(),
        report,
    };
    write_file(dir, "report.json", &json(&document)?)?;
    write_file(dir, DayLine::FILE, &json(&DayLine::of(report))?)?;
    write_file(dir, "index.html", html::day_page(report)?.as_bytes())
}

/// Writes a page of its own, e.g. a list beside a report.
///
/// # Errors
/// The file system's.
pub fn write_page(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str())) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    fs::create_dir_all(dir)?;
    write_file(dir, name, bytes)
}

/// Writes one file beside its place and renames it there. What is there already is left: a rename onto a file waits for
/// the disk.
pub(super) fn write_file(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    if fs::read(dir.join(name)).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    // The process id keeps a command and the daemon, rendering the same report, apart.
    let beside = dir.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, dir.join(name)));
    if written.is_err() {
        // The first error is the one to tell; a file left beside harms nobody.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn table_name(at: usize) -> String {
    format!("table-{:02}.csv", at + 1)
}

pub(super) fn json(document: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = super::json::pretty(document)?;
    text.push('\n');
    Ok(text.into_bytes())
}
