//! Sockets change state in egress too, and their apps must not sleep through it.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::State;
use smoltcp::time::Duration;
use smoltcp::wire::TcpControl;
use tickwire::{
    Connection, Deadline, Error, Io, LINGER, Received, Server, ServerOptions, Session, Step, Task,
    Tick, TimeoutKind,
};

use crate::bare::{Bare, server};
use crate::common::mock_app::MockApp;
use crate::frames::{ACK, HOST_PORT, Segment};

#[test]
fn an_app_sees_in_the_same_turn_that_its_rst_has_left() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let app = server(&[socket], |io, socket| {
        if io.is_free(socket) {
            return Ok(Step::Done);
        }
        io.drop_connection(socket);
        assert!(!io.is_free(socket), "the RST has still to leave");
        Ok(Step::Wait)
    });
    let mut task = Task::new(app);
    bare.call(&mut [&mut task], 64);
    assert_eq!(task.outcome().copied(), Some(Ok(())));
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
    let app = server(&[socket], |io, socket| {
        match io.tcp(socket).0.state() {
            State::Closed => return Ok(Step::Done),
            State::Established => assert_eq!(io.close(socket, LINGER).awaits, TimeoutKind::Close),
            _ => {}
        }
        Ok(Step::Wait)
    });
    let mut task = Task::new(app);
    bare.call(&mut [&mut task], 64);
    bare.hear(Segment {
        ack: 1,
        control: TcpControl::Fin,
        ..ACK
    });
    let wake = bare.sleep(&mut [&mut task]);
    assert_eq!(bare.tcp(socket).state(), State::TimeWait);
    // smoltcp's own timer, long before the app's.
    assert_eq!(wake, Some(Tick::from_millis(10_000)));
    assert_eq!(bare.turn(&mut [&mut task]), None);
    assert_eq!(task.outcome().copied(), Some(Ok(())));
}

#[test]
fn an_app_sees_in_the_same_turn_that_its_address_was_lost() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let app = read_to_the_end(socket);
    let mut task = Task::new(app);
    bare.call(&mut [&mut task], 64);
    bare.stack
        .iface
        .update_ip_addrs(|addresses| addresses.clear());
    bare.turn(&mut [&mut task]);
    assert_eq!(task.outcome().copied(), Some(Err(Error::AddressLost)));
}

#[test]
fn an_app_sees_in_the_same_turn_that_smoltcp_gave_the_peer_up() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let app = read_to_the_end(socket);
    let mut task = Task::new(app);
    bare.call(&mut [&mut task], 64);
    bare.tcp(socket)
        .set_timeout(Some(Duration::from_millis(15_000)));
    bare.tcp(socket).send_slice(b"anybody there?").unwrap();
    while task.outcome().copied().is_none() {
        bare.sleep(&mut [&mut task]);
    }
    // It is told from a reset, and the RST of our own has left.
    assert_eq!(
        task.outcome().copied(),
        Some(Err(Error::TimedOut(TimeoutKind::Peer)))
    );
    assert_eq!(bare.now, Tick::from_millis(15_000));
    assert!(
        bare.sent()
            .iter()
            .any(|segment| segment.control == TcpControl::Rst)
    );
}

/// Says a last word, which must be acknowledged before the end.
struct LastWord;

impl Session for LastWord {
    type Error = Error;

    fn name(&self) -> &'static str {
        "last word"
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), Error> {
        assert!(connection.write_all(b"the last word")?);
        Ok(())
    }

    fn step(&mut self, _connection: &mut Connection) -> Result<Step, Error> {
        Ok(Step::Done)
    }
}

#[test]
fn a_queue_that_was_cleared_with_its_address_is_not_flushed() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let options = ServerOptions {
        once: true,
        ..ServerOptions::default()
    };
    let mut task = Task::new(Server::new([socket], HOST_PORT, [LastWord], options));
    bare.call(&mut [&mut task], 64);
    assert_eq!(task.outcome(), None);
    bare.stack
        .iface
        .update_ip_addrs(|addresses| addresses.clear());
    bare.turn(&mut [&mut task]);
    assert_eq!(task.outcome(), Some(&Err(Error::AddressLost)));
}

/// Reads until the end.
fn read_to_the_end(
    socket: SocketHandle,
) -> MockApp<impl FnMut(&mut Io, &mut Option<Deadline>) -> Result<Step, Error>> {
    server(&[socket], |io, socket| {
        let received = io.read_with(socket, |bytes| (bytes.len(), ()))?;
        Ok(match received {
            Received::Data(()) => Step::Again,
            Received::Nothing => Step::Wait,
            Received::End => Step::Done,
        })
    })
}
