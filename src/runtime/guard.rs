//! What the loop asks the guard under it, where there is one.

use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpEndpoint};

use super::{Duration, Error};

/// Something that the guard noticed.
#[cfg_attr(not(feature = "guard"), expect(dead_code, reason = "nobody notices"))]
pub(super) enum Notice {
    /// Another host uses one of our addresses.
    AddressConflict {
        address: IpAddress,
        mac: EthernetAddress,
    },
    /// A connection that is being dialled cannot be made.
    Unreachable {
        local: IpEndpoint,
        remote: IpEndpoint,
        error: Error,
    },
}

/// The functions of the guard in a device `D`. A plain device has none, and needs no trait of ours.
pub(super) struct Guard<D: ?Sized> {
    poll_at: fn(&D) -> Option<Instant>,
    take_notice: fn(&mut D) -> Option<Notice>,
    set_backlog: fn(&mut D, u16, Option<Duration>),
    forget_address: fn(&mut D, IpAddress),
    #[cfg(feature = "dhcp")]
    on_link_up: fn(&mut D),
    #[cfg(feature = "ipv6")]
    set_ip_addrs: fn(&mut D, &[smoltcp::wire::IpCidr]),
}

impl<D: ?Sized> Guard<D> {
    pub(super) const NONE: Self = Self {
        poll_at: |_| None,
        take_notice: |_| None,
        set_backlog: |_, _, _| {},
        forget_address: |_, _| {},
        #[cfg(feature = "dhcp")]
        on_link_up: |_| {},
        #[cfg(feature = "ipv6")]
        set_ip_addrs: |_, _| {},
    };

    /// When the guard wants the device to be asked for a frame.
    pub(super) fn poll_at(&self, device: &D) -> Option<Instant> {
        (self.poll_at)(device)
    }

    /// Lets callers of a port wait for so long. The fifth port gets no backlog.
    pub(super) fn set_backlog(&self, device: &mut D, port: u16, wait_max: Option<Duration>) {
        (self.set_backlog)(device, port, wait_max);
    }

    /// The interface has lost this address.
    pub(super) fn forget_address(&self, device: &mut D, address: IpAddress) {
        (self.forget_address)(device, address);
    }

    /// smoltcp has forgotten its neighbours, as when the link is up again.
    #[cfg(feature = "dhcp")]
    pub(super) fn on_link_up(&self, device: &mut D) {
        (self.on_link_up)(device);
    }

    /// These are the interface's addresses.
    #[cfg(feature = "ipv6")]
    pub(super) fn set_ip_addrs(&self, device: &mut D, addresses: &[smoltcp::wire::IpCidr]) {
        (self.set_ip_addrs)(device, addresses);
    }

    pub(super) fn take_notice(&self, device: &mut D) -> Option<Notice> {
        (self.take_notice)(device)
    }
}

#[cfg(feature = "guard")]
mod guarded {
    use core::net::SocketAddr;

    use smoltcp::phy::Device;
    use smoltcp_guard::{Guarded, Unreachable};

    use super::*;
    use crate::Stack;
    use crate::runtime::to_smoltcp;

    impl<'g, D: Device> Stack<'_, Guarded<'g, D>> {
        /// Lets the loop wake up when the guard wants to be asked, and tell what it notices
        /// ([`Event::AddressConflict`](crate::Event::AddressConflict),
        /// [`Error::DestinationUnreachable`](crate::Error::DestinationUnreachable)). Without this
        /// call a guard does what it can at each frame, and its notices stay with the device.
        #[must_use]
        pub fn with_guard(mut self) -> Self {
            self.guard = Guard {
                poll_at: |device: &Guarded<'g, D>| device.poll_at(),
                take_notice: |device| device.take_notice().and_then(notice),
                set_backlog: |device, port, wait_max| {
                    device.set_backlog(port, wait_max.map(Duration::to_smoltcp));
                },
                forget_address: |device, address| device.forget_address(address.into()),
                #[cfg(feature = "dhcp")]
                on_link_up: Guarded::on_link_up,
                #[cfg(feature = "ipv6")]
                set_ip_addrs: |device, addresses| device.set_ip_addrs(addresses),
            };
            self
        }
    }

    /// None for what concerns an address that this build of smoltcp cannot have.
    fn notice(notice: smoltcp_guard::Notice) -> Option<Notice> {
        Some(match notice {
            smoltcp_guard::Notice::AddressConflict {
                address: taken,
                mac,
            } => Notice::AddressConflict {
                address: to_smoltcp(taken)?,
                mac: EthernetAddress(mac),
            },
            smoltcp_guard::Notice::Unreachable {
                local,
                remote,
                reason,
            } => Notice::Unreachable {
                local: endpoint(local)?,
                remote: endpoint(remote)?,
                error: match reason {
                    // The peer's host itself says no, as others say it by RST.
                    Unreachable::Port | Unreachable::Protocol => Error::Refused,
                    _ => Error::DestinationUnreachable,
                },
            },
            _ => return None,
        })
    }

    fn endpoint(end: SocketAddr) -> Option<IpEndpoint> {
        Some(IpEndpoint::new(to_smoltcp(end.ip())?, end.port()))
    }
}
