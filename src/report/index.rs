//! The index: the newest days, each with its report and its runs.
//!
//! Owns: the order and the limits of the list. Never: finds reports; the caller knows them from the ledger.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::day::{DayReport, DayRow};
use super::html;
use super::model::Municipality;
use super::timeline::AlertRow;
use super::verdict::Tone;
use super::write::write_file;

/// Everything the index may link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IndexReport {
    /// Whose data.
    pub municipality: Municipality,
    /// What people must be told now.
    pub alerts: Vec<AlertRow>,
    /// Is there a timeline beside it?
    pub timeline: bool,
    /// The days, in any order.
    pub days: Vec<IndexDay>,
}

/// One day of the index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IndexDay {
    /// The day in JST, ISO.
    pub date: String,
    /// Relative address of the day's report; empty when there is none.
    pub href: String,
    /// The day in numbers; `None` where nothing tells, and then nothing is claimed.
    pub line: Option<DayLine>,
    /// The day's runs, in the order of time; empty for days whose report alone lists them.
    pub runs: Vec<DayRow>,
}

/// A day in numbers, as its page says them. It is kept beside the page, so that the index need not count all days again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayLine {
    /// Exchanges and derivations.
    pub runs: u64,
    /// Those somebody should look at.
    pub look: u64,
    /// How the day felt.
    pub tone: Tone,
}

impl DayLine {
    /// Its file in the day's folder.
    pub const FILE: &str = "day.json";

    /// The line of a day.
    pub fn of(day: &DayReport) -> Self {
        DayLine { runs: day.rows.len() as u64, look: day.to_look_at().len() as u64, tone: day.tone() }
    }

    /// The line in a day's folder; `None` when there is none that can be read.
    pub fn read(dir: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(dir.join(Self::FILE)).ok()?).ok()
    }
}

impl IndexReport {
    /// Days shown.
    pub const DAYS: usize = 62;
    /// Runs shown for one day; the day's report has them all.
    pub const RUNS: usize = 200;

    /// The days shown, newest first.
    pub fn shown(&self) -> Vec<&IndexDay> {
        let mut days: Vec<&IndexDay> = self.days.iter().collect();
        days.sort_by(|a, b| b.date.cmp(&a.date));
        days.truncate(Self::DAYS);
        days
    }

    /// How many older days are not shown.
    pub fn older(&self) -> usize {
        self.days.len().saturating_sub(Self::DAYS)
    }
}

impl IndexDay {
    /// The runs shown, newest first.
    pub fn shown(&self) -> Vec<&DayRow> {
        self.runs.iter().rev().take(IndexReport::RUNS).collect()
    }

    /// How many runs are not shown.
    pub fn more(&self) -> usize {
        self.runs.len().saturating_sub(IndexReport::RUNS)
    }
}

/// Writes `index.html` into `dir`, which is made when it is missing.
///
/// # Errors
/// The file system's.
pub fn write_index(index: &IndexReport, dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    write_file(dir, "index.html", html::index_page(index)?.as_bytes())
}
