//! Records without line ends whose kinds differ in length: long runs of one kind, and what lies between them.
//!
//! Owns: the search for the column where records begin, and the lengths of what stands between the runs. Never: cuts a
//! file that it cannot cut to its last byte.

use std::cmp::Reverse;

use super::key::alike;

/// Records of a run that are laid over each other at first.
const FIRST: usize = 4;
/// Most records that are laid over each other to either side.
const LAID: usize = 60;
/// Most columns that are looked at as the first, and bytes at the front of the file on which they are compared.
const STARTS: usize = 48;
const FRONT: usize = 128 << 10;
/// Most of them with which the whole file is cut.
const TRIED: usize = 6;
/// Places that are tried for the first records of the run.
const PLACES: usize = 256;
/// Most steady columns of one sort that are compared.
const STEADY: usize = 96;
/// Part of the steady columns, in percent, in which a record of the run may be otherwise: of those with content, and of
/// those with padding, which a longer text fills.
const ODD: [usize; 2] = [40, 60];

/// The file cut up.
#[derive(Debug, PartialEq, Eq)]
pub struct Mixed {
    /// First byte and length of each record.
    pub records: Vec<(usize, usize)>,
    /// Bytes before the first of them.
    pub lead: usize,
    /// Lengths of what precedes and what follows a run.
    pub around: (usize, usize),
}

/// Columns of the run that have one byte in all its records.
struct Profile {
    period: usize,
    columns: Vec<(usize, u8)>,
    /// Some of them: column, byte, and whether it is padding. A record of little else would have most of that.
    compared: Vec<(usize, u8, usize)>,
    /// How many of each sort are compared.
    sorts: [usize; 2],
}

impl Profile {
    /// Is there a record of the run at `at`?
    fn fits(&self, bytes: &[u8], at: usize) -> bool {
        if at + self.period > bytes.len() {
            return false;
        }
        let mut wrong = [0; 2];
        self.compared.iter().all(|(column, byte, sort)| {
            wrong[*sort] += usize::from(bytes[at + column] != *byte);
            wrong[*sort] * 100 <= self.sorts[*sort] * ODD[*sort]
        })
    }

    fn of(bytes: &[u8], period: usize, starts: &[usize]) -> Profile {
        let steady = |column: &usize| starts.iter().all(|at| bytes[at + column] == bytes[starts[0] + column]);
        let among = if starts.is_empty() { 0 } else { period };
        let columns: Vec<_> = (0..among).filter(steady).map(|column| (column, bytes[starts[0] + column])).collect();
        let (mut compared, mut sorts) = (Vec::new(), [0; 2]);
        for (sort, many) in sorts.iter_mut().enumerate() {
            let of_sort = columns.iter().filter(|(_, byte)| usize::from(matches!(byte, b' ' | b'!')) == sort);
            let step = of_sort.clone().count().div_ceil(STEADY).max(1);
            let some = of_sort.step_by(step).map(|(column, byte)| (*column, *byte, sort));
            compared.extend(some);
            *many = compared.iter().filter(|(.., of)| *of == sort).count();
        }
        Profile { period, columns, compared, sorts }
    }
}

/// Cuts the file; `None` when its records do not come in runs of one length with others between them, or when that says
/// no more than records of the one length from `lead` to the end do.
pub fn cut(bytes: &[u8], period: usize, lead: usize) -> Option<Mixed> {
    let run = run(bytes, period)?;
    let columns = starts(bytes, period, &run);
    // Where it is the key indeed, most of the file is of the common length.
    let common = |found: &Mixed| found.records.iter().filter(|(_, len)| *len == period).count();
    let found = columns.into_iter().filter_map(|column| from(bytes, period, run[0] + column));
    let found = found.min_by_key(|found| Reverse(common(found)))?;
    let plain = found.around == (period, period) && found.lead == lead;
    let in_step = in_step(bytes, period, lead, &run);
    let better = in_step * 20 < common(&found) * 19 || !may_begin(bytes, period, lead, &run);
    (better && !plain).then_some(found)
}

