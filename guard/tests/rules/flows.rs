//! Which connections the guard knows, and from when on.

use smoltcp::phy::Checksum;
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, TcpControl, TcpRepr};

use crate::boundary::{incoming, incoming_at, outgoing};
use crate::cable::Cable;
use crate::frames::{Family, HOST_MAC, HOST_PORT, PEER_MAC, PEER_PORT, repr, tcp_frame};
use crate::host::{GuardedCable, guarded};

/// A SYN of ours.
pub(crate) fn syn(local: IpAddress, local_port: u16, seq: u32) -> Vec<u8> {
    let repr = repr((local_port, PEER_PORT), TcpControl::Syn, seq, None);
    tcp_frame((HOST_MAC, local), (PEER_MAC, Family::V4.peer()), &repr)
}

/// A segment from the peer that acknowledges everything before `ack`. Its SYN has the number 0.
fn answer(local: IpAddress, local_port: u16, control: TcpControl, ack: u32) -> Vec<u8> {
    let seq = u32::from(control != TcpControl::Syn);
    let repr = repr((PEER_PORT, local_port), control, seq, Some(ack));
    tcp_frame((PEER_MAC, Family::V4.peer()), (HOST_MAC, local), &repr)
}

/// Whether the FIN after the peer's first `len` bytes stays in its segment.
fn keeps_fin_after(device: &mut GuardedCable, len: usize) -> bool {
    let data = vec![0; len];
    let fin = TcpRepr {
        payload: &data,
        ..repr((PEER_PORT, HOST_PORT), TcpControl::Fin, 1, Some(1001))
    };
    let frame = tcp_frame(
        (PEER_MAC, Family::V4.peer()),
        (HOST_MAC, Family::V4.host()),
        &fin,
    );
    incoming(device, &frame) == frame
}

#[test]
fn a_fin_that_comes_before_our_first_ack_is_measured_by_the_window_of_our_syn() {
    let local = Family::V4.host();
    let mut device = guarded::<3>(Cable::default());
    outgoing(&mut device, &syn(local, HOST_PORT, 1000));
    incoming(
        &mut device,
        &answer(local, HOST_PORT, TcpControl::Syn, 1001),
    );
    assert!(keeps_fin_after(&mut device, 64));
    assert!(!keeps_fin_after(&mut device, 65));
}

#[test]
fn our_window_is_scaled_only_when_the_peer_scales_too() {
    let (local, remote) = (Family::V4.host(), Family::V4.peer());
    for (peer_scale, window) in [(Some(7), 64 << 2), (None, 64)] {
        let mut device = guarded::<3>(Cable::default());
        let syn = TcpRepr {
            window_scale: Some(2),
            max_seg_size: Some(1400),
            ..repr((HOST_PORT, PEER_PORT), TcpControl::Syn, 1000, None)
        };
        outgoing(
            &mut device,
            &tcp_frame((HOST_MAC, local), (PEER_MAC, remote), &syn),
        );
        let syn_ack = TcpRepr {
            window_scale: peer_scale,
            max_seg_size: Some(1400),
            ..repr((PEER_PORT, HOST_PORT), TcpControl::Syn, 0, Some(1001))
        };
        incoming(
            &mut device,
            &tcp_frame((PEER_MAC, remote), (HOST_MAC, local), &syn_ack),
        );
        let ack = repr((HOST_PORT, PEER_PORT), TcpControl::None, 1001, Some(1));
        outgoing(
            &mut device,
            &tcp_frame((HOST_MAC, local), (PEER_MAC, remote), &ack),
        );
        assert!(keeps_fin_after(&mut device, window));
        assert!(!keeps_fin_after(&mut device, window + 1));
    }
}

/// Whether the guard still knows the flow. If so, it refuses an ACK of data that was never sent.
fn knows(device: &mut GuardedCable, local: IpAddress, port: u16, seq: u32) -> bool {
    incoming(device, &answer(local, port, TcpControl::None, seq + 100)).is_empty()
}

#[test]
fn the_flow_that_sent_least_recently_is_evicted() {
    let local = Family::V4.host();
    let mut device = guarded::<2>(Cable::default());
    let begin = |device: &mut GuardedCable, port| {
        outgoing(device, &syn(local, port, 1000));
        incoming(device, &answer(local, port, TcpControl::Syn, 1001));
    };
    begin(&mut device, 1);
    begin(&mut device, 2);
    outgoing(&mut device, &syn(local, 1, 1000)); // the first sends again
    assert_eq!(device.counters().flows_evicted, 0);
    begin(&mut device, 3);
    assert_eq!(device.counters().flows_evicted, 1);
    assert!(knows(&mut device, local, 1, 1000));
    assert!(!knows(&mut device, local, 2, 1000));
    assert!(knows(&mut device, local, 3, 1000));
}

