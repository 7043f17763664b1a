//! `preview`: a file read as it would be, and stored nowhere.
//!
//! Owns: its output, and which keys come twice in the file. Never: changes a site's store, but for the audit of the look.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use twox_hash::XxHash3_64;

use super::author::{finding_json, line};
use super::{Cli, CliError, PreviewArgs, exit, print_json};
use crate::clock::Clock;
use crate::codec::{Findings, ReadLimits, Record, RecordReader};
use crate::mapping::plan::InPlan;
use crate::mapping::site::Site;
use crate::pipeline::load::{LoadContext, Loaded, load};
use crate::pipeline::row::RunItems;
use crate::pipeline::settle::note_duplicates;
use crate::pipeline::{HubError, Progress, Steps};
use crate::report::words::visible;
use crate::schema::entity::Entity;
use crate::store::Store;
use crate::store::apply::Duplicate;
use crate::store::audit::{self, Entry};
use crate::store::bulk::VersionBatch;
use crate::value::Value;

/// Most keys of a file that are remembered to find one that comes again; about 100 MB of memory.
const KEYS: usize = 1_000_000;
/// Most records named for a key that comes twice.
const TWICE: usize = 1_000;

/// `preview`: the first records as parsed and as mapped, and every finding of the file; nothing is stored.
pub fn preview(cli: &Cli, args: &PreviewArgs) -> Result<u8, CliError> {
    let site = cli.site()?;
    let (plan, name) = plan_for(&site, args)?;
    let asked = args.open.asked()?;
    look_at_guarded(cli, &site, &plan, asked)?;
    let mut out = std::io::stdout().lock();
    let guarded = if asked.is_some() { BTreeSet::new() } else { plan.guarded_fields() };
    let parsed = parsed(&plan, args, &guarded)?;
    let (loaded, mapped, keys) = read(&site, &plan, args, name, asked.is_some())?;
    if cli.json {
        let findings: Vec<_> = loaded.findings.kept().iter().map(finding_json).collect();
        drop(out);
        print_json(
            &json!({ "parsed": parsed, "mapped": mapped, "read": loaded.read, "held": loaded.held_count(), "rejects": loaded.rejects(&plan), "findings": findings }),
        );
    } else {
        print_preview(&mut out, &plan, &parsed, &mapped)?;
        print_result(&mut out, &plan, &loaded, &keys)?;
    }
    Ok(if loaded.findings.kept().is_empty() { exit::OK } else { exit::ATTENTION })
}

/// The mapping that would take the file, and the file's name.
fn plan_for<'a>(site: &Site, args: &'a PreviewArgs) -> Result<(Arc<InPlan>, &'a str), CliError> {
    let name = args.file.file_name().and_then(|n| n.to_str());
    let name = name.ok_or_else(|| CliError::Refused("ファイル名を読めません".into()))?;
    let plan = site.in_plan(&args.interface, name).ok_or_else(|| {
        CliError::Refused(format!(
            "「{}」の受信定義（schemas/feeds）に「{name}」に合う形がありません。情報の名前は inbox のフォルダー名です。\
             ファイル名の形は担当者の手引きの表にあります",
            args.interface
        ))
    })?;
    Ok((plan, name))
}

/// Reads the file to its end: what would become of its records, the first rows as mapped, and the keys.
fn read(
    site: &Site,
    plan: &Arc<InPlan>,
    args: &PreviewArgs,
    name: &str,
    opened: bool,
) -> Result<(Loaded, Vec<serde_json::Value>, Keys), CliError> {
    let steps = Steps::default();
    let progress = Progress::silent();
    let context = LoadContext {
        run: preview_items(site, args, name),
        site: &site.values,
        findings_per_code: site.config.limits.findings_per_code,
        bytes: 0,
        progress: &progress,
        steps: &steps,
        vault: None,
    };
    let mut mapped: Vec<serde_json::Value> = Vec::new();
    let mut keys = Keys::default();
    let most = args.records as usize;
    let mut loaded = load(plan, open(&args.file)?, context, &mut |into, mut batch: VersionBatch| {
        let entity = &plan.into[into].entity;
        for row in 0..batch.len().min(most.saturating_sub(mapped.len())) {
            mapped.push(json!({ "entity": entity.name, "row": row_json(entity, &batch, row, opened) }));
        }
        keys.look_at(entity, &batch);
        batch.clear();
        Ok::<_, HubError>(batch)
    })?;
    for (entity, twice) in keys.twice.values() {
        note_duplicates(&mut loaded, twice, entity);
    }
    Ok((loaded, mapped, keys))
}

fn open(path: &Path) -> Result<std::fs::File, CliError> {
    std::fs::File::open(path).map_err(CliError::file("を読めません", path))
}

fn row_json(entity: &Entity, batch: &VersionBatch, row: usize, opened: bool) -> serde_json::Value {
    let values = entity.columns.iter().enumerate().map(|(i, c)| {
        let hidden = c.secret || (c.guard.is_some() && !opened);
        (c.name.clone(), value_json(batch.value(row, i), hidden))
    });
    serde_json::Value::Object(values.collect())
}

/// Number, byte and length of a record.
type Place = (u64, u64, u64);

/// Which keys of a file came, and those that came again.
#[derive(Default)]
struct Keys {
    /// Hash of entity and key → the first record with it; `None` once it was named.
    seen: HashMap<(u64, u64), Option<Place>>,
    /// By entity id: the records whose keys came twice, the first of them too.
    twice: BTreeMap<String, (Arc<Entity>, Vec<Duplicate>)>,
    /// Were there more keys, or more that came again, than are remembered?
    beyond: bool,
}

