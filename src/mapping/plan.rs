//! Plans: mappings compiled against layouts, entities and views. Immutable; the revision is pinned to each run.
//!
//! Owns: the types and the slots that expressions use. Never: reads TOML (`load`), moves data (`pipeline`).

use std::sync::Arc;

use super::load_confirm::ConfirmColumn;
use super::load_guard::Guard;
use crate::expr::Expr;
use crate::finding::{RulePlace, Severity};
use crate::schema::calendar::Calendar;
use crate::schema::entity::Entity;
use crate::schema::layout::Layout;
use crate::schema::schedule::Rule;
use crate::schema::view::View;

/// Slot of a field in an inbound expression: record kind and field. `kind` 0xFFFF is the run itself ([`RunItem`]),
/// 0xFFFE the site's own values (index into [`Site::values`](super::site::Site::values)).
pub fn slot(kind: u16, field: u16) -> u32 {
    (u32::from(kind) << 16) | u32::from(field)
}

/// `kind` of a run item's slot.
pub const RUN: u16 = 0xFFFF;
/// `kind` of a site value's slot.
pub const SITE: u16 = 0xFFFE;

/// Items of `実行.…` that every expression may use; the discriminant is the field part of the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum RunItem {
    /// `基準日` date: the JST day the run works for.
    BaseDate = 0,
    /// `団体コード` text 6.
    Municipality = 1,
    /// `ファイル名` text: as received; for outbound the name being made.
    FileName = 2,
    /// `作成日時` text `YYYYMMDDhhmmss`, JST.
    CreatedAt = 3,
    /// `連番` int: inbound = record number; outbound = number of the record within its kind, from 1.
    Sequence = 4,
    /// `区分` text: outbound delta: `new`, `changed`, `closed` of a row, `delta` of heads and tails; `full` in a full set.
    Change = 5,
    /// `作成日` text `YYYYMMDD`, JST.
    CreatedOn = 6,
}

/// Inbound: one layout in one profile → entities.
#[derive(Debug, Clone)]
pub struct InPlan {
    /// Interface id.
    pub interface: String,
    /// Japanese title.
    pub title: String,
    /// Physical description.
    pub layout: Arc<Layout>,
    /// What a file means for rows it does not name.
    pub mode: Mode,
    /// May a full set without one record close every row that stands?
    pub empty_closes: bool,
    /// What bad records do to the rest.
    pub tolerance: Tolerance,
    /// Checks, in order.
    pub checks: Vec<Check>,
    /// Where records go.
    pub into: Vec<IntoRows>,
    /// Are the files kept sealed though nothing of them goes to the vault?
    pub sealed: bool,
    /// Items that no column takes and that have the name of a guarded column of the site, by kind and field.
    pub left_guarded: std::collections::BTreeSet<(usize, usize)>,
    /// Control amount: kind and field of an `Int` whose sum the reports show.
    pub amount: Option<(usize, usize)>,
    /// SHA-256 (hex) over the TOML files this was compiled from.
    pub revision: String,
    /// TOML path.
    pub file: String,
}

impl InPlan {
    /// Are its files kept sealed? As the mapping says, and where values of them go to the vault.
    pub fn is_vaulted(&self) -> bool {
        self.sealed
            || self.into.iter().any(|rows| {
                let columns = rows.entity.columns.iter().zip(&rows.columns);
                columns.into_iter().any(|(column, expr)| column.vault && expr.is_some())
            })
    }

    /// Items that go to guarded columns, or would if one took them, by kind and field: their values stand in no report.
    pub fn guarded_fields(&self) -> std::collections::BTreeSet<(usize, usize)> {
        let columns = self.into.iter().flat_map(|rows| rows.entity.columns.iter().zip(&rows.columns));
        let guarded = columns.filter(|(column, _)| column.guard.is_some()).filter_map(|(_, expr)| expr.as_ref());
        let taken = guarded.flat_map(Expr::slots).map(|slot| ((slot >> 16) as usize, (slot & 0xFFFF) as usize));
        taken.chain(self.left_guarded.iter().copied()).collect()
    }
}

/// What a file means for rows it does not name.
#[derive(Debug, Clone)]
pub enum Mode {
    /// Rows not named are closed (none is while any record is held).
    Full,
    /// Rows not named stay.
    Delta,
    /// The expression (over any record's fields, evaluated on the first data record) says: true = full.
    FullWhen(Expr),
}

/// What bad records do to the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// Bad records are held, the good ones go on, up to this many held ones; more reject the file.
    Record {
        /// Greatest number of held records.
        max_held: u64,
    },
    /// One bad record rejects the file.
    File,
}

