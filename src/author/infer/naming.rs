//! Names for record kinds and items that a sample does not name.
//!
//! Owns: the words. Never: guesses what an item means.

/// Names of record kinds from how they stand in the file; `leading` first kinds are blocks of their own.
pub fn kinds(sequence: &[usize], count: usize, leading: usize) -> Vec<String> {
    let occurs = |kind: usize| sequence.iter().filter(|k| **k == kind).count();
    let main = (leading..count).max_by_key(|kind| occurs(*kind)).unwrap_or(0);
    let first = |kind: usize| sequence.iter().position(|k| *k == kind).unwrap_or(0);
    let mut names = vec![String::new(); count];
    let (mut before, mut after) = (0, 0);
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|kind| first(*kind));
    for kind in order {
        names[kind] = if kind < leading {
            if leading == 1 { "先頭".to_owned() } else { format!("先頭{}", kind + 1) }
        } else if kind == main {
            "データ".to_owned()
        } else if first(kind) < first(main) {
            before += 1;
            if before == 1 { "ヘッダ".to_owned() } else { format!("ヘッダ{before}") }
        } else if sequence.last() == Some(&kind) && after > 0 && occurs(kind) == 1 {
            "エンド".to_owned()
        } else {
            after += 1;
            if after == 1 { "トレーラ".to_owned() } else { format!("トレーラ{after}") }
        };
    }
    names
}

/// `項目07`.
pub fn item(at: usize, of: usize) -> String {
    let digits = of.to_string().len().max(2);
    format!("項目{:0digits$}", at + 1)
}
