//! The DHCP client as an app.

use core::net::Ipv4Addr;

use smoltcp::iface::SocketHandle;
use smoltcp::wire::{EthernetAddress, HardwareAddress};

use super::apply::Applied;
use super::state::{State, Timers};
use super::storage::{Expected, Guarded, Reply, Storage};
use super::{DhcpEvent, DhcpOptions, LossReason};
use crate::runtime::Forgotten;
use crate::{App, Deadline, Duration, Error, Event, Io, StateCell, Step, Tick};

/// REQUESTs for one offer: 60 s in all (RFC 2131, section 3.1.5).
const REQUESTS_MAX: u8 = 4;
/// REQUESTs for the address of before: 12 s in all.
const REBOOTS_MAX: u8 = 2;
/// The pause after a second refusal in a row; it doubles.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);
const REFUSED_PAUSE_MAX: Duration = Duration::from_secs(64);
const TICK: Duration = Duration::from_millis(1);
/// Announcements of a new address, and the time between them (RFC 5227, section 2.3).
const ANNOUNCEMENTS: u8 = 2;
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(2);

/// A DHCPv4 client (RFC 2131): gives the interface an address and routes, keeps them while they
/// are lent, and takes them away when they are not. With the feature `dns` the same goes for its name
/// servers and its domain, after those of the program ([`DhcpOptions::keeps_name_servers`]).
///
/// It ends only after [`release`](Dhcp::release). It owns no socket: it speaks through a
/// [`DhcpDevice`](super::DhcpDevice) over the same [`Storage`], which must be the interface's device.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dhcp<'a> {
    pub(super) storage: &'a Storage,
    pub(super) options: DhcpOptions<'a>,
    pub(super) state: StateCell<State>,
    pub(super) applied: Applied,
    pub(super) timers: Timers,
    pub(super) mac: EthernetAddress,
    /// Of the present exchange.
    pub(super) xid: u32,
    /// When we began to look for an address.
    pub(super) began_at: Tick,
    /// When the lease was asked for: it begins then.
    pub(super) asked_at: Tick,
    /// How often the present message was sent.
    pub(super) sent: u8,
    /// How long to pause after the next refusal.
    refused_pause: Duration,
    /// When a conflict was last answered.
    pub(super) defended_at: Option<Tick>,
    is_link_up: bool,
    must_release: bool,
}

impl<'a> Dhcp<'a> {
    /// A client over `storage`, which its device shares. The link counts as up.
    pub fn new(storage: &'a Storage, options: DhcpOptions<'a>) -> Self {
        Self {
            storage,
            options,
            state: StateCell::new(State::Starting),
            applied: Applied::default(),
            timers: Timers::default(),
            mac: EthernetAddress([0; 6]),
            xid: 0,
            began_at: Tick::ZERO,
            asked_at: Tick::ZERO,
            sent: 0,
            refused_pause: Duration::ZERO,
            defended_at: None,
            is_link_up: true,
            must_release: false,
        }
    }

    /// To be called when the link goes or comes, and before the first turn where it is not up yet;
    /// the caller's next turn acts on it. When the link comes servers are asked at once, for it may
    /// be another network.
    pub const fn set_link(&mut self, is_up: bool) {
        self.is_link_up = is_up;
    }

    /// Gives the lease back; the app ends with the next turns. End all connections before: their
    /// address goes.
    pub const fn release(&mut self) {
        self.must_release = true;
    }

    /// Whether the interface has an address of ours.
    pub const fn is_bound(&self) -> bool {
        self.applied.address.is_some()
    }

    /// What the caller wants, where that changes something.
    fn obey(&mut self, io: &mut Io) -> Option<Step> {
        match self.state.state() {
            State::Starting | State::Releasing | State::Leaving => None,
            _ if self.must_release => Some(self.give_back(io)),
            State::LinkDown if self.is_link_up => Some(self.on_link_up(io)),
            State::LinkDown => None,
            _ if !self.is_link_up => Some(self.on_link_down(io)),
            _ => None,
        }
    }

