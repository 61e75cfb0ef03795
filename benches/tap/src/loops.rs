//! A transfer by a bare socket in smoltcp's own kind of loop, and by the GET client in tickwire's.

use std::fmt::Debug;
use std::net::{Ipv4Addr, SocketAddr};
use std::process;
use std::sync::LazyLock;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use smoltcp::iface::{PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::{Device, wait};
use smoltcp::socket::tcp::Socket;
use smoltcp::wire::IpEndpoint;
use tickwire::file::{FileReceiver, FileSender, ReceiverOptions, SenderOptions};
use tickwire::guard::{Guarded, Storage};
use tickwire::http::server::{Asset, Assets, HttpSession, NotFound};
use tickwire::http::{Get, GetOptions, Request, Server, Url};
use tickwire::store::{Begun, Store, StoreError, Upload};
use tickwire::{App, Config, Discard, Source, SourceError, Stack, Task, Tick};

use hosttap::link::tap::Tap;

use crate::link::{Lent, Link, MAC, Ours};
use crate::peer::{self, BYTES};

const BUFFER_BYTES: usize = 256 << 10;
const FILE_PORT: u16 = 2001;
const HTTP_PORT: u16 = 80;
/// How long the loop of a server sleeps at most before it looks whether its caller is gone.
const PATIENCE: tickwire::Duration = tickwire::Duration::from_millis(10);
static BODY: LazyLock<Vec<u8>> = LazyLock::new(|| vec![0x5a; BYTES as usize]);
/// Made once: its tag is a digest of the whole body, which a program takes at compile time.
static ASSETS: LazyLock<[Asset<'static>; 1]> =
    LazyLock::new(|| [Asset::new("/", "text/plain", &BODY)]);
const HEAD_BYTES_MAX: u64 = 1_024;

/// What every program over smoltcp has.
pub struct Host<D> {
    stack: Stack<'static, D>,
    pub socket: SocketHandle,
    started: Instant,
}

impl<D: Device> Host<Guarded<'_, D>> {
    /// Lets the loop wake up for the guard, as `hosttap` does.
    pub fn with_guard(self) -> Self {
        Self {
            stack: self.stack.with_guard(),
            ..self
        }
    }
}

impl<D: Device> Host<D> {
    pub fn new(device: D, address: smoltcp::wire::IpCidr) -> Self {
        let started = Instant::now();
        let config = Config {
            mac: MAC,
            addresses: &[address],
            gateway: None,
            // Another seed for each run: the kernel still remembers the last one's sequence numbers.
            seed: process::id() as u64
                ^ SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |time| time.as_nanos() as u64),
        };
        let sockets = SocketSet::new(vec![Default::default()].leak());
        let mut stack = Stack::new(device, &config, sockets, Tick::ZERO);
        let buffer = || vec![0; BUFFER_BYTES].leak();
        let socket = stack.add_tcp_socket(buffer(), buffer());
        Self {
            stack,
            socket,
            started,
        }
    }

    fn now(&self) -> Tick {
        Tick::from_millis(self.started.elapsed().as_millis() as u64)
    }

    /// Runs one app by tickwire's loop to its end.
    fn run<A: App>(&mut self, descriptor: i32, task: &mut Task<A>) -> Duration
    where
        A::Error: Debug,
    {
        let elapsed = self.turn_to_end(descriptor, task);
        assert!(
            matches!(task.outcome(), Some(Ok(()))),
            "{:?}",
            task.outcome()
        );
        elapsed
    }

    /// Runs one app by tickwire's loop to its end, which may be an error.
    pub fn turn_to_end<A: App>(&mut self, descriptor: i32, task: &mut Task<A>) -> Duration {
        loop {
            let now = self.now();
            let wake = self.stack.turn(now, &mut [task], &mut ());
            if task.is_finished() {
                return self.started.elapsed();
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
    let millis = wake.map(|wake| wake.since(now).as_millis());
    if millis != Some(0) {
        wait(descriptor, millis.map(smoltcp::time::Duration::from_millis)).expect("poll works");
    }
}

/// Runs a bare socket by `step`, which says when it is done.
fn bare(
    link: &mut impl Link,
    remote: SocketAddr,
    mut step: impl FnMut(&mut Socket) -> bool,
) -> Duration {
    let (address, descriptor) = (link.address(), link.descriptor());
    let mut host = Host::new(Lent(link.device()), address);
    let local = host.port();
    let Stack { iface, sockets, .. } = &mut host.stack;
    let socket = sockets.get_mut::<Socket>(host.socket);
    socket.set_congestion_control(smoltcp::socket::tcp::CongestionControl::None);
    socket
        .connect(iface.context(), IpEndpoint::from(remote), local)
        .expect("the socket is free");
    loop {
        let now = host.now();
        let at = now.to_smoltcp();
        let Stack {
            iface,
            device,
            sockets,
            ..
        } = &mut host.stack;
        iface.poll_maintenance(at);
        for _ in 0..32 {
            if iface.poll_ingress_single(at, device, sockets) == PollIngressSingleResult::None {
                break;
            }
        }
        let done = step(sockets.get_mut(host.socket));
        // A pass sends one frame for each socket.
        for _ in 0..16 {
            if iface.poll_egress(at, device, sockets) == PollResult::None {
                break;
            }
        }
        if done {
            return host.started.elapsed();
        }
        let wake = iface.poll_at(at, sockets).map(Tick::from_smoltcp);
        rest(descriptor, now, wake);
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
    guard: impl FnOnce(Lent<'l, Tap>) -> Guarded<'l, Lent<'l, Tap>>,
) -> Duration {
    let (remote, thread) = peer::serve(link.kernel());
    let text = format!("http://{remote}/");
    let url = Url::parse(&text).expect("it is a URL");
    let request = Request::new(&url, &[]).expect("it has no fields");
    let (address, descriptor) = (link.address(), link.descriptor());
    let mut host = Host::new(guard(Lent(link.device())), address).with_guard();
    let (to, options) = (IpEndpoint::from(remote), GetOptions::default());
    let get = Get::new(host.socket, to, request, options, &mut [], Discard);
    let mut task = Task::new(get);
    let elapsed = host.run(descriptor, &mut task);
    assert_eq!(
        task.app().complete().map(|complete| complete.bytes),
        Some(BYTES)
    );
    thread.join().expect("the peer is content");
    elapsed
}

/// The file receiver, plain form, into a store that throws everything away; the digest is taken.
pub fn receive(link: &mut Ours) -> Duration {
    let (address, descriptor) = (link.address(), link.descriptor());
    let [a, b, c, _] = link.net();
    let mut host = Host::new(Lent(link.device()), address);
    let options = ReceiverOptions {
        once: true,
        ..ReceiverOptions::default()
    };
    let receiver = FileReceiver::new(host.socket, FILE_PORT, Nowhere, options);
    let thread = peer::upload((Ipv4Addr::new(a, b, c, 1), FILE_PORT).into());
    let elapsed = host.run(descriptor, &mut Task::new(receiver));
    thread.join().expect("the peer is content");
    elapsed
}

/// The file sender, plain form.
pub fn send(link: &mut Ours) -> Duration {
    let (remote, thread) = peer::swallow(link.kernel());
    let (address, descriptor) = (link.address(), link.descriptor());
    let mut host = Host::new(Lent(link.device()), address);
    let (to, options) = (IpEndpoint::from(remote), SenderOptions::default());
    let mut task = Task::new(FileSender::plain(host.socket, to, Pattern, options));
    let elapsed = host.run(descriptor, &mut task);
    assert_eq!(task.app().sent().map(|sent| sent.length), Some(BYTES));
    thread.join().expect("the peer is content");
    elapsed
}

/// The HTTP server, which gives one caller an asset.
pub fn serve(link: &mut Ours) -> Duration {
    let (address, descriptor) = (link.address(), link.descriptor());
    let [a, b, c, _] = link.net();
    let mut host = Host::new(Lent(link.device()), address);
    let mut memory = [0; 2 * HEAD_BYTES_MAX as usize];
    let session = HttpSession::new(Assets::new(&*ASSETS, NotFound), &mut memory[..]);
    let mut task = Task::new(Server::http([host.socket], HTTP_PORT, [session]));
    let thread = peer::download((Ipv4Addr::new(a, b, c, 1), HTTP_PORT).into());
    while !thread.is_finished() {
        let now = host.now();
        let wake = host.stack.turn(now, &mut [&mut task], &mut ());
        // The peer's end is nothing that the server waits for.
        let latest = now + PATIENCE;
        rest(
            descriptor,
            now,
            Some(wake.map_or(latest, |wake| wake.min(latest))),
        );
    }
    thread.join().expect("the peer is content")
}

/// A bare socket sends the same asset.
pub fn bare_asset(link: &mut impl Link) -> Duration {
    let (remote, thread) = peer::swallow(link.kernel());
    let mut left = &BODY[..];
    let elapsed = bare(link, remote, |socket| {
        if !left.is_empty() && socket.can_send() {
            let sent = socket.send_slice(left).expect("it can");
            left = &left[sent..];
        }
        if left.is_empty() && socket.send_queue() == 0 {
            socket.abort();
            return true;
        }
        false
    });
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
    fn begin(&mut self, _: Tick, _: &Upload) -> Poll<Result<Begun, StoreError>> {
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

    fn read_at(&mut self, _: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        buffer.fill(0x5a);
        Ok(buffer.len())
    }
}
