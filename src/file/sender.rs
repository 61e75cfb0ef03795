//! The app that sends one file.

mod session;

use sha2::{Digest as _, Sha256};
use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;

use self::session::SenderSession;
use super::block::{BLOCK_BYTES, fitting};
use super::event::emit_hashed;
use super::{SendError, plain_word};
use crate::store::Digest;
use crate::{
    App, Client, ClientOptions, Deadline, Duration, Io, NoRetry, Remote, Source, StateCell,
    StateName, Step,
};

/// What a caller may set about a sender.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SenderOptions {
    /// For the connection to be established, whether a name server, ARP, SYN or nothing answers.
    pub connect_timeout: Duration,
    /// In which at least 256 bytes, or the rest, must be acknowledged.
    pub idle_timeout: Duration,
    /// For each word of a receiver that hashes or writes out: its answer, its receipt, and that it
    /// is still working.
    pub reply_timeout: Duration,
}

impl Default for SenderOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(20),
            reply_timeout: Duration::from_secs(60),
        }
    }
}

/// A file that was sent whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sent {
    /// Number of bytes in the file.
    pub length: u64,
    /// Number of bytes that the receiver held already, and that were not sent.
    pub offset: u64,
    /// In the checked form the digest of the file, which the receiver has verified and stored.
    /// `None` in the plain form, where TCP's acknowledgement is all that is known.
    pub digest: Option<Digest>,
}

/// Sends one file, and never holds more of it than the send buffer.
///
/// In the checked form the file is hashed first, before the connection is made; then it is offered,
/// and sent from where the receiver has it. Only a receipt with status 0, after all bytes were
/// acknowledged, is success. Any other word is [`SendError::Refused`] with the status, or
/// [`SendError::BadReply`]. A file that keeps its length but changes while it is sent is found by
/// the receiver, whose status is 5 then.
///
/// In the plain form success means that TCP acknowledged every byte. After our FIN the receiver's
/// end is waited for at most a second: FIN, or silence, is success; RST is
/// [`Error::Reset`](crate::Error::Reset), for that is how a receiver says that it did not store the
/// file. A receiver that closes its own side early may be one that never had anything to say, so
/// that alone is no failure.
///
/// A receiver that goes on saying that it works is waited for as long as it says so; a caller that
/// wants an end to that drops the app.
///
/// It ends after one try. Another try is another `FileSender`, and in the checked form goes on
/// where this one stopped.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FileSender<'a, S, T = IpEndpoint> {
    client: Client<SenderSession<'a, S>, NoRetry, T>,
    state: StateCell<State>,
}

/// `Idle -> Hashing -> Sending`, in the plain form without `Hashing`; from everywhere an error ends
/// it.
#[derive(Debug)]
enum State {
    Idle,
    /// There is no connection yet, so no peer waits and no deadline is needed.
    Hashing {
        hasher: Sha256,
        hashed: u64,
    },
    /// The rest is the client's.
    Sending,
}

impl StateName for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Hashing { .. } => "Hashing",
            Self::Sending => "Sending",
        }
    }
}

impl<'a, S: Source, T: Remote> FileSender<'a, S, T> {
    /// Sends `source` in the checked form under `name`, 1 to 255 bytes, to `remote`, over a socket
    /// of its own.
    ///
    /// A name of another length ends the app with [`SendError::Name`].
    pub fn checked(
        socket: SocketHandle,
        remote: T,
        name: &'a str,
        source: S,
        options: SenderOptions,
    ) -> Self {
        Self::new(socket, remote, Some(name), source, options)
    }

    /// Sends `source` in the plain form. From 2^31 bytes on it ends with [`SendError::TooLarge`]
    /// before it connects.
    pub fn plain(socket: SocketHandle, remote: T, source: S, options: SenderOptions) -> Self {
        Self::new(socket, remote, None, source, options)
    }

    fn new(
        socket: SocketHandle,
        remote: T,
        name: Option<&'a str>,
        source: S,
        options: SenderOptions,
    ) -> Self {
        let client_options = ClientOptions {
            connect_timeout: options.connect_timeout,
            idle_timeout: None,
            ..ClientOptions::default()
        };
        let session = SenderSession::new(name, source, options);
        Self {
            client: Client::new(socket, remote, session, client_options),
            state: StateCell::new(State::Idle),
        }
    }

    /// What was sent, once it is whole.
    pub const fn sent(&self) -> Option<Sent> {
        self.client.session().sent
    }

    /// The source.
    pub fn into_source(self) -> S {
        self.client.into_session().source
    }

    fn start(&mut self, io: &mut Io) -> Result<Step, SendError> {
        let session = self.client.session_mut();
        session.length = session.source.len();
        let state = if session.name.is_none() {
            plain_word(session.length)?;
            State::Sending
        } else {
            session.offer()?;
            State::Hashing {
                hasher: Sha256::new(),
                hashed: 0,
            }
        };
        self.state.enter(io, state, None);
        Ok(Step::Again)
    }

    /// Hashes one block.
    fn hash(&mut self, io: &mut Io) -> Result<Step, SendError> {
        let State::Hashing { hasher, hashed } = self.state.state_mut() else {
            return Ok(Step::Again);
        };
        let session = self.client.session_mut();
        if *hashed == session.length {
            session.digest = hasher.clone().finalize().into();
            session.check_length()?;
            self.state.enter(io, State::Sending, None);
            return Ok(Step::Again);
        }
        let mut block = [0; BLOCK_BYTES];
        let room = fitting(&mut block, session.length - *hashed);
        let read = session.source.read_at(*hashed, room)?;
        let read = room.get(..read).unwrap_or_default();
        if read.is_empty() {
            return Err(SendError::SourceChanged);
        }
        hasher.update(read);
        *hashed += read.len() as u64;
        emit_hashed(io, *hashed, session.length);
        Ok(Step::Again)
    }
}

impl<S: Source, T: Remote> App for FileSender<'_, S, T> {
    type Error = SendError;

    fn name(&self) -> &'static str {
        self.client.name()
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, SendError> {
        match self.state.state() {
            State::Idle => self.start(io),
            State::Hashing { .. } => self.hash(io),
            State::Sending => self.client.step(io),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.client.deadline()
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, SendError> {
        self.client.expired(io)
    }

    fn sockets(&self) -> &[SocketHandle] {
        self.client.sockets()
    }
}
