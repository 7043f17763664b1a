//! Records of one file become rows: parse, check, map. One pass, bounded memory, no effect but the rows it hands on.
//!
//! Owns: what is held, what is skipped, what is counted. Never: touches the store; rows go to the caller in batches.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use super::breach::{breach, failed};
use super::look_back::remembered;
use super::map::map_into;
use super::row::{InRow, RunItems};
use super::step::{Step, Steps};
use super::veil::{Before, Veil};
use super::{HubError, Progress};
use crate::codec::{Findings, ReadLimits, Record, RecordReader, TotalSeen};
use crate::expr::Scratch;
use crate::finding::{Finding, Severity};
use crate::mapping::plan::{Check, InPlan, IntoRows, Mode, Tolerance};
use crate::store::bulk::VersionBatch;
use crate::store::same::Same;
use crate::vault::Vault;

/// Rows handed on at a time.
pub const BATCH_ROWS: usize = 4096;
/// Text handed on at a time, bytes; a batch of long rows is shorter.
pub const BATCH_BYTES: usize = 4 << 20;

/// A record that is not loaded, and the first reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// 1-based record number.
    pub record: u64,
    /// 1-based line.
    pub line: u64,
    /// Byte offset and length in the file as received.
    pub byte: u64,
    /// See `byte`.
    pub len: u64,
    /// Code of the first finding that held it.
    pub reason: String,
}

/// What one pass over a file found.
#[derive(Debug)]
pub struct Loaded {
    /// Records of kinds that go somewhere.
    pub read: u64,
    /// Of these: held.
    pub held: Vec<Held>,
    /// Held records beyond what the tolerance keeps a list of.
    pub held_beyond: u64,
    /// Of these: no `[[into]]` wanted them.
    pub skipped: u64,
    /// Sum of the control amount over records read; over those held.
    pub amount_read: i64,
    /// See `amount_read`.
    pub amount_held: i64,
    /// Findings, bounded.
    pub findings: Findings,
    /// Control totals inside the file.
    pub totals: Vec<TotalSeen>,
    /// Is this a full set?
    pub full: bool,
    /// Is the number of every record also its line?
    pub line_is_record: bool,
    /// For each `[[into]]`: rows that were the first of their record. They are what the record is counted by.
    pub firsts: Vec<u64>,
    /// What stood as it is and was not staged, for each `[[into]]`; none where nothing was compared.
    pub same: Vec<Same>,
}

impl Loaded {
    /// Number of held records.
    pub fn held_count(&self) -> u64 {
        self.held.len() as u64 + self.held_beyond
    }

    /// Is the file as a whole to be rejected?
    pub fn rejects(&self, plan: &InPlan) -> bool {
        let most = match plan.tolerance {
            Tolerance::Record { max_held } => max_held,
            Tolerance::File => 0,
        };
        self.findings.worst() == Some(Severity::Fatal) || self.held_count() > most
    }
}

/// Surroundings of a pass.
pub struct LoadContext<'a> {
    /// `実行.…`.
    pub run: RunItems,
    /// `サイト.…`.
    pub site: &'a [(String, String)],
    /// Findings kept of each code.
    pub findings_per_code: usize,
    /// Bytes of the file, for progress; 0 = unknown.
    pub bytes: u64,
    /// Told how far it is.
    pub progress: &'a Progress,
    /// Asked whether to go on.
    pub steps: &'a Steps,
    /// Where values of vault columns go.
    pub vault: Option<&'a Vault>,
}

/// Reads `input` to its end. `flush(into, batch)` gets every full batch of the `into`-th `[[into]]` and gives an empty one back.
pub fn load<R: Read>(
    plan: &Arc<InPlan>,
    input: R,
    context: LoadContext<'_>,
    flush: &mut dyn FnMut(usize, VersionBatch) -> Result<VersionBatch, HubError>,
) -> Result<Loaded, HubError> {
    let reader = RecordReader::new(plan.layout.clone(), input, ReadLimits::default());
    let pass = Pass::new(plan, context);
    let mut loaded = pass.read_all(reader, flush)?;
    let fields = |(kind, field): (usize, usize)| plan.layout.records.get(kind)?.fields.get(field);
    let guarded: BTreeSet<&str> =
        plan.guarded_fields().into_iter().filter_map(fields).map(|f| f.name.as_str()).collect();
    if !guarded.is_empty() {
        loaded.findings.mask(|finding| guarded.contains(finding.data.field.as_str()));
    }
    Ok(loaded)
}

