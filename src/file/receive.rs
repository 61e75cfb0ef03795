//! The machine that receives files.

mod ends;
mod work;

use smoltcp::iface::SocketHandle;

use super::chore::Chore;
use super::talk::{Farewell, Talk};
use super::{REPLY_LEN, Status};
use crate::store::Store;
use crate::{
    App, Awaited, Deadline, Error, Event, Flush, Io, Listener, Named, Pace, Phase, Received, Step,
};

/// What a caller may set about a receiver. Durations in ticks of 1 ms.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReceiveOptions {
    /// Whether the app ends as its first conversation ends, and with its result.
    pub once: bool,
    /// For the whole offer, and for at least 256 bytes, or the rest, of the file to come.
    pub idle_ticks: u64,
    /// For which the store may take no byte, or give none of what it holds.
    pub stall_ticks: u64,
    /// For the store to begin, to commit, or to abandon one upload.
    pub store_ticks: u64,
    /// Bytes that a file may have; more is refused before anything is written.
    pub bytes_max: u64,
}

impl Default for ReceiveOptions {
    fn default() -> Self {
        Self {
            once: false,
            idle_ticks: 20_000,
            stall_ticks: 20_000,
            store_ticks: 120_000,
            bytes_max: u64::MAX,
        }
    }
}

/// Receives files into a [`Store`], one conversation at a time; a second caller is refused by RST.
///
/// **There is no authentication: whoever reaches the port can store a file.**
///
/// The first word of a caller tells the plain form from the checked form (`docs/wire.md`). Bytes go from the receive
/// buffer into the store and into a running SHA-256 without a copy; a store that takes less closes the TCP window.
/// A conversation that fails is [`Event::Failed`], and the next caller is served. What came of a file in the checked
/// form is kept by the store for the sender's next try, unless its digest was wrong. What a store holds but cannot read
/// is thrown away, and the file sent from its start.
///
/// A store that answers `Pending` is asked again a tick later, so a store that waits for hardware needs no call.
/// While it works, a sender in the checked form hears of it every two seconds.
///
/// In the plain form FIN is all that a sender can learn: it comes after the file was committed, and a file that was not
/// stored ends in RST.
///
/// Its memory is an offer of at most 303 bytes, a block of 1 KiB on the stack, and the hash.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Receive<S> {
    socket: SocketHandle,
    listener: Listener,
    store: S,
    options: ReceiveOptions,
    talk: Talk,
    phase: Phase<State>,
}

/// ```text
/// Waiting > Offer > Beginning > Rehashing > Answering > Data > Committing > Replying > Flushing > Closing > Waiting
///                       ^----------' Discarding (what was held was damaged)
/// ```
/// The plain form goes from `Beginning` to `Data` and from `Committing` to `Closing`. A failure leads through
/// `Discarding` to `Replying`, or at once to `Closing` or `Waiting` where no word helps.
#[derive(Debug, Clone, Copy)]
enum State {
    Waiting,
    Offer,
    Beginning {
        chore: Chore,
        /// What was held had the wrong digest and was thrown away.
        again: bool,
    },
    Rehashing {
        chore: Chore,
        held: u64,
    },
    Answering {
        answer: [u8; REPLY_LEN],
        sent: usize,
    },
    Data {
        pace: Pace,
        /// The store took nothing, and is waited for.
        stall: Option<Chore>,
    },
    Committing {
        chore: Chore,
    },
    Discarding {
        chore: Chore,
        /// Why the conversation ends; `None` when it begins again from nothing.
        error: Option<Error>,
    },
    Replying {
        reply: [u8; REPLY_LEN],
        sent: usize,
        result: Result<(), Error>,
    },
    Flushing {
        flush: Flush,
        result: Result<(), Error>,
    },
    Closing {
        result: Result<(), Error>,
    },
}

impl<S: Store> Receive<S> {
    /// A receiver on `port`, over a socket of its own, into `store`.
    pub fn new(socket: SocketHandle, port: u16, store: S, options: ReceiveOptions) -> Self {
        Self {
            socket,
            listener: Listener::new(port),
            store,
            options,
            talk: Talk::nobody(),
            phase: Phase::new(State::Waiting),
        }
    }

    /// The store.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// The store, which the caller may need to tell that its hardware has finished.
    pub const fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// The store, with all that it took.
    pub fn into_store(self) -> S {
        self.store
    }

    fn await_caller(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        if let Some(remote) = self.listener.poll(io, self.socket)? {
            self.talk = Talk::new(remote);
            // Absolute, so that an offer that comes in drips gains nothing.
            let deadline = Deadline::new(io.now.after(self.options.idle_ticks), Awaited::Offer);
            self.phase.enter(io, State::Offer, Some(deadline));
            return Ok(Step::Again);
        }
        self.phase.set_deadline(self.listener.deadline());
        Ok(Step::Wait)
    }

