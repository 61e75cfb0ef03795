//! One end of a connection: smoltcp's own loop, and the simplest application over it.

use smoltcp::iface::{PollIngressSingleResult, PollResult, SocketHandle};
use smoltcp::socket::tcp::{CongestionControl, RecvError, Socket};
use tickwire::{Duration, EGRESS_MAX, INGRESS_MAX, Source, Stack, Tick};

use super::TrialOutcome;
use crate::Node;
use crate::pattern::{Pattern, SlowReader};

/// One end of the connection: its node, and what it has sent and read.
pub(super) struct End<'a> {
    pub(super) node: Node<'a>,
    pub(super) handle: SocketHandle,
    /// What it sends.
    content: Pattern,
    sent: u64,
    /// What it is to read.
    expected: Pattern,
    read: u64,
    reader: Option<SlowReader>,
    reads_at: Tick,
    is_closed: bool,
    has_end: bool,
    wake: Option<Tick>,
}

impl<'a> End<'a> {
    /// An end that sends `content`, then closes, and reads until it has all that is `expected`.
    pub(super) fn new(
        mut node: Node<'a>,
        [receive, send]: [&'a mut [u8]; 2],
        content: Pattern,
        expected: Pattern,
        reader: Option<SlowReader>,
    ) -> Self {
        let handle = node.add_socket(receive, send);
        // smoltcp's default depends on the features of the build; a seed must not.
        let socket = node.stack.sockets.get_mut::<Socket<'_>>(handle);
        socket.set_congestion_control(CongestionControl::None);
        Self {
            node,
            handle,
            content,
            sent: 0,
            expected,
            read: 0,
            reader,
            reads_at: Tick::ZERO,
            is_closed: false,
            has_end: false,
            wake: Some(Tick::ZERO),
        }
    }

    /// Whether everything that was to arrive has arrived, and its end.
    pub(super) const fn is_done(&self) -> bool {
        self.has_end || self.expected.length == 0
    }

    pub(super) fn next(&self) -> Option<Tick> {
        let socket = self.node.stack.sockets.get::<Socket<'_>>(self.handle);
        // Bytes, or an end, that a slow reader has still to take.
        let has_some = socket.recv_queue() > 0 || !socket.may_recv() && self.read > 0;
        let reads = self.reader.filter(|_| has_some && !self.is_done());
        let reads = reads.map(|_| self.reads_at);
        let due = self.node.port().next_due();
        [self.wake, due, reads].into_iter().flatten().min()
    }

    /// smoltcp's own loop, but bounded: when it reaches its bound it goes on a tick later, so that
    /// the clock does not stand still.
    pub(super) fn turn(&mut self, now: Tick) -> Result<(), TrialOutcome> {
        let at = now.to_smoltcp();
        let Stack {
            iface,
            device,
            sockets,
            ..
        } = &mut self.node.stack;
        let mut is_capped = true;
        for _ in 0..INGRESS_MAX {
            if iface.poll_ingress_single(at, device, sockets) == PollIngressSingleResult::None {
                is_capped = false;
                break;
            }
        }
        self.serve_socket(now)?;
        let Stack {
            iface,
            device,
            sockets,
            ..
        } = &mut self.node.stack;
        let mut sends = true;
        for _ in 0..EGRESS_MAX {
            if iface.poll_egress(at, device, sockets) == PollResult::None {
                sends = false;
                break;
            }
        }
        let due = [iface.poll_at(at, sockets), device.poll_at()];
        let next = due.into_iter().flatten().min().map(Tick::from_smoltcp);
        self.wake = if is_capped || sends {
            Some(now + Duration::from_millis(1))
        } else {
            next.map(|next| next.max(now + Duration::from_millis(1)))
        };
        Ok(())
    }

    /// What the simplest application does: send, close, and read until the end.
    fn serve_socket(&mut self, now: Tick) -> Result<(), TrialOutcome> {
        let socket = self.node.stack.sockets.get_mut::<Socket<'_>>(self.handle);
        if socket.may_send() && !self.is_closed {
            let (sent, mut content) = (self.sent, self.content);
            let moved = socket.send(|buffer| {
                let filled = content.read_at(sent, buffer).unwrap_or(0);
                (filled, filled)
            });
            self.sent += moved.unwrap_or(0) as u64;
            if self.sent == self.content.length && (self.sent > 0 || self.has_end) {
                socket.close();
                self.is_closed = true;
            }
        }
        let may_read = self.reader.is_none() || self.reads_at <= now;
        while may_read && !self.has_end {
            let bytes_max = self
                .reader
                .map_or(usize::MAX, |reader| reader.bytes as usize);
            let (expected, read) = (self.expected, self.read);
            let taken = socket.recv(|bytes| {
                let bytes = bytes.get(..bytes_max).unwrap_or(bytes);
                (bytes.len(), (bytes.len() as u64, expected.has(read, bytes)))
            });
            match taken {
                Ok((0, _)) => break,
                Ok((count, true)) => self.read += count,
                Ok((_, false)) => return Err(TrialOutcome::Corrupt),
                Err(RecvError::Finished) if self.read < self.expected.length => {
                    return Err(TrialOutcome::Truncated);
                }
                Err(RecvError::Finished) => self.has_end = true,
                Err(RecvError::InvalidState) => {
                    // Before the handshake is done, or never again: smoltcp also drops what is
                    // unread when its TIME-WAIT ends.
                    if !socket.is_open() {
                        return Err(TrialOutcome::Reset);
                    }
                    break;
                }
            }
            if let Some(reader) = self.reader {
                self.reads_at = now + reader.every;
                break;
            }
        }
        Ok(())
    }
}
