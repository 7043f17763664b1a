//! What mappings are compiled against: the site's schemas so far, and the files they came from.
//!
//! Owns: look-ups that tell an unknown name from one whose file has mistakes, and the revision of a plan.
//! Never: reads the disk (`site`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::carry::Carried;
use super::load_guard::Guard;
use super::scope::CodeTables;
use crate::config::Config;
use crate::schema::entity::Entity;
use crate::schema::feed::Feed;
use crate::schema::layout::Layout;
use crate::schema::load_feed::Found;
use crate::schema::load_schedule::Calendars;
use crate::schema::mistake;
use crate::schema::relation::BuiltIn;
use crate::schema::toml_read::Text;
use crate::schema::view::View;

/// Layouts by id and profile.
pub type Layouts = BTreeMap<(String, String), Arc<Layout>>;

/// Declarative files: path relative to the site's folder → bytes.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// Path → bytes.
    pub bytes: BTreeMap<String, Vec<u8>>,
}

impl Files {
    /// Is there such a file (with mistakes or without)?
    pub fn has(&self, file: &str) -> bool {
        self.bytes.contains_key(file)
    }

    /// Stem and path of the files of one folder.
    pub fn of_folder<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.bytes.keys().filter_map(move |path| {
            let name = path.strip_prefix(folder)?.strip_prefix('/')?;
            let (stem, _) = name.rsplit_once('.')?;
            Some((stem, path.as_str()))
        })
    }
}

/// Everything a mapping may name.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// `renkei.toml`.
    pub config: &'a Config,
    /// All files, for existence and revisions.
    pub files: &'a Files,
    /// Layouts that could be read.
    pub layouts: &'a Layouts,
    /// Entities by id.
    pub entities: &'a BTreeMap<String, Arc<Entity>>,
    /// Views by id.
    pub views: &'a BTreeMap<String, Arc<View>>,
    /// Which entity columns show in which view columns.
    pub carried: &'a Carried,
    /// Guards by id.
    pub guards: &'a BTreeMap<String, Arc<Guard>>,
    /// Feeds by interface.
    pub feeds: &'a BTreeMap<String, Arc<Feed>>,
    /// Code tables for expressions.
    pub codes: &'a CodeTables,
    /// Calendars for schedules.
    pub calendars: &'a Calendars,
}

/// Looks a layout and profile up in what is there.
pub fn find_layout(layouts: &Layouts, files: &Files, id: &str, profile: &str) -> Found {
    if let Some(layout) = layouts.get(&(id.to_owned(), profile.to_owned())) {
        return Found::Layout(Arc::clone(layout));
    }
    let profiles: Vec<String> = layouts.keys().filter(|(l, _)| l == id).map(|(_, p)| p.clone()).collect();
    if !profiles.is_empty() {
        return Found::NoProfile(profiles);
    }
    if files.has(&format!("schemas/layouts/{id}.toml")) {
        return Found::Broken;
    }
    let mut all: Vec<String> = layouts.keys().map(|(l, _)| l.clone()).collect();
    all.dedup();
    Found::NoLayout(all)
}

/// A Japanese name stands where the name of the file belongs.
fn by_id(name: &Text<'_>, id: &str) {
    let message = format!("「{}」は日本語の名前です。ここにはファイル名を書きます", name.value);
    name.mistake(mistake::UNKNOWN_NAME, message, format!("\"{id}\" と書いてください"));
}

impl Context<'_> {
    /// See [`find_layout`].
    pub fn layout(&self, id: &str, profile: &str) -> Found {
        find_layout(self.layouts, self.files, id, profile)
    }

    /// The entity of that id; an unknown one is reported, one with mistakes of its own is not.
    pub fn entity(&self, id: &Text<'_>) -> Option<Arc<Entity>> {
        let found = self.entities.get(id.value);
        if found.is_none() && !self.files.has(&format!("schemas/entities/{}.toml", id.value)) {
            match self.entities.values().find(|entity| entity.name == id.value) {
                Some(entity) => by_id(id, &entity.id),
                None => id.unknown("台帳", self.entities.keys().map(String::as_str)),
            }
        }
        found.cloned()
    }

    /// The view of that id, likewise.
    pub fn view(&self, id: &Text<'_>) -> Option<Arc<View>> {
        let found = self.views.get(id.value);
        if found.is_none() && !self.files.has(&format!("schemas/views/{}.toml", id.value)) {
            match self.views.values().find(|view| view.name == id.value) {
                Some(view) => by_id(id, &view.id),
                None => id.unknown("ビュー", self.views.keys().map(String::as_str)),
            }
        }
        found.cloned()
    }

    /// A value of `[site]`.
    pub fn site_value(&self, key: &str) -> Option<&str> {
        let found = self.config.site.iter().find(|(k, _)| k == key);
        found.map(|(_, value)| value.as_str())
    }

    /// Files a layout was compiled from.
    pub fn files_of_layout(&self, layout: &Layout) -> BTreeSet<String> {
        let fields = layout.records.iter().flat_map(|r| &r.fields);
        let codes = fields.filter_map(|f| f.codes.as_ref());
        codes.map(|codes| format!("schemas/codes/{}.csv", codes.id)).chain([layout.file.clone()]).collect()
    }

    /// Files a view was compiled from: its own, and those of all it stands on.
    pub fn files_of_view(&self, view: &View) -> BTreeSet<String> {
        let mut files = BTreeSet::new();
        let mut todo = vec![view];
        while let Some(view) = todo.pop() {
            if !files.insert(view.place.file.clone()) {
                continue;
            }
            for name in &view.uses {
                if let Some(entity) = self.entities.values().find(|e| e.name == *name) {
                    files.insert(entity.place.file.clone());
                } else if let Some(next) = self.views.values().find(|v| v.name == *name) {
                    todo.push(next);
                } else if let Some(relation) = BuiltIn::named(name) {
                    files.extend(self.files_of_relation(relation));
                }
            }
        }
        files
    }

    /// Files whose content a built-in relation shows; the site's values are in every revision.
    fn files_of_relation(&self, relation: BuiltIn) -> BTreeSet<String> {
        let folder = match relation {
            BuiltIn::Calendar => "schemas/calendars/",
            BuiltIn::Codes => "schemas/codes/",
            BuiltIn::Run | BuiltIn::Site | BuiltIn::Sent => return BTreeSet::new(),
        };
        self.files.bytes.keys().filter(|path| path.starts_with(folder)).cloned().collect()
    }

    /// SHA-256 in hex over the names, lengths and bytes of these files and over the site's values.
    pub fn revision(&self, files: BTreeSet<String>) -> String {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        for file in files {
            add(file.as_bytes());
            add(self.files.bytes.get(&file).map_or(&[][..], Vec::as_slice));
        }
        for (key, value) in &self.config.site {
            add(key.as_bytes());
            add(value.as_bytes());
        }
        hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}
