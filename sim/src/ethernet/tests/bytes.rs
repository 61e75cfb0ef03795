//! Altered frames: what each change may do, and what checksums detect.

use proptest::prelude::*;
use smoltcp::wire::{Icmpv4Packet, IpAddress};

use super::{
    super::{
        Change,
        mangle::{TcpKind, alter, tcp_kind},
    },
    std::vec::Vec,
    *,
};
use crate::Generator;

/// `frame` altered with this seed, in a memory that is longer by `room` bytes.
fn altered(change: Change, frame: &[u8], room: usize, seed: u64) -> Option<Vec<u8>> {
    let mut buffer = frame.to_vec();
    buffer.resize(frame.len() + room, 0);
    let len = alter(change, &mut buffer, frame.len(), &mut Generator::new(seed))?;
    buffer.truncate(len);
    Some(buffer)
}

/// Whether both the IPv4 and the TCP checksum are right, as smoltcp sees it.
fn checksums_are_right(frame: &[u8]) -> bool {
    let Ok(ip) = Ipv4Packet::new_checked(&frame[14..]) else {
        return false;
    };
    let (source, destination) = (
        IpAddress::Ipv4(ip.src_addr()),
        IpAddress::Ipv4(ip.dst_addr()),
    );
    ip.verify_checksum()
        && TcpPacket::new_checked(ip.payload())
            .is_ok_and(|tcp| tcp.verify_checksum(&source, &destination))
}

proptest! {
    #[test]
    fn a_bit_flip_alters_one_bit(frame in prop::collection::vec(any::<u8>(), 1..200), seed: u64) {
        let after = altered(Change::BitFlip, &frame, 10, seed).unwrap();
        prop_assert_eq!(after.len(), frame.len());
        let flipped: u32 = frame.iter().zip(&after).map(|(a, b)| (a ^ b).count_ones()).sum();
        prop_assert_eq!(flipped, 1);
    }

    #[test]
    fn a_truncation_leaves_a_shorter_part(frame in prop::collection::vec(any::<u8>(), 2..200), seed: u64) {
        let after = altered(Change::Truncation, &frame, 10, seed).unwrap();
        prop_assert!((1..frame.len()).contains(&after.len()));
        prop_assert!(frame.starts_with(&after));
    }

    #[test]
    fn padding_follows_the_frame_within_the_memory(
        frame in prop::collection::vec(any::<u8>(), 0..200), room in 1..80_usize, seed: u64,
    ) {
        let after = altered(Change::Padding, &frame, room, seed).unwrap();
        prop_assert!((1..=room.min(46)).contains(&(after.len() - frame.len())));
        prop_assert!(after.starts_with(&frame));
    }

    #[test]
    fn junk_is_one_other_byte_of_the_headers(frame in prop::collection::vec(any::<u8>(), 1..200), seed: u64) {
        let after = altered(Change::Junk, &frame, 10, seed).unwrap();
        prop_assert_eq!(after.len(), frame.len());
        let places: Vec<_> = (0..frame.len()).filter(|&n| frame[n] != after[n]).collect();
        prop_assert_eq!(places.len(), 1);
        prop_assert!(places[0] < 54);
    }

    #[test]
    fn a_word_swap_alters_the_payload_and_no_checksum_detects_it(
        payload in prop::collection::vec(any::<u8>(), 0..100), seed: u64,
    ) {
        let frame = tcp_frame(&payload);
        let first = payload.get(..2);
        if payload.chunks_exact(2).all(|word| Some(word) == first) {
            prop_assert_eq!(altered(Change::WordSwap, &frame, 0, seed), None);
        } else {
            let after = altered(Change::WordSwap, &frame, 0, seed).unwrap();
            prop_assert_ne!(&after, &frame);
            prop_assert_eq!(&after[..54], &frame[..54]);
            prop_assert!(checksums_are_right(&after));
        }
    }

    #[test]
    fn a_lie_is_another_segment_or_a_report_and_no_checksum_detects_it(
        payload in prop::collection::vec(any::<u8>(), 0..100), seed: u64,
    ) {
        let frame = tcp_frame(&payload);
        let after = altered(Change::Lie, &frame, 100, seed).unwrap();
        prop_assert_ne!(&after, &frame);
        prop_assert_eq!(&after[..14], &frame[..14]);
        if after[23] == 1 {
            let icmp = Icmpv4Packet::new_checked(&after[34..]).unwrap();
            prop_assert!(icmp.verify_checksum());
            let about = Ipv4Packet::new_unchecked(icmp.data());
            prop_assert_eq!(about.src_addr(), Ipv4Address::new(10, 0, 0, 2));
            prop_assert_eq!(about.dst_addr(), Ipv4Address::new(10, 0, 0, 1));
        } else {
            prop_assert!(checksums_are_right(&after));
            prop_assert!(after.ends_with(&payload) || after.len() == 66);
        }
    }

    /// No flipped bit and no junk byte may pass both checksums as a different segment: a transfer
    /// without a digest would have no way to detect it.
    #[test]
    fn checksums_detect_every_flip_and_every_junk_byte_after_the_ethernet_header(
        payload in prop::collection::vec(any::<u8>(), 0..100), seed: u64, junk: bool,
    ) {
        let change = if junk { Change::Junk } else { Change::BitFlip };
        let frame = tcp_frame(&payload);
        let after = altered(change, &frame, 0, seed).unwrap();
        prop_assert_eq!(checksums_are_right(&after), after[14..] == frame[14..]);
    }

    #[test]
    fn any_bytes_can_be_sorted_and_altered(
        mut frame in prop::collection::vec(any::<u8>(), 0..100), ip: bool, seed: u64,
    ) {
        if ip && frame.len() > 24 {
            frame[12..15].copy_from_slice(&[8, 0, 0x45]);
            frame[23] = 6;
        }
        let _ = tcp_kind(&frame);
        for change in Change::ALL {
            if let Some(after) = altered(change, &frame, 5, seed) {
                prop_assert_ne!(after, frame.clone());
            }
        }
    }
}

