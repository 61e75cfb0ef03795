//! Our stack on the TAP, as every command uses it: device, interface, sockets and event loop.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::AnySocket;
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::socket::udp;
use smoltcp::wire::EthernetAddress;
use tickwire::dhcp::{self, DhcpDevice, Lease};
use tickwire::dns::{CachedName, Name, Names, Resolver};
use tickwire::guard::{Counters, Guarded, Storage};
use tickwire::{AnyTask, CAPPED_TURNS_MAX, Config, Duration, Observer, Stack, Task, Tick};

use super::dhcp_task::DhcpTask;
use super::kernel_side;
use super::pcap::{Capture, TracedDevice, trace};
use super::tap::{FRAME_BYTES_MAX, Tap};
use crate::cli::LinkOptions;
use crate::exit::{Exit, Failure};
use crate::system::clock::Clock;
use crate::system::random::random_bytes;
use crate::system::signals::Signals;
use crate::system::wait::{Interest, Ready, wait, wait_for_frame};

/// Sockets that a command may have.
pub const SOCKETS_MAX: usize = 48;
/// Sockets that a command may have which asks for [many](Room::Many).
pub const SOCKETS_MANY: usize = 112;
/// Connections that the guard tracks beyond one for each socket. A socket may start its next
/// connection while frames of the last one are still in transit.
const FLOWS_MORE: usize = 3;
/// The size of each buffer of a socket for bulk data.
pub const BULK_BUFFER_BYTES: usize = 256 * 1024;

/// Tasks of one turn: the command's, the DHCP client's, and the resolver's.
const TASKS_MAX: usize = 5;
/// Sockets of the resolver: two of UDP, one of TCP.
const RESOLVER_SOCKETS: usize = 3;
/// Names that are known at a time, and domains that are tried after them.
const NAMES_MAX: usize = 4;
const DOMAINS_MAX: usize = 2;
/// Room for an answer over TCP, and for two over UDP.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
const DATAGRAM_BYTES: usize = 1_232;
/// A server that is gone must not hold up the end of the program.
const RELEASE_TIMEOUT: Duration = Duration::from_millis(1_500);

/// The guard sees what smoltcp sees; the capture sees what the network sees.
type TapDevice = DhcpDevice<'static, TracedDevice<Tap>>;
type GuardedDevice = Guarded<'static, TapDevice>;

/// A TCP/IP stack of our own on a TAP.
pub struct TapStack {
    /// The time since the start.
    pub clock: Clock,
    /// Ctrl-C, SIGTERM and SIGHUP.
    pub signals: Signals,
    capture: Capture,
    verbose: bool,
    stack: Stack<'static, GuardedDevice>,
    /// With `--address dhcp`.
    dhcp: Option<DhcpTask>,
    dhcp_storage: &'static dhcp::Storage,
    /// Once a name is asked for.
    resolver: Option<Task<Resolver>>,
}

/// The device with its guard: passive without an Ethernet address. The one stack lives as long as the
/// program, so its memory may leak.
fn guarded<const FLOWS: usize>(device: TapDevice, mac: Option<EthernetAddress>) -> GuardedDevice {
    let guard = Box::leak(Box::new(Storage::<FLOWS, FRAME_BYTES_MAX>::new()));
    match mac {
        Some(mac) => Guarded::new(device, mac, guard),
        None => Guarded::passive(device, guard),
    }
}

/// How many sockets a stack has room for. More cost time at every turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// [`SOCKETS_MAX`].
    Few,
    /// [`SOCKETS_MANY`].
    Many,
}

