//! What the peer has sent of its stream, and what it says when it tells no lie.

use super::script::Received;

/// The most bytes that one of its honest segments has.
const SEGMENT_MAX: i32 = 12;
/// The window that it announces.
const WINDOW: u16 = 1000;

/// The peer's own stream. Positions count from its first byte.
pub(super) struct Peer {
    /// After the last byte in any segment.
    end: i32,
    /// Where its FIN was.
    pub(super) fin_at: Option<i32>,
    /// It has sent two ends, or went on after the end of its stream.
    pub(super) is_contradictory: bool,
    /// What the host has acknowledged of it, the FIN included.
    acked: i32,
}

impl Peer {
    pub(super) const fn new() -> Self {
        Self {
            end: 0,
            fin_at: None,
            is_contradictory: false,
            acked: 0,
        }
    }

    /// Notes where a segment says that the stream ends.
    pub(super) fn on_sent(&mut self, sent: &Received) {
        let end = sent.seq + sent.len as i32;
        self.end = self.end.max(end);
        if sent.has_fin {
            self.is_contradictory |= self.fin_at.is_some_and(|at| at != end);
            self.fin_at = Some(end);
        }
        // An ACK after the FIN has the number after it.
        let end_max = self.end - i32::from(sent.len == 0 && !sent.has_fin);
        self.is_contradictory |= self.fin_at.is_some_and(|at| end_max > at);
    }

    pub(super) fn on_acknowledged(&mut self, position: i32) {
        self.acked = self.acked.max(position);
    }

    /// Whether the host has acknowledged everything, and read it.
    pub(super) fn is_heard(&self, read: usize) -> bool {
        self.acked >= self.next() && read as i32 >= self.data_end()
    }

    fn data_end(&self) -> i32 {
        self.fin_at.unwrap_or(self.end)
    }

    /// The sequence number after the last that it has used.
    fn next(&self) -> i32 {
        self.fin_at.map_or(self.end, |at| at + 1)
    }

    /// A pure ACK of everything up to `ack`.
    pub(super) fn acknowledge(&self, ack: i32, window: u16) -> Received {
        Received {
            seq: self.next(),
            ack,
            window,
            has_fin: false,
            len: 0,
        }
    }

    /// The next bytes of the stream. After its FIN it has none.
    pub(super) fn go_on(&self, ack: i32, len: usize, has_fin: bool) -> Received {
        let acknowledgement = self.acknowledge(ack, WINDOW);
        if self.fin_at.is_some() {
            return acknowledgement;
        }
        Received {
            has_fin,
            len,
            ..acknowledgement
        }
    }

    /// What the host has not acknowledged, as much as fits into its window, which ends at `edge`. One
    /// byte is a probe where nothing fits.
    pub(super) fn resend(&self, ack: i32, edge: i32) -> Received {
        let acknowledgement = self.acknowledge(ack, WINDOW);
        if self.acked >= self.next() {
            return acknowledgement;
        }
        let fits = (edge - self.acked).clamp(1, SEGMENT_MAX);
        let len = (self.data_end() - self.acked).min(fits).max(0);
        let end = self.acked + len;
        Received {
            seq: self.acked,
            has_fin: self.fin_at == Some(end),
            len: len as usize,
            ..acknowledgement
        }
    }
}
