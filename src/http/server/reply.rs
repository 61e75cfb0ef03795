//! What a handler has decided.

/// What a handler has decided about a request; a [`Response`](super::Response) makes it.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "a request must be answered"]
pub struct Reply {
    pub(super) status: u16,
    /// Number of bytes of the answer that are in the session's memory; `None` where they are not fit
    /// to be sent.
    pub(super) len: Option<usize>,
    pub(super) body: Body,
    /// Whether the answer lets the connection go on.
    pub(super) is_keep_alive: bool,
}

/// What follows the bytes that are in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Body {
    /// Nothing.
    Empty,
    /// The handler's bytes from `offset` up to `end`.
    Stream { offset: u64, end: u64 },
    /// The handler's bytes until there are no more, in chunks.
    Chunked,
    /// The handler's bytes until there are no more, then the close.
    UntilClose,
    /// Nothing is answered yet: the body of the request is wanted first.
    Receive { bytes_max: u64 },
}

impl Reply {
    pub(super) const fn new(status: u16, len: Option<usize>, body: Body) -> Self {
        Self {
            status,
            len,
            body,
            is_keep_alive: true,
        }
    }
}

/// A 101 that is ready to be sent: the connection changes its protocol.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "a request must be answered"]
pub struct Switch(pub(super) Reply);
