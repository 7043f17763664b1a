//! Parse, validate and map alone: one thread, rows thrown away.
//!
//! Owns: that loop.

use std::io::Cursor;
use std::time::Instant;

use super::place::INTERFACE;
use super::{Bench, Figure, Target};
use crate::cli::CliError;
use crate::pipeline::load::{LoadContext, load};
use crate::pipeline::row::RunItems;
use crate::pipeline::{Progress, Steps};
use crate::sample;

/// Records kept in memory and read again and again, so that no disk takes part.
const IN_MEMORY: u64 = 100_000;

pub(super) fn parse(bench: &mut Bench<'_>) -> Result<(), CliError> {
    let (site, _) = crate::mapping::site::load(bench.root).map_err(CliError::Rules)?;
    let plan = site
        .in_plan(INTERFACE, "bench.sjis.csv")
        .ok_or_else(|| CliError::Refused(format!("受信定義「{INTERFACE}」がありません")))?;
    let mut bytes = Vec::new();
    sample::write_juki_benchmark(bench.records.min(IN_MEMORY), &mut bytes)?;
    let passes = bench.records.div_ceil(IN_MEMORY);
    let (mut seconds, mut on_core) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs {
        let (started, core) = (Instant::now(), core_seconds());
        for _ in 0..passes {
            let run = RunItems {
                base_date: "2026-11-20".into(),
                municipality: site.config.municipality.clone(),
                file_name: "bench.sjis.csv".into(),
                created_at: "20261120000000".into(),
                sequence: 0,
                change: "full",
            };
            let context = LoadContext {
                run,
                site: &site.values,
                findings_per_code: site.config.limits.findings_per_code,
                bytes: bytes.len() as u64,
                progress: &Progress::silent(),
                steps: &Steps::default(),
                vault: None,
            };
            let loaded = load(&plan, Cursor::new(&bytes), context, &mut |_, mut batch| {
                batch.clear();
                Ok(batch)
            })?;
            if loaded.held_count() > 0 || loaded.read != bench.records.min(IN_MEMORY) {
                return Err(CliError::Refused(format!("parse: 読込 {} 保留 {}", loaded.read, loaded.held_count())));
            }
        }
        seconds.push(started.elapsed().as_secs_f64());
        on_core.push(core_seconds() - core);
    }
    let work = (passes * bench.records.min(IN_MEMORY), "rec");
    // A core shared with others is a slower core for the clock on the wall, not for the one that counts this thread alone.
    for (name, seconds) in [("parse+check+map", seconds), ("  the same, CPU time", on_core)] {
        bench.figures.push(Figure {
            name: name.into(),
            seconds,
            work,
            baseline: Vec::new(),
            target: Target::Rate(500_000.0),
            peak_mib: None,
        });
    }
    Ok(())
}

/// Seconds a core has worked for this thread, in the kernel or not.
fn core_seconds() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}
