//! What can be wrong with the content of a field, and the words for it.
//!
//! Owns: code, severity, sentence and advice of each fault. Never: quotes a value (the finding carries it, masked).

use crate::finding::Severity;
use crate::schema::layout::{CheckDigit, Field, FieldKind};

use super::record::Note;

/// What is wrong with a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing given, something needed.
    Missing,
    /// So many characters, more than allowed.
    TooLong(usize),
    /// So many characters, fewer than the exact length.
    TooShort(usize),
    /// A control character.
    Control,
    /// An invisible or impossible character.
    Odd(char),
    /// U+FFFD: a system before us has lost a character.
    Replacement,
    NotDigits,
    NotANumber {
        signed: bool,
    },
    Overflow,
    /// Digits before and after the point.
    NotDecimal(usize, usize),
    Date(&'static str),
    Year,
    Time,
    NotHalf(char),
    HalfInWide(char),
    NotKana(char),
    NotFull(char),
    Constant,
    UnknownCode(Severity),
    /// A character that the field's `letters` do not name.
    Letter(char),
    CheckDigit(CheckDigit, Severity),
    /// Writing: a value of another type than the field's.
    WrongType,
    /// Writing: a character the charset does not have.
    Unmappable(char),
    /// Writing: so many bytes, more than the fixed field has.
    TooManyBytes(usize),
    /// Writing: so many bytes, fewer than a field without padding has.
    TooFewBytes(usize),
    /// Writing: full-width padding cannot fill an odd rest.
    CannotPad,
    /// Writing: needs quotes in a file without them.
    NeedsQuotes,
}

impl Fault {
    /// Code and severity.
    pub fn note(self) -> Note {
        match self {
            Fault::Missing => Note::error("required-missing"),
            Fault::TooLong(_) => Note::error("field-too-long"),
            Fault::TooShort(_) => Note::error("field-too-short"),
            Fault::Control | Fault::Odd(_) => Note::error("control-char"),
            Fault::Replacement => Note::warning("replacement-char"),
            Fault::NotDigits => Note::error("not-digits"),
            Fault::NotANumber { .. } | Fault::NotDecimal(..) => Note::error("not-a-number"),
            Fault::Overflow => Note::error("number-overflow"),
            Fault::Date(_) | Fault::Year => Note::error("bad-date"),
            Fault::Time => Note::error("bad-time"),
            Fault::NotHalf(_) => Note::error("not-half-width"),
            Fault::HalfInWide(_) => Note::warning("half-in-wide"),
            Fault::NotKana(_) => Note::error("not-kana"),
            Fault::NotFull(_) => Note::error("not-full-width"),
            Fault::Constant => Note::error("constant-mismatch"),
            Fault::UnknownCode(severity) => Note { code: "unknown-code", severity },
            Fault::Letter(_) => Note::error("letter-not-allowed"),
            Fault::CheckDigit(_, severity) => Note { code: "wrong-check-digit", severity },
            Fault::WrongType => Note::error("wrong-type"),
            Fault::Unmappable(_) => Note::error("unmappable"),
            Fault::TooManyBytes(_) => Note::error("field-too-long"),
            Fault::TooFewBytes(_) => Note::error("field-too-short"),
            Fault::CannotPad => Note::error("cannot-pad"),
            Fault::NeedsQuotes => Note::error("needs-quotes"),
        }
    }

