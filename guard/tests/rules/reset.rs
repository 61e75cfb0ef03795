//! The RST with which a socket is aborted.

use smoltcp::wire::TcpControl;

use crate::frames::{ACK, Segment, Sent};
use crate::host::{Host, TestDevice, compare, sends_from, with_guard};

/// The segments of a host that is aborted when its timeout has come.
fn abort_after_timeout<D: TestDevice>(host: &mut Host<D>) -> Vec<Sent> {
    host.socket().abort();
    host.advance(2000);
    host.poll()
}

#[test]
fn our_reset_does_not_go_back_to_what_the_peer_has_already() {
    compare(
        64,
        1000,
        |mut bare| {
            bare.write(b"data");
            let sent = abort_after_timeout(&mut bare);
            assert_eq!(
                (sent[0].seq, sent[0].control),
                (0, TcpControl::Rst),
                "N2 is gone"
            );
        },
        |mut guarded| {
            guarded.write(b"data");
            let sent = abort_after_timeout(&mut guarded);
            assert_eq!((sent[0].seq, sent[0].control), (4, TcpControl::Rst));
            assert_eq!(guarded.device.counters().rewound_acks_advanced, 1);
        },
    );
}

/// RFC 9293, 3.10.7.4: the end of the window is outside it. The peer got nothing, and a RST without a
/// guard has the number that it expects.
#[test]
fn our_reset_is_not_beyond_a_window_that_was_filled() {
    /// The number of the RST.
    fn script<D: TestDevice>(host: &mut Host<D>, data: &[u8], closes: bool) -> i32 {
        host.write(data);
        if closes {
            host.close();
        }
        let sent = abort_after_timeout(host);
        let reset = sent.last().expect("something was sent");
        assert_eq!(reset.control, TcpControl::Rst);
        reset.seq
    }
    for (data, closes) in [
        (&b"data"[..], false),
        (b"data", true),
        (b"data and more", false),
    ] {
        compare(
            64,
            4,
            |mut bare| assert!(script(&mut bare, data, closes) < 4),
            |mut guarded| {
                let seq = script(&mut guarded, data, closes);
                assert!(seq < 4, "{data:?} {closes}: {seq}");
            },
        );
    }
}

#[test]
fn our_reset_is_not_beyond_a_window_that_is_closed() {
    with_guard(64, 1000, |mut guarded| {
        guarded.write(b"data");
        guarded.receive(Segment {
            ack: 4,
            window: 0,
            ..ACK
        });
        guarded.write(b"more");
        let probe = guarded.sleep().expect("a probe is due");
        assert!(sends_from(&probe, 4), "{probe:?}");
        let sent = abort_after_timeout(&mut guarded);
        assert_eq!((sent[0].seq, sent[0].control), (4, TcpControl::Rst));
    });
}

/// A closed port answers a segment with the number that its sender expects (RFC 9293, 3.10.7.1).
#[test]
fn a_reset_that_answers_a_segment_stays_as_it_is() {
    with_guard(64, 1000, |mut guarded| {
        guarded.write(b"data");
        // The socket is gone before it could say so.
        guarded.forget_socket();
        let sent = guarded.receive(Segment { ack: 2, ..ACK });
        assert_eq!((sent[0].seq, sent[0].control), (2, TcpControl::Rst));
    });
}
