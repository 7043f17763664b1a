//! The content model of a sequence of record kinds.
//!
//! Owns: the shapes that are recognised: what stands once at the start, groups that repeat, what ends the file.
//! Never: invents an order that the sample contradicts; without a pattern any kind may follow any.

/// `order` of a layout for kinds as they came, by their names.
pub fn order(sequence: &[usize], names: &[String]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for kind in sequence {
        match runs.last_mut() {
            Some((last, count)) if last == kind => *count += 1,
            _ => runs.push((*kind, 1)),
        }
    }
    let many = |kind: usize| runs.iter().any(|(k, count)| *k == kind && *count > 1);
    let times = |kind: usize| runs.iter().filter(|(k, _)| *k == kind).count();
    let word = |kind: usize| format!("{}{}", names[kind], if many(kind) { "*" } else { "" });
    let first = runs.iter().position(|(kind, _)| times(*kind) > 1);
    let Some(first) = first else {
        return runs.iter().map(|(kind, _)| word(*kind)).collect::<Vec<_>>().join(" ");
    };
    let last = runs.iter().rposition(|(kind, _)| times(*kind) > 1).unwrap_or(first);
    let before: Vec<String> = runs[..first].iter().map(|(kind, _)| word(*kind)).collect();
    let after: Vec<String> = runs[last + 1..].iter().map(|(kind, _)| word(*kind)).collect();
    let middle = group(&runs[first..=last], names).unwrap_or_else(|| {
        let mut kinds: Vec<usize> = runs[first..=last].iter().map(|(kind, _)| *kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        format!("({})*", kinds.iter().map(|kind| names[*kind].as_str()).collect::<Vec<_>>().join(" | "))
    });
    [before, vec![middle], after].concat().join(" ")
}

/// A group that begins with its first kind each time: `(a b* c)+`.
fn group(runs: &[(usize, usize)], names: &[String]) -> Option<String> {
    let head = runs.first()?.0;
    let mut kinds: Vec<usize> = Vec::new();
    for (kind, _) in runs {
        if !kinds.contains(kind) {
            kinds.push(*kind);
        }
    }
    let cycles: Vec<&[(usize, usize)]> = {
        let starts: Vec<usize> = (0..runs.len()).filter(|at| runs[*at].0 == head).collect();
        let ends = starts.iter().skip(1).copied().chain([runs.len()]);
        starts.iter().zip(ends).map(|(a, b)| &runs[*a..b]).collect()
    };
    // The fullest cycle tells the order inside.
    let fullest = cycles.iter().max_by_key(|cycle| cycle.len())?;
    let inside: Vec<usize> = fullest.iter().map(|(kind, _)| *kind).collect();
    let distinct = inside.iter().enumerate().all(|(at, kind)| !inside[..at].contains(kind));
    if !distinct || inside.len() != kinds.len() {
        return None;
    }
    // An order that was seen once may be chance.
    let place = |cycle: &[(usize, usize)], kind: usize| cycle.iter().position(|(k, _)| *k == kind);
    let seen = |pair: &[usize]| {
        let both = |cycle: &&&[(usize, usize)]| place(cycle, pair[0]).is_some() && place(cycle, pair[1]).is_some();
        cycles.iter().filter(both).count()
    };
    if inside.windows(2).any(|pair| seen(pair) < 2) {
        return None;
    }
    let mut words = Vec::new();
    for kind in &inside {
        let of = |cycle: &&[(usize, usize)]| cycle.iter().find(|(k, _)| k == kind).map_or(0, |(_, count)| *count);
        let counts: Vec<usize> = cycles.iter().map(of).collect();
        let mark = if counts.iter().any(|count| *count > 1) {
            "*"
        } else if counts.contains(&0) {
            "?"
        } else {
            ""
        };
        words.push(format!("{}{mark}", names[*kind]));
    }
    let in_order = cycles.iter().all(|cycle| {
        let places: Vec<Option<usize>> = cycle.iter().map(|(kind, _)| inside.iter().position(|k| k == kind)).collect();
        places.windows(2).all(|pair| pair[0] < pair[1])
    });
    in_order.then(|| format!("({})+", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn groups_and_ends_are_recognised_and_chaos_is_said() {
        let names: Vec<String> = ["h", "d", "t", "e", "m"].iter().map(ToString::to_string).collect();
        assert_eq!(order(&[1, 1, 1], &names), "d*");
        assert_eq!(order(&[0, 1, 1, 2], &names), "h d* t");
        assert_eq!(order(&[4, 0, 1, 1, 2, 0, 2, 0, 1, 2, 3], &names), "m (h d* t)+ e");
        assert_eq!(order(&[0, 1, 0, 2, 1, 0], &names), "(h | d | t)*");
    }
}
