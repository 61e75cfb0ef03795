//! Paths that take shorter packets than our own link.

use smoltcp::phy::{Device, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::TcpControl;

use crate::cable::{Cable, MEDIA};
use crate::frames::{ACK, FAMILIES, Family, Segment, Sent, icmp_error, read};
use crate::host::{GuardedCable, Host, TestDevice};

/// The length of the packet in a frame.
fn packet_len(frame: &[u8]) -> usize {
    frame.len() - 14
}

/// Type and code of the report that a packet is too big.
fn too_big(family: Family) -> (u8, u8) {
    match family {
        Family::V4 => (3, 4),
        #[cfg(feature = "ipv6")]
        Family::V6 => (2, 0),
    }
}

fn data(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 / 3) as u8).collect()
}

/// A host whose first segment was `len` bytes long and lost, with the frame of that segment.
fn sending<D: TestDevice>(family: Family, cable: Cable, len: usize) -> (Host<D>, Vec<u8>) {
    let mut host = Host::connecting(family, 64, cable).accepted(10_000);
    assert_eq!(host.write(&data(len)).len(), len.div_ceil(1400));
    let first = host.cable.0.borrow().from_host[1].clone();
    host.cable.0.borrow_mut().from_host.clear();
    (host, first)
}

/// What has left since this was asked last: the longest packet, and the segments.
fn take_sent<D: TestDevice>(host: &Host<D>) -> (usize, Vec<Sent>) {
    let frames = core::mem::take(&mut host.cable.0.borrow_mut().from_host);
    let segments = frames
        .iter()
        .filter_map(|frame| read(host.family, frame, host.start));
    let longest = frames
        .iter()
        .map(|frame| packet_len(frame))
        .max()
        .unwrap_or(0);
    (longest, segments.collect())
}

/// The stream that the segments carry, each following the one before it.
fn stream(segments: &[Sent]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for segment in segments {
        assert_eq!(segment.seq, bytes.len() as i32);
        bytes.extend_from_slice(&segment.payload);
    }
    bytes
}

#[test]
fn a_segment_that_was_too_big_is_sent_again_in_parts_that_fit() {
    for &family in FAMILIES {
        for (&medium, mtu) in MEDIA
            .iter()
            .flat_map(|medium| [1399, 1280].map(|mtu| (medium, mtu)))
        {
            let (mut bare, first) = sending::<Cable>(family, Cable::over(medium), 4000);
            bare.receive_frame(icmp_error(family, too_big(family), mtu, &first));
            bare.sleep();
            assert!(take_sent(&bare).0 > mtu as usize, "the defect is gone");

            let (mut guarded, first) = sending::<GuardedCable>(family, Cable::over(medium), 4000);
            guarded.receive_frame(icmp_error(family, too_big(family), mtu, &first));
            guarded.sleep();
            guarded.poll(); // the last part waits for the next poll
            let (longest, segments) = take_sent(&guarded);
            assert_eq!(longest, mtu as usize);
            assert_eq!(stream(&segments), data(4000));
            assert_eq!(guarded.device.counters().segments_cut, 2);
            let pushed = segments
                .iter()
                .map(|segment| segment.control == TcpControl::Psh);
            let last = segments.len() - 1;
            assert!(
                pushed
                    .enumerate()
                    .all(|(at, pushed)| pushed == (at == last))
            );
            assert_eq!(guarded.device.counters().path_mtus_learnt, 1);
        }
    }
}

#[test]
fn a_lower_bound_keeps_a_liar_from_making_tiny_segments() {
    for &family in FAMILIES {
        for (reported, longest) in match family {
            Family::V4 => [(0, 576), (1, 576), (575, 576), (577, 577)],
            #[cfg(feature = "ipv6")]
            Family::V6 => [(0, 1460), (1, 1460), (1279, 1460), (1280, 1280)],
        } {
            let (mut host, first) = sending::<GuardedCable>(family, Cable::default(), 1400);
            host.receive_frame(icmp_error(family, too_big(family), reported, &first));
            host.sleep();
            host.poll();
            let (found, segments) = take_sent(&host);
            assert_eq!(found, longest, "{reported} was reported");
            assert_eq!(stream(&segments), data(1400));
        }
    }
}

