//! What happened at a port, in numbers.

use super::{Cause, Change};

/// What happened at one port since the Ethernet was made.
///
/// Faults are counted at the port that sent the frame, deliveries at the port that received it. A
/// frame to several ports is counted once as sent, and once for each receiver as dropped or
/// delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Frames sent.
    pub sent: u64,
    /// Bytes in the frames sent.
    pub sent_bytes: u64,
    /// Frames received.
    pub delivered: u64,
    /// Bytes in the frames received.
    pub delivered_bytes: u64,
    /// Frames sent that arrived twice.
    pub duplicated: u64,
    /// Frames sent that were held back: [`Link::reorder_ppm`](super::Link::reorder_ppm) or
    /// [`Action::Delay`](super::Action::Delay).
    pub held_back: u64,
    /// How often the link stood still.
    pub clogged: u64,
    dropped: [u64; Cause::ALL.len()],
    changed: [u64; Change::ALL.len()],
}

impl Counts {
    pub(super) const ZERO: Self = Self {
        sent: 0,
        sent_bytes: 0,
        delivered: 0,
        delivered_bytes: 0,
        duplicated: 0,
        held_back: 0,
        clogged: 0,
        dropped: [0; Cause::ALL.len()],
        changed: [0; Change::ALL.len()],
    };

    /// Frames dropped for this cause.
    pub fn dropped(&self, cause: Cause) -> u64 {
        self.dropped.get(cause as usize).copied().unwrap_or(0)
    }

    /// Frames dropped, whatever the cause.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Frames whose bytes were altered in this way.
    pub fn changed(&self, change: Change) -> u64 {
        self.changed.get(change as usize).copied().unwrap_or(0)
    }

    pub(super) fn count_drop(&mut self, cause: Cause) {
        if let Some(count) = self.dropped.get_mut(cause as usize) {
            *count += 1;
        }
    }

    pub(super) fn count_change(&mut self, change: Change) {
        if let Some(count) = self.changed.get_mut(change as usize) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_and_change_has_a_count_of_its_own() {
        let mut counts = Counts::ZERO;
        for (n, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, n);
            counts.count_drop(cause);
            assert_eq!(counts.dropped(cause), 1);
        }
        for (n, change) in Change::ALL.into_iter().enumerate() {
            assert_eq!(change as usize, n);
            counts.count_change(change);
            assert_eq!(counts.changed(change), 1);
        }
        assert_eq!(counts.dropped_total(), 12);
    }
}
