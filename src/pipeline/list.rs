//! Lists: a declared list becomes rows, as they stand now.
//!
//! Owns: choosing the rows, the values of the parameters. Never: renders them (`report::list`).

use std::collections::BTreeMap;

use super::row::{RunItems, ViewRow};
use super::source::Source;
use super::{Hub, HubError, hold};
use crate::expr::{Row, Scratch};
use crate::mapping::load_list::{List, ListColumn, PARAMETER, Parameter};
use crate::report::list::{ListCell, ListReport, ListReportColumn};
use crate::report::model::Municipality;
use crate::store::StoreError;
use crate::store::request;
use crate::value::{OwnedValue, Type, Value};

/// Most rows of a list. A longer one is cut, and says so.
pub const MAX_ROWS: usize = 200_000;
/// Codes named where another was chosen.
const USABLE: usize = 30;
/// Shown instead of a secret.
const MASK: &str = "＊＊＊";

/// The rows of a list. `chosen`: parameter → value as text (`YYYY-MM-DD` for a date).
///
/// # Errors
/// [`HubError::Refused`] for an unknown parameter or a value that does not fit its type; the store's.
pub fn list(hub: &mut Hub, list: &List, chosen: &BTreeMap<String, String>) -> Result<ListReport, HubError> {
    list_for(hub, list, chosen, false)
}

/// [`list`], with what guards protect if `open`; who asks for it is to be noted first ([`log_open`]).
///
/// # Errors
/// As [`list`].
pub fn list_for(
    hub: &mut Hub,
    list: &List,
    chosen: &BTreeMap<String, String>,
    open: bool,
) -> Result<ListReport, HubError> {
    let site = hub.site.clone();
    let dantai = hub.dantai().to_owned();
    let now = hub.clock.stamp();
    let base_date = hub.clock.today().to_string();
    let run = RunItems {
        base_date: base_date.clone(),
        municipality: dantai.clone(),
        created_at: crate::clock::compact_jst(&now),
        ..RunItems::default()
    };
    let values = parameters(list, chosen, &run, &site.values)?;
    let row = ViewRow { columns: &[], run: &run, site: &site.values };
    let bound = |s: u32| match (s >> 16) as u16 {
        PARAMETER => Some(values.get((s & 0xFFFF) as usize).cloned().flatten().unwrap_or(OwnedValue::Null)),
        _ => Some(row.get(s).to_owned()),
    };
    let active = list.parameters.iter().zip(&values).filter(|(_, value)| value.is_some());
    let filters: Vec<_> = list.filter.iter().chain(active.filter_map(|(p, _)| p.filter.as_ref())).collect();
    let chosen = told(list, &values);
    let municipality = Municipality { code: dantai.clone(), name: site.municipality_name() };
    let mut report = without_rows(list, base_date.clone(), crate::clock::people_jst(&now), municipality, chosen);
    let mut masks = Vec::new();
    for mask in list.masks.iter().filter(|_| !open) {
        masks.push((mask, hold::protected(hub, &mask.guard, &dantai, &base_date)?));
    }
    let hidden = |row: &[Value<'_>], from: usize| {
        masks.iter().any(|(mask, protected)| mask.carried.contains(&from) && mask.hides(row, protected))
    };
    let source = Source {
        site: &site,
        view: &list.view,
        filter: None,
        part: &[],
        order: &list.order,
        dantai: &dantai,
        base_date: &base_date,
        shared: None,
    };
    let done = source.each_where(&mut hub.conn, &filters, &bound, |row| {
        if report.rows.len() == MAX_ROWS {
            return Err(StoreError::Stopped);
        }
        let mut masked = 0;
        let cells = list.columns.iter().map(|c| match row[c.from] {
            Value::Null => ListCell::Empty,
            _ if hidden(row, c.from) => {
                masked = 1;
                ListCell::Text(MASK.to_owned())
            }
            value => cell(c, value),
        });
        report.rows.push(cells.collect());
        report.masked += masked;
        Ok(())
    });
    match done {
        Ok(()) => {}
        Err(HubError::Store(StoreError::Stopped)) => report.cut = true,
        Err(e) => return Err(e),
    }
    Ok(report)
}

/// What stands above the rows of a list.
fn without_rows(
    list: &List,
    base_date: String,
    made_at: String,
    municipality: Municipality,
    chosen: Vec<(String, String)>,
) -> ListReport {
    ListReport {
        id: list.id.clone(),
        title: list.title.clone(),
        flow: list.flow.clone(),
        note: list.note.clone(),
        base_date,
        made_at,
        municipality,
        chosen,
        columns: list.columns.iter().map(column).collect(),
        ..ListReport::default()
    }
}

