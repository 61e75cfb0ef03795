//! An app that does nothing.

use smoltcp::iface::SocketHandle;
use tickwire::{App, Deadline, Error, Io, Step};

/// Does nothing, and never ends: it keeps a world running while sockets are still closing and late
/// frames arrive.
#[derive(Debug, Default)]
pub struct Idle;

impl App for Idle {
    type Error = Error;

    fn name(&self) -> &'static str {
        "idle"
    }

    fn step(&mut self, _io: &mut Io<'_, '_>) -> Result<Step, Error> {
        Ok(Step::Wait)
    }

    fn deadline(&self) -> Option<Deadline> {
        None
    }

    fn sockets(&self) -> &[SocketHandle] {
        &[]
    }
}
