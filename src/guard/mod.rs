//! A device wrapper that keeps smoltcp's TCP from getting stuck.
//!
//! smoltcp 0.14 loses connections for good under loss, reordering or small windows: no timer runs, nothing is in flight, and
//! data is unacknowledged. Or its stream ends early as if it were whole, or it sends ACK after ACK without end.
//! [`Guard`] stands between the device and the interface. It watches the TCP headers of both directions, keeps a
//! few sequence numbers for each connection, and mends the one field of the one segment that would lead smoltcp
//! astray. Nothing is ever delayed, and nothing is sent that smoltcp did not send. Both ends of a connection may
//! have a guard; with one, that end's own sending is safe.
//!
//! It needs nothing else of this crate. In smoltcp's own loop one line changes:
//!
//! ```
//! use smoltcp::iface::{Config, Interface, SocketSet};
//! use smoltcp::phy::Device;
//! use smoltcp::time::Instant;
//! use smoltcp::wire::EthernetAddress;
//! use tickwire::guard::Guard;
//!
//! fn run(device: impl Device, mut sockets: SocketSet<'_>, mut now: impl FnMut() -> Option<Instant>) {
//!     let mac = EthernetAddress([0x02, 0, 0, 0, 0, 1]);
//!     let mut device: Guard<_, 6> = Guard::new(device, mac); // for up to four TCP sockets
//!
//!     let mut iface = Interface::new(Config::new(mac.into()), &mut device, Instant::ZERO);
//!     while let Some(now) = now() {
//!         iface.poll(now, &mut device, &mut sockets);
//!         // ... use the sockets
//!     }
//! }
//! # struct Nothing;
//! # impl smoltcp::phy::RxToken for Nothing {
//! #     fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R { f(&[]) }
//! # }
//! # impl smoltcp::phy::TxToken for Nothing {
//! #     fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R { f(&mut [0; 1514][..len]) }
//! # }
//! # impl Device for Nothing {
//! #     type RxToken<'a> = Nothing;
//! #     type TxToken<'a> = Nothing;
//! #     fn receive(&mut self, _: Instant) -> Option<(Nothing, Nothing)> { None }
//! #     fn transmit(&mut self, _: Instant) -> Option<Nothing> { Some(Nothing) }
//! #     fn capabilities(&self) -> smoltcp::phy::DeviceCapabilities { Default::default() }
//! # }
//! # let mut ticks = 0..3;
//! # run(Nothing, SocketSet::new(&mut [][..]), || ticks.next().map(Instant::from_millis));
//! ```
//!
//! Where the device itself is made anew again and again, as a port of a virtual wire is, the [`Memory`] stays and is put
//! [`over`](Memory::over) it.
//!
//! # The rules
//!
//! | rule | segment | condition | change | without it |
//! |---|---|---|---|---|
//! | R1 | in | acknowledges what was never sent | refused | bytes vanish unsent |
//! | R2 | in | FIN behind data that our window cuts short | FIN removed | the stream ends early, but cleanly |
//! | R3 | in | pure ACK, new acknowledgement, sequence number before our window or at its end | number moved into it | both sides resend for ever |
//! | R4 | in | window 0 while data is in flight | window 1 | stuck, no timer |
//! | R5 | in | ACK of all but the FIN | window varied | the FIN is never resent |
//! | R6 | in | window 0 after our FIN was acknowledged | window 1 | endless ACKs |
//! | R7 | out | pure ACK with a sequence number that went back | number brought forward | as R3, for a bare peer |
//! | R8 | out | the device refuses while a fast retransmit may be due | frame dropped | stuck, no timer |
//! | R9 | in | SYN-ACK that answers no SYN of ours | refused | panic, while our SYN waits for the neighbour |
//! | R10 | in | possible duplicate ACK while the neighbour's address may have expired | window varied | stuck, no timer |
//!
//! # What passes untouched
//!
//! Everything but TCP over Ethernet, and every connection that the guard does not know: it learns one from our own SYN or
//! SYN-ACK, and touches nothing before the handshake is done, but for rule R9. RST and SYN are never changed. Frames for another
//! host's hardware address pass, but not those for a group address, since smoltcp takes TCP from them. An IPv6 connection is
//! known only with the feature `ipv6`.
//!
//! One panic of smoltcp has the cause of rule R9 and cannot be mended here: a SYN without an ACK on the ports of a SYN of ours that
//! still waits for the neighbour. [`turn`](crate::turn()) ends such a connection in time.
//!
//! Checksums are the one thing that the guard takes over altogether. It must verify a segment before it believes it, so
//! [`capabilities`](Device::capabilities) tells smoltcp not to do so again, and a segment with a wrong checksum, known or not,
//! reaches smoltcp as an empty frame. So does an IPv4 fragment of a TCP segment: smoltcp would drop it anyway,
//! unless it is built with reassembly. Checksums that the device computes or verifies stay the device's.