/// A predicate that records must satisfy.
#[derive(Debug, Clone)]
pub struct Check {
    /// Own code, romaji kebab-case.
    pub code: String,
    /// Record kind it looks at.
    pub record: usize,
    /// Only records for which this is true.
    pub when: Option<Expr>,
    /// Must be true (NULL is not).
    pub expect: Expr,
    /// How bad a breach is.
    pub severity: Severity,
    /// Japanese sentence; `{項目}` is replaced by the field's value (masked if secret).
    pub message: String,
    /// What to do.
    pub action: String,
    /// Field the finding points at.
    pub field: Option<usize>,
    /// Where it is declared.
    pub place: RulePlace,
}

/// Rows of one entity made from records of one kind.
#[derive(Debug, Clone)]
pub struct IntoRows {
    /// Target.
    pub entity: Arc<Entity>,
    /// Record kind.
    pub record: usize,
    /// Only records for which this is true.
    pub when: Option<Expr>,
    /// True: the row is closed instead of written (`close_when`).
    pub close_when: Option<Expr>,
    /// One per entity column; `None` = NULL.
    pub columns: Vec<Option<Expr>>,
    /// Where it is declared.
    pub place: RulePlace,
}

/// Derive: a view becomes the rows of an entity.
#[derive(Debug, Clone)]
pub struct DerivePlan {
    /// Interface id.
    pub interface: String,
    /// Japanese title.
    pub title: String,
    /// Source; its columns must cover the entity's by name.
    pub view: Arc<View>,
    /// Target.
    pub entity: Arc<Entity>,
    /// Interfaces (in or derive) after which this runs.
    pub after: Vec<String>,
    /// Days on which this runs (besides after new data, where `after` names some); empty = after new data and once a day.
    pub schedule: Vec<Rule>,
    /// Interfaces (in or derive) without whose news this does not run.
    pub requires: Vec<String>,
    /// May its rows change without news of `after`: by the day, or by an interface not named there? Without a schedule it
    /// then also runs on every new day.
    pub daily: bool,
    /// On whose open days alone a new day does that; `None` = every day.
    pub calendar: Option<Arc<Calendar>>,
    /// Named outcomes for the report: (code, Japanese title, predicate over the view's columns, severity, control amount).
    pub outcomes: Vec<Outcome>,
    /// Control amount: index of an `Int` column of the entity.
    pub amount: Option<usize>,
    /// See [`InPlan::revision`].
    pub revision: String,
    /// TOML path.
    pub file: String,
}

/// A class of derived rows that is counted and listed by name.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// romaji code.
    pub code: String,
    /// Japanese title.
    pub title: String,
    /// Over the view's columns (slot = column index).
    pub when: Expr,
    /// `Warning` and above become findings.
    pub severity: Severity,
    /// Message with `{列名}` places.
    pub message: String,
    /// Where it is declared.
    pub place: RulePlace,
}

/// Outbound: a view → a file.
#[derive(Debug, Clone)]
pub struct OutPlan {
    /// Interface id.
    pub interface: String,
    /// Japanese title.
    pub title: String,
    /// Who gets it (Japanese).
    pub partner: String,
    /// Physical description.
    pub layout: Arc<Layout>,
    /// Source.
    pub view: Arc<View>,
    /// WHERE over the view (slot = column index).
    pub filter: Option<Expr>,
    /// ORDER BY: indexes of view columns. Group columns come first.
    pub order: Vec<usize>,
    /// A new group (header … trailer) begins when one of these view columns changes.
    pub group: Vec<usize>,
    /// Key of a record for the partner, indexes of view columns.
    pub key: Vec<usize>,
    /// Which view columns hold secret items; their values are shown to nobody.
    pub secret: Vec<bool>,
    /// All rows, or what changed since the last delivery to this partner.
    pub delta: bool,
    /// Delta only: are vanished keys sent as deletions?
    pub send_closed: bool,
    /// One file for each value of these text columns; all in one file when empty. They are part of `key`.
    pub split: Vec<usize>,
    /// Layouts in other profiles, for files whose split columns satisfy the condition; the first that does holds.
    pub variants: Vec<Variant>,
    /// Records to write, in file order; see [`OutRecord`].
    pub records: Vec<OutRecord>,
    /// What an operator is shown of each row before the file may leave.
    pub confirm: Vec<ConfirmColumn>,
    /// File name pattern: `{団体コード}` `{団体コード5}` `{作成日時}` `{連番3}` and `サイト` values.
    pub name: Vec<NamePart>,
    /// Written last beside the file; `None` = no manifest.
    pub manifest: Option<String>,
    /// May it leave without an operator?
    pub release: Release,
    /// Control amount: kind and field of an `Int` whose sum the reports show.
    pub amount: Option<(usize, usize)>,
    /// Interfaces (in or derive) after which a draft is due.
    pub after: Vec<String>,
    /// Days on which a draft is due, and on no others; empty = after its sources.
    pub schedule: Vec<Rule>,
    /// Interfaces (in or derive) without whose news no draft is made.
    pub requires: Vec<String>,
    /// May its rows change by the day, or by who is protected? Without a schedule it is then also due on every new day.
    pub daily: bool,
    /// See [`DerivePlan::calendar`].
    pub calendar: Option<Arc<Calendar>>,
    /// Is an empty file made when there is nothing to send?
    pub send_empty: bool,
    /// What values of the vault are opened for; `None` = none is.
    pub purpose: Option<String>,
    /// View columns that may show what a guard protects.
    pub guarded: Vec<usize>,
    /// View columns whose tokens are opened when a row is written.
    pub opens: Vec<usize>,
    /// Rows kept back until an operator lets them go.
    pub holds: Vec<Hold>,
    /// See [`InPlan::revision`].
    pub revision: String,
    /// TOML path.
    pub file: String,
}

