//! The TAP device against the kernel.

use std::net::{IpAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

use hosttap::cli::values::host_cidr;
use hosttap::link::kernel_side;
use hosttap::link::pcap::{Capture, trace};
use hosttap::link::tap::Tap;
use hosttap::system::clock::Clock;
use hosttap::system::signals::Signals;
use hosttap::system::wait::{Interest, wait};
use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::time::Instant;

use crate::common::{SECONDS_MAX, in_namespace, is_installed, sh, start_python};

/// Fills a broadcast frame with an EtherType for experiments (RFC 5342, appendix B.2).
fn fill(frame: &mut [u8]) {
    frame.fill(0x5a);
    frame[..6].fill(0xff);
    frame[6..14].copy_from_slice(&[2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
}

fn send(tap: &mut Tap, length: usize) {
    tap.transmit(Instant::ZERO).unwrap().consume(length, fill);
}

/// Reads frames until one contains `marker`. Returns it.
fn receive_marked<D: Device>(device: &mut D, marker: &[u8]) -> Option<Vec<u8>> {
    let clock = Clock::start();
    while clock.now().as_millis() < SECONDS_MAX * 1_000 {
        let Some((frame, _)) = device.receive(Instant::ZERO) else {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        };
        let frame = frame.consume(<[u8]>::to_vec);
        if frame.windows(marker.len()).any(|at| at == marker) {
            return Some(frame);
        }
    }
    None
}

/// A socket of the kernel that broadcasts on tap0, so that no ARP is needed.
fn broadcaster() -> UdpSocket {
    let socket = UdpSocket::bind("192.168.69.100:0").unwrap();
    socket.set_broadcast(true).unwrap();
    socket
        .set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    socket.connect("192.168.69.255:9").unwrap();
    socket
}

#[test]
fn frames_go_both_ways_unchanged() {
    in_namespace!();
    let mut tap = Tap::open("tap0").unwrap();
    assert_eq!((tap.name(), tap.mtu()), ("tap0", 1500));
    broadcaster().send(b"from the kernel").unwrap();
    let frame = receive_marked(&mut tap, b"from the kernel").unwrap();
    assert_eq!(frame.len(), 14 + 20 + 8 + 15);
    for length in [14, 60, 1514] {
        send(&mut tap, length);
    }
    let counters = tap.counters();
    assert_eq!((counters.sent, counters.received_short), (3, 0));
    assert!(counters.received >= 1);
}

#[test]
fn a_frame_that_cannot_be_sent_is_counted() {
    in_namespace!();
    let mut tap = Tap::open("tap0").unwrap();
    send(&mut tap, 1515);
    send(&mut tap, 70_000);
    assert_eq!(tap.counters().refused_long, 2);
    send(&mut tap, 13 + 1);
    tap.transmit(Instant::ZERO)
        .unwrap()
        .consume(13, |frame| frame.fill(0));
    assert_eq!(
        tap.counters().dropped_other,
        1,
        "the kernel refuses 13 bytes"
    );
    sh("ip link set tap0 down");
    send(&mut tap, 60);
    assert_eq!(tap.counters().dropped_down, 1);
    assert!(tap.receive(Instant::ZERO).is_none() || tap.counters().received > 0);
    sh("ip link set tap0 up");
    send(&mut tap, 60);
    assert_eq!((tap.counters().sent, tap.is_deleted()), (2, false));
}

#[test]
fn a_frame_longer_than_the_mtu_is_dropped_and_not_truncated() {
    in_namespace!();
    let mut tap = Tap::open("tap0").unwrap();
    sh("ip link set tap0 mtu 9000");
    let socket = broadcaster();
    socket.send(&[b'L'; 4_000]).unwrap();
    // One byte too many is the hardest case: 14 + 20 + 8 + 1473 = 1515.
    socket.send(&[b'M'; 1_473]).unwrap();
    socket.send(&[b'F'; 1_472]).unwrap();
    let frame = receive_marked(&mut tap, &[b'F'; 100]).unwrap();
    assert_eq!(frame.len(), 1_514);
    assert_eq!(tap.counters().received_long, 2);
}

#[test]
fn a_deleted_interface_is_detected_at_the_next_read() {
    in_namespace!();
    let mut tap = Tap::open("tap0").unwrap();
    sh("ip link del tap0");
    let (clock, signals) = (Clock::start(), Signals::install().unwrap());
    let interest = Interest {
        tap: tap.as_fd(),
        link: None,
        input: None,
        output: None,
    };
    let ready = wait(
        &clock,
        &signals,
        interest,
        Some(
            clock
                .now()
                .after(tickwire::Duration::from_secs(SECONDS_MAX)),
        ),
    )
    .unwrap();
    assert!(ready.tap, "poll reports it");
    assert!(tap.receive(Instant::ZERO).is_none());
    assert!(tap.is_deleted());
    send(&mut tap, 60);
    assert_eq!(tap.counters().dropped_other, 1);
}

#[test]
fn the_offload_of_an_earlier_user_is_turned_off() {
    in_namespace!();
    // TUNSETIFF with IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, then TUNSETOFFLOAD with CSUM | TSO4.
    let set_offload = "import fcntl, struct; f = open('/dev/net/tun', 'r+b', 0); \
        fcntl.ioctl(f, 0x400454ca, struct.pack('16sH22x', b'tap0', 0x5002)); \
        fcntl.ioctl(f, 0x400454d0, 3)";
    start_python(set_offload, &[]).expect_success();
    let mut tap = Tap::open("tap0").unwrap();
    broadcaster().send(b"checksum").unwrap();
    let frame = receive_marked(&mut tap, b"checksum").unwrap();
    let sum = udp_sum(&frame[14..]);
    assert_eq!(sum, 0xffff, "the kernel completed the checksum itself");
}

/// The one's complement sum of a UDP datagram and its pseudo header. It is 0xffff if the checksum
/// is correct (RFC 768).
fn udp_sum(packet: &[u8]) -> u32 {
    let (addresses, datagram) = (&packet[12..20], &packet[20..]);
    let words = |bytes: &[u8]| -> u32 {
        bytes
            .chunks(2)
            .map(|word| u32::from(word[0]) << 8 | word.get(1).map_or(0, |low| u32::from(*low)))
            .sum()
    };
    let sum = words(addresses) + 17 + datagram.len() as u32 + words(datagram);
    let folded = (sum & 0xffff) + (sum >> 16);
    (folded & 0xffff) + (folded >> 16)
}

#[test]
fn the_kernels_side_is_configured_for_both_families_and_twice() {
    in_namespace!();
    let tap = Tap::open("tap7").unwrap();
    for text in ["10.1.2.3/20", "fd00::3/64", "10.1.2.3/20"] {
        let cidr = host_cidr(text).unwrap();
        kernel_side::configure(tap.name(), cidr).unwrap();
        let shown = sh("ip addr show dev tap7 up");
        assert!(shown.contains(&format!("{text} ")), "{shown}");
        // The address is usable at once.
        UdpSocket::bind((IpAddr::from(cidr.address()), 0)).unwrap();
    }
    let missing = kernel_side::configure("tap8", host_cidr("10.1.2.3/20").unwrap());
    assert!(
        missing
            .unwrap_err()
            .message
            .contains("sudo ip addr add 10.1.2.3/20 dev tap8")
    );
}

#[test]
fn tshark_reads_a_capture() {
    if !is_installed("tshark") {
        return;
    }
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.pcap");
    let capture = Capture::create(&path, Clock::start().start_unix(), &|| false).unwrap();
    let mut device = trace(Tap::open("tap0").unwrap(), &capture, false);
    device.transmit(Instant::ZERO).unwrap().consume(60, fill);
    broadcaster().send(b"captured").unwrap();
    receive_marked(&mut device, b"captured").unwrap();
    capture.flush();
    let text = sh(&format!(
        "tshark -r {} -T fields -e eth.type -e udp.payload",
        path.display()
    ));
    assert!(text.contains("0x88b5"), "{text}");
    assert!(text.contains("6361707475726564"), "{text}");
}
