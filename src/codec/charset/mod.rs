//! Strict character sets: bytes to text and back, with nothing lost, repaired or guessed on the way.
//!
//! Owns: the closed list of character sets a layout may name, their tables, and the words for what does not fit.
//! Never: replaces a character, writes `?`, normalises, folds (best fit), looks for a BOM or guesses a charset.
//! Controls and U+FEFF are the caller's to judge. A field is decoded alone, so a half character at its edge is seen.

mod encode;
mod error;
mod jis;
mod table;
#[cfg(test)]
mod tests;
mod utf8;
mod windows31j;

pub use error::{DecodeError, DecodeErrorKind, EncodeError};
pub use windows31j::plain;

/// A strict character set, as `charset = "…"` in a layout names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Charset {
    /// `utf-8`: any Unicode text, controls and U+FEFF included.
    Utf8,
    /// `windows-31j`: Microsoft's code page 932, all 9,800 codes with the user-defined F040–F9FC, no best fit.
    /// 398 codes are second codes of a character: they read as that character and are written as its first code.
    Windows31j,
    /// `windows-31j-exact`: the same, but those 398 codes read as U+F0000 + code, so that every byte comes back.
    /// [`plain`] turns such text into what a person should see.
    Windows31jExact,
    /// `jis-x-0201`: 8-bit, one byte a character: ASCII 20–7E (5C and 7E are `\` and `~`) and half-width kana A1–DF.
    JisX0201,
    /// `jis-x-0208`: 7-bit, two bytes a character, no escape sequences; rows 1–8 and 16–84 (6,879 characters).
    /// Unicode values are those of windows-31j (2141 is U+FF5E), so text moves between the two unchanged.
    JisX0208,
    /// `ascii`: bytes 00–7F, controls included.
    Ascii,
}

impl Charset {
    /// The name in TOML.
    pub fn name(self) -> &'static str {
        match self {
            Charset::Utf8 => "utf-8",
            Charset::Windows31j => "windows-31j",
            Charset::Windows31jExact => "windows-31j-exact",
            Charset::JisX0201 => "jis-x-0201",
            Charset::JisX0208 => "jis-x-0208",
            Charset::Ascii => "ascii",
        }
    }

    /// Every charset, in the order documentation lists them.
    pub fn all() -> &'static [Charset] {
        &[
            Charset::Utf8,
            Charset::Windows31j,
            Charset::Windows31jExact,
            Charset::JisX0201,
            Charset::JisX0208,
            Charset::Ascii,
        ]
    }

    /// Appends the decoded text to `out`.
    ///
    /// # Errors
    /// The first byte sequence that is no character of the charset; `out` is then as before.
    pub fn decode(self, bytes: &[u8], out: &mut String) -> Result<(), DecodeError> {
        self.decode_seeing(bytes, out).map(|_| ())
    }

    /// [`Charset::decode`] that also tells what it saw for nothing: `true` = the text is of two-byte codes of windows-31j
    /// alone, so that nothing in it is half-width, a control or a byte order mark; `false` = look for yourself.
    ///
    /// # Errors
    /// As [`Charset::decode`].
    pub(crate) fn decode_seeing(self, bytes: &[u8], out: &mut String) -> Result<bool, DecodeError> {
        let before = out.len();
        let unseen = |()| false;
        let result = match self {
            Charset::Utf8 => utf8::decode(bytes, out).map(unseen),
            Charset::Windows31j => windows31j::decode(&table::windows31j().decode, bytes, out),
            Charset::Windows31jExact => windows31j::decode(table::exact(), bytes, out),
            Charset::JisX0201 => jis::decode_0201(bytes, out).map(unseen),
            Charset::JisX0208 => jis::decode_0208(bytes, out).map(unseen),
            Charset::Ascii => utf8::decode_ascii(bytes, out).map(unseen),
        };
        if result.is_err() {
            out.truncate(before);
        }
        result
    }

    /// Appends the encoded bytes to `out`.
    ///
    /// # Errors
    /// The first character the charset does not have; `out` is then as before.
    pub fn encode(self, text: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Charset::Utf8 => {
                out.extend_from_slice(text.as_bytes());
                Ok(())
            }
            // ASCII is itself here, and most fields hold nothing else.
            Charset::Windows31j | Charset::Windows31jExact | Charset::Ascii if text.is_ascii() => {
                out.extend_from_slice(text.as_bytes());
                Ok(())
            }
            Charset::Windows31j | Charset::Windows31jExact => encode::append(text, out, windows31j::coder()),
            Charset::JisX0201 => encode::append(text, out, jis::code_0201),
            Charset::JisX0208 => encode::append(text, out, jis::coder_0208()),
            Charset::Ascii => encode::append(text, out, utf8::code_ascii),
        }
    }

    /// How many bytes [`Charset::encode`] would append.
    ///
    /// # Errors
    /// The first character the charset does not have.
    pub fn encoded_len(self, text: &str) -> Result<usize, EncodeError> {
        match self {
            Charset::Utf8 => Ok(text.len()),
            Charset::Windows31j | Charset::Windows31jExact => encode::len(text, windows31j::coder()),
            Charset::JisX0201 => encode::len(text, jis::code_0201),
            Charset::JisX0208 => encode::len(text, jis::coder_0208()),
            Charset::Ascii => encode::len(text, utf8::code_ascii),
        }
    }
}
