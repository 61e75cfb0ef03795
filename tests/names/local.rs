//! Names that end in `.local` (RFC 6762).

use std::cell::RefCell;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp;
use smoltcp::wire::{IpAddress, IpCidr, IpEndpoint};
use tickwire::dns::ResolveError;
use tickwire_sim::ethernet::{Fate, FrameEvent, FrameObserver};

use crate::common::fixture::{endpoint, ms};
use crate::rig::{Rig, WRONG, answer_to, right};

const PORT: u16 = 5353;

/// What our host sends to the group: nobody else here has joined it.
#[derive(Default)]
struct Group {
    questions: Vec<Question>,
}

#[derive(Debug, Clone)]
struct Question {
    hop_limit: u8,
    port: u16,
    bytes: Vec<u8>,
}

impl FrameObserver for Group {
    fn observe(&mut self, event: &FrameEvent, frame: &[u8]) {
        // Ethernet, IPv4 without options, UDP.
        let is_to_group = frame.get(30..34) == Some(&[224, 0, 0, 251]);
        if event.fate == Fate::Sent && event.from == 0 && is_to_group {
            assert_eq!(frame[..6], [1, 0, 0x5e, 0, 0, 251]);
            assert_eq!(u16::from_be_bytes([frame[36], frame[37]]), PORT);
            self.questions.push(Question {
                hop_limit: frame[22],
                port: u16::from_be_bytes([frame[34], frame[35]]),
                bytes: frame[42..].to_vec(),
            });
        }
    }
}

/// A rig without a name server, whose host 0 asks for a name of the link.
fn asked() -> (Rig, crate::rig::LookupId, Question, SocketHandle) {
    asked_by(Rig::with_hosts(2, 0))
}

fn asked_by(mut rig: Rig) -> (Rig, crate::rig::LookupId, Question, SocketHandle) {
    let group: &RefCell<Group> = Box::leak(Box::default());
    rig.net.ethernet().observe(Some(group));
    let lookup = rig.look_up("Printer.local");
    rig.net.run(ms(100));
    let question = group.borrow().questions[0].clone();
    let socket = rig.bind(1, PORT);
    (rig, lookup, question, socket)
}

fn to(question: &Question) -> IpEndpoint {
    IpEndpoint::new(endpoint(0, 0).addr, question.port)
}

#[test]
fn a_name_of_the_link_is_asked_of_the_link() {
    let (mut rig, lookup, question, socket) = asked();
    assert_eq!(question.hop_limit, 255);
    assert!(question.port >= 49_152);
    let mut reply = answer_to(&question.bytes, [192, 0, 2, 1]);
    reply.bytes[13] = b'p';
    rig.send_with(1, socket, to(&question), &reply.bytes);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

#[test]
fn only_the_port_of_multicast_dns_answers_for_the_link() {
    let (mut rig, lookup, question, socket) = asked();
    let lie = answer_to(&question.bytes, WRONG).bytes;
    rig.send(2, to(&question), &lie);
    for at in [0, 1, 14] {
        let mut lie = lie.clone();
        lie[at] ^= 1;
        rig.send_with(1, socket, to(&question), &lie);
    }
    assert!(rig.is_open(lookup));
    let reply = answer_to(&question.bytes, [192, 0, 2, 1]);
    rig.send_with(1, socket, to(&question), &reply.bytes);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

#[test]
fn a_record_that_replaces_others_of_the_link_is_one_of_class_in() {
    let (mut rig, lookup, question, socket) = asked();
    let mut reply = answer_to(&question.bytes, [192, 0, 2, 1]);
    // Class, time to live, length and address stand at the end.
    let class_at = reply.bytes.len() - 12;
    reply.bytes[class_at] = 0x80;
    rig.send_with(1, socket, to(&question), &reply.bytes);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

#[test]
fn nobody_beyond_the_link_answers_for_it() {
    let mut rig = Rig::with_hosts(2, 0);
    // Host 1 is on another network too. It forgets its neighbours, and asks for them in a second.
    rig.net.hosts[1].node.stack.iface.update_ip_addrs(|all| {
        all.push(IpCidr::new(IpAddress::v4(198, 51, 100, 7), 24))
            .unwrap();
    });
    rig.send(1, endpoint(0, 9), b"");
    rig.net.run(ms(1_000));
    let (mut rig, lookup, question, socket) = asked_by(rig);
    let lie = answer_to(&question.bytes, WRONG).bytes;
    let far = udp::UdpMetadata {
        local_address: Some(IpAddress::v4(198, 51, 100, 7)),
        ..to(&question).into()
    };
    let sender = rig.net.socket::<udp::Socket<'_>>(1, socket);
    sender.send_slice(&lie, far).unwrap();
    rig.net.run(ms(5));
    assert!(rig.is_open(lookup));
    let reply = answer_to(&question.bytes, [192, 0, 2, 1]);
    rig.send_with(1, socket, to(&question), &reply.bytes);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

#[test]
fn nobody_asks_a_server_for_a_name_of_the_link_nor_a_domain_after_it() {
    let mut rig = Rig::new(1);
    rig.set_search(&["example.com"]);
    let lookup = rig.look_up("nobody.local");
    assert_eq!(rig.finish(lookup), Err(ResolveError::NoAnswer));
    assert!(rig.net.now().as_millis() < 10_100);
    assert!(!rig.is_asked_within(1, 1));
}

#[test]
fn the_link_is_asked_again_after_one_two_and_four_seconds() {
    let mut rig = Rig::with_hosts(1, 0);
    let group: &RefCell<Group> = Box::leak(Box::default());
    rig.net.ethernet().observe(Some(group));
    let lookup = rig.look_up("nobody.local");
    assert_eq!(rig.finish(lookup), Err(ResolveError::NoAnswer));
    assert_eq!(group.borrow().questions.len(), 4);
}
