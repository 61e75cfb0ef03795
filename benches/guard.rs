//! What the guard costs: nanoseconds a frame, and the throughput of a transfer with it beside one without.
//!
//! `cargo bench -p tickwire --bench guard` prints both, guarded and bare interleaved in one run. For a frame the shortest
//! of many short rounds counts, so that a busy machine matters little; for a transfer it is the median of nine.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock, and one that fails is to stop"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, IpAddress, IpEndpoint, IpProtocol, IpRepr,
    TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};
use tickwire::guard::{Duties, Guarded, Storage};
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::{Discard, Task, Tick};
use tickwire_sim::ethernet::{Ethernet, Frame, PortState};
use tickwire_sim::{Act, Node, NodeMemory, Opening, Script, World};

/// Transfers with and without a guard.
const TRANSFERS: usize = 9;
/// Rounds of frames, each a quarter of a millisecond at most.
const ROUNDS: u32 = 1_000;
/// Frames of one round.
const FRAMES: u32 = 1 << 11;
const BODY_BYTES: u64 = 64 << 20;
const BUFFER_BYTES: usize = 64 << 10;
const ACTS: [Act<'static>; 3] = [
    Act::Expect(b"\r\n\r\n"),
    Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 67108864\r\n\r\n"),
    Act::Fill(BODY_BYTES),
];

const HOST: (EthernetAddress, IpAddress, u16) = (
    EthernetAddress([2, 0, 0, 0, 0, 1]),
    IpAddress::v4(10, 0, 0, 1),
    50_000,
);
const PEER: (EthernetAddress, IpAddress, u16) = (
    EthernetAddress([2, 0, 0, 0, 0, 2]),
    IpAddress::v4(10, 0, 0, 2),
    80,
);
/// The first byte of either side, in both directions.
const START: i32 = 1_000;

/// A device that hears the same frame again and again, and sends into one buffer.
struct Echoing {
    heard: Vec<u8>,
    sent: [u8; 1_514],
}

struct Heard<'a>(&'a [u8]);

struct Sent<'a>(&'a mut [u8]);

impl RxToken for Heard<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        f(self.0.get_mut(..len).unwrap())
    }
}

