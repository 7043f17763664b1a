//! What a run of columns would cost in bits if it were one item of a kind: the shortest description wins.
//!
//! Owns: the models and their costs. Never: chooses the cuts ([`super::segment`] does) or names types for the layout.

use super::grid::Grid;

/// Bits to say that there is one more item, of which kind and how long.
pub const ITEM: f32 = 11.0;
/// Bits more for an item of one column.
const NARROW: f32 = 8.0;
/// Bits of a decimal digit.
const DIGIT: f32 = 3.33;
/// Widest run that is tried as a code of few values.
const CODE_WIDTH: usize = 8;
/// Most values of a code.
const CODE_VALUES: usize = 48;

/// Values from which it says something where they end.
const FILLED: usize = 8;
/// Columns before the last in which values end, from which it is said how many should end after it.
const LAST: usize = 4;

/// What a run of columns looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// Spaces in every record.
    Blank,
    /// The same bytes in every record.
    Constant,
    /// Few values that return.
    Code,
    /// Digits that fill the run, or spaces.
    Digits,
    /// Digits with zeros at the left.
    Number,
    /// `YYYYMMDD`, spaces or zeros.
    Date,
    /// `GYYMMDD` with a numeric era.
    EraDate,
    /// `MMDD`.
    MonthDay,
    /// Four digits of a year.
    Year,
    /// Text at the left, spaces at the right.
    Text,
    /// Kanji between escape sequences.
    Kanji,
    /// An escape sequence.
    Mark,
}

/// The cheapest model of columns `a..b` and its bits; `None` when no model fits.
pub fn cheapest(grid: &Grid<'_>, a: usize, b: usize, hist: &mut Vec<u32>) -> Option<(f32, Model)> {
    let mut best: Option<(f32, Model)> = None;
    let mut offer = |cost: Option<f32>, model: Model| {
        if let Some(cost) = cost
            && best.is_none_or(|(least, _)| cost < least)
        {
            best = Some((cost, model));
        }
    };
    if grid.is_blank(a, b) {
        return Some((1.0, Model::Blank));
    }
    if grid.is_constant(a, b) {
        offer(constant(grid, a, b), Model::Constant);
    }
    if b - a <= CODE_WIDTH && grid.rows.len() > 4 {
        offer(code(grid, a, b), Model::Code);
    }
    let plain = digits(grid, a, b, hist);
    if let Some((cost, model)) = plain {
        offer(Some(cost), model);
    }
    if matches!(b - a, 4 | 7 | 8) {
        for model in [Model::Date, Model::EraDate, Model::MonthDay, Model::Year] {
            offer(dated(grid, a, b, model), model);
        }
    }
    offer(text(grid, a, b, hist, plain.is_some()), Model::Text);
    // An item of one column is rarer than a column that belongs to its neighbour.
    let narrow = b - a == 1 && !grid.is_constant(a, b);
    best.map(|(cost, model)| (if narrow { cost + NARROW } else { cost }, model))
}

/// Said once; one class of bytes only, so that a constant does not swallow its neighbours.
fn constant(grid: &Grid<'_>, a: usize, b: usize) -> Option<f32> {
    let row = &grid.rows[0][a..b];
    let digits = row.iter().all(u8::is_ascii_digit);
    let solid = row.iter().all(|byte| *byte != b' ' && !byte.is_ascii_digit());
    (digits || solid).then_some(row.len() as f32 * if digits { DIGIT } else { 6.0 })
}

