//! A view: a read-only SELECT over entities and other views, from `schemas/views/<id>.toml`.
//!
//! Owns: the types. Never: runs it (`store`).

use crate::finding::RulePlace;
use crate::value::Type;

/// A read-only SELECT. It may name entities and views by their Japanese names, and the relations of
/// [`BuiltIn`](super::relation::BuiltIn).
/// Every entity offers its columns and `_v` (the number of the version that stands).
#[derive(Debug, Clone)]
pub struct View {
    /// File stem.
    pub id: String,
    /// Japanese name, used in other views and mappings.
    pub name: String,
    /// Columns it returns, in order.
    pub columns: Vec<(String, Type)>,
    /// Lineage columns it returns beside them: (column, entity id). They hold a version number (`_v`) of that entity.
    pub lineage: Vec<(String, String)>,
    /// The SELECT as written.
    pub sql: String,
    /// Entities, views and built-in relations (but 実行) it names directly, in order of first use.
    pub uses: Vec<String>,
    /// Does it name `実行` or `送付` itself? Then its rows may change though no entity did.
    pub of_day: bool,
    /// Is it computed once for all derivations computed at one time that read it?
    pub shared: bool,
    /// Where the SQL starts.
    pub place: RulePlace,
}
