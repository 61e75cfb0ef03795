//! The life of a connection, in one place: dial or accept, open, idle and stall, flush, FIN, linger,
//! reset. A protocol is a [`Session`]; [`Client`] and [`Server`] do the rest.

mod backoff;
mod client;
mod connection;
mod conversation;
mod idle;
#[cfg(feature = "chat")]
mod keepalive;
mod lifecycle;
mod opening;
mod server;
mod session;

pub use backoff::{Backoff, NoRetry, Retry};
pub use client::{Client, ClientOptions};
pub use connection::Connection;
pub use idle::{IDLE_BYTES_MIN, IdleTimer};
#[cfg(feature = "chat")]
pub(crate) use keepalive::Keepalive;
pub use lifecycle::{LINGER, Lifecycle, Stage};
pub use opening::{Dial, DialOrListen, HANDSHAKE_TIMEOUT, Listen, Opened, Opening, Remote};
pub use server::{Server, ServerOptions};
pub use session::{Closing, Session};
