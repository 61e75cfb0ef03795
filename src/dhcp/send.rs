//! What a client sends, and how long it then waits.

use core::net::Ipv4Addr;

use smoltcp::wire::EthernetAddress;

use super::client::Dhcp;
use super::frame::{self, Route};
use super::{Request, RequestKind};
use crate::{Duration, Io};

/// The first wait for an answer; each next one is twice as long (RFC 2131, section 4.1).
const RETRY_FIRST: Duration = Duration::from_secs(4);
const RETRY_MAX: Duration = Duration::from_secs(64);
/// Each wait is longer or shorter by up to this.
const RETRY_JITTER: Duration = Duration::from_secs(1);

impl<'a> Dhcp<'a> {
    /// A new number, so that no answer to what was asked before is believed.
    pub(super) fn begin_exchange(&mut self, io: &mut Io) {
        self.storage.forget_exchange();
        self.draw_xid(io);
        self.sent = 0;
    }

    pub(super) const fn draw_xid(&mut self, io: &mut Io) {
        self.xid = (io.random() >> 32) as u32;
    }

    /// Asks every server for an address; how long to wait for an offer.
    pub(super) fn send_discover(&mut self, io: &mut Io) -> Duration {
        let request = Request {
            wanted: self.options.last_address,
            ..self.message(io, RequestKind::Discover)
        };
        self.send(io, &request, Route::broadcast(Ipv4Addr::UNSPECIFIED));
        self.retry_delay(io)
    }

    /// Asks for the address that `server` has offered, or, without one, for that of before; how long
    /// to wait for the lease.
    pub(super) fn send_request(
        &mut self,
        io: &mut Io,
        wanted: Ipv4Addr,
        server: Option<Ipv4Addr>,
    ) -> Duration {
        let request = Request {
            wanted: Some(wanted),
            server,
            ..self.message(io, RequestKind::Request)
        };
        self.send(io, &request, Route::broadcast(Ipv4Addr::UNSPECIFIED));
        self.retry_delay(io)
    }

    /// Asks for more time: one server by way of a next hop, or all.
    pub(super) fn send_renewal(
        &mut self,
        io: &mut Io,
        address: Ipv4Addr,
        server: Option<(Ipv4Addr, EthernetAddress)>,
    ) {
        let request = Request {
            address,
            ..self.message(io, RequestKind::Request)
        };
        let route = server.map_or(Route::broadcast(address), |(destination, next_hop)| Route {
            source: address,
            destination,
            next_hop,
        });
        self.send(io, &request, route);
    }

    /// Tells the server that another host has the address.
    pub(super) fn send_decline(&mut self, io: &mut Io, address: Ipv4Addr, server: Ipv4Addr) {
        let request = Request {
            wanted: Some(address),
            server: Some(server),
            ..self.message(io, RequestKind::Decline)
        };
        self.send(io, &request, Route::broadcast(Ipv4Addr::UNSPECIFIED));
    }

    pub(super) fn send_release_to(
        &mut self,
        io: &mut Io,
        address: Ipv4Addr,
        server: Ipv4Addr,
        next_hop: EthernetAddress,
    ) {
        let request = Request {
            address,
            server: Some(server),
            ..self.message(io, RequestKind::Release)
        };
        let route = Route {
            source: address,
            destination: server,
            next_hop,
        };
        self.send(io, &request, route);
    }

    /// Asks by ARP who has `target`, as the host with the address `sender`.
    pub(super) fn send_arp(&mut self, io: &mut Io, sender: Ipv4Addr, target: Ipv4Addr) {
        let shared = &mut *self.storage.shared.borrow_mut();
        frame::write_arp(&mut shared.outgoing, self.mac, sender, target);
        self.leave_now(io);
    }

    fn send(&mut self, io: &mut Io, request: &Request, route: Route) {
        let shared = &mut *self.storage.shared.borrow_mut();
        let request = Request {
            client_id: &shared.client_id,
            packet_bytes_max: shared.packet_bytes_max,
            ..*request
        };
        frame::write_request(&mut shared.outgoing, &request, route);
        self.leave_now(io);
    }

    /// The device sends our frame when the loop next asks it for one.
    const fn leave_now(&mut self, io: &mut Io) {
        self.sent = self.sent.saturating_add(1);
        io.yield_now();
    }

    /// A message with what all have.
    fn message(&self, io: &Io, kind: RequestKind) -> Request<'a> {
        let secs = io.now.since(self.began_at).as_millis() / 1_000;
        Request {
            kind,
            xid: self.xid,
            secs: u16::try_from(secs).unwrap_or(u16::MAX),
            mac: self.mac.0,
            address: Ipv4Addr::UNSPECIFIED,
            wanted: None,
            server: None,
            client_id: &[],
            host_name: self.options.host_name,
            packet_bytes_max: 0,
        }
    }

    /// 4, 8, 16, 32, 64 s, longer or shorter by up to a second.
    fn retry_delay(&self, io: &mut Io) -> Duration {
        let waits = u32::from(self.sent.saturating_sub(1)).min(4);
        let delay = RETRY_FIRST.as_millis() << waits;
        let delay = delay.min(RETRY_MAX.as_millis()) - RETRY_JITTER.as_millis();
        let twice = RETRY_JITTER.as_millis() * 2;
        self.spread(
            io,
            Duration::from_millis(delay),
            Duration::from_millis(twice),
        )
    }

    /// `least`, longer by up to `range`.
    pub(super) fn spread(&self, io: &mut Io, least: Duration, range: Duration) -> Duration {
        let millis = io.random() % range.as_millis().saturating_add(1);
        Duration::from_millis(least.as_millis().saturating_add(millis))
    }
}
