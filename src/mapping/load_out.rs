//! `mappings/out/<interface>.toml` → [`OutPlan`].
//!
//! Owns: the keys of the file. Never: how one record kind is filled (`load_out_record`), how it is cut into several files
//! (`load_out_split`), writes files.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::context::Context;
use super::load_confirm::{self, ConfirmScope};
use super::load_guard::Guard;
use super::load_hold;
use super::load_in::amount;
use super::load_out_record::{self, OutScope};
use super::load_out_split;
use super::plan::{Hold, HoldTest, Level, NamePart, OutPlan, OutRecord, Release};
use super::scope::Names;
use crate::schema::calendar::Calendar;
use crate::schema::layout::Layout;
use crate::schema::load_schedule;
use crate::schema::schedule::Rule;
use crate::schema::toml_read::{Node, Reader, Text};
use crate::schema::view::View;
use crate::schema::{keys, mistake};

/// What the keys of the file say, before they are held against each other.
struct Keys<'a> {
    title: Option<Text<'a>>,
    partner: Option<Text<'a>>,
    delta: Option<bool>,
    send_closed: bool,
    filter: Option<Text<'a>>,
    order: Vec<Text<'a>>,
    group: Vec<Text<'a>>,
    key: Option<Vec<Text<'a>>>,
    name: Option<Text<'a>>,
    split: Vec<Text<'a>>,
    profiles: Vec<Node<'a>>,
    manifest: Option<String>,
    release: Release,
    amount: Option<Text<'a>>,
    after: Vec<String>,
    schedule: Vec<Rule>,
    calendar: Option<Arc<Calendar>>,
    requires: Vec<String>,
    send_empty: bool,
    confirm: Vec<Node<'a>>,
    purpose: Option<Text<'a>>,
    holds: Vec<Node<'a>>,
    records: Vec<Node<'a>>,
}

impl<'a> Keys<'a> {
    /// Reads them, with the layout and the view they name.
    fn read(top: &Node<'a>, context: &Context<'_>) -> (Self, Option<Arc<Layout>>, Option<Arc<View>>) {
        top.version();
        let layout = layout(top, context);
        let view = top.str("from").and_then(|text| context.view(&text));
        let delta = top.word("mode", &[("full", false), ("delta", true)]);
        let release = top.opt_word("release", &[("confirm", Release::Confirm), ("auto", Release::Auto)]);
        let keys = Keys {
            title: top.str("title"),
            partner: top.str("partner"),
            delta,
            send_closed: send_closed(top, delta),
            filter: top.opt_str("where"),
            order: top.opt_list("order").unwrap_or_default(),
            group: top.opt_list("group").unwrap_or_default(),
            key: top.list("key"),
            name: top.str("name"),
            split: top.opt_list("split").unwrap_or_default(),
            profiles: top.tables("profile_when"),
            manifest: top.opt_str("manifest").and_then(|text| manifest(&text)),
            release: release.unwrap_or(Release::Confirm),
            amount: top.opt_str("amount"),
            after: after(top, context),
            schedule: load_schedule::rules(top, context.calendars),
            calendar: load_schedule::new_days(top, context.calendars),
            requires: requires(top, context),
            send_empty: top.flag("send_empty"),
            confirm: top.tables("confirm"),
            purpose: top.opt_str("purpose"),
            holds: top.tables("hold"),
            records: top.tables("record"),
        };
        if keys.records.is_empty() {
            top.mistake(mistake::MISSING_KEY, "[[record]] がありません", "書き出すレコードを書いてください");
        }
        top.finish(&keys::OUT);
        (keys, layout, view)
    }
}

