//! One script for each defect of smoltcp 0.14. The letters are those of the repository's
//! `docs/upstream.md`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use smoltcp::socket::tcp::{RecvError, State};
use smoltcp::wire::TcpControl;

use crate::cable::Cable;
use crate::frames::{ACK, FAMILIES, Family, Segment};
use crate::host::{EGRESS_MAX, GuardedCable, Host, TestDevice, compare, sends_from};

const FIN: Segment<'static> = Segment {
    control: TcpControl::Fin,
    ..ACK
};

#[test]
fn a_stale_closed_window_does_not_stop_retransmission() {
    fn script<D: TestDevice>(host: &mut Host<D>) {
        assert!(sends_from(&host.write(b"data"), 0));
        // The peer sent this before our data could arrive, when its buffer was still full. The data
        // itself is lost.
        host.receive(Segment { window: 0, ..ACK });
        host.advance(1_000);
    }
    compare(
        64,
        1000,
        |mut bare| {
            script(&mut bare);
            assert!(!sends_from(&bare.sleep_a_minute(), 0));
            assert!(bare.has_no_timer(), "defect A is gone");
            assert_eq!(bare.socket().send_queue(), 4);
        },
        |mut guarded| {
            script(&mut guarded);
            assert!(sends_from(&guarded.sleep_a_minute(), 0));
            guarded.receive(Segment { ack: 4, ..ACK });
            assert_eq!(guarded.socket().send_queue(), 0);
            assert_eq!(guarded.device.counters().zero_windows_opened, 1);
        },
    );
}

#[test]
fn duplicate_acks_of_all_but_the_fin_do_not_stop_its_retransmission() {
    fn script<D: TestDevice>(host: &mut Host<D>) {
        host.write(b"data");
        assert!(sends_from(&host.close(), 4), "the FIN is out");
        for _ in 0..4 {
            host.receive(Segment { ack: 4, ..ACK });
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
            assert_eq!(guarded.device.counters().fin_duplicates_varied, 4);
        },
    );
}

#[test]
fn a_window_that_closes_and_opens_does_not_stop_retransmission() {
    fn script<D: TestDevice>(host: &mut Host<D>) {
        host.write(b"kept");
        assert!(sends_from(&host.write(b"lost"), 4));
        host.receive(Segment {
            ack: 4,
            window: 0,
            ..ACK
        });
        host.receive(Segment { ack: 4, ..ACK });
    }
    compare(
        64,
        1000,
        |mut bare| {
            script(&mut bare);
            assert!(!sends_from(&bare.sleep_a_minute(), 4));
            assert!(bare.has_no_timer(), "defect C is gone");
            assert_eq!(bare.socket().send_queue(), 4);
        },
        |mut guarded| {
            script(&mut guarded);
            assert!(sends_from(&guarded.sleep_a_minute(), 4));
            guarded.receive(Segment { ack: 8, ..ACK });
            assert_eq!(guarded.socket().send_queue(), 0);
            assert_eq!(guarded.device.counters().zero_windows_opened, 1);
        },
    );
}

#[test]
fn a_fin_after_data_beyond_the_window_does_not_cut_the_stream() {
    let all = Segment {
        payload: b"twelve bytes",
        ..FIN
    };
    let rest = Segment {
        seq: 8,
        payload: b"ytes",
        ..FIN
    };
    compare(
        8,
        1000,
        |mut bare| {
            bare.receive(all);
            assert_eq!(bare.read_all(), b"twelve b");
            let mut end = [0; 1];
            let read = bare.socket().recv_slice(&mut end);
            assert_eq!(read, Err(RecvError::Finished), "defect N1 is gone");
        },
        |mut guarded| {
            guarded.receive(all);
            assert_eq!(guarded.read_all(), b"twelve b");
            assert_eq!(guarded.socket().state(), State::Established);
            guarded.poll();
            guarded.receive(rest);
            assert_eq!(guarded.read_all(), b"ytes");
            assert_eq!(guarded.socket().state(), State::CloseWait);
            assert_eq!(guarded.device.counters().fins_removed, 1);
        },
    );
}

