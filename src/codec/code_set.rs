//! Allowed codes of a field.
//!
//! Owns: the look-up. Never: the tables (`schema`) or what an unknown code means.

use crate::schema::layout::CodeList;

/// Allowed codes, made for a quick look.
#[derive(Debug, Clone)]
pub(super) enum CodeSet {
    /// All of one ASCII character: the bit of each.
    Single(u128),
    /// All of at most 8 bytes, packed and sorted.
    Short(Vec<u64>),
    /// Sorted.
    Long(Vec<String>),
}

impl CodeSet {
    pub fn new(list: &CodeList) -> Self {
        let codes = || list.entries.iter().map(|(code, _)| code);
        let single = |code: &String| match code.as_bytes() {
            [byte] if byte.is_ascii() => Some(1u128 << byte),
            _ => None,
        };
        if let Some(bits) = codes().map(single).try_fold(0, |bits, bit| Some(bits | bit?)) {
            return CodeSet::Single(bits);
        }
        match codes().map(|code| pack(code)).collect::<Option<Vec<_>>>() {
            Some(mut packed) => {
                packed.sort_unstable();
                CodeSet::Short(packed)
            }
            None => {
                let mut long: Vec<String> = codes().cloned().collect();
                long.sort_unstable();
                CodeSet::Long(long)
            }
        }
    }

    /// Is this one of the codes?
    #[inline]
    pub fn has(&self, text: &str) -> bool {
        match self {
            CodeSet::Single(bits) => matches!(text.as_bytes(), [byte] if byte.is_ascii() && bits >> byte & 1 == 1),
            CodeSet::Short(codes) => pack(text).is_some_and(|code| codes.binary_search(&code).is_ok()),
            CodeSet::Long(codes) => codes.binary_search_by(|code| code.as_str().cmp(text)).is_ok(),
        }
    }
}

/// Up to 8 bytes as a number. Content holds no NUL, so different texts give different numbers.
fn pack(text: &str) -> Option<u64> {
    (text.len() <= 8).then(|| text.bytes().fold(0, |sum, byte| sum << 8 | u64::from(byte)))
}
