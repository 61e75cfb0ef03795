//! What the inspector tells the recovery of a flow, and what it asks.

use super::received::Received;
use super::rtt::Micros;
use super::sack::is_permitted;
use super::{Flight, Rule};
use crate::counters::{Counters, count};
use crate::flow::Flow;
use crate::rules::Action;
use crate::segment::{ACK, FIN, Fields, SYN, Segment, Seq};
use crate::time::Time;

/// The time modulo 2^32 microseconds.
const fn micros(time: Time) -> Micros {
    // The lowest bits are what is wanted.
    time.as_micros() as Micros
}

const fn flight(flow: &Flow) -> Flight {
    Flight {
        una: flow.highest_ack,
        max: flow.snd_max,
        fin_sent: flow.fin_sent,
    }
}

/// smoltcp has just sent this segment; `snd_max` is what it was before. Returns whether it need not
/// go out.
pub(crate) fn on_sent(
    flow: &mut Flow,
    segment: &Segment,
    options: &[u8],
    snd_max: Seq,
    now: Time,
) -> bool {
    let (now, flight) = (micros(now), flight(flow));
    if segment.has(SYN) {
        // A SYN-ACK permits SACK only if the SYN did.
        flow.recovery
            .on_syn_sent(is_permitted(options), &flight, now);
        return false;
    }
    let (seq, len) = (segment.fields.seq, segment.len());
    if len == 0 || !flow.is_established() {
        return false;
    }
    flow.recovery.on_sent(seq, len, snd_max, &flight, now);
    flow.recovery.has_been_received(seq, len, &flight)
}

/// Whether at most one segment was in flight when `snd_max` was sent. Its acknowledgement may be
/// delayed, and that of the next one is not.
pub(crate) const fn was_single(flow: &Flow, snd_max: Seq) -> bool {
    snd_max.since(flow.highest_ack) <= flow.recovery.segment_len_max as u32
}

/// This segment has ended the handshake.
pub(crate) fn on_established(flow: &mut Flow, segment: &Segment, options: &[u8], now: Time) {
    let permits_sack = !segment.has(SYN) || is_permitted(options);
    flow.recovery
        .on_established(flow.peer_window, permits_sack, micros(now));
}

/// How a segment came in.
#[derive(Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) options: &'a [u8],
    /// What the highest acknowledgement was before.
    pub(crate) una: Seq,
    /// What smoltcp sends now reaches the device.
    pub(crate) can_send: bool,
    pub(crate) now: Time,
}

/// A segment has come in, and the other rules want `action`. Returns what becomes of it.
pub(crate) fn on_received(
    flow: &mut Flow,
    segment: &Segment,
    arrival: &Arrival<'_>,
    action: Action,
    counters: &mut Counters,
) -> Action {
    let mut new = match action {
        Action::Refuse | Action::Challenge(_) => return action,
        Action::Pass => segment.fields,
        Action::Rewrite(new) => new,
    };
    let una = arrival.una;
    let is_current = !new.ack.is_before(una) && !flow.snd_max.is_before(new.ack);
    if !is_current || !flow.is_near(new.seq) {
        return action;
    }
    let flight = flight(flow);
    if segment.payload_len == 0 && una == new.ack && flight.una != flight.max {
        let window = flow.recovery.distinct_window(new.window);
        if window != new.window {
            count(&mut counters.duplicates_made_distinct);
            new.window = window;
        }
    }
    let received = Received {
        window: new.window,
        payload_len: segment.payload_len,
        options: arrival.options,
        can_send: arrival.can_send,
    };
    let now = micros(arrival.now);
    let found = flow.recovery.on_received(&received, una, &flight, now);
    count_rule(found, counters);
    if new == segment.fields {
        Action::Pass
    } else {
        Action::Rewrite(new)
    }
}

/// When smoltcp has to get a made-up segment.
pub(crate) fn due_at(flow: &Flow, now: Time) -> Time {
    let due = flow.recovery.due_at(&flight(flow));
    due.map_or(Time::NEVER, |due| {
        let after = due.wrapping_sub(micros(now)).cast_signed();
        now.after(i64::from(after))
    })
}

/// A segment that nobody sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MadeUp {
    /// For smoltcp, from the peer.
    Duplicate(Fields),
    /// For the peer, from us: the FIN of a connection of which nothing else is missing.
    Fin(Fields),
}

/// The made-up segment that is due. `can_send`: what smoltcp sends will reach the device.
pub(crate) fn take_due(
    flow: &mut Flow,
    can_send: bool,
    now: Time,
    counters: &mut Counters,
) -> Option<MadeUp> {
    let flight = flight(flow);
    let found = flow.recovery.on_due(can_send, &flight, micros(now));
    count_rule(found, counters);
    if !can_send {
        // The resent segment would be lost, and with it smoltcp's timer (rule R10).
        flow.recovery.cancel();
    }
    if !flow.recovery.has_made_up() {
        return None;
    }
    if flight.is_fin_alone() {
        flow.recovery.on_fin_resent();
        let fields = Fields {
            seq: flight.una,
            ack: flow.rcv_nxt,
            flags: FIN | ACK,
            window: flow.window_sent(),
        };
        return Some(MadeUp::Fin(fields));
    }
    // Rule R8 must know of it.
    flow.duplicate_ack_seen = true;
    let fields = Fields {
        seq: acceptable_seq(flow),
        ack: flight.una,
        flags: ACK,
        window: flow.recovery.take_made_up(),
    };
    Some(MadeUp::Duplicate(fields))
}

/// A sequence number that smoltcp accepts without data, even if it expects a little more than the
/// guard knows.
fn acceptable_seq(flow: &Flow) -> Seq {
    if flow.rcv_nxt.is_before(flow.window_edge) {
        Seq(flow.window_edge.0.wrapping_sub(1))
    } else {
        flow.rcv_nxt
    }
}

fn count_rule(found: Option<Rule>, counters: &mut Counters) {
    let counter = match found {
        None => return,
        Some(Rule::TailLossProbe) => &mut counters.tail_loss_probes,
        Some(Rule::PartialAck) => &mut counters.partial_acks,
        Some(Rule::ThirdDuplicate) => &mut counters.third_duplicates,
        Some(Rule::ReorderingWindow) => &mut counters.reordering_windows_expired,
    };
    count(counter);
}
