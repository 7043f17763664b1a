//! A site folder, read whole: configuration, schemas and mappings, compiled.
//!
//! Owns: which files there are, in which order they are compiled, what is judged across files. Never: opens the store,
//! looks into the inbox.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::carry::Carried;
use super::context::{Context, Files, Layouts, find_layout};
use super::load_guard::{Guard, load_guard};
use super::plan::{DerivePlan, InPlan, OutPlan};
use super::scope::CodeTables;
use super::{daily, guard_lint, load_derive, load_in, load_list, load_out, load_table, site_files, site_lint};
use crate::config::{Config, STORE_URL_VARIABLE};
use crate::finding::{Finding, Severity};
use crate::schema::calendar::Calendar;
use crate::schema::entity::Entity;
use crate::schema::feed::Feed;
use crate::schema::load_feed;
use crate::schema::load_layout::{CodeLists, load_layouts};
use crate::schema::load_view::{self, Tables};
use crate::schema::toml_read::Reader;
use crate::schema::view::View;
use crate::schema::{load_codes, load_entity};

/// A site without a mistake; immutable.
#[derive(Debug, Clone)]
pub struct Site {
    /// The folder.
    pub root: PathBuf,
    /// `renkei.toml`.
    pub config: Config,
    /// `サイト.…`, sorted by key: the slot of a value is [`slot`](super::plan::slot)`(SITE, index)`.
    pub values: Vec<(String, String)>,
    /// By id and profile.
    pub layouts: Layouts,
    /// By id.
    pub entities: BTreeMap<String, Arc<Entity>>,
    /// By id.
    pub views: BTreeMap<String, Arc<View>>,
    /// Which entity columns show in which view columns.
    pub carried: Carried,
    /// By id.
    pub guards: BTreeMap<String, Arc<Guard>>,
    /// By interface.
    pub feeds: BTreeMap<String, Arc<Feed>>,
    /// By id.
    pub codes: CodeTables,
    /// By id; `every` is not among them.
    pub calendars: BTreeMap<String, Arc<Calendar>>,
    /// By interface, layout and profile.
    pub inbound: BTreeMap<(String, String, String), Arc<InPlan>>,
    /// By interface.
    pub derive: BTreeMap<String, Arc<DerivePlan>>,
    /// By interface.
    pub outbound: BTreeMap<String, Arc<OutPlan>>,
    /// Tables of the day's report by id.
    pub tables: BTreeMap<String, load_table::DayTable>,
    /// Operators' lists by id.
    pub lists: BTreeMap<String, Arc<load_list::List>>,
}

impl Site {
    /// Plan for a file of an interface: the first form whose pattern matches the whole name, without regard to case.
    pub fn in_plan(&self, interface: &str, file_name: &str) -> Option<Arc<InPlan>> {
        let feed = self.feeds.get(interface)?;
        let form = feed.forms.iter().find(|form| load_feed::matches(&form.pattern, file_name))?;
        let key = (interface.to_owned(), form.layout.clone(), form.profile.clone());
        self.inbound.get(&key).cloned()
    }

    /// Do values of this interface's files go to the vault, whatever layout they come in?
    pub fn is_vaulted(&self, interface: &str) -> bool {
        self.inbound.iter().any(|((id, _, _), plan)| id == interface && plan.is_vaulted())
            || self.outbound.get(interface).is_some_and(|plan| !plan.opens.is_empty())
    }

    /// Does anything here need the keys of the vault?
    pub fn needs_vault(&self) -> bool {
        self.entities.values().any(|entity| entity.columns.iter().any(|column| column.vault))
            || self.inbound.values().any(|plan| plan.sealed)
    }

