//! The bar of inference: edges and character sets of every shipped layout from 200 made-up records.
//!
//! What counts: an edge between two items of a record. Left out, and printed as such, are only the edges that are
//! indistinguishable in principle, because nothing in the whole sample changes at them: both neighbours are nothing but
//! spaces in every record, or both have one value in every record and are of digits alone. Right: the draft has an item
//! that begins there. A cut inside an item is a false one and is held against the bar as well.

use super::generate::{Random, file};
use super::shipped;
use crate::author::draft::text_of;
use crate::author::infer::{Inferred, Sample, infer};
use crate::codec::Placed;
use crate::schema::layout::{Kind, Layout};

/// Samples of each layout: seed, and records of a group where groups may repeat (0 = one group).
const SAMPLES: [(u64, usize); 4] = [(7, 40), (11, 12), (23, 4), (42, 0)];

#[derive(Default, Clone, Copy)]
struct Score {
    all: usize,
    right: usize,
    wrong: usize,
    /// Between spaces and spaces.
    blank: usize,
    /// Between digits and digits that never change, and how many of them were found all the same.
    still: usize,
    lucky: usize,
}

impl Score {
    fn add(&mut self, other: Score) {
        self.all += other.all;
        self.right += other.right;
        self.wrong += other.wrong;
        self.blank += other.blank;
        self.still += other.still;
        self.lucky += other.lucky;
    }

    fn percent(&self) -> f64 {
        if self.all == 0 { 100.0 } else { self.right as f64 * 100.0 / self.all as f64 }
    }
}

/// Is nothing to be seen at the edge between these two items, and why?
fn unseen(rows: &[&[u8]], (from, to): (usize, usize)) -> Option<bool> {
    if rows.iter().all(|row| row[from..to].iter().all(|byte| *byte == b' ')) {
        return Some(true);
    }
    let first = &rows[0][from..to];
    let still = first.iter().all(u8::is_ascii_digit) && rows.iter().all(|row| &row[from..to] == first);
    still.then_some(false)
}

fn fixed(layout: &Layout, bytes: &[u8], placed: &[(usize, Placed)], found: &Inferred) -> Score {
    let mut score = Score::default();
    for (kind, record) in layout.records.iter().enumerate() {
        let places: Vec<&Placed> = placed.iter().filter(|(k, _)| *k == kind).map(|(_, place)| place).collect();
        let Some(place) = places.first() else { continue };
        let row = |p: &&Placed| &bytes[p.byte as usize..p.byte as usize + record.length];
        let rows: Vec<&[u8]> = places.iter().map(row).collect();
        let (start, end) = (place.byte as usize, place.byte as usize + record.length);
        let mut cuts: Vec<usize> = Vec::new();
        for (of, at, _) in found.records.iter().filter(|(_, at, len)| at + len > start && *at < end) {
            cuts.extend(found.edges[*of].1.iter().map(|edge| at + edge).filter(|cut| *cut > start && *cut < end));
        }
        let edges: Vec<usize> = record.fields.iter().skip(1).map(|field| start + field.offset).collect();
        let extra: Vec<usize> = cuts.iter().filter(|cut| !edges.contains(cut)).map(|c| c - start).collect();
        score.wrong += extra.len();
        let mut missed = Vec::new();
        for pair in record.fields.windows(2) {
            match unseen(&rows, (pair[0].offset, pair[1].offset + pair[1].len)) {
                Some(true) => score.blank += 1,
                Some(false) => {
                    score.still += 1;
                    score.lucky += usize::from(cuts.contains(&(start + pair[1].offset)));
                }
                None if cuts.contains(&(start + pair[1].offset)) => {
                    (score.all, score.right) = (score.all + 1, score.right + 1)
                }
                None => {
                    score.all += 1;
                    missed.push(format!("{}|{}@{}", pair[0].name, pair[1].name, pair[1].offset));
                }
            }
        }
        if !extra.is_empty() || !missed.is_empty() {
            println!("    {} {} x{}: missed {missed:?} extra {extra:?}", layout.id, record.name, rows.len());
        }
    }
    score
}

/// Items are right only where every record of the kind has as many as it should.
fn delimited(layout: &Layout, placed: &[(usize, Placed)], found: &Inferred) -> Score {
    let mut score = Score::default();
    for (kind, record) in layout.records.iter().enumerate() {
        let mut items = placed.iter().filter(|(k, _)| *k == kind).map(|(_, place)| {
            let of = found.records.iter().find(|(_, at, _)| *at == place.byte as usize).map(|(of, _, _)| *of);
            of.map_or(0, |of| found.draft.records[of].fields.len())
        });
        let Some(first) = items.next() else { continue };
        let edges = record.fields.len() - 1;
        score.all += edges;
        score.right += if first == record.fields.len() && items.all(|n| n == first) { edges } else { 0 };
        score.wrong += first.saturating_sub(record.fields.len());
    }
    score
}

