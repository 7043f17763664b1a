//! Outbound: a view is selected, compared with what the partner has, encoded and kept as a draft.
//!
//! Owns: what is new, changed and gone for a partner; the draft's state. Never: lets anything leave (`deliver`).

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;

use super::encode::{Encoder, Finished};
use super::key::{hash_row, key_hash, key_text, key_values};
use super::row::RunItems;
use super::settle::stored_totals;
use super::source::Source;
use super::step::Step;
use super::{Hub, HubError};
use crate::area::Archived;
use crate::clock::{compact_jst, day_jst};
use crate::codec::RecordWriter;
use crate::finding::Severity;
use crate::mapping::plan::{NamePart, OutPlan, Release};
use crate::store::ledger::{self, Direction, Exchange, Facts, State, Wanted};
use crate::store::ledger_out::{self, Change, OutRecord, RecordBatch};
use crate::store::lineage::lineage_text;
use crate::store::run::{self, NewRun, RunKind, RunState, RunTotals};
use crate::store::{Conn, StoreError, detail};
use crate::value::{OwnedValue, Value};

/// Outbound records written to the ledger at a time.
const BATCH_ROWS: usize = 4096;
/// Most keys of one partner held in memory while a delta is made (about 50 bytes each).
const SENT_LIMIT: u64 = 3_000_000;
/// Prefix of a group's line among a run's totals; its declared side is the amount.
pub const GROUP: &str = "group:";

/// Begins a draft of an interface and takes it to its end. `None`: there was nothing to send.
pub fn draft(hub: &mut Hub, plan: &Arc<OutPlan>) -> Result<Option<i64>, HubError> {
    let now = hub.clock.stamp();
    let dantai = hub.dantai().to_owned();
    let number = drafts_today(hub, plan, &now)? + 1;
    let name = file_name(plan, &dantai, &now, number);
    let id = hub.conn.durable(|conn| {
        let id = ledger::begin(conn, &dantai, Direction::Out, &plan.interface, &name, State::Drafting, &now)?;
        let facts = Facts {
            layout: Some(&plan.layout.id),
            profile: Some(&plan.layout.profile),
            revision: Some(&plan.revision),
            partner: Some(&plan.partner),
            ..Facts::default()
        };
        ledger::learn(conn, id, &facts)?;
        Ok::<_, StoreError>(id)
    })?;
    hub.steps.pass(Step::OutAnnounced)?;
    let exchange = ledger::get(&mut hub.conn, id)?;
    write(hub, plan, &exchange)
}

/// Writes (or, after a stop, writes again) the file of an exchange that is being drafted.
pub fn write(hub: &mut Hub, plan: &Arc<OutPlan>, exchange: &Exchange) -> Result<Option<i64>, HubError> {
    let now = hub.clock.stamp();
    let today = hub.clock.today().to_string();
    discard_unfinished(hub, exchange.id)?;
    let new = NewRun {
        exchange: Some(exchange.id),
        interface: &plan.interface,
        dantai: &exchange.dantai,
        kind: RunKind::Out,
        base_date: &today,
        revision: &plan.revision,
    };
    let run = run::begin(&mut hub.conn, &new, &now)?;
    hub.steps.pass(Step::OutWriting)?;
    let path = hub.area.work().join(format!("{}.draft", exchange.id));
    let file = File::options()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(HubError::io("下書きの作成", &path))?;
    let writer = RecordWriter::new(plan.layout.clone(), BufWriter::with_capacity(1 << 18, file))
        .map_err(HubError::io("下書きの作成", &path))?;
    let items = RunItems {
        base_date: today.clone(),
        municipality: exchange.dantai.clone(),
        file_name: exchange.file_name.clone(),
        created_at: compact_jst(&exchange.received_at),
        sequence: 0,
        change: "full",
    };
    let site = hub.site.clone();
    let encoder = Encoder::new(plan, writer, items, &site.values, site.config.limits.findings_per_code);
    let (finished, changes) = fill(hub, plan, exchange, encoder, &today)?;
    let Finished { file, totals, rows, held, amount, groups, findings } = finished;
    let empty = rows == 0 && held == 0 && !plan.send_empty;
    let failed = !empty && findings.worst() == Some(Severity::Fatal);
    let kept = match file {
        Some(file) if !empty && !failed => Some(keep(hub, exchange, file, &path)?),
        _ => None,
    };
    let run_totals = RunTotals {
        read: (rows + held) as i64 + changes.same,
        loaded_new: changes.new,
        loaded_changed: changes.changed,
        unchanged: changes.same,
        closed: changes.closed,
        held: held as i64,
        written: rows as i64,
        amount_read: amount,
        amount_written: amount,
        ..RunTotals::default()
    };
    let (state, to, note) = match () {
        () if failed => {
            (RunState::Rejected, State::Returned, Some("送付ファイルを作れませんでした。指摘を確認してください"))
        }
        () if empty => (RunState::Done, State::Withdrawn, Some("送るものがありません")),
        () if plan.release == Release::Auto => (RunState::Done, State::Confirmed, Some("確認なしで送る定義です")),
        () => (RunState::Done, State::Draft, None),
    };
    let mut seen = stored_totals(&totals);
    seen.extend(groups.iter().map(|g| detail::TotalSeen {
        title: format!("{GROUP}{}", g.label),
        declared: plan.amount.map(|_| g.amount),
        counted: g.rows as i64,
        agrees: true,
        record: 0,
    }));
    hub.conn.durable(|conn| {
        for code in findings.codes().iter().filter(|_| !empty) {
            detail::count_findings(conn, run, &code.code, code.worst, code.count)?;
        }
        if !empty {
            detail::add_findings(conn, run, 1, findings.kept())?;
        }
        detail::add_totals(conn, run, &seen)?;
        run::finish(conn, run, state, &run_totals, note, &now)?;
        let facts = Facts {
            sha256: kept.as_ref().map(|k| k.sha256.as_str()),
            bytes: kept.as_ref().map(|k| k.bytes as i64),
            records: Some(rows as i64),
            amount: plan.amount.map(|_| amount),
            ..Facts::default()
        };
        ledger::learn(conn, exchange.id, &facts)?;
        ledger::advance(conn, exchange.id, State::Drafting, to, note, &now)
    })?;
    std::fs::remove_file(&path).map_err(HubError::io("作業ファイルの削除", &path))?;
    hub.steps.pass(Step::OutDrafted)?;
    super::facts::write_exchange(hub, exchange.id)?;
    hub.steps.pass(Step::OutReported)?;
    Ok((to != State::Withdrawn).then_some(exchange.id))
}