/// Columns of the run where its records may begin: with their key, after the filler of the one before; those first with
/// which most records at the front of the file begin.
fn starts(bytes: &[u8], period: usize, run: &[usize]) -> Vec<usize> {
    let cyclic = Profile::of(bytes, period, run);
    let mut steady = vec![None; period];
    cyclic.columns.iter().for_each(|(column, byte)| steady[*column] = Some(*byte));
    let begins = |column: &usize| {
        let before = steady[(column + period - 1) % period];
        steady[*column].is_some_and(|key: u8| key.is_ascii_alphanumeric()) && before == Some(b' ')
    };
    let front = &bytes[..bytes.len().min(FRONT)];
    let mut found: Vec<(usize, usize)> = (0..period)
        .filter(begins)
        .take(STARTS)
        .map(|column| {
            let profile = Profile::of(bytes, period, &shifted(bytes, period, run, column));
            let of_run = |(start, end): (usize, usize)| (end - start) / period;
            (column, runs(front, bytes[run[0] + column], &profile).into_iter().map(of_run).sum())
        })
        .collect();
    found.sort_by_key(|(_, records)| Reverse(*records));
    found.into_iter().map(|(column, _)| column).take(TRIED).collect()
}

/// The run with its records beginning so many columns later.
fn shifted(bytes: &[u8], period: usize, run: &[usize], by: usize) -> Vec<usize> {
    run.iter().map(|at| at + by).filter(|at| at + period <= bytes.len()).collect()
}

/// Records like those of the run, if all of the file from `lead` on is of their length.
fn in_step(bytes: &[u8], period: usize, lead: usize, run: &[usize]) -> usize {
    let by = (lead + period - run[0] % period) % period;
    let profile = Profile::of(bytes, period, &shifted(bytes, period, run, by));
    (lead..bytes.len()).step_by(period).filter(|at| profile.fits(bytes, *at)).count()
}

/// Can records of the common length begin at `lead`? Only where a byte stands that is always the same, and not amid
/// others that are.
fn may_begin(bytes: &[u8], period: usize, lead: usize, run: &[usize]) -> bool {
    let column = (lead + period - run[0] % period) % period;
    let steady = |column: usize| {
        let first = bytes[run[0] + column];
        let same = run.iter().all(|at| bytes.get(at + column).is_none_or(|byte| *byte == first));
        (same && first != b' ').then_some(first)
    };
    steady(column).is_some() && steady((column + period - 1) % period).is_none()
}

/// Starts of blocks that follow each other and are most alike.
fn run(bytes: &[u8], period: usize) -> Option<Vec<usize>> {
    let last = bytes.len().checked_sub(period * FIRST)?;
    let step = (last / PLACES).max(period / 2).max(1);
    // Where one sort of bytes ends and another begins: blanks would agree with any blanks.
    let turns = |i: usize| i > 0 && !alike(bytes[i - 1], bytes[i]);
    let same = |i: usize| turns(i) && turns(i + period) && alike(bytes[i], bytes[i + period]);
    let agree = |at: &usize| (*at..at + period * (FIRST - 1)).filter(|i| same(*i)).count();
    let best = (0..=last).step_by(step).max_by_key(agree)?;
    let mut starts: Vec<usize> = (0..FIRST).map(|k| best + k * period).collect();
    let mut profile = Profile::of(bytes, period, &starts);
    while let Some(next) = Some(starts[starts.len() - 1] + period).filter(|at| profile.fits(bytes, *at)) {
        starts.push(next);
        if starts.len() >= LAID {
            break;
        }
        profile = Profile::of(bytes, period, &starts);
    }
    while let Some(before) = starts[0].checked_sub(period).filter(|at| profile.fits(bytes, *at)) {
        starts.insert(0, before);
        if starts.len() >= 2 * LAID {
            break;
        }
        profile = Profile::of(bytes, period, &starts);
    }
    // Its ends may lie in other records.
    Some(starts[1..starts.len() - 1].to_vec())
}

