//! JIS X 0201 (8-bit, one byte) and JIS X 0208 (7-bit, two bytes).
//!
//! Owns: the arithmetic between JIS rows and windows-31j codes. Never: escape sequences (they are fields of a
//! layout), controls, or the vendor rows 9–15 and 85–94.

use super::error::{DecodeError, DecodeErrorKind};
use super::table;

/// What U+FF61 is above its byte A1.
const KANA_SHIFT: u32 = 0xFF61 - 0xA1;

/// Appends the text; on an error `out` holds what came before it.
pub(super) fn decode_0201(bytes: &[u8], out: &mut String) -> Result<(), DecodeError> {
    out.reserve(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            0x20..=0x7E => out.push(char::from(byte)),
            0xA1..=0xDF => out.extend(char::from_u32(u32::from(byte) + KANA_SHIFT)),
            _ => {
                return Err(DecodeError::new(bytes, at, 1, DecodeErrorKind::NotAllowed));
            }
        }
    }
    Ok(())
}

/// The byte of a character of JIS X 0201.
pub(super) fn code_0201(ch: char) -> Option<u16> {
    match u32::from(ch) {
        ascii @ 0x20..=0x7E => u16::try_from(ascii).ok(),
        kana @ 0xFF61..=0xFF9F => u16::try_from(kana - KANA_SHIFT).ok(),
        _ => None,
    }
}

/// Appends the text; on an error `out` holds what came before it.
pub(super) fn decode_0208(bytes: &[u8], out: &mut String) -> Result<(), DecodeError> {
    let decode = &table::windows31j().decode;
    out.reserve(bytes.len() + bytes.len() / 2);
    let mut at = 0;
    while let Some(&first) = bytes.get(at) {
        let refuse = |len, kind| Err(DecodeError::new(bytes, at, len, kind));
        if !is_half(first) {
            return refuse(1, DecodeErrorKind::NotAllowed);
        }
        let Some(&second) = bytes.get(at + 1) else {
            return refuse(1, DecodeErrorKind::TruncatedChar);
        };
        if !is_half(second) {
            return refuse(2, DecodeErrorKind::BadTrail);
        }
        let found = windows_code(first, second).and_then(|[lead, trail]| decode.pair(lead, trail));
        let Some(ch) = found else {
            return refuse(2, DecodeErrorKind::Unassigned);
        };
        out.push(ch);
        at += 2;
    }
    Ok(())
}

/// The function from a character to its JIS X 0208 code. Every character of JIS X 0208 has its JIS code as first
/// choice in windows-31j, so that table serves.
pub(super) fn coder_0208() -> impl Fn(char) -> Option<u16> {
    let encode = &table::windows31j().encode;
    move |ch| jis_code(encode.code(ch)?)
}

fn is_half(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7E)
}

fn is_standard_row(row: u8) -> bool {
    matches!(row, 1..=8 | 16..=84)
}

/// The windows-31j bytes of a JIS code whose two bytes are 21–7E: two rows share a lead byte.
fn windows_code(first: u8, second: u8) -> Option<[u8; 2]> {
    let (row, cell) = (first - 0x20, second - 0x20);
    if !is_standard_row(row) {
        return None;
    }
    let lead = (row - 1) / 2 + if row <= 62 { 0x81 } else { 0xC1 };
    let trail = match (row % 2 == 1, cell) {
        (true, 1..=63) => cell + 0x3F,
        (true, _) => cell + 0x40, // 7F is skipped
        (false, _) => cell + 0x9E,
    };
    Some([lead, trail])
}

/// The JIS code of a windows-31j code, if it lies in a row of the standard.
fn jis_code(code: u16) -> Option<u16> {
    let [lead, trail] = code.to_be_bytes();
    let upper_row = match lead {
        0x81..=0x9F => (lead - 0x81) * 2 + 1,
        0xE0..=0xEA => (lead - 0xC1) * 2 + 1,
        _ => return None,
    };
    let (row, cell) = match trail {
        0x40..=0x7E => (upper_row, trail - 0x3F),
        0x80..=0x9E => (upper_row, trail - 0x40),
        0x9F..=0xFC => (upper_row + 1, trail - 0x9E),
        _ => return None,
    };
    is_standard_row(row).then(|| u16::from_be_bytes([row + 0x20, cell + 0x20]))
}
