//! Settle: the one transaction that makes a file's rows stand and writes down what became of every record.
//!
//! Owns: the arithmetic of a run's totals. Never: reads the file again.

use std::sync::Arc;

use super::load::{Held, Loaded};
use super::{Hub, HubError};
use crate::finding::{DataPlace, Finding, Severity};
use crate::mapping::plan::{InPlan, slot};
use crate::schema::entity::Entity;
use crate::store::apply::{self, Applied, ApplyMode, Duplicate};
use crate::store::ledger::{self, Exchange, Facts, State};
use crate::store::run::{self, RunState, RunTotals};
use crate::store::same::Same;
use crate::store::{Conn, StoreError, detail};

/// How a file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Its rows stand (all, or all that are not held).
    Applied,
    /// Nothing of it stands.
    Rejected,
}

/// Applies or rejects what was staged, with the ledger, in one transaction.
pub fn settle(
    hub: &mut Hub,
    plan: &InPlan,
    exchange: &Exchange,
    run: i64,
    mut loaded: Loaded,
) -> Result<Settled, HubError> {
    let now = hub.clock.stamp();
    if loaded.rejects(plan) {
        reject(&mut hub.conn, plan, exchange, run, &loaded, &now)?;
        return Ok(Settled::Rejected);
    }
    let max_duplicates = hub.site.config.limits.findings_per_code as u32;
    let held_cap = match plan.tolerance {
        crate::mapping::plan::Tolerance::Record { max_held } => max_held,
        crate::mapping::plan::Tolerance::File => 0,
    };
    // No outside effect hangs on it: a loss of power that takes this commit leaves the exchange loading, its file in the
    // archive, and the next start does the same again.
    let outcome = hub.conn.transaction(|conn| {
        let mut totals = apply_all(conn, plan, run, &exchange.dantai, &mut loaded, max_duplicates)?;
        if loaded.held_count() > held_cap {
            return Err(StoreError::Stopped);
        }
        totals.held = loaded.held_count() as i64;
        totals.amount_held = loaded.amount_held;
        totals.amount_loaded = loaded.amount_read - loaded.amount_held;
        write_details(conn, run, &loaded)?;
        run::finish(conn, run, RunState::Done, &totals, None, &now)?;
        let facts = Facts {
            accepted: Some(true),
            records: Some(totals.read),
            amount: plan.amount.map(|_| totals.amount_read),
            ..Facts::default()
        };
        ledger::learn(conn, exchange.id, &facts)?;
        ledger::advance(conn, exchange.id, State::Loading, State::Applied, None, &now)?;
        Ok(())
    });
    match outcome {
        Ok(()) => {
            for entity in entities(plan) {
                crate::store::ddl::ensure_indexes(&mut hub.conn, entity)?;
            }
            Ok(Settled::Applied)
        }
        Err(StoreError::Stopped) => {
            reject(&mut hub.conn, plan, exchange, run, &loaded, &now)?;
            Ok(Settled::Rejected)
        }
        Err(e) => Err(e.into()),
    }
}

