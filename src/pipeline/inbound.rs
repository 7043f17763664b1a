//! Inbound: one claimed file through archive, load and settle to its report.
//!
//! Owns: which state follows which. Never: leaves a state before what it promises is durable.

use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use super::load::{LoadContext, Loaded, load};
use super::manifest::{count_breach, manifest_breach};
use super::receive::refuse;
use super::row::RunItems;
use super::settle::{Settled, settle};
use super::step::Step;
use super::{Hub, HubError, archive, interrupted};
use crate::clock::compact_jst;
use crate::finding::{DataPlace, Finding, Severity};
use crate::mapping::plan::{InPlan, IntoRows};
use crate::schema::entity::Entity;
use crate::store::bulk::{VersionBatch, VersionWriter};
use crate::store::ledger::{self, Exchange, Facts, State};
use crate::store::run::{self, NewRun, RunKind};
use crate::store::same::Same;
use crate::store::{Conn, StoreError, apply, repeat};

/// Files up to this size are staged on the worker's own connection; a second thread would cost more than it gains.
const SMALL: i64 = 1 << 20;
/// Batches on their way to the writing thread.
const IN_FLIGHT: usize = 4;
/// Batches of one transaction. Rows of many keys touch the same index pages; written together, each page is written once.
const BATCHES_KEPT: usize = 8;

/// Takes an exchange as far as it goes now.
pub fn advance(hub: &mut Hub, mut exchange: Exchange) -> Result<(), HubError> {
    loop {
        match exchange.state {
            State::Claimed => archive::archive(hub, &exchange)?,
            State::Archived => examine(hub, &exchange)?,
            State::Loading => load_and_settle(hub, &exchange)?,
            State::Applied => {
                super::facts::write_exchange(hub, exchange.id)?;
                hub.steps.pass(Step::InReported)?;
                ledger::advance(&mut hub.conn, exchange.id, State::Applied, State::Reported, None, &hub.clock.stamp())?;
            }
            State::Rejected | State::Duplicate | State::Reported => {
                if exchange.state != State::Reported {
                    super::facts::write_exchange(hub, exchange.id)?;
                    hub.steps.pass(Step::InReported)?;
                }
                return super::clear::clear(hub, &exchange);
            }
            // One of very many duplicates: it is counted on another's row.
            State::Withdrawn if exchange.related.is_some() => {
                super::clear::clear(hub, &exchange)?;
                return Ok(repeat::forget(&mut hub.conn, exchange.id)?);
            }
            _ => return Ok(()),
        }
        exchange = ledger::get(&mut hub.conn, exchange.id)?;
    }
}

/// What a duplicate is told: where its bytes came before, and that what was held of them still is.
fn same_as(hub: &mut Hub, first: &Exchange) -> Result<String, HubError> {
    let (day, id) = (crate::clock::people_jst(&first.received_at), first.id);
    let runs = crate::store::run::of_exchange(&mut hub.conn, id)?;
    let held = runs.iter().map(|run| run.totals.held).max().unwrap_or(0);
    if held <= 0 {
        return Ok(format!("{day} に取り込んだファイル（受付番号 {id}）と内容が同じです"));
    }
    Ok(format!(
        "{day} に届き、{held} 件を保留したファイル（受付番号 {id}）と内容が同じです。\
         保留した記録は取り込まれないままです。renkei report {id} の「指摘」にある誤りを送付元で直したファイルを入れてください"
    ))
}

