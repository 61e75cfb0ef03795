//! How an app asks for the addresses of a name.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smoltcp::wire::{IpAddress, IpCidr};

use super::{Addresses, Families, Name, Names, ResolveError};
use crate::Io;
use crate::runtime::to_smoltcp;

impl<'s> Io<'_, 's> {
    /// The addresses of `host`: a name, or an address as text. `None` while they are being found out;
    /// the app is polled again when they are.
    ///
    /// It asks for the families that we have an address of; while we have none, nobody can be asked. An
    /// address as text and `localhost` (RFC 6761) are answered at once, and nobody is asked. Who asks in
    /// each step until the answer is there gets it; it is kept as long as its servers say, and at least
    /// for a second.
    ///
    /// A task with a [`Resolver`](super::Resolver) must run. It gives up after ten seconds, unless so
    /// many names are asked for that they have to wait for each other.
    ///
    /// # Errors
    /// Each [`ResolveError`].
    pub fn resolve(&mut self, host: &str) -> Result<Option<Addresses>, ResolveError> {
        let families = self.families();
        self.resolve_families(host, families)
    }

    /// The same, for families of the caller's choice.
    ///
    /// # Errors
    /// As [`resolve`](Io::resolve).
    pub fn resolve_families(
        &mut self,
        host: &str,
        families: Families,
    ) -> Result<Option<Addresses>, ResolveError> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return known([Some(address)]).map(Some);
        }
        let name = Name::parse(host).map_err(ResolveError::NotAName)?;
        if !families.v4 && !families.v6 {
            return Err(ResolveError::NoServer);
        }
        if name.ends_with("localhost") {
            let v4 = families.v4.then_some(IpAddr::V4(Ipv4Addr::LOCALHOST));
            let v6 = families.v6.then_some(IpAddr::V6(Ipv6Addr::LOCALHOST));
            return known([v6, v4]).map(Some);
        }
        let is_absolute = host.ends_with('.');
        let (outcome, is_new) = self.names.look_up(self.now, &name, is_absolute, families);
        if is_new {
            // The resolver may have had its turn.
            self.yield_now();
        }
        outcome
    }

    /// The stack's names: servers, search list, cache.
    pub const fn names(&mut self) -> &mut Names<'s> {
        self.names
    }

    /// The families that we have an address of that leads beyond this link.
    fn families(&self) -> Families {
        Families {
            v4: self.addresses().iter().any(|cidr| is_global(cidr, true)),
            v6: self.addresses().iter().any(|cidr| is_global(cidr, false)),
        }
    }
}

/// Whether this is an address of that family, and one that leads beyond the link.
#[allow(
    unreachable_patterns,
    reason = "smoltcp's features decide how many families there are"
)]
const fn is_global(cidr: &IpCidr, wants_v4: bool) -> bool {
    match cidr.address() {
        IpAddress::Ipv4(address) => wants_v4 && !address.is_unspecified(),
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(address) => {
            !wants_v4 && !address.is_unspecified() && !address.is_unicast_link_local()
        }
        _ => false,
    }
}

fn known<const N: usize>(addresses: [Option<IpAddr>; N]) -> Result<Addresses, ResolveError> {
    let known: Addresses = addresses
        .into_iter()
        .flatten()
        .filter_map(to_smoltcp)
        .collect();
    if known.is_empty() {
        return Err(ResolveError::NoAddress);
    }
    Ok(known)
}
