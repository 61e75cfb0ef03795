//! smoltcp's own sockets, without any app of ours, bare and behind guards: what gets lost, and how long it takes.

use crate::Generator;
use crate::ethernet::{Ethernet, Frame, Jitter, Link, PortState};
use smoltcp::iface::{PollIngressSingleResult, PollResult, SocketHandle, SocketStorage};
use smoltcp::socket::tcp::{CongestionControl, RecvError, Socket};
use smoltcp::wire::IpEndpoint;
use tickwire::{EGRESS_MAX, INGRESS_MAX, Tick};

use crate::Host;
use crate::arena::Arena;
use crate::pattern::{Pattern, Reading};
use crate::weather::draw_log;

/// Bytes of each transfer.
pub const CONTEST_BYTES: u64 = 65_536;
/// Memory that [`contest`] needs.
pub const CONTEST_MEMORY: usize = FRAMES * FRAME_BYTES + 4 * 16_384;

const FRAMES: usize = 96;
const FRAME_BYTES: usize = 1_514;
const PORT: u16 = 7;
/// Longer than any transfer that ends: under 30 % of loss smoltcp needs half an hour at times.
const TICKS_MAX: u64 = 200_000_000;
/// More turns than any transfer that ends.
const TURNS_MAX: u32 = 2_000_000;

/// One kind of transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contest {
    /// Both sides send, not the dialler alone.
    pub both_ways: bool,
    /// Readers take a few bytes at a time.
    pub slow_readers: bool,
    /// Both hosts stand behind guards.
    pub is_guarded: bool,
}

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every byte and the end of the stream arrived, after so many ticks.
    Whole(u64),
    /// No timer runs, nothing is in flight, and not all has arrived.
    Stuck,
    /// Timers run, or frames fly, for ever.
    Endless,
    /// Bytes arrived that were never sent.
    Corrupt,
    /// A clean end of the stream came before its last byte.
    Truncated,
    /// The connection was gone before all was read: the application learns it.
    Reset,
}

/// One host and what it has sent and read.
struct Side<'a> {
    host: Host<'a>,
    handle: SocketHandle,
    /// What it sends.
    content: Pattern,
    sent: u64,
    /// What it is to read.
    expected: Pattern,
    read: u64,
    reading: Option<Reading>,
    reads_at: Tick,
    is_closed: bool,
    has_end: bool,
    wake: Option<Tick>,
}

