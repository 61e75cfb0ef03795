//! The device wrapper.

use core::net::IpAddr;

use smoltcp::phy::{self, Checksum, Device, DeviceCapabilities};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::EthernetAddress;
#[cfg(feature = "ipv6")]
use smoltcp::wire::IpCidr;

use crate::adapter::{Exclusive, Lent, RxToken, TxToken};
#[cfg(feature = "ipv6")]
use crate::address::Address;
use crate::counters::Counters;
use crate::duties::Duties;
use crate::inspector::Inspector;
use crate::link::{Link, Medium, SoftwareChecksums};
use crate::notice::Notice;
use crate::storage::Storage;
use crate::time::Time;

/// A device that keeps the TCP connections over `D` from getting stuck; the [crate's page](crate)
/// says how.
///
/// Make the [`Interface`](smoltcp::iface::Interface) with the guarded device, not with the device
/// inside: an interface asks for the capabilities only once, when it is made.
///
/// ```
/// use smoltcp::iface::{Config, Interface, SocketSet};
/// # use smoltcp::phy::Device;
/// use smoltcp::time::Instant;
/// use smoltcp::wire::EthernetAddress;
/// use smoltcp_guard::{Guarded, Storage};
///
/// # struct Silent;
/// # impl smoltcp::phy::RxToken for Silent {
/// #     fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R { f(&[]) }
/// # }
/// # impl smoltcp::phy::TxToken for Silent {
/// #     fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
/// #         f(&mut [0; 1514][..len])
/// #     }
/// # }
/// # impl Device for Silent {
/// #     type RxToken<'a> = Silent;
/// #     type TxToken<'a> = Silent;
/// #     fn receive(&mut self, _: Instant) -> Option<(Silent, Silent)> { None }
/// #     fn transmit(&mut self, _: Instant) -> Option<Silent> { Some(Silent) }
/// #     fn capabilities(&self) -> smoltcp::phy::DeviceCapabilities { Default::default() }
/// # }
/// # let device = Silent;
/// let mac = EthernetAddress([0x02, 0, 0, 0, 0, 1]);
/// let mut storage: Storage<6> = Storage::new(); // for up to four TCP sockets
/// let mut device = Guarded::new(device, mac, &mut storage);
///
/// let mut sockets = SocketSet::new(&mut [][..]);
/// let mut iface = Interface::new(Config::new(mac.into()), &mut device, Instant::ZERO);
/// for millis in 0..3 {
///     let now = Instant::from_millis(millis);
///     iface.poll(now, &mut device, &mut sockets);
///     // ... use the sockets
///     let wake = [iface.poll_at(now, &sockets), device.poll_at()].into_iter().flatten().min();
///     // ... sleep until a frame comes or, if there is one, until `wake`
/// #   assert_eq!(wake, None);
/// }
/// assert_eq!(device.counters().rules_applied(), 0);
/// ```
#[derive(Debug)]
pub struct Guarded<'a, D> {
    device: D,
    lent: Lent<'a, Exclusive<'a>>,
}

impl<'a, D: Device> Guarded<'a, D> {
    /// Guards `device`, whose frames have Ethernet headers and whose interface has the hardware
    /// address `mac`.
    ///
    /// What `storage` already knows of connections stays known. Over another medium than Ethernet
    /// the guard is [`passive`](Self::passive); see [`over_ip`](Self::over_ip).
    pub fn new<const FLOWS: usize, const FRAME_LEN: usize>(
        device: D,
        mac: EthernetAddress,
        storage: &'a mut Storage<FLOWS, FRAME_LEN>,
    ) -> Self {
        if device.capabilities().medium != phy::Medium::Ethernet {
            return Self::passive(device, storage);
        }
        Self::active(device, Medium::Ethernet, mac, storage)
    }

