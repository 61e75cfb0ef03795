//! Transfers over bad links: what gets lost, and how long it takes.

use core::cell::RefCell;

use tickwire::guard::Duties;
use tickwire::{Duration, Tick};

use super::end::End;
use super::forger::{Forger, forge};
use super::{FRAME_BYTES, TrialOutcome, run};
use crate::bump::Bump;
use crate::ethernet::{Ethernet, Frame, Jitter, Link, PortState};
use crate::pattern::{Pattern, SlowReader};
use crate::{Generator, Node, NodeMemory, streams};

/// Bytes of each transfer.
pub const TRIAL_BYTES: u64 = 65_536;
/// Memory that [`transfer_trial`] needs, in bytes.
pub const TRIAL_MEMORY_BYTES: usize = FRAMES * FRAME_BYTES + 4 * 16_384;

const FRAMES: usize = 96;
/// Before how many turns in a million something is forged, or in how many a device has no room.
const FORGED_PPM: u32 = 100_000;
const REFUSED_PPM: u32 = 200_000;

/// One kind of transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrialKind {
    /// Both ends send, not only the one that dials.
    pub both_ways: bool,
    /// Readers take a few bytes at a time.
    pub slow_readers: bool,
    /// Beside its faults the link has a forger, and devices have no room at times.
    pub is_hostile: bool,
    /// Both nodes have guards.
    pub is_guarded: bool,
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
    let mut attack = root.fork(streams::TRIAL_FORGER, 0);
    // Loss recovery hides some of what goes wrong without it.
    let duties = if kind.is_hostile && attack.chance(500_000) {
        Duties::HANGS
    } else {
        Duties::ALL
    };
    let mut ends = [0, 1].map(|port| {
        let memory = bump.node();
        let duties = kind.is_guarded.then_some(duties);
        let node = Node::boot(&ethernet, port, seed, memory, Tick::ZERO, duties);
        let sends = |port| Pattern {
            salt: 1_000 * port as u64,
            length: if port == 0 || kind.both_ways {
                TRIAL_BYTES
            } else {
                0
            },
        };
        let buffers = [bump.bytes(buffer_bytes), bump.bytes(buffer_bytes)];
        let reader = kind.slow_readers.then_some(reader);
        End::new(node, buffers, sends(port), sends(1 - port), reader)
    });
    if !kind.is_hostile {
        return run(&mut ends, &ethernet, &mut || {});
    }
    let forger = RefCell::new(Forger::new(attack.fork(streams::LIES, 0), buffer_bytes));
    ethernet.observe(Some(&forger));
    // A frame that a device had no room for is one that the forger has not seen.
    let forges = attack.chance(500_000);
    run(&mut ends, &ethernet, &mut || {
        if forges && attack.chance(FORGED_PPM) {
            forge(&forger, &ethernet);
        }
        for port in 0..2 {
            ethernet.set_room(port, forges || !attack.chance(REFUSED_PPM));
        }
    })
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