/// Reads an outbound mapping; mistakes go to the reader. `None` when it has any that matter.
pub fn load_out(interface: &str, reader: &Reader, context: &Context<'_>) -> Option<OutPlan> {
    let document = reader.parse()?;
    let top = Node::root(reader, &document);
    let (keys, layout, view) = Keys::read(&top, context);
    let (layout, view) = (layout?, view?);
    let amount = keys.amount.map(|text| amount(&text, &layout));
    let columns = Names::of_view(context.codes, &view);
    let filter = columns.predicate(keys.filter.as_ref());
    let group = resolve(&keys.group, &view);
    let order = each_once(&group, &resolve(&keys.order, &view));
    let key = delta_key(&top, keys.delta, keys.key, &view);
    let split = load_out_split::columns(&keys.split, &view, &key);
    let variants = load_out_split::variants(&keys.profiles, context, &layout, &view, &split);
    let name = keys.name.and_then(|text| name_parts(&text, context, &view, &split));
    let scope = OutScope { context, layout: &layout, view: &view, key: &key, closed: keys.send_closed };
    let (compiled, mut used) = load_out_record::records(&top, &keys.records, &scope, !group.is_empty());
    if let (Some(variants), Some(compiled)) = (&variants, &compiled) {
        load_out_split::judge_variants(&top, variants, compiled);
    }
    let holds: Vec<_> = keys.holds.iter().map(|node| load_hold::hold(node, &view, context, &columns)).collect();
    used.extend(columns.used_codes.into_inner());
    let (records, amount) = (compiled?, amount.flatten());
    let Protected { secret, guarded, opens } = protected(&view, &layout, &records, &key, context);
    // The list that is checked before a file may leave is a report too.
    let hidden: Vec<bool> = secret.iter().enumerate().map(|(i, secret)| *secret || guarded.contains(&i)).collect();
    let scope = ConfirmScope { context, layout: &layout, records: &records, secret: &hidden, amount };
    let confirm = load_confirm::columns(&keys.confirm, &scope)?;
    let holds = holds.into_iter().collect::<Option<Vec<_>>>()?;
    Some(OutPlan {
        interface: interface.to_owned(),
        title: keys.title?.value.to_owned(),
        partner: keys.partner?.value.to_owned(),
        revision: context.revision(files(reader, context, &layout, &view, &used, &holds)),
        layout,
        view,
        filter: filter?,
        order,
        group,
        key,
        secret,
        delta: keys.delta?,
        send_closed: keys.send_closed,
        split,
        variants: variants?,
        records,
        confirm,
        name: name?,
        manifest: keys.manifest,
        release: keys.release,
        amount,
        after: keys.after,
        schedule: keys.schedule,
        requires: keys.requires,
        // Told when all mappings are known.
        daily: true,
        calendar: keys.calendar,
        send_empty: keys.send_empty,
        purpose: keys.purpose.filter(|text| !text.value.trim().is_empty()).map(|text| text.value.to_owned()),
        guarded,
        opens,
        holds,
        file: reader.file().to_owned(),
    })
}

/// The files that decide what the mapping writes.
fn files(
    reader: &Reader,
    context: &Context<'_>,
    layout: &Layout,
    view: &View,
    codes: &BTreeSet<String>,
    holds: &[Hold],
) -> BTreeSet<String> {
    let mut files = BTreeSet::from([reader.file().to_owned()]);
    files.extend(context.files_of_layout(layout));
    files.extend(context.files_of_view(view));
    files.extend(codes.iter().map(|id| format!("schemas/codes/{id}.csv")));
    files.extend(files_of_guards(holds, context));
    files
}

/// Reads `send_closed`, which says something only of deltas.
fn send_closed(top: &Node<'_>, delta: Option<bool>) -> bool {
    let send_closed = top.flag("send_closed");
    if send_closed && delta == Some(false) {
        let message = "send_closed は mode = \"delta\" のときだけ使えます";
        top.reader().mistake(mistake::BAD_VALUE, top.place_of("send_closed"), message, "");
    }
    send_closed
}

/// The columns of a row's key for the partner; a delta needs one.
fn delta_key(top: &Node<'_>, delta: Option<bool>, key: Option<Vec<Text<'_>>>, view: &View) -> Vec<usize> {
    if delta == Some(true) && key.as_ref().is_some_and(Vec::is_empty) {
        let (message, hint) = ("差分には「key」が要ります", "相手先での見出しになる列を書いてください");
        top.reader().mistake(mistake::MISSING_KEY, top.place_of("key"), message, hint);
    }
    resolve(key.as_deref().unwrap_or_default(), view)
}

