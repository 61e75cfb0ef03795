//! The tokens that the stack consumes to receive or to send one frame.

use core::cell::RefCell;

use super::Room;
use crate::counters::count;
use crate::inspector::{Inspector, Verdict};

/// The longest RST without options: over IPv6, with an Ethernet header.
const REFUSAL_LEN_MAX: usize = 14 + 40 + 20;

/// A frame that came in. It is inspected when the stack reads it.
#[derive(Debug)]
pub struct RxToken<'a, T> {
    pub(crate) source: Source<T>,
    pub(crate) inspection: Inspection<'a>,
}

/// Where a frame comes from.
#[derive(Debug)]
pub(crate) enum Source<T> {
    Device(T),
    /// Nobody sent it. It is in the buffer, with this length, and has been inspected.
    Buffer(usize),
}

/// What inspects a frame.
#[derive(Debug)]
pub(crate) struct Inspection<'a> {
    pub(super) inspector: &'a RefCell<Inspector>,
    pub(super) buffer: &'a mut [u8],
}

impl<'a> Inspection<'a> {
    /// The frame in the buffer.
    pub(crate) fn made(self, len: usize) -> &'a mut [u8] {
        self.buffer.get_mut(..len).unwrap_or(&mut [])
    }

    /// What the stack gets in the place of a frame that came in; None when it gets the frame itself.
    ///
    /// The inspector is not borrowed any more when this has returned: while the stack reads the
    /// frame, it may consume the token of the reply.
    pub(crate) fn replacement(self, frame: &[u8]) -> Option<&'a mut [u8]> {
        let verdict = (self.inspector.borrow_mut()).incoming(frame, self.buffer);
        match verdict {
            Verdict::Pass => None,
            Verdict::Refuse => Some(&mut []),
            Verdict::Replace(len) => Some(self.made(len)),
        }
    }
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

/// Room for a frame that goes out. The frame is inspected after the stack has filled it.
#[derive(Debug)]
pub struct TxToken<'a, T> {
    pub(crate) destination: Destination<'a, T>,
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
pub(crate) enum Destination<'a, T> {
    Device(T),
    /// To the device; by way of this buffer if the frame may have to be cut or withheld.
    Buffered(T, &'a mut [u8]),
    /// The device has no room. The stack fills the frame in this buffer, and then it is dropped.
    Dropped(&'a mut [u8]),
}

impl<T> TxToken<'_, T> {
    /// Lets the stack fill a frame of `len` bytes, and sends what is to become of it.
    pub(crate) fn send<K, R>(self, len: usize, f: impl FnOnce(&mut [u8]) -> R) -> R
    where
        T: Room<K>,
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
                send_or_drop(token, len, fill)
            }
            Destination::Buffered(token, buffer) if inspector.borrow().may_change_length(len) => {
                let (result, leaves) = fill(room_for(buffer, len));
                if leaves {
                    send_part(token, &mut inspector.borrow_mut(), room_for(buffer, len));
                }
                (result, leaves)
            }
            Destination::Device(token) | Destination::Buffered(token, _) => token.fill(len, fill),
            Destination::Dropped(buffer) => {
                count(&mut inspector.borrow_mut().counters.frames_dropped);
                fill(room_for(buffer, len))
            }
        };
        result
    }
}

/// The room in the buffer for a frame.
fn room_for(buffer: &mut [u8], len: usize) -> &mut [u8] {
    buffer
        .get_mut(..len)
        .expect("no stack fills a frame longer than the MTU that it was told")
}

/// Sends a frame only if `fill` says that it leaves, which it knows when it has written it.
#[cold]
#[inline(never)]
fn send_or_drop<K, R>(
    token: impl Room<K>,
    len: usize,
    fill: impl FnOnce(&mut [u8]) -> (R, bool),
) -> (R, bool) {
    let mut room = [0; REFUSAL_LEN_MAX];
    let frame = room_for(&mut room, len);
    let (result, leaves) = fill(frame);
    if leaves {
        token.fill(len, |room| room.copy_from_slice(frame));
    }
    (result, leaves)
}

/// Sends a frame, or as much of it as its path takes at a time. The rest is at the frame's beginning
/// then.
#[cold]
pub(super) fn send_part<K>(token: impl Room<K>, inspector: &mut Inspector, frame: &mut [u8]) {
    let Some(part) = inspector.first_part(frame) else {
        token.fill(frame.len(), |room| room.copy_from_slice(frame));
        inspector.rest_len = 0;
        return;
    };
    token.fill(part.frame_len(), |room| part.write(frame, room));
    let rest_len = part.remove(frame);
    inspector.on_cut(rest_len);
}
