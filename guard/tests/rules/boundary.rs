//! What passes the guard untouched, and what must not pass.

use smoltcp::phy::{Checksum, ChecksumCapabilities, Device, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, Ipv4Packet, TcpControl, TcpPacket};
use smoltcp_guard::{Guarded, Storage};

use crate::cable::{Cable, MTU};
use crate::frames::{ACK, FAMILIES, Family, Segment, build};
use crate::host::{GuardedCable, Host, guarded, sends_from};

/// What smoltcp is given when `frame` comes in.
pub(crate) fn incoming(device: &mut Guarded<'_, Cable>, frame: &[u8]) -> Vec<u8> {
    incoming_at(device, Instant::ZERO, frame)
}

/// The same, at the time `now`.
pub(crate) fn incoming_at(device: &mut Guarded<'_, Cable>, now: Instant, frame: &[u8]) -> Vec<u8> {
    device
        .get_ref()
        .0
        .borrow_mut()
        .to_host
        .push_back(frame.to_vec());
    let (received, _) = device.receive(now).expect("a frame is there");
    received.consume(<[u8]>::to_vec)
}

/// What the device is given when smoltcp fills `frame`.
pub(crate) fn outgoing(device: &mut Guarded<'_, Cable>, frame: &[u8]) -> Vec<u8> {
    let token = device.transmit(Instant::ZERO).expect("there is room");
    token.consume(frame.len(), |room| room.copy_from_slice(frame));
    let sent = device.get_ref().0.borrow_mut().from_host.pop();
    sent.expect("the frame is out")
}

/// An established flow with four bytes in flight, so that R4 applies to a zero window.
pub(crate) fn sending(family: Family) -> Host<GuardedCable> {
    let mut host = Host::connected(family, 64, 1000);
    assert!(sends_from(&host.write(b"data"), 0));
    host
}

pub(crate) const CLOSED: Segment<'static> = Segment { window: 0, ..ACK };

#[test]
fn a_segment_with_a_wrong_checksum_reaches_smoltcp_as_an_empty_frame() {
    for &family in FAMILIES {
        let mut host = sending(family);
        let right = build(
            family,
            &Segment {
                payload: b"abc",
                ..ACK
            },
            host.start,
        );
        assert_eq!(incoming(&mut host.device, &right), right);
        for at in family.tcp_at()..right.len() {
            for bit in 0..8 {
                let mut wrong = right.clone();
                wrong[at] ^= 1 << bit;
                let given = incoming(&mut host.device, &wrong);
                let is_tcp = TcpPacket::new_checked(&wrong[family.tcp_at()..]).is_ok();
                assert!(given.is_empty() || !is_tcp, "byte {at}, bit {bit}");
            }
        }
        assert!(host.device.counters().bad_checksums > 8 * 20);
    }
}

#[test]
fn a_wrong_checksum_is_refused_on_an_unknown_flow_and_for_any_hardware_address() {
    for &family in FAMILIES {
        let mut device = guarded::<3>(Cable::default());
        device.set_mac(EthernetAddress([2, 9, 9, 9, 9, 9]));
        let right = build(family, &ACK, 0);
        assert_eq!(incoming(&mut device, &right), right);
        let mut wrong = right;
        wrong[family.tcp_at() + 4] ^= 1;
        assert!(incoming(&mut device, &wrong).is_empty());
        assert_eq!(device.counters().bad_checksums, 1);
    }
}

#[test]
fn smoltcp_is_told_not_to_verify_what_the_guard_verifies() {
    let told = |device: Checksum| {
        let cable = Cable::default();
        cable.0.borrow_mut().checksum.tcp = device;
        guarded::<3>(cable).capabilities().checksum
    };
    let both = told(Checksum::Both);
    assert!(!both.tcp.rx() && both.tcp.tx());
    assert!(
        both.ipv4.rx() && both.udp.rx(),
        "the guard verifies TCP only"
    );
    let verify = told(Checksum::Rx).tcp;
    assert!(!verify.rx() && !verify.tx());
    let compute = told(Checksum::Tx).tcp;
    assert!(!compute.rx() && compute.tx());
    let none = told(Checksum::None).tcp;
    assert!(!none.rx() && !none.tx());
}

