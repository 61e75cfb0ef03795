//! A TAP interface that loses frames.

use smoltcp::phy::{self, Device, DeviceCapabilities, TunTapInterface};
use smoltcp::time::Instant;

pub struct Lossy {
    pub tap: TunTapInterface,
    loss_percent: u64,
    random: u64,
}

impl Lossy {
    /// Loses this share of the frames in each direction.
    pub const fn new(tap: TunTapInterface, loss_percent: u64) -> Self {
        Self {
            tap,
            loss_percent,
            random: 1,
        }
    }

    /// Whether the next frame is lost (xorshift).
    const fn loses(&mut self) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 100 < self.loss_percent
    }
}

impl Device for Lossy {
    type RxToken<'a> = <TunTapInterface as Device>::RxToken<'a>;
    type TxToken<'a> = Room<<TunTapInterface as Device>::TxToken<'a>>;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        while self.loses() {
            self.tap.receive(now)?;
        }
        let is_lost = self.loses();
        let (received, room) = self.tap.receive(now)?;
        Some((received, Room { room, is_lost }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let is_lost = self.loses();
        let room = self.tap.transmit(now)?;
        Some(Room { room, is_lost })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.tap.capabilities()
    }
}

/// Room for a frame that goes out, or is lost.
pub struct Room<T> {
    room: T,
    is_lost: bool,
}

impl<T: phy::TxToken> phy::TxToken for Room<T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        if self.is_lost {
            f(&mut vec![0; len])
        } else {
            self.room.consume(len, f)
        }
    }
}
