//! A real host behind the guard: the loop over one echo server, and the bounds of its turns.

use std::collections::VecDeque;

use smoltcp::iface::SocketStorage;
use smoltcp::wire::Ipv4Address;
use tickwire::{CAPPED_TURNS_MAX, Duration, Echo, Stack, Task, Tick};

use crate::bounds::Before;
use crate::cable::Cable;
use crate::stack::{START, stack};

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
    stack: Stack<'a, Cable>,
    echo: Task<Echo<1>>,
    pub(super) turns: u64,
}

impl<'a> Host<'a> {
    pub(super) fn new(memory: &'a mut Memory<'a>) -> Self {
        let [receive, send] = &mut memory.buffers;
        let mut stack = stack(Cable::default(), HOST, &mut memory.sockets);
        let socket = stack.add_tcp_socket(receive, send);
        Self {
            now: START,
            stack,
            echo: Task::new(Echo::echo([socket], PORT, false)),
            turns: 0,
        }
    }

    /// A frame that the guard has let through waits for the next turn.
    pub(super) fn hear(&mut self, frame: Vec<u8>) {
        self.stack.device.to_host.push_back(frame);
    }

    /// Lets time pass, and then the loop turn until it waits for something; what it sent.
    pub(super) fn turns(&mut self, duration: Duration) -> VecDeque<Vec<u8>> {
        self.now = self.now + duration;
        let first = self.turns;
        while self.turn() {
            let turns = self.turns - first;
            assert!(turns <= CAPPED_TURNS_MAX.into(), "time stands still");
        }
        std::mem::take(&mut self.stack.device.from_host)
    }

    /// One turn, within its bounds; whether the loop wants another one at this tick.
    fn turn(&mut self) -> bool {
        let before = Before::new(&self.stack.device);
        let next = self.stack.turn(self.now, &mut [&mut self.echo], &mut ());
        self.turns += 1;
        before.check_turn(&self.stack.device, self.stack.sockets.iter().count());
        assert_eq!(self.echo.outcome(), None, "a server goes on");
        next.is_some_and(|next| next <= self.now)
    }
}
