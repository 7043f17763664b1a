//! One entry of `fields` → [`Field`].
//!
//! Owns: the keys of a field, their defaults, and what can be judged by looking at one field alone.
//! Never: offsets and sums (`lint`).

use std::sync::Arc;

use super::layout::*;
use super::load_layout::{CodeLists, charset};
use super::toml_read::{Node, Text};
use super::{keys, mistake};
use crate::codec::charset::Charset;
use crate::finding::Severity;
use crate::value::is_hidden;

/// What a field inherits from its layout.
#[derive(Debug)]
pub(super) struct FieldFrame<'a> {
    /// Lengths are bytes and every field has one.
    pub fixed: bool,
    /// Fields have paths.
    pub xml: bool,
    /// Charset of fields that name none.
    pub charset: Charset,
    /// Code tables of the site.
    pub codes: &'a CodeLists,
}

/// Severities a rule about data may have.
pub(crate) const SEVERITIES: [(&str, Severity); 4] =
    [("info", Severity::Info), ("warning", Severity::Warning), ("error", Severity::Error), ("fatal", Severity::Fatal)];

/// Greatest number of digits that always fit 64 bits.
const MAX_INT_DIGITS: usize = 18;

/// Reads a field; `None` when it has no name. An unknown type is taken for `X` after it was reported.
pub(super) fn load_field(node: Node<'_>, frame: &FieldFrame<'_>) -> Option<Field> {
    let name = node.str("name");
    let filler = node.flag("filler");
    let kind = field_kind(&node);
    let len = length(&node, &kind, frame);
    let charset = charset(&node).unwrap_or(frame.charset);
    let constant = node.opt_str("constant");
    let codes = codes(&node, frame);
    let letters = letters(&node, &kind);
    let check = check(&node, &kind);
    let field = Field {
        name: name.as_ref().map(|n| n.value.to_owned()).unwrap_or_default(),
        len,
        exact: if frame.fixed { true } else { node.flag("exact") },
        offset: 0,
        charset,
        pad: pad(&node, &kind, frame),
        required: node.flag("required"),
        constant: constant.as_ref().map(|c| c.value.to_owned()),
        codes,
        letters,
        check,
        secret: node.flag("secret"),
        filler,
        path: if frame.xml {
            let path = node.opt_str("path").or(name.clone());
            path.map(|p| p.value.to_owned()).unwrap_or_default()
        } else {
            String::new()
        },
        kind,
        place: node.place(),
    };
    if let Some(name) = &name {
        judge_name(name);
        judge(&field, &node, constant.as_ref(), frame);
    }
    node.finish(&keys::FIELD);
    name.map(|_| field)
}

fn judge_name(name: &Text<'_>) {
    if name.value.is_empty()
        || name.value.starts_with('_')
        || name.value.contains(|c: char| is_hidden(c) || c.is_whitespace() || ".\"{}".contains(c))
    {
        let hint = "空白・改行・. \" { } を除き、_ 以外で始めてください";
        name.mistake(mistake::BAD_VALUE, format!("「{}」は項目の名前に使えません", name.value), hint);
    }
}

fn field_kind(node: &Node<'_>) -> FieldKind {
    #[derive(Clone)]
    enum Word {
        Plain(FieldKind),
        Decimal,
        Date,
        Mark,
    }
    let words = [
        ("X", Word::Plain(FieldKind::Half)),
        ("N", Word::Plain(FieldKind::Wide)),
        ("D", Word::Plain(FieldKind::Digits)),
        ("K", Word::Plain(FieldKind::HalfKana)),
        ("J", Word::Plain(FieldKind::FullWidth)),
        ("9", Word::Plain(FieldKind::Int { signed: false })),
        ("S9", Word::Plain(FieldKind::Int { signed: true })),
        ("9V", Word::Decimal),
        ("DATE", Word::Date),
        ("YEAR", Word::Plain(FieldKind::Year)),
        ("TIME", Word::Plain(FieldKind::Time)),
        ("MARK", Word::Mark),
    ];
    match node.word("type", &words) {
        Some(Word::Plain(kind)) => kind,
        Some(Word::Decimal) => FieldKind::Decimal { whole: digits(node, "whole"), fraction: digits(node, "fraction") },
        Some(Word::Date) => FieldKind::Date(date_rule(node)),
        Some(Word::Mark) => FieldKind::Mark(marks(node)),
        None => FieldKind::Half,
    }
}

