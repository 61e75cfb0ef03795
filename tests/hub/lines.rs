//! Members over plain TCP.

use tickwire::TimeoutKind;
use tickwire::hub::Hub;

use crate::common::fixture::{BUFFER, Fixture, TaskId, ms, secs};
use crate::rules;
use crate::world::{CALLERS, HUB, PORT, Talker, heard, join, say, serve};

fn hub(members: usize, rooms: usize, log_bytes: usize) -> &'static Hub<'static> {
    Box::leak(Box::new(rules::hub(members, rooms, log_bytes)))
}

fn net() -> Fixture {
    let mut net = Fixture::guarded(1, 3);
    serve(&mut net, hub(CALLERS, 2, 8_192), PORT);
    net
}

#[test]
fn what_one_says_all_hear_in_one_order_the_speaker_too() {
    let mut net = net();
    let alice = join(&mut net, 1, "/name alice\n");
    let bob = join(&mut net, 2, "/name bob\n");
    say(&mut net, alice, "hello\r\n");
    say(&mut net, bob, "hi\nhow are you?\n");
    net.run(secs(1));
    let all = [
        "* guest-1 joined",
        "* guest-1 is now alice",
        "* guest-2 joined",
        "* guest-2 is now bob",
    ];
    let told = heard(&net, alice);
    assert_eq!(told[..4], all);
    for line in ["alice: hello", "bob: hi", "bob: how are you?"] {
        assert!(told.iter().any(|told| told == line), "{told:?}");
    }
    assert_eq!(told.len(), 7);
    assert_eq!(heard(&net, bob), told[2..]);
}

#[test]
fn commands_answer_the_member_alone() {
    let mut net = net();
    let alice = join(&mut net, 1, "/name alice\n");
    let bob = join(
        &mut net,
        2,
        "/name alice\n/name *\n/who\n/what\n//who\n/room attic\n/who\n",
    );
    net.run(secs(1));
    let told = heard(&net, bob);
    let names = "* a name has letters, digits, - _ and ., and 32 bytes at most";
    assert_eq!(
        told,
        [
            "* guest-2 joined",
            "* this name is taken",
            names,
            "* alice, guest-2",
            "* commands: /name N, /room R, /who, /quit; // sends a slash",
            "guest-2: /who",
            "* guest-2 joined",
            "* guest-2",
        ]
    );
    let told = heard(&net, alice);
    assert_eq!(
        told[2..],
        ["* guest-2 joined", "guest-2: /who", "* guest-2 left"]
    );
}

#[test]
fn who_quits_hears_what_was_said_before_and_the_others_hear_of_it() {
    let mut net = net();
    let alice = join(&mut net, 1, "/name alice\n");
    for last in ["bye\n/quit\nnot heard\n", "bye\n"] {
        let bob = join(&mut net, 2, "/name bob\n");
        say(&mut net, bob, last);
        net.app_mut(bob).session_mut().ends = last == "bye\n";
        assert_eq!(net.finish(bob, secs(5)), Ok(()));
        assert_eq!(heard(&net, bob).last().unwrap(), "bob: bye");
        net.run(ms(100));
        let told = heard(&net, alice);
        assert_eq!(told[told.len() - 2..], ["bob: bye", "* bob left"]);
    }
}

/// Freezes a new member, and lets alice speak until all buffers between it and the hub are full: all
/// but `left` bytes of them with lines of 200 bytes.
fn fill(net: &mut Fixture, left: usize) -> TaskId<Talker> {
    let bob = join(net, 1, "");
    let alice = join(net, 2, "/name alice\n");
    net.run(secs(2));
    net.app_mut(bob).session_mut().is_frozen = true;
    let mut rest = 2 * BUFFER - left;
    while rest > 0 {
        let len = rest.min(200);
        say(
            net,
            alice,
            &format!("{}\n", "x".repeat(len - "alice: \n".len())),
        );
        rest -= len;
    }
    net.run(secs(3));
    bob
}

#[test]
fn who_goes_to_another_room_hears_no_half_of_a_line() {
    let mut net = net();
    let bob = fill(&mut net, 50);
    let carol = join(&mut net, 2, "/name carol\n");
    // The front of this has room.
    say(&mut net, carol, &format!("{}\n", "y".repeat(200)));
    net.run(secs(1));
    say(&mut net, bob, "/room attic\n");
    net.run(ms(100));
    net.app_mut(bob).session_mut().is_frozen = false;
    net.run(secs(1));
    let told = heard(&net, bob);
    assert_eq!(told.last().unwrap(), "* guest-1 joined", "the attic");
    for line in told {
        let is_whole = match line.split_once(": ") {
            Some(("alice", text)) => text.chars().all(|c| c == 'x'),
            Some(("carol", text)) => text == "y".repeat(200),
            _ => line.starts_with("* "),
        };
        assert!(is_whole, "{line}");
    }
}

#[test]
fn who_quits_with_full_buffers_still_hears_what_was_said_before() {
    let mut net = net();
    let bob = fill(&mut net, 0);
    // The buffers end with a line, and this one has no room at all.
    let carol = join(&mut net, 2, "/name carol\n");
    say(&mut net, bob, "/quit\n");
    net.run(ms(100));
    net.app_mut(bob).session_mut().is_frozen = false;
    assert_eq!(net.finish(bob, secs(4)), Ok(()));
    assert_eq!(heard(&net, bob).last().unwrap(), "* guest-3 is now carol");
    assert_eq!(heard(&net, carol).last().unwrap(), "* guest-1 left");
}

