//! What the guard knows of one connection.

use crate::address::{ADDRESS_LEN, Address, FlowKey, Mac};
#[cfg(feature = "recovery")]
use crate::recovery::Recovery;
use crate::segment::{ACK, FIN, Fields, PSH, RST, SYN, Segment, Seq};

/// The largest window that is not scaled. No smoltcp that has gone back to resend sends an ACK with
/// an older sequence number.
pub(crate) const OLD_SEQ_DISTANCE_MAX: u32 = 64 * 1024 - 1;

/// One connection, as its frames show it. The names are those of RFC 9293, 3.3.1, seen from our
/// end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flow {
    key: FlowKey,
    /// The highest acknowledgement that smoltcp certainly accepted: SND.UNA, or a little before it.
    pub(crate) snd_una: Seq,
    /// The highest acknowledgement that came in, accepted or not.
    pub(crate) highest_ack: Seq,
    /// The sequence number after the highest that we ever sent, SYN and FIN included. smoltcp's own
    /// SND.NXT goes back at a timeout; this never does.
    pub(crate) snd_max: Seq,
    /// What smoltcp expects next: RCV.NXT, or a little before it. It is the acknowledgement that we
    /// sent last, and what has come in order since.
    pub(crate) rcv_nxt: Seq,
    /// The right edge of the window that we announced last, as far as smoltcp remembers it.
    pub(crate) window_edge: Seq,
    /// The window of the segment that had the highest acknowledgement, as the peer scales it.
    pub(crate) peer_window: u16,
    /// By how many bits our announced windows are shifted (RFC 7323).
    window_scale: u8,
    /// We sent the first SYN.
    dialled: bool,
    /// Nothing is touched before the handshake is done: a half-open connection needs its RST
    /// (RFC 9293, 3.5.1).
    established: bool,
    pub(crate) fin_sent: bool,
    /// The peer's FIN has come, after everything that precedes it.
    pub(crate) fin_received: bool,
    /// A RST went out or came in, and nothing was sent since.
    reset: bool,
    due: Due,
    /// We have announced a window after that of our SYN, as far as smoltcp remembers.
    has_announced_window: bool,
    /// When our last segment was sent, there was more in the send buffer.
    pub(crate) more_waits: bool,
    /// What smoltcp believes of the peer's window.
    pub(crate) believed_window: BelievedWindow,
    /// A duplicate ACK came in, and no data went out since: a fast retransmit may be next.
    pub(crate) duplicate_ack_seen: bool,
    /// The window of the last possible duplicate ACK was changed by rule R10.
    pub(crate) window_varied: bool,
    /// The hardware address that smoltcp sends to: the peer's or a router's.
    pub(crate) next_hop: Mac,
    #[cfg(feature = "recovery")]
    pub(crate) recovery: Recovery,
}

/// A segment that smoltcp has to get, although nobody sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Nothing,
    /// The newest acknowledgement, in place of one that smoltcp ignores.
    Ack,
    /// The network said that the peer cannot be reached.
    Reset,
}

/// Whether smoltcp has a window of the peer's to send into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BelievedWindow {
    /// The last segments are some that smoltcp may have ignored.
    Unknown,
    Open,
    Closed,
}

impl BelievedWindow {
    /// A segment with this window field came in. `is_accepted`: smoltcp certainly accepts it.
    #[inline(never)] // it takes flash
    pub(crate) fn on_received(&mut self, window: u16, is_accepted: bool) {
        let announced = if window == 0 {
            Self::Closed
        } else {
            Self::Open
        };
        if is_accepted {
            *self = announced;
        } else if *self != announced {
            *self = Self::Unknown;
        }
    }
}

/// What loss recovery adds to each flow.
const RECOVERY_LEN: usize = if cfg!(feature = "recovery") { 40 } else { 0 };

// The crate's page promises 52 bytes, 24 more with `ipv6`, and 40 more with `recovery`.
const _: () = assert!(size_of::<Flow>() == 2 * ADDRESS_LEN + 44 + RECOVERY_LEN);

impl Flow {
    pub(crate) const FREE: Self = Self {
        key: FlowKey {
            local: Address::UNSPECIFIED,
            remote: Address::UNSPECIFIED,
            local_port: 0,
            remote_port: 0,
        },
        snd_una: Seq(0),
        highest_ack: Seq(0),
        snd_max: Seq(0),
        rcv_nxt: Seq(0),
        window_edge: Seq(0),
        peer_window: 0,
        window_scale: 0,
        dialled: false,
        established: false,
        fin_sent: false,
        fin_received: false,
        reset: false,
        due: Due::Nothing,
        has_announced_window: false,
        more_waits: false,
        believed_window: BelievedWindow::Unknown,
        duplicate_ack_seen: false,
        window_varied: false,
        next_hop: [0; 6],
        #[cfg(feature = "recovery")]
        recovery: Recovery::UNKNOWN,
    };

