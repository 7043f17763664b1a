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
/// Batches of them on their way to the ledger.
const BATCHES: usize = 2;
/// Memory for the pages of the ledger while they are written.
const BOOKS_MIB: u32 = 8;
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

/// What a partner has, by hash of the key: hash of the row, and was the key seen again?
type Sent = HashMap<u64, (i64, bool)>;

/// A draft's file, what its rows are to the partner, and what was kept back.
type Drafted<'a> = (Finished<BufWriter<File>>, Changes, Guarded<'a>);

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
) -> Result<Drafted<'a>, HubError> {
    let guarded = Guarded {
        holding: Holding::new(hub, plan, exchange.id, &exchange.dantai, today)?,
        opener: Opener::new(hub, plan)?,
    };
    let sent = if plan.delta { Some(what_partner_has(hub, plan, exchange)?) } else { None };
    let (mut reading, mut keeping) = (hub.spare()?, hub.spare()?);
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
        shared: None,
    };
    let width = plan.view.columns.len() + plan.view.lineage.len();
    let (reader, keeper) = (&mut reading, &mut keeping);
    let finished = std::thread::scope(|scope| {
        let (full, to_encode) = sync_channel::<Rows>(IN_FLIGHT);
        let (empty, back) = sync_channel::<Rows>(IN_FLIGHT * 2);
        let selecting = scope.spawn(move || select(&source, reader, width, &full, &back));
        let (books, to_keep, kept) = Books::new();
        let keeping = scope.spawn(move || keep_books(keeper, exchange.id, &to_keep, &kept));
        let conn = &mut hub.conn;
        let changes = Changes::default();
        let mut drafting = Drafting {
            plan,
            conn,
            encoder,
            books,
            guarded,
            sent,
            changes,
            key: String::new(),
            lineage: String::new(),
            scratch: Vec::new(),
        };
        let mut count = 0;
        let mut encoded = Ok(());
        for mut rows in to_encode {
            encoded = drafting.rows(&rows).and_then(|()| steps.go_on(Step::OutWriting));
            if encoded.is_err() {
                break;
            }
            count += rows.len() as u64;
            progress.tell(&exchange.file_name, count, 0);
            rows.clear();
            let _ = empty.try_send(rows);
        }
        let selected = selecting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Only when every row was seen is a key that was not seen gone.
        let finished = encoded.and(selected).and_then(|()| drafting.finish(exchange));
        // `drafting` is gone, finished or not, so the books end; their trouble is what stopped the others.
        keeping.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        finished
    })?;
    hub.leave(reading)?;
    hub.leave(keeping)?;
    Ok(finished)
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
struct Drafting<'a, 'c> {
    plan: &'a OutPlan,
    /// For what guards and vault look up and write down.
    conn: &'c mut Conn,
    encoder: DraftEncoder<'a>,
    books: Books,
    guarded: Guarded<'a>,
    /// What the partner has.
    sent: Option<Sent>,
    changes: Changes,
    key: String,
    lineage: String,
    scratch: Vec<u8>,
}

impl<'a> Drafting<'a, '_> {
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
        if let Some(finding) = self.guarded.holding.keep(self.conn, columns, &self.key, hash)? {
            self.encoder.held += 1;
            self.encoder.findings.push(finding);
            return Ok(());
        }
        let opened = self.guarded.opener.open(self.conn, columns)?;
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

    /// Sends what is gone, and ends file and books.
    fn finish(mut self, exchange: &Exchange) -> Result<Drafted<'a>, HubError> {
        if let Some(sent) = self.sent.take().filter(|_| self.plan.send_closed) {
            self.closed(exchange, &sent)?;
        }
        self.books.flush()?;
        self.guarded.holding.flush(self.conn)?;
        Ok((self.encoder.finish()?, self.changes, self.guarded))
    }

    /// Keys the partner has and the view no longer returns.
    fn closed(&mut self, exchange: &Exchange, sent: &Sent) -> Result<(), HubError> {
        let mut gone = Vec::new();
        ledger_out::each_sent(self.conn, &self.plan.interface, &exchange.dantai, |key, _| {
            if sent.get(&key_hash(key)).is_some_and(|(_, seen)| !seen) {
                gone.push(key.to_owned());
            }
            Ok(())
        })?;
        for key in gone {
            let owned = key_values(self.plan, &key);
            let columns: Vec<Value<'_>> = owned.iter().map(OwnedValue::as_value).collect();
            let opened = self.guarded.opener.open(self.conn, &columns)?;
            let values = opened.as_ref().map(Opened::values);
            let change = Change::Closed;
            let Some(w) = self.encoder.row(values.as_deref().unwrap_or(&columns), change.as_str())? else { continue };
            self.changes.closed += 1;
            let (kind, key) = (row_kind(self.plan), Some(key.as_str()));
            let record = OutRecord { n: w.record, kind, byte: w.byte, len: w.len, key, hash: 0, change, lineage: "" };
            self.books.note(&record)?;
        }
        Ok(())
    }
}

/// Outbound records on their way to the thread that writes them into the ledger.
struct Books {
    batch: RecordBatch,
    full: SyncSender<RecordBatch>,
    back: Receiver<RecordBatch>,
}

impl Books {
    /// With the ends for [`keep_books`].
    fn new() -> (Self, Receiver<RecordBatch>, SyncSender<RecordBatch>) {
        let (full, to_keep) = sync_channel(BATCHES);
        let (kept, back) = sync_channel(BATCHES * 2);
        (Books { batch: RecordBatch::default(), full, back }, to_keep, kept)
    }

    fn note(&mut self, record: &OutRecord<'_>) -> Result<(), StoreError> {
        self.batch.push(record);
        if self.batch.len() >= BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let next = self.back.try_recv().unwrap_or_default();
        self.full.send(std::mem::replace(&mut self.batch, next)).map_err(|_| StoreError::Stopped)
    }
}

/// Writes batches into the ledger until no more come.
fn keep_books(
    conn: &mut Conn,
    exchange: i64,
    to_keep: &Receiver<RecordBatch>,
    kept: &SyncSender<RecordBatch>,
) -> Result<(), StoreError> {
    // Records are only put at the end.
    conn.bound_cache(BOOKS_MIB)?;
    for mut batch in to_keep {
        batch.write(conn, exchange)?;
        batch.clear();
        let _ = kept.try_send(batch);
    }
    Ok(())
}

fn what_partner_has(hub: &mut Hub, plan: &OutPlan, exchange: &Exchange) -> Result<Sent, HubError> {
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
