//! A SYN or a RST on an open connection.

use smoltcp::socket::tcp::State;
use smoltcp::wire::{TcpControl, TcpRepr};

use crate::frames::{
    ACK, HOST_MAC, HOST_PORT, PEER_MAC, PEER_PORT, PEER_START, Segment, Sent, repr, tcp_frame,
};
use crate::host::{Host, TestDevice, compare, with_guard};

/// A SYN from the peer's ports, as it sends one after it has lost everything.
fn receive_syn<D: TestDevice>(host: &mut Host<D>, seq: u32, payload: &[u8]) -> Vec<Sent> {
    let syn = TcpRepr {
        payload,
        ..repr((PEER_PORT, HOST_PORT), TcpControl::Syn, seq, None)
    };
    let family = host.family;
    host.receive_frame(tcp_frame(
        (PEER_MAC, family.peer()),
        (HOST_MAC, family.host()),
        &syn,
    ))
}

/// A RST of the peer's, with as many bytes of payload as `payload` has.
fn reset(seq: i32, payload: &[u8]) -> Segment<'_> {
    Segment {
        seq,
        control: TcpControl::Rst,
        payload,
        ..ACK
    }
}

/// The one segment with which the host asks whether the peer is still there.
fn is_challenge(sent: &[Sent], seq: i32, ack: i32) -> bool {
    matches!(sent, [only] if only.control == TcpControl::None
        && only.payload.is_empty() && (only.seq, only.ack) == (seq, ack))
}

#[test]
fn a_peer_that_lost_the_connection_and_calls_again_is_challenged_and_resets_it() {
    for seq in [
        0,
        12_345,
        PEER_START,
        PEER_START.wrapping_add(10),
        PEER_START - 1,
    ] {
        compare(
            64,
            1000,
            |mut bare| {
                assert_eq!(receive_syn(&mut bare, seq, b""), [], "the defect is gone");
                assert_eq!(bare.socket().state(), State::Established);
            },
            |mut guarded| {
                guarded.receive(Segment {
                    payload: b"abc",
                    ..ACK
                });
                guarded.write(b"data");
                let sent = receive_syn(&mut guarded, seq, b"");
                assert!(is_challenge(&sent, 4, 3), "{sent:?}");
                // RFC 9293, 3.5.1, figure 10: what the peer answers in SYN-SENT.
                guarded.receive(reset(3, b""));
                assert_eq!(guarded.socket().state(), State::Closed);
            },
        );
    }
}

#[test]
fn a_reset_in_the_window_is_obeyed_only_with_the_next_sequence_number() {
    for seq in [1, 5, 63] {
        compare(
            64,
            1000,
            |mut bare| {
                assert_eq!(bare.receive(reset(seq, b"")), []);
                assert_eq!(bare.socket().state(), State::Closed, "the defect is gone");
            },
            |mut guarded| {
                let sent = guarded.receive(reset(seq, b""));
                assert!(is_challenge(&sent, 0, 0), "{sent:?}");
                assert_eq!(guarded.socket().state(), State::Established);
                guarded.receive(reset(0, b""));
                assert_eq!(guarded.socket().state(), State::Closed);
            },
        );
    }
}

#[test]
fn a_reset_outside_the_window_is_dropped_in_silence() {
    for seq in [-1, 66, 1000, i32::MIN, i32::MAX] {
        let dropped = |sent: Vec<Sent>, state| {
            assert_eq!(sent, [], "{seq}");
            assert_eq!(state, State::Established);
        };
        compare(
            64,
            1000,
            |mut bare| dropped(bare.receive(reset(seq, b"")), bare.socket().state()),
            |mut guarded| dropped(guarded.receive(reset(seq, b"")), guarded.socket().state()),
        );
    }
}

/// A peer that has filled the window, of which the first byte was lost, gives up at SND.NXT: there,
/// or one after it, where a FIN was.
#[test]
fn a_reset_from_the_end_of_a_window_that_has_a_hole_is_not_lost() {
    let rest = Segment {
        seq: 1,
        payload: &[b'x'; 63],
        ..ACK
    };
    for seq in [64, 65] {
        compare(
            64,
            1000,
            |mut bare| {
                bare.receive(rest);
                assert_eq!(bare.receive(reset(seq, b"")), [], "the defect is gone");
                assert_eq!(bare.socket().state(), State::Established);
            },
            |mut guarded| {
                guarded.receive(rest);
                guarded.advance(1000);
                let sent = guarded.receive(reset(seq, b""));
                assert!(is_challenge(&sent, 0, 0), "{sent:?}");
                // What a closed port answers (RFC 9293, 3.10.7.1).
                guarded.receive(reset(0, b""));
                assert_eq!(guarded.socket().state(), State::Closed);
            },
        );
    }
}

#[test]
fn challenges_are_limited_to_one_a_second() {
    with_guard(64, 1000, |mut guarded| {
        let mut challenges = 0;
        for number in 0..1000 {
            challenges += receive_syn(&mut guarded, 7 * number, b"").len();
            challenges += guarded.receive(reset(5, b"")).len();
            guarded.advance(3);
        }
        assert!((3..=4).contains(&challenges), "{challenges}");
        assert_eq!(guarded.device.counters().segments_challenged, 2000);
    });
}

#[test]
fn what_a_challenged_segment_carries_is_never_taken_for_data() {
    with_guard(64, 1000, |mut guarded| {
        receive_syn(&mut guarded, PEER_START - 1, b"forged");
        guarded.receive(reset(1, b"forged"));
        assert_eq!(guarded.read_all(), b"");
        guarded.receive(Segment {
            payload: b"true",
            ..ACK
        });
        assert_eq!(guarded.read_all(), b"true");
    });
}

#[test]
fn a_segment_that_begins_or_refuses_a_connection_is_not_challenged() {
    with_guard(64, 1000, |mut guarded| {
        // The connection is over: the next SYN may begin another.
        guarded.receive(reset(0, b""));
        receive_syn(&mut guarded, 12_345, b"");
        assert_eq!(guarded.device.counters().segments_challenged, 0);
    });
}

/// smoltcp drops a SYN in TIME-WAIT, for 10 s. But a socket need not wait: it may listen again.
#[test]
fn a_caller_on_the_same_ports_is_heard_by_a_socket_that_listens_again_in_time_wait() {
    fn script<D: TestDevice>(host: &mut Host<D>) -> Vec<Sent> {
        host.close();
        host.receive(Segment {
            ack: 1,
            control: TcpControl::Fin,
            ..ACK
        });
        assert_eq!(host.socket().state(), State::TimeWait);
        assert_eq!(receive_syn(host, 12_345, b""), []);
        let listens = host.socket().listen(HOST_PORT);
        listens.expect("no connection is open");
        receive_syn(host, 12_345, b"")
    }
    let is_syn_ack = |sent: &[Sent]| matches!(sent, [only] if only.control == TcpControl::Syn);
    compare(
        64,
        1000,
        |mut bare| assert!(is_syn_ack(&script(&mut bare))),
        |mut guarded| assert!(is_syn_ack(&script(&mut guarded))),
    );
}