/// Archived → loading, duplicate or rejected: is there a plan for it, is it new, does its manifest agree?
fn examine(hub: &mut Hub, exchange: &Exchange) -> Result<(), HubError> {
    let (id, interface) = (exchange.id, exchange.interface.as_str());
    let now = hub.clock.stamp();
    let sha256 = exchange.sha256.as_deref().unwrap_or_default();
    let plan = hub.site.in_plan(interface, &exchange.file_name);
    let read_as = plan.as_ref().map(|plan| (plan.layout.id.as_str(), plan.layout.profile.as_str()));
    if let Some(first) = ledger::find_accepted(&mut hub.conn, &exchange.dantai, interface, sha256, read_as)? {
        let note = same_as(hub, &first)?;
        let named = repeat::counted_on(&mut hub.conn, exchange)?;
        hub.conn.durable(|conn| {
            let related = named.unwrap_or(first.id);
            ledger::learn(conn, id, &Facts { related: Some(related), ..Facts::default() })?;
            let Some(named) = named else {
                return ledger::advance(conn, id, State::Archived, State::Duplicate, Some(&note), &now);
            };
            let times = repeat::count(conn, named, &now)?;
            let more = format!("{note}。このあと同じ内容のファイルがさらに {times} 回届き、ここに数えました");
            repeat::note(conn, named, &more)?;
            ledger::advance(conn, id, State::Archived, State::Withdrawn, Some(&note), &now)
        })?;
        return Ok(());
    }
    let Some(plan) = plan else {
        let finding = Finding::data(
            "unknown-file-name",
            Severity::Fatal,
            DataPlace::default(),
            "このファイル名に合う受信定義がありません",
        )
        .with_value(&exchange.file_name, false);
        return refuse(hub, id, interface, State::Archived, finding);
    };
    if let Some(finding) = manifest_breach(hub, exchange)? {
        return refuse(hub, id, interface, State::Archived, finding);
    }
    hub.conn.transaction(|conn| {
        let facts = Facts {
            layout: Some(&plan.layout.id),
            profile: Some(&plan.layout.profile),
            revision: Some(&plan.revision),
            ..Facts::default()
        };
        ledger::learn(conn, id, &facts)?;
        ledger::advance(conn, id, State::Archived, State::Loading, None, &now)
    })?;
    Ok(())
}

/// Loading → applied or rejected. What an interrupted attempt staged is discarded first.
fn load_and_settle(hub: &mut Hub, exchange: &Exchange) -> Result<(), HubError> {
    let Some(plan) = hub.site.in_plan(&exchange.interface, &exchange.file_name) else {
        let finding = Finding::data(
            "unknown-file-name",
            Severity::Fatal,
            DataPlace::default(),
            "このファイル名に合う受信定義がありません",
        );
        return refuse(hub, exchange.id, &exchange.interface, State::Loading, finding);
    };
    if plan.is_vaulted() {
        super::vault::needed(hub)?;
    }
    let entities: Vec<&Entity> = super::settle::entities(&plan).into_iter().map(Arc::as_ref).collect();
    interrupted::discard_of_exchange(hub, exchange.id, &entities)?;
    let today = hub.clock.today().to_string();
    let new = NewRun {
        exchange: Some(exchange.id),
        interface: &exchange.interface,
        dantai: &exchange.dantai,
        kind: RunKind::In,
        base_date: &today,
        revision: &plan.revision,
    };
    let run = run::begin(&mut hub.conn, &new, &hub.clock.stamp())?;
    hub.steps.pass(Step::InStaging)?;
    let mut loaded = stage(hub, exchange, &plan, run, &today)?;
    if let Some(finding) = count_breach(hub, exchange, loaded.read)? {
        loaded.findings.push(finding);
    }
    if let Some(finding) = empty_full(hub, exchange, &plan, &loaded)? {
        loaded.findings.push(finding);
    }
    hub.steps.pass(Step::InStaged)?;
    let settled = settle(hub, &plan, exchange, run, loaded)?;
    tracing::info!(exchange = exchange.id, interface = exchange.interface, run, outcome = ?settled, "settled");
    debug_assert!(matches!(settled, Settled::Applied | Settled::Rejected));
    hub.steps.pass(Step::InSettled)
}

/// A full set that names nothing would close everything that stands: more likely its making went wrong.
fn empty_full(hub: &mut Hub, exchange: &Exchange, plan: &InPlan, loaded: &Loaded) -> Result<Option<Finding>, HubError> {
    if !loaded.full || plan.empty_closes || loaded.read > loaded.skipped {
        return Ok(None);
    }
    for entity in super::settle::entities(plan) {
        if apply::any_stands(&mut hub.conn, entity, &exchange.dantai)? {
            let message = format!(
                "全件ファイルなのにデータが1件もありません。取り込むと台帳の「{}」がすべて終了になるため、取り込みません",
                entity.name
            );
            return Ok(Some(Finding::data("empty-full-set", Severity::Fatal, DataPlace::default(), message)));
        }
    }
    Ok(None)
}