mod counters;
mod flow;
mod memory;
mod neighbours;
mod rules;
mod segment;
mod token;
mod watch;

use smoltcp::phy::{Device, DeviceCapabilities};
use smoltcp::time::Instant;
use smoltcp::wire::EthernetAddress;

pub use counters::Counters;
pub use memory::{Guarded, Memory};
pub use token::{RxToken, TxToken};

/// A device that keeps the connections over `D` from getting stuck; see [the module](self).
///
/// `FLOWS` is how many connections it knows at a time, 48 bytes each (72 with `ipv6`). Make it at least two larger than the
/// number of TCP sockets, for a socket may begin its next connection while frames of the last one are still
/// about. A new connection takes the place of one that is over. Where none is, the one that has sent nothing for the longest
/// time is forgotten and goes on unguarded. If its handshake was not done, rule R9 rests for 60 s: the SYN that it asks for may be the
/// forgotten one, until smoltcp has sent it again.
///
/// `FRAME_LEN` is the size in bytes of the one buffer, used only for a frame that must be changed. Make it the device's
/// `max_transmission_unit`; with less, longer frames pass unchanged and rule R8 rests.
///
/// Make the [`Interface`](smoltcp::iface::Interface) with the guard, not with the device inside: the interface asks for
/// the capabilities only then.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Guard<D, const FLOWS: usize, const FRAME_LEN: usize = 1514> {
    device: D,
    memory: Memory<FLOWS, FRAME_LEN>,
}

impl<D: Device, const FLOWS: usize, const FRAME_LEN: usize> Guard<D, FLOWS, FRAME_LEN> {
    /// Guards `device`, whose interface has the hardware address `mac`.
    pub fn new(device: D, mac: EthernetAddress) -> Self {
        let memory = Memory::new(mac, &device.capabilities());
        Self { device, memory }
    }

    /// A guard that changes nothing and counts nothing, for a program that lets its user choose.
    pub const fn passive(device: D) -> Self {
        let memory = Memory::passive();
        Self { device, memory }
    }

    /// To be called when the interface's hardware address changes.
    pub fn set_mac(&mut self, mac: EthernetAddress) {
        self.memory.set_mac(mac);
    }

    /// What the guard did so far.
    pub fn counters(&self) -> Counters {
        self.memory.counters()
    }

    /// The device inside.
    pub const fn get_ref(&self) -> &D {
        &self.device
    }

    /// The device inside. Frames that pass it by another way are unknown to the guard.
    pub const fn get_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// The device, without its guard.
    pub fn into_inner(self) -> D {
        self.device
    }
}

impl<D: Device, const FLOWS: usize, const FRAME_LEN: usize> Device for Guard<D, FLOWS, FRAME_LEN> {
    type RxToken<'a>
        = RxToken<'a, D::RxToken<'a>, FLOWS>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a, D::TxToken<'a>, FLOWS>
    where
        Self: 'a;

    fn receive(&mut self, timestamp: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.memory.receive(&mut self.device, timestamp)
    }

    /// None when the device refuses, unless rule R8 wants the frame dropped instead.
    fn transmit(&mut self, timestamp: Instant) -> Option<Self::TxToken<'_>> {
        self.memory.transmit(&mut self.device, timestamp)
    }

    /// The device's own, but without verification of TCP checksums, which the guard does, and without segmentation
    /// offload, which would hide from the guard what is sent.
    fn capabilities(&self) -> DeviceCapabilities {
        self.memory.capabilities(&self.device)
    }
}
