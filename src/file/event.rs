//! What a transfer tells beyond what every connection tells.

use smoltcp::wire::IpEndpoint;

use super::NAME_LEN_MAX;
use crate::Connection;
use crate::store::{Digest, Upload};

/// A name as the sender gave it, hostile until it was [cleaned](super::clean).
pub type OfferedName = heapless::String<NAME_LEN_MAX>;

/// What a transfer tells, in [`Event::App`](crate::Event::App).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event {
    /// A file is offered or announced by the peer.
    Offered {
        /// The sender.
        remote: IpEndpoint,
        /// The name as the sender gave it; `None` in the plain form.
        name: Option<OfferedName>,
        /// Number of bytes in the file.
        length: u64,
    },
    /// Bytes of a file were hashed: by a sender before it connects, by a receiver that looks at
    /// what it already holds.
    Hashed {
        /// Number of bytes that are hashed.
        bytes: u64,
        /// Number of bytes to hash.
        total: u64,
    },
    /// A transfer goes on after what the receiver already holds.
    Resumed {
        /// Number of bytes that are not sent again.
        offset: u64,
    },
    /// A file is durable, and in the checked form verified. Told by the receiver alone.
    Stored {
        /// The sender.
        remote: IpEndpoint,
        /// The name as the sender gave it; `None` in the plain form.
        name: Option<OfferedName>,
        /// Number of bytes in the file.
        length: u64,
        /// The SHA-256 of what arrived.
        digest: Digest,
        /// Whether it was there already and only the receipt was repeated.
        repeated: bool,
    },
    /// The peer sent bytes after the announced end; they were dropped.
    Surplus {
        /// Number of bytes.
        bytes: u64,
    },
}

// An event with a name takes 300 bytes. Each of these has a frame of its own, so that the frames of
// those who call it stay small.

#[inline(never)]
pub(super) fn emit_offered(connection: &mut Connection, upload: &Upload) {
    let event = Event::Offered {
        remote: connection.remote(),
        name: owned(upload.name),
        length: upload.length,
    };
    connection.emit(&crate::Event::App(&event));
}

#[inline(never)]
pub(super) fn emit_stored(
    connection: &mut Connection,
    upload: &Upload,
    digest: Digest,
    repeated: bool,
) {
    let event = Event::Stored {
        remote: connection.remote(),
        name: owned(upload.name),
        length: upload.length,
        digest,
        repeated,
    };
    connection.emit(&crate::Event::App(&event));
}

#[inline(never)]
pub(super) fn emit_hashed(io: &mut crate::Io, bytes: u64, total: u64) {
    io.emit(&crate::Event::App(&Event::Hashed { bytes, total }));
}

#[inline(never)]
pub(super) fn emit_resumed(io: &mut crate::Io, offset: u64) {
    io.emit(&crate::Event::App(&Event::Resumed { offset }));
}

#[inline(never)]
pub(super) fn emit_surplus(io: &mut crate::Io, bytes: u64) {
    io.emit(&crate::Event::App(&Event::Surplus { bytes }));
}

fn owned(name: Option<&str>) -> Option<OfferedName> {
    // The parser lets no longer name pass.
    name.map(|name| OfferedName::try_from(name).unwrap_or_default())
}
