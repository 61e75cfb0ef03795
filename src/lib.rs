//! The application layer that bare-metal TCP lacks.
#![no_std]
#![forbid(unsafe_code)]

mod app;
mod canary;
pub mod chat;
mod echo;
mod error;
mod event;
pub mod file;
mod flush;
#[cfg(feature = "guard")]
pub mod guard;
pub mod http;
mod io;
mod listener;
mod pace;
mod ports;
mod sink;
mod spin;
pub mod store;
mod tick;
mod turn;
pub mod wire;

pub use app::{App, Deadline, Named, Phase, STEPS_MAX, Step};
#[cfg(tickwire_canary)]
pub use canary::{Canary, plant};
pub use echo::Echo;
pub use error::{Awaited, Error, Malformed};
pub use event::{Event, Observer, Part};
pub use flush::Flush;
pub use io::{Called, HANDSHAKE_TICKS, Io, LINGER_TICKS, Received};
pub use listener::Listener;
pub use pace::{IDLE_BYTES_MIN, Pace};
pub use ports::Ports;
pub use sink::{BufferSink, Discard, Sink, Source, WriterSink};
pub use tick::{TICKS_PER_SECOND, Tick, TickCounter};
pub use turn::{CAPPED_TURNS_MAX, Carry, EGRESS_MAX, INGRESS_MAX, Seat, Slot, turn};
