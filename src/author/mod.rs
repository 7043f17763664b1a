//! Layouts from and for people: drawn up from a sample file or an item sheet, and written back as an item sheet.
//!
//! ```text
//! sample bytes ─▶ infer ─┐                       ┌─▶ toml_text ─▶ layout.toml
//! item sheet ─▶ import ──┴▶ Draft (keys, doubts) ┤
//! Layout ─▶ describe ────────▶ Draft             └─▶ doc ─▶ item sheet (XLSX, HTML)
//! ```
//!
//! Owns: the guesses, their evidence, and the form of the sheet. Never: decides silently (every doubt is a `TODO` in the
//! TOML and a line for the person), changes a site's files, or is asked while a file is exchanged: what is inferred here
//! is a draft that a person reads.

pub mod describe;
pub mod doc;
pub mod doc_html;
pub mod doc_xlsx;
pub mod draft;
pub mod import;
mod import_file;
mod import_item;
mod import_type;
pub mod infer;
pub mod sheet;
pub mod sheet_csv;
pub mod sheet_xlsx;
pub mod toml_text;

#[cfg(test)]
mod tests;
