//! How conversations end: in order, by a reset after an orderly end, and with bytes that nobody has
//! taken yet.

use tickwire::chat::Options;
use tickwire::{Duration, Error};
use tickwire_sim::ethernet::Link;

use crate::common::fixture::ms;
use crate::faults::{ONCE, called};
use crate::world::{World, endpoint, options};

/// The peer's FIN and its RST arrive together, as they do on a machine that was busy with something
/// else.
fn end_by_fin_and_reset(world: &mut World) {
    world.set_links(Link {
        delay_micros: 5_000,
        ..Link::PERFECT
    });
    world.raw(1).close();
    world.run(ms(0));
    world.raw(1).abort();
    world.run(ms(0));
    world.run(ms(100));
}

#[test]
fn a_reset_after_both_ends_changes_nothing() {
    let mut world = called(50, ONCE);
    world.chat(0).push_line(b"all").unwrap();
    world.chat(0).end_input();
    world.run(ms(100));
    world.raw(1).send_slice(b"answer\n").unwrap();
    end_by_fin_and_reset(&mut world);
    assert_eq!(world.heard(0), "answer\n");
    assert_eq!(world.outcome(0), Some(Ok(())), "{:?}", world.told(0));
}

#[test]
fn a_reset_after_the_peers_end_is_one_only_if_it_cost_a_line() {
    for (line, outcome) in [(None, Ok(())), (Some("too late"), Err(Error::Reset.into()))] {
        let mut world = called(51, ONCE);
        world.raw(1).send_slice(b"bye\n").unwrap();
        if let Some(line) = line {
            world.set_links(Link {
                delay_micros: 5_000,
                ..Link::PERFECT
            });
            world.chat(0).push_line(line.as_bytes()).unwrap();
            world.run(ms(0));
        }
        end_by_fin_and_reset(&mut world);
        assert_eq!(world.heard(0), "bye\n");
        assert_eq!(world.outcome(0), Some(outcome), "{:?}", world.told(0));
    }
}

#[test]
fn a_reset_without_an_end_is_a_reset() {
    let mut world = called(52, ONCE);
    world.raw(1).send_slice(b"bye\n").unwrap();
    world.run(ms(100));
    world.raw(1).abort();
    world.run(ms(100));
    assert_eq!(world.heard(0), "bye\n");
    assert_eq!(world.outcome(0), Some(Err(Error::Reset.into())));
}

#[test]
fn what_came_before_the_end_waits_longer_than_time_wait_for_its_delivery() {
    let patient = Options {
        stall_timeout: Duration::MAX,
        ..ONCE
    };
    let mut world = called(36, patient);
    world.chat(0).sink_mut().room = Some(0);
    let text = "last words\n".repeat(40);
    world.raw(1).send_slice(text.as_bytes()).unwrap();
    world.run(ms(100));
    // Our FIN comes first, so that TIME-WAIT is ours.
    world.chat(0).end_input();
    world.run(ms(100));
    world.raw(1).close();
    world.run(ms(600_000));
    assert_eq!(world.outcome(0), None);
    world.chat(0).sink_mut().room = None;
    world.run(ms(10));
    assert_eq!(world.heard(0), text);
    assert_eq!(world.outcome(0), Some(Ok(())));
}

#[test]
fn a_stall_and_a_pause_that_end_in_the_same_tick_are_both_over() {
    // One of these stalls ends exactly with the first pause before a redial.
    for stall_millis in 1_000..1_100 {
        let mut world = World::new(37, 2);
        world.raw(1).listen(1001).unwrap();
        let options = Options {
            redial: true,
            stall_timeout: ms(stall_millis),
            ..options()
        };
        world.start_chat(0, options).dial(endpoint(1, 1001));
        world.chat(0).sink_mut().room = Some(0);
        world.run(ms(1_500));
        world.raw(1).send_slice(b"unread\n").unwrap();
        world.run(ms(50));
        world.raw(1).close();
        world.run(ms(10_000));
        assert_eq!(world.outcome(0), None, "{:?}", world.told(0));
        assert!(world.has_told(0, "failed with 10.0.0.2: Connection(TimedOut(Sink))"));
        assert_eq!(world.last_told(0), "retrying in 8000");
    }
}
