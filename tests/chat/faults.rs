//! Peers that vanish, never read, reset or lie still, and sinks that press back.

use smoltcp::socket::tcp::State;
use tickwire::chat::Options;
use tickwire::{Error, TimeoutKind};
use tickwire_sim::ethernet::Link;

use crate::common::fixture::{ms, secs};
use crate::conversations::connected;
use crate::world::{World, endpoint, options};

pub(crate) const ONCE: Options = Options {
    once: true,
    ..Options::DEFAULT
};

/// A chat on host 0 that listens, and a connection that the test has made to it from host 1.
pub(crate) fn called(seed: u64, options: Options) -> World {
    let mut world = World::new(seed, 3);
    world.start_chat(0, options).listen(1001);
    world.run(ms(10));
    world.raw_connect(1, endpoint(0, 1001), 5_000);
    world.run(ms(1_500));
    assert_eq!(world.raw(1).state(), State::Established);
    world
}

#[test]
fn a_silent_peer_is_not_taken_for_a_vanished_one() {
    let mut world = connected(20, options(), options());
    world.run(ms(3_600_000));
    world.chat(0).push_line(b"awake?").unwrap();
    world.chat(1).push_line(b"yes").unwrap();
    world.run(ms(100));
    assert_eq!(world.heard(0), "yes\n");
    assert_eq!(world.heard(1), "awake?\n");
}

#[test]
fn a_peer_that_vanishes_while_both_are_idle_is_noticed_within_a_minute() {
    for wait in [0, 1_000, 4_999, 5_000, 17_345, 120_000] {
        let mut world = connected(21, ONCE, options());
        world.chat(1).push_line(b"hello").unwrap();
        world.run(ms(100 + wait));
        world.cut(0, 1);
        let start = world.now();
        world.run(ms(60_000));
        let gone = Some(Err(Error::TimedOut(TimeoutKind::Peer).into()));
        assert_eq!(world.outcome(0), gone, "after {wait}");
        assert_eq!(world.outcome(1), gone, "after {wait}");
        let noticed = world.when(0, "failed with 10.0.0.2: Connection(TimedOut(Peer))");
        assert!(noticed.since(start) > secs(20), "not before a short outage");
    }
}

#[test]
fn a_peer_that_vanishes_with_data_in_flight_is_noticed_within_a_minute() {
    for wait in [0, 10, 4_999, 14_000, 24_000, 29_000] {
        let mut world = connected(22, ONCE, options());
        world.chat(1).push_line(b"hello").unwrap();
        world.run(ms(100));
        world.cut(0, 1);
        let start = world.now();
        world.run(ms(wait));
        // The line comes late: the silence before it counts.
        world.chat(0).push_line(b"anybody?").unwrap();
        world.run(ms(60_000));
        assert_eq!(
            world.outcome(0),
            Some(Err(Error::TimedOut(TimeoutKind::Flush).into()))
        );
        let noticed = world.when(0, "failed").since(start).as_millis();
        assert!((20_000..=60_000).contains(&noticed), "{wait}: {noticed}");
        assert!(world.has_told(0, "Unsent { bytes: 9 }"));
    }
}

#[test]
fn a_line_after_long_silence_does_not_hide_that_the_peer_vanished() {
    let mut world = connected(23, ONCE, options());
    world.run(ms(200_000));
    world.cut(0, 1);
    let start = world.now();
    world.run(ms(24_000));
    world.chat(0).push_line(b"anybody?").unwrap();
    world.run(ms(60_000));
    let noticed = world.when(0, "failed").since(start).as_millis();
    assert!(noticed <= 60_000, "{noticed}");
}

#[test]
fn a_short_outage_costs_nothing() {
    let mut world = connected(24, options(), options());
    world.run(ms(30_000));
    world.cut(0, 1);
    world.chat(0).push_line(b"through").unwrap();
    world.run(ms(10_000));
    world.mend(0, 1);
    world.run(ms(60_000));
    assert_eq!(world.heard(1), "through\n");
    assert!(world.chat(0).remote().is_some() && world.chat(1).remote().is_some());
}

#[test]
fn a_peer_that_vanishes_after_our_fin_is_noticed() {
    for cut_before_fin in [true, false] {
        let mut world = called(25, ONCE);
        world.chat(0).push_line(b"all").unwrap();
        world.run(ms(100));
        if cut_before_fin {
            world.cut(0, 1);
        }
        world.chat(0).end_input();
        world.run(ms(100));
        world.cut(0, 1);
        world.run(ms(60_000));
        let awaited = if cut_before_fin {
            TimeoutKind::Flush
        } else {
            TimeoutKind::Peer
        };
        assert_eq!(world.outcome(0), Some(Err(Error::TimedOut(awaited).into())));
    }
}

