//! Type words and lengths of item sheets.
//!
//! Owns: which words mean which type. Never: takes an unknown word for a known one.

use super::draft::{Keys, Setting, get, put, put_text};

/// Words that mean a type of layouts, after [`plain`].
const WORDS: [(&str, &str); 37] = [
    ("X", "X"),
    ("N", "N"),
    ("D", "D"),
    ("K", "K"),
    ("J", "J"),
    ("9", "9"),
    ("S9", "S9"),
    ("9V", "9V"),
    ("DATE", "DATE"),
    ("YEAR", "YEAR"),
    ("TIME", "TIME"),
    ("MARK", "MARK"),
    ("半角", "X"),
    ("半角英数", "X"),
    ("半角英数字", "X"),
    ("英数", "X"),
    ("英数字", "X"),
    ("英数字記号", "X"),
    ("CHAR", "N"),
    ("VARCHAR", "N"),
    ("文字列", "N"),
    ("文字", "N"),
    ("全角", "J"),
    ("全角文字", "J"),
    ("漢字", "J"),
    ("日本語", "N"),
    ("半角カナ", "K"),
    ("半角カタカナ", "K"),
    ("数字", "D"),
    ("半角数字", "D"),
    ("数値", "9"),
    ("整数", "9"),
    ("符号付数値", "S9"),
    ("日付", "DATE"),
    ("年月日", "DATE"),
    ("年度", "YEAR"),
    ("時刻", "TIME"),
];

/// Upper-case half-width, without spaces.
pub fn plain(text: &str) -> String {
    let half = |c: char| match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '、' => ',',
        other => other,
    };
    text.chars().filter(|c| !c.is_whitespace()).map(half).flat_map(char::to_uppercase).collect()
}

/// What a type cell says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypeCell {
    /// Type word of layouts; `None` when the word is unknown.
    pub word: Option<&'static str>,
    /// Lengths written in parentheses: `X(10)`, `9V(3,2)`, `9(3)V9(2)`.
    pub lengths: Vec<usize>,
    /// It says that parts of a date may be unknown.
    pub unknown: bool,
}

/// Reads a type cell.
pub fn type_cell(cell: &str) -> TypeCell {
    let text = plain(cell);
    let unknown = text.contains("不詳");
    let text = text.replace("(不詳可)", "").replace("不詳可", "");
    let lengths: Vec<usize> = numbers_in_parentheses(&text);
    let mut bare = String::new();
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            c if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    let bare = if bare == "9V9" || bare == "9.9" { "9V".to_owned() } else { bare };
    let word = WORDS.iter().find(|(known, _)| *known == bare).map(|(_, word)| *word);
    TypeCell { word, lengths, unknown }
}

fn numbers_in_parentheses(text: &str) -> Vec<usize> {
    let inside = text.split('(').skip(1).filter_map(|rest| rest.split(')').next());
    inside.flat_map(|part| part.split([',', '.', 'V'])).filter_map(|n| n.parse().ok()).collect()
}

/// Numbers of a length cell: `10`, `3,2`, `3.2`, `1,000`, `最大10`, `10桁`, `(10)`, `10byte`.
pub fn length_cell(cell: &str) -> Vec<usize> {
    let mut text = plain(cell);
    for word in ["最大", "以内", "バイト", "BYTES", "BYTE", "桁", "文字", "字", "(", ")", "「", "」", "[", "]"]
    {
        text = text.replace(word, "");
    }
    // Only thousands have three digits behind the comma; the fraction of an amount has none so long.
    if let Some((thousands, rest)) = text.split_once(',')
        && rest.len() == 3
        && [thousands, rest].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    {
        text = format!("{thousands}{rest}");
    }
    let parts: Vec<Option<usize>> = text.split([',', '.', 'V']).map(|part| part.parse().ok()).collect();
    parts.iter().copied().collect::<Option<Vec<usize>>>().unwrap_or_default()
}

/// Most digits of a number.
const MOST_DIGITS: i64 = 18;

/// Puts type and length; what was not said is in the doubts.
pub fn put_type(keys: &mut Keys, cell: (&TypeCell, &str), lengths: &[usize], fixed: bool, doubts: &mut Vec<String>) {
    let (read, written) = cell;
    let word = read.word.unwrap_or_else(|| {
        let said = if written.trim().is_empty() {
            "型が空".to_owned()
        } else {
            format!("型「{}」が分からない", written.trim())
        };
        doubts.push(format!("{said}ので N（任意の文字）とした"));
        "N"
    });
    let mut word = word;
    let longest = lengths.first().copied();
    if matches!(word, "9" | "S9") && longest.is_some_and(|len| len > 18) {
        doubts.push(format!("数値 {} 桁は18桁を超えるので D（数字の文字列）とした", longest.unwrap_or(0)));
        word = "D";
    }
    let decimal = matches!(word, "9" | "S9") && lengths.len() == 2 && lengths[1] > 0;
    if decimal && word == "S9" {
        doubts.push("符号付きの小数は 9V では負数を持てない。型を確かめてください".to_owned());
    }
    let word = if decimal { "9V" } else { word };
    put_text(keys, "type", word);
    match (word, lengths) {
        ("9V", [whole, fraction, ..]) => {
            if fixed {
                put(keys, "len", Setting::Int((whole + fraction) as i64));
            }
            put(keys, "whole", Setting::Int((*whole).clamp(1, 18) as i64));
            put(keys, "fraction", Setting::Int((*fraction).clamp(1, 18) as i64));
        }
        ("9V", _) => {
            doubts.push("小数の整数部・小数部の桁数がない。仮に整数部9桁・小数部2桁とした".to_owned());
            put(keys, "len", Setting::Int(longest.map_or(12, |len| len as i64)));
            put(keys, "whole", Setting::Int(9));
            put(keys, "fraction", Setting::Int(2));
        }
        ("DATE", [8, ..]) => put_text(keys, "form", "YYYYMMDD"),
        ("DATE", [4, ..]) => put_text(keys, "form", "MMDD"),
        ("DATE", [10, ..]) => {}
        ("DATE", []) if !fixed => {}
        ("DATE", _) => doubts.push(
            "日付の桁数が 10（YYYY-MM-DD）・8（YYYYMMDD）・4（MMDD）のどれでもない。form を書いてください".to_owned(),
        ),
        ("YEAR", _) => {}
        ("TIME", [len, ..]) => put(keys, "len", Setting::Int(*len as i64)),
        ("TIME", []) if !fixed => {}
        ("TIME", []) => {
            doubts.push("桁数がない。仮に 8（HH:MM:SS）とした".to_owned());
            put(keys, "len", Setting::Int(8));
        }
        ("MARK", _) => put(keys, "len", Setting::Int(longest.unwrap_or(3) as i64)),
        (_, [len, ..]) if *len > 0 => put(keys, "len", Setting::Int(*len as i64)),
        _ => {
            let len = if matches!(word, "9" | "S9") { MOST_DIGITS } else { 100 };
            doubts.push(format!("桁数がないか、読めない。仮に {len} とした"));
            put(keys, "len", Setting::Int(len));
        }
    }
    if get(keys, "type").is_some() && read.unknown && word == "DATE" {
        put(keys, "unknown", Setting::Flag(true));
    }
}
