//! A listener alone, as an app of one's own has it.

use smoltcp::socket::tcp::State;
use smoltcp::wire::{IpEndpoint, TcpControl};
use tickwire::{
    Awaited, Deadline, Error, HANDSHAKE_TICKS, LINGER_TICKS, Listener, Slot, Step, Tick,
};

use crate::bare::Bare;
use crate::frames::{
    Family, HOST_MAC, HOST_PORT, PEER_MAC, PEER_PORT, PEER_START, repr, tcp_frame,
};
use crate::puppet::Puppet;

#[test]
fn a_caller_that_vanishes_in_its_handshake_has_five_seconds_and_the_next_one_is_heard() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let mut listener = Listener::new(HOST_PORT);
    assert_eq!((listener.port(), listener.deadline()), (HOST_PORT, None));
    let mut caller = None;
    let mut app = Puppet::new(&[socket], |io, deadline| {
        caller = listener.poll(io, socket)?;
        *deadline = listener.deadline();
        Ok(if caller.is_some() {
            Step::Done
        } else {
            Step::Wait
        })
    });
    let mut slot = Slot::new();
    bare.turn(&mut [slot.seat(&mut app)]);
    assert_eq!(
        (app.deadline, bare.tcp(socket).state()),
        (None, State::Listen)
    );

    let seq = PEER_START.wrapping_sub(1);
    let syn = repr((PEER_PORT - 1, HOST_PORT), TcpControl::Syn, seq, None);
    let ends = ((PEER_MAC, Family::V4.peer()), (HOST_MAC, Family::V4.host()));
    bare.hear_frame(tcp_frame(ends.0, ends.1, &syn));
    let start = bare.now;
    bare.turn(&mut [slot.seat(&mut app)]);
    let handshake = Deadline::new(start.after(HANDSHAKE_TICKS), Awaited::Handshake);
    assert_eq!(app.deadline, Some(handshake));

    while bare.tcp(socket).state() != State::Listen {
        bare.sleep(&mut [slot.seat(&mut app)]);
        let latest = handshake.at.after(LINGER_TICKS);
        assert!(bare.now <= latest, "deaf at {}", bare.now);
    }
    assert!(bare.now >= handshake.at, "gave up at {}", bare.now);
    bare.sent();
    bare.call(&mut [slot.seat(&mut app)], 64);
    assert_eq!(slot.outcome(), Some(Ok(())));
    drop(app);
    assert_eq!(caller, Some(IpEndpoint::new(Family::V4.peer(), PEER_PORT)));
}

#[test]
fn nobody_can_listen_on_port_0() {
    let mut bare = Bare::new();
    bare.now = Tick::from_millis(1);
    let socket = bare.socket(64);
    let mut listener = Listener::new(0);
    let mut app = Puppet::new(&[socket], |io, _| {
        listener.poll(io, socket).map(|_| Step::Wait)
    });
    let mut slot = Slot::new();
    bare.turn(&mut [slot.seat(&mut app)]);
    assert_eq!(slot.outcome(), Some(Err(Error::Unaddressable)));
}