#[test]
fn a_peer_that_never_reads_cannot_hold_the_conversation() {
    let mut world = called(26, ONCE);
    let mut pushed = 0u32;
    for _ in 0..900 {
        while world.chat(0).push_line(b"0123456789").is_ok() {
            pushed += 1;
        }
        world.run(ms(100));
    }
    assert!(
        pushed > 150,
        "the peer's window and our buffers were filled"
    );
    assert_eq!(
        world.outcome(0),
        Some(Err(Error::TimedOut(TimeoutKind::Flush).into()))
    );
}

#[test]
fn a_peer_that_half_closes_and_never_reads_cannot_hold_the_server() {
    let mut world = called(27, options());
    while world.raw(1).recv_queue() < 1_024 {
        while world.chat(0).push_line(b"0123456789").is_ok() {}
        world.run(ms(100));
    }
    world.raw(1).close();
    world.run(ms(63_000));
    assert!(world.has_told(0, "failed with 10.0.0.2: Connection(TimedOut(Flush))"));
    world.start_chat(2, options()).dial(endpoint(0, 1001));
    world.run(ms(100));
    assert!(world.chat(2).remote().is_some());
}

#[test]
fn a_caller_that_vanishes_in_its_handshake_does_not_hold_the_server() {
    let mut world = World::new(28, 3);
    world.start_chat(0, options()).listen(1001);
    world.run(ms(10));
    // It learns our hardware address first, so that its SYN leaves at once; our answer is lost.
    world.raw_connect(1, endpoint(0, 9), 5_000);
    world.run(ms(1_500));
    world.ethernet().sever(0, 1);
    world.raw_connect(1, endpoint(0, 1001), 5_001);
    world.run(ms(50));
    world.cut(0, 1);
    world
        .start_chat(
            2,
            Options {
                redial: true,
                ..options()
            },
        )
        .dial(endpoint(0, 1001));
    world.run(ms(15_000));
    assert!(world.has_told(2, "failed with 10.0.0.1: Connection(Refused)"));
    assert!(world.chat(2).remote().is_some(), "{:?}", world.told(2));
    assert!(!world.told(0).iter().any(|line| line.starts_with("failed")));
}

#[test]
fn lines_that_came_before_a_reset_are_delivered_and_then_it_is_told() {
    let mut world = called(29, options());
    world.chat(0).sink_mut().room = Some(4);
    world.raw(1).send_slice(b"one\ntwo\nthree\nhalf").unwrap();
    world.run(ms(100));
    assert_eq!(world.heard(0), "one\n");
    world.raw(1).abort();
    world.run(ms(1_000));
    assert!(!world.told(0).iter().any(|line| line.starts_with("failed")));
    world.chat(0).sink_mut().room = None;
    world.run(ms(10));
    assert_eq!(world.heard(0), "one\ntwo\nthree\nhalf\n");
    let told = world.told(0);
    let end = &told[told.len() - 2..];
    assert_eq!(end, ["Partial", "failed with 10.0.0.2: Connection(Reset)"]);
}

#[test]
fn the_next_caller_is_heard_while_the_last_one_is_still_delivered() {
    for resets in [false, true] {
        let mut world = called(30, options());
        world.chat(0).sink_mut().room = Some(2);
        let lines: String = (0..100).map(|n| format!("old {n}\n")).collect();
        world.raw(1).send_slice(lines.as_bytes()).unwrap();
        world.run(ms(100));
        if resets {
            world.raw(1).abort();
        } else {
            world.raw(1).close();
        }
        world.run(ms(1_100));
        world.start_chat(2, options()).dial(endpoint(0, 1001));
        world.chat(2).push_line(b"new").unwrap();
        world.run(ms(1_100));
        assert!(world.chat(2).remote().is_some(), "heard within a second");
        assert_eq!(world.heard(0), "ol");
        world.chat(0).sink_mut().room = None;
        world.run(ms(10));
        assert_eq!(world.heard(0), lines + "new\n");
    }
}

#[test]
fn a_sink_that_presses_back_closes_the_window_and_loses_nothing() {
    let mut world = called(31, options());
    world.chat(0).sink_mut().room = Some(0);
    let text: Vec<u8> = (0..400u32)
        .flat_map(|n| format!("line {n}\n").into_bytes())
        .collect();
    let mut sent = 0;
    for _ in 0..5_000 {
        if sent < text.len() {
            sent += world.raw(1).send_slice(&text[sent..]).unwrap();
        }
        // Less than the stall timeout of 60 s each time.
        world.run(ms(1_000));
        world.chat(0).sink_mut().room = Some(7);
        world.run(ms(1));
    }
    assert_eq!(world.heard(0).as_bytes(), text);
}

