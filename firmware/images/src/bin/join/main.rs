//! Joins a network by DHCP, fetches one body by HTTP, and gives its address back. With the feature
//! `dns` the URL may have a name, which the servers of the lease resolve; with the feature `sntp` it
//! asks a time server of the lease first.
//!
//! | key | value | default |
//! |---|---|---|
//! | `url` | as `http://192.168.69.1:8000/file`; a name only with `dns` | required |
//! | `seed` | a number: the exchange with the DHCP server, ports, TCP's sequence numbers | 1 |
//!
//! Prints `address A.B.C.D`, `time N` where there is a time server, and `received N`.
#![no_std]
#![no_main]

#[cfg(feature = "dns")]
mod names;
#[cfg(feature = "sntp")]
mod time;

use core::mem::MaybeUninit;

use board::host::{self, ARGUMENTS_BYTES_MAX, Arguments, Line};
use board::{Clock, Ethernet, FRAME_BYTES_MAX, Nic};
use images::exit::{self, Failure};
use images::{number, report_cost};
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::wire::EthernetAddress;
use tickwire::dhcp::{Dhcp, DhcpDevice, DhcpOptions, Storage};
#[cfg(feature = "dns")]
use tickwire::dns::Resolver;
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::{AnyTask, Config, Discard, Duration, Stack, Task};

const MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
/// How long to wait for an address.
const LEASE_TIMEOUT: Duration = Duration::from_secs(30);

/// Sockets of all tasks.
const SOCKETS: usize = {
    #[allow(unused_mut, reason = "the features decide")]
    let mut count = 1;
    #[cfg(feature = "dns")]
    {
        count += names::SOCKETS;
    }
    #[cfg(feature = "sntp")]
    {
        count += time::SOCKETS;
    }
    count
};

/// All memory that the image lends.
struct Memory {
    frames: [[u8; FRAME_BYTES_MAX]; 2],
    receive: [u8; 2_920],
    send: [u8; 512],
    dhcp: Storage,
    #[cfg(feature = "dns")]
    names: names::Memory,
    #[cfg(feature = "sntp")]
    time: time::Memory,
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory {
        frames: [[0; FRAME_BYTES_MAX]; 2],
        receive: [0; 2_920],
        send: [0; 512],
        dhcp: Storage::new(),
        #[cfg(feature = "dns")]
        names: names::Memory::EMPTY,
        #[cfg(feature = "sntp")]
        time: time::Memory::EMPTY,
    };
    exit::finish(run(MEMORY))
}

fn run(memory: &'static mut Memory) -> Result<(), Failure> {
    let mut buffer = [MaybeUninit::uninit(); ARGUMENTS_BYTES_MAX];
    let arguments = Arguments::read(&mut buffer).map_err(|_| Failure::usage("no command line"))?;
    let text = arguments
        .get("url")
        .ok_or(Failure::usage("url= is needed"))?;
    let malformed = Failure::new(exit::URL, "url= is no http URL, or has a name");
    let url = Url::parse(text).map_err(|_| malformed)?;
    #[cfg(feature = "dns")]
    let remote = url.host_port();
    #[cfg(not(feature = "dns"))]
    let remote = url.endpoint().ok_or(malformed)?;
    let request = Request::new(&url, &[]).map_err(|_| malformed)?;

    let Memory {
        frames: [received, sent],
        receive,
        send,
        dhcp,
        #[cfg(feature = "dns")]
        names,
        #[cfg(feature = "sntp")]
        time,
    } = memory;
    let dhcp: &Storage = dhcp;
    let (mut clock, ethernet) = board::start(MAC)?;
    let device = DhcpDevice::new(Nic::new(ethernet, received, sent), dhcp);
    let config = Config {
        mac: EthernetAddress(MAC),
        addresses: &[],
        gateway: None,
        seed: number(&arguments, "seed", 1_u32)?.into(),
    };
    let mut storage = [SocketStorage::EMPTY; SOCKETS];
    let sockets = SocketSet::new(&mut storage[..]);
    let mut stack = Stack::new(device, &config, sockets, clock.now());
    let socket = stack.add_tcp_socket(receive, send);
    #[cfg(feature = "dns")]
    let resolver = names.start(&mut stack);
    #[cfg(feature = "sntp")]
    let time_socket = time.start(&mut stack);
    let mut node = Node {
        clock,
        stack,
        dhcp: Task::new(Dhcp::new(dhcp, DhcpOptions::default())),
        #[cfg(feature = "dns")]
        resolver,
    };

    node.join()?;
    print_address(dhcp);
    #[cfg(feature = "sntp")]
    time::ask(&mut node, time_socket, dhcp)?;
    let options = GetOptions::default();
    let mut get = Task::new(Get::new(socket, remote, request, options, &mut [], Discard));
    while !get.is_finished() {
        node.turn(Some(&mut get));
    }
    node.leave();
    report_cost(&mut node.clock, node.stack.device.get_mut());
    if let Some(Err(error)) = get.outcome() {
        return Err((*error).into());
    }
    let bytes = get.app().complete().map_or(0, |complete| complete.bytes);
    let mut line = Line::new();
    line.text("received ").number(bytes);
    host::print(&mut line);
    Ok(())
}

/// The board's clock, its stack, the DHCP client, and the resolver.
struct Node<'a> {
    clock: Clock,
    stack: Stack<'a, DhcpDevice<'a, Nic<'a, Ethernet>>>,
    dhcp: Task<Dhcp<'a>>,
    #[cfg(feature = "dns")]
    resolver: Task<Resolver>,
}

impl Node<'_> {
    /// One turn of all tasks, `app` among them if there is one, and sleep until the next.
    fn turn(&mut self, app: Option<&mut dyn AnyTask>) {
        let now = self.clock.now();
        #[cfg(feature = "dns")]
        let resolver = &mut self.resolver;
        let wake = match app {
            Some(app) => {
                let tasks: &mut [&mut dyn AnyTask] = &mut [
                    &mut self.dhcp,
                    #[cfg(feature = "dns")]
                    resolver,
                    app,
                ];
                self.stack.turn(now, tasks, &mut ())
            }
            // Before there is an address, nobody asks for a name.
            None => self.stack.turn(now, &mut [&mut self.dhcp], &mut ()),
        };
        self.clock.sleep(wake, self.stack.device.get_mut());
    }

    /// Waits for an address.
    fn join(&mut self) -> Result<(), Failure> {
        let end = self.clock.now() + LEASE_TIMEOUT;
        while !self.dhcp.app().is_bound() {
            if self.clock.now() >= end {
                return Err(Failure::new(
                    exit::TIMED_OUT,
                    "no DHCP server gave us an address",
                ));
            }
            self.turn(None);
        }
        Ok(())
    }

    /// Gives the address back, which takes a second at most.
    fn leave(&mut self) {
        self.dhcp.app_mut().release();
        while !self.dhcp.is_finished() {
            self.turn(None);
        }
    }
}

fn print_address(dhcp: &Storage) {
    let Some(lease) = dhcp.lease() else {
        return;
    };
    let mut line = Line::new();
    line.text("address");
    let mut separator = " ";
    for octet in lease.address.address().octets() {
        line.text(separator).number(octet.into());
        separator = ".";
    }
    host::print(&mut line);
}
