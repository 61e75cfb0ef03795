//! A port as smoltcp sees it: a device.

use core::cell::{Ref, RefMut};
use core::fmt;

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium, TxToken as _};
use smoltcp::time::Instant;
use tickwire::Tick;

/// What a port asks of its Ethernet, whatever the lifetime of the memory lent to it.
pub(super) trait PortAccess {
    /// The first frame that is due at a port.
    fn receive(&self, port: usize) -> Option<Ref<'_, [u8]>>;
    /// Where the next frame is written.
    fn outgoing(&self, len: usize) -> RefMut<'_, [u8]>;
    /// Sends what was written there.
    fn send(&self, port: usize, len: usize);
    /// Whether the device has room for a frame of smoltcp's.
    fn has_room(&self, port: usize) -> bool;
    /// The longest frame that a port sends and receives.
    fn frame_bytes_max(&self, port: usize) -> usize;
    /// When the next frame arrives at a port.
    fn next_due(&self, port: usize) -> Option<Tick>;
}

/// One port of an Ethernet: a handle that is cheap to copy, and a smoltcp device.
///
/// The time of all it does is that of [`Ethernet::set_now`](super::Ethernet::set_now). It refuses
/// to transmit only if [`Ethernet::set_room`](super::Ethernet::set_room) says so; what else has no
/// room is dropped and counted.
#[derive(Clone, Copy)]
pub struct Port<'e> {
    ethernet: &'e (dyn PortAccess + 'e),
    index: usize,
}

impl fmt::Debug for Port<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Port").field(&self.index).finish()
    }
}

impl<'e> Port<'e> {
    pub(super) const fn new(ethernet: &'e (dyn PortAccess + 'e), index: usize) -> Self {
        Self { ethernet, index }
    }

    /// Which port this is.
    pub const fn index(&self) -> usize {
        self.index
    }

    /// When the next frame arrives here.
    pub fn next_due(&self) -> Option<Tick> {
        self.ethernet.next_due(self.index)
    }

    /// Sends a frame, Ethernet header first.
    ///
    /// # Panics
    /// When the frame is longer than the memory of a frame.
    pub fn send(&self, frame: &[u8]) {
        TxToken(*self).consume(frame.len(), |buffer| buffer.copy_from_slice(frame));
    }

    /// The next frame that is due, if any.
    ///
    /// # Panics
    /// While a frame that any port received before is still borrowed: the Ethernet holds one.
    pub fn receive_frame(&self) -> Option<Ref<'e, [u8]>> {
        self.ethernet.receive(self.index)
    }
}

impl<'e> Device for Port<'e> {
    type RxToken<'t>
        = RxToken<'e>
    where
        Self: 't;
    type TxToken<'t>
        = TxToken<'e>
    where
        Self: 't;

    fn receive(&mut self, _timestamp: Instant) -> Option<(RxToken<'e>, TxToken<'e>)> {
        let frame = self.receive_frame()?;
        Some((RxToken(frame), TxToken(*self)))
    }

    fn transmit(&mut self, _timestamp: Instant) -> Option<TxToken<'e>> {
        self.ethernet.has_room(self.index).then_some(TxToken(*self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.ethernet.frame_bytes_max(self.index);
        capabilities
    }
}

/// A frame that a port received.
#[derive(Debug)]
pub struct RxToken<'e>(Ref<'e, [u8]>);

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F>(self, f: F) -> R
    where
        F: FnOnce(&[u8]) -> R,
    {
        f(&self.0)
    }
}

/// Permission to send one frame.
#[derive(Debug)]
pub struct TxToken<'e>(Port<'e>);

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F>(self, len: usize, f: F) -> R
    where
        F: FnOnce(&mut [u8]) -> R,
    {
        let Port { ethernet, index } = self.0;
        let result = f(&mut ethernet.outgoing(len));
        ethernet.send(index, len);
        result
    }
}