#[test]
fn samples_made_to_burst_are_refused_or_drafted_in_bounds() {
    let bomb = |bytes: Vec<u8>| {
        let found = infer(Sample { bytes: &bytes, whole: bytes.len() as u64, name: "sample" });
        assert!(found.is_ok_and(|found| found.draft.records.len() <= 12) || bytes.len() > 1, "{}", bytes.len());
    };
    for other in [&b"<?xml version=\"1.0\"?><a/>"[..], b"PK\x03\x04....", b"", b"\xFF\xFEa\0"] {
        assert!(infer(Sample { bytes: other, whole: other.len() as u64, name: "sample" }).is_err());
    }
    bomb(b"x,".repeat(1_000_000));
    bomb([b"x,".repeat(1_000_000), b"\n".to_vec()].concat().repeat(3));
    bomb(b"\"".repeat(3_000_000));
    bomb(b"\n".repeat(3_000_000));
    bomb(vec![b' '; 3_000_000]);
    bomb(b"a".repeat(3_000_000));
    bomb([vec![b'0'; 20_000], b"\n".to_vec()].concat().repeat(20));
    bomb(b"a,b\n\"".repeat(300_000));
    bomb((0..3_000_000u32).map(|at| b' ' + (at.wrapping_mul(2_654_435_761) >> 26) as u8).collect());
}

/// What is wrong with the draft beside its edges.
fn mistakes(layout: &Layout, bytes: &[u8], found: &Inferred) -> Vec<String> {
    let mut wrong = Vec::new();
    let charset = text_of(&found.draft.keys, "charset");
    // Bytes below 80 are the same in all of them; the draft says so.
    let told = bytes.is_ascii() && found.draft.doubts.iter().any(|doubt| doubt.contains("文字コード"));
    if charset != layout.physical.charset.name() && !told {
        wrong.push(format!("{} {}: {charset}", layout.id, layout.profile));
    }
    let check = found.decisions.last().unwrap();
    if check.confidence < 100 {
        wrong.push(format!("{} {}: {} {:?}", layout.id, layout.profile, check.evidence, found.draft.doubts.last()));
    }
    wrong
}

/// Of all samples of a layout; what fails counts as if no edge were found.
fn measured(layout: &Layout, wrong: &mut Vec<String>) -> Score {
    let mut sum = Score::default();
    for (seed, group) in SAMPLES {
        let (bytes, placed) = file(layout, (200, group), &mut Random(seed));
        assert!(placed.len() >= 200, "{}", layout.id);
        match infer(Sample { bytes: &bytes, whole: bytes.len() as u64, name: "sample" }) {
            Ok(found) => {
                wrong.extend(mistakes(layout, &bytes, &found));
                let fixed_length = layout.physical.kind == Kind::Fixed;
                sum.add(if fixed_length {
                    fixed(layout, &bytes, &placed, &found)
                } else {
                    delimited(layout, &placed, &found)
                });
            }
            Err(unclear) => {
                wrong.push(format!("{} {}: {unclear}", layout.id, layout.profile));
                sum.all += layout.records.iter().map(|record| record.fields.len() - 1).sum::<usize>();
            }
        }
    }
    sum
}

#[test]
fn items_and_character_sets_of_every_layout_are_found_from_200_records() {
    let mut whole = [Score::default(); 2];
    let (mut wrong, mut below) = (Vec::new(), Vec::new());
    for layout in shipped().concat().iter().filter(|layout| !matches!(layout.physical.kind, Kind::Xml { .. })) {
        let name = format!("{} {}", layout.id, layout.profile);
        let sum = measured(layout, &mut wrong);
        let Score { all, right, wrong: extra, blank, still, .. } = sum;
        println!(
            "{name:<32} 境界 {right:>4} / {all:>4} {:>5.1}%  余分 {extra:>2}  数えない: 空白どうし {blank:>2} 不変の数字どうし {still:>2}",
            sum.percent(),
        );
        if sum.percent() < 95.0 || extra * 20 > all {
            below.push(name);
        }
        whole[usize::from(layout.physical.kind == Kind::Fixed)].add(sum);
    }
    assert_eq!(wrong, Vec::<String>::new());
    for (what, score) in [("区切り", &whole[0]), ("固定長", &whole[1])] {
        let Score { all, right, wrong, blank, still, lucky } = *score;
        println!("{what}: 境界 {right} / {all} {:.1}%、余分 {wrong}、数えない {blank} + {still}", score.percent());
        println!("    不変の数字どうしも数えれば {} / {}", right + lucky, all + still);
        // Held for each family alone, so that the easy one does not carry the other.
        assert!(score.percent() >= 95.0 && wrong * 20 <= all, "{what}");
    }
    assert_eq!(below, Vec::<String>::new());
}

/// Names padded with blanks of two bytes, and an item that nobody ever filled in.
#[test]
fn a_draft_reads_its_own_sample_where_blanks_are_two_bytes_wide() {
    let names = ["青木　一郎", "髙橋　表子", "野口　さくら", "井上　悦子", "林"];
    let mut text = String::new();
    for n in 0..300 {
        let blanks = "　".repeat(10 - names[n % names.len()].chars().count());
        text.push_str(&format!(
            "{:010}{}{blanks}{}{:08}\r\n",
            100_003 + n * 37,
            names[n % names.len()],
            "　".repeat(5),
            n
        ));
    }
    let (bytes, _, unmapped) = encoding_rs::SHIFT_JIS.encode(&text);
    assert!(!unmapped);
    let found = infer(Sample { bytes: &bytes, whole: bytes.len() as u64, name: "sample" }).unwrap();
    let check = found.decisions.last().unwrap();
    assert_eq!(check.confidence, 100, "{} {:?}", check.evidence, found.draft.doubts);
}
