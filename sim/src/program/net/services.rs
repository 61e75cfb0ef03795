//! The services of one node: leases, names and the time over UDP, and names over TCP.

use std::cell::RefCell;
use std::rc::Rc;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp::Socket;
use smoltcp::wire::{EthernetAddress, IpAddress};
use tickwire::{App, Connection, Deadline, Error, Io, Received, Session, Step, Tick, TimeoutKind};
use tickwire_sim::ethernet::Port;

use super::CLIENT_MAC;
use super::frames::Datagram;
use super::lease_server::LeaseServer;
use super::mood::{Mood, Outgoing};
use super::name_server::NameServer;
use super::time_server::TimeServer;

/// The ports of the services, in the order of the sockets.
const PORTS: [u16; 3] = [67, 53, 123];

/// Everything that answers on one node, in any of its servers.
#[derive(Debug)]
pub(super) struct Answerer {
    pub(super) leases: LeaseServer,
    pub(super) names: NameServer,
    pub(super) time: TimeServer,
    pub(super) mood: Mood,
}

impl Answerer {
    fn answer(&mut self, now: Tick, asked: &Datagram) -> Vec<Outgoing> {
        let mood = &mut self.mood;
        match asked.destination.1 {
            67 => self.leases.answer(now, &asked.payload, mood),
            53 => self.names.answer(now, asked, mood),
            _ => self.time.answer(now, asked, mood),
        }
    }
}

pub(super) type Shared = Rc<RefCell<Answerer>>;

/// The services over UDP. What they send does not go through sockets: a forger's answers come from
/// everywhere.
pub(super) struct Services<'e> {
    sockets: [SocketHandle; PORTS.len()],
    answerer: Shared,
    port: Port<'e>,
    mac: EthernetAddress,
    pending: Vec<(Tick, Vec<u8>)>,
}

impl<'e> Services<'e> {
    pub(super) const fn new(
        sockets: [SocketHandle; PORTS.len()],
        answerer: Shared,
        port: Port<'e>,
        mac: EthernetAddress,
    ) -> Self {
        Self {
            sockets,
            answerer,
            port,
            mac,
            pending: Vec::new(),
        }
    }

    /// Takes the next datagram of a service, if there is one.
    fn hear(&self, io: &mut Io, handle: SocketHandle, port: u16) -> Option<Datagram> {
        if !io.socket::<Socket>(handle).is_open() {
            io.bind(handle, port).expect("nobody else has the port");
        }
        let mac = self.mac;
        let own = self.answerer.borrow().names.own;
        io.receive_from(handle, |bytes, from| {
            let IpAddress::Ipv4(source) = from.endpoint.addr else {
                return None;
            };
            Some(Datagram {
                mac: CLIENT_MAC,
                to_mac: mac,
                source: (source, from.endpoint.port),
                destination: (own, port),
                payload: bytes.to_vec(),
            })
        })?
    }

    fn send_due(&mut self, now: Tick) {
        for index in (0..self.pending.len()).rev() {
            let is_due = self.pending.get(index).is_some_and(|(at, _)| *at <= now);
            if is_due {
                let (_, frame) = self.pending.remove(index);
                self.port.send(&frame);
            }
        }
    }
}

impl App for Services<'_> {
    type Error = Error;

    fn name(&self) -> &'static str {
        "services"
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, Error> {
        let mut has_heard = false;
        for (handle, port) in self.sockets.into_iter().zip(PORTS) {
            let Some(asked) = self.hear(io, handle, port) else {
                continue;
            };
            has_heard = true;
            let sent = self.answerer.borrow_mut().answer(io.now, &asked);
            let due = sent.into_iter().map(|out| (io.now + out.delay, out.frame));
            self.pending.extend(due);
        }
        self.send_due(io.now);
        Ok(if has_heard { Step::Again } else { Step::Wait })
    }

    fn deadline(&self) -> Option<Deadline> {
        let at = self.pending.iter().map(|(at, _)| *at).min()?;
        Some(Deadline::new(at, TimeoutKind::Reply))
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, Error> {
        self.send_due(io.now);
        Ok(Step::Again)
    }

    fn sockets(&self) -> &[SocketHandle] {
        &self.sockets
    }
}

/// A question over TCP.
pub(super) struct NamesOverTcp {
    answerer: Shared,
    received: Vec<u8>,
    answer: Option<Vec<u8>>,
}

impl NamesOverTcp {
    pub(super) const fn new(answerer: Shared) -> Self {
        Self {
            answerer,
            received: Vec::new(),
            answer: None,
        }
    }

    /// The answer with its length, once the question is whole.
    fn answered(&self, now: Tick) -> Option<Vec<u8>> {
        let (length, rest) = self.received.split_first_chunk()?;
        let asked = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
        let Answerer { names, mood, .. } = &mut *self.answerer.borrow_mut();
        let message = names.message(now, asked, true, mood).unwrap_or_default();
        let length = u16::try_from(message.len()).expect("a message is short");
        Some([&length.to_be_bytes(), &message[..]].concat())
    }
}

impl Session for NamesOverTcp {
    type Error = Error;

    fn name(&self) -> &'static str {
        "names"
    }

    fn begin(&mut self, _connection: &mut Connection) -> Result<(), Error> {
        self.received.clear();
        self.answer = None;
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        if let Some(answer) = &self.answer {
            let is_written = connection.write_all(answer)?;
            return Ok(if is_written { Step::Done } else { Step::Wait });
        }
        let mut buffer = [0; 300];
        match connection.read(&mut buffer)? {
            Received::Data(bytes) => self.received.extend_from_slice(bytes),
            Received::Nothing => return Ok(Step::Wait),
            Received::End => return Ok(Step::Done),
        }
        self.answer = self.answered(connection.now());
        Ok(Step::Again)
    }
}
