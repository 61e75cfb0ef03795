//! A receive buffer above 64 KiB: the window of our SYN is smaller, and not scaled.

use std::panic::{AssertUnwindSafe, catch_unwind};

use smoltcp::wire::{TcpControl, TcpRepr};

use crate::boundary::{incoming, outgoing};
use crate::cable::Cable;
use crate::frames::{
    ACK, FAMILIES, Family, HOST_MAC, HOST_PORT, PEER_MAC, PEER_PORT, PEER_START, Segment, build,
    repr, tcp_frame,
};
use crate::host::{GuardedCable, Host, TestDevice, guarded};

/// The receive buffer.
const LEN: usize = 128 * 1024;
/// What a SYN can announce.
const SYN_WINDOW: u16 = 65_535;

/// Data from the peer, at a position of its stream.
fn data(family: Family, position: usize, len: usize, host_start: u32) -> Vec<u8> {
    let segment = Segment {
        seq: position as i32,
        payload: &[0x55; 1024][..len],
        ..ACK
    };
    build(family, &segment, host_start)
}

/// The answer to our SYN of a peer that scales windows.
fn scaled_syn_ack(family: Family, start: u32) -> Vec<u8> {
    let syn_ack = TcpRepr {
        window_scale: Some(7),
        max_seg_size: Some(1400),
        ..repr(
            (PEER_PORT, HOST_PORT),
            TcpControl::Syn,
            PEER_START.wrapping_sub(1),
            Some(start),
        )
    };
    tcp_frame(
        (PEER_MAC, family.peer()),
        (HOST_MAC, family.host()),
        &syn_ack,
    )
}

/// The peer sends beyond our buffer before we have announced anything but our SYN's window, and
/// then all that fits. Returns how much has arrived.
fn overfill<D: TestDevice>(family: Family) -> usize {
    let mut host = Host::<D>::connecting(family, LEN, Cable::default());
    let start = host.start;
    let syn_ack = scaled_syn_ack(family, start);
    // Both are here before the host is polled.
    let early = [syn_ack, data(family, LEN, 100, start)];
    host.cable.0.borrow_mut().to_host.extend(early);
    host.poll();
    for position in (0..LEN).step_by(1024) {
        host.receive_frame(data(family, position, 1024, start));
    }
    host.socket().recv_queue()
}

#[test]
fn data_beyond_the_window_of_our_syn_does_not_make_smoltcp_panic() {
    for &family in FAMILIES {
        let overfilled = catch_unwind(AssertUnwindSafe(|| overfill::<Cable>(family)));
        assert!(
            overfilled.is_err(),
            "smoltcp does not scale its SYN's window any more"
        );
        assert_eq!(overfill::<GuardedCable>(family), LEN);
    }
}

/// A guard that has sent the SYN-ACK of a server with a large buffer.
fn answering() -> GuardedCable {
    let mut device = guarded::<3>(Cable::default());
    outgoing(
        &mut device,
        &ours(&TcpRepr {
            window_len: SYN_WINDOW,
            window_scale: Some(2),
            max_seg_size: Some(1400),
            ..repr(
                (HOST_PORT, PEER_PORT),
                TcpControl::Syn,
                999,
                Some(PEER_START),
            )
        }),
    );
    device
}

fn ours(segment: &TcpRepr<'_>) -> Vec<u8> {
    let (host, peer) = (Family::V4.host(), Family::V4.peer());
    tcp_frame((HOST_MAC, host), (PEER_MAC, peer), segment)
}

#[test]
fn data_that_ends_a_handshake_is_measured_by_the_window_of_our_syn() {
    let edge = usize::from(SYN_WINDOW);
    for (position, is_taken) in [(edge - 100, true), (edge - 99, false), (LEN, false)] {
        let frame = data(Family::V4, position, 100, 1000);
        let mut device = answering();
        assert_eq!(incoming(&mut device, &frame) == frame, is_taken);
        // And so is what comes after it.
        let mut device = answering();
        incoming(&mut device, &data(Family::V4, 0, 100, 1000));
        assert_eq!(incoming(&mut device, &frame) == frame, is_taken);
        let refused = device.counters().data_beyond_window_refused;
        assert_eq!(refused == 0, is_taken);
    }
}

#[test]
fn a_window_announced_since_our_syn_is_left_to_smoltcp() {
    let beyond = data(Family::V4, LEN, 100, 1000);
    let ack = |payload: &'static [u8]| {
        let ports = (HOST_PORT, PEER_PORT);
        ours(&TcpRepr {
            window_len: (LEN >> 2) as u16,
            payload,
            ..repr(ports, TcpControl::None, 1000, Some(PEER_START))
        })
    };
    // smoltcp forgets the window that a probe announces, which is one byte long.
    for (peer_window, payload, is_left) in [
        (1000, &b""[..], true),
        (1000, b"two", true),
        (1000, b"1", true),
        (0, b"1", false),
    ] {
        let mut device = answering();
        let window = peer_window;
        incoming(
            &mut device,
            &build(Family::V4, &Segment { window, ..ACK }, 1000),
        );
        outgoing(&mut device, &ack(payload));
        assert_eq!(incoming(&mut device, &beyond) == beyond, is_left);
    }
}

#[test]
fn an_ack_from_an_edge_that_was_rounded_off_is_not_ignored() {
    /// The peer has filled our window: after its first byte the edge is the end of the buffer, and
    /// after the second, in units of two bytes, one byte before it. The rest is lost.
    fn script<D: TestDevice>(host: &mut Host<D>) -> usize {
        host.write(b"data");
        for seq in 0..2 {
            host.receive(Segment {
                seq,
                payload: b"p",
                ..ACK
            });
            host.advance(20);
            host.poll();
        }
        host.receive(Segment {
            seq: 70_001,
            ack: 4,
            ..ACK
        });
        host.socket().send_queue()
    }
    fn connected<D: TestDevice>(family: Family) -> Host<D> {
        let mut host = Host::<D>::connecting(family, 70_001, Cable::default());
        let syn_ack = scaled_syn_ack(family, host.start);
        host.receive_frame(syn_ack);
        host
    }
    for family in FAMILIES {
        let mut bare = connected::<Cable>(*family);
        assert_eq!(script(&mut bare), 4, "the rounding of windows is gone");
        let mut guarded = connected::<GuardedCable>(*family);
        assert_eq!(script(&mut guarded), 0);
        assert_eq!(guarded.device.counters().acks_moved_into_window, 1);
    }
}
