//! windows-31j and windows-31j-exact over the tables of [`super::table`].
//!
//! Owns: reading byte by byte, the tags of the exact variant and their plain form.
//! Never: a table of its own.

use std::borrow::Cow;

use super::error::{DecodeError, DecodeErrorKind};
use super::table::{self, DecodeTable, TAG_BASE, is_lead, is_second_code, is_trail};

/// Appends the text; on an error `out` holds what came before it. True when it was all of two-byte codes.
pub(super) fn decode(table: &DecodeTable, bytes: &[u8], out: &mut String) -> Result<bool, DecodeError> {
    // Enough for kanji (2 bytes to 3) and ASCII; half-width kana (1 to 3) may grow it once more.
    out.reserve(bytes.len() + bytes.len() / 2);
    let mut at = 0;
    let mut wide = true;
    while let Some(&byte) = bytes.get(at) {
        // No lead byte is a character of its own, so the order of the questions is free: the likeliest comes first.
        if byte >= 0x80
            && let Some(ch) = bytes.get(at + 1).and_then(|&trail| table.pair(byte, trail))
        {
            out.push(ch);
            at += 2;
            continue;
        }
        wide = false;
        match table.single(byte) {
            Some(ch) => out.push(ch),
            None => return Err(refuse(bytes, at)),
        }
        at += 1;
    }
    Ok(wide)
}

/// Says why no character starts at `at`.
#[cold]
fn refuse(bytes: &[u8], at: usize) -> DecodeError {
    match bytes.get(at + 1) {
        _ if !is_lead(bytes[at]) => DecodeError::new(bytes, at, 1, DecodeErrorKind::NotAllowed),
        None => DecodeError::new(bytes, at, 1, DecodeErrorKind::TruncatedChar),
        Some(&trail) if !is_trail(trail) => DecodeError::new(bytes, at, 2, DecodeErrorKind::BadTrail),
        Some(_) => DecodeError::new(bytes, at, 2, DecodeErrorKind::Unassigned),
    }
}

/// The function from a character to its code, tags of the exact variant included.
pub(super) fn coder() -> impl Fn(char) -> Option<u16> {
    let encode = &table::windows31j().encode;
    move |ch| {
        if ch.is_ascii() { Some(u32::from(ch) as u16) } else { encode.code(ch).or_else(|| tag_code(ch)) }
    }
}

/// The second code a tag stands for.
fn tag_code(ch: char) -> Option<u16> {
    let code = u16::try_from(u32::from(ch).checked_sub(TAG_BASE)?).ok()?;
    is_second_code(code).then_some(code)
}

/// The text for people: every tag of `windows-31j-exact` becomes the ordinary character, all else stays.
pub fn plain(text: &str) -> Cow<'_, str> {
    // Every character of plane 15 starts with F3 in UTF-8; without one there is nothing to do.
    if memchr::memchr(0xF3, text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let ordinary = |ch| tag_code(ch).and_then(table::character).unwrap_or(ch);
    Cow::Owned(text.chars().map(ordinary).collect())
}
