//! Socket.IO 5 over Engine.IO 4, as far as the stock clients need it to connect, join namespaces, and
//! exchange events and acknowledgements. Over WebSocket only; a client must be told so
//! (`transports: ["websocket"]`).

mod handshake;
mod heartbeat;
mod json;
mod member;
mod namespace;
mod outgoing;
mod packet;

pub(super) use handshake::HandshakeError;
pub use json::{Json, JsonError, escape};
pub use member::{Event, NAMESPACES_MAX, SocketIo};
pub use packet::{Body, Engine, Packet, PacketError};
