//! What the guard knows of one connection, and the table of them.

use super::neighbours::Mac;
use super::segment::{FIN, SYN, Segment, Seq};

#[cfg(feature = "ipv6")]
const ADDRESS_LEN: usize = 16;
#[cfg(not(feature = "ipv6"))]
const ADDRESS_LEN: usize = 4;

/// An IP address; with `ipv6`, an IPv4 address stands in its mapped form (RFC 4291, 2.5.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address([u8; ADDRESS_LEN]);

impl Address {
    const UNSPECIFIED: Self = Self([0; ADDRESS_LEN]);

    /// None for an IPv6 address in a build without `ipv6`.
    #[cfg(feature = "ipv6")]
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        if let Ok(ipv6) = bytes.try_into() {
            return Some(Self(ipv6));
        }
        let [a, b, c, d] = *<&[u8; 4]>::try_from(bytes).ok()?;
        Some(Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]))
    }

    /// None for an IPv6 address in a build without `ipv6`.
    #[cfg(not(feature = "ipv6"))]
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Whether this is an IPv4 address, as every one is in a build without `ipv6`.
    pub(super) fn is_ipv4(&self) -> bool {
        ADDRESS_LEN == 4
            || self
                .0
                .starts_with(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
    }
}

/// Which connection; a host may have several local addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) local: Address,
    pub(super) remote: Address,
    pub(super) local_port: u16,
    pub(super) remote_port: u16,
}

/// One connection as seen from the wire; 48 bytes without `ipv6`, 72 with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    key: Key,
    /// The highest acknowledgement that smoltcp surely accepted (SND.UNA of RFC 9293, or a little behind it).
    pub(super) accepted: Seq,
    /// The highest acknowledgement that came in, accepted or not.
    pub(super) acked: Seq,
    /// Behind the last sequence number we ever sent, SYN and FIN counted. smoltcp's own SND.NXT goes back at a timeout.
    pub(super) sent: Seq,
    /// What smoltcp expects next (RCV.NXT), or a little before it: the acknowledgement we sent last, and what came in order since.
    pub(super) expected: Seq,
    /// The right edge of the window we announced last, as far as smoltcp remembers it.
    pub(super) edge: Seq,
    /// How far our announced windows are shifted (RFC 7323).
    window_scale: u8,
    /// Nothing is touched before the handshake is done: half-open connections need their RST (RFC 9293, 3.5.1).
    established: bool,
    pub(super) fin_sent: bool,
    /// The peer's FIN came in.
    fin_received: bool,
    /// A RST was the last that went either way.
    reset: bool,
    /// smoltcp surely believes that the peer's window is closed.
    pub(super) zero_window: bool,
    /// A duplicate ACK came in and no data went out since, so a fast retransmit may be next.
    pub(super) duplicate_acked: bool,
    /// The last possible duplicate ACK had its window varied.
    pub(super) varied: bool,
    /// The hardware address to which smoltcp sends: the peer's or a router's.
    pub(super) next_hop: Mac,
}

const _: () = assert!(size_of::<Flow>() == 2 * ADDRESS_LEN + 40);

impl Flow {
    const FREE: Self = Self {
        key: Key {
            local: Address::UNSPECIFIED,
            remote: Address::UNSPECIFIED,
            local_port: 0,
            remote_port: 0,
        },
        accepted: Seq(0),
        acked: Seq(0),
        sent: Seq(0),
        expected: Seq(0),
        edge: Seq(0),
        window_scale: 0,
        established: false,
        fin_sent: false,
        fin_received: false,
        reset: false,
        zero_window: false,
        duplicate_acked: false,
        varied: false,
        next_hop: [0; 6],
    };

    /// The flow that begins with this SYN or SYN-ACK of ours.
    fn new(key: Key, syn: &Segment, window_scale: u8) -> Self {
        Self {
            key,
            accepted: syn.fields.seq,
            acked: syn.fields.seq,
            sent: syn.fields.seq.after(1),
            window_scale,
            ..Self::FREE
        }
    }

    pub(super) const fn remote(&self) -> Address {
        self.key.remote
    }

    const fn is_free(&self) -> bool {
        self.key.local_port == 0 && self.key.remote_port == 0
    }

    pub(super) const fn is_established(&self) -> bool {
        self.established
    }

    /// Whether the connection has most likely ended, so that its place is the first to be taken. Until then the rules still
    /// apply: a RST may be forged, and a FIN may have come before its data.
    fn is_over(&self) -> bool {
        self.is_free()
            || self.reset
            || self.fin_sent && self.fin_received && self.acked == self.sent
    }

    /// Notes a RST, ours or the peer's.
    pub(super) fn note_reset(&mut self) {
        self.reset = true;
    }

