//! The type of an item from its values.
//!
//! Owns: what all values of a column allow, and the doubts that follow from few or uniform values.
//! Never: sees more than the column; never calls a column a number when a zero at its left says that it is a name.

use super::cost::Model;
use super::segment::Segment;
use crate::author::draft::{Keys, Setting, put, put_flag, put_text};
use crate::codec::charset::Charset;

/// Values from which a column that is never empty is called required.
const ENOUGH: usize = 30;
/// Most values of a column that may be a code.
const CODES: usize = 12;

/// What a column is.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Keys of the field without its name.
    pub keys: Keys,
    /// What is not sure.
    pub doubts: Vec<String>,
}

/// What all values have in common.
#[derive(Debug, Default)]
struct Common {
    filled: usize,
    empty: usize,
    most: usize,
    least: usize,
    digits: bool,
    zero_first: bool,
    minus: bool,
    number: bool,
    ascii: bool,
    kana: bool,
    full: bool,
    decimals: Option<(usize, usize)>,
    distinct: Vec<String>,
}

impl Common {
    fn of(values: &[String]) -> Self {
        let mut all = Common {
            least: usize::MAX,
            digits: true,
            number: true,
            ascii: true,
            kana: true,
            full: true,
            decimals: Some((0, 0)),
            ..Common::default()
        };
        for value in values {
            if value.is_empty() {
                all.empty += 1;
            } else {
                all.add(value);
            }
        }
        all.distinct.sort();
        all
    }

    fn add(&mut self, value: &str) {
        self.filled += 1;
        let length = value.chars().count();
        self.most = self.most.max(length);
        self.least = self.least.min(length);
        let digits = value.bytes().all(|b| b.is_ascii_digit());
        let body = value.strip_prefix('-').unwrap_or(value);
        self.minus |= body.len() != value.len();
        let number = !body.is_empty() && body.bytes().all(|b| b.is_ascii_digit());
        self.digits &= digits;
        self.number &= number;
        self.zero_first |= body.len() > 1 && body.starts_with('0') && number;
        self.ascii &= value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        let half_kana = |c: char| ('\u{FF61}'..='\u{FF9F}').contains(&c);
        self.kana &= value.chars().all(|c| half_kana(c) || c == ' ' || c.is_ascii_graphic() && !c.is_ascii_lowercase());
        self.full &= value.chars().all(|c| !c.is_ascii() && !half_kana(c) && !c.is_control());
        self.decimals = self.decimals.and_then(|(whole, fraction)| {
            let (a, b) = value.split_once('.')?;
            let plain = |part: &str| !part.is_empty() && part.bytes().all(|x| x.is_ascii_digit());
            (plain(a) && plain(b)).then(|| (whole.max(a.len()), fraction.max(b.len())))
        });
        if self.distinct.len() <= CODES && !self.distinct.iter().any(|known| known == value) {
            self.distinct.push(value.to_owned());
        }
    }

    /// A doubt that names the values, if they are few, short and plain.
    fn code_doubt(&self) -> Option<String> {
        let few = self.distinct.len() <= CODES && self.filled >= ENOUGH && self.filled >= self.distinct.len() * 4;
        let plain = self.most <= 8 && self.ascii;
        match &self.distinct[..] {
            [only] if few && plain => Some(format!("標本ではすべて「{only}」。固定値（constant）か確認してください")),
            values if few && plain && self.most <= 4 => Some(format!(
                "標本の値は {} 種類（{}）。コード表（codes）か確認してください",
                values.len(),
                values.join("、")
            )),
            _ => None,
        }
    }
}

/// Is every value that is not empty so?
fn every(values: &[String], test: impl Fn(&str) -> bool) -> bool {
    values.iter().filter(|value| !value.is_empty()).all(|value| test(value))
}

fn month_day(text: &[u8]) -> bool {
    let two = |at: usize| u32::from(text[at] - b'0') * 10 + u32::from(text[at + 1] - b'0');
    two(0) <= 12 && two(2) <= 31 && (two(0) > 0 || two(2) == 0)
}

fn iso(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, b)| if matches!(at, 4 | 7) { *b == b'-' } else { b.is_ascii_digit() })
        && month_day(&[bytes[5], bytes[6], bytes[8], bytes[9]])
}

fn compact(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() == 8
        && bytes.iter().all(u8::is_ascii_digit)
        && (value == "00000000"
            || value == "99999999"
            || ("1868".."2101").contains(&&value[..4]) && month_day(&bytes[4..]))
}

