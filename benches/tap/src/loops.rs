//! A transfer by a bare socket in smoltcp's own kind of loop, and by the GET client in tickwire's.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use smoltcp::iface::{Config, Interface, PollIngressSingleResult, SocketHandle, SocketSet};
use smoltcp::phy::{Device, wait};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::IpEndpoint;
use tickwire::guard::Guard;
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::{Carry, Discard, Slot, Tick, turn};

use crate::link::{Link, MAC, Ours};
use crate::peer::{self, BYTES};

const BUFFER_BYTES: usize = 256 << 10;
const HEAD_BYTES_MAX: u64 = 1_024;

/// What every program over smoltcp has.
struct Stack {
    iface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    started: Instant,
}

impl Stack {
    fn new(device: &mut impl Device, address: smoltcp::wire::IpCidr) -> Self {
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
        stack
            .iface
            .poll_egress(at, link.device(), &mut stack.sockets);
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
pub fn get(link: Ours) -> (Ours, Duration) {
    get_over(link, Guard::passive)
}

/// The GET client over the guarded device, as `hosttap` runs it.
pub fn get_guarded(link: Ours) -> (Ours, Duration) {
    get_over(link, |tap| Guard::new(tap, MAC))
}

fn get_over(
    link: Ours,
    guard: impl FnOnce(hosttap::tap::Tap) -> Guard<hosttap::tap::Tap, 3>,
) -> (Ours, Duration) {
    let (remote, thread) = peer::serve(link.kernel());
    let (address, net, descriptor) = (link.address(), link.net(), link.descriptor());
    let mut device = guard(link.tap);
    let mut stack = Stack::new(&mut device, address);
    let text = format!("http://{remote}/");
    let url = Url::parse(&text).expect("it is a URL");
    let request = Request::new(&url, &[]).expect("it has no fields");
    let options = GetOptions::default();
    let mut app = Get::new(
        stack.socket,
        IpEndpoint::from(remote),
        request,
        options,
        &mut [],
        Discard,
    );
    let (mut slot, mut carry) = (Slot::new(), Carry::new(stack.port().into()));
    let elapsed = loop {
        let now = stack.now();
        let Stack { iface, sockets, .. } = &mut stack;
        let wake = turn(
            now,
            iface,
            &mut device,
            sockets,
            &mut [slot.seat(&mut app)],
            &mut carry,
            &mut (),
        );
        if let Some(outcome) = slot.outcome() {
            outcome.expect("the transfer is whole");
            break stack.started.elapsed();
        }
        rest(descriptor, now, wake);
    };
    assert_eq!(app.complete().map(|complete| complete.bytes), Some(BYTES));
    thread.join().expect("the peer is content");
    (Ours::with(device.into_inner(), net), elapsed)
}