    /// Guards `device`, whose frames begin with an IP header: smoltcp's `Medium::Ip`, which TUN, PPP
    /// and most VPNs have.
    ///
    /// What `storage` already knows of connections stays known.
    pub fn over_ip<const FLOWS: usize, const FRAME_LEN: usize>(
        device: D,
        storage: &'a mut Storage<FLOWS, FRAME_LEN>,
    ) -> Self {
        Self::active(device, Medium::Ip, EthernetAddress([0; 6]), storage)
    }

    fn active<const FLOWS: usize, const FRAME_LEN: usize>(
        device: D,
        medium: Medium,
        mac: EthernetAddress,
        storage: &'a mut Storage<FLOWS, FRAME_LEN>,
    ) -> Self {
        let guarded = Self::passive(device, storage);
        let capabilities = guarded.device.capabilities();
        let link = Link {
            medium,
            mac: mac.0,
            checksums: SoftwareChecksums {
                verify_ipv4: capabilities.checksum.ipv4.rx(),
                verify_tcp: capabilities.checksum.tcp.rx(),
                compute_tcp: capabilities.checksum.tcp.tx(),
            },
        };
        let mtu = capabilities.max_transmission_unit;
        guarded.lent.activate(link, mtu);
        guarded
    }

    /// A wrapper that changes nothing and counts nothing, for a program that lets its user choose. It
    /// follows no connection either: an active guard that comes after it needs another storage.
    pub fn passive<const FLOWS: usize, const FRAME_LEN: usize>(
        device: D,
        storage: &'a mut Storage<FLOWS, FRAME_LEN>,
    ) -> Self {
        Self {
            device,
            lent: Lent::exclusive(storage),
        }
    }

    /// Does only these duties. Without this call a guard does [all of them](crate::Duties::ALL).
    #[must_use]
    pub fn with_duties(self, duties: Duties) -> Self {
        self.lent.with(|inspector| inspector.set_duties(duties));
        self
    }

    /// To be called when the interface's hardware address changes.
    pub fn set_mac(&mut self, mac: EthernetAddress) {
        self.lent.with(|inspector| inspector.set_mac(mac.0));
    }

    /// Tells bridges that snoop multicast that we listen for these addresses, so that we can be
    /// reached over IPv6 (RFC 3810). To be called with
    /// [`Interface::ip_addrs`](smoltcp::iface::Interface::ip_addrs), at first and when they change.
    ///
    /// Without this call the guard learns an address when smoltcp sends something from it: too late
    /// for a host that only listens.
    #[cfg(feature = "ipv6")]
    pub fn set_ip_addrs(&mut self, addresses: &[IpCidr]) {
        let addresses = addresses.iter().filter_map(|cidr| match cidr {
            IpCidr::Ipv6(cidr) => Address::new(&cidr.address().octets()),
            #[allow(
                unreachable_patterns,
                reason = "smoltcp's features decide how many families there are"
            )]
            _ => None,
        });
        self.lent.with(|inspector| inspector.set_own(addresses));
    }

    /// To be called when the link is up again, and whenever
    /// [`Interface::update_ip_addrs`](smoltcp::iface::Interface::update_ip_addrs) has emptied
    /// smoltcp's neighbour cache: the guard then learns anew which neighbours smoltcp knows (R10).
    ///
    /// With the feature `ipv6`, the groups of our addresses are reported anew, for a bridge that was
    /// restarted has forgotten them, and another one never knew.
    pub fn on_link_up(&mut self) {
        self.lent.with(Inspector::on_link_up);
    }

    /// Lets the callers of a port that listens wait while every socket of it is busy, for at most
    /// this time; with None, which is so for every port at first, they are refused at once.
    ///
    /// A caller that waits gets no answer, and so sends its SYN again after one second, three
    /// seconds, and so on. At most 8 callers wait at a time. Returns false when 4 other ports have a
    /// backlog already.
    pub fn set_backlog(&mut self, port: u16, wait_max: Option<Duration>) -> bool {
        let millis = wait_max.map(|wait| wait.total_millis());
        self.lent
            .with(|inspector| inspector.backlog.set(port, millis))
    }

    /// To be called when the interface loses an address, before it is polled again: the guard sends
    /// nothing from there any more.
    pub fn forget_address(&mut self, address: IpAddr) {
        self.lent
            .with(|inspector| inspector.forget_address(address));
    }

    /// When the guard has something to do even if no frame comes: the interface must be polled then,
    /// as at [`Interface::poll_at`](smoltcp::iface::Interface::poll_at). None when it waits for
    /// frames alone.
    pub fn poll_at(&self) -> Option<Instant> {
        let at = self.lent.with(|inspector| inspector.poll_at())?;
        Some(Instant::from_micros(at.as_micros()))
    }

    /// The oldest thing that happened and that nobody has taken yet. There is room for two: a
    /// program that wants to know takes them after each poll.
    pub fn take_notice(&mut self) -> Option<Notice> {
        self.lent.with(|inspector| inspector.take_notice())
    }

    /// What the guards over this storage did since it was made.
    pub fn counters(&self) -> Counters {
        self.lent.with(|inspector| inspector.counters)
    }

    #[cfg(test)]
    pub(super) fn with_inspector<R>(&self, f: impl FnOnce(&mut Inspector) -> R) -> R {
        self.lent.with(f)
    }

    /// The device inside.
    pub const fn get_ref(&self) -> &D {
        &self.device
    }

    /// The device inside. The guard does not see frames that are sent or received through this
    /// reference.
    pub const fn get_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// The device, without its guard.
    pub fn into_inner(self) -> D {
        self.device
    }
}

