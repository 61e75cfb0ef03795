//! What a segment of the peer's tells about ours.

use super::rtt::Micros;
use super::sack::{self, Range};
use super::{Flight, MADE_UP, Phase, Recovery};
use crate::segment::Seq;

/// What a segment of the peer's says about ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received<'a> {
    /// The window field as smoltcp gets it.
    pub(super) window: u16,
    pub(super) payload_len: u32,
    pub(super) options: &'a [u8],
}

impl Recovery {
    /// A segment came in, and its acknowledgement is not old. `una_before` is what [`Flight::una`]
    /// was before.
    pub(super) fn on_received(
        &mut self,
        received: &Received<'_>,
        una_before: Seq,
        flight: &Flight,
        now: Micros,
    ) {
        self.sacked.advance(flight.una);
        let has_news = self.read_sack(received.options, flight, now);
        if una_before.is_before(flight.una) {
            self.on_ack_moved(flight, now);
        } else if self.is_duplicate(received, has_news, flight) {
            self.duplicates = (self.duplicates + 1).min(3);
        }
        self.window = received.window;
        if self.has_made_up() {
            // This segment came between them: smoltcp counts from the beginning.
            self.set_made_up(if self.window > 1 { MADE_UP } else { 0 });
        }
    }

    fn on_ack_moved(&mut self, flight: &Flight, now: Micros) {
        let is_clean = self.phase == Phase::Open || self.recover.is_before(self.timed_end);
        if !flight.una.is_before(self.timed_end) {
            if is_clean {
                self.take_sample(now);
            }
            self.set(Self::IS_TIMING, false);
        }
        if self.phase == Phase::Open && self.duplicates > 0 {
            // What was missing has come, and nobody has resent it.
            self.set(Self::REORDERS, true);
        }
        self.restart(now);
        self.phase = match self.phase {
            _ if !flight.una.is_before(self.recover) => Phase::Open,
            Phase::Recovering => Phase::Advancing,
            // It is not late: the peer has something beyond.
            Phase::Probing if !self.sacked.is_empty() => Phase::Advancing,
            Phase::Probing => Phase::Moving,
            Phase::Moving => Phase::Open,
            Phase::Open | Phase::Advancing | Phase::Resending => self.phase,
        };
    }

    /// Notes what the peer reports to have. Returns whether it has something beyond its
    /// acknowledgement.
    fn read_sack(&mut self, options: &[u8], flight: &Flight, now: Micros) -> bool {
        if options.is_empty() || !self.has(Self::HAS_SACK) {
            return false;
        }
        let mut has_news = false;
        for block in sack::blocks(options) {
            if block.is_between(flight.una, flight.max) {
                has_news = true;
                self.sacked.add(block);
                // It was sent once, or the timing would have ended (RFC 8985, 6.2, step 1).
                let last = Range {
                    start: Seq(self.timed_end.0.wrapping_sub(1)),
                    end: self.timed_end,
                };
                if block.contains(last) {
                    self.take_sample(now);
                }
            } else if block.start.is_before(block.end) && !flight.una.is_before(block.end) {
                // The peer got something twice (RFC 2883): what was taken for lost was late.
                self.set(Self::REORDERS, true);
            }
        }
        has_news
    }

    pub(super) fn take_sample(&mut self, now: Micros) {
        if self.has(Self::IS_TIMING) {
            self.round_trip.sample(now.wrapping_sub(self.timed_at));
            self.set(Self::IS_TIMING, false);
            self.probes = 0;
        }
    }
}
