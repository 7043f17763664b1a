//! The synthetic municipality behind `renkei sample` and `renkei demo`: made-up people, and every file about them.
//!
//! Owns: a town that follows from a seed, its inbound interfaces, and what a hub should find in them.
//! Never: reads an inbox, looks at a clock, holds all residents (each file is a pass of its own).
//!
//! This is the one place in Rust that knows the domain. The files are written through the site's own layouts, so that a
//! site with other layouts gets a sample of its own; a data item the layouts do not know is an error that names it.

mod arrears;
mod bad;
mod bank;
mod bench;
mod juki;
mod levy;
mod money;
mod names;
mod output;
mod payments;
mod pension;
mod people;
mod persons;
mod rng;
mod sheet;
mod tax;
pub mod year;

use std::path::Path;

use chrono::NaiveDate;

use crate::mapping::site::Site;

pub use bench::{write_juki_benchmark, write_juki_benchmark_delta, write_juki_small_files};

/// What to make.
#[derive(Debug, Clone)]
pub struct SampleOptions {
    /// Seed of everything; the same seed, options and site make the same bytes.
    pub seed: u64,
    /// Residents, [`SampleOptions::LEAST`] to [`SampleOptions::MOST`].
    pub residents: u64,
    /// The day the files are made for; the fiscal year and what is overdue follow from it.
    pub base_date: NaiveDate,
    /// Also make what a hub must hold, reject or set aside?
    pub include_bad: bool,
}

impl SampleOptions {
    /// Fewest residents.
    pub const LEAST: u64 = 100;
    /// Most residents.
    pub const MOST: u64 = 1_000_000;
}

impl Default for SampleOptions {
    /// 10,000 residents on 2026-11-20, bad files included.
    fn default() -> Self {
        let base_date = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap_or_default();
        SampleOptions { seed: 1, residents: 10_000, base_date, include_bad: true }
    }
}

/// What should become of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is taken: this many data records are loaded, this many held.
    Accepted {
        /// Loaded data records.
        loaded: u64,
        /// Held data records.
        held: u64,
    },
    /// The whole file is rejected.
    Rejected,
    /// Its bytes are those of a file that comes before it.
    Duplicate,
}

/// One file made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleFile {
    /// Interface id, the folder in the inbox.
    pub interface: String,
    /// File name.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
    /// Data records in it (no headers, no trailers).
    pub records: u64,
    /// Control amount of the data records, yen: what the mapping's `amount` sums; 0 where it names none.
    pub amount: i64,
    /// What should become of it.
    pub fate: Fate,
}

/// What matching results against periods should find, counted by result record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Matching {
    /// Collected exactly what was asked.
    pub exact: u64,
    /// Collected more.
    pub over: u64,
    /// Collected less.
    pub short: u64,
    /// Collected without a period.
    pub unmatched: u64,
    /// Not collected.
    pub failed: u64,
    /// Result not yet known.
    pub pending: u64,
    /// Collected in all, unmatched included, yen.
    pub collected: i64,
    /// Of that without a period, yen.
    pub unmatched_yen: i64,
}

impl Matching {
    fn add(&mut self, asked: Option<i64>, amount: i64, collected: bool, pending: bool) {
        let class = match asked {
            _ if pending => &mut self.pending,
            _ if !collected => &mut self.failed,
            None => &mut self.unmatched,
            Some(asked) if amount > asked => &mut self.over,
            Some(asked) if amount < asked => &mut self.short,
            Some(_) => &mut self.exact,
        };
        *class += 1;
        if collected {
            self.collected += amount;
            self.unmatched_yen += if asked.is_none() { amount } else { 0 };
        }
    }
}

/// Rows the store should hold in the end, by interface, and what derivations should find; bad files change none of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// 住民: residents, newborn and arrived (removed ones stay as rows).
    pub residents: u64,
    /// 所得課税.
    pub taxed: u64,
    /// 被保険者.
    pub insured: u64,
    /// 期割.
    pub periods: u64,
    /// Sum of the 期割, yen.
    pub periods_yen: i64,
    /// 特別徴収対象者.
    pub pensioners: u64,
    /// 特別徴収結果.
    pub deductions: u64,
    /// 口座振替結果.
    pub transfers: u64,
    /// 滞納.
    pub debts: u64,
    /// 口座振替結果 against 期割.
    pub transfer: Matching,
    /// 特別徴収結果 against 期割.
    pub deduction: Matching,
    /// 滞納者把握: 期割 past their due day of which something is unpaid.
    pub overdue: u64,
    /// What is unpaid of them, yen.
    pub overdue_yen: i64,
    /// 収納明細 against 期割, each counted once: all are for periods not yet due, exact, or cancelled (`failed`).
    pub receipt: Matching,
}

impl Expected {
    /// Takes a collection off what is overdue; every period is noted before, and collected once at most.
    fn settle(&mut self, part: Option<money::Part>, base: NaiveDate, amount: i64) {
        let Some(part) = part.filter(|part| part.due < base) else { return };
        self.overdue -= u64::from(amount >= part.amount);
        self.overdue_yen -= amount.min(part.amount);
    }
}

