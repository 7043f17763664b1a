//! Files out: from what stands in the store to delivered files.
//!
//! Owns: the outward figures.

use super::place::Told;
use super::whole::expect;
use super::{Bench, Figure, Target};
use crate::cli::CliError;

/// Declarative files that exist for the bench alone: a view over everybody, a CSV and a 500-byte file, released at once.
const VIEW: (&str, &str) = ("schemas/views/bench.toml", include_str!("../../benches/site/schemas/views/bench.toml"));
const FORMS: [(&str, [(&str, &str); 2]); 2] = [
    (
        "csv",
        [
            ("schemas/layouts/bench-csv.toml", include_str!("../../benches/site/schemas/layouts/bench-csv.toml")),
            ("mappings/out/bench-csv.toml", include_str!("../../benches/site/mappings/out/bench-csv.toml")),
        ],
    ),
    (
        "500-byte",
        [
            ("schemas/layouts/bench-fixed.toml", include_str!("../../benches/site/schemas/layouts/bench-fixed.toml")),
            ("mappings/out/bench-fixed.toml", include_str!("../../benches/site/mappings/out/bench-fixed.toml")),
        ],
    ),
];

pub(super) fn out(bench: &mut Bench<'_>) -> Result<(), CliError> {
    let file = bench.full_file()?;
    let full = bench.fresh("site")?;
    full.drop_file(&file, "JUKI_999997_20261120000000.sjis.csv")?;
    bench.run_site(&full, None)?;
    for (name, files) in FORMS {
        let (mut seconds, mut peak) = (Vec::new(), 0.0_f64);
        for _ in 0..bench.runs {
            let place = full.copied("out")?;
            place.add(VIEW.0, VIEW.1)?;
            for (file, text) in files {
                place.add(file, text)?;
            }
            let (ran, told) = bench.run_site(&place, None)?;
            // A draft says of its rows what they are to the partner: all new.
            expect(
                &told,
                &Told { files: 1, read: bench.records, new: bench.records, written: bench.records, ..Told::default() },
            )?;
            seconds.push(ran.seconds);
            peak = peak.max(ran.peak_mib);
            place.remove()?;
        }
        let name = format!("out {name}");
        bench.figures.push(Figure {
            name,
            seconds,
            work: (bench.records, "rec"),
            baseline: Vec::new(),
            target: Target::Rate(150_000.0),
            peak_mib: Some(peak),
        });
    }
    full.remove()
}