    /// The municipality's name from `[site] 市町村名`, empty where the site gives none.
    pub fn municipality_name(&self) -> String {
        let found = self.values.iter().find(|(key, _)| key == "市町村名");
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// Does a view read the table of that name, itself or through other views?
    pub fn reads(&self, view: &View, name: &str) -> bool {
        let (mut seen, mut todo) = (BTreeSet::new(), vec![view]);
        while let Some(view) = todo.pop() {
            if view.uses.iter().any(|used| used == name) {
                return true;
            }
            if seen.insert(view.name.as_str()) {
                todo.extend(self.views.values().map(Arc::as_ref).filter(|other| view.uses.contains(&other.name)));
            }
        }
        false
    }

    /// Derivations in an order in which each comes after those it waits for; by name where nothing else decides.
    pub fn derive_order(&self) -> Vec<Arc<DerivePlan>> {
        site_lint::derive_order(&self.derive).0
    }

    /// Does one derivation wait for another, directly or through others? If not, it reads nothing that the other writes.
    pub fn waits(&self, later: &str, earlier: &str) -> bool {
        site_lint::waits(&self.derive, later, earlier)
    }
}

/// Reads a site folder. Beside the site come warnings.
///
/// # Errors
/// Every mistake of every file, sorted by file, line and column; warnings too.
pub fn load(root: &Path) -> Result<(Site, Vec<Finding>), Vec<Finding>> {
    let mut findings = Vec::new();
    let files = site_files::read(root, &mut findings);
    let site = compile(root, &files, &mut findings);
    findings.sort_by(|a, b| {
        let key = |f: &Finding| (f.rule.file.clone(), f.rule.line, f.rule.column, f.code.clone());
        key(a).cmp(&key(b))
    });
    // Profiles and layouts are compiled one by one, so the same mistake may come more than once.
    findings.dedup_by(|a, b| a.rule == b.rule && a.code == b.code && a.message == b.message);
    match site {
        Some(site) if findings.iter().all(|f| f.severity <= Severity::Warning) => Ok((site, findings)),
        _ => Err(findings),
    }
}

/// Reads every file of a folder that is UTF-8 with `read`; mistakes are gathered.
fn each<T>(
    files: &Files,
    folder: &str,
    findings: &mut Vec<Finding>,
    mut read: impl FnMut(&str, &Reader) -> T,
) -> Vec<(String, T)> {
    let mut all = Vec::new();
    for (stem, path) in files.of_folder(folder) {
        let Some(reader) = files.reader(path) else { continue };
        all.push((stem.to_owned(), read(stem, &reader)));
        findings.extend(reader.into_findings());
    }
    all
}

fn compile(root: &Path, files: &Files, findings: &mut Vec<Finding>) -> Option<Site> {
    let config = config(root, files, findings);
    let (lists, codes) = code_tables(files, findings);
    let entities = shared(each(files, "schemas/entities", findings, load_entity::load_entity));
    let views = views(files, &entities, findings);
    let carried = Carried::of(&entities, &views);
    let guards = shared(each(files, "schemas/guards", findings, |id, r| load_guard(id, r, &views)));
    let mut layouts = Layouts::new();
    for (id, profiles) in each(files, "schemas/layouts", findings, |id, r| load_layouts(id, r, &lists)) {
        for layout in profiles {
            layouts.insert((id.clone(), layout.profile.clone()), Arc::new(layout));
        }
    }
    let find = |id: &str, profile: &str| find_layout(&layouts, files, id, profile);
    let calendars = site_files::calendars(files, findings);
    let load = |id: &str, r: &Reader| load_feed::load_feed(id, r, &find, &calendars);
    let feeds = shared(each(files, "schemas/feeds", findings, load));
    let config = config?;
    let context = Context {
        config: &config,
        files,
        layouts: &layouts,
        entities: &entities,
        views: &views,
        carried: &carried,
        guards: &guards,
        feeds: &feeds,
        codes: &codes,
        calendars: &calendars,
    };
    let mut inbound = BTreeMap::new();
    for (id, plans) in each(files, "mappings/in", findings, |id, r| load_in::load_in(id, r, &context)) {
        for plan in plans {
            let key = (id.clone(), plan.layout.id.clone(), plan.layout.profile.clone());
            inbound.insert(key, Arc::new(plan));
        }
    }
    let mut derive = good(each(files, "mappings/derive", findings, |id, r| load_derive::load_derive(id, r, &context)));
    let mut outbound = good(each(files, "mappings/out", findings, |id, r| load_out::load_out(id, r, &context)));
    daily::tell(&views, inbound.values(), &mut derive, &mut outbound);
    let derive: BTreeMap<_, _> = derive.into_iter().map(|(id, plan)| (id, Arc::new(plan))).collect();
    let outbound: BTreeMap<_, _> = outbound.into_iter().map(|(id, plan)| (id, Arc::new(plan))).collect();
    let tables = good(each(files, "schemas/tables", findings, |id, r| load_table::load_table(id, r, &views)));
    let lists = shared(each(files, "schemas/lists", findings, |id, r| load_list::load_list(id, r, &context)));
    let plans: Vec<_> = inbound.values().cloned().collect();
    site_lint::judge(&context, &plans, &derive, &outbound, findings);
    guard_lint::judge(&context, inbound.values().cloned(), &derive, &outbound, &tables, findings);
    Some(Site {
        root: root.to_owned(),
        values: config.site.clone(),
        config,
        layouts,
        entities,
        views,
        carried,
        guards,
        feeds,
        codes,
        calendars: calendars.into_iter().filter_map(|(id, calendar)| Some((id, calendar?))).collect(),
        inbound,
        derive,
        outbound,
        tables,
        lists,
    })
}

/// Those that were read without a mistake.
fn good<T>(read: Vec<(String, Option<T>)>) -> BTreeMap<String, T> {
    read.into_iter().filter_map(|(id, one)| Some((id, one?))).collect()
}

/// [`good`], to be had in many places.
fn shared<T>(read: Vec<(String, Option<T>)>) -> BTreeMap<String, Arc<T>> {
    good(read).into_iter().map(|(id, one)| (id, Arc::new(one))).collect()
}

fn code_tables(files: &Files, findings: &mut Vec<Finding>) -> (CodeLists, CodeTables) {
    let read = each(files, "schemas/codes", findings, load_codes::load_codes);
    read.into_iter().map(|(id, read)| ((id.clone(), read.list), (id, read.table))).unzip()
}

fn config(root: &Path, files: &Files, findings: &mut Vec<Finding>) -> Option<Config> {
    let reader = files.reader("renkei.toml")?;
    let config = Config::load(root, &reader, std::env::var(STORE_URL_VARIABLE).ok());
    findings.extend(reader.into_findings());
    config
}

/// Views may name each other in any order, so all are declared before the SQL of any is read.
fn views(
    files: &Files,
    entities: &BTreeMap<String, Arc<Entity>>,
    findings: &mut Vec<Finding>,
) -> BTreeMap<String, Arc<View>> {
    let declared = each(files, "schemas/views", findings, load_view::declared);
    let mut tables = Tables::new();
    tables.entity_ids = entities.keys().cloned().collect();
    for entity in entities.values() {
        let columns = entity.columns.iter().map(|c| c.name.clone());
        tables.columns.insert(entity.name.clone(), Some(columns.chain(["_v".to_owned()]).collect()));
    }
    for view in declared.iter().filter_map(|(_, view)| view.as_ref()) {
        let lineage = view.lineage.iter().map(|(name, _)| name.clone());
        let columns = view.columns.iter().map(|(name, _)| name.clone()).chain(lineage);
        tables.columns.insert(view.name.clone(), Some(columns.collect()));
    }
    // A table may be missing only because its own file has mistakes: then nothing is said about it.
    if site_files::unread_tables(files, entities.len(), &declared) {
        tables.lenient = true;
    }
    let mut views = BTreeMap::new();
    for (id, view) in declared {
        let Some(mut view) = view else { continue };
        if let Some(reader) = files.reader(&view.place.file) {
            load_view::check_sql(&mut view, &reader, &tables);
            findings.extend(reader.into_findings());
        }
        views.insert(id, Arc::new(view));
    }
    views
}

#[cfg(test)]
mod tests;
