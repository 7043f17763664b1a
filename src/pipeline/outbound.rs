//! Outbound: a view is selected, compared with what the partner has, encoded and kept as a draft.
//!
//! Owns: the draft's state. Never: looks at single rows (`fill`), lets anything leave (`deliver`).

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use super::encode::{Encoder, Finished};
use super::fill::{Changes, Guarded, fill};
use super::part;
use super::row::RunItems;
use super::settle::stored_totals;
use super::step::Step;
use super::{Hub, HubError, due, interrupted};
use crate::area::Archived;
use crate::clock::{compact_jst, day_jst};
use crate::codec::{Findings, RecordWriter};
use crate::finding::Severity;
use crate::mapping::plan::{NamePart, OutPlan, Release};
use crate::store::ledger::{self, Direction, Exchange, Facts, State, Wanted};
use crate::store::ledger_out;
use crate::store::run::{self, NewRun, RunKind, RunState, RunTotals};
use crate::store::{StoreError, detail, hold};

/// Prefix of a group's line among a run's totals; its declared side is the amount.
pub const GROUP: &str = "group:";

/// Note of a draft that has nothing to send but what is kept back.
pub const ONLY_HELD: &str =
    "送れる記録がなく保留だけのため、ファイルは作りません。指摘のとおりに直すか解除すると、次に作られます";

/// Begins a draft of an interface (all its files at once, so that a stop loses none) and takes it to its end. The first
/// file made; `None`: there was nothing to send. While another one is open it is
/// refused: two open drafts would send the same rows twice.
pub fn draft(hub: &mut Hub, plan: &Arc<OutPlan>) -> Result<Option<i64>, HubError> {
    if let Some(open) = due::open(hub, &plan.interface)? {
        let word = super::facts::state_word(open.state);
        return Err(HubError::Refused(format!(
            "「{}」には、まだ終わっていない送付ファイル（受付番号 {}、{word}）があります。二重に送らないため、それが済むまで新しい下書きは作りません",
            plan.title, open.id
        )));
    }
    let now = hub.clock.stamp();
    let dantai = hub.dantai().to_owned();
    let today = hub.clock.today().to_string();
    let first = drafts_today(hub, plan, &now)? + 1;
    let mut files = Vec::new();
    for (number, part) in (first..).zip(part::parts(hub, plan, &today)?) {
        let name = file_name(plan, &dantai, &now, number, part.as_deref())?;
        files.push((part::plan_of(plan, part.as_deref())?, name, part));
    }
    let ids = hub.conn.durable(|conn| {
        let mut ids = Vec::new();
        for (plan, name, part) in &files {
            let id = ledger::begin(conn, &dantai, Direction::Out, &plan.interface, name, State::Drafting, &now)?;
            let facts = Facts {
                layout: Some(&plan.layout.id),
                profile: Some(&plan.layout.profile),
                revision: Some(&plan.revision),
                partner: Some(&plan.partner),
                part: part.as_deref(),
                ..Facts::default()
            };
            ledger::learn(conn, id, &facts)?;
            ids.push(id);
        }
        Ok::<_, StoreError>(ids)
    })?;
    hub.steps.pass(Step::OutAnnounced)?;
    let mut made = None;
    for id in ids {
        let exchange = ledger::get(&mut hub.conn, id)?;
        let written = write(hub, plan, &exchange)?;
        made = made.or(written);
    }
    Ok(made)
}

/// Writes (or, after a stop, writes again) the file of an exchange that is being drafted.
pub fn write(hub: &mut Hub, plan: &Arc<OutPlan>, exchange: &Exchange) -> Result<Option<i64>, HubError> {
    let plan = &part::plan_of(plan, exchange.part.as_deref())?;
    let now = hub.clock.stamp();
    let today = hub.clock.today().to_string();
    interrupted::discard_of_exchange(hub, exchange.id, &[])?;
    ledger_out::forget_records(&mut hub.conn, exchange.id)?;
    hold::forget(&mut hub.conn, exchange.id)?;
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
    let file = work_file(&path).map_err(HubError::io("下書きの作成", &path))?;
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
    let (mut finished, changes, guarded) = fill(hub, plan, exchange, encoder, &today)?;
    mask_guarded(plan, &mut finished.findings);
    let to = settle(hub, plan, exchange, run, finished, (changes, &guarded), &path)?;
    std::fs::remove_file(&path).map_err(HubError::io("作業ファイルの削除", &path))?;
    hub.steps.pass(Step::OutDrafted)?;
    super::facts::write_exchange(hub, exchange.id)?;
    hub.steps.pass(Step::OutReported)?;
    Ok((to != State::Withdrawn).then_some(exchange.id))
}