impl Keys {
    fn look_at(&mut self, entity: &Arc<Entity>, batch: &VersionBatch) {
        for row in 0..batch.len() {
            let key: Vec<String> = entity.key.iter().map(|&column| batch.value(row, column).to_string()).collect();
            let text = format!("{}\u{1f}{}", entity.id, key.join("\u{1f}"));
            let hash = (XxHash3_64::oneshot(text.as_bytes()), XxHash3_64::oneshot_with_seed(1, text.as_bytes()));
            let Some(first) = self.seen.get_mut(&hash) else {
                self.beyond |= self.seen.len() == KEYS;
                if self.seen.len() < KEYS {
                    self.seen.insert(hash, Some(batch.place(row)));
                }
                continue;
            };
            let twice = &mut self.twice.entry(entity.id.clone()).or_insert_with(|| (Arc::clone(entity), Vec::new())).1;
            for (record, byte, len) in first.take().into_iter().chain([batch.place(row)]) {
                self.beyond |= twice.len() == TWICE;
                if twice.len() < TWICE {
                    twice.push(Duplicate { key: key.clone(), record, byte, len });
                }
            }
        }
    }
}

fn print_result(out: &mut impl Write, plan: &InPlan, loaded: &Loaded, keys: &Keys) -> std::io::Result<()> {
    let (read, held, skipped) = (loaded.read, loaded.held_count(), loaded.skipped);
    writeln!(out, "── 結果: 読込 {read} 件、保留 {held} 件、対象外 {skipped} 件")?;
    if keys.beyond {
        writeln!(out, "（同じキーの記録は、記録が多いため一部しか調べていません。取り込むときには全部を調べます）")?;
    }
    if loaded.rejects(plan) {
        writeln!(out, "× このままでは却下になります。1件も取り込みません")?;
    }
    for finding in loaded.findings.kept() {
        writeln!(out, "{}", visible(&line(finding)))?;
    }
    Ok(())
}

/// A file whose records may show something protected is not looked at without a word in the audit.
fn look_at_guarded(cli: &Cli, site: &Site, plan: &InPlan, asked: Option<(&str, &str)>) -> Result<(), CliError> {
    let plain = plan.into.iter().all(|rows| rows.entity.columns.iter().all(|c| c.guard.is_none()));
    if plain && plan.guarded_fields().is_empty() {
        return Ok(());
    }
    let mut conn = Store::open(&site.config.store_url, &cli.root)?.connect()?;
    let own = super::guard::viewer();
    let (who, detail) = asked.map_or((own.as_str(), "保護する値は伏せて表示"), |asked| asked);
    let subject = format!("preview {}", plan.interface);
    let entry = Entry { who, what: "look", exchange: None, subject: &subject, detail };
    conn.durable(|conn| audit::append(conn, &entry, &Clock::System.stamp()).map(|_| ()))?;
    Ok(())
}

fn preview_items(site: &Site, args: &PreviewArgs, name: &str) -> RunItems {
    let clock = Clock::System;
    RunItems {
        base_date: args.base_date.unwrap_or_else(|| clock.today()).to_string(),
        municipality: site.config.municipality.clone(),
        file_name: name.to_owned(),
        created_at: crate::clock::compact_jst(&clock.stamp()),
        sequence: 0,
        change: "full",
    }
}

/// The first records as parsed; `guarded` items are not shown.
fn parsed(
    plan: &InPlan,
    args: &PreviewArgs,
    guarded: &BTreeSet<(usize, usize)>,
) -> Result<Vec<serde_json::Value>, CliError> {
    let mut reader = RecordReader::new(plan.layout.clone(), open(&args.file)?, ReadLimits::default());
    let mut findings = Findings::new(1);
    let mut record = Record::default();
    let mut shown = Vec::new();
    while (shown.len() as u64) < args.records && reader.next(&mut record, &mut findings)? {
        let kind = &plan.layout.records[record.kind];
        let values: serde_json::Map<_, _> = kind
            .fields
            .iter()
            .enumerate()
            .filter(|(_, f)| f.ty().is_some())
            .map(|(i, f)| {
                let hidden = f.secret || guarded.contains(&(record.kind, i));
                (f.name.clone(), value_json(record.value(i), hidden))
            })
            .collect();
        shown.push(json!({ "record": record.number, "line": record.line, "byte": record.byte, "bytes": record.len, "kind": kind.name, "fields": values }));
    }
    Ok(shown)
}

fn value_json(value: Value<'_>, secret: bool) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        _ if secret => json!("＊＊＊"),
        Value::Text(t) => json!(t),
        Value::Int(n) => json!(n),
        Value::Bool(b) => json!(b),
    }
}

fn print_preview(
    out: &mut impl Write,
    plan: &InPlan,
    parsed: &[serde_json::Value],
    mapped: &[serde_json::Value],
) -> std::io::Result<()> {
    writeln!(out, "{}（{}）レイアウト {} / {}", plan.title, plan.interface, plan.layout.id, plan.layout.profile)?;
    for record in parsed {
        writeln!(
            out,
            "── {} 件目（{}）{} バイト目から {} バイト",
            record["record"],
            text(&record["kind"]),
            record["byte"].as_u64().map_or(0, crate::report::words::from_one),
            record["bytes"]
        )?;
        print_fields(out, &record["fields"])?;
    }
    for row in mapped {
        writeln!(out, "── 変換後（{}）", text(&row["entity"]))?;
        print_fields(out, &row["row"])?;
    }
    Ok(())
}

fn print_fields(out: &mut impl Write, fields: &serde_json::Value) -> std::io::Result<()> {
    for (name, value) in fields.as_object().into_iter().flatten() {
        if !value.is_null() {
            writeln!(out, "  {}: {}", visible(name), visible(&text(value)))?;
        }
    }
    Ok(())
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