/// Notes that somebody has a list shown with what guards protect, and why.
///
/// # Errors
/// [`HubError::Refused`] when it is not said who or why; the store's.
pub fn log_open(hub: &mut Hub, list: &List, who: &str, reason: &str) -> Result<(), HubError> {
    if who.trim().is_empty() || reason.trim().is_empty() {
        let how = "保護する値も出すときは、だれが（--by）、なぜ（--reason）見るかを書いてください";
        return Err(HubError::Refused(how.into()));
    }
    hold::looked(hub, who, reason, None, &format!("list {}", list.id))
}

/// Notes that somebody took a list away: which one and how many rows. What was chosen may name a person and is left out.
///
/// # Errors
/// The store's.
pub fn log_export(hub: &mut Hub, report: &ListReport, who: &str, format: &str) -> Result<(), HubError> {
    let now = hub.clock.stamp();
    let detail = format!("{} {format} {}件", report.id, report.rows.len());
    Ok(hub.conn.durable(|conn| request::log(conn, who, "list", None, &detail, &now))?)
}

fn parameters(
    list: &List,
    chosen: &BTreeMap<String, String>,
    run: &RunItems,
    site: &[(String, String)],
) -> Result<Vec<Option<OwnedValue>>, HubError> {
    if let Some(unknown) = chosen.keys().find(|name| !list.parameters.iter().any(|p| p.name == **name)) {
        let names: Vec<&str> = list.parameters.iter().map(|p| p.name.as_str()).collect();
        let has = if names.is_empty() {
            "条件はありません".to_owned()
        } else {
            format!("条件は {} です", names.join("、"))
        };
        return Err(HubError::Refused(format!("「{}」に条件「{unknown}」はありません（{has}）", list.title)));
    }
    let row = ViewRow { columns: &[], run, site };
    let value = |p: &Parameter| {
        if let Some(text) = chosen.get(&p.name) {
            let known = p.codes.as_ref().map_or(Some(text.as_str()), |table| table.code(text));
            return known.and_then(|text| fit(p.ty, text)).map(Some).ok_or_else(|| unfit(p, text));
        }
        let scratch = Scratch::new();
        let Some(default) = &p.default else { return Ok(None) };
        let value = default.eval(&row, &scratch).map_err(|e| HubError::Rules(e.to_string()))?;
        Ok((value != Value::Null).then(|| value.to_owned()))
    };
    list.parameters.iter().map(value).collect()
}

/// What can be chosen instead.
fn unfit(p: &Parameter, text: &str) -> HubError {
    let takes = match (&p.codes, p.ty) {
        (Some(table), _) => table.listed(USABLE),
        (None, Type::Date) => "日付は 2026-11-20 の形です".to_owned(),
        (None, Type::Int) => "数字だけです".to_owned(),
        (None, _) => "制御文字は使えません".to_owned(),
    };
    HubError::Refused(format!("条件「{}」に「{text}」は使えません。{takes}", p.title))
}

/// A value as typed in; `None` when it does not fit. Nothing is rounded or completed.
fn fit(ty: Type, text: &str) -> Option<OwnedValue> {
    match ty {
        Type::Int => text.parse().ok().map(OwnedValue::Int),
        Type::Date => {
            let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            (date.to_string() == text).then(|| OwnedValue::Text(text.to_owned()))
        }
        _ => (!text.chars().any(char::is_control)).then(|| OwnedValue::Text(text.to_owned())),
    }
}

fn told(list: &List, values: &[Option<OwnedValue>]) -> Vec<(String, String)> {
    let named = |p: &Parameter, code: String| match p.codes.as_ref().and_then(|table| table.name(&code)) {
        Some(name) => format!("{code} {name}"),
        None => code,
    };
    let text = |p: &Parameter, value: &Option<OwnedValue>| value.as_ref().map(|v| named(p, v.as_value().to_string()));
    list.parameters
        .iter()
        .zip(values)
        .map(|(p, v)| (p.title.clone(), text(p, v).unwrap_or_else(|| "すべて".into())))
        .collect()
}

fn column(c: &ListColumn) -> ListReportColumn {
    ListReportColumn {
        title: c.title.clone(),
        right: c.right,
        number: c.ty == Type::Int && !c.secret,
        width: c.width,
        total: c.total && !c.secret,
    }
}

fn cell(column: &ListColumn, value: Value<'_>) -> ListCell {
    match value {
        Value::Null => ListCell::Empty,
        _ if column.secret => ListCell::Text(MASK.to_owned()),
        Value::Int(n) => ListCell::Number(n),
        value => {
            let code = value.to_string();
            let name = column.codes.as_ref().and_then(|table| table.name(&code));
            ListCell::Text(name.map(|name| format!("{code} {name}")).unwrap_or(code))
        }
    }
}
