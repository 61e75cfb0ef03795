//! What a lease does to the interface, and what the caller says of himself.

use std::net::Ipv4Addr;

use smoltcp::iface::Route;
use smoltcp::wire::{IpCidr, Ipv4Cidr};
use tickwire::dhcp::DhcpOptions;

use crate::messages::{ACK, ADDRESS, Answer, DISCOVER, OFFER, REQUEST};
use crate::network::{Network, unprobed};

/// The routes of a client whose lease has these options.
fn routes_with(options: &[(u8, &[u8])]) -> Vec<String> {
    let mut net = Network::new(unprobed());
    for kind in [OFFER, ACK] {
        let asked = net.next(1);
        let answer = Answer::to(&asked, kind);
        net.hear(
            &options
                .iter()
                .fold(answer, |answer, (code, value)| answer.with(*code, value)),
        );
    }
    net.assert_bound();
    net.routes()
}

#[test]
fn of_several_routers_the_first_that_can_be_reached_is_used() {
    let [far, near, next] = [[192, 168, 0, 1], [10, 0, 0, 2], [10, 0, 0, 3]];
    let routers = |list: &[[u8; 4]]| routes_with(&[(3, &list.concat())]);
    assert_eq!(routers(&[near, next]), ["0.0.0.0/0 via 10.0.0.2"]);
    assert_eq!(routers(&[far, next, near]), ["0.0.0.0/0 via 10.0.0.3"]);
    // We are no router of ours.
    assert_eq!(
        routers(&[ADDRESS.octets(), near]),
        ["0.0.0.0/0 via 10.0.0.2"]
    );
    assert_eq!(routers(&[far]), Vec::<String>::new());
    assert_eq!(routers(&[]), Vec::<String>::new());
}

#[test]
fn where_there_are_routes_the_routers_do_not_count() {
    let routes = [
        &[24, 192, 168, 5, 10, 0, 0, 3][..],
        &[8, 172, 9, 9, 9, 9], // A router that is not on the link.
        &[0, 10, 0, 0, 2],
    ]
    .concat();
    let wanted = ["0.0.0.0/0 via 10.0.0.2", "192.168.5.0/24 via 10.0.0.3"];
    assert_eq!(routes_with(&[(121, &routes)]), wanted);
    // No default route among them: there is none.
    assert_eq!(routes_with(&[(121, &routes[..8])]), [wanted[1]]);
}

#[test]
fn more_routes_than_fit_leave_the_default_route() {
    let mut routes: Vec<u8> = (1..=9)
        .flat_map(|net| [16, 192, net, 10, 0, 0, 3])
        .collect();
    routes.extend([0, 10, 0, 0, 2]);
    let kept = routes_with(&[(121, &routes)]);
    assert!(!kept.is_empty());
    // It came too late to be kept; but where it comes in time it is first.
    let early = [&[16, 192, 1, 10, 0, 0, 3][..], &[0, 10, 0, 0, 2], &routes].concat();
    let kept = routes_with(&[(121, &early)]);
    assert_eq!(kept[0], "0.0.0.0/0 via 10.0.0.2");
}

#[test]
fn what_the_program_put_on_the_interface_stays() {
    let mut net = Network::new(unprobed());
    let own = IpCidr::Ipv4(Ipv4Cidr::new(Ipv4Addr::new(172, 16, 0, 9), 16));
    net.stack
        .iface
        .update_ip_addrs(|addresses| addresses.push(own).unwrap());
    net.stack.iface.routes_mut().update(|routes| {
        let route = Route::new_ipv4_gateway(Ipv4Addr::new(172, 16, 0, 1));
        routes.push(route).unwrap();
    });
    net.acquire();
    assert_eq!(net.addresses().len(), 2);
    assert_eq!(net.routes().len(), 2);
    net.now = tickwire::Tick::from_millis(10_000_000);
    net.run(tickwire::Duration::ZERO);
    assert_eq!(net.addresses(), [own]);
    assert_eq!(net.routes(), ["0.0.0.0/0 via 172.16.0.1"]);
}

#[test]
fn every_message_says_who_we_are() {
    let mut net = Network::new(DhcpOptions {
        host_name: "lamp",
        client_id: Some(b"\0lamp-7"),
        ..unprobed()
    });
    for kind in [DISCOVER, REQUEST] {
        let asked = net.expect(kind, 0);
        assert_eq!(asked.option(12), Some(&b"lamp"[..]));
        assert_eq!(asked.option(61), Some(&b"\0lamp-7"[..]));
        // The device's MTU.
        assert_eq!(asked.option(57), Some(&1_500_u16.to_be_bytes()[..]));
        let answer = Answer::to(&asked, OFFER);
        net.hear(&answer.with(61, b"\0lamp-7"));
    }
}

#[test]
fn without_another_identifier_we_are_our_hardware_address() {
    let mut net = Network::new(unprobed());
    let asked = net.expect(DISCOVER, 0);
    assert_eq!(asked.option(61), Some(&[1, 2, 0, 0, 0, 0, 1][..]));
    assert_eq!(asked.option(12), None);
}
