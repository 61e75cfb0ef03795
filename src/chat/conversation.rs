//! A conversation: from its first byte until the last was delivered.

use core::any::Any;

use smoltcp::socket::tcp::State as Tcp;
use smoltcp::wire::IpEndpoint;

use super::receiver::Delivery;
use super::state::{PreviousSession, State};
use super::{Chat, ChatError, MessageSink};
use crate::net::Keepalive;
use crate::{Duration, Error, Io, LINGER, Received, Remote, Stage, Step, TimeoutKind};

/// How long bytes may wait in TIME-WAIT, of which smoltcp's lasts 10 s.
const UNREAD_MAX: Duration = Duration::from_secs(5);

impl<S: MessageSink, T: Remote> Chat<'_, S, T> {
    /// Moves received bytes towards the sink: those of the previous conversation first, then those
    /// of the present one. Whether something moved.
    pub(super) fn deliver(&mut self, io: &mut Io) -> Result<bool, ChatError> {
        let [current, other] = self.sockets;
        let source = match self.previous {
            Some(_) => other,
            None if self.remote().is_some() => current,
            None => return Ok(false),
        };
        match self.receiver.deliver(io, source)? {
            Delivery::Moved => Ok(true),
            Delivery::Nothing => Ok(false),
            Delivery::Over => {
                let previous = self.previous.take();
                if let Some(previous) = previous {
                    self.receiver.reset();
                    emit_end(io, previous.remote, previous.result);
                }
                Ok(previous.is_some())
            }
        }
    }

    /// smoltcp forgets what was received when TIME-WAIT ends, which may be before the sink takes
    /// it. A connection whose peer has long had our last acknowledgement ends by RST instead, for
    /// that keeps the bytes.
    pub(super) fn save_unread(&mut self, io: &mut Io) {
        let now = io.now;
        let due = self.save_at.unwrap_or(now + UNREAD_MAX);
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
        self.save_at = (any && due > now).then_some(due);
    }

    /// Sends what is queued, and a FIN after it when the end of the conversation was decided.
    pub(super) fn talk(&mut self, io: &mut Io, remote: IpEndpoint, has_read: bool) -> Step {
        let handle = self.life.socket();
        match io.tcp(handle).0.state() {
            Tcp::Closed => return self.on_lost(io, remote, has_read),
            Tcp::CloseWait => self.sender.cut(),
            _ => {}
        }
        let sent = self.sender.send(io, handle);
        let deadline = self.keepalive.observe(io, handle, sent, has_read);
        // A FIN after unacknowledged bytes could not be told from them when it is lost.
        if self.sender.is_at_fin() && io.tcp(handle).0.send_queue() == 0 {
            return self.send_fin(io, remote);
        }
        self.state.set_deadline(deadline);
        if sent > 0 { Step::Again } else { Step::Wait }
    }

    /// The connection is gone, and we had not ended it. A RST after the peer's FIN, such as the
    /// answer to an acknowledgement that came twice, changes nothing unless something of ours was
    /// still under way. That there was a FIN shows when everything before it has been read.
    fn on_lost(&mut self, io: &mut Io, remote: IpEndpoint, has_read: bool) -> Step {
        if has_read {
            return Step::Again;
        }
        let handle = self.life.socket();
        let loss = io.loss_error(handle);
        let has_fin = matches!(io.peek(handle), Ok(Received::End));
        let is_owed = self.sender.has_unsent() || io.tcp(handle).0.send_queue() > 0;
        let in_order = loss == Error::Reset && has_fin && !is_owed;
        self.end(io, remote, if in_order { Ok(()) } else { Err(loss) })
    }

    fn send_fin(&mut self, io: &mut Io, remote: IpEndpoint) -> Step {
        if self.sender.is_cut() {
            return self.close(io, remote);
        }
        self.life.close_write(io);
        let handle = self.life.socket();
        let deadline = self.keepalive.observe(io, handle, 0, false);
        self.state.enter(io, State::HalfClosed(remote), deadline);
        Step::Again
    }

    fn close(&mut self, io: &mut Io, remote: IpEndpoint) -> Step {
        Keepalive::stop(io.tcp(self.life.socket()).0);
        self.life.close(io, LINGER);
        self.state.enter(io, State::Closing(remote), None);
        Step::Again
    }

    /// Receives until the peer closes.
    pub(super) fn await_fin(&mut self, io: &mut Io, remote: IpEndpoint, has_read: bool) -> Step {
        let handle = self.life.socket();
        match io.tcp(handle).0.state() {
            Tcp::TimeWait => return self.end(io, remote, Ok(())),
            Tcp::Closed => return self.on_lost(io, remote, has_read),
            _ if self.command.is_some() => return self.close(io, remote),
            _ => {}
        }
        let deadline = self.keepalive.observe(io, handle, 0, has_read);
        self.state.set_deadline(deadline);
        Step::Wait
    }

    /// The result is decided; the peer's FIN or its last acknowledgement may still come.
    pub(super) fn await_closed(&mut self, io: &mut Io, remote: IpEndpoint, is_late: bool) -> Step {
        match self.life.poll(io, is_late) {
            Ok(Stage::Closed(_)) => self.end(io, remote, Ok(())),
            _ => Step::Wait,
        }
    }

    /// The conversation is over on the wire. What is received but not delivered stays in the
    /// socket.
    pub(super) fn end(
        &mut self,
        io: &mut Io,
        remote: IpEndpoint,
        result: Result<(), Error>,
    ) -> Step {
        self.drop_connection(io);
        self.state.enter(io, State::Ended(remote, result), None);
        Step::Again
    }

    fn drop_connection(&mut self, io: &mut Io) {
        let unacknowledged = io.tcp(self.life.socket()).0.send_queue();
        self.sender.end(io, unacknowledged);
        self.life.abort(io);
    }

    /// Leaves the conversation to its delivery, and goes on with the other socket. While the
    /// previous conversation still needs that one, only a conversation that has nothing to deliver
    /// can end.
    pub(super) fn await_delivery(
        &mut self,
        io: &mut Io,
        remote: IpEndpoint,
        result: Result<(), Error>,
    ) -> Step {
        let [current, other] = self.sockets;
        if self.previous.is_none() {
            self.previous = Some(PreviousSession { remote, result });
            self.sockets = [other, current];
            self.life.set_socket(other);
        } else if io.tcp(current).0.recv_queue() == 0 {
            emit_end(io, remote, result);
        } else {
            return Step::Wait;
        }
        self.after_conversation(io, result)
    }

    fn after_conversation(&mut self, io: &mut Io, result: Result<(), Error>) -> Step {
        if self.command.is_some() {
            return self.apply_command(io);
        }
        if self.options.once {
            self.state.enter(io, State::Finishing(result), None);
        } else if !self.is_client() {
            self.open(io);
        } else if self.options.redial {
            self.pause(io);
        } else {
            self.idle_or_finish(io, result);
        }
        Step::Again
    }

    /// The sink has taken nothing for too long: the rest of the conversation that it holds up is
    /// dropped.
    pub(super) fn give_up_delivery(&mut self, io: &mut Io) -> Step {
        let result = Err(Error::TimedOut(TimeoutKind::Sink));
        self.receiver.reset();
        if let Some(previous) = self.previous.take() {
            emit_end(io, previous.remote, result);
            if matches!(self.state.state(), State::Finishing(Ok(()))) {
                self.state.enter(io, State::Finishing(result), None);
            }
            return Step::Again;
        }
        let Some(remote) = self.remote() else {
            return Step::Again;
        };
        self.drop_connection(io);
        emit_end(io, remote, result);
        self.after_conversation(io, result)
    }

    /// Ends the app once everything was delivered.
    pub(super) fn finish(
        &mut self,
        io: &mut Io,
        result: Result<(), Error>,
    ) -> Result<Step, ChatError> {
        if self.previous.is_some() {
            return Ok(Step::Wait);
        }
        self.sender.end(io, 0);
        result?;
        Ok(Step::Done)
    }
}

/// Tells how the conversation with `remote` ended.
fn emit_end(io: &mut Io, remote: IpEndpoint, result: Result<(), Error>) {
    let error = result.err().map(ChatError::from);
    io.emit_end(Some(remote), error.as_ref().map(|error| error as &dyn Any));
}
