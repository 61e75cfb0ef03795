//! An open WebSocket as its endpoint sees it, and what an endpoint is.

use smoltcp::wire::IpEndpoint;

use super::writer::Writer;
use super::{CloseCode, Outbox, Part, WebSocketError};
use crate::{Connection, Deadline, Error, Event, Tick};

/// What is done with the messages of one WebSocket, and what is said in it.
///
/// A server has one endpoint for each of its callers; what they share is behind a reference. No call
/// may take longer than one unit of work: everything else stands still meanwhile.
pub trait Endpoint {
    /// The handshake is over: messages may be sent from now on. A fresh state for a fresh peer.
    fn on_open(&mut self, channel: &mut Channel) {
        let _ = channel;
    }

    /// A message has come, or with [`Delivery::Parts`](super::Delivery::Parts) a part of one. `false`
    /// presses back: it is offered again in the next step, nothing more is read meanwhile, and the
    /// peer's TCP window closes. After our own Close, what is not taken is dropped.
    fn on_part(&mut self, channel: &mut Channel, part: Part) -> bool;

    /// There may be room to send. Called in every step, until the WebSocket is closed; what others put
    /// into a queue of this peer goes out here, by [`Channel::send_queued`].
    fn transmit(&mut self, channel: &mut Channel) {
        let _ = channel;
    }

    /// When [`on_deadline`](Self::on_deadline) is to be called.
    fn deadline(&self) -> Option<Deadline> {
        None
    }

    /// The deadline has passed. It must be moved.
    fn on_deadline(&mut self, channel: &mut Channel) {
        let _ = channel;
    }

    /// The peer has closed, with this code and reason where it gave any. The answer is sent without
    /// our help.
    fn on_close(&mut self, channel: &mut Channel, code: Option<CloseCode>, reason: &str) {
        let _ = (channel, code, reason);
    }

    /// Whether something was done since the last call that other tasks of the loop want to see, such
    /// as a message for the caller of another server. They get a step at once then, before this
    /// endpoint is offered anything more.
    fn take_news(&mut self) -> bool {
        false
    }

    /// Whether a client that [retries](crate::Retry) connects again after a WebSocket that was closed
    /// in order.
    fn wants_another(&self) -> bool {
        false
    }

    /// The connection is over. Called once for each [`on_open`](Self::on_open).
    fn on_end(&mut self, result: &Result<(), WebSocketError>) {
        let _ = result;
    }
}

/// An open WebSocket, for the length of one call of its [`Endpoint`].
///
/// That a connection is lost is no concern of an endpoint: what it sends then goes nowhere, and
/// [`on_end`](Endpoint::on_end) comes.
pub struct Channel<'w, 'c, 'a, 's> {
    connection: &'w mut Connection<'c, 'a, 's>,
    writer: &'w mut Writer,
    /// Why nothing can be sent any more, for the session to find.
    lost: &'w mut Option<Error>,
}

#[cfg(feature = "defmt")]
impl defmt::Format for Channel<'_, '_, '_, '_> {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(f, "Channel {{ remote: {} }}", self.connection.remote());
    }
}

impl<'w, 'c, 'a, 's> Channel<'w, 'c, 'a, 's> {
    pub(super) const fn new(
        connection: &'w mut Connection<'c, 'a, 's>,
        writer: &'w mut Writer,
        lost: &'w mut Option<Error>,
    ) -> Self {
        Self {
            connection,
            writer,
            lost,
        }
    }

    /// The time of this turn.
    pub const fn now(&self) -> Tick {
        self.connection.now()
    }

    /// The peer.
    pub const fn remote(&self) -> IpEndpoint {
        self.connection.remote()
    }

    /// A number that an outsider cannot guess, if the stack's seed cannot be guessed.
    pub const fn random(&mut self) -> u64 {
        self.connection.io.random()
    }

    /// Tells the observer.
    pub fn emit(&mut self, event: &Event) {
        self.connection.emit(event);
    }

    /// Number of bytes that a message, or a part of one, may have to be sent at once.
    pub fn room(&mut self) -> usize {
        let room = self.writer.room(self.connection);
        self.note(room).unwrap_or(0)
    }

    /// Sends a message, or the next part of one, at once as a whole or not at all; whether it was
    /// sent.
    ///
    /// One that is longer than the socket's send buffer never is: see
    /// [`send_queued`](Self::send_queued).
    pub fn send(&mut self, part: Part) -> bool {
        let sent = self.writer.send(self.connection, part);
        self.note(sent).unwrap_or(false)
    }

    /// Sends as much as there is room for of the messages in `outbox`, which may be of any length. To
    /// be called in each [`transmit`](Endpoint::transmit), with one outbox for the life of the channel.
    pub fn send_queued(&mut self, outbox: &mut impl Outbox) {
        let sent = self.writer.send_queued(self.connection, outbox);
        self.note(sent);
    }

    /// Whether a message of [`send_queued`](Self::send_queued) was sent in part.
    pub const fn is_in_frame(&self) -> bool {
        self.writer.is_in_frame()
    }

    /// Closes with `code`, which the peer and the result tell, and up to 123 bytes of `reason`. What
    /// was begun is sent before; nothing more begins. The first call counts.
    ///
    /// # Panics
    /// When the code [must not be sent](CloseCode::is_sendable), in debug builds.
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        debug_assert!(code.is_sendable(), "{code} must not be sent");
        self.writer.close(Some(code), reason);
    }

    /// Whether one of the two sides has closed.
    pub const fn is_closing(&self) -> bool {
        self.writer.is_closing()
    }

    fn note<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| *self.lost = Some(error)).ok()
    }
}
