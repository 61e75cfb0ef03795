//! What comes first: steps before deadlines, and the earliest deadline of all.

use smoltcp::wire::{IpAddress, IpEndpoint};
use tickwire::{CAPPED_TURNS_MAX, Deadline, Error, STEPS_MAX, Step, Task, Tick, TimeoutKind};

use crate::bare::Bare;
use crate::common::fixture::ms;
use crate::common::mock_app::{MockApp, at};

#[test]
fn a_step_that_moves_beats_a_late_clock() {
    let mut bare = Bare::new();
    let app = MockApp::new(&[], |io, deadline| {
        if io.now == Tick::ZERO {
            *deadline = at(100);
            return Ok(Step::Wait);
        }
        // What was awaited is here, 900 ms too late by the clock.
        *deadline = at(2_000);
        Ok(Step::Wait)
    });
    let mut task = Task::new(app);
    assert_eq!(bare.turn(&mut [&mut task]), Some(Tick::from_millis(100)));
    bare.now = Tick::from_millis(1_000);
    assert_eq!(bare.turn(&mut [&mut task]), Some(Tick::from_millis(2_000)));
    assert_eq!(task.outcome().copied(), None);
}

#[test]
fn a_deadline_that_passes_ends_the_app_and_says_what_was_awaited() {
    let mut bare = Bare::new();
    let app = MockApp::new(&[], |_, deadline| {
        *deadline = Some(Deadline::new(Tick::from_millis(100), TimeoutKind::Reply));
        Ok(Step::Wait)
    });
    let mut task = Task::new(app);
    bare.now = Tick::from_millis(99);
    bare.turn(&mut [&mut task]);
    assert_eq!(task.outcome().copied(), None);
    bare.now = Tick::from_millis(100);
    assert_eq!(bare.turn(&mut [&mut task]), None);
    assert_eq!(
        task.outcome().copied(),
        Some(Err(Error::TimedOut(TimeoutKind::Reply)))
    );
}

#[test]
fn no_flood_of_steps_outruns_a_deadline() {
    let mut bare = Bare::new();
    let app = MockApp::new(&[], |_, deadline| {
        *deadline = at(5);
        Ok(Step::Again)
    });
    let mut task = Task::new(app);
    bare.turn(&mut [&mut task]);
    assert_eq!(
        (task.outcome().copied(), task.app().steps),
        (None, STEPS_MAX)
    );
    bare.now = Tick::from_millis(5);
    bare.turn(&mut [&mut task]);
    assert_eq!(
        task.outcome().copied(),
        Some(Err(Error::TimedOut(TimeoutKind::Total)))
    );
    assert_eq!(task.app().steps, 2 * STEPS_MAX);
}

#[test]
fn capped_turns_come_at_once_but_never_hold_the_clock() {
    let mut bare = Bare::new();
    let app = MockApp::new(&[], |_, _| Ok(Step::Again));
    let mut task = Task::new(app);
    for _ in 0..3 {
        for _ in 0..CAPPED_TURNS_MAX {
            assert_eq!(bare.turn(&mut [&mut task]), Some(bare.now));
        }
        let next = bare.turn(&mut [&mut task]);
        assert_eq!(next, Some(bare.now + ms(1)));
        // A caller that does not wait for it gains nothing.
        let next = bare.turn(&mut [&mut task]);
        assert_eq!(next, Some(bare.now + ms(1)));
        bare.now = bare.now + ms(1);
    }
}

#[test]
fn a_busy_app_does_not_keep_the_others_from_their_turn() {
    let mut bare = Bare::new();
    let mut busy = Task::new(MockApp::new(&[], |_, _| Ok(Step::Again)));
    let mut calm = Task::new(MockApp::new(&[], |_, _| Ok(Step::Wait)));
    for turns in 1..=10 {
        bare.turn(&mut [&mut busy, &mut calm]);
        let steps = (busy.app().steps, calm.app().steps);
        assert_eq!(steps, (turns * STEPS_MAX, turns));
    }
}

#[test]
fn the_earliest_deadline_wins_and_no_deadline_does_not_hide_it() {
    for order in [[0, 30, 20], [20, 0, 30], [30, 20, 0]] {
        let mut bare = Bare::new();
        let mut tasks = order.map(|millis| {
            Task::new(MockApp::new(&[], move |_, deadline| {
                *deadline = at(millis).filter(|_| millis > 0);
                Ok(Step::Wait)
            }))
        });
        let [one, two, three] = &mut tasks;
        assert_eq!(
            bare.turn(&mut [one, two, three]),
            Some(Tick::from_millis(20)),
            "{order:?}"
        );
    }
}

#[test]
fn apps_without_deadlines_wait_for_frames_alone() {
    let mut bare = Bare::new();
    let app = MockApp::new(&[], |_, _| Ok(Step::Wait));
    let mut task = Task::new(app);
    assert_eq!(bare.turn(&mut [&mut task]), None);
    assert_eq!(bare.turn(&mut []), None);
}

#[test]
fn smoltcp_s_own_deadlines_count() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let silent = IpEndpoint::new(IpAddress::v4(10, 0, 0, 77), 80);
    let mut begun = false;
    let app = MockApp::new(&[socket], |io, deadline| {
        if !begun {
            io.connect(socket, silent)?;
            *deadline = at(5_000);
            begun = true;
        }
        Ok(Step::Wait)
    });
    let mut task = Task::new(app);
    bare.turn(&mut [&mut task]);
    // The next question for the neighbour's hardware address.
    assert_eq!(bare.turn(&mut [&mut task]), Some(Tick::from_millis(1_000)));
}

#[test]
fn an_app_that_has_ended_is_neither_polled_nor_waited_for() {
    let mut bare = Bare::new();
    let app = MockApp::new(&[], |_, deadline| {
        *deadline = at(500);
        Ok(Step::Done)
    });
    let mut task = Task::new(app);
    for _ in 0..3 {
        assert_eq!(bare.turn(&mut [&mut task]), None);
    }
    assert_eq!(
        (task.outcome().copied(), task.app().steps),
        (Some(Ok(())), 1)
    );
}