/// A dictionary of the values, then the entropy of their use.
fn code(grid: &Grid<'_>, a: usize, b: usize) -> Option<f32> {
    let width = b - a;
    let mut values: Vec<u64> = Vec::with_capacity(grid.rows.len());
    for row in &grid.rows {
        let cell = &row[a..b];
        let blanks = cell.iter().filter(|byte| **byte == b' ').count();
        if blanks != 0 && blanks != width && cell[0] == b' ' {
            return None;
        }
        values.push(cell.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)));
    }
    values.sort_unstable();
    let n = values.len() as f32;
    let (mut distinct, mut bits) = (0usize, 0.0);
    for same in values.chunk_by(|x, y| x == y) {
        distinct += 1;
        if distinct > CODE_VALUES {
            return None;
        }
        bits += same.len() as f32 * (n / same.len() as f32).log2();
    }
    let small = distinct * 4 <= values.len() || distinct <= 2;
    let plain = grid.rows.iter().all(|row| row[a..b].iter().all(|x| x.is_ascii_digit() || *x == b' '));
    let table = choice_bits(distinct as f64, if plain { 10f64 } else { 32.0 }.powi(width as i32));
    let usage = (bits + distinct as f32 * n.log2() * 0.5).min(n * (distinct as f32).log2());
    // A constant column at an edge that is no leading zero is more likely an item of its own.
    let edge = |at: usize| grid.is_constant(at, at + 1) && grid.rows[0][at] != b'0';
    let foreign = if width > 1 && distinct > 1 && (edge(a) || edge(b - 1)) { ITEM * 1.5 } else { 0.0 };
    small.then_some(usage + table + foreign)
}

/// Bits to say which so many of all possible values there are.
fn choice_bits(some: f64, all: f64) -> f32 {
    let part = (some / all.max(some + 1.0)).clamp(0.0, 1.0);
    let rest = 1.0 - part;
    let rare = if rest > 0.0 { all * rest * -(-part).ln_1p() / std::f64::consts::LN_2 } else { 0.0 };
    (some * -part.log2() + rare + some.log2()) as f32
}

/// Full digits, or a number with zeros at the left.
fn digits(grid: &Grid<'_>, a: usize, b: usize, hist: &mut Vec<u32>) -> Option<(f32, Model)> {
    let width = b - a;
    hist.clear();
    hist.resize(width + 1, 0);
    let (mut empty, mut significant) = (0usize, 0usize);
    for row in 0..grid.rows.len() {
        let count = grid.digits_in(row, a, b);
        if count == width {
            let zeros = (grid.next_nonzero(row, a).min(b)) - a;
            // Nought is a digit too.
            let digits = (width - zeros).max(1);
            hist[digits] += 1;
            significant += digits;
        } else if grid.blank_in(row, a, b) {
            empty += 1;
        } else {
            return None;
        }
    }
    let full = grid.rows.len() - empty;
    let flags = flag_bits(empty, full);
    let plain = flags + (full * width) as f32 * DIGIT;
    let most = hist.iter().rposition(|count| *count > 0).unwrap_or(0);
    let least = hist.iter().position(|count| *count > 0).unwrap_or(0);
    // The zeros at the left say how wide it is, not how long numbers are.
    let number = flags + length_bits(hist, full, most - least) + (significant as f32 * DIGIT) + 4.0;
    Some(if number < plain { (number, Model::Number) } else { (plain, Model::Digits) })
}

/// Which records have it and which not.
fn flag_bits(empty: usize, full: usize) -> f32 {
    let n = (empty + full) as f32;
    let part = |count: usize| if count == 0 { 0.0 } else { count as f32 * (n / count as f32).log2() };
    if empty == 0 || full == 0 { 0.0 } else { part(empty) + part(full) + n.log2() }
}

/// Lengths, so many more than one of them as likely or as they are used, whichever is shorter.
fn length_bits(hist: &[u32], full: usize, more: usize) -> f32 {
    let n = full as f32;
    let uniform = n * (more as f32 + 1.0).log2();
    let mut used = 0.0;
    for count in hist.iter().filter(|count| **count > 0) {
        used += *count as f32 * (n / *count as f32).log2() + 0.5 * n.log2() + 1.0;
    }
    uniform.min(used)
}

