//! The rules: one function each, named after the segment or the state that it recognises.
//!
//! The names in parentheses (`process`, `dispatch`, ...) are functions in `src/socket/tcp.rs` of
//! smoltcp 0.14.0. `docs/upstream.md` in the repository has the lines, and `tests/rules/` the
//! shortest script of frames for each defect. A rule can go when smoltcp passes its script without
//! the guard.

use crate::challenge::Probe;
use crate::counters::{Counters, count};
use crate::flow::{BelievedWindow, Flow, OLD_SEQ_DISTANCE_MAX};
use crate::segment::{ACK, FIN, Fields, RST, SYN, Segment, Seq};

/// How old the acknowledgement of a segment with data may be.
const DATA_ACK_AGE_MAX: u32 = 128 * 1024;
/// The smallest window that keeps smoltcp sending.
const WINDOW_MIN: u16 = 1;
/// R5 chooses its windows from here on. They are larger than any FIN needs, and their low byte
/// varies.
const VARIED_WINDOW_BASE: u16 = 4096;

/// What becomes of an incoming frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// smoltcp gets the frame as it is.
    Pass,
    /// smoltcp gets an empty frame, which it ignores.
    Refuse,
    /// smoltcp gets a copy with these fields.
    Rewrite(Fields),
    /// smoltcp gets an ACK with these numbers, which it answers with a challenge ACK.
    Challenge(Probe),
}

/// Applies R1, R12 and R14 to a segment that came in on an established flow, or that has just ended
/// its handshake. Returns whether smoltcp must not get it.
pub(crate) fn refuses(flow: &Flow, segment: &Segment, counters: &mut Counters) -> bool {
    let counter = if acks_unsent_data(flow, segment) {
        &mut counters.unsent_acks_refused
    } else if exceeds_first_window(flow, segment) {
        &mut counters.data_beyond_window_refused
    } else if goes_on_after_fin(flow, segment) {
        &mut counters.data_after_fin_refused
    } else {
        return false;
    };
    count(counter);
    true
}

/// Applies R2 to R6, R10, R11 and R13 to a segment that came in on an established flow and is not
/// refused, and returns the fields that smoltcp gets. The order matters: a later rule sees the
/// fields that an earlier one left. `neighbour_is_known` says that smoltcp certainly knows the
/// hardware address that a reply goes to.
pub(crate) fn incoming(
    flow: &mut Flow,
    segment: &Segment,
    neighbour_is_known: bool,
    counters: &mut Counters,
) -> Fields {
    let mut new = segment.fields;
    mend_numbers(flow, segment, &mut new, counters);
    mend_window(flow, segment, &mut new, neighbour_is_known, counters);
    follow_accepted(flow, segment, new);
    new
}

/// Applies R2, R3 and R11.
fn mend_numbers(flow: &mut Flow, segment: &Segment, new: &mut Fields, counters: &mut Counters) {
    if has_data_with_old_ack(flow, segment) {
        count(&mut counters.old_acks_raised);
        new.ack = flow.highest_ack;
        new.window = flow.peer_window;
    } else if has_newest_window(flow, segment) {
        flow.peer_window = segment.fields.window;
    }
    if has_fin_after_data_beyond_window(flow, segment) {
        count(&mut counters.fins_removed);
        new.flags &= !FIN;
    }
    if has_new_ack_outside_window(flow, segment) {
        count(&mut counters.acks_moved_into_window);
        if segment.fields.seq.after(1) == flow.rcv_nxt {
            // A keep-alive or a window probe wants a reply, which smoltcp gives only here (RFC
            // 9293, 3.8.4). So the acknowledgement follows in a segment of its own.
            flow.repeat_ack();
        } else {
            new.seq = flow.rcv_nxt;
        }
    }
}

/// Applies R4, R5, R6, R10 and R13.
fn mend_window(
    flow: &mut Flow,
    segment: &Segment,
    new: &mut Fields,
    neighbour_is_known: bool,
    counters: &mut Counters,
) {
    let may_be_duplicate = may_be_duplicate_ack(flow, segment, new.ack);
    if may_be_duplicate {
        flow.duplicate_ack_seen = true;
    }
    if flow.is_near(segment.fields.seq) && flow.highest_ack.is_before(new.ack) {
        flow.highest_ack = new.ack;
    }
    if closes_window_in_last_ack(flow, segment, *new) {
        count(&mut counters.bytes_held_back);
        new.ack = new.ack.before(1);
        let is_held = new.ack == flow.snd_una;
        new.window = if is_held {
            varied_window(flow, WINDOW_MIN)
        } else {
            WINDOW_MIN
        };
    }
    if closes_window_with_data_in_flight(flow, *new) {
        count(&mut counters.zero_windows_opened);
        new.window = flow.peer_window.max(WINDOW_MIN);
    }
    if may_be_duplicate && !neighbour_is_known && new.window != 0 {
        count(&mut counters.neighbour_duplicates_varied);
        new.window = varied_window(flow, new.window);
    }
    if acks_all_but_fin(flow, segment, new.ack) {
        count(&mut counters.fin_duplicates_varied);
        let [.., varied] = counters.fin_duplicates_varied.to_be_bytes();
        new.window = VARIED_WINDOW_BASE + u16::from(varied);
    }
    if closes_window_after_fin(flow, *new) {
        count(&mut counters.zero_windows_opened_after_fin);
        new.window = WINDOW_MIN;
    }
}

