//! Servers of several callers.

use std::cell::Cell;
use std::rc::Rc;

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
