//! Servers of several callers.

use std::cell::Cell;
use std::rc::Rc;

use smoltcp::socket::tcp::{Socket, State};
use tickwire::{Connection, Error, Received, Server, ServerOptions, Session, Step};
use tickwire_sim::{Act, Generator, Opening};

use crate::common::fixture::{BUFFER, Fixture, endpoint, ms, secs};

/// Reads to the end of its caller, and counts begins less ends.
struct Counted {
    open: Rc<Cell<i32>>,
    /// Closes first, after the first bytes.
    is_brief: bool,
}

impl Counted {
    fn new(open: &Rc<Cell<i32>>, is_brief: bool) -> Self {
        let open = open.clone();
        Self { open, is_brief }
    }
}

impl Session for Counted {
    type Error = Error;

    fn name(&self) -> &'static str {
        "counted"
    }

    fn begin(&mut self, _: &mut Connection) -> Result<(), Error> {
        self.open.set(self.open.get() + 1);
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        match connection.read_with(|bytes| (bytes.len(), ()))? {
            Received::Data(()) if self.is_brief => Ok(Step::Done),
            Received::Data(()) => Ok(Step::Again),
            Received::Nothing => Ok(Step::Wait),
            Received::End => Ok(Step::Done),
        }
    }

    fn end(&mut self, _: &mut Connection, result: Result<(), Error>) -> Result<(), Error> {
        self.open.set(self.open.get() - 1);
        result
    }
}

#[test]
fn every_session_that_began_is_ended_when_a_server_of_one_conversation_ends() {
    let mut net = Fixture::guarded(1, 2);
    let open = Rc::new(Cell::new(0));
    let sockets = [(); 3].map(|()| net.add_socket(1, BUFFER));
    let sessions = [(); 3].map(|()| Counted::new(&open, false));
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
        [Counted::new(&open, false)],
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

/// Whether no socket listens before one that has a connection: there a late duplicate of a SYN would
/// make a second connection of the first.
fn is_in_order(net: &mut Fixture, count: usize) -> bool {
    let handles = net.hosts[0].handles[..count].to_vec();
    let states = handles
        .into_iter()
        .map(|handle| net.socket::<Socket<'_>>(0, handle).state());
    let is_listener = |state: &State| *state == State::Listen;
    let rest = states.skip_while(|state| !is_listener(state));
    !rest
        .into_iter()
        .any(|state| !matches!(state, State::Listen | State::Closed | State::TimeWait))
}

#[test]
fn callers_that_come_and_go_never_leave_a_listener_before_a_connection() {
    for seed in 0..20 {
        let mut net = Fixture::new(seed, 3);
        let mut random = Generator::new(seed);
        let sockets = [(); 3].map(|()| net.add_socket(0, 512));
        let open = Rc::new(Cell::new(0));
        let sessions = [(); 3].map(|()| Counted::new(&open, true));
        let options = ServerOptions::default();
        let server = net.start(0, Server::new(sockets, 7, sessions, options));
        for _ in 0..100 {
            let mut draw = |end: u64| random.u64() % end;
            let (host, pause) = (1 + draw(2) as usize, ms(draw(3)));
            let wait = Act::Wait(ms(draw(6)));
            let acts = match draw(4) {
                0 => vec![Act::Fill(draw(3_000)), wait, Act::Close, Act::ExpectEnd],
                1 => vec![Act::Fill(draw(3_000)), wait, Act::Reset],
                2 => vec![wait, Act::Close],
                _ => vec![Act::Close, wait],
            };
            if net.hosts[host].handles.len() == 12 {
                net.clear(host);
            }
            net.script(host, Opening::Dial(endpoint(0, 7)), &acts);
            let end = net.now() + pause;
            net.run_to(end, |net| {
                assert!(is_in_order(net, 3), "seed {seed}: {:?}", net.told(0));
                false
            });
        }
        net.run(secs(60));
        assert_eq!((net.outcome(server), open.get()), (None, 0));
        let count = |begins: &[&str]| {
            let told = net.told(0);
            let is_one = |line: &String| begins.iter().any(|begin| line.starts_with(begin));
            told.into_iter().filter(is_one).count()
        };
        assert_eq!(count(&["connected"]), count(&["disconnected", "failed"]));
    }
}

#[test]
fn a_caller_that_comes_right_after_another_stands_before_every_listener() {
    let mut net = Fixture::new(1, 3);
    let sockets = [(); 2].map(|()| net.add_socket(0, 512));
    let open = Rc::new(Cell::new(0));
    let sessions = [(); 2].map(|()| Counted::new(&open, true));
    net.start(
        0,
        Server::new(sockets, 7, sessions, ServerOptions::default()),
    );
    net.add_socket(1, BUFFER);
    net.add_socket(2, BUFFER);
    for host in [1, 2] {
        net.raw_connect(host, endpoint(0, 8), 5_000);
        net.run(ms(10));
    }
    net.raw_connect(1, endpoint(0, 7), 5_001);
    net.run(ms(10));
    net.raw(1).send_slice(b"x").unwrap();
    net.run(ms(10));
    assert_eq!(net.raw(0).state(), State::FinWait2);
    // The second calls right after the turn in which the first has closed.
    net.raw(1).close();
    net.run_until(ms(1), |net| net.raw(0).state() == State::TimeWait);
    net.hosts[0].is_paused = true;
    net.raw_connect(2, endpoint(0, 7), 5_002);
    net.run(ms(0));
    net.hosts[0].is_paused = false;
    let end = net.now() + ms(10);
    net.run_to(end, |net| {
        assert!(is_in_order(net, 2), "{:?}", net.told(0));
        false
    });
    assert_eq!(net.raw(0).remote_endpoint(), Some(endpoint(2, 5_002)));
}