impl TapStack {
    /// Opens the TAP and attaches a stack to it, as the options say.
    ///
    /// # Errors
    /// [`Exit::Tap`] with the cause and how to fix it.
    pub fn open(link: &LinkOptions, room: Room) -> Result<Self, Failure> {
        let clock = Clock::start();
        let unusable = |what: &str, error: io::Error| Failure::from_io(Exit::Tap, what, &error);
        let signals = Signals::install().map_err(|error| unusable("signals", error))?;
        let tap = Tap::open(&link.tap)?;
        check_mtu(&tap, link.mtu_min_bytes())?;
        if let Some(host) = link.host_address {
            kernel_side::configure(tap.name(), host)?;
        }
        let capture = match &link.pcap {
            Some(path) => Capture::create(path, clock.start_unix(), &|| signals.received())?,
            None => Capture::disabled(),
        };
        let mac = link.ethernet_address(tap.kernel_mac());
        let traced = trace(tap, &capture, link.verbose);
        let dhcp_storage: &'static dhcp::Storage = Box::leak(Box::default());
        let traced = DhcpDevice::new(traced, dhcp_storage);
        let guarded_mac = (!link.no_guard).then_some(mac);
        let (device, sockets_max) = match room {
            Room::Few => {
                let device = guarded::<{ SOCKETS_MAX + FLOWS_MORE }>(traced, guarded_mac);
                (device, SOCKETS_MAX)
            }
            Room::Many => {
                let device = guarded::<{ SOCKETS_MANY + FLOWS_MORE }>(traced, guarded_mac);
                (device, SOCKETS_MANY)
            }
        };
        let seed = match link.seed {
            Some(seed) => seed,
            None => random_bytes()
                .map(u64::from_ne_bytes)
                .map_err(|error| unusable("random numbers", error))?,
        };
        let address = link.static_address();
        let dhcp = match address {
            Some(_) => None,
            None => {
                let dhcp = DhcpTask::new(link, dhcp_storage);
                Some(dhcp.map_err(|error| unusable("the state of the link", error))?)
            }
        };
        // Address and route were checked with the command line.
        let config = Config {
            mac,
            addresses: address.as_slice(),
            gateway: link.gateway,
            seed,
        };
        let storage = std::iter::repeat_with(Default::default)
            .take(sockets_max + RESOLVER_SOCKETS)
            .collect::<Vec<_>>();
        let sockets = SocketSet::new(storage.leak());
        let mut stack = Stack::new(device, &config, sockets, clock.now()).with_guard();
        let cache = vec![CachedName::EMPTY; NAMES_MAX].leak();
        let domains = vec![Name::ROOT; DOMAINS_MAX].leak();
        stack.names = Names::new(cache).with_search_room(domains);
        stack.names.set_servers(link.dns.iter().copied());
        Ok(Self {
            clock,
            signals,
            capture,
            verbose: link.verbose,
            stack,
            dhcp,
            dhcp_storage,
            resolver: None,
        })
    }

    /// Adds a TCP socket whose two buffers have `buffer_bytes` each.
    ///
    /// # Panics
    /// If the [`Room`] is used up.
    pub fn add_socket(&mut self, buffer_bytes: usize) -> SocketHandle {
        let buffer = || vec![0; buffer_bytes].leak();
        self.stack.add_tcp_socket(buffer(), buffer())
    }

    /// Adds a UDP socket with room for `packets` datagrams of `bytes` each, each way.
    ///
    /// # Panics
    /// If the [`Room`] is used up.
    pub fn add_udp_socket(&mut self, packets: usize, bytes: usize) -> SocketHandle {
        let buffer = || {
            let metadata = vec![udp::PacketMetadata::EMPTY; packets];
            udp::PacketBuffer::new(metadata.leak(), vec![0; packets * bytes].leak())
        };
        self.stack.sockets.add(udp::Socket::new(buffer(), buffer()))
    }

    /// Begins to resolve names. It must come before a socket listens, for the resolver's are asked
    /// first then.
    pub fn start_resolver(&mut self) {
        if self.resolver.is_none() {
            let udp = [(); 2].map(|()| self.add_udp_socket(2, DATAGRAM_BYTES));
            let tcp = self.add_socket(ANSWER_BYTES_MAX);
            self.resolver = Some(Task::new(Resolver::new(udp, tcp)));
        }
    }

