//! The model of a run's report.
//!
//! Owns: the shape of everything a report of one run can say. Never: formats, computes or stores it.
//!
//! Texts are already what a person reads (times are JST, formatted by [`super::words`]); an empty text means "none".

use serde::{Serialize, Serializer};

use super::balance::{Balance, Tally};
use super::verdict::Outcome;
use crate::finding::{Finding, Severity};
use crate::schema::layout::Provenance;

/// Which way the records went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// A file arrived and was loaded.
    In,
    /// A file was made and sent.
    Out,
    /// Rows were computed from the store into the store.
    Derive,
}

/// Whose data it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Municipality {
    /// The six-digit code.
    pub code: String,
    /// The name people use.
    pub name: String,
}

/// The report of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// Title of the interface.
    pub title: String,
    /// Id of the interface.
    pub interface: String,
    /// Which way.
    pub direction: Direction,
    /// Whose data.
    pub municipality: Municipality,
    /// Id of the exchange in the ledger, as people see it.
    pub exchange: String,
    /// The file received or made; `None` for a derivation.
    pub file: Option<FileUsed>,
    /// When things happened.
    pub times: Times,
    /// The layout that read or wrote the file; `None` for a derivation.
    pub layout: Option<LayoutUsed>,
    /// Revision of the plan (a hash over its declarative files).
    pub plan_revision: String,
    /// The date the run reckoned with, ISO.
    pub base_date: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Every record accounted for; the default when the run read nothing (duplicate, failure).
    pub balance: Balance,
    /// Control totals inside the file against what was counted.
    pub seen_totals: Vec<SeenTotal>,
    /// Findings, in the order of the file; the store's limit cuts them, see `findings_beyond`.
    pub findings: Vec<FindingLine>,
    /// Findings that are counted only.
    pub findings_beyond: Vec<FindingsBeyond>,
    /// Records held back, in the order of the file.
    pub held: Vec<HeldRecord>,
    /// Held records that are not in `held`.
    pub held_beyond: u64,
    /// Outbound: one line per group of the file.
    pub groups: Vec<TallyLine>,
    /// Derived: one line per declared outcome.
    pub outcomes: Vec<TallyLine>,
    /// Outbound: where it went; `None` while it is a draft.
    pub delivery: Option<Delivery>,
    /// Outbound: the page beside the report that names whom the file is about.
    pub list: Option<String>,
    /// What the ledger adds to the verdict, e.g. which exchange a duplicate repeats or why a draft was returned.
    pub note: String,
    /// What the operator does next, one sentence each; empty means the outcome's usual steps.
    pub next_steps: Vec<String>,
}

/// A file as it was received or made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FileUsed {
    /// Its name, without a folder.
    pub name: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// When things happened: JST, formatted by [`super::words::jst`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Times {
    /// When the file was taken from the inbox; empty for outbound and derived.
    pub received: String,
    /// When the run began.
    pub started: String,
    /// When the run ended.
    pub finished: String,
}

/// The layout that read or wrote the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayoutUsed {
    /// Its id.
    pub id: String,
    /// Its profile.
    pub profile: String,
    /// How far it can be trusted; anything but documented is told to the reader.
    #[serde(serialize_with = "provenance_word")]
    pub provenance: Provenance,
    /// Where the facts come from.
    pub source: String,
}

/// One control total of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SeenTotal {
    /// What is totalled, numbered where several groups of the file have it.
    pub title: String,
    /// What the file says, as text.
    pub declared: String,
    /// What was counted, as text.
    pub counted: String,
    /// Do the two agree?
    pub agrees: bool,
}

/// One finding as a report shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingLine {
    /// Code of the catalogue or of a mapping's check.
    pub code: String,
    /// How bad.
    #[serde(serialize_with = "severity_word")]
    pub severity: Severity,
    /// 1-based record; 0 when it is about the file.
    pub record: u64,
    /// 1-based line; 0 when it is about the file.
    pub line: u64,
    /// 0-based byte offset in the file as received.
    pub byte: u64,
    /// Data item; empty when it is about a record or the file.
    pub field: String,
    /// Value as read, already masked where secret.
    pub value: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub action: String,
    /// The rule, `file:line`; empty when the format itself says so.
    pub rule: String,
}

/// Findings of one code that are counted but not listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FindingsBeyond {
    /// Their code.
    pub code: String,
    /// How many more there are.
    pub count: u64,
}

/// A record that was held back; its bytes are in the archived file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HeldRecord {
    /// 1-based record.
    pub record: u64,
    /// 1-based line.
    pub line: u64,
    /// 0-based byte offset in the file as received.
    pub byte: u64,
    /// Length in bytes.
    pub len: u64,
    /// Why.
    pub reason: String,
}

/// A label with a count and perhaps an amount.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TallyLine {
    /// What is counted.
    pub label: String,
    /// How many, how much.
    pub tally: Tally,
}

/// Where an outbound file went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// To whom.
    pub partner: String,
    /// Name of the file as delivered.
    pub file: String,
    /// Name of the manifest; empty when there is none.
    pub manifest: String,
    /// SHA-256 of the delivered bytes, lower-case hex; the hash that was confirmed.
    pub sha256: String,
    /// Who confirmed; empty when released without confirmation.
    pub confirmed_by: String,
    /// When it was confirmed, JST.
    pub confirmed_at: String,
    /// When it was delivered, JST; empty while it waits.
    pub delivered_at: String,
}

impl RunReport {
    /// An otherwise empty report; the caller fills in what it knows.
    pub fn new(title: &str, interface: &str, direction: Direction, exchange: &str, outcome: Outcome) -> Self {
        RunReport {
            title: title.to_owned(),
            interface: interface.to_owned(),
            direction,
            municipality: Municipality::default(),
            exchange: exchange.to_owned(),
            file: None,
            times: Times::default(),
            layout: None,
            plan_revision: String::new(),
            base_date: String::new(),
            outcome,
            balance: Balance::default(),
            seen_totals: Vec::new(),
            findings: Vec::new(),
            findings_beyond: Vec::new(),
            held: Vec::new(),
            held_beyond: 0,
            groups: Vec::new(),
            outcomes: Vec::new(),
            delivery: None,
            list: None,
            note: String::new(),
            next_steps: Vec::new(),
        }
    }

    /// All findings, listed or only counted.
    pub fn finding_count(&self) -> u64 {
        self.findings.len() as u64 + self.findings_beyond.iter().map(|b| b.count).sum::<u64>()
    }
}

impl Direction {
    /// The word people read.
    pub fn japanese(self) -> &'static str {
        match self {
            Direction::In => "受信",
            Direction::Out => "送付",
            Direction::Derive => "計算",
        }
    }
}

impl From<&Finding> for FindingLine {
    fn from(finding: &Finding) -> Self {
        FindingLine {
            code: finding.code.clone(),
            severity: finding.severity,
            record: finding.data.record,
            line: finding.data.line,
            byte: finding.data.byte,
            field: finding.data.field.clone(),
            value: finding.value.clone(),
            message: finding.message.clone(),
            action: finding.action.clone(),
            rule: match (finding.rule.file.as_str(), finding.rule.line) {
                ("", _) => String::new(),
                (file, 0) => file.to_owned(),
                (file, line) => format!("{file}:{line}"),
            },
        }
    }
}

fn severity_word<S: Serializer>(severity: &Severity, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(severity.word())
}

fn provenance_word<S: Serializer>(provenance: &Provenance, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(match provenance {
        Provenance::Documented => "documented",
        Provenance::Partly => "partly",
        Provenance::Inferred => "inferred",
    })
}
