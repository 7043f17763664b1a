//! The model of a day's report: every exchange of one municipality on one day, and the day's balance.
//!
//! Owns: the shape and the sums. Never: chooses which exchanges belong to the day; the caller does.

use serde::Serialize;

use super::model::{Direction, Municipality, RunReport};
use super::timeline::AlertRow;
use super::verdict::{Outcome, Tone};
use super::words;

/// The report of one day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DayReport {
    /// The day in JST, ISO.
    pub date: String,
    /// Whose data.
    pub municipality: Municipality,
    /// What people must be told: files that did not come, numbers left out, calendars that end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<AlertRow>,
    /// Every exchange and derivation, in the order of time.
    pub rows: Vec<DayRow>,
    /// What was delivered, in the order of time.
    pub deliveries: Vec<DeliveryRow>,
    /// Drafts that wait for an operator, oldest first, also those of earlier days.
    pub waiting: Vec<WaitingRow>,
    /// The end of the audit's chain on that day; noted here, it shows later if the chain was made anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditHead>,
    /// The declared tables, e.g. what was asked against what came back.
    pub tables: Vec<TableReport>,
}

/// The end of the audit's chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AuditHead {
    /// Number of its last row.
    pub rows: i64,
    /// Hash of that row.
    pub head: String,
}

/// One exchange of the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayRow {
    /// `17:05`, JST, or a whole date and time where the reader needs it.
    pub time: String,
    /// Which way.
    pub direction: Direction,
    /// Id of the exchange.
    pub exchange: String,
    /// Title of the interface.
    pub title: String,
    /// Name of the file; empty for a derivation.
    pub file: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Records read or selected.
    pub read: u64,
    /// Records neither held nor rejected (new, changed, unchanged, closed, superseded, outside).
    pub loaded: u64,
    /// Records held.
    pub held: u64,
    /// Records rejected.
    pub rejected: u64,
    /// Yen of what was read, where the mapping declares a control amount.
    pub amount: Option<i64>,
    /// Did everything in its report agree (balance and control totals)?
    pub agrees: bool,
    /// Relative address of its report; empty when there is none.
    pub href: String,
    /// Why it was not taken, or what is wrong with the file as a whole; may be empty.
    pub say: String,
}

/// One delivered file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeliveryRow {
    /// When, JST.
    pub time: String,
    /// To whom.
    pub partner: String,
    /// Title of the interface.
    pub title: String,
    /// Name as delivered.
    pub file: String,
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// Records.
    pub count: u64,
    /// Yen.
    pub amount: Option<i64>,
    /// Who confirmed; empty when released without confirmation.
    pub confirmed_by: String,
}

/// A draft that waits for an operator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WaitingRow {
    /// Since when, JST.
    pub since: String,
    /// Id of the exchange, to be named in `confirm` and `return`.
    pub exchange: String,
    /// Title of the interface.
    pub title: String,
    /// Name of the draft.
    pub file: String,
    /// Records.
    pub count: u64,
    /// Yen.
    pub amount: Option<i64>,
    /// Relative address of its report; empty when there is none.
    pub href: String,
}

/// A declared table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// Its title.
    pub title: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows; every row has as many texts as there are columns. Numbers are plain (`-1234`).
    pub rows: Vec<Vec<String>>,
    /// How to read it; may be empty.
    pub note: String,
}

/// A column of a declared table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its heading.
    pub title: String,
    /// How its texts are set.
    pub kind: ColumnKind,
}

/// How a column's texts are set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    /// As they are.
    #[default]
    Text,
    /// Whole numbers with 件.
    Count,
    /// Whole numbers with 円.
    Amount,
    /// Whole numbers that ought to be 0.
    Difference,
}

impl ColumnKind {
    /// The number in a cell of this kind; `None` for text and for what is no number.
    pub fn number(self, cell: &str) -> Option<i64> {
        if self == ColumnKind::Text { None } else { cell.parse().ok() }
    }

    /// The cell as a page shows it.
    pub fn show(self, cell: &str) -> String {
        match (self, self.number(cell)) {
            (ColumnKind::Count, Some(n)) => words::count(n),
            (ColumnKind::Amount, Some(n)) => words::yen(Some(n)),
            (_, Some(n)) => words::thousands(n),
            (_, None) => words::visible(cell).into_owned(),
        }
    }
}

/// Sum over the exchanges of one direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DaySum {
    /// Which way.
    pub direction: Direction,
    /// Exchanges.
    pub exchanges: u64,
    /// Records read or selected.
    pub read: u64,
    /// Records neither held nor rejected.
    pub loaded: u64,
    /// Records held.
    pub held: u64,
    /// Records rejected.
    pub rejected: u64,
    /// read − loaded − held − rejected; 0 when all are accounted for.
    pub difference: i64,
}

