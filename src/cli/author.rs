//! Verbs for people who write layouts and mappings: check, preview, test.
//!
//! Owns: their output. Never: changes a site's store (`test` works in a throw-away one).

use std::collections::BTreeSet;
use std::io::Write;

use serde_json::json;

use super::{Cli, CliError, PreviewArgs, TestArgs, exit, print_json};
use crate::clock::Clock;
use crate::codec::{Findings, ReadLimits, Record, RecordReader};
use crate::finding::Finding;
use crate::mapping::plan::InPlan;
use crate::mapping::site::Site;
use crate::pipeline::load::{LoadContext, load};
use crate::pipeline::row::RunItems;
use crate::pipeline::{HubError, Progress, Steps};
use crate::report::words::visible;
use crate::store::Store;
use crate::store::audit::{self, Entry};
use crate::store::bulk::VersionBatch;
use crate::value::Value;

/// Findings on standard output, one a line, or as JSON.
pub fn print_findings(json: bool, findings: &[Finding]) {
    if json {
        let list: Vec<_> = findings.iter().map(finding_json).collect();
        print_json(&json!({ "findings": list }));
    } else {
        for finding in findings {
            println!("{}", visible(&finding.to_string()));
        }
    }
}

fn finding_json(finding: &Finding) -> serde_json::Value {
    json!({
        "code": finding.code, "severity": finding.severity.word(), "message": finding.message, "action": finding.action,
        "record": finding.data.record, "line": finding.data.line, "byte": finding.data.byte, "field": finding.data.field, "value": finding.value,
        "rule": { "file": finding.rule.file, "line": finding.rule.line, "column": finding.rule.column },
    })
}

/// `check`: all mistakes of all declarative files.
pub fn check(cli: &Cli) -> Result<u8, CliError> {
    match crate::mapping::site::load(&cli.root) {
        Ok((site, mut warnings)) => {
            warnings.extend(super::calendar::horizons(&site));
            print_findings(cli.json, &warnings);
            if !cli.json {
                println!(
                    "定義ファイルに誤りはありません（受信 {}、導出 {}、送信 {}、レイアウト {}、エンティティ {}、ビュー {}）",
                    site.feeds.len(),
                    site.derive.len(),
                    site.outbound.len(),
                    site.layouts.len(),
                    site.entities.len(),
                    site.views.len()
                );
            }
            Ok(exit::OK)
        }
        Err(findings) => {
            print_findings(cli.json, &findings);
            if !cli.json {
                println!("誤りが {} 件あります", findings.len());
            }
            Ok(exit::RULES)
        }
    }
}

/// `preview`: the first records as parsed and as mapped, and every finding of the file; nothing is stored.
pub fn preview(cli: &Cli, args: &PreviewArgs) -> Result<u8, CliError> {
    let site = cli.site()?;
    let name = args
        .file
        .file_name()
        .and_then(|n| n.to_str())
        .ok_or_else(|| CliError::Refused("ファイル名を読めません".into()))?;
    let plan = site.in_plan(&args.interface, name).ok_or_else(|| {
        CliError::Refused(format!(
            "「{}」の受信定義（schemas/feeds）に「{name}」に合う形がありません。情報の名前は inbox のフォルダー名です。\
             ファイル名の形は担当者の手引きの表にあります",
            args.interface
        ))
    })?;
    let asked = args.open.asked()?;
    look_at_guarded(cli, &site, &plan, asked)?;
    let mut out = std::io::stdout().lock();
    let guarded = if asked.is_some() { BTreeSet::new() } else { plan.guarded_fields() };
    let parsed = parsed(&plan, args, &guarded)?;
    let file = std::fs::File::open(&args.file).map_err(CliError::file("を読めません", &args.file))?;
    let steps = Steps::default();
    let progress = Progress::silent();
    let context = LoadContext {
        run: preview_items(&site, name),
        site: &site.values,
        findings_per_code: site.config.limits.findings_per_code,
        bytes: 0,
        progress: &progress,
        steps: &steps,
        vault: None,
    };
    let mut mapped: Vec<serde_json::Value> = Vec::new();
    let most = args.records as usize;
    let loaded = load(&plan, file, context, &mut |into, mut batch: VersionBatch| {
        let entity = &plan.into[into].entity;
        for row in 0..batch.len().min(most.saturating_sub(mapped.len())) {
            let values: serde_json::Map<_, _> = entity
                .columns
                .iter()
                .enumerate()
                .map(|(i, c)| {
                    let hidden = c.secret || (c.guard.is_some() && asked.is_none());
                    (c.name.clone(), value_json(batch.value(row, i), hidden))
                })
                .collect();
            mapped.push(json!({ "entity": entity.name, "row": values }));
        }
        batch.clear();
        Ok::<_, HubError>(batch)
    })?;
    if cli.json {
        let findings: Vec<_> = loaded.findings.kept().iter().map(finding_json).collect();
        drop(out);
        print_json(
            &json!({ "parsed": parsed, "mapped": mapped, "read": loaded.read, "held": loaded.held_count(), "rejects": loaded.rejects(&plan), "findings": findings }),
        );
    } else {
        print_preview(&mut out, &plan, &parsed, &mapped)?;
        writeln!(
            out,
            "── 結果: 読込 {} 件、保留 {} 件、対象外 {} 件",
            loaded.read,
            loaded.held_count(),
            loaded.skipped
        )?;
        if loaded.rejects(&plan) {
            writeln!(out, "× このままでは却下になります。1件も取り込みません")?;
        }
        for finding in loaded.findings.kept() {
            writeln!(out, "{}", visible(&line(finding)))?;
        }
    }
    Ok(if loaded.findings.kept().is_empty() { exit::OK } else { exit::ATTENTION })
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

/// A finding about data on one line: where, what, what to do.
pub fn line(finding: &Finding) -> String {
    let at = &finding.data;
    let field = if at.field.is_empty() { String::new() } else { format!(" 項目「{}」", at.field) };
    let value = if finding.value.is_empty() { String::new() } else { format!(" 値「{}」", finding.value) };
    let byte = crate::report::words::from_one(at.byte);
    format!("{} 件目 {} 行目 {byte} バイト目{field}{value} {finding}", at.record, at.line)
}

fn preview_items(site: &Site, name: &str) -> RunItems {
    let clock = Clock::System;
    RunItems {
        base_date: clock.today().to_string(),
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
    let mut reader = RecordReader::new(
        plan.layout.clone(),
        std::fs::File::open(&args.file).map_err(CliError::file("を読めません", &args.file))?,
        ReadLimits::default(),
    );
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

/// `test`: the example cases as data.
pub fn test(cli: &Cli, args: &TestArgs) -> Result<u8, CliError> {
    let site = cli.site()?;
    let outcome = crate::cases::run(&site, &args.interfaces, args.bless)?;
    if cli.json {
        print_json(&outcome.json());
    } else {
        print!("{}", outcome.text());
    }
    Ok(if outcome.failed() == 0 { exit::OK } else { exit::ATTENTION })
}
