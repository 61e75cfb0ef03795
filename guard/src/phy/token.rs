//! The tokens that smoltcp consumes to receive or to send one frame.

use core::cell::RefCell;

use smoltcp::phy::PacketMeta;

use crate::counters::count;
use crate::inspector::{Inspector, Verdict};

/// The longest RST without options: over IPv6, with an Ethernet header.
const REFUSAL_LEN_MAX: usize = 14 + 40 + 20;

/// A frame that came in. It is inspected when smoltcp reads it.
#[derive(Debug)]
pub struct RxToken<'a, T> {
    pub(super) source: Source<T>,
    pub(super) inspector: &'a RefCell<Inspector>,
    pub(super) buffer: &'a mut [u8],
}

/// Where a frame comes from.
#[derive(Debug)]
pub(super) enum Source<T> {
    Device(T),
    /// Nobody sent it. It is in the buffer, with this length, and has been inspected.
    Buffer(usize),
}

#[cfg(feature = "defmt")]
impl<T: defmt::Format> defmt::Format for RxToken<'_, T> {
    fn format(&self, f: defmt::Formatter<'_>) {
        match &self.source {
            Source::Device(token) => defmt::write!(f, "RxToken {{ token: {=?} }}", token),
            Source::Buffer(_) => defmt::write!(f, "RxToken {{ made }}"),
        }
    }
}

impl<T: smoltcp::phy::RxToken> smoltcp::phy::RxToken for RxToken<'_, T> {
    fn consume<R, F>(self, f: F) -> R
    where
        F: FnOnce(&[u8]) -> R,
    {
        let Self {
            source,
            inspector,
            buffer,
        } = self;
        let token = match source {
            Source::Device(token) => token,
            Source::Buffer(len) => return f(buffer.get(..len).unwrap_or(&[])),
        };
        token.consume(|frame| {
            // A statement of its own: the borrow must end before smoltcp's closure runs, because
            // that may consume the reply's token.
            let verdict = inspector.borrow_mut().incoming(frame, buffer);
            match verdict {
                Verdict::Pass => f(frame),
                Verdict::Refuse => f(&[]),
                Verdict::Replace(len) => f(buffer.get(..len).unwrap_or(&[])),
            }
        })
    }

    fn meta(&self) -> PacketMeta {
        match &self.source {
            Source::Device(token) => token.meta(),
            Source::Buffer(_) => PacketMeta::default(),
        }
    }
}

/// Room for a frame that goes out. The frame is inspected after smoltcp has filled it.
#[derive(Debug)]
pub struct TxToken<'a, T> {
    pub(super) destination: Destination<'a, T>,
    pub(super) inspector: &'a RefCell<Inspector>,
}

#[cfg(feature = "defmt")]
impl<T: defmt::Format> defmt::Format for TxToken<'_, T> {
    fn format(&self, f: defmt::Formatter<'_>) {
        match &self.destination {
            Destination::Device(token) => defmt::write!(f, "TxToken {{ token: {=?} }}", token),
            Destination::Buffered(token, _) => {
                defmt::write!(f, "TxToken {{ token: {=?}, buffered }}", token);
            }
            Destination::Dropped(_) => defmt::write!(f, "TxToken {{ dropped }}"),
        }
    }
}

/// Where a frame goes.
#[derive(Debug)]
pub(super) enum Destination<'a, T> {
    Device(T),
    /// To the device, but through this buffer, because the frame may have to be cut or withheld.
    Buffered(T, &'a mut [u8]),
    /// The device has no room. smoltcp fills the frame in this buffer, and then it is dropped.
    Dropped(&'a mut [u8]),
}

impl<T: smoltcp::phy::TxToken> smoltcp::phy::TxToken for TxToken<'_, T> {
    fn consume<R, F>(self, len: usize, f: F) -> R
    where
        F: FnOnce(&mut [u8]) -> R,
    {
        let inspector = self.inspector;
        let fill = |frame: &mut [u8]| {
            let result = f(frame);
            let leaves = inspector.borrow_mut().outgoing(frame);
            (result, leaves)
        };
        let (result, _) = match self.destination {
            Destination::Device(token)
                if len <= REFUSAL_LEN_MAX && inspector.borrow().backlog.caller.is_some() =>
            {
                consume_or_drop(token, len, fill)
            }
            Destination::Buffered(token, buffer) if inspector.borrow().may_change_length(len) => {
                let (result, leaves) = fill(room_for(buffer, len));
                if leaves {
                    send_part(token, &mut inspector.borrow_mut(), room_for(buffer, len));
                }
                (result, leaves)
            }
            Destination::Device(token) | Destination::Buffered(token, _) => {
                token.consume(len, fill)
            }
            Destination::Dropped(buffer) => {
                count(&mut inspector.borrow_mut().counters.frames_dropped);
                fill(room_for(buffer, len))
            }
        };
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        match &mut self.destination {
            Destination::Device(token) | Destination::Buffered(token, _) => token.set_meta(meta),
            Destination::Dropped(_) => {}
        }
    }
}

/// The room in the buffer for a frame.
fn room_for(buffer: &mut [u8], len: usize) -> &mut [u8] {
    buffer
        .get_mut(..len)
        .expect("smoltcp fills no frame longer than the MTU that it was told")
}

/// Sends a frame only if `fill` says that it leaves, which it knows when it has written it.
#[cold]
#[inline(never)]
fn consume_or_drop<T, R>(
    token: T,
    len: usize,
    fill: impl FnOnce(&mut [u8]) -> (R, bool),
) -> (R, bool)
where
    T: smoltcp::phy::TxToken,
{
    let mut room = [0; REFUSAL_LEN_MAX];
    let frame = room_for(&mut room, len);
    let (result, leaves) = fill(frame);
    if leaves {
        token.consume(len, |room| room.copy_from_slice(frame));
    }
    (result, leaves)
}

/// Sends a frame, or as much of it as its path takes at a time. The rest is at the frame's beginning
/// then.
#[cold]
pub(super) fn send_part<T>(token: T, inspector: &mut Inspector, frame: &mut [u8])
where
    T: smoltcp::phy::TxToken,
{
    let Some(part) = inspector.first_part(frame) else {
        token.consume(frame.len(), |room| room.copy_from_slice(frame));
        inspector.rest_len = 0;
        return;
    };
    token.consume(part.frame_len(), |room| part.write(frame, room));
    let rest_len = part.remove(frame);
    inspector.on_cut(rest_len);
}
