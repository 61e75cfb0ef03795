//! A client beside a guard, which goes on sending what smoltcp has forgotten.

use std::net::Ipv4Addr;

use smoltcp::phy::{ChecksumCapabilities, Device as _, RxToken as _};
use smoltcp::socket::tcp::Socket;
use smoltcp::time::Instant;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpAddress, IpProtocol,
    Ipv4Cidr, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};
use tickwire::Tick;
use tickwire::dhcp::{Dhcp, DhcpDevice, Storage};
use tickwire_sim::ethernet::Link;
use tickwire_sim::{Act, Opening, Script};

use crate::cable::Cable;
use crate::common::fixture::{BUFFER, Fixture, TaskId, endpoint, ms, secs};
use crate::messages::{ACK, ADDRESS, Answer, Asked, OFFER};
use crate::network::unprobed;

const HOST_MAC: EthernetAddress = EthernetAddress([2, 0, 10, 0, 0, 1]);
const PEER_MAC: EthernetAddress = EthernetAddress([2, 0, 10, 0, 0, 2]);
pub(crate) const MASK: [u8; 4] = [255, 255, 255, 0];
/// Of Ethernet, IPv4 and UDP.
const HEADERS_LEN: usize = 14 + 20 + 8;

const ACTS: [Act<'static>; 4] = [
    Act::Send(b"hi"),
    Act::Wait(secs(5)),
    Act::Close,
    Act::ExpectEnd,
];

/// The DHCP client's own way to its server, which nobody else uses.
pub(crate) type Wire = DhcpDevice<'static, Cable>;

/// Answers the client's next message with a lease of this mask.
fn answer(net: &mut Fixture, device: &mut Wire, kind: u8, mask: [u8; 4]) {
    net.run(ms(10));
    respond(device, HOST_MAC, kind, mask);
    net.run(ms(10));
}

/// Answers the message that the client at `mac` has sent.
pub(crate) fn respond(device: &mut Wire, mac: EthernetAddress, kind: u8, mask: [u8; 4]) {
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
        mac,
        to: mac,
        ..Answer::to(&asked, kind).with(1, &mask)
    };
    cable.0.borrow_mut().to_host.push_back(answer.frame());
    let (token, _) = device.receive(Instant::ZERO).unwrap();
    token.consume(|_| ());
}

/// A host with a lease and a task that ends with an error, for nobody acknowledges its FIN.
fn closing() -> (
    Fixture,
    Wire,
    TaskId<Dhcp<'static>>,
    TaskId<Script<'static>>,
) {
    let mut net = Fixture::guarded(1, 3);
    let storage: &'static Storage = Box::leak(Box::new(Storage::new()));
    let mut device = DhcpDevice::new(Cable::default(), storage);
    let iface = &mut net.hosts[0].node.stack.iface;
    iface.update_ip_addrs(|addresses| addresses.clear());
    let client = net.start(0, Dhcp::new(storage, unprobed()));
    answer(&mut net, &mut device, OFFER, MASK);
    answer(&mut net, &mut device, ACK, MASK);
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
    (net, device, client, script)
}

/// The address goes and the task ends in one turn, in which smoltcp forgets the connection.
#[test]
fn nothing_leaves_from_a_lost_address_not_even_the_fin_of_a_task_that_has_just_ended() {
    let (mut net, _, _, script) = closing();
    net.finish(script, secs(90)).unwrap_err();
    let end = net.now();

    let (mut net, _, client, script) = closing();
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

#[test]
fn a_lease_with_another_mask_is_no_loss_of_its_address() {
    let (mut net, mut device, client, _) = closing();
    for is_up in [false, true] {
        net.app_mut(client).set_link(is_up);
        net.run(ms(1));
    }
    answer(&mut net, &mut device, ACK, [255, 255, 0, 0]);
    let lent = net.hosts[0].node.stack.iface.ip_addrs();
    assert_eq!(lent, [Ipv4Cidr::new(ADDRESS, 16).into()]);
    // The guard still has the connection, and has a forged SYN answered (RFC 5961, 4).
    let sent = net.ethernet().counts(0).sent;
    let syn = forged_syn(&mut net);
    net.ethernet().port(2).send(&syn);
    net.run(ms(500));
    assert_eq!(net.ethernet().counts(0).sent, sent + 1);
}

/// A SYN as if from the server's end of the connection.
fn forged_syn(net: &mut Fixture) -> Vec<u8> {
    let handle = net.hosts[0].handles[0];
    let socket = net.socket::<Socket<'_>>(0, handle);
    let (to, from) = socket
        .local_endpoint()
        .zip(socket.remote_endpoint())
        .unwrap();
    let syn = TcpRepr {
        src_port: from.port,
        dst_port: to.port,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(1),
        ack_number: None,
        window_len: 1_000,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let (IpAddress::Ipv4(src_addr), IpAddress::Ipv4(dst_addr)) = (from.addr, to.addr) else {
        panic!("the hosts have addresses of IPv4");
    };
    let packet = Ipv4Repr {
        src_addr,
        dst_addr,
        next_header: IpProtocol::Tcp,
        payload_len: syn.buffer_len(),
        hop_limit: 64,
    };
    let header = EthernetRepr {
        src_addr: PEER_MAC,
        dst_addr: HOST_MAC,
        ethertype: EthernetProtocol::Ipv4,
    };
    let sums = ChecksumCapabilities::default();
    let mut frame = vec![0; 14 + 20 + syn.buffer_len()];
    header.emit(&mut EthernetFrame::new_unchecked(&mut frame));
    packet.emit(&mut Ipv4Packet::new_unchecked(&mut frame[14..]), &sums);
    let mut segment = TcpPacket::new_unchecked(&mut frame[14 + 20..]);
    syn.emit(&mut segment, &from.addr, &to.addr, &sums);
    frame
}
