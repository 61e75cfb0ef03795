//! The driver wrapper.

#[cfg(feature = "ipv6")]
use core::net::Ipv6Addr;
use core::task::Context;

use embassy_net_driver::{Capabilities, Checksum, Driver, HardwareAddress, LinkState};

use super::clock;
use crate::adapter::{Lent, RxToken, TxToken};
#[cfg(feature = "ipv6")]
use crate::address::Address;
use crate::counters::Counters;
use crate::duties::Duties;
use crate::link::{Link, Medium, SoftwareChecksums};
use crate::notice::Notice;
use crate::storage::Storage;

/// A driver that keeps the TCP connections of embassy-net over `D` from getting stuck; the [crate's
/// page](crate) says how.
///
/// It takes the place of the driver, and nothing else changes:
///
/// ```ignore
/// static STORAGE: ConstStaticCell<Storage<6>> = ConstStaticCell::new(Storage::new());
///
/// let driver = GuardedDriver::new(driver, STORAGE.take()); // the line more
/// let (stack, runner) = embassy_net::new(driver, config, resources, seed);
/// ```
///
/// It reads the time from embassy's time driver, as embassy-net does, and lets it wake embassy-net's
/// task when the guard has something to do although no frame came: embassy-net asks for the link's
/// state whenever it has polled its interface, and that is when the guard sets its timer.
#[derive(Debug)]
pub struct GuardedDriver<'a, D> {
    driver: D,
    lent: Lent<'a>,
    /// The driver had no room for a frame of the guard's. It wakes the task when it has.
    waits_for_room: bool,
}

impl<'a, D: Driver> GuardedDriver<'a, D> {
    /// Guards `driver`, whose frames have Ethernet headers or begin with an IP header. Over IEEE
    /// 802.15.4 nothing is guarded.
    ///
    /// What `storage` already knows of connections stays known.
    pub fn new<const FLOWS: usize, const FRAME_LEN: usize>(
        driver: D,
        storage: &'a mut Storage<FLOWS, FRAME_LEN>,
    ) -> Self {
        let mut lent = Lent::new(storage);
        let capabilities = driver.capabilities();
        let medium = match driver.hardware_address() {
            HardwareAddress::Ethernet(mac) => Some((Medium::Ethernet, mac)),
            HardwareAddress::Ip => Some((Medium::Ip, [0; 6])),
            _ => None,
        };
        if let Some((medium, mac)) = medium {
            let checksum = &capabilities.checksum;
            let checksums = SoftwareChecksums {
                verify_ipv4: matches!(checksum.ipv4, Checksum::Both | Checksum::Rx),
                verify_tcp: matches!(checksum.tcp, Checksum::Both | Checksum::Rx),
                compute_tcp: matches!(checksum.tcp, Checksum::Both | Checksum::Tx),
            };
            let link = Link {
                medium,
                mac,
                checksums,
            };
            lent.activate(link, capabilities.max_transmission_unit);
        }
        Self {
            driver,
            lent,
            waits_for_room: false,
        }
    }

    /// Does only these duties. Without this call a guard does [all of them](crate::Duties::ALL).
    #[must_use]
    pub fn with_duties(mut self, duties: Duties) -> Self {
        self.lent.set_duties(duties);
        self
    }

    /// Tells bridges that snoop multicast that we listen for these addresses, so that we can be
    /// reached over IPv6 (RFC 3810).
    ///
    /// Without this call the guard learns an address when smoltcp sends something from it: too late
    /// for a host that only listens.
    #[cfg(feature = "ipv6")]
    pub fn set_ipv6_addresses(&mut self, addresses: &[Ipv6Addr]) {
        let addresses = addresses.iter();
        let addresses = addresses.filter_map(|address| Address::new(&address.octets()));
        self.lent.get().set_own(addresses);
    }

