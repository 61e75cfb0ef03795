//! What a program can ask of the guard while embassy-net has the driver.

use core::cell::RefCell;
use core::net::IpAddr;
#[cfg(feature = "ipv6")]
use core::net::Ipv6Addr;

use crate::adapter::with;
#[cfg(feature = "ipv6")]
use crate::address::Address;
use crate::counters::Counters;
use crate::inspector::Inspector;
use crate::notice::Notice;

/// The guard of a [`GuardedDriver`](super::GuardedDriver), for the program that has given the driver
/// to embassy-net. It is for the executor that runs embassy-net, as its `Stack` is.
#[derive(Debug, Clone, Copy)]
pub struct Control<'a> {
    inspector: &'a RefCell<Inspector>,
}

impl<'a> Control<'a> {
    pub(super) const fn new(inspector: &'a RefCell<Inspector>) -> Self {
        Self { inspector }
    }

    /// What the guards over this storage did since it was made.
    pub fn counters(&self) -> Counters {
        with(self.inspector, |inspector| inspector.counters)
    }

    /// The oldest thing that happened and that nobody has taken yet. There is room for two.
    pub fn take_notice(&self) -> Option<Notice> {
        with(self.inspector, Inspector::take_notice)
    }

    /// To be called when embassy-net has lost an address: after `Stack::set_config_v4` or, with DHCP,
    /// after the stack has reported that its configuration is down. The guard then sends nothing from
    /// there any more. A segment that smoltcp sends from the address after the call revives its
    /// connection.
    pub fn forget_address(&self, address: IpAddr) {
        with(self.inspector, |inspector| {
            inspector.forget_address(address);
        });
    }

    /// Lets the callers of a port that listens wait while every socket of it is busy, for at most
    /// this number of milliseconds; with None, which is so for every port at first, they are refused
    /// at once.
    ///
    /// A caller that waits gets no answer, and so sends its SYN again after one second, three
    /// seconds, and so on. At most 8 callers wait at a time. Returns false when 4 other ports have a
    /// backlog already.
    pub fn set_backlog(&self, port: u16, wait_max_millis: Option<u64>) -> bool {
        with(self.inspector, |inspector| {
            inspector.backlog.set(port, wait_max_millis)
        })
    }

    /// Tells bridges that snoop multicast that we listen for these addresses, so that we can be
    /// reached over IPv6 (RFC 3810). To be called when they change; the first time, best before
    /// embassy-net runs. The reports leave when it polls next.
    ///
    /// Without this call the guard learns an address when smoltcp sends something from it: too late
    /// for a host that only listens.
    #[cfg(feature = "ipv6")]
    pub fn set_ipv6_addresses(&self, addresses: &[Ipv6Addr]) {
        let addresses = addresses.iter();
        let addresses = addresses.filter_map(|address| Address::new(&address.octets()));
        with(self.inspector, |inspector| inspector.set_own(addresses));
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Control<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Control {{ counters: {=?} }}", self.counters());
    }
}
