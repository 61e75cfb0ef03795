//! Which closed windows smoltcp may believe: rule 4 has to know what smoltcp knows.

use smoltcp::wire::{TcpControl, TcpRepr};

use crate::boundary::{incoming, outgoing, sending};
use crate::frames::{
    ACK, FAMILIES, Family, HOST_MAC, HOST_PORT, PEER_MAC, PEER_PORT, PEER_START, Segment, build,
    repr, tcp_frame,
};
use crate::host::{Guarded, Host, resends};

/// A host whose four bytes were acknowledged and whose peer then closed its window.
fn shut_out(family: Family) -> Host<Guarded> {
    let mut host = sending(family);
    host.hear(SHUT);
    assert_eq!(host.socket().send_queue(), 0);
    host
}

const SHUT: Segment<'static> = Segment {
    ack: 4,
    window: 0,
    ..ACK
};

#[test]
fn a_window_that_is_honestly_closed_stays_closed_while_it_is_probed() {
    for &family in FAMILIES {
        let mut host = shut_out(family);
        assert!(host.write(b"held back").is_empty());
        for _ in 0..3 {
            let probe = host.sleep().expect("the probe's timer runs");
            assert_eq!((probe[0].seq, probe[0].payload.as_slice()), (4, &b"h"[..]));
            let refusal = build(family, &SHUT, host.start);
            assert_eq!(incoming(&mut host.device, &refusal), refusal);
            host.hear(SHUT);
        }
        assert_eq!(host.device.counters().early_zero_windows_opened, 0);
        // Then the peer reads.
        assert!(resends(
            &host.hear(Segment {
                window: 1000,
                ..SHUT
            }),
            4
        ));
    }
}

#[test]
fn a_closed_window_is_not_believed_after_more_than_a_probe_went_out() {
    for &family in FAMILIES {
        let mut host = shut_out(family);
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
        let shut = build(family, &SHUT, host.start);
        assert_ne!(incoming(&mut host.device, &shut), shut);
    }
}

#[test]
fn a_closed_window_in_an_old_segment_that_smoltcp_ignores_is_not_believed() {
    for &family in FAMILIES {
        let mut host = Host::<Guarded>::connected(family, 64, 1000);
        host.hear(Segment {
            payload: b"peer",
            ..ACK
        });
        host.sleep();
        host.hear(Segment { window: 0, ..ACK }); // its sequence number is old
        assert!(
            resends(&host.write(b"x"), 0),
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
