//! What a sender says and hears on its connection.

use super::super::block::fitting;
use super::super::event::emit_resumed;
use super::super::{Offer, OfferError, Reply, ReplyParser, SendError, Status, plain_word};
use super::{SenderOptions, Sent};
use crate::store::Digest;
use crate::{
    Closing, Connection, Deadline, Event, Received, Session, Source, StateCell, StateName, Step,
    TimeoutKind,
};

/// One file on its way.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct SenderSession<'a, S> {
    /// `None` is the plain form.
    pub(super) name: Option<&'a str>,
    pub(super) source: S,
    options: SenderOptions,
    pub(super) length: u64,
    pub(super) digest: Digest,
    offset: u64,
    replies: ReplyParser,
    pub(super) sent: Option<Sent>,
    state: StateCell<State>,
}

/// ```text
/// Offering -> Answer -> Data -> Receipt -> Finished      checked
/// Offering -> Data -> Finished                           plain
/// ```
/// From everywhere an error ends it.
#[derive(Debug, Clone, Copy)]
enum State {
    Offering {
        /// Bytes of the word or the offer that the send buffer took.
        sent: usize,
    },
    Answer,
    Data {
        /// Offset of the next byte that goes into the send buffer.
        next: u64,
        /// Offset after the last byte that was acknowledged.
        acknowledged: u64,
    },
    Receipt,
    /// The rest is the connection's.
    Finished,
}

impl StateName for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Offering { .. } => "Offering",
            Self::Answer => "Answer",
            Self::Data { .. } => "Data",
            Self::Receipt => "Receipt",
            Self::Finished => "Finished",
        }
    }
}

impl<'a, S: Source> SenderSession<'a, S> {
    pub(super) const fn new(name: Option<&'a str>, source: S, options: SenderOptions) -> Self {
        Self {
            name,
            source,
            options,
            length: 0,
            digest: [0; 32],
            offset: 0,
            replies: ReplyParser::new(),
            sent: None,
            state: StateCell::new(State::Finished),
        }
    }

