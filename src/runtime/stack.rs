//! One network interface with everything that its loop needs.

use smoltcp::iface::{self, Interface, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use super::guard::Guard;
use super::pacing::Pacing;
use super::{Error, Ports, Tick};
#[cfg(feature = "dns")]
use crate::dns::Names;

/// Sockets whose loss the loop can explain at a time.
const LOSSES_MAX: usize = 8;

/// Interface, device, sockets and the loop's own notes: one for each network interface, on a board,
/// on a TAP and on the virtual Ethernet alike.
///
/// The parts are public: a program that has sockets of its own in the set, UDP, DHCP or DNS, uses
/// them between two [turns](Stack::turn).
pub struct Stack<'a, D> {
    /// smoltcp's interface.
    pub iface: Interface,
    /// The device that frames go through, with its guard if it has one.
    pub device: D,
    /// All sockets of the interface. Listeners belong after all other sockets: smoltcp asks sockets
    /// in order, and a late duplicate of a SYN must meet the connection that it made before it meets
    /// a listener.
    pub sockets: SocketSet<'a>,
    /// What the stack knows about names. Without a cache it resolves none.
    #[cfg(feature = "dns")]
    pub names: Names<'a>,
    pub(super) ports: Ports,
    pub(super) losses: Losses,
    pub(super) pacing: Pacing,
    pub(super) guard: Guard<D>,
}

/// What a [`Stack`] on Ethernet needs to know.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Config<'c> {
    /// Our hardware address.
    pub mac: EthernetAddress,
    /// Our addresses, at most as many as smoltcp was built for (2).
    pub addresses: &'c [IpCidr],
    /// The default router.
    pub gateway: Option<IpAddress>,
    /// Decides local ports and TCP's sequence numbers. It should differ at every start and not be
    /// guessable: take it from a source of randomness, where the board has one.
    pub seed: u64,
}

/// Why connections ended, where the loop knows better than the sockets.
#[derive(Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Losses {
    /// The sockets and their errors stand apart: in pairs they would need half as much again.
    sockets: [SocketHandle; LOSSES_MAX],
    errors: [Option<Error>; LOSSES_MAX],
}

#[cfg(feature = "defmt")]
impl<D> defmt::Format for Stack<'_, D> {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(f, "Stack {{ pacing: {=?} }}", self.pacing);
    }
}

impl<'a, D: Device> Stack<'a, D> {
    /// A stack on Ethernet over `device`, for as many sockets as `sockets` has room for. Over a
    /// guarded device, `with_guard` comes next.
    ///
    /// # Panics
    /// When smoltcp was built for fewer addresses or routes.
    pub fn new(mut device: D, config: &Config, sockets: SocketSet<'a>, now: Tick) -> Self {
        let mut settings = iface::Config::new(config.mac.into());
        settings.random_seed = config.seed;
        let mut iface = Interface::new(settings, &mut device, now.to_smoltcp());
        iface.update_ip_addrs(|addresses| {
            let all_fit = addresses.extend_from_slice(config.addresses).is_ok();
            assert!(all_fit, "the interface has no room for all addresses");
        });
        if let Some(gateway) = config.gateway {
            add_default_route(&mut iface, gateway);
        }
        // Another stream than the interface's own, which takes sequence numbers from the seed.
        Self::from_parts(
            iface,
            device,
            sockets,
            config.seed.rotate_left(32) ^ 0x7469_636b,
        )
    }

    /// A stack of parts that a program has already. `seed` decides the order of the local ports.
    pub fn from_parts(iface: Interface, device: D, sockets: SocketSet<'a>, seed: u64) -> Self {
        Self {
            iface,
            device,
            sockets,
            #[cfg(feature = "dns")]
            names: Names::default(),
            ports: Ports::new(seed),
            losses: Losses::default(),
            pacing: Pacing::new(),
            guard: Guard::NONE,
        }
    }
}

impl<'a, D> Stack<'a, D> {
    /// Adds a TCP socket over buffers that the caller lends.
    ///
    /// # Panics
    /// When the set has no room for it.
    pub fn add_tcp_socket(&mut self, receive: &'a mut [u8], send: &'a mut [u8]) -> SocketHandle {
        let receive = SocketBuffer::new(receive);
        self.sockets
            .add(Socket::new(receive, SocketBuffer::new(send)))
    }
}

#[allow(
    unreachable_patterns,
    reason = "smoltcp's features decide how many families there are"
)]
fn add_default_route(iface: &mut Interface, gateway: IpAddress) {
    let routes = iface.routes_mut();
    let is_added = match gateway {
        IpAddress::Ipv4(gateway) => routes.add_default_ipv4_route(gateway).is_ok(),
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(gateway) => routes.add_default_ipv6_route(gateway).is_ok(),
        _ => false,
    };
    // `expect` would pull the formatting of smoltcp's error into flash, 3 KiB.
    assert!(is_added, "the interface has no room for a default route");
}

impl Losses {
    pub(super) fn find(&self, handle: SocketHandle) -> Option<Error> {
        let mut losses = self.sockets.iter().zip(&self.errors);
        losses.find_map(|(lost, error)| error.filter(|_| *lost == handle))
    }

    /// Notes why the connection of `handle` ended. When there is no room, its end will look like a
    /// reset.
    #[inline(never)] // Three places in the turn note a loss, all of them rarely.
    pub(super) fn note(&mut self, handle: SocketHandle, error: Error) {
        self.forget(handle);
        let mut losses = self.sockets.iter_mut().zip(&mut self.errors);
        if let Some((lost, free)) = losses.find(|(_, error)| error.is_none()) {
            *lost = handle;
            *free = Some(error);
        }
    }

    pub(super) fn forget(&mut self, handle: SocketHandle) {
        for (lost, error) in self.sockets.iter().zip(&mut self.errors) {
            error.take_if(|_| *lost == handle);
        }
    }

    pub(super) fn swap(&mut self, one: SocketHandle, other: SocketHandle) {
        for handle in &mut self.sockets {
            if *handle == one {
                *handle = other;
            } else if *handle == other {
                *handle = one;
            }
        }
    }
}
