//! A virtual Ethernet between two drivers, which loses and delays frames.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Waker};

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};

pub(crate) const MTU: usize = 1514;
/// How often a driver has sent what it took.
const SENDS_EVERY_MS: u64 = 20;

/// A frame on its way, and the millisecond at which it arrives.
type OnItsWay = (u64, Vec<u8>);

#[derive(Default)]
struct Direction {
    on_its_way: Vec<OnItsWay>,
    arrived: VecDeque<Vec<u8>>,
    receiver: Option<Waker>,
    /// Frames that the sending driver has room for.
    room: usize,
    sender: Option<Waker>,
}

/// What happens to the frames of a wire.
#[derive(Clone, Copy)]
pub(crate) struct Faults {
    pub(crate) loss_percent: u64,
    pub(crate) jitter_max_ms: u64,
    /// Frames that a driver takes each [`SENDS_EVERY_MS`].
    pub(crate) room: usize,
}

pub(crate) struct Wire {
    directions: [Direction; 2],
    faults: Faults,
    random: u64,
    now_ms: u64,
    /// Nothing arrives any more.
    pub(crate) is_cut: bool,
    /// TCP segments that were sent since.
    pub(crate) segments_cut: u32,
}

/// Where a frame says that it has an IPv4 packet, and that packet that it has TCP.
const ETHERTYPE_AT: usize = 12;
const PROTOCOL_AT: usize = 23;

impl Wire {
    pub(crate) fn new(faults: Faults, seed: u64) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            directions: [(); 2].map(|()| Direction {
                room: faults.room,
                ..Direction::default()
            }),
            faults,
            random: seed,
            now_ms: 0,
            is_cut: false,
            segments_cut: 0,
        }))
    }

    /// A number below `bound` (splitmix64).
    fn draw(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn send(&mut self, from: usize, frame: Vec<u8>) {
        self.directions[from].room -= 1;
        if self.is_cut {
            let is_tcp = frame[ETHERTYPE_AT..].starts_with(&[8, 0]) && frame[PROTOCOL_AT] == 6;
            self.segments_cut += u32::from(is_tcp);
            return;
        }
        if self.draw(100) < self.faults.loss_percent {
            return;
        }
        let delay = 1 + self.draw(self.faults.jitter_max_ms + 1);
        let arrival = self.now_ms + delay;
        self.directions[from].on_its_way.push((arrival, frame));
    }

    /// A millisecond passes.
    pub(crate) fn tick(&mut self) {
        self.now_ms += 1;
        for direction in &mut self.directions {
            if self.now_ms.is_multiple_of(SENDS_EVERY_MS) {
                direction.room = self.faults.room;
                direction.sender.take().inspect(Waker::wake_by_ref);
            }
            let now_ms = self.now_ms;
            let due = direction
                .on_its_way
                .extract_if(.., |(arrival, _)| *arrival <= now_ms);
            let before = direction.arrived.len();
            direction.arrived.extend(due.map(|(_, frame)| frame));
            if direction.arrived.len() > before
                && let Some(receiver) = direction.receiver.take()
            {
                receiver.wake();
            }
        }
    }
}

/// One end of the wire.
pub(crate) struct Port {
    wire: Rc<RefCell<Wire>>,
    side: usize,
}

impl Port {
    pub(crate) fn new(wire: &Rc<RefCell<Wire>>, side: usize) -> Self {
        let wire = Rc::clone(wire);
        Self { wire, side }
    }

    fn receiving(&self, cx: &Context<'_>) -> Option<Vec<u8>> {
        let mut wire = self.wire.borrow_mut();
        let direction = &mut wire.directions[1 - self.side];
        direction.receiver = Some(cx.waker().clone());
        direction.arrived.pop_front()
    }
}

pub(crate) struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, f: F) -> R {
        f(&mut self.0)
    }
}

pub(crate) struct Room<'a>(&'a Port);

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.wire.borrow_mut().send(self.0.side, frame);
        result
    }
}

impl Driver for Port {
    type RxToken<'a> = Received;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Received, Room<'_>)> {
        self.transmit(cx)?;
        Some((Received(self.receiving(cx)?), Room(self)))
    }

    /// The waker is kept only where there is no room.
    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<Room<'_>> {
        let mut wire = self.wire.borrow_mut();
        let direction = &mut wire.directions[self.side];
        if direction.room == 0 {
            direction.sender = Some(cx.waker().clone());
            return None;
        }
        drop(wire);
        Some(Room(self))
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = MTU;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet([2, 0, 0, 0, 0, 1 + self.side as u8])
    }
}
