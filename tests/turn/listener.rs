//! A listening connection alone, as an app of one's own has it.

use smoltcp::socket::tcp::State;
use smoltcp::wire::IpEndpoint;
use tickwire::{
    Deadline, Error, HANDSHAKE_TIMEOUT, Io, LINGER, Lifecycle, Stage, Step, Task, Tick, TimeoutKind,
};

use crate::bare::Bare;
use crate::common::mock_app::MockApp;
use crate::frames::{Family, HOST_PORT, PEER_PORT};

/// Moves a connection on that listens on `port`.
fn listen(life: &mut Lifecycle, io: &mut Io, port: u16) -> Result<Stage, Error> {
    if life.is_closed() {
        life.listen(io, port);
    }
    let is_due = |deadline: Deadline| deadline.at <= io.now;
    let is_late = life.deadline().is_some_and(is_due);
    life.poll(io, is_late)
}

#[test]
fn a_caller_that_vanishes_in_its_handshake_has_five_seconds_and_the_next_one_is_heard() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let mut life: Lifecycle = Lifecycle::new(socket);
    assert_eq!((life.remote(), life.deadline()), (None, None));
    let mut caller = None;
    let app = MockApp::new(&[socket], |io, deadline| {
        let stage = listen(&mut life, io, HOST_PORT)?;
        *deadline = life.deadline();
        if let Stage::Opened(remote) = stage {
            caller = Some(remote);
            return Ok(Step::Done);
        }
        Ok(Step::Wait)
    });
    let mut task = Task::new(app);
    bare.turn(&mut [&mut task]);
    assert_eq!(
        (task.app().deadline, bare.tcp(socket).state()),
        (None, State::Listen)
    );

    bare.hear_syn((PEER_PORT - 1, 64));
    let start = bare.now;
    bare.turn(&mut [&mut task]);
    let handshake = Deadline::new(start + HANDSHAKE_TIMEOUT, TimeoutKind::Handshake);
    assert_eq!(task.app().deadline, Some(handshake));

    while bare.tcp(socket).state() != State::Listen {
        bare.sleep(&mut [&mut task]);
        let latest = handshake.at + LINGER;
        assert!(bare.now <= latest, "deaf at {}", bare.now);
    }
    assert!(bare.now >= handshake.at, "gave up at {}", bare.now);
    bare.sent();
    bare.call(&mut [&mut task], 64);
    assert_eq!(task.outcome(), Some(&Ok(())));
    drop(task);
    assert_eq!(caller, Some(IpEndpoint::new(Family::V4.peer(), PEER_PORT)));
}

#[test]
fn nobody_can_listen_on_port_0() {
    let mut bare = Bare::new();
    bare.now = Tick::from_millis(1);
    let socket = bare.socket(64);
    let mut life: Lifecycle = Lifecycle::new(socket);
    let app = MockApp::new(&[socket], |io, _| {
        listen(&mut life, io, 0).map(|_| Step::Wait)
    });
    let mut task = Task::new(app);
    bare.turn(&mut [&mut task]);
    assert_eq!(task.outcome(), Some(&Err(Error::Unaddressable)));
}