    /// What the stack knows about names: its servers are those of `--dns`, or of the lease.
    pub const fn names(&mut self) -> &mut Names<'static> {
        &mut self.stack.names
    }

    /// Runs one turn of the event loop now, and returns when to wake up next.
    pub fn turn(
        &mut self,
        tasks: &mut [&mut dyn AnyTask],
        observer: &mut dyn Observer,
    ) -> Option<Tick> {
        let now = self.clock.now();
        let mut all = heapless::Vec::<&mut dyn AnyTask, TASKS_MAX>::new();
        let dhcp = self.dhcp.as_mut();
        let dhcp = dhcp.map(|dhcp| &mut dhcp.task as &mut dyn AnyTask);
        let resolver = self.resolver.as_mut();
        let resolver = resolver.map(|task| task as &mut dyn AnyTask);
        let tasks = tasks.iter_mut().map(|task| &mut **task);
        for task in dhcp.into_iter().chain(resolver).chain(tasks) {
            let is_pushed = all.push(task).is_ok();
            assert!(is_pushed, "a command has fewer than {TASKS_MAX} tasks");
        }
        self.stack.turn(now, &mut all, observer)
    }

    /// The lease that our address is from; `None` while there is none, and where the address does
    /// not come by DHCP.
    pub fn lease(&self) -> Option<Lease> {
        self.dhcp_storage.lease()
    }

    /// Whether we have an address, or need none by DHCP.
    pub fn has_address(&self) -> bool {
        let dhcp = self.dhcp.as_ref();
        dhcp.is_none_or(|dhcp| dhcp.task.app().is_bound())
    }

    /// Blocks until a frame arrives, the given input or output is ready, a signal arrives, or
    /// `wake` passes.
    ///
    /// # Errors
    /// [`Exit::Interrupted`] after a signal, once all connections have been reset. [`Exit::Tap`] if
    /// the TAP was deleted.
    pub fn wait(
        &mut self,
        wake: Option<Tick>,
        input: Option<BorrowedFd<'_>>,
        output: Option<BorrowedFd<'_>>,
    ) -> Result<Ready, Failure> {
        let ready = self.wait_or_signal(wake, input, output)?;
        if ready.interrupted {
            return Err(self.interrupted());
        }
        Ok(ready)
    }

    /// The end after a signal: resets all connections.
    pub fn interrupted(&mut self) -> Failure {
        self.abort_all();
        Failure::interrupted()
    }

    /// As [`wait`](Self::wait), but what a signal means is the caller's to say
    /// ([`Ready::interrupted`]).
    ///
    /// # Errors
    /// [`Exit::Tap`] if the TAP was deleted.
    pub fn wait_or_signal(
        &mut self,
        wake: Option<Tick>,
        input: Option<BorrowedFd<'_>>,
        output: Option<BorrowedFd<'_>>,
    ) -> Result<Ready, Failure> {
        // A reader of the growing capture file sees whole frames.
        self.capture.flush();
        let tap = self.tap();
        if tap.is_deleted() {
            let text = format!("the TAP {} was deleted", tap.name());
            return Err(Failure::new(Exit::Tap, text));
        }
        let interest = Interest {
            tap: tap.as_fd(),
            link: self.dhcp.as_ref().map(|dhcp| dhcp.watch.as_fd()),
            input,
            output,
        };
        let failed = |error| Failure::from_io(Exit::Tap, "poll", &error);
        let ready = wait(&self.clock, &self.signals, interest, wake).map_err(failed)?;
        if let Some(dhcp) = self.dhcp.as_mut().filter(|_| ready.link) {
            dhcp.check_link().map_err(failed)?;
        }
        Ok(ready)
    }

    /// Blocks until a frame arrives or `deadline` passes; signals do not end it. `false` when the TAP
    /// can be waited for no more.
    pub fn wait_for_frame(&self, deadline: Tick) -> bool {
        let tap = self.tap();
        wait_for_frame(&self.clock, tap.as_fd(), deadline).is_ok() && !tap.is_deleted()
    }

    /// Whether the peer of a socket's connection has not acknowledged all of it, our FIN included.
    pub fn is_owed(&self, socket: SocketHandle) -> bool {
        let socket = self.stack.sockets.get::<Socket>(socket);
        socket.is_active() && socket.state() != State::FinWait2
    }

    /// A hint for the case that no peer answers: whether the link was down for every frame.
    pub fn link_down_hint(&self) -> Option<String> {
        let tap = self.tap();
        let counters = tap.counters();
        let is_down = self.dhcp.as_ref().is_some_and(|dhcp| !dhcp.is_link_up);
        (counters.sent == 0 && (counters.dropped_down > 0 || is_down)).then(|| {
            let name = tap.name();
            format!("{name} is down; `hosttap doctor` prints the command that brings it up")
        })
    }

    /// Resets every connection, so that no peer waits for a program that has ended.
    pub fn abort_all(&mut self) {
        for (_, socket) in self.stack.sockets.iter_mut() {
            // Whichever socket types smoltcp was built with, only TCP sockets have a connection.
            if let Some(socket) = Socket::downcast_mut(socket) {
                socket.abort();
            }
        }
        // After a jump of the clock nothing leaves before the TAP is drained.
        for _ in 0..CAPPED_TURNS_MAX {
            let wake = self.turn(&mut [], &mut ());
            if wake.is_none_or(|wake| wake > self.clock.now()) {
                break;
            }
        }
    }

    /// Gives the lease back, so that the server can lend the address to the next program.
    fn release(&mut self) {
        let Some(dhcp) = self.dhcp.as_mut().filter(|dhcp| dhcp.is_link_up) else {
            return;
        };
        dhcp.task.app_mut().release();
        let end = self.clock.now() + RELEASE_TIMEOUT;
        while self.clock.now() < end {
            let wake = self.turn(&mut [], &mut ());
            let is_finished = |dhcp: &DhcpTask| dhcp.task.is_finished();
            let wake = wake.map_or(end, |wake| wake.min(end));
            if self.dhcp.as_ref().is_none_or(is_finished) || !self.wait_for_frame(wake) {
                return;
            }
        }
    }

    fn tap(&self) -> &Tap {
        self.stack.device.get_ref().get_ref().get_ref().get_ref()
    }
}

