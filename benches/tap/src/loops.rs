//! A transfer by a bare socket in smoltcp's own kind of loop, and by the GET client in tickwire's.

use std::net::{Ipv4Addr, SocketAddr};
use std::task::Poll;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use smoltcp::iface::{
    Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet,
};
use smoltcp::phy::{Device, wait};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::IpEndpoint;
use tickwire::file::{Receive, ReceiveOptions, Send, SendOptions};
use tickwire::guard::{Guarded, Storage};
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::store::{Begun, Store, StoreError, Upload};
use tickwire::{App, Carry, Discard, Error, Slot, Source, Tick, turn};

use crate::link::{Lent, Link, MAC, Ours};
use crate::peer::{self, BYTES};

const BUFFER_BYTES: usize = 256 << 10;
const FILE_PORT: u16 = 2001;
const HEAD_BYTES_MAX: u64 = 1_024;

/// What every program over smoltcp has.
pub struct Stack {
    iface: Interface,
    sockets: SocketSet<'static>,
    pub socket: SocketHandle,
    started: Instant,
}

impl Stack {
    pub fn new(device: &mut impl Device, address: smoltcp::wire::IpCidr) -> Self {
        let started = Instant::now();
        let mut config = Config::new(MAC.into());
        // Another seed for each run: the kernel still remembers the last one's sequence numbers.
        config.random_seed = std::process::id() as u64
            ^ std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |time| time.as_nanos() as u64);
        let mut iface = Interface::new(config, device, smoltcp::time::Instant::ZERO);
        iface.update_ip_addrs(|addresses| addresses.push(address).expect("there is room"));
        let buffer = || SocketBuffer::new(vec![0; BUFFER_BYTES].leak());
        let mut sockets = SocketSet::new(vec![Default::default()].leak());
        let socket = sockets.add(Socket::new(buffer(), buffer()));
        Self {
            iface,
            sockets,
            socket,
            started,
        }
    }

    fn now(&self) -> Tick {
        Tick::from_millis(self.started.elapsed().as_millis() as u64)
    }

    /// Runs one app by tickwire's loop to its end.
    fn run<D: Device>(&mut self, device: &mut D, descriptor: i32, app: &mut dyn App) -> Duration {
        let result = self.try_run(device, descriptor, app);
        result.expect("the transfer is whole")
    }

    /// Runs one app by tickwire's loop to its end, which may be an error.
    pub fn try_run<D: Device>(
        &mut self,
        device: &mut D,
        descriptor: i32,
        app: &mut dyn App,
    ) -> Result<Duration, Error> {
        let (mut slot, mut carry) = (Slot::new(), Carry::new(self.port().into()));
        loop {
            let now = self.now();
            let (iface, sockets) = (&mut self.iface, &mut self.sockets);
            let seats = &mut [slot.seat(app)];
            let wake = turn(now, iface, device, sockets, seats, &mut carry, &mut ());
            if let Some(outcome) = slot.outcome() {
                return outcome.map(|()| self.started.elapsed());
            }
            rest(descriptor, now, wake);
        }
    }

    fn port(&self) -> u16 {
        49_152 + (self.started.elapsed().as_nanos() as u16 & 0x3fff)
    }
}

/// Rests until a frame or the deadline.
fn rest(descriptor: i32, now: Tick, wake: Option<Tick>) {
    let ticks = wake.map(|wake| wake.since(now));
    if ticks != Some(0) {
        wait(descriptor, ticks.map(smoltcp::time::Duration::from_millis)).expect("poll works");
    }
}

