//! Mappings compiled into plans.
pub mod plan;
