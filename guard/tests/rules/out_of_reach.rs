//! Defects of smoltcp 0.14 that a device wrapper cannot work around. The loop or the application
//! must.

use std::panic::{AssertUnwindSafe, catch_unwind};

use smoltcp::socket::tcp::{RecvError, State};
use smoltcp::wire::TcpControl;

use crate::cable::Cable;
use crate::frames::{
    ACK, FAMILIES, Family, HOST_MAC, HOST_PORT, PEER_MAC, PEER_PORT, Segment, repr, tcp_frame,
};
use crate::host::{GuardedCable, Host};

#[test]
fn data_that_is_unread_when_time_wait_ends_is_lost() {
    let mut host = Host::<GuardedCable>::connected(Family::V4, 64, 1000);
    host.close();
    host.receive(Segment {
        ack: 1,
        payload: b"tail",
        control: TcpControl::Fin,
        ..ACK
    });
    assert_eq!(host.socket().state(), State::TimeWait);
    assert_eq!(host.socket().recv_queue(), 4);
    host.sleep_a_minute();
    assert_eq!(host.socket().recv_queue(), 0, "smoltcp keeps it now");
    let read = host.socket().recv_slice(&mut [0; 4]);
    assert_eq!(read, Err(RecvError::InvalidState));
}

#[test]
fn a_syn_that_crosses_ours_before_it_has_left_makes_smoltcp_panic() {
    for &family in FAMILIES {
        let mut host = Host::<GuardedCable>::resolving(family, 64, Cable::default());
        let syn = repr((PEER_PORT, HOST_PORT), TcpControl::Syn, 0, None);
        let frame = tcp_frame((PEER_MAC, family.peer()), (HOST_MAC, family.host()), &syn);
        host.receive_frame(frame);
        let slept = catch_unwind(AssertUnwindSafe(|| host.sleep()));
        assert!(slept.is_err(), "smoltcp does not panic any more");
    }
}
