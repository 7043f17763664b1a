//! The draft of a layout of fixed lengths.
//!
//! Owns: record kinds, what is known before the search for cuts (keys, escape sequences, totals), the doubts about cuts.
//! Never: weighs columns itself (`segment`, `cost`).

use super::cost::Model;
use super::framing::{Blocks, tally};
use super::grid::Grid;
use super::group::{self, Groups};
use super::key::{self, Key};
use super::segment::{Known, Segment, segments};
use super::text::{KANJI_IN, KANJI_OUT, Text};
use super::{Decision, Inferred, Sample, Unclear, column, naming, sequence, totals};
use crate::author::draft::*;
use crate::codec::charset::Charset;

/// Records of a kind that are laid over each other for the cuts: fewer where all kinds together are wide, never below.
const OVERLAID: usize = 240;
const LEAST: usize = 24;
/// Bytes of all kinds that are laid over each other, about.
const CELLS: usize = 1_500_000;
/// Records of a kind whose values decide a type.
const TYPED: usize = 5_000;
/// Widest record.
const WIDEST: usize = 16_384;
/// Bits below which a cut is called doubtful.
const DOUBTFUL: f32 = 30.0;

/// Records of one kind.
struct Kind<'s> {
    name: String,
    width: usize,
    rows: Vec<&'s [u8]>,
    segments: Vec<Segment>,
}

/// Draws the layout up.
pub fn draft(
    sample: Sample<'_>,
    text: &Text,
    blocks: &Blocks<'_>,
    mut decisions: Vec<Decision>,
) -> Result<Inferred, Unclear> {
    let charset = if text.ascii { Charset::JisX0201 } else { text.charset };
    let body: Vec<&[u8]> = blocks.records[blocks.leading..].iter().map(|(_, record)| *record).collect();
    if body.iter().any(|record| record.len() > WIDEST) {
        return Err(Unclear(format!("レコードが {WIDEST} バイトを超えます")));
    }
    let key = key::find(&body);
    let of_body: Vec<usize> = key.as_ref().map_or_else(|| vec![0; body.len()], |key| key.kind.clone());
    let count = blocks.leading + key.as_ref().map_or(1, |key| key.values.len());
    let sequence: Vec<usize> = (0..blocks.leading).chain(of_body.iter().map(|kind| kind + blocks.leading)).collect();
    let names = naming::kinds(&sequence, count, blocks.leading);
    if let Some(key) = &key {
        decisions.push(key_decision(key, &names[blocks.leading..]));
    }
    let mut kinds = Vec::new();
    for (kind, name) in names.iter().enumerate() {
        kinds.push(overlay(name.clone(), blocks, &sequence, kind));
    }
    let two_byte = charset == Charset::Windows31j;
    let mut known: Vec<Known> = kinds
        .iter()
        .enumerate()
        .map(|(at, kind)| known_cuts(kind, key.as_ref().filter(|_| at >= blocks.leading)))
        .collect();
    let look = Look { two_byte, rows: overlaid(kinds.iter().map(|kind| kind.width).sum()) };
    for (kind, known) in kinds.iter_mut().zip(&known) {
        kind.segments = segments(&grid(kind, look), known, None);
    }
    cut_totals(&mut kinds, &mut known, &sequence, look);
    cut_groups(&mut kinds, &known, look);
    let cut = sample.bytes.len() as u64 != sample.whole;
    let mut draft = Draft::default();
    head(&mut draft, sample, text, charset, blocks);
    put_text(&mut draft.keys, "order", &sequence::order(&sequence, &names));
    let mut columns = Vec::new();
    for (at, kind) in kinds.iter().enumerate() {
        let values = key.as_ref().filter(|_| at >= blocks.leading).map(|key| (key, at - blocks.leading));
        draft.records.push(record(kind, values, charset));
        columns.push(cells(kind));
        decisions.push(cuts_decision(kind));
    }
    if !cut {
        totals::add(&mut draft, &columns, &sequence, &mut decisions);
    }
    let edges = kinds.iter().map(|kind| (kind.name.clone(), kind.segments.iter().map(|s| s.start).collect()));
    let records = blocks.records.iter().zip(&sequence).map(|((at, record), kind)| (*kind, *at, record.len()));
    Ok(Inferred { draft, decisions, edges: edges.collect(), records: records.collect() })
}

