//! Which multicast groups we listen to, told to those who forward multicast.
//!
//! A host is asked for its hardware address by a frame to its solicited-node group. A bridge that
//! snoops forwards it only to those who have reported the group (RFC 4541), so that a host which
//! does not is unreachable over IPv6. smoltcp reports groups only with its feature `multicast`, and
//! then says the opposite: that it has stopped to listen. So the guard reports those of our
//! addresses.

use crate::address::{Address, Mac};
use crate::link::Link;
use crate::mld::{Query, Report, Suffix, Version};
use crate::time::Time;

/// As many as smoltcp has addresses, unless it is configured otherwise, and one more.
const MEMBERSHIPS: usize = 3;
/// A new membership is reported so often (RFC 3810, 9.1: Robustness Variable).
const REPORTS: u8 = 2;
/// The longest pause between them (RFC 3810, 9.11: Unsolicited Report Interval).
const REPORT_INTERVAL_MICROS: i64 = 1_000_000;
/// However often somebody asks, a membership is not reported more often than this.
const REPORT_INTERVAL_MIN_MICROS: i64 = 100_000;

/// A solicited-node group that we listen to.
#[derive(Debug, Clone, Copy)]
struct Membership {
    is_joined: bool,
    suffix: Suffix,
    reports_left: u8,
    /// Whether the next report says that we have just begun to listen.
    is_change: bool,
    /// When the next report is due, if there is one.
    due_at: Time,
    sent_at: Time,
}

impl Membership {
    const NONE: Self = Self {
        is_joined: false,
        suffix: [0; 3],
        reports_left: 0,
        is_change: false,
        due_at: Time::ZERO,
        sent_at: Time::ZERO,
    };
}

#[derive(Debug)]
pub(crate) struct Listener {
    memberships: [Membership; MEMBERSHIPS],
    /// What whoever asked last understands.
    version: Version,
    /// Reports come from here: our link-local address, or `::`.
    source: Address,
    /// The addresses are not learnt from frames, for the program tells them.
    is_told: bool,
}

impl Listener {
    pub(crate) const fn new() -> Self {
        Self {
            memberships: [Membership::NONE; MEMBERSHIPS],
            version: Version::Two,
            source: Address::UNSPECIFIED,
            is_told: false,
        }
    }

    /// These are our addresses, and no others.
    pub(crate) fn set(&mut self, own: impl Iterator<Item = Address> + Clone, now: Time) {
        self.is_told = true;
        self.source = Address::UNSPECIFIED;
        for membership in &mut self.memberships {
            membership.is_joined &= own
                .clone()
                .any(|address| suffix(address) == Some(membership.suffix));
        }
        for address in own {
            self.join(address, now);
        }
    }

    /// smoltcp has sent something from this address.
    pub(crate) fn learn(&mut self, own: Address, now: Time) {
        if !self.is_told {
            self.join(own, now);
        }
    }

    fn join(&mut self, own: Address, now: Time) {
        let Some(suffix) = suffix(own) else { return };
        if own.is_link_local() {
            self.source = own;
        }
        let is_known = |known: &Membership| known.is_joined && known.suffix == suffix;
        if self.memberships.iter().any(is_known) {
            return;
        }
        // One that does not fit is not reported, as without the guard.
        let mut memberships = self.memberships.iter_mut();
        if let Some(free) = memberships.find(|membership| !membership.is_joined) {
            *free = Membership {
                suffix,
                ..Membership::NONE
            };
            free.join(now);
        }
    }

    /// Nobody knows of our memberships any more.
    pub(crate) fn report_anew(&mut self, now: Time) {
        self.version = Version::Two;
        let joined = self.memberships.iter_mut();
        for membership in joined.filter(|membership| membership.is_joined) {
            membership.join(now);
        }
    }

    /// Somebody asks. The answer is put off by a part of the time that there is for it, so that not
    /// all hosts answer at once.
    pub(crate) fn on_query(&mut self, query: &Query, mac: Mac, now: Time) {
        self.version = query.version;
        for (membership, index) in self.memberships.iter_mut().zip(0..) {
            if !membership.is_joined || !query.is_about(membership.suffix) {
                continue;
            }
            let answer_at = now.after(part_of(query.response_max_micros, mac, now, index));
            let earliest = membership.sent_at.after(REPORT_INTERVAL_MIN_MICROS);
            let due_at = answer_at.max(earliest);
            if membership.reports_left == 0 {
                membership.reports_left = 1;
                membership.is_change = false;
                membership.due_at = due_at;
            } else {
                membership.due_at = membership.due_at.min(due_at);
            }
        }
    }

    /// When the next report is due.
    pub(crate) fn due_at(&self) -> Time {
        let due = (self.memberships.iter()).filter(|membership| membership.is_due_at(Time::NEVER));
        due.map(|membership| membership.due_at)
            .min()
            .unwrap_or(Time::NEVER)
    }

    /// Writes a report that is due into `buffer`, and returns its length.
    pub(crate) fn take_due(&mut self, link: &Link, now: Time, buffer: &mut [u8]) -> Option<usize> {
        let mut memberships = self.memberships.iter_mut().zip(0..);
        let (due, index) = memberships.find(|(membership, _)| membership.is_due_at(now))?;
        let report = Report {
            version: self.version,
            suffix: due.suffix,
            is_change: due.is_change,
            source: self.source,
        };
        due.reports_left -= 1;
        due.sent_at = now;
        if due.reports_left > 0 {
            due.due_at = now.after(part_of(REPORT_INTERVAL_MICROS, link.mac, now, index));
        }
        report.build(link.mac, buffer)
    }
}

impl Membership {
    /// Reports that we listen from now on.
    const fn join(&mut self, now: Time) {
        self.is_joined = true;
        self.reports_left = REPORTS;
        self.is_change = true;
        self.due_at = now;
    }

    fn is_due_at(&self, now: Time) -> bool {
        self.is_joined && self.reports_left > 0 && self.due_at <= now
    }
}

/// The suffix of the solicited-node group of an address. None for what has no such group.
fn suffix(address: Address) -> Option<Suffix> {
    let octets: &[u8; 16] = address.octets().try_into().ok()?;
    let is_multicast = octets.starts_with(&[0xff]);
    let is_loopback = octets.starts_with(&[0; 15]);
    let suffix = octets.last_chunk().copied();
    suffix.filter(|_| !is_multicast && !is_loopback)
}

/// A part of a time that differs from host to host and from time to time.
fn part_of(micros: i64, [.., a, b, c, d]: Mac, now: Time, index: u32) -> i64 {
    let host = u32::from_be_bytes([a, b, c, d]);
    let mixed = (host ^ now.as_micros() as u32).wrapping_add(index);
    let part = i64::from(mixed.wrapping_mul(0x9e37_79b1) >> 16);
    (micros * part) >> 16
}
