//! A client of an echo server over UDP: it asks again until its datagram has come back.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp::Socket;
use smoltcp::wire::IpEndpoint;
use tickwire::{App, Deadline, Duration, Error, Io, Step, TimeoutKind, UdpError};

pub(crate) struct UdpAsk<'a> {
    pub(crate) socket: SocketHandle,
    pub(crate) server: IpEndpoint,
    pub(crate) question: &'a [u8],
    pub(crate) attempts: u32,
    pub(crate) deadline: Option<Deadline>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UdpAskError {
    Loop(Error),
    Udp(UdpError),
    NoAnswer,
}

impl From<Error> for UdpAskError {
    fn from(error: Error) -> Self {
        Self::Loop(error)
    }
}

impl App for UdpAsk<'_> {
    type Error = UdpAskError;

    fn name(&self) -> &'static str {
        "udp-ask"
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, UdpAskError> {
        if self.attempts == 0 {
            return self.ask(io);
        }
        let (server, question) = (self.server, self.question);
        let is_answer = io.receive_from(self.socket, |bytes, from| {
            from.endpoint == server && bytes == question
        });
        Ok(match is_answer {
            Some(true) => Step::Done,
            Some(false) => Step::Again, // A stranger's: the deadline stays.
            None => Step::Wait,
        })
    }

    fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, UdpAskError> {
        self.ask(io)
    }

    fn sockets(&self) -> &[SocketHandle] {
        core::slice::from_ref(&self.socket)
    }
}

impl UdpAsk<'_> {
    /// Asks from a fresh port, up to four times, and doubles the time for the answer.
    fn ask(&mut self, io: &mut Io) -> Result<Step, UdpAskError> {
        if self.attempts == 4 {
            return Err(UdpAskError::NoAnswer);
        }
        io.socket::<Socket>(self.socket).close(); // The old question is forgotten.
        io.bind(self.socket, 0).map_err(UdpAskError::Udp)?;
        let sent = io.send_to(self.socket, self.server, self.question);
        sent.map_err(UdpAskError::Udp)?;
        let at = io.now + Duration::from_secs(1 << self.attempts);
        self.deadline = Some(Deadline::new(at, TimeoutKind::Reply));
        self.attempts += 1;
        Ok(Step::Again)
    }
}
