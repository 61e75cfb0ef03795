//! A hub that closes.

use tickwire::hub::socketio::SocketIo;
use tickwire::hub::{Hub, JoinError, MemberId, Wants};
use tickwire::websocket::Opcode;

use crate::common::fixture::{Fixture, ms, secs};
use crate::rules;
use crate::web_world::{call, call_engine, closed, heard, say, serve, serve_texts};
use crate::world::{self, CALLERS, PORT};

const PARTING: &str = "* the server is going away";

fn net() -> (Fixture, &'static Hub<'static>) {
    net_with(16_384)
}

/// With logs of so many bytes.
fn net_with(log_bytes: usize) -> (Fixture, &'static Hub<'static>) {
    let mut net = Fixture::guarded(1, 4);
    let hub = Box::leak(Box::new(rules::hub(2 * CALLERS, 3, log_bytes)));
    world::serve(&mut net, hub, PORT);
    (net, hub)
}

/// Somebody in the lobby who has no connection.
fn enter(hub: &Hub) -> Result<MemberId, JoinError> {
    hub.join(&rules::name("lobby"), None, Wants::Messages)
}

#[test]
fn all_members_hear_what_was_said_before_and_are_sent_away() {
    let (mut net, hub) = net();
    serve_texts(&mut net, hub);
    let [nc, other] = [1, 2].map(|host| world::join(&mut net, host, ""));
    let one = call(&mut net, 3);
    // Half a line is on its way, and a message that was not read yet is lost.
    world::say(&mut net, other, "last wo");
    net.run(ms(10));
    let speaker = enter(hub).unwrap();
    hub.post(net.now(), speaker, b"that is all").unwrap();
    hub.close();
    assert!(hub.is_closed());
    for id in [nc, other] {
        assert_eq!(net.finish(id, secs(1)), Ok(()));
        let told = world::heard(&net, id);
        assert_eq!(told[told.len() - 2..], ["guest-4: that is all", PARTING]);
    }
    assert_eq!(net.finish(one, secs(1)), Ok(()));
    assert_eq!(closed(&net, one), Some(1001));
    let told = heard(&net, one);
    assert_eq!(told.last().unwrap(), "guest-4: that is all");
    assert!(told.iter().all(|line| !line.contains("left")), "{told:?}");
}

#[test]
fn nobody_comes_in_any_more() {
    let (mut net, hub) = net();
    serve_texts(&mut net, hub);
    hub.close();
    let nc = world::join(&mut net, 1, "hello\n");
    let one = call(&mut net, 2);
    assert_eq!(net.finish(nc, secs(1)), Ok(()));
    assert_eq!(world::heard(&net, nc), [PARTING]);
    assert_eq!(net.finish(one, secs(1)), Ok(()));
    assert_eq!(closed(&net, one), Some(1001));
    assert_eq!(enter(hub), Err(JoinError::Closed));
}

#[test]
fn clients_of_socket_io_are_closed_in_a_namespace_and_before() {
    let (mut net, hub) = net();
    serve(&mut net, || SocketIo::new(hub, None));
    let [inside, outside] = [1, 2].map(|host| call_engine(&mut net, host));
    say(&mut net, inside, "40/test");
    net.run(ms(100));
    hub.close();
    for id in [inside, outside] {
        assert_eq!(net.finish(id, secs(1)), Ok(()));
        assert_eq!(closed(&net, id), Some(1001));
    }
}

/// Says more than the buffers of one that reads nothing hold, and less than laps it.
fn fill(net: &mut Fixture, hub: &Hub) -> MemberId {
    let speaker = enter(hub).unwrap();
    for _ in 0..12 {
        hub.post(net.now(), speaker, &[b'x'; 1_000]).unwrap();
        net.run(ms(200));
    }
    speaker
}

/// Number of members in the room of `id`, which is one of them.
fn count(hub: &Hub, id: MemberId) -> usize {
    let mut count = 0;
    hub.who(id, 0, |_| {
        count += 1;
        true
    });
    count
}

/// As [`net`], with logs that lap nobody.
fn deep_net() -> (Fixture, &'static Hub<'static>) {
    net_with(65_536)
}

#[test]
fn terminals_that_read_nothing_leave_in_time_whatever_they_have_said() {
    // The first has said too much, and the second awaits an answer.
    for said in ["flood\n".repeat(100), "/what\n".to_owned()] {
        let (mut net, hub) = deep_net();
        let [frozen, nc] = [1, 2].map(|host| world::join(&mut net, host, ""));
        net.app_mut(frozen).session_mut().is_frozen = true;
        let speaker = fill(&mut net, hub);
        world::say(&mut net, frozen, &said);
        net.run(ms(20));
        hub.close();
        assert_eq!(net.finish(nc, secs(1)), Ok(()));
        assert_eq!(world::heard(&net, nc).last().unwrap(), PARTING);
        assert_eq!(count(hub, speaker), 2);
        net.run(secs(5));
        assert_eq!(count(hub, speaker), 1);
    }
}

#[test]
fn browsers_that_read_nothing_leave_in_time_whatever_they_say() {
    for is_engine in [false, true] {
        let (mut net, hub) = deep_net();
        if is_engine {
            serve(&mut net, || SocketIo::new(hub, None));
        } else {
            serve_texts(&mut net, hub);
        }
        let frozen = if is_engine { call_engine } else { call }(&mut net, 1);
        if is_engine {
            say(&mut net, frozen, "40");
            net.run(ms(100));
        }
        net.app_mut(frozen).session_mut().is_frozen = true;
        let speaker = fill(&mut net, hub);
        assert_eq!(count(hub, speaker), 2);
        hub.close();
        for _ in 0..6 {
            let session = net.app_mut(frozen).session_mut();
            session.send(Opcode::Pong, b"");
            net.run(secs(1));
        }
        assert_eq!(count(hub, speaker), 1);
    }
}

#[test]
fn what_is_said_afterwards_reaches_nobody() {
    let (mut net, hub) = net();
    serve_texts(&mut net, hub);
    let (nc, one) = (world::join(&mut net, 1, ""), call(&mut net, 2));
    let speaker = enter(hub).unwrap();
    // It waits in the socket when the hub is closed.
    net.hosts[0].is_paused = true;
    say(&mut net, one, "late");
    net.run(ms(20));
    net.hosts[0].is_paused = false;
    hub.post(net.now(), speaker, b"that is all").unwrap();
    hub.close();
    assert_eq!(net.finish(nc, secs(1)), Ok(()));
    let told = world::heard(&net, nc);
    assert_eq!(told[told.len() - 2..], ["guest-3: that is all", PARTING]);
}
