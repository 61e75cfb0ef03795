//! The tokens that smoltcp consumes to receive or to send one frame.

use core::cell::RefCell;

use smoltcp::phy::PacketMeta;

use crate::counters::count;
use crate::inspector::{Inspector, Verdict};

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
            Destination::Dropped(_) => defmt::write!(f, "TxToken {{ dropped }}"),
        }
    }
}

/// Where a frame goes.
#[derive(Debug)]
pub(super) enum Destination<'a, T> {
    Device(T),
    /// The device has no room. smoltcp fills the frame in this buffer, and then it is dropped.
    Dropped(&'a mut [u8]),
}

impl<T: smoltcp::phy::TxToken> smoltcp::phy::TxToken for TxToken<'_, T> {
    fn consume<R, F>(self, len: usize, f: F) -> R
    where
        F: FnOnce(&mut [u8]) -> R,
    {
        let fill = |frame: &mut [u8]| {
            let result = f(frame);
            self.inspector.borrow_mut().outgoing(frame);
            result
        };
        match self.destination {
            Destination::Device(token) => token.consume(len, fill),
            Destination::Dropped(buffer) => {
                count(&mut self.inspector.borrow_mut().counters.frames_dropped);
                let frame = buffer
                    .get_mut(..len)
                    .expect("smoltcp fills no frame longer than the MTU that it was told");
                fill(frame)
            }
        }
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        if let Destination::Device(token) = &mut self.destination {
            token.set_meta(meta);
        }
    }
}