fn key_decision(key: &Key, names: &[String]) -> Decision {
    let shown: Vec<String> = key
        .values
        .iter()
        .enumerate()
        .map(|(at, value)| {
            let count = key.kind.iter().filter(|kind| **kind == at).count();
            format!("「{}」{} {count}件", String::from_utf8_lossy(value), names[at])
        })
        .collect();
    let place = format!("{}〜{} バイト目", key.offset + 1, key.offset + key.width);
    let evidence = format!("{}。種別どうしで文字の種類が重ならない列が {} 列以上", shown.join("、"), key.apart);
    Decision::new("レコード種別", format!("{place}の値で {} 種類", key.values.len()), 92, evidence)
}

fn overlay<'s>(name: String, blocks: &Blocks<'s>, sequence: &[usize], kind: usize) -> Kind<'s> {
    let of = || blocks.records.iter().zip(sequence).filter(move |(_, k)| **k == kind).map(|((_, record), _)| *record);
    let width = tally(of().map(<[u8]>::len)).first().map_or(0, |(width, _)| *width);
    let rows = of().filter(|record| record.len() == width).collect();
    Kind { name, width, rows, segments: Vec::new() }
}

/// How records are laid over each other.
#[derive(Clone, Copy)]
struct Look {
    two_byte: bool,
    /// Most records of a kind.
    rows: usize,
}

/// Records of a kind that are laid over each other when the kinds are so wide together.
fn overlaid(width: usize) -> usize {
    (CELLS / width.max(1)).clamp(LEAST, OVERLAID)
}

/// Evenly from all records.
fn grid<'s>(kind: &Kind<'s>, look: Look) -> Grid<'s> {
    let step = kind.rows.len().div_ceil(look.rows).max(1);
    Grid::new(kind.rows.iter().step_by(step).copied().collect(), kind.width, look.two_byte)
}

/// The key is an item; escape sequences are items, and what stands between them is one.
fn known_cuts(kind: &Kind<'_>, key: Option<&Key>) -> Known {
    let mut known = Known::new(kind.width);
    if let Some(key) = key {
        known.cuts[key.offset] = true;
        known.cuts[key.offset + key.width] = true;
    }
    let is_mark = |at: usize, marks: [&[u8; 3]; 2]| {
        at + 3 <= kind.width && kind.rows.iter().all(|row| marks.iter().any(|mark| &row[at..at + 3] == *mark))
    };
    let mut open = None;
    let mut at = 0;
    while at < kind.width {
        if is_mark(at, KANJI_IN) {
            known.run(at, at + 3, Model::Mark);
            open = Some(at + 3);
            at += 3;
        } else if let Some(start) = open.filter(|_| is_mark(at, KANJI_OUT)) {
            if start < at {
                known.run(start, at, Model::Kanji);
            }
            known.run(at, at + 3, Model::Mark);
            open = None;
            at += 3;
        } else {
            at += 1;
        }
    }
    known
}

