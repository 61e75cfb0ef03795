//! Segments that arrive in an order, or at a moment, in which smoltcp and the guard could come to
//! different conclusions. Drawn scripts found them.

use smoltcp::socket::tcp::State;
use smoltcp::wire::TcpControl;

use crate::cable::Cable;
use crate::frames::{ACK, FAMILIES, Family, Segment, Sent, build};
use crate::host::{GuardedCable, Host, TestDevice, compare, sends_from};

const FIN: Segment<'static> = Segment {
    control: TcpControl::Fin,
    ..ACK
};

#[test]
fn fins_that_come_before_their_data_do_not_stop_the_retransmission_of_ours() {
    /// The peer's FIN comes four times, and the four bytes that precede it do not.
    fn script<D: TestDevice>(host: &mut Host<D>) {
        host.write(b"data");
        assert!(sends_from(&host.close(), 4), "our FIN is out");
        for _ in 0..4 {
            host.receive(Segment {
                seq: 4,
                ack: 4,
                ..FIN
            });
        }
    }
    compare(
        64,
        1000,
        |mut bare| {
            script(&mut bare);
            assert!(!sends_from(&bare.sleep_a_minute(), 4));
            assert!(bare.has_no_timer(), "defect B is gone");
            assert_eq!(bare.socket().state(), State::FinWait1);
        },
        |mut guarded| {
            script(&mut guarded);
            assert!(sends_from(&guarded.sleep_a_minute(), 4));
            guarded.receive(Segment { ack: 5, ..ACK });
            assert_eq!(guarded.socket().state(), State::FinWait2);
        },
    );
}

#[test]
fn a_closed_window_that_smoltcp_ignores_is_not_believed_by_the_guard_either() {
    /// The peer has filled our window, but its eight bytes are lost. Its own window is closed, and
    /// so is that of the ACK that it sends from the end of ours, which smoltcp ignores.
    fn script<D: TestDevice>(host: &mut Host<D>) {
        host.receive(Segment {
            seq: 8,
            window: 0,
            ..ACK
        });
        assert!(sends_from(&host.write(b"x"), 0));
        // It sends its bytes again; our byte is lost.
        host.receive(Segment {
            window: 0,
            payload: b"peer",
            ..ACK
        });
        host.advance(1_000);
    }
    compare(
        8,
        1000,
        |mut bare| {
            script(&mut bare);
            assert!(!sends_from(&bare.sleep_a_minute(), 0));
            assert!(bare.has_no_timer(), "defect A is gone");
        },
        |mut guarded| {
            script(&mut guarded);
            assert!(sends_from(&guarded.sleep_a_minute(), 0));
        },
    );
}

#[test]
fn an_ack_after_a_fin_that_we_have_not_yet_acknowledged_is_not_ignored() {
    fn script<D: TestDevice>(host: &mut Host<D>, seq: i32) -> usize {
        host.write(b"data");
        host.receive(Segment {
            payload: b"peer",
            ..FIN
        });
        // Our ACK is delayed; the peer has gone back to an old number.
        host.receive(Segment { seq, ack: 4, ..ACK });
        host.socket().send_queue()
    }
    for seq in [0, 4] {
        compare(
            64,
            1000,
            |mut bare| assert_eq!(script(&mut bare, seq), 4, "defect N2 is gone"),
            |mut guarded| assert_eq!(script(&mut guarded, seq), 0),
        );
    }
}

#[test]
fn acks_moved_before_a_fin_do_not_hide_a_fast_retransmit_from_the_guard() {
    let mut host = Host::<GuardedCable>::connected(Family::V4, 64, 1000);
    host.write(b"01234567");
    host.cable.0.borrow_mut().refuses = true;
    host.receive(Segment {
        payload: b"p",
        ..FIN
    });
    host.receive(Segment {
        seq: -1,
        ack: 8,
        ..ACK
    });
    for _ in 0..4 {
        host.receive(Segment {
            seq: 7,
            ack: 2,
            ..ACK
        });
    }
    host.cable.0.borrow_mut().refuses = false;
    host.sleep_a_minute();
    assert_eq!(host.socket().send_queue(), 0);
}

