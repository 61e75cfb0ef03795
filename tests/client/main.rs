//! The client of any session: when it tries again, and for how long it does anything.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

#[path = "../common/mod.rs"]
mod common;

use common::fixture::{BUFFER, Fixture, TaskId, endpoint, ms, secs};
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::wire::{IpAddress, IpEndpoint};
use tickwire::{
    Backoff, Client, ClientOptions, Connection, Duration, Error, Received, Retry, Session, Step,
    Tick, TimeoutKind,
};
use tickwire_sim::{Act, Opening};

const CLIENT: usize = 0;
const SERVER: usize = 1;

/// Says hello, and is done when it has heard hello.
#[derive(Default)]
struct Hello {
    is_said: bool,
    heard: Vec<u8>,
    /// Each `begin` and `end`.
    begun: u32,
    ended: u32,
}

impl Session for Hello {
    type Error = Error;

    fn name(&self) -> &'static str {
        "hello"
    }

    fn begin(&mut self, _: &mut Connection) -> Result<(), Error> {
        assert_eq!(self.begun, self.ended);
        self.begun += 1;
        self.is_said = false;
        self.heard.clear();
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        if !self.is_said {
            self.is_said = connection.write_all(b"hello")?;
        }
        let mut buffer = [0; 16];
        match connection.read(&mut buffer)? {
            Received::Data(bytes) => self.heard.extend_from_slice(bytes),
            Received::Nothing => return Ok(Step::Wait),
            Received::End => return Err(Error::Reset),
        }
        Ok(if self.heard == b"hello" {
            Step::Done
        } else {
            Step::Again
        })
    }

    fn end(&mut self, _: &mut Connection, result: Result<(), Error>) -> Result<(), Error> {
        self.ended += 1;
        result
    }
}

const SERVE: [Act<'static>; 3] = [Act::Expect(b"hello"), Act::Send(b"hello"), Act::ExpectEnd];

/// Delays of 1, 2, 4 and 8 seconds, then 10.
fn backoff() -> Backoff {
    Backoff::new(secs(1), secs(10)).without_jitter()
}

fn start<R: Retry + 'static>(
    net: &mut Fixture,
    remote: IpEndpoint,
    options: ClientOptions,
    retry: R,
) -> TaskId<Client<Hello, R>> {
    let socket = net.add_socket(CLIENT, BUFFER);
    let client = Client::with_retry(socket, remote, Hello::default(), options, retry);
    net.start(CLIENT, client)
}

/// The delays that the client told, in milliseconds.
fn delays(net: &Fixture) -> Vec<u64> {
    let told = net.told(CLIENT);
    let delays = told
        .iter()
        .filter_map(|line| line.strip_prefix("retrying in "));
    delays.map(|delay| delay.parse().unwrap()).collect()
}

#[test]
fn a_client_that_was_refused_tries_again_and_is_served() {
    let mut net = Fixture::guarded(1, 2);
    let remote = endpoint(SERVER, 7);
    let client = start(&mut net, remote, ClientOptions::default(), backoff());
    net.run(ms(6_500));
    // Refused at 0, 1, 3 seconds; the next attempt is at 7.
    net.script(SERVER, Opening::Listen(7), &SERVE);
    assert_eq!(net.finish(client, secs(60)), Ok(()));
    assert_eq!(net.now(), Tick::from_millis(7_000));
    let told = [
        "connecting 10.0.0.2:7",
        "failed with 10.0.0.2: Refused",
        "retrying in 1000",
        "connecting 10.0.0.2:7",
        "failed with 10.0.0.2: Refused",
        "retrying in 2000",
        "connecting 10.0.0.2:7",
        "failed with 10.0.0.2: Refused",
        "retrying in 4000",
        "connecting 10.0.0.2:7",
        "connected as Client",
        "disconnected",
    ];
    assert_eq!(net.told(CLIENT), told);
    let session = net.app(client).session();
    assert_eq!((session.begun, session.ended), (1, 1));
}

#[test]
fn the_delays_grow_to_their_maximum_and_begin_anew_after_a_connection() {
    let mut net = Fixture::guarded(1, 2);
    let remote = endpoint(SERVER, 7);
    start(&mut net, remote, ClientOptions::default(), backoff());
    net.run(secs(40));
    let expected = [1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000];
    assert_eq!(delays(&net), expected);
    net.forget_told(CLIENT);
    let hang_up = [Act::Expect(b"hello"), Act::Reset];
    net.script(SERVER, Opening::Listen(7), &hang_up);
    net.run(secs(10));
    assert_eq!(delays(&net), [1_000, 2_000, 4_000]);
}

