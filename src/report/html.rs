//! The pages: askama templates over the models.
//!
//! Owns: what a page needs beside its model (limits, groupings). Never: escapes by hand; the template engine does.

use std::collections::BTreeMap;
use std::io;

use askama::Template;

use super::balance::{BalanceLine, Role};
use super::day::{ColumnKind, DayReport, DayRow};
use super::index::IndexReport;
use super::model::{Direction, FindingLine, RunReport, TallyLine};
use super::timeline::TimelineReport;
use super::verdict::{Outcome, Tone};
use super::words;
use crate::finding::{Severity, catalogue};
use crate::schema::layout::Provenance;

/// Findings and held records listed on a page; the CSV beside it has all the model has.
pub const LIST_LIMIT: usize = 300;
/// Exchanges listed on a day's page; the CSV beside it has them all.
pub const DAY_LIMIT: usize = 2000;
/// A table of more columns than this is set small, so that it stays on the sheet.
const WIDE: usize = 7;

/// The page of a run.
#[derive(Template)]
#[template(path = "report/run.html")]
struct RunPage<'a> {
    r: &'a RunReport,
    kinds: Vec<Kind<'a>>,
    /// Does any finding name a data item or a value?
    values: bool,
}

/// The page of a day.
#[derive(Template)]
#[template(path = "report/day.html")]
struct DayPage<'a> {
    d: &'a DayReport,
    look: Vec<&'a DayRow>,
}

/// The index page.
#[derive(Template)]
#[template(path = "report/index.html")]
struct IndexPage<'a> {
    i: &'a IndexReport,
}

/// The page of the timeline.
#[derive(Template)]
#[template(path = "report/timeline.html")]
struct TimelinePage<'a> {
    t: &'a TimelineReport,
}

/// Findings of one code.
struct Kind<'a> {
    severity: &'static str,
    /// The catalogue's short name; a mapping's own check has only its code.
    title: &'a str,
    code: &'a str,
    count: u64,
    /// What to do, or an example, from the first finding; empty when none is listed.
    action: String,
}

pub(super) fn run_page(report: &RunReport) -> io::Result<String> {
    let values = report.findings.iter().any(|f| !f.field.is_empty() || !f.value.is_empty());
    RunPage { r: report, kinds: kinds(report), values }.render().map_err(io::Error::other)
}

pub(super) fn day_page(report: &DayReport) -> io::Result<String> {
    DayPage { d: report, look: report.to_look_at() }.render().map_err(io::Error::other)
}

pub(super) fn index_page(index: &IndexReport) -> io::Result<String> {
    IndexPage { i: index }.render().map_err(io::Error::other)
}

pub(super) fn timeline_page(timeline: &TimelineReport) -> io::Result<String> {
    TimelinePage { t: timeline }.render().map_err(io::Error::other)
}

/// Findings by code, the worst first, then those about the file, then the most frequent.
fn kinds(report: &RunReport) -> Vec<Kind<'_>> {
    let mut by_code: BTreeMap<&str, (Option<&FindingLine>, u64)> = BTreeMap::new();
    for finding in &report.findings {
        by_code.entry(&finding.code).or_insert((Some(finding), 0)).1 += 1;
    }
    for beyond in &report.findings_beyond {
        by_code.entry(&beyond.code).or_insert((None, 0)).1 += beyond.count;
    }
    let mut kinds: Vec<_> = by_code.into_iter().collect();
    kinds.sort_by_key(|(_, (first, count))| std::cmp::Reverse((first.map(|f| (f.severity, f.record == 0)), *count)));
    let kind = |(code, (first, count)): (_, (Option<&FindingLine>, _))| Kind {
        severity: first.map_or("—", |f| f.severity.japanese()),
        title: catalogue().get(code).map_or(code, |c| c.title.as_str()),
        code,
        count,
        action: first.map(action_or_example).unwrap_or_default(),
    };
    kinds.into_iter().map(kind).collect()
}

/// A mapping's own check often says in its message what to do.
fn action_or_example(f: &FindingLine) -> String {
    if f.action.is_empty() { format!("例：{}", f.message) } else { f.action.clone() }
}

