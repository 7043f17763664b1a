//! What repeats: the length after which bytes of the same sort come again, and the columns that tell record kinds apart.
//!
//! Owns: both searches over sorts of bytes. Never: looks at what the values mean.

use super::grid::is_lead;

/// Bytes compared for a length.
const COMPARED: usize = 24_000;
/// Columns from the start that may hold the key.
const KEY_COLUMNS: usize = 6;
/// Records of a kind from which it says something how often a column has a sort.
const MANY: usize = 8;
/// Part of the records that have one sort in common, at most, where two kinds are apart.
const SELDOM: f64 = 0.4;
/// Most kinds of record.
const MOST_KINDS: usize = 9;

/// Sort of a byte, one bit each.
pub fn sort(byte: u8) -> u8 {
    match byte {
        b'0' => 1 | 2,
        b'1'..=b'9' => 1,
        b' ' => 4,
        b'A'..=b'Z' => 8,
        b'a'..=b'z' => 16,
        0xA1..=0xDF => 32,
        0x80..=0xFF => 64,
        _ => 128,
    }
}

/// For each length which part of the places where one sort of bytes ends and another begins comes again so many bytes
/// later, 0–1. Runs of one sort (blanks above all) say nothing: they agree with themselves at every short length.
pub fn periods(bytes: &[u8], longest: usize) -> Vec<(usize, f64)> {
    let most = longest.min(bytes.len() / 2);
    let sorts = sorts(&bytes[..bytes.len().min(COMPARED.max(most * 6) + most)]);
    let turn = |pair: &[u8]| if pair[0] == pair[1] { 0 } else { u32::from(pair[0]) << 8 | u32::from(pair[1]) };
    let turns: Vec<u32> = sorts.windows(2).map(turn).collect();
    let places: Vec<usize> = (0..turns.len()).filter(|at| turns[*at] != 0).collect();
    (8..=most)
        .map(|length| {
            let compared = COMPARED.max(length * 6).min(turns.len().saturating_sub(length));
            let within = &places[..places.partition_point(|at| *at < compared)];
            let same = within.iter().filter(|at| turns[**at] == turns[**at + length]).count();
            (length, same as f64 / within.len().max(1) as f64)
        })
        .collect()
}

/// The shortest length nearly as good as the best (its multiples agree as well).
pub fn best_period(scores: &[(usize, f64)]) -> Option<(usize, f64)> {
    let best = scores.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let (mean, enough) = near(scores, best.1);
    let found = scores.iter().find(|(length, score)| *score >= enough && best.0.is_multiple_of(*length));
    (best.1 > 0.1 && best.1 > mean * 3.0).then(|| found.copied().unwrap_or(*best))
}

/// Mean of the scores, and from where they are nearly as good as this one.
fn near(scores: &[(usize, f64)], best: f64) -> (f64, f64) {
    let mean = scores.iter().map(|(_, score)| score).sum::<f64>() / scores.len() as f64;
    (mean, best - (best - mean) * 0.15)
}

/// The shortest length that agrees nearly as well.
pub fn shortest_near(scores: &[(usize, f64)], best: f64) -> Option<(usize, f64)> {
    let (_, enough) = near(scores, best);
    scores.iter().find(|(_, score)| *score >= enough).copied()
}

/// Sort of each byte; all bytes of characters of two bytes are of one sort, whatever they are alone.
fn sorts(bytes: &[u8]) -> Vec<u8> {
    let mut sorts: Vec<u8> = bytes.iter().map(|byte| sort(*byte) & !2).collect();
    let (mut at, mut kanji) = (0, false);
    while at < bytes.len() {
        if bytes[at] == 0x1B {
            kanji = bytes.get(at + 1) == Some(&b'$');
            at += 3;
        } else if kanji || is_lead(bytes[at]) {
            let end = (at + 2).min(bytes.len());
            sorts[at..end].fill(64);
            at = end;
        } else {
            at += 1;
        }
    }
    sorts
}

/// Of the same sort?
pub fn alike(a: u8, b: u8) -> bool {
    a == b || (sort(a) & !2) == (sort(b) & !2)
}