/// Makes what was staged for each entity stand, and notes what did not come to stand.
fn apply_all(
    conn: &mut Conn,
    plan: &InPlan,
    run: i64,
    dantai: &str,
    loaded: &mut Loaded,
    max_duplicates: u32,
) -> Result<RunTotals, StoreError> {
    let entities: Vec<(&Entity, Option<usize>)> =
        entities(plan).into_iter().map(|entity| (entity.as_ref(), amount_column(plan, entity))).collect();
    // Where a record can make several rows, it is held with all of them.
    let (mut left, records) = if plan.into.len() > 1 {
        apply::take_out_twice(conn, &entities, run, dantai, max_duplicates)?
    } else {
        (Vec::new(), 0)
    };
    let any_held = loaded.held_count() > 0 || left.iter().any(|left| left.duplicates > 0);
    // Of the records that were taken out, those whom no row below will name.
    loaded.held_beyond += records;
    let mut totals = totals_of(loaded);
    let mut put_off_closing = false;
    // Without sums by class everything is new, or there is no amount.
    let mut amounts_told = false;
    for (index, (entity, amount)) in entities.into_iter().enumerate() {
        let mode = ApplyMode { full: loaded.full, any_held, max_duplicates, amount };
        // Compared entities have one `[[into]]`.
        let into = plan.into.iter().position(|rows| rows.entity.id == entity.id);
        let nothing = Same::default();
        let same = into.and_then(|into| loaded.same.get(into)).unwrap_or(&nothing);
        let applied = apply::apply_compared(conn, entity, run, dantai, mode, same)?;
        let left = left.get_mut(index).map(std::mem::take).unwrap_or_default();
        let named = note_duplicates(loaded, &left.duplicate_rows, entity);
        loaded.held_beyond = loaded.held_beyond.saturating_sub(named);
        // Only one entity: each row is a record.
        let named = note_duplicates(loaded, &applied.duplicate_rows, entity);
        loaded.held_beyond += applied.duplicates.saturating_sub(named);
        note_older(loaded, &applied, entity);
        put_off_closing |= applied.closing_put_off;
        if counts(plan, loaded, entity) {
            loaded.amount_held += [&left, &applied].iter().filter_map(|a| a.amounts).map(|a| a.duplicates).sum::<i64>();
            amounts_told |= applied.amounts.is_some();
            add_applied(&mut totals, &applied);
        }
    }
    if put_off_closing {
        loaded.findings.push(put_off());
    }
    if !amounts_told {
        totals.amount_new = loaded.amount_read - loaded.amount_held;
    }
    Ok(totals)
}

/// The entities a plan writes, each once.
pub fn entities(plan: &InPlan) -> Vec<&Arc<Entity>> {
    let mut seen = Vec::new();
    for rows in &plan.into {
        if !seen.iter().any(|e: &&Arc<Entity>| e.id == rows.entity.id) {
            seen.push(&rows.entity);
        }
    }
    seen
}

fn reject(
    conn: &mut Conn,
    plan: &InPlan,
    exchange: &Exchange,
    run: i64,
    loaded: &Loaded,
    now: &str,
) -> Result<(), HubError> {
    for entity in entities(plan) {
        apply::discard_run(conn, entity, run)?;
    }
    let mut totals = totals_of(loaded);
    totals.held = 0;
    totals.skipped = 0;
    totals.rejected = totals.read;
    totals.amount_held = 0;
    let note = loaded.findings.kept().iter().find(|f| f.severity == Severity::Fatal).map_or_else(
        || format!("誤りのある記録が {} 件あり、許される数を超えました", loaded.held_count()),
        |f| f.message.clone(),
    );
    conn.durable(|conn| {
        write_details(conn, run, loaded)?;
        run::finish(conn, run, RunState::Rejected, &totals, Some(&note), now)?;
        let facts =
            Facts { records: Some(totals.read), amount: plan.amount.map(|_| totals.amount_read), ..Facts::default() };
        ledger::learn(conn, exchange.id, &facts)?;
        ledger::advance(conn, exchange.id, State::Loading, State::Rejected, Some(&note), now)
    })?;
    Ok(())
}

fn totals_of(loaded: &Loaded) -> RunTotals {
    RunTotals {
        read: loaded.read as i64,
        held: loaded.held_count() as i64,
        skipped: loaded.skipped as i64,
        amount_read: loaded.amount_read,
        amount_held: loaded.amount_held,
        ..RunTotals::default()
    }
}

/// Is a record counted by its row in this entity? Of the rows that one record makes, the first one stands for it; what other
/// entities got besides is not one more record.
fn counts(plan: &InPlan, loaded: &Loaded, entity: &Entity) -> bool {
    let mut kinds = Vec::new();
    plan.into.iter().zip(&loaded.firsts).any(|(rows, firsts)| {
        let first_of_kind = !kinds.contains(&rows.record);
        kinds.push(rows.record);
        rows.entity.id == entity.id && (first_of_kind || *firsts > 0)
    })
}

fn add_applied(totals: &mut RunTotals, applied: &Applied) {
    totals.loaded_new += applied.new as i64;
    totals.loaded_changed += applied.changed as i64;
    totals.unchanged += applied.unchanged as i64;
    totals.closed += applied.closed as i64;
    totals.skipped += (applied.close_unknown + applied.older) as i64;
    totals.vanished += applied.vanished as i64;
    if let Some(a) = applied.amounts {
        totals.amount_new += a.new;
        totals.amount_changed += a.changed;
        totals.amount_unchanged += a.unchanged;
    }
}