/// Cuts with a record of the run known to begin at `start`.
fn from(bytes: &[u8], period: usize, start: usize) -> Option<Mixed> {
    let key = bytes[start];
    let few: Vec<usize> = (0..40).map(|k| start + k * period).take_while(|at| at + period <= bytes.len()).collect();
    let few: Vec<usize> = few.into_iter().take_while(|at| bytes[*at] == key).collect();
    if few.len() < 2 {
        return None;
    }
    // What a few have in common by chance, more of them have not.
    let found = runs(bytes, key, &Profile::of(bytes, period, &few));
    let more = found.iter().flat_map(|(start, end)| (*start..*end).step_by(period)).take(4 * LAID);
    let profile = Profile::of(bytes, period, &more.collect::<Vec<_>>());
    if profile.columns.len() < 8 {
        return None;
    }
    around(bytes, period, &runs(bytes, key, &profile))
}

/// First byte and end of each run of records that begin with the key and fit.
fn runs(bytes: &[u8], key: u8, profile: &Profile) -> Vec<(usize, usize)> {
    let is = |at: usize| bytes.get(at) == Some(&key) && profile.fits(bytes, at);
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    while let Some(first) = (at..bytes.len()).find(|at| is(*at)) {
        let mut end = first;
        while is(end) {
            end += profile.period;
        }
        runs.push((first, end));
        at = end;
    }
    runs
}

/// What precedes and what follows each run: the same kinds everywhere, once or, where nothing stood between them, again.
fn around(bytes: &[u8], period: usize, runs: &[(usize, usize)]) -> Option<Mixed> {
    let (first, last) = (runs.first()?.0, runs.last()?.1);
    let key = bytes[first];
    let both = runs.windows(2).map(|pair| pair[1].0 - pair[0].1).min();
    let rest = bytes.len() - last;
    let after = both.map_or(rest, |both| rest % both);
    let before = both.map_or(rest, |both| both - after);
    if after == 0 || before == 0 {
        return None;
    }
    let (head, tail) = (*bytes.get(first.checked_sub(before)?)?, *bytes.get(last)?);
    let marks = |at: usize, mark: u8| bytes.get(at) == Some(&mark) && mark != key && mark.is_ascii_alphanumeric();
    // The kinds by turns, from `at` to `end`.
    let turns = |mut at: usize, end: usize, mut leads: bool| {
        let mut found = Vec::new();
        while at < end {
            let (len, mark) = if leads { (before, head) } else { (after, tail) };
            if !marks(at, mark) || at + len > end {
                return None;
            }
            found.push((at, len));
            (at, leads) = (at + len, !leads);
        }
        Some(found)
    };
    let mut begin = first - before;
    while begin >= before + after && marks(begin - after, tail) && marks(begin - after - before, head) {
        begin -= before + after;
    }
    let mut records = turns(begin, first, true)?;
    for (at, (start, end)) in runs.iter().enumerate() {
        records.extend((*start..*end).step_by(period).map(|at| (at, period)));
        let next = runs.get(at + 1).map_or(bytes.len(), |next| next.0);
        records.extend(turns(*end, next, false)?);
    }
    Some(Mixed { records, lead: begin, around: (before, after) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_length_between_records_of_others_are_cut_to_the_last_byte() {
        let mut bytes = b"12345   ".to_vec();
        let mut expected = Vec::new();
        let mut add = |bytes: &mut Vec<u8>, text: String, len: usize| {
            expected.push((bytes.len(), len));
            bytes.extend(format!("{text:<len$}").bytes());
        };
        for group in 0..3 {
            add(&mut bytes, "1AB".to_owned(), 20);
            if group == 1 {
                // Nothing between them.
                add(&mut bytes, "3AB 00000".to_owned(), 24);
                add(&mut bytes, "1AB".to_owned(), 20);
            }
            for at in 0..9 {
                add(&mut bytes, format!("2AB{:05} X", at * 7919 % 99999 + group), 30);
            }
            add(&mut bytes, "3AB 00009".to_owned(), 24);
        }
        let found = cut(&bytes, 30, bytes.len() % 30).unwrap();
        assert_eq!((found.records, found.lead, found.around), (expected, 8, (20, 24)));
    }

    #[test]
    fn records_of_one_length_are_left_alone() {
        let bytes: Vec<u8> = (0..50).flat_map(|at| format!("2AB{at:05} X      ").into_bytes()).collect();
        assert_eq!(cut(&bytes, 16, 0), None);
    }
}
