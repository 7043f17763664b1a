//! `trace`: from a record of a file to where it came from, and to where it went.
//!
//! Owns: walking the lineage and showing it. Never: shows the value of a secret item.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use serde_json::{Value as Json, json};

use super::trace_guard::{CONTENT, GUARDED, forget_guarded, mask, note_guarded, note_records};
use super::{Cli, CliError, TraceArgs, exit, print_json};
use crate::codec::{Findings, ReadLimits, Record, RecordReader};
use crate::pipeline::{Hub, HubError, hold};
use crate::report::words::{from_one, visible};
use crate::schema::layout::Layout;
use crate::store::ledger::{self, Direction, Exchange, Wanted};
use crate::store::lineage::{self, Version};
use crate::store::{ledger_out, run};
use crate::value::Value;

/// Deepest chain of derivations followed.
const DEPTH: usize = 16;
/// Most versions and outbound records told of in one trace.
const LIMIT: usize = 200;

/// Follows one record.
pub fn trace(cli: &Cli, args: &TraceArgs) -> Result<u8, CliError> {
    let (file, record) =
        args.target.rsplit_once(':').and_then(|(f, r)| Some((f, r.parse::<u64>().ok()?))).ok_or_else(|| {
            CliError::Refused("「ファイル名:記録番号」の形で書いてください（例 KS01_….csv:3）".into())
        })?;
    let asked = args.open.asked()?;
    let mut hub = cli.hub()?;
    let exchange = find(&mut hub, file)?;
    let mut tree = match exchange.direction {
        Direction::Out => outbound(&mut hub, &exchange, record)?,
        Direction::In => inbound(&mut hub, &exchange, record)?,
    };
    let mut guarded = Vec::new();
    note_guarded(&hub, &tree, &mut guarded);
    if guarded.is_empty() {
        note_records(&tree, &mut guarded);
    }
    if !guarded.is_empty() {
        let own = super::guard::viewer();
        let (who, why) = asked.map_or((own.as_str(), "保護する値は伏せて表示"), |asked| asked);
        let subject = format!("trace {record} 件目 {}", guarded.join(","));
        hold::looked(&mut hub, who, why, Some(exchange.id), &subject)?;
    }
    if asked.is_none() {
        mask(&mut tree);
    } else {
        forget_guarded(&mut tree);
    }
    if cli.json {
        print_json(&tree);
    } else {
        print(&mut std::io::stdout().lock(), &tree, 0)?;
    }
    Ok(exit::OK)
}

/// `#30` is the exchange of that number and no name; else a number wins over a name, and a name means the newest file
/// that has it.
fn find(hub: &mut Hub, file: &str) -> Result<Exchange, CliError> {
    let by_number = match file.strip_prefix('#').unwrap_or(file).parse() {
        Ok(id) => hub.exchange(id)?,
        Err(_) => None,
    };
    let found = match by_number {
        Some(exchange) => Some(exchange),
        None => {
            let dantai = hub.dantai().to_owned();
            let wanted = Wanted { dantai: Some(&dantai), file_name: Some(file), limit: 1, ..Wanted::default() };
            ledger::list(&mut hub.conn, &wanted)?.pop()
        }
    };
    found.ok_or_else(|| {
        CliError::Refused(format!(
            "「{file}」という名前・受付番号のファイルはありません。renkei status で名前と受付番号を確かめてください"
        ))
    })
}

fn outbound(hub: &mut Hub, exchange: &Exchange, record: u64) -> Result<Json, CliError> {
    let Some(stored) = ledger_out::record(&mut hub.conn, exchange.id, record)? else {
        return Err(CliError::Refused(format!(
            "{record} 件目は行の記録ではありません（見出し・末尾など）か、ありません"
        )));
    };
    let site = hub.site.clone();
    let layout = site.outbound.get(&exchange.interface).map(|p| p.layout_in(exchange.profile.as_deref()).clone());
    let mut node = file_node(hub, exchange, layout.as_deref(), stored.n, stored.byte, stored.len)?;
    node["区分"] = json!(stored.change.map(|c| c.as_str()));
    let mut budget = LIMIT;
    node["由来"] = sources(hub, &stored.lineage, DEPTH, &mut budget)?;
    if stored.lineage.is_empty() {
        node["備考"] = json!("送付済みの行が対象から外れたための削除の記録です。前回送った記録をたどってください");
    }
    Ok(node)
}

fn sources(hub: &mut Hub, lineage: &str, depth: usize, budget: &mut usize) -> Result<Json, CliError> {
    let mut nodes = Vec::new();
    for part in lineage.split(',').filter(|p| !p.is_empty()) {
        let Some((entity, vid)) = part.split_once(':').and_then(|(e, v)| Some((e, v.parse::<i64>().ok()?))) else {
            continue;
        };
        if depth == 0 || *budget == 0 {
            nodes.push(json!({ "備考": "ここから先は省略しました" }));
            break;
        }
        *budget -= 1;
        let site = hub.site.clone();
        let Some(entity) = site.entities.get(entity) else { continue };
        let Some(version) = lineage::version(&mut hub.conn, entity, vid)? else { continue };
        nodes.push(version_node(hub, entity, vid, &version, depth, budget)?);
    }
    Ok(Json::Array(nodes))
}