#[test]
fn line_ends_long_lines_and_bytes_are_those_of_the_chat_and_nothing_commands_a_terminal() {
    let mut net = net();
    let alice = join(&mut net, 1, "/name alice\n");
    let bob = join(&mut net, 2, "/name bob\n");
    say(&mut net, bob, "one\rstill one\rtwo\r");
    net.run(secs(1));
    let long = "ü".repeat(300);
    say(&mut net, bob, &format!("{long}\n\u{1b}[2J\u{202e}\tx\n"));
    let bytes = b"bad \xff\xc3 bytes\n/who\0\n".to_vec();
    net.app_mut(bob).session_mut().says.push_back(bytes);
    net.run(secs(1));
    let told = heard(&net, alice);
    let told: Vec<_> = told[4..].iter().map(|line| line.as_str()).collect();
    let pieces = told[1..4]
        .iter()
        .map(|line| line.strip_prefix("bob: ").unwrap());
    assert_eq!(told[0], "bob: one\u{240d}still one\u{240d}two");
    assert_eq!(pieces.collect::<String>(), long, "no character is cut");
    assert_eq!(told[4], "bob: \u{241b}[2J\u{fffd}\tx");
    assert_eq!(told[5..], ["bob: bad \u{fffd}\u{fffd} bytes"]);
}

#[test]
fn the_front_of_a_long_line_may_be_a_command_but_not_its_middle() {
    let mut net = net();
    let bob = join(&mut net, 2, "/name bob\n");
    say(&mut net, bob, &format!("{}/quit\n", "x".repeat(256)));
    net.run(secs(1));
    assert_eq!(heard(&net, bob).last().unwrap(), "bob: /quit");
    assert_eq!(net.outcome(bob), None);
}

#[test]
fn who_says_too_much_is_not_read_for_a_while_and_loses_nothing() {
    let mut net = net();
    let alice = join(&mut net, 1, "/name alice\n");
    let bob = join(&mut net, 2, "/name bob\n");
    net.run(secs(2));
    let lines: String = (0..60).map(|number| format!("{number}\n")).collect();
    say(&mut net, bob, &lines);
    net.run(ms(100));
    let count = |net: &Fixture| heard(net, alice).len() - 4;
    assert!((20..=22).contains(&count(&net)), "{}", count(&net));
    net.run(secs(1));
    assert!((40..=42).contains(&count(&net)), "{}", count(&net));
    net.run(secs(2));
    let told = heard(&net, alice);
    let all: Vec<_> = (0..60).map(|number| format!("bob: {number}")).collect();
    assert_eq!(told[4..], all);
}

#[test]
fn a_caller_for_whom_there_is_no_place_is_told_so() {
    let mut net = Fixture::guarded(1, 3);
    serve(&mut net, hub(1, 1, 8_192), PORT);
    join(&mut net, 1, "");
    let bob = join(&mut net, 2, "hello\n");
    assert_eq!(net.finish(bob, secs(5)), Ok(()));
    assert_eq!(heard(&net, bob), ["* there is no place for another member"]);
}

#[test]
fn a_member_who_vanished_is_noticed_within_a_minute() {
    let mut net = net();
    let alice = join(&mut net, 1, "/name alice\n");
    join(&mut net, 2, "/name bob\n");
    net.cut(2, HUB);
    let cut_at = net.now();
    net.run_until(secs(60), |net| {
        heard(net, alice).last().unwrap() == "* bob left"
    });
    assert!(net.now().since(cut_at) > secs(5));
    let failed = format!("failed with 10.0.0.3: TimedOut({:?})", TimeoutKind::Peer);
    assert!(net.has_told(HUB, &failed), "{:?}", net.told(HUB));
    net.run(secs(300));
    assert_eq!(net.outcome(alice), None, "silence is no crime");
}

#[test]
fn two_servers_share_a_hub_and_the_earlier_does_not_sleep_through_the_later() {
    let mut net = Fixture::guarded(1, 3);
    let hub = hub(CALLERS, 2, 8_192);
    serve(&mut net, hub, PORT);
    let alice = join(&mut net, 1, "/name alice\n");
    net.forget_told(HUB);
    // The second server is polled after the first.
    let sockets = [net.add_socket(HUB, 4_096)];
    let session = tickwire::hub::LinesSession::new(hub, vec![0; 256].leak());
    let options = tickwire::ServerOptions::default();
    net.start(
        HUB,
        tickwire::Server::new(sockets, PORT + 1, [session], options),
    );
    let script = [
        tickwire_sim::Act::Send(b"hello\n"),
        tickwire_sim::Act::Expect(b": hello"),
        tickwire_sim::Act::Wait(secs(10)),
    ];
    let remote = crate::common::fixture::endpoint(HUB, PORT + 1);
    net.script(2, tickwire_sim::Opening::Dial(remote), &script);
    let sent_at = net.now();
    let is_heard = |net: &mut Fixture| {
        heard(net, alice)
            .iter()
            .any(|line| line.ends_with(": hello"))
    };
    net.run_until(secs(5), is_heard);
    // Nothing else would wake the first server before its own deadline.
    assert!(
        net.now().since(sent_at) < ms(20),
        "{}",
        net.now().since(sent_at)
    );
}
