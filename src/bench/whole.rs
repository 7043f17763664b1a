//! Files in: from the drop to committed versions, lineage and report.
//!
//! Owns: the inward figures. Never: times what comes before the drop.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::place::{INTERFACE, Place, Told};
use super::{Bench, Figure, Target, baseline};
use crate::cli::CliError;
use crate::sample;

/// A delta is this part of what is there.
const DELTA_PART: u64 = 100;
/// Files of `small`, and records of each.
const SMALL_FILES: (u64, u64) = (10_000, 10);
/// Size of `huge`, bytes.
const HUGE: u64 = 5_000_000_000;
/// Name under which the measured file is dropped.
const NAME: &str = "JUKI_999997_20261120000000.sjis.csv";

/// The full load against SQLite's own import (and PostgreSQL's), or a delta on it against the full load.
pub(super) fn load(bench: &mut Bench<'_>, delta: bool) -> Result<(), CliError> {
    let file = bench.full_file()?;
    let stores: Vec<Option<String>> = match bench.postgres {
        Some(url) => vec![None, Some(baseline::database(url, "renkei_bench"))],
        None => vec![None],
    };
    for store in stores {
        let name = if store.is_some() { "postgres" } else { "sqlite" };
        if delta {
            delta_on(bench, &file, name, store.as_deref())?
        } else {
            load_into(bench, &file, name, store.as_deref())?
        }
    }
    Ok(())
}

fn load_into(bench: &mut Bench<'_>, file: &Path, name: &str, store: Option<&str>) -> Result<(), CliError> {
    let (mut seconds, mut base, mut peak) = (Vec::new(), Vec::new(), 0.0_f64);
    for _ in 0..bench.runs {
        base.push(match bench.postgres {
            Some(url) if store.is_some() => baseline::postgres(bench.into, file, url, bench.records)?,
            _ => baseline::sqlite(bench.into, file, bench.records)?,
        });
        let (place, ran) = full_load(bench, file, store)?;
        place.remove()?;
        seconds.push(ran.0);
        peak = peak.max(ran.1);
    }
    let target = Target::Ratio(if store.is_some() { 0.5 } else { 1.0 });
    bench.figures.push(Figure {
        name: format!("load {name}"),
        seconds,
        work: (bench.records, "rec"),
        baseline: base,
        target,
        peak_mib: Some(peak),
    });
    Ok(())
}

fn full_load(bench: &Bench<'_>, file: &Path, store: Option<&str>) -> Result<(Place, (f64, f64)), CliError> {
    let place = bench.fresh("site")?;
    if let Some(url) = bench.postgres.filter(|_| store.is_some()) {
        baseline::create_database(url, "renkei_bench")?;
    }
    place.drop_file(file, NAME)?;
    let (ran, told) = bench.run_site(&place, store)?;
    expect(&told, &Told { files: 1, read: bench.records, new: bench.records, ..Told::default() })?;
    Ok((place, (ran.seconds, ran.peak_mib)))
}

fn delta_on(bench: &mut Bench<'_>, file: &Path, name: &str, store: Option<&str>) -> Result<(), CliError> {
    let records = (bench.records / DELTA_PART).max(10);
    let change =
        bench.write("bench-delta.csv", |out| sample::write_juki_benchmark_delta(records, bench.records, out))?;
    let (mut seconds, mut base, mut peak) = (Vec::new(), Vec::new(), 0.0_f64);
    let mut full = None;
    for _ in 0..bench.runs {
        // SQLite's file is copied; PostgreSQL is loaded anew.
        let place = match full.take() {
            Some(place) => place,
            None => {
                let (place, ran) = full_load(bench, file, store)?;
                base.push(ran.0);
                place
            }
        };
        let place = if store.is_some() {
            place
        } else {
            let copy = place.copied("delta")?;
            full = Some(place);
            copy
        };
        place.drop_file(&change, "JUKI_999997_20261121000000.sjis.csv")?;
        let (ran, told) = bench.run_site(&place, store)?;
        let new = records / 10;
        expect(&told, &Told { files: 1, read: records, new, changed: records - new, ..Told::default() })?;
        seconds.push(ran.seconds);
        peak = peak.max(ran.peak_mib);
        place.remove()?;
    }
    let name = format!("delta {name}");
    bench.figures.push(Figure {
        name,
        seconds,
        work: (records, "rec"),
        baseline: base,
        target: Target::Ratio(0.03),
        peak_mib: Some(peak),
    });
    Ok(())
}

