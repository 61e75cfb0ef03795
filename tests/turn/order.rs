//! What comes first: steps before deadlines, and the earliest deadline of all.

use smoltcp::wire::{IpAddress, IpEndpoint};
use tickwire::{Awaited, CAPPED_TURNS_MAX, Deadline, Error, STEPS_MAX, Slot, Step, Tick};

use crate::bare::Bare;
use crate::puppet::{Puppet, at};

#[test]
fn a_step_that_moves_beats_a_late_clock() {
    let mut bare = Bare::new();
    let mut app = Puppet::new(&[], |io, deadline| {
        if io.now == Tick::ZERO {
            *deadline = at(100);
            return Ok(Step::Wait);
        }
        // What was awaited is here, 900 ms too late by the clock.
        *deadline = at(2_000);
        Ok(Step::Wait)
    });
    let mut slot = Slot::new();
    assert_eq!(
        bare.turn(&mut [slot.seat(&mut app)]),
        Some(Tick::from_millis(100))
    );
    bare.now = Tick::from_millis(1_000);
    assert_eq!(
        bare.turn(&mut [slot.seat(&mut app)]),
        Some(Tick::from_millis(2_000))
    );
    assert_eq!(slot.outcome(), None);
}

#[test]
fn a_deadline_that_passes_ends_the_app_and_says_what_was_awaited() {
    let mut bare = Bare::new();
    let mut app = Puppet::new(&[], |_, deadline| {
        *deadline = Some(Deadline::new(Tick::from_millis(100), Awaited::Answer));
        Ok(Step::Wait)
    });
    let mut slot = Slot::new();
    bare.now = Tick::from_millis(99);
    bare.turn(&mut [slot.seat(&mut app)]);
    assert_eq!(slot.outcome(), None);
    bare.now = Tick::from_millis(100);
    assert_eq!(bare.turn(&mut [slot.seat(&mut app)]), None);
    assert_eq!(slot.outcome(), Some(Err(Error::TimedOut(Awaited::Answer))));
}

#[test]
fn no_flood_of_steps_outruns_a_deadline() {
    let mut bare = Bare::new();
    let mut app = Puppet::new(&[], |_, deadline| {
        *deadline = at(5);
        Ok(Step::Again)
    });
    let mut slot = Slot::new();
    bare.turn(&mut [slot.seat(&mut app)]);
    assert_eq!((slot.outcome(), app.steps), (None, STEPS_MAX));
    bare.now = Tick::from_millis(5);
    bare.turn(&mut [slot.seat(&mut app)]);
    assert_eq!(slot.outcome(), Some(Err(Error::TimedOut(Awaited::Total))));
    assert_eq!(app.steps, 2 * STEPS_MAX);
}

#[test]
fn capped_turns_come_at_once_but_never_hold_the_clock() {
    let mut bare = Bare::new();
    let mut app = Puppet::new(&[], |_, _| Ok(Step::Again));
    let mut slot = Slot::new();
    for _ in 0..3 {
        for _ in 0..CAPPED_TURNS_MAX {
            assert_eq!(bare.turn(&mut [slot.seat(&mut app)]), Some(bare.now));
        }
        let next = bare.turn(&mut [slot.seat(&mut app)]);
        assert_eq!(next, Some(bare.now.after(1)));
        // A caller that does not wait for it gains nothing.
        let next = bare.turn(&mut [slot.seat(&mut app)]);
        assert_eq!(next, Some(bare.now.after(1)));
        bare.now = bare.now.after(1);
    }
}

#[test]
fn a_busy_app_does_not_keep_the_others_from_their_turn() {
    let mut bare = Bare::new();
    let mut busy = Puppet::new(&[], |_, _| Ok(Step::Again));
    let mut calm = Puppet::new(&[], |_, _| Ok(Step::Wait));
    let (mut first, mut second) = (Slot::new(), Slot::new());
    for turns in 1..=10 {
        bare.turn(&mut [first.seat(&mut busy), second.seat(&mut calm)]);
        assert_eq!((busy.steps, calm.steps), (turns * STEPS_MAX, turns));
    }
}

#[test]
fn the_earliest_deadline_wins_and_no_deadline_does_not_hide_it() {
    for order in [[0, 30, 20], [20, 0, 30], [30, 20, 0]] {
        let mut bare = Bare::new();
        let mut apps = order.map(|millis| {
            Puppet::new(&[], move |_, deadline| {
                *deadline = at(millis).filter(|_| millis > 0);
                Ok(Step::Wait)
            })
        });
        let mut slots = [Slot::new(), Slot::new(), Slot::new()];
        let mut seats: Vec<_> = slots
            .iter_mut()
            .zip(apps.iter_mut())
            .map(|(slot, app)| slot.seat(app))
            .collect();
        assert_eq!(
            bare.turn(&mut seats),
            Some(Tick::from_millis(20)),
            "{order:?}"
        );
    }
}

#[test]
fn apps_without_deadlines_wait_for_frames_alone() {
    let mut bare = Bare::new();
    let mut app = Puppet::new(&[], |_, _| Ok(Step::Wait));
    let mut slot = Slot::new();
    assert_eq!(bare.turn(&mut [slot.seat(&mut app)]), None);
    assert_eq!(bare.turn(&mut []), None);
}

#[test]
fn smoltcp_s_own_deadlines_count() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let silent = IpEndpoint::new(IpAddress::v4(10, 0, 0, 77), 80);
    let mut begun = false;
    let mut app = Puppet::new(&[socket], |io, deadline| {
        if !begun {
            io.connect(socket, silent)?;
            *deadline = at(5_000);
            begun = true;
        }
        Ok(Step::Wait)
    });
    let mut slot = Slot::new();
    bare.turn(&mut [slot.seat(&mut app)]);
    // The next question for the neighbour's hardware address.
    assert_eq!(
        bare.turn(&mut [slot.seat(&mut app)]),
        Some(Tick::from_millis(1_000))
    );
}

#[test]
fn an_app_that_has_ended_is_neither_polled_nor_waited_for() {
    let mut bare = Bare::new();
    let mut app = Puppet::new(&[], |_, deadline| {
        *deadline = at(500);
        Ok(Step::Done)
    });
    let mut slot = Slot::new();
    for _ in 0..3 {
        assert_eq!(bare.turn(&mut [slot.seat(&mut app)]), None);
    }
    assert_eq!((slot.outcome(), app.steps), (Some(Ok(())), 1));
}
