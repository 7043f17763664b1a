//! Integration tests: one binary, one module per subject.

mod attack;
mod bad_entries;
mod bad_input;
mod crash;
mod determinism;
mod cases;
mod expr_parity;
mod house;
mod kill;
mod parity;
mod pg;
mod readme;
mod sample;
mod sample_reconciles;
mod shipped_files;
mod store;
mod town;
mod trace;