struct Pass<'a> {
    plan: &'a InPlan,
    context: LoadContext<'a>,
    remembered: Vec<bool>,
    veil: Veil,
    last: Vec<Option<Record>>,
    checks: Vec<Vec<&'a Check>>,
    into: Vec<Vec<(usize, &'a IntoRows)>>,
    batches: Vec<VersionBatch>,
    scratch: Scratch,
    /// `[[into]]` that got a row of the record under way.
    done: Vec<usize>,
    result: Loaded,
    decided_full: bool,
    /// Sum of the control amounts without their signs: while it fits, so does every sum of some of them. `None`: it does not.
    weight: Option<i64>,
}

impl<'a> Pass<'a> {
    fn new(plan: &'a InPlan, context: LoadContext<'a>) -> Self {
        let kinds = plan.layout.records.len();
        let mut checks = vec![Vec::new(); kinds];
        for check in &plan.checks {
            checks[check.record].push(check);
        }
        let mut into = vec![Vec::new(); kinds];
        for (i, rows) in plan.into.iter().enumerate() {
            into[rows.record].push((i, rows));
        }
        Pass {
            remembered: remembered(plan),
            veil: Veil::new(plan),
            last: vec![None; kinds],
            batches: plan.into.iter().map(|rows| VersionBatch::new(&rows.entity)).collect(),
            scratch: Scratch::default(),
            done: Vec::new(),
            result: Loaded {
                read: 0,
                held: Vec::new(),
                held_beyond: 0,
                skipped: 0,
                amount_read: 0,
                amount_held: 0,
                findings: Findings::new(context.findings_per_code),
                totals: Vec::new(),
                full: matches!(plan.mode, Mode::Full),
                line_is_record: true,
                firsts: vec![0; plan.into.len()],
                same: Vec::new(),
            },
            decided_full: !matches!(plan.mode, Mode::FullWhen(_)),
            plan,
            context,
            checks,
            into,
            weight: Some(0),
        }
    }

    fn read_all<R: Read>(
        mut self,
        mut reader: RecordReader<R>,
        flush: &mut dyn FnMut(usize, VersionBatch) -> Result<VersionBatch, HubError>,
    ) -> Result<Loaded, HubError> {
        let mut record = Record::default();
        // Errors go to the log, and a file's name was given by somebody outside.
        let path = std::path::PathBuf::from(&self.plan.interface);
        let mut since_told = 0_u32;
        loop {
            let before = Before::of(&self.result.findings);
            let more = reader.next(&mut record, &mut self.result.findings).map_err(|source| HubError::Io {
                what: "読み込み",
                path: path.clone(),
                source,
            })?;
            if more {
                self.take(&record);
            }
            self.veil.cover(&mut self.result.findings, before);
            if !more {
                break;
            }
            for (i, batch) in self.batches.iter_mut().enumerate() {
                if batch.len() >= BATCH_ROWS || batch.text_bytes() >= BATCH_BYTES {
                    *batch = flush(i, std::mem::replace(batch, VersionBatch::new(&self.plan.into[i].entity)))?;
                }
            }
            since_told += 1;
            if since_told == 8192 {
                since_told = 0;
                self.context.steps.go_on(Step::InStaging)?;
                self.context.progress.tell(&self.context.run.file_name, reader.bytes_read(), self.context.bytes);
            }
        }
        for (i, batch) in std::mem::take(&mut self.batches).into_iter().enumerate() {
            if !batch.is_empty() {
                flush(i, batch)?;
            }
        }
        self.decide_without_data();
        self.result.totals = reader.totals().to_vec();
        Ok(self.result)
    }

    /// A file without data is a full set when its head says so.
    fn decide_without_data(&mut self) {
        let Mode::FullWhen(when) = &self.plan.mode else { return };
        let head = self.last.iter().flatten().next().filter(|_| !self.decided_full);
        if let Some(record) = head {
            let row = InRow { record, last: &self.last, run: &self.context.run, site: self.context.site };
            self.result.full = when.is_true(&row, &mut self.scratch).unwrap_or(false);
        }
    }