/// Runs one transfer; bare and guarded runs of a seed differ in the guards alone.
///
/// # Panics
/// When `memory` is shorter than [`CONTEST_MEMORY`].
pub fn contest(seed: u64, kind: Contest, memory: &mut [u8]) -> Ending {
    let root = Generator::new(seed).fork("contest", 0);
    let mut storage = [SocketStorage::EMPTY; 2];
    let mut arena = Arena::new(memory, &mut storage);
    let mut frames: [Frame<'_>; FRAMES] =
        core::array::from_fn(|_| Frame::new(arena.bytes(FRAME_BYTES)));
    let mut ports = [const { PortState::new() }; 2];
    let ethernet = Ethernet::new(seed, &mut ports[..], &mut frames[..]);
    let mut random = root.fork("links", 0);
    for port in 0..2 {
        ethernet.set_link(port, draw_link(&mut random));
    }
    // Both ends alike.
    let bytes = draw_log(&mut random, 512, 16_384) as usize;
    let reading = Reading {
        bytes: draw_log(&mut random, 64, 2_048),
        every_ticks: draw_log(&mut random, 5, 500),
    };
    let mut sides = [0, 1].map(|port| {
        let storage = arena.sockets(1);
        let mut host = Host::boot(&ethernet, port, seed, storage, Tick::ZERO, kind.is_guarded);
        let handle = host.add_socket(arena.bytes(bytes), arena.bytes(bytes));
        // smoltcp's default changes with the features that a build unites; a seed must not.
        let socket = host.sockets.get_mut::<Socket<'_>>(handle);
        socket.set_congestion_control(CongestionControl::None);
        let sends = |port| Pattern {
            salt: 1_000 * port as u64,
            length: if port == 0 || kind.both_ways {
                CONTEST_BYTES
            } else {
                0
            },
        };
        Side {
            host,
            handle,
            content: sends(port),
            sent: 0,
            expected: sends(1 - port),
            read: 0,
            reading: kind.slow_readers.then_some(reading),
            reads_at: Tick::ZERO,
            is_closed: false,
            has_end: false,
            wake: Some(Tick::ZERO),
        }
    });
    open(&mut sides);
    play(&mut sides, &ethernet)
}

/// The ranges in which bare smoltcp was measured.
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

fn open(sides: &mut [Side<'_>; 2]) {
    let [dialler, listener] = sides;
    let socket = listener.host.sockets.get_mut::<Socket<'_>>(listener.handle);
    socket.listen(PORT).expect("a new socket can listen");
    let socket = dialler.host.sockets.get_mut::<Socket<'_>>(dialler.handle);
    let remote = IpEndpoint::new(Host::address_of(1).into(), PORT);
    let context = dialler.host.iface.context();
    socket
        .connect(context, remote, 50_000)
        .expect("a new socket can dial");
}

fn play(sides: &mut [Side<'_>; 2], ethernet: &Ethernet<'_>) -> Ending {
    let mut now = Tick::ZERO;
    for _ in 0..TURNS_MAX {
        ethernet.set_now(now);
        for side in sides.iter_mut() {
            if side.next().is_none_or(|due| due > now) {
                continue;
            }
            if let Err(ending) = side.turn(now) {
                return ending;
            }
        }
        if sides.iter().all(Side::is_done) {
            return Ending::Whole(now.as_millis());
        }
        match sides.iter().filter_map(Side::next).min() {
            None => return Ending::Stuck,
            Some(next) if next.as_millis() > TICKS_MAX => return Ending::Endless,
            Some(next) => now = next.max(now),
        }
    }
    Ending::Endless
}

impl Side<'_> {
    /// Whether all that was to come has come, and its end.
    const fn is_done(&self) -> bool {
        self.has_end || self.expected.length == 0
    }

    fn next(&self) -> Option<Tick> {
        let socket = self.host.sockets.get::<Socket<'_>>(self.handle);
        // Bytes, or an end, that a slow reader has still to take.
        let has_some = socket.recv_queue() > 0 || !socket.may_recv() && self.read > 0;
        let reads = self.reading.filter(|_| has_some && !self.is_done());
        let reads = reads.map(|_| self.reads_at);
        let due = self.host.device.get_ref().next_due();
        [self.wake, due, reads].into_iter().flatten().min()
    }

    /// smoltcp's own loop, but bounded: a capped one goes on a tick later, so that the clock does not stand still.
    fn turn(&mut self, now: Tick) -> Result<(), Ending> {
        let at = now.to_smoltcp();
        let (iface, device, sockets) = self.host.parts();
        let mut is_capped = true;
        for _ in 0..INGRESS_MAX {
            if iface.poll_ingress_single(at, device, sockets) == PollIngressSingleResult::None {
                is_capped = false;
                break;
            }
        }
        self.pump(now)?;
        let (iface, device, sockets) = self.host.parts();
        let mut sends = true;
        for _ in 0..EGRESS_MAX {
            if iface.poll_egress(at, device, sockets) == PollResult::None {
                sends = false;
                break;
            }
        }
        let next = iface.poll_at(at, sockets).map(Tick::from_smoltcp);
        self.wake = if is_capped || sends {
            Some(now.after(1))
        } else {
            next.map(|next| next.max(now.after(1)))
        };
        Ok(())
    }

    /// What the simplest of applications does: send, close, and read until the end.
    fn pump(&mut self, now: Tick) -> Result<(), Ending> {
        let socket = self.host.sockets.get_mut::<Socket<'_>>(self.handle);
        if socket.may_send() && !self.is_closed {
            let (sent, mut content) = (self.sent, self.content);
            let moved = socket.send(|buffer| {
                let filled = tickwire::Source::read_at(&mut content, sent, buffer).unwrap_or(0);
                (filled, filled)
            });
            self.sent += moved.unwrap_or(0) as u64;
            if self.sent == self.content.length && (self.sent > 0 || self.has_end) {
                socket.close();
                self.is_closed = true;
            }
        }
        let may_read = self.reading.is_none() || self.reads_at <= now;
        while may_read && !self.has_end {
            let most = self
                .reading
                .map_or(usize::MAX, |reading| reading.bytes as usize);
            let (expected, read) = (self.expected, self.read);
            let taken = socket.recv(|bytes| {
                let bytes = bytes.get(..most).unwrap_or(bytes);
                (bytes.len(), (bytes.len() as u64, expected.has(read, bytes)))
            });
            match taken {
                Ok((0, _)) => break,
                Ok((count, true)) => self.read += count,
                Ok((_, false)) => return Err(Ending::Corrupt),
                Err(RecvError::Finished) if self.read < self.expected.length => {
                    return Err(Ending::Truncated);
                }
                Err(RecvError::Finished) => self.has_end = true,
                Err(RecvError::InvalidState) => {
                    // Before the handshake is done, or never again: smoltcp also drops what is unread when its
                    // TIME-WAIT ends.
                    if !socket.is_open() {
                        return Err(Ending::Reset);
                    }
                    break;
                }
            }
            if let Some(reading) = self.reading {
                self.reads_at = now.after(reading.every_ticks);
                break;
            }
        }
        Ok(())
    }
}
