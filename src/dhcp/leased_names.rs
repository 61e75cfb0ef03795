//! A lease's name servers and domain, among the stack's names.

use super::Lease;
use crate::dns::{Name, Names};

/// What of the stack's names is from a lease. The rest is the caller's, and stays.
#[derive(Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct LeasedNames {
    has_servers: bool,
    has_domain: bool,
}

impl LeasedNames {
    /// Puts what `lease` says in the place of what the lease before it said.
    pub(super) fn apply(&mut self, names: &mut Names, lease: &Lease, keeps_servers: bool) {
        let has_servers = !keeps_servers && !lease.name_servers.is_empty();
        if has_servers || self.has_servers {
            let servers = lease.name_servers.iter();
            names.set_servers(servers.map(|&server| server.into()));
        }
        let domain = Name::parse(&lease.domain).ok();
        let has_domain = domain.is_some();
        if has_domain || self.has_domain {
            names.set_search(domain);
        }
        *self = Self {
            has_servers,
            has_domain,
        };
    }

    /// The lease is lost.
    pub(super) fn remove(&mut self, names: &mut Names) {
        if self.has_servers {
            names.set_servers([]);
        }
        if self.has_domain {
            names.set_search([]);
        }
        *self = Self::default();
    }
}
