//! Integration tests: one binary, one module per subject.

mod expr_parity;
mod pg;
mod readme;
mod sample_reconciles;
mod store;
mod shipped_files;
