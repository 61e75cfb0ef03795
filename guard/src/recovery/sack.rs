//! What the peer reports to have beyond its acknowledgement (RFC 2018).

use crate::options;
use crate::segment::Seq;

const KIND_SACK_PERMITTED: u8 = 4;
const KIND_SACK: u8 = 5;

/// A range of sequence numbers; the end is excluded. It is empty if both are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: Seq,
    pub(super) end: Seq,
}

impl Range {
    pub(super) const EMPTY: Self = Self {
        start: Seq(0),
        end: Seq(0),
    };

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether `other` lies in this range.
    pub(super) fn contains(&self, other: Self) -> bool {
        other.lies_within(self.start, self.end)
    }

    /// Whether this is a range of bytes that were sent and not yet acknowledged, after the first.
    /// Anything else is no news, or a lie.
    pub(super) fn is_between(&self, una: Seq, max: Seq) -> bool {
        self.start != una && self.start.is_before(self.end) && self.lies_within(una, max)
    }

    /// Measured from `first`, for the order of more than two numbers is no order half around.
    fn lies_within(&self, first: Seq, end: Seq) -> bool {
        let (from, to) = (self.start.since(first), self.end.since(first));
        from <= to && to <= end.since(first)
    }

    /// Adds what touches this range. Of two ranges apart it keeps the first: the gap before it is
    /// what has to be sent.
    pub(super) fn add(&mut self, other: Self) {
        let touches = !self.end.is_before(other.start) && !other.end.is_before(self.start);
        if self.is_empty() || !touches && other.start.is_before(self.start) {
            *self = other;
        } else if touches {
            if other.start.is_before(self.start) {
                self.start = other.start;
            }
            if self.end.is_before(other.end) {
                self.end = other.end;
            }
        }
    }

    /// Forgets what was acknowledged.
    pub(super) fn advance(&mut self, una: Seq) {
        if !una.is_before(self.start) {
            *self = Self::EMPTY;
        }
    }
}

/// The blocks of the SACK option among these TCP options.
pub(super) fn blocks(options: &[u8]) -> impl Iterator<Item = Range> {
    let value = options::find(options, KIND_SACK).unwrap_or_default();
    let (blocks, _) = value.as_chunks();
    blocks.iter().map(|&[a, b, c, d, e, f, g, h]| Range {
        start: Seq(u32::from_be_bytes([a, b, c, d])),
        end: Seq(u32::from_be_bytes([e, f, g, h])),
    })
}

/// Whether the options of a SYN permit SACK.
pub(super) fn is_permitted(options: &[u8]) -> bool {
    options::find(options, KIND_SACK_PERMITTED).is_some()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    fn all_blocks(options: &[u8]) -> Vec<Range> {
        blocks(options).collect()
    }

    fn range(start: u32, end: u32) -> Range {
        Range {
            start: Seq(start),
            end: Seq(end),
        }
    }

    #[test]
    fn blocks_are_read_among_other_options_up_to_the_first_malformed_one() {
        let timestamps = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
        let sack = [
            1, 1, 5, 18, 0, 0, 0, 5, 0, 0, 0, 6, 255, 0, 0, 0, 0, 0, 0, 1,
        ];
        let both = [&timestamps[..], &sack].concat();
        let expected = [range(5, 6), range(0xff00_0000, 1)];
        assert_eq!(all_blocks(&both), expected);
        assert!(!is_permitted(&both));
        assert!(is_permitted(&[2, 4, 5, 180, 4, 2, 0, 0]));
        for cut in 0..sack.len() {
            assert_eq!(all_blocks(&sack[..cut]), [], "{cut}");
        }
        let half_a_block = [5, 9, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!(all_blocks(&half_a_block), []);
    }

    #[test]
    fn only_what_is_in_flight_after_its_first_byte_is_believed() {
        let (una, max) = (Seq(u32::MAX - 10), Seq(100));
        assert!(range(u32::MAX, 5).is_between(una, max));
        assert!(range(99, 100).is_between(una, max));
        for lie in [
            range(99, 101),
            range(una.0, 5),
            range(5, 5),
            range(6, 5),
            range(una.0 - 50, una.0 - 20),
            range(una.0 - 50, 5),
            range(200, 300),
            // Each number is before the next, half around.
            range(una.0.wrapping_add(u32::MAX / 2), una.0 - 1),
        ] {
            assert!(!lie.is_between(una, max), "{lie:?}");
        }
    }

    #[test]
    fn ranges_that_touch_become_one_and_of_two_apart_the_first_stays() {
        let mut known = Range::EMPTY;
        known.add(range(100, 200));
        known.add(range(200, 300));
        known.add(range(50, 120));
        assert_eq!(known, range(50, 300));
        known.add(range(400, 500));
        assert_eq!(known, range(50, 300));
        known.add(range(10, 20));
        assert_eq!(known, range(10, 20));
        assert!(known.contains(range(10, 20)) && !known.contains(range(9, 20)));
        let half_around = 10 + (1 << 31);
        assert!(!known.contains(range(half_around - 1, half_around + 19)));
        known.advance(Seq(9));
        assert_eq!(known, range(10, 20));
        known.advance(Seq(10));
        assert!(known.is_empty());
    }
}
