//! What a script consists of, and which script a number stands for.
//!
//! The lowest numbers are all scripts up to [`LENGTH_MAX`] acts from [`ALPHABET`], the shortest
//! first, each from every setup. Every number after them is the seed of a drawn script.

use smoltcp::wire::TcpControl;
use tickwire_sim::Generator;

/// The most acts of an enumerated script.
const LENGTH_MAX: u32 = 4;
/// The acts of a drawn script.
const DRAWN_LENGTHS: (u64, u64) = (4, 17);

/// A segment from the peer. Its numbers count from the first byte of either side's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) seq: i32,
    pub(super) ack: i32,
    pub(super) window: u16,
    pub(super) has_fin: bool,
    pub(super) len: usize,
}

/// One thing that happens to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// The application writes this number of bytes, if they fit.
    Write(usize),
    Close,
    /// The application reads all that has arrived.
    Read,
    Receive(Received),
    /// The last segment comes this number of times more.
    Again(usize),
    /// The peer acknowledges all that the host has sent, with this window.
    Acknowledge(u16),
    /// The peer goes on with this number of bytes after the last that it has sent, and perhaps its
    /// FIN, and acknowledges all.
    Continue(usize, bool),
    /// The peer sends again what the host has not acknowledged, or one byte of it where that does
    /// not fit into the window, and acknowledges all.
    Resend,
    /// Time passes, in milliseconds.
    Pass(u64),
    /// Time passes until the host wants to be polled.
    Sleep,
    /// From now on the device has no room to transmit.
    Refuse,
    /// The device has room again.
    Accept,
}

/// How a script begins: a connection has just been dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setup {
    /// The host's receive buffer, and so its window.
    pub(super) window: usize,
    /// The window of the peer's SYN-ACK.
    pub(super) peer_window: u16,
    pub(super) has_keep_alive: bool,
    pub(super) has_nagle: bool,
    pub(super) delays_acks: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) setup: Setup,
    pub(super) acts: Vec<Act>,
}

const fn setup(window: usize, peer_window: u16) -> Setup {
    Setup {
        window,
        peer_window,
        has_keep_alive: false,
        has_nagle: false,
        delays_acks: true,
    }
}

const SETUPS: [Setup; 4] = [setup(8, 1000), setup(64, 0), setup(64, 4), setup(64, 1000)];

/// The acts of the enumerated scripts: the application's, the device's and the clock's, and each
/// kind of segment with numbers at the edges of what was sent and announced.
const ALPHABET: [Act; 48] = alphabet();

const OTHERS: [Act; 8] = [
    Act::Write(4),
    Act::Close,
    Act::Again(3),
    Act::Sleep,
    Act::Read,
    Act::Pass(61_000),
    Act::Refuse,
    Act::Accept,
];

const fn alphabet() -> [Act; 48] {
    let mut acts = [Act::Close; 48];
    let mut at = 0;
    while at < OTHERS.len() {
        acts[at] = OTHERS[at];
        at += 1;
    }
    // Pure ACKs: 3 x 4 x 2.
    let mut number = 0;
    while number < 24 {
        acts[at] = Act::Receive(Received {
            seq: [-1, 0, 8][number % 3],
            ack: [0, 2, 4, 5][number / 3 % 4],
            window: [0, 1000][number / 12],
            has_fin: false,
            len: 0,
        });
        at += 1;
        number += 1;
    }
    // Data, a FIN, and both: 2 x 2 x 2 of each kind, but FINs only with an open window.
    number = 0;
    while number < 16 {
        let has_fin = number >= 8;
        acts[at] = Act::Receive(Received {
            seq: [0, 4][number % 2],
            ack: [0, 4][number / 2 % 2],
            window: if has_fin {
                1000
            } else {
                [0, 1000][number / 4 % 2]
            },
            has_fin,
            len: if has_fin { [0, 12][number / 4 % 2] } else { 4 },
        });
        at += 1;
        number += 1;
    }
    acts
}

impl Script {
    /// The script that a number stands for.
    pub(super) fn numbered(number: u64) -> Self {
        let mut rest = number;
        for length in 1..=LENGTH_MAX {
            let count = SETUPS.len() as u64 * (ALPHABET.len() as u64).pow(length);
            if rest < count {
                return Self::enumerated(rest, length);
            }
            rest -= count;
        }
        Self::drawn(&mut Generator::new(number))
    }

    fn enumerated(mut number: u64, length: u32) -> Self {
        let setup = take(&mut number, &SETUPS);
        let acts = (0..length).map(|_| take(&mut number, &ALPHABET)).collect();
        Self { setup, acts }
    }

    fn drawn(random: &mut Generator) -> Self {
        let setup = Setup {
            window: pick(random, &[8, 64]),
            peer_window: pick(random, &[0, 4, 1000, 1000]),
            has_keep_alive: random.below(8) == 0,
            has_nagle: random.below(8) == 0,
            delays_acks: random.below(8) != 0,
        };
        let length = random.between(DRAWN_LENGTHS.0, DRAWN_LENGTHS.1);
        let refuses = random.below(3) == 0;
        let acts = (0..length).map(|_| draw(random, refuses)).collect();
        Self { setup, acts }
    }
}

/// The element that the lowest digit of `number` stands for. The digit is removed.
fn take<T: Copy>(number: &mut u64, all: &[T]) -> T {
    let digit = *number % all.len() as u64;
    *number /= all.len() as u64;
    all[digit as usize]
}

fn pick<T: Copy>(random: &mut Generator, all: &[T]) -> T {
    take(&mut random.u64(), all)
}

fn draw(random: &mut Generator, refuses: bool) -> Act {
    match random.below(20) {
        0..4 => Act::Write(pick(random, &[1, 2, 4, 8])),
        4 => Act::Close,
        5 => Act::Pass(pick(random, &[5, 500, 1_000, 61_000])),
        6 | 7 => Act::Sleep,
        8 => Act::Read,
        9 if refuses => pick(random, &[Act::Refuse, Act::Accept]),
        10 | 11 => Act::Again(pick(random, &[1, 3])),
        12 => honest(random),
        _ => Act::Receive(Received {
            seq: pick(random, &[-1, -1, 0, 0, 0, 1, 2, 4, 5, 7, 8, 9]),
            ack: pick(random, &[0, 0, 1, 2, 3, 4, 4, 5, 8, 9]),
            window: pick(random, &[0, 0, 1, 4, 1000, 1000]),
            has_fin: random.below(4) == 0,
            len: pick(random, &[0, 0, 0, 1, 2, 4, 12]),
        }),
    }
}

/// What a peer does that tells no lie: most segments of a drawn script are not what the host expects.
fn honest(random: &mut Generator) -> Act {
    match random.below(4) {
        0 => Act::Acknowledge(pick(random, &[0, 1, 4, 1000])),
        1 | 2 => Act::Continue(pick(random, &[1, 2, 4, 12]), random.below(8) == 0),
        _ => Act::Resend,
    }
}

/// The number of the first drawn script.
pub(super) fn first_drawn() -> u64 {
    (1..=LENGTH_MAX)
        .map(|length| SETUPS.len() as u64 * (ALPHABET.len() as u64).pow(length))
        .sum()
}

/// As its control flag.
impl Received {
    pub(super) const fn control(&self) -> TcpControl {
        if self.has_fin {
            TcpControl::Fin
        } else {
            TcpControl::None
        }
    }
}
