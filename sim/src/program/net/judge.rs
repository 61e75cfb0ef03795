//! What must hold of the client, seen from outside: from its frames, its events and its clock.

use std::hash::Hasher as _;
use std::net::Ipv4Addr;

use tickwire::dhcp::DhcpEvent;
use tickwire::sntp::SntpEvent;
use tickwire::{Duration, Event, Tick};
use tickwire_sim::ethernet::{Fate, FrameEvent};
use tickwire_sim::{Finding, TraceHash, Tracer};

use super::frames::{Datagram, claimed, is_reset};
use super::options::{ACK, DECLINE, Message, NAK, RELEASE, REQUEST};
use super::{CLIENT, CLIENT_MAC};

/// Frames that one turn may send: answers to all that came in, and what is due.
const FRAMES_MAX: u64 = 200;

/// A REQUEST of the client, by its number.
#[derive(Debug)]
struct Request {
    xid: u32,
    address: Ipv4Addr,
    /// Whose answer counts; `None` for every server's.
    server: Option<Ipv4Addr>,
    /// When the first of this number was sent: the lease begins then.
    sent_at: Tick,
    /// The first right answer counts, and none after the client has gone on.
    is_open: bool,
}

/// An address that the client may use.
#[derive(Debug, Clone, Copy)]
struct Grant {
    address: Ipv4Addr,
    until: Tick,
}

/// A setting of the client's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub(super) offset_micros: Option<i64>,
    pub(super) round_trip_micros: u64,
}

/// Sees all that happens, and passes it on.
pub(super) struct Judge<'t> {
    pub(super) hash: TraceHash,
    pub(super) finding: Option<Finding>,
    /// How late the present turn of the client is.
    pub(super) late: Duration,
    pub(super) frames_sent: u64,
    /// RSTs that came to the client.
    pub(super) resets: u64,
    pub(super) setting: Option<Setting>,
    pub(super) times_failed: u32,
    /// The number of the client's last message.
    last_xid: Option<u32>,
    requests: Vec<Request>,
    grants: Vec<Grant>,
    /// Those that are not the client's any more after the present turn.
    revoked: Vec<Ipv4Addr>,
    tracer: &'t mut dyn Tracer,
}

impl<'t> Judge<'t> {
    pub(super) fn new(tracer: &'t mut dyn Tracer) -> Self {
        Self {
            hash: TraceHash::EMPTY,
            finding: None,
            late: Duration::ZERO,
            frames_sent: 0,
            resets: 0,
            setting: None,
            times_failed: 0,
            last_xid: None,
            requests: Vec::new(),
            grants: Vec::new(),
            revoked: Vec::new(),
            tracer,
        }
    }

    pub(super) fn trace(&self) -> u64 {
        self.hash.finish()
    }

    /// Notes that an invariant was broken; the first one counts.
    pub(super) fn fail(&mut self, now: Tick, invariant: u8, what: &'static str) {
        self.finding.get_or_insert(Finding {
            invariant,
            at: now,
            node: Some(CLIENT),
            what,
        });
    }

    pub(super) fn note_on_client(&mut self, now: Tick, text: &str) {
        self.tracer.note(now, Some(CLIENT), text);
    }

    /// The client begins a turn that is late by this.
    pub(super) fn begin_turn(&mut self, late: Duration) {
        self.late = late;
        self.frames_sent = 0;
    }

    pub(super) fn end_turn(&mut self, now: Tick) {
        if self.frames_sent > FRAMES_MAX {
            self.fail(now, 7, "one turn sent more frames than its bound");
        }
        for revoked in self.revoked.drain(..) {
            self.grants.retain(|grant| grant.address != revoked);
            self.requests.retain(|request| request.address != revoked);
        }
    }

    /// A client that starts has nothing.
    pub(super) fn forget(&mut self) {
        self.last_xid = None;
        self.grants.clear();
        self.requests.clear();
    }