fn time(value: &str) -> bool {
    let parts: Vec<&str> = value.split(':').collect();
    let number = |part: &&str, most: u32| part.len() == 2 && part.parse::<u32>().is_ok_and(|n| n < most);
    matches!(parts.len(), 2 | 3) && number(&parts[0], 24) && parts[1..].iter().all(|part| number(part, 60))
}

fn date_keys(keys: &mut Keys, values: &[String], form: Option<&str>) {
    put_text(keys, "type", "DATE");
    if let Some(form) = form {
        put_text(keys, "form", form);
    }
    let digits = |value: &str| value.replace('-', "");
    let open = |value: &str| matches!(digits(value).as_str(), "99991231" | "00000101" | "99999999");
    let unknown = |value: &str| {
        let plain = digits(value);
        plain.len() == 8 && plain != "00000000" && (&plain[4..6] == "00" || &plain[6..] == "00")
    };
    put_flag(keys, "unknown", values.iter().any(|value| unknown(value)));
    put_flag(keys, "zero_null", values.iter().any(|value| digits(value) == "00000000"));
    put_flag(keys, "open", values.iter().any(|value| open(value)));
}

/// An item of separated values.
pub fn delimited(values: &[String]) -> Look {
    let all = Common::of(values);
    let mut look = Look::default();
    let keys = &mut look.keys;
    let len = |keys: &mut Keys, len: usize| put(keys, "len", Setting::Int(len as i64));
    if all.filled == 0 {
        put_text(keys, "type", "N");
        len(keys, 100);
        look.doubts.push("標本ではすべて空。型と桁数を仕様書で確かめてください".to_owned());
        return look;
    }
    let mut measured = true;
    if every(values, iso) {
        date_keys(keys, values, None);
        measured = false;
    } else if all.distinct.len() > 1 && every(values, compact) || all.digits && every(values, compact) && all.least == 8
    {
        date_keys(keys, values, Some("YYYYMMDD"));
        look.doubts.push("8桁の数字がすべて年月日として正しい。番号（D）でないか確認してください".to_owned());
        measured = false;
    } else if every(values, time) {
        put_text(keys, "type", "TIME");
        measured = false;
    } else if all.digits && all.least == 4 && all.most == 4 && every(values, |v| ("1900".."2101").contains(&v)) {
        put_text(keys, "type", "YEAR");
        look.doubts.push("4桁の数字がすべて年として正しい。番号（D）でないか確認してください".to_owned());
        measured = false;
    } else if all.digits && (all.zero_first || all.least == all.most && all.most > 0) {
        put_text(keys, "type", "D");
        len(keys, all.most);
        let same = all.least == all.most;
        put_flag(keys, "exact", same && all.filled >= ENOUGH && all.most > 1);
        if !all.zero_first && same {
            look.doubts.push("同じ桁数の数字。番号（D）としたが、数量（9）かもしれません".to_owned());
        }
    } else if all.number && all.most <= 18 && !(all.minus && all.zero_first) {
        put_text(keys, "type", if all.minus { "S9" } else { "9" });
        len(keys, all.most);
    } else if let Some((whole, fraction)) = all.decimals {
        put_text(keys, "type", "9V");
        put(keys, "whole", Setting::Int(whole as i64));
        put(keys, "fraction", Setting::Int(fraction as i64));
        measured = false;
    } else if all.ascii {
        put_text(keys, "type", "X");
        len(keys, all.most);
    } else {
        put_text(keys, "type", "N");
        len(keys, all.most);
    }
    put_flag(keys, "required", all.empty == 0 && all.filled >= ENOUGH);
    look.doubts.extend(all.code_doubt());
    if measured && all.least != all.most {
        look.doubts.push(format!("桁数 {} は標本で最も長い値。仕様書の桁数にしてください", all.most));
    }
    look
}

