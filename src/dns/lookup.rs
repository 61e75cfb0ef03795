//! An app that resolves one name.

use smoltcp::iface::SocketHandle;

use super::{Addresses, Families, RESOLVE_TIMEOUT, ResolveError};
use crate::{App, Deadline, Error, Io, Step, TimeoutKind};

/// An app that finds out the addresses of one host, for a program that wants to know nothing else.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lookup<N> {
    host: N,
    /// `None` for those that we have an address of.
    families: Option<Families>,
    addresses: Option<Addresses>,
    deadline: Option<Deadline>,
}

impl<N: AsRef<str>> Lookup<N> {
    /// A look-up of a name, or of an address as text, for the families that we have an address of or
    /// for those that are given.
    pub const fn new(host: N, families: Option<Families>) -> Self {
        Self {
            host,
            families,
            addresses: None,
            deadline: None,
        }
    }

    /// The addresses, once they are known.
    pub fn addresses(&self) -> &[smoltcp::wire::IpAddress] {
        self.addresses.as_deref().unwrap_or_default()
    }
}

impl<N: AsRef<str>> App for Lookup<N> {
    type Error = Error;

    fn name(&self) -> &'static str {
        "lookup"
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, Error> {
        // The resolver ends in half of it, unless it is busy with other names.
        let at = io.now + RESOLVE_TIMEOUT + RESOLVE_TIMEOUT;
        self.deadline
            .get_or_insert(Deadline::new(at, TimeoutKind::Reply));
        let host = self.host.as_ref();
        let found = match self.families {
            Some(families) => io.resolve_families(host, families),
            None => io.resolve(host),
        };
        self.addresses = found.map_err(Error::Unresolved)?;
        Ok(match self.addresses {
            Some(_) => Step::Done,
            None => Step::Wait,
        })
    }

    fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, Error> {
        let missed = self
            .deadline
            .and_then(|deadline| io.excused_until(deadline));
        let Some(until) = missed else {
            return Err(Error::Unresolved(ResolveError::NoAnswer));
        };
        self.deadline = Some(Deadline::new(until, TimeoutKind::Reply));
        Ok(Step::Wait)
    }

    fn sockets(&self) -> &[SocketHandle] {
        &[]
    }
}
