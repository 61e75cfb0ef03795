//! The one source of randomness: a small seeded generator whose values never change.

/// A seeded pseudo-random generator: the same seed gives the same values on every platform and in
/// every version.
///
/// It is xoshiro256++ (D. Blackman and S. Vigna, "Scrambled Linear Pseudorandom Number Generators",
/// ACM TOMS 47, 2021), seeded by SplitMix64 (G. Steele, D. Lea and C. Flood, OOPSLA 2014) as its
/// authors advise. All of it is integer arithmetic, so that a Cortex-M3 and an x86-64 agree bit for
/// bit. Do not use it for secrets.
///
/// ```
/// use tickwire_sim::Generator;
///
/// let root = Generator::new(7);
/// let (mut ports, mut faults) = (root.fork("ports", 0), root.fork("faults", 0));
/// assert_ne!(ports.u64(), faults.u64());
/// assert!(ports.below(10) < 10);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generator {
    /// The seed, so that a fork depends on it and not on what was drawn before.
    seed: u64,
    state: [u64; 4],
}

/// One step of SplitMix64: advances `state` and returns the next value.
const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Generator {
    /// The generator of this seed. Every seed is good, 0 included.
    pub const fn new(seed: u64) -> Self {
        let mut mix = seed;
        // SplitMix64 never gives four zeros in a row, the only state that xoshiro must not have.
        let state = [
            split_mix(&mut mix),
            split_mix(&mut mix),
            split_mix(&mut mix),
            split_mix(&mut mix),
        ];
        Self { seed, state }
    }

    /// An independent stream of values for one purpose.
    ///
    /// It depends on this generator's seed, the label and the index only, not on what was drawn
    /// before: a new stream, or one more value drawn somewhere, does not change any other stream.
    #[must_use]
    pub const fn fork(&self, label: &str, index: u64) -> Self {
        // FNV-1a spreads the label; two rounds of SplitMix64 separate seed and index.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut rest = label.as_bytes();
        while let [byte, tail @ ..] = rest {
            // u64::from is not const yet; a byte always fits.
            hash = (hash ^ *byte as u64).wrapping_mul(0x0000_0100_0000_01b3);
            rest = tail;
        }
        let mut mix = self.seed ^ hash;
        let mut mix = split_mix(&mut mix) ^ index;
        Self::new(split_mix(&mut mix))
    }

    /// The next 64 bits.
    pub const fn u64(&mut self) -> u64 {
        let [s0, s1, s2, s3] = &mut self.state;
        let result = s0.wrapping_add(*s3).rotate_left(23).wrapping_add(*s0);
        let shifted = *s1 << 17;
        *s2 ^= *s0;
        *s3 ^= *s1;
        *s1 ^= *s2;
        *s0 ^= *s3;
        *s2 ^= shifted;
        *s3 = s3.rotate_left(45);
        result
    }

    /// The next 32 bits: the upper half of the next 64.
    pub const fn u32(&mut self) -> u32 {
        (self.u64() >> 32) as u32
    }

    /// A number from 0 to `n - 1`, all exactly equally likely; 0 when `n` is 0.
    ///
    /// D. Lemire, "Fast Random Integer Generation in an Interval", 2019: the multiplication maps 64
    /// bits onto the range, and the few values that would make some results likelier are drawn
    /// again.
    pub const fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        loop {
            let product = self.u64() as u128 * n as u128;
            // The low half decides, the high half is the result. The division is rarely needed,
            // because the bound is less than `n`.
            let low = product as u64;
            if low >= n || low >= n.wrapping_neg() % n {
                return (product >> 64) as u64;
            }
        }
    }

    /// A number from `first` to `last`, both included, all exactly equally likely; `first` when the
    /// range is empty.
    pub const fn between(&mut self, first: u64, last: u64) -> u64 {
        match last.saturating_sub(first).checked_add(1) {
            Some(count) => first + self.below(count),
            None => self.u64(),
        }
    }

    /// A number from `first` to `last` whose order of magnitude is uniform: small values are as
    /// frequent as large ones.
    pub fn log_uniform(&mut self, first: u64, last: u64) -> u64 {
        let octaves = u64::from(last.max(1).ilog2().saturating_sub(first.max(1).ilog2())) + 1;
        let low = first.max(1) << self.below(octaves);
        let high = low.saturating_mul(2).saturating_sub(1);
        self.between(low, high).clamp(first, last)
    }

    /// True in `parts_per_million` of a million cases. 0, and 1,000,000 and above, are certain and
    /// draw nothing.
    pub const fn chance(&mut self, parts_per_million: u32) -> bool {
        match parts_per_million {
            0 => false,
            1_000_000.. => true,
            _ => self.below(1_000_000) < parts_per_million as u64,
        }
    }

    /// A number from the exponential distribution with this mean, rounded down; never over 32
    /// means.
    ///
    /// J. von Neumann, "Various Techniques Used in Connection with Random Digits", 1951: it
    /// compares uniform numbers and needs neither logarithm nor table. A run of falling numbers of
    /// odd length accepts its first as the fraction; each run of even length adds one mean.
    pub const fn exponential(&mut self, mean: u64) -> u64 {
        const MEANS_MAX: u64 = 32;
        let mut means = 0;
        while means < MEANS_MAX {
            let first = self.u32();
            let mut lowest = first;
            let mut is_odd = true;
            loop {
                let next = self.u32();
                if next >= lowest {
                    break;
                }
                lowest = next;
                is_odd = !is_odd;
            }
            if is_odd {
                // A fraction of `mean`, so that it fits.
                let fraction = ((mean as u128 * first as u128) >> 32) as u64;
                return mean.saturating_mul(means).saturating_add(fraction);
            }
            means += 1;
        }
        mean.saturating_mul(MEANS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_mix_gives_its_published_values() {
        let mut state = 1_234_567;
        assert_eq!(split_mix(&mut state), 6_457_827_717_110_365_317);
        assert_eq!(split_mix(&mut state), 3_203_168_211_198_807_973);
        assert_eq!(split_mix(&mut state), 9_817_491_932_198_370_423);
        assert_eq!(split_mix(&mut state), 4_593_380_528_125_082_431);
        assert_eq!(split_mix(&mut state), 16_408_922_859_458_223_821);
    }

    #[test]
    fn xoshiro_gives_its_published_values() {
        let mut generator = Generator {
            seed: 0,
            state: [1, 2, 3, 4],
        };
        for expected in [
            41_943_041,
            58_720_359,
            3_588_806_011_781_223,
            3_591_011_842_654_386,
            9_228_616_714_210_784_205,
            9_973_669_472_204_895_162,
            14_011_001_112_246_962_877,
            12_406_186_145_184_390_807,
            15_849_039_046_786_891_736,
            10_450_023_813_501_588_000,
        ] {
            assert_eq!(generator.u64(), expected);
        }
    }

    #[test]
    fn below_is_uniform_and_stays_below() {
        let mut generator = Generator::new(1);
        let mut seen = [0u32; 6];
        for _ in 0..60_000 {
            seen[usize::try_from(generator.below(6)).unwrap()] += 1;
        }
        assert!(
            seen.iter().all(|count| (9_600..10_400).contains(count)),
            "{seen:?}"
        );
        assert_eq!((generator.below(0), generator.below(1)), (0, 0));
        // 4 values of the generator for 3 results: without drawing again, one of three would be
        // twice as likely.
        let bound = 3 << 62;
        let thirds = (0..9_000)
            .filter(|_| generator.below(bound).is_multiple_of(3))
            .count();
        assert!((2_800..3_200).contains(&thirds), "{thirds}");
    }

    #[test]
    fn between_includes_both_ends() {
        let mut generator = Generator::new(2);
        let mut seen = [false; 3];
        for _ in 0..100 {
            seen[usize::try_from(generator.between(5, 7) - 5).unwrap()] = true;
        }
        assert_eq!(seen, [true; 3]);
        assert_eq!(generator.between(9, 9), 9);
        assert_eq!(generator.between(9, 3), 9);
        assert_ne!(
            generator.between(0, u64::MAX),
            generator.between(0, u64::MAX)
        );
    }

    #[test]
    fn chance_keeps_its_rate_and_draws_nothing_when_certain() {
        let mut generator = Generator::new(3);
        let hits = (0..100_000).filter(|_| generator.chance(30_000)).count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
        let before = generator.clone();
        assert!(!generator.chance(0));
        assert!(generator.chance(1_000_000));
        assert_eq!(generator, before);
    }

    #[test]
    fn exponential_has_its_mean_and_its_tail() {
        let mut generator = Generator::new(4);
        let (mut sum, mut over_mean, mut over_three) = (0, 0, 0);
        for _ in 0..100_000 {
            let value = generator.exponential(10_000);
            sum += value;
            over_mean += u32::from(value > 10_000);
            over_three += u32::from(value > 30_000);
        }
        let mean = sum / 100_000;
        assert!((9_850..10_150).contains(&mean), "{mean}");
        // 1/e and 1/e^3 of all values.
        assert!((36_200..37_400).contains(&over_mean), "{over_mean}");
        assert!((4_700..5_260).contains(&over_three), "{over_three}");
        assert_eq!(generator.exponential(0), 0);
        assert!(generator.exponential(u64::MAX) > 0);
    }

    #[test]
    fn log_uniform_stays_in_its_range_and_favours_no_magnitude() {
        let mut generator = Generator::new(6);
        let mut octaves = [0u32; 10];
        for _ in 0..10_000 {
            let value = generator.log_uniform(1, 1_000);
            assert!((1..=1_000).contains(&value), "{value}");
            octaves[usize::try_from(value.ilog2()).unwrap()] += 1;
        }
        assert!(
            octaves.iter().all(|count| (850..1_150).contains(count)),
            "{octaves:?}"
        );
        assert_eq!(
            (generator.log_uniform(7, 7), generator.log_uniform(0, 0)),
            (7, 0)
        );
    }

    #[test]
    fn forks_depend_on_seed_label_and_index_but_not_on_draws() {
        let mut root = Generator::new(5);
        let early = root.fork("port", 1);
        root.u64();
        assert_eq!(root.fork("port", 1), early);
        let others = [
            root.fork("port", 0),
            root.fork("port", 2),
            root.fork("porf", 1),
            root.fork("", 1),
            Generator::new(6).fork("port", 1),
        ];
        assert!(others.iter().all(|other| *other != early));
    }

    #[test]
    fn values_that_seeds_in_reports_rely_on_never_change() {
        let mut generator = Generator::new(42).fork("golden", 7);
        let drawn = [
            generator.u64(),
            u64::from(generator.u32()),
            generator.below(1_000_000_007),
            generator.between(10, 20),
            generator.exponential(100_000),
        ];
        // From a second implementation, written in Python from the same papers.
        assert_eq!(
            drawn,
            [
                4_524_951_847_278_505_340,
                341_682_893,
                147_517_089,
                13,
                72_086
            ]
        );
    }
}
