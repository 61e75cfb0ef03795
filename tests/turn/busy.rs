//! Peers that keep the loop busy: the work of one turn is bounded, the clock goes on, and who spins is found.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::State;
use tickwire::{
    AnyTask, CAPPED_TURNS_MAX, Deadline, EGRESS_MAX, Error, INGRESS_MAX, Io, LINGER, Step, Task,
    Tick, TimeoutKind,
};
use tickwire_sim::{Act, Opening, Script};

use crate::bare::{Bare, server};
use crate::common::fixture::{Fixture, endpoint, ms, secs};
use crate::common::mock_app::{MockApp, at};
use crate::frames::{ACK, Family, Segment, introduction};

#[test]
fn a_flood_is_taken_in_by_turns_and_each_of_them_sends_too() {
    const FRAMES: usize = 1_000;
    let mut bare = Bare::new();
    let app = MockApp::new(&[], |_, _| Ok(Step::Wait));
    let mut task = Task::new(app);
    bare.turn(&mut [&mut task]);
    bare.cable.0.borrow_mut().from_host.clear();
    for _ in 0..FRAMES {
        bare.hear_frame(introduction(Family::V4));
    }
    for turns in 1..=FRAMES / INGRESS_MAX {
        assert_eq!(bare.turn(&mut [&mut task]), Some(bare.now));
        let ends = bare.cable.0.borrow();
        assert_eq!(ends.to_host.len(), FRAMES - turns * INGRESS_MAX);
        assert_eq!(ends.from_host.len(), turns * INGRESS_MAX);
    }
    assert_eq!(bare.turn(&mut [&mut task]), None);
    assert_eq!(task.app().steps as usize, 2 + FRAMES / INGRESS_MAX);
}

/// What is in the device comes before a deadline, but not for ever: after 4,096 turns, which is more
/// than any queue holds, a flood holds deadlines off no longer.
#[test]
fn an_endless_flood_does_not_hold_the_clock_and_not_a_deadline_for_ever() {
    const UNDRAINED_TURNS: u32 = 4_096;
    let mut bare = Bare::new();
    let app = MockApp::new(&[], |_, deadline| {
        *deadline = at(50);
        Ok(Step::Wait)
    });
    let mut task = Task::new(app);
    let mut turns = 0;
    while task.outcome().is_none() {
        while bare.cable.0.borrow().to_host.len() < 2 * INGRESS_MAX {
            bare.hear_frame(introduction(Family::V4));
        }
        bare.sleep(&mut [&mut task]);
        turns += 1;
        assert!(turns <= UNDRAINED_TURNS + 1, "at {}", bare.now);
    }
    let timeout = Error::TimedOut(TimeoutKind::Total);
    assert_eq!(task.outcome(), Some(&Err(timeout)));
    assert_eq!(turns, UNDRAINED_TURNS + 1);
    let ticks = UNDRAINED_TURNS / (CAPPED_TURNS_MAX + 1);
    assert_eq!(bare.now, Tick::from_millis(u64::from(ticks)));
}

/// Serves on the first of its sockets: queues a byte, closes after it, and waits to hear how that ends.
fn say_a_byte_and_close(
    sockets: &[SocketHandle],
) -> MockApp<impl FnMut(&mut Io, &mut Option<Deadline>) -> Result<Step, Error> + use<>> {
    let others = sockets[1..].to_vec();
    let mut is_said = false;
    server(sockets, move |io, socket| {
        if !is_said {
            is_said = true;
            assert_eq!(io.write(socket, b"x"), Ok(1));
            io.close(socket, LINGER);
        }
        if io.tcp(socket).0.state() != State::Closed {
            return Ok(Step::Wait);
        }
        for &other in &others {
            assert_eq!(io.tcp(other).0.state(), State::Listen);
        }
        Err(io.loss_error(socket))
    })
}

/// Brings the app's connection to FIN-WAIT-2 with an armed zero-window probe: smoltcp then sends in
/// every pass.
fn make_it_spin(bare: &mut Bare, task: &mut dyn AnyTask) {
    bare.call(&mut [task], 0);
    // The window was honestly closed: the first probe carries the byte and the FIN, and the peer takes both.
    while bare.sent().iter().all(|segment| segment.payload != b"x") {
        bare.sleep(&mut [task]);
    }
    bare.hear(Segment {
        ack: 2,
        window: 0,
        ..ACK
    });
    let mut wake = bare.turn(&mut [task]);
    while wake != Some(bare.now) {
        bare.now = wake.expect("the probe's timer runs");
        wake = bare.turn(&mut [task]);
    }
    bare.sent();
}

#[test]
fn a_connection_that_spins_is_ended_within_bounded_turns() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let app = say_a_byte_and_close(&[socket]);
    let mut task = Task::new(app);
    make_it_spin(&mut bare, &mut task);
    assert_eq!(bare.tcp(socket).state(), State::FinWait2);
    let began = bare.now;
    let mut turns = 0;
    while task.outcome().copied().is_none() {
        bare.sleep(&mut [&mut task]);
        turns += 1;
        assert!(bare.sent().len() <= 2 * EGRESS_MAX + 1, "turn {turns}");
        assert!(turns <= CAPPED_TURNS_MAX + 1);
    }
    assert_eq!(task.outcome().copied(), Some(Err(Error::Spinning)));
    assert!(bare.now.since(began) <= ms(1));
    // Silence again.
    assert_eq!(bare.turn(&mut [&mut task]), None);
    assert!(bare.sent().is_empty());
}

#[test]
fn a_connection_that_spins_does_not_take_others_with_it() {
    let mut bare = Bare::new();
    let (socket, other) = (bare.socket(64), bare.socket(64));
    bare.tcp(other).listen(7).unwrap();
    let app = say_a_byte_and_close(&[socket, other]);
    let mut task = Task::new(app);
    let mut bystander = Task::new(MockApp::new(&[], |_, _| Ok(Step::Wait)));
    make_it_spin(&mut bare, &mut task);
    // The app asserts that its other socket listens still when it learns that the first has gone.
    while task.outcome().copied().is_none() {
        bare.sleep(&mut [&mut task, &mut bystander]);
    }
    assert_eq!(task.outcome().copied(), Some(Err(Error::Spinning)));
    assert_eq!(bystander.outcome(), None);
}

#[test]
fn a_sender_that_fills_every_turn_is_not_taken_for_one_that_spins() {
    const BYTES: u64 = 4_000_000;
    let mut net = Fixture::guarded(1, 2);
    // 180 segments fit into each buffer, and 16 leave in a pass.
    let [here, there] = [0, 1].map(|host| net.add_socket(host, 256 * 1024));
    let acts: &[Act<'_>] = &[Act::Fill(BYTES), Act::Close, Act::ExpectEnd];
    let dial = Opening::Dial(endpoint(1, 80));
    let sender = net.start(0, Script::new(here, dial, acts));
    let acts: &[Act<'_>] = &[Act::Read(BYTES), Act::ExpectEnd];
    let receiver = net.start(1, Script::new(there, Opening::Listen(80), acts));
    net.run(secs(60));
    assert_eq!(
        (net.outcome(sender), net.outcome(receiver)),
        (Some(Ok(())), Some(Ok(())))
    );
}
