//! What a receiver knows of its present transfer.

use sha2::{Digest as _, Sha256};

use super::super::{
    Announced, Answer, OfferError, OfferParser, REPLY_LEN, Receipt, ReceiveError, Status,
};
use crate::store::{Digest, Upload};
use crate::{Duration, Error, Tick, TimeoutKind};

/// How often the sender hears that the receiver is still working.
const WORD_PERIOD: Duration = Duration::from_secs(2);

/// One transfer, from the caller to its end.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) parser: OfferParser,
    /// Over the first `got` bytes of the file.
    pub(super) hasher: Sha256,
    /// Bytes of the file that the store has and `hasher` has seen.
    pub(super) got: u64,
    /// Bytes that came after the file.
    pub(super) surplus: u64,
    /// The store has an upload that must be committed or abandoned.
    pub(super) is_open: bool,
    /// The answer was given, so that the next word is a receipt.
    pub(super) is_answered: bool,
    /// All bytes of the file are here; more of them are surplus.
    pub(super) is_whole: bool,
    /// When the sender is due a word, if the store has work.
    next_word: Tick,
}

#[cfg(feature = "defmt")]
impl defmt::Format for Transfer {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(
            f,
            "Transfer {{ parser: {=?}, got: {=u64}, is_open: {=bool}, is_whole: {=bool} }}",
            self.parser,
            self.got,
            self.is_open,
            self.is_whole
        );
    }
}

impl Transfer {
    /// A transfer from a new caller.
    pub(super) fn new() -> Self {
        Self {
            parser: OfferParser::new(),
            hasher: Sha256::new(),
            got: 0,
            surplus: 0,
            is_open: false,
            is_answered: false,
            is_whole: false,
            next_word: Tick::ZERO,
        }
    }

    /// The sender has reason to expect something from `now` on.
    pub(super) fn begin_silence(&mut self, now: Tick) {
        self.next_word = now + WORD_PERIOD;
    }

    /// Whether the sender is due a word; true once every two seconds.
    ///
    /// A store that takes a little now and then does not put it off: the sender may have sent all,
    /// and hears nothing else.
    pub(super) fn is_word_due(&mut self, now: Tick) -> bool {
        let is_due = now >= self.next_word;
        if is_due {
            self.begin_silence(now);
        }
        is_due
    }

    /// What was announced, once it is whole.
    pub(super) fn upload(&self) -> Option<Upload<'_>> {
        Some(match self.parser.announced()? {
            Announced::Plain { length } => Upload {
                name: None,
                length,
                digest: None,
            },
            Announced::Checked(offer) => Upload {
                name: Some(offer.name()),
                length: offer.length(),
                digest: Some(offer.digest()),
            },
        })
    }

    /// Number of bytes in the whole file, once it was announced.
    pub(super) const fn length(&self) -> u64 {
        self.parser.length()
    }

    /// The digest that was announced.
    pub(super) fn announced_digest(&self) -> Option<&Digest> {
        self.upload().and_then(|upload| upload.digest)
    }

    /// The digest of the bytes up to now.
    pub(super) fn digest(&self) -> Digest {
        self.hasher.clone().finalize().into()
    }

    /// Whether the bytes up to now have the digest that was announced, where there is one.
    pub(super) fn is_digest_right(&self) -> bool {
        self.announced_digest()
            .is_none_or(|announced| *announced == self.digest())
    }

    /// That the receiver is still working, in the words of the place where the transfer is; `None`
    /// where the sender understands none.
    pub(super) fn working(&self) -> Option<[u8; REPLY_LEN]> {
        self.announced_digest()?;
        Some(self.reply(Status::WORKING))
    }

    /// A reply of this status: an answer before the answer was given, a receipt afterwards.
    pub(super) fn reply(&self, status: Status) -> [u8; REPLY_LEN] {
        if self.is_answered {
            let stored = self.got;
            Receipt { status, stored }.encode()
        } else {
            let offset = if status == Status::FINE { self.got } else { 0 };
            Answer { status, offset }.encode()
        }
    }

    /// The status of the last reply in a transfer that failed; `None` where nobody would read it.
    pub(super) fn last_status(&self, error: ReceiveError) -> Option<Status> {
        let status = match error {
            ReceiveError::Malformed(OfferError::Magic) => return None,
            // Only the checked form can be malformed after its first word.
            ReceiveError::Malformed(_) => return Some(Status::BAD_OFFER),
            ReceiveError::TooLarge => Status::TOO_LARGE,
            ReceiveError::Busy => Status::BUSY,
            ReceiveError::Store { .. }
            | ReceiveError::Connection(Error::TimedOut(TimeoutKind::Sink)) => {
                Status::STORAGE_FAILED
            }
            ReceiveError::DigestMismatch => Status::DIGEST_MISMATCH,
            ReceiveError::Connection(_) | ReceiveError::Truncated => return None,
        };
        self.announced_digest().map(|_| status)
    }
}
