//! The rows of a draft: selected on one thread, compared with what the partner has and encoded on another.
//!
//! Owns: what is new, changed and gone for a partner; the ledger's records of a file. Never: decides what becomes of a
//! draft (`outbound`).

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::encode::{Encoder, Finished};
use super::hold::Holding;
use super::key::{hash_row, key_hash, key_text, key_values};
use super::part;
use super::source::Source;
use super::step::Step;
use super::vault::{Opened, Opener};
use super::{Hub, HubError};
use crate::mapping::plan::OutPlan;
use crate::store::bulk::Rows;
use crate::store::ledger::Exchange;
use crate::store::ledger_out::{self, Change, OutRecord, RecordBatch};
use crate::store::lineage::lineage_text;
use crate::store::{Conn, StoreError};
use crate::value::{OwnedValue, Value};

/// Outbound records written to the ledger at a time.
const BATCH_ROWS: usize = 4096;
/// Rows, and bytes of their text, handed from selecting to encoding at a time.
const SELECT_ROWS: usize = 1024;
/// See [`SELECT_ROWS`].
const SELECT_BYTES: usize = 1 << 20;
/// Batches on their way to be encoded.
const IN_FLIGHT: usize = 4;
/// Most keys of one partner held in memory while a delta is made (about 50 bytes each).
const SENT_LIMIT: u64 = 3_000_000;

/// Rows by what they are to the partner.
#[derive(Debug, Default, Clone, Copy)]
pub struct Changes {
    /// The partner does not have the key.
    pub new: i64,
    /// The partner has other values.
    pub changed: i64,
    /// The partner has them.
    pub same: i64,
    /// The partner has the key, the view no longer.
    pub closed: i64,
}

/// Encodes into the draft's file.
pub type DraftEncoder<'a> = Encoder<'a, BufWriter<File>>;

/// Selects the rows on one thread and encodes on this one those the partner does not have as they are; the same rows in
/// the same order as on one.
pub(super) fn fill<'a>(
    hub: &mut Hub,
    plan: &'a OutPlan,
    exchange: &Exchange,
    encoder: DraftEncoder<'a>,
    today: &str,
) -> Result<(Finished<BufWriter<File>>, Changes, Guarded<'a>), HubError> {
    let guarded = Guarded {
        holding: Holding::new(hub, plan, exchange.id, &exchange.dantai, today)?,
        opener: Opener::new(hub, plan)?,
    };
    let sent = if plan.delta { Some(what_partner_has(hub, plan, exchange)?) } else { None };
    let mut reading = hub.spare()?;
    let books = Books { conn: hub.spare()?, exchange: exchange.id, batch: RecordBatch::default() };
    let (steps, progress) = (hub.steps.clone(), hub.progress.clone());
    let site = hub.site.clone();
    let part = part::values(plan, exchange.part.as_deref());
    let source = Source {
        site: &site,
        view: &plan.view,
        filter: plan.filter.as_ref(),
        part: &part,
        order: &plan.order,
        dantai: &exchange.dantai,
        base_date: today,
    };
    let width = plan.view.columns.len() + plan.view.lineage.len();
    let mut drafting = Drafting {
        plan,
        encoder,
        books,
        guarded,
        sent,
        changes: Changes::default(),
        key: String::new(),
        lineage: String::new(),
        scratch: Vec::new(),
    };
    let reader = &mut reading;
    let (selected, encoded) = std::thread::scope(|scope| {
        let (full, to_encode) = sync_channel::<Rows>(IN_FLIGHT);
        let (empty, back) = sync_channel::<Rows>(IN_FLIGHT * 2);
        let selecting = scope.spawn(move || select(&source, reader, width, &full, &back));
        let mut count = 0;
        let mut encoded = Ok(());
        for mut rows in to_encode {
            encoded = drafting.rows(&rows);
            if encoded.is_ok() {
                encoded = steps.go_on(Step::OutWriting);
            }
            if encoded.is_err() {
                break;
            }
            count += rows.len() as u64;
            progress.tell(&exchange.file_name, count, 0);
            rows.clear();
            let _ = empty.try_send(rows);
        }
        (selecting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), encoded)
    });
    encoded?;
    selected?;
    let Drafting { mut encoder, mut books, mut guarded, sent, mut changes, .. } = drafting;
    if let Some(sent) = sent.filter(|_| plan.send_closed) {
        changes.closed = send_closed(hub, &mut guarded.opener, exchange, &mut encoder, &mut books, &sent)?;
    }
    books.flush()?;
    guarded.holding.flush(&mut books.conn)?;
    hub.leave(reading);
    hub.leave(books.conn);
    Ok((encoder.finish()?, changes, guarded))
}