    /// Lets the callers of a port that listens wait while every socket of it is busy, for at most
    /// this number of milliseconds; with None, which is so for every port at first, they are refused
    /// at once.
    ///
    /// A caller that waits gets no answer, and so sends its SYN again after one second, three
    /// seconds, and so on. At most 8 callers wait at a time. Returns false when 4 other ports have a
    /// backlog already.
    pub fn set_backlog(&mut self, port: u16, wait_max_millis: Option<u64>) -> bool {
        self.lent.set_backlog(port, wait_max_millis)
    }

    /// The oldest thing that happened and that nobody has taken yet. There is room for two.
    pub fn take_notice(&mut self) -> Option<Notice> {
        self.lent.get().take_notice()
    }

    /// What the guards over this storage did since it was made.
    pub fn counters(&self) -> Counters {
        self.lent.with(|inspector| inspector.counters)
    }

    /// The driver inside.
    pub const fn get_ref(&self) -> &D {
        &self.driver
    }

    /// The driver inside. The guard does not see frames that are sent or received through this
    /// reference.
    pub const fn get_mut(&mut self) -> &mut D {
        &mut self.driver
    }

    /// The driver, without its guard.
    pub fn into_inner(self) -> D {
        self.driver
    }

    /// To be called before anything else that moves a frame.
    fn begin(&mut self, cx: &mut Context<'_>) {
        if let HardwareAddress::Ethernet(mac) = self.driver.hardware_address() {
            self.lent.get().set_mac(mac);
        }
        let mut has_rest = self.lent.begin(clock::time());
        while has_rest && let Some(room) = self.driver.transmit(cx) {
            has_rest = self.lent.send_rest(room);
        }
        self.waits_for_room |= has_rest;
    }
}

impl<D: Driver> Driver for GuardedDriver<'_, D> {
    type RxToken<'t>
        = RxToken<'t, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = TxToken<'t, D::TxToken<'t>>
    where
        Self: 't;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.waits_for_room = false;
        self.begin(cx);
        if self.lent.is_due() {
            // Without room for what smoltcp may answer, the frame stays due.
            let room = self.driver.transmit(cx);
            self.waits_for_room |= room.is_none();
            let due = room.and_then(|room| self.lent.take_due(room));
            if let Some(due) = due {
                let reply = self.driver.transmit(cx)?;
                return Some(self.lent.made(due, reply));
            }
        }
        let (received, reply) = self.driver.receive(cx)?;
        Some(self.lent.received(received, reply))
    }

    /// None when the driver has no room, unless rule R8 drops the frame instead.
    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<Self::TxToken<'_>> {
        self.begin(cx);
        self.lent.transmit(self.driver.transmit(cx))
    }

    fn link_state(&mut self, cx: &mut Context<'_>) -> LinkState {
        let poll_at = self.lent.get().poll_at();
        if let Some(poll_at) = poll_at.filter(|_| !self.waits_for_room) {
            clock::wake_at(poll_at, cx.waker());
        }
        self.driver.link_state(cx)
    }

    /// The driver's own, except that TCP checksums are not verified again, because the guard
    /// verifies them.
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.driver.capabilities();
        let is_active = self.lent.with(|inspector| {
            inspector.on_mtu_told(capabilities.max_transmission_unit);
            inspector.is_active()
        });
        if is_active {
            let tcp = &mut capabilities.checksum.tcp;
            *tcp = match tcp {
                Checksum::Both | Checksum::Tx => Checksum::Tx,
                Checksum::Rx | Checksum::None => Checksum::None,
            };
        }
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        self.driver.hardware_address()
    }
}

#[cfg(feature = "defmt")]
impl<D: defmt::Format> defmt::Format for GuardedDriver<'_, D> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let counters = self.lent.with(|inspector| inspector.counters);
        defmt::write!(
            f,
            "GuardedDriver {{ driver: {=?}, counters: {=?} }}",
            self.driver,
            counters
        );
    }
}
