//! Callers that wait until a socket listens again.

use smoltcp::socket::tcp::State;
use smoltcp::time::Duration;
use smoltcp::wire::{TcpControl, TcpRepr};

use crate::cable::{Cable, MEDIA};
use crate::frames::{
    FAMILIES, Family, HOST_MAC, HOST_PORT, PEER_MAC, PEER_PORT, read_raw, repr, tcp_frame,
};
use crate::host::{GuardedCable, Host, TestDevice};

/// A SYN of another caller, from this port.
fn call(family: Family, port: u16) -> Vec<u8> {
    let syn = TcpRepr {
        max_seg_size: Some(1400),
        ..repr((port, HOST_PORT), TcpControl::Syn, 5000, None)
    };
    tcp_frame((PEER_MAC, family.peer()), (HOST_MAC, family.host()), &syn)
}

/// What the host answers to it: nothing, a refusal, or the next step of the handshake.
fn answer<D: TestDevice>(host: &mut Host<D>, port: u16) -> Option<TcpControl> {
    let family = host.family;
    host.cable.0.borrow_mut().from_host.clear();
    host.receive_frame(call(family, port));
    let ends = host.cable.0.borrow();
    let mut answers = ends
        .from_host
        .iter()
        .filter_map(|frame| read_raw(family, frame));
    let control = answers.next().map(|answer| answer.control);
    assert_eq!(answers.next(), None);
    control
}

/// A host with one busy socket, whose port has a backlog.
fn busy(family: Family, cable: Cable) -> Host<GuardedCable> {
    let mut host = Host::<GuardedCable>::connecting(family, 64, cable).accepted(1000);
    assert!(
        host.device
            .set_backlog(HOST_PORT, Some(Duration::from_secs(10)))
    );
    host
}

#[test]
fn a_caller_for_whom_no_socket_is_free_hears_nothing_until_one_listens() {
    for &family in FAMILIES {
        for &medium in MEDIA {
            let mut bare =
                Host::<Cable>::connecting(family, 64, Cable::over(medium)).accepted(1000);
            assert_eq!(answer(&mut bare, 7), Some(TcpControl::Rst));

            let mut guarded = busy(family, Cable::over(medium));
            assert_eq!(answer(&mut guarded, 7), None);
            guarded.advance(1000);
            assert_eq!(answer(&mut guarded, 7), None);
            guarded.socket().abort();
            guarded.poll();
            assert!(guarded.socket().listen(HOST_PORT).is_ok());
            guarded.advance(2000);
            assert_eq!(answer(&mut guarded, 7), Some(TcpControl::Syn));
            assert_eq!(guarded.socket().state(), State::SynReceived);
            assert_eq!(guarded.device.counters().refusals_held_back, 2);
        }
    }
}

#[test]
fn a_caller_that_has_waited_long_enough_is_refused() {
    for &family in FAMILIES {
        let mut host = busy(family, Cable::default());
        for _ in 0..10 {
            assert_eq!(answer(&mut host, 7), None);
            host.advance(1000);
        }
        assert_eq!(answer(&mut host, 7), Some(TcpControl::Rst));
    }
}

#[test]
fn one_caller_too_many_is_refused() {
    for &family in FAMILIES {
        let mut host = busy(family, Cable::default());
        for port in 1..=8 {
            assert_eq!(answer(&mut host, port), None);
        }
        assert_eq!(answer(&mut host, 9), Some(TcpControl::Rst));
        assert_eq!(answer(&mut host, 8), None);
    }
}

#[test]
fn a_port_whose_backlog_was_taken_away_refuses_again() {
    for &family in FAMILIES {
        let mut host = busy(family, Cable::default());
        assert_eq!(answer(&mut host, 7), None);
        assert!(host.device.set_backlog(HOST_PORT, None));
        assert_eq!(answer(&mut host, 7), Some(TcpControl::Rst));
    }
}

#[test]
fn a_segment_that_is_no_call_is_refused_as_ever() {
    for &family in FAMILIES {
        let mut host = busy(family, Cable::default());
        host.cable.0.borrow_mut().from_host.clear();
        let ack = repr((7, HOST_PORT), TcpControl::None, 1, Some(2));
        host.receive_frame(tcp_frame(
            (PEER_MAC, family.peer()),
            (HOST_MAC, family.host()),
            &ack,
        ));
        let ends = host.cable.0.borrow();
        let answer = read_raw(family, ends.from_host.first().expect("a RST"));
        assert_eq!(answer.map(|answer| answer.control), Some(TcpControl::Rst));
    }
}

#[test]
fn the_reset_of_a_connection_whose_peer_calls_again_is_no_refusal() {
    for &family in FAMILIES {
        for &medium in MEDIA {
            let mut host = busy(family, Cable::over(medium));
            assert_eq!(answer(&mut host, PEER_PORT), Some(TcpControl::None));
            // No second challenge within a second.
            assert_eq!(answer(&mut host, PEER_PORT), None);
            host.socket().abort();
            let sent = host.poll();
            assert!(matches!(&sent[..], [only] if only.control == TcpControl::Rst));
            assert_eq!(host.device.counters().refusals_held_back, 0);
        }
    }
}
