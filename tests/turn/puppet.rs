//! An app whose steps are in the test's hands.

use smoltcp::iface::SocketHandle;
use tickwire::{App, Awaited, Deadline, Error, Io, Listener, Step, Tick};

use crate::frames::HOST_PORT;

/// Does `act` at each step, with its deadline at hand.
pub(crate) struct Puppet<F> {
    pub(crate) sockets: Vec<SocketHandle>,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) steps: u32,
    act: F,
}

impl<F> Puppet<F>
where
    F: FnMut(&mut Io<'_, '_>, &mut Option<Deadline>) -> Result<Step, Error>,
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

impl<F> App for Puppet<F>
where
    F: FnMut(&mut Io<'_, '_>, &mut Option<Deadline>) -> Result<Step, Error>,
{
    fn name(&self) -> &'static str {
        "puppet"
    }

    fn step(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
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
    Some(Deadline::new(Tick::from_millis(millis), Awaited::Total))
}

/// Listens on [`HOST_PORT`]; once a caller is there, each step is `talk`, with a deadline that does not come to its
/// help.
pub(crate) fn server<T>(
    sockets: &[SocketHandle],
    mut talk: T,
) -> Puppet<impl FnMut(&mut Io<'_, '_>, &mut Option<Deadline>) -> Result<Step, Error> + use<T>>
where
    T: FnMut(&mut Io<'_, '_>, SocketHandle) -> Result<Step, Error>,
{
    let socket = sockets[0];
    let mut listener = Listener::new(HOST_PORT);
    let mut is_called = false;
    Puppet::new(sockets, move |io, deadline| {
        if !is_called {
            is_called = listener.poll(io, socket)?.is_some();
            *deadline = listener.deadline();
            if !is_called {
                return Ok(Step::Wait);
            }
            *deadline = at(3_600_000);
        }
        talk(io, socket)
    })
}
