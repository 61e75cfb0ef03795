//! Sockets change state in egress too, and their apps must not sleep through it.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::State;
use smoltcp::time::Duration;
use smoltcp::wire::TcpControl;
use tickwire::{Awaited, Deadline, Error, Flush, Io, Received, Slot, Step, Tick};

use crate::bare::Bare;
use crate::frames::{ACK, Segment};
use crate::puppet::{Puppet, server};

#[test]
fn an_app_sees_in_the_same_turn_that_its_rst_has_left() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let mut app = server(&[socket], |io, socket| {
        if io.is_idle(socket) {
            return Ok(Step::Done);
        }
        io.drop_connection(socket);
        assert!(!io.is_idle(socket), "the RST has still to leave");
        Ok(Step::Wait)
    });
    let mut slot = Slot::new();
    bare.call(&mut [slot.seat(&mut app)], 64);
    assert_eq!(slot.outcome(), Some(Ok(())));
    let sent = bare.sent();
    assert!(
        sent.len() == 1 && sent[0].control == TcpControl::Rst,
        "{sent:?}"
    );
}

#[test]
fn an_app_sees_in_the_same_turn_that_time_wait_has_ended() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let mut app = server(&[socket], |io, socket| {
        match io.tcp(socket).0.state() {
            State::Closed => return Ok(Step::Done),
            State::Established => assert_eq!(io.close(socket).awaits, Awaited::Close),
            _ => {}
        }
        Ok(Step::Wait)
    });
    let mut slot = Slot::new();
    bare.call(&mut [slot.seat(&mut app)], 64);
    bare.hear(Segment {
        ack: 1,
        control: TcpControl::Fin,
        ..ACK
    });
    let wake = bare.sleep(&mut [slot.seat(&mut app)]);
    assert_eq!(bare.tcp(socket).state(), State::TimeWait);
    // smoltcp's own timer, long before the app's.
    assert_eq!(wake, Some(Tick::from_millis(10_000)));
    assert_eq!(bare.turn(&mut [slot.seat(&mut app)]), None);
    assert_eq!(slot.outcome(), Some(Ok(())));
}

#[test]
fn an_app_sees_in_the_same_turn_that_its_address_was_lost() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let mut app = read_to_the_end(socket);
    let mut slot = Slot::new();
    bare.call(&mut [slot.seat(&mut app)], 64);
    bare.iface.update_ip_addrs(|addresses| addresses.clear());
    bare.turn(&mut [slot.seat(&mut app)]);
    assert_eq!(slot.outcome(), Some(Err(Error::AddressLost)));
}

#[test]
fn an_app_sees_in_the_same_turn_that_smoltcp_gave_the_peer_up() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let mut app = read_to_the_end(socket);
    let mut slot = Slot::new();
    bare.call(&mut [slot.seat(&mut app)], 64);
    bare.tcp(socket)
        .set_timeout(Some(Duration::from_millis(15_000)));
    bare.tcp(socket).send_slice(b"anybody there?").unwrap();
    while slot.outcome().is_none() {
        bare.sleep(&mut [slot.seat(&mut app)]);
    }
    // It is told from a reset, and the RST of our own has left.
    assert_eq!(slot.outcome(), Some(Err(Error::TimedOut(Awaited::Peer))));
    assert_eq!(bare.now, Tick::from_millis(15_000));
    assert!(
        bare.sent()
            .iter()
            .any(|segment| segment.control == TcpControl::Rst)
    );
}

#[test]
fn a_queue_that_was_cleared_with_its_address_is_not_flushed() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let mut flush = None;
    let mut app = server(&[socket], |io, socket| {
        if flush.is_none() {
            assert_eq!(io.write(socket, b"the last word"), Ok(13));
        }
        let flush = flush.get_or_insert_with(|| Flush::new(io, socket, 1_000));
        let is_done = flush.is_done(io, socket)?;
        Ok(if is_done { Step::Done } else { Step::Wait })
    });
    let mut slot = Slot::new();
    bare.call(&mut [slot.seat(&mut app)], 64);
    assert_eq!(slot.outcome(), None);
    bare.iface.update_ip_addrs(|addresses| addresses.clear());
    bare.turn(&mut [slot.seat(&mut app)]);
    assert_eq!(slot.outcome(), Some(Err(Error::AddressLost)));
}

/// Reads until the end.
fn read_to_the_end(
    socket: SocketHandle,
) -> Puppet<impl FnMut(&mut Io<'_, '_>, &mut Option<Deadline>) -> Result<Step, Error>> {
    server(&[socket], |io, socket| {
        Ok(match io.read(socket, &mut [0; 64])? {
            Received::Data(_) => Step::Again,
            Received::Nothing => Step::Wait,
            Received::End => Step::Done,
        })
    })
}
