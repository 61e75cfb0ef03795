//! The echo server on a virtual Ethernet: what every server of one caller at a time owes its
//! callers.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

#[path = "../common/mod.rs"]
mod common;
mod idle;
mod many;

use std::cell::RefCell;
use std::rc::Rc;

use common::fixture::{BUFFER, Fixture, TaskId, endpoint, ms, secs};
use smoltcp::iface::SocketHandle;
use tickwire::{
    App, Deadline, Duration, Echo, Error, Event, Io, LINGER, Received, Step, Tick, TimeoutKind,
};
use tickwire_sim::ethernet::{Action, Link};
use tickwire_sim::{Act, Opening, ScriptError, fill_byte};

const CLIENT: usize = 0;
const SERVER: usize = 1;
const DIAL: fn() -> Opening = || Opening::Dial(endpoint(SERVER, 7));
/// How the caller's connection ended when the server reset it.
const RESET: Result<(), ScriptError> = Err(ScriptError::Connection(Error::Reset));

/// What the server told.
#[derive(Default)]
struct Told {
    /// Each end of a conversation, and when.
    ends: Vec<(Result<(), Error>, u64)>,
    /// When a caller would have been heard.
    listening: Vec<u64>,
}

/// The echo server of a test, on port 7 of host 1, with one socket.
struct Served {
    net: Fixture,
    echo: TaskId<Echo<1>>,
    told: Rc<RefCell<Told>>,
}

impl Served {
    fn new(once: bool) -> Self {
        let mut net = Fixture::guarded(3, 2);
        let handle = net.add_socket(SERVER, BUFFER);
        let echo = net.start(SERVER, Echo::<1>::echo([handle], 7, once));
        let told = Rc::<RefCell<Told>>::default();
        let notes = Rc::clone(&told);
        net.log.borrow_mut().words = Box::new(move |now, host, event| {
            let (mut notes, now) = (notes.borrow_mut(), now.as_millis());
            match event {
                _ if host != SERVER => {}
                Event::Disconnected { .. } => notes.ends.push((Ok(()), now)),
                Event::Failed { .. } => {
                    let error = event.error().expect("the error of the echo server");
                    notes.ends.push((Err(*error), now));
                }
                Event::Listening { .. } => notes.listening.push(now),
                _ => {}
            }
            common::log::words(event)
        });
        Self { net, echo, told }
    }

    /// Lets the caller and the server run until the caller has ended, but for at most an hour. The
    /// end of the caller.
    fn with<A>(&mut self, caller: A) -> (Result<(), A::Error>, A)
    where
        A: App + 'static,
        A::Error: Clone,
    {
        let caller = self.net.start(CLIENT, caller);
        let result = self.net.finish(caller, secs(3_600));
        (result, self.net.stop(caller))
    }

    /// Lets the server run alone.
    fn pass(&mut self, time: Duration) {
        let echo = self.echo;
        let until = self.net.now() + time;
        self.net.run_to(until, |net| net.outcome(echo).is_some());
    }

    fn call(&mut self, acts: &[Act<'static>]) -> Result<(), ScriptError> {
        let caller = self.net.script(CLIENT, DIAL(), acts);
        let result = self.net.finish(caller, secs(3_600));
        self.net.stop(caller);
        result
    }

    /// How the conversations ended so far.
    fn ends(&self) -> Vec<Result<(), Error>> {
        self.told.borrow().ends.iter().map(|end| end.0).collect()
    }

    /// How the only conversation ended, and when.
    fn end(&self) -> (Result<(), Error>, u64) {
        let told = self.told.borrow();
        let [end] = told.ends[..] else {
            panic!("one conversation has ended: {:?}", told.ends);
        };
        end
    }

    fn outcome(&self) -> Option<Result<(), Error>> {
        self.net.outcome(self.echo)
    }
}

/// Sends `count` bytes, closes, and compares what comes back until the end; or reads nothing and
/// goes away by RST.
struct Comparer {
    socket: SocketHandle,
    count: u64,
    reads: bool,
    patience: Duration,
    sent: u64,
    compared: u64,
    is_connected: bool,
    deadline: Option<Deadline>,
}

impl Comparer {
    fn new(socket: SocketHandle, count: u64) -> Self {
        Self {
            socket,
            count,
            reads: true,
            patience: secs(3_600),
            sent: 0,
            compared: 0,
            is_connected: false,
            deadline: None,
        }
    }
}

impl App for Comparer {
    type Error = Error;

