//! The machine that sends one file.

mod pass;
mod replies;

use sha2::Sha256;
use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;

use super::{Offer, ReplyParser, plain_word};
use crate::store::Digest;
use crate::{
    App, Awaited, Deadline, Error, Event, Io, Named, Pace, Part, Phase, Received, Source, Step,
};

/// What a caller may set about a sender. Durations in ticks of 1 ms.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SendOptions {
    /// For the connection to be established, whether ARP, SYN or nothing answers.
    pub connect_ticks: u64,
    /// In which at least 256 bytes, or the rest, must be acknowledged.
    pub idle_ticks: u64,
    /// For each word of a receiver that hashes or writes out: its answer, its receipt, and that it is still working.
    pub reply_ticks: u64,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self {
            connect_ticks: 5_000,
            idle_ticks: 20_000,
            reply_ticks: 60_000,
        }
    }
}

/// A file that was sent whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sent {
    /// Bytes in the file.
    pub length: u64,
    /// Bytes that the receiver held already, and that were not sent.
    pub offset: u64,
    /// In the checked form the digest of the file, which the receiver has verified and stored. `None` in the plain
    /// form, where TCP's acknowledgement is all that is known.
    pub digest: Option<Digest>,
}

/// Sends one file, and never holds more of it than the send buffer.
///
/// In the checked form the file is hashed first, before the connection is made; then it is offered, and sent from
/// where the receiver has it. Only a receipt with status 0, after all bytes were acknowledged, is success. Any other word is
/// [`Error::ReceiverRefused`] with the status, or [`Error::BadReceipt`]. A file that keeps its length but changes
/// while it is sent is found by the receiver, whose status is 5 then.
///
/// In the plain form success means that TCP acknowledged every byte. After our FIN the receiver's end is waited for
/// at most a second: FIN, or silence, is success; RST is [`Error::Reset`], for that is how a receiver says that it
/// did not store the file. A receiver that closes its own side early may be one that never had anything to say, so
/// that alone is no failure.
///
/// A receiver that goes on saying that it works is waited for as long as it says so; a caller that wants an end to
/// that drops the app.
///
/// It ends after one try. Another try is another `Send`, and in the checked form goes on where this one stopped.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Send<'a, S> {
    socket: SocketHandle,
    remote: IpEndpoint,
    /// `None` is the plain form.
    name: Option<&'a str>,
    source: S,
    options: SendOptions,
    length: u64,
    digest: Digest,
    offset: u64,
    replies: ReplyParser,
    sent: Option<Sent>,
    phase: Phase<State>,
}

/// ```text
/// Starting > Hashing > Connecting > Offering > Answer > Data > Receipt > Closing      checked
/// Starting > Connecting > Offering > Data > Parting                                   plain
/// ```
/// From everywhere an error ends it.
#[derive(Debug)]
enum State {
    Starting,
    Hashing {
        hasher: Sha256,
        hashed: u64,
    },
    Connecting,
    Offering {
        sent: usize,
    },
    Answer,
    Data(Data),
    Receipt,
    /// The receipt is here; the rest is good manners.
    Closing,
    /// Everything is acknowledged; the receiver may still say by RST that it is not stored.
    Parting,
}

/// How far the data is.
#[derive(Debug, Clone, Copy)]
struct Data {
    /// Offset of the next byte that goes into the send buffer.
    next: u64,
    /// Offset behind the last byte that was acknowledged.
    acknowledged: u64,
    pace: Pace,
}

impl<'a, S: Source> Send<'a, S> {
    /// Sends `source` in the checked form under `name`, 1 to 255 bytes, to `remote`, over a socket of its own.
    ///
    /// A name of another length ends the app with [`Malformed::OfferName`](crate::Malformed::OfferName).
    pub const fn checked(
        socket: SocketHandle,
        remote: IpEndpoint,
        name: &'a str,
        source: S,
        options: SendOptions,
    ) -> Self {
        Self::new(socket, remote, Some(name), source, options)
    }

    /// Sends `source` in the plain form. From 2^31 bytes on it ends with [`Error::TooLarge`] before it connects.
    pub const fn plain(
        socket: SocketHandle,
        remote: IpEndpoint,
        source: S,
        options: SendOptions,
    ) -> Self {
        Self::new(socket, remote, None, source, options)
    }

    const fn new(
        socket: SocketHandle,
        remote: IpEndpoint,
        name: Option<&'a str>,
        source: S,
        options: SendOptions,
    ) -> Self {
        Self {
            socket,
            remote,
            name,
            source,
            options,
            length: 0,
            digest: [0; 32],
            offset: 0,
            replies: ReplyParser::new(),
            sent: None,
            phase: Phase::new(State::Starting),
        }
    }

    /// What was sent, once it is whole.
    pub const fn sent(&self) -> Option<Sent> {
        self.sent
    }

    /// The source.
    pub fn into_source(self) -> S {
        self.source
    }

