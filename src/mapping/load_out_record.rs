//! `[[record]]` of an outbound mapping → [`OutRecord`].
//!
//! Owns: types of expressions against fields, fields that would stay empty, and whether the records make a file the
//! layout's order accepts. Never: reads the other keys of the mapping (`load_out`).

use std::collections::BTreeSet;

use super::context::Context;
use super::load_out::LEVELS;
use super::plan::{Level, OutRecord};
use super::scope::Names;
use crate::expr::Expr;
use crate::schema::layout::{Field, FieldKind, Layout, RecordKind};
use crate::schema::toml_read::{Node, Text};
use crate::schema::view::View;
use crate::schema::{keys, mistake};
use crate::value::Type;

/// What outbound records are compiled against.
pub(super) struct OutScope<'a> {
    pub context: &'a Context<'a>,
    pub layout: &'a Layout,
    pub view: &'a View,
    /// Indexes of the key's view columns: all that is known of a closed row.
    pub key: &'a [usize],
    /// Are closed rows sent?
    pub closed: bool,
}

/// Compiles all records; the second answer is the code tables they use.
pub(super) fn records(
    top: &Node<'_>,
    nodes: &[Node<'_>],
    scope: &OutScope<'_>,
    grouped: bool,
) -> (Option<Vec<OutRecord>>, BTreeSet<String>) {
    let mut used = BTreeSet::new();
    let compiled: Vec<_> = nodes.iter().map(|node| record(node, scope, &mut used)).collect();
    let compiled: Option<Vec<_>> = compiled.into_iter().collect();
    if let Some(records) = &compiled {
        judge_order(top, records, scope.layout, grouped);
    }
    (compiled, used)
}

fn record(node: &Node<'_>, scope: &OutScope<'_>, used: &mut BTreeSet<String>) -> Option<OutRecord> {
    let name = node.str("record");
    let level = node.word("level", &LEVELS);
    let map = node.opt_table("map").map(|n| n.pairs()).unwrap_or_default();
    let closed = node.opt_table("closed");
    node.finish(&keys::OUT_RECORD);
    let (name, level) = (name?, level?);
    let Some(kind) = scope.layout.record(name.value) else {
        name.unknown("レコード", scope.layout.records.iter().map(|r| r.name.as_str()));
        return None;
    };
    let site = || Names::of_site(&scope.context.config.site, scope.context.codes);
    let columns = scope.view.columns.iter().enumerate();
    let names = site().with_columns(columns.clone());
    let fields = fill(&map, kind, scope.layout, &names);
    judge_filled(node, kind, scope.layout, &map, "[record.map]");
    used.extend(names.used_codes.into_inner());
    let wants_closed = scope.closed && level == Level::Row;
    let closed = match closed {
        Some(table) if wants_closed => {
            let names = site().with_columns(columns.filter(|(index, _)| scope.key.contains(index)));
            let pairs = table.pairs();
            let fields = fill(&pairs, kind, scope.layout, &names);
            judge_filled(&table, kind, scope.layout, &pairs, "[record.closed]");
            used.extend(names.used_codes.into_inner());
            fields
        }
        Some(table) => {
            let hint = "level = \"row\" で、mode = \"delta\" と send_closed = true のときだけ書きます";
            table.mistake(mistake::BAD_VALUE, "[record.closed] はここでは使えません", hint);
            None
        }
        None if wants_closed => {
            let hint = "消えたキーを知らせるレコードの項目を書いてください";
            node.mistake(mistake::MISSING_KEY, "[record.closed] がありません", hint);
            None
        }
        None => Some(vec![None; scope.layout.records[kind].fields.len()]),
    };
    Some(OutRecord { record: kind, level, fields: fields?, closed: closed?, place: node.place() })
}

/// One expression per field.
fn fill(map: &[(Text<'_>, Text<'_>)], kind: usize, layout: &Layout, names: &Names<'_>) -> Option<Vec<Option<Expr>>> {
    let record = &layout.records[kind];
    let mut fields = vec![None; record.fields.len()];
    let mut good = true;
    for (name, source) in map {
        let found = record.fields.iter().position(|f| f.name == name.value && f.ty().is_some());
        let Some(index) = found else {
            if record.field(name.value).is_some() {
                let message = format!("項目「{}」は予備か制御文字なので、値を入れられません", name.value);
                name.mistake(mistake::BAD_VALUE, message, "この行を消してください");
            } else {
                let fields = record.fields.iter().filter(|f| !f.filler);
                name.unknown("項目", fields.map(|f| f.name.as_str()));
            }
            good = false;
            continue;
        };
        if is_total(layout, kind, index) {
            let message = format!("合計「{}」は自動で入ります", name.value);
            name.mistake(mistake::BAD_VALUE, message, "この行を消してください");
        }
        fields[index] = compile(source, &record.fields[index], names);
        good &= fields[index].is_some();
    }
    good.then_some(fields)
}

fn compile(source: &Text<'_>, field: &Field, names: &Names<'_>) -> Option<Expr> {
    let expr = names.compile(source, field.ty()?)?;
    let any_text = matches!(field.kind, FieldKind::Half | FieldKind::Wide | FieldKind::Date(_));
    if !any_text && names.type_of(source) == Some(Type::Date) {
        let message = format!("日付を項目「{}」にそのまま入れることはできません", field.name);
        let hint = "replace(CAST(… AS TEXT), '-', '') のように形を整えてください";
        source.mistake(mistake::TYPE, message, hint);
        return None;
    }
    Some(expr)
}

fn is_total(layout: &Layout, kind: usize, field: usize) -> bool {
    layout.totals.iter().any(|total| total.declared == (kind, field))
}

/// Every required field must come from somewhere.
fn judge_filled(node: &Node<'_>, kind: usize, layout: &Layout, map: &[(Text<'_>, Text<'_>)], table: &str) {
    let record: &RecordKind = &layout.records[kind];
    for (index, field) in record.fields.iter().enumerate() {
        let comes = field.constant.is_some()
            || field.filler
            || !field.required
            || is_total(layout, kind, index)
            || matches!(field.kind, FieldKind::Mark(_))
            || map.iter().any(|(name, _)| name.value == field.name);
        if !comes {
            let message = format!("必須の項目「{}」（{}）に何も入りません", field.name, record.name);
            let hint = format!("{table} に \"{}\" = … を書いてください", field.name);
            node.mistake(mistake::NOT_MAPPED, message, hint);
        }
    }
}

/// Do the records, written level by level, make a file the layout accepts?
fn judge_order(top: &Node<'_>, records: &[OutRecord], layout: &Layout, grouped: bool) {
    let place = |level: Level| LEVELS.iter().position(|(_, l)| *l == level);
    for pair in records.windows(2) {
        if place(pair[0].level) > place(pair[1].level) {
            let hint = "file-head、group-head、row、group-tail、file-tail の順に書いてください";
            let message = "[[record]] がファイルの中の順になっていません";
            top.reader().mistake(mistake::ORDER, pair[1].place.clone(), message, hint);
            return;
        }
    }
    if !records.iter().any(|r| r.level == Level::Row) {
        top.mistake(mistake::ORDER, "行ごとのレコードがありません", "level = \"row\" の [[record]] を書いてください");
        return;
    }
    if layout.order.next.is_empty() {
        return;
    }
    let of = |level: Level| records.iter().filter(move |r| r.level == level).map(|r| r.record);
    for (groups, rows) in [(1, 1), (1, 2), (2, 2)] {
        if groups > 1 && !grouped {
            continue;
        }
        let mut kinds: Vec<usize> = of(Level::FileHead).collect();
        for _ in 0..groups {
            kinds.extend(of(Level::GroupHead));
            for _ in 0..rows {
                kinds.extend(of(Level::Row));
            }
            kinds.extend(of(Level::GroupTail));
        }
        kinds.extend(of(Level::FileTail));
        if !layout.order.accepts(kinds.iter().copied()) {
            let names: Vec<&str> = kinds.iter().map(|k| layout.records[*k].name.as_str()).collect();
            let message = format!("書き出すと「{}」の並びになり、レイアウトの order と合いません", names.join(" "));
            top.mistake(mistake::ORDER, message, format!("order は「{}」です", layout.order.source));
            return;
        }
    }
}
