//! The receiver's states in which the store works, while the sender has nothing to do but wait.

use core::task::Poll;

use sha2::Digest as _;
use smoltcp::socket::tcp;

use super::super::block::{BLOCK_BYTES, fitting};
use super::super::event::{emit_hashed, emit_resumed, emit_stored};
use super::super::{REPLY_LEN, ReceiveError, Status};
use super::session::{ReceiverSession, State, write_from};
use crate::payload::at_most;
use crate::store::{Begun, Store};
use crate::{
    Closing, Connection, Deadline, Duration, Event, Received, Session, Step, Tick, TimeoutKind,
};

/// When a store that answered `Pending` is asked again: often enough to lose little, seldom enough
/// not to spin.
const RETRY_DELAY: Duration = Duration::from_millis(1);

/// A store whose answers do not fit together, such as more bytes than the file has.
const INCONSISTENT: ReceiveError = ReceiveError::Store { code: 0 };

impl<S: Store> ReceiverSession<S> {
    pub(super) fn enter_beginning(&mut self, connection: &mut Connection, again: bool) {
        // Open from the first call on: a store that stalls in it may have made something.
        self.transfer.is_open = true;
        self.enter_store_op(connection, State::Beginning { again });
    }

    /// Begins work that the store may take long for. It has a deadline of its own; the sender's
    /// idle period ends.
    fn enter_store_op(&mut self, connection: &mut Connection, state: State) {
        let now = connection.now();
        connection.set_idle_timeout(None, TimeoutKind::Receive);
        self.transfer.begin_silence(now);
        self.store_due = now + self.options.store_timeout;
        let deadline = Deadline::new(self.store_due, TimeoutKind::Sink);
        self.state.enter(connection.io, state, Some(deadline));
    }

    /// The store has moved, and must move again within the stall timeout.
    fn restart_store_op(&mut self, now: Tick) -> Option<Deadline> {
        self.store_due = now + self.options.stall_timeout;
        Some(Deadline::new(self.store_due, TimeoutKind::Sink))
    }

    /// Looks again a tick later. Each step moves this deadline before it can pass; so what passes
    /// is only that of the stall.
    fn await_store(&mut self, now: Tick) -> Step {
        let at = self.store_due.min(now + RETRY_DELAY);
        self.state
            .set_deadline(Some(Deadline::new(at, TimeoutKind::Sink)));
        Step::Wait
    }

    /// Tells the sender that we are still working, where it is due, and where there is room for all
    /// of it: half a reply would have to be finished before anything else can be said.
    fn send_keepalive(&mut self, connection: &mut Connection) {
        if !self.transfer.is_word_due(connection.now()) {
            return;
        }
        let has_room = connection.room().is_ok_and(|room| room >= REPLY_LEN);
        if let Some(reply) = self.transfer.working().filter(|_| has_room) {
            // A connection that is gone shows when something depends on it.
            let _ = write_from(connection, &reply, 0);
        }
    }

    pub(super) fn begin_upload(
        &mut self,
        connection: &mut Connection,
        again: bool,
    ) -> Result<Step, ReceiveError> {
        self.send_keepalive(connection);
        let now = connection.now();
        let Some(upload) = self.transfer.upload() else {
            return Err(ReceiveError::Truncated);
        };
        let (length, is_checked) = (upload.length, upload.digest.is_some());
        let Poll::Ready(begun) = self.store.begin(now, &upload) else {
            return Ok(self.await_store(now));
        };
        match begun {
            Ok(Begun::Held(0)) if !is_checked => self.enter_data(connection),
            Ok(Begun::Held(0)) => self.enter_answering(connection),
            Ok(Begun::Held(held)) if is_checked && !again && held <= length => {
                let deadline = self.restart_store_op(now);
                self.state
                    .enter(connection.io, State::Rehashing { held }, deadline);
            }
            Ok(Begun::Finished) if is_checked => {
                self.transfer.is_open = false;
                self.transfer.got = length;
                self.transfer.is_whole = true;
                self.emit_stored(connection, true);
                self.enter_answering(connection);
            }
            Ok(_) => return Err(INCONSISTENT),
            Err(error) => {
                self.transfer.is_open = false;
                return Err(error.into());
            }
        }
        Ok(Step::Again)
    }

    /// Hashes one block of what is held.
    pub(super) fn rehash(
        &mut self,
        connection: &mut Connection,
        held: u64,
    ) -> Result<Step, ReceiveError> {
        if self.transfer.got == held {
            return Ok(self.judge_held(connection));
        }
        // Without this look a sender that went would be noticed only when all is hashed.
        if connection.socket().state() == tcp::State::Closed {
            return Err(connection.io.loss_error(connection.handle()).into());
        }
        self.send_keepalive(connection);
        let mut block = [0; BLOCK_BYTES];
        let room = fitting(&mut block, held.saturating_sub(self.transfer.got));
        let Poll::Ready(read) = self.store.read(self.transfer.got, room) else {
            return Ok(self.await_store(connection.now()));
        };
        let read = read.ok().and_then(|read| room.get(..read));
        let Some(read) = read.filter(|read| !read.is_empty()) else {
            // Kept, it would fail every further try in the same place.
            return Ok(self.discard(connection, None));
        };
        self.transfer.hasher.update(read);
        self.transfer.got += read.len() as u64;
        emit_hashed(connection.io, self.transfer.got, held);
        let deadline = self.restart_store_op(connection.now());
        self.state.set_deadline(deadline);
        Ok(Step::Again)
    }

