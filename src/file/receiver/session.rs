//! What a receiver says and hears on a connection, from the offer to its last reply.

use super::super::event::{emit_offered, emit_surplus};
use super::super::{OfferError, REPLY_LEN, ReceiveError, Status};
use super::ReceiverOptions;
use super::transfer::Transfer;
use crate::store::Store;
use crate::{
    Closing, Connection, Deadline, Duration, Error, Received, Session, StateCell, StateName, Step,
    Tick, TimeoutKind,
};

/// One conversation after another with those who send files.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct ReceiverSession<S> {
    pub(super) store: S,
    pub(super) options: ReceiverOptions,
    pub(super) transfer: Transfer,
    /// When the store's present work counts as stalled.
    pub(super) store_due: Tick,
    /// Once it is decided. No trouble on the way out changes it.
    pub(super) result: Option<Result<(), ReceiveError>>,
    closing: Closing,
    pub(super) state: StateCell<State>,
}

/// ```text
/// Offer -> Beginning -> Rehashing -> Answering -> Data -> Committing -> Replying -> Finished
///              ^---------' Discarding (what was held was damaged)
/// ```
/// A store that holds nothing needs no `Rehashing`, and one that has the whole file goes from
/// `Answering` to `Replying`. The plain form goes from `Beginning` to `Data` and from `Committing`
/// to `Finished`. A failure leads through `Discarding`, where an upload is open, to `Replying`, or
/// at once to `Finished` where no reply helps.
#[derive(Debug, Clone, Copy)]
pub(super) enum State {
    Offer,
    Beginning {
        /// What was held had the wrong digest and was thrown away.
        again: bool,
    },
    Rehashing {
        held: u64,
    },
    Answering {
        reply: [u8; REPLY_LEN],
        sent: usize,
    },
    Data,
    Committing,
    Discarding {
        /// Why the conversation ends; `None` when it begins again from nothing.
        error: Option<ReceiveError>,
    },
    Replying {
        reply: [u8; REPLY_LEN],
        sent: usize,
    },
    /// The rest is the connection's.
    Finished,
}

impl StateName for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Offer => "Offer",
            Self::Beginning { .. } => "Beginning",
            Self::Rehashing { .. } => "Rehashing",
            Self::Answering { .. } => "Answering",
            Self::Data => "Data",
            Self::Committing => "Committing",
            Self::Discarding { .. } => "Discarding",
            Self::Replying { .. } => "Replying",
            Self::Finished => "Finished",
        }
    }
}

impl<S: Store> ReceiverSession<S> {
    pub(super) fn new(store: S, mut options: ReceiverOptions) -> Self {
        // Without a tick for it, the work of a store would begin at its own end.
        let least = Duration::from_millis(1);
        options.stall_timeout = options.stall_timeout.max(least);
        options.store_timeout = options.store_timeout.max(least);
        Self {
            store,
            options,
            transfer: Transfer::new(),
            store_due: Tick::ZERO,
            result: None,
            closing: Closing::Reset,
            state: StateCell::new(State::Finished),
        }
    }

    fn await_offer(&mut self, connection: &mut Connection) -> Result<Step, ReceiveError> {
        let parser = &mut self.transfer.parser;
        let received = connection.read_with(|bytes| match parser.feed(bytes) {
            Ok(taken) => (taken, Ok(())),
            Err(how) => (0, Err(how)),
        })?;
        match received {
            Received::Data(fed) => fed?,
            Received::Nothing => return Ok(Step::Wait),
            Received::End => return Err(ReceiveError::Truncated),
        }
        let Some(upload) = self.transfer.upload() else {
            return Ok(Step::Again);
        };
        emit_offered(connection, &upload);
        if upload.length > self.options.bytes_max {
            return Err(ReceiveError::TooLarge);
        }
        self.enter_beginning(connection, false);
        Ok(Step::Again)
    }

    pub(super) fn enter_answering(&mut self, connection: &mut Connection) {
        let reply = self.transfer.reply(Status::FINE);
        self.enter_sending(connection, State::Answering { reply, sent: 0 });
    }

    fn enter_sending(&mut self, connection: &mut Connection, state: State) {
        let at = connection.now() + self.options.idle_timeout;
        let deadline = Deadline::new(at, TimeoutKind::Send);
        self.state.enter(connection.io, state, Some(deadline));
    }

    /// Sends more of the present reply; whether all of it was taken.
    fn send_reply(&mut self, connection: &mut Connection) -> Result<bool, Error> {
        let (State::Answering { reply, sent } | State::Replying { reply, sent }) =
            self.state.state_mut()
        else {
            return Ok(true);
        };
        *sent = write_from(connection, reply, *sent)?;
        Ok(*sent >= REPLY_LEN)
    }

