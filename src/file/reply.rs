//! What a receiver says in the checked form: answers to an offer, and receipts for a file.

use core::fmt;

use super::SendError;

/// Bytes in an answer, and in a receipt.
pub const REPLY_LEN: usize = 16;

const ANSWER_MAGIC: [u8; 4] = *b"TWA\x81";
const RECEIPT_MAGIC: [u8; 4] = *b"TWR\x81";

/// How the receiver fares. A code without a name here is a failure too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Status(pub u8);

impl Status {
    /// In an answer: send the rest. In a receipt: the file is verified and durable under its final
    /// name.
    pub const FINE: Self = Self(0);
    /// The file is over the receiver's limit or its free space.
    pub const TOO_LARGE: Self = Self(1);
    /// The offer is malformed, or of a version or with flags that the receiver does not know.
    pub const BAD_OFFER: Self = Self(2);
    /// Another sender is sending the same file.
    pub const BUSY: Self = Self(3);
    /// The receiver's storage failed.
    pub const STORAGE_FAILED: Self = Self(4);
    /// What arrived has another digest; it was thrown away.
    pub const DIGEST_MISMATCH: Self = Self(5);
    /// The receiver is hashing or writing out; another reply follows. The only status that is not
    /// the last word.
    pub const WORKING: Self = Self(6);
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match *self {
            Self::FINE => "fine",
            Self::TOO_LARGE => "too large",
            Self::BAD_OFFER => "bad offer",
            Self::BUSY => "busy",
            Self::STORAGE_FAILED => "storage failed",
            Self::DIGEST_MISMATCH => "digest mismatch",
            Self::WORKING => "still working",
            Self(code) => return write!(f, "status {code}"),
        })
    }
}

/// The receiver's answer to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Answer {
    /// [`Status::FINE`], [`Status::WORKING`] or why not.
    pub status: Status,
    /// Bytes that the receiver holds already of this digest and length: the sender starts here.
    pub offset: u64,
}

impl Answer {
    /// The answer on the wire.
    pub fn encode(&self) -> [u8; REPLY_LEN] {
        encode(ANSWER_MAGIC, self.status, self.offset)
    }
}

/// The receiver's receipt for a file, or its refusal while data was coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Receipt {
    /// [`Status::FINE`], [`Status::WORKING`] or why not.
    pub status: Status,
    /// Bytes of the file that the receiver has.
    pub stored: u64,
}

impl Receipt {
    /// The receipt on the wire.
    pub fn encode(&self) -> [u8; REPLY_LEN] {
        encode(RECEIPT_MAGIC, self.status, self.stored)
    }
}

/// One message of the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Reply {
    /// To the offer.
    Answer(Answer),
    /// For the file.
    Receipt(Receipt),
}

/// Reads a receiver's replies one after another, in pieces of any size.
///
/// Whether an answer or a receipt is due, and whether its number is possible, is for the sender to
/// judge.
#[derive(Debug, Clone, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReplyParser {
    bytes: [u8; REPLY_LEN],
    /// Bytes of the present reply that have come, fewer than `REPLY_LEN` between calls.
    filled: usize,
}

impl ReplyParser {
    /// A parser for a new conversation.
    pub const fn new() -> Self {
        Self {
            bytes: [0; REPLY_LEN],
            filled: 0,
        }
    }

    /// Takes bytes from the front of `bytes` until a reply is whole; returns how many it took, and
    /// the reply.
    ///
    /// All were taken when there is no reply. The three bytes after the status are ignored.
    ///
    /// # Errors
    /// [`SendError::BadReply`] at the first byte that begins neither an answer nor a receipt, the
    /// same at every split; the conversation cannot go on.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(usize, Option<Reply>), SendError> {
        let mut taken = 0;
        for byte in bytes {
            let possible = |magic: [u8; 4]| {
                let mut pairs = self.bytes.iter().take(self.filled).chain([byte]).zip(magic);
                pairs.all(|(have, want)| *have == want)
            };
            if !possible(ANSWER_MAGIC) && !possible(RECEIPT_MAGIC) {
                return Err(SendError::BadReply);
            }
            if let Some(slot) = self.bytes.get_mut(self.filled) {
                *slot = *byte;
            }
            self.filled += 1;
            taken += 1;
            if self.filled == REPLY_LEN {
                self.filled = 0;
                return Ok((taken, Some(decode(self.bytes))));
            }
        }
        Ok((taken, None))
    }
}

fn encode(magic: [u8; 4], status: Status, count: u64) -> [u8; REPLY_LEN] {
    let mut reply = [0; REPLY_LEN];
    let fields = magic
        .into_iter()
        .chain([status.0, 0, 0, 0])
        .chain(count.to_le_bytes());
    for (to, byte) in reply.iter_mut().zip(fields) {
        *to = byte;
    }
    reply
}

/// Reads a reply whose magic was found to be one of the two.
fn decode(reply: [u8; REPLY_LEN]) -> Reply {
    let [m0, m1, m2, m3, status, _, _, _, count @ ..] = reply;
    let status = Status(status);
    let count = u64::from_le_bytes(count);
    if [m0, m1, m2, m3] == ANSWER_MAGIC {
        Reply::Answer(Answer {
            status,
            offset: count,
        })
    } else {
        Reply::Receipt(Receipt {
            status,
            stored: count,
        })
    }
}
