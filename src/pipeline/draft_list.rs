//! The list by which an operator checks whom a file to send is about: read from the very bytes that would leave.
//!
//! Owns: joining the file, the ledger's records of it and what was kept back. Never: selects from the view again, so what is
//! shown is what is sent; renders (`report::list`).

use std::io::Read;
use std::path::PathBuf;

use super::facts::{report_folder, title};
use super::hold::shown_key;
use super::{Hub, HubError};
use crate::codec::{Findings, ReadLimits, Record, RecordReader};
use crate::expr::CodeTable;
use crate::finding::Severity;
use crate::mapping::load_confirm::ConfirmColumn;
use crate::mapping::plan::OutPlan;
use crate::report::list::{ListCell, ListReport, ListReportColumn};
use crate::store::ledger::{Direction, Exchange};
use crate::store::ledger_out::{self, Change, StoredRecord};
use crate::store::{Conn, StoreError, detail, hold, lineage, run};
use crate::value::{Type, Value};

/// Rows of the page beside a draft's report; the command has them all.
pub const PAGE_ROWS: usize = 5_000;
/// Name of that page.
pub const PAGE: &str = "list.html";
/// Most held rows named.
const HELD: u32 = 10_000;
const MASK: &str = "＊＊＊";

/// The list of a file to send, of at most `limit` rows: those in the file, in its order, then those kept back.
///
/// # Errors
/// [`HubError::Refused`]: no such exchange, not one to send, or no longer readable by the mapping; the store's.
pub fn draft_list(hub: &mut Hub, id: i64, limit: usize) -> Result<ListReport, HubError> {
    let exchange = hub.exchange(id)?.ok_or_else(|| HubError::Refused(format!("受付番号 {id} はありません")))?;
    if exchange.direction != Direction::Out {
        return Err(HubError::Refused(format!("受付番号 {id} は、送るファイルではありません")));
    }
    let Some(plan) = hub.site.outbound.get(&exchange.interface).cloned() else {
        return Err(HubError::Refused(format!("「{}」の送信定義がありません", exchange.interface)));
    };
    let mut report = heading(hub, &plan, &exchange);
    if let Some(sha256) = exchange.sha256.clone() {
        sent_rows(hub, &plan, &exchange, &sha256, limit, &mut report)?;
    }
    held_rows(hub, &plan, id, limit, &mut report)?;
    if report.cut {
        // A sum of some of the rows would look like that of the file.
        report.columns.iter_mut().for_each(|column| column.total = false);
    }
    Ok(report)
}

/// Writes the page beside the report of a draft, once.
pub(super) fn write_page(hub: &mut Hub, exchange: &Exchange) -> Result<(), HubError> {
    let path = report_folder(hub, exchange).join(PAGE);
    if exchange.direction != Direction::Out || exchange.sha256.is_none() || path.exists() {
        return Ok(());
    }
    if !hub.site.outbound.contains_key(&exchange.interface) {
        return Ok(());
    }
    let failed = |e| HubError::io("一覧の書き出し", &path)(e);
    let page = draft_list(hub, exchange.id, PAGE_ROWS)?.html().map_err(failed)?;
    crate::report::write_page(&path, page.as_bytes()).map_err(failed)
}

fn heading(hub: &Hub, plan: &OutPlan, exchange: &Exchange) -> ListReport {
    let plain = |title: &str, right, number| ListReportColumn {
        title: title.to_owned(),
        right,
        number,
        ..ListReportColumn::default()
    };
    let mut columns = vec![plain("記録", true, true), plain("区分", false, false)];
    columns.extend(plan.confirm.iter().map(|c| ListReportColumn {
        title: c.title.clone(),
        right: c.ty == Type::Int,
        number: c.ty == Type::Int && !c.secret,
        width: 0,
        total: c.total && !c.secret,
    }));
    columns.push(plain("備考", false, false));
    let changed = exchange.revision.as_deref().is_some_and(|revision| revision != plan.revision);
    let note = if changed {
        "作成したあとに定義が変わっています。この一覧は今の定義で読んでいます。"
    } else {
        ""
    };
    ListReport {
        id: format!("draft-{}", exchange.id),
        title: format!("{} 対象者確認", title(hub, &exchange.interface)),
        note: note.to_owned(),
        base_date: crate::clock::day_jst(&exchange.received_at),
        made_at: crate::clock::people_jst(&exchange.received_at),
        municipality: crate::report::model::Municipality {
            code: exchange.dantai.clone(),
            name: hub.site.municipality_name(),
        },
        chosen: vec![
            ("受付番号".into(), exchange.id.to_string()),
            ("ファイル".into(), exchange.file_name.clone()),
            ("送付先".into(), plan.partner.clone()),
        ],
        columns,
        ..ListReport::default()
    }
}