#[test]
fn an_old_sequence_number_does_not_hide_a_new_acknowledgement() {
    /// Each side has the other's data, but the peer timed out and went back to its first byte.
    /// Returns the number of timeouts until the host learns that its data arrived.
    fn rounds<D: TestDevice>(host: &mut Host<D>) -> usize {
        host.receive(Segment {
            payload: b"peer",
            ..ACK
        });
        host.write(b"data");
        // Five timeouts. Each time the peer acknowledges the data before.
        for round in 0..5 {
            host.receive(Segment { ack: 4, ..ACK });
            if host.socket().send_queue() == 0 {
                return round;
            }
            let sent = host.sleep().expect("the timer runs");
            assert!(sends_from(&sent, 0));
        }
        5
    }
    compare(
        64,
        1000,
        |mut bare| assert_eq!(rounds(&mut bare), 5, "defect N2 is gone"),
        |mut guarded| {
            assert_eq!(rounds(&mut guarded), 0);
            assert_eq!(guarded.device.counters().acks_moved_into_window, 1);
        },
    );
}

#[test]
fn an_ack_from_the_end_of_our_window_is_not_ignored() {
    /// The peer has filled our window, and the first half of that data was lost.
    fn script<D: TestDevice>(host: &mut Host<D>) -> usize {
        host.write(b"data");
        host.receive(Segment {
            seq: 4,
            payload: b"peer",
            ..ACK
        });
        host.receive(Segment {
            seq: 8,
            ack: 4,
            ..ACK
        });
        host.socket().send_queue()
    }
    compare(
        8,
        1000,
        |mut bare| assert_eq!(script(&mut bare), 4, "defect N6 is gone"),
        |mut guarded| {
            assert_eq!(script(&mut guarded), 0);
            assert_eq!(guarded.device.counters().acks_moved_into_window, 1);
            // An honest peer sends from the end itself, or from after a FIN there, but from nowhere
            // further.
            guarded.write(b"more");
            guarded.receive(Segment {
                seq: 10,
                ack: 8,
                ..ACK
            });
            assert_eq!(guarded.device.counters().acks_moved_into_window, 1);
            assert_eq!(guarded.socket().send_queue(), 4);
        },
    );
}

#[test]
fn our_own_acks_do_not_go_back_to_what_the_peer_has_already() {
    /// Returns the sequence number of our ACK for data that the peer resends after our timeout.
    fn seq_of_reply<D: TestDevice>(host: &mut Host<D>) -> i32 {
        host.write(b"data");
        let data = Segment {
            window: 1,
            payload: b"peer",
            ..ACK
        };
        host.receive(data);
        host.sleep_a_minute();
        // Our ACK was lost, but our data arrived: the peer resends its data, and acknowledges ours.
        let reply = host.receive(Segment { ack: 4, ..data });
        assert!(reply[0].payload.is_empty());
        assert_eq!(reply[0].ack, 4);
        reply[0].seq
    }
    compare(
        64,
        1000,
        |mut bare| assert!(seq_of_reply(&mut bare) < 4, "defect N2 is gone"),
        |mut guarded| {
            assert_eq!(seq_of_reply(&mut guarded), 4);
            assert!(guarded.device.counters().rewound_acks_advanced > 0);
        },
    );
}

#[test]
fn a_closed_window_after_our_fin_does_not_make_us_spin() {
    fn script<D: TestDevice>(host: &mut Host<D>) -> usize {
        // The window was closed before we had anything to send: a probe carries the byte and the
        // FIN.
        host.socket().send_slice(b"x").expect("connected");
        host.close();
        let probe = host.sleep().expect("the probe's timer runs");
        assert!(sends_from(&probe, 0));
        // An honest peer accepts both, and its application still has not read.
        host.receive(Segment {
            ack: 2,
            window: 0,
            ..ACK
        });
        assert_eq!(host.socket().state(), State::FinWait2);
        host.sleep_a_minute().len()
    }
    compare(
        64,
        0,
        |mut bare| assert_eq!(script(&mut bare), EGRESS_MAX, "defect N3 is gone"),
        |mut guarded| {
            assert_eq!(script(&mut guarded), 0);
            assert_eq!(guarded.device.counters().zero_windows_opened_after_fin, 1);
        },
    );
}

