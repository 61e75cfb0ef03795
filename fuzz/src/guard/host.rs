//! A real host behind the guard: the loop over one echo server, and the bounds of its turns.

use std::collections::VecDeque;

use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{IpCidr, Ipv4Address};
use tickwire::{CAPPED_TURNS_MAX, Carry, Echo, Slot, Tick, turn};

use crate::bounds::Before;
use crate::cable::Cable;
use crate::frame::HOST_MAC;

pub(super) const HOST: Ipv4Address = Ipv4Address::new(10, 0, 0, 3);
pub(super) const PORT: u16 = 7;

/// What the host borrows.
pub(super) struct Memory<'a> {
    buffers: [[u8; 512]; 2],
    sockets: [SocketStorage<'a>; 1],
}

impl Memory<'_> {
    pub(super) const fn new() -> Self {
        Self {
            buffers: [[0; 512]; 2],
            sockets: [SocketStorage::EMPTY],
        }
    }
}

pub(super) struct Host<'a> {
    now: Tick,
    cable: Cable,
    iface: Interface,
    sockets: SocketSet<'a>,
    echo: Echo,
    slot: Slot,
    carry: Carry,
    pub(super) turns: u64,
}

impl<'a> Host<'a> {
    pub(super) fn new(memory: &'a mut Memory<'a>) -> Self {
        let [receive, send] = &mut memory.buffers;
        let mut sockets = SocketSet::new(&mut memory.sockets[..]);
        let socket = sockets.add(Socket::new(
            SocketBuffer::new(&mut receive[..]),
            SocketBuffer::new(&mut send[..]),
        ));
        let mut cable = Cable::default();
        let now = Tick::from_millis(1);
        let mut iface = Interface::new(Config::new(HOST_MAC.into()), &mut cable, now.to_smoltcp());
        iface.update_ip_addrs(|addresses| {
            addresses
                .push(IpCidr::new(HOST.into(), 24))
                .expect("an interface has room for one address");
        });
        Self {
            now,
            cable,
            iface,
            sockets,
            echo: Echo::new(socket, PORT, false),
            slot: Slot::new(),
            carry: Carry::new(1),
            turns: 0,
        }
    }

    /// A frame that the guard has let through waits for the next turn.
    pub(super) fn hear(&mut self, frame: Vec<u8>) {
        self.cable.to_host.push_back(frame);
    }

    /// Lets time pass, and then the loop turn until it waits for something; what it sent.
    pub(super) fn turns(&mut self, ticks: u64) -> VecDeque<Vec<u8>> {
        self.now = self.now.after(ticks);
        let first = self.turns;
        while self.turn() {
            let turns = self.turns - first;
            assert!(turns <= CAPPED_TURNS_MAX.into(), "time stands still");
        }
        std::mem::take(&mut self.cable.from_host)
    }

    /// One turn, within its bounds; whether the loop wants another one at this tick.
    fn turn(&mut self) -> bool {
        let before = Before::new(&self.cable);
        let next = turn(
            self.now,
            &mut self.iface,
            &mut self.cable,
            &mut self.sockets,
            &mut [self.slot.seat(&mut self.echo)],
            &mut self.carry,
            &mut (),
        );
        self.turns += 1;
        before.check_turn(&self.cable, self.sockets.iter().count());
        assert_eq!(self.slot.outcome(), None, "a server goes on");
        next.is_some_and(|next| next <= self.now)
    }
}