impl DayRow {
    /// The line of a run; the caller gives the time and the way to its report.
    pub fn of(report: &RunReport, time: &str, href: &str) -> Self {
        DayRow {
            time: time.to_owned(),
            direction: report.direction,
            exchange: report.exchange.clone(),
            title: report.title.clone(),
            file: report.file.as_ref().map(|f| f.name.clone()).unwrap_or_default(),
            outcome: report.outcome,
            read: report.balance.read.count,
            loaded: report.balance.taken().count,
            held: report.balance.held.count,
            rejected: report.balance.rejected.count,
            amount: report.balance.read.amount,
            agrees: report.alarms().is_empty(),
            href: href.to_owned(),
            say: report.whole_sentence().to_owned(),
        }
    }

    /// read − loaded − held − rejected; 0 when all are accounted for.
    pub fn difference(&self) -> i64 {
        let rest = i128::from(self.read) - i128::from(self.loaded) - i128::from(self.held) - i128::from(self.rejected);
        rest.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }

    /// The verdict in one word.
    pub fn verdict(&self) -> &'static str {
        self.outcome.japanese(self.direction)
    }

    /// How it feels: the outcome's tone, or worse.
    pub fn tone(&self) -> Tone {
        match (self.agrees && self.difference() == 0, self.held) {
            (false, _) => Tone::Bad,
            (true, 0) => self.outcome.tone(),
            (true, _) if self.outcome == Outcome::PartlyHeld && !self.say.is_empty() => Tone::Bad,
            (true, _) => self.outcome.tone().max(Tone::Look),
        }
    }
}

impl DayReport {
    /// The day's balance, one line per direction that has exchanges.
    pub fn sums(&self) -> Vec<DaySum> {
        let directions = [Direction::In, Direction::Derive, Direction::Out];
        directions.into_iter().filter_map(|direction| self.sum(direction)).collect()
    }

    fn sum(&self, direction: Direction) -> Option<DaySum> {
        let mut sum = DaySum { direction, exchanges: 0, read: 0, loaded: 0, held: 0, rejected: 0, difference: 0 };
        for row in self.rows.iter().filter(|r| r.direction == direction) {
            sum.exchanges += 1;
            sum.read = sum.read.saturating_add(row.read);
            sum.loaded = sum.loaded.saturating_add(row.loaded);
            sum.held = sum.held.saturating_add(row.held);
            sum.rejected = sum.rejected.saturating_add(row.rejected);
            // Added up without sign, so that one file's surplus never hides another's loss.
            sum.difference = sum.difference.saturating_add(row.difference().saturating_abs());
        }
        (sum.exchanges > 0).then_some(sum)
    }

    /// How the day feels: as its worst exchange, or its waiting drafts.
    pub fn tone(&self) -> Tone {
        let waiting = if self.waiting.is_empty() { Tone::Good } else { Tone::Look };
        let told = if self.alerts.is_empty() { Tone::Good } else { Tone::Bad };
        self.rows.iter().map(DayRow::tone).max().unwrap_or(Tone::Good).max(waiting).max(told)
    }

    /// The exchanges somebody should look at, worst first, then by time; a draft's wait has its own list.
    pub fn to_look_at(&self) -> Vec<&DayRow> {
        let mut rows: Vec<&DayRow> = self
            .rows
            .iter()
            .filter(|r| {
                r.tone() > Tone::Good && !(r.outcome == Outcome::Drafted && r.tone() == Tone::Look && r.held == 0)
            })
            .collect();
        rows.sort_by_key(|r| std::cmp::Reverse(r.tone()));
        rows
    }

    /// One or two sentences that say how the day went.
    pub fn headline(&self) -> String {
        if self.rows.is_empty() && self.waiting.is_empty() {
            return "この日の送受信はありませんでした。".to_owned();
        }
        let unlike = self.rows.iter().filter(|r| !r.agrees || r.difference() != 0).count();
        let look = self.to_look_at().len();
        let mut text = format!("{}の処理がありました。", words::count(self.rows.len()));
        text += &match unlike {
            0 => "読み込んだ記録はすべて行き先が確かめられています（差引 0件）。".to_owned(),
            n => format!("件数または合計の合わない処理が {} あります。", words::count(n)),
        };
        if look > 0 {
            text += &format!("確かめていただきたい処理が {} あります。", words::count(look));
        }
        if !self.alerts.is_empty() {
            text += &format!("未着などの警告が {} あります。", words::count(self.alerts.len()));
        }
        if !self.waiting.is_empty() {
            text += &format!("確認待ちの送付ファイルが {} あります。", words::count(self.waiting.len()));
        }
        text
    }
}
