//! ACKs that come in while smoltcp still delays its own ACK of the peer's data.

use crate::frames::{ACK, FAMILIES, Segment};
use crate::host::{GuardedCable, Host, TestDevice, compare};

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
    // From the end of the window, or from after a FIN there.
    for seq in [0, 8, 9] {
        compare(
            8,
            1000,
            |mut bare| assert_eq!(script(&mut bare, seq), 4, "the defect is gone"),
            |mut guarded| assert_eq!(script(&mut guarded, seq), 0),
        );
    }
}

#[test]
fn an_ack_after_a_fin_that_was_lost_behind_a_full_window_is_not_ignored() {
    /// The peer fills our window, and we do not read. What follows its FIN has the number after it.
    fn script<D: TestDevice>(host: &mut Host<D>) -> usize {
        host.write(b"data");
        host.receive(Segment {
            payload: b"fills it",
            ..ACK
        });
        host.sleep().expect("the ACK is only delayed");
        host.receive(Segment {
            seq: 9,
            ack: 4,
            ..ACK
        });
        host.socket().send_queue()
    }
    compare(
        8,
        1000,
        |mut bare| assert_eq!(script(&mut bare), 4, "the defect is gone"),
        |mut guarded| assert_eq!(script(&mut guarded), 0),
    );
}

#[test]
fn data_with_an_old_acknowledgement_is_not_dropped() {
    /// The peer has sent its bytes before it acknowledged ours, and they come later.
    fn script<D: TestDevice>(host: &mut Host<D>) -> Vec<u8> {
        host.write(b"data");
        host.receive(Segment { ack: 4, ..ACK });
        let payload = b"late";
        host.receive(Segment { payload, ..ACK });
        host.read_all()
    }
    compare(
        64,
        1000,
        |mut bare| assert_eq!(script(&mut bare), b"", "old data is not dropped any more"),
        |mut guarded| {
            assert_eq!(script(&mut guarded), b"late");
            assert_eq!(guarded.device.counters().old_acks_raised, 1);
        },
    );
}

#[test]
fn data_with_an_old_acknowledgement_does_not_bring_back_the_window_of_its_time() {
    for &family in FAMILIES {
        let mut host = Host::<GuardedCable>::connected(family, 64, 1000);
        host.write(b"data");
        let newest = Segment {
            ack: 4,
            window: 2,
            ..ACK
        };
        host.receive(newest);
        host.receive(Segment {
            payload: b"late",
            ..ACK
        });
        let sent = host.write(b"more than two");
        assert_eq!(sent[0].payload, b"mo");
    }
}

#[test]
fn data_with_an_acknowledgement_from_long_ago_is_left_to_smoltcp() {
    for &family in FAMILIES {
        let mut host = Host::<GuardedCable>::connected(family, 64, 1000);
        let payload = b"data";
        for (ack, is_taken) in [(-128 * 1024 - 1, false), (-128 * 1024, true)] {
            let payload = &payload[..];
            host.receive(Segment {
                ack,
                payload,
                ..ACK
            });
            assert_eq!(!host.read_all().is_empty(), is_taken, "{ack}");
        }
    }
}

#[test]
fn data_that_exceeds_our_window_at_both_ends_is_not_taken_for_received() {
    /// smoltcp drops it whole. Then an ACK comes from where the peer was before.
    fn script<D: TestDevice>(host: &mut Host<D>) -> usize {
        host.write(b"data");
        host.receive(Segment {
            seq: -1,
            payload: b"twelve bytes",
            ..ACK
        });
        assert!(host.read_all().is_empty());
        host.receive(Segment {
            seq: -1,
            ack: 4,
            ..ACK
        });
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
fn a_window_announced_with_a_single_byte_of_data_is_no_probes_and_counts() {
    /// Four bytes are read before their delayed ACK is due, which leaves with a byte of ours. Then
    /// the peer fills the new window, and acknowledges our byte from where it was before.
    fn script<D: TestDevice>(host: &mut Host<D>) -> usize {
        let payload = b"peer";
        assert!(host.receive(Segment { payload, ..ACK }).is_empty());
        host.read_all();
        let sent = host.write(b"x");
        assert_eq!(
            (sent[0].ack, sent[0].window, sent[0].payload.len()),
            (4, 8, 1)
        );
        host.receive(Segment {
            seq: 4,
            payload: b"fills it",
            ..ACK
        });
        host.receive(Segment { ack: 1, ..ACK });
        host.socket().send_queue()
    }
    compare(
        8,
        1000,
        |mut bare| assert_eq!(script(&mut bare), 1, "defect N2 is gone"),
        |mut guarded| assert_eq!(script(&mut guarded), 0),
    );
}
