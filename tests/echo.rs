//! The echo server on a virtual Ethernet: what every server of one caller at a time owes its callers.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

use common::lab::{BUFFER, Lab, endpoint, socket};
use smoltcp::iface::SocketHandle;
use tickwire::{
    App, Awaited, Deadline, Echo, Error, Event, Io, Received, Slot, Step, TICKS_PER_SECOND, Tick,
};
use tickwire_sim::ethernet::{Action, Link};
use tickwire_sim::{Act, Opening, Script, fill_byte};

/// The echo server of a test, on port 7 of the lab's server, and what it told.
struct Served {
    lab: Lab,
    echo: Echo,
    slot: Slot,
    /// Each end of a conversation, and when.
    ends: Vec<(Result<(), Error>, u64)>,
    /// When a caller would have been heard.
    listening: Vec<u64>,
}

impl Served {
    fn new(once: bool) -> Self {
        let mut lab = Lab::new(3);
        let handle = socket(&mut lab.server, BUFFER);
        Self {
            lab,
            echo: Echo::new(handle, 7, once),
            slot: Slot::new(),
            ends: Vec::new(),
            listening: Vec::new(),
        }
    }

    /// Lets the caller and the server run until the caller has ended, but for at most an hour. The end of the caller.
    fn with(&mut self, caller: &mut dyn App) -> Result<(), Error> {
        let mut slot = Slot::new();
        let until = self.lab.world.now().after(3_600_000);
        while slot.outcome().is_none() && self.lab.world.now() < until {
            let next = self.lab.world.now().after(50);
            self.run(next, &mut [(&mut slot, caller)]);
        }
        slot.outcome().expect("the caller ends")
    }

    /// Lets the server run alone.
    fn pass(&mut self, ticks: u64) {
        let until = self.lab.world.now().after(ticks);
        while self.lab.world.now() < until && self.slot.outcome().is_none() {
            self.run(until, &mut []);
        }
    }

    fn run(&mut self, until: Tick, callers: &mut [(&mut Slot, &mut dyn App)]) {
        let (ends, listening) = (&mut self.ends, &mut self.listening);
        let mut note = |now: Tick, _: usize, event: &Event<'_>| match *event {
            Event::Disconnected { .. } => ends.push((Ok(()), now.as_millis())),
            Event::Failed { error, .. } => ends.push((Err(error), now.as_millis())),
            Event::Listening { .. } => listening.push(now.as_millis()),
            _ => {}
        };
        let mut seats = [self.slot.seat(&mut self.echo)];
        let mut calling: Vec<_> = callers
            .iter_mut()
            .map(|(slot, app)| slot.seat(&mut **app))
            .collect();
        let nodes = &mut [
            self.lab.client.with(&mut calling),
            self.lab.server.with(&mut seats),
        ];
        self.lab.world.run(until, nodes, &mut note);
    }

    fn caller<'a>(&mut self, acts: &'a [Act<'a>]) -> Script<'a> {
        let handle = socket(&mut self.lab.client, BUFFER);
        Script::new(handle, Opening::Dial(endpoint(1, 7)), acts)
    }

    fn call(&mut self, acts: &[Act<'_>]) -> Result<(), Error> {
        let mut caller = self.caller(acts);
        self.with(&mut caller)
    }
}

/// Sends `count` bytes, closes, and compares what comes back until the end; or reads nothing and goes away by RST.
struct Comparer {
    socket: SocketHandle,
    count: u64,
    reads: bool,
    patience_ticks: u64,
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
            patience_ticks: 3_600_000,
            sent: 0,
            compared: 0,
            is_connected: false,
            deadline: None,
        }
    }
}

