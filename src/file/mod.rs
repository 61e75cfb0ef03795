//! File transfer: the wire as pure bytes, and the machines of receiver and sender.
//!
//! **There is no authentication: whoever reaches the port can store a file.** `docs/wire.md`
//! specifies both forms of the transfer, with a worked example.

mod block;
mod error;
mod event;
mod name;
mod offer;
mod receiver;
mod reply;
mod sender;

pub use error::{OfferError, ReceiveError, SendError};
pub use event::{Event, OfferedName};
pub use name::{FileName, NAME_LEN_MAX, clean, numbered, shortened};
pub use offer::{Announced, LENGTH_MAX, Offer, OfferParser, plain_word};
pub use receiver::{FileReceiver, ReceiverOptions};
pub use reply::{Answer, REPLY_LEN, Receipt, Reply, ReplyParser, Status};
pub use sender::{FileSender, SenderOptions, Sent};
