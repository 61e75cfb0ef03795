//! Our stack on the TAP, as every command uses it: device, interface, sockets and event loop.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::AnySocket;
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::IpAddress;
use tickwire::guard::{Counters, Guard};
use tickwire::{Carry, Observer, Seat, Tick, turn};

use super::kernel_side;
use super::pcap::{Capture, TracedDevice, trace};
use super::tap::{FRAME_BYTES_MAX, Tap};
use crate::cli::LinkOptions;
use crate::exit::{Exit, Failure};
use crate::system::clock::Clock;
use crate::system::random::random_bytes;
use crate::system::signals::Signals;
use crate::system::wait::{Interest, Ready, wait};

/// Sockets that a command may have.
const SOCKETS_MAX: usize = 4;
/// Connections that the guard tracks. A socket may start its next connection while frames of the
/// last one are still in transit.
const FLOWS_MAX: usize = SOCKETS_MAX + 2;
/// The size of each buffer of a socket for bulk data.
pub const BULK_BUFFER_BYTES: usize = 256 * 1024;

/// The guard sees what smoltcp sees; the capture sees what the network sees.
type GuardedDevice = Guard<TracedDevice<Tap>, FLOWS_MAX, FRAME_BYTES_MAX>;

/// A TCP/IP stack of our own on a TAP.
pub struct TapStack {
    /// The time since the start.
    pub clock: Clock,
    /// Ctrl-C, SIGTERM and SIGHUP.
    pub signals: Signals,
    device: Box<GuardedDevice>,
    capture: Capture,
    verbose: bool,
    iface: Interface,
    sockets: SocketSet<'static>,
    carry: Carry,
}

impl TapStack {
    /// Opens the TAP and attaches a stack to it, as the options say.
    ///
    /// # Errors
    /// [`Exit::Tap`] with the cause and how to fix it.
    pub fn open(link: &LinkOptions) -> Result<Self, Failure> {
        let clock = Clock::start();
        let unusable = |what: &str, error: io::Error| Failure::from_io(Exit::Tap, what, &error);
        let signals = Signals::install().map_err(|error| unusable("signals", error))?;
        let tap = Tap::open(&link.tap)?;
        check_mtu(&tap, link.mtu_min_bytes())?;
        if let Some(host) = link.host_address {
            kernel_side::configure(tap.name(), host)?;
        }
        let capture = match &link.pcap {
            Some(path) => Capture::create(path, &clock, &|| signals.received())?,
            None => Capture::disabled(),
        };
        let traced = trace(tap, &capture, link.verbose);
        let mac = link.ethernet_address();
        let mut device = Box::new(if link.no_guard {
            Guard::passive(traced)
        } else {
            Guard::new(traced, mac)
        });
        let seed = match link.seed {
            Some(seed) => seed,
            None => random_bytes()
                .map(u64::from_ne_bytes)
                .map_err(|error| unusable("random numbers", error))?,
        };
        let mut config = Config::new(mac.into());
        config.random_seed = seed;
        let mut iface = Interface::new(config, &mut *device, clock.now().to_smoltcp());
        configure(&mut iface, link);
        let storage = std::iter::repeat_with(Default::default)
            .take(SOCKETS_MAX)
            .collect::<Vec<_>>();
        // The one stack lives as long as the program, so its memory may leak.
        Ok(Self {
            clock,
            signals,
            device,
            capture,
            verbose: link.verbose,
            iface,
            sockets: SocketSet::new(storage.leak()),
            // A different random stream from the interface's, which derives sequence numbers from
            // its seed.
            carry: Carry::new(seed.rotate_left(32) ^ 0x7469_636b),
        })
    }

    /// Adds a TCP socket whose two buffers have `buffer_bytes` each.
    ///
    /// # Panics
    /// If there are four sockets already.
    pub fn add_socket(&mut self, buffer_bytes: usize) -> SocketHandle {
        let buffer = || SocketBuffer::new(vec![0; buffer_bytes].leak());
        self.sockets.add(Socket::new(buffer(), buffer()))
    }

    /// Runs one turn of the event loop now, and returns when to wake up next.
    pub fn turn(&mut self, seats: &mut [Seat<'_>], observer: &mut dyn Observer) -> Option<Tick> {
        let Self {
            clock,
            device,
            iface,
            sockets,
            carry,
            ..
        } = self;
        let device = &mut **device;
        turn(clock.now(), iface, device, sockets, seats, carry, observer)
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
        // A reader of the growing capture file sees whole frames.
        self.capture.flush();
        let tap = self.tap();
        if tap.is_deleted() {
            let text = format!("the TAP {} was deleted", tap.name());
            return Err(Failure::new(Exit::Tap, text));
        }
        let interest = Interest {
            tap: tap.as_fd(),
            input,
            output,
        };
        let ready = wait(&self.clock, &self.signals, interest, wake)
            .map_err(|error| Failure::from_io(Exit::Tap, "poll", &error))?;
        if ready.interrupted {
            self.abort_all();
            return Err(Failure::interrupted());
        }
        Ok(ready)
    }

    /// A hint for the case that no peer answers: whether the link was down for every frame.
    pub fn link_down_hint(&self) -> Option<String> {
        let tap = self.tap();
        let counters = tap.counters();
        (counters.sent == 0 && counters.dropped_down > 0).then(|| {
            let name = tap.name();
            format!("{name} is down; `hosttap doctor` prints the command that brings it up")
        })
    }

    /// Resets every connection, so that no peer waits for a program that has ended.
    pub fn abort_all(&mut self) {
        for (_, socket) in self.sockets.iter_mut() {
            // Whichever socket types smoltcp was built with, only TCP sockets have a connection.
            if let Some(socket) = Socket::downcast_mut(socket) {
                socket.abort();
            }
        }
        self.turn(&mut [], &mut ());
    }

    fn tap(&self) -> &Tap {
        self.device.get_ref().get_ref().get_ref()
    }
}

/// However a command ends, reports an incomplete capture and, with `-v`, the counters.
impl Drop for TapStack {
    fn drop(&mut self) {
        self.capture.flush();
        let mut stderr = io::stderr().lock();
        if let Some(failure) = self.capture.failure() {
            let _ = writeln!(stderr, "hosttap: {failure}");
        }
        if self.verbose {
            let _ = writeln!(stderr, "frames: {}", self.tap().counters());
            let _ = writeln!(stderr, "guard: {}", guard_summary(&self.device.counters()));
        }
    }
}

/// How often the guard intervened, as text.
fn guard_summary(counters: &Counters) -> String {
    let acts = counters.acts();
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

/// Gives the interface its address and route. The command line was checked, and there is room for
/// one of each.
fn configure(iface: &mut Interface, link: &LinkOptions) {
    iface.update_ip_addrs(|addresses| {
        let _ = addresses.push(link.address);
    });
    match link.gateway {
        Some(IpAddress::Ipv4(gateway)) => drop(iface.routes_mut().add_default_ipv4_route(gateway)),
        Some(IpAddress::Ipv6(gateway)) => drop(iface.routes_mut().add_default_ipv6_route(gateway)),
        None => {}
    }
}