    /// The offer of the checked form.
    pub(super) fn offer(&self) -> Result<Offer<'_>, SendError> {
        let name = self.name.unwrap_or_default();
        Offer::new(name, self.length, &self.digest).map_err(|how| match how {
            OfferError::Name => SendError::Name,
            _ => SendError::TooLarge,
        })
    }

    pub(super) fn check_length(&self) -> Result<(), SendError> {
        if self.source.len() == self.length {
            Ok(())
        } else {
            Err(SendError::SourceChanged)
        }
    }

    /// Says what will come: the length alone, or the offer.
    fn send_offer(&mut self, connection: &mut Connection, sent: usize) -> Result<Step, SendError> {
        // A receiver may refuse before it has read all.
        if let Some(reply) = self.read_reply(connection)? {
            return self.judge_answer(connection, reply);
        }
        let (written, is_whole) = if self.name.is_none() {
            let word = plain_word(self.length)?;
            let rest = word.get(sent..).unwrap_or_default();
            let written = connection.write(rest)?;
            (written, written == rest.len())
        } else {
            let offer = self.offer()?;
            let written = connection.write_with(|buffer| {
                let written = offer.write_from(sent, buffer);
                (written, written)
            })?;
            (written, offer.write_from(sent + written, &mut [0]) == 0)
        };
        if !is_whole {
            let sent = sent + written;
            *self.state.state_mut() = State::Offering { sent };
            return Ok(if written > 0 { Step::Again } else { Step::Wait });
        }
        if self.name.is_none() {
            self.enter_data(connection, 0);
        } else {
            self.await_reply(connection, State::Answer);
        }
        Ok(Step::Again)
    }

    fn await_reply(&mut self, connection: &mut Connection, next: State) {
        connection.set_idle_timeout(None, TimeoutKind::Reply);
        let deadline = self.reply_deadline(connection);
        self.state.enter(connection.io, next, deadline);
    }

    /// A receiver that works has time for its next word from now on.
    fn restart_reply(&mut self, connection: &Connection) {
        let deadline = self.reply_deadline(connection);
        self.state.set_deadline(deadline);
    }

    fn reply_deadline(&self, connection: &Connection) -> Option<Deadline> {
        let at = connection.now() + self.options.reply_timeout;
        Some(Deadline::new(at, TimeoutKind::Reply))
    }

    fn await_answer(&mut self, connection: &mut Connection) -> Result<Step, SendError> {
        match self.read_reply(connection)? {
            Some(reply) => self.judge_answer(connection, reply),
            None => Ok(Step::Wait),
        }
    }

    fn judge_answer(
        &mut self,
        connection: &mut Connection,
        reply: Reply,
    ) -> Result<Step, SendError> {
        let Reply::Answer(answer) = reply else {
            return Err(refusal(reply));
        };
        // Before all of the offer was read there can only be a refusal.
        let is_offered = matches!(self.state.state(), State::Answer);
        match answer.status {
            Status::WORKING if is_offered => self.restart_reply(connection),
            Status::FINE if is_offered && answer.offset <= self.length => {
                if answer.offset > 0 {
                    emit_resumed(connection.io, answer.offset);
                }
                self.enter_data(connection, answer.offset);
            }
            _ => return Err(refusal(reply)),
        }
        Ok(Step::Again)
    }

    /// Begins to send from `offset`, which is not past the length.
    fn enter_data(&mut self, connection: &mut Connection, offset: u64) {
        self.offset = offset;
        connection.set_idle_timeout(Some(self.options.idle_timeout), TimeoutKind::Flush);
        let state = State::Data {
            next: offset,
            acknowledged: offset,
        };
        self.state.enter(connection.io, state, None);
    }

    /// Moves bytes from the source into the send buffer, and watches how many of them are
    /// acknowledged.
    ///
    /// It reads while it writes: a refusal may come at any time.
    fn send_data(
        &mut self,
        connection: &mut Connection,
        mut next: u64,
        acknowledged: u64,
    ) -> Result<Step, SendError> {
        let reply = self.read_reply(connection)?;
        let queued = connection.unacknowledged() as u64;
        // The word or the offer may still be in the queue before the data.
        let moved = next.saturating_sub(queued).saturating_sub(acknowledged);
        let acknowledged = acknowledged + moved;
        *self.state.state_mut() = State::Data { next, acknowledged };
        if moved > 0 {
            connection.emit(&Event::Progress {
                bytes: acknowledged,
                total: Some(self.length),
            });
        }
        let all_gone = acknowledged == self.length && queued == 0;
        if let Some(reply) = reply {
            // A receiver that has all has acknowledged all in the segment of its receipt, or
            // before.
            if self.is_receipt(reply, all_gone)? {
                return Ok(self.finish(connection));
            }
            // A receiver whose store is slow reads nothing meanwhile, but says so.
            connection.restart_idle();
            // More of its words may be here.
            return Ok(Step::Again);
        }
        if all_gone {
            return Ok(self.end_data(connection));
        }
        let written = self.fill(connection, next)?;
        next += written as u64;
        if written > 0 && next == self.length {
            // Before the last bytes leave, so that the receiver cannot have the file when this
            // fails.
            self.check_length()?;
        }
        *self.state.state_mut() = State::Data { next, acknowledged };
        Ok(if written > 0 { Step::Again } else { Step::Wait })
    }

    /// Reads from `next` on straight into the send buffer; how many bytes.
    fn fill(&mut self, connection: &mut Connection, next: u64) -> Result<usize, SendError> {
        let (left, source) = (self.length.saturating_sub(next), &mut self.source);
        connection.write_with(|buffer| {
            let room = fitting(buffer, left);
            if room.is_empty() {
                return (0, Ok(0));
            }
            match source.read_at(next, room) {
                Ok(0) => (0, Err(SendError::SourceChanged)),
                Ok(read) => (read.min(room.len()), Ok(read.min(room.len()))),
                Err(error) => (0, Err(error.into())),
            }
        })?
    }

    /// Everything is acknowledged.
    fn end_data(&mut self, connection: &mut Connection) -> Step {
        if self.name.is_some() {
            self.await_reply(connection, State::Receipt);
            return Step::Again;
        }
        self.finish(connection)
    }

    fn await_receipt(&mut self, connection: &mut Connection) -> Result<Step, SendError> {
        let Some(reply) = self.read_reply(connection)? else {
            return Ok(Step::Wait);
        };
        if self.is_receipt(reply, true)? {
            return Ok(self.finish(connection));
        }
        self.restart_reply(connection);
        Ok(Step::Again)
    }

    /// Whether `reply` is the receipt rather than a sign of life; `all_gone` says whether a receipt
    /// is possible yet.
    fn is_receipt(&self, reply: Reply, all_gone: bool) -> Result<bool, SendError> {
        match reply {
            Reply::Receipt(receipt) if receipt.status == Status::WORKING => Ok(false),
            Reply::Receipt(receipt)
                if receipt.status == Status::FINE && all_gone && receipt.stored == self.length =>
            {
                Ok(true)
            }
            _ => Err(refusal(reply)),
        }
    }

    /// The next reply. In the plain form there is none, and whatever comes is dropped. Replies do
    /// not count for the idle rule: what is watched is how many bytes are acknowledged.
    fn read_reply(&mut self, connection: &mut Connection) -> Result<Option<Reply>, SendError> {
        let is_plain = self.name.is_none();
        loop {
            let (handle, replies) = (connection.handle(), &mut self.replies);
            let received = connection.io.read_with(handle, |bytes| {
                if is_plain {
                    return (bytes.len(), Ok(None));
                }
                match replies.feed(bytes) {
                    Ok((taken, reply)) => (taken, Ok(reply)),
                    Err(error) => (0, Err(error)),
                }
            })?;
            match received {
                Received::Data(reply) => {
                    if let Some(reply) = reply? {
                        return Ok(Some(reply));
                    }
                }
                Received::Nothing => return Ok(None),
                Received::End if is_plain => return Ok(None),
                Received::End => return Err(SendError::Truncated),
            }
        }
    }

    fn finish(&mut self, connection: &mut Connection) -> Step {
        self.state.enter(connection.io, State::Finished, None);
        Step::Done
    }
}