#[test]
fn jitter_shortens_a_delay_by_up_to_a_quarter() {
    let mut net = Fixture::guarded(1, 2);
    let retry = Backoff::new(secs(8), secs(8));
    start(
        &mut net,
        endpoint(SERVER, 7),
        ClientOptions::default(),
        retry,
    );
    net.run(secs(600));
    let mut delays = delays(&net);
    assert!(delays.len() >= 75, "{delays:?}");
    assert!(delays.iter().all(|delay| (6_000..=8_000).contains(delay)));
    delays.sort_unstable();
    delays.dedup();
    assert!(delays.len() > 50, "{delays:?}");
}

#[test]
fn a_backoff_of_no_time_at_all_is_one_of_a_millisecond() {
    let mut net = Fixture::guarded(1, 2);
    let retry = Backoff::new(Duration::ZERO, Duration::ZERO);
    let no_route = IpEndpoint::new(IpAddress::v4(10, 9, 0, 1), 7);
    start(&mut net, no_route, ClientOptions::default(), retry);
    net.run(ms(10));
    assert_eq!(delays(&net), [1; 11]);
}

#[test]
fn a_client_without_retries_makes_one_attempt() {
    let mut net = Fixture::guarded(1, 2);
    let socket = net.add_socket(CLIENT, BUFFER);
    let remote = endpoint(SERVER, 7);
    let client = Client::new(socket, remote, Hello::default(), ClientOptions::default());
    let client = net.start(CLIENT, client);
    assert_eq!(net.finish(client, secs(1)), Err(Error::Refused));
    let told = ["connecting 10.0.0.2:7", "failed with 10.0.0.2: Refused"];
    assert_eq!(net.told(CLIENT), told);
}

#[test]
fn an_address_that_can_never_be_a_peer_is_not_tried_again() {
    for remote in [endpoint(SERVER, 0), endpoint(CLIENT, 7)] {
        let mut net = Fixture::guarded(1, 2);
        let client = start(&mut net, remote, ClientOptions::default(), backoff());
        assert_eq!(net.finish(client, secs(1)), Err(Error::Unaddressable));
        assert!(delays(&net).is_empty(), "{remote}");
    }
}

#[test]
fn an_address_without_a_route_is_tried_again_for_a_route_may_come() {
    let mut net = Fixture::guarded(1, 2);
    let remote = IpEndpoint::new(IpAddress::v4(10, 9, 0, 1), 7);
    let client = start(&mut net, remote, ClientOptions::default(), backoff());
    net.run(secs(10));
    assert_eq!(net.outcome(client), None);
    assert_eq!(delays(&net), [1_000, 2_000, 4_000, 8_000]);
}

#[test]
fn a_session_can_say_that_another_attempt_is_of_no_use() {
    struct Final(Hello);
    impl Session for Final {
        type Error = Error;
        fn name(&self) -> &'static str {
            "final"
        }
        fn begin(&mut self, connection: &mut Connection) -> Result<(), Error> {
            self.0.begin(connection)
        }
        fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
            self.0.step(connection)
        }
        fn is_retryable(&self, error: &Error) -> bool {
            *error != Error::Reset
        }
    }
    let mut net = Fixture::guarded(1, 2);
    let socket = net.add_socket(CLIENT, BUFFER);
    let session = Final(Hello::default());
    let options = ClientOptions::default();
    let remote = endpoint(SERVER, 7);
    let client = Client::with_retry(socket, remote, session, options, backoff());
    let client = net.start(CLIENT, client);
    net.run(ms(500));
    net.script(
        SERVER,
        Opening::Listen(7),
        &[Act::Expect(b"hello"), Act::Reset],
    );
    assert_eq!(net.finish(client, secs(60)), Err(Error::Reset));
    assert_eq!(delays(&net), [1_000]);
}

#[test]
fn a_session_that_has_said_everything_hears_the_rest() {
    #[derive(Default)]
    struct Query {
        is_said: bool,
        answer: Vec<u8>,
    }
    impl Session for Query {
        type Error = Error;
        fn name(&self) -> &'static str {
            "query"
        }
        fn begin(&mut self, _: &mut Connection) -> Result<(), Error> {
            Ok(())
        }
        fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
            if !self.is_said {
                self.is_said = connection.write_all(b"hello")?;
                connection.close_write();
                assert_eq!(connection.write(b"more"), Err(Error::Reset));
            }
            let mut buffer = [0; 4];
            match connection.read(&mut buffer)? {
                Received::Data(bytes) => self.answer.extend_from_slice(bytes),
                Received::Nothing => return Ok(Step::Wait),
                Received::End => return Ok(Step::Done),
            }
            Ok(Step::Again)
        }
    }
    let mut net = Fixture::guarded(1, 2);
    let acts = [
        Act::Expect(b"hello"),
        Act::ExpectEnd,
        Act::Wait(secs(2)),
        Act::Send(b"an answer"),
        Act::Close,
    ];
    let server = net.script(SERVER, Opening::Listen(7), &acts);
    let socket = net.add_socket(CLIENT, BUFFER);
    let options = ClientOptions::default();
    let client = Client::new(socket, endpoint(SERVER, 7), Query::default(), options);
    let client = net.start(CLIENT, client);
    assert_eq!(net.finish(client, secs(60)), Ok(()));
    assert_eq!(net.app(client).session().answer, b"an answer");
    assert_eq!(net.finish(server, secs(60)), Ok(()));
}