#[test]
fn checksums_that_the_device_verifies_are_left_to_it() {
    for &family in FAMILIES {
        let cable = Cable::default();
        cable.0.borrow_mut().checksum = ChecksumCapabilities::ignored();
        let mut device = guarded::<3>(cable);
        let mut frame = build(family, &ACK, 0);
        frame[family.tcp_at() + 16] ^= 1;
        assert_eq!(incoming(&mut device, &frame), frame);
    }
}

#[test]
fn tcp_after_ipv4_options_is_verified_too() {
    let mut frame = build(Family::V4, &ACK, 0);
    frame.splice(34..34, [1; 4]); // four no-operation options
    let mut ip = Ipv4Packet::new_unchecked(&mut frame[14..]);
    let total_len = ip.total_len() + 4;
    ip.set_header_len(24);
    ip.set_total_len(total_len);
    ip.fill_checksum();

    let mut device = guarded::<3>(Cable::default());
    assert_eq!(incoming(&mut device, &frame), frame);
    frame[38 + 4] ^= 1;
    assert!(incoming(&mut device, &frame).is_empty());
}

#[cfg(feature = "ipv6")]
#[test]
fn tcp_after_a_hop_by_hop_header_is_verified_too() {
    let mut frame = build(Family::V6, &ACK, 0);
    // Next header TCP, 8 bytes long, six bytes of padding (RFC 8200, 4.2 and 4.3).
    frame.splice(54..54, [6, 0, 1, 4, 0, 0, 0, 0]);
    frame[19] += 8;
    frame[20] = 0;

    let mut device = guarded::<3>(Cable::default());
    assert_eq!(incoming(&mut device, &frame), frame);
    frame[62 + 4] ^= 1;
    assert!(incoming(&mut device, &frame).is_empty());
}

#[test]
fn a_fragment_passes_only_when_it_is_not_tcp() {
    let mut frame = build(Family::V4, &ACK, 0);
    let mut ip = Ipv4Packet::new_unchecked(&mut frame[14..]);
    ip.set_more_frags(true);
    ip.fill_checksum();
    let mut device = guarded::<3>(Cable::default());
    assert!(incoming(&mut device, &frame).is_empty());
    assert_eq!(device.counters().fragments_refused, 1);

    let mut ip = Ipv4Packet::new_unchecked(&mut frame[14..]);
    ip.set_next_header(smoltcp::wire::IpProtocol::Udp);
    ip.fill_checksum();
    assert_eq!(incoming(&mut device, &frame), frame);
}

#[test]
fn rules_apply_only_to_frames_for_our_hardware_address() {
    for &family in FAMILIES {
        let mut host = sending(family);
        let ours = build(family, &CLOSED, host.start);
        let mut other = ours.clone();
        other[5] ^= 1;
        assert_eq!(incoming(&mut host.device, &other), other);
        assert_ne!(incoming(&mut host.device, &ours), ours);
        assert_eq!(host.device.counters().zero_windows_opened, 1);
    }
}

#[test]
fn rules_apply_to_frames_for_a_group_address_because_smoltcp_reads_them() {
    for &family in FAMILIES {
        for group in [
            EthernetAddress::BROADCAST,
            EthernetAddress([1, 0, 0x5e, 0, 0, 1]),
        ] {
            let mut host = sending(family);
            let mut frame = build(family, &CLOSED, host.start);
            frame[..6].copy_from_slice(group.as_bytes());
            assert_ne!(incoming(&mut host.device, &frame), frame);
            assert_eq!(host.device.counters().zero_windows_opened, 1);
        }
    }
}

#[test]
fn a_frame_with_a_vlan_tag_passes_untouched() {
    let mut host = sending(Family::V4);
    let mut frame = build(Family::V4, &CLOSED, host.start);
    frame.splice(12..12, [0x81, 0x00, 0x00, 0x01]);
    assert_eq!(incoming(&mut host.device, &frame), frame);
}

#[test]
fn a_packet_with_a_wrong_ip_checksum_passes_untouched_for_smoltcp_to_drop() {
    let mut host = sending(Family::V4);
    let mut frame = build(Family::V4, &CLOSED, host.start);
    frame[22] ^= 1;
    assert_eq!(incoming(&mut host.device, &frame), frame);
    assert_eq!(host.device.counters().zero_windows_opened, 0);
    // A flipped bit may make the packet look like a fragment.
    frame[22] ^= 1;
    frame[21] ^= 1;
    assert_eq!(incoming(&mut host.device, &frame), frame);
    assert_eq!(host.device.counters().fragments_refused, 0);
}

