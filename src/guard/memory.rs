//! What the guard remembers, apart from the device that it guards.

use core::cell::RefCell;

use smoltcp::phy::{Checksum, Device, DeviceCapabilities};
use smoltcp::time::Instant;
use smoltcp::wire::EthernetAddress;

use super::token::{Route, RxToken, TxToken};
use super::{Counters, watch::Watch};

/// What a [`Guard`](super::Guard) knows of its connections, for devices that do not last: put it [`over`](Self::over)
/// the device at each turn. The parameters are those of the guard.
#[derive(Debug)]
pub struct Memory<const FLOWS: usize, const FRAME_LEN: usize = 1514> {
    /// Whether the buffer can take any frame that smoltcp fills.
    buffer_fits_mtu: bool,
    /// Shared by the two tokens of one `receive`; never borrowed while a token's closure runs.
    watch: RefCell<Watch<FLOWS>>,
    /// Owned by one token at a time: it holds a changed frame while smoltcp reads it, or one that is dropped.
    buffer: [u8; FRAME_LEN],
}

#[cfg(feature = "defmt")]
impl<const FLOWS: usize, const FRAME_LEN: usize> defmt::Format for Memory<FLOWS, FRAME_LEN> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Memory {{ counters: {=?} }}", self.counters());
    }
}

impl<const FLOWS: usize, const FRAME_LEN: usize> Memory<FLOWS, FRAME_LEN> {
    /// No connections yet, over devices of these `capabilities` whose interface has the hardware address `mac`.
    pub fn new(mac: EthernetAddress, capabilities: &DeviceCapabilities) -> Self {
        let mut memory = Self::passive();
        memory.begin(mac, capabilities);
        memory
    }

    /// A memory that changes nothing and counts nothing, over any device. Where the stack is short, this in a `static` and
    /// [`begin`](Self::begin) there do what [`new`](Self::new) does, which builds some 2 KB and moves them.
    pub const fn passive() -> Self {
        Self {
            buffer_fits_mtu: false,
            watch: RefCell::new(Watch::passive()),
            buffer: [0; FRAME_LEN],
        }
    }

    /// Begins to guard, over devices of these `capabilities` whose interface has the hardware address `mac`. What was known of
    /// connections stays known.
    pub fn begin(&mut self, mac: EthernetAddress, capabilities: &DeviceCapabilities) {
        self.buffer_fits_mtu = capabilities.max_transmission_unit <= FRAME_LEN;
        self.watch.get_mut().begin(mac, capabilities);
    }

    /// The device, guarded for as long as it is borrowed.
    pub const fn over<D: Device>(&mut self, device: D) -> Guarded<'_, D, FLOWS, FRAME_LEN> {
        Guarded {
            device,
            memory: self,
        }
    }

    /// To be called when the interface's hardware address changes.
    pub fn set_mac(&mut self, mac: EthernetAddress) {
        self.watch.get_mut().set_mac(mac);
    }

    /// What the guard did so far.
    pub fn counters(&self) -> Counters {
        self.watch.borrow().counters
    }

    pub(super) fn receive<'a, D: Device>(
        &'a mut self,
        device: &'a mut D,
        timestamp: Instant,
    ) -> Option<GuardedTokens<'a, D, FLOWS>> {
        let (received, reply) = device.receive(timestamp)?;
        self.watch.get_mut().set_now(timestamp);
        let watch = &self.watch;
        let received = RxToken {
            token: received,
            watch,
            buffer: &mut self.buffer,
        };
        let reply = TxToken {
            route: Route::Device(reply),
            watch,
        };
        Some((received, reply))
    }

    pub(super) fn transmit<'a, D: Device>(
        &'a mut self,
        device: &'a mut D,
        timestamp: Instant,
    ) -> Option<TxToken<'a, D::TxToken<'a>, FLOWS>> {
        let watch = self.watch.get_mut();
        watch.set_now(timestamp);
        let may_drop = self.buffer_fits_mtu && watch.must_not_refuse();
        let route = match device.transmit(timestamp) {
            Some(token) => Route::Device(token),
            None if may_drop => Route::Nowhere(&mut self.buffer),
            None => return None,
        };
        Some(TxToken {
            route,
            watch: &self.watch,
        })
    }

    pub(super) fn capabilities<D: Device>(&self, device: &D) -> DeviceCapabilities {
        let inner = device.capabilities();
        if !self.watch.borrow().reads_ethernet() {
            return inner;
        }
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = inner.medium;
        capabilities.max_transmission_unit = inner.max_transmission_unit;
        capabilities.max_burst_size = inner.max_burst_size;
        capabilities.checksum = inner.checksum;
        capabilities.checksum.tcp = match capabilities.checksum.tcp {
            Checksum::Both | Checksum::Tx => Checksum::Tx,
            Checksum::Rx | Checksum::None => Checksum::None,
        };
        capabilities
    }
}

/// The tokens of one `receive`.
type GuardedTokens<'a, D, const FLOWS: usize> = (
    RxToken<'a, <D as Device>::RxToken<'a>, FLOWS>,
    TxToken<'a, <D as Device>::TxToken<'a>, FLOWS>,
);

/// A device under a [`Memory`]; as a [`Guard`](super::Guard), for a shorter time.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Guarded<'m, D, const FLOWS: usize, const FRAME_LEN: usize = 1514> {
    device: D,
    memory: &'m mut Memory<FLOWS, FRAME_LEN>,
}

impl<D, const FLOWS: usize, const FRAME_LEN: usize> Guarded<'_, D, FLOWS, FRAME_LEN> {
    /// The device inside, to drive it. Frames sent or taken here pass the guard by.
    pub const fn get_mut(&mut self) -> &mut D {
        &mut self.device
    }
}

impl<D: Device, const FLOWS: usize, const FRAME_LEN: usize> Device
    for Guarded<'_, D, FLOWS, FRAME_LEN>
{
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

    fn transmit(&mut self, timestamp: Instant) -> Option<Self::TxToken<'_>> {
        self.memory.transmit(&mut self.device, timestamp)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.memory.capabilities(&self.device)
    }
}
