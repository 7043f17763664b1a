//! `case.toml` → [`Case`].
//!
//! Owns: its keys, and what they may say. Never: runs anything.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;

use super::files::all;
use crate::mapping::site::Site;
use crate::pipeline::HubError;
use crate::schema::load_calendar::date;
use crate::schema::toml_read::{Node, Reader, Text};
use crate::schema::{keys, mistake};

/// Most days that one step lets pass.
const MOST_DAYS: i64 = 3_660;

/// What a case does and what is compared. See [`super`] for the keys.
#[derive(Debug)]
pub(super) struct Case {
    pub title: String,
    pub base_date: NaiveDate,
    /// `None` = all that have rows.
    pub entities: Option<Vec<String>>,
    /// `None` = those of every interface.
    pub reports: Option<Vec<String>>,
    pub tables: bool,
    pub schedules: bool,
    pub site: BTreeMap<String, String>,
    pub lists: Vec<String>,
    pub drafts: bool,
    pub steps: Vec<CaseStep>,
}

/// One step: its drop, its days and its release, in this order, then what it sends.
#[derive(Debug)]
pub(super) struct CaseStep {
    pub drop: Option<String>,
    pub name: Option<String>,
    pub into: Option<String>,
    pub days: Option<i64>,
    pub send: Option<String>,
    pub release: Option<CaseRelease>,
    pub with_next: bool,
    pub unreadable: bool,
}

/// A held record that an operator lets go.
#[derive(Debug)]
pub(super) struct CaseRelease {
    pub interface: String,
    pub key: String,
    pub reason: String,
}

/// Reads a case file.
///
/// # Errors
/// It cannot be read; every mistake in it.
pub(super) fn read(path: &Path, shown: &str) -> Result<Case, HubError> {
    let text = std::fs::read_to_string(path).map_err(HubError::io("読み込み", path))?;
    let reader = Reader::new(shown, text);
    let case = reader.parse().and_then(|document| case(&Node::root(&reader, &document)));
    match (case, reader.into_findings()) {
        (Some(case), mistakes) if mistakes.is_empty() => Ok(case),
        (_, mistakes) => Err(HubError::Rules(all(&mistakes))),
    }
}

fn case(top: &Node<'_>) -> Option<Case> {
    let title = top.str("title");
    let base_date = top.str("base_date").and_then(|text| date(&text));
    let texts = |key| top.opt_list(key).map(|list| list.iter().map(owned).collect());
    let site = top.opt_table("site");
    let steps = top.tables("step");
    if steps.is_empty() {
        top.mistake(mistake::MISSING_KEY, "[[step]] がありません", "落とすファイルなどを書いてください");
    }
    let case = Case {
        title: title.map(|text| owned(&text)).unwrap_or_default(),
        base_date: base_date.unwrap_or_default(),
        entities: texts("entities"),
        reports: texts("reports"),
        tables: top.flag("tables"),
        schedules: top.flag("schedules"),
        site: site.iter().flat_map(Node::pairs).map(|(key, value)| (owned(&key), owned(&value))).collect(),
        lists: texts("lists").unwrap_or_default(),
        drafts: top.flag("drafts"),
        steps: steps.iter().map(step).collect(),
    };
    top.finish(&keys::CASE);
    Some(case)
}

fn step(node: &Node<'_>) -> CaseStep {
    let text = |key| node.opt_str(key).map(|text| owned(&text));
    let step = CaseStep {
        drop: text("drop"),
        name: text("as"),
        into: text("into"),
        days: node.opt_int("days", 1..=MOST_DAYS),
        send: text("send"),
        release: node.opt_table("release").map(|node| release(&node)),
        with_next: node.flag("with_next"),
        unreadable: node.flag("unreadable"),
    };
    if step.drop.is_none() {
        for key in ["as", "into", "unreadable"].into_iter().filter(|key| node.has(key)) {
            let message = format!("「{key}」は落とすファイルのことですが、「drop」がありません");
            node.reader().mistake(
                mistake::MISSING_KEY,
                node.place_of(key),
                message,
                "drop = \"ファイル名\" を書いてください",
            );
        }
    }
    node.finish(&keys::CASE_STEP);
    if step.drop.is_none() && step.days.is_none() && step.send.is_none() && step.release.is_none() {
        node.mistake(
            mistake::MISSING_KEY,
            "この [[step]] は何もしません",
            "drop、days、send、release のどれかを書いてください",
        );
    }
    step
}

fn release(node: &Node<'_>) -> CaseRelease {
    let text = |key| node.str(key).map(|text| owned(&text)).unwrap_or_default();
    let release = CaseRelease { interface: text("interface"), key: text("key"), reason: text("reason") };
    node.finish(&keys::CASE_RELEASE);
    release
}

fn owned(text: &Text<'_>) -> String {
    text.value.to_owned()
}

impl Case {
    /// Refuses names that the site of the case does not know; a case that compares nothing would pass for ever.
    ///
    /// # Errors
    /// All of them, a line each.
    pub(super) fn judge_names(&self, site: &Site, folder: &Path, shown: &str) -> Result<(), HubError> {
        let entities: Vec<&str> = site.entities.values().map(|entity| entity.id.as_str()).collect();
        let lists: Vec<&str> = site.lists.keys().map(String::as_str).collect();
        let sent: Vec<&str> = site.outbound.keys().map(String::as_str).collect();
        let feeds: Vec<&str> = site.feeds.keys().map(String::as_str).collect();
        let derived = site.derive.keys().map(String::as_str);
        let all: Vec<&str> = feeds.iter().chain(&sent).copied().chain(derived).collect();
        let sends = self.steps.iter().filter_map(|step| step.send.as_ref());
        let released = self.steps.iter().filter_map(|step| step.release.as_ref()).map(|release| &release.interface);
        let into = self.steps.iter().filter_map(|step| step.into.as_ref());
        let dropped =
            self.steps.iter().filter_map(|step| step.drop.as_ref()).filter(|file| !folder.join(file).exists());
        let named = [
            ("台帳", names(self.entities.iter().flatten(), &entities)),
            ("業務", names(self.reports.iter().flatten(), &all)),
            ("一覧", names(self.lists.iter(), &lists)),
            ("送信の業務", names(sends.chain(released), &sent)),
            ("受信の業務", names(into, &feeds)),
            ("ファイル", dropped.map(|file| (file.clone(), "例のフォルダーに置いてください".to_owned())).collect()),
        ];
        let lines: Vec<String> = named
            .into_iter()
            .flat_map(|(what, unknown)| unknown.into_iter().map(move |(name, hint)| (what, name, hint)))
            .map(|(what, name, hint)| format!("{shown}: 「{name}」という{what}はありません。{hint}"))
            .collect();
        if lines.is_empty() { Ok(()) } else { Err(HubError::Rules(lines.join("\n"))) }
    }
}

/// Names that are not among those known, each with what was perhaps meant.
fn names<'a>(used: impl Iterator<Item = &'a String>, known: &[&str]) -> Vec<(String, String)> {
    let unknown = used.filter(|name| !known.contains(&name.as_str()));
    unknown.map(|name| (name.clone(), mistake::did_you_mean(name, known.iter().copied()))).collect()
}
