//! A program that ran smoltcp before it had tickwire: its address comes by DHCP, names by DNS, and
//! every ten seconds a UDP datagram says that it is alive. Now it also fetches its settings by HTTP
//! and serves echo, over the same interface and in the same loop.

use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
use smoltcp::phy::Device;
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata};
use smoltcp::socket::{dhcpv4, dns, udp};
use smoltcp::wire::{EthernetAddress, IpEndpoint};
use tickwire::guard::{Guarded, Storage};
use tickwire::http::{Get, GetError, GetOptions, Request, Url};
use tickwire::{AnyTask, BufferSink, Echo, Stack, Task, Tick};

use crate::own_sockets::OwnSockets;

const MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 50]);
/// From a source of randomness, where the board has one.
const SEED: u64 = 0x5eed;

/// Runs until `until`; on a board, for ever. Returns how often the monitor answered, and how the GET
/// into `settings` ended.
pub(crate) fn run(
    device: impl Device,
    now: impl Fn() -> Tick,
    mut sleep_until_frame_or: impl FnMut(Tick),
    until: Tick,
    settings: &mut [u8],
) -> (u32, Option<Result<(), GetError>>) {
    // New: a guard under the interface.
    let mut guard = Storage::<4>::new();
    let mut device = Guarded::new(device, MAC, &mut guard);

    // As it was: an interface, and a set with three sockets.
    let mut config = Config::new(MAC.into());
    config.random_seed = SEED;
    let iface = Interface::new(config, &mut device, now().to_smoltcp());
    let (mut storage, mut queries) = ([SocketStorage::EMPTY; 5], [const { None }; 1]);
    let (mut received, mut sent) = ([PacketMetadata::EMPTY; 2], [PacketMetadata::EMPTY; 2]);
    let mut buffers = [[0; 512]; 6];
    let [udp_in, udp_out, get_in, get_out, echo_in, echo_out] = buffers.each_mut();
    let mut sockets = SocketSet::new(&mut storage[..]);
    let udp_in = PacketBuffer::new(&mut received[..], &mut udp_in[..]);
    let udp_out = PacketBuffer::new(&mut sent[..], &mut udp_out[..]);
    let mut own = OwnSockets::new(
        sockets.add(dhcpv4::Socket::new()),
        sockets.add(dns::Socket::new(&[], &mut queries[..])),
        sockets.add(udp::Socket::new(udp_in, udp_out)),
    );

    // New: all of it becomes a stack. The sockets of tasks come after the others, listeners last.
    let mut stack = Stack::from_parts(iface, device, sockets, SEED.rotate_left(32)).with_guard();
    let client = stack.add_tcp_socket(get_in, get_out);
    let listener = stack.add_tcp_socket(echo_in, echo_out);
    let mut echo = Task::new(Echo::<1>::echo([listener], 7, false));
    let url = Url::parse("http://settings.example/device").expect("it is a URL");
    let request = Request::new(&url, &[]).expect("it has no headers");
    let mut sink = Some(BufferSink::new(settings));
    let mut get = None;

    while now() < until {
        let tasks: &mut [&mut dyn AnyTask] = match &mut get {
            Some(get) => &mut [get, &mut echo],
            None => &mut [&mut echo],
        };
        // In the place of `iface.poll`.
        let wake = stack.turn(now(), tasks, &mut ());
        let mut has_more = own.poll(now(), &mut stack);
        if let Some(server) = own.resolved.take()
            && let Some(sink) = sink.take()
        {
            let remote = IpEndpoint::new(server, url.port());
            let options = GetOptions::default();
            let app = Get::new(client, remote, request, options, &mut [], sink);
            get = Some(Task::new(app));
            has_more = true;
        }
        // What was queued since the turn leaves in the next one.
        if !has_more {
            sleep_until_frame_or(wake.map_or(own.next_beat, |wake| wake.min(own.next_beat)));
        }
    }
    (own.answers, get.and_then(|get| get.outcome().copied()))
}
