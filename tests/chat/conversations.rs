//! Conversations that go well.

use tickwire::chat::{Ending, LineEnd, Options, PushError};

use crate::common::fixture::ms;
use crate::faults::called;
use crate::world::{World, endpoint, options};

/// Host 0 listens on 1001, host 1 dials it, and they are connected.
pub(crate) fn connected(seed: u64, server: Options, client: Options) -> World {
    let mut world = World::new(seed, 3);
    world.start_chat(0, server).listen(1001);
    world.start_chat(1, client).dial(endpoint(0, 1001));
    world.run_until(ms(5_000), |world| {
        world.chat(0).remote().is_some() && world.chat(1).remote().is_some()
    });
    world
}

#[test]
fn lines_go_both_ways() {
    let mut world = connected(1, options(), options());
    world.chat(0).push_line(b"from the server").unwrap();
    world.chat(1).push_line(b"from the client").unwrap();
    world.chat(1).push_line(b"").unwrap();
    world.chat(1).push_line(b"and more").unwrap();
    world.run(ms(100));
    assert_eq!(world.heard(0), "from the client\n\nand more\n");
    assert_eq!(world.heard(1), "from the server\n");
    assert_eq!(world.told(0), ["listening 1001", "connected as Server"]);
    assert_eq!(
        world.told(1),
        ["connecting 10.0.0.1:1001", "connected as Client"]
    );
}

#[test]
fn lines_pushed_before_anybody_is_there_wait() {
    let mut world = World::new(2, 2);
    world.start_chat(0, options()).listen(1001);
    world.chat(0).push_line(b"early").unwrap();
    let long = [b'x'; 249];
    assert_eq!(world.chat(0).push_line(&long), Ok(()));
    assert_eq!(world.chat(0).push_line(b"y"), Err(PushError::Full));
    assert_eq!(
        world.chat(0).push_line(&[b'y'; 256]),
        Err(PushError::TooLong)
    );
    world.run(ms(1_000));
    world.start_chat(1, options()).dial(endpoint(0, 1001));
    world.run(ms(1_000));
    assert!(world.heard(1).starts_with("early\nxxx"));
    assert_eq!(world.chat(0).push_line(b"y"), Ok(()));
}

#[test]
fn a_server_hears_five_clients_one_after_the_other() {
    let mut world = connected(
        3,
        options(),
        Options {
            stay: true,
            ..options()
        },
    );
    for round in 0..5 {
        let line = format!("round {round}");
        world.chat(1).push_line(line.as_bytes()).unwrap();
        world.chat(1).disconnect();
        world.run_until(ms(3_000), |world| {
            world.chat(0).remote().is_none() && world.chat(1).remote().is_none()
        });
        // The server has at most a second to hear again.
        world.run(ms(1_000));
        world.chat(1).dial(endpoint(0, 1001));
        world.run_until(ms(200), |world| {
            world.chat(0).remote().is_some() && world.chat(1).remote().is_some()
        });
    }
    assert_eq!(
        world.heard(0),
        "round 0\nround 1\nround 2\nround 3\nround 4\n"
    );
    assert!(!world.told(0).iter().any(|line| line.starts_with("failed")));
}

#[test]
fn a_second_caller_is_refused_and_the_first_is_not_disturbed() {
    let mut world = connected(4, options(), options());
    let start = world.now();
    world.start_chat(2, options()).dial(endpoint(0, 1001));
    world.run(ms(500));
    assert_eq!(world.outcome(2), Some(Err(tickwire::Error::Refused.into())));
    assert!(
        world
            .when(2, "failed with 10.0.0.1: Refused")
            .since(start)
            .as_millis()
            < 100
    );
    world.chat(1).push_line(b"still here").unwrap();
    world.run(ms(100));
    assert_eq!(world.heard(0), "still here\n");
}

#[test]
fn a_client_whose_input_ends_still_receives_until_the_server_closes() {
    let mut world = connected(
        5,
        Options {
            once: true,
            ..options()
        },
        options(),
    );
    world.chat(1).push_line(b"question").unwrap();
    world.chat(1).end_input();
    assert_eq!(world.chat(1).push_line(b"late"), Err(PushError::Ended));
    // A chat answers a FIN with what is queued and its own; so the answer must be there already.
    world.chat(0).push_line(b"answer").unwrap();
    world.run(ms(3_000));
    assert_eq!(world.heard(0), "question\n");
    assert_eq!(world.heard(1), "answer\n");
    assert_eq!(world.outcome(0), Some(Ok(())));
    assert_eq!(world.outcome(1), Some(Ok(())));
}

