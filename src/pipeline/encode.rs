//! Rows of a view become the records of a file: heads, groups, rows, tails, in the order the mapping says.
//!
//! Owns: grouping, the items of `実行.…` on the way out, what could not be written. Never: touches the store.

use std::io::{Seek, Write};

use super::HubError;
use super::key::shown_key;
use super::row::{RunItems, ViewRow};
use crate::codec::{Findings, RecordWriter, TotalSeen};
use crate::expr::{Row, Scratch};
use crate::finding::{DataPlace, Finding, Severity};
use crate::mapping::plan::{Level, OutPlan, OutRecord};
use crate::value::{OwnedValue, Value};

/// One record as written, for the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// 1-based number in the file, of all records.
    pub record: u64,
    /// Byte offset in the file.
    pub byte: u64,
    /// Bytes without line end.
    pub len: u64,
}

/// Rows and amount of one group, for the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSum {
    /// Values of the group columns, joined.
    pub label: String,
    /// Rows written.
    pub rows: u64,
    /// Sum of the control amount.
    pub amount: i64,
}

/// Most groups listed in a report; the sums go on without them.
const GROUP_LIMIT: usize = 1000;

/// Writes one outbound file.
pub struct Encoder<'a, W: Write + Seek> {
    plan: &'a OutPlan,
    writer: RecordWriter<W>,
    run: RunItems,
    site: &'a [(String, String)],
    scratch: Scratch,
    /// The row that opened the current group, and the last row in it.
    group: Option<Vec<OwnedValue>>,
    numbers: Vec<i64>,
    head_written: bool,
    /// A head or tail could not be written: there will be no file, and saying so of every row would hide why.
    broken: bool,
    /// Rows written.
    pub rows: u64,
    /// Rows that could not be written.
    pub held: u64,
    /// Sum of the control amount.
    pub amount: i64,
    /// Groups in order.
    pub groups: Vec<GroupSum>,
    /// Findings, bounded.
    pub findings: Findings,
}

impl<'a, W: Write + Seek> Encoder<'a, W> {
    /// Starts a file.
    pub fn new(
        plan: &'a OutPlan,
        writer: RecordWriter<W>,
        run: RunItems,
        site: &'a [(String, String)],
        findings_per_code: usize,
    ) -> Self {
        Encoder {
            plan,
            writer,
            run,
            site,
            scratch: Scratch::default(),
            group: None,
            numbers: vec![0; plan.layout.records.len()],
            head_written: false,
            broken: false,
            rows: 0,
            held: 0,
            amount: 0,
            groups: Vec::new(),
            findings: Findings::new(findings_per_code),
        }
    }

