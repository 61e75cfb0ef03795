//! The GET client against a bare smoltcp socket that discards, on the same virtual Ethernet from the same server.
//!
//! `cargo bench --bench get` prints the ratio of their throughputs, interleaved in one run, as the median of nine.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a benchmark reads the clock, and one that fails is to stop"
)]

use std::time::Instant;

use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::Socket;
use smoltcp::wire::{EthernetAddress, IpCidr, IpEndpoint};
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::{Config, Discard, Duration, Stack, Task, Tick};
use tickwire_sim::ethernet::{Ethernet, Frame, Port, PortState};
use tickwire_sim::{Act, Node, Opening, Script};

const BODY_BYTES: u64 = 64 << 20;
const BUFFER_BYTES: usize = 64 << 10;
const ROUNDS: usize = 9;
const HEAD: &[u8] = b"HTTP/1.0 200 OK\r\nContent-Length: 67108864\r\n\r\n";
const ACTS: [Act<'static>; 3] = [
    Act::Expect(b"\r\n\r\n"),
    Act::Send(HEAD),
    Act::Fill(BODY_BYTES),
];

/// One host: a stack at a port of the Ethernet, and its one socket.
struct Side<'a> {
    stack: Stack<'a, Port<'a>>,
    socket: SocketHandle,
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

/// Runs both sides until `client` says that it has everything. The clock moves on when no frame is due.
fn race(
    ethernet: &Ethernet,
    server: &mut Side,
    mut client: impl FnMut(Tick) -> bool,
) -> std::time::Duration {
    let mut script = Task::new(Script::new(server.socket, Opening::Listen(80), &ACTS));
    let mut now = Tick::ZERO;
    let started = Instant::now();
    loop {
        ethernet.set_now(now);
        server.stack.turn(now, &mut [&mut script], &mut ());
        if client(now) {
            return started.elapsed();
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

fn remote() -> IpEndpoint {
    IpEndpoint::new(Node::address_of(1).into(), 80)
}

/// Fetches the body with the GET client.
fn get(ethernet: &Ethernet, mut client: Side, server: &mut Side) -> std::time::Duration {
    let url = Url::parse("http://10.0.0.2/").unwrap();
    let request = Request::new(&url, &[]).unwrap();
    let options = GetOptions::default();
    let get = Get::new(client.socket, remote(), request, options, &mut [], Discard);
    let mut task = Task::new(get);
    let elapsed = race(ethernet, server, |now| {
        client.stack.turn(now, &mut [&mut task], &mut ());
        task.app().complete().is_some()
    });
    assert_eq!(task.app().complete().unwrap().bytes, BODY_BYTES);
    elapsed
}

/// Fetches the same bytes with a bare socket that throws them away, as smoltcp's examples do.
fn bare(ethernet: &Ethernet, mut client: Side, server: &mut Side) -> std::time::Duration {
    let (mut received, mut sent) = (0, false);
    let Side { stack, socket } = &mut client;
    let opened = stack.sockets.get_mut::<Socket>(*socket);
    let context = stack.iface.context();
    opened.connect(context, remote(), 50_000).unwrap();
    race(ethernet, server, |now| {
        let Stack {
            iface,
            device,
            sockets,
            ..
        } = stack;
        iface.poll(now.to_smoltcp(), device, sockets);
        let socket = sockets.get_mut::<Socket>(*socket);
        if socket.can_send() && !sent {
            socket.send_slice(b"GET / HTTP/1.0\r\n\r\n").unwrap();
            sent = true;
        }
        while socket.can_recv() {
            received += socket
                .recv(|bytes| (bytes.len(), bytes.len() as u64))
                .unwrap();
        }
        iface.poll(now.to_smoltcp(), device, sockets);
        received == BODY_BYTES + HEAD.len() as u64
    })
}

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

    fn run(
        &mut self,
        contender: fn(&Ethernet, Side, &mut Side) -> std::time::Duration,
    ) -> std::time::Duration {
        let mut ports = [const { PortState::new() }; 2];
        let frames = self.frames.iter_mut();
        let mut frames: Vec<_> = frames.map(|frame| Frame::new(&mut frame[..])).collect();
        let ethernet = Ethernet::new(1, &mut ports[..], &mut frames[..]);
        let (mut storage, mut other) = ([SocketStorage::EMPTY], [SocketStorage::EMPTY]);
        let client = Side::new(&ethernet, 0, &mut storage, &mut self.client);
        let mut server = Side::new(&ethernet, 1, &mut other, &mut self.server);
        contender(&ethernet, client, &mut server)
    }
}

fn main() {
    let mut memory = Memory::new();
    let rate = |elapsed: std::time::Duration| BODY_BYTES as f64 / 1e6 / elapsed.as_secs_f64();
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        // The order changes, so that neither always comes second.
        let (client, socket) = if round % 2 == 0 {
            let client = memory.run(get);
            (client, memory.run(bare))
        } else {
            let socket = memory.run(bare);
            (memory.run(get), socket)
        };
        println!(
            "round {round}: get {:.0} MB/s, bare socket {:.0} MB/s",
            rate(client),
            rate(socket)
        );
        ratios.push(socket.as_secs_f64() / client.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "get / bare socket on the virtual Ethernet: {:.3} (median of {ROUNDS})",
        ratios[ROUNDS / 2]
    );
}
