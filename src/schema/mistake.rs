//! Codes of mistakes in declarative files, and the search for the name that was meant.
//!
//! Owns: the closed list of `rule-…` codes. Never: the texts of the catalogue (`finding_catalogue.toml`).

/// The file cannot be read, is no UTF-8 or too large.
pub const UNREADABLE: &str = "rule-unreadable";
/// Broken TOML, CSV or content model syntax.
pub const SYNTAX: &str = "rule-syntax";
/// A key nobody asked for.
pub const UNKNOWN_KEY: &str = "rule-unknown-key";
/// A key that must be there is not.
pub const MISSING_KEY: &str = "rule-missing-key";
/// A value of another TOML type than expected.
pub const WRONG_TYPE: &str = "rule-wrong-type";
/// A value out of its range or word list.
pub const BAD_VALUE: &str = "rule-bad-value";
/// A name that is declared nowhere.
pub const UNKNOWN_NAME: &str = "rule-unknown-name";
/// The same name twice.
pub const DUPLICATE: &str = "rule-duplicate";
/// Lengths that do not add up or content that does not fit.
pub const LENGTH: &str = "rule-length";
/// A byte that is part of other characters, or a type its charset cannot hold.
pub const CHARSET: &str = "rule-charset";
/// Records that cannot be told apart, or an order no file can have.
pub const ORDER: &str = "rule-order";
/// A control total that names nothing countable.
pub const TOTAL: &str = "rule-total";
/// An expression that does not parse or type.
pub const EXPRESSION: &str = "rule-expression";
/// SQL that is not one portable SELECT.
pub const SQL: &str = "rule-sql";
/// An expression or column of the wrong type for its target.
pub const TYPE: &str = "rule-type";
/// Something that must be mapped is not.
pub const NOT_MAPPED: &str = "rule-not-mapped";
/// Views or interfaces that wait for each other.
pub const CYCLE: &str = "rule-cycle";
/// Declared but used by nobody (a warning).
pub const UNUSED: &str = "rule-unused";
/// Something protected would show, or be carried to where its protection is lost.
pub const GUARD: &str = "rule-guard";

/// The candidate most like `name`, if one is near enough to have been meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    let limit = (length / 3).max(1);
    let others: Vec<&str> = candidates.into_iter().filter(|candidate| *candidate != name).collect();
    if let Some(same) = others.iter().find(|candidate| candidate.eq_ignore_ascii_case(name)) {
        return Some(same);
    }
    others
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count().max(length))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Hint for an unknown name: the one that was meant, else the list of what there is (at most twelve).
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let mut all: Vec<&str> = candidates.into_iter().collect();
    if let Some(found) = nearest(name, all.iter().copied()) {
        return format!("「{found}」ではありませんか");
    }
    all.sort_unstable();
    all.dedup();
    match all.len() {
        0 => String::new(),
        1..=12 => format!("使えるのは {} です", all.join("、")),
        n => format!("使えるのは {} ほか全{n}件です", all[..12].join("、")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_character_is_recognised_and_a_stranger_is_not() {
        let names = ["宛名番号", "世帯番号", "separator"];
        assert_eq!(nearest("宛名番", names), Some("宛名番号"));
        assert_eq!(nearest("seperator", names), Some("separator"));
        assert_eq!(nearest("金額", names), None);
        assert_eq!(nearest("C", ["X", "K", "S9"]), None);
        assert_eq!(nearest("n", ["X", "K", "N"]), Some("N"));
    }
}