    /// The flow that begins with this SYN or SYN-ACK of ours.
    pub(crate) fn new(key: FlowKey, syn: &Segment, window_scale: u8) -> Self {
        Self {
            key,
            snd_una: syn.fields.seq,
            highest_ack: syn.fields.seq,
            snd_max: syn.fields.seq.after(1),
            window_scale,
            dialled: !syn.has(ACK),
            ..Self::FREE
        }
    }

    pub(crate) const fn key(&self) -> &FlowKey {
        &self.key
    }

    /// No socket has the port 0.
    pub(crate) const fn is_free(&self) -> bool {
        self.key.local_port == 0 && self.key.remote_port == 0
    }

    pub(crate) const fn is_established(&self) -> bool {
        self.established
    }

    /// Whether our SYN has gone out and nothing has answered it.
    pub(crate) const fn is_dialling(&self) -> bool {
        self.dialled && !self.established && !self.reset
    }

    /// Whether something that begins with this sequence number is on its way to the peer.
    pub(crate) fn is_in_flight(&self, seq: Seq) -> bool {
        !seq.is_before(self.snd_una) && seq.is_before(self.snd_max)
    }

    /// Whether the connection has most likely ended, so that its entry is the first to be reused.
    /// Until then the rules still apply: a RST may be forged.
    pub(crate) fn is_over(&self) -> bool {
        self.is_free()
            || self.reset
            || self.fin_sent && self.fin_received && self.highest_ack == self.snd_max
    }

    /// A RST went out.
    pub(crate) const fn on_reset_sent(&mut self) {
        self.reset = true;
    }

    /// A RST came in. One that smoltcp ignores does not end the connection, and must not free its
    /// place in a full table.
    pub(crate) fn on_reset_received(&mut self, segment: &Segment) {
        let refuses_syn =
            !self.established && segment.has(ACK) && segment.fields.ack == self.snd_max;
        self.reset |= refuses_syn || self.is_in_window(segment.fields.seq);
    }

    /// Whether smoltcp takes the window of our SYN for a scaled one.
    pub(crate) const fn has_scaled_syn_window(&self) -> bool {
        !self.has_announced_window && self.window_scale > 0
    }

    /// Whether a peer that is no stranger may have sent this sequence number: it is in the window,
    /// at its end, or not long before it.
    pub(crate) fn is_near(&self, seq: Seq) -> bool {
        let is_old = self.rcv_nxt.since(seq) <= OLD_SEQ_DISTANCE_MAX;
        is_old || self.is_inside(seq) || self.rcv_nxt.is_before(seq) && self.is_at_edge(seq)
    }

    /// Whether this is the end of our window, or the one of before that smoltcp has rounded down
    /// (rule R3), or the number after a FIN there.
    pub(crate) fn is_at_edge(&self, seq: Seq) -> bool {
        !seq.is_before(self.window_edge) && seq.since(self.window_edge) <= 1 << self.window_scale
    }

    /// Whether smoltcp certainly accepts an empty segment with this sequence number (RFC 9293,
    /// 3.10.7.4, the table of acceptable segments).
    pub(crate) fn is_in_window(&self, seq: Seq) -> bool {
        // Between a FIN that fills the window and its own ACK of it, smoltcp accepts nothing.
        let is_next = seq == self.rcv_nxt && !self.window_edge.is_before(seq);
        is_next || self.is_inside(seq)
    }

    /// Whether this is in the window and not its first number. Measured from RCV.NXT: half around
    /// from a closed window, a number is both after it and before it.
    fn is_inside(&self, seq: Seq) -> bool {
        seq != self.rcv_nxt && seq.since(self.rcv_nxt) < self.window()
    }

    /// The number of bytes that the peer may send. The edge is before RCV.NXT between a FIN that fills
    /// the window and smoltcp's own ACK of it.
    fn window(&self) -> u32 {
        if self.rcv_nxt.is_before(self.window_edge) {
            self.window_edge.since(self.rcv_nxt)
        } else {
            0
        }
    }

    /// The connection cannot be made.
    pub(crate) const fn refuse(&mut self) {
        self.due = Due::Reset;
    }

    /// smoltcp ignores the newest acknowledgement in the segment that brings it.
    pub(crate) const fn repeat_ack(&mut self) {
        self.due = Due::Ack;
    }

    /// Whether smoltcp has to get a segment of the guard's at once: [`take_due`](Self::take_due).
    pub(crate) fn has_due(&self) -> bool {
        self.due != Due::Nothing
    }

    /// Whether segments go to and fro.
    pub(crate) const fn is_open(&self) -> bool {
        self.established && !self.reset
    }

    /// The segment that is due. It is not due again.
    pub(crate) const fn take_due(&mut self) -> Option<Fields> {
        let due = core::mem::replace(&mut self.due, Due::Nothing);
        match due {
            Due::Nothing => None,
            Due::Ack => Some(Fields {
                seq: self.rcv_nxt,
                ack: self.highest_ack,
                flags: ACK,
                window: self.peer_window,
            }),
            // What smoltcp wants of a RST in SYN-SENT (RFC 9293, 3.10.7.3).
            Due::Reset => Some(Fields {
                seq: Seq(0),
                ack: self.snd_max,
                flags: RST | ACK,
                window: 0,
            }),
        }
    }

