//! Which server is asked, and when.

use smoltcp::wire::IpAddress;
use tickwire::dns::ResolveError;

use crate::common::fixture::secs;
use crate::reply::{REFUSED, Reply, SERVFAIL};
use crate::rig::{Rig, right};

#[test]
fn a_silent_server_is_asked_after_one_two_and_four_seconds_and_never_after_ten() {
    let mut rig = Rig::new(1);
    let lookup = rig.look_up("www.example.com");
    let asked: Vec<_> = (0..4).map(|_| rig.question(1).at.as_millis()).collect();
    let first = asked[0];
    let after: Vec<_> = asked.iter().map(|at| (at - first + 50) / 1_000).collect();
    assert_eq!(after, [0, 1, 3, 7]);
    assert_eq!(rig.finish(lookup), Err(ResolveError::NoAnswer));
    let took = rig.net.now().as_millis();
    assert!((10_000..10_100).contains(&took), "{took}");
    assert!(!rig.is_asked_within(1, 20_000));
}

#[test]
fn servers_are_asked_in_turn() {
    let mut rig = Rig::new(3);
    let lookup = rig.look_up("www.example.com");
    for server in [1, 2, 3, 1, 2] {
        rig.question(server);
    }
    let last = rig.question(3);
    rig.answer(3, &last);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

#[test]
fn a_late_answer_of_the_server_before_is_not_taken() {
    let mut rig = Rig::new(2);
    let lookup = rig.look_up("www.example.com");
    let first = rig.question(1);
    let second = rig.question(2);
    rig.answer(1, &first);
    assert!(rig.is_open(lookup));
    rig.answer(2, &second);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

#[test]
fn a_server_that_cannot_or_will_not_answer_sends_us_to_the_next_at_once() {
    for code in [SERVFAIL, REFUSED] {
        let mut rig = Rig::new(2);
        let lookup = rig.look_up("www.example.com");
        let first = rig.question(1);
        let reply = Reply::to(&first.bytes).code(code);
        rig.send(1, first.from, &reply.bytes);
        let second = rig.question(2);
        let millis = second.at.since(first.at).as_millis();
        assert!(millis < 100, "{millis}");
        rig.answer(2, &second);
        assert_eq!(rig.finish(lookup), Ok(right()));
    }
}

#[test]
fn when_all_servers_have_failed_it_is_said_at_once_and_how() {
    for (code, error) in [
        (SERVFAIL, ResolveError::ServerFailed),
        (REFUSED, ResolveError::Refused),
    ] {
        let mut rig = Rig::new(2);
        let lookup = rig.look_up("www.example.com");
        for server in [1, 2] {
            let question = rig.question(server);
            let reply = Reply::to(&question.bytes).code(code);
            rig.send(server, question.from, &reply.bytes);
        }
        assert_eq!(rig.finish(lookup), Err(error));
        assert!(rig.net.now().as_millis() < 100);
    }
}

#[test]
fn a_message_that_is_none_is_a_failure_of_its_server() {
    let mut rig = Rig::new(2);
    let lookup = rig.look_up("www.example.com");
    let first = rig.question(1);
    let mut reply = Reply::to(&first.bytes);
    reply.bytes[7] = 1;
    rig.send(1, first.from, &reply.bytes);
    let second = rig.question(2);
    rig.answer(2, &second);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

#[test]
fn a_server_that_is_not_there_does_not_hold_up_the_next() {
    let mut rig = Rig::new(2);
    rig.net.ethernet().set_up(1, false);
    let lookup = rig.look_up("www.example.com");
    let question = rig.question(2);
    assert!(question.at.as_millis() < 1_100, "{}", question.at);
    rig.answer(2, &question);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

#[test]
fn a_server_that_no_route_leads_to_is_left_out() {
    let mut rig = Rig::new(1);
    let names = &mut rig.net.hosts[0].node.stack.names;
    let known = names.servers().to_vec();
    names.set_servers([IpAddress::v4(192, 0, 2, 53), known[0]]);
    let lookup = rig.look_up("www.example.com");
    let question = rig.question(1);
    assert!(question.at.as_millis() < 100, "{}", question.at);
    rig.answer(1, &question);
    assert_eq!(rig.finish(lookup), Ok(right()));
    rig.net.hosts[0]
        .node
        .stack
        .names
        .set_servers([IpAddress::v4(192, 0, 2, 53)]);
    let lookup = rig.look_up("other.example.com");
    assert_eq!(rig.finish(lookup), Err(ResolveError::NoServer));
}

#[test]
fn a_failure_is_forgotten_after_a_second() {
    let mut rig = Rig::new(1);
    let lookup = rig.look_up("www.example.com");
    let question = rig.question(1);
    let reply = Reply::to(&question.bytes).code(SERVFAIL);
    rig.send(1, question.from, &reply.bytes);
    assert_eq!(rig.finish(lookup), Err(ResolveError::ServerFailed));
    rig.net.run(secs(2));
    let lookup = rig.look_up("www.example.com");
    let question = rig.question(1);
    rig.answer(1, &question);
    assert_eq!(rig.finish(lookup), Ok(right()));
}