/// Makes the written file durable and keeps its bytes.
fn keep(
    hub: &mut Hub,
    exchange: &Exchange,
    file: BufWriter<File>,
    path: &std::path::Path,
) -> Result<Archived, HubError> {
    let mut file = file.into_inner().map_err(|e| HubError::io("下書きの作成", path)(e.into_error()))?;
    file.sync_all().map_err(HubError::io("下書きの作成", path))?;
    hub.steps.pass(Step::OutWritten)?;
    std::io::Seek::rewind(&mut file).map_err(HubError::io("下書きの保存", path))?;
    hub.area.archive_file(&mut file, &format!("{}.archive", exchange.id)).map_err(HubError::io("下書きの保存", path))
}

/// Rows by what they are to the partner.
#[derive(Debug, Default, Clone, Copy)]
struct Changes {
    new: i64,
    changed: i64,
    same: i64,
    closed: i64,
}

type DraftEncoder<'a> = Encoder<'a, BufWriter<File>>;

/// Selects the rows and encodes those the partner does not have as they are.
fn fill<'a>(
    hub: &mut Hub,
    plan: &'a OutPlan,
    exchange: &Exchange,
    mut encoder: DraftEncoder<'a>,
    today: &str,
) -> Result<(Finished<BufWriter<File>>, Changes), HubError> {
    let mut sent = if plan.delta { Some(what_partner_has(hub, plan, &exchange.dantai)?) } else { None };
    let mut changes = Changes::default();
    let mut reading = hub.store.connect()?;
    let mut books = Books { conn: hub.store.connect()?, exchange: exchange.id, batch: RecordBatch::default() };
    let row_kind = row_kind(plan);
    let (mut key, mut lineage, mut scratch) = (String::new(), String::new(), Vec::new());
    let mut failure = None;
    let (steps, progress) = (hub.steps.clone(), hub.progress.clone());
    let mut count = 0_u64;
    let site = hub.site.clone();
    let source = Source {
        site: &site,
        view: &plan.view,
        filter: plan.filter.as_ref(),
        order: &plan.order,
        dantai: &exchange.dantai,
        base_date: today,
    };
    let selected = source.each(&mut reading, |values| {
        let columns = &values[..plan.view.columns.len()];
        count += 1;
        if count.is_multiple_of(8192) {
            progress.tell(&exchange.file_name, count, 0);
            if steps.stopping() {
                return Err(StoreError::Stopped);
            }
        }
        key_text(plan, columns, &mut key);
        let hash = hash_row(columns, &mut scratch);
        let change = match &mut sent {
            None => Change::Full,
            Some(sent) => match sent.get_mut(&key_hash(&key)) {
                None => Change::New,
                Some((had, seen)) => {
                    *seen = true;
                    if *had == hash {
                        changes.same += 1;
                        return Ok(());
                    }
                    Change::Changed
                }
            },
        };
        match encoder.row(columns, change.as_str(), &key) {
            Ok(None) => Ok(()),
            Ok(Some(w)) => {
                match change {
                    Change::Changed => changes.changed += 1,
                    _ => changes.new += 1,
                }
                lineage_text(&plan.view, values, &mut lineage);
                books.note(&OutRecord {
                    n: w.record,
                    kind: row_kind,
                    byte: w.byte,
                    len: w.len,
                    key: Some(&key),
                    hash,
                    change,
                    lineage: &lineage,
                })
            }
            Err(e) => {
                failure = Some(e);
                Err(StoreError::Stopped)
            }
        }
    });
    match (selected, failure) {
        (_, Some(failure)) => return Err(failure),
        (Err(HubError::Store(StoreError::Stopped)), None) => return Err(HubError::Stopped(Step::OutWriting)),
        (Err(e), None) => return Err(e),
        (Ok(()), None) => {}
    }
    if let Some(sent) = sent.filter(|_| plan.send_closed) {
        changes.closed = send_closed(hub, plan, exchange, &mut encoder, &mut books, &sent)?;
    }
    books.flush()?;
    Ok((encoder.finish()?, changes))
}

