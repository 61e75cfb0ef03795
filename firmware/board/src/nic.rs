//! smoltcp's `Device` over an Ethernet controller that is read and written by the processor.

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use crate::Wake;

/// The longest Ethernet frame, without its check sequence: 14 bytes of header and 1,500 of payload.
pub const FRAME_BYTES_MAX: usize = 1_514;

/// Bad frames that one call to `receive` reads past, so that a flood of them cannot hold the loop.
const BAD_FRAMES_MAX: usize = 32;

/// Why a controller gave no frame, or took none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The controller marked the frame as damaged.
    Damaged,
    /// The frame is longer than the buffer that was lent for it.
    TooLong,
    /// The controller had no room for the frame within a bounded time.
    Full,
}

/// An Ethernet controller: frames in, frames out, and an interrupt while one waits.
pub trait Controller: Wake {
    /// The most frames that may come back to back; smoltcp keeps TCP's window within it.
    const BURST_FRAMES_MAX: Option<usize>;

    /// Whether a received frame waits.
    fn is_waiting(&mut self) -> bool;

    /// Moves the frame that waits into `frame`, and gives its length without the check sequence.
    ///
    /// # Errors
    /// [`Refusal::Damaged`] or [`Refusal::TooLong`]; the frame is gone all the same.
    fn receive(&mut self, frame: &mut [u8]) -> Result<usize, Refusal>;

    /// Sends `frame`.
    ///
    /// # Errors
    /// [`Refusal::Full`]; the frame is not sent.
    fn send(&mut self, frame: &[u8]) -> Result<(), Refusal>;

    /// Adds what only the controller knows, and has not been asked for yet: losses of its own.
    fn count(&mut self, counters: &mut Counters);
}

/// What became of the frames. All counts wrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Frames given to smoltcp.
    pub received: u32,
    /// Frames that arrived damaged.
    pub damaged: u32,
    /// Frames that arrived and were longer than the receive buffer.
    pub too_long: u32,
    /// Frames that found the controller's FIFO full, or at least one where it only has a bit for that.
    pub overrun: u32,
    /// Frames that the controller took for sending.
    pub sent: u32,
    /// Frames of ours that were dropped, because the controller stayed full.
    pub dropped: u32,
    /// Frames that the controller took and could not send.
    pub failed: u32,
}

/// A network interface for smoltcp: a controller, and one frame buffer for each direction.
///
/// `transmit` never refuses: a frame that the controller cannot take in a bounded time is dropped and counted.
pub struct Nic<'b, C> {
    controller: C,
    /// Lent for the life of the interface; holds the frame that smoltcp looks at.
    receive_buffer: &'b mut [u8],
    /// Lent for the life of the interface; smoltcp builds a frame here, and it is sent at once.
    send_buffer: &'b mut [u8],
    counters: Counters,
}

impl<'b, C: Controller> Nic<'b, C> {
    /// An interface whose MTU is what fits into both buffers, at most [`FRAME_BYTES_MAX`].
    pub fn new(controller: C, receive_buffer: &'b mut [u8], send_buffer: &'b mut [u8]) -> Self {
        Self {
            controller,
            receive_buffer,
            send_buffer,
            counters: Counters::default(),
        }
    }

    /// What became of the frames so far.
    pub fn counters(&mut self) -> Counters {
        self.controller.count(&mut self.counters);
        self.counters
    }

    /// The controller, for what only it knows.
    pub fn controller(&mut self) -> &mut C {
        &mut self.controller
    }
}

impl<C: Controller> Wake for Nic<'_, C> {
    fn arm(&mut self) -> bool {
        self.controller.arm()
    }

    fn disarm(&mut self) {
        self.controller.disarm();
    }
}

impl<'b, C: Controller> Device for Nic<'b, C> {
    type RxToken<'a>
        = RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a, C>
    where
        Self: 'a;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_, C>)> {
        for _ in 0..BAD_FRAMES_MAX {
            if !self.controller.is_waiting() {
                return None;
            }
            match self.controller.receive(self.receive_buffer) {
                Ok(len) => {
                    self.counters.received = self.counters.received.wrapping_add(1);
                    return Some((
                        RxToken(self.receive_buffer.get(..len)?),
                        TxToken {
                            controller: &mut self.controller,
                            buffer: self.send_buffer,
                            counters: &mut self.counters,
                        },
                    ));
                }
                Err(Refusal::TooLong) => {
                    self.counters.too_long = self.counters.too_long.wrapping_add(1);
                }
                Err(_) => self.counters.damaged = self.counters.damaged.wrapping_add(1),
            }
        }
        None
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_, C>> {
        Some(TxToken {
            controller: &mut self.controller,
            buffer: self.send_buffer,
            counters: &mut self.counters,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self
            .receive_buffer
            .len()
            .min(self.send_buffer.len())
            .min(FRAME_BYTES_MAX);
        capabilities.max_burst_size = C::BURST_FRAMES_MAX;
        capabilities
    }
}

/// A frame that arrived.
pub struct RxToken<'a>(&'a [u8]);

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// The right to send one frame.
pub struct TxToken<'a, C> {
    controller: &'a mut C,
    buffer: &'a mut [u8],
    counters: &'a mut Counters,
}

impl<C: Controller> phy::TxToken for TxToken<'_, C> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let frame = self
            .buffer
            .get_mut(..len)
            .expect("smoltcp keeps to the MTU, which is at most the buffer");
        let result = f(frame);
        match self.controller.send(frame) {
            Ok(()) => self.counters.sent = self.counters.sent.wrapping_add(1),
            Err(_) => self.counters.dropped = self.counters.dropped.wrapping_add(1),
        }
        result
    }
}
