//! Our stack on the TAP: device, interface, sockets and loop, as every command uses them.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::rand::{GetRandomFlags, getrandom};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::IpAddress;
use tickwire::guard::{Counters, Guarded, Storage};
use tickwire::{Carry, Observer, Seat, Tick, turn};

use crate::cli::LinkOptions;
use crate::clock::Clock;
use crate::exit::{Exit, Failure};
use crate::host_side;
use crate::pcap::{Capture, Watched, watch};
use crate::tap::{FRAME_BYTES_MAX, Tap};
use crate::wait::{Interest, Ready, Signals, wait};

/// Sockets that a command may have.
const SOCKETS_MAX: usize = 4;
/// Connections that the guard remembers: a socket may begin its next one while frames of the last are about.
const FLOWS_MAX: usize = SOCKETS_MAX + 2;
/// Bytes of each buffer of a socket that moves bulk.
pub const BULK_BUFFER_BYTES: usize = 256 * 1024;

/// The guard sees what smoltcp sees, the capture what the wire sees.
type Link = Guarded<'static, Watched<Tap>>;

/// An own TCP/IP stack on a TAP.
pub struct Stack {
    /// Time since the start.
    pub clock: Clock,
    /// Ctrl-C and its like.
    pub signals: Signals,
    device: Link,
    capture: Capture,
    verbose: bool,
    iface: Interface,
    sockets: SocketSet<'static>,
    carry: Carry,
}

impl Stack {
    /// Opens the TAP and attaches a stack to it as the options say.
    ///
    /// # Errors
    /// [`Exit::Tap`] with the reason and the remedy.
    pub fn open(link: &LinkOptions) -> Result<Self, Failure> {
        let clock = Clock::start();
        let unusable = |what: &str, error: std::io::Error| Failure::system(Exit::Tap, what, &error);
        let signals = Signals::install().map_err(|error| unusable("signals", error))?;
        let tap = Tap::open(&link.tap)?;
        check_mtu(&tap, link.mtu_min())?;
        if let Some(host) = link.host_address {
            host_side::set_up(tap.name(), host)?;
        }
        let capture = match &link.pcap {
            Some(path) => Capture::create(path, &clock, &|| signals.raised())?,
            None => Capture::off(),
        };
        let watched = watch(tap, &capture, link.verbose);
        let mac = link.ethernet_address();
        // The program's one stack lives as long as the program.
        let storage: &mut Storage<FLOWS_MAX, FRAME_BYTES_MAX> = Box::leak(Box::default());
        let mut device = if link.no_guard {
            Guarded::passive(watched, storage)
        } else {
            Guarded::new(watched, mac, storage)
        };
        let seed = link
            .seed
            .map_or_else(random_seed, Ok)
            .map_err(|error| unusable("random numbers", error))?;
        let mut config = Config::new(mac.into());
        config.random_seed = seed;
        let mut iface = Interface::new(config, &mut device, clock.now().to_smoltcp());
        configure(&mut iface, link);
        let storage = std::iter::repeat_with(Default::default)
            .take(SOCKETS_MAX)
            .collect::<Vec<_>>();
        Ok(Self {
            clock,
            signals,
            device,
            capture,
            verbose: link.verbose,
            iface,
            sockets: SocketSet::new(storage.leak()),
            // Another stream than the interface's own, which takes sequence numbers from its seed.
            carry: Carry::new(seed.rotate_left(32) ^ 0x7469_636b),
        })
    }

    /// Adds a TCP socket with buffers of so many bytes each way.
    ///
    /// # Panics
    /// With more than four sockets.
    pub fn add_socket(&mut self, buffer_bytes: usize) -> SocketHandle {
        let buffer = || SocketBuffer::new(vec![0; buffer_bytes].leak());
        self.sockets.add(Socket::new(buffer(), buffer()))
    }

    /// One turn of the loop, now.
    pub fn turn(&mut self, seats: &mut [Seat<'_>], observer: &mut dyn Observer) -> Option<Tick> {
        let Self {
            clock,
            device,
            iface,
            sockets,
            carry,
            ..
        } = self;
        turn(clock.now(), iface, device, sockets, seats, carry, observer)
    }

    /// Rests until a frame, the given input or output, a signal, or `wake`.
    ///
    /// # Errors
    /// [`Exit::Interrupted`] after a signal, once all connections have been reset; [`Exit::Tap`] when the TAP has gone.
    pub fn rest(
        &mut self,
        wake: Option<Tick>,
        input: Option<BorrowedFd<'_>>,
        output: Option<BorrowedFd<'_>>,
    ) -> Result<Ready, Failure> {
        let tap = self.device.get_ref().get_ref().get_ref();
        if tap.is_gone() {
            let text = format!("the TAP {} was deleted", tap.name());
            return Err(Failure::new(Exit::Tap, text));
        }
        // Who follows the file while it grows sees whole frames.
        self.capture.flush();
        let interest = Interest {
            tap: tap.as_fd(),
            input,
            output,
        };
        let ready = wait(&self.clock, &self.signals, interest, wake)
            .map_err(|error| Failure::system(Exit::Tap, "poll", &error))?;
        if ready.interrupted {
            self.reset_all();
            return Err(Failure::interrupted());
        }
        Ok(ready)
    }

    /// What to look at when nobody answers: where the link was down for every frame, the link.
    pub fn hint(&self) -> Option<String> {
        let tap = self.device.get_ref().get_ref().get_ref();
        let counters = tap.counters();
        (counters.sent == 0 && counters.dropped_down > 0).then(|| {
            let name = tap.name();
            format!("{name} is down; `hosttap doctor` says what brings it up")
        })
    }

    /// Resets every connection, so that no peer waits for a program that has gone.
    pub fn reset_all(&mut self) {
        for (_, socket) in self.sockets.iter_mut() {
            let smoltcp::socket::Socket::Tcp(socket) = socket;
            socket.abort();
        }
        self.turn(&mut [], &mut ());
    }
}

/// The last words of every command, however it ends: a capture that is not whole, and with `-v` the frames' books.
impl Drop for Stack {
    fn drop(&mut self) {
        self.capture.flush();
        let mut stderr = io::stderr().lock();
        if let Some(failure) = self.capture.failure() {
            let _ = writeln!(stderr, "hosttap: {failure}");
        }
        if self.verbose {
            let tap = self.device.get_ref().get_ref().get_ref();
            let _ = writeln!(stderr, "frames: {}", tap.counters());
            let _ = writeln!(stderr, "guard: {}", mended(&self.device.counters()));
        }
    }
}

/// How often the guard stepped in, in words.
fn mended(counters: &Counters) -> String {
    let acts = counters.rules_applied();
    let bad = counters.bad_checksums;
    format!("{acts} segments mended, {bad} with a wrong checksum")
}

/// With less, headers leave little room, and the kernel begins to send fragments, which the guard refuses.
fn check_mtu(tap: &Tap, mtu_min: usize) -> Result<(), Failure> {
    let (name, mtu) = (tap.name(), tap.mtu());
    if mtu >= mtu_min {
        return Ok(());
    }
    let text = format!(
        "the TAP {name} has an MTU of {mtu}, below {mtu_min}: sudo ip link set {name} mtu 1500"
    );
    Err(Failure::new(Exit::Tap, text))
}

fn random_seed() -> std::io::Result<u64> {
    let mut seed = [0; 8];
    getrandom(&mut seed, GetRandomFlags::empty())?;
    Ok(u64::from_ne_bytes(seed))
}

/// Gives the interface its address and route; both were checked with the command line, and there is room for one
/// of each.
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
