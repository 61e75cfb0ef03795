//! Window updates after the peer has closed its end, and we ours.

use smoltcp::socket::tcp::State;
use smoltcp::wire::TcpControl;

use crate::frames::{ACK, FAMILIES, Segment};
use crate::host::{GuardedCable, Host, TestDevice, compare, sends_from};

const FIN: Segment<'static> = Segment {
    control: TcpControl::Fin,
    ..ACK
};

/// A host in CLOSE-WAIT whose peer has taken the first eight of twenty bytes and has no room for
/// more.
fn with_closed_window<D: TestDevice>(host: &mut Host<D>) {
    host.receive(Segment { window: 8, ..FIN });
    assert_eq!(host.socket().state(), State::CloseWait);
    assert!(sends_from(&host.write(b"0123456789abcdefghij"), 0));
    host.receive(CLOSED);
}

/// The peer has taken eight bytes.
const CLOSED: Segment<'static> = Segment {
    seq: 1,
    ack: 8,
    window: 0,
    ..ACK
};

#[test]
fn a_window_that_opens_in_last_ack_is_used_at_once() {
    /// How many bytes go out when the window opens.
    fn script<D: TestDevice>(host: &mut Host<D>) -> usize {
        with_closed_window(host);
        host.close();
        assert_eq!(host.socket().state(), State::LastAck);
        let sent = host.receive(Segment {
            window: 1000,
            ..CLOSED
        });
        sent.iter().map(|segment| segment.payload.len()).sum()
    }
    compare(
        64,
        8,
        |mut bare| assert_eq!(script(&mut bare), 0, "LAST-ACK takes windows now"),
        |mut guarded| {
            assert_eq!(script(&mut guarded), 12);
            assert_eq!(guarded.device.counters().bytes_held_back, 1);
            guarded.receive(Segment { ack: 21, ..CLOSED });
            assert_eq!(guarded.socket().state(), State::Closed);
        },
    );
}

#[test]
fn a_window_that_stays_closed_after_the_peers_fin_is_probed_without_a_fast_retransmit() {
    for &family in FAMILIES {
        for closes in [false, true] {
            let mut host = Host::<GuardedCable>::connected(family, 64, 8);
            with_closed_window(&mut host);
            if closes {
                host.close();
            }
            for _ in 0..5 {
                let mut sent = host.sleep().expect("the timer runs");
                sent.extend(host.receive(CLOSED));
                // Nothing but what the peer has already, and at most one byte more.
                let last = sent.iter().map(|sent| sent.seq + sent.payload.len() as i32);
                assert!(last.max() <= Some(10), "{sent:?}");
            }
            assert!(host.socket().send_queue() >= 12);
            let sent = host.receive(Segment {
                window: 1000,
                ..CLOSED
            });
            assert!(!sent.is_empty());
        }
    }
}

/// Our RST was lost. The one that answers the peer's keep-alive has the acknowledgement of that, and
/// must not be one too old for the peer.
#[test]
fn nothing_is_held_back_after_our_reset() {
    fn script<D: TestDevice>(host: &mut Host<D>) -> i32 {
        with_closed_window(host);
        host.socket().abort();
        host.poll();
        host.forget_socket();
        let sent = host.receive(CLOSED);
        assert_eq!(sent[0].control, TcpControl::Rst);
        sent[0].seq
    }
    compare(
        64,
        8,
        |mut bare| assert_eq!(script(&mut bare), 8),
        |mut guarded| assert_eq!(script(&mut guarded), 8),
    );
}

#[test]
fn nothing_is_held_back_when_everything_has_been_sent() {
    for &family in FAMILIES {
        let mut host = Host::<GuardedCable>::connected(family, 64, 8);
        host.receive(Segment { window: 8, ..FIN });
        host.write(b"01234567");
        host.receive(CLOSED);
        assert_eq!(host.socket().send_queue(), 0);
        assert_eq!(host.device.counters().bytes_held_back, 0);
    }
}
