//! A guarded socket of smoltcp's own and the kernel, in bulk: losses, and a slow reader at the end.
//!
//! Nothing here is judged by the clock. What the guard counts tells who sent what again.

use std::collections::HashSet;
use std::io::Read;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::thread::JoinHandle;
use std::time::Duration;

use hosttap::link::tap::{self, FRAME_BYTES_MAX, Tap};
use hosttap::system::clock::Clock;
use rustix::net::sockopt::set_socket_recv_buffer_size;
use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
use smoltcp::phy::{Device, DeviceCapabilities, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpCidr, IpEndpoint, Ipv4Address, TcpPacket};
use tickwire::guard::{Counters, Guarded, Storage};

use crate::common::{KERNEL_ADDRESS, SECONDS_MAX, in_namespace};

const MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const ADDRESS: Ipv4Address = Ipv4Address::new(192, 168, 69, 1);
const TCP_AT: usize = 34;
const UPLOAD_BYTES: usize = 1 << 20;
/// Each segment with data whose number is a multiple of this is lost the first time.
const LOST_EVERY: usize = 50;

/// A TAP that loses some of what goes out, once each.
struct Lossy {
    tap: Tap,
    /// Where the segments with data began that have left or were lost.
    seen: HashSet<u32>,
    lost: u32,
    loses: bool,
}

impl Device for Lossy {
    type RxToken<'a> = tap::RxToken<'a>;
    type TxToken<'a> = Leaving<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (frame, token) = self.tap.receive(now)?;
        let leaving = Leaving {
            token,
            seen: &mut self.seen,
            lost: &mut self.lost,
            loses: self.loses,
        };
        Some((frame, leaving))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        Some(Leaving {
            token: self.tap.transmit(now)?,
            seen: &mut self.seen,
            lost: &mut self.lost,
            loses: self.loses,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.tap.capabilities()
    }
}

struct Leaving<'a> {
    token: tap::TxToken<'a>,
    seen: &'a mut HashSet<u32>,
    lost: &'a mut u32,
    loses: bool,
}

impl TxToken for Leaving<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut frame = [0; FRAME_BYTES_MAX];
        let frame = &mut frame[..length];
        let result = fill(frame);
        let is_new = starts_data(frame).is_some_and(|start| self.seen.insert(start));
        if self.loses && is_new && self.seen.len().is_multiple_of(LOST_EVERY) {
            *self.lost += 1;
        } else {
            self.token
                .consume(length, |room| room.copy_from_slice(frame));
        }
        result
    }
}

/// The sequence number of a TCP segment with data.
fn starts_data(frame: &[u8]) -> Option<u32> {
    let is_tcp = frame.get(12..14) == Some(&[8, 0]) && frame.get(23) == Some(&6);
    let packet = TcpPacket::new_checked(frame.get(TCP_AT..)?).ok()?;
    (is_tcp && !packet.payload().is_empty()).then(|| packet.seq_number().0.cast_unsigned())
}

/// What happened to the frames of a connection.
struct Outcome {
    counters: Counters,
    lost: u32,
}

/// Dials the kernel and runs smoltcp's own loop until the connection is closed. `step` uses the
/// socket.
fn run(remote: SocketAddr, loses: bool, mut step: impl FnMut(&mut Socket<'_>)) -> Outcome {
    let lossy = Lossy {
        tap: Tap::open("tap0").unwrap(),
        seen: HashSet::new(),
        lost: 0,
        loses,
    };
    let mut storage: Storage<3> = Storage::new();
    let mut device = Guarded::new(lossy, MAC, &mut storage);
    let clock = Clock::start();
    let now = || clock.now().to_smoltcp();
    let mut iface = Interface::new(Config::new(MAC.into()), &mut device, now());
    iface.update_ip_addrs(|addresses| {
        addresses.push(IpCidr::new(ADDRESS.into(), 24)).unwrap();
    });
    let buffer = || SocketBuffer::new(&mut *vec![0; 64 << 10].leak());
    let mut socket = Socket::new(buffer(), buffer());
    let to = IpEndpoint::from(remote);
    socket.connect(iface.context(), to, 49_152).unwrap();
    let mut storage = [SocketStorage::EMPTY];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let handle = sockets.add(socket);
    for _ in 0..SECONDS_MAX * 1_000 {
        iface.poll(now(), &mut device, &mut sockets);
        let socket = sockets.get_mut::<Socket<'_>>(handle);
        step(socket);
        if !socket.is_open() {
            break;
        }
        iface.poll(now(), &mut device, &mut sockets);
        std::thread::sleep(Duration::from_millis(1));
    }
    Outcome {
        counters: device.counters(),
        lost: device.get_ref().lost,
    }
}

/// Sends what is left of `data`, and then FIN.
fn send(socket: &mut Socket<'_>, data: &mut &[u8]) {
    if socket.can_send() && !data.is_empty() {
        let sent = socket.send_slice(data).unwrap();
        *data = &data[sent..];
    }
    if data.is_empty() {
        socket.close();
    }
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((KERNEL_ADDRESS, 0)).unwrap();
    let local = listener.local_addr().unwrap();
    (listener, local)
}

#[test]
fn every_lost_segment_of_an_upload_is_sent_again_because_the_guard_asks() {
    in_namespace!();
    let (listener, local) = listener();
    let kernel: JoinHandle<Vec<u8>> = std::thread::spawn(move || {
        let (mut caller, _) = listener.accept().unwrap();
        let mut received = Vec::new();
        caller.read_to_end(&mut received).unwrap();
        received
    });
    let data = content(UPLOAD_BYTES);
    let mut left = &data[..];
    let outcome = run(local, true, |socket| {
        if socket.may_send() {
            send(socket, &mut left);
        }
    });
    assert!(
        kernel.join().unwrap() == data,
        "the kernel has something else"
    );
    let counters = outcome.counters;
    let asked = counters.tail_loss_probes
        + counters.partial_acks
        + counters.third_duplicates
        + counters.reordering_windows_expired;
    // What smoltcp's own timeout sends again, after a second and more, nobody has asked for.
    assert!(outcome.lost > 10 && asked >= outcome.lost, "{counters:?}");
}

#[test]
fn the_last_bytes_for_a_kernel_that_has_closed_its_end_and_reads_slowly_come_whole() {
    in_namespace!();
    let (listener, local) = listener();
    set_socket_recv_buffer_size(&listener, 4 << 10).unwrap();
    let kernel: JoinHandle<Vec<u8>> = std::thread::spawn(move || {
        let (mut caller, _) = listener.accept().unwrap();
        caller.shutdown(Shutdown::Write).unwrap();
        let mut received = Vec::new();
        let mut portion = [0; 1 << 10];
        loop {
            match caller.read(&mut portion).unwrap() {
                0 => return received,
                count => received.extend_from_slice(&portion[..count]),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let data = content(30 << 10);
    let mut left = &data[..];
    let outcome = run(local, false, |socket| {
        // The kernel's FIN has come: this end goes to LAST-ACK.
        if socket.may_send() && !socket.may_recv() {
            send(socket, &mut left);
        }
    });
    assert!(
        kernel.join().unwrap() == data,
        "the kernel has something else"
    );
    assert!(
        outcome.counters.bytes_held_back > 0,
        "{:?}",
        outcome.counters
    );
}
