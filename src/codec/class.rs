//! Classes of bytes: bits that, or-ed over a content, answer most questions about ASCII at once.
//!
//! Owns: the table. Never: judges.

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
