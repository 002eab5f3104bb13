//! Pseudo-random numbers.

/// A pseudo-random sequence (splitmix64): a seed gives the same commit everywhere.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn is_one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    pub fn pick<'a>(&mut self, pieces: &[&'a [u8]]) -> &'a [u8] {
        pieces[self.below(pieces.len())]
    }

    pub fn join(&mut self, pieces: &[&[u8]], count_max: usize) -> Vec<u8> {
        let count = 1 + self.below(count_max);
        (0..count)
            .flat_map(|_| self.pick(pieces).iter().copied())
            .collect()
    }
}
