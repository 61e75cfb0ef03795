//! The conversation of a chat peer: from its first byte until the last was delivered.

use smoltcp::socket::tcp::State as Tcp;
use smoltcp::wire::IpEndpoint;

use super::MessageSink;
use super::inbox::Pumped;
use super::peer::Peer;
use super::state::{Left, Role, State};
use super::watch::{self, Watch};
use crate::canary::{Canary, is_planted};
use crate::{Awaited, Deadline, Error, Event, Io, LINGER_TICKS, Received, Step};

/// How long bytes may wait in TIME-WAIT, of which smoltcp's lasts 10 s.
const RESCUE_TICKS: u64 = 5_000;

impl<S: MessageSink> Peer<'_, S> {
    /// Moves received bytes towards the sink: those of the last conversation first, then those of the present one.
    pub(super) fn deliver(&mut self, io: &mut Io<'_, '_>) -> Result<bool, Error> {
        let [current, last] = self.sockets;
        let source = match self.left {
            Some(_) => last,
            None if self.remote().is_some() => current,
            None => return Ok(false),
        };
        match self.inbox.pump(io, source)? {
            Pumped::Moved => Ok(true),
            Pumped::Nothing => Ok(false),
            Pumped::Over => {
                let left = self.left.take();
                if let Some(left) = left {
                    self.inbox.reset();
                    io.tell_end(left.remote, left.result);
                }
                Ok(left.is_some())
            }
        }
    }

    /// smoltcp forgets what was received when TIME-WAIT ends, which may be before the sink takes it. A connection whose
    /// peer has long had our last acknowledgement ends by RST instead, for that keeps the bytes.
    pub(super) fn rescue(&mut self, io: &mut Io<'_, '_>) {
        let now = io.now;
        let due = *self.rescue_at.get_or_insert(now.after(RESCUE_TICKS));
        let mut any = false;
        for handle in self.sockets {
            let (socket, _) = io.tcp(handle);
            if socket.state() == Tcp::TimeWait && socket.recv_queue() > 0 {
                any = true;
                if due <= now {
                    socket.abort();
                }
            }
        }
        if !any || due <= now {
            self.rescue_at = None;
        }
    }

    /// Sends what is queued, and a FIN behind it when the end of the conversation was decided.
    pub(super) fn talk(
        &mut self,
        io: &mut Io<'_, '_>,
        remote: IpEndpoint,
        mut watch: Watch,
        has_read: bool,
    ) -> Step {
        let state = io.tcp(self.current()).0.state();
        if state == Tcp::Closed {
            return self.judge_loss(io, remote, has_read);
        }
        if state == Tcp::CloseWait {
            if is_planted(Canary::QueueDroppedOnFin) {
                self.outbox.end();
            }
            self.outbox.cut();
        }
        let sent = self.outbox.pump(io, self.current());
        let deadline = watch.look(io, self.current(), sent, has_read);
        // A FIN behind unacknowledged bytes would have to be told from them when it is lost.
        if self.outbox.is_at_fin() && io.tcp(self.current()).0.send_queue() == 0 {
            return self.say_goodbye(io, remote, watch);
        }
        *self.phase.state_mut() = State::Talking(remote, watch);
        self.phase.set_deadline(Some(deadline));
        if sent > 0 { Step::Again } else { Step::Wait }
    }

    /// The connection has gone without a last word of ours. A RST behind the peer's FIN, such as the answer to an
    /// acknowledgement that came twice, changes nothing unless something of ours was still under way. That there was a
    /// FIN shows when everything before it has been read.
    fn judge_loss(&mut self, io: &mut Io<'_, '_>, remote: IpEndpoint, has_read: bool) -> Step {
        if has_read {
            return Step::Again;
        }
        let handle = self.current();
        let lost = io.lost();
        let has_closed = matches!(io.receive(handle, |_| (0, ())), Ok(Received::End));
        let owes = self.outbox.has_unsent() || io.tcp(handle).0.send_queue() > 0;
        let in_order = lost == Error::Reset && has_closed && !owes;
        self.end(io, remote, if in_order { Ok(()) } else { Err(lost) })
    }

    fn say_goodbye(&mut self, io: &mut Io<'_, '_>, remote: IpEndpoint, mut watch: Watch) -> Step {
        let handle = self.current();
        watch::leave(io.tcp(handle).0);
        let linger = io.close(handle);
        if self.outbox.is_cut() {
            self.phase.enter(io, State::Lingering(remote), Some(linger));
        } else {
            let deadline = watch.look(io, handle, 0, false);
            self.phase
                .enter(io, State::HalfClosed(remote, watch), Some(deadline));
        }
        Step::Again
    }

    /// Receives until the peer closes.
    pub(super) fn await_close(
        &mut self,
        io: &mut Io<'_, '_>,
        remote: IpEndpoint,
        mut watch: Watch,
        has_read: bool,
    ) -> Step {
        match io.tcp(self.current()).0.state() {
            Tcp::TimeWait => return self.end(io, remote, Ok(())),
            Tcp::Closed => return self.judge_loss(io, remote, has_read),
            _ => {}
        }
        if self.wish.is_some() {
            watch::leave(io.tcp(self.current()).0);
            let linger = Deadline::new(io.now.after(LINGER_TICKS), Awaited::Close);
            self.phase.enter(io, State::Lingering(remote), Some(linger));
            return Step::Again;
        }
        let deadline = watch.look(io, self.current(), 0, has_read);
        *self.phase.state_mut() = State::HalfClosed(remote, watch);
        self.phase.set_deadline(Some(deadline));
        Step::Wait
    }

    /// The result is decided; the peer's FIN or its last acknowledgement may still come.
    pub(super) fn linger(&mut self, io: &mut Io<'_, '_>, remote: IpEndpoint) -> Step {
        match io.tcp(self.current()).0.state() {
            Tcp::Closed | Tcp::TimeWait => self.end(io, remote, Ok(())),
            _ => Step::Wait,
        }
    }

    /// The conversation is over on the wire. What is received but not delivered stays in the socket.
    pub(super) fn end(
        &mut self,
        io: &mut Io<'_, '_>,
        remote: IpEndpoint,
        result: Result<(), Error>,
    ) -> Step {
        self.drop_unsent(io);
        io.drop_connection(self.current());
        self.phase.enter(io, State::Ending(remote, result), None);
        Step::Again
    }

    fn drop_unsent(&mut self, io: &mut Io<'_, '_>) {
        let unacknowledged = io.tcp(self.current()).0.send_queue();
        let unsent = self.outbox.end() + unacknowledged;
        if unsent > 0 {
            io.tell(&Event::Unsent {
                bytes: unsent as u64,
            });
        }
    }

    /// Leaves the conversation to its delivery, and goes on with the other socket. While the conversation before still
    /// needs that one, only a conversation that has nothing to deliver can end.
    pub(super) fn await_delivery(
        &mut self,
        io: &mut Io<'_, '_>,
        remote: IpEndpoint,
        result: Result<(), Error>,
    ) -> Step {
        if self.left.is_none() {
            self.left = Some(Left { remote, result });
            self.sockets.reverse();
        } else if io.tcp(self.current()).0.recv_queue() == 0 {
            io.tell_end(remote, result);
        } else {
            return Step::Wait;
        }
        self.go_on(io, result)
    }

    /// After a conversation.
    fn go_on(&mut self, io: &mut Io<'_, '_>, result: Result<(), Error>) -> Step {
        match self.role {
            _ if self.wish.is_some() => return self.change_part(io),
            _ if self.options.once => self.phase.enter(io, State::Finishing(result), None),
            Role::Dial(remote) if self.options.redial => self.pause(io, remote),
            Role::Dial(_) => self.lay_down_part(io, result),
            Role::Listen(_) | Role::None => self.begin_part(io),
        }
        Step::Again
    }

    /// The sink has taken nothing for too long: the rest of the conversation that it holds up is dropped.
    pub(super) fn give_up_delivery(&mut self, io: &mut Io<'_, '_>) -> Step {
        let result = Err(Error::StalledSink);
        self.inbox.reset();
        if let Some(left) = self.left.take() {
            io.tell_end(left.remote, result);
            if matches!(self.phase.state(), State::Finishing(Ok(()))) {
                self.phase.enter(io, State::Finishing(result), None);
            }
            return Step::Again;
        }
        let Some(remote) = self.remote() else {
            return Step::Again;
        };
        self.drop_unsent(io);
        io.drop_connection(self.current());
        io.tell_end(remote, result);
        self.go_on(io, result)
    }

    /// Ends the app once everything was delivered.
    pub(super) fn finish(
        &mut self,
        io: &mut Io<'_, '_>,
        result: Result<(), Error>,
    ) -> Result<Step, Error> {
        if self.left.is_some() {
            return Ok(Step::Wait);
        }
        let unsent = self.outbox.end();
        if unsent > 0 {
            io.tell(&Event::Unsent {
                bytes: unsent as u64,
            });
        }
        result.map(|()| Step::Done)
    }
}
