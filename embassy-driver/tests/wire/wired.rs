//! A driver of embassy's kind over a port of the virtual Ethernet.

use std::cell::{Cell, RefCell};
use std::task::{Context, Waker};

use embassy_net_driver as embassy;
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState};
use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::time::Instant;
use tickwire_sim::ethernet::{self, Port};

pub(crate) const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// What the test knows of a driver, and decides.
pub(crate) struct Controls {
    pub(crate) is_link_up: Cell<bool>,
    /// Frames that the driver has room for until the test makes room again.
    pub(crate) room: Cell<usize>,
    waker: RefCell<Waker>,
}

impl Controls {
    pub(crate) fn new() -> Self {
        Self {
            is_link_up: Cell::new(true),
            room: Cell::new(usize::MAX),
            waker: RefCell::new(Waker::noop().clone()),
        }
    }

    /// What an interrupt does.
    pub(crate) fn interrupt(&self) {
        self.waker.borrow().wake_by_ref();
    }
}

pub(crate) struct Wired<'e> {
    pub(crate) port: Port<'e>,
    pub(crate) controls: &'e Controls,
}

impl Wired<'_> {
    fn note_waker(&self, cx: &Context<'_>) {
        *self.controls.waker.borrow_mut() = cx.waker().clone();
    }
}

pub(crate) struct Received<'e>(ethernet::RxToken<'e>);

impl embassy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        let mut frame = self.0.consume(<[u8]>::to_vec);
        f(&mut frame)
    }
}

pub(crate) struct Room<'e>(ethernet::TxToken<'e>, &'e Cell<usize>);

impl embassy::TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.1.set(self.1.get() - 1);
        self.0.consume(len, f)
    }
}

impl<'e> Driver for Wired<'e> {
    type RxToken<'a>
        = Received<'e>
    where
        Self: 'a;
    type TxToken<'a>
        = Room<'e>
    where
        Self: 'a;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Received<'e>, Room<'e>)> {
        let room = self.transmit(cx)?;
        let (frame, _) = self.port.receive(Instant::ZERO)?;
        Some((Received(frame), room))
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<Room<'e>> {
        self.note_waker(cx);
        let room = &self.controls.room;
        let token = self.port.transmit(Instant::ZERO)?;
        (room.get() > 0).then_some(Room(token, room))
    }

    fn link_state(&mut self, cx: &mut Context<'_>) -> LinkState {
        self.note_waker(cx);
        if self.controls.is_link_up.get() {
            LinkState::Up
        } else {
            LinkState::Down
        }
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = self.port.capabilities().max_transmission_unit;
        capabilities.max_burst_size = Some(4);
        capabilities.checksum.tcp = embassy::Checksum::Tx;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(MAC)
    }
}