    /// A segment came in before the handshake was done; it may be the end of the handshake.
    /// `peer_scale` is by how many bits a SYN says that the peer's windows are shifted.
    pub(crate) fn on_handshake(&mut self, segment: &Segment, peer_scale: Option<u8>) {
        if segment.fields.ack != self.snd_max {
            return;
        }
        self.established = true;
        self.snd_una = segment.fields.ack;
        self.highest_ack = segment.fields.ack;
        self.peer_window = segment.fields.window;
        let is_accepted = segment.has(SYN) || self.is_in_window(segment.fields.seq);
        self.believed_window
            .on_received(segment.fields.window, is_accepted);
        if segment.has(SYN) {
            // The window of a SYN is not scaled, those after it are (RFC 7323, 2.2).
            self.peer_window >>= peer_scale.unwrap_or(0);
            // Our SYN acknowledged nothing, so its window was not yet counted from the peer's
            // sequence numbers.
            let window = self.window_edge.since(self.rcv_nxt);
            self.rcv_nxt = segment.fields.seq.after(1);
            self.window_edge = self.rcv_nxt.after(window);
            if peer_scale.is_none() {
                self.window_scale = 0;
            }
        }
    }

    /// smoltcp has just sent this segment.
    pub(crate) fn on_sent(&mut self, segment: &Segment) {
        self.reset = false;
        self.on_window_sent(segment);
        let end = segment.fields.seq.after(segment.len());
        if segment.payload_len > 0 && !end.is_before(self.snd_max) {
            // smoltcp pushes what empties its buffer.
            self.more_waits = !segment.has(PSH) && !segment.has(FIN);
        }
        if self.snd_max.is_before(end) {
            self.snd_max = end;
            // A single byte may be a zero-window probe, after which smoltcp still believes that the
            // window is closed.
            if segment.payload_len > 1 && self.believed_window == BelievedWindow::Closed {
                self.believed_window = BelievedWindow::Unknown;
            }
        }
        if segment.has(FIN) {
            self.fin_sent = true;
        }
        if segment.len() > 0 {
            self.duplicate_ack_seen = false;
        }
    }

    /// The window field of a segment of ours that announces what the last one did.
    #[cfg(feature = "recovery")]
    pub(crate) fn window_sent(&self) -> u16 {
        u16::try_from(self.window() >> self.window_scale).unwrap_or(u16::MAX)
    }

    fn on_window_sent(&mut self, segment: &Segment) {
        let shift = if segment.has(SYN) {
            0
        } else {
            self.window_scale
        };
        if segment.fields.ack.is_before(self.rcv_nxt) {
            // smoltcp did not take what it seemed to take, and so not the FIN after it.
            self.fin_received = false;
        }
        self.rcv_nxt = segment.fields.ack;
        let edge = segment
            .fields
            .ack
            .after(u32::from(segment.fields.window) << shift);
        // To be safe, a window that smoltcp may forget may lower the edge, but never raise it.
        let is_remembered = self.remembers_window_of(segment);
        if is_remembered || edge.is_before(self.window_edge) {
            self.window_edge = edge;
        }
        if is_remembered && !segment.has(SYN) {
            self.has_announced_window = true;
        }
    }

    /// Whether smoltcp certainly remembers the window that it announces in this segment. It forgets
    /// that of a keep-alive and of a zero-window probe (`dispatch`). Both are one byte long, but a
    /// keep-alive repeats a byte from before what is acknowledged, and there is no probe while
    /// smoltcp believes that the peer's window is open. A late ACK that smoltcp ignores, after a
    /// segment out of order that closed the window, does not open it.
    fn remembers_window_of(&self, segment: &Segment) -> bool {
        let is_probe_or_keep_alive = self.believed_window != BelievedWindow::Open
            || segment.fields.seq.is_before(self.highest_ack);
        segment.payload_len != 1 || !is_probe_or_keep_alive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that has announced a window of `len` from the number 1,000 on.
    fn with_window(len: u32) -> Flow {
        Flow {
            established: true,
            rcv_nxt: Seq(1_000),
            window_edge: Seq(1_000).after(len),
            ..Flow::FREE
        }
    }

    #[test]
    fn nothing_half_around_lies_in_a_window_even_in_a_closed_one() {
        for len in [0, 1, 500, u32::MAX] {
            let flow = with_window(len);
            for distance in [(1 << 31) - 1, 1 << 31, (1 << 31) + 1] {
                let seq = flow.rcv_nxt.after(distance);
                assert!(!flow.is_in_window(seq), "{len} {distance:#x}");
                assert!(!flow.is_near(seq), "{len} {distance:#x}");
            }
        }
    }
}
