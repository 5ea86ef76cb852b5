//! Seeded chance.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of chance that a seed and a stream number decide.
#[derive(Clone, Debug)]
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// The first stream of a seed.
    pub fn new(seed: u64) -> Self {
        Dice(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Another stream of the same seed, from its beginning.
    pub fn stream(&self, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::from_seed(self.0.get_seed());
        rng.set_stream(stream);
        Dice(rng)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 32 random bits.
    pub fn word(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A number below `n`; 0 where `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// True `per_mille` times out of 1,000.
    pub fn chance(&mut self, per_mille: u32) -> bool {
        ((u64::from(self.word()) * 1000) >> 32) < u64::from(per_mille)
    }

    /// One of a fixed list.
    pub fn pick<T: Copy, const N: usize>(&mut self, list: &[T; N]) -> T {
        pick(list, self.word())
    }

    /// One of a list that may be empty.
    pub fn one_of<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let at = self.below(list.len() as u64) as usize;
        list.get(at)
    }
}

/// The entry of a fixed list that 32 bits choose.
#[allow(clippy::indexing_slicing, reason = "bits x N / 2^32 is below N, and N is not 0")]
pub(super) fn pick<T: Copy, const N: usize>(list: &[T; N], bits: u32) -> T {
    const { assert!(N > 0) };
    list[((u64::from(bits) * N as u64) >> 32) as usize]
}

/// 64 well mixed bits of two numbers (the finaliser of SplitMix64), for facts that need no stream of their own.
pub(super) fn mixed(seed: u64, n: u64) -> u64 {
    let mut z = seed ^ n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
