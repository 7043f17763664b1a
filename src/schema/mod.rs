//! What the declarative files under `schemas/` say, as types, and how they are read.
pub mod calendar;
pub mod check_digit;
pub mod entity;
pub mod feed;
pub mod keys;
pub mod layout;
mod lint;
pub mod load_calendar;
pub mod load_codes;
pub mod load_entity;
pub mod load_feed;
pub(crate) mod load_field;
pub mod load_layout;
pub(crate) mod load_total;
pub mod load_view;
pub mod load_schedule;
pub mod mistake;
pub mod order;
pub mod relation;
pub mod schedule;
#[cfg(test)]
mod shipped_days;
pub mod toml_node;
pub mod toml_read;
pub mod view;
