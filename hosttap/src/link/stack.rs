//! Our stack on the TAP, as every command uses it: device, interface, sockets and event loop.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::AnySocket;
use smoltcp::socket::tcp::Socket;
use tickwire::guard::{Counters, Guarded, Storage};
use tickwire::{AnyTask, CAPPED_TURNS_MAX, Config, Observer, Stack, Tick};

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
pub const SOCKETS_MAX: usize = 8;
/// Connections that the guard tracks. A socket may start its next connection while frames of the
/// last one are still in transit.
const FLOWS_MAX: usize = SOCKETS_MAX + 2;
/// The size of each buffer of a socket for bulk data.
pub const BULK_BUFFER_BYTES: usize = 256 * 1024;

/// The guard sees what smoltcp sees; the capture sees what the network sees.
type GuardedDevice = Guarded<'static, TracedDevice<Tap>>;

/// A TCP/IP stack of our own on a TAP.
pub struct TapStack {
    /// The time since the start.
    pub clock: Clock,
    /// Ctrl-C, SIGTERM and SIGHUP.
    pub signals: Signals,
    capture: Capture,
    verbose: bool,
    stack: Stack<'static, GuardedDevice>,
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
        // The one stack lives as long as the program, so its memory may leak.
        let guard = Box::leak(Box::new(Storage::<FLOWS_MAX, FRAME_BYTES_MAX>::new()));
        let device = if link.no_guard {
            Guarded::passive(traced, guard)
        } else {
            Guarded::new(traced, mac, guard)
        };
        let seed = match link.seed {
            Some(seed) => seed,
            None => random_bytes()
                .map(u64::from_ne_bytes)
                .map_err(|error| unusable("random numbers", error))?,
        };
        // Address and route were checked with the command line.
        let config = Config {
            mac,
            addresses: &[link.address],
            gateway: link.gateway,
            seed,
        };
        let storage = std::iter::repeat_with(Default::default)
            .take(SOCKETS_MAX)
            .collect::<Vec<_>>();
        let sockets = SocketSet::new(storage.leak());
        let stack = Stack::new(device, &config, sockets, clock.now());
        Ok(Self {
            clock,
            signals,
            capture,
            verbose: link.verbose,
            stack,
        })
    }

    /// Adds a TCP socket whose two buffers have `buffer_bytes` each.
    ///
    /// # Panics
    /// If there are eight sockets already.
    pub fn add_socket(&mut self, buffer_bytes: usize) -> SocketHandle {
        let buffer = || vec![0; buffer_bytes].leak();
        self.stack.add_tcp_socket(buffer(), buffer())
    }

    /// Runs one turn of the event loop now, and returns when to wake up next.
    pub fn turn(
        &mut self,
        tasks: &mut [&mut dyn AnyTask],
        observer: &mut dyn Observer,
    ) -> Option<Tick> {
        self.stack.turn(self.clock.now(), tasks, observer)
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

    fn tap(&self) -> &Tap {
        self.stack.device.get_ref().get_ref().get_ref()
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
