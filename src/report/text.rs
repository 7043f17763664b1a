//! A run in at most fifteen lines for a terminal.
//!
//! Owns: which lines. Never: colours, or bytes that move the cursor: foreign text is made visible first.

use super::balance::read_word;
use super::model::{FindingLine, RunReport};
use super::words::{bytes, count, thousands, visible, yen};
use crate::finding::Severity;

/// Findings shown.
const FINDINGS: usize = 3;
/// Steps and alarms shown, each.
const SENTENCES: usize = 2;

/// A short summary in Japanese, at most fifteen lines, each ended by a line feed.
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
        lines.extend(worst(r).into_iter().map(|f| format!("    {}", finding(f))));
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

/// The first few of the worst, in the order of the file.
fn worst(r: &RunReport) -> Vec<&FindingLine> {
    let mut all: Vec<&FindingLine> = r.findings.iter().collect();
    all.sort_by_key(|f| std::cmp::Reverse(f.severity));
    all.truncate(FINDINGS);
    all
}

fn finding(f: &FindingLine) -> String {
    let place = if f.record > 0 { format!("記録 {} ", thousands(f.record)) } else { String::new() };
    let field = if f.field.is_empty() { String::new() } else { format!("{}：", visible(&f.field)) };
    format!("{place}{field}{} [{}]", visible(&f.message), visible(&f.code))
}
