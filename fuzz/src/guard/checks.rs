//! What the guard may make of a frame.

use smoltcp::time::{Duration, Instant};

use super::known::Known;
use super::{PORT, neighbours, parts};
use crate::frame::{ACK, FIN, HOST_MAC, RST, Read, SYN, read, read_sent};

/// Offsets in the TCP header that the guard may change in what comes in: sequence number,
/// acknowledgement, flags, window, checksum.
const CHANGEABLE_IN: [usize; 13] = [4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17];
/// And in what goes out: sequence number and checksum.
const CHANGEABLE_OUT: [usize; 6] = [4, 5, 6, 7, 16, 17];

/// A socket resends an unanswered SYN within this time (`RTTE_MAX_RTO`), and a guard that has forgotten it learns of it
/// again. No socket resends a SYN that was drawn.
const SYN_INTERVAL_MAX: Duration = Duration::from_secs(60);

/// What the guard can know.
pub(super) struct Table {
    /// Its places.
    pub(super) places: usize,
    pub(super) now: Instant,
    /// When it last forgot a flow that may still have been alive.
    pub(super) evicted_at: Option<Instant>,
}

impl Table {
    /// Whether it has all SYNs of ours that a socket would still wait for.
    fn remembers_all(&self) -> bool {
        (self.evicted_at).is_none_or(|evicted_at| self.now > evicted_at + SYN_INTERVAL_MAX)
    }
}

/// Whether smoltcp is right to get `given` in place of a frame that came in.
pub(super) fn check_heard(frame: &[u8], given: &[u8], known: &mut Known, table: &Table) {
    let frame = &neighbours::untagged(frame)[..];
    let Some(before) = read(frame) else {
        return neighbours::check_heard(frame, given);
    };
    let was_refused = given.is_empty();
    let flow = known.find((before.destination, before.source));
    let knows = flow.is_some();
    let is_ours = frame.starts_with(HOST_MAC.as_bytes()) || frame[0] & 1 != 0;
    if before.is_fragment || !before.checksum_is_right {
        return assert!(
            was_refused,
            "nobody verifies this after the guard: {before:?} {frame:?}"
        );
    }
    known.note_end(flow, before.flags);
    let is_syn_ack = before.flags & (SYN | ACK | RST) == SYN | ACK;
    // Rule R12 refuses one whose data our SYN's window has no room for.
    if is_syn_ack && is_ours && before.payload_len == 0 {
        check_syn_ack(was_refused, flow, known, table);
    }
    if is_ours {
        known.note_heard(frame, &before, flow);
    }
    if was_refused {
        let may = is_ours && before.flags & RST == 0 && (knows || is_syn_ack);
        return assert!(may, "refused although right: {before:?}, known {knows}");
    }
    if given != frame && before.flags & (SYN | RST) != 0 {
        assert!(knows && is_ours, "a stranger was challenged");
        return parts::check_challenge(given, &before);
    }
    let after = check_change(frame, given, &before, &CHANGEABLE_IN);
    if given != frame {
        assert!(knows && is_ours, "a frame of an unknown flow was changed");
        // Only a FIN may go, and no window may close, but with an acknowledgement that belongs to it.
        assert!(after.flags == before.flags || after.flags == before.flags & !FIN);
        let may_close = after.ack != before.ack;
        assert!(after.window == before.window || after.window > 0 || may_close);
    }
}

/// R9: a SYN-ACK that answers no SYN of ours never reaches smoltcp, as long as the guard remembers all our SYNs. The
/// first answer to a SYN always does, unless it comes so late that a socket would have resent the SYN.
fn check_syn_ack(was_refused: bool, flow: Option<usize>, known: &Known, table: &Table) {
    let Some(flow) = known.get(flow) else {
        return assert!(
            was_refused || !table.remembers_all(),
            "an early SYN-ACK reaches smoltcp"
        );
    };
    let is_recent = table.now <= flow.syn_sent_at + SYN_INTERVAL_MAX;
    let is_awaited = is_recent && !flow.may_be_over && !flow.may_be_answered;
    let is_remembered = is_awaited || known.len() <= table.places;
    assert!(
        !was_refused || !is_remembered,
        "an answer to our SYN is lost"
    );
}

/// Whether what left is what smoltcp sent. `flow` is what was known before it.
pub(super) fn check_sent(frame: &[u8], sent: &[Vec<u8>], flow: Option<usize>, known: &Known) {
    let Some(before) = read_sent(frame).filter(|before| !before.is_fragment) else {
        let [sent] = sent else {
            panic!("{} frames in place of one", sent.len());
        };
        return neighbours::check_sent(frame, sent);
    };
    let sent = match sent {
        [] => {
            let is_refusal = before.flags & RST != 0 && before.source.port == PORT;
            // L5.
            let len = before.payload_len as u32 + u32::from(before.flags & FIN != 0);
            let flow = known.get(flow);
            let is_there = len > 0 && flow.is_some_and(|flow| flow.has_sacked(before.seq, len));
            return assert!(
                is_refusal || is_there,
                "only a refusal, or what the peer has, may stay: {before:?}"
            );
        }
        [sent] => sent,
        parts => return parts::check(frame, &before, parts),
    };
    let after = check_change(frame, sent, &before, &CHANGEABLE_OUT);
    if sent != frame {
        assert!(flow.is_some(), "a frame of an unknown flow was changed");
        // R7.
        let answers = before.flags & (RST | ACK) == RST;
        assert!(!answers, "a RST that answers a segment stays as it is");
        let takes = before.payload_len > 0 || before.flags & (SYN | FIN) != 0;
        assert!(!takes, "what takes a number keeps it");
        let moved = after.seq.wrapping_sub(before.seq).cast_signed();
        // Half the numbers away is both.
        assert!(moved > 0 || moved == i32::MIN, "a number goes forward only");
        assert_eq!(after.checksum_is_right, before.checksum_is_right);
    }
}

/// What smoltcp gets although nobody sent it is a bare segment of a known flow: an ACK that makes
/// it resend (L1 to L4), or the RST that ends a call (A4). Returns the flow and the flags.
pub(super) fn check_made_for_us(made: &[u8], known: &Known) -> (Option<usize>, u8) {
    let is = read(made).expect("what nobody sent is a segment");
    let flow = known.find((is.destination, is.source));
    assert!(flow.is_some(), "a stranger got {is:?}");
    assert!(is.checksum_is_right && is.payload_len == 0);
    assert!(is.flags == ACK || is.flags == RST | ACK, "{is:?}");
    (flow, is.flags)
}

/// What leaves although smoltcp did not send it is the FIN of a known flow (L7).
pub(super) fn check_made_for_peer(made: &[u8], known: &Known) {
    let is = read_sent(made).expect("what leaves by itself is a segment");
    let is_known = known.find((is.source, is.destination)).is_some();
    assert!(is_known && is.checksum_is_right && is.payload_len == 0);
    assert_eq!(is.flags, FIN | ACK);
}

/// What changed is allowed to, and the checksum is as right as it was by a computation of its own.
fn check_change(before: &[u8], after: &[u8], was: &Read, changeable: &[usize]) -> Read {
    assert_eq!(before.len(), after.len());
    for at in (0..before.len()).filter(|&at| before[at] != after[at]) {
        assert!(
            changeable.contains(&at.wrapping_sub(was.tcp_at)),
            "byte {at} changed"
        );
    }
    let is = read_sent(after).expect("a changed segment is one");
    assert_eq!(is.checksum_is_right, was.checksum_is_right);
    is
}