    fn begin(&mut self, io: &mut Io) -> Step {
        // Another medium has no hardware address that a server could answer.
        #[allow(
            irrefutable_let_patterns,
            reason = "smoltcp's features decide how many media there are"
        )]
        let HardwareAddress::Ethernet(mac) = io.interface().hardware_addr() else {
            return Step::Wait;
        };
        self.mac = mac;
        self.storage.begin(mac, self.options.client_id);
        if self.is_link_up {
            self.look(io)
        } else {
            self.enter(io, State::LinkDown, Duration::MAX)
        }
    }

    /// It may be another network, even where it lends the same address: a neighbour may have another
    /// hardware address, and a name another address.
    fn on_link_up(&mut self, io: &mut Io) -> Step {
        io.emit(&Event::LinkUp);
        // smoltcp forgets its neighbours whenever it is asked to change addresses.
        io.interface().update_ip_addrs(|_| {});
        io.forgotten = Forgotten::Neighbours;
        #[cfg(feature = "dns")]
        super::apply::forget_names(io);
        self.look(io)
    }

    fn on_link_down(&mut self, io: &mut Io) -> Step {
        io.emit(&Event::LinkDown);
        self.storage.forget_exchange();
        self.enter(io, State::LinkDown, Duration::MAX)
    }

    /// Asks for the address that we have or had, or for any.
    fn look(&mut self, io: &mut Io) -> Step {
        match self.options.last_address {
            Some(address) => self.reboot(io, address),
            None => self.discover(io),
        }
    }

    pub(super) fn discover(&mut self, io: &mut Io) -> Step {
        self.begin_exchange(io);
        self.began_at = io.now;
        self.storage.expect(Expected::Offer { xid: self.xid });
        let delay = self.send_discover(io);
        self.enter(io, State::Selecting, delay)
    }

    fn request(&mut self, io: &mut Io, server: Ipv4Addr, address: Ipv4Addr) -> Step {
        (self.sent, self.asked_at) = (0, io.now);
        self.expect_ack(Some(server), address);
        let delay = self.send_request(io, address, Some(server));
        self.enter(io, State::Requesting { server, address }, delay)
    }

    fn reboot(&mut self, io: &mut Io, address: Ipv4Addr) -> Step {
        self.begin_exchange(io);
        (self.began_at, self.asked_at) = (io.now, io.now);
        self.expect_ack(None, address);
        let delay = self.send_request(io, address, None);
        self.enter(io, State::Rebooting { address }, delay)
    }

    /// No server answered for the address of before. A lease is used on (RFC 2131, section 3.2).
    fn reboot_failed(&mut self, io: &mut Io) -> Step {
        self.storage.forget_exchange();
        if self.is_bound() {
            self.enter(io, State::Bound { announcements: 0 }, Duration::MAX)
        } else {
            self.discover(io)
        }
    }

    fn refused(&mut self, io: &mut Io, address: Ipv4Addr) -> Step {
        let refused = DhcpEvent::Refused { address };
        io.emit(&Event::App(&refused));
        self.options.last_address = None;
        self.lose(io, LossReason::Withdrawn);
        let pause = self.refused_pause;
        self.refused_pause = pause.doubled(REFUSED_PAUSE_MAX).max(REFUSED_PAUSE);
        if pause == Duration::ZERO {
            self.discover(io)
        } else {
            self.enter(io, State::Pausing, pause)
        }
    }

    /// An address was granted. Whether it is free is not asked of one that we use already.
    fn granted(&mut self, io: &mut Io) -> Step {
        let granted = self.storage.granted_address();
        if granted == self.applied.address || self.options.probing.count == 0 {
            return self.bind(io);
        }
        let guarded = granted.map(|address| Guarded::Probed(address.address()));
        self.storage.guard(guarded.unwrap_or(Guarded::Nothing));
        self.sent = 0;
        let delay = self.spread(io, Duration::ZERO, self.options.probing.interval);
        self.enter(io, State::Probing, delay)
    }

    fn probe(&mut self, io: &mut Io) -> Step {
        let probing = self.options.probing;
        let Some(address) = self.storage.granted_address() else {
            return self.discover(io);
        };
        if self.sent >= probing.count {
            return self.bind(io);
        }
        self.send_arp(io, Ipv4Addr::UNSPECIFIED, address.address());
        let delay = if self.sent < probing.count {
            self.spread(io, probing.interval, probing.interval)
        } else {
            probing.settle
        };
        self.wait(io, delay)
    }

    /// Takes the granted lease into use.
    fn bind(&mut self, io: &mut Io) -> Step {
        let (applied, asked_at) = (&mut self.applied, self.asked_at);
        let keeps_servers = self.options.keeps_name_servers;
        let bound = self.storage.with_granted(|lease| {
            let timers = Timers::new(asked_at, lease.time);
            // The program was stopped for longer than the lease lasts.
            let is_over = timers.expires_at.is_some_and(|at| at <= io.now);
            let is_new = applied.address != Some(lease.address);
            if !is_over {
                applied.apply(io, lease, keeps_servers);
            }
            let time = lease.time.map(|time| time.expiry);
            (is_over, is_new, timers, (lease.address, lease.server, time))
        });
        let Some((false, is_new, timers, (address, server, time))) = bound else {
            self.lose(io, LossReason::Expired);
            return self.discover(io);
        };
        self.timers = timers;
        self.storage.guard(Guarded::Used(address.address()));
        self.storage.accept_granted();
        self.options.last_address = Some(address.address());
        self.refused_pause = Duration::ZERO;
        let event = if is_new {
            DhcpEvent::LeaseAcquired {
                address,
                server,
                time,
            }
        } else {
            DhcpEvent::LeaseRenewed {
                address,
                server,
                time,
            }
        };
        io.emit(&Event::App(&event));
        let announcements = if is_new { ANNOUNCEMENTS } else { 0 };
        let state = State::Bound { announcements };
        self.enter(io, state, Duration::MAX);
        self.announce(io, announcements)
    }

    /// Sends the next announcement of our address, if any is left.
    fn announce(&mut self, io: &mut Io, announcements: u8) -> Step {
        let address = self.applied.address.filter(|_| announcements > 0);
        let mut delay = Duration::MAX;
        if let Some(address) = address {
            self.send_arp(io, address.address(), address.address());
            delay = ANNOUNCE_INTERVAL;
        }
        if let State::Bound { announcements } = self.state.state_mut() {
            *announcements = announcements.saturating_sub(1);
        }
        self.wait(io, delay)
    }
}