/// Keys the partner has and the view no longer returns.
fn send_closed(
    hub: &mut Hub,
    plan: &OutPlan,
    exchange: &Exchange,
    encoder: &mut DraftEncoder<'_>,
    books: &mut Books,
    sent: &HashMap<u64, (i64, bool)>,
) -> Result<i64, HubError> {
    let mut gone = Vec::new();
    ledger_out::each_sent(&mut hub.conn, &plan.interface, &exchange.dantai, |key, _| {
        if sent.get(&key_hash(key)).is_some_and(|(_, seen)| !seen) {
            gone.push(key.to_owned());
        }
        Ok(())
    })?;
    let mut closed = 0;
    for key in gone {
        let owned = key_values(plan, &key);
        let columns: Vec<Value<'_>> = owned.iter().map(OwnedValue::as_value).collect();
        if let Some(w) = encoder.row(&columns, Change::Closed.as_str(), &key)? {
            closed += 1;
            let record = OutRecord {
                n: w.record,
                kind: row_kind(plan),
                byte: w.byte,
                len: w.len,
                key: Some(&key),
                hash: 0,
                change: Change::Closed,
                lineage: "",
            };
            books.note(&record)?;
        }
    }
    Ok(closed)
}

/// Outbound records on their way into the ledger.
struct Books {
    conn: Conn,
    exchange: i64,
    batch: RecordBatch,
}

impl Books {
    fn note(&mut self, record: &OutRecord<'_>) -> Result<(), StoreError> {
        self.batch.push(record);
        if self.batch.len() >= BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.batch.write(&mut self.conn, self.exchange)?;
        self.batch.clear();
        Ok(())
    }
}

fn what_partner_has(hub: &mut Hub, plan: &OutPlan, dantai: &str) -> Result<HashMap<u64, (i64, bool)>, HubError> {
    let count = ledger_out::count_sent(&mut hub.conn, &plan.interface, dantai)?;
    if count > SENT_LIMIT {
        return Err(HubError::Refused(format!("差分を作れる件数（{SENT_LIMIT} 件）を超えています（{count} 件）")));
    }
    let mut sent = HashMap::with_capacity(count as usize);
    let mut clash = false;
    ledger_out::each_sent(&mut hub.conn, &plan.interface, dantai, |key, hash| {
        clash |= sent.insert(key_hash(key), (hash, false)).is_some();
        Ok(())
    })?;
    if clash {
        return Err(HubError::Refused("送付済みキーのハッシュが衝突しました。開発元に連絡してください".into()));
    }
    Ok(sent)
}

fn discard_unfinished(hub: &mut Hub, exchange: i64) -> Result<(), HubError> {
    let now = hub.clock.stamp();
    for old in run::of_exchange(&mut hub.conn, exchange)? {
        if old.state == RunState::Running {
            detail::forget(&mut hub.conn, old.id)?;
            run::finish(
                &mut hub.conn,
                old.id,
                RunState::Failed,
                &RunTotals::default(),
                Some("中断されたため、やり直しました"),
                &now,
            )?;
        }
    }
    ledger_out::forget_records(&mut hub.conn, exchange)?;
    Ok(())
}

fn row_kind(plan: &OutPlan) -> &str {
    let row = plan.records.iter().find(|r| r.level == crate::mapping::plan::Level::Row);
    row.map_or("", |r| plan.layout.records[r.record].name.as_str())
}

fn drafts_today(hub: &mut Hub, plan: &OutPlan, now: &str) -> Result<usize, HubError> {
    let dantai = hub.dantai().to_owned();
    let wanted = Wanted {
        dantai: Some(&dantai),
        direction: Some(Direction::Out),
        interface: Some(&plan.interface),
        limit: 2000,
        ..Wanted::default()
    };
    let today = day_jst(now);
    Ok(ledger::list(&mut hub.conn, &wanted)?
        .iter()
        .filter(|e| e.state != State::Withdrawn && day_jst(&e.received_at) == today)
        .count())
}

fn file_name(plan: &OutPlan, dantai: &str, now: &str, number: usize) -> String {
    plan.name
        .iter()
        .map(|part| match part {
            NamePart::Literal(text) => text.clone(),
            NamePart::Municipality => dantai.to_owned(),
            NamePart::Municipality5 => dantai.chars().take(5).collect(),
            NamePart::CreatedAt => compact_jst(now),
            NamePart::Sequence3 => format!("{number:03}"),
        })
        .collect()
}
