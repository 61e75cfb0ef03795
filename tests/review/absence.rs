//! What happens after our own program has stood still.

use smoltcp::socket::tcp::{Socket, State};
use tickwire::chat::{Chat, Options};
use tickwire::{Discard, Duration};

use crate::common::fixture::{BUFFER, Fixture, endpoint, leak, ms, secs};

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