#[test]
fn the_total_timeout_ends_the_retries_in_any_state() {
    let options = ClientOptions {
        total_timeout: Some(secs(20)),
        ..ClientOptions::default()
    };
    let total = Err(Error::TimedOut(TimeoutKind::Total));
    // Nobody listens: it ends in a pause. Nobody answers: in an attempt. The server says nothing:
    // in a conversation.
    let silent = [Act::Expect(b"hello"), Act::Wait(secs(60))];
    for (remote, acts) in [
        (endpoint(SERVER, 7), None),
        (endpoint(77, 7), None),
        (endpoint(SERVER, 7), Some(&silent)),
    ] {
        let mut net = Fixture::guarded(1, 2);
        if let Some(acts) = acts {
            net.script(SERVER, Opening::Listen(7), acts);
        }
        let options = ClientOptions {
            idle_timeout: Some(secs(30)),
            ..options
        };
        let client = start(&mut net, remote, options, backoff());
        assert_eq!(net.finish(client, secs(60)), total, "{remote}");
        assert_eq!(net.now(), Tick::from_millis(20_000), "{remote}");
        assert!(net.last_told(CLIENT).ends_with("TimedOut(Total)"));
        let session = net.app(client).session();
        assert_eq!(session.begun, session.ended);
    }
}

/// When a client ends whose peer acknowledges its FIN and never sends its own.
fn end_with_linger(linger: Duration) -> Tick {
    let mut net = Fixture::guarded(1, 2);
    let acts = [
        Act::Expect(b"hello"),
        Act::Send(b"hello"),
        Act::Wait(secs(600)),
    ];
    net.script(SERVER, Opening::Listen(7), &acts);
    let options = ClientOptions {
        linger,
        ..ClientOptions::default()
    };
    let client = start(&mut net, endpoint(SERVER, 7), options, backoff());
    assert_eq!(net.finish(client, secs(60)), Ok(()));
    let handle = net.hosts[CLIENT].handles[0];
    let socket: &mut Socket<'_> = net.socket(CLIENT, handle);
    assert_eq!(socket.state(), State::Closed);
    net.now()
}

#[test]
fn how_long_a_client_lingers_is_its_caller_s_choice() {
    for linger in [ms(0), ms(200), secs(1), secs(30)] {
        let at = end_with_linger(linger).as_millis();
        let least = linger.as_millis();
        assert!((least..least + 30).contains(&at), "{linger}: {at}");
    }
}

#[test]
fn the_delay_grows_until_a_connection_is_of_use() {
    /// Wants to hear hello from one server after another.
    struct Listener(Hello);
    impl Session for Listener {
        type Error = Error;
        fn name(&self) -> &'static str {
            "listener"
        }
        fn begin(&mut self, connection: &mut Connection) -> Result<(), Error> {
            self.0.begin(connection)
        }
        fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
            match self.0.step(connection) {
                Err(Error::Reset) => Ok(Step::Done),
                step => step,
            }
        }
        fn wants_another(&self) -> bool {
            true
        }
        fn has_progressed(&self) -> bool {
            !self.0.heard.is_empty()
        }
        fn end(
            &mut self,
            connection: &mut Connection,
            result: Result<(), Error>,
        ) -> Result<(), Error> {
            self.0.end(connection, result)
        }
    }
    let mut net = Fixture::guarded(1, 2);
    let socket = net.add_socket(CLIENT, BUFFER);
    let session = Listener(Hello::default());
    let remote = endpoint(SERVER, 7);
    let client = Client::with_retry(socket, remote, session, ClientOptions::default(), backoff());
    let client = net.start(CLIENT, client);
    let accept = [Act::Expect(b"hello"), Act::Close, Act::ExpectEnd];
    for acts in [&accept[..], &accept, &accept, &SERVE, &accept] {
        let server = net.script(SERVER, Opening::Listen(7), acts);
        let _ = net.finish(server, secs(60));
        net.clear(SERVER);
    }
    net.run(ms(100));
    assert_eq!(net.outcome(client), None);
    assert_eq!(delays(&net), [1_000, 2_000, 4_000, 1_000, 2_000]);
}
