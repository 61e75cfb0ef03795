//! Whoever says that the peer cannot be reached.

use std::net::SocketAddr;

use smoltcp::socket::tcp::State;
use smoltcp::wire::Ipv4Packet;
use smoltcp_guard::{Notice, Unreachable};

use crate::cable::{Cable, MEDIA};
use crate::frames::{FAMILIES, Family, HOST_PORT, PEER_PORT, Sent, icmp_error};
use crate::host::{GuardedCable, Host, TestDevice};

/// A host whose SYN is out, and the frame of that SYN.
fn dialling<D: TestDevice>(family: Family, cable: Cable) -> (Host<D>, Vec<u8>) {
    let mut host = Host::connecting(family, 64, cable);
    assert!(
        host.sleep().is_some_and(|sent| sent.len() == 1),
        "the SYN goes out again"
    );
    let syn = host.last_frame();
    (host, syn)
}

/// Every way to say it: type, code, and what it means.
fn refusals(family: Family) -> Vec<(u8, u8, Unreachable)> {
    use Unreachable::{Host, Network, Port, Prohibited, Protocol};
    match family {
        Family::V4 => [
            (0, Network),
            (1, Host),
            (2, Protocol),
            (3, Port),
            (5, Host),
            (6, Network),
            (7, Host),
            (8, Host),
            (9, Prohibited),
            (10, Prohibited),
            (11, Network),
            (12, Host),
            (13, Prohibited),
            (14, Prohibited),
            (15, Prohibited),
        ]
        .map(|(code, reason)| (3, code, reason))
        .to_vec(),
        #[cfg(feature = "ipv6")]
        Family::V6 => [
            (0, Network),
            (1, Prohibited),
            (2, Network),
            (3, Host),
            (4, Port),
            (5, Prohibited),
            (6, Prohibited),
        ]
        .map(|(code, reason)| (1, code, reason))
        .to_vec(),
    }
}

#[test]
fn a_dial_that_the_network_refuses_ends_at_once_and_says_why() {
    for &family in FAMILIES {
        for (&medium, (kind, code, reason)) in MEDIA
            .iter()
            .flat_map(|medium| refusals(family).into_iter().map(move |one| (medium, one)))
        {
            let (mut bare, syn) = dialling::<Cable>(family, Cable::over(medium));
            bare.receive_frame(icmp_error(family, (kind, code), 0, &syn));
            assert_eq!(bare.socket().state(), State::SynSent, "the defect is gone");

            let (mut guarded, syn) = dialling::<GuardedCable>(family, Cable::over(medium));
            let error = icmp_error(family, (kind, code), 0, &syn);
            assert_eq!(guarded.receive_frame(error), Vec::<Sent>::new());
            guarded.poll();
            assert_eq!(guarded.socket().state(), State::Closed, "{kind}, {code}");
            let notice = Notice::Unreachable {
                local: SocketAddr::new(family.host().into(), HOST_PORT),
                remote: SocketAddr::new(family.peer().into(), PEER_PORT),
                reason,
            };
            assert_eq!(guarded.device.take_notice(), Some(notice));
            assert_eq!(guarded.device.counters().dials_refused, 1);
        }
    }
}

#[test]
fn an_open_connection_outlives_it() {
    for &family in FAMILIES {
        let mut host = Host::<GuardedCable>::connected(family, 64, 1000);
        host.write(b"data");
        let data = host.last_frame();
        for (kind, code, _) in refusals(family) {
            host.receive_frame(icmp_error(family, (kind, code), 0, &data));
        }
        assert_eq!(host.socket().state(), State::Established);
        assert_eq!(host.device.take_notice(), None);
        let ignored = refusals(family).len() as u32;
        assert_eq!(host.device.counters().unreachable_ignored, ignored);
    }
}

#[test]
fn a_lie_about_a_segment_that_is_not_on_its_way_changes_nothing() {
    for &family in FAMILIES {
        let (mut host, syn) = dialling::<GuardedCable>(family, Cable::default());
        let tcp_at = family.tcp_at();
        // Ports, sequence number, our address in the quotation, and the protocol.
        for at in (tcp_at..tcp_at + 8).chain([tcp_at - 1, if tcp_at == 34 { 29 } else { 37 }]) {
            let mut forged = syn.clone();
            forged[at] ^= 1;
            let (kind, code, _) = refusals(family)[0];
            host.receive_frame(icmp_error(family, (kind, code), 0, &forged));
            host.poll();
            assert_eq!(host.socket().state(), State::SynSent, "byte {at}");
        }
        assert_eq!(host.device.counters().dials_refused, 0);
    }
}

#[test]
fn a_damaged_or_cut_report_changes_nothing() {
    for &family in FAMILIES {
        let (mut host, syn) = dialling::<GuardedCable>(family, Cable::default());
        let (kind, code, _) = refusals(family)[0];
        let error = icmp_error(family, (kind, code), 0, &syn);
        // An IPv6 header has no checksum, and nothing hangs on its first words.
        for at in if family == Family::V4 { 14 } else { 54 }..error.len() {
            let mut damaged = error.clone();
            damaged[at] ^= 0x10;
            host.receive_frame(damaged);
            host.receive_frame(error[..at].to_vec());
        }
        host.poll();
        assert_eq!(host.socket().state(), State::SynSent);
        assert_eq!(host.device.counters().dials_refused, 0);
    }
}

#[test]
fn a_report_to_another_of_our_addresses_than_its_quotation_says_changes_nothing() {
    let (mut host, syn) = dialling::<GuardedCable>(Family::V4, Cable::default());
    let (kind, code, _) = refusals(Family::V4)[0];
    let mut error = icmp_error(Family::V4, (kind, code), 0, &syn);
    // The last byte of the destination, and what the header's checksum makes of it.
    error[33] ^= 2;
    let mut ip = Ipv4Packet::new_unchecked(&mut error[14..]);
    ip.fill_checksum();
    host.receive_frame(error);
    host.poll();
    assert_eq!(host.socket().state(), State::SynSent);
}
