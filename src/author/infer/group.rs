//! Groups of items that stand in the file more than once: bank, branch and account in header and record; count and sum
//! thrice in a trailer.
//!
//! Owns: which groups are sure enough to be looked for again, and what one of them costs where it fits. Never: cuts where
//! the sample itself speaks against it: what fits is weighed against every other cut.

use super::cost::{self, ITEM, Model};
use super::grid::Grid;
use super::segment::{Known, Segment};

/// Records of a kind from which they need no help from others.
pub const FEW: usize = 60;
/// Most items of a group.
const LONGEST: usize = 12;
/// Most items of all groups, so that wide records end in time.
const MOST: usize = 256;
/// Bits saved by a cut that is sure.
const SURE: f32 = 30.0;
/// Bits to say that an item of blanks is left out.
const SKIPPED: f32 = 3.0;

/// What an item of a group holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Blank,
    Digits,
    Date,
    Text,
}

/// An item of a group, or the end of one.
#[derive(Debug, Clone, Copy)]
struct Item {
    /// Record kind and first column.
    place: (usize, usize),
    width: usize,
    sort: Sort,
    /// Does another follow it after a cut that is sure?
    goes_on: bool,
}

/// All groups of a file.
#[derive(Debug, Default)]
pub struct Groups {
    items: Vec<Item>,
}

impl Groups {
    /// Of the items of each record kind, in its order.
    pub fn of<'k>(kinds: impl Iterator<Item = &'k [Segment]>) -> Self {
        let mut items = Vec::new();
        for (kind, segments) in kinds.enumerate() {
            let sure = |at: usize| segments.get(at).is_none_or(|s| s.start == 0 || s.saves >= SURE);
            let sort = |at: usize| segments.get(at).and_then(|segment| sort(segment.model));
            for at in (0..segments.len()).filter(|at| sure(*at) && sure(at + 1)) {
                let (segment, Some(sort)) = (&segments[at], sort(at)) else { continue };
                let goes_on = at + 1 < segments.len() && sure(at + 2) && self::sort(segments[at + 1].model).is_some();
                let width = segment.end - segment.start;
                items.push(Item { place: (kind, segment.start), width, sort, goes_on });
            }
        }
        items.truncate(MOST);
        if let Some(last) = items.last_mut() {
            last.goes_on = false;
        }
        Groups { items }
    }

    /// Offers each group that fits from `start` of a record of the kind: the bits of all its items, end and look of each.
    pub fn fitting(
        &self,
        (grid, known): (&Grid<'_>, &Known),
        (kind, start): (usize, usize),
        hist: &mut Vec<u32>,
        offer: &mut impl FnMut(f32, &[(usize, Model)]),
    ) {
        let named = ITEM + (self.items.len().max(1) as f32).log2() + 1.0;
        let mut found: Vec<(usize, Model)> = Vec::with_capacity(LONGEST);
        for first in (0..self.items.len()).filter(|at| self.items[*at].place != (kind, start)) {
            let (mut bits, mut at, mut from) = (named, first, start);
            found.clear();
            loop {
                let item = &self.items[at];
                match piece(grid, known, (from, item), hist) {
                    Some((cost, model)) => {
                        from += item.width;
                        bits += cost;
                        found.push((from, model));
                        if found.len() > 1 {
                            offer(bits, &found);
                        }
                    }
                    None if item.sort == Sort::Blank && !found.is_empty() => bits += SKIPPED,
                    None => break,
                }
                if !item.goes_on || found.len() >= LONGEST {
                    break;
                }
                at += 1;
            }
        }
    }
}

fn sort(model: Model) -> Option<Sort> {
    match model {
        Model::Blank => Some(Sort::Blank),
        Model::Code | Model::Digits | Model::Number | Model::Year | Model::MonthDay => Some(Sort::Digits),
        Model::Date | Model::EraDate => Some(Sort::Date),
        Model::Text => Some(Sort::Text),
        Model::Constant | Model::Kanji | Model::Mark => None,
    }
}

/// Bits of an item at a place, if it fits there.
fn piece(grid: &Grid<'_>, known: &Known, (from, item): (usize, &Item), hist: &mut Vec<u32>) -> Option<(f32, Model)> {
    let to = from + item.width;
    let free = to <= grid.width && !grid.inside[to] && !known.cuts[from + 1..to].contains(&true);
    if !free || known.runs.iter().any(|(start, end, _)| from < *end && *start < to) {
        return None;
    }
    let digits = |row: usize| grid.digits_in(row, from, to) == item.width || grid.blank_in(row, from, to);
    let fits = match item.sort {
        Sort::Blank => grid.is_blank(from, to),
        Sort::Digits | Sort::Date => (0..grid.rows.len()).all(digits),
        Sort::Text => true,
    };
    let (cost, model) = fits.then(|| cost::cheapest(grid, from, to, hist)).flatten()?;
    let dated = matches!(model, Model::Date | Model::EraDate | Model::Blank);
    (item.sort != Sort::Date || dated).then_some((cost, model))
}