#[test]
fn two_local_addresses_with_the_same_ports_are_two_flows() {
    let (one, other) = (IpAddress::v4(10, 0, 0, 1), IpAddress::v4(10, 0, 0, 3));
    let mut device = guarded::<2>(Cable::default());
    for (local, seq) in [(one, 1000), (other, 9000)] {
        outgoing(&mut device, &syn(local, 1, seq));
        incoming(&mut device, &answer(local, 1, TcpControl::Syn, seq + 1));
    }
    assert!(knows(&mut device, one, 1, 1000));
    assert!(knows(&mut device, other, 1, 9000));
}

#[test]
fn a_checksum_that_the_device_computes_stays_the_devices() {
    let cable = Cable::default();
    cable.0.borrow_mut().checksum.tcp = Checksum::Rx;
    let mut device = guarded::<3>(cable);
    let local = Family::V4.host();
    outgoing(&mut device, &syn(local, HOST_PORT, 1000));
    incoming(
        &mut device,
        &answer(local, HOST_PORT, TcpControl::Syn, 1001),
    );
    let sent = |payload: &'static [u8]| {
        let ports = (HOST_PORT, PEER_PORT);
        let repr = repr(ports, TcpControl::None, 1001, Some(1));
        let repr = TcpRepr { payload, ..repr };
        let mut frame = tcp_frame((HOST_MAC, local), (PEER_MAC, Family::V4.peer()), &repr);
        frame[50..52].fill(0);
        frame
    };
    // Data, its acknowledgement, and then an ACK of ours that went back to the first byte.
    outgoing(&mut device, &sent(b"data"));
    incoming(
        &mut device,
        &answer(local, HOST_PORT, TcpControl::None, 1005),
    );
    let frame = outgoing(&mut device, &sent(b""));
    assert_eq!(frame[38..42], 1005_u32.to_be_bytes(), "R7 was applied");
    assert_eq!(frame[50..52], [0, 0]);
}

/// An ACK, a FIN or a RST of ours.
fn ours(local: IpAddress, port: u16, control: TcpControl, seq: u32) -> Vec<u8> {
    let repr = repr((port, PEER_PORT), control, seq, Some(1));
    tcp_frame((HOST_MAC, local), (PEER_MAC, Family::V4.peer()), &repr)
}

#[test]
fn connections_that_are_over_are_evicted_before_a_silent_one() {
    let local = Family::V4.host();
    let mut device = guarded::<2>(Cable::default());
    let begin = |device: &mut GuardedCable, port| {
        outgoing(device, &syn(local, port, 1000));
        incoming(device, &answer(local, port, TcpControl::Syn, 1001));
    };
    begin(&mut device, 1);
    // The next three end: one by both FINs, one by the peer's RST, one by ours.
    begin(&mut device, 2);
    outgoing(&mut device, &ours(local, 2, TcpControl::Fin, 1001));
    incoming(&mut device, &answer(local, 2, TcpControl::Fin, 1002));
    begin(&mut device, 3);
    incoming(&mut device, &answer(local, 3, TcpControl::Rst, 1001));
    begin(&mut device, 4);
    outgoing(&mut device, &ours(local, 4, TcpControl::Rst, 1001));
    begin(&mut device, 5);
    assert_eq!(device.counters().flows_evicted, 0);
    assert!(knows(&mut device, local, 1, 1000));
    // A connection that goes on after a RST is alive: the RST may have been forged.
    incoming(&mut device, &answer(local, 1, TcpControl::Rst, 1001));
    outgoing(&mut device, &ours(local, 1, TcpControl::None, 1001));
    begin(&mut device, 6);
    assert_eq!(device.counters().flows_evicted, 1);
    assert!(knows(&mut device, local, 1, 1000));
}

/// A segment with a sequence number that was not expected for a long time.
fn forged(local: IpAddress, port: u16, control: TcpControl, ack: u32) -> Vec<u8> {
    let repr = repr((PEER_PORT, port), control, 0xdead_beef, Some(ack));
    tcp_frame((PEER_MAC, Family::V4.peer()), (HOST_MAC, local), &repr)
}

#[test]
fn a_rst_or_fin_from_outside_the_window_does_not_end_a_connection() {
    let local = Family::V4.host();
    let mut device = guarded::<1>(Cable::default());
    for (port, control) in [(1, TcpControl::Rst), (3, TcpControl::Fin)] {
        outgoing(&mut device, &syn(local, port, 1000));
        incoming(&mut device, &answer(local, port, TcpControl::Syn, 1001));
        if control == TcpControl::Fin {
            outgoing(&mut device, &ours(local, port, TcpControl::Fin, 1001));
        }
        incoming(&mut device, &forged(local, port, control, 1002));
        let before = device.counters().flows_evicted;
        outgoing(&mut device, &syn(local, port + 1, 1000));
        assert_eq!(device.counters().flows_evicted, before + 1, "{control:?}");
    }
}

