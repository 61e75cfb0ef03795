//! Servers of several callers.

use std::cell::Cell;
use std::rc::Rc;

use smoltcp::socket::tcp::State;
use tickwire::{Connection, Error, Received, Server, ServerOptions, Session, Step};
use tickwire_sim::{Act, Opening};

use crate::common::fixture::{BUFFER, Fixture, endpoint, ms, secs};

/// Reads to the end of its caller, and counts begins less ends.
struct Counted(Rc<Cell<i32>>);

impl Session for Counted {
    type Error = Error;

    fn name(&self) -> &'static str {
        "counted"
    }

    fn begin(&mut self, _: &mut Connection) -> Result<(), Error> {
        self.0.set(self.0.get() + 1);
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        match connection.read_with(|bytes| (bytes.len(), ()))? {
            Received::Data(()) => Ok(Step::Again),
            Received::Nothing => Ok(Step::Wait),
            Received::End => Ok(Step::Done),
        }
    }

    fn end(&mut self, _: &mut Connection, result: Result<(), Error>) -> Result<(), Error> {
        self.0.set(self.0.get() - 1);
        result
    }
}

#[test]
fn every_session_that_began_is_ended_when_a_server_of_one_conversation_ends() {
    let mut net = Fixture::guarded(1, 2);
    let open = Rc::new(Cell::new(0));
    let sockets = [(); 3].map(|()| net.add_socket(1, BUFFER));
    let sessions = [(); 3].map(|()| Counted(open.clone()));
    let options = ServerOptions {
        once: true,
        ..ServerOptions::default()
    };
    let server = net.start(1, Server::new(sockets, 7, sessions, options));
    let dial = Opening::Dial(endpoint(1, 7));
    net.script(0, dial, &[Act::Wait(ms(500)), Act::Close, Act::ExpectEnd]);
    net.script(0, dial, &[Act::Wait(secs(5))]);
    net.run(ms(200));
    assert_eq!(open.get(), 2);
    assert_eq!(net.finish(server, secs(2)), Ok(()));
    assert_eq!(open.get(), 0);
}

#[test]
fn a_caller_that_takes_the_place_of_another_has_its_own_time_for_the_handshake() {
    let mut net = Fixture::new(1, 3);
    let socket = net.add_socket(0, BUFFER);
    net.add_socket(1, BUFFER);
    net.add_socket(2, BUFFER);
    let open = Rc::new(Cell::new(0));
    let server = Server::new(
        [socket],
        7,
        [Counted(open.clone())],
        ServerOptions::default(),
    );
    net.start(0, server);
    net.run(ms(10));
    // Both learn the server's hardware address, and then do not hear it any more.
    for host in [1, 2] {
        net.raw_connect(host, endpoint(0, 8), 5_000);
        net.run(ms(10));
        assert_eq!(net.raw(host).state(), State::Closed);
        net.ethernet().sever(0, host);
    }
    net.raw_connect(1, endpoint(0, 7), 5_001);
    net.run(ms(4_500));
    assert_eq!(net.raw(0).state(), State::SynReceived);
    // It gives up, and host 2 calls, in the same batch.
    net.hosts[0].is_paused = true;
    net.raw(1).abort();
    net.run(ms(0));
    net.raw_connect(2, endpoint(0, 7), 5_002);
    net.run(ms(100));
    net.hosts[0].is_paused = false;
    net.run(ms(10));
    assert_eq!(net.raw(0).remote_endpoint(), Some(endpoint(2, 5_002)));
    net.run(ms(2_000));
    // Nobody was reset, for then the server would have begun to listen again.
    let told = net.told(0);
    let listening = told.iter().filter(|line| line.starts_with("listening"));
    assert_eq!(listening.count(), 1, "{told:?}");
}
