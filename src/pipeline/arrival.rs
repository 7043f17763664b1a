//! Which file met which expectation.
//!
//! Owns: that decision, from deadlines and times alone. Never: asks the store or the clock.

use chrono::{DateTime, Utc};

use crate::clock::day_jst;
use crate::store::expectation::{Arrival, Expectation, Standing};

/// Assigns arrivals (in the order in which they came) to the expectations of one interface (by deadline), and finds missing
/// what is over at `now`. Says which expectations changed, by index.
///
/// A file meets the expectation whose deadline comes next after it. Where the one before is still missing, the file is that
/// one's, late, when it came before the next one's day and nearer to the missed deadline than to the next; or when the
/// next one has its file already.
pub fn assign(expected: &mut [Expectation], arrivals: &[Arrival], now: &str) -> Vec<usize> {
    let mut changed = Vec::new();
    for arrival in arrivals {
        let at = expected.partition_point(|e| e.deadline.as_str() < arrival.at.as_str());
        let missed = at.checked_sub(1).filter(|before| expected[*before].exchange.is_none());
        let open = (at < expected.len()).then_some(at).filter(|at| expected[*at].exchange.is_none());
        let index = match (missed, open) {
            (Some(missed), Some(open)) if !belongs_to_missed(&expected[missed], &expected[open], &arrival.at) => open,
            (Some(missed), _) => missed,
            (None, Some(open)) => open,
            (None, None) => continue,
        };
        let e = &mut expected[index];
        e.standing = if arrival.at <= e.deadline { Standing::Met } else { Standing::Late };
        (e.exchange, e.met_at) = (Some(arrival.exchange), Some(arrival.at.clone()));
        changed.push(index);
    }
    for (index, e) in expected.iter_mut().enumerate() {
        if e.standing == Standing::Waiting && e.deadline.as_str() < now {
            (e.standing, e.told_at) = (Standing::Missing, Some(now.to_owned()));
            changed.push(index);
        }
    }
    changed.sort_unstable();
    changed.dedup();
    changed
}

fn belongs_to_missed(missed: &Expectation, open: &Expectation, at: &str) -> bool {
    let seconds = |stamp: &str| stamp.parse::<DateTime<Utc>>().map_or(0, |time| time.timestamp());
    let (before, came, after) = (seconds(&missed.deadline), seconds(at), seconds(&open.deadline));
    day_jst(at) < open.day && came - before < after - came
}

/// Numbers between the first of a period and the greatest seen that were not seen; at most `most`.
pub fn gaps(start: i64, seen: &[i64], most: usize) -> Vec<i64> {
    let mut next = start;
    let mut gaps = Vec::new();
    for number in seen {
        while next < *number && gaps.len() < most {
            gaps.push(next);
            next += 1;
        }
        next = next.max(number.saturating_add(1));
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expectation(deadline: &str) -> Expectation {
        Expectation {
            interface: "a".into(),
            deadline: deadline.into(),
            day: day_jst(deadline),
            title: String::new(),
            contact: String::new(),
            standing: Standing::Waiting,
            exchange: None,
            met_at: None,
            told_at: None,
        }
    }

    /// Deadlines, arrivals, now; then what stands.
    fn stands(deadlines: &[&str], arrivals: &[&str], now: &str) -> String {
        let mut expected: Vec<Expectation> = deadlines.iter().map(|d| expectation(d)).collect();
        let arrivals: Vec<Arrival> = arrivals
            .iter()
            .enumerate()
            .map(|(n, at)| Arrival { exchange: n as i64 + 1, at: (*at).into(), file_name: String::new() })
            .collect();
        // Twice: what is decided stays decided, whichever round sees it.
        let mut seen = 0;
        for stop in [arrivals.len() / 2, arrivals.len()] {
            let until = arrivals.get(stop).map_or(now, |a| a.at.as_str());
            assign(&mut expected, &arrivals[seen..stop], until);
            seen = stop;
        }
        let one = |e: &Expectation| format!("{}{}", e.standing.as_str(), e.exchange.map_or(0, |n| n));
        expected.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_file_meets_the_deadline_that_comes_next() {
        let july = ["2026-07-10T08:00:00Z", "2026-08-10T08:00:00Z"];
        for (arrivals, now, expected) in [
            (&["2026-07-01T00:00:00Z"][..], "2026-07-20T00:00:00Z", "met1 waiting0"),
            (&["2026-07-12T00:00:00Z"], "2026-07-20T00:00:00Z", "late1 waiting0"),
            (&["2026-08-09T00:00:00Z"], "2026-08-20T00:00:00Z", "missing0 met1"),
            (&[], "2026-07-10T08:00:00Z", "waiting0 waiting0"),
            (&[], "2026-07-10T08:00:01Z", "missing0 waiting0"),
            (&["2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z"], "2026-07-20T00:00:00Z", "met1 waiting0"),
        ] {
            assert_eq!(stands(&july, arrivals, now), expected, "{arrivals:?}");
        }
    }

    #[test]
    fn a_day_without_its_file_does_not_make_the_days_after_it_look_late() {
        // Monday and Tuesday until 17:00 in Japan.
        let days = ["2026-07-13T08:00:00Z", "2026-07-14T08:00:00Z"];
        for (arrivals, expected) in [
            (&["2026-07-14T00:00:00Z"][..], "missing0 met1"),
            (&["2026-07-14T00:00:00Z", "2026-07-14T01:00:00Z"], "late2 met1"),
            (&["2026-07-13T09:00:00Z", "2026-07-14T00:00:00Z"], "late1 met2"),
        ] {
            assert_eq!(stands(&days, arrivals, "2026-07-15T00:00:00Z"), expected, "{arrivals:?}");
        }
    }

    #[test]
    fn gaps_are_named_from_the_first_number_on() {
        assert_eq!(gaps(1, &[1, 2, 5], 10), [3, 4]);
        assert_eq!(gaps(1, &[3], 10), [1, 2]);
        assert_eq!(gaps(1, &[1, 1_000_000], 3), [2, 3, 4]);
        assert_eq!(gaps(1, &[], 3), [0i64; 0]);
        assert_eq!(gaps(1, &[1, i64::MAX], 2), [2, 3]);
    }
}
