//! An app whose steps are in the test's hands.

use smoltcp::iface::SocketHandle;
use tickwire::{App, Deadline, Error, Io, Step, Tick, TimeoutKind};

/// Does `act` at each step, with its deadline at hand.
pub(crate) struct MockApp<F> {
    pub(crate) sockets: Vec<SocketHandle>,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) steps: u32,
    act: F,
}

impl<F> MockApp<F>
where
    F: FnMut(&mut Io, &mut Option<Deadline>) -> Result<Step, Error>,
{
    pub(crate) fn new(sockets: &[SocketHandle], act: F) -> Self {
        Self {
            sockets: sockets.to_vec(),
            deadline: None,
            steps: 0,
            act,
        }
    }
}

impl<F> App for MockApp<F>
where
    F: FnMut(&mut Io, &mut Option<Deadline>) -> Result<Step, Error>,
{
    type Error = Error;

    fn name(&self) -> &'static str {
        "mock"
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, Error> {
        self.steps += 1;
        (self.act)(io, &mut self.deadline)
    }

    fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    fn sockets(&self) -> &[SocketHandle] {
        &self.sockets
    }
}

/// A deadline of the total time.
pub(crate) fn at(millis: u64) -> Option<Deadline> {
    Some(Deadline::new(Tick::from_millis(millis), TimeoutKind::Total))
}
