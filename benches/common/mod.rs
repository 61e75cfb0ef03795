//! What the benchmarks of HTTP share: two hosts on a virtual Ethernet, and rounds of two contenders.

use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
use smoltcp::wire::{EthernetAddress, IpCidr, IpEndpoint};
use tickwire::{Config, Duration, Stack, Tick};
use tickwire_sim::Node;
use tickwire_sim::ethernet::{Ethernet, Frame, Port, PortState};

pub(crate) const BODY_BYTES: u64 = 64 << 20;
const BUFFER_BYTES: usize = 64 << 10;
const ROUNDS: usize = 9;

/// One host: a stack at a port of the Ethernet, and its one socket.
pub(crate) struct Side<'a> {
    pub(crate) stack: Stack<'a, Port<'a>>,
    pub(crate) socket: SocketHandle,
}

impl<'a> Side<'a> {
    fn new(
        ethernet: &'a Ethernet<'_>,
        port: usize,
        storage: &'a mut [SocketStorage<'a>],
        [receive, send]: &'a mut [Vec<u8>; 2],
    ) -> Self {
        let mac = EthernetAddress([2, 0, 10, 0, 0, port as u8 + 1]);
        ethernet.set_address(port, mac);
        let config = Config {
            mac,
            addresses: &[IpCidr::new(Node::address_of(port).into(), 24)],
            gateway: None,
            seed: port as u64,
        };
        let sockets = SocketSet::new(storage);
        let mut stack = Stack::new(ethernet.port(port), &config, sockets, Tick::ZERO);
        let socket = stack.add_tcp_socket(receive, send);
        Self { stack, socket }
    }
}

/// What this thread has had of the processor. The time of a clock would have that of other programs in it.
fn processor_time() -> std::time::Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.try_into().expect("it is never negative")
}

/// Runs both sides until `client` says that it has everything; the processor time of that. The clock moves on when no frame is due.
pub(crate) fn race(
    ethernet: &Ethernet,
    mut server: impl FnMut(Tick),
    mut client: impl FnMut(Tick) -> bool,
) -> std::time::Duration {
    let mut now = Tick::ZERO;
    let started = processor_time();
    loop {
        ethernet.set_now(now);
        server(now);
        if client(now) {
            return processor_time() - started;
        }
        if ethernet.next_due().is_none_or(|due| due > now) {
            now = now + Duration::from_millis(1);
            assert!(
                now < Tick::from_millis(600_000),
                "the transfer stands still"
            );
        }
    }
}

/// The server.
pub(crate) fn remote() -> IpEndpoint {
    IpEndpoint::new(Node::address_of(1).into(), 80)
}

/// A transfer of the body between a client and a server.
pub(crate) type Contender = fn(&Ethernet, Side, Side) -> std::time::Duration;

/// Memory that every round uses again.
struct Memory {
    frames: Vec<[u8; 1_514]>,
    client: [Vec<u8>; 2],
    server: [Vec<u8>; 2],
}

impl Memory {
    fn new() -> Self {
        let buffers = || [vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]];
        Self {
            frames: vec![[0; 1_514]; 256],
            client: buffers(),
            server: buffers(),
        }
    }

    fn run(&mut self, contender: Contender) -> std::time::Duration {
        let mut ports = [const { PortState::new() }; 2];
        let frames = self.frames.iter_mut();
        let mut frames: Vec<_> = frames.map(|frame| Frame::new(&mut frame[..])).collect();
        let ethernet = Ethernet::new(1, &mut ports[..], &mut frames[..]);
        let (mut storage, mut other) = ([SocketStorage::EMPTY], [SocketStorage::EMPTY]);
        let client = Side::new(&ethernet, 0, &mut storage, &mut self.client);
        let server = Side::new(&ethernet, 1, &mut other, &mut self.server);
        contender(&ethernet, client, server)
    }
}

/// Prints how fast `ours` is beside a bare socket, interleaved, as the median of nine.
pub(crate) fn duel(name: &str, ours: Contender, bare: Contender) {
    let mut memory = Memory::new();
    let rate = |elapsed: std::time::Duration| BODY_BYTES as f64 / 1e6 / elapsed.as_secs_f64();
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        // The order changes, so that neither always comes second.
        let (ours, bare) = if round % 2 == 0 {
            let ours = memory.run(ours);
            (ours, memory.run(bare))
        } else {
            let bare = memory.run(bare);
            (memory.run(ours), bare)
        };
        println!(
            "round {round}: {name} {:.0} MB/s, bare socket {:.0} MB/s",
            rate(ours),
            rate(bare)
        );
        ratios.push(bare.as_secs_f64() / ours.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "{name} / bare socket on the virtual Ethernet: {:.3} (median of {ROUNDS})",
        ratios[ROUNDS / 2]
    );
}
