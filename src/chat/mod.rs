//! A 1:1 chat: lines as pure bytes, and the machine of one peer.

mod app;
mod conversation;
mod error;
mod keepalive;
mod line;
mod options;
mod queue;
mod receiver;
mod sender;
mod sink;
mod state;

pub use app::Chat;
pub use error::{ChatError, Event};
pub use line::{Ending, LineSplitter, Message};
pub use options::Options;
pub use queue::{LineEnd, LineQueue, PushError};
pub use sink::MessageSink;
