//! The rules of the contract, and what happens to an app that breaks one.

use std::task::Poll;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::State;
use smoltcp::wire::TcpControl;
use tickwire::{App, Awaited, Called, Deadline, Error, Io, STEPS_MAX, Slot, Step, Tick};

use crate::bare::Bare;
use crate::frames::HOST_PORT;
use crate::puppet::{Puppet, at, server};

#[test]
fn the_end_of_an_app_drops_all_of_its_sockets_whether_it_failed_or_not() {
    for outcome in [Err(Error::Truncated), Ok(Step::Done)] {
        let mut bare = Bare::new();
        let sockets = [bare.socket(64), bare.socket(64)];
        bare.tcp(sockets[1]).listen(7).unwrap();
        let mut app = server(&sockets, |_, _| outcome);
        let mut slot = Slot::new();
        bare.call(&mut [slot.seat(&mut app)], 64);
        assert_eq!(slot.outcome(), Some(outcome.map(|_| ())));
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
    let mut fails = Puppet::new(&[first], |_, _| Err(Error::TooLarge));
    let mut listens = Puppet::new(&[second], |io, _| {
        if io.called(second) == Called::Gone {
            io.listen(second, HOST_PORT)?;
        }
        Ok(Step::Wait)
    });
    let (mut failed, mut listening) = (Slot::new(), Slot::new());
    let next = bare.turn(&mut [failed.seat(&mut fails), listening.seat(&mut listens)]);
    assert_eq!(next, None);
    assert_eq!(failed.outcome(), Some(Err(Error::TooLarge)));
    assert_eq!(listening.outcome(), None);
    assert_eq!(bare.tcp(second).state(), State::Listen);
}

#[test]
fn an_expired_state_may_go_on_to_another_deadline() {
    struct Ticker(u64);
    impl App for Ticker {
        fn name(&self) -> &'static str {
            "ticker"
        }
        fn step(&mut self, _: &mut Io<'_, '_>) -> Result<Step, Error> {
            Ok(Step::Wait)
        }
        fn deadline(&self) -> Option<Deadline> {
            at(self.0)
        }
        fn expired(&mut self, _: &mut Io<'_, '_>) -> Result<Step, Error> {
            self.0 += 10;
            Ok(Step::Wait)
        }
        fn sockets(&self) -> &[SocketHandle] {
            &[]
        }
    }
    let mut bare = Bare::new();
    let (mut app, mut slot) = (Ticker(10), Slot::new());
    // The clock is late by two periods: both are caught up in one turn.
    bare.now = Tick::from_millis(25);
    assert_eq!(
        bare.turn(&mut [slot.seat(&mut app)]),
        Some(Tick::from_millis(30))
    );
    // By more periods than a poll has steps: the rest comes in the next turn, which comes at once.
    bare.now = Tick::from_millis(15 + 10 * u64::from(STEPS_MAX) * 3 / 2);
    assert_eq!(bare.turn(&mut [slot.seat(&mut app)]), Some(bare.now));
    assert!(bare.turn(&mut [slot.seat(&mut app)]) > Some(bare.now));
    assert_eq!(slot.outcome(), None);
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "puppet has a connection without a deadline")]
fn an_app_may_not_have_a_connection_without_a_deadline() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let mut app = Puppet::new(&[socket], |io, _| {
        if io.called(socket) == Called::Gone {
            io.listen(socket, HOST_PORT)?;
        }
        Ok(Step::Wait)
    });
    bare.call(&mut [Slot::new().seat(&mut app)], 64);
}

/// Leaves its deadline where it was when it has passed.
struct Stubborn {
    polls_itself: bool,
}

impl App for Stubborn {
    fn name(&self) -> &'static str {
        "stubborn"
    }

    fn step(&mut self, _: &mut Io<'_, '_>) -> Result<Step, Error> {
        Ok(Step::Wait)
    }

    fn deadline(&self) -> Option<Deadline> {
        at(10)
    }

    fn expired(&mut self, _: &mut Io<'_, '_>) -> Result<Step, Error> {
        Ok(Step::Wait)
    }

    fn sockets(&self) -> &[SocketHandle] {
        &[]
    }

    fn poll(&mut self, io: &mut Io<'_, '_>) -> Poll<Result<(), Error>> {
        if self.polls_itself {
            return Poll::Pending;
        }
        // What the trait provides, for a type that does not replace it.
        struct Plain<'a>(&'a mut Stubborn);
        impl App for Plain<'_> {
            fn name(&self) -> &'static str {
                self.0.name()
            }
            fn step(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
                self.0.step(io)
            }
            fn deadline(&self) -> Option<Deadline> {
                self.0.deadline()
            }
            fn expired(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
                self.0.expired(io)
            }
            fn sockets(&self) -> &[SocketHandle] {
                self.0.sockets()
            }
        }
        Plain(self).poll(io)
    }
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "stubborn stayed in a state whose deadline has passed")]
fn an_app_may_not_stay_in_a_state_that_has_expired() {
    let mut bare = Bare::new();
    bare.now = Tick::from_millis(10);
    let mut app = Stubborn {
        polls_itself: false,
    };
    bare.turn(&mut [Slot::new().seat(&mut app)]);
}

#[cfg(not(debug_assertions))]
#[test]
fn an_app_that_stays_in_a_state_that_has_expired_ends_with_what_it_awaited() {
    let mut bare = Bare::new();
    bare.now = Tick::from_millis(10);
    let mut app = Stubborn {
        polls_itself: false,
    };
    let mut slot = Slot::new();
    bare.turn(&mut [slot.seat(&mut app)]);
    let timeout = Error::TimedOut(Awaited::Total);
    assert_eq!(slot.outcome(), Some(Err(timeout)));
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "stubborn left its deadline in the past")]
fn an_app_may_not_leave_its_deadline_in_the_past() {
    let mut bare = Bare::new();
    bare.now = Tick::from_millis(10);
    let mut app = Stubborn { polls_itself: true };
    bare.turn(&mut [Slot::new().seat(&mut app)]);
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "Only begins with a deadline that has passed")]
fn a_state_may_not_begin_with_a_deadline_that_has_passed() {
    use tickwire::{Named, Phase};

    struct Only;
    impl Named for Only {
        fn name(&self) -> &'static str {
            "Only"
        }
    }
    let mut bare = Bare::new();
    bare.now = Tick::from_millis(10);
    let mut phase = Phase::new(Only);
    let mut app = Puppet::new(&[], |io, _| {
        let deadline = Deadline::new(Tick::from_millis(9), Awaited::Peer);
        phase.enter(io, Only, Some(deadline));
        Ok(Step::Wait)
    });
    bare.turn(&mut [Slot::new().seat(&mut app)]);
}
