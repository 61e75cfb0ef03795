//! What happens after our own program has stood still.

use smoltcp::socket::tcp::{Socket, State};
use tickwire::chat::{Chat, Options};
use tickwire::file::{FileReceiver, FileSender, ReceiverOptions, SendError, SenderOptions};
use tickwire::http::{Get, GetError, GetOptions, Request, Url};
use tickwire::store::MemoryStore;
use tickwire::{Discard, Duration, Error, Tick, TimeoutKind};
use tickwire_sim::{Act, Opening};

use crate::common::fixture::{BUFFER, Fixture, TaskId, endpoint, leak, ms, secs};

/// A chat on host 0 with a quiet peer on host 1, whose socket the test plays. The chat's host is
/// paused for `pause` after `quiet` without a word. With `text`, the chat says something that gets
/// lost, right before the pause.
fn state_after(quiet: Duration, pause: Duration, text: Option<&[u8]>) -> (State, Vec<String>) {
    let mut net = Fixture::guarded(1, 2);
    let sockets = [(); 2].map(|()| net.add_socket(0, BUFFER));
    let theirs = net.add_socket(1, BUFFER);
    net.socket::<Socket<'_>>(1, theirs).listen(80).unwrap();
    let mut chat = Chat::new(sockets, leak(0, 80), leak(0, 80), Discard, Options::DEFAULT);
    chat.dial(endpoint(1, 80));
    let chat = net.start(0, chat);
    net.run(ms(100));
    net.run(quiet);
    if let Some(text) = text {
        net.cut(0, 1);
        net.app_mut(chat).push_line(text).unwrap();
        net.run(ms(10));
        net.mend(0, 1);
    }
    net.hosts[0].is_paused = true;
    net.run(pause);
    net.hosts[0].is_paused = false;
    net.run(secs(20));
    (net.socket::<Socket<'_>>(1, theirs).state(), net.told(0))
}

#[test]
fn our_own_absence_is_not_taken_for_the_peers() {
    for quiet in [1, 4, 6, 12] {
        for pause in [10, 29, 31, 60, 600] {
            for text in [None, Some(&b"hello"[..])] {
                let (state, told) = state_after(secs(quiet), secs(pause), text);
                assert_eq!(
                    state,
                    State::Established,
                    "{quiet} {pause} {text:?} {told:?}"
                );
            }
        }
    }
}

/// How long after `quiet` without a word the chat notices that its peer has vanished, where its own
/// host is paused from then on for `pause`.
fn noticed_after(quiet: Duration, pause: Duration, text: Option<&[u8]>) -> u64 {
    let mut net = Fixture::guarded(1, 2);
    let sockets = [(); 2].map(|()| net.add_socket(0, BUFFER));
    net.add_socket(1, BUFFER);
    net.raw(1).listen(80).unwrap();
    let mut chat = Chat::new(sockets, leak(0, 80), leak(0, 80), Discard, Options::DEFAULT);
    chat.dial(endpoint(1, 80));
    let chat = net.start(0, chat);
    net.run(ms(100));
    net.run(quiet);
    net.cut(0, 1);
    if let Some(text) = text {
        net.app_mut(chat).push_line(text).unwrap();
        net.run(ms(10));
    }
    net.hosts[0].is_paused = true;
    net.run(pause);
    net.hosts[0].is_paused = false;
    let back = net.now();
    net.finish(chat, secs(600)).unwrap_err();
    net.now().since(back).as_millis()
}

#[test]
fn a_peer_that_has_vanished_is_noticed_within_a_minute_of_our_return() {
    for quiet in [1, 4, 6, 12] {
        for pause in [0, 5, 10, 29, 31, 60, 600] {
            for text in [None, Some(&b"hello"[..])] {
                let millis = noticed_after(secs(quiet), secs(pause), text);
                assert!(millis <= 60_000, "{quiet} {pause} {text:?}: {millis} ms");
            }
        }
    }
}

/// Runs for a second, then everybody but host 0 for `pause`.
fn pause(net: &mut Fixture, pause: Duration) {
    net.run(secs(1));
    net.hosts[0].is_paused = true;
    net.run(pause);
    net.hosts[0].is_paused = false;
}

const REQUEST: Act<'static> = Act::Expect(b"\r\n\r\n");
const HEAD: Act<'static> = Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n");
const BODY: Act<'static> = Act::Send(b"hello");

/// A GET from host 1, which does this. Its head may take 10 s, its body 20 s.
fn get(net: &mut Fixture, acts: &[Act<'static>]) -> TaskId<Get<'static, Discard>> {
    net.script(1, Opening::Listen(80), acts);
    let url = Url::parse("http://10.0.0.2/").unwrap();
    let request = Request::new(&url, &[]).unwrap();
    let (socket, remote) = (net.add_socket(0, BUFFER), endpoint(1, 80));
    let options = GetOptions::default();
    net.start(
        0,
        Get::new(socket, remote, request, options, &mut [], Discard),
    )
}

const fn timed_out(kind: TimeoutKind) -> GetError {
    GetError::Connection(Error::TimedOut(kind))
}

#[test]
fn a_get_gives_its_server_the_time_back_that_it_was_away_for() {
    // The deadlines are at 10 s and at 20 s. The server answers when the client is back, and would
    // have been given up by then.
    for (acts, away) in [
        ([REQUEST, Act::Wait(secs(25)), HEAD, BODY], secs(20)),
        ([REQUEST, HEAD, Act::Wait(secs(40)), BODY], secs(30)),
    ] {
        let mut net = Fixture::guarded(1, 2);
        let get = get(&mut net, &acts);
        pause(&mut net, away);
        assert_eq!(net.finish(get, secs(60)), Ok(()));
    }
}

#[test]
fn a_silent_server_is_asked_once_and_given_up_later() {
    // Back at 11, 25 and 46 s, with a deadline at 10 s: 2 s is the least, 20 s the most.
    for (away, given_up_at) in [(secs(10), 13_000), (secs(24), 40_000), (secs(45), 66_000)] {
        let mut net = Fixture::guarded(1, 2);
        let get = get(&mut net, &[REQUEST, Act::Wait(secs(600))]);
        pause(&mut net, away);
        let sent = net.ethernet().counts(0).sent;
        assert_eq!(
            net.finish(get, secs(60)),
            Err(timed_out(TimeoutKind::Reply))
        );
        assert_eq!(net.now(), Tick::from_millis(given_up_at));
        // The question, and the RST in the end.
        assert_eq!(net.ethernet().counts(0).sent - sent, 2, "{away:?}");
    }
}

#[test]
fn a_turn_that_is_late_by_less_than_a_second_changes_no_deadline() {
    let mut net = Fixture::guarded(1, 2);
    let get = get(&mut net, &[REQUEST, Act::Wait(secs(600))]);
    pause(&mut net, ms(9_900));
    assert_eq!(
        net.finish(get, secs(60)),
        Err(timed_out(TimeoutKind::Reply))
    );
    assert_eq!(net.now(), Tick::from_millis(10_900));
}

#[test]
fn a_server_that_has_forgotten_us_says_so_when_it_is_asked() {
    let mut net = Fixture::guarded(1, 2);
    let get = get(&mut net, &[REQUEST, HEAD, Act::Wait(secs(10)), Act::Reset]);
    net.run(secs(1));
    net.cut(0, 1);
    net.hosts[0].is_paused = true;
    net.run(secs(60));
    net.mend(0, 1);
    net.hosts[0].is_paused = false;
    let back = net.now();
    let reset = GetError::Connection(Error::Reset);
    assert_eq!(net.finish(get, secs(60)), Err(reset));
    assert!(net.now().since(back) < ms(100));
}

#[test]
fn a_download_that_is_stopped_again_and_again_does_not_wait_for_ever() {
    let mut net = Fixture::guarded(1, 2);
    let get = get(&mut net, &[REQUEST, Act::Wait(secs(6_000))]);
    let mut rounds = 0;
    while net.outcome(get).is_none() {
        net.run(ms(300));
        net.hosts[0].is_paused = true;
        net.run(secs(3));
        net.hosts[0].is_paused = false;
        rounds += 1;
        assert!(rounds < 20);
    }
}

#[test]
fn a_connection_that_is_being_made_gets_the_time_back() {
    let mut net = Fixture::guarded(1, 2);
    net.cut(0, 1);
    let get = get(&mut net, &[REQUEST, HEAD, BODY]);
    pause(&mut net, secs(20));
    net.run(ms(500));
    net.mend(0, 1);
    assert_eq!(net.finish(get, secs(60)), Ok(()));
}

#[test]
fn a_sender_waits_for_the_answer_that_its_receiver_had_no_chance_to_give() {
    let mut net = Fixture::guarded(1, 2);
    let busy = b"TWA\x81\x03\0\0\0\0\0\0\0\0\0\0\0";
    let acts = [Act::Expect(b"name"), Act::Wait(secs(75)), Act::Send(busy)];
    net.script(1, Opening::Listen(2_001), &acts);
    let socket = net.add_socket(0, BUFFER);
    let (to, options) = (endpoint(1, 2_001), SenderOptions::default());
    let file: &'static [u8] = b"hello";
    let sender = net.start(0, FileSender::checked(socket, to, "name", file, options));
    // It waits for 60 s.
    pause(&mut net, secs(70));
    assert_eq!(net.finish(sender, secs(60)), Err(SendError::Refused(3)));
}

#[test]
fn a_receiver_waits_for_the_rest_that_its_sender_had_no_chance_to_bring() {
    let mut net = Fixture::guarded(1, 2);
    let to = endpoint(0, 2_001);
    let acts = [
        Act::Send(b"\x05\0\0\0he"),
        Act::Wait(secs(60)),
        Act::Send(b"llo"),
    ];
    let store = MemoryStore::new(leak(0, 16), leak(0, 16));
    let options = ReceiverOptions {
        once: true,
        ..ReceiverOptions::default()
    };
    let socket = net.add_socket(0, BUFFER);
    let receiver = net.start(0, FileReceiver::new(socket, 2_001, store, options));
    net.script(1, Opening::Dial(to), &acts);
    // It waits for 20 s.
    pause(&mut net, secs(50));
    assert_eq!(net.finish(receiver, secs(60)), Ok(()));
    let store = net.stop(receiver).into_store();
    assert_eq!(store.image().map(|image| image.bytes), Some(&b"hello"[..]));
}
