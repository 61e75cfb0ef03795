//! A client beside a guard, which goes on sending what smoltcp has forgotten.

use std::net::Ipv4Addr;

use smoltcp::phy::{Device as _, RxToken as _};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, Ipv4Cidr};
use tickwire::Tick;
use tickwire::dhcp::{Dhcp, DhcpDevice, Storage};
use tickwire_sim::ethernet::Link;
use tickwire_sim::{Act, Opening, Script};

use crate::cable::Cable;
use crate::common::fixture::{BUFFER, Fixture, TaskId, endpoint, ms, secs};
use crate::messages::{ACK, ADDRESS, Answer, Asked, OFFER};
use crate::network::unprobed;

const HOST_MAC: EthernetAddress = EthernetAddress([2, 0, 10, 0, 0, 1]);
/// Of Ethernet, IPv4 and UDP.
const HEADERS_LEN: usize = 14 + 20 + 8;

const ACTS: [Act<'static>; 4] = [
    Act::Send(b"hi"),
    Act::Wait(secs(5)),
    Act::Close,
    Act::ExpectEnd,
];

/// Answers the client's next message, over a device that nobody else uses.
fn answer(net: &mut Fixture, device: &mut DhcpDevice<'_, Cable>, kind: u8) {
    net.run(ms(10));
    let cable = device.get_ref().clone();
    // What the client sends leaves when a frame is asked for.
    assert!(device.receive(Instant::ZERO).is_none());
    let sent = cable.0.borrow_mut().from_host.remove(0);
    let asked = Asked {
        at: Tick::ZERO,
        mac: EthernetAddress::BROADCAST,
        source: Ipv4Addr::UNSPECIFIED,
        destination: Ipv4Addr::BROADCAST,
        bytes: sent[HEADERS_LEN..].to_vec(),
    };
    let answer = Answer {
        mac: HOST_MAC,
        to: HOST_MAC,
        ..Answer::to(&asked, kind)
    };
    cable.0.borrow_mut().to_host.push_back(answer.frame());
    let (token, _) = device.receive(Instant::ZERO).unwrap();
    token.consume(|_| ());
    net.run(ms(10));
}

/// A host with a lease and a task that ends with an error, for nobody acknowledges its FIN.
fn closing() -> (Fixture, TaskId<Dhcp<'static>>, TaskId<Script<'static>>) {
    let mut net = Fixture::guarded(1, 2);
    let storage: &'static Storage = Box::leak(Box::new(Storage::new()));
    let mut device = DhcpDevice::new(Cable::default(), storage);
    let iface = &mut net.hosts[0].node.stack.iface;
    iface.update_ip_addrs(|addresses| addresses.clear());
    let client = net.start(0, Dhcp::new(storage, unprobed()));
    answer(&mut net, &mut device, OFFER);
    answer(&mut net, &mut device, ACK);
    let lent = net.hosts[0].node.stack.iface.ip_addrs();
    assert_eq!(lent, [Ipv4Cidr::new(ADDRESS, 24).into()]);
    // With a long round trip a guard sends a FIN again for minutes.
    net.set_links(Link {
        delay_micros: 250_000,
        ..Link::PERFECT
    });
    let acts = [Act::Expect(b"hi"), Act::Wait(secs(600))];
    net.script(1, Opening::Listen(7), &acts);
    let socket = net.add_socket(0, BUFFER);
    let script = Script::new(socket, Opening::Dial(endpoint(1, 7)), &ACTS);
    let script = net.start(0, script.with_timeout(secs(15)));
    net.run(secs(4));
    net.cut(0, 1);
    (net, client, script)
}

/// The address goes and the task ends in one turn, in which smoltcp forgets the connection.
#[test]
fn nothing_leaves_from_a_lost_address_not_even_the_fin_of_a_task_that_has_just_ended() {
    let (mut net, _, script) = closing();
    net.finish(script, secs(90)).unwrap_err();
    let end = net.now();

    let (mut net, client, script) = closing();
    // The server's hardware address is waited for so long.
    net.run(end.since(net.now() + secs(1)));
    net.app_mut(client).release();
    net.finish(script, secs(90)).unwrap_err();
    assert_eq!(net.now(), end);
    assert_eq!(net.hosts[0].node.stack.iface.ip_addrs(), []);
    let sent = net.ethernet().counts(0).sent;
    net.run(secs(120));
    assert_eq!(net.ethernet().counts(0).sent, sent);
}
