//! Keep-alives and window probes of the peer, which want an answer.

use crate::frames::{ACK, Segment, Sent};
use crate::host::{Host, TestDevice, compare};

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
