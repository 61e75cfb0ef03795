//! A 1:1 chat: lines as pure bytes, and the machine of one peer.

mod app;
mod conversation;
mod error;
mod line;
mod options;
mod queue;
mod receiver;
mod sender;
mod silence;
mod sink;
mod state;

pub use app::Chat;
pub use error::{ChatError, Event};
pub use line::{Ending, LineSplitter, Message};
pub use options::Options;
pub use queue::{LineEnd, LineQueue, PushError};
#[cfg(feature = "hub")]
pub(crate) use silence::Silence;
pub use sink::MessageSink;
