//! Members over WebSocket.

use tickwire::hub::Hub;
use tickwire::websocket::Opcode;

use crate::common::fixture::{Fixture, ms, secs};
use crate::rules;
use crate::web_world::{call, closed, heard, say, serve_texts};
use crate::world::{self, CALLERS, HUB, PORT};

fn net(members: usize, log_bytes: usize) -> Fixture {
    let mut net = Fixture::guarded(1, 4);
    let hub: &Hub = Box::leak(Box::new(rules::hub(members, 2, log_bytes)));
    // The lines are served first: nothing wakes them but the WebSockets' news.
    world::serve(&mut net, hub, PORT);
    serve_texts(&mut net, hub);
    net
}

#[test]
fn browsers_and_terminals_talk_in_one_room_and_hear_each_other_at_once() {
    let mut net = net(CALLERS, 16_384);
    let nc = world::join(&mut net, 1, "/name nc\n");
    let [one, two] = [2, 3].map(|host| call(&mut net, host));
    say(&mut net, one, "hello, \u{1b}[2Jterminal\n");
    net.run(ms(10));
    let told = "guest-2: hello, \u{241b}[2Jterminal\u{240a}";
    assert_eq!(world::heard(&net, nc).last().unwrap(), told, "and no later");
    world::say(&mut net, nc, "hello, browsers\n");
    net.run(ms(10));
    let all = ["* guest-3 joined", told, "nc: hello, browsers"];
    assert_eq!(heard(&net, two), all);
    assert_eq!(heard(&net, one)[1..], all);
    assert_eq!(world::heard(&net, nc)[3..], all);
}

#[test]
fn a_message_that_is_longer_than_the_send_buffer_arrives_whole() {
    let mut net = net(CALLERS, 65_536);
    let [one, two] = [1, 2].map(|host| call(&mut net, host));
    let long = "ü".repeat(2_048);
    (0..10).for_each(|_| say(&mut net, one, &long));
    net.run(secs(2));
    let told = heard(&net, two);
    assert_eq!(told[1..], vec![format!("guest-1: {long}"); 10]);
}

#[test]
fn what_is_no_message_closes_with_its_code() {
    for (opcode, payload, code) in [
        (Opcode::Binary, &b"bytes"[..], 1003),
        (Opcode::Text, &[b'x'; 4_097], 1009),
        (Opcode::Text, b"\xff", 1007),
    ] {
        let mut net = net(CALLERS, 65_536);
        let nc = world::join(&mut net, 1, "");
        let one = call(&mut net, 2);
        net.app_mut(one).session_mut().send(opcode, payload);
        net.run(secs(1));
        assert_eq!(closed(&net, one), Some(code));
        assert_eq!(world::heard(&net, nc).last().unwrap(), "* guest-2 left");
    }
}

#[test]
fn a_caller_for_whom_there_is_no_place_may_try_again_later() {
    let mut net = net(1, 16_384);
    call(&mut net, 1);
    let two = call(&mut net, 2);
    say(&mut net, two, "hello");
    assert_eq!(net.finish(two, secs(5)), Ok(()));
    assert_eq!(closed(&net, two), Some(1013));
    assert!(heard(&net, two).is_empty());
}

#[test]
fn who_says_too_much_waits_and_loses_nothing() {
    let mut net = net(CALLERS, 65_536);
    let [one, two] = [1, 2].map(|host| call(&mut net, host));
    (0..60).for_each(|number| say(&mut net, one, &number.to_string()));
    net.run(ms(100));
    assert!((20..=22).contains(&(heard(&net, two).len() - 1)));
    net.run(secs(3));
    let all: Vec<_> = (0..60).map(|number| format!("guest-1: {number}")).collect();
    assert_eq!(heard(&net, two)[1..], all);
}

#[test]
fn a_frozen_browser_is_closed_in_time_and_slows_nobody() {
    let mut net = net(CALLERS, 4_096);
    let nc = world::join(&mut net, 1, "/name nc\n");
    let [one, frozen] = [2, 3].map(|host| call(&mut net, host));
    net.app_mut(frozen).session_mut().is_frozen = true;
    let mut said = 0;
    while world::heard(&net, nc).last().unwrap() != "* guest-3 left" {
        assert!(said < 100, "{:?}", net.told(HUB));
        say(&mut net, one, &format!("{said:0>200}"));
        net.run(ms(60));
        said += 1;
    }
    assert!(said > 40, "{said}");
    let all: Vec<_> = (0..said)
        .map(|number| format!("guest-2: {number:0>200}"))
        .collect();
    let mut told = heard(&net, one);
    told.retain(|line| !line.starts_with('*'));
    assert_eq!(told, all);
    // It reads no Close, so that its connection is reset.
    net.run(secs(6));
    let failed = "failed with 10.0.0.4: Closed(CloseCode(1008))";
    assert!(net.has_told(HUB, failed), "{:?}", net.told(HUB));
}

#[test]
fn a_browser_that_vanished_is_noticed_in_forty_seconds_and_one_that_closes_at_once() {
    let mut net = net(CALLERS, 4_096);
    let nc = world::join(&mut net, 1, "/name nc\n");
    let [one, two] = [2, 3].map(|host| call(&mut net, host));
    net.app_mut(one)
        .session_mut()
        .send(Opcode::Close, &1001_u16.to_be_bytes());
    net.run(ms(10));
    assert_eq!(world::heard(&net, nc).last().unwrap(), "* guest-2 left");
    net.cut(3, HUB);
    net.run_until(secs(41), |net| {
        world::heard(net, nc).last().unwrap() == "* guest-3 left"
    });
    assert_eq!(net.outcome(two), None);
}
