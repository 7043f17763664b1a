//! Rows that stand already: found before they are staged, so that a file sent again writes next to nothing.
//!
//! Owns: which standing versions a run named (one bit each) and what it found unchanged. Never: writes to the store.

use std::collections::BTreeMap;

use super::bulk::{ROW, VersionBatch};
use super::{Conn, Dialect, Result, StoreError, quote};
use crate::schema::entity::Entity;
use crate::value::{Type, Value};

/// A run whose first batch is smaller is not compared: staging it costs less than looking.
const FROM_ROWS: usize = 1000;
/// Rows of the first batch that are looked at to decide; comparing pays when at least half of them stand as they are.
const SAMPLE: usize = 64;
/// Words of one block of bits: 65,536 versions, 8 KiB.
const WORDS: usize = 1024;

/// What a run named of what stands. One bit for each version of the entity at most, in blocks made when needed.
#[derive(Debug, Default)]
pub struct Same {
    bits: BTreeMap<i64, Box<[u64; WORDS]>>,
    named: u64,
    /// Rows that stand as they are; none of them is staged.
    pub(super) rows: u64,
    /// Sum of the amount column over these, yen.
    pub(super) amount: i64,
    /// Runs applied to the entity when the comparing began; `None` = it never did.
    pub(super) applied: Option<u64>,
    twice: bool,
}

impl Same {
    /// Did a standing key come twice? Then rows that were not staged are missing among the duplicates: discard the run's
    /// rows and stage it again without comparing.
    pub fn came_twice(&self) -> bool {
        self.twice
    }

    /// Number of standing versions that were named.
    pub(super) fn named(&self) -> u64 {
        self.named
    }

    /// Was this standing version named?
    pub(super) fn has(&self, vid: i64) -> bool {
        let (block, word, bit) = place(vid);
        self.bits.get(&block).is_some_and(|b| b[word] & bit != 0)
    }

    fn name(&mut self, vid: i64) {
        let (block, word, bit) = place(vid);
        let words = self.bits.entry(block).or_insert_with(|| Box::new([0; WORDS]));
        self.twice |= words[word] & bit != 0;
        self.named += u64::from(words[word] & bit == 0);
        words[word] |= bit;
    }
}

fn place(vid: i64) -> (i64, usize, u64) {
    (vid >> 16, (vid & 0xFFFF) as usize >> 6, 1 << (vid & 63))
}

/// The comparison of one run's batches with what stands, decided by the first batch: all are compared, or none.
#[derive(Debug)]
pub(super) struct Comparison {
    entity: String,
    sql: LookUp,
    dantai: String,
    key: Vec<usize>,
    amount: Option<usize>,
    decided: bool,
    found: Vec<Standing>,
    same: Same,
}

/// A standing version of a row's key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// Row of the batch.
    pub row: usize,
    /// Version that stands for its key.
    pub vid: i64,
    /// Its hash.
    pub hash: i64,
}

impl Comparison {
    /// `amount`: column (index into the entity's) whose sum over unchanged rows is wanted.
    pub(super) fn new(entity: &Entity, dialect: Dialect, dantai: &str, amount: Option<usize>) -> Self {
        Comparison {
            entity: entity.id.clone(),
            sql: LookUp::new(entity, dialect),
            dantai: dantai.to_owned(),
            key: entity.key.clone(),
            amount,
            decided: false,
            found: Vec::new(),
            same: Same::default(),
        }
    }

    /// Takes out of the batch what stands as it is.
    pub(super) fn take_out(&mut self, conn: &mut Conn, batch: &mut VersionBatch) -> Result<()> {
        if !std::mem::replace(&mut self.decided, true) && self.pays(conn, batch)? {
            self.same.applied = Some(runs_applied(conn, &self.entity)?);
        }
        if self.same.applied.is_none() {
            return Ok(());
        }
        self.look_up(conn, batch, 1)?;
        let mut drop = vec![false; batch.len()];
        for standing in &self.found {
            self.same.name(standing.vid);
            if is_same(batch, standing) {
                drop[standing.row] = true;
                self.same.rows += 1;
                let amount = self.amount.and_then(|column| batch.value(standing.row, column).as_int());
                self.same.amount = self.same.amount.saturating_add(amount.unwrap_or(0));
            }
        }
        batch.drop_rows(&drop);
        Ok(())
    }

