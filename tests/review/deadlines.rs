//! Deadlines: judged once, and each of them.

use smoltcp::iface::SocketHandle;
use tickwire::{
    App, Client, ClientOptions, Connection, Deadline, Duration, Error, NoRetry, Session, Step,
    TimeoutKind,
};
use tickwire_sim::{Act, Opening};

use crate::common::fixture::{BUFFER, Fixture, endpoint, secs};

/// Says nothing, moves its own deadline when it passes, and is done after three idle periods.
#[derive(Default)]
struct Silent {
    awaits: Option<TimeoutKind>,
    period: Duration,
    own: Option<Deadline>,
    idle_passed: u32,
}

impl Session for Silent {
    type Error = Error;

    fn name(&self) -> &'static str {
        "silent"
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let awaits = self.awaits.unwrap();
        self.own = Some(Deadline::new(connection.now() + self.period, awaits));
        Ok(())
    }

    fn step(&mut self, _: &mut Connection) -> Result<Step, Error> {
        Ok(Step::Wait)
    }

    fn deadline(&self) -> Option<Deadline> {
        self.own
    }

    fn expired(&mut self, connection: &mut Connection, missed: Deadline) -> Result<Step, Error> {
        if self.own.is_some_and(|own| own.at <= connection.now()) {
            self.own = Some(Deadline::new(missed.at + self.period, missed.awaits));
        } else {
            self.idle_passed += 1;
        }
        assert!(missed.at <= connection.now());
        Ok(if self.idle_passed == 3 {
            Step::Done
        } else {
            Step::Again
        })
    }
}

fn client(socket: SocketHandle, session: Silent) -> impl App<Error = Error> + use<> {
    let options = ClientOptions {
        idle_timeout: Some(secs(2)),
        ..ClientOptions::default()
    };
    Client::with_retry(socket, endpoint(1, 7), session, options, NoRetry)
}

/// How a client with this session ends against a silent peer.
fn ends(session: Silent) -> Result<(), Error> {
    let mut net = Fixture::guarded(1, 2);
    let socket = net.add_socket(0, BUFFER);
    net.script(1, Opening::Listen(7), &[Act::ExpectEnd]);
    let client = net.start(0, client(socket, session));
    net.finish(client, secs(60))
}

#[test]
fn a_session_whose_deadline_falls_on_the_end_of_its_idle_period_is_told_of_both() {
    let session = Silent {
        awaits: Some(TimeoutKind::Receive),
        period: secs(2),
        ..Silent::default()
    };
    assert_eq!(ends(session), Ok(()));
}

#[test]
fn a_session_may_call_its_own_deadline_total() {
    let session = Silent {
        awaits: Some(TimeoutKind::Total),
        period: secs(1),
        ..Silent::default()
    };
    assert_eq!(ends(session), Ok(()));
}