#[test]
fn a_sink_that_takes_nothing_for_a_minute_costs_the_conversation() {
    let mut world = called(32, options());
    world.chat(0).sink_mut().room = Some(3);
    world.raw(1).send_slice(b"stuck\nlost\n").unwrap();
    world.run(ms(59_000));
    assert!(world.chat(0).remote().is_some(), "the peer is not to blame");
    world.run(ms(1_100));
    assert!(world.has_told(0, "failed with 10.0.0.2: Connection(TimedOut(Sink))"));
    assert_eq!(world.raw(1).state(), State::Closed);
    world.chat(0).sink_mut().room = None;
    world.start_chat(2, options()).dial(endpoint(0, 1001));
    world.chat(2).push_line(b"next").unwrap();
    world.run(ms(100));
    assert_eq!(world.heard(0), "stu\nnext\n");
}

#[test]
fn the_result_of_one_conversation_waits_for_its_delivery() {
    let mut world = called(33, ONCE);
    world.chat(0).sink_mut().room = Some(0);
    world.raw(1).send_slice(b"last words\n").unwrap();
    world.run(ms(100));
    world.raw(1).close();
    world.run(ms(30_000));
    assert_eq!(world.outcome(0), None);
    world.chat(0).sink_mut().room = None;
    world.run(ms(10));
    assert_eq!(world.outcome(0), Some(Ok(())));
    assert_eq!(world.heard(0), "last words\n");
}

#[test]
fn a_client_fails_with_the_address_and_the_cause() {
    let mut world = World::new(34, 3);
    world.start_chat(0, options()).dial(endpoint(1, 1001));
    world.start_chat(2, options()).dial(endpoint(99, 1001));
    world.run(ms(6_000));
    assert_eq!(world.outcome(0), Some(Err(Error::Refused.into())));
    assert_eq!(
        world.outcome(2),
        Some(Err(Error::TimedOut(TimeoutKind::Connect).into()))
    );
    assert!(world.has_told(0, "failed with 10.0.0.2: Connection(Refused)"));
    assert!(world.has_told(2, "failed with 10.0.0.100: Connection(TimedOut(Connect))"));
}

#[test]
fn a_client_redials_with_growing_pauses_and_begins_anew_after_a_conversation() {
    let mut world = World::new(35, 2);
    world
        .start_chat(
            0,
            Options {
                redial: true,
                ..options()
            },
        )
        .dial(endpoint(1, 1001));
    world.run(ms(100_000));
    let pauses = |world: &World| -> Vec<String> {
        let told = world.told(0);
        let pauses = told
            .iter()
            .filter_map(|line| line.strip_prefix("retrying in "));
        pauses.map(String::from).collect()
    };
    assert_eq!(
        pauses(&world),
        [
            "1000", "2000", "4000", "8000", "16000", "30000", "30000", "30000"
        ]
    );
    world.raw(1).listen(1001).unwrap();
    world.run(ms(31_000));
    assert!(world.chat(0).remote().is_some());
    world.raw(1).close();
    world.run(ms(1_500));
    assert_eq!(pauses(&world)[8..], ["1000", "2000"]);
    assert_eq!(world.outcome(0), None);
}

#[test]
fn a_long_chat_over_a_lossy_wire_with_questions_keeps_every_byte() {
    let mut lost = 0;
    for seed in 100..110 {
        let mut world = connected(seed, options(), options());
        world.set_links(Link {
            loss_ppm: 50_000,
            delay_micros: 5_000,
            ..Link::PERFECT
        });
        let mut said = [String::new(), String::new()];
        for round in 0..300u64 {
            for host in 0..2 {
                // Pauses around the time of the questions, so that lines and questions meet.
                if (round + host as u64).is_multiple_of(3) {
                    let line = format!("{seed} {round} {host}");
                    world.chat(host).push_line(line.as_bytes()).unwrap();
                    said[1 - host] += &(line + "\n");
                }
            }
            world.run(ms(4_600 + (round * 37 + seed) % 800));
        }
        world.set_links(Link::PERFECT);
        world.run(ms(60_000));
        assert_eq!(world.heard(0), said[0], "seed {seed}: {:?}", world.told(0));
        assert_eq!(world.heard(1), said[1], "seed {seed}: {:?}", world.told(1));
        lost += world.ethernet().counts(0).dropped_total();
    }
    assert!(lost > 100, "the faults happened: {lost}");
}