/// What of the view's columns is not for everybody.
struct Protected {
    secret: Vec<bool>,
    /// Columns that a guard may want kept back.
    guarded: Vec<usize>,
    /// Columns of the vault that are written into the file.
    opens: Vec<usize>,
}

fn protected(view: &View, layout: &Layout, records: &[OutRecord], key: &[usize], context: &Context<'_>) -> Protected {
    let guarded = |column: &usize| !context.carried.guards(context.entities, view, *column).is_empty();
    let vault = |column: &usize| context.carried.is_vault(context.entities, view, *column);
    Protected {
        secret: secret_columns(view, layout, records, context),
        guarded: (0..view.columns.len()).filter(guarded).collect(),
        opens: used_columns(records, key, view).into_iter().filter(vault).collect(),
    }
}

/// The files of the guards that may keep a row back, with those of their views.
fn files_of_guards(holds: &[Hold], context: &Context<'_>) -> BTreeSet<String> {
    let guards = holds.iter().filter_map(|hold| match &hold.test {
        HoldTest::Guard { guard, .. } => Some(guard),
        HoldTest::When(_) => None,
    });
    let files = |guard: &Arc<Guard>| {
        let own = std::iter::once(guard.place.file.clone());
        own.chain(context.files_of_view(&guard.view)).collect::<Vec<_>>()
    };
    guards.flat_map(files).collect()
}

/// View columns that fill a secret item, or that have the name of a secret column of an entity the view reads.
fn secret_columns(view: &View, layout: &Layout, records: &[OutRecord], context: &Context<'_>) -> Vec<bool> {
    let entities = view.lineage.iter().filter_map(|(_, id)| context.entities.get(id));
    let names: BTreeSet<&str> =
        entities.flat_map(|e| &e.columns).filter(|c| c.secret).map(|c| c.name.as_str()).collect();
    let carried = |index| context.carried.is_secret(context.entities, view, index);
    let columns = view.columns.iter().enumerate();
    let mut secret: Vec<bool> = columns.map(|(i, (name, _))| names.contains(name.as_str()) || carried(i)).collect();
    for record in records {
        let fields = &layout.records[record.record].fields;
        for exprs in [&record.fields, &record.closed] {
            let filled =
                exprs.iter().zip(fields).filter(|(_, field)| field.secret).filter_map(|(expr, _)| expr.as_ref());
            for slot in filled.flat_map(|expr| expr.slots()) {
                if let Some(column) = secret.get_mut(slot as usize) {
                    *column = true;
                }
            }
        }
    }
    secret
}

/// The group's columns, then those of the order that are not among them.
fn each_once(group: &[usize], order: &[usize]) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    group.iter().chain(order).copied().filter(|column| seen.insert(*column)).collect()
}

fn layout(top: &Node<'_>, context: &Context<'_>) -> Option<Arc<Layout>> {
    let layout = top.str("layout");
    let profile = top.opt_str("profile");
    let layout = layout?;
    let name = profile.as_ref().map_or("default", |p| p.value);
    context.layout(layout.value, name).or_mistake(&layout, profile.as_ref())
}

/// View columns whose values reach the file.
pub(super) fn used_columns(records: &[OutRecord], key: &[usize], view: &View) -> BTreeSet<usize> {
    let exprs = records.iter().flat_map(|r| r.fields.iter().chain(&r.closed)).flatten();
    let slots = exprs.flat_map(|expr| expr.slots()).map(|slot| slot as usize);
    slots.filter(|slot| *slot < view.columns.len()).chain(key.iter().copied()).collect()
}

