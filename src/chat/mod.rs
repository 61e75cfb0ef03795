//! A 1:1 chat: lines as pure bytes, and the peer's machine.

mod line;
mod queue;

pub use line::{Ending, LineSplitter, Message};
pub use queue::{LineEnd, LineQueue, PushError};
