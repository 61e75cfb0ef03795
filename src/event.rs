//! What apps tell about themselves. Apps never print.

use smoltcp::wire::IpEndpoint;

use crate::{Error, Tick};

/// Which side of a connection we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Part {
    /// We sent the SYN.
    Dialler,
    /// We waited for it.
    Listener,
}

/// Something that happened, for whoever shows or records it. Events only inform: no payload travels in them.
///
/// Borrowed bytes and names come from the peer as they are; a terminal must not see their control bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event<'a> {
    /// A machine went from one state to another.
    Entered {
        /// The state that it left.
        from: &'static str,
        /// The state that it entered.
        to: &'static str,
    },
    /// A caller would be heard from now on.
    Listening {
        /// The local port.
        port: u16,
    },
    /// A SYN is on its way.
    Connecting {
        /// The peer.
        remote: IpEndpoint,
    },
    /// A connection is established.
    Connected {
        /// The peer.
        remote: IpEndpoint,
        /// Who called.
        part: Part,
    },
    /// The head of an HTTP response has been read.
    Head {
        /// The status code.
        status: u16,
        /// Bytes in the body, where the head says so.
        length: Option<u64>,
    },
    /// Payload has moved.
    Progress {
        /// Payload bytes so far, those of a resumed prefix included.
        bytes: u64,
        /// Payload bytes in all, where known.
        total: Option<u64>,
    },
    /// The chat message that was just delivered is not a whole line: a piece of a long one, or the last one, cut
    /// by the peer's close.
    Partial,
    /// Bytes of ours that the peer has not acknowledged, or that were still queued, were dropped as their chat
    /// conversation ended.
    Unsent {
        /// How many.
        bytes: u64,
    },
    /// A file is offered or announced by the peer.
    Offered {
        /// The sender.
        remote: IpEndpoint,
        /// The name as the sender gave it; `None` in the plain form.
        name: Option<&'a str>,
        /// Bytes in the file.
        length: u64,
    },
    /// Bytes of a file were hashed: by a sender before it connects, by a receiver that looks at what it already holds.
    Hashed {
        /// Bytes hashed so far.
        bytes: u64,
        /// Bytes to be hashed.
        total: u64,
    },
    /// A transfer goes on behind what the receiver already holds.
    Resumed {
        /// Bytes that are not sent again.
        offset: u64,
    },
    /// A file is durable, and in the checked form verified. Told by the receiver alone.
    Stored {
        /// The sender.
        remote: IpEndpoint,
        /// The name as the sender gave it; `None` in the plain form.
        name: Option<&'a str>,
        /// Bytes in the file.
        length: u64,
        /// The SHA-256 of what arrived.
        digest: [u8; 32],
        /// Whether it was there already and only the receipt was repeated.
        repeated: bool,
    },
    /// The peer sent bytes behind the announced end; they were dropped.
    Surplus {
        /// How many.
        bytes: u64,
    },
    /// A conversation ended in order.
    Disconnected {
        /// The peer.
        remote: IpEndpoint,
    },
    /// A conversation or an attempt failed; the app itself may go on.
    Failed {
        /// The peer, where there was one.
        remote: Option<IpEndpoint>,
        /// Why.
        error: Error,
    },
    /// A dialler will try again.
    Redialling {
        /// In so many ticks.
        delay_ticks: u64,
    },
}

/// Whoever wants to know what apps do. `()` ignores all.
pub trait Observer {
    /// Called at once when it happens; `app` is the index of the app's seat in the call of [`turn`](crate::turn).
    fn event(&mut self, now: Tick, app: usize, event: &Event<'_>);
}

impl Observer for () {
    fn event(&mut self, _now: Tick, _app: usize, _event: &Event<'_>) {}
}

impl<F: FnMut(Tick, usize, &Event<'_>)> Observer for F {
    fn event(&mut self, now: Tick, app: usize, event: &Event<'_>) {
        self(now, app, event);
    }
}