#[test]
fn a_fin_after_old_data_is_not_taken_for_received() {
    /// The peer sends its bytes again, now with its FIN, and smoltcp drops both. Then it goes back.
    fn script<D: TestDevice>(host: &mut Host<D>) -> usize {
        let data = Segment {
            payload: b"peer",
            ..ACK
        };
        host.receive(data);
        host.write(b"data");
        host.receive(Segment {
            control: TcpControl::Fin,
            ..data
        });
        host.receive(Segment { ack: 4, ..ACK });
        host.socket().send_queue()
    }
    for &family in FAMILIES {
        let mut bare = Host::<Cable>::connected(family, 64, 1000);
        assert_eq!(script(&mut bare), 4, "defect N2 is gone");
        let mut guarded = Host::<GuardedCable>::connected(family, 64, 1000);
        assert_eq!(script(&mut guarded), 0);
        assert_eq!(guarded.socket().state(), State::Established);
    }
}

#[test]
fn data_beyond_the_window_is_counted_only_as_far_as_smoltcp_takes_it() {
    /// Twelve bytes come for a window of eight. Then the peer goes back to an old number.
    fn script<D: TestDevice>(host: &mut Host<D>) -> usize {
        host.write(b"data");
        host.receive(Segment {
            payload: b"twelve bytes",
            ..ACK
        });
        host.receive(Segment { ack: 4, ..ACK });
        host.socket().send_queue()
    }
    compare(
        8,
        1000,
        |mut bare| assert_eq!(script(&mut bare), 4, "defect N2 is gone"),
        |mut guarded| assert_eq!(script(&mut guarded), 0),
    );
}

#[test]
fn a_closed_window_is_not_believed_with_data_that_smoltcp_drops() {
    /// The data exceeds our window at both ends, so that smoltcp drops it, window and all.
    fn script<D: TestDevice>(host: &mut Host<D>) -> Vec<Sent> {
        host.receive(Segment {
            seq: -1,
            window: 0,
            payload: b"twelve bytes",
            ..ACK
        });
        assert!(sends_from(&host.write(b"x"), 0));
        host.receive(Segment { window: 0, ..ACK });
        host.advance(1_000);
        host.sleep_a_minute()
    }
    compare(
        8,
        4,
        |mut bare| assert!(!sends_from(&script(&mut bare), 0), "defect A is gone"),
        |mut guarded| assert!(sends_from(&script(&mut guarded), 0)),
    );
}

#[test]
fn an_ack_is_moved_into_the_window_from_at_most_64_kib_before_it() {
    for (seq, queue) in [(-65_535, 0), (-65_536, 4)] {
        for &family in FAMILIES {
            let mut host = Host::<GuardedCable>::connected(family, 64, 1000);
            host.write(b"data");
            host.receive(Segment { seq, ack: 4, ..ACK });
            assert_eq!(host.socket().send_queue(), queue, "{seq}");
        }
    }
}

