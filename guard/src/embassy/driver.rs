//! The driver wrapper.

use core::task::Context;

use embassy_net_driver::{Capabilities, Checksum, Driver, HardwareAddress, LinkState};

use super::{Control, clock};
use crate::adapter::{Lent, RxToken, Shared, TxToken};
use crate::duties::Duties;
use crate::inspector::Inspector;
use crate::link::{Link, Medium, SoftwareChecksums};
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
/// let guard = driver.control(); // to read counters and more, if you like
/// let (stack, runner) = embassy_net::new(driver, config, resources, seed);
/// ```
///
/// It reads the time from embassy's time driver, as embassy-net does, and lets it wake embassy-net's
/// task when the guard has something to do although no frame came: embassy-net asks for the link's
/// state whenever it has polled its interface, and that is when the guard sets its timer.
#[derive(Debug)]
pub struct GuardedDriver<'a, D> {
    driver: D,
    lent: Lent<'a, Shared<'a>>,
    /// The driver had no room for a frame of the guard's. It wakes the task when it has.
    waits_for_room: bool,
    /// The driver said so when it was asked last.
    is_link_up: bool,
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
        let lent = Lent::shared(storage);
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
            is_link_up: false,
        }
    }

    /// Does only these duties. Without this call a guard does [all of them](crate::Duties::ALL).
    #[must_use]
    pub fn with_duties(self, duties: Duties) -> Self {
        self.lent.with(|inspector| inspector.set_duties(duties));
        self
    }

    /// What a program may want of the guard once embassy-net has the driver.
    pub const fn control(&self) -> Control<'a> {
        Control::new(self.lent.inspector)
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

    /// To be called before anything else that moves a frame. Returns whether a frame that nobody
    /// sent may be due.
    fn begin(&mut self, cx: &mut Context<'_>) -> bool {
        if let HardwareAddress::Ethernet(mac) = self.driver.hardware_address() {
            self.lent.with(|inspector| inspector.set_mac(mac));
        }
        let mut pending = self.lent.begin(clock::time());
        while pending.has_rest
            && let Some(room) = self.driver.transmit(cx)
        {
            pending.has_rest = self.lent.send_rest(room);
        }
        self.waits_for_room |= pending.has_rest;
        pending.is_due
    }

    /// A link that comes up may lead to other neighbours, and to a bridge that does not know our
    /// multicast groups.
    fn note_link(&mut self, state: LinkState) {
        let was_up = core::mem::replace(&mut self.is_link_up, state == LinkState::Up);
        if self.is_link_up && !was_up {
            self.lent.begin(clock::time());
            self.lent.with(Inspector::on_link_up);
        }
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
        if self.begin(cx) {
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
        let state = self.driver.link_state(cx);
        self.note_link(state);
        let poll_at = self.lent.with(|inspector| inspector.poll_at());
        if let Some(poll_at) = poll_at.filter(|_| !self.waits_for_room) {
            clock::wake_at(poll_at, cx.waker());
        }
        state
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
