//! What the inspector tells the recovery of a flow, and what it asks.

use super::received::Received;
use super::rtt::Micros;
use super::sack::is_permitted;
use super::{Flight, Recovery, Rule};
use crate::counters::{Counters, count};
use crate::flow::Flow;
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

/// smoltcp has just sent a SYN or SYN-ACK with these options. A SYN-ACK permits SACK only if the
/// SYN did.
pub(crate) fn on_syn_sent(flow: &mut Flow, options: &[u8], now: Time) {
    let permits_sack = is_permitted(options);
    flow.recovery
        .on_syn_sent(permits_sack, flow.snd_max, micros(now));
}

/// smoltcp has just sent this segment; `snd_max` is what it was before. Returns whether it need not
/// go out.
pub(crate) fn on_sent(flow: &mut Flow, segment: &Segment, snd_max: Seq, now: Time) -> bool {
    let (seq, len) = (segment.fields.seq, segment.len());
    if len == 0 || !flow.is_established() {
        return false;
    }
    let flight = flight(flow);
    flow.recovery
        .on_sent(seq, len, snd_max, &flight, micros(now));
    flow.recovery.has_been_received(seq, len)
}

/// Whether something may be due earlier than before, now that smoltcp has sent this segment;
/// `snd_max` is what it was before. Most only postpone what is due. But the acknowledgement of a
/// single segment may be delayed, and not when a second one follows; and what waits for smoltcp's
/// timeout waits no more once that resends.
pub(crate) fn may_be_due_earlier(flow: &Flow, segment: &Segment, snd_max: Seq) -> bool {
    let was_single = snd_max.since(flow.highest_ack) <= u32::from(flow.recovery.segment_len_max);
    let is_resent = segment.fields.seq.is_before(snd_max);
    segment.len() > 0 && (was_single || is_resent)
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
    pub(crate) now: Time,
}

/// A segment has come in, and the other rules want smoltcp to get `new`. Returns the fields that it
/// gets.
pub(crate) fn on_received(
    flow: &mut Flow,
    segment: &Segment,
    arrival: &Arrival<'_>,
    mut new: Fields,
    counters: &mut Counters,
) -> Fields {
    let una = arrival.una;
    let is_current = !new.ack.is_before(una) && flow.is_near(new.seq);
    // Without L1 to L4, smoltcp's own fast retransmit must not be kept from its duplicates (L6).
    if !is_current || !flow.recovery.has(Recovery::IS_FOLLOWED) {
        return new;
    }
    let flight = flight(flow);
    if segment.payload_len == 0 && una == new.ack && !flight.is_empty() {
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
    };
    let now = micros(arrival.now);
    flow.recovery.on_received(&received, una, &flight, now);
    new
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
    // Where smoltcp cannot send, the resent segment would be lost, and with it smoltcp's timer (rule
    // R10). What is due now waits for twice the time, or for smoltcp's own timeout, which asks for
    // the neighbour's hardware address. The guard does not ask: only smoltcp resolves its neighbours.
    if !flow.recovery.has_made_up() {
        let rule = flow.recovery.ask(can_send, &flight, micros(now))?;
        count_rule(rule, counters);
    } else if !can_send {
        flow.recovery.cancel();
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

fn count_rule(rule: Rule, counters: &mut Counters) {
    let counter = match rule {
        Rule::TailLossProbe => &mut counters.tail_loss_probes,
        Rule::PartialAck => &mut counters.partial_acks,
        Rule::ThirdDuplicate => &mut counters.third_duplicates,
        Rule::ReorderingWindow => &mut counters.reordering_windows_expired,
    };
    count(counter);
}