/// Follows a segment that smoltcp has just filled, and applies R7 to it.
pub(crate) fn outgoing(
    flow: &mut Flow,
    segment: &Segment,
    counters: &mut Counters,
) -> Option<Fields> {
    flow.on_sent(segment);
    if !has_gone_back(flow, segment) {
        return None;
    }
    count(&mut counters.rewound_acks_advanced);
    Some(Fields {
        seq: flow.highest_ack,
        ..segment.fields
    })
}

/// R7, for the RST of a socket that is aborted. After a timeout it has an old number too, and a peer
/// that has more drops it (RFC 9293, 3.10.7.4): half of the connection stays. RFC 9293, 3.10.5 wants
/// SND.NXT. But a peer that has not got what fills its window, or a probe or a fast retransmit beyond
/// it, drops that. So it is SND.NXT only inside the window, by the smallest scale that this can have.
pub(crate) fn outgoing_reset(
    flow: &mut Flow,
    segment: &Segment,
    counters: &mut Counters,
) -> Option<Fields> {
    let in_flight = flow.snd_max.since(flow.highest_ack);
    let next = if in_flight < u32::from(flow.peer_window) {
        flow.snd_max
    } else {
        flow.highest_ack
    };
    let seq = segment.fields.seq;
    // Without an ACK it answers a segment, with the number that the peer expects; so it does, but for
    // a SYN, when the connection is over.
    let answers = !segment.has(ACK) || !flow.is_open();
    let is_abort = !answers && segment.is_pure_ack();
    flow.on_reset_sent();
    if !is_abort || !flow.is_in_flight(seq) || !seq.is_before(next) {
        return None;
    }
    count(&mut counters.rewound_acks_advanced);
    Some(Fields {
        seq: next,
        ..segment.fields
    })
}

/// R1. smoltcp accepts any acknowledgement up to the end of its send buffer, whether the bytes were
/// sent or not (`process`), and frees bytes that never left. RFC 9293, 3.10.7.4 and RFC 5961, 5.2
/// want such a segment dropped, and an ACK sent. No peer that follows the RFCs waits for that ACK,
/// and so nobody gets one.
fn acks_unsent_data(flow: &Flow, segment: &Segment) -> bool {
    flow.snd_max.is_before(segment.fields.ack)
}

/// R2. A fast retransmit is as long as the maximum segment size, whatever window the peer announced
/// (`dispatch`). The receiver trims the data to its window but accepts the FIN (`process`): the
/// last bytes are lost, and the stream ends as if it were whole. Without its FIN the segment is
/// harmless, and the sender resends the FIN.
fn has_fin_after_data_beyond_window(flow: &Flow, segment: &Segment) -> bool {
    let data_end = segment.fields.seq.after(segment.payload_len);
    segment.has(FIN) && segment.payload_len > 0 && flow.window_edge.is_before(data_end)
}

/// R3. After a timeout, smoltcp's sequence number goes back, and its pure ACKs carry that old
/// number (`dispatch`). The peer finds them outside its window and ignores their acknowledgement
/// (`process`). If both sides have data in flight, neither ever learns that its data arrived. RFC
/// 9293, 3.4 wants an ACK sent with SND.NXT. But a peer that has filled our window sends even that
/// from the window's right edge, which is also outside, while the data that was lost on its way is
/// being resent; and smoltcp, whose FIN needs no room in a window, from the number after the FIN
/// there. It may be an edge of before: smoltcp rounds each window that it announces down to what its
/// scale can say, and so takes a few bytes back (RFC 9293, 3.8.6.2.1 wants that no one does).
fn has_new_ack_outside_window(flow: &Flow, segment: &Segment) -> bool {
    let seq = segment.fields.seq;
    let is_old = seq.is_before(flow.rcv_nxt) && flow.rcv_nxt.since(seq) <= OLD_SEQ_DISTANCE_MAX;
    let is_at_edge = flow.rcv_nxt.is_before(seq) && flow.is_at_edge(seq);
    segment.is_pure_ack() && (is_old || is_at_edge) && flow.snd_una.is_before(segment.fields.ack)
}

