//! A virtual Ethernet with seeded faults: no allocator, no clock, no threads, fixed capacity.
//!
//! An [`Ethernet`] is one segment. A frame sent at a port arrives at the port that has its
//! destination address, or at all others when none has it or the address is a group's. Each
//! [`Port`] is a smoltcp device, and has a [`Link`] that says what may happen to the frames it
//! sends:
//!
//! ```text
//! send ─► too short, too long, port down ─► line: clog, bandwidth and queue
//!      ─► for each receiving port: way severed, receiver down
//!         ─► plan or rule, else chance: losses ─► change ─► delay ─► duplicate
//!         ─► a frame in flight, ordered by (due time, sequence)
//!         ─► receive, once the Ethernet's time has come
//! ```
//!
//! - **Time is an argument.** The caller sets it with [`Ethernet::set_now`], and
//!   [`Ethernet::next_due`] says to which tick a world can jump. A perfect link delivers in the
//!   tick that sent.
//! - **The caller owns memory**: it lends ports and frames. When all frames are in flight, the next
//!   one is dropped and counted. A port refuses to transmit only where [`Ethernet::set_room`] says
//!   so, because smoltcp then loses a connection for good.
//! - **One seed decides everything.** Each port draws from a stream of its own
//!   ([`Generator::fork`](crate::Generator::fork)): the same seed and calls give the same frames
//!   at the same ticks, on every platform.
//! - **Every fault is counted** ([`Counts`]), and a [`FrameObserver`] sees every frame and its
//!   [`Fate`].
//! - **All methods take `&self`**, so that a stack owns its port as its device for its whole
//!   life.
//!
//! ```
//! use tickwire::Tick;
//! use tickwire_sim::ethernet::{Cause, Ethernet, Frame, Link, PortState};
//!
//! let mut memory = [[0; 1514]; 8];
//! let mut frames = memory.each_mut().map(|bytes| Frame::new(&mut bytes[..]));
//! let mut ports = [const { PortState::new() }; 2];
//! let ethernet = Ethernet::new(42, &mut ports[..], &mut frames[..]);
//! ethernet.set_link(0, Link { delay_micros: 2_500, loss_ppm: 500_000, ..Link::PERFECT });
//!
//! // Each side does this, or gives its port to `Interface::poll_ingress_single` as the device.
//! let (here, there) = (ethernet.port(0), ethernet.port(1));
//! for _ in 0..4 {
//!     here.send(b"\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x88\xb5to all");
//! }
//! let due = ethernet.next_due().expect("one of four passed");
//! assert_eq!(due, Tick::from_millis(3), "2.5 ms, rounded up");
//! ethernet.set_now(Tick::from_millis(2));
//! assert!(there.receive_frame().is_none());
//! ethernet.set_now(due);
//! let mut received = 0;
//! while let Some(frame) = there.receive_frame() {
//!     assert!(frame.ends_with(b"to all"));
//!     received += 1;
//! }
//! assert_eq!(received + ethernet.counts(0).dropped(Cause::Loss), 4);
//! ```

mod counts;
mod delivery;
mod lie;
mod line;
mod link;
mod mangle;
mod observer;
mod pool;
mod port;
mod port_state;
mod segment;
mod settings;
#[cfg(test)]
mod tests;

pub use counts::Counts;
pub use link::{
    Action, Bandwidth, Bursts, Cause, Change, Jitter, Link, Planned, QUEUE_FRAMES_MAX, Rule,
};
pub(crate) use mangle::tcp_range;
pub use observer::{Fate, FrameEvent, FrameObserver};
pub use pool::Frame;
pub use port::{Port, RxToken, TxToken};
pub use port_state::PortState;
pub use settings::{Ethernet, PORTS_MAX};