/// Where a record states the count or a sum of the records before it, an item ends.
fn cut_totals(kinds: &mut [Kind<'_>], known: &mut [Known], sequence: &[usize], look: Look) {
    let Some(main) = (0..kinds.len()).max_by_key(|kind| kinds[*kind].rows.len()) else {
        return;
    };
    let columns = cells(&kinds[main]);
    for at in (0..kinds.len()).filter(|at| *at != main) {
        let targets = totals::targets(&columns, sequence, main, at);
        let with = &mut known[at];
        let mut added = false;
        for values in targets.iter().map(|target| &target.values) {
            if values.len() != kinds[at].rows.len() {
                continue;
            }
            for end in 1..=kinds[at].width {
                let states = |(row, value): (&&[u8], &i128)| states(&row[..end], *value);
                if totals::proves(values) && kinds[at].rows.iter().zip(values).all(states) {
                    added |= !with.cuts[end];
                    with.cuts[end] = true;
                }
            }
        }
        if added {
            kinds[at].segments = segments(&grid(&kinds[at], look), with, None);
        }
    }
}

/// Kinds of few records are cut once more, by what stands in other places too.
fn cut_groups(kinds: &mut [Kind<'_>], known: &[Known], look: Look) {
    let groups = Groups::of(kinds.iter().map(|kind| &kind.segments[..]));
    for (at, kind) in kinds.iter_mut().enumerate().filter(|(_, kind)| kind.rows.len() < group::FEW) {
        kind.segments = segments(&grid(kind, look), &known[at], Some((&groups, at)));
    }
}

/// Do the bytes end in the number, after a zero?
fn states(bytes: &[u8], value: i128) -> bool {
    let digits = value.to_string();
    bytes
        .strip_suffix(digits.as_bytes())
        .is_some_and(|before| before.last().is_none_or(|byte| *byte == b'0' || value == 0))
}

/// Values of the items as text, for totals: per item one value a record.
fn cells(kind: &Kind<'_>) -> Vec<Vec<String>> {
    let text = |row: &&[u8], s: &Segment| {
        let cell = &row[s.start..s.end];
        if cell.iter().all(u8::is_ascii_digit) { String::from_utf8_lossy(cell).into_owned() } else { String::new() }
    };
    kind.segments.iter().map(|segment| kind.rows.iter().map(|row| text(row, segment)).collect()).collect()
}

fn head(draft: &mut Draft, sample: Sample<'_>, text: &Text, charset: Charset, blocks: &Blocks<'_>) {
    let keys = &mut draft.keys;
    put_text(keys, "title", "（標本から推定したレイアウト）");
    put_text(keys, "provenance", "inferred");
    put_text(keys, "source", &format!("標本 {} の先頭 {} バイトから推定", sample.name, sample.bytes.len()));
    put_text(keys, "kind", "fixed");
    put_text(keys, "charset", charset.name());
    put_text(keys, "line_end", blocks.line_end);
    if blocks.eof_mark {
        put_text(keys, "eof_mark", "optional");
    }
    if text.ascii {
        draft.doubts.push(
            "ASCII の文字しかなく、文字コードは決められない。カナ・漢字の入る見本か仕様書で確かめてください".to_owned(),
        );
    }
    draft.doubts.push(
        "いつも同じ値・空白の項目が隣り合うと、その境界は標本からは分からない。仕様書の桁位置と照らしてください"
            .to_owned(),
    );
    draft
        .doubts
        .push("標本で一度も空でなかった項目に required を付けた。仕様書の必須かどうかと合わせてください".to_owned());
}

fn cuts_decision(kind: &Kind<'_>) -> Decision {
    let weak: Vec<&Segment> = kind.segments.iter().skip(1).filter(|s| s.saves < DOUBTFUL).collect();
    let cuts = kind.segments.len().saturating_sub(1);
    let evidence = format!(
        "{} 件を重ね、記述長が最も短くなる切り方。境界 {cuts} のうち確かなもの {}、疑わしいもの {}",
        kind.rows.len(),
        cuts - weak.len(),
        weak.len()
    );
    let rivals = kind.segments.iter().skip(1).filter_map(|s| {
        let rival = s.rival?;
        Some(format!("{} バイト目からの項目は {} バイト目からかもしれない", s.start + 1, rival + 1))
    });
    let sure = ((cuts - weak.len()) * 55).checked_div(cuts).map_or(50, |sure| 40 + sure);
    let chosen = format!("{} 項目 / {} バイト", kind.segments.len(), kind.width);
    Decision::new(&format!("項目の境界（{}）", kind.name), chosen, sure as u8, evidence)
        .against(rivals.take(12).collect())
}

fn record(kind: &Kind<'_>, key: Option<(&Key, usize)>, charset: Charset) -> DraftRecord {
    let mut keys = Keys::new();
    put_text(&mut keys, "name", &kind.name);
    put(&mut keys, "length", Setting::Int(kind.width as i64));
    let mut fields = Vec::new();
    for (at, segment) in kind.segments.iter().enumerate() {
        let raw: Vec<&[u8]> = kind.rows.iter().take(TYPED).map(|row| &row[segment.start..segment.end]).collect();
        let look = column::fixed(&raw, segment, charset);
        let of_key = key.filter(|(key, _)| key.offset == segment.start && key.offset + key.width == segment.end);
        let name =
            if of_key.is_some() { "レコード区分".to_owned() } else { naming::item(at, kind.segments.len()) };
        let mut field = DraftField { keys: Keys::new(), doubts: look.doubts };
        put_text(&mut field.keys, "name", &name);
        field.keys.extend(look.keys);
        if let Some((key, value)) = of_key {
            let value = String::from_utf8_lossy(&key.values[value]).into_owned();
            let mut table = Keys::new();
            put_text(&mut table, "field", &name);
            put(&mut table, "is", Setting::List(vec![value.clone()]));
            put(&mut keys, "when", Setting::Table(table));
            put_text(&mut field.keys, "constant", &value);
            unset(&mut field.keys, "required");
            field.doubts.clear();
        }
        if segment.start > 0 && segment.saves < DOUBTFUL {
            field.doubts.insert(0, format!("{} バイト目から始まるという境界は証拠が弱い", segment.start + 1));
        }
        if let Some(rival) = segment.rival {
            field
                .doubts
                .insert(0, format!("{} バイト目ではなく {} バイト目からかもしれない", segment.start + 1, rival + 1));
        }
        fields.push(field);
    }
    let doubts = match kind.rows.len() {
        rows @ ..5 => vec![format!("標本に {rows} 件しかない。境界と型は仕様書で確かめてください")],
        _ => Vec::new(),
    };
    DraftRecord { keys, fields, doubts }
}