/// An item at a position. `raw` are its bytes as they are, with the padding.
pub fn fixed(raw: &[&[u8]], segment: &Segment, charset: Charset) -> Look {
    let width = segment.end - segment.start;
    let mut look = Look::default();
    match segment.model {
        Model::Blank => {
            put_text(&mut look.keys, "type", "X");
            put(&mut look.keys, "len", Setting::Int(width as i64));
            put_flag(&mut look.keys, "filler", true);
            look.doubts.push("標本ではすべて空白。予備としたが、使われない項目が並んでいるかもしれません".to_owned());
            return look;
        }
        Model::Mark => {
            let first = raw.first().copied().unwrap_or_default();
            let accept = if first.get(1) == Some(&b'$') { ["1B2442", "1B2440"] } else { ["1B2842", "1B284A"] };
            put_text(&mut look.keys, "type", "MARK");
            put(&mut look.keys, "len", Setting::Int(3));
            put(&mut look.keys, "accept", Setting::List(accept.map(str::to_owned).to_vec()));
            return look;
        }
        Model::Kanji => {
            put_text(&mut look.keys, "type", "J");
            put(&mut look.keys, "len", Setting::Int(width as i64));
            put_text(&mut look.keys, "charset", "jis-x-0208");
            return look;
        }
        _ => {}
    }
    let decoded: Vec<String> = raw
        .iter()
        .map(|cell| {
            let mut text = String::new();
            let _ = charset.decode(cell, &mut text);
            text
        })
        .collect();
    typed(&mut look, raw, &decoded, (width, charset == Charset::JisX0201), segment.model);
    look
}

fn typed(look: &mut Look, raw: &[&[u8]], decoded: &[String], (width, narrow): (usize, bool), model: Model) {
    let content: Vec<String> = decoded.iter().map(|text| text.trim_matches([' ', '\u{3000}']).to_owned()).collect();
    let all = Common::of(&content);
    let full_width = all.digits && all.least == width;
    let keys = &mut look.keys;
    let len = |keys: &mut Keys| put(keys, "len", Setting::Int(width as i64));
    let zeros = || raw.iter().any(|cell| cell.iter().all(|byte| *byte == b'0'));
    match model {
        Model::Date if full_width => date_keys(keys, &content, Some("YYYYMMDD")),
        Model::EraDate if full_width => {
            put_text(keys, "type", "DATE");
            put_text(keys, "form", "GYYMMDD");
            put_text(keys, "era", if content.iter().any(|c| c.starts_with(['7', '9'])) { "nenkin" } else { "1-5" });
            put_flag(keys, "unknown", true);
            put_flag(keys, "zero_null", zeros());
            look.doubts.push("元号番号の割り当て（era）を仕様書で確かめてください".to_owned());
        }
        Model::MonthDay if full_width && !zeros() => {
            put_text(keys, "type", "DATE");
            put_text(keys, "form", "MMDD");
        }
        Model::Year if full_width => put_text(keys, "type", "YEAR"),
        Model::Number if full_width && width <= 18 => {
            put_text(keys, "type", "9");
            len(keys);
            look.doubts.push("左のゼロは桁合わせと見て数（9）とした。番号なら D".to_owned());
        }
        _ if full_width && all.filled > 0 => {
            put_text(keys, "type", "D");
            len(keys);
        }
        _ => {
            text_type(keys, &all, decoded, (width, narrow));
            if all.filled > 0 && all.digits {
                look.doubts.push("数字だけだが、桁の足りない値がある。詰め方（pad）を確かめてください".to_owned());
            }
        }
    }
    put_flag(keys, "required", all.empty == 0 && all.filled >= ENOUGH && !content.iter().any(|c| c.is_empty()));
    look.doubts.extend(all.code_doubt());
}

/// A narrow character set has no characters of two bytes.
fn text_type(keys: &mut Keys, all: &Common, decoded: &[String], (width, narrow): (usize, bool)) {
    // Blanks of two bytes are no half-width text, even where there is nothing else.
    let blank_wide = decoded.iter().any(|text| text.contains('\u{3000}'));
    let word = match (all.ascii, all.kana, all.full) {
        _ if blank_wide && all.filled == 0 => "N",
        (true, ..) if !blank_wide => "X",
        (_, true, _) => "K",
        _ if narrow => "K",
        (_, _, true) if width.is_multiple_of(2) => "J",
        _ => "N",
    };
    put_text(keys, "type", word);
    put(keys, "len", Setting::Int(width as i64));
    let left = decoded.iter().any(|text| text.starts_with(' ') && !text.ends_with(' '));
    let right = decoded.iter().any(|text| text.ends_with(' ') && !text.trim_matches(' ').is_empty());
    let wide = decoded.iter().any(|text| text.ends_with('\u{3000}'));
    if matches!(word, "X" | "K") && left && !right {
        put_text(keys, "pad", "space-left");
    } else if matches!(word, "N" | "J") && right && !wide {
        put_text(keys, "pad", "space-right");
    }
}
