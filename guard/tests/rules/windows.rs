//! Zero windows that smoltcp may believe. R4 has to know which of them smoltcp accepted.

use smoltcp::wire::{TcpControl, TcpRepr};

use crate::boundary::{incoming, outgoing, sending};
use crate::frames::{
    ACK, FAMILIES, Family, HOST_MAC, HOST_PORT, PEER_MAC, PEER_PORT, PEER_START, Segment, build,
    repr, tcp_frame,
};
use crate::host::{GuardedCable, Host, sends_from, with_guard};

/// A host whose four bytes were acknowledged and whose peer closed its window with that ACK.
fn with_closed_window(family: Family) -> Host<GuardedCable> {
    let mut host = sending(family);
    host.receive(CLOSED);
    assert_eq!(host.socket().send_queue(), 0);
    host
}

const CLOSED: Segment<'static> = Segment {
    ack: 4,
    window: 0,
    ..ACK
};

#[test]
fn a_window_that_is_really_closed_stays_closed_while_it_is_probed() {
    for &family in FAMILIES {
        let mut host = with_closed_window(family);
        assert!(host.write(b"held back").is_empty());
        for _ in 0..3 {
            let probe = host.sleep().expect("the probe's timer runs");
            assert_eq!((probe[0].seq, probe[0].payload.as_slice()), (4, &b"h"[..]));
            let refusal = build(family, &CLOSED, host.start);
            assert_eq!(incoming(&mut host.device, &refusal), refusal);
            host.receive(CLOSED);
        }
        assert_eq!(host.device.counters().zero_windows_opened, 0);
        // Then the peer's application reads.
        assert!(sends_from(
            &host.receive(Segment {
                window: 1000,
                ..CLOSED
            }),
            4
        ));
    }
}

#[test]
fn a_closed_window_is_not_believed_after_more_than_a_probe_went_out() {
    for &family in FAMILIES {
        let mut host = with_closed_window(family);
        let seq = host.start.wrapping_add(4);
        let two_bytes = TcpRepr {
            payload: b"no",
            ..repr(
                (HOST_PORT, PEER_PORT),
                TcpControl::None,
                seq,
                Some(PEER_START),
            )
        };
        let (source, destination) = ((HOST_MAC, family.host()), (PEER_MAC, family.peer()));
        outgoing(
            &mut host.device,
            &tcp_frame(source, destination, &two_bytes),
        );
        let closed = build(family, &CLOSED, host.start);
        assert_ne!(incoming(&mut host.device, &closed), closed);
    }
}

#[test]
fn a_closed_window_in_an_old_segment_that_smoltcp_ignores_is_not_believed() {
    for &family in FAMILIES {
        let mut host = Host::<GuardedCable>::connected(family, 64, 1000);
        host.receive(Segment {
            payload: b"peer",
            ..ACK
        });
        host.sleep();
        host.receive(Segment { window: 0, ..ACK }); // its sequence number is old
        assert!(
            sends_from(&host.write(b"x"), 0),
            "smoltcp did not believe it either"
        );
        let stale = Segment {
            seq: 4,
            window: 0,
            ..ACK
        };
        let stale = build(family, &stale, host.start);
        assert_ne!(incoming(&mut host.device, &stale), stale);
    }
}

#[test]
fn rst_and_syn_are_never_changed() {
    for &family in FAMILIES {
        let mut host = sending(family);
        for control in [TcpControl::Rst, TcpControl::Syn] {
            let segment = Segment {
                control,
                window: 0,
                ..ACK
            };
            let frame = build(family, &segment, host.start);
            assert_eq!(incoming(&mut host.device, &frame), frame);
            let unsent = Segment {
                ack: 100,
                ..segment
            };
            let frame = build(family, &unsent, host.start);
            assert_eq!(incoming(&mut host.device, &frame), frame);
        }
    }
}

#[test]
fn a_closed_window_is_older_than_the_one_before_if_its_ack_does_not_move_and_becomes_1_if_it_does()
{
    for (ack, goes_on) in [(0, true), (2, false)] {
        with_guard(64, 1000, |mut guarded| {
            assert!(sends_from(&guarded.write(b"data"), 0));
            guarded.receive(Segment {
                ack,
                window: 0,
                ..ACK
            });
            assert_eq!(sends_from(&guarded.write(b"more"), 4), goes_on);
            assert_eq!(guarded.device.counters().zero_windows_opened, 1);
        });
    }
}
