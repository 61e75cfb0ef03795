//! The receiver's states in which the store works.

use core::task::Poll;

use sha2::Digest as _;

use super::super::REPLY_LEN;
use super::super::Status;
use super::super::chore::Chore;
use super::super::talk::{Farewell, store_error};
use super::{Receive, State};
use crate::canary::{Canary, is_planted};
use crate::store::{Begun, Store};
use crate::{Awaited, Deadline, Error, Event, Io, Pace, Received, Step};

/// Bytes of a held file that are hashed in one step.
const BLOCK_BYTES: usize = 1024;

/// A store whose answers do not fit together, such as more bytes than the file has.
const STORE_LIES: Error = Error::Sink { code: 0 };

impl<S: Store> Receive<S> {
    pub(super) fn enter_beginning(&mut self, io: &mut Io<'_, '_>, again: bool) {
        let chore = self.begin_chore(io);
        // Open from the first call on: a store that stalls in it may have made something.
        self.talk.is_open = true;
        let state = State::Beginning { chore, again };
        self.phase.enter(io, state, Some(chore.deadline()));
    }

    /// A piece of work that the store may take long for.
    fn begin_chore(&mut self, io: &Io<'_, '_>) -> Chore {
        self.talk.begin_silence(io.now);
        Chore::new(io.now, self.options.store_ticks)
    }

    /// Tells the sender that we are still working, where it is due, and where there is room for all of it: half a
    /// reply would have to be finished before anything else can be said.
    fn keep_company(&mut self, io: &mut Io<'_, '_>) {
        if !self.talk.is_word_due(io.now) {
            return;
        }
        let (socket, _) = io.tcp(self.socket);
        let room = socket.send_capacity() - socket.send_queue();
        if let Some(reply) = self.talk.working().filter(|_| room >= REPLY_LEN) {
            // A connection that is gone shows when something depends on it.
            let _ = self.say(io, &reply, 0);
        }
    }

    /// Stays in a state of work, and looks again a tick later.
    fn await_store(&mut self, io: &Io<'_, '_>, chore: Chore, state: State) -> Step {
        *self.phase.state_mut() = state;
        self.phase.set_deadline(Some(chore.retry(io.now)));
        Step::Wait
    }

    pub(super) fn begin(
        &mut self,
        io: &mut Io<'_, '_>,
        chore: Chore,
        again: bool,
    ) -> Result<Step, Error> {
        self.keep_company(io);
        let Some(upload) = self.talk.upload() else {
            return Err(Error::Truncated);
        };
        let (length, is_checked) = (upload.length, upload.digest.is_some());
        let begun = match self.store.begin(io.now, &upload) {
            Poll::Ready(begun) => begun,
            Poll::Pending => {
                return Ok(self.await_store(io, chore, State::Beginning { chore, again }));
            }
        };
        match begun {
            Ok(Begun::Held(0)) if !is_checked => self.enter_data(io),
            Ok(Begun::Held(0)) => self.enter_answering(io),
            Ok(Begun::Held(held)) if is_checked && !again && held <= length => {
                let chore = Chore::new(io.now, self.options.stall_ticks);
                let state = State::Rehashing { chore, held };
                self.phase.enter(io, state, Some(chore.deadline()));
            }
            Ok(Begun::Finished) if is_checked => {
                self.talk.is_open = false;
                self.talk.got = length;
                self.talk.is_whole = true;
                self.tell_stored(io, true);
                self.enter_answering(io);
            }
            Ok(_) => return Err(STORE_LIES),
            Err(error) => {
                self.talk.is_open = false;
                return Err(store_error(error));
            }
        }
        Ok(Step::Again)
    }

