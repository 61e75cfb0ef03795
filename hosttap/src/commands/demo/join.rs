//! Part 5 of the tour: a device that knows nothing of the network joins it.

use smoltcp::iface::SocketSet;
use smoltcp::socket::udp;
use smoltcp::wire::{EthernetAddress, IpCidr};
use tickwire::dhcp::{Dhcp, DhcpDevice, DhcpOptions, Storage};
use tickwire::dns::{CachedName, Names, Resolver};
use tickwire::http::{Get, GetError, GetOptions, Request, Url};
use tickwire::{AnyTask, Config, Discard, Event, Stack, Task, Tick};
use tickwire_sim::ethernet::{Ethernet, Port};
use tickwire_sim::{Act, Opening, Script};

use super::lan_server::{DHCP_PORT, DNS_PORT, LanServer, OWN};
use super::network::{self, DEVICE, LAPTOP, Network};
use super::output::{Output, time_column};
use crate::commands::lease;
use crate::exit::{Exit, Failure};

const URL: &str = "http://laptop/";
const ANSWER: [Act<'static>; 3] = [
    Act::Expect(b"\r\n\r\n"),
    Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"),
    Act::ExpectEnd,
];
const SOCKETS: usize = 4;
const BUFFER_BYTES: usize = 2_048;
/// The part takes a second or, where a frame of DHCP is lost, a few.
const TIME_LIMIT_MILLIS: u64 = 60_000;

/// A stack over a port of the Ethernet. It lives as long as the program, so its memory may leak.
fn stack<D: smoltcp::phy::Device>(
    device: D,
    port: usize,
    addresses: &[IpCidr],
    network: &Network,
) -> Stack<'static, D> {
    let storage = std::iter::repeat_with(Default::default).take(SOCKETS);
    let storage = storage.collect::<Vec<_>>().leak();
    let config = Config {
        // At most 2 ports.
        mac: EthernetAddress([2, 0, 0, 0, 0, 50 + port as u8]),
        addresses,
        gateway: None,
        // Each host has its own random values.
        seed: network.seed ^ (port as u64) << 32,
    };
    Stack::new(device, &config, SocketSet::new(storage), network.now())
}

fn buffer() -> &'static mut [u8] {
    vec![0; BUFFER_BYTES].leak()
}

fn udp_socket() -> udp::Socket<'static> {
    let buffer = || {
        let metadata = vec![udp::PacketMetadata::EMPTY; 2];
        udp::PacketBuffer::new(metadata.leak(), buffer())
    };
    udp::Socket::new(buffer(), buffer())
}

/// The host on a desk: it lends an address, knows its own name, and has a page.
struct Laptop<'e> {
    stack: Stack<'static, Port<'e>>,
    servers: Task<LanServer>,
    page: Task<Script<'static>>,
}

impl<'e> Laptop<'e> {
    fn new(ethernet: &'e Ethernet<'_>, network: &Network) -> Self {
        let own = IpCidr::new(OWN.into(), 24);
        let mut stack = stack(ethernet.port(LAPTOP), LAPTOP, &[own], network);
        let sockets = [DHCP_PORT, DNS_PORT].map(|port| {
            let mut socket = udp_socket();
            socket.bind(port).expect("the socket is new");
            stack.sockets.add(socket)
        });
        let listener = stack.add_tcp_socket(buffer(), buffer());
        Self {
            stack,
            servers: Task::new(LanServer { sockets }),
            page: Task::new(Script::new(listener, Opening::Listen(80), &ANSWER)),
        }
    }

    fn turn(&mut self, now: Tick) -> Option<Tick> {
        let tasks: &mut [&mut dyn AnyTask] = &mut [&mut self.servers, &mut self.page];
        self.stack.turn(now, tasks, &mut ())
    }
}

/// Lets a device join, resolve a name, and fetch what is there.
pub(super) fn join(output: &mut Output, network: &Network) -> Result<(), Failure> {
    let title = format!("Another device joins by DHCP and asks for a name: GET {URL}");
    output.print_title(5, &title);
    let ethernet = network.second_ethernet();
    let storage: &Storage = Box::leak(Box::default());
    let device = DhcpDevice::new(ethernet.port(DEVICE), storage);
    let mut device = stack(device, DEVICE, &[], network);
    let cache = vec![CachedName::EMPTY].leak();
    let domains = vec![tickwire::dns::Name::ROOT].leak();
    device.names = Names::new(cache).with_search_room(domains);
    let udp = [(); 2].map(|()| device.sockets.add(udp_socket()));
    let tcp = device.add_tcp_socket(buffer(), buffer());
    let socket = device.add_tcp_socket(buffer(), buffer());
    let mut dhcp = Task::new(Dhcp::new(storage, DhcpOptions::default()));
    let mut resolver = Task::new(Resolver::new(udp, tcp));
    let url = Url::parse(URL).map_err(|why| Failure::new(Exit::Url, why.to_string()))?;
    let request =
        Request::new(&url, &[]).map_err(|why| Failure::new(Exit::Url, why.to_string()))?;
    let options = GetOptions::default();
    let get = Get::new(socket, url.host_port(), request, options, &mut [], Discard);
    let mut get = Task::new(get);
    let mut laptop = Laptop::new(ethernet, network);

    let end = Tick::from_millis(ethernet.now().as_millis() + TIME_LIMIT_MILLIS);
    while !get.is_finished() {
        let now = ethernet.now();
        let mut observer = |now: Tick, task: &'static str, event: &Event| {
            network.note_transition(now, DEVICE, task, event);
            if let Some(text) = text(event) {
                output.print(format_args!("   {}  {text}", time_column(now)));
            }
        };
        // Without an address there is nothing to dial with.
        let is_bound = dhcp.app().is_bound();
        let mut tasks: Vec<&mut dyn AnyTask> = vec![&mut dhcp, &mut resolver];
        if is_bound {
            tasks.push(&mut get);
        }
        let wake = device.turn(now, &mut tasks, &mut observer);
        let has_joined = !is_bound && dhcp.app().is_bound();
        let wake = if has_joined { Some(now) } else { wake };
        let wakes = [wake, laptop.turn(now), ethernet.next_due()];
        let next = wakes.into_iter().flatten().min().unwrap_or(end);
        if next >= end {
            return Err(network::no_progress());
        }
        ethernet.set_now(next.max(now));
    }
    finish(output, ethernet.now(), get)?;
    output.print_frame_counts(&network.take_frames());
    Ok(())
}

fn finish<S: tickwire::Sink, T: tickwire::Remote>(
    output: &mut Output,
    now: Tick,
    get: Task<Get<'_, S, T>>,
) -> Result<(), Failure> {
    if let Some(Err(error)) = get.outcome() {
        let error: GetError = *error;
        return Err(Failure::from_core(URL, error));
    }
    let complete = get.app().complete();
    if let Some(complete) = complete {
        let (status, proof) = (complete.status, complete.proof);
        let now = time_column(now);
        output.print(format_args!("   {now}  status {status}: {proof}"));
    }
    Ok(())
}

/// What the tour shows of an event.
fn text(event: &Event<'_>) -> Option<String> {
    match event {
        Event::Resolving { host } => Some(format!("who is {host}?")),
        Event::Connecting { remote } => Some(format!("it is {}, and is called", remote.addr)),
        Event::Connected { remote, .. } => Some(format!("connected to {remote}")),
        _ => lease::event_text(event),
    }
}