#[test]
fn a_half_closed_chat_receives_for_as_long_as_the_peer_sends() {
    let mut world = World::new(6, 2);
    world.raw(1).listen(1001).unwrap();
    world.start_chat(0, options()).dial(endpoint(1, 1001));
    world.chat(0).push_line(b"all").unwrap();
    world.chat(0).end_input();
    world.run(ms(1_000));
    for line in 0..10 {
        world
            .raw(1)
            .send_slice(format!("{line}\r\n").as_bytes())
            .unwrap();
        world.run(ms(30_000));
    }
    assert_eq!(world.outcome(0), None);
    world.raw(1).send_slice(b"end\n").unwrap();
    world.raw(1).close();
    world.run(ms(100));
    assert_eq!(world.heard(0), "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\nend\n");
    assert_eq!(world.outcome(0), Some(Ok(())));
    let mut said = [0; 16];
    assert_eq!(world.raw(1).recv_slice(&mut said), Ok(4));
    assert_eq!(&said[..4], b"all\n");
}

#[test]
fn a_server_goes_on_receiving_after_its_input_has_ended() {
    let mut world = World::new(7, 2);
    world.start_chat(0, options()).listen(1001);
    world.chat(0).push_line(b"to the first").unwrap();
    world.chat(0).end_input();
    for (round, port) in (0..3).zip(5_000..) {
        world.raw_connect(1, endpoint(0, 1001), port);
        world.run(ms(1_500));
        // Only the first conversation gets the FIN.
        let is_open = world.raw(1).state() == smoltcp::socket::tcp::State::Established;
        assert_eq!(is_open, round > 0);
        world
            .raw(1)
            .send_slice(format!("hello {round}\n").as_bytes())
            .unwrap();
        world.raw(1).close();
        world.run(ms(1_500));
    }
    assert_eq!(world.heard(0), "hello 0\nhello 1\nhello 2\n");
    assert_eq!(world.outcome(0), None);
}

#[test]
fn silence_ends_the_messages_of_a_peer_without_line_ends_only() {
    let mut world = called(8, options());
    world.raw(1).send_slice(b"bare").unwrap();
    world.run(ms(199));
    assert_eq!(world.heard(0), "");
    world.run(ms(20));
    assert_eq!(world.heard(0), "bare\n");
    world.raw(1).send_slice(b"with\r\nhalf").unwrap();
    world.run(ms(5_000));
    assert_eq!(world.heard(0), "bare\nwith\n");
    world.raw(1).send_slice(b" a line\n").unwrap();
    world.run(ms(50));
    assert_eq!(world.heard(0), "bare\nwith\nhalf a line\n");
    assert!(!world.has_told(0, "Partial"));
}

#[test]
fn a_first_line_that_is_typed_key_by_key_is_one_line() {
    let mut world = called(12, options());
    for key in ["h", "\u{e4}", "l", "\u{d55c}", "o"] {
        world.raw(1).send_slice(key.as_bytes()).unwrap();
        world.run(ms(1_500));
    }
    world.raw(1).send_slice(b"\r").unwrap();
    world.run(ms(300));
    assert_eq!(world.heard(0), "h\u{e4}l\u{d55c}o\n");
    // A peer that says no more than a letter is heard too, only later.
    let mut world = called(13, options());
    world.raw(1).send_slice(b"y").unwrap();
    world.run(ms(2_100));
    assert_eq!(world.heard(0), "y\n");
    // What comes as a whole does not wait for the keys before it.
    world.raw(1).send_slice(b"n").unwrap();
    world.run(ms(100));
    world.raw(1).send_slice(b"o, wait").unwrap();
    world.run(ms(300));
    assert_eq!(world.heard(0), "y\nno, wait\n");
}

#[test]
fn lines_that_end_in_cr_alone_are_lines() {
    let mut world = called(14, options());
    for line in ["one\r", "two\r", "\r", "four\r"] {
        world.raw(1).send_slice(line.as_bytes()).unwrap();
        world.run(ms(300));
    }
    assert_eq!(world.heard(0), "one\ntwo\n\nfour\n");
}

#[test]
fn long_lines_come_in_pieces_and_the_last_line_when_the_peer_closes() {
    let mut world = called(9, options());
    let long: String = (0..170u8).map(|n| char::from(b'a' + n % 26)).collect();
    world
        .raw(1)
        .send_slice(format!("{long}\nlast").as_bytes())
        .unwrap();
    world.raw(1).close();
    world.run(ms(100));
    let pieces = format!(
        "{}\n{}\n{}\nlast\n",
        &long[..80],
        &long[80..160],
        &long[160..]
    );
    assert_eq!(world.heard(0), pieces);
    let told = world.told(0);
    assert_eq!(told.iter().filter(|line| **line == "Partial").count(), 3);
    assert!(told.contains(&"disconnected".into()));
}

