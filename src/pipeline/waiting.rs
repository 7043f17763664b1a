//! Waiting: what lies in the inbox and was not taken, and which of it a person must look at.
//!
//! Owns: when waiting has been too long. Never: moves or reads anything, asks the ledger.

use chrono::{DateTime, SecondsFormat};

use super::{Hub, HubError};
use crate::inbox::left::{self, Left, Reason};
use crate::report::day::{Column, ColumnKind, TableReport};

/// Most entries named; the rest is counted by the next look, once these are gone.
pub const NAMED: usize = 1_000;

/// An entry of the inbox that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Path below the inbox; safe to show.
    pub path: String,
    /// Interface of its folder; `None` where no feed looks.
    pub interface: Option<String>,
    /// Why it was not taken.
    pub reason: Reason,
    /// When it came or was last changed, UTC (`2026-07-10T08:05:00Z`).
    pub since: String,
    /// Entries it stands for (a whole folder that no feed looks at).
    pub entries: u64,
    /// The names it waits for: of the missing done-file or manifest, or those that its folder takes; empty = none.
    pub wanted: Vec<String>,
    /// A person must look: nothing takes it, or it has waited longer than its feed allows (`overdue_seconds`).
    pub overdue: bool,
}

impl Waiting {
    /// What a person does about it; `None`: it goes on by itself.
    pub fn next(&self) -> Option<String> {
        let names = self.wanted.join("、");
        Some(match self.reason {
            Reason::Arriving if !self.overdue => return None,
            Reason::Arriving => {
                "常駐の renkei が動いているかを確かめてください。すぐ取り込むときは renkei run と打ってください"
                    .to_owned()
            }
            Reason::NoCompanion => format!("{names} を同じフォルダーに入れてください"),
            Reason::WrongName => {
                format!("入れられる名前は {names} です（* は任意の文字）。正しい名前で入れ直してください")
            }
            Reason::NoData => "本体のファイルを同じフォルダーに入れてください".to_owned(),
            Reason::Unfinished => "送り終わっているはずなら、送付元に確かめてください".to_owned(),
            Reason::Odd => "取り除き、ふつうのファイルとして入れ直してください".to_owned(),
            Reason::UnknownFolder => "情報ごとのフォルダーへ移してください".to_owned(),
        })
    }
}

/// What waits, in order of interface and name; entries where no feed looks come first.
pub fn waiting(hub: &Hub) -> Result<Vec<Waiting>, HubError> {
    let site = &hub.site;
    let inbox = &hub.area.inbox;
    let known = |name: &str| site.feeds.contains_key(name);
    let mut found = left::elsewhere(inbox, &known, NAMED).map_err(HubError::io("受信フォルダーの確認", inbox))?;
    for (interface, feed) in &site.feeds {
        let folder = inbox.join(interface);
        // A folder that is gone keeps nothing; the daemon says so by itself.
        found.extend(left::in_folder(&folder, feed, NAMED - found.len()).unwrap_or_default());
        if found.len() == NAMED {
            break;
        }
    }
    Ok(found.into_iter().map(|left| judge(hub, left)).collect())
}

fn judge(hub: &Hub, left: Left) -> Waiting {
    let allowed = left.interface.as_ref().and_then(|i| hub.site.feeds.get(i)).map_or(0, |feed| feed.overdue_seconds);
    let waited = u64::try_from(hub.clock.now().timestamp() - left.since).unwrap_or(0);
    let since = DateTime::from_timestamp(left.since, 0).unwrap_or_default();
    Waiting {
        overdue: left.reason == Reason::UnknownFolder || waited >= allowed,
        path: left.path,
        interface: left.interface,
        reason: left.reason,
        since: since.to_rfc3339_opts(SecondsFormat::Secs, true),
        entries: left.entries,
        wanted: left.wanted,
    }
}

/// What a person must look at, as a table of the day's report; `None` when there is nothing.
pub(super) fn table(hub: &Hub) -> Result<Option<TableReport>, HubError> {
    let overdue: Vec<Waiting> = waiting(hub)?.into_iter().filter(|w| w.overdue).collect();
    let column = |title: &str, kind| Column { title: title.to_owned(), kind };
    let columns = vec![
        column("場所（inbox の下）", ColumnKind::Text),
        column("理由と、すること", ColumnKind::Text),
        column("いつから", ColumnKind::Text),
        column("件数", ColumnKind::Count),
    ];
    let row = |w: &Waiting| {
        let next = w.next().map(|next| format!("。→ {next}")).unwrap_or_default();
        let reason = format!("{}{next}", w.reason.japanese());
        vec![w.path.clone(), reason, crate::clock::people_jst(&w.since), w.entries.to_string()]
    };
    Ok((!overdue.is_empty()).then(|| TableReport {
        title: "受信フォルダーに残っているもの（未完了のまま、または宛先不明）".to_owned(),
        columns,
        rows: overdue.iter().map(row).collect(),
        note:
            "取り込まれていません。置いた人に確認し、正しい場所に入れ直すか、対になるファイルを送ってもらってください。"
                .to_owned(),
    }))
}