    /// One plain sentence.
    pub fn message(self, field: &Field) -> String {
        let name = &field.name;
        let secret = field.secret;
        match self {
            Fault::Missing => format!("必須項目「{name}」が空です"),
            Fault::TooLong(count) => {
                format!("項目「{name}」が長すぎます（{count}文字、上限{}文字）", field.len)
            }
            Fault::TooShort(count) => {
                format!("項目「{name}」の桁数が足りません（{count}文字、正しくは{}文字）", field.len)
            }
            Fault::Control => format!("項目「{name}」に制御文字（改行・NULなど）が入っています"),
            Fault::Odd(ch) => format!("項目「{name}」に使えない文字 {} が入っています", shown(ch, secret)),
            Fault::Replacement => {
                format!("項目「{name}」に U+FFFD（前のシステムで失われた文字の印）が入っています")
            }
            Fault::NotDigits => format!("項目「{name}」は数字だけの項目ですが、数字でない文字があります"),
            Fault::NotANumber { signed: true } => format!("項目「{name}」が整数（負は先頭に「-」）として読めません"),
            Fault::NotANumber { signed: false } => format!("項目「{name}」が0以上の整数として読めません"),
            Fault::Overflow => format!("項目「{name}」の数値が大きすぎます（19桁を超えます）"),
            Fault::NotDecimal(whole, fraction) => {
                format!("項目「{name}」が小数（整数部{whole}桁、小数部{fraction}桁まで）として読めません")
            }
            Fault::Date(why) => format!("項目「{name}」が正しい日付ではありません。{why}"),
            Fault::Year => format!("項目「{name}」が4桁の年ではありません"),
            Fault::Time => format!("項目「{name}」が正しい時刻（HH:MM または HH:MM:SS）ではありません"),
            Fault::NotHalf(ch) => {
                format!("半角項目「{name}」に半角英数記号でない文字 {} があります", shown(ch, secret))
            }
            Fault::HalfInWide(ch) => format!("全角項目「{name}」に半角文字 {} があります", shown(ch, secret)),
            Fault::NotKana(ch) => {
                format!("半角カナ項目「{name}」に使えない文字 {} があります", shown(ch, secret))
            }
            Fault::NotFull(ch) => format!("全角項目「{name}」に半角文字 {} があります", shown(ch, secret)),
            Fault::Constant => {
                let right = field.constant.as_deref().unwrap_or_default();
                format!("項目「{name}」が決められた値「{right}」ではありません")
            }
            Fault::UnknownCode(_) => {
                format!("項目「{name}」の値が、決められたコードではありません。{}", allowed(field))
            }
            Fault::Letter(ch) => {
                format!("項目「{name}」に、この相手先では使えない文字 {} があります", shown(ch, secret))
            }
            Fault::CheckDigit(_, _) => format!("項目「{name}」の検査数字（チェックデジット）が合いません"),
            Fault::WrongType => format!("項目「{name}」に型の違う値が渡されました"),
            Fault::Unmappable(ch) => {
                let charset = field.charset.name();
                let code = if secret { "（伏せ字）".to_owned() } else { format!("U+{:04X}", u32::from(ch)) };
                format!("項目「{name}」の文字 {code} は文字コード {charset} にありません")
            }
            Fault::TooManyBytes(count) => {
                format!("項目「{name}」が長すぎます（{count}バイト、上限{}バイト）", field.len)
            }
            Fault::TooFewBytes(count) => {
                format!("項目「{name}」の桁数が足りません（{count}バイト、正しくは{}バイト）", field.len)
            }
            Fault::CannotPad => format!("項目「{name}」の残りを全角空白で埋められません（半角文字が奇数個あります）"),
            Fault::NeedsQuotes => {
                format!("項目「{name}」に区切り文字か改行があり、引用符のないこのファイルには書けません")
            }
        }
    }

    /// What to do, where the catalogue's text is not specific enough.
    pub fn action(self, field: &Field) -> String {
        match (self, &field.kind) {
            (Fault::UnknownCode(_), _) => {
                let table = field.codes.as_ref().map_or("", |codes| codes.id.as_str());
                format!(
                    "送付元に値の意味を確認してください。誤りなら直したファイルを入れ直し、正しい新しいコードなら\
                     システム担当（ベンダー）へコードと意味を伝え、コード表 {table} への追加を依頼してください。"
                )
            }
            (Fault::NotDigits, FieldKind::Digits) if field.offset > 0 => {
                "前の項目の桁ずれがないかを確認し、送付元に再作成を依頼してください".to_owned()
            }
            _ => String::new(),
        }
    }
}

/// Codes told with a finding.
const CODES_TOLD: usize = 10;
/// Most characters told of a code's name.
const CODE_NAME_TOLD: usize = 25;

/// `使えるコード: 1（男）、2（女）`: the first codes of the field's table, with their names.
fn allowed(field: &Field) -> String {
    let entries = field.codes.as_ref().map_or(&[][..], |codes| codes.entries.as_slice());
    let told: Vec<String> = entries
        .iter()
        .take(CODES_TOLD)
        .map(|(code, name)| match name.char_indices().nth(CODE_NAME_TOLD) {
            Some((cut, _)) => format!("{code}（{}…）", &name[..cut]),
            None => format!("{code}（{name}）"),
        })
        .collect();
    let more = match entries.len().saturating_sub(CODES_TOLD) {
        0 => String::new(),
        n => format!(" ほか{n}個"),
    };
    format!("使えるコード: {}{more}", told.join("、"))
}

/// The character and its code point; nothing of a secret field.
fn shown(ch: char, secret: bool) -> String {
    if secret {
        "（伏せ字）".to_owned()
    } else if ch.is_control() || matches!(ch, '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}') {
        format!("U+{:04X}", u32::from(ch))
    } else {
        format!("「{ch}」(U+{:04X})", u32::from(ch))
    }
}
