//! The device.

use core::task::{Context, Waker};

use embassy_net_driver::{self as embassy, Driver};
use smoltcp::phy::{Checksum, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress};

use super::token::{RxToken, TxToken};

/// Whether the link can carry frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LinkState {
    /// No cable, or no access point.
    Down,
    /// Frames come and go.
    Up,
}

/// A driver of embassy's as a device of smoltcp's; the [crate's page](crate) says how to sleep.
#[derive(Debug)]
pub struct EmbassyDevice<D> {
    driver: D,
    medium: Medium,
    /// Whom the driver wakes.
    waker: Waker,
    link: LinkState,
    had_no_room: bool,
}

impl<D: Driver> EmbassyDevice<D> {
    /// A device over `driver`, which wakes nobody. That is right for a loop that sleeps until an
    /// interrupt; inside of a task, [`set_waker`](Self::set_waker) comes before each poll.
    ///
    /// # Panics
    /// When smoltcp was built without the driver's medium: IP needs the feature `ip` of this crate.
    /// IEEE 802.15.4 is not supported.
    pub fn new(driver: D) -> Self {
        let medium = match driver.hardware_address() {
            embassy::HardwareAddress::Ethernet(_) => Medium::Ethernet,
            #[cfg(feature = "ip")]
            embassy::HardwareAddress::Ip => Medium::Ip,
            _ => panic!("the driver's medium needs a feature, or is not supported"),
        };
        Self {
            driver,
            medium,
            waker: Waker::noop().clone(),
            link: LinkState::Down,
            had_no_room: false,
        }
    }

    /// Lets the driver wake the task `waker` when a frame comes, when there is room again, or when
    /// the link changes. To be called before each poll of the interface, and of the link.
    pub fn set_waker(&mut self, waker: &Waker) {
        self.waker.clone_from(waker);
    }

    /// Whether the driver had no room for a frame since the last call. The interface then wants to
    /// be polled at once, over and over. In a task it is better to wait for the driver, which wakes
    /// the task when there is room, and meanwhile to poll now and then: there may never be room, and
    /// deadlines must be judged all the same.
    pub const fn had_no_room(&mut self) -> bool {
        core::mem::replace(&mut self.had_no_room, false)
    }

    /// The state of the link if it has changed since the last call. At first it is down.
    pub fn link_change(&mut self) -> Option<LinkState> {
        let now = match self
            .driver
            .link_state(&mut Context::from_waker(&self.waker))
        {
            embassy::LinkState::Down => LinkState::Down,
            embassy::LinkState::Up => LinkState::Up,
        };
        let before = core::mem::replace(&mut self.link, now);
        (before != now).then_some(now)
    }

    /// The state of the link when [`link_change`](Self::link_change) was called last.
    pub const fn link(&self) -> LinkState {
        self.link
    }

    /// The driver's hardware address, for smoltcp's interface.
    pub fn hardware_address(&self) -> HardwareAddress {
        match self.driver.hardware_address() {
            #[cfg(feature = "ip")]
            embassy::HardwareAddress::Ip => HardwareAddress::Ip,
            embassy::HardwareAddress::Ethernet(mac) => EthernetAddress(mac).into(),
            _ => EthernetAddress([0; 6]).into(),
        }
    }

    /// The driver.
    pub const fn get_ref(&self) -> &D {
        &self.driver
    }

    /// The driver.
    pub const fn get_mut(&mut self) -> &mut D {
        &mut self.driver
    }

    /// The driver again.
    pub fn into_inner(self) -> D {
        self.driver
    }
}

impl<D: Driver> Device for EmbassyDevice<D> {
    type RxToken<'a>
        = RxToken<D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, _: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let cx = &mut Context::from_waker(&self.waker);
        let (received, room) = self.driver.receive(cx)?;
        Some((RxToken(received), TxToken(room)))
    }

    /// None when the driver has no room.
    fn transmit(&mut self, _: Instant) -> Option<Self::TxToken<'_>> {
        let room = self.driver.transmit(&mut Context::from_waker(&self.waker));
        self.had_no_room |= room.is_none();
        room.map(TxToken)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let driver = self.driver.capabilities();
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = self.medium;
        capabilities.max_transmission_unit = driver.max_transmission_unit;
        capabilities.max_burst_size = driver.max_burst_size;
        capabilities.checksum.ipv4 = checksum(driver.checksum.ipv4);
        capabilities.checksum.udp = checksum(driver.checksum.udp);
        capabilities.checksum.tcp = checksum(driver.checksum.tcp);
        capabilities.checksum.icmpv4 = checksum(driver.checksum.icmpv4);
        #[cfg(feature = "ipv6")]
        {
            capabilities.checksum.icmpv6 = checksum(driver.checksum.icmpv6);
        }
        capabilities
    }
}

/// Who computes and verifies a checksum, in smoltcp's words.
const fn checksum(driver: embassy::Checksum) -> Checksum {
    match driver {
        embassy::Checksum::Both => Checksum::Both,
        embassy::Checksum::Rx => Checksum::Rx,
        embassy::Checksum::Tx => Checksum::Tx,
        embassy::Checksum::None => Checksum::None,
    }
}

#[cfg(feature = "defmt")]
impl<D> defmt::Format for EmbassyDevice<D> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "EmbassyDevice {{ medium: {=?}, link: {=?} }}",
            self.medium,
            self.link
        );
    }
}
