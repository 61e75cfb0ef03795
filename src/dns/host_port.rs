//! A peer by its name: resolved, and dialled at one address after the other.

use smoltcp::iface::SocketHandle;
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::query::is_near;
use super::{Addresses, ResolveError};
use crate::runtime::to_smoltcp;
use crate::{Deadline, Duration, Error, Event, Io, Opened, Remote, Role, Tick, TimeoutKind};

/// How long an address is dialled before the next one is (RFC 8305, 5); doubled in each round.
const ATTEMPT: Duration = Duration::from_millis(250);
/// An address on the link is dialled for so much longer: smoltcp looks for one neighbour a second.
const NEIGHBOUR_SEARCH: Duration = Duration::from_secs(1);

/// A host, by its name or by an address as text, and a port: whom a [`Client`](crate::Client) dials.
///
/// The addresses of the host are dialled in the order of [`Io::resolve`], over the one socket of the
/// client: the next one when one has refused, cannot be reached, or has not answered within 250 ms.
/// Those that are silent get another turn, of twice the time, until the time to connect is over, which
/// covers the name's resolution too. An address on the link gets a second more in each turn.
///
/// It fails with [`Error::Unresolved`] where there is no address to dial, with what the last address
/// said where all have refused or cannot be reached, and else with a timeout.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HostPort<N> {
    host: N,
    port: u16,
    /// Those that may still answer, the one that is dialled first. None while they are found out.
    addresses: Addresses,
    /// How many of them have still to be dialled in this round, the first one included.
    round: usize,
    attempt: Duration,
    /// When the present attempt, or the search for the addresses, must have succeeded.
    attempt_ends_at: Tick,
    give_up_at: Tick,
    /// What the last address said.
    failure: Option<Error>,
}

impl<N: AsRef<str>> HostPort<N> {
    /// A host, by its name or by an address as text (without brackets), and a port.
    pub const fn new(host: N, port: u16) -> Self {
        Self {
            host,
            port,
            addresses: Addresses::new(),
            round: 0,
            attempt: ATTEMPT,
            attempt_ends_at: Tick::ZERO,
            give_up_at: Tick::ZERO,
            failure: None,
        }
    }

    /// The host, as it was given.
    pub const fn host(&self) -> &N {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    fn resolve(
        &mut self,
        io: &mut Io,
        socket: SocketHandle,
        is_late: bool,
    ) -> Result<Opened, Error> {
        let found = io.resolve(self.host.as_ref()).map_err(Error::Unresolved)?;
        match found {
            Some(addresses) => {
                self.was_away(io);
                self.round = addresses.len();
                self.addresses = addresses;
                self.dial(io, socket)
            }
            None if io.is_drained && self.was_away(io) => {
                self.attempt_ends_at = self.give_up_at;
                Ok(Opened::Resolving(self.deadline()))
            }
            None if is_late => Err(Error::Unresolved(ResolveError::NoAnswer)),
            None => Ok(Opened::Wait),
        }
    }

    /// Dials the first address that can be dialled.
    fn dial(&mut self, io: &mut Io, socket: SocketHandle) -> Result<Opened, Error> {
        while let Some(&address) = self.addresses.first() {
            if io.now >= self.give_up_at {
                return Err(Error::TimedOut(TimeoutKind::Connect));
            }
            // The RST for the attempt before makes room for the SYN: whoever answers late is told by
            // the interface that nobody listens.
            io.drop_connection(socket);
            let remote = IpEndpoint::new(address, self.port);
            match io.connect(socket, remote) {
                Ok(()) => {
                    self.attempt_ends_at = self.attempt_end(io, &address);
                    return Ok(Opened::Dialling(remote, self.deadline()));
                }
                Err(error) => self.on_failure(error)?,
            }
        }
        Err(self.failure.unwrap_or(Error::Unreachable))
    }

    fn attempt_end(&self, io: &Io, address: &IpAddress) -> Tick {
        if self.addresses.len() < 2 {
            return self.give_up_at;
        }
        let search = match is_near(io, address) {
            true => NEIGHBOUR_SEARCH,
            false => Duration::ZERO,
        };
        (io.now + self.attempt + search).min(self.give_up_at)
    }

    fn deadline(&self) -> Deadline {
        Deadline::new(self.attempt_ends_at, TimeoutKind::Connect)
    }

    /// Whether the present attempt ended while we were away, where nobody could be heard. There is
    /// more time then. What came meanwhile is read first.
    fn was_away(&mut self, io: &Io) -> bool {
        let until = io.excused_until(self.deadline());
        self.give_up_at = self.give_up_at.max(until.unwrap_or(Tick::ZERO));
        until.is_some()
    }

    /// The first address said no.
    ///
    /// # Errors
    /// So would every other.
    fn on_failure(&mut self, error: Error) -> Result<(), Error> {
        match error {
            // That there is no way says less than what a peer said.
            Error::Unreachable | Error::Unaddressable => {
                self.failure.get_or_insert(error);
            }
            Error::Refused | Error::DestinationUnreachable => self.failure = Some(error),
            _ => return Err(error),
        }
        if !self.addresses.is_empty() {
            self.addresses.remove(0);
        }
        self.end_attempt();
        Ok(())
    }

    /// The first address has not answered.
    fn on_silence(&mut self) {
        // Never more than there are, or it would panic.
        let count = self.addresses.len().min(1);
        self.addresses.rotate_left(count);
        self.end_attempt();
    }

    fn end_attempt(&mut self) {
        self.round = self.round.saturating_sub(1);
        if self.round == 0 {
            self.round = self.addresses.len();
            self.attempt = self.attempt.doubled(Duration::MAX);
        }
    }
}

impl<N: AsRef<str>> Remote for HostPort<N> {
    fn begin(
        &mut self,
        io: &mut Io,
        socket: SocketHandle,
        timeout: Duration,
    ) -> Result<Deadline, Error> {
        self.addresses.clear();
        self.failure = None;
        self.attempt = ATTEMPT;
        self.give_up_at = io.now + timeout;
        if let Some(remote) = self.endpoint() {
            io.connect(socket, remote)?;
            self.addresses.extend([remote.addr]);
        } else {
            let host = self.host.as_ref();
            io.emit(&Event::Resolving { host });
            // The name may be in the cache.
            io.yield_now();
        }
        self.attempt_ends_at = self.give_up_at;
        Ok(self.deadline())
    }

    fn poll(&mut self, io: &mut Io, socket: SocketHandle, is_late: bool) -> Result<Opened, Error> {
        let Some(&address) = self.addresses.first() else {
            return self.resolve(io, socket, is_late);
        };
        match io.is_connected(socket) {
            Ok(true) => {
                let remote = IpEndpoint::new(address, self.port);
                return Ok(Opened::Established(remote, Role::Client));
            }
            // The same address once more.
            Ok(false) if io.is_drained && self.was_away(io) => {}
            Ok(false) if !is_late => return Ok(Opened::Wait),
            Ok(false) if io.now >= self.give_up_at => {
                return Err(Error::TimedOut(TimeoutKind::Connect));
            }
            Ok(false) => self.on_silence(),
            Err(error) => self.on_failure(error)?,
        }
        self.dial(io, socket)
    }

    fn endpoint(&self) -> Option<IpEndpoint> {
        let address = to_smoltcp(self.host.as_ref().parse().ok()?)?;
        Some(IpEndpoint::new(address, self.port))
    }
}
