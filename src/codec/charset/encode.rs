//! Writing for every charset that has codes of one or two bytes: the charset gives the code, this the bytes.

use super::error::EncodeError;

/// Appends the bytes of `text`: a code below 100 as one byte, any other as two, high byte first.
///
/// # Errors
/// The first character without a code; `out` is then as before.
pub(super) fn append(text: &str, out: &mut Vec<u8>, code: impl Fn(char) -> Option<u16>) -> Result<(), EncodeError> {
    let before = out.len();
    out.reserve(text.len());
    for (char_index, ch) in text.chars().enumerate() {
        match code(ch) {
            Some(one @ 0..=0xFF) => out.push(one as u8),
            Some(two) => out.extend_from_slice(&two.to_be_bytes()),
            None => {
                out.truncate(before);
                return Err(EncodeError { char_index, ch });
            }
        }
    }
    Ok(())
}

/// How many bytes [`append`] would add.
///
/// # Errors
/// The first character without a code.
pub(super) fn len(text: &str, code: impl Fn(char) -> Option<u16>) -> Result<usize, EncodeError> {
    let mut total = 0;
    for (char_index, ch) in text.chars().enumerate() {
        total += match code(ch) {
            Some(0..=0xFF) => 1,
            Some(_) => 2,
            None => return Err(EncodeError { char_index, ch }),
        };
    }
    Ok(total)
}