fn digits(node: &Node<'_>, key: &'static str) -> usize {
    if !node.has(key) {
        let message = format!("「{key}」がありません");
        node.mistake(mistake::MISSING_KEY, message, "整数部 whole と小数部 fraction の桁数を書いてください");
    }
    node.opt_int(key, 1..=MAX_INT_DIGITS as i64).unwrap_or(1) as usize
}

fn date_rule(node: &Node<'_>) -> DateRule {
    #[derive(Clone, Copy)]
    enum Form {
        Iso,
        Compact,
        MonthDay,
        Era,
    }
    let form = node.opt_word(
        "form",
        &[("YYYY-MM-DD", Form::Iso), ("YYYYMMDD", Form::Compact), ("MMDD", Form::MonthDay), ("GYYMMDD", Form::Era)],
    );
    let form = match form {
        None | Some(Form::Iso) => DateForm::Iso,
        Some(Form::Compact) => DateForm::Compact,
        Some(Form::MonthDay) => DateForm::MonthDay,
        Some(Form::Era) => {
            let eras = [("1-5", *b"12345"), ("nenkin", *b"13579"), ("letter", *b"MTSHR")];
            DateForm::Era(node.word("era", &eras).unwrap_or(*b"12345"))
        }
    };
    DateRule { form, unknown: node.flag("unknown"), zero_null: node.flag("zero_null"), open: node.flag("open") }
}

