//! Where the items of a fixed-length record begin: the cuts with the shortest description of all records.
//!
//! Owns: the search, and how much worse the rivals of each cut are. Never: knows what an item is called.

use super::cost::{self, ITEM, Model};
use super::grid::Grid;
use super::group::Groups;

/// Widest item that is tried, unless it is a run of spaces or kanji between marks.
const WIDEST: usize = 320;

/// Bits below which a cut after a first letter is none.
const INITIAL: f32 = 45.0;

/// One item found.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// First column.
    pub start: usize,
    /// Column after the last.
    pub end: usize,
    /// What it looks like.
    pub model: Model,
    /// Bits that the cut before it saves against none; infinite for one that something else proves.
    pub saves: f32,
    /// Another place for the cut before it that is nearly as good, if there is one.
    pub rival: Option<usize>,
}

/// Places that are known.
#[derive(Debug, Clone)]
pub struct Known {
    /// Cuts that must be.
    pub cuts: Vec<bool>,
    /// Runs that are one item of a known look.
    pub runs: Vec<(usize, usize, Model)>,
}

impl Known {
    /// Nothing known about a record of this width.
    pub fn new(width: usize) -> Self {
        Known { cuts: vec![false; width + 1], runs: Vec::new() }
    }

    /// Adds a run that is one item.
    pub fn run(&mut self, start: usize, end: usize, model: Model) {
        self.cuts[start] = true;
        self.cuts[end] = true;
        self.runs.push((start, end, model));
    }
}

/// The cheapest way to a column: its bits, where its last step began, and the items of that step.
type Way = (f32, usize, Vec<(usize, Model)>);

/// Items of the record, in order, without gaps. Groups that stand elsewhere cost less than their items one by one; with
/// them the number of this record kind among theirs.
pub fn segments(grid: &Grid<'_>, known: &Known, groups: Option<(&Groups, usize)>) -> Vec<Segment> {
    let width = grid.width;
    let mut hist = Vec::new();
    let mut best: Vec<Way> = vec![(f32::INFINITY, 0, Vec::new()); width + 1];
    best[0].0 = 0.0;
    for start in 0..width {
        if best[start].0.is_infinite() || grid.inside[start] {
            continue;
        }
        let base = best[start].0;
        let mut reach = |bits: f32, items: &[(usize, Model)]| {
            let way = &mut best[items[items.len() - 1].0];
            if base + bits < way.0 {
                (way.0, way.1) = (base + bits, start);
                way.2.clear();
                way.2.extend_from_slice(items);
            }
        };
        if let Some((_, end, model)) = known.runs.iter().find(|(a, _, _)| *a == start) {
            reach(ITEM, &[(*end, *model)]);
            continue;
        }
        for end in start + 1..=width {
            if grid.inside.get(end).copied().unwrap_or(false) {
                continue;
            }
            if end - start <= WIDEST || grid.is_blank(start, end) {
                if let Some((cost, model)) = cost::cheapest(grid, start, end, &mut hist) {
                    reach(cost + ITEM, &[(end, model)]);
                }
            } else {
                break;
            }
            if known.cuts[end] {
                break;
            }
        }
        if let Some((groups, kind)) = groups {
            groups.fitting((grid, known), (kind, start), &mut hist, &mut reach);
        }
    }
    let mut found = back(&best);
    join_zeros(grid, known, &mut found);
    weigh(grid, known, &mut found);
    join_initials(known, grid, &mut found);
    found
}

/// The items on the cheapest way to the end.
fn back(best: &[Way]) -> Vec<Segment> {
    let item = |start, end, model| Segment { start, end, model, saves: 0.0, rival: None };
    let mut found = Vec::new();
    let mut end = best.len() - 1;
    while end > 0 {
        let (bits, from, items) = &best[end];
        if bits.is_infinite() {
            // A two-byte character crosses every cut: one item of what is left.
            found.push(item(0, end, Model::Text));
            break;
        }
        for (at, (to, model)) in items.iter().enumerate().rev() {
            found.push(item(if at == 0 { *from } else { items[at - 1].0 }, *to, *model));
        }
        end = *from;
    }
    found.reverse();
    found
}

/// Zeros before digits belong to the number.
fn join_zeros(grid: &Grid<'_>, known: &Known, found: &mut Vec<Segment>) {
    let mut at = 0;
    while at + 1 < found.len() {
        let (a, b) = (&found[at], &found[at + 1]);
        let zeros = a.model == Model::Constant
            && grid.is_constant(a.start, a.end)
            && grid.rows[0][a.start..a.end].iter().all(|x| *x == b'0');
        let number = match b.model {
            Model::Digits | Model::Number => true,
            // Small numbers look like a code.
            Model::Code => a.end - a.start > 1 && (0..grid.rows.len()).all(|row| is_digits(grid, row, b)),
            _ => false,
        };
        if zeros && number && !known.cuts[b.start] {
            found[at + 1] = Segment { start: a.start, model: Model::Number, ..b.clone() };
            found.remove(at);
        } else {
            at += 1;
        }
    }
}

fn is_digits(grid: &Grid<'_>, row: usize, segment: &Segment) -> bool {
    grid.digits_in(row, segment.start, segment.end) == segment.end - segment.start
}

/// A single column of letters before a text is its beginning, unless much speaks for the cut.
fn join_initials(known: &Known, grid: &Grid<'_>, found: &mut Vec<Segment>) {
    let mut at = 0;
    while at + 1 < found.len() {
        let (a, b) = (&found[at], &found[at + 1]);
        let letters = matches!(a.model, Model::Code | Model::Text)
            && !grid.rows.iter().all(|row| row[a.start] == b' ' || row[a.start].is_ascii_digit());
        let narrow = a.end - a.start == 1 && b.saves < INITIAL;
        let text = b.model == Model::Text || b.model == Model::Code && b.end - b.start == 1;
        if letters && narrow && text && !known.cuts[b.start] {
            found[at + 1] = Segment { start: a.start, model: Model::Text, saves: a.saves, rival: a.rival, ..b.clone() };
            found.remove(at);
        } else {
            at += 1;
        }
    }
}

/// What each cut saves, and whether it could stand elsewhere.
fn weigh(grid: &Grid<'_>, known: &Known, found: &mut [Segment]) {
    let mut hist = Vec::new();
    let mut bits = |a: usize, b: usize| match cost::cheapest(grid, a, b, &mut hist) {
        Some((cost, _)) => cost,
        None => f32::INFINITY,
    };
    for at in 1..found.len() {
        let (from, cut, to) = (found[at - 1].start, found[at].start, found[at].end);
        if known.cuts[cut] || to - from > 2 * WIDEST {
            found[at].saves = f32::INFINITY;
            continue;
        }
        let now = bits(from, cut) + bits(cut, to) + ITEM;
        found[at].saves = bits(from, to) - now;
        let near = [cut.saturating_sub(1), cut + 1, cut.saturating_sub(2), cut + 2];
        let other = near
            .into_iter()
            .filter(|other| *other > from && *other < to && !grid.inside[*other])
            .map(|other| (bits(from, other) + bits(other, to) + ITEM - now, other))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        found[at].rival = other.filter(|(worse, _)| *worse < 12.0).map(|(_, other)| other);
    }
}