#[test]
fn raw_mode_sends_no_line_ends() {
    let raw = Options {
        line_end: LineEnd::Raw,
        ..options()
    };
    let mut world = connected(10, options(), raw);
    world.chat(1).push_line(b"one").unwrap();
    world.run(ms(300));
    world.chat(1).push_line(b"two").unwrap();
    world.run(ms(300));
    assert_eq!(world.heard(0), "one\ntwo\n");
}

#[test]
fn a_program_changes_its_role_while_it_runs() {
    let stay = Options {
        stay: true,
        ..options()
    };
    let mut world = connected(11, stay, stay);
    world.start_chat(2, stay).listen(1001);
    // From a conversation: what was pushed before belongs to it, what follows to the next.
    world.chat(1).push_line(b"to host 0").unwrap();
    world.chat(1).dial(endpoint(2, 1001));
    world.chat(1).push_line(b"to host 2").unwrap();
    world.run(ms(3_000));
    assert_eq!(world.heard(0), "to host 0\n");
    assert_eq!(world.heard(2), "to host 2\n");
    // From listening to dialling, and from dialling to listening.
    world.chat(1).listen(1002);
    world.run(ms(3_000));
    world.chat(0).dial(endpoint(1, 1002));
    world.run(ms(3_000));
    world.chat(0).push_line(b"to host 1").unwrap();
    world.run(ms(100));
    assert_eq!(world.heard(1), "to host 1\n");
    // A dial that nobody answers is given up at once.
    world.chat(1).dial(endpoint(77, 1001));
    world.run(ms(3_000));
    world.chat(1).listen(1003);
    world.run(ms(1_000));
    assert!(world.has_told(1, "listening 1003"));
    world.chat(1).quit();
    world.chat(0).quit();
    world.run(ms(3_000));
    assert_eq!(world.outcome(1), Some(Ok(())));
    assert_eq!(world.outcome(0), Some(Ok(())));
}

#[test]
fn a_line_longer_than_the_queue_is_sent_in_parts_and_arrives_as_one() {
    let mut world = connected(12, options(), options());
    let line = "0123456789".repeat(100);
    for part in line.as_bytes().chunks(50) {
        world.run_until(ms(5_000), |world| world.chat(0).push_part(part).is_ok());
    }
    world.chat(0).push_line(b"!").unwrap();
    world.run(ms(1_000));
    assert_eq!(world.heard(1).replace('\n', ""), line + "!");
    assert_eq!(
        world.heard(1).matches('\n').count(),
        13,
        "pieces of the receiver's 80 bytes"
    );
    world.chat(0).end_input();
    assert_eq!(world.chat(0).push_part(b"late"), Err(PushError::Ended));
}

#[test]
fn a_sink_learns_what_ended_each_message_and_where_conversations_end() {
    let mut world = World::new(13, 2);
    world.start_chat(0, options()).listen(1001);
    world.run(ms(10));
    for (port, text) in (5_000..).zip(["bare", "line\r\ncut"]) {
        world.raw_connect(1, endpoint(0, 1001), port);
        world.run(ms(1_500));
        world.raw(1).send_slice(text.as_bytes()).unwrap();
        world.run(ms(300));
        world.raw(1).send_slice(&[b'x'; 100]).unwrap();
        world.raw(1).close();
        world.run(ms(1_500));
    }
    let expected = [
        Some(Ending::Silence),
        Some(Ending::Piece),
        Some(Ending::Close),
        None,
        Some(Ending::Line),
        Some(Ending::Piece),
        Some(Ending::Close),
        None,
    ];
    assert_eq!(world.chat(0).sink_mut().ends, expected);
}

#[test]
fn a_peer_says_whether_its_last_command_has_taken_effect() {
    let stay = Options {
        stay: true,
        ..options()
    };
    let mut world = World::new(14, 2);
    world.start_chat(0, stay);
    assert!(world.chat(0).is_idle() && world.chat(0).is_settled());
    world.chat(0).dial(endpoint(99, 1001));
    assert!(!world.chat(0).is_idle() && !world.chat(0).is_settled());
    world.run(ms(4_000));
    assert!(!world.chat(0).is_settled(), "nobody has answered");
    world.run(ms(2_000));
    assert!(world.chat(0).is_idle() && world.chat(0).is_settled());
    world.chat(0).listen(1001);
    world.run(ms(2_000));
    assert!(!world.chat(0).is_idle() && world.chat(0).is_settled());
    world.raw_connect(1, endpoint(0, 1001), 5_000);
    world.run(ms(2_000));
    assert!(world.chat(0).is_settled());
    world.chat(0).disconnect();
    world.run(ms(1));
    assert!(!world.chat(0).is_settled(), "its FIN is not answered");
    world.run(ms(2_000));
    assert!(world.chat(0).is_settled());
}