/// However a command ends, gives the lease back, reports an incomplete capture and, with `-v`, the
/// counters.
impl Drop for TapStack {
    fn drop(&mut self) {
        self.release();
        self.capture.flush();
        let mut stderr = io::stderr().lock();
        if let Some(failure) = self.capture.failure() {
            let _ = writeln!(stderr, "hosttap: {failure}");
        }
        if self.verbose {
            let _ = writeln!(stderr, "frames: {}", self.tap().counters());
            let _ = writeln!(
                stderr,
                "guard: {}",
                guard_summary(&self.stack.device.counters())
            );
        }
    }
}

/// How often the guard intervened, as text.
fn guard_summary(counters: &Counters) -> String {
    let acts = counters.rules_applied();
    let bad = counters.bad_checksums;
    format!("{acts} segments repaired, {bad} with a wrong checksum")
}

/// Refuses an MTU below the minimum. With less, headers leave little room for data, and the kernel
/// sends fragments, which the guard refuses.
fn check_mtu(tap: &Tap, mtu_min_bytes: usize) -> Result<(), Failure> {
    let (name, mtu) = (tap.name(), tap.mtu());
    if mtu >= mtu_min_bytes {
        return Ok(());
    }
    let text = format!(
        "the TAP {name} has an MTU of {mtu}, below {mtu_min_bytes}: \
         sudo ip link set {name} mtu 1500"
    );
    Err(Failure::new(Exit::Tap, text))
}
