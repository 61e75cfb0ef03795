//! The rules: one function each, named by what it prevents.
//!
//! The names in parentheses (`process`, `dispatch`, ...) are functions in `src/socket/tcp.rs` of smoltcp 0.14.0;
//! `docs/upstream.md` has the lines, and `tests/guard/` the shortest script of frames for each. A rule can go when smoltcp
//! passes its script without it.

use super::counters::{Counters, count};
use super::flow::Flow;
use super::segment::{ACK, FIN, Fields, RST, SYN, Segment, Seq};

/// Beyond this distance a sequence number is not early or late but from nowhere, and smoltcp deals with it.
const UNSENT_ACK_DISTANCE_MAX: u32 = 128 * 1024;
/// An older sequence number than the largest unscaled window is no ACK that a rewound smoltcp would send.
const OLD_ACK_DISTANCE_MAX: u32 = 64 * 1024 - 1;
/// The smallest window that keeps smoltcp sending.
const WINDOW_MIN: u16 = 1;
/// Windows for rule 5, larger than any FIN needs; the low byte varies.
const VARIED_WINDOW_BASE: u16 = 4096;

/// What becomes of an incoming segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Refuse,
    Rewrite(Fields),
}

/// Applies rules 1 to 6 and 10 to a segment that came in on an established flow. The order matters: a later rule sees
/// the window that an earlier one left. `can_reply`: smoltcp surely knows the hardware address to send to.
pub(super) fn incoming(
    flow: &mut Flow,
    segment: &Segment,
    can_reply: bool,
    counters: &mut Counters,
) -> Verdict {
    if flow.sent.is_before(segment.ack) {
        if acks_what_was_never_sent(flow, segment) {
            count(&mut counters.unsent_acks_refused);
            return Verdict::Refuse;
        }
        return Verdict::Pass;
    }
    let may_be_duplicate = may_be_duplicate(flow, segment);
    if may_be_duplicate {
        flow.duplicate_acked = true;
    }
    if flow.acked.is_before(segment.ack) {
        flow.acked = segment.ack;
    }

    let mut new = segment.fields;
    if loses_data_before_fin(flow, segment) {
        count(&mut counters.cut_fins_removed);
        new.flags &= !FIN;
    }
    if has_new_ack_but_is_out_of_window(flow, segment) {
        count(&mut counters.old_acks_revived);
        new.seq = flow.expected;
    }
    if closes_window_on_data_in_flight(flow, segment.ack, new.window) {
        count(&mut counters.early_zero_windows_opened);
        new.window = WINDOW_MIN;
    }
    if may_be_duplicate && !can_reply && new.window != 0 {
        count(&mut counters.unsure_duplicates_varied);
        new.window = varied_window(flow, new.window);
    }
    if duplicates_while_only_fin_is_out(flow, segment) {
        count(&mut counters.fin_duplicates_varied);
        let [.., varied] = counters.fin_duplicates_varied.to_be_bytes();
        new.window = VARIED_WINDOW_BASE + u16::from(varied);
    }
    if closes_window_on_nothing(flow, segment.ack, new.window) {
        count(&mut counters.late_zero_windows_opened);
        new.window = WINDOW_MIN;
    }
    note_accepted(flow, segment, new);
    if new.flags & FIN != 0 {
        flow.note_fin_received();
    }

    if new == segment.fields {
        Verdict::Pass
    } else {
        Verdict::Rewrite(new)
    }
}

/// Applies rule 7 to a segment that smoltcp just filled, and notes it.
pub(super) fn outgoing(
    flow: &mut Flow,
    segment: &Segment,
    counters: &mut Counters,
) -> Option<Fields> {
    flow.note_sent(segment);
    if !is_rewound(flow, segment) {
        return None;
    }
    count(&mut counters.rewound_acks_advanced);
    Some(Fields {
        seq: flow.acked,
        ..segment.fields
    })
}

/// R1. smoltcp accepts any acknowledgement up to the end of its send buffer, sent or not (`process`), and frees
/// bytes that never left. RFC 9293, 3.10.7.4 wants such a segment dropped.
fn acks_what_was_never_sent(flow: &Flow, segment: &Segment) -> bool {
    segment.ack.since(flow.sent) <= UNSENT_ACK_DISTANCE_MAX
}

/// R2. A fast retransmit is as long as the segment size, whatever window the peer announced (`dispatch`); the receiver
/// trims the data to its window but takes the FIN (`process`): the tail is lost and the stream ends cleanly. Without
/// its FIN the segment is harmless, and the FIN comes again.
fn loses_data_before_fin(flow: &Flow, segment: &Segment) -> bool {
    let data_end = segment.fields.seq.after(segment.payload_len);
    segment.has(FIN) && segment.payload_len > 0 && flow.edge.is_before(data_end)
}