#[test]
fn a_frame_without_room_for_a_change_is_left_as_it_is() {
    let full = frame(address(1), 0, 64);
    assert_eq!(altered(Change::Padding, &full, 0, 1), None);
    assert_eq!(altered(Change::WordSwap, &full, 0, 1), None);
    assert_eq!(altered(Change::Truncation, &[7], 0, 1), None);
    for change in [
        Change::BitFlip,
        Change::Truncation,
        Change::Junk,
        Change::WordSwap,
        Change::Lie,
    ] {
        assert_eq!(altered(change, &[], 5, 1), None);
    }
}

#[test]
fn segments_are_told_apart_with_padding_too() {
    let with_flag = |set: fn(&mut TcpPacket<&mut [u8]>)| {
        let mut bytes = tcp_frame(b"");
        set(&mut TcpPacket::new_unchecked(&mut bytes[34..]));
        bytes
    };
    let mut padded = tcp_frame(b"");
    padded.extend([9; 6]);
    assert_eq!(tcp_kind(&padded), Some(TcpKind::Ack));
    assert_eq!(tcp_kind(&tcp_frame(b"x")), Some(TcpKind::Data));
    assert_eq!(tcp_kind(&with_flag(|tcp| tcp.set_syn(true))), None);
    assert_eq!(tcp_kind(&with_flag(|tcp| tcp.set_fin(true))), None);
    assert_eq!(tcp_kind(&with_flag(|tcp| tcp.set_rst(true))), None);
    assert_eq!(tcp_kind(&broadcast(0)), None);
    for cut in 0..padded.len() - 6 {
        assert_eq!(tcp_kind(&padded[..cut]), None, "cut at {cut}");
    }
}
#[test]
fn segments_are_told_apart_over_ipv6() {
    let tcp = &tcp_frame(b"x")[34..];
    let mut bytes = vec![0; 14 + 40];
    bytes[12..15].copy_from_slice(&[0x86, 0xdd, 0x60]);
    bytes[19] = u8::try_from(tcp.len()).unwrap();
    bytes[20] = 6;
    bytes.extend_from_slice(tcp);
    assert_eq!(tcp_kind(&bytes), Some(TcpKind::Data));
    bytes[19] -= 1;
    assert_eq!(tcp_kind(&bytes), Some(TcpKind::Ack));
}
