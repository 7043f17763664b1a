//! UTF-8 and ASCII: text that needs a check and no table.

use super::error::{DecodeError, DecodeErrorKind};

/// Appends the text; a BOM is text like any other.
pub(super) fn decode(bytes: &[u8], out: &mut String) -> Result<(), DecodeError> {
    let error = match simdutf8::compat::from_utf8(bytes) {
        Ok(text) => {
            out.push_str(text);
            return Ok(());
        }
        Err(error) => error,
    };
    let at = error.valid_up_to();
    Err(match error.error_len() {
        None => DecodeError::new(bytes, at, bytes.len() - at, DecodeErrorKind::TruncatedChar),
        Some(_) if !matches!(bytes[at], 0xC2..=0xF4) => DecodeError::new(bytes, at, 1, DecodeErrorKind::NotAllowed),
        // The good part and the byte that broke it.
        Some(good) => DecodeError::new(bytes, at, good + 1, DecodeErrorKind::BadTrail),
    })
}

/// Appends the text; the first byte above 7F is refused.
pub(super) fn decode_ascii(bytes: &[u8], out: &mut String) -> Result<(), DecodeError> {
    match bytes.iter().position(|byte| !byte.is_ascii()) {
        Some(at) => Err(DecodeError::new(bytes, at, 1, DecodeErrorKind::NotAllowed)),
        None => decode(bytes, out),
    }
}

/// The byte of an ASCII character.
pub(super) fn code_ascii(ch: char) -> Option<u16> {
    ch.is_ascii().then_some(u32::from(ch) as u16)
}