    /// Whether the client may use this address now.
    pub(super) fn may_use(&self, now: Tick, address: Ipv4Addr) -> bool {
        let is_valid = |grant: &Grant| grant.address == address && now <= grant.until + self.late;
        self.grants.iter().any(is_valid)
    }

    /// What the client sends.
    fn sent(&mut self, now: Tick, frame: &[u8]) {
        self.frames_sent += 1;
        if let Some(address) = claimed(frame)
            && !self.may_use(now, address)
        {
            self.fail(now, 13, "the client used an address that it does not hold");
        }
        let Some((datagram, message)) = lease_message(frame, 67) else {
            return;
        };
        let is_other = |request: &Request| request.xid != message.xid;
        if self.last_xid.replace(message.xid) != Some(message.xid) {
            // Numbers are drawn: a new exchange may have that of an old one.
            self.requests.retain(is_other);
            self.requests
                .iter_mut()
                .for_each(|request| request.is_open = false);
        }
        match message.kind {
            REQUEST if self.requests.iter().all(is_other) => {
                let (to, _) = datagram.destination;
                self.requests.push(Request {
                    xid: message.xid,
                    address: message.asked_for(),
                    server: message.server.or((!to.is_broadcast()).then_some(to)),
                    sent_at: now,
                    is_open: true,
                });
            }
            DECLINE | RELEASE => self.revoked.push(message.asked_for()),
            _ => {}
        }
    }

    /// What comes to the client.
    fn received(&mut self, frame: &[u8]) {
        self.resets += u64::from(is_reset(frame));
        let Some((_, message)) = lease_message(frame, 68) else {
            return;
        };
        let answers = |request: &&mut Request| {
            request.xid == message.xid
                && message.server.is_some()
                && (request.server.is_none() || request.server == message.server)
        };
        let Some(request) = self.requests.iter_mut().find(answers) else {
            return;
        };
        match (message.kind, message.lease_secs) {
            (ACK, Some(secs)) if message.given == request.address => {
                request.is_open = false;
                let until = request.sent_at + Duration::from_secs(secs.into());
                self.grants.push(Grant {
                    address: message.given,
                    until,
                });
            }
            (NAK, _) if request.is_open => {
                request.is_open = false;
                self.revoked.push(request.address);
            }
            _ => {}
        }
    }
}

/// A DHCP message of or to the client, in a frame to this port.
fn lease_message(frame: &[u8], port: u16) -> Option<(Datagram, Message)> {
    let datagram = Datagram::read(frame)?;
    let (_, from) = datagram.source;
    let is_right = datagram.destination.1 == port && from == 135 - port;
    let is_ours = datagram.to_mac.is_broadcast() || datagram.to_mac == CLIENT_MAC || port == 67;
    let message = Message::read(&datagram.payload)?;
    // Ethernet's type, and the address (RFC 2132, 9.14).
    let own_id = [&[1], &CLIENT_MAC.0[..]].concat();
    let is_for_us = message.client_id.as_ref().is_none_or(|id| *id == own_id);
    let is_ours = is_ours && is_for_us && message.mac == CLIENT_MAC;
    (is_right && is_ours).then_some((datagram, message))
}

