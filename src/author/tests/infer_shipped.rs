//! The bar of inference: edges and character sets of every shipped layout from 200 made-up records.
//!
//! What counts: an edge between two items of a record. Left out, and counted as such, are edges that no sample can show:
//! both neighbours have one value in all records of the kind (予備 beside 予備, constants side by side). Right: the draft
//! has an item that begins there. A cut inside an item is a false one and counts against the bar as well.

use super::generate::{Random, file};
use super::shipped;
use crate::author::draft::text_of;
use crate::author::infer::{Inferred, Sample, infer};
use crate::codec::Placed;
use crate::schema::layout::{Kind, Layout};

#[derive(Default, Clone, Copy)]
struct Score {
    all: usize,
    right: usize,
    wrong: usize,
    hidden: usize,
}

/// One value in all records of the kind?
fn constant(bytes: &[u8], placed: &[(usize, Placed)], kind: usize, (a, b): (usize, usize)) -> bool {
    let mut cells =
        placed.iter().filter(|(k, _)| *k == kind).map(|(_, p)| &bytes[p.byte as usize + a..p.byte as usize + b]);
    let first = cells.next();
    cells.all(|cell| Some(cell) == first)
}

fn fixed(layout: &Layout, bytes: &[u8], placed: &[(usize, Placed)], found: &Inferred) -> Score {
    let mut score = Score::default();
    for (kind, record) in layout.records.iter().enumerate() {
        let Some((_, place)) = placed.iter().find(|(k, _)| *k == kind) else { continue };
        let (start, end) = (place.byte as usize, place.byte as usize + place.len as usize);
        let mut cuts: Vec<usize> = Vec::new();
        for (of, at, _) in found.records.iter().filter(|(_, at, len)| at + len > start && *at < end) {
            cuts.extend(found.edges[*of].1.iter().map(|edge| at + edge).filter(|cut| *cut > start && *cut < end));
        }
        let edges: Vec<usize> = record.fields.iter().skip(1).map(|field| start + field.offset).collect();
        score.wrong += cuts.iter().filter(|cut| !edges.contains(cut)).count();
        let missed: Vec<usize> = edges.iter().filter(|e| !cuts.contains(e)).map(|e| e - start).collect();
        for pair in record.fields.windows(2) {
            let span = |at: usize| (pair[at].offset, pair[at].offset + pair[at].len);
            if constant(bytes, placed, kind, span(0)) && constant(bytes, placed, kind, span(1)) {
                score.hidden += 1;
                continue;
            }
            score.all += 1;
            score.right += usize::from(cuts.contains(&(start + pair[1].offset)));
        }
        let extra: Vec<usize> = cuts.iter().filter(|c| !edges.contains(c)).map(|c| c - start).collect();
        if !extra.is_empty() || !missed.is_empty() {
            println!("    {} {}: 見落とし {missed:?} 余分 {extra:?}", layout.id, record.name);
        }
    }
    score
}

fn delimited(layout: &Layout, placed: &[(usize, Placed)], found: &Inferred) -> Score {
    let mut score = Score::default();
    for (kind, record) in layout.records.iter().enumerate() {
        let Some((_, place)) = placed.iter().find(|(k, _)| *k == kind) else { continue };
        let of = found.records.iter().find(|(_, at, _)| *at == place.byte as usize).map(|(of, _, _)| *of);
        let items = of.map_or(0, |of| found.draft.records[of].fields.len());
        let edges = record.fields.len() - 1;
        score.all += edges;
        score.right += edges.min(items.saturating_sub(1));
        score.wrong += items.saturating_sub(record.fields.len());
    }
    score
}

#[test]
fn items_and_character_sets_of_every_layout_are_found_from_200_records() {
    let mut whole = [Score::default(); 2];
    let mut wrong_charsets = Vec::new();
    let mut unread = Vec::new();
    for layout in shipped().concat().iter().filter(|layout| !matches!(layout.physical.kind, Kind::Xml { .. })) {
        let (bytes, placed) = file(layout, 200, &mut Random(7));
        let name = format!("{} {}", layout.id, layout.profile);
        let sample = Sample { bytes: &bytes, whole: bytes.len() as u64, name: "sample" };
        let found = match infer(sample) {
            Ok(found) => found,
            Err(unclear) => panic!("{name}: {unclear}"),
        };
        let is_fixed = layout.physical.kind == Kind::Fixed;
        let score = if is_fixed { fixed(layout, &bytes, &placed, &found) } else { delimited(layout, &placed, &found) };
        let charset = text_of(&found.draft.keys, "charset");
        // Bytes below 80 are the same in all of them; the draft says so.
        let told = bytes.is_ascii() && found.draft.doubts.iter().any(|doubt| doubt.contains("文字コード"));
        if charset != layout.physical.charset.name() && !told {
            wrong_charsets.push(format!("{name}: {charset}"));
        }
        let check = found.decisions.last().unwrap();
        if check.confidence < 100 {
            unread.push(format!("{name}: {} {:?}", check.evidence, found.draft.doubts.last()));
        }
        println!(
            "{name:<32} {:<12} 境界 {:>3} / {:>3}  余分 {:>2}  見えない境界 {:>2}  {}",
            charset, score.right, score.all, score.wrong, score.hidden, check.evidence
        );
        let sum = &mut whole[usize::from(is_fixed)];
        *sum = Score {
            all: sum.all + score.all,
            right: sum.right + score.right,
            wrong: sum.wrong + score.wrong,
            hidden: sum.hidden + score.hidden,
        };
    }
    assert_eq!(wrong_charsets, Vec::<String>::new());
    for (what, score) in ["区切り", "固定長"].into_iter().zip(whole) {
        println!("{what}: 境界 {} / {}、余分 {}、見えない境界 {}", score.right, score.all, score.wrong, score.hidden);
        // Held for each family alone, so that the easy one does not carry the other.
        assert!(score.right * 100 >= score.all * 95, "{what}");
        assert!(score.wrong * 100 <= score.all * 5, "{what}");
    }
    assert_eq!(unread, Vec::<String>::new());
}