    /// Hashes one block of what is held.
    pub(super) fn rehash(
        &mut self,
        io: &mut Io<'_, '_>,
        chore: Chore,
        held: u64,
    ) -> Result<Step, Error> {
        if self.talk.got == held {
            return Ok(self.judge_held(io));
        }
        // Without this look a sender that went would be noticed only when all is hashed.
        if io.tcp(self.socket).0.state() == smoltcp::socket::tcp::State::Closed {
            return Err(io.lost());
        }
        self.keep_company(io);
        let mut block = [0; BLOCK_BYTES];
        let left = usize::try_from(held.saturating_sub(self.talk.got)).unwrap_or(usize::MAX);
        let room = block.get_mut(..left.min(BLOCK_BYTES)).unwrap_or_default();
        let read = match self.store.read(self.talk.got, room) {
            Poll::Pending => {
                return Ok(self.await_store(io, chore, State::Rehashing { chore, held }));
            }
            Poll::Ready(read) => read.ok().and_then(|read| room.get(..read)),
        };
        let Some(read) = read.filter(|read| !read.is_empty()) else {
            // Kept, it would fail every further try in the same place.
            return Ok(self.discard(io, None));
        };
        self.talk.hasher.update(read);
        self.talk.got += read.len() as u64;
        io.tell(&Event::Hashed {
            bytes: self.talk.got,
            total: held,
        });
        let chore = Chore::new(io.now, self.options.stall_ticks);
        *self.phase.state_mut() = State::Rehashing { chore, held };
        self.phase.set_deadline(Some(chore.deadline()));
        Ok(Step::Again)
    }

    /// A prefix shows its damage only at the file's end, but a whole file that is damaged must not cost the sender
    /// another try.
    fn judge_held(&mut self, io: &mut Io<'_, '_>) -> Step {
        if self.talk.got == self.talk.length() && !self.talk.is_digest_right() {
            return self.discard(io, None);
        }
        io.tell(&Event::Resumed {
            offset: self.talk.got,
        });
        self.enter_answering(io);
        Step::Again
    }

    fn enter_answering(&mut self, io: &mut Io<'_, '_>) {
        let deadline = Deadline::new(io.now.after(self.options.idle_ticks), Awaited::Send);
        let answer = self.talk.reply(Status::FINE);
        let state = State::Answering { answer, sent: 0 };
        self.phase.enter(io, state, Some(deadline));
    }

    pub(super) fn enter_data(&mut self, io: &mut Io<'_, '_>) {
        self.talk.begin_silence(io.now);
        let pace = Pace::new(io.now, self.options.idle_ticks);
        let deadline = Deadline::new(pace.due(), Awaited::Body);
        let state = State::Data { pace, stall: None };
        self.phase.enter(io, state, Some(deadline));
    }

    /// Moves bytes from the receive buffer into the store, and no byte past the length.
    pub(super) fn pour(
        &mut self,
        io: &mut Io<'_, '_>,
        pace: Pace,
        stall: Option<Chore>,
    ) -> Result<Step, Error> {
        let left = self.talk.length().saturating_sub(self.talk.got);
        if left == 0 {
            return self.verify(io);
        }
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let (store, hasher) = (&mut self.store, &mut self.talk.hasher);
        let received = io.receive(self.socket, |bytes| {
            let bytes = bytes.get(..left).unwrap_or(bytes);
            let taken = match store.write(bytes) {
                Poll::Ready(taken) => taken.map(|taken| bytes.get(..taken).unwrap_or(bytes)),
                Poll::Pending => Ok(Default::default()),
            };
            let taken = taken.inspect(|taken| hasher.update(taken));
            let taken = taken.map(<[u8]>::len);
            (taken.unwrap_or(0), taken)
        })?;
        match received {
            Received::Data(taken) => match taken.map_err(store_error)? {
                0 => Ok(self.note_stall(io, pace, stall)),
                taken => Ok(self.note_poured(io, pace, stall, taken as u64)),
            },
            Received::Nothing => Ok(Step::Wait),
            Received::End => Err(Error::Truncated),
        }
    }

