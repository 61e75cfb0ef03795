//! WebSocket (RFC 6455): frames as pure bytes, and the sessions of server and client.
//!
//! [`WebSocket`] is the session of a connection that an `http` server has upgraded, which `accept` does;
//! [`ClientSession`] asks for one. What is done with messages is an [`Endpoint`] of the user's own, which
//! gets a [`Channel`] to answer by. What waits for a peer that reads slowly stands in an [`Outbox`],
//! such as a [`MessageQueue`]: it is bounded, and never slows the others.
//!
//! ```
//! use tickwire::websocket::{Channel, Endpoint, Options, Part, WebSocket};
//!
//! /// Sends back every message. What has no room is offered again.
//! struct Echo;
//!
//! impl Endpoint for Echo {
//!     fn on_part(&mut self, channel: &mut Channel, part: Part) -> bool {
//!         channel.send(part)
//!     }
//! }
//!
//! let mut message = [0; 1_024];
//! let session = WebSocket::server(&mut message[..], Options::default(), Echo);
//! ```

#[cfg(feature = "server")]
mod accept;
mod channel;
mod client;
mod close_code;
mod decoder;
mod error;
mod frame;
mod handshake;
mod key;
mod liveness;
mod options;
mod part;
mod queue;
mod session;
#[cfg(test)]
mod tests;
#[cfg(all(doctest, feature = "server", feature = "dns"))]
#[doc = include_str!("../../docs/websocket.md")]
mod page {}
mod violation;
mod writer;

#[cfg(feature = "server")]
pub use accept::{accept, choose_protocol};
pub use channel::{Channel, Endpoint};
pub use client::ClientSession;
pub use close_code::CloseCode;
pub use decoder::{Decoder, Delivery, Incoming, MESSAGE_BUFFER_MIN};
pub use error::{Event, WebSocketError};
pub use frame::{CONTROL_BYTES_MAX, FrameHeader, HEADER_BYTES_MAX, HeaderParser, Mask, Opcode};
pub use handshake::{ClientRequest, HandshakeError};
pub use key::accept_key;
pub use options::Options;
pub use part::{Kind, Part};
pub use queue::{MessageQueue, Outbox, QueueError, QueueSlot};
pub use session::WebSocket;
pub use violation::Violation;
