//! Big, plain juki-ido files for measuring: hand-built CP932 lines, as fast as a disk takes them.
//!
//! Owns: those bytes. Never: realism beyond lengths, spread of values and valid codes; the layout (`juki-ido`, profile
//! cp932) is repeated here on purpose, so that the generator never becomes the slow side of a measurement.

use std::io::{self, Write};
use std::path::Path;

use chrono::{Duration, NaiveDate};

use super::names;
use super::people::wide;
use super::rng::Rng;

/// Seed of all benchmark files.
const SEED: u64 = 20_261_120;
/// Lines are gathered to blocks of this many bytes.
const BLOCK: usize = 1 << 16;

/// Parts of lines, already in CP932.
struct Parts {
    /// `氏名,氏名_フリガナ,通称,氏名優先区分`
    names: Vec<Vec<u8>>,
    /// `住所_町字,住所_番地号表記,住所_方書,郵便番号`
    addresses: Vec<Vec<u8>>,
    /// ISO dates from 1926 on, ten bytes each.
    births: Vec<[u8; 10]>,
}

impl Parts {
    fn new() -> Self {
        let mut rng = Rng::new(SEED, 1, 0);
        let name = |rng: &mut Rng| {
            let family = rng.pick(names::SURNAMES);
            let list = if rng.per_mille(500) { names::MEN } else { names::WOMEN };
            let given = rng.pick(list);
            sjis(&format!("{}　{},{}　{},,1", family.0, given.0, family.1, given.1))
        };
        let names = (0..4096).map(|_| name(&mut rng)).collect();
        let address = |rng: &mut Rng| {
            let d = rng.pick(names::DISTRICTS);
            let b = rng.pick(names::BUILDINGS);
            let number = wide(&format!("{}番地{}", rng.between(1, 2999), rng.between(1, 30)));
            let room = wide(&rng.between(101, 999).to_string());
            sjis(&format!(
                "れんけい県れんけい市{},{number},{}（れんけい住宅供給公社管理）　第{}棟　{room}号室,{}",
                d.0,
                b,
                wide("3"),
                d.3
            ))
        };
        let addresses = (0..4096).map(|_| address(&mut rng)).collect();
        let first = NaiveDate::from_ymd_opt(1926, 1, 1).unwrap_or_default();
        let births = (0..36_000).map(|d| date_bytes(first + Duration::days(d))).collect();
        Parts { names, addresses, births }
    }

    /// Appends the line of resident `no` in its `history`-th state.
    fn line(&self, no: u64, history: u64, out: &mut Vec<u8>) {
        let mut rng = Rng::new(SEED, 2, no);
        let bits = rng.next();
        let mut moved = Rng::new(SEED, 3 + history, no);
        let place = moved.below(self.addresses.len() as u64) as usize;
        out.extend_from_slice(b"999997,");
        digits(100_000_000 + no, 15, out);
        out.push(b',');
        out.push(b'0' + (history % 10) as u8);
        out.push(b',');
        digits(200_000_000 + no / 2, 15, out);
        out.extend_from_slice(if history > 1 {
            b",1,1,2026-11-18,2026-11-18,02,"
        } else {
            b",1,1,2022-04-01,2022-04-05,01,"
        });
        out.extend_from_slice(&self.names[(bits & 4095) as usize]);
        out.extend_from_slice(if bits & 4096 == 0 { b",1," } else { b",2," });
        // The youngest are born before every date of a change: the first 35,000 days end in 2021.
        out.extend_from_slice(&self.births[((bits >> 16) % 35_000) as usize]);
        out.extend_from_slice(if no & 1 == 0 { b",02," } else { b",12," });
        out.extend_from_slice(&self.addresses[place]);
        out.extend_from_slice(b",2022-04-01,,,,,SYS0000001,");
        out.extend_from_slice(if history > 1 {
            b"2026-11-18,01:00:00,1,0\r\n"
        } else {
            b"2026-04-01,01:00:00,1,0\r\n"
        });
    }
}

/// Writes `records` juki-ido lines (CP932, 30 items, about 275 bytes each), residents 1 to `records`.
///
/// # Errors
/// Those of the writer.
pub fn write_juki_benchmark(records: u64, into: &mut dyn Write) -> io::Result<()> {
    lines((1..=records).map(|no| (no, 1)), into)
}

/// Writes `records` changes to a municipality of `existing` residents: nine in ten are known residents at even
/// distances who moved, one in ten is new.
///
/// # Errors
/// Those of the writer.
pub fn write_juki_benchmark_delta(records: u64, existing: u64, into: &mut dyn Write) -> io::Result<()> {
    let new = records / 10;
    let changed = records - new;
    let step = (existing / changed.max(1)).max(1);
    let known = (0..changed).map(|i| (1 + i * step, 2));
    let strangers = (1..=new).map(|i| (existing.max(changed * step) + i, 1));
    lines(known.chain(strangers), into)
}

/// Writes `files` files of `each` lines into a folder, residents numbered on from file to file; the names match the
/// cp932 form of the feed.
///
/// # Errors
/// Those of the file system.
pub fn write_juki_small_files(files: u64, each: u64, into: &Path) -> io::Result<()> {
    let parts = Parts::new();
    let mut block = Vec::with_capacity(BLOCK);
    for file in 0..files {
        block.clear();
        for no in 1..=each {
            parts.line(file * each + no, 1, &mut block);
        }
        std::fs::write(into.join(format!("JUKI_999997_{:014}.sjis.csv", 20_261_120_000_000 + file)), &block)?;
    }
    Ok(())
}

fn lines(residents: impl Iterator<Item = (u64, u64)>, into: &mut dyn Write) -> io::Result<()> {
    let parts = Parts::new();
    let mut block = Vec::with_capacity(BLOCK + 1024);
    for (no, history) in residents {
        parts.line(no, history, &mut block);
        if block.len() >= BLOCK {
            into.write_all(&block)?;
            block.clear();
        }
    }
    into.write_all(&block)?;
    into.flush()
}

/// `n` in decimal, zeros at the left.
fn digits(mut n: u64, width: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + width, b'0');
    for at in (start..start + width).rev() {
        out[at] = b'0' + (n % 10) as u8;
        n /= 10;
    }
}

fn date_bytes(day: NaiveDate) -> [u8; 10] {
    let mut bytes = [b'0'; 10];
    bytes.copy_from_slice(day.format("%Y-%m-%d").to_string().as_bytes());
    bytes
}

fn sjis(text: &str) -> Vec<u8> {
    let (bytes, _, lost) = encoding_rs::SHIFT_JIS.encode(text);
    debug_assert!(!lost, "{text}");
    bytes.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_thirty_items_and_about_275_bytes() {
        let mut out = Vec::new();
        write_juki_benchmark(10_000, &mut out).unwrap();
        let (text, _, lost) = encoding_rs::SHIFT_JIS.decode(&out);
        assert!(!lost);
        assert!(text.lines().all(|l| l.split(',').count() == 30));
        assert!((265..285).contains(&(out.len() / 10_000)), "{}", out.len() / 10_000);
    }

    #[test]
    fn a_delta_names_known_and_new_residents_once() {
        let mut out = Vec::new();
        write_juki_benchmark_delta(100, 1000, &mut out).unwrap();
        let (text, _, _) = encoding_rs::SHIFT_JIS.decode(&out);
        let keys: std::collections::BTreeSet<_> = text.lines().map(|l| l[7..22].to_owned()).collect();
        assert_eq!(keys.len(), 100);
        assert_eq!(keys.iter().filter(|k| k.as_str() > "000000100001000").count(), 10);
    }
}
