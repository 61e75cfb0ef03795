//! Waiting for a caller: what every server does before its first byte.

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;

use crate::canary::{Canary, is_planted};
use crate::{
    Awaited, Called, Deadline, Error, HANDSHAKE_TICKS, Io, LINGER_TICKS, Named, Part, Phase,
};

/// Brings a socket from whatever the last conversation left behind to the next caller.
///
/// It hears again within 1 s, and neither a caller that vanishes in the middle of its handshake nor a neighbour
/// that does not answer can hold it for longer than its deadlines.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Listener {
    port: u16,
    phase: Phase<State>,
}

/// `Resting -> Listening -> Confirming`, and back to `Resting` when the caller gives up or a conversation has begun.
#[derive(Debug, Clone, Copy)]
enum State {
    /// What was left of the last conversation goes, its RST included.
    Resting,
    Listening,
    Confirming(IpEndpoint),
}

impl Named for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Resting => "Resting",
            Self::Listening => "Listening",
            Self::Confirming(_) => "Confirming",
        }
    }
}

impl Listener {
    /// A listener on `port`, which must not be 0.
    pub const fn new(port: u16) -> Self {
        Self {
            port,
            phase: Phase::new(State::Resting),
        }
    }

    /// The local port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Until when the present state may last.
    pub const fn deadline(&self) -> Option<Deadline> {
        self.phase.deadline()
    }

    /// Goes on as far as it can; the peer, once there is one. Then the socket is the conversation's, and the next
    /// call begins anew by dropping whatever is left of it.
    ///
    /// It looks at its own deadline, so an app calls this from `step` and from `expired` alike.
    ///
    /// # Errors
    /// [`Error::Unaddressable`] when the port is 0.
    pub fn poll(
        &mut self,
        io: &mut Io<'_, '_>,
        handle: SocketHandle,
    ) -> Result<Option<IpEndpoint>, Error> {
        loop {
            let late = self
                .phase
                .deadline()
                .is_some_and(|deadline| deadline.at <= io.now);
            match (*self.phase.state(), io.called(handle)) {
                (State::Resting, _) => {
                    if !late && !self.is_rested(io, handle) {
                        return Ok(None);
                    }
                    // A RST that could not leave for a second never will.
                    io.listen(handle, self.port)?;
                    self.phase.enter(io, State::Listening, None);
                }
                (State::Confirming(remote), Called::Ended) | (_, Called::By(remote)) => {
                    self.phase.enter(io, State::Resting, None);
                    io.tell_connected(remote, Part::Listener);
                    return Ok(Some(remote));
                }
                (State::Listening, Called::Confirming(remote)) => {
                    let deadline = Deadline::new(io.now.after(HANDSHAKE_TICKS), Awaited::Handshake);
                    self.phase
                        .enter(io, State::Confirming(remote), Some(deadline));
                }
                (State::Confirming(_), Called::Confirming(_)) if late => {
                    if is_planted(Canary::CallerHoldsListener) {
                        self.phase.set_deadline(None);
                        return Ok(None);
                    }
                    io.drop_connection(handle);
                    self.phase.enter(io, State::Resting, None);
                }
                (State::Confirming(_), Called::No) => self.phase.enter(io, State::Listening, None),
                (_, Called::Ended | Called::Gone) => self.phase.enter(io, State::Resting, None),
                (State::Listening, Called::No) | (State::Confirming(_), Called::Confirming(_)) => {
                    return Ok(None);
                }
            }
        }
    }

    /// Whether the last conversation has left the socket. If not, it is dropped, with a deadline from the first look on.
    ///
    /// To listen forgets an acknowledgement that has still to leave, and the peer's FIN, sent again, would then meet
    /// a RST. So the first look always waits for one egress.
    fn is_rested(&mut self, io: &mut Io<'_, '_>, handle: SocketHandle) -> bool {
        if self.phase.deadline().is_some() {
            return io.is_idle(handle);
        }
        let fresh =
            io.tcp(handle).0.state() == smoltcp::socket::tcp::State::Closed && io.is_idle(handle);
        if !fresh {
            io.drop_connection(handle);
            io.leave_unfinished();
            self.phase.set_deadline(Some(Deadline::new(
                io.now.after(LINGER_TICKS),
                Awaited::Close,
            )));
        }
        fresh
    }
}