/// Everything that was made, in the order in which it should be taken (by interface and name).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleSummary {
    /// The files.
    pub files: Vec<SampleFile>,
    /// The figures they should lead to.
    pub expected: Expected,
}

/// Why no sample was made.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// A number of residents out of range.
    #[error("residents must be 100 to 1,000,000, not {residents}")]
    Residents {
        /// As asked.
        residents: u64,
    },
    /// The site has no feed or form for a file.
    #[error("no form of feed {interface} takes a file named {name}")]
    NoForm {
        /// Interface id.
        interface: String,
        /// File name.
        name: String,
    },
    /// `[site]` lacks a value.
    #[error("renkei.toml: [site] has no {0}")]
    NoValue(String),
    /// The layout lacks a record kind (empty item) or a data item.
    #[error("{layout} has no {record}.{item}")]
    Unknown {
        /// TOML path.
        layout: String,
        /// Record kind.
        record: String,
        /// Data item.
        item: String,
    },
    /// The layout refused a record.
    #[error("{layout} cannot write {record}: {why}")]
    Write {
        /// TOML path.
        layout: String,
        /// Record kind; empty at the end of the file.
        record: String,
        /// In the writer's words.
        why: String,
    },
    /// The file system refused.
    #[error("sample files could not be written")]
    Io(#[from] std::io::Error),
}

/// Writes the files of a synthetic municipality into `<into>/<interface>/`, each under its final name only when whole.
///
/// `progress` hears the file's name, residents done and residents in all.
///
/// # Errors
/// See [`SampleError`]; files already in place stay.
pub fn write_files(
    site: &Site,
    options: &SampleOptions,
    into: &Path,
    progress: &mut dyn FnMut(&str, u64, u64),
) -> Result<SampleSummary, SampleError> {
    if !(SampleOptions::LEAST..=SampleOptions::MOST).contains(&options.residents) {
        return Err(SampleError::Residents { residents: options.residents });
    }
    let town = people::Town {
        seed: options.seed,
        residents: options.residents,
        base: options.base_date,
        code: output::site_value(site, "団体コード")?,
        name: output::site_value(site, "市町村名")?,
    };
    let mut out = output::Output::new(site, into, progress);
    out.expected.residents = town.residents;
    juki::write_full(&town, &mut out)?;
    juki::write_delta(&town, &mut out)?;
    juki::write_arrivals(&town, &mut out)?;
    tax::write(&town, &mut out)?;
    levy::write_insured(&town, &mut out)?;
    levy::write_losses(&town, &mut out)?;
    levy::write_periods(&town, &mut out)?;
    pension::write_pensioners(&town, &mut out)?;
    pension::write_results(&town, &mut out)?;
    bank::write(&town, &mut out)?;
    arrears::write(&town, &mut out)?;
    persons::write(&town, &mut out)?;
    payments::write(&town, &mut out)?;
    if options.include_bad {
        bad::write(&town, &mut out)?;
    }
    let mut files = out.files;
    files.sort_by(|a, b| (&a.interface, &a.name).cmp(&(&b.interface, &b.name)));
    Ok(SampleSummary { files, expected: out.expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(options: &SampleOptions, into: &Path) -> SampleSummary {
        let site = crate::mapping::site::load(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap().0;
        write_files(&site, options, into, &mut |_, _, _| {}).unwrap()
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes() {
        let options = SampleOptions { residents: 500, ..SampleOptions::default() };
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let made = make(&options, one.path());
        assert_eq!(made, make(&options, two.path()));
        for file in &made.files {
            let read = |at: &Path| std::fs::read(at.join(&file.interface).join(&file.name)).unwrap();
            assert_eq!(read(one.path()), read(two.path()), "{}", file.name);
        }
    }

    #[test]
    fn the_smallest_town_can_be_made_on_any_day() {
        for (seed, (year, month, day)) in (1..).zip([(2026, 4, 1), (2027, 3, 31), (2028, 2, 29), (2026, 12, 31)]) {
            let base_date = NaiveDate::from_ymd_opt(year, month, day).unwrap();
            let folder = tempfile::tempdir().unwrap();
            make(&SampleOptions { seed, residents: SampleOptions::LEAST, base_date, include_bad: true }, folder.path());
        }
    }

    #[test]
    fn every_outcome_of_matching_is_among_two_thousand_residents() {
        let options = SampleOptions { residents: 2_000, ..SampleOptions::default() };
        let folder = tempfile::tempdir().unwrap();
        let expected = make(&options, folder.path()).expected;
        for m in [expected.transfer, expected.deduction] {
            assert!([m.exact, m.over, m.short, m.unmatched, m.failed].iter().all(|n| *n > 0), "{m:?}");
        }
        assert!(expected.transfer.pending > 0);
    }
}
