//! Classes of bytes: bits that, or-ed over a content, answer most questions about ASCII at once.
//!
//! Owns: the table, and what is half-width. Never: judges.

/// 80–FF.
pub const NON_ASCII: u8 = 1;
/// 00–1F without CR and LF, and 7F.
pub const CONTROL: u8 = 2;
/// CR or LF.
pub const BREAK: u8 = 4;
/// Anything but 0–9.
pub const NOT_DIGIT: u8 = 8;
/// a–z.
pub const LOWER: u8 = 16;
/// Ends a run of bytes (delimited files).
pub const STOP: u8 = 32;
/// Holds a doubled quote (set by the splitter, never in the table).
pub const ESCAPED: u8 = 64;
/// Decoded from two-byte codes alone: holds nothing half-width and nothing odd (set on decoding, never in the table).
pub const WIDE: u8 = 128;

/// Class of each byte, without [`STOP`].
pub const TABLE: [u8; 256] = table();

const fn table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => 0,
            b'a'..=b'z' => NOT_DIGIT | LOWER,
            b'\r' | b'\n' => NOT_DIGIT | BREAK,
            0..=0x1F | 0x7F => NOT_DIGIT | CONTROL,
            0x80..=0xFF => NOT_DIGIT | NON_ASCII,
            _ => NOT_DIGIT,
        };
        byte += 1;
    }
    table
}

/// All classes of the bytes, or-ed.
pub fn of(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |all, byte| all | TABLE[usize::from(*byte)])
}

/// ASCII and half-width kana.
pub fn is_half(ch: char) -> bool {
    ch.is_ascii() || matches!(ch, '\u{FF61}'..='\u{FF9F}')
}

/// The first half-width character, line ends aside.
pub fn half_in(text: &str) -> Option<char> {
    // Most text has neither ASCII nor half-width kana (in UTF-8 EF BD A1 to EF BE 9F): seen without decoding it.
    let bytes = text.as_bytes();
    let ascii = bytes.iter().fold(0x80, |all, byte| all & byte) == 0;
    let kana = |at: usize| matches!(bytes[at + 1..], [0xBD, 0xA1..=0xFF, ..] | [0xBE, 0x80..=0x9F, ..]);
    if !ascii && !memchr::memchr_iter(0xEF, bytes).any(kana) {
        return None;
    }
    text.chars().find(|ch| is_half(*ch) && !matches!(ch, '\r' | '\n'))
}
