//! The tables of Microsoft's code page 932, built once per process on first use (about a millisecond).
//!
//! Owns: code → character and character → code. Two-byte codes come from `encoding_rs` (WHATWG index, equal to
//! Microsoft's table there); five single bytes and the way back, which it lacks or has otherwise, are set here.
//! Never: best fit. JIS X 0208 is a part of these tables and has none of its own.

use std::sync::LazyLock;

/// First code point of the tags that stand for the 398 second codes: U+F0000 + code (plane 15, private use).
pub(super) const TAG_BASE: u32 = 0xF_0000;

const PAIRS: usize = 0x80 << 8;
const BMP: usize = 0x1_0000;

/// "No character" in [`DecodeTable`], "no code" in [`EncodeTable`]: U+0000 is ASCII and never looked up.
const NONE: char = '\0';

/// Single bytes that Microsoft maps and WHATWG does not (80 is the same in both).
const MICROSOFT_SINGLES: [(u8, char); 4] =
    [(0xA0, '\u{F8F0}'), (0xFD, '\u{F8F1}'), (0xFE, '\u{F8F2}'), (0xFF, '\u{F8F3}')];

/// Code → character.
#[derive(Clone)]
pub(super) struct DecodeTable {
    single: [char; 256],
    /// Indexed by the lead byte without its top bit, then the trail byte.
    pair: Box<[char; PAIRS]>,
}

/// Character of the BMP → code, 0 where there is none.
pub(super) struct EncodeTable {
    code: Box<[u16; BMP]>,
}

/// Both directions of windows-31j.
pub(super) struct Tables {
    pub(super) decode: DecodeTable,
    pub(super) encode: EncodeTable,
}

/// The tables of `windows-31j`.
pub(super) fn windows31j() -> &'static Tables {
    static TABLES: LazyLock<Tables> = LazyLock::new(|| {
        let decode = DecodeTable::windows31j();
        let encode = EncodeTable::of(&decode);
        Tables { decode, encode }
    });
    &TABLES
}

/// The reading table of `windows-31j-exact`: second codes read as tags.
pub(super) fn exact() -> &'static DecodeTable {
    static TABLE: LazyLock<DecodeTable> = LazyLock::new(|| windows31j().decode.tagged());
    &TABLE
}

/// Whether a byte starts a two-byte code, assigned or not.
pub(super) fn is_lead(byte: u8) -> bool {
    matches!(byte, 0x81..=0x9F | 0xE0..=0xFC)
}

/// Whether a byte may end a two-byte code.
pub(super) fn is_trail(byte: u8) -> bool {
    matches!(byte, 0x40..=0x7E | 0x80..=0xFC)
}

impl DecodeTable {
    /// The character of a single byte.
    #[inline]
    pub(super) fn single(&self, byte: u8) -> Option<char> {
        let ch = self.single[usize::from(byte)];
        (ch != NONE || byte == 0).then_some(ch)
    }

    /// The character of a two-byte code; `lead` has its top bit set.
    #[inline]
    pub(super) fn pair(&self, lead: u8, trail: u8) -> Option<char> {
        let ch = self.pair[pair_index(lead, trail)];
        (ch != NONE).then_some(ch)
    }

    fn windows31j() -> Self {
        let mut table = DecodeTable { single: [NONE; 256], pair: filled(NONE) };
        for byte in 0..=0xFF {
            if let Some(ch) = whatwg(&[byte]) {
                table.single[usize::from(byte)] = ch;
            }
        }
        for (byte, ch) in MICROSOFT_SINGLES {
            table.single[usize::from(byte)] = ch;
        }
        for (lead, trail) in pairs() {
            if let Some(ch) = whatwg(&[lead, trail]) {
                table.pair[pair_index(lead, trail)] = ch;
            }
        }
        table
    }

    /// The same table with every code that does not come back replaced by its tag.
    fn tagged(&self) -> Self {
        let mut table = self.clone();
        for (lead, trail) in pairs() {
            let code = u16::from_be_bytes([lead, trail]);
            if is_second_code(code)
                && let Some(tag) = char::from_u32(TAG_BASE + u32::from(code))
            {
                table.pair[pair_index(lead, trail)] = tag;
            }
        }
        table
    }
}

impl EncodeTable {
    /// The code of a character of the BMP, never of an ASCII one: 1 byte below 100, else 2.
    #[inline]
    pub(super) fn code(&self, ch: char) -> Option<u16> {
        let code = *self.code.get(u32::from(ch) as usize)?;
        (code != 0).then_some(code)
    }

    /// Microsoft's choice among several codes of one character: the lowest (JIS, then NEC row 13, then IBM FA–FC),
    /// the NEC-selected rows ED and EE last.
    fn of(decode: &DecodeTable) -> Self {
        let mut code: Box<[u16; BMP]> = filled(0);
        for byte in 0x01..=0xFF {
            if let Some(ch) = decode.single(byte) {
                code[u32::from(ch) as usize] = u16::from(byte);
            }
        }
        let (selected, others): (Vec<_>, Vec<_>) = pairs().partition(|(lead, _)| matches!(lead, 0xED | 0xEE));
        for (lead, trail) in others.into_iter().chain(selected) {
            if let Some(ch) = decode.pair(lead, trail) {
                let slot = &mut code[u32::from(ch) as usize];
                if *slot == 0 {
                    *slot = u16::from_be_bytes([lead, trail]);
                }
            }
        }
        EncodeTable { code }
    }
}

/// Whether a two-byte code is assigned but its character is written with another code (398 of them).
pub(super) fn is_second_code(code: u16) -> bool {
    character(code).is_some_and(|ch| windows31j().encode.code(ch) != Some(code))
}

/// The character of a two-byte code of windows-31j.
pub(super) fn character(code: u16) -> Option<char> {
    let [lead, trail] = code.to_be_bytes();
    is_lead(lead).then(|| windows31j().decode.pair(lead, trail)).flatten()
}

/// Every two-byte code by form, ascending.
pub(super) fn pairs() -> impl Iterator<Item = (u8, u8)> {
    let leads = (0..=0xFF).filter(|&byte| is_lead(byte));
    leads.flat_map(|lead| (0..=0xFF).filter(|&byte| is_trail(byte)).map(move |trail| (lead, trail)))
}

#[inline]
fn pair_index(lead: u8, trail: u8) -> usize {
    usize::from(lead & 0x7F) << 8 | usize::from(trail)
}

/// A table on the heap from the start: it would be large for a stack.
fn filled<T: Copy, const N: usize>(value: T) -> Box<[T; N]> {
    vec![value; N].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!("made with N elements"))
}

/// The single character `encoding_rs` reads from the bytes, if they are exactly one.
fn whatwg(bytes: &[u8]) -> Option<char> {
    let mut buffer = [0u8; 16];
    let mut decoder = encoding_rs::SHIFT_JIS.new_decoder_without_bom_handling();
    let (result, read, written) = decoder.decode_to_utf8_without_replacement(bytes, &mut buffer, true);
    if result != encoding_rs::DecoderResult::InputEmpty || read != bytes.len() {
        return None;
    }
    let mut chars = std::str::from_utf8(&buffer[..written]).ok()?.chars();
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}
