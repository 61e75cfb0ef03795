//! The sender's two passes over its source: to hash it, and to send it.

use sha2::{Digest as _, Sha256};

use super::{Data, Send, State};
use crate::canary::{Canary, is_planted};
use crate::{Awaited, Deadline, Error, Event, Io, Pace, Source, Step};

/// Bytes that are hashed in one step.
const BLOCK_BYTES: usize = 1024;

impl<S: Source> Send<'_, S> {
    pub(super) fn enter_hashing(&mut self, io: &mut Io<'_, '_>) {
        let state = State::Hashing {
            hasher: Sha256::new(),
            hashed: 0,
        };
        self.phase.enter(io, state, None);
    }

    /// Hashes one block. There is no connection yet, so that no peer waits and no deadline is needed.
    pub(super) fn hash(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        let State::Hashing { hasher, hashed } = self.phase.state_mut() else {
            return Ok(Step::Again);
        };
        if *hashed == self.length {
            self.digest = hasher.clone().finalize().into();
            self.check_length()?;
            return self.connect(io);
        }
        let mut block = [0; BLOCK_BYTES];
        let room = fitting(&mut block, self.length - *hashed);
        let read = self.source.read_at(*hashed, room)?;
        let read = room.get(..read).unwrap_or_default();
        if read.is_empty() {
            return Err(Error::SourceChanged);
        }
        hasher.update(read);
        *hashed += read.len() as u64;
        let bytes = *hashed;
        io.tell(&Event::Hashed {
            bytes,
            total: self.length,
        });
        Ok(Step::Again)
    }

    fn check_length(&self) -> Result<(), Error> {
        if self.source.len() == self.length {
            Ok(())
        } else {
            Err(Error::SourceChanged)
        }
    }

    /// Begins to send from `offset`, which is not past the length.
    pub(super) fn enter_data(&mut self, io: &mut Io<'_, '_>, offset: u64) {
        self.offset = offset;
        let data = Data {
            next: offset,
            acknowledged: offset,
            pace: Pace::new(io.now, self.options.idle_ticks),
        };
        let deadline = Deadline::new(data.pace.due(), Awaited::Flush);
        self.phase.enter(io, State::Data(data), Some(deadline));
    }

    /// Moves bytes from the source into the send buffer, and watches how many of them are acknowledged.
    ///
    /// It reads while it writes: a refusal may come at any time.
    pub(super) fn push(&mut self, io: &mut Io<'_, '_>, mut data: Data) -> Result<Step, Error> {
        let reply = self.read_reply(io)?;
        self.note_acknowledged(io, &mut data);
        let all_gone = data.acknowledged == self.length && io.tcp(self.socket).0.send_queue() == 0;
        if let Some(reply) = reply {
            // A receiver that has all has acknowledged all in the segment of its receipt, or before.
            if self.is_receipt(reply, all_gone)? {
                self.finish(io);
                return Ok(Step::Again);
            }
            // A receiver whose store is slow reads nothing meanwhile, but says so.
            data.pace = Pace::new(io.now, self.options.idle_ticks);
            self.keep(data);
            // More of its words may be here.
            return Ok(Step::Again);
        }
        if all_gone {
            self.end_data(io);
            return Ok(Step::Again);
        }
        let written = self.fill(io, data.next)?;
        data.next += written as u64;
        if written > 0 && data.next == self.length {
            // Before the last bytes leave, so that the receiver cannot have the file when this fails.
            self.check_length()?;
        }
        self.keep(data);
        Ok(if written > 0 { Step::Again } else { Step::Wait })
    }

    fn keep(&mut self, data: Data) {
        *self.phase.state_mut() = State::Data(data);
        let deadline = Deadline::new(data.pace.due(), Awaited::Flush);
        self.phase.set_deadline(Some(deadline));
    }

    /// Reads from `next` on straight into the send buffer; how many bytes.
    fn fill(&mut self, io: &mut Io<'_, '_>, next: u64) -> Result<usize, Error> {
        let lost = io.lost();
        let (left, source) = (self.length.saturating_sub(next), &mut self.source);
        let (socket, _) = io.tcp(self.socket);
        let written = socket.send(|buffer| {
            let room = fitting(buffer, left);
            if room.is_empty() {
                return (0, Ok(0));
            }
            match source.read_at(next, room) {
                Ok(0) => (0, Err(Error::SourceChanged)),
                Ok(read) => (read.min(room.len()), Ok(read.min(room.len()))),
                Err(error) => (0, Err(error)),
            }
        });
        written.map_err(|_| lost)?
    }

    fn note_acknowledged(&self, io: &mut Io<'_, '_>, data: &mut Data) {
        let queued = io.tcp(self.socket).0.send_queue() as u64;
        // The word or the offer may still be in the queue before the data.
        let acknowledged = data.next.saturating_sub(queued).max(data.acknowledged);
        let moved = acknowledged - data.acknowledged;
        data.acknowledged = acknowledged;
        data.pace.moved(io.now, moved);
        if moved > 0 {
            io.tell(&Event::Progress {
                bytes: acknowledged,
                total: Some(self.length),
            });
        }
    }

    /// Everything is acknowledged.
    fn end_data(&mut self, io: &mut Io<'_, '_>) {
        if is_planted(Canary::DoneWithoutReceipt) {
            self.finish(io);
        } else if self.name.is_some() {
            self.await_reply(io, State::Receipt, Awaited::Receipt);
        } else {
            let linger = io.close(self.socket);
            self.phase.enter(io, State::Parting, Some(linger));
        }
    }
}

/// As much of `buffer` as `left` bytes need.
fn fitting(buffer: &mut [u8], left: u64) -> &mut [u8] {
    let count = usize::try_from(left)
        .unwrap_or(usize::MAX)
        .min(buffer.len());
    buffer.get_mut(..count).unwrap_or_default()
}