/// R4. smoltcp believes a zero window even from a stale ACK, and even while data is in flight. Then
/// the retransmission timer expires, nothing fits into the window, and the timer becomes idle
/// (`dispatch`). Only the next ACK would start a zero-window probe (`process`), and it never comes.
/// Or the probe is started, the window opens, and the timer becomes idle with data in flight. If
/// smoltcp certainly accepted a zero window while nothing was in flight, the window may stay
/// closed: only a probe is in flight then.
///
/// A peer should not take back a window that it has announced (RFC 9293, 3.8.6). So a closed one in
/// an ACK that does not move is older than the window before it, which stays. One in an ACK that
/// moves becomes 1: the peer may not take more.
fn closes_window_with_data_in_flight(flow: &Flow, new: Fields) -> bool {
    let is_believed = flow.believed_window == BelievedWindow::Closed;
    new.window == 0 && new.ack.is_before(flow.snd_max) && !is_believed
}

/// Whether the segment has the window that counts from now on.
fn has_newest_window(flow: &Flow, segment: &Segment) -> bool {
    let ack = segment.fields.ack;
    let is_older =
        ack == flow.highest_ack && closes_window_with_data_in_flight(flow, segment.fields);
    flow.is_near(segment.fields.seq) && !ack.is_before(flow.highest_ack) && !is_older
}

/// R5. Three duplicate ACKs while only the FIN is in flight start a fast retransmit. That clears
/// the timer, but sends only if there is data (`dispatch`, `seq_to_transmit`): the FIN is never
/// resent. ACKs with different windows are no duplicates. The segment must not be dropped instead:
/// it may carry the first acknowledgement of the last byte. To smoltcp a FIN without data is a
/// duplicate too, if it comes before the data that precedes it.
fn acks_all_but_fin(flow: &Flow, segment: &Segment, ack: Seq) -> bool {
    segment.payload_len == 0 && flow.fin_sent && ack.after(1) == flow.snd_max
}

/// R6. A zero window together with the acknowledgement of everything, our FIN included, starts a
/// zero-window probe in FIN-WAIT-2, where there is nothing to send (`process`). Then `dispatch`
/// emits ACK after ACK without end.
fn closes_window_after_fin(flow: &Flow, new: Fields) -> bool {
    new.window == 0 && flow.fin_sent && new.ack == flow.snd_max
}

/// R7. The defect of R3, corrected at the sender, for a peer without a guard.
fn has_gone_back(flow: &Flow, segment: &Segment) -> bool {
    flow.is_established() && segment.is_pure_ack() && segment.fields.seq.is_before(flow.highest_ack)
}

/// R9, for a segment of an unknown flow. A socket whose SYN still waits for the neighbour's
/// hardware address accepts a SYN-ACK that fits the SYN's sequence number: one that is forged, or
/// that belongs to a connection from before a restart. The socket has not yet announced a window,
/// and subtracts from it (`process`, `last_scaled_window`): smoltcp panics. No connection needs
/// such a segment, and the peer gives up its half of the connection in time.
pub(crate) const fn is_syn_ack(segment: &Segment) -> bool {
    segment.has(SYN) && segment.has(ACK) && !segment.has(RST)
}

/// Whether this is a caller's first segment.
pub(crate) const fn is_call(segment: &Segment) -> bool {
    segment.has(SYN) && !segment.has(ACK) && !segment.has(RST)
}

/// R8 and R10 have to know whether smoltcp may be about to send a fast retransmit, because smoltcp
/// forgets it when the device has no room or the neighbour's hardware address has expired
/// (`dispatch`). This covers everything that smoltcp counts as a duplicate, and from the first on,
/// not from the third.
fn may_be_duplicate_ack(flow: &Flow, segment: &Segment, ack: Seq) -> bool {
    let is_old_ack = !ack.is_before(flow.snd_una) && !flow.highest_ack.is_before(ack);
    segment.payload_len == 0 && is_old_ack && ack.is_before(flow.snd_max)
}

/// R10. The guard cannot keep the neighbour's entry from expiring, and then the resent segment
/// would not reach the device. But without duplicates there is no fast retransmit, and a timeout
/// works. Every second one of these ACKs gets a window that is one smaller, or one larger where it
/// could not be smaller.
fn varied_window(flow: &mut Flow, window: u16) -> u16 {
    flow.window_varied = !flow.window_varied;
    if window > WINDOW_MIN {
        window - u16::from(flow.window_varied)
    } else {
        window + u16::from(flow.window_varied)
    }
}

