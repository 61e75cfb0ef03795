//! When smoltcp is asked to resend, and what it need not resend: one function for each rule, called
//! by its number in the crate's page.

use super::received::Received;
use super::rtt::Micros;
use super::sack::Range;
use super::{Flight, Phase, Recovery, SMOLTCP_TIMEOUT_MIN};
use crate::segment::Seq;

/// Why smoltcp is asked to resend its first segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// L1.
    TailLossProbe,
    /// L2.
    PartialAck,
    /// L3.
    ThirdDuplicate,
    /// L4.
    ReorderingWindow,
}

impl Recovery {
    /// The rule that acts next if nothing comes in, and when.
    #[inline(never)] // it takes flash
    pub(super) fn next_rule(&self, flight: &Flight) -> Option<(Rule, Micros)> {
        if flight.is_empty() || !self.has(Self::IS_FOLLOWED) {
            return None;
        }
        let timeout = self.tail_loss_probe(flight);
        if self.is_left_to_smoltcp(flight, timeout) {
            return None;
        }
        let mut next = (Rule::TailLossProbe, timeout);
        if let Some(after) = self.partial_ack(timeout) {
            next = (Rule::PartialAck, after);
        }
        if self.third_duplicate() {
            next = (Rule::ThirdDuplicate, 0);
        } else if let Some(after) = self.reordering_window()
            && after <= next.1
        {
            next = (Rule::ReorderingWindow, after);
        }
        let (rule, after) = next;
        Some((rule, self.since.wrapping_add(after)))
    }

    /// L1, RFC 8985, 7: the last segments of a flight have nothing after them whose arrival could
    /// tell of their loss. So the first is sent again when the acknowledgement is late. At most one
    /// probe is out, and each that nothing comes of doubles the time to the next, until a round
    /// trip has been measured (Karn's algorithm, RFC 6298, 5.5 and 5.7).
    fn tail_loss_probe(&self, flight: &Flight) -> Micros {
        // A FIN is acknowledged at once.
        let is_single = flight.len() <= u32::from(self.segment_len_max) && !flight.is_fin_alone();
        self.round_trip.probe_timeout(is_single, self.probes)
    }

    /// L2, RFC 6582, 3.2, step 3: an ACK that moves, but not to the end of what was in flight when
    /// a loss was found, tells that the segment after it is lost too.
    ///
    /// After a probe it may just as well be late, and nothing was lost (RFC 5682). It is not, if it
    /// moved once and stays there, so that nothing else of what was in flight has arrived.
    fn partial_ack(&self, timeout: Micros) -> Option<Micros> {
        match self.phase {
            Phase::Advancing => Some(0),
            Phase::Moving => Some(timeout / 4),
            Phase::Open | Phase::Recovering | Phase::Probing | Phase::Resending => None,
        }
    }

    /// Whether smoltcp's own timeout, which resends all at once, takes less time than resending
    /// segment by segment, one each round trip. Each of these would start that timeout anew.
    fn is_left_to_smoltcp(&self, flight: &Flight, timeout: Micros) -> bool {
        let missing_end = match self.phase {
            Phase::Open | Phase::Probing | Phase::Resending => return false,
            _ if !self.sacked.is_empty() => self.sacked.start,
            // With SACK the peer would report what it had.
            Phase::Recovering | Phase::Advancing if !self.has(Self::HAS_SACK) => return false,
            Phase::Recovering | Phase::Advancing | Phase::Moving => self.recover,
        };
        let segment_len = u32::from(self.segment_len_max).max(1);
        let segments = missing_end.since(flight.una).div_ceil(segment_len);
        let takes = segments.saturating_mul(self.round_trip.smoothed());
        takes > timeout.max(SMOLTCP_TIMEOUT_MIN)
    }

    /// L3, RFC 6675, 5: the third duplicate. Where segments overtake each other it is no proof, and
    /// L4 has the word (RFC 8985, 6.2, step 4).
    fn third_duplicate(&self) -> bool {
        self.has_three_duplicates() && !self.has(Self::REORDERS)
    }

    fn has_three_duplicates(&self) -> bool {
        self.phase == Phase::Open && self.duplicates >= 3
    }

    /// L4, RFC 8985, 6.2: something sent later has arrived, and the first segment is older than a
    /// round trip and the time by which segments may overtake each other. This also finds a
    /// segment that was resent and lost again. Three duplicates need no round trip more.
    fn reordering_window(&self) -> Option<Micros> {
        let round_trip = if self.has_three_duplicates() {
            0
        } else {
            self.round_trip.smoothed()
        };
        let is_overtaken = self.duplicates > 0 && self.phase != Phase::Resending;
        is_overtaken.then_some(round_trip + self.round_trip.reordering_window())
    }

    /// Whether an acknowledgement that does not move tells that something sent later has arrived.
    /// Linux changes its window in nearly every duplicate, so that RFC 5681's definition misses
    /// them; but then it says by SACK what has arrived (RFC 6675, 2). Without SACK the duplicates
    /// of what was resent count for nothing (RFC 6582, 3.2, step 2).
    pub(super) fn is_duplicate(
        &self,
        received: &Received<'_>,
        has_news: bool,
        flight: &Flight,
    ) -> bool {
        let is_same_window = received.window.abs_diff(self.window) <= 1;
        let is_counted = if self.has(Self::HAS_SACK) {
            has_news
        } else {
            received.payload_len == 0 && is_same_window && flight.una != self.recover
        };
        is_counted && !flight.is_empty()
    }

    /// L5, RFC 2018, 5: smoltcp's timeout resends everything that is in flight. What the peer
    /// reported to have need not go out; should it be missing after all, the next timeout sends it.
    pub(super) fn has_been_received(&self, seq: Seq, len: u32) -> bool {
        let segment = Range {
            start: seq,
            end: seq.after(len),
        };
        self.sacked.contains(segment)
    }

    /// Whether L5 may act.
    pub(crate) fn may_withhold(&self) -> bool {
        !self.sacked.is_empty()
    }

    /// L6: smoltcp's own fast retransmit would resend what was just resent, or what is only late.
    /// ACKs with different windows are no duplicates to it. Returns a window that is not the last
    /// one, and never larger than the peer's.
    pub(super) const fn distinct_window(&self, window: u16) -> u16 {
        if window == self.window && window > 1 {
            window - 1
        } else {
            window
        }
    }
}
