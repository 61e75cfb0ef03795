//! Clients of Socket.IO.

use tickwire::hub::Hub;
use tickwire::hub::socketio::SocketIo;
use tickwire::websocket::Opcode;

use crate::common::fixture::{Fixture, TaskId, ms, secs};
use crate::rules;
use crate::web_world::{WebTalker, call_engine, closed, heard, say, serve};
use crate::world::{self, CALLERS, HUB, PORT};

fn net_with(members: usize, log_bytes: usize) -> Fixture {
    let mut net = Fixture::guarded(1, 4);
    let hub: &'static Hub<'static> = Box::leak(Box::new(rules::hub(members, 3, log_bytes)));
    world::serve(&mut net, hub, PORT);
    serve(&mut net, || SocketIo::new(hub, None));
    net
}

fn net() -> Fixture {
    net_with(2 * CALLERS, 16_384)
}

/// Lets a client at a host connect to a namespace, and forgets what it heard of that.
fn join(net: &mut Fixture, host: usize, namespace: &str) -> TaskId<WebTalker> {
    let id = call_engine(net, host);
    say(net, id, &format!("40{namespace}"));
    net.run(ms(100));
    net.app_mut(id).session_mut().heard.clear();
    id
}

#[test]
fn a_client_that_connects_gets_a_session_its_namespace_and_news() {
    let mut net = net();
    let id = call_engine(&mut net, 1);
    let open = heard(&net, id);
    assert_eq!(open.len(), 1);
    let (front, rest) = open[0].split_at(r#"0{"sid":""#.len());
    assert_eq!(front, r#"0{"sid":""#);
    let wanted = r#"","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":4096}"#;
    assert_eq!(&rest[32..], wanted);
    say(&mut net, id, r#"40/test,{"token":"123"}"#);
    net.run(ms(100));
    let told = heard(&net, id);
    assert!(told[1].starts_with(r#"40/test,{"sid":""#), "{}", told[1]);
    assert_ne!(told[1][16..48], rest[..32]);
    assert_eq!(told[2], r#"42/test,0["news",{"hello":"world"}]"#);
    assert_eq!(told[3..], [r#"42/test,["joined",{"name":"guest-1"}]"#]);
    say(&mut net, id, "43/test,0[]");
    net.run(ms(100));
    assert_eq!(net.last_told(HUB), "Acknowledged");
}

#[test]
fn the_namespace_without_a_name_is_the_lobby_where_terminals_are() {
    let mut net = net();
    let nc = world::join(&mut net, 1, "/name nc\n");
    let [one, two] = [2, 3].map(|host| join(&mut net, host, ""));
    net.app_mut(one).session_mut().heard.clear();
    say(&mut net, one, r#"427["message","say \"hi\"\n"]"#);
    net.run(ms(10));
    assert_eq!(
        world::heard(&net, nc).last().unwrap(),
        "guest-2: say \"hi\"\u{240a}"
    );
    let message = "42[\"message\",{\"name\":\"guest-2\",\"text\":\"say \\\"hi\\\"\u{240a}\"}]";
    assert_eq!(heard(&net, one), ["437[2]", message], "two others got it");
    assert_eq!(heard(&net, two), [message]);
    world::say(&mut net, nc, "hello\n/name n\n/quit\n");
    net.run(ms(100));
    let told = [
        r#"42["message",{"name":"nc","text":"hello"}]"#,
        r#"42["renamed",{"name":"nc","new":"n"}]"#,
        r#"42["left",{"name":"n"}]"#,
    ];
    assert_eq!(heard(&net, two)[1..], told);
}

#[test]
fn other_events_go_to_the_others_of_the_namespace_as_they_are() {
    let mut net = net();
    let [one, two] = [1, 2].map(|host| join(&mut net, host, "/test,"));
    let other = join(&mut net, 3, "/other,");
    net.app_mut(one).session_mut().heard.clear();
    let event = r#"["my other event",{"my":"d\u00e4ta"},[1,2]]"#;
    say(&mut net, one, &format!("42/test,{event}"));
    say(&mut net, one, &format!("42/test,0{event}"));
    say(&mut net, other, &format!("42/other,0{event}"));
    net.run(ms(100));
    assert_eq!(heard(&net, two), vec![format!("42/test,{event}"); 2]);
    assert_eq!(heard(&net, one), ["43/test,0[1]"]);
    assert_eq!(heard(&net, other), ["43/other,0[0]"]);
}

#[test]
fn nobody_can_speak_in_the_hub_s_name() {
    let mut net = net();
    let [one, two] = [1, 2].map(|host| join(&mut net, host, ""));
    net.app_mut(one).session_mut().heard.clear();
    for event in [
        r#"["message",{"name":"guest-2","text":"not so"}]"#,
        r#"["m\u0065ssage",{"name":"guest-2","text":"not so"}]"#,
        r#"["message"]"#,
        r#"["joined",{"name":"admin"}]"#,
        r#"["left",{"name":"guest-1"}]"#,
        r#"["renamed",{"name":"guest-1","new":"admin"}]"#,
    ] {
        say(&mut net, one, &format!("421{event}"));
        net.run(ms(100));
        assert_eq!(
            net.app_mut(one).session_mut().heard.pop().unwrap(),
            "431[0]"
        );
    }
    assert!(heard(&net, two).is_empty());
}

#[test]
fn one_connection_can_be_in_several_namespaces_and_leave_them() {
    let mut net = net();
    let watcher = world::join(&mut net, 2, "/room a\n");
    let one = join(&mut net, 1, "/a,");
    for namespace in ["/b,", "/c,", "/d,", "/e,", ",", "/bad name,", "/a,"] {
        say(
            &mut net,
            one,
            &format!("40{}", namespace.trim_start_matches(',')),
        );
        net.run(ms(100));
    }
    let told = heard(&net, one);
    let refused: Vec<_> = told.iter().filter(|line| line.starts_with("44")).collect();
    let full = r#"{"message":"there is no place for another room"}"#;
    assert_eq!(
        refused,
        [
            &format!("44/d,{full}"),
            &format!("44/e,{full}"),
            &format!("44{full}"),
            r#"44/bad name,{"message":"Invalid namespace"}"#,
        ]
    );
    say(&mut net, one, "41/a,");
    say(&mut net, one, "41/a,");
    net.run(ms(100));
    assert_eq!(
        world::heard(&net, watcher).last().unwrap(),
        "* guest-2 left"
    );
    say(&mut net, one, r#"42/b,5["message","still here"]"#);
    net.run(ms(100));
    let told = heard(&net, one);
    assert!(told.contains(&"43/b,5[0]".to_owned()), "{told:?}");
    assert_eq!(closed(&net, one), None);
}

#[test]
fn who_leaves_a_namespace_and_comes_again_may_not_speak_more() {
    let mut net = net();
    let nc = world::join(&mut net, 1, "");
    let id = join(&mut net, 2, "/test,");
    net.run(secs(2));
    const ROUNDS: usize = 20;
    for _ in 0..ROUNDS {
        say(&mut net, id, "40");
        for _ in 0..5 {
            say(&mut net, id, r#"42["message","x"]"#);
        }
        say(&mut net, id, "41");
    }
    let count = |net: &Fixture, end: &str| {
        let told = world::heard(net, nc);
        told.iter().filter(|line| line.ends_with(end)).count()
    };
    net.run(ms(500));
    // To come counts as a message: 20 at once, and 20 a second.
    let acts = count(&net, ": x") + count(&net, " joined") - 1;
    assert!((25..=32).contains(&acts), "{acts}");
    net.run(secs(10));
    let all = [": x", " joined", " left"].map(|end| count(&net, end));
    assert_eq!(all, [5 * ROUNDS, ROUNDS + 1, ROUNDS]);
}

#[test]
fn what_breaks_the_protocol_closes_and_everybody_is_gone() {
    for (frame, code) in [
        ("2", 1008),
        ("x", 1008),
        ("4", 1008),
        ("42[", 1008),
        (r#"42["disconnect"]"#, 1008),
        (r#"42/other,["a"]"#, 1008),
        (r#"451-["a",{"_placeholder":true,"num":0}]"#, 1003),
        ("1", 1000),
    ] {
        let mut net = net();
        let nc = world::join(&mut net, 2, "");
        let one = join(&mut net, 1, "");
        say(&mut net, one, frame);
        net.run(secs(1));
        assert_eq!(closed(&net, one), Some(code), "{frame}");
        assert_eq!(world::heard(&net, nc).last().unwrap(), "* guest-2 left");
    }
    let mut net = net();
    let one = join(&mut net, 1, "");
    net.app_mut(one)
        .session_mut()
        .send(Opcode::Binary, b"bytes");
    net.run(secs(1));
    assert_eq!(closed(&net, one), Some(1003));
}

#[test]
fn a_client_that_answers_pings_stays_and_one_that_does_not_is_closed() {
    let mut net = net();
    let [one, mute] = [1, 2].map(|host| join(&mut net, host, ""));
    let joined_at = net.now();
    net.app_mut(mute).session_mut().is_mute = true;
    net.run_until(secs(60), |net| closed(net, mute).is_some());
    let closed_after = net.now().since(joined_at);
    assert!(
        closed_after > secs(44) && closed_after <= secs(45),
        "{closed_after}"
    );
    assert_eq!(closed(&net, mute), Some(1008));
    net.run(ms(100));
    assert_eq!(
        heard(&net, one).last().unwrap(),
        r#"42["left",{"name":"guest-2"}]"#
    );
    net.run(secs(300));
    assert_eq!(net.outcome(one), None);
}

#[test]
fn a_client_that_joins_no_namespace_is_closed_after_a_while() {
    let mut net = net();
    let one = call_engine(&mut net, 1);
    net.run(secs(44));
    assert_eq!(closed(&net, one), None);
    net.run(secs(2));
    assert_eq!(closed(&net, one), Some(1008));
}

#[test]
fn a_thousand_events_each_way_arrive_in_order() {
    let mut net = net();
    let [one, two] = [1, 2].map(|host| join(&mut net, host, "/test,"));
    net.app_mut(one).session_mut().heard.clear();
    for number in 0..1_000 {
        for id in [one, two] {
            say(
                &mut net,
                id,
                &format!("42/test,{number}[\"count\",{number}]"),
            );
        }
    }
    net.run(secs(60));
    for id in [one, two] {
        let (mut events, mut acks) = (Vec::new(), Vec::new());
        for line in heard(&net, id) {
            match line.strip_prefix("42/test,") {
                Some(event) => events.push(event.to_owned()),
                None => acks.push(line),
            }
        }
        let wanted: Vec<_> = (0..1_000)
            .map(|number| format!("[\"count\",{number}]"))
            .collect();
        assert_eq!(events, wanted);
        let wanted: Vec<_> = (0..1_000)
            .map(|number| format!("43/test,{number}[1]"))
            .collect();
        assert_eq!(acks, wanted);
    }
}

#[test]
fn a_frozen_client_is_closed_and_slows_nobody() {
    let mut net = net_with(2 * CALLERS, 4_096);
    let [one, two, frozen] = [1, 2, 3].map(|host| join(&mut net, host, ""));
    net.app_mut(frozen).session_mut().is_frozen = true;
    let left = r#"42["left",{"name":"guest-3"}]"#;
    let mut said = 0;
    while heard(&net, two).last().is_none_or(|line| line != left) {
        assert!(said < 100, "{:?}", net.told(HUB));
        say(&mut net, one, &format!("42[\"count\",\"{said:0>200}\"]"));
        net.run(ms(60));
        said += 1;
    }
    let mut told = heard(&net, two);
    told.retain(|line| line.starts_with("42[\"count\""));
    let all: Vec<_> = (0..said)
        .map(|said| format!("42[\"count\",\"{said:0>200}\"]"))
        .collect();
    assert_eq!(told, all);
}

#[test]
fn acknowledgements_in_between_take_no_namespace_its_turn() {
    // One message at a time fills the buffers.
    let mut net = net_with(2 * CALLERS, 131_072);
    let one = join(&mut net, 1, "/a,");
    say(&mut net, one, "40/b,");
    let [in_a, in_b] = [(2, "/a,"), (3, "/b,")].map(|(host, path)| join(&mut net, host, path));
    net.app_mut(one).session_mut().heard.clear();
    net.app_mut(one).session_mut().is_frozen = true;
    let long = "x".repeat(4_000);
    for _ in 0..15 {
        say(&mut net, in_a, &format!("42/a,[\"{long}\"]"));
        say(&mut net, in_b, &format!("42/b,[\"{long}\"]"));
    }
    net.run(ms(500));
    for _ in 0..15 {
        say(&mut net, one, "42/a,1[\"y\"]");
    }
    net.run(ms(500));
    net.app_mut(one).session_mut().is_frozen = false;
    net.run(ms(500));
    let told = heard(&net, one);
    let long_ones = told.iter().filter(|text| text.len() > 1_000);
    let mut lead = 0_i32;
    for text in long_ones.clone() {
        lead += if text.starts_with("42/a,") { 1 } else { -1 };
        assert!(lead.abs() <= 3, "one namespace is ahead by {lead}");
    }
    assert_eq!((long_ones.count(), lead), (30, 0));
    let acks = told.iter().filter(|text| text.starts_with("43/a,1"));
    assert_eq!(acks.count(), 15);
}
