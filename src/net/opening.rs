//! How a connection begins: by dialling, or by waiting for a caller.

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;

use crate::{AcceptState, Deadline, Duration, Error, Event, Io, Role, TimeoutKind};

/// How long a caller may take for the last step of its handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// How a connection begins. A type of its own for each way, so that a program that only dials has no
/// code to listen.
pub trait Opening {
    /// Begins: sends the SYN, resolves the name, or listens. What the attempt before has left in here
    /// is forgotten.
    ///
    /// # Errors
    /// The socket or the address cannot be used.
    fn begin(&mut self, io: &mut Io, socket: SocketHandle) -> Result<Option<Deadline>, Error>;

    /// Looks how far it is. `caller` is who was seen before.
    ///
    /// # Errors
    /// The attempt has failed.
    fn poll(
        &mut self,
        io: &mut Io,
        socket: SocketHandle,
        caller: Option<IpEndpoint>,
        is_late: bool,
    ) -> Result<Opened, Error>;

    /// The peer, where it is known from the start.
    fn remote(&self) -> Option<IpEndpoint>;
}

/// How far the opening of a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Opened {
    /// Nothing has changed.
    Wait,
    /// A caller has begun its handshake, or has given it up.
    Caller(Option<IpEndpoint>),
    /// It is established.
    Established(IpEndpoint, Role),
    /// The caller has gone: begin anew with a cleared socket.
    Restart,
    /// This address of the peer is dialled now; look again then.
    #[cfg(feature = "dns")]
    Dialling(IpEndpoint, Deadline),
    /// The peer's name is still being resolved; look again then.
    #[cfg(feature = "dns")]
    Resolving(Deadline),
}

/// Whom a client dials: an [`IpEndpoint`] or, with the feature `dns`, a
/// [`HostPort`](crate::dns::HostPort).
///
/// A type of its own for each, so that a program that knows the address has no code for names.
pub trait Remote {
    /// Sends the first SYN, or begins to find out whom to send it to. The deadline is that of the
    /// whole attempt.
    ///
    /// # Errors
    /// The socket or the address cannot be used.
    fn begin(
        &mut self,
        io: &mut Io,
        socket: SocketHandle,
        timeout: Duration,
    ) -> Result<Deadline, Error>;

    /// Looks how far it is.
    ///
    /// # Errors
    /// The attempt has failed.
    fn poll(&mut self, io: &mut Io, socket: SocketHandle, is_late: bool) -> Result<Opened, Error>;

    /// The peer, where it is known from the start.
    fn endpoint(&self) -> Option<IpEndpoint>;
}

/// Dials a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dial<T = IpEndpoint> {
    /// The peer.
    pub remote: T,
    /// For the connection to be established, whether a name server, ARP, SYN or nothing answers.
    pub timeout: Duration,
}

/// Waits for a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Listen {
    /// The local port.
    pub port: u16,
}

/// Either of them, for an app that plays both roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum DialOrListen<T = IpEndpoint> {
    /// Dials.
    Dial(Dial<T>),
    /// Listens.
    Listen(Listen),
}

impl Remote for IpEndpoint {
    fn begin(
        &mut self,
        io: &mut Io,
        socket: SocketHandle,
        timeout: Duration,
    ) -> Result<Deadline, Error> {
        io.connect(socket, *self)?;
        Ok(Deadline::new(io.now + timeout, TimeoutKind::Connect))
    }

    fn poll(&mut self, io: &mut Io, socket: SocketHandle, is_late: bool) -> Result<Opened, Error> {
        if io.is_connected(socket)? {
            Ok(Opened::Established(*self, Role::Client))
        } else if is_late {
            Err(Error::TimedOut(TimeoutKind::Connect))
        } else {
            Ok(Opened::Wait)
        }
    }

    fn endpoint(&self) -> Option<IpEndpoint> {
        Some(*self)
    }
}

impl<T: Remote> Opening for Dial<T> {
    fn begin(&mut self, io: &mut Io, socket: SocketHandle) -> Result<Option<Deadline>, Error> {
        self.remote.begin(io, socket, self.timeout).map(Some)
    }

    fn poll(
        &mut self,
        io: &mut Io,
        socket: SocketHandle,
        _caller: Option<IpEndpoint>,
        is_late: bool,
    ) -> Result<Opened, Error> {
        self.remote.poll(io, socket, is_late)
    }

    fn remote(&self) -> Option<IpEndpoint> {
        self.remote.endpoint()
    }
}

impl Opening for Listen {
    fn begin(&mut self, io: &mut Io, socket: SocketHandle) -> Result<Option<Deadline>, Error> {
        io.listen(socket, self.port)?;
        io.emit(&Event::Listening { port: self.port });
        Ok(None)
    }

    fn poll(
        &mut self,
        io: &mut Io,
        socket: SocketHandle,
        caller: Option<IpEndpoint>,
        is_late: bool,
    ) -> Result<Opened, Error> {
        Ok(match (io.accept_state(socket), caller) {
            (AcceptState::Established(remote), _) | (AcceptState::ClosedWithData, Some(remote)) => {
                Opened::Established(remote, Role::Server)
            }
            (AcceptState::Listening, None) => Opened::Wait,
            (AcceptState::Listening, Some(_)) => Opened::Caller(None),
            // One caller may have given up and another called between two looks.
            (AcceptState::SynReceived(remote), caller) if caller != Some(remote) => {
                Opened::Caller(Some(remote))
            }
            (AcceptState::SynReceived(_), _) if !is_late => Opened::Wait,
            (
                AcceptState::SynReceived(_) | AcceptState::ClosedWithData | AcceptState::Closed,
                _,
            ) => Opened::Restart,
        })
    }

    fn remote(&self) -> Option<IpEndpoint> {
        None
    }
}

impl<T: Remote> Opening for DialOrListen<T> {
    fn begin(&mut self, io: &mut Io, socket: SocketHandle) -> Result<Option<Deadline>, Error> {
        match self {
            Self::Dial(dial) => dial.begin(io, socket),
            Self::Listen(listen) => listen.begin(io, socket),
        }
    }

    fn poll(
        &mut self,
        io: &mut Io,
        socket: SocketHandle,
        caller: Option<IpEndpoint>,
        is_late: bool,
    ) -> Result<Opened, Error> {
        match self {
            Self::Dial(dial) => dial.poll(io, socket, caller, is_late),
            Self::Listen(listen) => listen.poll(io, socket, caller, is_late),
        }
    }

    fn remote(&self) -> Option<IpEndpoint> {
        match self {
            Self::Dial(dial) => dial.remote(),
            Self::Listen(_) => None,
        }
    }
}

/// The deadline of a caller's handshake.
pub(super) fn handshake_deadline(io: &Io) -> Deadline {
    Deadline::new(io.now + HANDSHAKE_TIMEOUT, TimeoutKind::Handshake)
}