impl Device for Echoing {
    type RxToken<'a> = Heard<'a>;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Heard<'_>, Sent<'_>)> {
        Some((Heard(&self.heard), Sent(&mut self.sent)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Sent<'_>> {
        Some(Sent(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1_514;
        capabilities
    }
}

/// A segment between the two, from the first byte on.
fn frame(sends: bool, control: TcpControl, seq: i32, payload: &[u8]) -> Vec<u8> {
    let (source, destination) = if sends { (HOST, PEER) } else { (PEER, HOST) };
    let repr = TcpRepr {
        src_port: source.2,
        dst_port: destination.2,
        control,
        seq_number: TcpSeqNumber(seq),
        ack_number: (!sends || control != TcpControl::Syn).then_some(TcpSeqNumber(START)),
        window_len: u16::MAX,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload,
    };
    let ip = IpRepr::new(
        source.1,
        destination.1,
        IpProtocol::Tcp,
        repr.buffer_len(),
        64,
    );
    let checksums = ChecksumCapabilities::default();
    let mut bytes = vec![0; 14 + ip.buffer_len()];
    let mut ethernet = EthernetFrame::new_unchecked(&mut bytes);
    ethernet.set_src_addr(source.0);
    ethernet.set_dst_addr(destination.0);
    ethernet.set_ethertype(EthernetProtocol::Ipv4);
    ip.emit(ethernet.payload_mut(), &checksums);
    let mut tcp = TcpPacket::new_unchecked(bytes.get_mut(34..).unwrap());
    repr.emit(&mut tcp, &source.1, &destination.1, &checksums);
    bytes
}

fn hear(device: &mut impl Device, times: u32) -> Duration {
    let started = Instant::now();
    for _ in 0..times {
        let (received, _) = device.receive(smoltcp::time::Instant::ZERO).unwrap();
        received.consume(|frame| {
            black_box(frame);
        });
    }
    started.elapsed()
}

fn send(device: &mut impl Device, times: u32, frame: &[u8]) -> Duration {
    let started = Instant::now();
    for _ in 0..times {
        let token = device.transmit(smoltcp::time::Instant::ZERO).unwrap();
        token.consume(frame.len(), |room| room.copy_from_slice(black_box(frame)));
    }
    started.elapsed()
}

/// Nanoseconds that a guard with these duties adds to each frame of one kind, on a flow that it knows
/// among others.
fn frame_cost(sends: bool, payload: &[u8], duties: Duties) -> f64 {
    let measured = frame(sends, TcpControl::None, START, payload);
    let device = || Echoing {
        heard: measured.clone(),
        sent: [0; 1_514],
    };
    let mut bare = device();
    let mut storage: Storage<6> = Storage::new();
    let mut guarded = Guarded::new(device(), HOST.0, &mut storage).with_duties(duties);
    send(
        &mut guarded,
        1,
        &frame(true, TcpControl::Syn, START - 1, &[]),
    );
    guarded.get_mut().heard = frame(false, TcpControl::Syn, START - 1, &[]);
    hear(&mut guarded, 1);
    guarded.get_mut().heard.clone_from(&measured);
    let mut run = |guarded_too: bool| match (sends, guarded_too) {
        (true, true) => send(&mut guarded, FRAMES, &measured),
        (true, false) => send(&mut bare, FRAMES, &measured),
        (false, true) => hear(&mut guarded, FRAMES),
        (false, false) => hear(&mut bare, FRAMES),
    };
    let (mut shortest_guarded, mut shortest_bare) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        shortest_guarded = shortest_guarded.min(run(true));
        shortest_bare = shortest_bare.min(run(false));
    }
    (shortest_guarded.as_secs_f64() - shortest_bare.as_secs_f64()) * 1e9 / f64::from(FRAMES)
}

/// Fetches a body over the virtual Ethernet, with both hosts guarded or neither.
fn transfer(is_guarded: bool) -> Duration {
    let boot = if is_guarded { Node::new } else { Node::bare };
    let mut memory = vec![[0; 1_514]; 256];
    let frames = memory.iter_mut().map(|frame| Frame::new(&mut frame[..]));
    let mut frames: Vec<_> = frames.collect();
    let mut ports = [const { PortState::new() }; 2];
    let world = World::new(Ethernet::new(1, &mut ports[..], &mut frames[..]));
    let (mut storage, mut other) = (NodeMemory::<1>::new(), NodeMemory::<1>::new());
    let mut client = boot(&world.ethernet, 0, 1, &mut storage);
    let mut server = boot(&world.ethernet, 1, 2, &mut other);
    let mut buffers = vec![vec![0; BUFFER_BYTES]; 4].into_iter();
    let mut buffer = || buffers.next().unwrap().leak();
    let sockets = [&mut client, &mut server].map(|host| host.add_socket(buffer(), buffer()));

    let url = Url::parse("http://10.0.0.2/").unwrap();
    let request = Request::new(&url, &[]).unwrap();
    let remote = IpEndpoint::from((Node::address_of(1), 80));
    let options = GetOptions::default();
    let get = Get::new(sockets[0], remote, request, options, &mut [], Discard);
    let mut get = Task::new(get);
    let mut script = Task::new(Script::new(sockets[1], Opening::Listen(80), &ACTS));
    let started = Instant::now();
    let ended = world.run(
        Tick::from_millis(600_000),
        &mut [
            client.with(&mut [&mut get]),
            server.with(&mut [&mut script]),
        ],
        &mut (),
    );
    let elapsed = started.elapsed();
    assert!(ended && get.app().complete().unwrap().bytes == BODY_BYTES);
    elapsed
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    *values.get(values.len() / 2).unwrap()
}

fn main() {
    for (sends, payload_len, name) in [
        (false, 0, "ACK in"),
        (false, 1_460, "full segment in"),
        (true, 0, "ACK out"),
        (true, 1_460, "full segment out"),
    ] {
        let payload = vec![0x5a; payload_len];
        let cost = |duties| frame_cost(sends, &payload, duties);
        let (all, hangs) = (cost(Duties::ALL), cost(Duties::HANGS));
        println!("{name}: {all:.0} ns, {hangs:.0} ns without recovery");
    }
    let mut ratios = Vec::new();
    for round in 0..TRANSFERS {
        // The order changes, so that neither always comes second.
        let (guarded, bare) = if round % 2 == 0 {
            let guarded = transfer(true);
            (guarded, transfer(false))
        } else {
            let bare = transfer(false);
            (transfer(true), bare)
        };
        ratios.push(bare.as_secs_f64() / guarded.as_secs_f64());
    }
    println!(
        "guarded / bare throughput on the virtual Ethernet: {:.3} (median of {TRANSFERS})",
        median(ratios)
    );
}