/// Stages the file's rows, but for those that stand as they are.
fn stage(hub: &mut Hub, exchange: &Exchange, plan: &Arc<InPlan>, run: i64, today: &str) -> Result<Loaded, HubError> {
    let loaded = stage_once(hub, exchange, plan, run, today, true)?;
    if !loaded.same.iter().any(Same::came_twice) {
        return Ok(loaded);
    }
    // Every row of a key that came twice must be found among what is staged.
    for entity in super::settle::entities(plan) {
        apply::discard_run(&mut hub.conn, entity, run)?;
    }
    stage_once(hub, exchange, plan, run, today, false)
}

fn stage_once(
    hub: &mut Hub,
    exchange: &Exchange,
    plan: &Arc<InPlan>,
    run: i64,
    today: &str,
    comparing: bool,
) -> Result<Loaded, HubError> {
    let sha256 = exchange.sha256.as_deref().unwrap_or_default();
    let path = hub.area.archived_path(sha256);
    let input = hub.area.open_archived(sha256).map_err(HubError::io("読み込み", &path))?;
    let context = LoadContext {
        run: RunItems {
            base_date: today.to_owned(),
            municipality: exchange.dantai.clone(),
            file_name: exchange.file_name.clone(),
            created_at: compact_jst(&exchange.received_at),
            sequence: 0,
            change: "full",
        },
        site: &hub.site.values,
        findings_per_code: hub.site.config.limits.findings_per_code,
        bytes: exchange.bytes.unwrap_or(0) as u64,
        progress: &hub.progress,
        steps: &hub.steps,
        vault: hub.vault.as_deref(),
    };
    let writer = |rows: &IntoRows| {
        let writer = VersionWriter::new(&rows.entity, run, &exchange.dantai);
        // Where a record makes several rows, it may yet be held with all of them: none is left out before.
        let alone = plan.into.len() == 1;
        let amount = super::settle::amount_column(plan, &rows.entity);
        if comparing && alone { writer.comparing(&rows.entity, &hub.conn, amount) } else { writer }
    };
    let mut writers: Vec<VersionWriter> = plan.into.iter().map(writer).collect();
    if exchange.bytes.unwrap_or(0) <= SMALL {
        let conn = &mut hub.conn;
        let mut loaded = load(plan, input, context, &mut |into, mut batch| {
            writers[into].write_changed(conn, &mut batch)?;
            batch.clear();
            Ok(batch)
        })?;
        loaded.same = writers.into_iter().map(VersionWriter::finish).collect();
        return Ok(loaded);
    }
    let conn = hub.store.connect()?;
    stage_beside(plan, input, context, writers, conn)
}

/// Reads on this thread and writes on another; the same rows in the same order as on one.
fn stage_beside(
    plan: &Arc<InPlan>,
    input: impl Read,
    context: LoadContext<'_>,
    mut writers: Vec<VersionWriter>,
    mut conn: Conn,
) -> Result<Loaded, HubError> {
    std::thread::scope(|scope| {
        let (full, to_write) = sync_channel::<(usize, VersionBatch)>(IN_FLIGHT);
        let (empty, back) = sync_channel::<(usize, VersionBatch)>(IN_FLIGHT * 2);
        let writing = scope.spawn(move || -> Result<Vec<Same>, StoreError> {
            while let Ok(first) = to_write.recv() {
                conn.transaction(|conn| {
                    let more = std::iter::from_fn(|| to_write.recv().ok()).take(BATCHES_KEPT - 1);
                    for (into, mut batch) in std::iter::once(first).chain(more) {
                        writers[into].write_changed(conn, &mut batch)?;
                        batch.clear();
                        let _ = empty.try_send((into, batch));
                    }
                    Ok(())
                })?;
            }
            Ok(writers.into_iter().map(VersionWriter::finish).collect())
        });
        let loaded = load(plan, input, context, &mut |into, batch| {
            if full.send((into, batch)).is_err() {
                return Err(HubError::Refused("書き込み側が止まりました".into()));
            }
            Ok(match back.try_recv() {
                Ok((same, batch)) if same == into => batch,
                _ => VersionBatch::new(&plan.into[into].entity),
            })
        });
        drop(full);
        let written = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let same = written?;
        loaded.map(|loaded| Loaded { same, ..loaded })
    })
}
