//! The app that receives files.

mod session;
mod store_ops;
mod transfer;

use smoltcp::iface::SocketHandle;

use self::session::ReceiverSession;
use super::ReceiveError;
use crate::store::Store;
use crate::{App, Deadline, Duration, Io, Server, ServerOptions, Step};

/// What a caller may set about a receiver.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReceiverOptions {
    /// Whether the app ends as its first conversation ends, and with its result.
    pub once: bool,
    /// For the whole offer, and for at least 256 bytes, or the rest, of the file to come.
    pub idle_timeout: Duration,
    /// For which the store may take no byte, or give none of what it holds.
    pub stall_timeout: Duration,
    /// For the store to begin, to commit, or to abandon one upload.
    pub store_timeout: Duration,
    /// Number of bytes that a file may have; more is refused before anything is written.
    pub bytes_max: u64,
}

impl Default for ReceiverOptions {
    fn default() -> Self {
        Self {
            once: false,
            idle_timeout: Duration::from_secs(20),
            stall_timeout: Duration::from_secs(20),
            store_timeout: Duration::from_secs(120),
            bytes_max: u64::MAX,
        }
    }
}

/// Receives files into a [`Store`], one conversation at a time; a second caller is refused by RST.
///
/// **There is no authentication: whoever reaches the port can store a file.**
///
/// The first word of a caller tells the plain form from the checked form (`docs/wire.md`). Bytes go
/// from the receive buffer into the store and into a running SHA-256 without a copy; a store that
/// takes less closes the TCP window. A conversation that fails is an
/// [`Event::Failed`](crate::Event::Failed) with a [`ReceiveError`], and the next caller is served.
/// What came of a file in the checked form is kept by the store for the sender's next try, unless
/// its digest was wrong. What a store holds but cannot read is thrown away, and the file is sent
/// from its start.
///
/// A store that answers `Pending` is asked again a tick later, so a store that waits for hardware
/// needs no call. While it works, a sender in the checked form hears of it every two seconds.
///
/// In the plain form FIN is all that a sender can learn: it comes after the file was committed, and
/// a file that was not stored ends in RST.
///
/// Its memory is an offer of at most 303 bytes, a block of 1 KiB on the stack, and the hash.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FileReceiver<S> {
    server: Server<ReceiverSession<S>, 1>,
}

impl<S: Store> FileReceiver<S> {
    /// A receiver on `port`, over a socket of its own, into `store`.
    pub fn new(socket: SocketHandle, port: u16, store: S, options: ReceiverOptions) -> Self {
        let server_options = ServerOptions {
            once: options.once,
            idle_timeout: None,
            flush_timeout: options.idle_timeout,
            // A second sender learns at once that it has to come again.
            backlog: None,
            ..ServerOptions::default()
        };
        let session = ReceiverSession::new(store, options);
        Self {
            server: Server::new([socket], port, [session], server_options),
        }
    }

    /// The store.
    pub fn store(&self) -> &S {
        let session = self.server.sessions().next();
        &session.expect("there is one session").store
    }

    /// The store, which the caller may need to tell that its hardware has finished.
    pub fn store_mut(&mut self) -> &mut S {
        let session = self.server.sessions_mut().next();
        &mut session.expect("there is one session").store
    }

    /// The store, with all that it took.
    pub fn into_store(self) -> S {
        let [session] = self.server.into_sessions();
        session.store
    }
}

impl<S: Store> App for FileReceiver<S> {
    type Error = ReceiveError;

    fn name(&self) -> &'static str {
        self.server.name()
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, ReceiveError> {
        self.server.step(io)
    }

    fn deadline(&self) -> Option<Deadline> {
        self.server.deadline()
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, ReceiveError> {
        self.server.expired(io)
    }

    fn sockets(&self) -> &[SocketHandle] {
        self.server.sockets()
    }
}