    /// What was found; afterwards nothing is.
    pub(super) fn finish(self) -> Same {
        self.same
    }

    fn pays(&mut self, conn: &mut Conn, batch: &VersionBatch) -> Result<bool> {
        if batch.len() < FROM_ROWS {
            return Ok(false);
        }
        self.look_up(conn, batch, batch.len() / SAMPLE)?;
        Ok(self.found.iter().filter(|standing| is_same(batch, standing)).count() >= SAMPLE / 2)
    }

    fn look_up(&mut self, conn: &mut Conn, batch: &VersionBatch, step: usize) -> Result<()> {
        self.found.clear();
        conn.look_up(&self.sql, &self.dantai, batch, &self.key, step, &mut self.found)
    }
}

fn is_same(batch: &VersionBatch, standing: &Standing) -> bool {
    batch.operation_and_hash(standing.row) == (ROW, standing.hash)
}

/// Runs whose rows of an entity were made to stand.
fn runs_applied(conn: &mut Conn, entity: &str) -> Result<u64> {
    let sql = "SELECT count(*) FROM stage WHERE entity = ?1 AND applied = 1";
    conn.query_one(sql, &[Value::Text(entity)], |r| r.count(0))
}

/// Refuses to apply when another run changed what stands after the comparison; the exchange is then tried again.
pub(super) fn ensure_current(conn: &mut Conn, entity: &Entity, same: &Same) -> Result<()> {
    match same.applied {
        Some(then) if runs_applied(conn, &entity.id)? != then => {
            Err(StoreError::unexpected("比べたあとに、別の処理が同じ台帳を更新しました"))
        }
        _ => Ok(()),
    }
}

/// The statements that find what stands for the keys of a batch.
#[derive(Debug)]
pub(super) struct LookUp {
    /// ?1 municipality, then the key: one row's values on SQLite (version, hash), an array for each column on PostgreSQL
    /// (number from 1, version, hash).
    pub each: String,
    /// SQLite: ?1 municipality, then a key: version, hash and key of it and of all after it, in their order.
    pub along: String,
}

impl LookUp {
    fn new(entity: &Entity, dialect: Dialect) -> Self {
        let c = quote(&format!("c_{}", entity.id));
        let names: Vec<String> = entity.key.iter().map(|k| quote(&entity.columns[*k].name)).collect();
        let along = {
            let (names, places) = (names.join(", "), (2..names.len() + 2).map(|n| format!("?{n}")).collect::<Vec<_>>());
            let from = format!("_dantai = ?1 AND ({names}) >= ({})", places.join(", "));
            format!("SELECT _vid, _hash, {names} FROM {c} WHERE {from} ORDER BY {names}")
        };
        let each = match dialect {
            Dialect::Sqlite => {
                let same = names.iter().enumerate().map(|(i, name)| format!(" AND {name} = ?{}", i + 2));
                format!("SELECT _vid, _hash FROM {c} WHERE _dantai = ?1{}", same.collect::<String>())
            }
            Dialect::Postgres => {
                let (mut arrays, mut columns, mut same) = (Vec::new(), Vec::new(), String::new());
                for (i, (name, k)) in names.iter().zip(&entity.key).enumerate() {
                    let ty = if entity.columns[*k].ty == Type::Int { "bigint" } else { "text" };
                    arrays.push(format!("?{}::{ty}[]", i + 2));
                    columns.push(format!("k{i}"));
                    same.push_str(&format!(" AND c.{name} = n.k{i}"));
                }
                format!(
                    "SELECT n.i, c._vid, c._hash FROM unnest({}) WITH ORDINALITY AS n({}, i) JOIN {c} c ON c._dantai = ?1{same}",
                    arrays.join(", "),
                    columns.join(", ")
                )
            }
        };
        LookUp { each, along }
    }
}
