//! A lease in use: its address and its routes on the interface, its servers among the names.

use core::net::Ipv4Addr;

use heapless::Vec;
use smoltcp::iface::{Interface, Route};
use smoltcp::wire::{IpAddress, IpCidr, Ipv4Cidr};

use super::Lease;
use super::encoding::ROUTES_MAX;
use crate::Io;
#[cfg(feature = "dns")]
use crate::dns::Name;
use crate::runtime::Forgotten;

/// What the client has put into the stack, and nobody else.
#[derive(Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Applied {
    pub(super) address: Option<Ipv4Cidr>,
    routes: Vec<(Ipv4Cidr, Ipv4Addr), ROUTES_MAX>,
}

impl Applied {
    /// Takes `lease` into use. What is there already is not touched: a change of addresses makes
    /// smoltcp forget its neighbours.
    ///
    /// # Panics
    /// When the interface has no room for an address.
    pub(super) fn apply(&mut self, io: &mut Io, lease: &Lease, keeps_name_servers: bool) {
        #[cfg(not(feature = "dns"))]
        let _ = keeps_name_servers;
        #[cfg(feature = "dns")]
        {
            let servers = lease.name_servers.iter();
            let count = if keeps_name_servers { 0 } else { usize::MAX };
            let servers = servers.take(count).map(|&server| server.into());
            let domain = Name::parse(&lease.domain).ok();
            let has_changed = io.names().set_leased(servers, domain);
            if has_changed || self.address != Some(lease.address) {
                forget_names(io);
            }
        }
        self.apply_to_interface(io, lease);
    }

    fn apply_to_interface(&mut self, io: &mut Io, lease: &Lease) {
        if self.address != Some(lease.address) {
            self.remove_from_interface(io);
            io.interface().update_ip_addrs(|addresses| {
                let is_added = addresses.push(IpCidr::Ipv4(lease.address)).is_ok();
                assert!(
                    is_added,
                    "the interface has no room for the address of the lease"
                );
            });
            // A lease with another mask gives back the address that it has taken away.
            let given = IpAddress::Ipv4(lease.address.address());
            if [Forgotten::Nothing, Forgotten::Address(given)].contains(&io.forgotten) {
                io.forgotten = Forgotten::Neighbours;
            }
            self.address = Some(lease.address);
        }
        let routes = routes(lease);
        if self.routes != routes {
            let iface = io.interface();
            self.remove_routes(iface);
            iface.routes_mut().update(|table| {
                for (cidr, router) in &routes {
                    let route = Route {
                        cidr: IpCidr::Ipv4(*cidr),
                        ..Route::new_ipv4_gateway(*router)
                    };
                    // The first ones fit; a table that is full is the build's choice.
                    let _ = table.push(route);
                }
            });
            self.routes = routes;
        }
    }

    /// Takes everything away again.
    pub(super) fn remove(&mut self, io: &mut Io) {
        #[cfg(feature = "dns")]
        io.names().set_leased(core::iter::empty(), None);
        self.remove_from_interface(io);
    }

    fn remove_from_interface(&mut self, io: &mut Io) {
        if let Some(ours) = self.address.take() {
            io.forgotten = Forgotten::Address(ours.address().into());
            io.interface().update_ip_addrs(|addresses| {
                addresses.retain(|address| *address != IpCidr::Ipv4(ours));
            });
        }
        self.remove_routes(io.interface());
    }

    /// The neighbour through which a packet for `destination` goes.
    pub(super) fn next_hop(&self, destination: Ipv4Addr) -> Option<Ipv4Addr> {
        if self.address?.contains_addr(&destination) {
            return Some(destination);
        }
        let leads_there = self
            .routes
            .iter()
            .filter(|(cidr, _)| cidr.contains_addr(&destination));
        let best = leads_there.max_by_key(|(cidr, _)| cidr.prefix_len())?;
        Some(best.1)
    }

    fn remove_routes(&mut self, iface: &mut Interface) {
        let ours = core::mem::take(&mut self.routes);
        let is_ours = |route: &Route| {
            let is_one = |(cidr, router): &(Ipv4Cidr, Ipv4Addr)| {
                route.cidr == IpCidr::Ipv4(*cidr) && route.via_router == (*router).into()
            };
            ours.iter().any(is_one)
        };
        iface
            .routes_mut()
            .update(|table| table.retain(|route| !is_ours(route)));
    }
}

/// Another network may have other addresses for a name.
#[cfg(feature = "dns")]
pub(super) fn forget_names(io: &mut Io) {
    io.names().clear_cache();
    // The resolver may have had its turn, and asks anew.
    io.yield_now();
}

/// The routes of a lease, the default route first. A router that is not on the link cannot be
/// reached, and smoltcp has no routes without a router.
fn routes(lease: &Lease) -> Vec<(Ipv4Cidr, Ipv4Addr), ROUTES_MAX> {
    let is_near = |router: &Ipv4Addr| {
        lease.address.contains_addr(router) && *router != lease.address.address()
    };
    let default = Ipv4Cidr::new(Ipv4Addr::UNSPECIFIED, 0);
    if lease.routes.is_empty() {
        let router = lease.routers.iter().copied().find(is_near);
        return router.map(|router| (default, router)).into_iter().collect();
    }
    let routes = || {
        let routes = lease.routes.iter().filter(|route| is_near(&route.router));
        routes.map(|route| {
            (
                Ipv4Cidr::new(route.destination, route.prefix_len),
                route.router,
            )
        })
    };
    let is_default = |(cidr, _): &(Ipv4Cidr, Ipv4Addr)| cidr.prefix_len() == 0;
    let defaults = routes().filter(is_default).take(1);
    defaults
        .chain(routes().filter(|route| !is_default(route)))
        .take(ROUTES_MAX)
        .collect()
}
