//! Measuring: whole runs of this program against public tools that do the same work, in the same session.
//!
//! Owns: the figures, their targets, the table. Never: a shortcut into the pipeline; except for `parse`, every figure is
//! a child process of this very program, from the dropped file to its end.

mod baseline;
mod child;
mod outward;
mod parse;
mod place;
mod whole;

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::{BenchArgs, CliError, exit};

/// Figures measured when none is named.
const USUAL: [&str; 6] = ["parse", "load", "delta", "resend", "out", "small"];
/// Most memory any child may have resident, MiB.
const MEMORY_MIB: f64 = 256.0;

/// What the measurements share.
struct Bench<'a> {
    /// The site whose schemas and mappings are measured.
    root: &'a Path,
    /// This program.
    program: PathBuf,
    /// Files of the bench.
    into: &'a Path,
    records: u64,
    runs: usize,
    postgres: Option<&'a str>,
    figures: Vec<Figure>,
}

/// One line of the table.
struct Figure {
    name: String,
    /// Seconds of each run.
    seconds: Vec<f64>,
    /// Records or files of one run, and their unit.
    work: (u64, &'static str),
    /// Seconds of each run of what it is compared with.
    baseline: Vec<f64>,
    target: Target,
    /// Most resident memory of any run; `None` = measured inside this process.
    peak_mib: Option<f64>,
}

/// What a figure must reach.
enum Target {
    /// At least so many a second.
    Rate(f64),
    /// At most this part of the baseline's time.
    Ratio(f64),
    /// The memory limit is all.
    Memory,
}

/// Runs the figures asked for and prints them; the exit code says whether all targets are met.
///
/// # Errors
/// A tool is missing, a child fails, or what it says it did is not what was asked of it.
pub fn main(root: &Path, json: bool, args: &BenchArgs) -> Result<u8, CliError> {
    let asked: Vec<&str> = match args.figures.as_slice() {
        [] => USUAL.to_vec(),
        some => some.iter().map(String::as_str).collect(),
    };
    std::fs::create_dir_all(&args.into)?;
    let mut bench = Bench {
        root,
        program: std::env::current_exe()?,
        into: &args.into,
        records: args.records.max(1),
        runs: args.runs.max(1),
        postgres: args.postgres.as_deref(),
        figures: Vec::new(),
    };
    for figure in asked {
        eprintln!("{figure} …");
        match figure {
            "parse" => parse::parse(&mut bench)?,
            "load" => whole::load(&mut bench, false)?,
            "delta" => whole::load(&mut bench, true)?,
            "resend" => whole::resend(&mut bench)?,
            "out" => outward::out(&mut bench)?,
            "small" => whole::small(&mut bench)?,
            "huge" => whole::huge(&mut bench)?,
            other => {
                return Err(CliError::Refused(format!(
                    "計測「{other}」はありません（parse load delta resend out small huge）"
                )));
            }
        }
    }
    bench.clear()?;
    if json {
        let lines: Vec<_> = bench.figures.iter().map(Figure::json).collect();
        println!("{}", json!({ "records": bench.records, "runs": bench.runs, "figures": lines }));
    } else {
        println!(
            "{:<24} {:>9} {:>17} {:>14} {:>9} {:>7} {:>16} {:>8}",
            "figure", "median s", "min–max", "rate", "baseline", "ratio", "target", "MiB"
        );
        bench.figures.iter().for_each(|f| println!("{}", f.line()));
    }
    Ok(if bench.figures.iter().all(Figure::met) { exit::OK } else { exit::ATTENTION })
}

impl Bench<'_> {
    /// Removes what the bench made, but for its folder.
    fn clear(&self) -> std::io::Result<()> {
        for entry in std::fs::read_dir(self.into)? {
            let path = entry?.path();
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with("bench-") {
                if path.is_dir() { std::fs::remove_dir_all(&path)? } else { std::fs::remove_file(&path)? }
            }
        }
        Ok(())
    }
}

impl Figure {
    fn rate(&self) -> f64 {
        self.work.0 as f64 / median(&self.seconds)
    }

    fn ratio(&self) -> Option<f64> {
        (!self.baseline.is_empty()).then(|| median(&self.seconds) / median(&self.baseline))
    }

    fn met(&self) -> bool {
        let fast = match self.target {
            Target::Rate(least) => self.rate() >= least,
            Target::Ratio(most) => self.ratio().is_some_and(|r| r <= most),
            Target::Memory => true,
        };
        fast && self.peak_mib.is_none_or(|m| m < MEMORY_MIB)
    }

    fn target(&self) -> String {
        match self.target {
            Target::Rate(least) => format!("≥ {least} {}/s", self.work.1),
            Target::Ratio(most) => format!("≤ {most}"),
            Target::Memory => format!("< {MEMORY_MIB} MiB"),
        }
    }

    fn line(&self) -> String {
        let number = |n: Option<f64>, digits: usize| n.map_or_else(|| "-".to_owned(), |n| format!("{n:.digits$}"));
        let baseline = (!self.baseline.is_empty()).then(|| median(&self.baseline));
        let (least, most) = spread(&self.seconds);
        format!(
            "{:<24} {:>9.3} {:>17} {:>14} {:>9} {:>7} {:>16} {:>8} {}",
            self.name,
            median(&self.seconds),
            format!("{least:.3}–{most:.3}"),
            format!("{:.0} {}/s", self.rate(), self.work.1),
            number(baseline, 3),
            number(self.ratio(), 3),
            self.target(),
            number(self.peak_mib, 0),
            if self.met() { "ok" } else { "MISSED" }
        )
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "figure": self.name, "seconds": self.seconds, "median": median(&self.seconds), "work": self.work.0, "unit": self.work.1,
            "rate": self.rate(), "baseline": self.baseline, "ratio": self.ratio(), "target": self.target(), "peak_mib": self.peak_mib, "met": self.met(),
        })
    }
}

fn median(of: &[f64]) -> f64 {
    let mut sorted = of.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn spread(of: &[f64]) -> (f64, f64) {
    of.iter().fold((f64::INFINITY, 0.0), |(least, most), s| (least.min(*s), s.max(most)))
}
