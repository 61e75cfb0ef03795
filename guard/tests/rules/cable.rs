//! A device whose other end the test holds.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

pub(crate) const MTU: usize = 1514;
/// Every medium that a guard knows.
pub(crate) const MEDIA: &[Medium] = &[Medium::Ethernet, Medium::Ip];
const ETHERNET_HEADER_LEN: usize = 14;
/// The hardware addresses in frames from the host.
const MACS: [u8; 12] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];

pub(crate) struct Ends {
    /// Frames for the host, in the order in which it will receive them.
    pub(crate) to_host: VecDeque<Vec<u8>>,
    /// Frames from the host, in the order in which it sent them.
    pub(crate) from_host: Vec<Vec<u8>>,
    /// While this is set, the device has no room to transmit.
    pub(crate) refuses: bool,
    pub(crate) mtu: usize,
    pub(crate) checksum: ChecksumCapabilities,
    /// What the host sees. The test always has Ethernet frames.
    pub(crate) medium: Medium,
}

/// One end of the cable is a device. Every clone is the same cable.
#[derive(Clone)]
pub(crate) struct Cable(pub(crate) Rc<RefCell<Ends>>);

impl Cable {
    pub(crate) fn over(medium: Medium) -> Self {
        Self(Rc::new(RefCell::new(Ends {
            to_host: VecDeque::new(),
            from_host: Vec::new(),
            refuses: false,
            mtu: MTU,
            checksum: ChecksumCapabilities::default(),
            medium,
        })))
    }

    pub(crate) fn medium(&self) -> Medium {
        self.0.borrow().medium
    }
}

impl Default for Cable {
    fn default() -> Self {
        Self::over(Medium::Ethernet)
    }
}

impl Device for Cable {
    type RxToken<'a> = Received;
    type TxToken<'a> = Transmit<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Transmit<'_>)> {
        let mut frame = self.0.borrow_mut().to_host.pop_front()?;
        if self.medium() == Medium::Ip {
            frame.drain(..ETHERNET_HEADER_LEN);
        }
        Some((Received(frame), Transmit(self)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Transmit<'_>> {
        let refuses = self.0.borrow().refuses;
        (!refuses).then_some(Transmit(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = self.medium();
        capabilities.max_transmission_unit = self.0.borrow().mtu;
        capabilities.checksum = self.0.borrow().checksum.clone();
        capabilities
    }
}

pub(crate) struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

pub(crate) struct Transmit<'a>(&'a Cable);

impl TxToken for Transmit<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        if self.0.medium() == Medium::Ip {
            let ethertype = if frame[0] >> 4 == 4 {
                [0x08, 0x00]
            } else {
                [0x86, 0xdd]
            };
            frame = [&MACS[..], &ethertype, &frame].concat();
        }
        self.0.0.borrow_mut().from_host.push(frame);
        result
    }
}