    /// A prefix shows its damage only at the file's end, but a whole file that is damaged must not
    /// cost the sender another try.
    fn judge_held(&mut self, connection: &mut Connection) -> Step {
        if self.transfer.got == self.transfer.length() && !self.transfer.is_digest_right() {
            return self.discard(connection, None);
        }
        emit_resumed(connection.io, self.transfer.got);
        self.enter_answering(connection);
        Step::Again
    }

    pub(super) fn enter_data(&mut self, connection: &mut Connection) {
        self.transfer.begin_silence(connection.now());
        connection.set_idle_timeout(Some(self.options.idle_timeout), TimeoutKind::Receive);
        self.state.enter(connection.io, State::Data, None);
    }

    /// Moves bytes from the receive buffer into the store, and no byte past the length.
    pub(super) fn copy_data(&mut self, connection: &mut Connection) -> Result<Step, ReceiveError> {
        let left = self.transfer.length().saturating_sub(self.transfer.got);
        if left == 0 {
            return self.verify(connection);
        }
        let (store, hasher) = (&mut self.store, &mut self.transfer.hasher);
        let received = connection.read_with(|bytes| {
            let bytes = at_most(bytes, left);
            let taken = match store.write(bytes) {
                Poll::Ready(taken) => taken.map(|taken| bytes.get(..taken).unwrap_or(bytes)),
                Poll::Pending => Ok(Default::default()),
            };
            let taken = taken.inspect(|taken| hasher.update(taken));
            let taken = taken.map(<[u8]>::len);
            (taken.unwrap_or(0), taken)
        })?;
        match received {
            Received::Data(taken) => match taken? {
                0 => Ok(self.on_stalled(connection)),
                taken => Ok(self.on_copied(connection, taken as u64)),
            },
            Received::Nothing => Ok(Step::Wait),
            Received::End => Err(ReceiveError::Truncated),
        }
    }

    /// Our own stall is not the sender's fault.
    fn on_stalled(&mut self, connection: &mut Connection) -> Step {
        connection.stall_idle(Some(self.options.stall_timeout));
        self.send_keepalive(connection);
        let at = connection.now() + RETRY_DELAY;
        self.state
            .set_deadline(Some(Deadline::new(at, TimeoutKind::Sink)));
        Step::Wait
    }

    fn on_copied(&mut self, connection: &mut Connection, taken: u64) -> Step {
        self.transfer.got += taken;
        connection.resume_idle();
        self.state.set_deadline(None);
        connection.emit(&Event::Progress {
            bytes: self.transfer.got,
            total: Some(self.transfer.length()),
        });
        Step::Again
    }

    fn verify(&mut self, connection: &mut Connection) -> Result<Step, ReceiveError> {
        self.transfer.is_whole = true;
        if !self.transfer.is_digest_right() {
            return Err(ReceiveError::DigestMismatch);
        }
        self.enter_store_op(connection, State::Committing);
        Ok(Step::Again)
    }

    /// Whatever becomes of the connection: all bytes are here, and a sender that comes again finds
    /// them.
    pub(super) fn commit(&mut self, connection: &mut Connection) -> Result<Step, ReceiveError> {
        // What comes after the file must not hold the sender in its last sends.
        let surplus = connection.io.discard(connection.handle());
        self.on_discarded(surplus);
        self.send_keepalive(connection);
        match self.store.commit() {
            Poll::Pending => return Ok(self.await_store(connection.now())),
            Poll::Ready(committed) => committed?,
        }
        self.transfer.is_open = false;
        self.emit_stored(connection, false);
        self.result = Some(Ok(()));
        Ok(if self.transfer.is_answered {
            self.reply_last(connection, Status::FINE)
        } else {
            self.finish(connection, Closing::Fin)
        })
    }

    fn emit_stored(&self, connection: &mut Connection, repeated: bool) {
        if let Some(upload) = self.transfer.upload() {
            let digest = upload.digest.copied();
            let digest = digest.unwrap_or_else(|| self.transfer.digest());
            emit_stored(connection, &upload, digest, repeated);
        }
    }

    /// Begins to get the upload out of the way, because of `error`, or because what was held is
    /// damaged.
    pub(super) fn discard(
        &mut self,
        connection: &mut Connection,
        error: Option<ReceiveError>,
    ) -> Step {
        self.enter_store_op(connection, State::Discarding { error });
        Step::Again
    }

    /// What came is kept for a sender that can go on with it, unless it is known to be wrong.
    pub(super) fn await_discarded(
        &mut self,
        connection: &mut Connection,
        error: Option<ReceiveError>,
    ) -> Step {
        let is_wrong = matches!(error, None | Some(ReceiveError::DigestMismatch));
        let keep = !is_wrong && self.transfer.announced_digest().is_some();
        self.send_keepalive(connection);
        let Poll::Ready(abandoned) = self.store.abandon(keep) else {
            return self.await_store(connection.now());
        };
        self.transfer.is_open = false;
        if is_wrong {
            self.transfer.got = 0;
            self.transfer.hasher.reset();
        }
        match (error, abandoned) {
            (None, Ok(())) => {
                self.enter_beginning(connection, true);
                Step::Again
            }
            (Some(error), _) => self.give_up(connection, error),
            (None, Err(error)) => self.give_up(connection, error.into()),
        }
    }
}
