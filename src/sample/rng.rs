//! Small reproducible random numbers (SplitMix64: Steele, Lea, Flood 2014).
//!
//! Owns: the stream. Never: the clock or the machine's entropy; the same seed makes the same town for ever.

/// One stream; cheap to make, so that every household and every purpose has its own.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    /// A stream of its own for each (seed, purpose, number).
    pub(crate) fn new(seed: u64, purpose: u64, number: u64) -> Self {
        let mut mixed = Rng(seed ^ purpose.wrapping_mul(0xD1B5_4A32_D192_ED03));
        let base = mixed.next();
        Rng(base ^ number.wrapping_mul(0x9E6C_63D0_876A_68E3))
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n` (`n` > 0; the tiny bias of the product is of no matter here).
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(1) as u64) as i64
    }

    /// True in `n` of 1,000 cases.
    pub(crate) fn per_mille(&mut self, n: u64) -> bool {
        self.below(1000) < n
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }
}
