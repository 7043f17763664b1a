//! Separated values, lines of fixed length, or records without line ends: how the bytes are cut into records.
//!
//! Owns: separators, quotes, line ends, record length, leading blocks. Never: looks into items.

use super::text::Text;
use super::{Decision, Sample, Unclear, key, mixed};

/// Most records that are cut.
pub const MOST_ROWS: usize = 20_000;
/// Most items of a row.
const MOST_ITEMS: usize = 2_000;
/// Most items of all rows; the rows before are enough to see their form.
const MOST_CELLS: usize = 2_000_000;
/// Longest record without line ends that is tried, bytes.
const LONGEST: usize = 4_096;
/// Separators that are tried.
const SEPARATORS: [(u8, &str); 4] = [(b',', "カンマ"), (b'\t', "タブ"), (b'|', "縦棒 |"), (b';', "セミコロン")];

/// The sample in records.
#[derive(Debug)]
pub enum Frame<'s> {
    /// Separated values.
    Delimited(Rows<'s>),
    /// Bytes at positions.
    Fixed(Blocks<'s>),
}

/// Rows of separated values.
#[derive(Debug)]
pub struct Rows<'s> {
    /// Separator byte.
    pub separator: u8,
    /// `crlf` or `lf`.
    pub line_end: &'static str,
    /// Byte offset, and raw items with their quotes.
    pub rows: Vec<(usize, Vec<&'s [u8]>)>,
    /// A 0x1A follows.
    pub eof_mark: bool,
}

/// Records of fixed length.
#[derive(Debug)]
pub struct Blocks<'s> {
    /// Word of the layout's `line_end`.
    pub line_end: &'static str,
    /// Byte offset and bytes of each record without line end.
    pub records: Vec<(usize, &'s [u8])>,
    /// So many first records are blocks of their own.
    pub leading: usize,
    /// A 0x1A follows.
    pub eof_mark: bool,
}

/// Finds the framing.
pub fn frame<'s>(sample: Sample<'s>, text: &Text, decisions: &mut Vec<Decision>) -> Result<Frame<'s>, Unclear> {
    let start = if text.bom { 3 } else { 0 };
    let whole = sample.bytes.len() as u64 == sample.whole;
    let (bytes, eof_mark) = match sample.bytes.strip_suffix(b"\x1A") {
        Some(rest) if whole => (rest, true),
        _ => (sample.bytes, false),
    };
    let lines = lines(bytes, start, whole);
    let crlf = memchr::memmem::find(bytes, b"\r\n").is_some();
    let line_end = if crlf { "crlf" } else { "lf" };
    let lengths = tally(lines.iter().map(|(_, line)| line.len()));
    let enough = lines.len() >= 2;
    let equal = enough && lengths.len() <= 3 && lengths[0].1 * 10 >= lines.len() * 9;
    let separated = if text.escapes || !enough { None } else { separated(bytes, start, whole, equal) };
    if let Some((separator, rows, evidence, rivals)) = separated {
        let name = SEPARATORS.iter().find(|(byte, _)| *byte == separator).map_or("", |(_, name)| name);
        decisions.push(Decision::new("形式", format!("{name}区切り"), 97, evidence).against(rivals));
        decisions.push(line_decision(bytes, line_end));
        return Ok(Frame::Delimited(Rows { separator, line_end, rows, eof_mark }));
    }
    if equal {
        let evidence = format!("{} 行のうち {} 行が {} バイト", lines.len(), lengths[0].1, lengths[0].0);
        decisions.push(Decision::new("形式", "固定長（改行あり）", 95, evidence));
        decisions.push(line_decision(bytes, line_end));
        let records = lines.into_iter().take(MOST_ROWS).collect();
        return Ok(Frame::Fixed(Blocks { line_end, records, leading: 0, eof_mark }));
    }
    blocks(sample, &bytes[start..], start, eof_mark, decisions)
}

fn line_decision(bytes: &[u8], line_end: &str) -> Decision {
    let lf = memchr::memchr_iter(b'\n', bytes).count();
    let crlf = memchr::memmem::find_iter(bytes, b"\r\n").count();
    let mixed = crlf != 0 && crlf != lf;
    let evidence = format!("0D 0A が {crlf} か所、0A だけが {} か所", lf - crlf);
    let rivals = if mixed {
        vec!["混在しています（引用符の中の改行なら正常です）".to_owned()]
    } else {
        Vec::new()
    };
    Decision::new("改行", line_end, if mixed { 70 } else { 100 }, evidence).against(rivals)
}

