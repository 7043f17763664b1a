//! Integration tests: one binary, one module per subject.

mod expr_parity;
mod pg;
mod store;
mod shipped_files;