impl<D: Device> Guarded<'_, D> {
    /// To be called before anything else that moves a frame. Returns whether a frame that nobody
    /// sent may be due.
    fn begin(&mut self, timestamp: Instant) -> bool {
        let now = Time::from_micros(timestamp.total_micros());
        let mut pending = self.lent.begin(now);
        while pending.has_rest
            && let Some(room) = self.device.transmit(timestamp)
        {
            pending.has_rest = self.lent.send_rest(room);
        }
        pending.is_due
    }
}

impl<D: Device> Device for Guarded<'_, D> {
    type RxToken<'t>
        = RxToken<'t, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = TxToken<'t, D::TxToken<'t>>
    where
        Self: 't;

    fn receive(&mut self, timestamp: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        // Without room for what smoltcp may answer, the frame stays due.
        if self.begin(timestamp) {
            let room = self.device.transmit(timestamp);
            let due = room.and_then(|room| self.lent.take_due(room));
            if let Some(due) = due {
                let reply = self.device.transmit(timestamp)?;
                return Some(self.lent.made(due, reply));
            }
        }
        let (received, reply) = self.device.receive(timestamp)?;
        Some(self.lent.received(received, reply))
    }

    /// None when the device has no room, unless rule R8 drops the frame instead.
    fn transmit(&mut self, timestamp: Instant) -> Option<Self::TxToken<'_>> {
        self.begin(timestamp);
        self.lent.transmit(self.device.transmit(timestamp))
    }

    /// The device's own, with two differences: TCP checksums are not verified again, because the
    /// guard verifies them, and there is no segmentation offload, which would hide from the guard
    /// what is sent.
    fn capabilities(&self) -> DeviceCapabilities {
        let inner = self.device.capabilities();
        let is_active = self.lent.with(|inspector| {
            inspector.on_mtu_told(inner.max_transmission_unit);
            inspector.is_active()
        });
        if !is_active {
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

#[cfg(feature = "defmt")]
impl<D: defmt::Format> defmt::Format for Guarded<'_, D> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let counters = self.lent.with(|inspector| inspector.counters);
        defmt::write!(
            f,
            "Guarded {{ device: {=?}, counters: {=?} }}",
            self.device,
            counters
        );
    }
}
