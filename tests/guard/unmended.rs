//! Defects of smoltcp 0.14 that a device wrapper cannot mend: the loop or the application must.

use std::panic::{AssertUnwindSafe, catch_unwind};

use smoltcp::socket::tcp::{RecvError, State};
use smoltcp::wire::TcpControl;

use crate::cable::Cable;
use crate::frames::{
    ACK, FAMILIES, Family, HOST_MAC, HOST_PORT, PEER_MAC, PEER_PORT, Segment, repr, tcp_frame,
};
use crate::host::{Guarded, Host, resends};

#[test]
fn a_fast_retransmit_is_forgotten_when_the_routers_address_has_expired() {
    /// Three duplicate ACKs come `millis` after the data, which leaves 59.5 s after the router was heard.
    fn after(millis: u64) -> Host<Guarded> {
        let mut host = Host::<Guarded>::connected(Family::V4, 64, 1000);
        host.move_behind_router();
        host.pass(59_500);
        assert!(resends(&host.write(b"data"), 0));
        host.pass(millis);
        let sent: Vec<_> = (0..3).flat_map(|_| host.hear(ACK)).collect();
        // The router is known for 60 s, and the retransmission timer runs for 1 s.
        assert_eq!(resends(&sent, 0), millis < 500);
        host
    }
    after(400);
    let mut host = after(600);
    host.hear_router();
    assert!(!resends(&host.sleep_a_minute(), 0));
    assert!(host.sleeps_for_ever(), "smoltcp tries again now");
    assert_eq!(host.socket().send_queue(), 4);
}

#[test]
fn what_is_unread_when_time_wait_ends_is_lost() {
    let mut host = Host::<Guarded>::connected(Family::V4, 64, 1000);
    host.close();
    host.hear(Segment {
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
        let mut host = Host::<Guarded>::resolving(family, 64, Cable::default());
        let syn = repr((PEER_PORT, HOST_PORT), TcpControl::Syn, 0, None);
        let frame = tcp_frame((PEER_MAC, family.peer()), (HOST_MAC, family.host()), &syn);
        host.hear_frame(frame);
        let slept = catch_unwind(AssertUnwindSafe(|| host.sleep()));
        assert!(slept.is_err(), "smoltcp does not panic any more");
    }
}
