//! What a client does with a lease that it has: renews, defends, loses and releases it.

use core::net::Ipv4Addr;

use smoltcp::wire::EthernetAddress;

use super::client::Dhcp;
use super::state::{State, Timers};
use super::storage::Guarded;
use super::{DhcpEvent, LossReason};
use crate::{Duration, Event, Io, Step, Tick};

/// The pause after an address was found in use (RFC 2131, section 3.1.5).
const DECLINE_PAUSE: Duration = Duration::from_secs(10);
/// A second conflict within this time costs the address (RFC 5227, section 2.4).
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);
/// The least time between two REQUESTs for more time (RFC 2131, section 4.4.5).
const RENEW_RETRY_MIN: Duration = Duration::from_secs(60);
/// How often, and how far apart, a next hop is asked for its hardware address.
const HOP_ASKS_MAX: u8 = 3;
const HOP_INTERVAL: Duration = Duration::from_secs(1);
/// A RELEASE waits no longer, neither for the next hop nor for the device.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);

impl Dhcp<'_> {
    /// T1: asks the server alone. No socket does it, because its answer must come here. T2 may have
    /// passed as well: the two may be one, or the address was tested for longer.
    pub(super) fn renew(&mut self, io: &mut Io) -> Step {
        if self.is_rebinding_due(io.now) {
            return self.rebind(io);
        }
        self.enter(io, State::Renewing, Duration::MAX);
        self.begin_exchange(io);
        self.seek_server(io)
    }

    /// Asks for the hardware address of the way to the server.
    fn seek_server(&mut self, io: &mut Io) -> Step {
        let hop = self
            .storage
            .server()
            .and_then(|to| self.applied.next_hop(to));
        self.storage.seek(hop);
        match (hop, self.applied.address) {
            (Some(hop), Some(address)) => {
                self.send_arp(io, address.address(), hop);
                self.wait(io, HOP_INTERVAL)
            }
            // It is out of reach until every server is asked.
            _ => self.wait(io, Duration::MAX),
        }
    }

    /// Our address, the server's and that of the next hop to it, once when all of them are known.
    fn take_way_to_server(&self) -> Option<(Ipv4Addr, Ipv4Addr, EthernetAddress)> {
        let hop_mac = self.storage.take_hop()?;
        let address = self.applied.address?.address();
        Some((address, self.storage.server()?, hop_mac))
    }

    /// Asks the server for more time, if the way to it is known now.
    pub(super) fn ask_server(&mut self, io: &mut Io) -> Step {
        let Some((address, server, hop_mac)) = self.take_way_to_server() else {
            return Step::Wait;
        };
        // After a stop of the program its deadline is judged later in this turn.
        if self.is_over(io.now) {
            return Step::Wait;
        }
        self.expect_more_time(io, Some(server), address);
        self.send_renewal(io, address, Some((server, hop_mac)));
        let delay = renew_retry(io.now, self.timers.rebind_at);
        self.wait(io, delay)
    }

    /// The next REQUEST has a number of its own. The lease begins when it is sent (RFC 2131, section
    /// 4.4.5), so a late answer to the one before, a minute ago or more, must not count for it.
    fn expect_more_time(&mut self, io: &mut Io, server: Option<Ipv4Addr>, address: Ipv4Addr) {
        self.draw_xid(io);
        self.asked_at = io.now;
        self.expect_ack(server, address);
    }

    /// The server, or the next hop, has not answered.
    pub(super) fn renew_again(&mut self, io: &mut Io) -> Step {
        if self.is_rebinding_due(io.now) {
            return self.rebind(io);
        }
        if self.storage.is_seeking() && self.sent >= HOP_ASKS_MAX {
            self.storage.seek(None);
            let delay = renew_retry(io.now, self.timers.rebind_at);
            return self.wait(io, delay);
        }
        if !self.storage.is_seeking() {
            self.sent = 0;
        }
        self.seek_server(io)
    }

    /// T2.
    fn rebind(&mut self, io: &mut Io) -> Step {
        self.enter(io, State::Rebinding, Duration::MAX);
        self.begin_exchange(io);
        self.ask_all(io)
    }

    /// Asks every server.
    pub(super) fn ask_all(&mut self, io: &mut Io) -> Step {
        let Some(address) = self.applied.address else {
            return self.discover(io);
        };
        let address = address.address();
        self.expect_more_time(io, None, address);
        self.send_renewal(io, address, None);
        let delay = renew_retry(io.now, self.timers.expires_at);
        self.wait(io, delay)
    }

    /// A server wants its address back.
    pub(super) fn withdrawn(&mut self, io: &mut Io) -> Step {
        self.lose(io, LossReason::Withdrawn);
        self.options.last_address = None;
        self.discover(io)
    }

    pub(super) fn lease_expired(&mut self, io: &mut Io) -> Step {
        self.lose(io, LossReason::Expired);
        match self.state.state() {
            State::LinkDown => self.wait(io, Duration::MAX),
            State::Releasing | State::Leaving => Step::Done,
            _ => self.discover(io),
        }
    }

    /// Takes the address off the interface, if it has one; its connections end.
    pub(super) fn lose(&mut self, io: &mut Io, reason: LossReason) {
        self.storage.guard(Guarded::Nothing);
        self.storage.forget_exchange();
        self.timers = Timers::default();
        self.defended_at = None;
        if let Some(address) = self.applied.address {
            self.applied.remove(io);
            self.storage.forget_lease();
            let lost = DhcpEvent::LeaseLost { address, reason };
            io.emit(&Event::App(&lost));
        }
    }

    /// Another host has our address, or the one that we were about to take.
    pub(super) fn on_conflict(&mut self, io: &mut Io, holder: EthernetAddress) -> Step {
        let (address, server) = match self.applied.address {
            Some(address) => (Some(address), self.storage.server()),
            None => (
                self.storage.granted_address(),
                self.storage.granting_server(),
            ),
        };
        let (Some(address), Some(server)) = (address, server) else {
            return Step::Again;
        };
        let was_defended = self
            .defended_at
            .is_some_and(|at| io.now.since(at) < DEFEND_INTERVAL);
        if self.is_over(io.now) {
            return self.lease_expired(io);
        }
        let address = address.address();
        if self.is_bound() && !was_defended {
            self.defended_at = Some(io.now);
            self.send_arp(io, address, address);
            return Step::Again;
        }
        self.begin_exchange(io);
        self.send_decline(io, address, server);
        self.lose(io, LossReason::Conflict);
        self.options.last_address = None;
        let declined = DhcpEvent::Declined { address, holder };
        io.emit(&Event::App(&declined));
        self.enter(io, State::Pausing, DECLINE_PAUSE)
    }

    /// Gives the lease back, if there is one.
    pub(super) fn give_back(&mut self, io: &mut Io) -> Step {
        if !self.is_bound() {
            return Step::Done;
        }
        self.enter(io, State::Releasing, RELEASE_TIMEOUT);
        self.begin_exchange(io);
        self.seek_server(io);
        if self.storage.is_seeking() {
            Step::Again
        } else {
            self.leave(io)
        }
    }

    /// Sends the RELEASE, if the way to the server is known now.
    pub(super) fn send_release(&mut self, io: &mut Io) -> Step {
        let Some((address, server, hop_mac)) = self.take_way_to_server() else {
            return Step::Wait;
        };
        self.send_release_to(io, address, server, hop_mac);
        self.leave(io)
    }

    pub(super) fn leave(&mut self, io: &mut Io) -> Step {
        self.lose(io, LossReason::Released);
        self.enter(io, State::Leaving, RELEASE_TIMEOUT)
    }
}

/// Half of what is left until `limit`, but not less than a minute.
fn renew_retry(now: Tick, limit: Option<Tick>) -> Duration {
    let left = limit.map_or(Duration::MAX, |limit| limit.since(now));
    Duration::from_millis(left.as_millis() / 2).max(RENEW_RETRY_MIN)
}
