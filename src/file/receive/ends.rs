//! How a conversation of the receiver ends: the last word, FIN, and a bounded lingering.

use super::super::REPLY_LEN;
use super::super::talk::Farewell;
use super::{Receive, State};
use crate::store::Store;
use crate::{Awaited, Deadline, Error, Event, Flush, Io, Received, Step};

impl<S: Store> Receive<S> {
    /// The conversation cannot go on.
    pub(super) fn fail(&mut self, io: &mut Io<'_, '_>, error: Error) -> Result<Step, Error> {
        match *self.phase.state() {
            // The result was decided before, and no trouble on the way out changes it.
            State::Replying { result, .. }
            | State::Flushing { result, .. }
            | State::Closing { result } => self.end(io, result),
            _ if self.talk.is_open => Ok(self.discard(io, Some(error))),
            _ => self.give_up(io, error),
        }
    }

    /// The upload is out of the way; what is left is to say why.
    pub(super) fn give_up(&mut self, io: &mut Io<'_, '_>, error: Error) -> Result<Step, Error> {
        match self.talk.farewell(error) {
            Farewell::Reset => self.end(io, Err(error)),
            farewell => Ok(self.leave(io, Err(error), farewell)),
        }
    }

    /// Says the last word; the result is decided.
    pub(super) fn leave(
        &mut self,
        io: &mut Io<'_, '_>,
        result: Result<(), Error>,
        farewell: Farewell,
    ) -> Step {
        if let Farewell::Reply(reply) = farewell {
            let deadline = Deadline::new(io.now.after(self.options.idle_ticks), Awaited::Send);
            let state = State::Replying {
                reply,
                sent: 0,
                result,
            };
            self.phase.enter(io, state, Some(deadline));
        } else {
            let linger = io.close(self.socket);
            self.phase
                .enter(io, State::Closing { result }, Some(linger));
        }
        Step::Again
    }

    pub(super) fn reply(
        &mut self,
        io: &mut Io<'_, '_>,
        reply: [u8; REPLY_LEN],
        sent: usize,
        result: Result<(), Error>,
    ) -> Result<Step, Error> {
        let sent = self.say(io, &reply, sent)?;
        if sent < REPLY_LEN {
            *self.phase.state_mut() = State::Replying {
                reply,
                sent,
                result,
            };
            return Ok(Step::Wait);
        }
        let flush = Flush::new(io, self.socket, self.options.idle_ticks);
        let state = State::Flushing { flush, result };
        self.phase.enter(io, state, Some(flush.deadline()));
        Ok(Step::Again)
    }

    /// FIN goes only behind a reply that was acknowledged: the lingering is too short to send a lost one again.
    pub(super) fn flush(
        &mut self,
        io: &mut Io<'_, '_>,
        mut flush: Flush,
        result: Result<(), Error>,
    ) -> Result<Step, Error> {
        if flush.is_done(io, self.socket)? {
            return Ok(self.leave(io, result, Farewell::Fin));
        }
        *self.phase.state_mut() = State::Flushing { flush, result };
        self.phase.set_deadline(Some(flush.deadline()));
        Ok(Step::Wait)
    }

    pub(super) fn linger(
        &mut self,
        io: &mut Io<'_, '_>,
        result: Result<(), Error>,
    ) -> Result<Step, Error> {
        self.drain(io);
        if io.lingered(self.socket) {
            return self.end(io, result);
        }
        Ok(Step::Wait)
    }

    /// Drops what still comes, so that it cannot hold the sender in its last sends.
    pub(super) fn drain(&mut self, io: &mut Io<'_, '_>) {
        while let Ok(Received::Data(count)) =
            io.receive(self.socket, |bytes| (bytes.len(), bytes.len()))
        {
            if self.talk.is_whole {
                self.talk.surplus = self.talk.surplus.saturating_add(count as u64);
            }
        }
    }

    /// Ends a conversation, and with it the app when one was all it should serve.
    pub(super) fn end(
        &mut self,
        io: &mut Io<'_, '_>,
        result: Result<(), Error>,
    ) -> Result<Step, Error> {
        if self.talk.surplus > 0 {
            io.tell(&Event::Surplus {
                bytes: self.talk.surplus,
            });
        }
        io.tell_end(self.talk.remote, result);
        io.drop_connection(self.socket);
        self.phase.enter(io, State::Waiting, None);
        if self.options.once {
            result.map(|()| Step::Done)
        } else {
            Ok(Step::Again)
        }
    }
}
