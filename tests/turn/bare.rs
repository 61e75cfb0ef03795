//! One host on a cable whose other end is in the test's hands, without a guard.

use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::Socket;
use smoltcp::wire::{IpCidr, TcpControl};
use tickwire::{AnyTask, Config, Io, Lifecycle, Observer, Stack, Stage, Step, Tick};

use crate::cable::Cable;
use crate::common::fixture::leak;
use crate::common::mock_app::{MockApp, at};
use crate::frames::{
    self, Family, HOST_MAC, HOST_PORT, PEER_MAC, PEER_PORT, PEER_START, Segment, Sent,
};

pub(crate) struct Bare {
    pub(crate) cable: Cable,
    pub(crate) stack: Stack<'static, Cable>,
    pub(crate) now: Tick,
    /// The sequence number of the host's first byte.
    start: u32,
}

impl Bare {
    pub(crate) fn new() -> Self {
        let cable = Cable::default();
        let config = Config {
            mac: HOST_MAC,
            addresses: &[IpCidr::new(Family::V4.host(), 24)],
            gateway: None,
            seed: 7,
        };
        let storage: Vec<SocketStorage<'static>> = (0..4).map(|_| SocketStorage::EMPTY).collect();
        let sockets = SocketSet::new(storage.leak());
        let bare = Self {
            stack: Stack::new(cable.clone(), &config, sockets, Tick::ZERO),
            cable,
            now: Tick::ZERO,
            start: 0,
        };
        bare.hear_frame(frames::introduction(Family::V4));
        bare
    }

    /// A socket with buffers of `bytes` each.
    pub(crate) fn socket(&mut self, bytes: usize) -> SocketHandle {
        self.stack.add_tcp_socket(leak(0, bytes), leak(0, bytes))
    }

    pub(crate) fn tcp(&mut self, handle: SocketHandle) -> &mut Socket<'static> {
        self.stack.sockets.get_mut(handle)
    }

    pub(crate) fn turn(&mut self, tasks: &mut [&mut dyn AnyTask]) -> Option<Tick> {
        self.turn_observed(tasks, &mut ())
    }

    pub(crate) fn turn_observed(
        &mut self,
        tasks: &mut [&mut dyn AnyTask],
        observer: &mut dyn Observer,
    ) -> Option<Tick> {
        self.stack.turn(self.now, tasks, observer)
    }

    /// Sleeps until the loop wants to be called, and calls it. `None` when it sleeps for ever.
    pub(crate) fn sleep(&mut self, tasks: &mut [&mut dyn AnyTask]) -> Option<Tick> {
        let wake = self.turn(tasks)?;
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

    /// The peer's SYN comes in with the next turn: from `port`, with this window.
    pub(crate) fn hear_syn(&self, (port, window): (u16, u16)) {
        let seq = PEER_START.wrapping_sub(1);
        let mut syn = frames::repr((port, HOST_PORT), TcpControl::Syn, seq, None);
        syn.window_len = window;
        let ends = ((PEER_MAC, Family::V4.peer()), (HOST_MAC, Family::V4.host()));
        self.hear_frame(frames::tcp_frame(ends.0, ends.1, &syn));
    }

    /// The peer connects to [`HOST_PORT`], where a task must listen; its window is `window`.
    pub(crate) fn call(&mut self, tasks: &mut [&mut dyn AnyTask], window: u16) {
        self.turn(tasks);
        self.hear_syn((PEER_PORT, window));
        self.turn(tasks);
        let reply = self.sent().pop().expect("the SYN is answered");
        assert_eq!(reply.control, TcpControl::Syn);
        self.start = (reply.seq as u32).wrapping_add(1);
        self.hear(Segment {
            window,
            ..frames::ACK
        });
        self.turn(tasks);
    }

    /// What the host sent since the last look.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        let frames = std::mem::take(&mut self.cable.0.borrow_mut().from_host);
        let read = |frame: &Vec<u8>| frames::read(Family::V4, frame, self.start);
        frames.iter().filter_map(read).collect()
    }
}

/// Listens on [`HOST_PORT`] with the first of its sockets; once a caller is there, each step is
/// `talk`, with a deadline that does not come to its help.
pub(crate) fn server<T>(
    sockets: &[SocketHandle],
    mut talk: T,
) -> MockApp<
    impl FnMut(&mut Io, &mut Option<tickwire::Deadline>) -> Result<Step, tickwire::Error> + use<T>,
>
where
    T: FnMut(&mut Io, SocketHandle) -> Result<Step, tickwire::Error>,
{
    let socket = sockets[0];
    let mut life: Lifecycle = Lifecycle::new(socket);
    let mut is_called = false;
    MockApp::new(sockets, move |io, deadline| {
        if !is_called {
            if life.is_closed() {
                life.listen(io, HOST_PORT);
            }
            is_called = matches!(life.poll(io, false)?, Stage::Opened(_));
            *deadline = life.deadline();
            if !is_called {
                return Ok(Step::Wait);
            }
            *deadline = at(3_600_000);
        }
        talk(io, socket)
    })
}
