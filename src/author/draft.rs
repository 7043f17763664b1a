//! A layout as keys and values with the doubts about them: what a layout file says, before it is compiled.
//!
//! Owns: the shape. Never: knows which keys there are (`schema::keys` does, when the file is loaded).

/// A value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// A string or one of the words of a key.
    Text(String),
    /// A whole number.
    Int(i64),
    /// `true` or `false`.
    Flag(bool),
    /// Strings.
    List(Vec<String>),
    /// An inline table.
    Table(Keys),
}

/// Keys in the order they are written.
pub type Keys = Vec<(String, Setting)>;

/// One item of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftField {
    /// Its keys; `name` first.
    pub keys: Keys,
    /// What a person must decide or confirm, one plain Japanese sentence each.
    pub doubts: Vec<String>,
}

/// One record kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftRecord {
    /// Its keys without `fields`; `name` first.
    pub keys: Keys,
    /// Its items in order.
    pub fields: Vec<DraftField>,
    /// Doubts about the kind as a whole.
    pub doubts: Vec<String>,
}

/// A variant of the layout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftProfile {
    /// Its name.
    pub name: String,
    /// Framing keys that differ.
    pub keys: Keys,
    /// `レコード.項目` and the keys that differ.
    pub fields: Vec<(String, Keys)>,
}

/// A control total.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftTotal {
    /// Its keys.
    pub keys: Keys,
    /// Doubts about it.
    pub doubts: Vec<String>,
}

/// A whole layout file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// Keys of the file, without records, profiles and totals.
    pub keys: Keys,
    /// Doubts about the file as a whole.
    pub doubts: Vec<String>,
    /// Variants.
    pub profiles: Vec<DraftProfile>,
    /// Record kinds.
    pub records: Vec<DraftRecord>,
    /// Control totals.
    pub totals: Vec<DraftTotal>,
}

/// Adds a key.
pub fn put(keys: &mut Keys, key: &str, value: Setting) {
    keys.push((key.to_owned(), value));
}

/// Adds a key with a string.
pub fn put_text(keys: &mut Keys, key: &str, value: &str) {
    put(keys, key, Setting::Text(value.to_owned()));
}

/// Adds a flag if it is set.
pub fn put_flag(keys: &mut Keys, key: &str, value: bool) {
    if value {
        put(keys, key, Setting::Flag(true));
    }
}

/// Value of a key.
pub fn get<'k>(keys: &'k Keys, key: &str) -> Option<&'k Setting> {
    keys.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// String of a key; empty without it.
pub fn text_of<'k>(keys: &'k Keys, key: &str) -> &'k str {
    match get(keys, key) {
        Some(Setting::Text(text)) => text,
        _ => "",
    }
}

/// Sets a key, in its place if it is there.
pub fn set(keys: &mut Keys, key: &str, value: Setting) {
    match keys.iter_mut().find(|(name, _)| name == key) {
        Some((_, old)) => *old = value,
        None => put(keys, key, value),
    }
}

/// Takes a key away.
pub fn unset(keys: &mut Keys, key: &str) {
    keys.retain(|(name, _)| name != key);
}

impl DraftField {
    /// Its name.
    pub fn name(&self) -> &str {
        text_of(&self.keys, "name")
    }
}

impl DraftRecord {
    /// Its name.
    pub fn name(&self) -> &str {
        text_of(&self.keys, "name")
    }
}

impl Draft {
    /// Every doubt with its place (`レコード.項目`, a record, or `ファイル`), in the order of the file.
    pub fn all_doubts(&self) -> Vec<(String, &str)> {
        let mut all: Vec<(String, &str)> =
            self.doubts.iter().map(|doubt| ("ファイル".to_owned(), doubt.as_str())).collect();
        for record in &self.records {
            all.extend(record.doubts.iter().map(|doubt| (record.name().to_owned(), doubt.as_str())));
            for field in &record.fields {
                let place = format!("{}.{}", record.name(), field.name());
                all.extend(field.doubts.iter().map(|doubt| (place.clone(), doubt.as_str())));
            }
        }
        let totals = self.totals.iter();
        all.extend(totals.flat_map(|t| t.doubts.iter().map(|d| (text_of(&t.keys, "declared").to_owned(), d.as_str()))));
        all
    }
}
