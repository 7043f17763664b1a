//! Integration tests: one binary, one module per subject.

mod attack;
mod bad_entries;
mod bad_input;
mod by_hand;
mod cases;
mod crash;
mod determinism;
mod empty_full;
mod expr_parity;
mod house;
mod kill;
mod long_line;
mod parity;
mod pg;
mod readme;
mod reference;
mod sample;
mod sample_reconciles;
mod shipped_files;
mod stopped;
mod store;
mod store_ledger;
mod town;
mod trace;
mod waiting;
mod year;