/// What is protected stands in no report, not even when it was let go.
fn mask_guarded(plan: &OutPlan, findings: &mut Findings) {
    let fields = |(kind, field): (usize, usize)| plan.layout.records.get(kind)?.fields.get(field);
    let guarded: BTreeSet<&str> =
        plan.guarded_fields().into_iter().filter_map(fields).map(|f| f.name.as_str()).collect();
    findings.mask(|finding| guarded.contains(finding.data.field.as_str()));
}

fn work_file(path: &Path) -> std::io::Result<File> {
    File::options().create(true).truncate(true).read(true).write(true).mode(0o600).open(path)
}

/// Keeps the file, if it is one to send, and writes down in one transaction what became of the draft: its new state.
fn settle(
    hub: &mut Hub,
    plan: &OutPlan,
    exchange: &Exchange,
    run: i64,
    finished: Finished<BufWriter<File>>,
    (changes, guarded): (Changes, &Guarded<'_>),
    path: &Path,
) -> Result<State, HubError> {
    let now = hub.clock.stamp();
    let Finished { file, totals, rows, held, amount, groups, findings } = finished;
    let empty = rows == 0 && held == 0 && !plan.send_empty;
    let only_held = rows == 0 && held > 0 && !plan.send_empty;
    let failed = !empty && findings.worst() == Some(Severity::Fatal);
    let kept = match file {
        Some(file) if !empty && !failed && !only_held => Some(keep(hub, plan, exchange, file, path)?),
        _ => None,
    };
    let run_totals = totals_of(rows as i64, held as i64, amount, changes);
    let made_up = super::due::made_up(hub, &plan.schedule, Some((&plan.interface, exchange.id)))?;
    let (state, to, note) = match () {
        () if failed => {
            (RunState::Rejected, State::Returned, Some("送付ファイルを作れませんでした。指摘を確認してください"))
        }
        () if empty => (RunState::Done, State::Withdrawn, Some("送るものがありません")),
        () if only_held => (RunState::Done, State::Returned, Some(ONLY_HELD)),
        () if plan.release == Release::Auto => (RunState::Done, State::Confirmed, Some("確認なしで送る定義です")),
        () => (RunState::Done, State::Draft, made_up.as_deref()),
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
        guarded.opener.tell(conn, exchange.id, &now)?;
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
    Ok(to)
}

fn totals_of(rows: i64, held: i64, amount: i64, changes: Changes) -> RunTotals {
    RunTotals {
        read: rows + held + changes.same,
        loaded_new: changes.new,
        loaded_changed: changes.changed,
        unchanged: changes.same,
        closed: changes.closed,
        held,
        written: rows,
        amount_read: amount,
        amount_written: amount,
        ..RunTotals::default()
    }
}

/// Makes the written file durable and keeps its bytes.
fn keep(
    hub: &mut Hub,
    plan: &OutPlan,
    exchange: &Exchange,
    file: BufWriter<File>,
    path: &Path,
) -> Result<Archived, HubError> {
    let mut file = file.into_inner().map_err(|e| HubError::io("下書きの作成", path)(e.into_error()))?;
    file.sync_all().map_err(HubError::io("下書きの作成", path))?;
    hub.steps.pass(Step::OutWritten)?;
    std::io::Seek::rewind(&mut file).map_err(HubError::io("下書きの保存", path))?;
    let scratch = format!("{}.archive", exchange.id);
    let kept = if plan.opens.is_empty() {
        hub.area.archive_file(&mut file, &scratch)
    } else {
        hub.area.archive_sealed(&mut file, &scratch)
    };
    kept.map_err(HubError::io("下書きの保存", path))
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
        .filter(|e| !matches!(e.state, State::Withdrawn | State::Superseded) && day_jst(&e.received_at) == today)
        .count())
}

fn file_name(plan: &OutPlan, dantai: &str, now: &str, number: usize, part: Option<&str>) -> Result<String, HubError> {
    plan.name
        .iter()
        .map(|piece| match piece {
            NamePart::Literal(text) => Ok(text.clone()),
            NamePart::Municipality => Ok(dantai.to_owned()),
            NamePart::Municipality5 => Ok(dantai.chars().take(5).collect()),
            NamePart::CreatedAt => Ok(compact_jst(now)),
            NamePart::Sequence3 => Ok(format!("{number:03}")),
            NamePart::Column(column) => part::in_name(plan, part, *column),
        })
        .collect()
}