/// R11. smoltcp drops a segment whose acknowledgement is older than one that it has accepted,
/// together with its data and its FIN, and says nothing (`process`). The peer must wait for its
/// timeout. RFC 9293, 3.10.7.4 wants the data taken; RFC 5961, 5.2 says how old its acknowledgement
/// may be. With the newest acknowledgement comes the newest window.
fn has_data_with_old_ack(flow: &Flow, segment: &Segment) -> bool {
    let is_old = segment.fields.ack.is_before(flow.highest_ack)
        && flow.highest_ack.since(segment.fields.ack) <= DATA_ACK_AGE_MAX;
    segment.len() > 0 && is_old && flow.is_near(segment.fields.seq)
}

/// R12. The window of a SYN is never scaled (RFC 7323, 2.2), but smoltcp takes that of its own SYN
/// for scaled until it has announced another one (`process`, `window_end`). With a receive buffer
/// above 64 KiB it then accepts data that does not fit, and panics when the data before that has
/// come.
fn exceeds_first_window(flow: &Flow, segment: &Segment) -> bool {
    let data_end = segment.fields.seq.after(segment.payload_len);
    flow.has_scaled_syn_window() && segment.payload_len > 0 && flow.window_edge.is_before(data_end)
}

/// R14. smoltcp takes data that a peer sends after its FIN (`process`): it counts on where the
/// stream has ended, and from then on ignores the peer's ACKs. RFC 9293, 3.10.7.4 wants such text
/// ignored.
fn goes_on_after_fin(flow: &Flow, segment: &Segment) -> bool {
    let data_end = segment.fields.seq.after(segment.payload_len);
    flow.fin_received && segment.payload_len > 0 && flow.rcv_nxt.is_before(data_end.after(1))
}

/// R13. In LAST-ACK smoltcp takes the window only from an acknowledgement of something new
/// (`process`). If a window that has closed opens again, nothing tells it so until a probe is
/// answered, a second or more later. So while the window is closed, one acknowledged byte stays
/// unacknowledged for smoltcp: the ACK that opens the window acknowledges it. Whether the
/// application has closed its end does not show, so this begins with the peer's FIN. A window of 1
/// after that byte ends where the closed one does, and is varied, so that no ACK is a duplicate.
fn closes_window_in_last_ack(flow: &Flow, segment: &Segment, new: Fields) -> bool {
    let has_more = flow.more_waits || new.ack.is_before(flow.snd_max);
    // What comes after the end is answered with a RST, which has this acknowledgement.
    let is_closing = flow.is_open() && flow.fin_received && !flow.fin_sent && has_more;
    is_closing && segment.is_pure_ack() && new.window == 0 && flow.snd_una.is_before(new.ack)
}

/// Follows what smoltcp now believes, but only from segments that it certainly accepts.
fn follow_accepted(flow: &mut Flow, segment: &Segment, new: Fields) {
    let is_current = !new.ack.is_before(flow.snd_una);
    let is_accepted = if segment.is_pure_ack() {
        flow.is_in_window(new.seq)
    } else {
        follow_received(flow, segment, new)
    };
    let is_believed = is_current && is_accepted;
    if is_believed {
        flow.snd_una = new.ack;
    }
    // `snd_una` may lag behind what smoltcp took from a segment out of order.
    let is_newest = !new.ack.is_before(flow.highest_ack);
    flow.believed_window
        .on_received(new.window, is_believed && is_newest);
}

/// Follows what smoltcp expects next while it delays its own ACK. R3 must not move an ACK to what
/// was expected before that: there it would be old again. This includes an ACK at the window's end,
/// which smoltcp accepts once everything before it has arrived, and a FIN, which counts as one.
/// Returns whether smoltcp certainly accepts the segment.
fn follow_received(flow: &mut Flow, segment: &Segment, new: Fields) -> bool {
    let start = segment.fields.seq;
    let end = start.after(segment.payload_len);
    let exceeds_window = flow.window_edge.is_before(end);
    let is_next = if segment.payload_len == 0 {
        start == flow.rcv_nxt
    } else if start == flow.rcv_nxt {
        start.is_before(flow.window_edge)
    } else {
        // smoltcp drops a segment that exceeds the window at both ends, and a FIN after nothing
        // but old data.
        start.is_before(flow.rcv_nxt) && flow.rcv_nxt.is_before(end) && !exceeds_window
    };
    // Nothing comes after a FIN.
    if new.ack != flow.highest_ack || !is_next || flow.fin_received {
        return false;
    }
    // smoltcp cuts off what does not fit.
    let end = if exceeds_window {
        flow.window_edge
    } else {
        end
    };
    flow.rcv_nxt = end;
    if new.flags & FIN != 0 {
        flow.rcv_nxt = end.after(1);
        flow.fin_received = true;
    }
    true
}