/// Everything once more, one record short (the same bytes would be a duplicate): nothing new, nothing changed. Against the
/// full load.
pub(super) fn resend(bench: &mut Bench<'_>) -> Result<(), CliError> {
    let file = bench.full_file()?;
    let records = bench.records.saturating_sub(1).max(1);
    let again = bench.write("bench-again.csv", |out| sample::write_juki_benchmark(records, out))?;
    let stores = std::iter::once(None).chain(bench.postgres.map(|url| Some(baseline::database(url, "renkei_bench"))));
    for store in stores {
        let (mut seconds, mut base, mut peak) = (Vec::new(), Vec::new(), 0.0_f64);
        for _ in 0..bench.runs {
            let (place, ran) = full_load(bench, &file, store.as_deref())?;
            base.push(ran.0);
            place.drop_file(&again, "JUKI_999997_20261121000000.sjis.csv")?;
            let (ran, told) = bench.run_site(&place, store.as_deref())?;
            expect(&told, &Told { files: 1, read: records, ..Told::default() })?;
            seconds.push(ran.seconds);
            peak = peak.max(ran.peak_mib);
            place.remove()?;
        }
        bench.figures.push(Figure {
            name: format!("resend {}", if store.is_some() { "postgres" } else { "sqlite" }),
            seconds,
            work: (records, "rec"),
            baseline: base,
            target: Target::Ratio(1.0),
            peak_mib: Some(peak),
        });
    }
    Ok(())
}

/// Many small files at once.
pub(super) fn small(bench: &mut Bench<'_>) -> Result<(), CliError> {
    let (files, each) = SMALL_FILES;
    let files = if bench.records < 1_000_000 { (files * bench.records / 1_000_000).max(10) } else { files };
    let (mut seconds, mut peak) = (Vec::new(), 0.0_f64);
    for _ in 0..bench.runs {
        let place = bench.fresh("site")?;
        sample::write_juki_small_files(files, each, &place.root.join("inbox").join(INTERFACE))?;
        let (ran, told) = bench.run_site(&place, None)?;
        expect(&told, &Told { files, read: files * each, new: files * each, ..Told::default() })?;
        seconds.push(ran.seconds);
        peak = peak.max(ran.peak_mib);
        place.remove()?;
    }
    bench.figures.push(Figure {
        name: "small".into(),
        seconds,
        work: (files, "file"),
        baseline: Vec::new(),
        target: Target::Rate(200.0),
        peak_mib: Some(peak),
    });
    Ok(())
}

/// One file of 5 GB: its memory.
pub(super) fn huge(bench: &mut Bench<'_>) -> Result<(), CliError> {
    let mut line = Vec::new();
    sample::write_juki_benchmark(1000, &mut line)?;
    let records = HUGE * 1000 / line.len() as u64;
    let file = bench.write("bench-huge.csv", |out| sample::write_juki_benchmark(records, out))?;
    let place = bench.fresh("site")?;
    place.drop_file(&file, NAME)?;
    let (ran, told) = bench.run_site(&place, None)?;
    expect(&told, &Told { files: 1, read: records, new: records, ..Told::default() })?;
    place.remove()?;
    let figure = Figure {
        name: "huge 5 GB".into(),
        seconds: vec![ran.seconds],
        work: (records, "rec"),
        baseline: Vec::new(),
        target: Target::Memory,
        peak_mib: Some(ran.peak_mib),
    };
    bench.figures.push(figure);
    Ok(())
}

/// Nothing may be lost, held or doubled in a measured run.
pub(super) fn expect(told: &Told, wanted: &Told) -> Result<(), CliError> {
    if told == wanted {
        Ok(())
    } else {
        Err(CliError::Refused(format!("計測した実行の結果が違います: {told:?}（期待 {wanted:?}）")))
    }
}

impl Bench<'_> {
    /// The file of the full load.
    pub(super) fn full_file(&self) -> Result<PathBuf, CliError> {
        self.write("bench-full.csv", |out| sample::write_juki_benchmark(self.records, out))
    }

    fn write(&self, name: &str, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<PathBuf, CliError> {
        let path = self.into.join(name);
        let mut out = BufWriter::new(File::create(&path)?);
        fill(&mut out)?;
        out.flush()?;
        Ok(path)
    }
}
