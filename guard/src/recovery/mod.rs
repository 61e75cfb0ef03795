//! Loss recovery for smoltcp's sender, from outside.
//!
//! smoltcp knows one timer, of a second at least, and one fast retransmit, after three duplicates
//! that are exactly alike. What it does at any moment, if it is asked, is to resend the first
//! segment that is not acknowledged: [`Recovery::take_made_up`] has the words. The rules here
//! decide when. They ask for nothing but that, and one more rule keeps smoltcp's own timeout from
//! sending what the peer has.
//!
//! ```text
//!            L3, L4: the first segment is lost            ACK moves
//!          .-------------------------------> Recovering ------------> Advancing
//!          |                                   ^   ^ '--. L4: again     |  ^
//!          |                                   |   '----'               |  |
//!          |                                   '------------------------'  |
//!          |                                       L2: at once             |
//!          |  L1: probe            ACK moves, SACK: more is lost           |
//! Open ----+-----------> Probing --+---------------------------------------'
//!   ^      |                ^      '--> Moving ----> Open: it moves on by itself, nothing was lost
//!   |      |                |  ACK moves  |
//!   |      |                '-------------' L2: it does not
//!   |      '-----------> Resending
//!   |    smoltcp's own timeout
//!   '--- everything that was sent before is acknowledged
//! ```

pub(crate) mod follow;
mod received;
mod rtt;
mod rules;
mod sack;
#[cfg(test)]
mod tests;

use crate::segment::Seq;
use rtt::{Micros, RoundTrip};
use rules::Rule;
use sack::Range;

/// A segment that smoltcp counts as the first of its kind, and three duplicates.
const MADE_UP: u8 = 4;
/// The FIN goes out no more often than this without an answer: the socket may be gone.
const FIN_PROBES_MAX: u8 = 8;
/// smoltcp's own timeout is at least as long, and then it resends everything.
const SMOLTCP_TIMEOUT_MIN: Micros = 1_000_000;

/// What is in flight, as RFC 9293, 3.3.1 names it.
#[derive(Debug, Clone, Copy)]
struct Flight {
    /// The first sequence number that is not acknowledged: SND.UNA.
    una: Seq,
    /// The sequence number after the highest that was ever sent, SYN and FIN included.
    max: Seq,
    fin_sent: bool,
}

impl Flight {
    const fn len(&self) -> u32 {
        self.max.since(self.una)
    }

    const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether our FIN is all that is in flight. smoltcp cannot be asked for it: it would stop its
    /// timer (rule R5). But it is a header without data, which the guard can send itself.
    const fn is_fin_alone(&self) -> bool {
        self.fin_sent && self.len() == 1
    }
}

/// The states of the diagram above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing is known to be lost.
    Open,
    /// The first segment was lost for certain, and what was in flight then is not all acknowledged.
    Recovering,
    /// Since then the acknowledgement has moved, but not far enough.
    Advancing,
    /// The first segment was probed for.
    Probing,
    /// A probe was answered, perhaps by a late acknowledgement of what was sent before it.
    Moving,
    /// smoltcp resends everything.
    Resending,
}

/// What is known of one connection. All zeros is a connection of which nothing is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recovery {
    round_trip: RoundTrip,
    /// The segment that ends here is timed (if [`Self::IS_TIMING`]) since `timed_at`.
    timed_end: Seq,
    timed_at: Micros,
    /// When the acknowledgement moved last, or the first segment in flight was sent last.
    since: Micros,
    /// What was sent before this belongs to the recovery that is going on: RFC 6582's `recover`.
    recover: Seq,
    /// The first range that the peer has beyond its acknowledgement.
    sacked: Range,
    /// The window field that smoltcp got last.
    window: u16,
    /// The length of the longest segment sent.
    segment_len_max: u16,
    /// Duplicate acknowledgements, at most 3.
    duplicates: u8,
    /// Probes sent since the last round trip was measured.
    probes: u8,
    phase: Phase,
    /// The number of made-up segments that smoltcp has still to get, and notes.
    bits: u8,
}

// The crate's page promises 40 bytes.
const _: () = assert!(size_of::<Recovery>() == 40);

impl Recovery {
    pub(crate) const UNKNOWN: Self = Self {
        round_trip: RoundTrip::UNKNOWN,
        timed_end: Seq(0),
        timed_at: 0,
        since: 0,
        recover: Seq(0),
        sacked: Range::EMPTY,
        window: 0,
        segment_len_max: 0,
        duplicates: 0,
        probes: 0,
        phase: Phase::Open,
        bits: 0,
    };

    const MADE_UP_MASK: u8 = 0b0000_0111;
    /// A round trip is being measured.
    const IS_TIMING: u8 = 0b0000_1000;
    /// Both ends permit SACK.
    const HAS_SACK: u8 = 0b0001_0000;
    /// Segments were seen to overtake each other.
    const REORDERS: u8 = 0b0010_0000;
    /// The connection has been followed since its handshake.
    const IS_FOLLOWED: u8 = 0b0100_0000;

    const fn has(&self, note: u8) -> bool {
        self.bits & note != 0
    }

    const fn set(&mut self, note: u8, is_set: bool) {
        if is_set {
            self.bits |= note;
        } else {
            self.bits &= !note;
        }
    }

    const fn made_up(&self) -> u8 {
        self.bits & Self::MADE_UP_MASK
    }

    const fn set_made_up(&mut self, count: u8) {
        self.bits = self.bits & !Self::MADE_UP_MASK | count & Self::MADE_UP_MASK;
    }

