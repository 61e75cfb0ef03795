//! The GET client against a bare smoltcp socket that discards, on the same virtual Ethernet from the same server.
//!
//! `cargo bench --bench get` prints the ratio of their throughputs, interleaved in one run, as the median of nine.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a benchmark reads the clock, and one that fails is to stop"
)]

use std::time::{Duration, Instant};

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{EthernetAddress, IpCidr, IpEndpoint};
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::{App, Carry, Discard, Slot, Tick, turn};
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

/// One host: an interface at a port of the Ethernet, and one socket.
struct Side<'a> {
    device: Port<'a>,
    iface: Interface,
    sockets: SocketSet<'a>,
    socket: SocketHandle,
    carry: Carry,
}

impl<'a> Side<'a> {
    fn new(
        ethernet: &'a Ethernet<'_>,
        port: usize,
        storage: &'a mut [SocketStorage<'a>],
        buffers: &'a mut [Vec<u8>; 2],
    ) -> Self {
        let mac = EthernetAddress([2, 0, 10, 0, 0, port as u8 + 1]);
        ethernet.set_address(port, mac);
        let start = Tick::ZERO.to_smoltcp();
        let mut device = ethernet.port(port);
        let mut iface = Interface::new(Config::new(mac.into()), &mut device, start);
        let address = IpCidr::new(Node::address_of(port).into(), 24);
        iface.update_ip_addrs(|addresses| addresses.push(address).unwrap());
        let mut sockets = SocketSet::new(storage);
        let [receive, send] = buffers
            .each_mut()
            .map(|buffer| SocketBuffer::new(&mut buffer[..]));
        let socket = sockets.add(Socket::new(receive, send));
        Self {
            device,
            iface,
            sockets,
            socket,
            carry: Carry::new(port as u64),
        }
    }

    /// One turn of tickwire's loop.
    fn turn(&mut self, now: Tick, slot: &mut Slot, app: &mut dyn App) {
        let seats = &mut [slot.seat(app)];
        turn(
            now,
            &mut self.iface,
            &mut self.device,
            &mut self.sockets,
            seats,
            &mut self.carry,
            &mut (),
        );
    }
}

/// Runs both sides until `client` says that it has everything. The clock moves on when no frame is due.
fn race(
    ethernet: &Ethernet<'_>,
    server: &mut Side<'_>,
    mut client: impl FnMut(Tick) -> bool,
) -> Duration {
    let mut script = Script::new(server.socket, Opening::Listen(80), &ACTS);
    let mut slot = Slot::new();
    let mut now = Tick::ZERO;
    let started = Instant::now();
    loop {
        ethernet.set_now(now);
        server.turn(now, &mut slot, &mut script);
        if client(now) {
            return started.elapsed();
        }
        if ethernet.next_due().is_none_or(|due| due > now) {
            now = now.after(1);
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
fn get(ethernet: &Ethernet<'_>, mut client: Side<'_>, server: &mut Side<'_>) -> Duration {
    let url = Url::parse("http://10.0.0.2/").unwrap();
    let request = Request::new(&url, &[]).unwrap();
    let options = GetOptions::default();
    let mut app = Get::new(client.socket, remote(), request, options, &mut [], Discard);
    let mut slot = Slot::new();
    let elapsed = race(ethernet, server, |now| {
        client.turn(now, &mut slot, &mut app);
        app.complete().is_some()
    });
    assert_eq!(app.complete().unwrap().bytes, BODY_BYTES);
    elapsed
}

/// Fetches the same bytes with a bare socket that throws them away, as smoltcp's examples do.
fn bare(ethernet: &Ethernet<'_>, mut client: Side<'_>, server: &mut Side<'_>) -> Duration {
    let (mut received, mut sent) = (0, false);
    let socket = client.sockets.get_mut::<Socket<'_>>(client.socket);
    socket
        .connect(client.iface.context(), remote(), 50_000)
        .unwrap();
    race(ethernet, server, |now| {
        client
            .iface
            .poll(now.to_smoltcp(), &mut client.device, &mut client.sockets);
        let socket = client.sockets.get_mut::<Socket<'_>>(client.socket);
        if socket.can_send() && !sent {
            socket.send_slice(b"GET / HTTP/1.0\r\n\r\n").unwrap();
            sent = true;
        }
        while socket.can_recv() {
            received += socket
                .recv(|bytes| (bytes.len(), bytes.len() as u64))
                .unwrap();
        }
        client
            .iface
            .poll(now.to_smoltcp(), &mut client.device, &mut client.sockets);
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
        contender: fn(&Ethernet<'_>, Side<'_>, &mut Side<'_>) -> Duration,
    ) -> Duration {
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
    let rate = |elapsed: Duration| BODY_BYTES as f64 / 1e6 / elapsed.as_secs_f64();
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