    fn await_offer(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        let parser = &mut self.talk.parser;
        let received = io.receive(self.socket, |bytes| match parser.feed(bytes) {
            Ok(taken) => (taken, Ok(())),
            Err(how) => (0, Err(how)),
        })?;
        match received {
            Received::Data(fed) => fed?,
            Received::Nothing => return Ok(Step::Wait),
            Received::End => return Err(Error::Truncated),
        }
        let Some(upload) = self.talk.upload() else {
            return Ok(Step::Again);
        };
        io.tell(&Event::Offered {
            remote: self.talk.remote,
            name: upload.name,
            length: upload.length,
        });
        if upload.length > self.options.bytes_max {
            return Err(Error::TooLarge);
        }
        self.enter_beginning(io, false);
        Ok(Step::Again)
    }

    /// Writes a reply from `sent` on; the new `sent`.
    fn say(&self, io: &mut Io<'_, '_>, reply: &[u8], sent: usize) -> Result<usize, Error> {
        let lost = io.lost();
        let rest = reply.get(sent..).unwrap_or_default();
        let (socket, _) = io.tcp(self.socket);
        let written = socket.send_slice(rest).map_err(|_| lost)?;
        Ok(sent.saturating_add(written))
    }

    fn answer(
        &mut self,
        io: &mut Io<'_, '_>,
        answer: [u8; REPLY_LEN],
        sent: usize,
    ) -> Result<Step, Error> {
        let sent = self.say(io, &answer, sent)?;
        if sent < REPLY_LEN {
            *self.phase.state_mut() = State::Answering { answer, sent };
            return Ok(Step::Wait);
        }
        self.talk.is_answered = true;
        if self.talk.is_whole {
            return Ok(self.leave(io, Ok(()), Farewell::Reply(self.talk.reply(Status::FINE))));
        }
        self.enter_data(io);
        Ok(Step::Again)
    }
}

impl<S: Store> App for Receive<S> {
    fn name(&self) -> &'static str {
        "receive"
    }

    fn step(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        let step = match *self.phase.state() {
            State::Waiting => return self.await_caller(io),
            State::Offer => self.await_offer(io),
            State::Beginning { chore, again } => self.begin(io, chore, again),
            State::Rehashing { chore, held } => self.rehash(io, chore, held),
            State::Answering { answer, sent } => self.answer(io, answer, sent),
            State::Data { pace, stall } => self.pour(io, pace, stall),
            State::Committing { chore } => self.commit(io, chore),
            // What comes now is an end already, with an error of its own.
            State::Discarding { chore, error } => return self.await_discarded(io, chore, error),
            State::Replying {
                reply,
                sent,
                result,
            } => self.reply(io, reply, sent, result),
            State::Flushing { flush, result } => self.flush(io, flush, result),
            State::Closing { result } => return self.linger(io, result),
        };
        step.or_else(|error| self.fail(io, error))
    }

    fn deadline(&self) -> Option<Deadline> {
        self.phase.deadline()
    }

    fn expired(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        match *self.phase.state() {
            State::Waiting => self.await_caller(io),
            State::Offer => self.fail(io, Error::TimedOut(Awaited::Offer)),
            State::Answering { .. } => self.fail(io, Error::TimedOut(Awaited::Send)),
            State::Data { stall: None, .. } => self.fail(io, Error::TimedOut(Awaited::Body)),
            State::Beginning { .. }
            | State::Rehashing { .. }
            | State::Data { stall: Some(_), .. }
            | State::Committing { .. } => self.fail(io, Error::StalledSink),
            State::Discarding { error, .. } => {
                self.give_up(io, error.unwrap_or(Error::StalledSink))
            }
            State::Replying { result, .. }
            | State::Flushing { result, .. }
            | State::Closing { result } => self.end(io, result),
        }
    }

    fn sockets(&self) -> &[SocketHandle] {
        core::slice::from_ref(&self.socket)
    }
}

impl Named for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Offer => "Offer",
            Self::Beginning { .. } => "Beginning",
            Self::Rehashing { .. } => "Rehashing",
            Self::Answering { .. } => "Answering",
            Self::Data { .. } => "Data",
            Self::Committing { .. } => "Committing",
            Self::Discarding { .. } => "Discarding",
            Self::Replying { .. } => "Replying",
            Self::Flushing { .. } => "Flushing",
            Self::Closing { .. } => "Closing",
        }
    }
}