fn version_node(
    hub: &mut Hub,
    entity: &crate::schema::entity::Entity,
    vid: i64,
    version: &Version,
    depth: usize,
    budget: &mut usize,
) -> Result<Json, CliError> {
    let run = run::get(&mut hub.conn, version.run)?;
    let key: Vec<String> = entity
        .key
        .iter()
        .map(|&i| if entity.columns[i].secret { "＊＊＊".into() } else { version.values[i].as_value().to_string() })
        .collect();
    let mut node = json!({ "エンティティ": entity.name, "版": vid, "キー": key.join("・"), "処理": run.id, "定義の版": run.revision, "基準日": run.base_date });
    match (run.exchange, &version.src) {
        (Some(id), _) => {
            let exchange = ledger::get(&mut hub.conn, id)?;
            let layout = inbound_layout(hub, &exchange);
            node["受信"] = file_node(hub, &exchange, layout.as_deref(), version.record, version.byte, version.len)?;
        }
        (None, Some(src)) => node["由来"] = sources(hub, src, depth - 1, budget)?,
        (None, None) => {}
    }
    Ok(node)
}

fn inbound_layout(hub: &Hub, exchange: &Exchange) -> Option<std::sync::Arc<Layout>> {
    let key = (exchange.layout.clone()?, exchange.profile.clone()?);
    hub.site.layouts.get(&key).cloned()
}

fn inbound(hub: &mut Hub, exchange: &Exchange, record: u64) -> Result<Json, CliError> {
    let layout = inbound_layout(hub, exchange);
    let site = hub.site.clone();
    let mut went = Vec::new();
    let mut place = None;
    let mut budget = LIMIT;
    for run in run::of_exchange(&mut hub.conn, exchange.id)? {
        for entity in site.entities.values() {
            for version in lineage::versions_of_record(&mut hub.conn, entity, run.id, record, 20)? {
                let vid = version.vid;
                place = Some((version.byte, version.len));
                let mut node = json!({ "エンティティ": entity.name, "版": vid, "定義の版": run.revision });
                node["行き先"] = destinations(hub, &entity.id, vid, DEPTH, &mut budget)?;
                went.push(node);
            }
        }
        if place.is_none() {
            let held = crate::store::detail::held(&mut hub.conn, run.id, record.saturating_sub(1), 1)?;
            if let Some(held) = held.iter().find(|h| h.record == record) {
                place = Some((held.byte, held.len));
                let title = crate::finding::catalogue().get(&held.code).map_or("", |c| c.title.as_str());
                let reason = format!("{title} {}", held.code);
                let next = format!("くわしくは renkei report {} の指摘", exchange.id);
                went.push(json!({ "備考": format!("保留しました（{}）。{next}", reason.trim_start()) }));
            }
        }
    }
    let Some((byte, len)) = place else {
        return Err(CliError::Refused(format!(
            "{record} 件目から台帳に入った行はありません。件数より大きい番号、見出し、前と同じ内容、対象外、\
             重複・却下のファイルのどれかです。renkei report {} で、そのファイルの件数と結果が分かります",
            exchange.id
        )));
    };
    let mut node = file_node(hub, exchange, layout.as_deref(), record, byte, len)?;
    node["行き先"] = Json::Array(went);
    Ok(node)
}

/// Where a version went: derived rows and outbound records.
fn destinations(hub: &mut Hub, entity: &str, vid: i64, depth: usize, budget: &mut usize) -> Result<Json, CliError> {
    let mut nodes = Vec::new();
    for stored in ledger_out::records_naming(&mut hub.conn, entity, vid, 20)? {
        let exchange = ledger::get(&mut hub.conn, stored.exchange)?;
        nodes.push(json!({ "送付": exchange.file_name, "受付番号": exchange.id, "状態": crate::pipeline::facts::state_word(exchange.state), "記録": stored.n, "バイト位置": stored.byte, "バイト数": stored.len }));
    }
    let site = hub.site.clone();
    if depth > 0 {
        for plan in site.derive.values().filter(|p| p.view.lineage.iter().any(|(_, e)| e == entity)) {
            for derived in
                lineage::derived_from(&mut hub.conn, &plan.entity, entity, vid, 20)?.into_iter().map(|v| v.vid)
            {
                if *budget == 0 {
                    break;
                }
                *budget -= 1;
                let mut node = json!({ "導出": plan.title, "エンティティ": plan.entity.name, "版": derived });
                node["行き先"] = destinations(hub, &plan.entity.id, derived, depth - 1, budget)?;
                nodes.push(node);
            }
        }
    }
    Ok(Json::Array(nodes))
}

