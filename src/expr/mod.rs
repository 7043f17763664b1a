//! The one expression language: SQL scalar expressions, typed at load, evaluated here or rendered to SQL.
//!
//! Owns: what may be written, what it means, and that both meanings are the same. Never: knows a data item, opens a
//! database, reads a clock. It is the only user of `sqlparser`.
//!
//! # What may be written
//! - `'text'` (a `'` inside is doubled), whole numbers, `NULL`, `TRUE`, `FALSE`, `DATE '2024-04-01'`
//! - names: `項目`, `レコード.項目`; a name with other than letters, digits, `_`, `・` goes in `"…"`
//! - `AND OR NOT`, `= <> != < <= > >=`, `IS [NOT] NULL`, `[NOT] IN (…)`, `[NOT] BETWEEN … AND …`,
//!   `[NOT] LIKE 'pattern'` (`%`, `_`; case matters; nothing escapes)
//! - `+ - * / %` on whole numbers, `||`, `CASE`, `CAST(… AS TEXT | INTEGER | DATE)`
//! - the functions `abs add_days add_years coalesce code day days_between fiscal_year greatest least
//!   length lpad ltrim month nullif replace rpad rtrim substr trim year`
//!
//! # What it means, on all three sides alike (here, SQLite, PostgreSQL)
//! - NULL is SQL's: three-valued logic, and a function of NULL is NULL (except `coalesce`, `nullif`).
//! - Text and dates compare by their UTF-8 bytes; lengths and positions count characters.
//! - Overflow is an error, on every side; which rows notice depends on which operands a side looks at. `/` truncates
//!   toward zero, `%` has the sign of its left side, and by zero both are NULL.
//! - `CAST(text AS INTEGER)` wants an optional `-` and ASCII digits that fit 64 bits, else NULL; `CAST(text AS DATE)`
//!   wants `YYYY-MM-DD`, with `00` for an unknown day, or month and day, else NULL.
//! - `substr(t, from, len)` counts from 1; NULL when `from` < 1 or `len` < 0. `lpad`/`rpad` never cut. `trim` takes
//!   ASCII spaces only. `replace` takes literals.
//! - `year`, `month`, `day`, `fiscal_year` (from April) are NULL when a part they need is unknown. `add_years`,
//!   `add_days`, `days_between(from, to)` need whole real dates and are NULL otherwise, and when they leave the years
//!   0001–9999; 29 February plus years is 28 February in a year that has none.
//! - `code('table', key, 'column')` is NULL for an unknown key.
//!
//! Text with U+0000 is outside the promise: the databases cut or refuse it.

mod ast;
mod calls;
mod date;
mod eval;
mod functions;
mod leaves;
mod like;
mod parse;
pub mod query;
mod query_group;
pub mod query_origin;
mod query_scope;
mod query_select;
mod scratch;
mod sql;
mod sql_functions;
mod types;

pub use ast::CodeTable;
pub use eval::{EvalError, MAX_TEXT};
pub use scratch::Scratch;

use crate::value::{OwnedValue, Type, Value};
use std::sync::Arc;

/// Longest source of one expression, in characters.
pub const MAX_SOURCE: usize = 4_000;
/// Deepest nesting; chains of `AND`, `OR`, `||` and arithmetic count once.
pub const MAX_DEPTH: usize = 32;
/// Most nodes of one expression (names, literals, operators).
pub const MAX_NODES: usize = 2_000;
/// Most operators in one arithmetic chain.
pub const MAX_ARITH_CHAIN: usize = 200;
/// Most binds of one rendered expression; `code` tables take two for each row.
pub const MAX_BINDS: usize = 20_000;

/// Resolves names while an expression is loaded.
pub trait Scope {
    /// `path` is one or two names (`項目` or `レコード.項目`); answers the slot that a [`Row`] answers for, and its type.
    fn resolve(&self, path: &[&str]) -> Option<(u32, Type)>;

    /// Every name, for a did-you-mean hint.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// The table that `code('name', …)` means.
    fn code_table(&self, _name: &str) -> Option<Arc<CodeTable>> {
        None
    }
}

/// Answers for the slots that a [`Scope`] gave out.
pub trait Row {
    /// The value in `slot`; of the type its scope promised, or NULL.
    fn get(&self, slot: u32) -> Value<'_>;
}

/// Slots are positions; one that is not there is NULL.
impl Row for [Value<'_>] {
    fn get(&self, slot: u32) -> Value<'_> {
        self.get(slot as usize).copied().unwrap_or(Value::Null)
    }
}

