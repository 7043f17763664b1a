//! Anchors: ends of the audit's chain that were noted outside the database, in the reports of days.
//!
//! Owns: reading them back. Never: computes a hash.

use std::path::Path;

use serde::Deserialize;

use super::{Hub, HubError};
use crate::store::audit;

/// An end of the chain, noted once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Where it was noted, Japanese.
    pub from: String,
    /// Number of the last row there was.
    pub rows: i64,
    /// Its hash.
    pub head: String,
}

/// The part of a day's `report.json` that is of interest.
#[derive(Deserialize)]
struct Day {
    audit: Option<Head>,
}

#[derive(Deserialize)]
struct Head {
    rows: i64,
    head: String,
}

/// What the reports of days noted, oldest first.
///
/// # Errors
/// A report cannot be read.
pub fn of_reports(hub: &Hub) -> Result<Vec<Anchor>, HubError> {
    let folder = hub.area.reports();
    let entries = std::fs::read_dir(&folder).map_err(HubError::io("日報の確認", &folder))?;
    let mut days: Vec<_> = entries.filter_map(Result::ok).map(|e| e.path()).filter(|p| p.is_dir()).collect();
    days.sort();
    days.iter().filter_map(|day| of_report(day).transpose()).collect()
}

fn of_report(folder: &Path) -> Result<Option<Anchor>, HubError> {
    let path = folder.join("report.json");
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(HubError::io("日報の確認", &path)(e)),
    };
    let broken = |_| HubError::Refused(format!("日報 {} を読めません", path.display()));
    let day: Day = serde_json::from_slice(&text).map_err(broken)?;
    let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(day.audit.map(|head| Anchor { from: format!("日報 {name} "), rows: head.rows, head: head.head }))
}

/// The first of the anchors whose row is no longer there as it was.
///
/// # Errors
/// The store's.
pub fn first_lost<'a>(hub: &mut Hub, anchors: &'a [Anchor]) -> Result<Option<&'a Anchor>, HubError> {
    for known in anchors {
        if audit::hash_at(&mut hub.conn, known.rows)?.as_deref() != Some(known.head.as_str()) {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

/// `ROWS:HASH` as a person noted it.
///
/// # Errors
/// [`HubError::Refused`] for another form.
pub fn parse(text: &str) -> Result<Anchor, HubError> {
    let parts = text.split_once(':').and_then(|(rows, head)| Some((rows.parse().ok()?, head)));
    let good = |head: &str| head.len() == 64 && head.bytes().all(|b| b.is_ascii_hexdigit());
    match parts {
        Some((rows, head)) if good(head) => {
            Ok(Anchor { from: "控え".to_owned(), rows, head: head.to_ascii_lowercase() })
        }
        _ => Err(HubError::Refused("控えは「行数:ハッシュ」の形で書いてください（日報にあります）".into())),
    }
}
