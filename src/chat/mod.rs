//! A 1:1 chat: lines as pure bytes, and the peer's machine.

mod conversation;
mod inbox;
mod line;
mod options;
mod outbox;
mod peer;
mod queue;
mod sink;
mod state;
mod watch;

pub use line::{Ending, LineSplitter, Message};
pub use options::Options;
pub use peer::Peer;
pub use queue::{LineEnd, LineQueue, PushError};
pub use sink::MessageSink;