/// Rows of the file itself.
fn sent_rows(
    hub: &mut Hub,
    plan: &OutPlan,
    exchange: &Exchange,
    sha256: &str,
    limit: usize,
    report: &mut ListReport,
) -> Result<(), HubError> {
    let path = hub.area.archived_path(sha256);
    let input = hub.area.open_archived(sha256).map_err(HubError::io("読み込み", &path))?;
    let layout = plan.layout_in(exchange.profile.as_deref()).clone();
    let mut file =
        FileRows { reader: RecordReader::new(layout, input, ReadLimits::default()), record: Record::new(), path };
    let mut ledger = hub.store.connect()?;
    let mut failed = None;
    let done = ledger_out::each_record(&mut ledger, exchange.id, |stored| {
        if report.rows.len() == limit {
            report.cut = true;
            return Err(StoreError::Stopped);
        }
        match file.find(&stored).and_then(|record| row(&mut hub.conn, plan, exchange, &stored, record)) {
            Ok(cells) => report.rows.push(cells),
            Err(e) => {
                failed = Some(e);
                return Err(StoreError::Stopped);
            }
        }
        Ok(())
    });
    match (done, failed) {
        (_, Some(e)) => Err(e),
        (Ok(()) | Err(StoreError::Stopped), None) => Ok(()),
        (Err(e), None) => Err(e.into()),
    }
}

/// The file, read on to the record wanted.
struct FileRows<R: Read> {
    reader: RecordReader<R>,
    record: Record,
    path: PathBuf,
}

impl<R: Read> FileRows<R> {
    fn find(&mut self, stored: &StoredRecord) -> Result<&Record, HubError> {
        let mut findings = Findings::new(1);
        loop {
            let more = self.reader.next(&mut self.record, &mut findings);
            let more = more.map_err(HubError::io("読み込み", &self.path))?;
            if more && self.record.byte == stored.byte {
                return Ok(&self.record);
            }
            if !more || self.record.byte > stored.byte {
                let told =
                    format!("{} 件目の記録を今の定義で読めません。定義が変わっていないか確認してください", stored.n);
                return Err(HubError::Refused(told));
            }
        }
    }
}

fn row(
    conn: &mut Conn,
    plan: &OutPlan,
    exchange: &Exchange,
    stored: &StoredRecord,
    record: &Record,
) -> Result<Vec<ListCell>, HubError> {
    let kind = match stored.change {
        Some(Change::New) => "新規",
        Some(Change::Changed) => "変更",
        Some(Change::Closed) => "取消",
        Some(Change::Full) | None => "全件",
    };
    let mut cells = vec![ListCell::Number(stored.n as i64), ListCell::Text(kind.to_owned())];
    for column in &plan.confirm {
        let value = record.value(column.field);
        let Some((entity, at)) = &column.of else {
            cells.push(cell(column, value));
            continue;
        };
        let key = value.to_string();
        let found = match value {
            Value::Null => None,
            _ => lineage::current_value(conn, entity, &exchange.dantai, &key, *at)?,
        };
        cells.push(found.map_or(ListCell::Empty, |value| cell(column, value.as_value())));
    }
    cells.push(ListCell::Empty);
    Ok(cells)
}

fn cell(column: &ConfirmColumn, value: Value<'_>) -> ListCell {
    match value {
        Value::Null => ListCell::Empty,
        _ if column.secret => ListCell::Text(MASK.to_owned()),
        Value::Int(n) => ListCell::Number(n),
        value => ListCell::Text(named(column.codes.as_deref(), value.to_string())),
    }
}

/// `1 住登者`; a code without a name as it is.
fn named(codes: Option<&CodeTable>, code: String) -> String {
    let name = codes.and_then(|table| table.rows.get(&code)).and_then(|row| row.first());
    name.map(|name| format!("{code} {name}")).unwrap_or(code)
}

/// What is kept back, and what could not be written, with why.
fn held_rows(hub: &mut Hub, plan: &OutPlan, id: i64, limit: usize, report: &mut ListReport) -> Result<(), HubError> {
    let kept = hold::of_exchange(&mut hub.conn, id, HELD)?;
    let said =
        |row: &hold::HeldRow| format!("キー {}: {}", shown_key(&hub.site, &plan.interface, &row.key), row.message);
    let mut told: Vec<String> = kept.iter().map(said).collect();
    if let Some(run) = run::of_exchange(&mut hub.conn, id)?.pop() {
        let findings = detail::findings(&mut hub.conn, run.id, 0, HELD)?;
        let guards = |code: &str| plan.holds.iter().any(|hold| hold.code == code);
        let faults = findings.into_iter().filter(|f| f.severity >= Severity::Error && !guards(&f.code));
        told.extend(faults.map(|f| f.message));
    }
    let width = report.columns.len();
    for why in told {
        if report.rows.len() >= limit {
            report.cut = true;
            return Ok(());
        }
        let mut cells = vec![ListCell::Empty; width];
        cells[1] = ListCell::Text("保留".to_owned());
        cells[width - 1] = ListCell::Text(why);
        report.rows.push(cells);
    }
    Ok(())
}
