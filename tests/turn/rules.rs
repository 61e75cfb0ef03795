//! The rules of the contract, and what happens to an app that breaks one.

use std::cell::Cell;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::State;
use smoltcp::wire::TcpControl;
use tickwire::{AcceptState, App, Deadline, Error, Io, STEPS_MAX, Step, Task, Tick, TimeoutKind};

use crate::bare::{Bare, server};
use crate::common::mock_app::{MockApp, at};
use crate::frames::HOST_PORT;

#[test]
fn the_end_of_an_app_drops_all_of_its_sockets_whether_it_failed_or_not() {
    for outcome in [Err(Error::Reset), Ok(Step::Done)] {
        let mut bare = Bare::new();
        let sockets = [bare.socket(64), bare.socket(64)];
        bare.tcp(sockets[1]).listen(7).unwrap();
        let app = server(&sockets, |_, _| outcome);
        let mut task = Task::new(app);
        bare.call(&mut [&mut task], 64);
        assert_eq!(task.outcome().copied(), Some(outcome.map(|_| ())));
        for socket in sockets {
            assert_eq!(bare.tcp(socket).state(), State::Closed);
        }
        // The caller was told in the same turn.
        let sent = bare.sent();
        assert!(
            sent.len() == 1 && sent[0].control == TcpControl::Rst,
            "{sent:?}"
        );
    }
}

#[test]
fn one_app_that_fails_does_not_touch_the_others() {
    let mut bare = Bare::new();
    let (first, second) = (bare.socket(64), bare.socket(64));
    let mut fails = Task::new(MockApp::new(&[first], |_, _| Err(Error::NoLocalPort)));
    let mut listens = Task::new(MockApp::new(&[second], |io, _| {
        if io.accept_state(second) == AcceptState::Closed {
            io.listen(second, HOST_PORT)?;
        }
        Ok(Step::Wait)
    }));
    let next = bare.turn(&mut [&mut fails, &mut listens]);
    assert_eq!(next, None);
    assert_eq!(fails.outcome(), Some(&Err(Error::NoLocalPort)));
    assert_eq!(listens.outcome(), None);
    assert_eq!(bare.tcp(second).state(), State::Listen);
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "first and second have a socket in common")]
fn two_tasks_must_not_have_a_socket_in_common() {
    let mut bare = Bare::new();
    let (own, common) = (bare.socket(64), bare.socket(64));
    let waits = |_: &mut Io, _: &mut Option<Deadline>| Ok(Step::Wait);
    let mut first = Task::named("first", MockApp::new(&[own, common], waits));
    let mut second = Task::named("second", MockApp::new(&[common], waits));
    bare.turn(&mut [&mut first, &mut second]);
}

#[test]
fn an_expired_state_may_go_on_to_another_deadline() {
    struct Ticker(u64);
    impl App for Ticker {
        type Error = Error;
        fn name(&self) -> &'static str {
            "ticker"
        }
        fn step(&mut self, _: &mut Io) -> Result<Step, Error> {
            Ok(Step::Wait)
        }
        fn deadline(&self) -> Option<Deadline> {
            at(self.0)
        }
        fn expired(&mut self, _: &mut Io) -> Result<Step, Error> {
            self.0 += 10;
            Ok(Step::Wait)
        }
        fn sockets(&self) -> &[SocketHandle] {
            &[]
        }
    }
    let mut bare = Bare::new();
    let mut task = Task::new(Ticker(10));
    // The clock is late by two periods: both are caught up in one turn.
    bare.now = Tick::from_millis(25);
    assert_eq!(bare.turn(&mut [&mut task]), Some(Tick::from_millis(30)));
    // By more periods than a poll has steps: the rest comes in the next turn, which comes at once.
    bare.now = Tick::from_millis(15 + 10 * u64::from(STEPS_MAX) * 3 / 2);
    assert_eq!(bare.turn(&mut [&mut task]), Some(bare.now));
    assert!(bare.turn(&mut [&mut task]) > Some(bare.now));
    assert_eq!(task.outcome().copied(), None);
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "mock has a connection without a deadline")]
fn an_app_may_not_have_a_connection_without_a_deadline() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let app = MockApp::new(&[socket], |io, _| {
        if io.accept_state(socket) == AcceptState::Closed {
            io.listen(socket, HOST_PORT)?;
        }
        Ok(Step::Wait)
    });
    bare.call(&mut [&mut Task::new(app)], 64);
}

/// Leaves its deadline where it was when it has passed.
struct Stubborn;

impl App for Stubborn {
    type Error = Error;

    fn name(&self) -> &'static str {
        "stubborn"
    }

    fn step(&mut self, _: &mut Io) -> Result<Step, Error> {
        Ok(Step::Wait)
    }

    fn deadline(&self) -> Option<Deadline> {
        at(10)
    }

    fn expired(&mut self, _: &mut Io) -> Result<Step, Error> {
        Ok(Step::Wait)
    }

    fn sockets(&self) -> &[SocketHandle] {
        &[]
    }
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "stubborn stayed in a state whose deadline has passed")]
fn an_app_may_not_stay_in_a_state_that_has_expired() {
    let mut bare = Bare::new();
    bare.now = Tick::from_millis(10);
    bare.turn(&mut [&mut Task::new(Stubborn)]);
}

#[cfg(not(debug_assertions))]
#[test]
fn an_app_that_stays_in_a_state_that_has_expired_ends_with_what_it_awaited() {
    let mut bare = Bare::new();
    bare.now = Tick::from_millis(10);
    let mut task = Task::new(Stubborn);
    bare.turn(&mut [&mut task]);
    let timeout = Error::TimedOut(TimeoutKind::Total);
    assert_eq!(task.outcome(), Some(&Err(timeout)));
}

/// Has its deadline in a place that others can reach.
struct Remote<'a>(&'a Cell<Option<Deadline>>);

impl App for Remote<'_> {
    type Error = Error;

    fn name(&self) -> &'static str {
        "remote"
    }

    fn step(&mut self, _: &mut Io) -> Result<Step, Error> {
        Ok(Step::Wait)
    }

    fn deadline(&self) -> Option<Deadline> {
        self.0.get()
    }

    fn sockets(&self) -> &[SocketHandle] {
        &[]
    }
}

// The loop takes the steps of every app, so an app can do this only after its poll.
#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "remote left its deadline in the past")]
fn an_app_may_not_leave_its_deadline_in_the_past() {
    let mut bare = Bare::new();
    bare.now = Tick::from_millis(10);
    let deadline = Cell::new(None);
    let mut remote = Task::new(Remote(&deadline));
    let mut other = Task::new(MockApp::new(&[], |_, _| {
        deadline.set(at(10));
        Ok(Step::Wait)
    }));
    bare.turn(&mut [&mut remote, &mut other]);
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "Only begins with a deadline that has passed")]
fn a_state_may_not_begin_with_a_deadline_that_has_passed() {
    use tickwire::{StateCell, StateName};

    struct Only;
    impl StateName for Only {
        fn name(&self) -> &'static str {
            "Only"
        }
    }
    let mut bare = Bare::new();
    bare.now = Tick::from_millis(10);
    let mut cell = StateCell::new(Only);
    let app = MockApp::new(&[], |io, _| {
        let deadline = Deadline::new(Tick::from_millis(9), TimeoutKind::Peer);
        cell.enter(io, Only, Some(deadline));
        Ok(Step::Wait)
    });
    bare.turn(&mut [&mut Task::new(app)]);
}
