//! The synthetic municipality behind `renkei sample` and `renkei demo`.
mod money;
mod names;
mod people;
mod rng;
