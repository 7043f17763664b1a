//! A run on one screen of a terminal.
//!
//! Owns: which lines. Never: colours, or bytes that move the cursor: foreign text is made visible first.

use super::balance::read_word;
use super::model::{FindingLine, RunReport};
use super::words::{bytes, count, from_one, thousands, visible, yen};
use crate::finding::Severity;

/// Findings shown.
const FINDINGS: usize = 5;
/// Most lines of a report.
#[cfg(test)]
pub(super) const LINES: usize = 36;
/// Steps and alarms shown, each.
const SENTENCES: usize = 2;

/// A short summary in Japanese, at most 36 lines, each ended by a line feed.
pub fn text(report: &RunReport) -> String {
    let r = report;
    let mut lines = vec![format!(
        "{} {}　{}「{}」（{}）",
        r.tone().sign(),
        r.verdict(),
        r.direction.japanese(),
        visible(&r.title),
        visible(&r.exchange)
    )];
    lines.push(format!("  {}", r.headline()));
    if !r.note.is_empty() {
        lines.push(format!("  {}", visible(&r.note)));
    }
    lines.extend(r.alarms().into_iter().take(SENTENCES).map(|a| format!("  ！{a}")));
    if let Some(file) = &r.file {
        lines.push(format!("  ファイル  {}（{}）", visible(&file.name), bytes(file.bytes)));
    }
    if !r.balance.is_empty() {
        lines.push(format!("  件数      {}", counts(r)));
        if r.balance.read.amount.is_some() {
            lines.push(format!("  金額      {}", yen(r.balance.read.amount)));
        }
    }
    if !r.seen_totals.is_empty() {
        let unlike = r.seen_totals.iter().filter(|t| !t.agrees).count();
        lines.push(match unlike {
            0 => format!("  合計照合  {} 項目すべて一致", r.seen_totals.len()),
            n => format!("  合計照合  {} 項目のうち {n} 項目が不一致", r.seen_totals.len()),
        });
    }
    if r.finding_count() > 0 {
        lines.push(format!("  指摘      {}", findings(r)));
        lines.extend(worst_lines(r));
    }
    lines.extend(r.steps().iter().take(SENTENCES).map(|s| format!("  → {}", visible(s))));
    lines.join("\n") + "\n"
}

/// `読込 17 ＝ 変更なし 8 ＋ 保留 9（差引 0件）`: the parts that are not 0.
fn counts(r: &RunReport) -> String {
    let b = &r.balance;
    let parts = [
        ("新規", b.new),
        ("変更", b.changed),
        ("変更なし", b.unchanged),
        ("削除", b.closed),
        ("置き換え", b.superseded),
        ("対象外", b.outside),
        ("保留", b.held),
        ("却下", b.rejected),
    ];
    let parts = parts.into_iter().filter(|(_, tally)| tally.count > 0);
    let parts: Vec<String> = parts.map(|(label, tally)| format!("{label} {}", thousands(tally.count))).collect();
    let equals = if parts.is_empty() { String::new() } else { format!(" ＝ {}", parts.join(" ＋ ")) };
    format!("{} {}{equals}（差引 {}）", read_word(r.direction), thousands(b.read.count), count(b.difference().count))
}

fn findings(r: &RunReport) -> String {
    let of = |severity| r.findings.iter().filter(|f| f.severity == severity).count();
    let mut parts = Vec::new();
    for severity in [Severity::Fatal, Severity::Error, Severity::Warning, Severity::Info] {
        if of(severity) > 0 {
            parts.push(format!("{} {}", severity.japanese(), count(of(severity) as u64)));
        }
    }
    let beyond: u64 = r.findings_beyond.iter().map(|b| b.count).sum();
    if beyond > 0 {
        parts.push(format!("ほか {}", count(beyond)));
    }
    parts.join("、")
}

/// The first few of the worst, in the order of the file: place and value, what is wrong, what to do. What several in a
/// row have in common is told once.
fn worst_lines(r: &RunReport) -> Vec<String> {
    let mut all: Vec<&FindingLine> = r.findings.iter().collect();
    all.sort_by_key(|f| (std::cmp::Reverse(f.severity), f.record > 0));
    let mut lines = Vec::new();
    for (at, f) in all.iter().take(FINDINGS).enumerate() {
        lines.push(format!("    {}. {}", at + 1, place(f)));
        lines.push(format!("       {} [{}]", visible(&f.message), visible(&f.code)));
        let told_next = all.get(at + 1).filter(|_| at + 1 < FINDINGS).is_some_and(|next| next.action == f.action);
        if !f.action.is_empty() && !told_next {
            lines.push(format!("       対処：{}", visible(&f.action)));
        }
    }
    let more = r.finding_count().saturating_sub(all.len().min(FINDINGS) as u64);
    if more > 0 {
        lines.push(format!("    （ほかに {}）", count(more)));
    }
    lines
}

/// `記録 12・13行目・3,301バイト目　氏名「…」`.
fn place(f: &FindingLine) -> String {
    let mut place = match (f.record, f.line) {
        (0, 0) => "ファイル全体".to_owned(),
        (0, line) => format!("{}行目", thousands(line)),
        (record, 0) => format!("記録 {}", thousands(record)),
        (record, line) => format!("記録 {}・{}行目", thousands(record), thousands(line)),
    };
    // Where nothing was read from there is no byte: a record of a file that is being made.
    if f.byte > 0 || f.line > 0 {
        place += &format!("・{}バイト目", thousands(from_one(f.byte)));
    }
    if !f.field.is_empty() {
        place += &format!("　{}", visible(&f.field));
    }
    if !f.value.is_empty() {
        place += &format!("「{}」", visible(&f.value));
    }
    place
}
