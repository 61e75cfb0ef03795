//! ACKs that come in while smoltcp still delays its own ACK of the peer's data.

use crate::frames::{ACK, Segment};
use crate::host::{Host, TestDevice, compare};

#[test]
fn an_ack_after_data_that_fills_our_window_is_accepted_as_without_a_guard() {
    /// The peer fills our window, and acknowledges our data before we acknowledge its data.
    fn script<D: TestDevice>(host: &mut Host<D>) -> usize {
        host.write(b"data");
        for (seq, payload) in [(0, b"peer"), (4, b"says")] {
            host.receive(Segment {
                seq,
                payload,
                ..ACK
            });
        }
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
        |mut bare| assert_eq!(script(&mut bare), 0),
        |mut guarded| assert_eq!(script(&mut guarded), 0),
    );
}

#[test]
fn an_ack_after_data_that_we_have_not_yet_acknowledged_is_not_ignored() {
    /// The first half of our window has arrived, the second was lost, and our ACK is delayed.
    fn script<D: TestDevice>(host: &mut Host<D>, seq: i32) -> usize {
        host.write(b"data");
        let payload = b"peer";
        assert!(host.receive(Segment { payload, ..ACK }).is_empty());
        host.receive(Segment { seq, ack: 4, ..ACK });
        host.socket().send_queue()
    }
    for seq in [0, 8] {
        compare(
            8,
            1000,
            |mut bare| assert_eq!(script(&mut bare, seq), 4, "the defect is gone"),
            |mut guarded| assert_eq!(script(&mut guarded, seq), 0),
        );
    }
}

#[test]
fn data_that_smoltcp_drops_for_its_old_acknowledgement_moves_no_ack() {
    fn script<D: TestDevice>(host: &mut Host<D>) -> usize {
        host.write(b"data");
        host.receive(Segment { ack: 4, ..ACK });
        host.write(b"more");
        let payload = b"late";
        host.receive(Segment { payload, ..ACK });
        assert!(host.read_all().is_empty());
        host.receive(Segment { ack: 8, ..ACK });
        host.socket().send_queue()
    }
    compare(
        4,
        1000,
        |mut bare| assert_eq!(script(&mut bare), 0),
        |mut guarded| assert_eq!(script(&mut guarded), 0),
    );
}
