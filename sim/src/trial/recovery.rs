//! Transfers over links that lose or reorder frames and do nothing else: how much time that costs,
//! and how many segments are sent again.

use core::cell::RefCell;

use tickwire::guard::Duties;
use tickwire::{Duration, Tick};

use super::end::End;
use super::retransmissions::{Retransmissions, SegmentObserver};
use super::{FRAME_BYTES, TrialOutcome, run};
use crate::bump::Bump;
use crate::ethernet::{Ethernet, Frame, Link, PortState};
use crate::pattern::Pattern;
use crate::{Node, NodeMemory};

/// Bytes of each transfer, in each direction that sends.
pub const RECOVERY_BYTES: u64 = 1 << 20;
/// Memory that [`recovery_trial`] needs, in bytes.
pub const RECOVERY_MEMORY_BYTES: usize = FRAMES * FRAME_BYTES + 4 * BUFFER_BYTES_MAX;

/// More frames than two full windows with all their acknowledgements.
const FRAMES: usize = 512;
/// The receive buffer: more than any send buffer fills.
const BUFFER_BYTES_MAX: usize = 65_536;

/// One kind of transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryKind {
    /// Frames lost each way, in parts per million.
    pub loss_ppm: u32,
    /// Frames held back each way, in parts per million, so that later ones overtake them.
    pub reorder_ppm: u32,
    /// The longest time that a frame is held back.
    pub reorder_max: Duration,
    /// The time that a frame and its answer take together.
    pub round_trip: Duration,
    /// The size of each send buffer, at most 64 KiB. Receive buffers have 64 KiB.
    pub send_buffer_bytes: usize,
    /// Both ends send, not only the one that dials.
    pub both_ways: bool,
    /// What both nodes have.
    pub guard: TrialGuard,
}

/// The guard of both nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialGuard {
    /// None: smoltcp as it is.
    Bare,
    /// One that keeps connections from getting stuck, and leaves losses to smoltcp.
    HangsOnly,
    /// One that also recovers from losses.
    Recovery,
}

/// How a transfer ended, and what it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryRun {
    /// How it ended.
    pub outcome: TrialOutcome,
    /// What both ends sent.
    pub retransmissions: Retransmissions,
}

/// Runs one transfer. With and without guards a seed draws the same fate for the same frame.
///
/// # Panics
/// When `memory` is shorter than [`RECOVERY_MEMORY_BYTES`], or a send buffer longer than 64 KiB.
pub fn recovery_trial(seed: u64, kind: &RecoveryKind, memory: &mut [u8]) -> RecoveryRun {
    let observer = RefCell::new(SegmentObserver::default());
    let mut nodes = [const { NodeMemory::<1>::new() }; 2];
    let mut bump = Bump::new(memory, &mut nodes);
    let mut frames: [Frame<'_>; FRAMES] =
        core::array::from_fn(|_| Frame::new(bump.bytes(FRAME_BYTES)));
    let mut ports = [const { PortState::new() }; 2];
    let ethernet = Ethernet::new(seed, &mut ports[..], &mut frames[..]);
    ethernet.observe(Some(&observer));
    for port in 0..2 {
        ethernet.set_link(port, link(kind, port));
    }
    let mut ends = [0, 1].map(|port| {
        let memory = bump.node();
        let duties = match kind.guard {
            TrialGuard::Bare => None,
            TrialGuard::HangsOnly => Some(Duties::HANGS),
            TrialGuard::Recovery => Some(Duties::ALL),
        };
        let node = Node::boot(&ethernet, port, seed, memory, Tick::ZERO, duties);
        let sends = |port| Pattern {
            salt: 1_000 * port as u64,
            length: if port == 0 || kind.both_ways {
                RECOVERY_BYTES
            } else {
                0
            },
        };
        let receive = bump.bytes(BUFFER_BYTES_MAX);
        let buffers = [receive, bump.bytes(kind.send_buffer_bytes)];
        End::new(node, buffers, sends(port), sends(1 - port), None)
    });
    let outcome = run(&mut ends, &ethernet, &mut || {});
    let retransmissions = observer.borrow().counts;
    RecoveryRun {
        outcome,
        retransmissions,
    }
}

/// The link of one port. The clock has whole ticks, so an odd round trip has its odd tick one way.
fn link(kind: &RecoveryKind, port: usize) -> Link {
    let round_trip = kind.round_trip.as_millis();
    let one_way = if port == 0 {
        round_trip.div_ceil(2)
    } else {
        round_trip / 2
    };
    Link {
        loss_ppm: kind.loss_ppm,
        delay_micros: one_way * 1_000,
        reorder_ppm: kind.reorder_ppm,
        reorder_micros_max: kind.reorder_max.as_millis() * 1_000,
        ..Link::PERFECT
    }
}
