//! What does not fit a charset, and the Japanese sentence for it.
//!
//! Owns: the two error values. Never: the item's name or the place in the file; the caller knows those.

/// Bytes that are no character of the charset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message_ja())]
pub struct DecodeError {
    /// 0-based offset in the slice given, in bytes.
    pub offset: usize,
    /// How many bytes from `offset` are meant, 1–4; a byte that breaks a character is counted with it.
    pub len: usize,
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// The bytes meant; the first `len` count, the rest are 0.
    pub bytes: [u8; 4],
}

/// Why bytes are no character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DecodeErrorKind {
    /// The slice ends inside a character.
    TruncatedChar,
    /// The first byte announces a longer character, the next byte cannot belong to it.
    BadTrail,
    /// Well formed, but no character has this code.
    Unassigned,
    /// The byte never starts a character in this charset.
    NotAllowed,
}

/// A character the charset does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message_ja())]
pub struct EncodeError {
    /// 0-based index in the text given, in characters (Unicode scalar values).
    pub char_index: usize,
    /// The character.
    pub ch: char,
}

impl DecodeError {
    /// An error about `len` bytes at `offset` of `slice`, both cut to what is there.
    pub(super) fn new(slice: &[u8], offset: usize, len: usize, kind: DecodeErrorKind) -> Self {
        let found = &slice[offset.min(slice.len())..];
        let len = len.min(found.len()).min(4);
        let mut bytes = [0; 4];
        bytes[..len].copy_from_slice(&found[..len]);
        DecodeError { offset, len, kind, bytes }
    }

    /// What is wrong and what to do, in Japanese; the place counts bytes from 1 within the slice given.
    pub fn message_ja(&self) -> String {
        let hex: Vec<String> = self.bytes[..self.len.min(4)].iter().map(|byte| format!("{byte:02X}")).collect();
        let place = format!("{}バイト目の {}(16進) ", self.offset + 1, hex.join(" "));
        match self.kind {
            DecodeErrorKind::TruncatedChar => format!(
                "{place}は文字の途中で終わっています。項目の桁位置と、ファイルが途中で切れていないかを確認してください。"
            ),
            DecodeErrorKind::BadTrail => format!(
                "{place}は文字として壊れています。項目の桁位置と文字コードの指定を確認し、送付元に再作成を依頼してください。"
            ),
            DecodeErrorKind::Unassigned => format!(
                "{place}には文字が割り当てられていません。外字の有無と文字コードの指定を送付元に確認してください。"
            ),
            DecodeErrorKind::NotAllowed => format!(
                "{place}はこの項目の文字コードでは使えません。項目の桁位置と文字コードの指定を確認してください。"
            ),
        }
    }
}

impl EncodeError {
    /// What is wrong and what to do, in Japanese; the place counts characters from 1. The character is named by its
    /// code point only: it may be a control, or a private one that no font shows.
    pub fn message_ja(&self) -> String {
        format!(
            "{}文字目の U+{:04X} は出力先の文字コードにありません。使える文字に直すか、代わりの文字を決めて登録してください。",
            self.char_index + 1,
            u32::from(self.ch)
        )
    }
}
