//! What there is to see when a case has been played: reports, rows, sent files, lists and tables, as JSON.
//!
//! Owns: its form. Never: plays or compares.

use serde_json::{Map, Value as Json, json};

use super::case_file::Case;
use crate::codec::{Findings, ReadLimits, Record, RecordReader};
use crate::pipeline::list::MAX_ROWS;
use crate::pipeline::{Hub, HubError, draft_list, facts, snapshot};
use crate::report::list::{ListCell, ListReport};

/// Reports, rows, sent files and what else the case compares.
pub(super) fn outcome(hub: &mut Hub, case: &Case, sent: &[i64]) -> Result<Json, HubError> {
    let mut reports = Vec::new();
    for report in facts::all_reports(hub)? {
        if case.reports.as_ref().is_none_or(|wanted| wanted.contains(&report.interface)) {
            reports.push(snapshot::case_json(&report));
        }
    }
    let mut rows = Map::new();
    let entities: Vec<_> = hub.site.entities.values().cloned().collect();
    for entity in entities {
        if case.entities.as_ref().is_some_and(|wanted| !wanted.contains(&entity.id)) {
            continue;
        }
        let dumped = snapshot::rows_json(hub, &entity)?;
        if !dumped.is_empty() {
            rows.insert(entity.name.clone(), Json::Array(dumped));
        }
    }
    let mut files = Map::new();
    for exchange in sent {
        let (interface, name, sha256, profile) = facts::delivered(hub, *exchange)?;
        let name = format!("{interface}/{name}");
        let before = files.keys().filter(|known: &&String| known.starts_with(&name)).count();
        let name = if before > 0 { format!("{name}（{} 通目）", before + 1) } else { name };
        files.insert(name, file_json(hub, &interface, &sha256, profile.as_deref())?);
    }
    let mut seen = json!({ "reports": reports, "rows": rows, "files": files });
    if !case.lists.is_empty() {
        seen["lists"] = lists_json(hub, &case.lists)?;
    }
    if case.drafts {
        let lists: Result<Vec<_>, HubError> =
            sent.iter().map(|id| Ok(list_json(&draft_list::draft_list(hub, *id, MAX_ROWS)?))).collect();
        seen["drafts"] = Json::Array(lists?);
    }
    if case.tables {
        seen["tables"] = tables_json(hub)?;
    }
    Ok(seen)
}

/// Lists as an operator sees them: their headings, then a text a row.
fn lists_json(hub: &mut Hub, ids: &[String]) -> Result<Json, HubError> {
    let site = hub.site.clone();
    let mut all = Map::new();
    for id in ids {
        let missing = || HubError::Refused(format!("一覧「{id}」はありません"));
        let list = site.lists.get(id).ok_or_else(missing)?;
        let report = crate::pipeline::list::list(hub, list, &Default::default())?;
        all.insert(id.clone(), list_json(&report));
    }
    Ok(Json::Object(all))
}

fn list_json(report: &ListReport) -> Json {
    let heads: Vec<&str> = report.columns.iter().map(|c| c.title.as_str()).collect();
    let row = |cells: &Vec<ListCell>| cells.iter().map(ListCell::show).collect::<Vec<_>>().join("｜");
    std::iter::once(heads.join("｜")).chain(report.rows.iter().map(row)).map(Json::from).collect()
}

/// The declared tables of today's report, a text a line.
fn tables_json(hub: &mut Hub) -> Result<Json, HubError> {
    let today = hub.clock.today().to_string();
    let mut all = Map::new();
    for table in crate::pipeline::day::day_report(hub, &today)?.tables {
        let heading: Vec<&str> = table.columns.iter().map(|c| c.title.as_str()).collect();
        let mut lines = vec![heading.join(" | ")];
        lines.extend(table.rows.iter().map(|row| row.join(" | ")));
        all.insert(table.title, json!(lines));
    }
    Ok(Json::Object(all))
}

/// A delivered file as its layout reads it: independent of charset, and a person can review it.
fn file_json(hub: &Hub, interface: &str, sha256: &str, profile: Option<&str>) -> Result<Json, HubError> {
    let plan = hub.site.outbound[interface].clone();
    let path = hub.area.archived_path(sha256);
    let input = hub.area.open_archived(sha256).map_err(HubError::io("読み込み", &path))?;
    let mut reader = RecordReader::new(plan.layout_in(profile).clone(), input, ReadLimits::default());
    let mut findings = Findings::new(10);
    let mut record = Record::default();
    let mut lines = Vec::new();
    while reader.next(&mut record, &mut findings).map_err(HubError::io("読み込み", &path))? {
        let kind = &plan.layout.records[record.kind];
        let fields: Vec<String> = kind
            .fields
            .iter()
            .enumerate()
            .filter(|(_, f)| f.ty().is_some())
            .map(|(i, _)| record.value(i).to_string())
            .collect();
        lines.push(Json::String(format!("{}: {}", kind.name, fields.join(" | "))));
    }
    lines.extend(findings.kept().iter().map(|f| Json::String(f.to_string())));
    Ok(Json::Array(lines))
}
