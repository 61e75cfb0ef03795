//! One host on a cable whose other end is in the test's hands, without a guard.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{IpCidr, TcpControl};
use tickwire::{Carry, Observer, Seat, Tick, turn};

use crate::cable::Cable;
use crate::common::lab::leak;
use crate::frames::{
    self, Family, HOST_MAC, HOST_PORT, PEER_MAC, PEER_PORT, PEER_START, Segment, Sent,
};

pub(crate) struct Bare {
    pub(crate) cable: Cable,
    pub(crate) iface: Interface,
    pub(crate) sockets: SocketSet<'static>,
    pub(crate) now: Tick,
    carry: Carry,
    /// The sequence number of the host's first byte.
    start: u32,
}

impl Bare {
    pub(crate) fn new() -> Self {
        let cable = Cable::default();
        let config = Config::new(HOST_MAC.into());
        let mut iface = Interface::new(config, &mut cable.clone(), Tick::ZERO.to_smoltcp());
        iface.update_ip_addrs(|addresses| {
            addresses
                .push(IpCidr::new(Family::V4.host(), 24))
                .expect("one address fits");
        });
        let storage: Vec<SocketStorage<'static>> = (0..4).map(|_| SocketStorage::EMPTY).collect();
        let bare = Self {
            cable,
            iface,
            sockets: SocketSet::new(storage.leak()),
            now: Tick::ZERO,
            carry: Carry::new(7),
            start: 0,
        };
        bare.hear_frame(frames::introduction(Family::V4));
        bare
    }

    /// A socket with buffers of `bytes` each.
    pub(crate) fn socket(&mut self, bytes: usize) -> SocketHandle {
        self.sockets.add(Socket::new(
            SocketBuffer::new(leak(0, bytes)),
            SocketBuffer::new(leak(0, bytes)),
        ))
    }

    pub(crate) fn tcp(&mut self, handle: SocketHandle) -> &mut Socket<'static> {
        self.sockets.get_mut(handle)
    }

    pub(crate) fn turn(&mut self, seats: &mut [Seat<'_>]) -> Option<Tick> {
        self.turn_observed(seats, &mut ())
    }

    pub(crate) fn turn_observed(
        &mut self,
        seats: &mut [Seat<'_>],
        observer: &mut dyn Observer,
    ) -> Option<Tick> {
        turn(
            self.now,
            &mut self.iface,
            &mut self.cable,
            &mut self.sockets,
            seats,
            &mut self.carry,
            observer,
        )
    }

    /// Sleeps until the loop wants to be called, and calls it. None when it sleeps for ever.
    pub(crate) fn sleep(&mut self, seats: &mut [Seat<'_>]) -> Option<Tick> {
        let wake = self.turn(seats)?;
        self.now = self.now.max(wake);
        Some(wake)
    }

    pub(crate) fn hear_frame(&self, frame: Vec<u8>) {
        self.cable.0.borrow_mut().to_host.push_back(frame);
    }

    /// A segment of the peer comes in with the next turn.
    pub(crate) fn hear(&self, segment: Segment<'_>) {
        self.hear_frame(frames::build(Family::V4, &segment, self.start));
    }

    /// The peer connects to [`HOST_PORT`], where a seat must listen; its window is `window`.
    pub(crate) fn call(&mut self, seats: &mut [Seat<'_>], window: u16) {
        self.turn(seats);
        let seq = PEER_START.wrapping_sub(1);
        let mut syn = frames::repr((PEER_PORT, HOST_PORT), TcpControl::Syn, seq, None);
        syn.window_len = window;
        self.hear_frame(frames::tcp_frame(
            (PEER_MAC, Family::V4.peer()),
            (HOST_MAC, Family::V4.host()),
            &syn,
        ));
        self.turn(seats);
        let reply = self.sent().pop().expect("the SYN is answered");
        assert_eq!(reply.control, TcpControl::Syn);
        self.start = (reply.seq as u32).wrapping_add(1);
        self.hear(Segment {
            window,
            ..frames::ACK
        });
        self.turn(seats);
    }

    /// What the host sent since the last look.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        let frames = std::mem::take(&mut self.cable.0.borrow_mut().from_host);
        let read = |frame: &Vec<u8>| frames::read(Family::V4, frame, self.start);
        frames.iter().filter_map(read).collect()
    }
}
