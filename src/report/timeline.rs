//! The timeline: day by day what was expected and came, what was made and left, and what is due next.
//!
//! Owns: the shape, the order and the words. Never: knows a calendar; the caller names the days.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::html;
use super::model::Municipality;
use super::verdict::Tone;
use super::write::{json, write_file};

/// The whole page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TimelineReport {
    /// Whose data.
    pub municipality: Municipality,
    /// First day shown, JST, ISO.
    pub from: String,
    /// Today.
    pub today: String,
    /// What people must be told now.
    pub alerts: Vec<AlertRow>,
    /// Days on which anything was expected, came or left, newest first.
    pub days: Vec<TimelineDay>,
    /// Days to come on which anything is due, next first.
    pub coming: Vec<TimelineDay>,
}

/// Something a person ought to know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AlertRow {
    /// What is wrong.
    pub message: String,
    /// Whom to phone; may be empty.
    pub contact: String,
}

/// One day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TimelineDay {
    /// The day in JST, ISO.
    pub date: String,
    /// Its name, if it is no working day: `元日`; may be empty.
    pub name: String,
    /// What happened or is due, in the order of time.
    pub lines: Vec<TimelineLine>,
}

/// What happened or is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineLine {
    /// `17:00` JST: when it happened, or its deadline; may be empty.
    pub time: String,
    /// What it is.
    pub event: Event,
    /// Title of the interface.
    pub title: String,
    /// File, deadline or reason; may be empty.
    pub detail: String,
    /// Relative address of its report; empty when there is none.
    pub href: String,
    /// Records of it that are held.
    pub held: u64,
}

/// What a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A file is expected.
    Expected,
    /// An expected file came in time.
    Met,
    /// It came after its deadline.
    Late,
    /// It did not come.
    Missing,
    /// A file that no rule expected came and was taken.
    Arrived,
    /// A file came and was not taken.
    Refused,
    /// A computation is due on this day.
    DeriveDue,
    /// A computation was made.
    Derived,
    /// A file to send is due on this day.
    DraftDue,
    /// A file to send was made.
    Made,
    /// It waits for an operator.
    Unconfirmed,
    /// It left.
    Delivered,
}

impl Event {
    /// In one word.
    pub fn japanese(self) -> &'static str {
        match self {
            Event::Expected => "受信予定",
            Event::Met => "到着",
            Event::Late => "遅れて到着",
            Event::Missing => "未着",
            Event::Arrived => "到着（予定外）",
            Event::Refused => "却下・要対応",
            Event::DeriveDue => "計算予定",
            Event::Derived => "計算済",
            Event::DraftDue => "作成予定",
            Event::Made => "作成",
            Event::Unconfirmed => "確認待ち",
            Event::Delivered => "送付済",
        }
    }

    /// How it feels.
    pub fn tone(self) -> Tone {
        match self {
            Event::Missing | Event::Refused => Tone::Bad,
            Event::Late | Event::Unconfirmed => Tone::Look,
            _ => Tone::Good,
        }
    }
}

impl TimelineLine {
    /// How it feels: as its event; where records are held, somebody should look.
    pub fn tone(&self) -> Tone {
        if self.held > 0 { self.event.tone().max(Tone::Look) } else { self.event.tone() }
    }
}

impl TimelineDay {
    /// How the day felt: as its worst line.
    pub fn tone(&self) -> Tone {
        self.lines.iter().map(TimelineLine::tone).max().unwrap_or(Tone::Good)
    }
}

impl TimelineReport {
    /// How many lines tell that.
    pub fn count(&self, event: Event) -> usize {
        self.days.iter().flat_map(|day| &day.lines).filter(|line| line.event == event).count()
    }

    /// The whole in one sentence.
    pub fn headline(&self) -> String {
        let told = [Event::Met, Event::Late, Event::Missing, Event::Arrived, Event::Refused, Event::Delivered];
        let counts: Vec<String> = told
            .into_iter()
            .map(|event| format!("{} {}", event.japanese(), super::words::count(self.count(event))))
            .collect();
        let held = self.days.iter().flat_map(|day| &day.lines).filter(|line| line.held > 0).count();
        counts.join("、") + &format!("。保留した記録のあるもの {}", super::words::count(held))
    }
}

/// `timeline.json`: the model and its headline.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    kind: &'static str,
    headline: String,
    #[serde(flatten)]
    report: &'a TimelineReport,
}

/// Writes `timeline.json` and `timeline.html` into `dir`, which is made when it is missing.
///
/// # Errors
/// The file system's.
pub fn write_timeline(report: &TimelineReport, dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let document = Document { version: 1, kind: "timeline", headline: report.headline(), report };
    write_file(dir, "timeline.json", &json(&document)?)?;
    write_file(dir, "timeline.html", html::timeline_page(report)?.as_bytes())
}
