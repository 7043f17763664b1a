//! A canonical table: columns, key, indexes. Compiled from `schemas/entities/<name>.toml`.
//!
//! Owns: the types. Never: writes DDL (`store::ddl`).

use crate::finding::RulePlace;
use crate::value::Type;

/// A canonical table. Its rows are versions; the store adds its own columns (all starting with `_`).
#[derive(Debug, Clone)]
pub struct Entity {
    /// Romaji id, the file stem; table names are made of it.
    pub id: String,
    /// Japanese name, used in views and mappings.
    pub name: String,
    /// Columns in order.
    pub columns: Vec<Column>,
    /// Indexes into `columns`: the key of a row within one municipality.
    pub key: Vec<usize>,
    /// Secondary indexes, each a list of columns.
    pub indexes: Vec<Vec<usize>>,
    /// Column whose value says which of two versions is newer: a row with a lower value than what stands is not applied,
    /// nor one with a lower value than its key was closed with.
    pub newer: Option<usize>,
    /// Where it is declared.
    pub place: RulePlace,
}

/// A column; text, int (yen) or date (ISO text).
#[derive(Debug, Clone)]
pub struct Column {
    /// Japanese name of the data item.
    pub name: String,
    /// `Text`, `Int` or `Date`.
    pub ty: Type,
    /// Masked everywhere.
    pub secret: bool,
    /// Its value is kept in the vault; the column holds the token that stands for it. Implies `secret`, and text.
    pub vault: bool,
    /// Guard (`schemas/guards/<id>.toml`) that every outbound mapping showing the column must have.
    pub guard: Option<String>,
    /// Where it is declared.
    pub place: RulePlace,
}

impl Entity {
    /// Index of a column by name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }
}
