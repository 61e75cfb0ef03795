//! File transfer: the wire as pure bytes, and the machines of receiver and sender.
//!
//! **There is no authentication: whoever reaches the port can store a file.** `docs/wire.md` specifies both forms
//! of the transfer, with a worked example.

mod chore;
mod name;
mod offer;
mod receive;
mod reply;
mod send;
mod talk;

pub use name::{FileName, NAME_LEN_MAX, clean, numbered};
pub use offer::{Announced, LENGTH_MAX, Offer, OfferParser, plain_word};
pub use receive::{Receive, ReceiveOptions};
pub use reply::{Answer, REPLY_LEN, Receipt, Reply, ReplyParser, Status};
pub use send::{Send, SendOptions, Sent};