/// A device without room, and then with room again: what the host sends until no timer runs.
fn resent_after_refusal<D: TestDevice>(host: &mut Host<D>, segments: &[Segment<'_>]) -> Vec<Sent> {
    assert!(sends_from(&host.write(b"data"), 0));
    let ends = host.cable.0.clone();
    ends.borrow_mut().refuses = true;
    for segment in segments {
        let frame = build(host.family, segment, host.start);
        ends.borrow_mut().to_host.push_back(frame);
    }
    host.poll();
    ends.borrow_mut().refuses = false;
    host.sleep_a_minute()
}

#[test]
fn fins_count_as_duplicates_when_the_device_has_no_room() {
    let early = Segment { seq: 4, ..FIN };
    for &family in FAMILIES {
        let mut bare = Host::<Cable>::connected(family, 64, 1000);
        let sent = resent_after_refusal(&mut bare, &[early; 4]);
        assert!(!sends_from(&sent, 0), "a refused transmit is harmless now");
        let mut guarded = Host::<GuardedCable>::connected(family, 64, 1000);
        let sent = resent_after_refusal(&mut guarded, &[early; 4]);
        assert!(sends_from(&sent, 0));
    }
}

#[test]
fn an_ack_of_ours_does_not_end_the_time_in_which_a_fast_retransmit_may_be_due() {
    // The last segment comes before its data, so that smoltcp acknowledges it at once.
    let early = Segment {
        seq: 4,
        payload: b"peer",
        ..ACK
    };
    let segments = [ACK, ACK, ACK, ACK, early];
    for &family in FAMILIES {
        let mut bare = Host::<Cable>::connected(family, 64, 1000);
        let sent = resent_after_refusal(&mut bare, &segments);
        assert!(!sends_from(&sent, 0), "a refused transmit is harmless now");
        let mut guarded = Host::<GuardedCable>::connected(family, 64, 1000);
        let sent = resent_after_refusal(&mut guarded, &segments);
        assert!(sends_from(&sent, 0));
    }
}

#[test]
fn data_after_the_peers_fin_is_not_taken() {
    /// The peer goes on after its FIN, and then acknowledges our data from where its stream ended.
    fn script<D: TestDevice>(host: &mut Host<D>) -> (Vec<u8>, usize) {
        host.write(b"data");
        host.receive(FIN);
        let read = |host: &mut Host<D>| host.read_all();
        host.receive(Segment {
            seq: 1,
            payload: b"more",
            ..ACK
        });
        host.receive(Segment {
            seq: 1,
            ack: 4,
            ..ACK
        });
        (read(host), host.socket().send_queue())
    }
    compare(
        64,
        1000,
        |mut bare| {
            assert_eq!(
                script(&mut bare).0,
                b"more",
                "text after a FIN is ignored now"
            );
        },
        |mut guarded| {
            assert_eq!(script(&mut guarded), (vec![], 0));
            assert_eq!(guarded.device.counters().data_after_fin_refused, 1);
        },
    );
}

#[test]
fn an_ack_that_smoltcp_ignores_after_a_fin_that_fills_the_window_is_taken_when_it_comes_again() {
    /// The FIN is not yet acknowledged when the first ACK comes.
    fn script<D: TestDevice>(host: &mut Host<D>) -> usize {
        host.write(b"data");
        host.receive(Segment {
            payload: b"8 bytes!",
            ..FIN
        });
        for _ in 0..2 {
            host.receive(Segment {
                seq: 4,
                ack: 4,
                ..ACK
            });
        }
        host.socket().send_queue()
    }
    compare(
        8,
        1000,
        |mut bare| assert_eq!(script(&mut bare), 4, "defect N2 is gone"),
        |mut guarded| assert_eq!(script(&mut guarded), 0),
    );
}

#[test]
fn a_fin_that_smoltcp_did_not_take_is_taken_when_it_comes_again() {
    for &family in FAMILIES {
        let mut host = Host::<GuardedCable>::connected(family, 64, 1000);
        host.receive(Segment {
            payload: &[b'a'; 32],
            ..ACK
        });
        host.read_all();
        // One byte, so that the guard does not count on the larger window that comes with it.
        host.write(b"x");
        // From beyond the smaller window, and accepted.
        host.receive(Segment {
            seq: 70,
            ack: 1,
            ..ACK
        });
        assert_eq!(host.socket().send_queue(), 0);
        // Its acknowledgement is older, so smoltcp drops it.
        let end = Segment {
            seq: 32,
            control: TcpControl::Fin,
            payload: b"end",
            ..ACK
        };
        host.receive(end);
        host.write(b"yy");
        host.receive(Segment { ack: 3, ..end });
        assert_eq!(host.read_all(), b"end");
        assert!(!host.socket().may_recv(), "the FIN has come");
    }
}
