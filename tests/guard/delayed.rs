//! ACKs that come while our own ACK of the peer's data is still delayed.

use crate::frames::{ACK, Segment};
use crate::host::{Host, Wrapped, compare};

#[test]
fn an_ack_behind_data_that_fills_our_window_is_taken_as_without_a_guard() {
    /// The peer fills our window, and acknowledges our data before we acknowledge its own.
    fn script<D: Wrapped>(host: &mut Host<D>) -> usize {
        host.write(b"data");
        for (seq, payload) in [(0, b"peer"), (4, b"says")] {
            host.hear(Segment {
                seq,
                payload,
                ..ACK
            });
        }
        host.hear(Segment {
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
fn an_ack_behind_data_that_we_have_not_acknowledged_yet_is_not_ignored() {
    /// Half of our window has arrived, the other half was lost; our ACK is delayed.
    fn script<D: Wrapped>(host: &mut Host<D>, seq: i32) -> usize {
        host.write(b"data");
        let payload = b"peer";
        assert!(host.hear(Segment { payload, ..ACK }).is_empty());
        host.hear(Segment { seq, ack: 4, ..ACK });
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
    fn script<D: Wrapped>(host: &mut Host<D>) -> usize {
        host.write(b"data");
        host.hear(Segment { ack: 4, ..ACK });
        host.write(b"more");
        let payload = b"late";
        host.hear(Segment { payload, ..ACK });
        assert!(host.drain().is_empty());
        host.hear(Segment { ack: 8, ..ACK });
        host.socket().send_queue()
    }
    compare(
        4,
        1000,
        |mut bare| assert_eq!(script(&mut bare), 0),
        |mut guarded| assert_eq!(script(&mut guarded), 0),
    );
}