    fn name(&self) -> &'static str {
        "comparer"
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, Error> {
        if self.deadline.is_none() {
            io.connect(self.socket, endpoint(1, 7))?;
            let patience = io.now + self.patience;
            self.deadline = Some(Deadline::new(patience, TimeoutKind::Total));
        }
        if !self.is_connected {
            self.is_connected = io.is_connected(self.socket)?;
            return Ok(if self.is_connected {
                Step::Again
            } else {
                Step::Wait
            });
        }
        let mut moved = 0;
        if self.sent < self.count {
            let rest: Vec<u8> = (self.sent..self.count).take(700).map(fill_byte).collect();
            moved = io.write(self.socket, &rest)?;
            self.sent += moved as u64;
            if self.sent == self.count {
                io.close(self.socket, LINGER);
            }
        }
        if !self.reads {
            return Ok(if moved > 0 { Step::Again } else { Step::Wait });
        }
        let compared = self.compared;
        let received = io.read_with(self.socket, |bytes| {
            let expected: Vec<u8> = (compared..).take(bytes.len()).map(fill_byte).collect();
            assert_eq!(bytes, expected, "at {compared}");
            (bytes.len(), bytes.len() as u64)
        })?;
        match received {
            Received::Data(count) => {
                self.compared += count;
                Ok(Step::Again)
            }
            Received::Nothing if moved > 0 => Ok(Step::Again),
            Received::Nothing => Ok(Step::Wait),
            Received::End => Ok(Step::Done),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    fn sockets(&self) -> &[SocketHandle] {
        core::slice::from_ref(&self.socket)
    }
}

const HELLO: [Act<'static>; 2] = [Act::Send(b"hello"), Act::Expect(b"hello")];

#[test]
fn a_server_on_port_0_fails_and_says_so() {
    let mut net = Fixture::guarded(3, 2);
    let handle = net.add_socket(SERVER, BUFFER);
    let echo = net.start(SERVER, Echo::<1>::echo([handle], 0, false));
    assert_eq!(net.finish(echo, secs(1)), Err(Error::Unaddressable));
    assert_eq!(net.told(SERVER), ["failed: Unaddressable"]);
}

#[test]
fn echo_sends_64_kib_back_byte_for_byte_over_good_and_bad_links() {
    let bad = Link {
        loss_ppm: 30_000,
        duplicate_ppm: 20_000,
        reorder_ppm: 30_000,
        delay_micros: 2_000,
        ..Link::PERFECT
    };
    for link in [Link::PERFECT, bad] {
        let mut served = Served::new(true);
        served.net.set_links(link);
        let handle = served.net.add_socket(CLIENT, BUFFER);
        // The caller closes before the most of its echo has come: the half that is open still
        // carries all of it.
        let (result, comparer) = served.with(Comparer::new(handle, 65_536));
        assert_eq!(result, Ok(()));
        assert_eq!(comparer.compared, 65_536);
        served.pass(secs(2));
        assert_eq!(served.outcome(), Some(Ok(())));
    }
}

#[test]
fn echo_hears_the_next_caller_within_a_second_whatever_the_last_one_did() {
    let goodbyes: [&[Act<'static>]; 4] = [
        &[Act::Close, Act::ExpectEnd],
        &[Act::Reset],
        &[Act::Send(b"unread"), Act::Reset],
        &[Act::Send(&[b'x'; 20_000]), Act::Close, Act::Reset],
    ];
    for goodbye in goodbyes {
        let mut served = Served::new(false);
        served.call(&[&HELLO[..], goodbye].concat()).unwrap();
        let gone = served.net.now().as_millis();
        served.pass(secs(1));
        assert_eq!(served.ends().len(), 1, "{goodbye:?}");
        let listening = served.told.borrow().listening.clone();
        assert!(
            listening.len() == 2 && listening[1] <= gone + 1_000,
            "{goodbye:?}"
        );
        assert_eq!(served.call(&HELLO), Ok(()), "{goodbye:?}");
        assert_eq!(served.outcome(), None);
    }
}

#[test]
fn echo_tells_an_orderly_end_from_a_reset() {
    let mut served = Served::new(false);
    served.call(&HELLO).unwrap();
    served.pass(secs(2));
    let reset = [&HELLO[..], &[Act::Wait(ms(50)), Act::Reset]].concat();
    served.call(&reset).unwrap();
    served.pass(secs(2));
    assert_eq!(served.ends(), [Ok(()), Err(Error::Reset)]);
}

/// How a second caller, a second after the first, and the first end, if the first stays for so
/// long. There is one socket.
fn call_a_busy_server(once: bool, stays: Duration) -> [Option<Result<(), ScriptError>>; 2] {
    let mut served = Served::new(once);
    let first = [HELLO[0], HELLO[1], Act::Wait(stays), HELLO[0], HELLO[1]];
    let first = served.net.script(CLIENT, DIAL(), &first);
    served.net.run_to(Tick::from_millis(1_000), |_| false);
    let second = served.net.script(CLIENT, DIAL(), &HELLO);
    served.net.run_to(Tick::from_millis(60_000), |_| false);
    [second, first].map(|caller| served.net.outcome(caller))
}

#[test]
fn echo_with_one_socket_lets_a_second_caller_wait_until_the_first_has_gone() {
    let ends = call_a_busy_server(false, secs(2));
    assert_eq!(ends, [Some(Ok(())), Some(Ok(()))]);
}

#[test]
fn a_caller_that_has_waited_for_ten_seconds_is_refused() {
    let refused = Err(ScriptError::Connection(Error::Refused));
    let ends = call_a_busy_server(false, secs(30));
    assert_eq!(ends, [Some(refused), Some(Ok(()))]);
}

#[test]
fn echo_once_refuses_a_second_caller_and_goes_on_with_the_first() {
    let refused = Err(ScriptError::Connection(Error::Refused));
    let ends = call_a_busy_server(true, secs(2));
    assert_eq!(ends, [Some(refused), Some(Ok(()))]);
}

/// A caller that sends for ever and never reads.
fn deaf(served: &mut Served, patience: Duration) -> Comparer {
    let handle = served.net.add_socket(CLIENT, BUFFER);
    let mut caller = Comparer::new(handle, u64::MAX);
    (caller.reads, caller.patience) = (false, patience);
    caller
}

#[test]
fn echo_stops_reading_a_caller_that_does_not_read_and_gives_it_up() {
    let mut served = Served::new(false);
    let caller = deaf(&mut served, secs(3_600));
    let (result, caller) = served.with(caller);
    assert_eq!(result, Err(Error::Reset));
    // Four buffers of 4 KiB lie between the caller and itself.
    assert!(caller.sent <= 4 * BUFFER as u64, "{}", caller.sent);
    let timeout = Error::TimedOut(TimeoutKind::Receive);
    assert_eq!(served.ends(), [Err(timeout)]);
}

#[test]
fn echo_notices_a_reset_even_when_its_send_buffer_is_full() {
    let mut served = Served::new(false);
    let caller = deaf(&mut served, secs(5));
    let (result, _) = served.with(caller);
    assert_eq!(result, Err(Error::TimedOut(TimeoutKind::Total)));
    served.pass(secs(1));
    let (result, at) = served.end();
    assert_eq!(result, Err(Error::Reset));
    assert!((5_000..5_100).contains(&at), "{at}");
}

#[test]
fn echo_with_once_ends_as_its_conversation_ends() {
    let mut served = Served::new(true);
    served.call(&HELLO).unwrap();
    served.pass(secs(2));
    assert_eq!(served.outcome(), Some(Ok(())));
    let mut served = Served::new(true);
    let reset = [HELLO[0], HELLO[1], Act::Wait(ms(50)), Act::Reset];
    served.call(&reset).unwrap();
    served.pass(secs(2));
    assert_eq!(served.outcome(), Some(Err(Error::Reset)));
}

#[test]
fn echo_does_not_wait_for_ever_for_the_end_of_a_handshake() {
    let mut served = Served::new(false);
    let ethernet = &served.net.world.ethernet;
    // ARP and the SYN pass; nothing that acknowledges does.
    let no_ack = |_, frame: &[u8]| {
        (frame[12..14] == [8, 0] && frame[47] & 0x10 != 0).then_some(Action::Drop)
    };
    ethernet.set_rule(CLIENT, Some(no_ack));
    let caller = served.net.script(CLIENT, DIAL(), &[Act::Wait(ms(1))]);
    served.net.run_to(Tick::from_millis(100), |_| false);
    served.net.stop(caller);
    let deadline = served.net.app(served.echo).deadline();
    let awaits = deadline.map(|deadline| deadline.awaits);
    assert_eq!(awaits, Some(TimeoutKind::Handshake));
    served.pass(secs(10));
    assert!(served.ends().is_empty(), "nobody was there to talk to");
    let listening = served.told.borrow().listening.clone();
    assert_eq!(listening.len(), 2);
    assert!((5_000..6_200).contains(&listening[1]), "{listening:?}");
    ethernet.set_rule(CLIENT, None);
    served.net.clear(CLIENT);
    assert_eq!(served.call(&HELLO), Ok(()));
}

#[test]
fn echo_notices_that_its_last_words_do_not_arrive() {
    let mut served = Served::new(false);
    let acts = [Act::Send(&[b'x'; 3_000]), Act::Close, Act::ExpectEnd];
    served.net.script(CLIENT, DIAL(), &acts);
    // The caller's words pass, but from its FIN on nothing of it.
    let until_fin = |_, frame: &[u8]| {
        static GONE: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
        use std::sync::atomic::Ordering::Relaxed;
        if GONE.load(Relaxed) {
            return Some(Action::Drop);
        }
        if frame[12..14] == [8, 0] && frame[47] & 1 != 0 {
            GONE.store(true, Relaxed);
        }
        None
    };
    let ethernet = &served.net.world.ethernet;
    ethernet.set_rule(CLIENT, Some(until_fin));
    served.net.run_to(Tick::from_millis(500), |_| false);
    served.pass(secs(120));
    assert_eq!(served.ends(), [Err(Error::TimedOut(TimeoutKind::Flush))]);
    assert_eq!(served.told.borrow().listening.len(), 2);
}
