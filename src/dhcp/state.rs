//! The states of a DHCP client, and the times of its lease.

use core::net::Ipv4Addr;

use super::lease::LeaseTime;
use crate::{StateName, Tick};

/// ```text
/// Starting -+-> Selecting -> Requesting -+-> Probing -> Bound -> Renewing -> Rebinding
///           '-> Rebooting ---------------'      |         ^---------'-----------'
///                                            Pausing
/// ```
/// Requesting and Rebooting lead back to Selecting when they are refused or not answered; when they
/// are refused again, by Pausing. An address that is found in use leads to Pausing. Renewing and
/// Rebinding lead to Selecting when the lease is withdrawn or expires. LinkDown is entered from
/// anywhere; it leads to Rebooting where there is an address to ask for again, or else to Selecting.
/// Releasing leads to Leaving, which ends the app.
#[derive(Debug, Clone, Copy)]
pub(super) enum State {
    /// Before the first step.
    Starting,
    /// Nothing is connected.
    LinkDown,
    /// Before the next DISCOVER.
    Pausing,
    /// Waits for an offer.
    Selecting,
    /// Waits for the lease that was offered.
    Requesting { server: Ipv4Addr, address: Ipv4Addr },
    /// Waits for the address of before.
    Rebooting { address: Ipv4Addr },
    /// Asks whether another host has the granted address.
    Probing,
    /// Has a lease. Announcements are still to be sent.
    Bound { announcements: u8 },
    /// T1 has passed: its server is asked, once the next hop's hardware address is known.
    Renewing,
    /// T2 has passed: every server is asked.
    Rebinding,
    /// The lease is given back when the next hop's hardware address is known.
    Releasing,
    /// The last message has still to leave.
    Leaving,
}

impl StateName for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Starting => "Starting",
            Self::LinkDown => "LinkDown",
            Self::Pausing => "Pausing",
            Self::Selecting => "Selecting",
            Self::Requesting { .. } => "Requesting",
            Self::Rebooting { .. } => "Rebooting",
            Self::Probing => "Probing",
            Self::Bound { .. } => "Bound",
            Self::Renewing => "Renewing",
            Self::Rebinding => "Rebinding",
            Self::Releasing => "Releasing",
            Self::Leaving => "Leaving",
        }
    }
}

/// When the lease in use must be renewed; never for one that is for ever.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Timers {
    pub(super) renew_at: Option<Tick>,
    pub(super) rebind_at: Option<Tick>,
    pub(super) expires_at: Option<Tick>,
}

impl Timers {
    /// The timers of a lease that was asked for at `start` (RFC 2131, section 4.4.1).
    pub(super) fn new(start: Tick, time: Option<LeaseTime>) -> Self {
        Self {
            renew_at: time.map(|time| start + time.renewal),
            rebind_at: time.map(|time| start + time.rebinding),
            expires_at: time.map(|time| start + time.expiry),
        }
    }

    pub(super) fn is_renewal_due(&self, now: Tick) -> bool {
        self.renew_at.is_some_and(|at| at <= now)
    }
}
