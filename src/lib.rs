//! renkei: the hub through which a municipality's offices exchange files.
pub mod finding;
pub mod value;
pub mod schema;
pub mod expr;
pub mod codec;
pub mod mapping;
pub mod config;
pub mod store;
pub mod pipeline;
pub mod report;
pub mod sample;
pub mod cli;
