//! A fast retransmit while the neighbour's hardware address may have expired.

use smoltcp::wire::EthernetAddress;

use crate::cable::Cable;
#[cfg(feature = "ipv6")]
use crate::frames::neighbor_advertisement;
use crate::frames::{ACK, FAMILIES, Family, PEER_MAC, Segment, answer, build, introduction};
use crate::host::{Guarded, Host, Wrapped, compare, resends};

/// Another host's address, or the peer's after damage.
const OTHER_MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 3]);

/// Data leaves 59.5 s after the neighbour was heard, and `millis` later come four ACKs of nothing, in frames from `source`:
/// whether they bring the data out again. smoltcp knows a neighbour for 60 s, and its timer runs for 1 s.
fn duplicates_bring_data<D: Wrapped>(
    host: &mut Host<D>,
    millis: u64,
    source: EthernetAddress,
) -> bool {
    host.pass(59_500);
    write_and_hear_duplicates(host, millis, source)
}

fn write_and_hear_duplicates<D: Wrapped>(
    host: &mut Host<D>,
    millis: u64,
    source: EthernetAddress,
) -> bool {
    assert!(resends(&host.write(b"data"), 0));
    host.pass(millis);
    let frame = from(host, &ACK, source);
    let sent: Vec<_> = (0..4)
        .flat_map(|_| host.hear_frame(frame.clone()))
        .collect();
    resends(&sent, 0)
}

/// The peer's segment in a frame from `source`.
fn from<D>(host: &Host<D>, segment: &Segment<'_>, source: EthernetAddress) -> Vec<u8> {
    let mut frame = build(host.family, segment, host.start);
    frame[6..12].copy_from_slice(source.as_bytes());
    frame
}

fn behind_router<D: Wrapped>() -> Host<D> {
    Host::connected_through_router(64, 1000)
}

#[test]
fn an_expired_router_does_not_stop_retransmission() {
    let mut bare = behind_router::<Cable>();
    assert!(!duplicates_bring_data(&mut bare, 600, PEER_MAC));
    bare.hear_router();
    assert!(!resends(&bare.sleep_a_minute(), 0));
    assert!(bare.sleeps_for_ever(), "the defect is gone");
    assert_eq!(bare.socket().send_queue(), 4);

    let mut guarded = behind_router::<Guarded>();
    assert!(!duplicates_bring_data(&mut guarded, 600, PEER_MAC));
    assert_eq!(guarded.device.counters().unsure_duplicates_varied, 4);
    guarded.hear_router();
    assert!(resends(&guarded.sleep_a_minute(), 0));
    guarded.hear(Segment { ack: 4, ..ACK });
    assert_eq!(guarded.socket().send_queue(), 0);
}

#[test]
fn acks_that_do_not_refresh_the_peer_do_not_stop_retransmission() {
    // A damaged frame, or one that took another way back.
    compare(
        64,
        1000,
        |mut bare| {
            assert!(!duplicates_bring_data(&mut bare, 600, OTHER_MAC));
            bare.hear_frame(introduction(bare.family));
            assert!(!resends(&bare.sleep_a_minute(), 0));
            assert!(bare.sleeps_for_ever(), "the defect is gone");
        },
        |mut guarded| {
            assert!(!duplicates_bring_data(&mut guarded, 600, OTHER_MAC));
            assert_eq!(guarded.device.counters().unsure_duplicates_varied, 4);
            guarded.hear_frame(introduction(guarded.family));
            assert!(resends(&guarded.sleep_a_minute(), 0));
        },
    );
}

#[test]
fn a_neighbour_that_is_surely_known_gets_its_fast_retransmit() {
    for &family in FAMILIES {
        for frame in [introduction(family), answer(family)] {
            let host = Host::<Guarded>::resolving(family, 64, Cable::default());
            let mut host = host.introduced(frame).accepted(1000);
            assert!(duplicates_bring_data(&mut host, 600, PEER_MAC));
            assert_eq!(host.device.counters().unsure_duplicates_varied, 0);
        }
    }
    let mut host = behind_router::<Guarded>();
    host.pass(58_000);
    host.write(b"data");
    let sent: Vec<_> = (0..4).flat_map(|_| host.hear(ACK)).collect();
    assert!(resends(&sent, 0));
}