    fn note_stall(&mut self, io: &mut Io<'_, '_>, pace: Pace, stall: Option<Chore>) -> Step {
        let chore = stall.unwrap_or(Chore::new(io.now, self.options.stall_ticks));
        self.keep_company(io);
        let stall = Some(chore);
        self.await_store(io, chore, State::Data { pace, stall })
    }

    fn note_poured(
        &mut self,
        io: &mut Io<'_, '_>,
        mut pace: Pace,
        stall: Option<Chore>,
        taken: u64,
    ) -> Step {
        self.talk.got += taken;
        if let Some(chore) = stall {
            // Our own stall was not the sender's fault. But it gains no more than that, or a store that is never
            // ready at once would let a sender drip for ever.
            pace.postpone(chore.ticks(io.now));
        }
        let due = pace.moved(io.now, taken);
        *self.phase.state_mut() = State::Data { pace, stall: None };
        self.phase
            .set_deadline(Some(Deadline::new(due, Awaited::Body)));
        io.tell(&Event::Progress {
            bytes: self.talk.got,
            total: Some(self.talk.length()),
        });
        Step::Again
    }

    fn verify(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        self.talk.is_whole = true;
        if !self.talk.is_digest_right() {
            return Err(Error::DigestMismatch);
        }
        let chore = self.begin_chore(io);
        self.phase
            .enter(io, State::Committing { chore }, Some(chore.deadline()));
        Ok(Step::Again)
    }

    /// Whatever becomes of the connection: all bytes are here, and a sender that comes again finds them.
    pub(super) fn commit(&mut self, io: &mut Io<'_, '_>, chore: Chore) -> Result<Step, Error> {
        self.drain(io);
        self.keep_company(io);
        match self.store.commit() {
            Poll::Pending if is_planted(Canary::StoredTooEarly) => {}
            Poll::Pending => return Ok(self.await_store(io, chore, State::Committing { chore })),
            Poll::Ready(committed) => committed.map_err(store_error)?,
        }
        self.talk.is_open = false;
        self.tell_stored(io, false);
        let farewell = if self.talk.is_answered {
            Farewell::Reply(self.talk.reply(Status::FINE))
        } else {
            Farewell::Fin
        };
        Ok(self.leave(io, Ok(()), farewell))
    }

    fn tell_stored(&self, io: &mut Io<'_, '_>, repeated: bool) {
        let Some(upload) = self.talk.upload() else {
            return;
        };
        io.tell(&Event::Stored {
            remote: self.talk.remote,
            name: upload.name,
            length: upload.length,
            digest: upload.digest.copied().unwrap_or(self.talk.digest()),
            repeated,
        });
    }

    /// Begins to get the upload out of the way, because of `error`, or because what was held is damaged.
    pub(super) fn discard(&mut self, io: &mut Io<'_, '_>, error: Option<Error>) -> Step {
        let chore = self.begin_chore(io);
        let state = State::Discarding { chore, error };
        self.phase.enter(io, state, Some(chore.deadline()));
        Step::Again
    }

    /// What came is kept for a sender that can go on with it, unless it is known to be wrong.
    pub(super) fn await_discarded(
        &mut self,
        io: &mut Io<'_, '_>,
        chore: Chore,
        error: Option<Error>,
    ) -> Result<Step, Error> {
        let is_wrong = matches!(error, None | Some(Error::DigestMismatch));
        let keep = !is_wrong && self.talk.announced_digest().is_some();
        self.keep_company(io);
        let abandoned = match self.store.abandon(keep) {
            Poll::Ready(abandoned) => abandoned.map_err(store_error),
            Poll::Pending => {
                let state = State::Discarding { chore, error };
                return Ok(self.await_store(io, chore, state));
            }
        };
        self.talk.is_open = false;
        if is_wrong {
            self.talk.got = 0;
            self.talk.hasher.reset();
        }
        match (error, abandoned) {
            (None, Ok(())) => {
                self.enter_beginning(io, true);
                Ok(Step::Again)
            }
            (Some(error), _) | (None, Err(error)) => self.give_up(io, error),
        }
    }
}
