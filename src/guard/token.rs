//! Leave to receive or to send one frame, under the guard.

use core::cell::RefCell;

use smoltcp::phy::PacketMeta;

use super::counters::count;
use super::rules::Verdict;
use super::watch::Watch;

/// A frame that came in, to be judged when it is read.
#[derive(Debug)]
pub struct RxToken<'a, T, const FLOWS: usize> {
    pub(super) token: T,
    pub(super) watch: &'a RefCell<Watch<FLOWS>>,
    pub(super) buffer: &'a mut [u8],
}

#[cfg(feature = "defmt")]
impl<T: defmt::Format, const FLOWS: usize> defmt::Format for RxToken<'_, T, FLOWS> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "RxToken {{ token: {=?} }}", self.token);
    }
}

impl<T: smoltcp::phy::RxToken, const FLOWS: usize> smoltcp::phy::RxToken for RxToken<'_, T, FLOWS> {
    fn consume<R, F>(self, f: F) -> R
    where
        F: FnOnce(&[u8]) -> R,
    {
        self.token.consume(|frame| {
            // A statement of its own, so that the borrow ends before the closure asks for a reply's token.
            let verdict = self.watch.borrow_mut().incoming(frame);
            match verdict {
                Verdict::Pass => f(frame),
                Verdict::Refuse => f(&[]),
                Verdict::Rewrite(new) => {
                    let copy = self.watch.borrow_mut().rewritten(frame, new, self.buffer);
                    f(copy.unwrap_or(frame))
                }
            }
        })
    }

    fn meta(&self) -> PacketMeta {
        self.token.meta()
    }
}

/// A frame that goes out, to be mended when smoltcp has filled it.
#[derive(Debug)]
pub struct TxToken<'a, T, const FLOWS: usize> {
    pub(super) route: Route<'a, T>,
    pub(super) watch: &'a RefCell<Watch<FLOWS>>,
}

#[cfg(feature = "defmt")]
impl<T: defmt::Format, const FLOWS: usize> defmt::Format for TxToken<'_, T, FLOWS> {
    fn format(&self, f: defmt::Formatter<'_>) {
        match &self.route {
            Route::Device(token) => defmt::write!(f, "TxToken {{ token: {=?} }}", token),
            Route::Nowhere(_) => defmt::write!(f, "TxToken {{ nowhere }}"),
        }
    }
}

#[derive(Debug)]
pub(super) enum Route<'a, T> {
    Device(T),
    /// The device refused; the frame is filled here and dropped.
    Nowhere(&'a mut [u8]),
}

impl<T: smoltcp::phy::TxToken, const FLOWS: usize> smoltcp::phy::TxToken for TxToken<'_, T, FLOWS> {
    fn consume<R, F>(self, len: usize, f: F) -> R
    where
        F: FnOnce(&mut [u8]) -> R,
    {
        let fill = |frame: &mut [u8]| {
            let result = f(frame);
            self.watch.borrow_mut().outgoing(frame);
            result
        };
        match self.route {
            Route::Device(token) => token.consume(len, fill),
            Route::Nowhere(buffer) => {
                count(&mut self.watch.borrow_mut().counters.frames_dropped);
                let frame = buffer
                    .get_mut(..len)
                    .expect("smoltcp fills no frame longer than the MTU it was told");
                fill(frame)
            }
        }
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        if let Route::Device(token) = &mut self.route {
            token.set_meta(meta);
        }
    }
}
