//! A fast retransmit while the neighbour's hardware address may have expired.

use smoltcp::wire::{EthernetAddress, TcpControl};

use crate::cable::Cable;
#[cfg(feature = "ipv6")]
use crate::frames::neighbor_advertisement;
use crate::frames::{
    ACK, FAMILIES, Family, PEER_MAC, Segment, build, introduction, neighbour_reply,
};
use crate::host::{GuardedCable, Host, TestDevice, sends_from};

/// Another host's address, or the peer's after bit errors.
const OTHER_MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 3]);

/// Sends data 59.5 s after the neighbour was heard. Then four ACKs that acknowledge nothing come
/// in, `millis` later, in frames from `source`. Returns whether the data is resent. smoltcp knows a
/// neighbour for 60 s, and its retransmission timer runs for 1 s.
fn duplicates_resend_data<D: TestDevice>(
    host: &mut Host<D>,
    millis: u64,
    source: EthernetAddress,
) -> bool {
    host.advance(59_500);
    write_and_receive_duplicates(host, millis, source)
}

fn write_and_receive_duplicates<D: TestDevice>(
    host: &mut Host<D>,
    millis: u64,
    source: EthernetAddress,
) -> bool {
    assert!(sends_from(&host.write(b"data"), 0));
    host.advance(millis);
    let frame = frame_from(host, &ACK, source);
    let sent: Vec<_> = (0..4)
        .flat_map(|_| host.receive_frame(frame.clone()))
        .collect();
    sends_from(&sent, 0)
}

/// The peer's segment, in a frame from `source`.
fn frame_from<D>(host: &Host<D>, segment: &Segment<'_>, source: EthernetAddress) -> Vec<u8> {
    let mut frame = build(host.family, segment, host.start);
    frame[6..12].copy_from_slice(source.as_bytes());
    frame
}

fn connected_through_router<D: TestDevice>() -> Host<D> {
    Host::connected_through_router(64, 1000)
}

#[test]
fn an_expired_router_does_not_stop_retransmission() {
    let mut bare = connected_through_router::<Cable>();
    assert!(!duplicates_resend_data(&mut bare, 600, PEER_MAC));
    bare.receive_from_router();
    assert!(!sends_from(&bare.sleep_a_minute(), 0));
    assert!(bare.has_no_timer(), "the defect is gone");
    assert_eq!(bare.socket().send_queue(), 4);

    let mut guarded = connected_through_router::<GuardedCable>();
    assert!(!duplicates_resend_data(&mut guarded, 600, PEER_MAC));
    assert_eq!(guarded.device.counters().neighbour_duplicates_varied, 4);
    guarded.receive_from_router();
    assert!(sends_from(&guarded.sleep_a_minute(), 0));
    guarded.receive(Segment { ack: 4, ..ACK });
    assert_eq!(guarded.socket().send_queue(), 0);
}

#[test]
fn acks_that_do_not_refresh_the_peer_do_not_stop_retransmission() {
    // Bit errors changed the frame's source, or the ACKs take another way back.
    for &family in FAMILIES {
        let mut bare = Host::<Cable>::connected(family, 64, 1000);
        assert!(!duplicates_resend_data(&mut bare, 600, OTHER_MAC));
        bare.receive_frame(introduction(family));
        assert!(!sends_from(&bare.sleep_a_minute(), 0));
        assert!(bare.has_no_timer(), "the defect is gone");

        let mut guarded = Host::<GuardedCable>::connected(family, 64, 1000);
        assert!(!duplicates_resend_data(&mut guarded, 600, OTHER_MAC));
        assert_eq!(guarded.device.counters().neighbour_duplicates_varied, 4);
        guarded.receive_frame(introduction(family));
        assert!(sends_from(&guarded.sleep_a_minute(), 0));
    }
}

#[test]
fn a_neighbour_that_is_certainly_known_gets_its_fast_retransmit() {
    for &family in FAMILIES {
        for frame in [introduction(family), neighbour_reply(family)] {
            let host = Host::<GuardedCable>::resolving(family, 64, Cable::default());
            let mut host = host.introduced(frame).accepted(1000);
            assert!(duplicates_resend_data(&mut host, 600, PEER_MAC));
            assert_eq!(host.device.counters().neighbour_duplicates_varied, 0);
        }
    }
    let mut host = connected_through_router::<GuardedCable>();
    host.advance(58_000);
    host.write(b"data");
    let sent: Vec<_> = (0..4).flat_map(|_| host.receive(ACK)).collect();
    assert!(sends_from(&sent, 0));
}

#[test]
fn a_router_is_not_known_by_its_other_addresses() {
    for &family in FAMILIES {
        let mut frame = neighbour_reply(family);
        if family == Family::V4 {
            frame[31] ^= 8; // another address of the router's
        }
        let mut host = connected_through_router::<GuardedCable>();
        host.advance(30_000);
        host.receive_frame(frame);
        host.advance(29_500);
        assert!(!write_and_receive_duplicates(&mut host, 600, PEER_MAC));
        assert_eq!(host.device.counters().neighbour_duplicates_varied, 4);
        host.receive_from_router();
        assert!(sends_from(&host.sleep_a_minute(), 0));
    }
}

