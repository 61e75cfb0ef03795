//! What the adapters have in common: the way of a frame between a stack and a driver, whatever both
//! call it.

mod token;

use core::cell::RefCell;
use core::ops::Deref;

use crate::inspector::{DueFrame, Inspector};
use crate::link::Link;
use crate::storage::Storage;
use crate::time::Time;

pub(crate) use token::{Destination, Source};
use token::{Inspection, send_part};
pub use token::{RxToken, TxToken};

/// Room for one frame in a driver of the kind `K`. Each adapter has a kind of its own, because a
/// type may be a token of several.
pub(crate) trait Room<K> {
    fn fill<R>(self, len: usize, f: impl FnOnce(&mut [u8]) -> R) -> R;
}

/// The caller's [`Storage`], lent for the life of an adapter. `B` borrows the inspector: it is
/// [`Exclusive`] or [`Shared`].
#[derive(Debug)]
pub(crate) struct Lent<'a, B> {
    /// Borrowed by [`with`] alone, and by the tokens.
    pub(crate) inspector: B,
    buffer: &'a mut [u8],
}

/// The inspector of an adapter that may go to another thread or to an interrupt.
#[cfg(feature = "smoltcp")]
pub(crate) type Exclusive<'a> = &'a mut RefCell<Inspector>;
/// The inspector of an adapter that the program asks for more while a stack has the adapter.
#[cfg(feature = "embassy")]
pub(crate) type Shared<'a> = &'a RefCell<Inspector>;

/// What the guard has to do before a frame moves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pending {
    /// The rest of a segment goes out first: [`Lent::send_rest`].
    pub(crate) has_rest: bool,
    /// A frame that nobody sent may be due: [`Lent::take_due`].
    pub(crate) is_due: bool,
}

#[cfg(feature = "smoltcp")]
impl<'a> Lent<'a, Exclusive<'a>> {
    /// Inspects nothing until it is activated.
    pub(crate) fn exclusive<const FLOWS: usize, const FRAME_LEN: usize>(
        storage: &'a mut Storage<FLOWS, FRAME_LEN>,
    ) -> Self {
        Self::inactive(&mut storage.inspector, &mut storage.buffer)
    }
}

#[cfg(feature = "embassy")]
impl<'a> Lent<'a, Shared<'a>> {
    /// Inspects nothing until it is activated.
    pub(crate) fn shared<const FLOWS: usize, const FRAME_LEN: usize>(
        storage: &'a mut Storage<FLOWS, FRAME_LEN>,
    ) -> Self {
        Self::inactive(&storage.inspector, &mut storage.buffer)
    }
}

impl<'a, B: Deref<Target = RefCell<Inspector>>> Lent<'a, B> {
    fn inactive(inspector: B, buffer: &'a mut [u8]) -> Self {
        let lent = Self { inspector, buffer };
        lent.with(Inspector::deactivate);
        lent
    }

    /// Inspects frames of this link, which are at most `mtu` bytes long, from now on.
    pub(crate) fn activate(&self, link: Link, mtu: usize) {
        self.with(|inspector| {
            inspector.on_mtu_told(mtu);
            inspector.activate(link);
        });
    }

    /// Something is asked of the inspector.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Inspector) -> R) -> R {
        with(&self.inspector, f)
    }

    /// To be called before anything else that moves a frame.
    pub(crate) fn begin(&self, now: Time) -> Pending {
        self.with(|inspector| {
            inspector.set_now(now);
            Pending {
                has_rest: inspector.has_rest(),
                is_due: inspector.is_due(),
            }
        })
    }

    /// Sends as much as `room` takes of a segment that leaves in parts. Returns whether there is
    /// more.
    #[cold]
    pub(crate) fn send_rest<K>(&mut self, room: impl Room<K>) -> bool {
        with(&self.inspector, |inspector| {
            let Some(rest) = self.buffer.get_mut(..inspector.rest_len) else {
                return false;
            };
            send_part(room, inspector, rest);
            inspector.has_rest()
        })
    }

    /// Whether the stack has to get the frame in the buffer now, which nobody sent. One that is for
    /// a peer goes into `room`.
    #[cold]
    pub(crate) fn take_due<K>(&mut self, room: impl Room<K>) -> Option<DueLen> {
        match with(&self.inspector, |inspector| inspector.take_due(self.buffer))? {
            DueFrame::ToSmoltcp(len) => Some(DueLen(len)),
            DueFrame::ToPeer(len) => {
                let frame = self.buffer.get_mut(..len)?;
                with(&self.inspector, |inspector| {
                    send_part(room, inspector, frame);
                });
                None
            }
        }
    }

    /// The tokens for a frame that came in, and for its reply.
    pub(crate) fn received<R, T>(
        &mut self,
        received: R,
        reply: T,
    ) -> (RxToken<'_, R>, TxToken<'_, T>) {
        self.tokens(Source::Device(received), reply)
    }

    /// The tokens for the frame that [`take_due`](Self::take_due) made.
    pub(crate) fn made<R, T>(&mut self, len: DueLen, reply: T) -> (RxToken<'_, R>, TxToken<'_, T>) {
        self.tokens(Source::Buffer(len.0), reply)
    }

    fn tokens<R, T>(&mut self, source: Source<R>, reply: T) -> (RxToken<'_, R>, TxToken<'_, T>) {
        let inspector = &*self.inspector;
        let received = RxToken {
            source,
            inspection: Inspection {
                inspector,
                buffer: self.buffer,
            },
        };
        let reply = TxToken {
            destination: Destination::Device(reply),
            inspector,
        };
        (received, reply)
    }

    /// The token for a frame that goes out. None when the device has no room, unless rule R8 drops
    /// the frame instead.
    pub(crate) fn transmit<T>(&mut self, room: Option<T>) -> Option<TxToken<'_, T>> {
        let (inspector, buffer) = (&*self.inspector, &mut *self.buffer);
        let destination = with(inspector, |inspector| {
            // A refusal goes into the room for a reply; what goes out here is none.
            inspector.backlog.caller = None;
            let holds_every_frame = inspector.mtu_told_max <= buffer.len();
            match room {
                Some(token) if holds_every_frame => Some(Destination::Buffered(token, buffer)),
                Some(token) => Some(Destination::Device(token)),
                None if holds_every_frame && inspector.fast_retransmit_may_be_due() => {
                    inspector.forget_rest();
                    Some(Destination::Dropped(buffer))
                }
                None => None,
            }
        })?;
        Some(TxToken {
            destination,
            inspector,
        })
    }
}

/// Something is asked of the inspector. What is asked asks nothing else in this way.
pub(crate) fn with<R>(inspector: &RefCell<Inspector>, f: impl FnOnce(&mut Inspector) -> R) -> R {
    f(&mut inspector.borrow_mut())
}

/// The length of the frame in the buffer that the stack has to get.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DueLen(usize);
