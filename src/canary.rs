//! Planted bugs, to prove that the simulator finds bugs.
//!
//! They exist only in a build with `--cfg tickwire_canary`, which no feature and no dependent can switch on, and even there
//! none sings before it is planted. In every other build [`is_planted`] is constant.

/// A bug that can be planted; each is one that somebody has made somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(not(tickwire_canary), expect(unreachable_pub))]
pub enum Canary {
    /// A body that ends early counts as whole.
    FinIsSuccess,
    /// A body with a length is a byte shorter.
    LengthOffByOne,
    /// What a sink did not take counts as taken.
    ShortWriteIgnored,
    /// A state that waits for a peer has no deadline.
    NoDeadline,
    /// The loop takes `None` for the earliest deadline.
    DeadlineLostInMinimum,
    /// A sender resumes a byte behind where the receiver stands.
    WrongResumeOffset,
    /// A receiver stores what has the wrong digest.
    DigestUnchecked,
    /// A sender takes the acknowledgement of its last byte for the receipt.
    DoneWithoutReceipt,
    /// A receiver says that a file is stored while the store still works.
    StoredTooEarly,
    /// A store names a file before its last bytes are in the flash.
    FlushSkipped,
    /// A store records progress before the bytes.
    ProgressBeforeData,
    /// A caller that vanishes in the middle of its handshake is waited for.
    CallerHoldsListener,
    /// What a chat still has to say is dropped, without a word, when the peer closes.
    QueueDroppedOnFin,
    /// Bytes count as sent that the socket did not take.
    OfferedCountsAsSent,
}

impl Canary {
    /// All of them.
    #[cfg(tickwire_canary)]
    pub const ALL: [Self; 14] = [
        Self::FinIsSuccess,
        Self::LengthOffByOne,
        Self::ShortWriteIgnored,
        Self::NoDeadline,
        Self::DeadlineLostInMinimum,
        Self::WrongResumeOffset,
        Self::DigestUnchecked,
        Self::DoneWithoutReceipt,
        Self::StoredTooEarly,
        Self::FlushSkipped,
        Self::ProgressBeforeData,
        Self::CallerHoldsListener,
        Self::QueueDroppedOnFin,
        Self::OfferedCountsAsSent,
    ];
}

/// Which one is planted: its place in [`Canary::ALL`] and one, or 0.
#[cfg(tickwire_canary)]
static PLANTED: core::sync::atomic::AtomicU8 = core::sync::atomic::AtomicU8::new(0);

/// Plants this one, and no other, in the whole process.
#[cfg(tickwire_canary)]
pub fn plant(canary: Option<Canary>) {
    // There are few.
    let number = canary.map_or(0, |canary| canary as u8 + 1);
    PLANTED.store(number, core::sync::atomic::Ordering::SeqCst);
}

/// Whether this bug is to be made.
#[cfg(tickwire_canary)]
pub(crate) fn is_planted(canary: Canary) -> bool {
    PLANTED.load(core::sync::atomic::Ordering::Relaxed) == canary as u8 + 1
}

/// Whether this bug is to be made: never.
#[cfg(not(tickwire_canary))]
pub(crate) const fn is_planted(_canary: Canary) -> bool {
    false
}