/// Hands the rows of a source on in bounded batches. When nobody takes them any more, the one who took them knows why.
fn select(
    source: &Source<'_>,
    conn: &mut Conn,
    width: usize,
    full: &SyncSender<Rows>,
    back: &Receiver<Rows>,
) -> Result<(), HubError> {
    let mut batch = Rows::new(width);
    source.each(conn, |values| {
        batch.push_row(values);
        if batch.len() < SELECT_ROWS && batch.text_bytes() < SELECT_BYTES {
            return Ok(());
        }
        let next = back.try_recv().unwrap_or_else(|_| Rows::new(width));
        full.send(std::mem::replace(&mut batch, next)).map_err(|_| StoreError::Stopped)
    })?;
    if !batch.is_empty() {
        let _ = full.send(batch);
    }
    Ok(())
}

/// What stands between the rows of a draft and its file.
pub(super) struct Guarded<'a> {
    /// Keeps rows back.
    pub holding: Holding<'a>,
    /// Opens tokens of the vault.
    pub opener: Opener<'a>,
}

/// What encoding the rows of a draft needs and leaves.
struct Drafting<'a> {
    plan: &'a OutPlan,
    encoder: DraftEncoder<'a>,
    books: Books,
    guarded: Guarded<'a>,
    /// What the partner has by hash of the key: hash of the row, and was the key seen again?
    sent: Option<HashMap<u64, (i64, bool)>>,
    changes: Changes,
    key: String,
    lineage: String,
    scratch: Vec<u8>,
}

impl Drafting<'_> {
    fn rows(&mut self, rows: &Rows) -> Result<(), HubError> {
        let mut values = Vec::with_capacity(rows.width());
        for row in 0..rows.len() {
            values.clear();
            values.extend((0..rows.width()).map(|cell| rows.value(row, cell)));
            self.row(&values)?;
        }
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>]) -> Result<(), HubError> {
        let columns = &values[..self.plan.view.columns.len()];
        key_text(self.plan, columns, &mut self.key);
        let hash = hash_row(columns, &mut self.scratch);
        let change = match &mut self.sent {
            None => Change::Full,
            Some(sent) => match sent.get_mut(&key_hash(&self.key)) {
                None => Change::New,
                Some((had, seen)) => {
                    *seen = true;
                    if *had == hash {
                        self.changes.same += 1;
                        return Ok(());
                    }
                    Change::Changed
                }
            },
        };
        if let Some(finding) = self.guarded.holding.keep(&mut self.books.conn, columns, &self.key, hash)? {
            self.encoder.held += 1;
            self.encoder.findings.push(finding);
            return Ok(());
        }
        let opened = self.guarded.opener.open(&mut self.books.conn, columns)?;
        let written = match &opened {
            Some(row) => self.encoder.row(&row.values(), change.as_str())?,
            None => self.encoder.row(columns, change.as_str())?,
        };
        let Some(w) = written else { return Ok(()) };
        match change {
            Change::Changed => self.changes.changed += 1,
            _ => self.changes.new += 1,
        }
        lineage_text(&self.plan.view, values, &mut self.lineage);
        let (kind, key, lineage) = (row_kind(self.plan), Some(self.key.as_str()), self.lineage.as_str());
        Ok(self.books.note(&OutRecord { n: w.record, kind, byte: w.byte, len: w.len, key, hash, change, lineage })?)
    }
}

/// Keys the partner has and the view no longer returns.
fn send_closed(
    hub: &mut Hub,
    opener: &mut Opener<'_>,
    exchange: &Exchange,
    encoder: &mut DraftEncoder<'_>,
    books: &mut Books,
    sent: &HashMap<u64, (i64, bool)>,
) -> Result<i64, HubError> {
    let plan = opener.plan;
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
        let opened = opener.open(&mut books.conn, &columns)?;
        let values = opened.as_ref().map(Opened::values);
        if let Some(w) = encoder.row(values.as_deref().unwrap_or(&columns), Change::Closed.as_str())? {
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

fn what_partner_has(hub: &mut Hub, plan: &OutPlan, exchange: &Exchange) -> Result<HashMap<u64, (i64, bool)>, HubError> {
    let dantai = &exchange.dantai;
    let count = ledger_out::count_sent(&mut hub.conn, &plan.interface, dantai)?;
    if count > SENT_LIMIT {
        return Err(HubError::Refused(format!("差分を作れる件数（{SENT_LIMIT} 件）を超えています（{count} 件）")));
    }
    let mut sent = HashMap::with_capacity(count as usize);
    let mut clash = false;
    ledger_out::each_sent(&mut hub.conn, &plan.interface, dantai, |key, hash| {
        if !part::holds_key(plan, exchange.part.as_deref(), key) {
            return Ok(());
        }
        clash |= sent.insert(key_hash(key), (hash, false)).is_some();
        Ok(())
    })?;
    if clash {
        return Err(HubError::Refused("送付済みキーのハッシュが衝突しました。開発元に連絡してください".into()));
    }
    Ok(sent)
}

fn row_kind(plan: &OutPlan) -> &str {
    let row = plan.records.iter().find(|r| r.level == crate::mapping::plan::Level::Row);
    row.map_or("", |r| plan.layout.records[r.record].name.as_str())
}
