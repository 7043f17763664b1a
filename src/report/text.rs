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
    lines.extend(
        r.alarms()
            .into_iter()
            .take(SENTENCES)
            .map(|a| format!("  ！{a}")),
    );
    if let Some(file) = &r.file {
        lines.push(format!(
            "  ファイル  {}（{}）",
            visible(&file.name),
            bytes(file.bytes)
        ));
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
            n => format!(
                "  合計照合  {} 項目のうち {n} 項目が不一致",
                r.seen_totals.len()
            ),
        });
    }
    if r.finding_count() > 0 {
        lines.push(format!("  指摘      {}", findings(r)));
        lines.extend(worst(r).into_iter().map(|f| format!("    {}", finding(f))));
    }
    lines.extend(
        r.steps()
            .iter()
            .take(SENTENCES)
            .map(|s| format!("  → {}", visible(s))),
    );
    lines.join("\n") + "\n"
}

fn counts(r: &RunReport) -> String {
    let b = &r.balance;
    let read = read_word(r.direction);
    let rest = b.difference();
    format!(
        "{read} {} ＝ 新規 {}・変更 {}・変更なし {}・削除 {}・その他 {}・保留 {}・却下 {}（差引 {}）",
        thousands(b.read.count),
        thousands(b.new.count),
        thousands(b.changed.count),
        thousands(b.unchanged.count),
        thousands(b.closed.count),
        thousands(i128::from(b.superseded.count) + i128::from(b.outside.count)),
        thousands(b.held.count),
        thousands(b.rejected.count),
        count(rest.count),
    )
}

fn findings(r: &RunReport) -> String {
    let of = |severity| r.findings.iter().filter(|f| f.severity == severity).count();
    let mut parts = Vec::new();
    for severity in [
        Severity::Fatal,
        Severity::Error,
        Severity::Warning,
        Severity::Info,
    ] {
        if of(severity) > 0 {
            parts.push(format!(
                "{} {}",
                severity.japanese(),
                count(of(severity) as u64)
            ));
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
    let place = if f.record > 0 {
        format!("記録 {} ", thousands(f.record))
    } else {
        String::new()
    };
    let field = if f.field.is_empty() {
        String::new()
    } else {
        format!("{}：", visible(&f.field))
    };
    format!(
        "{place}{field}{} [{}]",
        visible(&f.message),
        visible(&f.code)
    )
}