#[test]
fn a_router_is_not_known_by_its_other_addresses() {
    let mut other_address = answer(Family::V4);
    other_address[31] ^= 8;
    for frame in [
        other_address,
        #[cfg(feature = "ipv6")]
        answer(Family::V6),
    ] {
        let mut host = behind_router::<Guarded>();
        host.pass(30_000);
        host.hear_frame(frame);
        host.pass(29_500);
        assert!(!write_and_hear_duplicates(&mut host, 600, PEER_MAC));
        assert_eq!(host.device.counters().unsure_duplicates_varied, 4);
        host.hear_router();
        assert!(resends(&host.sleep_a_minute(), 0));
    }
}

#[cfg(feature = "ipv6")]
#[test]
fn a_router_that_is_silent_over_ipv6_is_known_over_ipv4() {
    let mut host = behind_router::<Guarded>();
    host.hear_frame(answer(Family::V6));
    host.pass(30_000);
    host.hear_router();
    host.pass(29_500);
    assert!(write_and_hear_duplicates(&mut host, 600, PEER_MAC));
    assert_eq!(host.device.counters().unsure_duplicates_varied, 0);
}

#[test]
fn a_direct_peer_is_known_whatever_its_other_addresses_are() {
    let mut host = Host::<Guarded>::connected(Family::V4, 64, 1000);
    let mut other_address = answer(Family::V4);
    other_address[31] ^= 8;
    host.hear_frame(other_address);
    host.pass(30_000);
    host.hear_frame(introduction(Family::V4));
    host.pass(29_500);
    assert!(write_and_hear_duplicates(&mut host, 600, PEER_MAC));
    assert_eq!(host.device.counters().unsure_duplicates_varied, 0);
}

/// Whether `frame`, heard half a minute after the peer, keeps the peer known for the other half.
fn keeps_peer_known(family: Family, frame: Vec<u8>) -> bool {
    let mut host = Host::<Guarded>::connected(family, 64, 1000);
    host.pass(30_000);
    host.hear_frame(frame);
    host.pass(29_500);
    let is_known = write_and_hear_duplicates(&mut host, 600, OTHER_MAC);
    let is_sure = host.device.counters().unsure_duplicates_varied == 0;
    assert_eq!(is_sure, is_known, "the guard and smoltcp differ");
    is_known
}

#[test]
fn only_what_smoltcp_learns_from_keeps_a_neighbour_known() {
    let changed = |family, changes: &[(usize, u8)]| {
        let mut frame = answer(family);
        for &(at, byte) in changes {
            frame[at] ^= byte;
        }
        frame
    };
    assert!(keeps_peer_known(Family::V4, answer(Family::V4)));
    for changes in [
        &[(5, 7)][..],       // to another host
        &[(21, 3), (41, 8)], // a request for another host's address
        &[(27, 1), (31, 8)], // from another neighbour
    ] {
        assert!(!keeps_peer_known(Family::V4, changed(Family::V4, changes)));
    }
    #[cfg(feature = "ipv6")]
    {
        use smoltcp::wire::NdiscNeighborFlags;

        assert!(keeps_peer_known(Family::V6, answer(Family::V6)));
        let damaged = changed(Family::V6, &[(56, 1)]);
        assert!(!keeps_peer_known(Family::V6, damaged));
        let weak = neighbor_advertisement(NdiscNeighborFlags::SOLICITED);
        assert!(!keeps_peer_known(Family::V6, weak));
    }
}

#[test]
fn an_honestly_closed_window_stays_closed_while_the_neighbour_is_unsure() {
    for &family in FAMILIES {
        let mut host = Host::<Guarded>::connected(family, 64, 1000);
        let closed = Segment { window: 0, ..ACK };
        host.hear(closed);
        assert!(host.write(b"data").is_empty());
        let probe = host.sleep().expect("the probe's timer runs");
        assert!(resends(&probe, 0));
        host.pass(61_000);
        let frame = from(&host, &closed, OTHER_MAC);
        host.hear_frame(frame);
        assert_eq!(host.device.counters().unsure_duplicates_varied, 0);
    }
}