/// Physical lines with their offset; a last line that the sample cut is left out.
fn lines(bytes: &[u8], start: usize, whole: bool) -> Vec<(usize, &[u8])> {
    let mut found = Vec::new();
    let mut at = start;
    for end in memchr::memchr_iter(b'\n', &bytes[start..]).map(|end| end + start) {
        let line = &bytes[at..end];
        found.push((at, line.strip_suffix(b"\r").unwrap_or(line)));
        at = end + 1;
        if found.len() > MOST_ROWS {
            return found;
        }
    }
    if at < bytes.len() && whole && !found.is_empty() {
        found.push((at, &bytes[at..]));
    }
    found
}

/// Values and how often they occur, most frequent first.
pub fn tally(values: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_insert(0usize) += 1);
    let mut all: Vec<_> = counts.into_iter().collect();
    all.sort_by_key(|(value, count)| (std::cmp::Reverse(*count), *value));
    all
}

type Separated<'s> = (u8, Vec<(usize, Vec<&'s [u8]>)>, String, Vec<String>);

/// The separator by which every row has one of few numbers of items.
fn separated(bytes: &[u8], start: usize, whole: bool, equal_lines: bool) -> Option<Separated<'_>> {
    let mut best: Option<(f64, Separated<'_>)> = None;
    let mut rivals = Vec::new();
    for (separator, name) in SEPARATORS {
        let rows = split(bytes, start, separator, whole);
        let counts = tally(rows.iter().map(|(_, items)| items.len()));
        let most = counts.first().map_or(0, |(items, _)| *items);
        let broad = counts.iter().map(|(items, _)| *items).max().unwrap_or(0);
        // One number of items for each value of the first item, or few numbers at all.
        let by_key = by_first_item(&rows);
        // Lines of one length whose separators move about hold the character as text.
        let steady = counts.len() == 1 || (by_key && !equal_lines) || (by_key && counts.len() <= 4);
        if broad < 2 || !steady || rows.len() < 2 {
            if most > 1 || counts.len() > 1 {
                rivals.push(format!("{name}: 項目数が行ごとに {} 通りあり、そろわない", counts.len()));
            }
            continue;
        }
        let score = broad as f64 / counts.len() as f64;
        let shown: Vec<String> = counts.iter().take(4).map(|(items, n)| format!("{items}項目×{n}行")).collect();
        let found = (separator, rows, format!("「{name}」で切ると {}", shown.join("、")), Vec::new());
        match &mut best {
            Some((least, old)) if *least >= score => old.3.push(format!("{name}: {broad} 項目にしかならない")),
            _ => best = Some((score, found)),
        }
    }
    best.map(|(_, mut found)| {
        found.3.extend(rivals);
        found
    })
}

/// Does a first item of few values decide how many items a row has?
fn by_first_item(rows: &[(usize, Vec<&[u8]>)]) -> bool {
    let mut counts: std::collections::BTreeMap<&[u8], usize> = std::collections::BTreeMap::new();
    rows.iter().all(|(_, items)| {
        let known = counts.len();
        let first = items.first().copied().unwrap_or_default();
        known <= 9 && *counts.entry(first).or_insert(items.len()) == items.len()
    }) && counts.len() <= 9
        && counts.len() < rows.len()
}

/// Rows of raw items; quotes protect separators and line ends.
fn split(bytes: &[u8], start: usize, separator: u8, whole: bool) -> Vec<(usize, Vec<&[u8]>)> {
    let mut rows = Vec::new();
    let mut items = Vec::new();
    let (mut row, mut item, mut quoted, mut cells) = (start, start, false, 0);
    for at in start..bytes.len() {
        let byte = bytes[at];
        match byte {
            b'"' if quoted || at == item => quoted = !quoted,
            // A doubled quote inside: closed and opened again.
            b'"' if bytes[item] == b'"' && at > 0 && bytes[at - 1] == b'"' => quoted = true,
            _ if quoted => {}
            b'\n' => {
                let end = if at > item && bytes[at - 1] == b'\r' { at - 1 } else { at };
                items.push(&bytes[item..end]);
                cells += items.len();
                if items.len() > 1 || !items[0].is_empty() {
                    rows.push((row, std::mem::take(&mut items)));
                }
                items.clear();
                (row, item) = (at + 1, at + 1);
                if rows.len() >= MOST_ROWS || cells >= MOST_CELLS {
                    return rows;
                }
            }
            _ if byte == separator => {
                items.push(&bytes[item..at]);
                item = at + 1;
                if items.len() >= MOST_ITEMS {
                    return Vec::new();
                }
            }
            _ => {}
        }
    }
    if whole && row < bytes.len() && !quoted {
        items.push(&bytes[item..]);
        rows.push((row, items));
    }
    rows
}

