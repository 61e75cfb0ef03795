//! The sender's judgement of what the receiver says.

use super::super::{Reply, Status};
use super::{Send, State};
use crate::canary::{Canary, is_planted};
use crate::{Awaited, Deadline, Error, Event, Io, Received, Source, Step};

impl<S: Source> Send<'_, S> {
    pub(super) fn await_reply(&mut self, io: &mut Io<'_, '_>, next: State, awaits: Awaited) {
        let deadline = Deadline::new(io.now.after(self.options.reply_ticks), awaits);
        self.phase.enter(io, next, Some(deadline));
    }

    pub(super) fn await_answer(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        match self.read_reply(io)? {
            Some(reply) => self.judge_answer(io, reply),
            None => Ok(Step::Wait),
        }
    }

    pub(super) fn judge_answer(
        &mut self,
        io: &mut Io<'_, '_>,
        reply: Reply,
    ) -> Result<Step, Error> {
        let Reply::Answer(answer) = reply else {
            return Err(refusal(reply));
        };
        // Before all of the offer was read there can only be a refusal.
        let is_offered = matches!(self.phase.state(), State::Answer);
        match answer.status {
            Status::WORKING if is_offered => self.extend(io, Awaited::Answer),
            Status::FINE if is_offered && answer.offset <= self.length => {
                if answer.offset > 0 {
                    io.tell(&Event::Resumed {
                        offset: answer.offset,
                    });
                }
                let skipped = u64::from(is_planted(Canary::WrongResumeOffset) && answer.offset > 0);
                self.enter_data(io, (answer.offset + skipped).min(self.length));
            }
            _ => return Err(refusal(reply)),
        }
        Ok(Step::Again)
    }

    /// A receiver that works has time for its next word from now on.
    const fn extend(&mut self, io: &Io<'_, '_>, awaits: Awaited) {
        let deadline = Deadline::new(io.now.after(self.options.reply_ticks), awaits);
        self.phase.set_deadline(Some(deadline));
    }

    pub(super) fn await_receipt(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        let Some(reply) = self.read_reply(io)? else {
            return Ok(Step::Wait);
        };
        if self.is_receipt(reply, true)? {
            self.finish(io);
        } else {
            self.extend(io, Awaited::Receipt);
        }
        Ok(Step::Again)
    }

    /// Whether `reply` is the receipt rather than a sign of life; `all_gone` says whether a receipt is possible yet.
    pub(super) fn is_receipt(&self, reply: Reply, all_gone: bool) -> Result<bool, Error> {
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

    /// The next reply. In the plain form there is none, and whatever comes is dropped.
    pub(super) fn read_reply(&mut self, io: &mut Io<'_, '_>) -> Result<Option<Reply>, Error> {
        let is_plain = self.name.is_none();
        loop {
            let replies = &mut self.replies;
            let received = io.receive(self.socket, |bytes| match replies.feed(bytes) {
                _ if is_plain => (bytes.len(), Ok(None)),
                Ok((taken, reply)) => (taken, Ok(reply)),
                Err(error) => (0, Err(error)),
            })?;
            match received {
                Received::Data(reply) => {
                    if let Some(reply) = reply? {
                        return Ok(Some(reply));
                    }
                }
                Received::Nothing => return Ok(None),
                Received::End if is_plain => return Ok(None),
                Received::End => return Err(Error::Truncated),
            }
        }
    }
}

/// The error of a reply that is neither fine nor a sign of life where it came.
const fn refusal(reply: Reply) -> Error {
    let status = match reply {
        Reply::Answer(answer) => answer.status,
        Reply::Receipt(receipt) => receipt.status,
    };
    match status {
        Status::FINE | Status::WORKING => Error::BadReceipt,
        Status(code) => Error::ReceiverRefused(code),
    }
}