/// Slots are positions; one that is not there is NULL.
impl Row for [OwnedValue] {
    fn get(&self, slot: u32) -> Value<'_> {
        self.get(slot as usize).map_or(Value::Null, OwnedValue::as_value)
    }
}

/// Which SQL to render.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Binds are `?`, in the order of the text.
    Sqlite,
    /// Binds are `$n`, cast to `text` or `int8`; columns must be `text` and `int8` (bigint).
    Postgres,
}

/// One mistake in an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}行{column}文字目: {message}{hint}")]
pub struct ExprError {
    /// 1-based line within the expression's text.
    pub line: u32,
    /// 1-based column, in characters.
    pub column: u32,
    /// What is wrong, in Japanese.
    pub message: String,
    /// What to do, in Japanese; may be empty.
    pub hint: String,
}

/// A compiled expression: immutable, cheap to clone, shared between threads.
#[derive(Debug, Clone)]
pub struct Expr {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    source: String,
    root: ast::Node,
    ty: Type,
    slots: Vec<u32>,
}

impl Expr {
    /// Reads and types an expression.
    ///
    /// # Errors
    /// Every mistake of names and types at once; of mistakes of form the first one.
    pub fn parse(source: &str, scope: &dyn Scope) -> Result<Expr, Vec<ExprError>> {
        Expr::load(source, scope, None)
    }

    /// As [`Expr::parse`], for a place that wants the type `want`. A date may stand where text is wanted, and a text
    /// literal that is a date (`'2024-04-01'`, `'1935-00-00'`) where a date is wanted.
    ///
    /// # Errors
    /// As [`Expr::parse`], and when the type does not fit.
    pub fn parse_as(source: &str, scope: &dyn Scope, want: Type) -> Result<Expr, Vec<ExprError>> {
        Expr::load(source, scope, Some(want))
    }

    fn load(source: &str, scope: &dyn Scope, want: Option<Type>) -> Result<Expr, Vec<ExprError>> {
        let parsed = parse::parse(source).map_err(|e| vec![e])?;
        let (root, ty) = types::compile(&parsed, scope, want)?;
        let mut slots = Vec::new();
        root.collect_slots(&mut slots);
        Ok(Expr { inner: Arc::new(Inner { source: source.to_owned(), root, ty, slots }) })
    }

    /// The static type; a bare `NULL` is text unless [`Expr::parse_as`] wanted something else.
    pub fn ty(&self) -> Type {
        self.inner.ty
    }

    /// Every slot the expression reads, once each.
    pub fn slots(&self) -> Vec<u32> {
        self.inner.slots.clone()
    }

    /// The slot, when the expression is just a field: the fast path.
    #[inline]
    pub fn as_slot(&self) -> Option<u32> {
        match self.inner.root {
            ast::Node::Slot(slot) => Some(slot),
            _ => None,
        }
    }

    /// The value for one row. Computed text is lent by `scratch` until that is cleared.
    ///
    /// # Errors
    /// Overflow, a text over [`MAX_TEXT`], or a row that breaks its scope's promise.
    pub fn eval<'a, R: Row + ?Sized>(&'a self, row: &'a R, scratch: &'a Scratch) -> Result<Value<'a>, EvalError> {
        eval::eval(&self.inner.root, row, scratch)
    }

    /// Is this predicate true for the row? NULL is not true. Clears `scratch` first.
    ///
    /// # Errors
    /// As [`Expr::eval`].
    pub fn is_true<R: Row + ?Sized>(&self, row: &R, scratch: &mut Scratch) -> Result<bool, EvalError> {
        scratch.clear();
        Ok(eval::truth_of(&self.inner.root, row, scratch)? == Some(true))
    }

    /// The same expression as SQL; always in parentheses or a single term. `name` gives a slot's column, quoted as
    /// the statement needs it. Literals are added to `binds`; on PostgreSQL `$n` counts those already there, on
    /// SQLite the `?` stand in the order of the text.
    ///
    /// # Errors
    /// More than [`MAX_BINDS`] binds; `binds` is then as before.
    pub fn to_sql(
        &self,
        dialect: Dialect,
        name: &dyn Fn(u32) -> String,
        binds: &mut Vec<OwnedValue>,
    ) -> Result<String, ExprError> {
        sql::render(&self.inner.root, dialect, name, binds)
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.inner.source
    }
}

/// The name most like `wanted`, when one is like it at all.
fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    const ALIKE: f64 = 0.7;
    names
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests;