/// Runs a bare socket by `step`, which says when it is done.
fn bare(
    link: &mut impl Link,
    remote: SocketAddr,
    mut step: impl FnMut(&mut Socket<'_>) -> bool,
) -> Duration {
    let address = link.address();
    let mut stack = Stack::new(link.device(), address);
    let local = stack.port();
    let socket = stack.sockets.get_mut::<Socket<'_>>(stack.socket);
    socket.set_congestion_control(smoltcp::socket::tcp::CongestionControl::None);
    socket
        .connect(stack.iface.context(), IpEndpoint::from(remote), local)
        .expect("the socket is free");
    loop {
        let now = stack.now();
        let at = now.to_smoltcp();
        stack.iface.poll_maintenance(at);
        for _ in 0..32 {
            let Stack { iface, sockets, .. } = &mut stack;
            if iface.poll_ingress_single(at, link.device(), sockets)
                == PollIngressSingleResult::None
            {
                break;
            }
        }
        let done = step(stack.sockets.get_mut(stack.socket));
        // A pass sends one frame for each socket.
        for _ in 0..16 {
            let Stack { iface, sockets, .. } = &mut stack;
            if iface.poll_egress(at, link.device(), sockets) == PollResult::None {
                break;
            }
        }
        if done {
            return stack.started.elapsed();
        }
        let wake = stack
            .iface
            .poll_at(at, &stack.sockets)
            .map(Tick::from_smoltcp);
        rest(link.descriptor(), now, wake);
    }
}

/// A bare socket asks for the bytes and throws them away.
pub fn bare_in(link: &mut impl Link) -> Duration {
    let (remote, thread) = peer::serve(link.kernel());
    let (mut asked, mut received) = (false, 0);
    let elapsed = bare(link, remote, |socket| {
        if !asked && socket.can_send() {
            asked = socket.send_slice(b"GET / HTTP/1.0\r\n\r\n").is_ok();
        }
        while socket.can_recv() {
            received += socket
                .recv(|bytes| (bytes.len(), bytes.len() as u64))
                .expect("it can");
        }
        if received >= BYTES && !socket.may_recv() {
            socket.abort();
            return true;
        }
        false
    });
    assert!((BYTES..BYTES + HEAD_BYTES_MAX).contains(&received));
    thread.join().expect("the peer is content");
    elapsed
}

/// A bare socket sends.
pub fn bare_out(link: &mut impl Link) -> Duration {
    let (remote, thread) = peer::swallow(link.kernel());
    let mut left = BYTES;
    let elapsed = bare(link, remote, |socket| {
        while left > 0 && socket.can_send() {
            let sent = socket.send(|buffer| {
                let taken = buffer.len().min(left as usize);
                buffer[..taken].fill(0x5a);
                (taken, taken as u64)
            });
            left -= sent.expect("it can");
        }
        if left == 0 && socket.send_queue() == 0 {
            socket.abort();
            return true;
        }
        false
    });
    thread.join().expect("the peer is content");
    elapsed
}

/// The GET client over the bare device.
pub fn get(link: &mut Ours) -> Duration {
    let mut storage: Storage<3> = Storage::new();
    get_over(link, |tap| Guarded::passive(tap, &mut storage))
}

/// The GET client over the guarded device, as `hosttap` runs it.
pub fn get_guarded(link: &mut Ours) -> Duration {
    let mut storage: Storage<3> = Storage::new();
    get_over(link, |tap| Guarded::new(tap, MAC, &mut storage))
}

fn get_over<'l>(
    link: &'l mut Ours,
    guard: impl FnOnce(Lent<'l>) -> Guarded<'l, Lent<'l>>,
) -> Duration {
    let (remote, thread) = peer::serve(link.kernel());
    let text = format!("http://{remote}/");
    let url = Url::parse(&text).expect("it is a URL");
    let request = Request::new(&url, &[]).expect("it has no fields");
    let (address, descriptor) = (link.address(), link.descriptor());
    let mut device = guard(Lent(link.device()));
    let mut stack = Stack::new(&mut device, address);
    let (to, options) = (IpEndpoint::from(remote), GetOptions::default());
    let mut app = Get::new(stack.socket, to, request, options, &mut [], Discard);
    let elapsed = stack.run(&mut device, descriptor, &mut app);
    assert_eq!(app.complete().map(|complete| complete.bytes), Some(BYTES));
    thread.join().expect("the peer is content");
    elapsed
}

/// The file receiver, plain form, into a store that throws everything away; the digest is taken.
pub fn receive(link: &mut Ours) -> Duration {
    let (address, descriptor) = (link.address(), link.descriptor());
    let mut stack = Stack::new(link.device(), address);
    let [a, b, c, _] = link.net();
    let options = ReceiveOptions {
        once: true,
        ..ReceiveOptions::default()
    };
    let mut app = Receive::new(stack.socket, FILE_PORT, Nowhere, options);
    let thread = peer::upload((Ipv4Addr::new(a, b, c, 1), FILE_PORT).into());
    let elapsed = stack.run(link.device(), descriptor, &mut app);
    thread.join().expect("the peer is content");
    elapsed
}

/// The file sender, plain form.
pub fn send(link: &mut Ours) -> Duration {
    let (remote, thread) = peer::swallow(link.kernel());
    let (address, descriptor) = (link.address(), link.descriptor());
    let mut stack = Stack::new(link.device(), address);
    let options = SendOptions::default();
    let mut app = Send::plain(stack.socket, IpEndpoint::from(remote), Pattern, options);
    let elapsed = stack.run(link.device(), descriptor, &mut app);
    assert_eq!(app.sent().map(|sent| sent.length), Some(BYTES));
    thread.join().expect("the peer is content");
    elapsed
}

/// SHA-256 alone, over as many bytes in blocks of the size that a socket hands over.
pub fn digest() -> Duration {
    let block = vec![0x5a; 64 << 10];
    let started = Instant::now();
    let mut hasher = Sha256::new();
    for _ in 0..BYTES / block.len() as u64 {
        hasher.update(&block);
    }
    std::hint::black_box(hasher.finalize());
    started.elapsed()
}

/// A store that keeps nothing.
struct Nowhere;

impl Store for Nowhere {
    fn begin(&mut self, _: Tick, _: &Upload<'_>) -> Poll<Result<Begun, StoreError>> {
        Poll::Ready(Ok(Begun::Held(0)))
    }

    fn read(&mut self, _: u64, _: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        Poll::Ready(Ok(0))
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        Poll::Ready(Ok(data.len()))
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        Poll::Ready(Ok(()))
    }

    fn abandon(&mut self, _: bool) -> Poll<Result<(), StoreError>> {
        Poll::Ready(Ok(()))
    }
}

/// A file of one byte, again and again.
struct Pattern;

impl Source for Pattern {
    fn len(&self) -> u64 {
        BYTES
    }

    fn read_at(&mut self, _: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        buffer.fill(0x5a);
        Ok(buffer.len())
    }
}
