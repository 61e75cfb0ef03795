//! Trials: a connection between smoltcp's own sockets, without any app of tickwire, with guards and
//! without. [`transfer_trial`] asks what gets lost over bad links, [`recovery_trial`] how much time
//! a lost frame costs.

mod end;
mod forger;
mod recovery;
mod retransmissions;
mod transfer;

use smoltcp::socket::tcp::Socket;
use smoltcp::wire::IpEndpoint;
use tickwire::Tick;

use crate::Node;
use crate::ethernet::Ethernet;
use end::End;

pub use recovery::{
    RECOVERY_BYTES, RECOVERY_MEMORY_BYTES, RecoveryKind, RecoveryRun, TrialGuard, recovery_trial,
};
pub use retransmissions::Retransmissions;
pub use transfer::{TRIAL_BYTES, TRIAL_MEMORY_BYTES, TrialKind, transfer_trial};

const PORT: u16 = 7;
const FRAME_BYTES: usize = 1_514;
/// Longer than any transfer that ends: under 30 % of loss smoltcp sometimes needs half an hour.
const TICKS_MAX: u64 = 200_000_000;
/// More turns than any transfer that ends.
const TURNS_MAX: u32 = 2_000_000;

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

/// Lets the first end dial the second, and runs both to the end of their transfers. `disturb` is
/// called before each turn.
fn run(
    ends: &mut [End<'_>; 2],
    ethernet: &Ethernet<'_>,
    disturb: &mut dyn FnMut(),
) -> TrialOutcome {
    open(ends);
    let mut now = Tick::ZERO;
    for _ in 0..TURNS_MAX {
        ethernet.set_now(now);
        disturb();
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