/// The entity's column that holds the control amount as it is.
pub fn amount_column(plan: &InPlan, entity: &Entity) -> Option<usize> {
    let (kind, field) = plan.amount?;
    let wanted = slot(kind as u16, field as u16);
    let rows = plan.into.iter().find(|rows| rows.entity.id == entity.id && rows.record == kind)?;
    rows.columns.iter().position(|expr| expr.as_ref().and_then(|e| e.as_slot()) == Some(wanted))
}

/// Records with one key are all held: nobody knows which is right. How many of them are named now and were not before?
pub fn note_duplicates(loaded: &mut Loaded, twice: &[Duplicate], entity: &Entity) -> u64 {
    let before = loaded.held.len();
    let keys: Vec<&str> = entity.key.iter().map(|&i| entity.columns[i].name.as_str()).collect();
    let keys = keys.join("・");
    for dup in twice {
        // The store keeps no lines.
        let line = if loaded.line_is_record { dup.record } else { 0 };
        let place = DataPlace { record: dup.record, line, byte: dup.byte, len: dup.len, field: keys.clone() };
        let message = format!(
            "同じキー（{keys}）の記録がこのファイルに 2 件以上あります。どれが正しいか決められないため、すべて保留しました"
        );
        let finding = Finding::data("duplicate-key", Severity::Error, place, message);
        let finding = finding.with_value(&dup.key.join("・"), key_is_secret(entity));
        // Entities with one key tell the same of a record that makes a row of each: once is enough.
        if !loaded.findings.kept().contains(&finding) {
            loaded.findings.push(finding);
        }
        // Its rows of another entity may have told already.
        if loaded.held.iter().any(|h| h.record == dup.record) {
            continue;
        }
        loaded.held.push(Held {
            record: dup.record,
            line,
            byte: dup.byte,
            len: dup.len,
            reason: "duplicate-key".into(),
        });
    }
    (loaded.held.len() - before) as u64
}

/// A key of which a column is secret is told by its length alone.
fn key_is_secret(entity: &Entity) -> bool {
    entity.key.iter().any(|&i| entity.columns[i].secret)
}

/// Rows that are older than what stands are named; they change nothing.
fn note_older(loaded: &mut Loaded, applied: &Applied, entity: &Entity) {
    let Some(field) = entity.newer.map(|i| entity.columns[i].name.clone()) else { return };
    for row in &applied.older_rows {
        let line = if loaded.line_is_record { row.record } else { 0 };
        let place = DataPlace { record: row.record, line, byte: row.byte, len: row.len, field: field.clone() };
        let message = format!(
            "「{field}」が台帳の「{}」にある値より小さい、古い記録です。新しい記録を残し、この記録は反映しませんでした",
            entity.name
        );
        let finding = Finding::data("older-version", Severity::Warning, place, message);
        loaded.findings.push(finding.with_value(&row.key.join("・"), key_is_secret(entity)));
    }
}

fn put_off() -> Finding {
    let message = "全件ファイルですが保留した記録があるため、ファイルに無い行の終了処理を見送りました";
    Finding::data("closing-put-off", Severity::Warning, DataPlace::default(), message)
}

/// Findings, held records and totals of a run; the counts include what was not kept.
pub fn write_details(conn: &mut Conn, run: i64, loaded: &Loaded) -> Result<(), StoreError> {
    for code in loaded.findings.codes() {
        detail::count_findings(conn, run, &code.code, code.worst, code.count)?;
    }
    detail::add_findings(conn, run, 1, loaded.findings.kept())?;
    let held: Vec<detail::Held> = loaded
        .held
        .iter()
        .map(|h| detail::Held { record: h.record, byte: h.byte, len: h.len, line: h.line, code: h.reason.clone() })
        .collect();
    detail::add_held(conn, run, &held)?;
    detail::add_totals(conn, run, &stored_totals(&loaded.totals))
}

/// Totals as the store keeps them.
pub fn stored_totals(seen: &[crate::codec::TotalSeen]) -> Vec<detail::TotalSeen> {
    seen.iter()
        .map(|t| detail::TotalSeen {
            title: t.title.clone(),
            declared: t.declared,
            counted: t.counted,
            agrees: t.agrees,
            record: t.record,
        })
        .collect()
}