    /// Our SYN or SYN-ACK went out: for the first time, or again.
    fn on_syn_sent(&mut self, permits_sack: bool, end: Seq, now: Micros) {
        let is_first = self.recover != end;
        self.set(Self::HAS_SACK, permits_sack);
        self.recover = end;
        self.timed_end = end;
        self.timed_at = now;
        // Karn's algorithm (RFC 6298, 3): the answer to a SYN that was resent says nothing.
        self.set(Self::IS_TIMING, is_first);
    }

    /// The handshake is done. `window` is the peer's, in the units of its next segments.
    fn on_established(&mut self, window: u16, permits_sack: bool, now: Micros) {
        self.window = window;
        self.set(Self::IS_FOLLOWED, true);
        // No duplicate is one of the SYN's.
        self.recover = Seq(self.recover.0.wrapping_sub(1));
        let has_sack = permits_sack && self.has(Self::HAS_SACK);
        self.set(Self::HAS_SACK, has_sack);
        self.take_sample(now);
    }

    /// smoltcp has just sent this segment, which takes `len` sequence numbers. `max_before` is what
    /// [`Flight::max`] was before.
    fn on_sent(&mut self, seq: Seq, len: u32, max_before: Seq, flight: &Flight, now: Micros) {
        let end = seq.after(len);
        if seq.is_before(flight.una) {
            // A keep-alive, or something that the peer has acknowledged already.
            return;
        }
        if seq.is_before(max_before) {
            self.on_resent(seq, end, max_before, flight, now);
        } else {
            self.on_new_data_sent(end, flight.una == max_before, now);
        }
        let len = u16::try_from(len).unwrap_or(u16::MAX);
        self.segment_len_max = self.segment_len_max.max(len);
    }

    fn on_new_data_sent(&mut self, end: Seq, was_idle: bool, now: Micros) {
        if was_idle {
            self.restart(now);
        }
        if !self.has(Self::IS_TIMING) {
            self.timed_end = end;
            self.timed_at = now;
            self.set(Self::IS_TIMING, true);
        }
    }

    fn on_resent(&mut self, seq: Seq, end: Seq, max: Seq, flight: &Flight, now: Micros) {
        self.restart(now);
        let is_first = seq == flight.una;
        if !is_first || !end.is_before(self.timed_end) {
            self.set(Self::IS_TIMING, false);
        }
        match self.phase {
            // More than the first segment: only smoltcp's timeout does that.
            _ if !is_first => {
                self.phase = Phase::Resending;
                self.recover = max;
            }
            // Nothing came of what was resent: the peer may have thrown away what it reported to
            // have (RFC 2018, 8).
            Phase::Resending => self.sacked = Range::EMPTY,
            // We asked for it, or it is smoltcp's timeout.
            Phase::Advancing => self.phase = Phase::Recovering,
            Phase::Open | Phase::Recovering | Phase::Probing | Phase::Moving => {}
        }
    }

    /// The acknowledgement has moved, or the first segment in flight was sent.
    const fn restart(&mut self, now: Micros) {
        self.since = now;
        self.duplicates = 0;
        self.set_made_up(0);
    }

    /// When this connection wants to be asked next. None while nothing is in flight.
    fn due_at(&self, flight: &Flight) -> Option<Micros> {
        if self.made_up() > 0 {
            return Some(self.since);
        }
        self.next_rule(flight).map(|(_, at)| at)
    }

    /// Lets the rule that is due ask smoltcp for its first segment. Returns it if it could; if not,
    /// the next probe comes in twice the time.
    fn ask(&mut self, can_send: bool, flight: &Flight, now: Micros) -> Option<Rule> {
        let (rule, _) = self.next_rule(flight)?;
        let is_askable = if flight.is_fin_alone() {
            self.probes < FIN_PROBES_MAX
        } else {
            self.window > 1
        };
        let asks = can_send && is_askable;
        self.restart(now);
        if !asks || rule == Rule::TailLossProbe {
            self.probes = self.probes.saturating_add(1);
        }
        if asks && self.phase == Phase::Open {
            self.recover = flight.max;
        }
        self.phase = match (rule, self.phase) {
            (_, Phase::Advancing) => Phase::Recovering,
            (_, phase) if !asks => phase,
            (Rule::TailLossProbe, Phase::Open) | (Rule::PartialAck, Phase::Moving) => {
                Phase::Probing
            }
            (Rule::TailLossProbe, phase) => phase,
            _ => Phase::Recovering,
        };
        if !asks {
            return None;
        }
        self.set_made_up(MADE_UP);
        Some(rule)
    }

    /// Whether smoltcp has to get a made-up segment.
    const fn has_made_up(&self) -> bool {
        self.made_up() > 0
    }

    /// Gives up what was asked for; the next probe comes in its own time.
    const fn cancel(&mut self) {
        self.set_made_up(0);
    }

    /// Our FIN, which is alone in flight, is sent again.
    const fn on_fin_resent(&mut self) {
        self.set_made_up(0);
        self.set(Self::IS_TIMING, false);
    }

    /// The window field of the next made-up segment.
    ///
    /// Four pure ACKs of what the peer acknowledged last make smoltcp resend its first segment and
    /// nothing else, at any moment (`process`). The first has a smaller window than the last real
    /// one, which sets its count of duplicates to 0; the third duplicate of it starts a fast
    /// retransmit. The window is never larger than the peer's. Nothing goes back, and Reno and
    /// Cubic see one loss.
    const fn take_made_up(&mut self) -> u16 {
        let left = self.made_up();
        if left == MADE_UP {
            self.window = self.window.saturating_sub(1);
        }
        self.set_made_up(left.saturating_sub(1));
        self.window
    }
}