    fn answer(&mut self, connection: &mut Connection) -> Result<Step, ReceiveError> {
        if !self.send_reply(connection)? {
            return Ok(Step::Wait);
        }
        self.transfer.is_answered = true;
        if self.transfer.is_whole {
            self.result = Some(Ok(()));
            return Ok(self.reply_last(connection, Status::FINE));
        }
        self.enter_data(connection);
        Ok(Step::Again)
    }

    /// The conversation cannot go on.
    fn fail(
        &mut self,
        connection: &mut Connection,
        error: ReceiveError,
    ) -> Result<Step, ReceiveError> {
        match self.state.state() {
            State::Replying { .. } | State::Finished => Err(error),
            _ if self.transfer.is_open => Ok(self.discard(connection, Some(error))),
            _ => Ok(self.give_up(connection, error)),
        }
    }

    /// The upload is out of the way; what is left is to say why.
    pub(super) fn give_up(&mut self, connection: &mut Connection, error: ReceiveError) -> Step {
        self.result = Some(Err(error));
        if let Some(status) = self.transfer.last_status(error) {
            return self.reply_last(connection, status);
        }
        let closing = match error {
            // A peer that speaks something else.
            ReceiveError::Malformed(OfferError::Magic) => Closing::Fin,
            // Nobody is there to read a reply, or the plain form has none, and FIN would read as
            // success.
            _ => Closing::Reset,
        };
        self.finish(connection, closing)
    }

    /// Says the last word; the result is decided.
    pub(super) fn reply_last(&mut self, connection: &mut Connection, status: Status) -> Step {
        let reply = self.transfer.reply(status);
        self.enter_sending(connection, State::Replying { reply, sent: 0 });
        Step::Again
    }

    fn reply(&mut self, connection: &mut Connection) -> Result<Step, ReceiveError> {
        if !self.send_reply(connection)? {
            return Ok(Step::Wait);
        }
        Ok(self.finish(connection, Closing::Flush))
    }

    /// The result is decided.
    pub(super) fn finish(&mut self, connection: &mut Connection, closing: Closing) -> Step {
        self.closing = closing;
        self.state.enter(connection.io, State::Finished, None);
        Step::Done
    }
}

/// Writes a reply from `sent` on; the new `sent`. It does not count for the idle rule: what is
/// watched is how the sender moves.
pub(super) fn write_from(
    connection: &mut Connection,
    reply: &[u8; REPLY_LEN],
    sent: usize,
) -> Result<usize, Error> {
    let rest = reply.get(sent..).unwrap_or_default();
    let written = connection.io.write(connection.handle(), rest)?;
    Ok(sent.saturating_add(written))
}

impl<S: Store> Session for ReceiverSession<S> {
    type Error = ReceiveError;

    const CLOSINGS: &'static [Closing] = &[Closing::Flush, Closing::Fin, Closing::Reset];

    fn name(&self) -> &'static str {
        "receive"
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), ReceiveError> {
        self.transfer = Transfer::new();
        self.result = None;
        // Absolute, so that an offer that comes in drips gains nothing.
        let at = connection.now() + self.options.idle_timeout;
        let deadline = Deadline::new(at, TimeoutKind::Request);
        self.state
            .enter(connection.io, State::Offer, Some(deadline));
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, ReceiveError> {
        let step = match *self.state.state() {
            State::Offer => self.await_offer(connection),
            State::Beginning { again } => self.begin_upload(connection, again),
            State::Rehashing { held } => self.rehash(connection, held),
            State::Answering { .. } => self.answer(connection),
            State::Data => self.copy_data(connection),
            State::Committing => self.commit(connection),
            State::Discarding { error } => Ok(self.await_discarded(connection, error)),
            State::Replying { .. } => self.reply(connection),
            State::Finished => Ok(Step::Done),
        };
        step.or_else(|error| self.fail(connection, error))
    }

    fn deadline(&self) -> Option<Deadline> {
        self.state.deadline()
    }

    fn expired(
        &mut self,
        connection: &mut Connection,
        missed: Deadline,
    ) -> Result<Step, ReceiveError> {
        let late = ReceiveError::Connection(Error::TimedOut(missed.awaits));
        match *self.state.state() {
            State::Discarding { error } => Ok(self.give_up(connection, error.unwrap_or(late))),
            _ => self.fail(connection, late),
        }
    }

    fn closing(&self) -> Closing {
        self.closing
    }

    fn on_discarded(&mut self, count: usize) {
        if self.transfer.is_whole {
            self.transfer.surplus = self.transfer.surplus.saturating_add(count as u64);
        }
    }

    fn end(
        &mut self,
        connection: &mut Connection,
        result: Result<(), ReceiveError>,
    ) -> Result<(), ReceiveError> {
        if self.transfer.surplus > 0 {
            emit_surplus(connection.io, self.transfer.surplus);
        }
        self.result.unwrap_or(result)
    }
}