impl RunPage<'_> {
    /// What the reader must know of a layout that rests on no official document; empty when it does.
    fn provenance_note(&self) -> &'static str {
        match self.r.layout.as_ref().map(|l| l.provenance) {
            Some(Provenance::Inferred) => {
                "このレイアウトは公式資料によらない推定です。本番で使う前に、貴団体の項目一覧に置き換えてください。"
            }
            Some(Provenance::Partly) => {
                "このレイアウトの一部は公式資料で確かめられていません。本番で使う前に、貴団体の項目一覧と照らしてください。"
            }
            Some(Provenance::Documented) | None => "",
        }
    }

    /// The balance as the page shows it.
    fn balance(&self) -> Vec<BalanceLine> {
        self.r.balance.lines(self.r.direction)
    }

    /// Does the balance have amounts?
    fn amounts(&self) -> bool {
        self.balance().iter().any(|l| l.amount.is_some())
    }

    /// What the file's first time is called.
    fn arrival(&self) -> &'static str {
        if self.r.direction == Direction::In { "受付" } else { "作成" }
    }

    /// What stands in place of the name of who confirmed, where nobody did.
    fn unconfirmed(&self) -> &'static str {
        match self.r.outcome {
            Outcome::Drafted => "まだ確認されていません",
            Outcome::Confirmed | Outcome::Delivered => "確認なしで送付する設定です",
            _ => "確認されていません",
        }
    }

    /// The tables of tallies that have lines.
    fn tallies(&self) -> Vec<(&'static str, &[TallyLine])> {
        let all = [("ファイルの内訳", self.r.groups.as_slice()), ("計算の結果", self.r.outcomes.as_slice())];
        all.into_iter().filter(|(_, lines)| !lines.is_empty()).collect()
    }

    fn listed(&self) -> &[FindingLine] {
        &self.r.findings[..self.r.findings.len().min(LIST_LIMIT)]
    }

    /// Findings that are not on the page.
    fn unlisted(&self) -> u64 {
        self.r.finding_count() - self.listed().len() as u64
    }

    /// Held records that are not on the page.
    fn held_unlisted(&self) -> u64 {
        self.r.held_beyond + self.r.held.len().saturating_sub(LIST_LIMIT) as u64
    }
}

impl DayPage<'_> {
    /// The day's verdict in one word.
    fn word(&self) -> &'static str {
        match (self.d.tone(), self.d.rows.is_empty() && self.d.waiting.is_empty() && self.d.alerts.is_empty()) {
            (_, true) => "送受信なし",
            (Tone::Good, _) => "すべて完了",
            (Tone::Look, _) => "確認が必要です",
            (Tone::Bad, _) => "対応が必要です",
        }
    }
}

fn role_class(role: &Role) -> &'static str {
    match role {
        Role::Head => "head",
        Role::Part => "part",
        Role::Difference => "sum",
        Role::Aside => "aside",
    }
}

fn cell_class(kind: &ColumnKind, cell: &str) -> &'static str {
    match (kind, kind.number(cell)) {
        // A date or a code broken over lines reads as something else.
        (ColumnKind::Text, _) if cell.chars().count() <= 10 => "w",
        (ColumnKind::Text, _) => "",
        (ColumnKind::Difference, Some(n)) if n != 0 => "n bad",
        _ => "n",
    }
}

/// A total's number with its commas; other text as it is.
fn total(text: &str) -> String {
    text.parse::<i64>().map_or_else(|_| words::visible(text).into_owned(), words::thousands)
}

fn provenance(provenance: &Provenance) -> &'static str {
    match provenance {
        Provenance::Documented => "公式資料による",
        Provenance::Partly => "一部は公式資料で未確認",
        Provenance::Inferred => "推定（公式資料によらない）",
    }
}

/// `記録 12`; a finding about the file says so.
fn record(f: &FindingLine) -> String {
    match (f.record, f.line) {
        (0, 0) => "ファイル全体".to_owned(),
        (0, _) => "記録の外".to_owned(),
        (record, _) => format!("記録 {}", words::thousands(record)),
    }
}

/// `13行目・3,301バイト目`.
fn place(f: &FindingLine) -> String {
    let byte = words::thousands(words::from_one(f.byte));
    // The store keeps no line of records that are held for their key.
    if f.line == 0 {
        format!("{byte}バイト目")
    } else {
        format!("{}行目・{byte}バイト目", words::thousands(f.line))
    }
}

fn severity_class(severity: &Severity) -> &'static str {
    match severity {
        Severity::Error | Severity::Fatal => "bad",
        Severity::Warning => "look",
        Severity::Info => "",
    }
}

/// A relative address, or nothing when it could lead out of the reports.
fn safe_href(href: &str) -> &str {
    // A scheme (javascript:, file:) or a root would leave the folder of reports.
    let outside = href.contains(':') || href.starts_with(['/', '\\']);
    if outside { "" } else { href }
}

/// A hash in groups of eight, so that two people can read it to each other.
fn hash_groups(hash: &str) -> String {
    let mut out = String::with_capacity(hash.len() + hash.len() / 8);
    for (i, c) in hash.chars().enumerate() {
        if i > 0 && i % 8 == 0 {
            out.push(' ');
        }
        out.push(c);
    }
    out
}