#[test]
fn a_connection_is_not_over_before_our_fin_is_acknowledged() {
    let local = Family::V4.host();
    for (ack, is_over) in [(1001, false), (1002, true)] {
        let mut device = guarded::<1>(Cable::default());
        outgoing(&mut device, &syn(local, 1, 1000));
        incoming(&mut device, &answer(local, 1, TcpControl::Syn, 1001));
        outgoing(&mut device, &ours(local, 1, TcpControl::Fin, 1001));
        incoming(&mut device, &answer(local, 1, TcpControl::Fin, ack));
        outgoing(&mut device, &syn(local, 2, 1000));
        assert_eq!(device.counters().flows_evicted == 0, is_over);
    }
}

#[test]
fn an_ack_of_what_was_never_sent_is_refused_however_far_it_is() {
    let local = Family::V4.host();
    let mut device = guarded::<1>(Cable::default());
    outgoing(&mut device, &syn(local, 1, 1000));
    incoming(&mut device, &answer(local, 1, TcpControl::Syn, 1001));
    for (ack, is_refused) in [
        (1001, false),
        (1002, true),
        (1001 + 131_072, true),
        (1002 + 131_072, true),
        (1001 + 0x8000_0000, true),
        // An old one, modulo 2^32.
        (1002 + 0x8000_0000, false),
    ] {
        let frame = answer(local, 1, TcpControl::None, ack);
        assert_eq!(
            incoming(&mut device, &frame).is_empty(),
            is_refused,
            "{ack}"
        );
    }
}

#[test]
fn a_refused_syn_ends_its_connection() {
    let local = Family::V4.host();
    let mut device = guarded::<1>(Cable::default());
    outgoing(&mut device, &syn(local, 1, 1000));
    incoming(&mut device, &forged(local, 1, TcpControl::Rst, 1001));
    outgoing(&mut device, &syn(local, 2, 1000));
    assert_eq!(device.counters().flows_evicted, 0);
    incoming(&mut device, &forged(local, 2, TcpControl::Rst, 999));
    outgoing(&mut device, &syn(local, 3, 1000));
    assert_eq!(device.counters().flows_evicted, 1);
}

#[test]
fn a_live_connection_that_a_new_one_on_its_ports_replaces_is_counted() {
    let local = Family::V4.host();
    let mut device = guarded::<2>(Cable::default());
    outgoing(&mut device, &syn(local, 1, 1000));
    outgoing(&mut device, &syn(local, 1, 1000)); // sent again
    incoming(&mut device, &answer(local, 1, TcpControl::Syn, 1001));
    assert_eq!(device.counters().flows_replaced, 0);
    outgoing(&mut device, &syn(local, 1, 5000));
    assert_eq!(device.counters().flows_replaced, 1);
    assert_eq!(device.counters().flows_evicted, 0);
    // The new connection is the one that the guard knows.
    incoming(&mut device, &answer(local, 1, TcpControl::Syn, 5001));
    assert!(knows(&mut device, local, 1, 5000));
    assert!(!knows(&mut device, local, 1, 1000));
    // One that ended with a RST is not missed.
    outgoing(&mut device, &ours(local, 1, TcpControl::Rst, 5001));
    outgoing(&mut device, &syn(local, 1, 9000));
    assert_eq!(device.counters().flows_replaced, 1);
}

#[test]
fn the_answer_to_a_syn_whose_flow_was_evicted_passes() {
    fn evicted<const FLOWS: usize>() {
        let local = Family::V4.host();
        let mut device = guarded::<FLOWS>(Cable::default());
        for port in 1..=3 {
            outgoing(&mut device, &syn(local, port, 1000));
        }
        for port in 1..=3 {
            let syn_ack = answer(local, port, TcpControl::Syn, 1001);
            assert_eq!(incoming(&mut device, &syn_ack), syn_ack);
        }
        assert_eq!(device.counters().unexpected_syn_acks_refused, 0);
    }
    evicted::<2>();
    evicted::<0>();
}

#[test]
fn an_evicted_syn_turns_rule_9_off_for_a_minute_and_an_evicted_connection_does_not() {
    let local = Family::V4.host();
    let mut device = guarded::<2>(Cable::default());
    let never_asked = answer(local, 9, TcpControl::Syn, 1001);
    for port in 1..=3 {
        outgoing(&mut device, &syn(local, port, 1000));
        incoming(&mut device, &answer(local, port, TcpControl::Syn, 1001));
    }
    assert_eq!(device.counters().flows_evicted, 1);
    assert!(incoming(&mut device, &never_asked).is_empty());

    for port in 4..=6 {
        outgoing(&mut device, &syn(local, port, 1000));
    }
    assert_eq!(device.counters().flows_evicted, 4);
    // smoltcp resends the evicted SYN within 60 s.
    for (secs, passes) in [(0, true), (60, true), (61, false)] {
        let passed = incoming_at(&mut device, Instant::from_secs(secs), &never_asked);
        assert_eq!(!passed.is_empty(), passes, "after {secs} s");
    }
}