/// Columns that tell the kinds apart, and which records are of which kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// First column.
    pub offset: usize,
    /// Columns.
    pub width: usize,
    /// Value of each kind, in the order of first appearance.
    pub values: Vec<Vec<u8>>,
    /// Kind of each record.
    pub kind: Vec<usize>,
    /// Columns whose sorts of bytes never agree between the two most alike kinds.
    pub apart: usize,
}

/// Finds the first columns of few values by which records differ in form; `None` when all are of one kind.
pub fn find(records: &[&[u8]]) -> Option<Key> {
    let shortest = records.iter().map(|record| record.len()).min().unwrap_or(0);
    let mut best: Option<Key> = None;
    for offset in 0..KEY_COLUMNS.min(shortest) {
        for width in 1..=2 {
            if offset + width > shortest {
                continue;
            }
            if let Some(key) = by_columns(records, offset, width)
                && best.as_ref().is_none_or(|old| key.values.len() > old.values.len())
            {
                best = Some(key);
            }
        }
    }
    best
}

fn by_columns(records: &[&[u8]], offset: usize, width: usize) -> Option<Key> {
    let mut values: Vec<Vec<u8>> = Vec::new();
    let mut kind = Vec::with_capacity(records.len());
    for record in records {
        let value = &record[offset..offset + width];
        let at = values.iter().position(|known| known == value).unwrap_or_else(|| {
            values.push(value.to_vec());
            values.len() - 1
        });
        if values.len() > MOST_KINDS {
            return None;
        }
        kind.push(at);
    }
    if values.len() < 2 || values.len() >= records.len() || values.iter().any(|v| v.contains(&b' ')) {
        return None;
    }
    let forms: Vec<Form> = (0..values.len()).map(|of| form(records, &kind, of)).collect();
    let empty = |sorts: &[u8]| {
        sorts.iter().enumerate().all(|(at, sorts)| (offset..offset + width).contains(&at) || *sorts == sort(b' '))
    };
    let mut apart = usize::MAX;
    for (i, a) in forms.iter().enumerate() {
        for b in &forms[i + 1..] {
            let columns = a.apart(b);
            let needed = 3.max(a.sorts.len() / 40);
            // Two kinds that hold nothing but the key look alike and are told apart by it all the same.
            if empty(&a.sorts) && empty(&b.sorts) {
                continue;
            }
            if a.length == b.length && columns < needed {
                return None;
            }
            apart = apart.min(columns);
        }
    }
    (apart != usize::MAX).then_some(Key { offset, width, values, kind, apart })
}

/// What the records of a kind look like.
struct Form {
    /// Records.
    rows: usize,
    /// Bytes of the longest.
    length: usize,
    /// Sorts of bytes that each column has.
    sorts: Vec<u8>,
    /// How many records have which sort there, by bit.
    counts: Vec<[u32; 8]>,
}

fn form(records: &[&[u8]], kind: &[usize], of: usize) -> Form {
    let of_kind: Vec<&&[u8]> = records.iter().zip(kind).filter(|(_, k)| **k == of).map(|(r, _)| r).collect();
    let length = of_kind.iter().map(|record| record.len()).max().unwrap_or(0);
    let mut form = Form { rows: of_kind.len(), length, sorts: vec![0; length], counts: vec![[0; 8]; length] };
    for record in &of_kind {
        for (column, byte) in record.iter().enumerate() {
            let sort = sort(*byte) & !2;
            form.sorts[column] |= sort;
            form.counts[column][sort.trailing_zeros() as usize % 8] += 1;
        }
    }
    form
}

impl Form {
    /// Columns in which the sorts never agree, or with many records seldom do.
    fn apart(&self, other: &Form) -> usize {
        let many = self.rows >= MANY && other.rows >= MANY;
        let part = |count: u32, rows: usize| f64::from(count) / rows.max(1) as f64;
        let seldom = |column: usize| {
            let (a, b) = (&self.counts[column], &other.counts[column]);
            let common: f64 = a.iter().zip(b).map(|(x, y)| part(*x, self.rows).min(part(*y, other.rows))).sum();
            many && common <= SELDOM
        };
        let columns = 0..self.sorts.len().min(other.sorts.len());
        columns.filter(|column| self.sorts[*column] & other.sorts[*column] == 0 || seldom(*column)).count()
    }
}
