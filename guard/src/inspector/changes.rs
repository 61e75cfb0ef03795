//! What changes around the guard: its device, its duties, the link and the interface.

use core::net::IpAddr;

use super::Inspector;
use crate::address::Mac;
use crate::duties::Duties;
use crate::link::Link;
use crate::neighbours::Neighbours;
use crate::time::Time;

impl Inspector {
    /// Inspects frames of this link from now on.
    pub(crate) const fn activate(&mut self, link: Link) {
        self.is_active = true;
        self.link = link;
        self.duties = Duties::ALL;
    }

    /// Lets everything pass from now on.
    pub(crate) const fn deactivate(&mut self) {
        self.is_active = false;
    }

    pub(crate) const fn is_active(&self) -> bool {
        self.is_active
    }

    /// Frames may be as long as this from now on.
    pub(crate) fn on_mtu_told(&mut self, mtu: usize) {
        self.mtu_told_max = self.mtu_told_max.max(mtu);
    }

    /// Does only these duties from now on.
    pub(crate) fn set_duties(&mut self, duties: Duties) {
        self.duties = duties;
        #[cfg(feature = "recovery")]
        if !duties.recovery {
            self.flows.forget_recovery();
        }
    }

    pub(crate) const fn set_mac(&mut self, mac: Mac) {
        self.link.mac = mac;
    }

    pub(crate) const fn set_now(&mut self, now: Time) {
        self.now = now;
    }

    /// The connections from this address are over.
    pub(crate) fn forget_address(&mut self, address: IpAddr) {
        self.flows.end_those_from(address);
        self.forget_neighbours();
    }

    /// The link is up again, and may lead to another network or to another bridge.
    pub(crate) fn on_link_up(&mut self) {
        self.forget_neighbours();
        #[cfg(feature = "ipv6")]
        self.report_groups_anew();
    }

    /// A change of its addresses makes smoltcp forget them.
    fn forget_neighbours(&mut self) {
        self.neighbours = Neighbours::new();
    }
}
