//! Where the items of a fixed-length record begin: the cuts with the shortest description of all records.
//!
//! Owns: the search, and how much worse the rivals of each cut are. Never: knows what an item is called.

use super::cost::{self, ITEM, Model};
use super::grid::Grid;

/// Widest item that is tried, unless it is a run of spaces or kanji between marks.
const WIDEST: usize = 320;

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

/// Items of the record, in order, without gaps.
pub fn segments(grid: &Grid<'_>, known: &Known) -> Vec<Segment> {
    let width = grid.width;
    let mut hist = Vec::new();
    let mut best: Vec<(f32, usize, Model)> = vec![(f32::INFINITY, 0, Model::Text); width + 1];
    best[0].0 = 0.0;
    for start in 0..width {
        if best[start].0.is_infinite() || grid.inside[start] {
            continue;
        }
        let base = best[start].0;
        let mut reach = |end: usize, cost: f32, model: Model| {
            let whole = base + cost + ITEM;
            if whole < best[end].0 {
                best[end] = (whole, start, model);
            }
        };
        if let Some((_, end, model)) = known.runs.iter().find(|(a, _, _)| *a == start) {
            reach(*end, 0.0, *model);
            continue;
        }
        for end in start + 1..=width {
            if grid.inside.get(end).copied().unwrap_or(false) {
                continue;
            }
            if end - start <= WIDEST || grid.is_blank(start, end) {
                if let Some((cost, model)) = cost::cheapest(grid, start, end, &mut hist) {
                    reach(end, cost, model);
                }
            } else {
                break;
            }
            if known.cuts[end] {
                break;
            }
        }
    }
    let mut found = Vec::new();
    let mut end = width;
    while end > 0 {
        let (_, start, model) = best[end];
        if best[end].0.is_infinite() {
            // A two-byte character crosses every cut: one item of what is left.
            found.push(Segment { start: 0, end, model: Model::Text, saves: 0.0, rival: None });
            break;
        }
        found.push(Segment { start, end, model, saves: 0.0, rival: None });
        end = start;
    }
    found.reverse();
    join_zeros(grid, known, &mut found);
    weigh(grid, known, &mut found);
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
        if zeros && matches!(b.model, Model::Digits | Model::Number) && !known.cuts[b.start] {
            found[at + 1] = Segment { start: a.start, model: Model::Number, ..b.clone() };
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