impl<S: Source> Session for SenderSession<'_, S> {
    type Error = SendError;

    const CLOSINGS: &'static [Closing] = &[Closing::Fin, Closing::Confirm];

    fn name(&self) -> &'static str {
        "send"
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), SendError> {
        self.replies = ReplyParser::new();
        let at = connection.now() + self.options.idle_timeout;
        let deadline = Deadline::new(at, TimeoutKind::Send);
        self.state
            .enter(connection.io, State::Offering { sent: 0 }, Some(deadline));
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, SendError> {
        match *self.state.state() {
            State::Offering { sent } => self.send_offer(connection, sent),
            State::Answer => self.await_answer(connection),
            State::Data { next, acknowledged } => self.send_data(connection, next, acknowledged),
            State::Receipt => self.await_receipt(connection),
            State::Finished => Ok(Step::Done),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.state.deadline()
    }

    /// In the plain form the receiver may still say by RST that it did not store the file.
    fn closing(&self) -> Closing {
        match self.name {
            Some(_) => Closing::Fin,
            None => Closing::Confirm,
        }
    }

    fn end(
        &mut self,
        _connection: &mut Connection,
        result: Result<(), SendError>,
    ) -> Result<(), SendError> {
        self.sent = result.is_ok().then_some(Sent {
            length: self.length,
            offset: self.offset,
            digest: self.name.map(|_| self.digest),
        });
        result
    }
}

/// The error of a reply that is neither fine nor a sign of life where it came.
const fn refusal(reply: Reply) -> SendError {
    let status = match reply {
        Reply::Answer(answer) => answer.status,
        Reply::Receipt(receipt) => receipt.status,
    };
    match status {
        Status::FINE | Status::WORKING => SendError::BadReply,
        Status(code) => SendError::Refused(code),
    }
}