impl App for Dhcp<'_> {
    type Error = Error;

    fn name(&self) -> &'static str {
        "dhcp"
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, Error> {
        if let Some(step) = self.obey(io) {
            return Ok(step);
        }
        if let Some(holder) = self.storage.take_claimant() {
            return Ok(self.on_conflict(io, holder));
        }
        let reply = self.storage.take_reply();
        Ok(match (*self.state.state(), reply) {
            (State::Starting, _) => self.begin(io),
            (State::Selecting, Reply::Offer { server, address }) => {
                self.request(io, server, address)
            }
            (State::Requesting { .. } | State::Rebooting { .. }, Reply::Ack) => self.granted(io),
            (State::Requesting { address, .. } | State::Rebooting { address }, Reply::Nak) => {
                self.refused(io, address)
            }
            (State::Renewing | State::Rebinding, Reply::Ack) => self.bind(io),
            (State::Renewing | State::Rebinding, Reply::Nak) => self.withdrawn(io),
            (State::Renewing, Reply::Nothing) => self.ask_server(io),
            (State::Releasing, _) => self.send_release(io),
            (State::Leaving, _) if self.storage.is_flushed() => Step::Done,
            _ => Step::Wait,
        })
    }

    fn deadline(&self) -> Option<Deadline> {
        self.state.deadline()
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, Error> {
        let step = self.on_deadline(io);
        // The next time may have passed as well, such as T1 while the address was tested.
        let is_due = |deadline: &Deadline| deadline.at <= io.now;
        if let Some(deadline) = self.state.deadline().filter(is_due) {
            let next = Deadline::new(io.now + TICK, deadline.awaits);
            self.state.set_deadline(Some(next));
        }
        Ok(step)
    }

    fn sockets(&self) -> &[SocketHandle] {
        &[]
    }
}

impl Dhcp<'_> {
    fn on_deadline(&mut self, io: &mut Io) -> Step {
        if self.is_over(io.now) {
            return self.lease_expired(io);
        }
        match *self.state.state() {
            State::Starting | State::LinkDown => Step::Wait,
            State::Pausing => self.discover(io),
            State::Selecting => {
                let delay = self.send_discover(io);
                self.wait(io, delay)
            }
            State::Requesting { .. } if self.sent >= REQUESTS_MAX => self.discover(io),
            State::Requesting { server, address } => {
                let delay = self.send_request(io, address, Some(server));
                self.wait(io, delay)
            }
            State::Rebooting { .. } if self.sent >= REBOOTS_MAX => self.reboot_failed(io),
            State::Rebooting { address } => {
                let delay = self.send_request(io, address, None);
                self.wait(io, delay)
            }
            State::Probing => self.probe(io),
            State::Bound { .. } if self.timers.is_renewal_due(io.now) => self.renew(io),
            State::Bound { announcements } => self.announce(io, announcements),
            State::Renewing => self.renew_again(io),
            State::Rebinding => self.ask_all(io),
            State::Releasing => self.leave(io),
            State::Leaving => Step::Done,
        }
    }

    pub(super) fn expect_ack(&self, server: Option<Ipv4Addr>, address: Ipv4Addr) {
        let xid = self.xid;
        self.storage.expect(Expected::Ack {
            xid,
            server,
            address,
        });
    }
}