fn marks(node: &Node<'_>) -> Vec<Vec<u8>> {
    let mut marks = Vec::new();
    for text in node.list("accept").unwrap_or_default() {
        match unhex(text.value) {
            Some(bytes) => marks.push(bytes),
            None => text.mistake(
                mistake::BAD_VALUE,
                format!("「{}」は16進数ではありません", text.value),
                "\"1B2442\" のように1バイト2桁で書いてください",
            ),
        }
    }
    marks
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// `len`, or what the type itself says.
fn length(node: &Node<'_>, kind: &FieldKind, frame: &FieldFrame<'_>) -> usize {
    let natural = match kind {
        FieldKind::Date(rule) => Some(match rule.form {
            DateForm::Iso => 10,
            DateForm::Compact => 8,
            DateForm::MonthDay => 4,
            DateForm::Era(_) => 7,
        }),
        FieldKind::Year => Some(4),
        FieldKind::Mark(marks) => marks.first().map(Vec::len),
        FieldKind::Time if !frame.fixed => Some(8),
        FieldKind::Decimal { whole, fraction } if !frame.fixed => Some(whole + 1 + fraction),
        _ => None,
    };
    let given = node.opt_len("len");
    match (given, natural) {
        (Some(given), Some(natural))
            if given != natural && matches!(kind, FieldKind::Date(_) | FieldKind::Year | FieldKind::Mark(_)) =>
        {
            let message = format!("長さは{natural}のはずです（{given}になっています）");
            node.reader().mistake(mistake::LENGTH, node.place_of("len"), message, "len を消しても構いません");
            given
        }
        (Some(given), _) => given,
        (None, Some(natural)) => natural,
        (None, None) => {
            if !node.has("len") && node.has("type") {
                let unit = if frame.fixed { "バイト数" } else { "最大の文字数" };
                let hint = format!("len = {unit} を書いてください");
                node.mistake(mistake::MISSING_KEY, "「len」がありません", hint);
            }
            1
        }
    }
}

fn pad(node: &Node<'_>, kind: &FieldKind, frame: &FieldFrame<'_>) -> Pad {
    if !frame.fixed {
        return Pad::None;
    }
    let given = node.opt_word(
        "pad",
        &[
            ("none", Pad::None),
            ("space-right", Pad::SpaceRight),
            ("space-left", Pad::SpaceLeft),
            ("zero-left", Pad::ZeroLeft),
            ("wide-space-right", Pad::WideSpaceRight),
        ],
    );
    given.unwrap_or(match kind {
        FieldKind::Int { .. } | FieldKind::Decimal { .. } => Pad::ZeroLeft,
        FieldKind::Half | FieldKind::HalfKana => Pad::SpaceRight,
        FieldKind::FullWidth | FieldKind::Wide => Pad::WideSpaceRight,
        FieldKind::Digits | FieldKind::Date(_) | FieldKind::Year | FieldKind::Time | FieldKind::Mark(_) => Pad::None,
    })
}

fn codes(node: &Node<'_>, frame: &FieldFrame<'_>) -> Option<Arc<CodeList>> {
    let id = node.opt_str("codes")?;
    let unknown = node.opt_word("codes_unknown", &SEVERITIES[1..3]);
    let Some(list) = frame.codes.get(id.value) else {
        id.unknown("コード表", frame.codes.keys().map(String::as_str));
        return None;
    };
    Some(match unknown {
        Some(severity) if list.unknown != Some(severity) => {
            Arc::new(CodeList { unknown: Some(severity), ..CodeList::clone(list) })
        }
        _ => Arc::clone(list),
    })
}

/// `letters`: the characters, each once.
fn letters(node: &Node<'_>, kind: &FieldKind) -> Option<Box<[char]>> {
    let text = node.opt_str("letters")?;
    let fits = matches!(kind, FieldKind::Half | FieldKind::HalfKana | FieldKind::Wide | FieldKind::FullWidth);
    let mut letters: Vec<char> = text.value.chars().collect();
    letters.sort_unstable();
    let count = letters.len();
    letters.dedup();
    if !fits || letters.is_empty() || letters.len() < count {
        let hint = "型 X・K・N・J の項目に、使える文字を一つずつ、重ねずに並べてください";
        text.mistake(mistake::BAD_VALUE, "letters の書き方が正しくありません", hint);
        return None;
    }
    Some(letters.into())
}

fn check(node: &Node<'_>, kind: &FieldKind) -> Option<(CheckDigit, Severity)> {
    if !node.has("check") {
        return None;
    }
    let rule = node.opt_word("check", &CheckDigit::WORDS);
    let severity = node.opt_word("check_severity", &SEVERITIES).unwrap_or(Severity::Error);
    if !matches!(kind, FieldKind::Digits | FieldKind::Half) {
        let place = node.place_of("check");
        let message = "チェックデジットは型 D か X の項目だけに付けられます";
        node.reader().mistake(mistake::BAD_VALUE, place, message, "type = \"D\" にしてください");
    }
    rule.map(|rule| (rule, severity))
}

/// What can be seen in one field alone.
fn judge(field: &Field, node: &Node<'_>, constant: Option<&Text<'_>>, frame: &FieldFrame<'_>) {
    let reader = node.reader();
    let judged = field.codes.is_some() || field.check.is_some() || field.letters.is_some();
    if field.filler && (field.required || judged) {
        let hint = "filler か、required・codes・letters・check のどちらかを消してください";
        node.mistake(mistake::BAD_VALUE, format!("予備「{}」に検査は付けられません", field.name), hint);
    }
    let narrow = matches!(field.charset, Charset::JisX0201 | Charset::Ascii);
    let unfit = match field.kind {
        FieldKind::FullWidth | FieldKind::Wide => narrow,
        FieldKind::HalfKana => matches!(field.charset, Charset::JisX0208 | Charset::Ascii),
        FieldKind::Mark(_) => false,
        _ => field.charset == Charset::JisX0208,
    };
    if unfit {
        let message = format!("項目「{}」の文字は文字コード {} では表せません", field.name, field.charset.name());
        node.mistake(mistake::CHARSET, message, "項目に charset = … を書くか、type を見直してください");
    }
    let two_byte = matches!(field.charset, Charset::JisX0208 | Charset::Windows31j | Charset::Windows31jExact);
    if frame.fixed && field.kind == FieldKind::FullWidth && two_byte && field.len % 2 == 1 {
        let message = format!("全角の項目「{}」の長さ{}バイトが奇数です", field.name, field.len);
        reader.mistake(mistake::LENGTH, node.place_of("len"), message, "");
    }
    if matches!(field.kind, FieldKind::Int { .. }) && field.len > MAX_INT_DIGITS + 1 {
        let message = format!("数値「{}」の長さ{}は{MAX_INT_DIGITS}桁を超えます", field.name, field.len);
        reader.mistake(mistake::LENGTH, node.place_of("len"), message, "type = \"D\" にしてください");
    }
    if let Some((rule, _)) = field.check
        && let Some(len) = rule.digits()
        && field.len < len
    {
        let message = format!("{}は{len}桁ですが、項目「{}」の長さは{}です", rule.japanese(), field.name, field.len);
        reader.mistake(mistake::LENGTH, node.place_of("check"), message, "len か check を見直してください");
    }
    if let FieldKind::Mark(marks) = &field.kind {
        let uneven = frame.fixed && marks.iter().any(|m| m.len() != field.len);
        if uneven || !frame.fixed {
            let message = "MARK は固定長だけで、accept の値は同じ長さで書きます";
            node.mistake(mistake::BAD_VALUE, message, "");
        }
    }
    if let Some(constant) = constant {
        judge_constant(field, constant, frame);
    }
}

/// May a field of this kind ever hold the text? Only what its characters tell.
fn holds(kind: &FieldKind, text: &str) -> bool {
    match kind {
        FieldKind::Digits | FieldKind::Year => text.bytes().all(|b| b.is_ascii_digit()),
        FieldKind::Int { signed } => {
            let digits = text.strip_prefix('-').filter(|_| *signed).unwrap_or(text);
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
        }
        FieldKind::Half => text.chars().all(|c| c == ' ' || c.is_ascii_graphic()),
        FieldKind::FullWidth => text.chars().all(|c| !c.is_ascii() && !('\u{FF61}'..='\u{FF9F}').contains(&c)),
        _ => true,
    }
}

fn judge_constant(field: &Field, constant: &Text<'_>, frame: &FieldFrame<'_>) {
    let len = match field.charset.encoded_len(constant.value) {
        Ok(len) if frame.fixed => len,
        Ok(_) => constant.value.chars().count(),
        Err(_) => {
            let message = format!("固定値「{}」は文字コード {} では書けません", constant.value, field.charset.name());
            constant.mistake(mistake::CHARSET, message, "");
            return;
        }
    };
    // A constant of nothing but spaces means that the field stays empty.
    let empty = constant.value.trim_matches([' ', '\u{3000}']).is_empty();
    if !empty && !holds(&field.kind, constant.value) {
        let message = format!("固定値「{}」は項目「{}」の type では書けない文字です", constant.value, field.name);
        constant.mistake(mistake::BAD_VALUE, message, "type か constant を見直してください");
    }
    let too_short = frame.fixed && field.pad == Pad::None && len < field.len && !empty;
    if len > field.len || too_short {
        let message =
            format!("固定値「{}」の長さ{len}が項目「{}」の長さ{}と合いません", constant.value, field.name, field.len);
        constant.mistake(mistake::LENGTH, message, "");
    }
    if let Some(codes) = &field.codes
        && !codes.entries.iter().any(|(code, _)| code == constant.value)
    {
        let message = format!("固定値「{}」がコード表 {} にありません", constant.value, codes.id);
        constant.mistake(mistake::BAD_VALUE, message, "");
    }
}
