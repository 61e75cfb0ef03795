//! Transfers between smoltcp's own sockets, without any app of tickwire, with guards and without:
//! what gets lost, and how long it takes.

use smoltcp::iface::{PollIngressSingleResult, PollResult, SocketHandle};
use smoltcp::socket::tcp::{CongestionControl, RecvError, Socket};
use smoltcp::wire::IpEndpoint;
use tickwire::{Duration, EGRESS_MAX, INGRESS_MAX, Source, Stack, Tick};

use crate::bump::Bump;
use crate::ethernet::{Ethernet, Frame, Jitter, Link, PortState};
use crate::pattern::{Pattern, SlowReader};
use crate::{Generator, Node, NodeMemory, streams};

/// Bytes of each transfer.
pub const TRIAL_BYTES: u64 = 65_536;
/// Memory that [`transfer_trial`] needs, in bytes.
pub const TRIAL_MEMORY_BYTES: usize = FRAMES * FRAME_BYTES + 4 * 16_384;

const FRAMES: usize = 96;
const FRAME_BYTES: usize = 1_514;
const PORT: u16 = 7;
/// Longer than any transfer that ends: under 30 % of loss smoltcp sometimes needs half an hour.
const TICKS_MAX: u64 = 200_000_000;
/// More turns than any transfer that ends.
const TURNS_MAX: u32 = 2_000_000;

/// One kind of transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrialKind {
    /// Both ends send, not only the one that dials.
    pub both_ways: bool,
    /// Readers take a few bytes at a time.
    pub slow_readers: bool,
    /// Both nodes have guards.
    pub is_guarded: bool,
}

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialOutcome {
    /// Every byte and the end of the stream arrived, after this number of ticks.
    Whole(u64),
    /// No timer runs, nothing is in flight, and not everything has arrived.
    Stuck,
    /// Timers run, or frames are in flight, for ever.
    Endless,
    /// Bytes arrived that were never sent.
    Corrupt,
    /// The stream ended in order, but before its last byte.
    Truncated,
    /// The connection was lost before everything was read; the application learns it.
    Reset,
}

/// One end of the connection: its node, and what it has sent and read.
struct End<'a> {
    node: Node<'a>,
    handle: SocketHandle,
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

/// Runs one transfer. With and without guards a seed has the same links, buffers and readers.
///
/// # Panics
/// When `memory` is shorter than [`TRIAL_MEMORY_BYTES`].
pub fn transfer_trial(seed: u64, kind: TrialKind, memory: &mut [u8]) -> TrialOutcome {
    let root = Generator::new(seed).fork(streams::TRANSFER_TRIAL, 0);
    let mut nodes = [const { NodeMemory::<1>::new() }; 2];
    let mut bump = Bump::new(memory, &mut nodes);
    let mut frames: [Frame<'_>; FRAMES] =
        core::array::from_fn(|_| Frame::new(bump.bytes(FRAME_BYTES)));
    let mut ports = [const { PortState::new() }; 2];
    let ethernet = Ethernet::new(seed, &mut ports[..], &mut frames[..]);
    let mut random = root.fork(streams::TRIAL_LINKS, 0);
    for port in 0..2 {
        ethernet.set_link(port, draw_link(&mut random));
    }
    // The same for both ends.
    let buffer_bytes = random.log_uniform(512, 16_384) as usize;
    let reader = SlowReader {
        bytes: random.log_uniform(64, 2_048),
        every: Duration::from_millis(random.log_uniform(5, 500)),
    };
    let mut ends = [0, 1].map(|port| {
        let mut node = Node::boot(
            &ethernet,
            port,
            seed,
            bump.node(),
            Tick::ZERO,
            kind.is_guarded,
        );
        let handle = node.add_socket(bump.bytes(buffer_bytes), bump.bytes(buffer_bytes));
        // smoltcp's default depends on the features of the build; a seed must not.
        let socket = node.stack.sockets.get_mut::<Socket<'_>>(handle);
        socket.set_congestion_control(CongestionControl::None);
        let sends = |port| Pattern {
            salt: 1_000 * port as u64,
            length: if port == 0 || kind.both_ways {
                TRIAL_BYTES
            } else {
                0
            },
        };
        End {
            node,
            handle,
            content: sends(port),
            sent: 0,
            expected: sends(1 - port),
            read: 0,
            reader: kind.slow_readers.then_some(reader),
            reads_at: Tick::ZERO,
            is_closed: false,
            has_end: false,
            wake: Some(Tick::ZERO),
        }
    });
    open(&mut ends);
    run(&mut ends, &ethernet)
}

/// The ranges in which smoltcp without a guard was measured.
fn draw_link(random: &mut Generator) -> Link {
    // Parts per million fit into 32 bits.
    let mut ppm = |last| random.between(0, last) as u32;
    let (loss_ppm, duplicate_ppm, bit_flip_ppm) = (ppm(300_000), ppm(200_000), ppm(50_000));
    Link {
        loss_ppm,
        duplicate_ppm,
        bit_flip_ppm,
        duplicate_micros_max: 100_000,
        delay_micros: 500,
        jitter: Jitter::Exponential {
            micros_mean: random.between(0, 100_000),
        },
        ..Link::PERFECT
    }
}

fn open(ends: &mut [End<'_>; 2]) {
    let [dialler, listener] = ends;
    let socket = listener
        .node
        .stack
        .sockets
        .get_mut::<Socket<'_>>(listener.handle);
    socket.listen(PORT).expect("a new socket can listen");
    let socket = dialler
        .node
        .stack
        .sockets
        .get_mut::<Socket<'_>>(dialler.handle);
    let remote = IpEndpoint::new(Node::address_of(1).into(), PORT);
    let context = dialler.node.stack.iface.context();
    socket
        .connect(context, remote, 50_000)
        .expect("a new socket can dial");
}

fn run(ends: &mut [End<'_>; 2], ethernet: &Ethernet<'_>) -> TrialOutcome {
    let mut now = Tick::ZERO;
    for _ in 0..TURNS_MAX {
        ethernet.set_now(now);
        for end in ends.iter_mut() {
            if end.next().is_none_or(|due| due > now) {
                continue;
            }
            if let Err(outcome) = end.turn(now) {
                return outcome;
            }
        }
        if ends.iter().all(End::is_done) {
            return TrialOutcome::Whole(now.as_millis());
        }
        match ends.iter().filter_map(End::next).min() {
            None => return TrialOutcome::Stuck,
            Some(next) if next.as_millis() > TICKS_MAX => return TrialOutcome::Endless,
            Some(next) => now = next.max(now),
        }
    }
    TrialOutcome::Endless
}

impl End<'_> {
    /// Whether everything that was to arrive has arrived, and its end.
    const fn is_done(&self) -> bool {
        self.has_end || self.expected.length == 0
    }

    fn next(&self) -> Option<Tick> {
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
    fn turn(&mut self, now: Tick) -> Result<(), TrialOutcome> {
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
        let next = iface.poll_at(at, sockets).map(Tick::from_smoltcp);
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
