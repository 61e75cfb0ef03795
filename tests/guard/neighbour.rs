//! A fast retransmit while the neighbour's hardware address may have expired.

use smoltcp::wire::EthernetAddress;

use crate::cable::Cable;
use crate::frames::{ACK, FAMILIES, Family, PEER_MAC, Segment, answer, build, introduction};
use crate::host::{Guarded, Host, Wrapped, compare, resends};

/// Data leaves 59.5 s after the neighbour was heard, and `millis` later come four ACKs of nothing, in frames from `source`:
/// whether they bring the data out again. smoltcp knows a neighbour for 60 s, and its timer runs for 1 s.
fn duplicates_bring_data<D: Wrapped>(
    host: &mut Host<D>,
    millis: u64,
    source: EthernetAddress,
) -> bool {
    host.pass(59_500);
    assert!(resends(&host.write(b"data"), 0));
    host.pass(millis);
    let mut frame = build(host.family, &ACK, host.start);
    frame[6..12].copy_from_slice(source.as_bytes());
    let sent: Vec<_> = (0..4)
        .flat_map(|_| host.hear_frame(frame.clone()))
        .collect();
    resends(&sent, 0)
}

fn behind_router<D: Wrapped>() -> Host<D> {
    let mut host = Host::connected(Family::V4, 64, 1000);
    host.move_behind_router();
    host
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
    let other = EthernetAddress([0x02, 0, 0, 0, 0, 3]);
    compare(
        64,
        1000,
        |mut bare| {
            assert!(!duplicates_bring_data(&mut bare, 600, other));
            bare.hear_frame(introduction(bare.family));
            assert!(!resends(&bare.sleep_a_minute(), 0));
            assert!(bare.sleeps_for_ever(), "the defect is gone");
        },
        |mut guarded| {
            assert!(!duplicates_bring_data(&mut guarded, 600, other));
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