impl Tracer for Judge<'_> {
    fn event(&mut self, now: Tick, node: usize, task: &'static str, event: &Event) {
        self.hash.event(now, node, task, event);
        self.tracer.event(now, node, task, event);
        if node != CLIENT {
            return;
        }
        match event {
            // What was asked before is not waited for any more: there is no link, or a lease that is
            // used on because nobody has answered (RFC 2131, section 3.2).
            Event::LinkDown | Event::State { new: "Bound", .. } => self
                .requests
                .iter_mut()
                .for_each(|request| request.is_open = false),
            Event::App(_) => {}
            _ => return,
        }
        if let Some(DhcpEvent::LeaseAcquired { address, .. }) = event.app()
            && !self.may_use(now, address.address())
        {
            self.fail(now, 14, "the client took an address that nobody gave it");
        }
        match event.app() {
            Some(&SntpEvent::Set {
                offset_micros,
                round_trip_micros,
                ..
            }) => {
                self.setting = Some(Setting {
                    offset_micros,
                    round_trip_micros,
                });
            }
            Some(SntpEvent::Failed { .. }) => self.times_failed += 1,
            _ => {}
        }
    }

    fn frame(&mut self, event: &FrameEvent, frame: &[u8]) {
        let now = Tick::from_millis(event.at_micros / 1_000);
        match event.fate {
            Fate::Sent if event.from == CLIENT => self.sent(now, frame),
            Fate::Delivered if event.to == Some(CLIENT) => self.received(frame),
            _ => {}
        }
        self.hash.frame(event, frame);
        self.tracer.frame(event, frame);
    }

    fn note(&mut self, now: Tick, node: Option<usize>, text: &str) {
        self.tracer.note(now, node, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::options::Reply;

    const OURS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    fn message(kind: u8, xid: u32, ports: (u16, u16), options: Vec<(u8, Vec<u8>)>) -> Vec<u8> {
        let reply = Reply {
            kind,
            xid,
            given: OURS,
            mac: CLIENT_MAC,
            options,
        };
        let datagram = Datagram {
            mac: CLIENT_MAC,
            to_mac: CLIENT_MAC,
            source: (OURS, ports.0),
            destination: (SERVER, ports.1),
            payload: reply.bytes(),
        };
        datagram.frame()
    }

    /// A renewal for a second, asked for at `now` and granted at once.
    fn renew(judge: &mut Judge, now: Tick, xid: u32) {
        let wanted = vec![(50, OURS.octets().to_vec())];
        judge.sent(now, &message(REQUEST, xid, (68, 67), wanted));
        let granted = vec![
            (54, SERVER.octets().to_vec()),
            (51, 1_u32.to_be_bytes().to_vec()),
        ];
        judge.received(&message(ACK, xid, (67, 68), granted));
    }

    /// One of 2^32 is drawn twice within some hundred renewals now and then.
    #[test]
    fn a_lease_begins_with_its_own_request_and_not_with_an_older_one_of_the_same_number() {
        let mut tracer = ();
        let mut judge = Judge::new(&mut tracer);
        let at = |secs: u64| Tick::from_millis(1_000 * secs);
        judge.grants.push(Grant {
            address: OURS,
            until: at(1),
        });
        for (now, xid) in [(at(0), 7), (at(1), 8), (at(2), 7)] {
            renew(&mut judge, now, xid);
        }
        assert!(judge.may_use(at(3), OURS));
        assert!(!judge.may_use(at(4), OURS));
        assert!(judge.finding.is_none());
    }

    /// Nobody answered in time, and the lease is used on.
    #[test]
    fn a_refusal_that_comes_after_the_client_has_gone_on_takes_nothing() {
        for (has_gone_on, may_use) in [(true, true), (false, false)] {
            let mut tracer = ();
            let mut judge = Judge::new(&mut tracer);
            let now = Tick::from_millis(1_000);
            judge.grants.push(Grant {
                address: OURS,
                until: now,
            });
            let wanted = vec![(50, OURS.octets().to_vec())];
            judge.sent(now, &message(REQUEST, 7, (68, 67), wanted));
            if has_gone_on {
                let bound = Event::State {
                    old: "Rebooting",
                    new: "Bound",
                };
                judge.event(now, CLIENT, "dhcp", &bound);
            }
            let from = vec![(54, SERVER.octets().to_vec())];
            judge.received(&message(NAK, 7, (67, 68), from));
            judge.end_turn(now);
            assert_eq!(judge.may_use(now, OURS), may_use);
        }
    }

    #[test]
    fn a_lease_begins_when_its_request_was_sent_first() {
        let mut tracer = ();
        let mut judge = Judge::new(&mut tracer);
        let at = |secs: u64| Tick::from_millis(1_000 * secs);
        judge.grants.push(Grant {
            address: OURS,
            until: at(3),
        });
        renew(&mut judge, at(0), 7);
        renew(&mut judge, at(3), 7);
        assert!(!judge.may_use(at(4), OURS));
    }
}