#[test]
fn a_report_about_what_was_never_sent_or_was_acknowledged_is_not_believed() {
    for &family in FAMILIES {
        let learnt = |change: &dyn Fn(&mut Vec<u8>), mtu, acknowledged| {
            let (mut host, mut first) = sending::<GuardedCable>(family, Cable::default(), 1400);
            host.receive(Segment {
                ack: acknowledged,
                ..ACK
            });
            change(&mut first);
            host.receive_frame(icmp_error(family, too_big(family), mtu, &first));
            host.device.counters().path_mtus_learnt
        };
        let tcp_at = family.tcp_at();
        assert_eq!(learnt(&|_| {}, 1300, 0), 1);
        assert_eq!(learnt(&|_| {}, 1300, 1400), 0, "all is acknowledged");
        let packet_len = (1400 + 20 + tcp_at - 14) as u32;
        for mtu in [packet_len, packet_len + 1, 65_535, u32::MAX] {
            assert_eq!(
                learnt(&|_| {}, mtu, 0),
                0,
                "the packet had {packet_len} bytes"
            );
        }
        for at in tcp_at..tcp_at + 6 {
            assert_eq!(learnt(&|frame| frame[at] ^= 1, 1300, 0), 0, "byte {at}");
        }
        let len_at = if tcp_at == 34 { 16 } else { 18 };
        assert_eq!(
            learnt(&|frame| frame[len_at] += 1, 1300, 0),
            0,
            "longer than ours"
        );
    }
}

#[test]
fn a_report_never_widens_a_path() {
    for &family in FAMILIES {
        let (mut host, first) = sending::<GuardedCable>(family, Cable::default(), 1400);
        for mtu in [1300, 1400, 1350] {
            host.receive_frame(icmp_error(family, too_big(family), mtu, &first));
        }
        host.sleep();
        host.poll();
        assert_eq!(take_sent(&host).0, 1300);
    }
}

#[test]
fn a_path_is_tried_again_after_ten_minutes() {
    for &family in FAMILIES {
        let (mut host, first) = sending::<GuardedCable>(family, Cable::default(), 1400);
        host.receive_frame(icmp_error(family, too_big(family), 1300, &first));
        host.receive(Segment {
            ack: 1400,
            window: 10_000,
            ..ACK
        });
        for (round, (millis, longest)) in [(1, (599_000, 1300)), (2, (1001, packet_len(&first)))] {
            host.advance(millis);
            host.receive_frame(crate::frames::introduction(family));
            take_sent(&host);
            host.write(&data(1400));
            host.poll();
            assert_eq!(take_sent(&host).0, longest);
            host.receive(Segment {
                ack: 1400 * (round + 1),
                window: 10_000,
                ..ACK
            });
        }
    }
}

#[test]
fn a_fin_leaves_with_the_last_part_only() {
    for &family in FAMILIES {
        let (mut host, first) = sending::<GuardedCable>(family, Cable::default(), 1400);
        host.close();
        host.receive_frame(icmp_error(family, too_big(family), 1280, &first));
        take_sent(&host);
        host.sleep();
        host.poll();
        let (_, segments) = take_sent(&host);
        assert_eq!(stream(&segments), data(1400));
        let fins: Vec<_> = segments
            .iter()
            .map(|one| one.control == TcpControl::Fin)
            .collect();
        assert_eq!(fins, [false, true]);
    }
}

#[test]
fn the_rest_of_a_segment_waits_for_room_in_the_device() {
    for &family in FAMILIES {
        let (mut host, first) = sending::<GuardedCable>(family, Cable::default(), 1400);
        host.receive_frame(icmp_error(family, too_big(family), 1280, &first));
        // One part leaves, and then the device has no room.
        let token = host.device.transmit(Instant::ZERO).expect("there is room");
        token.consume(first.len(), |room| {
            let packet = if room.len() == first.len() {
                &first[..]
            } else {
                &[]
            };
            room.copy_from_slice(packet);
        });
        host.cable.0.borrow_mut().refuses = true;
        assert!(host.device.transmit(Instant::ZERO).is_none());
        assert!(host.device.poll_at().is_some());
        assert_eq!(take_sent(&host).1.len(), 1);
        host.cable.0.borrow_mut().refuses = false;
        host.poll();
        let (_, segments) = take_sent(&host);
        assert!(segments.len() == 1 && segments[0].seq > 0, "{segments:?}");
        assert_eq!(host.device.counters().own_frames_lost, 0);
    }
}