impl App for Comparer {
    fn name(&self) -> &'static str {
        "comparer"
    }

    fn step(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        if self.deadline.is_none() {
            io.connect(self.socket, endpoint(1, 7))?;
            let patience = io.now.after(self.patience_ticks);
            self.deadline = Some(Deadline::new(patience, Awaited::Total));
        }
        if !self.is_connected {
            self.is_connected = io.connected(self.socket)?;
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
                io.close(self.socket);
            }
        }
        if !self.reads {
            return Ok(if moved > 0 { Step::Again } else { Step::Wait });
        }
        let mut buffer = [0; 500];
        match io.read(self.socket, &mut buffer)? {
            Received::Data(bytes) => {
                let expected: Vec<u8> =
                    (self.compared..).take(bytes.len()).map(fill_byte).collect();
                assert_eq!(bytes, expected, "at {}", self.compared);
                self.compared += bytes.len() as u64;
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
fn echo_sends_64_kib_back_byte_for_byte_over_good_and_bad_wires() {
    let bad = Link {
        loss_ppm: 30_000,
        duplicate_ppm: 20_000,
        reorder_ppm: 30_000,
        delay_micros: 2_000,
        ..Link::PERFECT
    };
    for link in [Link::PERFECT, bad] {
        let mut served = Served::new(true);
        served.lab.world.ethernet.set_link(0, link);
        served.lab.world.ethernet.set_link(1, link);
        let handle = socket(&mut served.lab.client, BUFFER);
        let mut comparer = Comparer::new(handle, 65_536);
        // The caller closes before the most of its echo has come: the half that is open still carries all of it.
        assert_eq!(served.with(&mut comparer), Ok(()));
        assert_eq!(comparer.compared, 65_536);
        served.pass(2_000);
        assert_eq!(served.slot.outcome(), Some(Ok(())));
    }
}

#[test]
fn echo_hears_the_next_caller_within_a_second_whatever_the_last_one_did() {
    let goodbyes: [&[Act<'_>]; 4] = [
        &[Act::Close, Act::ExpectEnd],
        &[Act::Reset],
        &[Act::Send(b"unread"), Act::Reset],
        &[Act::Send(&[b'x'; 20_000]), Act::Close, Act::Reset],
    ];
    for goodbye in goodbyes {
        let mut served = Served::new(false);
        served.call(&[&HELLO[..], goodbye].concat()).unwrap();
        let gone = served.lab.world.now().as_millis();
        served.pass(TICKS_PER_SECOND);
        assert_eq!(served.ends.len(), 1, "{goodbye:?}");
        assert!(
            served.listening.len() == 2 && served.listening[1] <= gone + TICKS_PER_SECOND,
            "{goodbye:?}"
        );
        assert_eq!(served.call(&HELLO), Ok(()), "{goodbye:?}");
        assert_eq!(served.slot.outcome(), None);
    }
}

#[test]
fn echo_tells_an_orderly_end_from_a_reset() {
    let mut served = Served::new(false);
    served.call(&HELLO).unwrap();
    served.pass(2_000);
    let reset = [&HELLO[..], &[Act::Wait(50), Act::Reset]].concat();
    served.call(&reset).unwrap();
    served.pass(2_000);
    let ends: Vec<_> = served.ends.iter().map(|end| end.0).collect();
    assert_eq!(ends, [Ok(()), Err(Error::Reset)]);
}

#[test]
fn echo_refuses_a_second_caller_and_goes_on_with_the_first() {
    let mut served = Served::new(false);
    let first = [HELLO[0], HELLO[1], Act::Wait(2_000), HELLO[0], HELLO[1]];
    let (mut first, mut second) = (served.caller(&first), served.caller(&HELLO));
    let (mut slot, mut second_slot) = (Slot::new(), Slot::new());
    served.run(Tick::from_millis(1_000), &mut [(&mut slot, &mut first)]);
    served.run(
        Tick::from_millis(10_000),
        &mut [(&mut slot, &mut first), (&mut second_slot, &mut second)],
    );
    assert_eq!(second_slot.outcome(), Some(Err(Error::Refused)));
    assert_eq!(slot.outcome(), Some(Ok(())));
}

#[test]
fn echo_gives_up_a_caller_that_says_nothing_for_a_minute() {
    let mut served = Served::new(false);
    // Five seconds between the words are no silence, however few they are.
    let chatty = Act::Drip(&[b'.'; 30], 5_000);
    let result = served.call(&[HELLO[0], HELLO[1], chatty, Act::Wait(120_000)]);
    assert_eq!(result, Err(Error::Reset));
    let [(result, at)] = served.ends[..] else {
        panic!("one conversation has ended: {:?}", served.ends);
    };
    assert_eq!(result, Err(Error::TimedOut(Awaited::Peer)));
    let last_word = 29 * 5_000;
    let minute = last_word + 60_000..last_word + 60_200;
    assert!(minute.contains(&at), "{at}");
}

/// A caller that sends for ever and never reads.
fn deaf(served: &mut Served, patience_ticks: u64) -> Comparer {
    let handle = socket(&mut served.lab.client, BUFFER);
    let mut caller = Comparer::new(handle, u64::MAX);
    (caller.reads, caller.patience_ticks) = (false, patience_ticks);
    caller
}

#[test]
fn echo_stops_reading_a_caller_that_does_not_read_and_gives_it_up() {
    let mut served = Served::new(false);
    let mut caller = deaf(&mut served, 3_600_000);
    assert_eq!(served.with(&mut caller), Err(Error::Reset));
    // Four buffers of 4 KiB lie between the caller and itself.
    assert!(caller.sent <= 4 * BUFFER as u64, "{}", caller.sent);
    let ends: Vec<_> = served.ends.iter().map(|end| end.0).collect();
    assert_eq!(ends, [Err(Error::TimedOut(Awaited::Peer))]);
}

#[test]
fn echo_notices_a_reset_even_when_its_send_buffer_is_full() {
    let mut served = Served::new(false);
    let mut caller = deaf(&mut served, 5_000);
    let result = served.with(&mut caller);
    assert_eq!(result, Err(Error::TimedOut(Awaited::Total)));
    served.pass(1_000);
    let [(result, at)] = served.ends[..] else {
        panic!("one conversation has ended: {:?}", served.ends);
    };
    assert_eq!(result, Err(Error::Reset));
    assert!((5_000..5_100).contains(&at), "{at}");
}

#[test]
fn echo_with_once_ends_as_its_conversation_ends() {
    let mut served = Served::new(true);
    served.call(&HELLO).unwrap();
    served.pass(2_000);
    assert_eq!(served.slot.outcome(), Some(Ok(())));
    let mut served = Served::new(true);
    let reset = [HELLO[0], HELLO[1], Act::Wait(50), Act::Reset];
    served.call(&reset).unwrap();
    served.pass(2_000);
    assert_eq!(served.slot.outcome(), Some(Err(Error::Reset)));
}

#[test]
fn echo_does_not_wait_for_ever_for_the_end_of_a_handshake() {
    let mut served = Served::new(false);
    // ARP and the SYN pass; nothing that acknowledges does.
    let no_ack = |_, frame: &[u8]| {
        (frame[12..14] == [8, 0] && frame[47] & 0x10 != 0).then_some(Action::Drop)
    };
    served.lab.world.ethernet.set_rule(0, Some(no_ack));
    let mut caller = served.caller(&[Act::Wait(1)]);
    let mut slot = Slot::new();
    served.run(Tick::from_millis(100), &mut [(&mut slot, &mut caller)]);
    let awaits = served.echo.deadline().map(|deadline| deadline.awaits);
    assert_eq!(awaits, Some(Awaited::Handshake));
    served.pass(10_000);
    assert!(served.ends.is_empty(), "nobody was there to talk to");
    assert_eq!(served.listening.len(), 2);
    assert!(
        (5_000..6_200).contains(&served.listening[1]),
        "{:?}",
        served.listening
    );
    served.lab.world.ethernet.set_rule(0, None);
    served
        .lab
        .client
        .sockets
        .remove(*caller.sockets().first().unwrap());
    assert_eq!(served.call(&HELLO), Ok(()));
}

#[test]
fn echo_notices_that_its_last_words_do_not_arrive() {
    let mut served = Served::new(false);
    let mut caller = served.caller(&[Act::Send(&[b'x'; 3_000]), Act::Close, Act::ExpectEnd]);
    let mut slot = Slot::new();
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
    served.lab.world.ethernet.set_rule(0, Some(until_fin));
    served.run(Tick::from_millis(500), &mut [(&mut slot, &mut caller)]);
    served.pass(120_000);
    let ends: Vec<_> = served.ends.iter().map(|end| end.0).collect();
    assert_eq!(ends, [Err(Error::TimedOut(Awaited::Flush))]);
    assert_eq!(served.listening.len(), 2);
}