    /// Notes the peer's FIN.
    pub(super) fn note_fin_received(&mut self) {
        self.fin_received = true;
    }

    /// Looks for the end of the handshake in a segment that came in before it.
    pub(super) fn await_established(&mut self, segment: &Segment, peer_scales: bool) {
        if segment.ack != self.sent {
            return;
        }
        self.established = true;
        self.accepted = segment.ack;
        self.acked = segment.ack;
        if segment.has(SYN) {
            // Our SYN had no acknowledgement, so its window had no place in the peer's sequence numbers yet.
            let window = self.edge.since(self.expected);
            self.expected = segment.fields.seq.after(1);
            self.edge = self.expected.after(window);
            if !peer_scales {
                self.window_scale = 0;
            }
        }
    }

    /// Notes what smoltcp just sent.
    pub(super) fn note_sent(&mut self, segment: &Segment) {
        self.reset = false;
        self.note_window(segment);
        let end = segment.fields.seq.after(segment.len());
        if self.sent.is_before(end) {
            self.sent = end;
            // One byte may be a zero-window probe, after which smoltcp still believes in the closed window.
            if segment.payload_len > 1 {
                self.zero_window = false;
            }
        }
        if segment.has(FIN) {
            self.fin_sent = true;
        }
        if segment.len() > 0 {
            self.duplicate_acked = false;
        }
    }

    fn note_window(&mut self, segment: &Segment) {
        let shift = if segment.has(SYN) {
            0
        } else {
            self.window_scale
        };
        self.expected = segment.ack;
        let edge = segment.ack.after(u32::from(segment.fields.window) << shift);
        // smoltcp forgets the window that it sent in a probe, which is one byte long: such a segment may lower the
        // edge, to be safe, but never raise it.
        if segment.payload_len != 1 || edge.is_before(self.edge) {
            self.edge = edge;
        }
    }
}

/// What had to go to make room for a new flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evicted {
    /// Nothing, or a flow that was over.
    Nothing,
    /// A live flow, whose handshake was done or not: then the answer to its SYN may still come.
    Flow { was_established: bool },
}

/// The flows, the one that sent last first, so that the least recently used is the last. Flows that are over go before it.
#[derive(Debug)]
pub(super) struct Table<const FLOWS: usize>([Flow; FLOWS]);

impl<const FLOWS: usize> Table<FLOWS> {
    pub(super) const fn new() -> Self {
        Self([Flow::FREE; FLOWS])
    }

    pub(super) fn find(&mut self, key: &Key) -> Option<&mut Flow> {
        self.0
            .iter_mut()
            .find(|flow| flow.key == *key && !flow.is_free())
    }

    /// Finds a flow and puts it in front, for it sends.
    pub(super) fn find_sender(&mut self, key: &Key) -> Option<&mut Flow> {
        let place = self
            .0
            .iter()
            .position(|flow| flow.key == *key && !flow.is_free())?;
        self.bring_to_front(place);
        self.0.first_mut()
    }

    /// Those before it go one place back. (`rotate_right` takes more flash and stack.)
    fn bring_to_front(&mut self, place: usize) {
        if let Some(&(mut moved)) = self.0.get(place) {
            for flow in self.0.iter_mut().take(place.saturating_add(1)) {
                core::mem::swap(flow, &mut moved);
            }
        }
    }

    /// Finds the flow of this SYN of ours, or begins it, and says what had to go for it.
    pub(super) fn find_or_begin(
        &mut self,
        key: Key,
        syn: &Segment,
        window_scale: u8,
    ) -> (Option<&mut Flow>, Evicted) {
        // The same SYN again is a retransmission; another one begins a new connection on the old ports.
        let known = self
            .find_sender(&key)
            .map(|flow| flow.sent == syn.fields.seq.after(1));
        let mut evicted = Evicted::Nothing;
        if known.is_none() {
            let over = self.0.iter().rposition(Flow::is_over);
            if over.is_none() {
                // A table without a place forgets the new flow itself.
                let was_established = self.0.last().is_some_and(Flow::is_established);
                evicted = Evicted::Flow { was_established };
            }
            let place = over.unwrap_or(FLOWS.saturating_sub(1));
            self.bring_to_front(place);
        }
        let front = self.0.first_mut();
        match front {
            Some(flow) if known != Some(true) => {
                *flow = Flow::new(key, syn, window_scale);
                (Some(flow), evicted)
            }
            // The flow is known, or the table has no place at all.
            front => (front, evicted),
        }
    }

    /// Whether smoltcp may be about to send a fast retransmit on any flow.
    pub(super) fn fast_retransmit_may_be_due(&self) -> bool {
        self.0
            .iter()
            .any(|flow| flow.duplicate_acked && !flow.is_free())
    }
}