#[test]
fn an_ack_of_what_was_never_sent_does_not_make_bytes_vanish() {
    fn script<D: TestDevice>(host: &mut Host<D>, len: usize) -> usize {
        let sent = host.write(&vec![0x5a; len]);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].payload.len(), 4, "the window holds four bytes");
        host.receive(Segment {
            ack: len as i32,
            window: 4,
            ..ACK
        });
        host.socket().send_queue()
    }
    for len in [8, 200_000] {
        compare(
            64,
            4,
            |mut bare| assert_eq!(script(&mut bare, len), 0, "defect N4 is gone"),
            |mut guarded| {
                assert_eq!(script(&mut guarded, len), len);
                assert_eq!(guarded.device.counters().unsent_acks_refused, 1);
                assert!(sends_from(&guarded.receive(Segment { ack: 4, ..ACK }), 4));
            },
        );
    }
}

#[test]
fn a_window_announced_in_a_probe_does_not_cut_the_stream() {
    fn script<D: TestDevice>(host: &mut Host<D>) -> Vec<u8> {
        host.receive(Segment {
            window: 0,
            payload: b"1234",
            ..ACK
        });
        let ack = host.sleep().expect("the ACK is only delayed");
        assert_eq!((ack[0].ack, ack[0].window), (4, 4));
        // We read two bytes: too few for a window update, but the next probe announces them.
        let mut two = [0; 2];
        assert_eq!(host.socket().recv_slice(&mut two), Ok(2));
        host.write(b"probe");
        let probe = host.sleep().expect("the probe's timer runs");
        assert_eq!(probe[0].payload, b"p");
        assert_eq!((probe[0].ack, probe[0].window), (4, 6));
        // The peer fills the window that we announced.
        host.receive(Segment {
            seq: 4,
            window: 0,
            payload: b"567890",
            ..FIN
        });
        host.read_all()
    }
    compare(
        8,
        0,
        |mut bare| {
            assert_eq!(script(&mut bare), b"345678");
            let read = bare.socket().recv_slice(&mut [0; 1]);
            assert_eq!(read, Err(RecvError::Finished), "defect N5 is gone");
        },
        |mut guarded| {
            assert_eq!(script(&mut guarded), b"345678");
            assert_eq!(guarded.socket().state(), State::Established);
            guarded.poll();
            guarded.receive(Segment {
                seq: 8,
                window: 0,
                payload: b"90",
                ..FIN
            });
            assert_eq!(guarded.read_all(), b"90");
            assert_eq!(guarded.socket().state(), State::CloseWait);
        },
    );
}

#[test]
fn a_refused_fast_retransmit_does_not_stop_retransmission() {
    fn script<D: TestDevice>(host: &mut Host<D>) {
        assert!(sends_from(&host.write(b"data"), 0));
        let ends = host.cable.0.clone();
        ends.borrow_mut().refuses = true;
        for _ in 0..3 {
            host.receive(ACK);
        }
        ends.borrow_mut().refuses = false;
    }
    compare(
        64,
        1000,
        |mut bare| {
            script(&mut bare);
            assert!(!sends_from(&bare.sleep_a_minute(), 0));
            assert!(bare.has_no_timer(), "a refused transmit is harmless now");
            assert_eq!(bare.socket().send_queue(), 4);
        },
        |mut guarded| {
            script(&mut guarded);
            assert_eq!(guarded.device.counters().frames_dropped, 1);
            assert!(sends_from(&guarded.sleep_a_minute(), 0));
        },
    );
}

#[test]
fn a_syn_ack_before_the_syn_has_left_does_not_panic() {
    fn script<D: TestDevice>(family: Family) -> Host<D> {
        // The same seed gives the same sequence number, so this host tells the other's.
        let start = Host::<D>::connecting(family, 64, Cable::default()).start;
        let mut host = Host::resolving(family, 64, Cable::default());
        host.start = start;
        host.receive(Segment {
            seq: -1,
            control: TcpControl::Syn,
            ..ACK
        });
        host
    }
    for &family in FAMILIES {
        let mut bare: Host<Cable> = script(family);
        let slept = catch_unwind(AssertUnwindSafe(|| bare.sleep()));
        assert!(slept.is_err(), "smoltcp does not panic any more");

        let mut guarded: Host<GuardedCable> = script(family);
        assert!(guarded.sleep().is_some(), "it asks for the neighbour again");
        assert_eq!(guarded.socket().state(), State::SynSent);
        assert_eq!(guarded.device.counters().unexpected_syn_acks_refused, 1);
    }
}