/// Indexes of view columns; unknown ones are reported.
pub(super) fn resolve(names: &[Text<'_>], view: &View) -> Vec<usize> {
    let mut indexes = Vec::new();
    for name in names {
        match view.columns.iter().position(|(column, _)| column == name.value) {
            Some(index) => indexes.push(index),
            None => name.unknown("ビューの列", view.columns.iter().map(|(column, _)| column.as_str())),
        }
    }
    indexes
}

/// Reads `after`: interfaces that bring data in.
pub(super) fn after(top: &Node<'_>, context: &Context<'_>) -> Vec<String> {
    sources(top.opt_list("after").unwrap_or_default(), context)
}

/// Reads `[[requires]]`: likewise.
pub(super) fn requires(top: &Node<'_>, context: &Context<'_>) -> Vec<String> {
    let nodes = top.tables("requires");
    let named = nodes.iter().filter_map(|node| {
        let interface = node.str("interface");
        node.finish(&keys::REQUIRES);
        interface
    });
    sources(named.collect(), context)
}

fn sources(names: Vec<Text<'_>>, context: &Context<'_>) -> Vec<String> {
    let known: Vec<&str> = ["mappings/in", "mappings/derive"]
        .iter()
        .flat_map(|folder| context.files.of_folder(folder))
        .map(|(stem, _)| stem)
        .collect();
    let mut sources = Vec::new();
    for name in names {
        if known.contains(&name.value) {
            sources.push(name.value.to_owned());
        } else {
            name.unknown("受信または導出の業務", known.iter().copied());
        }
    }
    sources
}

fn manifest(text: &Text<'_>) -> Option<String> {
    let good = text.value.len() > 1 && text.value.starts_with('.') && !text.value.contains(['/', '\\']);
    if !good {
        text.mistake(mistake::BAD_VALUE, "manifest は「.」で始まる拡張子で書きます", "\".ctl\" など");
    }
    good.then(|| text.value.to_owned())
}

/// Splits a file name pattern; `サイト` values become literals.
fn name_parts(text: &Text<'_>, context: &Context<'_>, view: &View, split: &[usize]) -> Option<Vec<NamePart>> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text.value;
    let mut good = true;
    while let Some(open) = rest.find('{') {
        literal.push_str(&rest[..open]);
        let Some((name, after)) = rest[open + 1..].split_once('}') else {
            text.mistake(mistake::SYNTAX, "「{」が「}」で閉じられていません", "");
            return None;
        };
        rest = after;
        let part = match name {
            "団体コード" => NamePart::Municipality,
            "団体コード5" => NamePart::Municipality5,
            "作成日時" => NamePart::CreatedAt,
            "連番3" => NamePart::Sequence3,
            other if let Some(column) = split.iter().find(|i| view.columns[**i].0 == other) => {
                NamePart::Column(*column)
            }
            other => match other.strip_prefix("サイト.").and_then(|key| context.site_value(key)) {
                Some(value) => {
                    literal.push_str(value);
                    continue;
                }
                None => {
                    let site = context.config.site.iter().map(|(key, _)| format!("サイト.{key}"));
                    let known: Vec<String> = ["団体コード", "団体コード5", "作成日時", "連番3"]
                        .map(str::to_owned)
                        .into_iter()
                        .chain(site)
                        .collect();
                    let hint = mistake::did_you_mean(other, known.iter().map(String::as_str));
                    text.mistake(mistake::UNKNOWN_NAME, format!("ファイル名の「{{{other}}}」がありません"), hint);
                    good = false;
                    continue;
                }
            },
        };
        if !literal.is_empty() {
            parts.push(NamePart::Literal(std::mem::take(&mut literal)));
        }
        parts.push(part);
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(NamePart::Literal(literal));
    }
    let unsafe_char = |c: char| c.is_control() || "/\\:*?\"<>|{}".contains(c);
    let bad = parts.iter().any(|p| matches!(p, NamePart::Literal(l) if l.contains(unsafe_char)));
    if bad || parts.is_empty() || text.value.starts_with('.') {
        text.mistake(
            mistake::BAD_VALUE,
            "ファイル名に使えない文字があります",
            "/ \\ : * ? \" < > | と先頭の . は使えません",
        );
        good = false;
    }
    good &= load_out_split::judge_name(text, &parts, split);
    good.then_some(parts)
}

/// Words of `level`, in the order of the file.
pub(super) const LEVELS: [(&str, Level); 5] = [
    ("file-head", Level::FileHead),
    ("group-head", Level::GroupHead),
    ("row", Level::Row),
    ("group-tail", Level::GroupTail),
    ("file-tail", Level::FileTail),
];