/// Records without line ends: of one length after blocks of others, or runs of one length with others between.
fn blocks<'s>(
    sample: Sample<'s>,
    bytes: &'s [u8],
    start: usize,
    eof_mark: bool,
    decisions: &mut Vec<Decision>,
) -> Result<Frame<'s>, Unclear> {
    let scores = key::periods(bytes, LONGEST);
    let (length, score) = key::best_period(&scores).ok_or_else(|| {
        Unclear(
            "区切り文字も、同じ長さの行も、繰り返す長さも見つかりません。レコードが2件以上ある標本にしてください"
                .to_owned(),
        )
    })?;
    let whole = (sample.whole as usize) - start - usize::from(eof_mark);
    let complete = whole == bytes.len();
    // Where groups of one size repeat, the length of a group agrees as well as that of a record.
    let lengths = [key::shortest_near(&scores, score).filter(|(other, _)| *other < length), Some((length, score))];
    let mixed = lengths
        .into_iter()
        .flatten()
        .filter(|_| complete)
        .find_map(|(length, score)| mixed::cut(bytes, length, whole % length).map(|found| (found, length, score)));
    let agrees = |length: usize, score: f64| {
        format!("{length} バイトずらすと文字の種類の変わり目の {:.1}% が重なる", score * 100.0)
    };
    let (length, lead, body) = match mixed {
        Some((found, length, score)) => {
            decisions.push(mixed_decision(&found, length, &agrees(length, score)));
            (length, found.lead, found.records)
        }
        None => {
            let lead = whole % length;
            let agrees = agrees(length, score);
            let evidence = format!("{agrees}、全体 {whole} バイト = {lead} + {length} × {}", whole / length);
            let chosen = format!("固定長（改行なし）{length} バイト");
            decisions.push(Decision::new("形式", chosen, 90, evidence).against(rivals(&scores, length, whole)));
            let records = (lead..bytes.len()).step_by(length).filter(|at| at + length <= bytes.len());
            (length, lead, records.map(|at| (at, length)).collect())
        }
    };
    let parts = lead_parts(&bytes[..lead], length, decisions);
    let leading = parts.len();
    let all = parts.into_iter().chain(body.into_iter().take(MOST_ROWS));
    let records = all.map(|(at, len)| (start + at, &bytes[at..at + len])).collect();
    Ok(Frame::Fixed(Blocks { line_end: "none", records, leading, eof_mark }))
}

fn rivals(scores: &[(usize, f64)], length: usize, whole: usize) -> Vec<String> {
    let mut others: Vec<_> = scores.iter().filter(|(other, _)| other.abs_diff(length) > 1).collect();
    others.sort_by(|a, b| b.1.total_cmp(&a.1));
    let told = |(other, of): &&(usize, f64)| {
        format!("{other} バイト: 重なり {:.1}%、全体を割った余り {}", of * 100.0, whole % other)
    };
    others.iter().take(3).map(told).collect()
}

fn mixed_decision(found: &mixed::Mixed, length: usize, agrees: &str) -> Decision {
    let (before, after) = found.around;
    let runs = found.records.iter().filter(|(_, len)| *len == length).count();
    let evidence = format!(
        "{agrees}。{length} バイトの {runs} 件の前に {before} バイト、後に {after} バイトが入り、終わりまで余らない"
    );
    let chosen = format!("固定長（改行なし）{length} バイトと、前後に長さの違うレコード");
    let rival = format!("すべて {length} バイト: 毎回同じ値で始まる位置と、全体の長さが合わない");
    Decision::new("形式", chosen, 75, evidence).against(vec![rival])
}

/// Blocks of other lengths at the front.
fn lead_parts(lead: &[u8], length: usize, decisions: &mut Vec<Decision>) -> Vec<(usize, usize)> {
    if lead.is_empty() {
        return Vec::new();
    }
    let half = lead.len() / 2;
    let halves = lead.len().is_multiple_of(2) && two_halves(lead);
    let (chosen, rival) = if halves {
        (format!("{half} + {half} バイト"), format!("{} バイトの1件", lead.len()))
    } else {
        (format!("{} バイト", lead.len()), "2件以上に分かれる可能性".to_owned())
    };
    let evidence = format!("{length} バイトごとのレコードの前に {} バイト残る", lead.len());
    decisions.push(Decision::new("先頭の別レコード", chosen, 60, evidence).against(vec![rival]));
    if halves { vec![(0, half), (half, half)] } else { vec![(0, lead.len())] }
}

/// Two blocks of the same length, each with content first and spaces after it.
fn two_halves(lead: &[u8]) -> bool {
    let (a, b) = lead.split_at(lead.len() / 2);
    let ends = |half: &[u8]| half[0] != b' ' && half.ends_with(b"    ");
    lead.len() >= 16 && ends(a) && ends(b)
}
