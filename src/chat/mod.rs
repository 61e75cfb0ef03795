//! A 1:1 chat: lines as pure bytes, and the peer's machine.

mod conversation;
mod inbox;
mod line;
mod outbox;
mod peer;
mod queue;
mod state;
mod watch;

pub use line::{Ending, LineSplitter, Message};
pub use peer::{Options, Peer};
pub use queue::{LineEnd, LineQueue, PushError};
