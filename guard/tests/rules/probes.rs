//! Keep-alives and window probes: the peer's, which want an answer, and ours, whose window smoltcp
//! forgets.

use smoltcp::socket::tcp::State;
use smoltcp::time::Duration;
use smoltcp::wire::TcpControl;

use crate::cable::Cable;
use crate::frames::{ACK, Segment, Sent};
use crate::host::{GuardedCable, Host, TestDevice, compare};

/// Linux asks with the number before the next byte, and no data.
const PROBE: Segment<'static> = Segment {
    seq: 3,
    ack: 4,
    ..ACK
};

/// A host that has four bytes of the peer's and has acknowledged them; its own four are in flight.
fn with_data_in_flight<D: TestDevice>(host: &mut Host<D>) {
    host.receive(Segment {
        payload: b"peer",
        ..ACK
    });
    host.sleep().expect("the ACK is only delayed");
    host.write(b"data");
}

#[test]
fn a_probe_that_acknowledges_something_new_is_answered_and_its_acknowledgement_taken() {
    fn script<D: TestDevice>(host: &mut Host<D>) -> (Vec<Sent>, usize) {
        with_data_in_flight(host);
        let replies = host.receive(PROBE);
        (replies, host.socket().send_queue())
    }
    compare(
        64,
        1000,
        |mut bare| {
            let (replies, queue) = script(&mut bare);
            assert_eq!((replies.len(), queue), (1, 4), "defect N2 is gone");
        },
        |mut guarded| {
            let (replies, queue) = script(&mut guarded);
            assert_eq!((replies.len(), queue), (1, 0));
            assert_eq!((replies[0].ack, replies[0].seq), (4, 4));
        },
    );
}

#[test]
fn a_probe_that_acknowledges_nothing_new_is_answered() {
    fn script<D: TestDevice>(host: &mut Host<D>) -> usize {
        with_data_in_flight(host);
        host.receive(Segment { seq: 4, ..PROBE });
        host.receive(PROBE).len()
    }
    compare(
        64,
        1000,
        |mut bare| assert_eq!(script(&mut bare), 1),
        |mut guarded| assert_eq!(script(&mut guarded), 1),
    );
}

/// Plays a script in which we announce a window of six bytes from the fifth on, and smoltcp forgets
/// it. It returns what the peer acknowledges then. The peer fills that window and ends its stream.
fn compare_ends(
    bare: impl Fn(&mut Host<Cable>) -> i32,
    guarded: impl Fn(&mut Host<GuardedCable>) -> i32,
) {
    fn read_to_end<D: TestDevice>(host: &mut Host<D>, ack: i32) -> Vec<u8> {
        host.receive(Segment {
            seq: 4,
            ack,
            payload: b"567890",
            control: TcpControl::Fin,
            ..ACK
        });
        host.read_all()
    }
    compare(
        8,
        1000,
        |mut host| {
            let ack = bare(&mut host);
            assert_eq!(read_to_end(&mut host, ack), b"345678");
            assert_eq!(host.socket().state(), State::CloseWait, "defect N5 is gone");
        },
        |mut host| {
            let ack = guarded(&mut host);
            assert_eq!(read_to_end(&mut host, ack), b"345678");
            assert_eq!(host.socket().state(), State::Established);
        },
    );
}

/// The peer's first four bytes come in, and half of our window is left.
fn with_four_bytes<D: TestDevice>(host: &mut Host<D>) {
    host.receive(Segment {
        payload: b"1234",
        ..ACK
    });
    let ack = host.sleep().expect("the ACK is only delayed");
    assert_eq!((ack[0].ack, ack[0].window), (4, 4));
}

#[test]
fn a_window_announced_in_a_keep_alive_does_not_cut_the_stream() {
    /// We read two bytes: too few for a window update, but the keep-alive announces them.
    fn script<D: TestDevice>(host: &mut Host<D>) -> i32 {
        with_four_bytes(host);
        assert_eq!(host.socket().recv_slice(&mut [0; 2]), Ok(2));
        let interval = Duration::from_millis(100);
        host.socket().set_keep_alive(Some(interval));
        host.sleep();
        let keep_alive = host.sleep().expect("the keep-alive's timer runs");
        assert_eq!((keep_alive[0].seq, keep_alive[0].payload.len()), (-1, 1));
        assert_eq!((keep_alive[0].ack, keep_alive[0].window), (4, 6));
        0
    }
    compare_ends(script, script);
}

#[test]
fn a_late_ack_that_smoltcp_ignores_does_not_make_a_probe_raise_the_window() {
    /// The peer has closed its window in a segment that came out of order, and an older ACK comes
    /// after it. Then we read two bytes, and the probe announces them.
    fn script<D: TestDevice>(host: &mut Host<D>) -> i32 {
        with_four_bytes(host);
        host.write(b"abcd");
        host.receive(Segment {
            seq: 6,
            ack: 4,
            window: 0,
            payload: b"78",
            ..ACK
        });
        host.receive(Segment {
            seq: 4,
            ack: 2,
            window: 2,
            ..ACK
        });
        assert_eq!(host.socket().recv_slice(&mut [0; 2]), Ok(2));
        assert!(host.write(b"x").is_empty());
        let probe = host.sleep().expect("the probe's timer runs");
        assert_eq!((probe[0].seq, probe[0].payload.len()), (4, 1));
        assert_eq!((probe[0].ack, probe[0].window), (4, 6));
        5
    }
    compare_ends(script, script);
}