    fn take(&mut self, record: &Record) {
        let kind = record.kind;
        self.result.line_is_record &= record.line == record.number;
        if self.into[kind].is_empty() && self.checks[kind].is_empty() && !self.remembered[kind] && !record.held {
            return;
        }
        self.context.run.sequence = record.number as i64;
        let amount = match self.plan.amount {
            Some((k, field)) if k == kind => record.value(field).as_int().unwrap_or(0),
            _ => 0,
        };
        let mut reason = record.held.then(|| self.result.findings.last_holding().to_owned());
        if reason.is_none() {
            reason = self.check(record);
        }
        if reason.is_none() {
            reason = self.map(record);
        }
        // A broken head must not take the place of the last good one.
        if self.remembered[kind] && record.recognised {
            self.last[kind] = Some(record.clone());
        }
        if self.into[kind].is_empty() {
            if reason.is_some() {
                self.refuse_frame(record);
            }
            return;
        }
        self.result.read += 1;
        self.weigh(record, amount);
        self.result.amount_read = self.result.amount_read.saturating_add(amount);
        if let Some(reason) = reason {
            self.result.amount_held = self.result.amount_held.saturating_add(amount);
            self.hold(record, reason);
        }
    }

    /// The store adds amounts up as well; a file whose sum no number holds is refused before it is asked to.
    fn weigh(&mut self, record: &Record, amount: i64) {
        let Some(before) = self.weight else { return };
        self.weight = amount.checked_abs().and_then(|amount| before.checked_add(amount));
        if self.weight.is_none() {
            let message = "金額の合計が大きすぎて計算できません（19桁を超えます）".to_owned();
            let place = record.place(&self.plan.layout, self.plan.amount.map(|(_, field)| field));
            self.result.findings.push(Finding::data("number-overflow", Severity::Fatal, place, message));
        }
    }

    /// A head or a tail that is wrong speaks for records it does not hold: the file as a whole is refused.
    fn refuse_frame(&mut self, record: &Record) {
        if self.result.findings.worst() == Some(Severity::Fatal) {
            return;
        }
        let name = &self.plan.layout.records[record.kind].name;
        let message = format!("「{name}」レコードに誤りがあるため、ファイル全体を取り込みません");
        let place = record.place(&self.plan.layout, None);
        self.result.findings.push(Finding::data("frame-record-wrong", Severity::Fatal, place, message));
    }

    fn hold(&mut self, record: &Record, reason: String) {
        let most = match self.plan.tolerance {
            Tolerance::Record { max_held } => max_held,
            Tolerance::File => 1000,
        };
        if (self.result.held.len() as u64) < most {
            self.result.held.push(Held {
                record: record.number,
                line: record.line,
                byte: record.byte,
                len: record.len,
                reason,
            });
        } else {
            self.result.held_beyond += 1;
        }
    }

    /// Runs the checks; the code of the first breach that holds the record.
    fn check(&mut self, record: &Record) -> Option<String> {
        let mut held = None;
        if self.checks[record.kind].is_empty() {
            return None;
        }
        let row = InRow { record, last: &self.last, run: &self.context.run, site: self.context.site };
        for check in &self.checks[record.kind] {
            let applies = check.when.as_ref().map_or(Ok(true), |when| when.is_true(&row, &mut self.scratch));
            let kept = match applies {
                Ok(false) => continue,
                Ok(true) => check.expect.is_true(&row, &mut self.scratch),
                Err(e) => Err(e),
            };
            let finding = match kept {
                Ok(true) => continue,
                Ok(false) => breach(self.plan, check, record),
                Err(e) => failed(self.plan, record, &check.place, &e.to_string()),
            };
            if finding.severity >= Severity::Error && held.is_none() {
                held = Some(finding.code.clone());
            }
            self.result.findings.push(finding);
        }
        held
    }

    /// Maps the record into its rows: all of them or none.
    fn map(&mut self, record: &Record) -> Option<String> {
        if self.into[record.kind].is_empty() {
            return None;
        }
        let row = InRow { record, last: &self.last, run: &self.context.run, site: self.context.site };
        if !self.decided_full {
            self.decided_full = true;
            if let Mode::FullWhen(when) = &self.plan.mode {
                self.result.full = when.is_true(&row, &mut self.scratch).unwrap_or(false);
            }
        }
        self.done.clear();
        for (i, rows) in &self.into[record.kind] {
            match map_into(rows, record, &row, &mut self.scratch, self.context.vault, &mut self.batches[*i]) {
                Ok(true) => self.done.push(*i),
                Ok(false) => {}
                Err(why) => {
                    // All rows of a record or none.
                    for i in &self.done {
                        self.batches[*i].undo();
                    }
                    let finding = why.finding(self.plan, rows, record);
                    let code = finding.code.clone();
                    self.result.findings.push(finding);
                    return Some(code);
                }
            }
        }
        match self.done.first() {
            Some(first) => self.result.firsts[*first] += 1,
            None => self.result.skipped += 1,
        }
        None
    }
}