#[cfg(feature = "ipv6")]
#[test]
fn a_router_that_is_silent_over_ipv6_is_known_over_ipv4() {
    let mut host = connected_through_router::<GuardedCable>();
    host.receive_frame(neighbour_reply(Family::V6));
    host.advance(30_000);
    host.receive_from_router();
    host.advance(29_500);
    assert!(write_and_receive_duplicates(&mut host, 600, PEER_MAC));
    assert_eq!(host.device.counters().neighbour_duplicates_varied, 0);
}

#[test]
fn a_direct_peer_is_known_whatever_its_other_addresses_are() {
    let mut host = Host::<GuardedCable>::connected(Family::V4, 64, 1000);
    let mut other_address = neighbour_reply(Family::V4);
    other_address[31] ^= 8;
    host.receive_frame(other_address);
    host.advance(30_000);
    host.receive_frame(introduction(Family::V4));
    host.advance(29_500);
    assert!(write_and_receive_duplicates(&mut host, 600, PEER_MAC));
    assert_eq!(host.device.counters().neighbour_duplicates_varied, 0);
}

/// Whether `frame` refreshes smoltcp's entry for the peer. It comes in half a minute after the peer
/// was heard.
fn refreshes_peer(family: Family, frame: Vec<u8>) -> bool {
    let mut host = Host::<GuardedCable>::connected(family, 64, 1000);
    host.advance(30_000);
    host.receive_frame(frame);
    host.advance(29_500);
    let is_known = write_and_receive_duplicates(&mut host, 600, OTHER_MAC);
    let is_certain = host.device.counters().neighbour_duplicates_varied == 0;
    assert_eq!(is_certain, is_known, "the guard and smoltcp differ");
    is_known
}

#[test]
fn only_what_smoltcp_learns_from_refreshes_a_neighbour() {
    let changed = |family, changes: &[(usize, u8)]| {
        let mut frame = neighbour_reply(family);
        for &(at, byte) in changes {
            frame[at] ^= byte;
        }
        frame
    };
    assert!(refreshes_peer(Family::V4, neighbour_reply(Family::V4)));
    for changes in [
        &[(5, 7)][..],       // to another host
        &[(21, 3), (41, 8)], // a request for another host's address
        &[(27, 1), (31, 8)], // from another neighbour
    ] {
        assert!(!refreshes_peer(Family::V4, changed(Family::V4, changes)));
    }
    #[cfg(feature = "ipv6")]
    {
        use smoltcp::wire::NdiscNeighborFlags;

        assert!(refreshes_peer(Family::V6, neighbour_reply(Family::V6)));
        let damaged = changed(Family::V6, &[(56, 1)]);
        assert!(!refreshes_peer(Family::V6, damaged));
        let weak = neighbor_advertisement(NdiscNeighborFlags::SOLICITED);
        assert!(!refreshes_peer(Family::V6, weak));
    }
}

#[test]
fn what_smoltcp_does_not_get_refreshes_no_neighbour() {
    for &family in FAMILIES {
        let host = Host::<GuardedCable>::connected(family, 64, 1000);
        for segment in [
            // R1 refuses an acknowledgement of what was never sent.
            Segment { ack: 500, ..ACK },
            // Smoltcp answers another segment in the place of a blind reset.
            Segment {
                seq: 5,
                control: TcpControl::Rst,
                ..ACK
            },
        ] {
            assert!(!refreshes_peer(family, build(family, &segment, host.start)));
        }
    }
}

#[test]
fn a_really_closed_window_stays_closed_while_the_neighbour_may_have_expired() {
    for &family in FAMILIES {
        let mut host = Host::<GuardedCable>::connected(family, 64, 1000);
        let closed = Segment { window: 0, ..ACK };
        host.receive(closed);
        assert!(host.write(b"data").is_empty());
        let probe = host.sleep().expect("the probe's timer runs");
        assert!(sends_from(&probe, 0));
        host.advance(61_000);
        let frame = frame_from(&host, &closed, OTHER_MAC);
        host.receive_frame(frame);
        assert_eq!(host.device.counters().neighbour_duplicates_varied, 0);
    }
}

#[test]
fn a_neighbour_cache_that_was_emptied_does_not_stop_retransmission() {
    /// The interface's addresses are set while data is in flight, as when the link was down for a
    /// moment. Then duplicates arrive that an access point held back.
    fn script<D: TestDevice>(host: &mut Host<D>, family: Family, on_emptied: fn(&mut D)) -> bool {
        assert!(sends_from(&host.write(b"data"), 0));
        host.set_address(family.host());
        on_emptied(&mut host.device);
        for _ in 0..4 {
            assert!(!sends_from(&host.receive(ACK), 0));
        }
        host.receive_frame(introduction(family));
        sends_from(&host.sleep_a_minute(), 0)
    }
    for &family in FAMILIES {
        let mut bare = Host::<Cable>::connected(family, 64, 1000);
        assert!(!script(&mut bare, family, |_| {}));
        assert!(bare.has_no_timer(), "the defect is gone");

        let told: [fn(&mut GuardedCable); 2] = [
            GuardedCable::on_link_up,
            // Another address was lost.
            |device| device.forget_address([10, 0, 0, 9].into()),
        ];
        for on_emptied in told {
            let mut guarded = Host::<GuardedCable>::connected(family, 64, 1000);
            assert!(script(&mut guarded, family, on_emptied));
            assert_eq!(guarded.device.counters().neighbour_duplicates_varied, 4);
        }
    }
}
