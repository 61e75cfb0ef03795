//! What a receiver knows of its present conversation.

use sha2::{Digest as _, Sha256};
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::{Announced, Answer, OfferParser, REPLY_LEN, Receipt, Status};
use crate::canary::{Canary, is_planted};
use crate::store::{Digest, StoreError, Upload};
use crate::{Error, Malformed, Tick};

/// How often the sender hears that the receiver is still working.
const WORD_TICKS: u64 = 2_000;

/// One conversation, from the caller to its end.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) remote: IpEndpoint,
    pub(super) parser: OfferParser,
    /// Over the first `got` bytes of the file.
    pub(super) hasher: Sha256,
    /// Bytes of the file that the store has and `hasher` has seen.
    pub(super) got: u64,
    /// Bytes that came behind the file.
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
impl defmt::Format for Talk {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Talk {{ remote: {=?}, parser: {=?}, got: {=u64}, is_open: {=bool}, is_whole: {=bool} }}",
            self.remote,
            self.parser,
            self.got,
            self.is_open,
            self.is_whole
        );
    }
}

/// The last word to a sender.
#[derive(Debug, Clone, Copy)]
pub(super) enum Farewell {
    /// A reply, then FIN.
    Reply([u8; REPLY_LEN]),
    /// FIN alone: the end of a plain transfer that was stored, or of a peer that speaks something else.
    Fin,
    /// RST: nobody is there to read a word, or the plain form has none, and FIN would read as success.
    Reset,
}

impl Talk {
    /// A conversation with nobody yet.
    pub(super) fn nobody() -> Self {
        Self::new(IpEndpoint::new(IpAddress::v4(0, 0, 0, 0), 0))
    }

    /// A conversation with a new caller.
    pub(super) fn new(remote: IpEndpoint) -> Self {
        Self {
            remote,
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
    pub(super) const fn begin_silence(&mut self, now: Tick) {
        self.next_word = now.after(WORD_TICKS);
    }

    /// Whether the sender is due a word; true once every two seconds.
    ///
    /// A store that takes a little now and then does not put it off: the sender may have sent all, and hears nothing else.
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

    /// Bytes in the whole file; 0 before the announcement.
    pub(super) fn length(&self) -> u64 {
        self.upload().map_or(0, |upload| upload.length)
    }

    /// The digest that was announced.
    pub(super) fn announced_digest(&self) -> Option<&Digest> {
        self.upload().and_then(|upload| upload.digest)
    }

    /// The digest of the bytes so far.
    pub(super) fn digest(&self) -> Digest {
        self.hasher.clone().finalize().into()
    }

    /// Whether the bytes so far have the digest that was announced, where there is one.
    pub(super) fn is_digest_right(&self) -> bool {
        is_planted(Canary::DigestUnchecked)
            || self
                .announced_digest()
                .is_none_or(|announced| *announced == self.digest())
    }

    /// That the receiver is still working, in the words of the place where the conversation is; `None` where the
    /// sender understands none.
    pub(super) fn working(&self) -> Option<[u8; REPLY_LEN]> {
        self.announced_digest()?;
        Some(self.reply(Status::WORKING))
    }

    /// A reply of this status: an answer before the answer was given, a receipt afterwards.
    pub(super) fn reply(&self, status: Status) -> [u8; REPLY_LEN] {
        if self.is_answered {
            Receipt {
                status,
                stored: self.got,
            }
            .encode()
        } else {
            let offset = if status == Status::FINE { self.got } else { 0 };
            Answer { status, offset }.encode()
        }
    }

    /// The last word about a conversation that failed.
    pub(super) fn farewell(&self, error: Error) -> Farewell {
        let status = match error {
            Error::Malformed(Malformed::OfferMagic) => return Farewell::Fin,
            // Only the checked form can be malformed behind its first word.
            Error::Malformed(_) => return Farewell::Reply(self.reply(Status::BAD_OFFER)),
            Error::TooLarge => Status::TOO_LARGE,
            Error::ReceiverRefused(status) => Status(status),
            Error::Sink { .. } | Error::StalledSink => Status::STORAGE_FAILED,
            Error::DigestMismatch => Status::DIGEST_MISMATCH,
            _ => return Farewell::Reset,
        };
        match self.announced_digest() {
            Some(_) => Farewell::Reply(self.reply(status)),
            None => Farewell::Reset,
        }
    }
}

/// The error of a conversation whose store refuses or fails.
pub(super) const fn store_error(error: StoreError) -> Error {
    match error {
        StoreError::TooLarge => Error::TooLarge,
        StoreError::Busy => Error::ReceiverRefused(Status::BUSY.0),
        StoreError::Failed { code } => Error::Sink { code },
    }
}