/// R3. After a timeout smoltcp's pure ACKs carry its rewound sequence number (`dispatch`), which the peer calls
/// out of window, and so it ignores their acknowledgement (`process`). When both sides have data out, neither ever
/// learns that it arrived. RFC 9293, 3.4 wants an ACK sent with SND.NXT. But a peer that has filled our window sends even that
/// from the window's right edge, which is out of it as well, while what it lost is under way again.
fn has_new_ack_but_is_out_of_window(flow: &Flow, segment: &Segment) -> bool {
    let seq = segment.fields.seq;
    let is_old = seq.is_before(flow.expected) && flow.expected.since(seq) <= OLD_ACK_DISTANCE_MAX;
    let is_at_edge = flow.expected.is_before(seq) && seq == flow.edge;
    segment.is_pure_ack() && (is_old || is_at_edge) && flow.accepted.is_before(segment.ack)
}

/// R4. smoltcp believes a closed window even in a stale ACK, and while data is in flight. Then the retransmission
/// timer expires, nothing fits the window, and the timer goes idle (`dispatch`); a zero-window probe is armed only by the
/// next ACK (`process`), which never comes. Or the probe is armed, the window opens, and the timer goes idle with
/// data in flight. Once smoltcp has surely taken a closed window with nothing in flight, it may stay closed: only a probe is
/// out then.
fn closes_window_on_data_in_flight(flow: &Flow, ack: Seq, window: u16) -> bool {
    let is_believed = flow.zero_window && !ack.is_before(flow.accepted);
    window == 0 && ack.is_before(flow.sent) && !is_believed
}

/// R5. Three duplicate ACKs while only the FIN is out start a fast retransmit, which clears the timer but needs data
/// to send (`dispatch`, `seq_to_transmit`): the FIN is never sent again. ACKs whose windows differ are no
/// duplicates. The segment must not be dropped: it may carry the first acknowledgement of the last byte.
fn duplicates_while_only_fin_is_out(flow: &Flow, segment: &Segment) -> bool {
    segment.is_pure_ack() && flow.fin_sent && segment.ack.after(1) == flow.sent
}

/// R6. A closed window that comes with the acknowledgement of everything arms a zero-window probe in a state in which nothing
/// is ever sent (`process`, FIN-WAIT-2): `dispatch` then emits ACK after ACK without end.
fn closes_window_on_nothing(flow: &Flow, ack: Seq, window: u16) -> bool {
    window == 0 && flow.fin_sent && ack == flow.sent
}

/// R7. The same defect as in R3, mended where it arises, for a peer without a guard.
fn is_rewound(flow: &Flow, segment: &Segment) -> bool {
    flow.is_established() && segment.is_pure_ack() && segment.fields.seq.is_before(flow.acked)
}

/// R9. A socket whose SYN still waits for the neighbour's hardware address takes a SYN-ACK that fits its sequence number:
/// of a connection from before a restart, or forged. It has not announced a window yet, and subtracts from it (`process`,
/// `last_scaled_window`): a panic. No connection needs such a segment, and the peer drops its half of it in time.
pub(super) const fn answers_no_syn_of_ours(segment: &Segment) -> bool {
    segment.has(SYN) && segment.has(ACK) && !segment.has(RST)
}

/// R8 and R10 need to know whether smoltcp may be about to send a fast retransmit, which it forgets when the device refuses
/// or the neighbour's hardware address has expired (`dispatch`). This counts at least what smoltcp counts as a
/// duplicate, and the first rather than the third.
fn may_be_duplicate(flow: &Flow, segment: &Segment) -> bool {
    let is_old_ack = !segment.ack.is_before(flow.accepted) && !flow.acked.is_before(segment.ack);
    segment.payload_len == 0 && is_old_ack && segment.ack.is_before(flow.sent)
}

/// R10. The neighbour's address cannot be kept from expiring, and the segment would not reach the device; but without
/// duplicates there is no fast retransmit, and a timeout survives. The window is one smaller in every second of
/// these ACKs, or one larger where it could not be smaller.
fn varied_window(flow: &mut Flow, window: u16) -> u16 {
    flow.varied = !flow.varied;
    if window > WINDOW_MIN {
        window - u16::from(flow.varied)
    } else {
        window + u16::from(flow.varied)
    }
}

/// Follows what smoltcp now believes, but only from segments that it surely accepts.
fn note_accepted(flow: &mut Flow, segment: &Segment, new: Fields) {
    if new.window != 0 {
        flow.zero_window = false;
    }
    let is_accepted = !segment.ack.is_before(flow.accepted) && !new.seq.is_before(flow.expected);
    if segment.is_pure_ack() && is_accepted {
        flow.accepted = segment.ack;
        flow.zero_window = new.window == 0;
    }
    note_arrived(flow, segment);
}

/// Follows what smoltcp expects while it delays its own ACK: an ACK that R3 moved to what was expected before would be old
/// again, also one at the window's end, which smoltcp takes when all before it has arrived.
fn note_arrived(flow: &mut Flow, segment: &Segment) {
    let (start, end) = (
        segment.fields.seq,
        segment.fields.seq.after(segment.payload_len),
    );
    // smoltcp drops data with an old acknowledgement, and takes in order what fits the window.
    let is_taken = segment.ack == flow.acked && !flow.edge.is_before(end);
    if is_taken && !flow.expected.is_before(start) && flow.expected.is_before(end) {
        flow.expected = end;
    }
}
