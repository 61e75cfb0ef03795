//! Peers that keep the loop busy: the work of one turn is bounded, the clock goes on, and who spins is found.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::State;
use tickwire::{CAPPED_TURNS_MAX, Deadline, EGRESS_MAX, Error, INGRESS_MAX, Io, Slot, Step, Tick};
use tickwire_sim::{Act, Opening, Script};

use crate::bare::Bare;
use crate::common::lab::{Lab, endpoint, socket};
use crate::frames::{ACK, Family, Segment, introduction};
use crate::puppet::{Puppet, at, server};

#[test]
fn a_flood_is_taken_in_by_turns_and_each_of_them_sends_too() {
    const FRAMES: usize = 1_000;
    let mut bare = Bare::new();
    let mut app = Puppet::new(&[], |_, _| Ok(Step::Wait));
    let mut slot = Slot::new();
    bare.turn(&mut [slot.seat(&mut app)]);
    bare.cable.0.borrow_mut().from_host.clear();
    for _ in 0..FRAMES {
        bare.hear_frame(introduction(Family::V4));
    }
    for turns in 1..=FRAMES / INGRESS_MAX {
        assert_eq!(bare.turn(&mut [slot.seat(&mut app)]), Some(bare.now));
        let ends = bare.cable.0.borrow();
        assert_eq!(ends.to_host.len(), FRAMES - turns * INGRESS_MAX);
        assert_eq!(ends.from_host.len(), turns * INGRESS_MAX);
    }
    assert_eq!(bare.turn(&mut [slot.seat(&mut app)]), None);
    assert_eq!(app.steps as usize, 2 + FRAMES / INGRESS_MAX);
}

#[test]
fn an_endless_flood_does_not_hold_the_clock_nor_a_deadline() {
    let mut bare = Bare::new();
    let mut app = Puppet::new(&[], |_, deadline| {
        *deadline = at(50);
        Ok(Step::Wait)
    });
    let mut slot = Slot::new();
    let mut turns = 0;
    while slot.outcome().is_none() {
        while bare.cable.0.borrow().to_host.len() < 2 * INGRESS_MAX {
            bare.hear_frame(introduction(Family::V4));
        }
        bare.sleep(&mut [slot.seat(&mut app)]);
        turns += 1;
        assert!(turns <= 51 * (CAPPED_TURNS_MAX + 1), "at {}", bare.now);
    }
    assert_eq!(bare.now, Tick::from_millis(50));
}

/// Serves on the first of its sockets: queues a byte, closes behind it, and waits to hear how that ends.
fn say_a_byte_and_close(
    sockets: &[SocketHandle],
) -> Puppet<impl FnMut(&mut Io<'_, '_>, &mut Option<Deadline>) -> Result<Step, Error> + use<>> {
    let others = sockets[1..].to_vec();
    let mut is_said = false;
    server(sockets, move |io, socket| {
        if !is_said {
            is_said = true;
            assert_eq!(io.write(socket, b"x"), Ok(1));
            io.close(socket);
        }
        if io.tcp(socket).0.state() != State::Closed {
            return Ok(Step::Wait);
        }
        for &other in &others {
            assert_eq!(io.tcp(other).0.state(), State::Listen);
        }
        Err(io.lost())
    })
}

/// Brings the app's connection to FIN-WAIT-2 with an armed zero-window probe: smoltcp then sends in every pass.
fn make_it_spin(bare: &mut Bare, slot: &mut Slot, app: &mut dyn tickwire::App) {
    bare.call(&mut [slot.seat(app)], 0);
    // The window was honestly closed: the first probe carries the byte and the FIN, and the peer takes both.
    while bare.sent().iter().all(|segment| segment.payload != b"x") {
        bare.sleep(&mut [slot.seat(app)]);
    }
    bare.hear(Segment {
        ack: 2,
        window: 0,
        ..ACK
    });
    let mut wake = bare.turn(&mut [slot.seat(app)]);
    while wake != Some(bare.now) {
        bare.now = wake.expect("the probe's timer runs");
        wake = bare.turn(&mut [slot.seat(app)]);
    }
    bare.sent();
}

#[test]
fn a_connection_that_spins_is_ended_within_bounded_turns() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let mut app = say_a_byte_and_close(&[socket]);
    let mut slot = Slot::new();
    make_it_spin(&mut bare, &mut slot, &mut app);
    assert_eq!(bare.tcp(socket).state(), State::FinWait2);
    let began = bare.now;
    let mut turns = 0;
    while slot.outcome().is_none() {
        bare.sleep(&mut [slot.seat(&mut app)]);
        turns += 1;
        assert!(bare.sent().len() <= 2 * EGRESS_MAX + 1, "turn {turns}");
        assert!(turns <= CAPPED_TURNS_MAX + 1);
    }
    assert_eq!(slot.outcome(), Some(Err(Error::Spinning)));
    assert!(bare.now.since(began) <= 1);
    // Silence again.
    assert_eq!(bare.turn(&mut [slot.seat(&mut app)]), None);
    assert!(bare.sent().is_empty());
}

#[test]
fn a_connection_that_spins_does_not_take_others_with_it() {
    let mut bare = Bare::new();
    let (socket, other) = (bare.socket(64), bare.socket(64));
    bare.tcp(other).listen(7).unwrap();
    let mut app = say_a_byte_and_close(&[socket, other]);
    let mut bystander = Puppet::new(&[], |_, _| Ok(Step::Wait));
    let (mut slot, mut bystander_slot) = (Slot::new(), Slot::new());
    make_it_spin(&mut bare, &mut slot, &mut app);
    // The app asserts that its other socket listens still when it learns that the first has gone.
    while slot.outcome().is_none() {
        bare.sleep(&mut [slot.seat(&mut app), bystander_slot.seat(&mut bystander)]);
    }
    assert_eq!(slot.outcome(), Some(Err(Error::Spinning)));
    assert_eq!(bystander_slot.outcome(), None);
}

#[test]
fn a_sender_that_fills_every_turn_is_not_taken_for_one_that_spins() {
    const BYTES: u64 = 4_000_000;
    let mut lab = Lab::new(1);
    // 180 segments fit into each buffer, and 16 leave in a pass.
    let (here, there) = (
        socket(&mut lab.client, 256 * 1024),
        socket(&mut lab.server, 256 * 1024),
    );
    let acts = [Act::Fill(BYTES), Act::Close, Act::ExpectEnd];
    let mut sender = Script::new(here, Opening::Dial(endpoint(1, 80)), &acts);
    let acts = [Act::Read(BYTES), Act::ExpectEnd];
    let mut receiver = Script::new(there, Opening::Listen(80), &acts);
    let (mut slot, mut receiving) = (Slot::new(), Slot::new());
    let (mut seats, mut peers) = ([slot.seat(&mut sender)], [receiving.seat(&mut receiver)]);
    let nodes = &mut [lab.client.with(&mut seats), lab.server.with(&mut peers)];
    assert!(lab.world.run(Tick::from_millis(60_000), nodes, &mut ()));
    assert_eq!(
        (slot.outcome(), receiving.outcome()),
        (Some(Ok(())), Some(Ok(())))
    );
}
