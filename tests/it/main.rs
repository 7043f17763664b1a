//! Integration tests, one binary.

mod pg;
mod store;