/// A rule that keeps rows back.
#[derive(Debug, Clone)]
pub struct Hold {
    /// romaji code; a guard's is its id.
    pub code: String,
    /// Which rows.
    pub test: HoldTest,
    /// What is protected, for the report; view columns.
    pub fields: Vec<String>,
    /// Why, Japanese; `{列}` is replaced by the column's value, never one of `fields`.
    pub message: String,
    /// What to do.
    pub action: String,
    /// Where it is declared.
    pub place: RulePlace,
}

/// Which rows a [`Hold`] keeps back.
#[derive(Debug, Clone)]
pub enum HoldTest {
    /// Those for which this is true (slot = view column).
    When(Expr),
    /// Those whose view column `key` is among the keys that the guard's view returns, and those that show something guarded
    /// of nobody knows whom.
    Guard {
        /// The guard.
        guard: Arc<Guard>,
        /// View column.
        key: usize,
        /// View columns that may show what the guard protects.
        carried: Vec<usize>,
    },
}

/// A profile that takes the place of the usual one.
#[derive(Debug, Clone)]
pub struct Variant {
    /// Over the split columns (slot = view column).
    pub when: Expr,
    /// The same layout in that profile.
    pub layout: Arc<Layout>,
}

impl OutPlan {
    /// Items that guarded columns go to, by kind and field: their values stand in no report.
    pub fn guarded_fields(&self) -> std::collections::BTreeSet<(usize, usize)> {
        let shows = |expr: &Expr| expr.slots().iter().any(|slot| self.guarded.contains(&(*slot as usize)));
        let of = |record: &OutRecord| -> Vec<(usize, usize)> {
            let exprs = record.fields.iter().zip(&record.closed).enumerate();
            let shown = exprs.filter(|(_, (row, closed))| row.iter().chain(closed.iter()).any(shows));
            shown.map(|(field, _)| (record.record, field)).collect()
        };
        self.records.iter().flat_map(of).collect()
    }

    /// The layout in the profile that a file was written in.
    pub fn layout_in(&self, profile: Option<&str>) -> &Arc<Layout> {
        let of = |layout: &&Arc<Layout>| profile == Some(layout.profile.as_str());
        self.variants.iter().map(|v| &v.layout).find(of).unwrap_or(&self.layout)
    }
}

/// How one record kind is filled. Slots: view columns by index, `実行.…`, `サイト.…`.
#[derive(Debug, Clone)]
pub struct OutRecord {
    /// Record kind.
    pub record: usize,
    /// When it is written.
    pub level: Level,
    /// One per field; `None` = constant, total or empty. Header and trailer see the row that opens or ends the group.
    pub fields: Vec<Option<Expr>>,
    /// Delta: expressions used instead for a closed key; fields without one are empty (key columns only are known).
    pub closed: Vec<Option<Expr>>,
    /// Where it is declared.
    pub place: RulePlace,
}

/// When an outbound record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Once, before everything.
    FileHead,
    /// At the start of a group.
    GroupHead,
    /// For every row.
    Row,
    /// At the end of a group.
    GroupTail,
    /// Once, after everything.
    FileTail,
}

/// Part of a file name pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamePart {
    /// As it is.
    Literal(String),
    /// 6-digit municipality code.
    Municipality,
    /// The same without its check digit.
    Municipality5,
    /// `YYYYMMDDhhmmss` JST.
    CreatedAt,
    /// Running number of the interface on that JST day, 3 digits.
    Sequence3,
    /// Value of a split column.
    Column(usize),
}

/// Who lets it go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// An operator confirms the exact hash.
    Confirm,
    /// It goes by itself.
    Auto,
}