#[test]
fn nothing_is_touched_before_the_handshake_is_done() {
    for &family in FAMILIES {
        let mut host = Host::<GuardedCable>::connecting(family, 64, Cable::default());
        // The peer still has an old connection on these ports, and answers our SYN with what it
        // expects there. Only our RST ends that connection.
        for _ in 0..2 {
            let replies = host.receive(Segment {
                ack: 5000,
                window: 0,
                ..ACK
            });
            assert_eq!(replies[0].control, TcpControl::Rst);
        }
        assert_eq!(host.device.counters().unsent_acks_refused, 0);
    }
}

#[test]
fn a_device_without_room_still_holds_frames_back_while_nothing_is_lost() {
    for &family in FAMILIES {
        let mut host = sending(family);
        host.cable.0.borrow_mut().refuses = true;
        assert!(host.device.transmit(Instant::ZERO).is_none());
        host.receive(ACK); // a duplicate: a fast retransmit may be next
        assert!(host.device.transmit(Instant::ZERO).is_some());
        host.cable.0.borrow_mut().refuses = false;
        assert!(sends_from(&host.write(b"more"), 4));
        host.cable.0.borrow_mut().refuses = true;
        assert!(host.device.transmit(Instant::ZERO).is_none());
    }
}

#[test]
fn a_passive_guard_lets_everything_pass_and_leaves_checksums_to_smoltcp() {
    for &family in FAMILIES {
        let mut storage: Storage<3> = Storage::new();
        let mut device = Guarded::passive(Cable::default(), &mut storage);
        let given = device.capabilities().checksum.tcp;
        assert!(given.rx() && given.tx());
        let mut wrong = build(family, &ACK, 0);
        wrong[family.tcp_at()] ^= 1;
        assert_eq!(incoming(&mut device, &wrong), wrong);
        assert_eq!(device.counters(), Default::default());
    }
}

#[test]
fn rules_apply_to_the_hardware_address_that_the_interface_has_now() {
    let mut host = sending(Family::V4);
    let old = build(Family::V4, &CLOSED, host.start);
    let mut new = old.clone();
    new[5] ^= 1;
    host.device.set_mac(EthernetAddress::from_bytes(&new[..6]));
    assert_eq!(incoming(&mut host.device, &old), old);
    assert_ne!(incoming(&mut host.device, &new), new);
}

#[test]
fn a_fragment_passes_where_the_device_verifies_checksums() {
    let cable = Cable::default();
    cable.0.borrow_mut().checksum.tcp = Checksum::Tx;
    let mut device = guarded::<3>(cable);
    let mut frame = build(Family::V4, &ACK, 0);
    let mut ip = Ipv4Packet::new_unchecked(&mut frame[14..]);
    ip.set_more_frags(true);
    ip.fill_checksum();
    assert_eq!(incoming(&mut device, &frame), frame);
    assert_eq!(device.counters().fragments_refused, 0);
}

#[test]
fn the_device_inside_can_be_reached_and_taken_back() {
    let cable = Cable::default();
    let mut device = guarded::<3>(cable);
    device.get_mut().0.borrow_mut().refuses = true;
    assert!(device.transmit(Instant::ZERO).is_none());
    let cable = device.into_inner();
    cable.0.borrow_mut().refuses = false;
    let mut storage: Storage<3> = Storage::new();
    let mut device = Guarded::passive(cable, &mut storage);
    assert!(device.transmit(Instant::ZERO).is_some());
}

#[test]
fn no_frame_is_dropped_that_may_not_fit_since_the_device_takes_longer_ones() {
    for grows_after_smoltcp_was_told in [false, true] {
        let mut host = sending(Family::V4);
        host.receive(ACK); // a duplicate: a fast retransmit may be next
        let ends = host.cable.0.clone();
        ends.borrow_mut().refuses = true;
        ends.borrow_mut().mtu = 9_014;
        if !grows_after_smoltcp_was_told {
            assert_eq!(host.device.capabilities().max_transmission_unit, 9_014);
            ends.borrow_mut().mtu = MTU;
        }
        // The buffer has room for what smoltcp was told first.
        let token = host.device.transmit(Instant::ZERO);
        assert_eq!(token.is_some(), grows_after_smoltcp_was_told);
    }
}