/// A record of a file: where it stands and what it says, secret items masked.
fn file_node(
    hub: &Hub,
    exchange: &Exchange,
    layout: Option<&Layout>,
    record: u64,
    byte: u64,
    len: u64,
) -> Result<Json, CliError> {
    let mut node = json!({ "ファイル": exchange.file_name, "受付番号": exchange.id, "SHA-256": exchange.sha256, "記録": record, "バイト位置": byte, "バイト数": len });
    let Some((layout, sha256)) = layout.zip(exchange.sha256.as_deref()) else { return Ok(node) };
    if let Some((kind, fields)) = fields(hub, layout, sha256, record)? {
        node["レイアウト"] = json!(format!("{} / {}", layout.id, layout.profile));
        node[CONTENT] = fields;
        let guarded = guarded_fields(hub, exchange);
        let names =
            guarded.iter().filter(|(k, _)| *k == kind).map(|(_, field)| &layout.records[kind].fields[*field].name);
        node[GUARDED] = names.map(|name| json!(name)).collect();
    }
    Ok(node)
}

/// Items of the file that guards protect, by kind and field.
fn guarded_fields(hub: &Hub, exchange: &Exchange) -> BTreeSet<(usize, usize)> {
    if exchange.direction == Direction::Out {
        return hub.site.outbound.get(&exchange.interface).map(|plan| plan.guarded_fields()).unwrap_or_default();
    }
    let same = |(interface, layout): (&str, &str)| {
        interface == exchange.interface && Some(layout) == exchange.layout.as_deref()
    };
    let plans = hub.site.inbound.iter().filter(|((interface, layout, _), _)| same((interface, layout)));
    plans.flat_map(|(_, plan)| plan.guarded_fields()).collect()
}

/// The kind of a record, and its items.
fn fields(hub: &Hub, layout: &Layout, sha256: &str, wanted: u64) -> Result<Option<(usize, Json)>, HubError> {
    let path = hub.area.archived_path(sha256);
    let input = hub.area.open_archived(sha256).map_err(HubError::io("読み込み", &path))?;
    let mut reader =
        RecordReader::new(std::sync::Arc::new(layout.clone()), Box::new(input) as Box<dyn Read>, ReadLimits::default());
    let (mut record, mut findings) = (Record::default(), Findings::new(0));
    while reader.next(&mut record, &mut findings).map_err(HubError::io("読み込み", &path))? {
        if record.number == wanted {
            let mut map = serde_json::Map::new();
            for (i, field) in layout.records[record.kind].fields.iter().enumerate().filter(|(_, f)| f.ty().is_some()) {
                match record.value(i) {
                    Value::Null => {}
                    _ if field.secret => drop(map.insert(field.name.clone(), json!("＊＊＊"))),
                    value => drop(map.insert(field.name.clone(), json!(value.to_string()))),
                }
            }
            return Ok(Some((record.kind, Json::Object(map))));
        }
    }
    Ok(None)
}

/// Hexadecimal digits of a hash shown on a terminal; `--json` has them all.
const HASH_SHOWN: usize = 12;

fn print(out: &mut impl Write, node: &Json, depth: usize) -> std::io::Result<()> {
    let indent = "  ".repeat(depth);
    let Json::Object(map) = node else { return writeln!(out, "{indent}{node}") };
    for (key, value) in map {
        match value {
            Json::Object(items) if key == CONTENT => {
                writeln!(out, "{indent}{key}:")?;
                for (name, value) in items {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    writeln!(out, "{indent}  {}: {}", visible(name), visible(&text))?;
                }
            }
            Json::Object(_) => {
                writeln!(out, "{indent}{key}:")?;
                print(out, value, depth + 1)?;
            }
            Json::Array(items) => {
                for item in items {
                    writeln!(out, "{indent}└ {key}")?;
                    print(out, item, depth + 1)?;
                }
            }
            _ => {
                if let Some((label, text)) = line(key, value) {
                    writeln!(out, "{indent}{label}: {}", visible(&text))?;
                }
            }
        }
    }
    Ok(())
}

/// One entry as a person reads it; `None`: it is for machines (numbers of versions and runs).
fn line<'a>(key: &'a str, value: &Json) -> Option<(&'a str, String)> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Some(match key {
        _ if value.is_null() => return None,
        "版" | "処理" => return None,
        "バイト位置" => ("位置（バイト目）", value.as_u64().map_or(text, |n| from_one(n).to_string())),
        "SHA-256" | "定義の版" if text.len() > HASH_SHOWN => (key, format!("{}…", &text[..HASH_SHOWN])),
        "区分" => (key, change_word(&text).to_owned()),
        "エンティティ" => ("台帳", text),
        _ => (key, text),
    })
}

/// The word for a kind of record sent.
fn change_word(change: &str) -> &str {
    match change {
        "new" => "新規",
        "changed" => "変更",
        "closed" => "削除",
        "full" => "全件",
        "delta" => "差分",
        "same" | "unchanged" => "変更なし",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_words_short_hashes_and_positions_from_one() {
        assert_eq!(line("区分", &json!("full")), Some(("区分", "全件".into())));
        assert_eq!(line("バイト位置", &json!(0)), Some(("位置（バイト目）", "1".into())));
        assert_eq!(line("SHA-256", &json!("0123456789abcdef")), Some(("SHA-256", "0123456789ab…".into())));
        assert_eq!(line("版", &json!(7)), None);
    }
}