/// A date in every record (or nothing): far rarer among digits than among dates.
fn dated(grid: &Grid<'_>, a: usize, b: usize, model: Model) -> Option<f32> {
    let (width, each) = match model {
        Model::Date => (8, 0.0),
        Model::EraDate => (7, 1.6),
        Model::MonthDay => (4, 8.6),
        _ => (4, 0.0),
    };
    if b - a != width {
        return None;
    }
    let (mut empty, mut full) = (0, 0);
    let (mut least, mut most) = (9999u32, 0u32);
    for row in &grid.rows {
        let cell = &row[a..b];
        if cell.iter().all(|x| *x == b' ') || cell.iter().all(|x| *x == b'0') || cell.iter().all(|x| *x == b'9') {
            empty += 1;
            continue;
        }
        let year = year_of(cell, model)?;
        (least, most) = (least.min(year), most.max(year));
        full += 1;
    }
    if full == 0 {
        return None;
    }
    let years = ((most - least) as f32 + 2.0).log2();
    let days = 8.6;
    let bits = match model {
        Model::Date => years + days,
        Model::EraDate => years + days + each,
        Model::MonthDay => each,
        _ => years,
    };
    // Which years: said once.
    Some(flag_bits(empty, full) + full as f32 * bits + 12.0)
}

fn year_of(cell: &[u8], model: Model) -> Option<u32> {
    if !cell.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |part: &[u8]| part.iter().fold(0u32, |all, x| all * 10 + u32::from(x - b'0'));
    let month_day = |part: &[u8]| {
        let (month, day) = (number(&part[..2]), number(&part[2..]));
        ((1..=12).contains(&month) && (1..=31).contains(&day)) || (month <= 12 && day == 0)
    };
    match model {
        Model::Date => {
            let year = number(&cell[..4]);
            ((1868..=2100).contains(&year) && month_day(&cell[4..])).then_some(year)
        }
        Model::EraDate => {
            let year = number(&cell[1..3]);
            ((b'1'..=b'9').contains(&cell[0]) && (1..=64).contains(&year) && month_day(&cell[3..])).then_some(year)
        }
        Model::MonthDay => (month_day(cell) && number(&cell[2..]) > 0 && number(&cell[..2]) > 0).then_some(1),
        _ => Some(number(cell)).filter(|year| (1900..=2100).contains(year)),
    }
}

/// Text at the left: its length, then its characters; the spaces after it are free.
fn text(grid: &Grid<'_>, a: usize, b: usize, hist: &mut Vec<u32>, digits: bool) -> Option<f32> {
    let width = b - a;
    hist.clear();
    hist.resize(width + 1, 0);
    let (mut bits, mut odd, mut inner) = (0.0, 0.0, 0);
    for (row, bytes) in grid.rows.iter().enumerate() {
        let end = grid.content_end(row, b).max(a);
        hist[end - a] += 1;
        if end > a {
            bits += grid.text_bits(row, a, end);
            inner += grid.blanks_in(row, a, end);
            // Text does not begin with a space.
            if bytes[a] == b' ' || (bytes[a] == 0x81 && bytes.get(a + 1) == Some(&0x40)) {
                odd += 9.0;
            }
        }
    }
    odd += tail_bits(hist, grid.rows.len() - hist[0] as usize);
    // Columns of digits beside columns of blanks, the same in every record: that is no text.
    odd += grid.stripes(a, b) as f32 * ITEM * 2.0;
    // Letters all as likely, or as they are used here, whichever is shorter.
    let used = if digits { bits } else { grid.entropy_bits(a, b) + inner as f32 * 3.5 };
    Some(bits.min(used) + odd + length_bits(hist, grid.rows.len(), width))
}

/// Content that stops at the same column again and again, before the run does, has an end of its own; so has content
/// whose lengths are many up to a column and none after it.
fn tail_bits(hist: &[u32], filled: usize) -> f32 {
    let width = hist.len() - 1;
    let most = hist.iter().rposition(|count| *count > 0).unwrap_or(0);
    if most == 0 || most == width || filled < FILLED {
        return 0.0;
    }
    let full = hist[most] as usize;
    let near: u32 = hist[most.saturating_sub(LAST).max(1)..=most].iter().sum();
    let each = near as f32 / (LAST + 1) as f32;
    let never = each * (width - most) as f32 * std::f32::consts::LOG2_E;
    let stops = full >= FILLED / 2 && full * 25 >= filled;
    if stops { ITEM * 2.0 } else { never.min(ITEM * 2.0) }
}