    fn start(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        self.length = self.source.len();
        match self.name {
            None => {
                plain_word(self.length)?;
                return self.connect(io);
            }
            Some(name) => Offer::new(name, self.length, &self.digest)?,
        };
        self.enter_hashing(io);
        Ok(Step::Again)
    }

    fn connect(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        io.connect(self.socket, self.remote)?;
        let deadline = Deadline::new(io.now.after(self.options.connect_ticks), Awaited::Connect);
        self.phase.enter(io, State::Connecting, Some(deadline));
        Ok(Step::Wait)
    }

    fn await_established(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        if !io.connected(self.socket)? {
            return Ok(Step::Wait);
        }
        io.tell_connected(self.remote, Part::Dialler);
        let deadline = Deadline::new(io.now.after(self.options.idle_ticks), Awaited::Send);
        self.phase
            .enter(io, State::Offering { sent: 0 }, Some(deadline));
        Ok(Step::Again)
    }

    /// Says what will come: the length alone, or the offer.
    fn offer(&mut self, io: &mut Io<'_, '_>, sent: usize) -> Result<Step, Error> {
        // A receiver may refuse before it has read all.
        if let Some(reply) = self.read_reply(io)? {
            return self.judge_answer(io, reply);
        }
        let lost = io.lost();
        let (socket, _) = io.tcp(self.socket);
        let (written, is_whole) = match self.name {
            None => {
                let word = plain_word(self.length)?;
                let rest = word.get(sent..).unwrap_or_default();
                let written = socket.send_slice(rest).map_err(|_| lost)?;
                (written, written == rest.len())
            }
            Some(name) => {
                let offer = Offer::new(name, self.length, &self.digest)?;
                let written = socket.send(|buffer| {
                    let written = offer.write_from(sent, buffer);
                    (written, written)
                });
                let sent = sent + *written.as_ref().unwrap_or(&0);
                (
                    written.map_err(|_| lost)?,
                    offer.write_from(sent, &mut [0]) == 0,
                )
            }
        };
        if !is_whole {
            let sent = sent + written;
            *self.phase.state_mut() = State::Offering { sent };
            return Ok(if written > 0 { Step::Again } else { Step::Wait });
        }
        if self.name.is_none() {
            self.enter_data(io, 0);
        } else {
            self.await_reply(io, State::Answer, Awaited::Answer);
        }
        Ok(Step::Again)
    }

    /// The receiver has the file; the result is decided.
    fn finish(&mut self, io: &mut Io<'_, '_>) {
        self.note_sent();
        let linger = io.close(self.socket);
        self.phase.enter(io, State::Closing, Some(linger));
    }

    fn note_sent(&mut self) {
        self.sent = Some(Sent {
            length: self.length,
            offset: self.offset,
            digest: self.name.map(|_| self.digest),
        });
    }

    /// After our FIN in the plain form.
    fn part(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        loop {
            match io.receive(self.socket, |bytes| (bytes.len(), ()))? {
                Received::Data(()) => {}
                Received::Nothing => return Ok(Step::Wait),
                Received::End if io.lingered(self.socket) => return Ok(self.end(io)),
                // Our FIN has still to be acknowledged.
                Received::End => return Ok(Step::Wait),
            }
        }
    }

    fn end(&mut self, io: &mut Io<'_, '_>) -> Step {
        if self.sent.is_none() {
            self.note_sent();
        }
        io.drop_connection(self.socket);
        io.tell(&Event::Disconnected {
            remote: self.remote,
        });
        Step::Done
    }
}

impl<S: Source> App for Send<'_, S> {
    fn name(&self) -> &'static str {
        "send"
    }

    fn step(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        match *self.phase.state() {
            State::Starting => self.start(io),
            State::Hashing { .. } => self.hash(io),
            State::Connecting => self.await_established(io),
            State::Offering { sent } => self.offer(io, sent),
            State::Answer => self.await_answer(io),
            State::Data(data) => self.push(io, data),
            State::Receipt => self.await_receipt(io),
            State::Closing if io.lingered(self.socket) => Ok(self.end(io)),
            State::Closing => Ok(Step::Wait),
            State::Parting => self.part(io),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.phase.deadline()
    }

    fn expired(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        match (self.phase.state(), self.phase.deadline()) {
            (State::Closing | State::Parting, _) => Ok(self.end(io)),
            (_, Some(deadline)) => Err(Error::TimedOut(deadline.awaits)),
            (_, None) => Err(Error::TimedOut(Awaited::Total)),
        }
    }

    fn sockets(&self) -> &[SocketHandle] {
        core::slice::from_ref(&self.socket)
    }
}

impl Named for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Starting => "Starting",
            Self::Hashing { .. } => "Hashing",
            Self::Connecting => "Connecting",
            Self::Offering { .. } => "Offering",
            Self::Answer => "Answer",
            Self::Data(_) => "Data",
            Self::Receipt => "Receipt",
            Self::Closing => "Closing",
            Self::Parting => "Parting",
        }
    }
}
