//! The device under a DHCP client's interface.

use core::cell::RefCell;

use smoltcp::phy::{
    self, ChecksumCapabilities, Device, DeviceCapabilities, PacketMeta, TxToken as _,
};
use smoltcp::time::Instant;

use super::frame;
use super::storage::{Shared, Storage};

/// A device that lets a [`Dhcp`](super::Dhcp) client send and hear what no socket of smoltcp can:
/// messages from and to a host that has no address yet, and ARP probes.
///
/// All other frames pass unchanged. It belongs next to the driver, a guard around it. What the client
/// sends leaves when the loop next asks for a frame, which is at once.
#[derive(Debug)]
pub struct DhcpDevice<'a, D> {
    device: D,
    /// Which checksums it computes itself.
    checksums: ChecksumCapabilities,
    storage: &'a Storage,
}

impl<'a, D: Device> DhcpDevice<'a, D> {
    /// Wraps `device`, for a client over the same `storage`.
    pub fn new(device: D, storage: &'a Storage) -> Self {
        let capabilities = device.capabilities();
        // 14 bytes are Ethernet's header.
        let mtu = capabilities.max_transmission_unit.saturating_sub(14);
        storage.shared.borrow_mut().packet_bytes_max = u16::try_from(mtu).unwrap_or(u16::MAX);
        Self {
            device,
            checksums: capabilities.checksum,
            storage,
        }
    }

    /// The device inside.
    pub const fn get_ref(&self) -> &D {
        &self.device
    }

    /// The device inside. The client does not hear what is received through this reference.
    pub const fn get_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// The device alone.
    pub fn into_inner(self) -> D {
        self.device
    }

    /// Sends the client's frame, where there is one and the device has room.
    fn flush(&mut self, timestamp: Instant) {
        let outgoing = &mut self.storage.shared.borrow_mut().outgoing;
        if outgoing.is_empty() {
            return;
        }
        if let Some(token) = self.device.transmit(timestamp) {
            frame::leave_checksums(outgoing, &self.checksums);
            token.consume(outgoing.len(), |frame| frame.copy_from_slice(outgoing));
            outgoing.clear();
        }
    }
}

impl<D: Device> Device for DhcpDevice<'_, D> {
    type RxToken<'t>
        = RxToken<'t, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = D::TxToken<'t>
    where
        Self: 't;

    fn receive(&mut self, timestamp: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.flush(timestamp);
        let (token, reply) = self.device.receive(timestamp)?;
        let received = RxToken {
            token,
            checksums: &self.checksums,
            shared: &self.storage.shared,
        };
        Some((received, reply))
    }

    fn transmit(&mut self, timestamp: Instant) -> Option<Self::TxToken<'_>> {
        self.device.transmit(timestamp)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame that came in, which the client hears first.
#[derive(Debug)]
pub struct RxToken<'t, T> {
    token: T,
    checksums: &'t ChecksumCapabilities,
    shared: &'t RefCell<Shared>,
}

impl<T: phy::RxToken> phy::RxToken for RxToken<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        self.token.consume(|frame| {
            // A statement of its own: the borrow ends before smoltcp's closure runs.
            let is_taken = self.shared.borrow_mut().hear(frame, self.checksums);
            f(if is_taken { &[] } else { frame })
        })
    }

    fn meta(&self) -> PacketMeta {
        self.token.meta()
    }
}

#[cfg(feature = "defmt")]
impl<D: defmt::Format> defmt::Format for DhcpDevice<'_, D> {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(f, "DhcpDevice {{ device: {=?} }}", self.device);
    }
}

#[cfg(feature = "defmt")]
impl<T: defmt::Format> defmt::Format for RxToken<'_, T> {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(f, "RxToken {{ token: {=?} }}", self.token);
    }
}