    /// Writes a row, with what must stand before it. `change`: `new`, `changed`, `closed`, `full`. `None`: the row could
    /// not be written and is held; the findings say why.
    pub fn row(&mut self, columns: &[Value<'_>], change: &'static str) -> Result<Option<Written>, HubError> {
        self.head()?;
        self.turn_group(columns)?;
        if self.broken {
            self.held += 1;
            return Ok(None);
        }
        self.run.change = change;
        let mut first = None;
        for record in self.plan.records.iter().filter(|r| r.level == Level::Row) {
            let (written, amount) = self.write(record, columns, change == "closed")?;
            let Some(written) = written else {
                self.held += 1;
                return Ok(None);
            };
            self.amount = self.amount.saturating_add(amount);
            if let Some(group) = self.groups.last_mut() {
                group.amount = group.amount.saturating_add(amount);
            }
            first.get_or_insert(written);
        }
        self.rows += 1;
        if let Some(group) = self.groups.last_mut() {
            group.rows += 1;
        }
        Ok(first)
    }

    /// Writes what must stand at the end, fills the totals in, and gives the file back.
    pub fn finish(mut self) -> Result<Finished<W>, HubError> {
        self.head()?;
        self.close_group()?;
        self.level(Level::FileTail, &[])?;
        let (file, totals) = match self.writer.unfinished() {
            Some(_) if self.broken => (None, Vec::new()),
            Some(finding) => {
                self.findings.push(finding);
                (None, Vec::new())
            }
            None => {
                let (file, totals) = self
                    .writer
                    .finish()
                    .map_err(HubError::io("書き出し", std::path::Path::new(&self.run.file_name)))?;
                (Some(file), totals)
            }
        };
        Ok(Finished {
            file,
            totals,
            rows: self.rows,
            held: self.held,
            amount: self.amount,
            groups: self.groups,
            findings: self.findings,
        })
    }

    fn head(&mut self) -> Result<(), HubError> {
        if !self.head_written {
            self.head_written = true;
            self.level(Level::FileHead, &[])?;
        }
        Ok(())
    }

    fn turn_group(&mut self, columns: &[Value<'_>]) -> Result<(), HubError> {
        let same =
            self.group.as_ref().is_some_and(|open| self.plan.group.iter().all(|&i| open[i].as_value() == columns[i]));
        if same {
            return Ok(());
        }
        self.close_group()?;
        self.group = Some(columns.iter().map(|v| Value::to_owned(*v)).collect());
        if !self.plan.group.is_empty() && self.groups.len() < GROUP_LIMIT {
            let label: Vec<String> = self.plan.group.iter().map(|&i| columns[i].to_string()).collect();
            self.groups.push(GroupSum { label: label.join(" / "), rows: 0, amount: 0 });
        }
        self.level(Level::GroupHead, columns)
    }

    fn close_group(&mut self) -> Result<(), HubError> {
        match self.group.take() {
            Some(open) => {
                let columns: Vec<Value<'_>> = open.iter().map(OwnedValue::as_value).collect();
                self.level(Level::GroupTail, &columns)
            }
            None => Ok(()),
        }
    }

    /// Writes the records of a level that is not a row's: there 実行.区分 is that of the file.
    fn level(&mut self, level: Level, columns: &[Value<'_>]) -> Result<(), HubError> {
        self.run.change = if self.plan.delta { "delta" } else { "full" };
        if self.broken {
            return Ok(());
        }
        for record in self.plan.records.iter().filter(|r| r.level == level) {
            if self.write(record, columns, false)?.0.is_none() {
                self.broken = true;
                let message = format!(
                    "「{}」レコードを作れないため、ファイルとして送れません",
                    self.plan.layout.records[record.record].name
                );
                self.findings.push(Finding::data(
                    "frame-record-failed",
                    Severity::Fatal,
                    DataPlace::default(),
                    message,
                ));
            }
        }
        Ok(())
    }

    fn write(
        &mut self,
        record: &OutRecord,
        columns: &[Value<'_>],
        closed: bool,
    ) -> Result<(Option<Written>, i64), HubError> {
        self.numbers[record.record] += 1;
        self.run.sequence = self.numbers[record.record];
        let row = ViewRow { columns, run: &self.run, site: self.site };
        let exprs = if closed { &record.closed } else { &record.fields };
        let mut values = Vec::with_capacity(exprs.len());
        for (field, expr) in exprs.iter().enumerate() {
            let Some(expr) = expr else {
                values.push(Value::Null);
                continue;
            };
            match expr.as_slot().map_or_else(|| expr.eval(&row, &self.scratch), |slot| Ok(row.get(slot))) {
                Ok(value) => values.push(value),
                Err(e) => {
                    let name = &self.plan.layout.records[record.record].fields[field].name;
                    let place = DataPlace { record: self.rows + 1, field: name.clone(), ..DataPlace::default() };
                    let whose = whose(self.plan, record, columns);
                    let message = format!("{whose}定義の式を計算できません（{e}）");
                    let finding = Finding::data("expression-failed", Severity::Error, place, message)
                        .with_rule(record.place.clone());
                    self.findings.push(finding);
                    self.numbers[record.record] -= 1;
                    return Ok((None, 0));
                }
            }
        }
        let amount = match self.plan.amount {
            Some((kind, field)) if kind == record.record => values[field].as_int().unwrap_or(0),
            _ => 0,
        };
        let wrote = self
            .writer
            .write(record.record, &values)
            .map_err(HubError::io("書き出し", std::path::Path::new(&self.run.file_name)))?;
        drop(values);
        self.scratch.clear();
        match wrote {
            Ok(placed) => Ok((Some(Written { record: placed.record, byte: placed.byte, len: placed.len }), amount)),
            Err(findings) => {
                self.numbers[record.record] -= 1;
                let whose = whose(self.plan, record, columns);
                for mut finding in findings {
                    finding.message.insert_str(0, &whose);
                    self.findings.push(finding);
                }
                Ok((None, 0))
            }
        }
    }
}

/// Names the row a finding is about; heads and tails are about none.
fn whose(plan: &OutPlan, record: &OutRecord, columns: &[Value<'_>]) -> String {
    match record.level {
        Level::Row if !plan.key.is_empty() => format!("キー {}: ", shown_key(plan, columns)),
        _ => String::new(),
    }
}

/// A file that is written to its end.
#[derive(Debug)]
pub struct Finished<W> {
    /// The file; `None` when it cannot end here (the findings say why).
    pub file: Option<W>,
    /// Control totals written.
    pub totals: Vec<TotalSeen>,
    /// Rows written.
    pub rows: u64,
    /// Rows that could not be written.
    pub held: u64,
    /// Sum of the control amount.
    pub amount: i64,
    /// Groups in order.
    pub groups: Vec<GroupSum>,
    /// Findings, bounded.
    pub findings: Findings,
}
