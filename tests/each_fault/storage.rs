//! Every call to a store, a source or a sink fails.
//!
//! `tests/file/broken.rs` does it to the checked form, where the failure is told to the sender; here are the others.

use core::cell::Cell;
use std::rc::Rc;

use tickwire::chat::{Options, Peer};
use tickwire::{Error, Sink};
use tickwire_sim::{Act, Opening, Script};

use crate::book::{Book, UNREADABLE};
use crate::play::{Tray, getter, receiver, sender};
use crate::shelf::{Call, Shelf};
use crate::stage::{CLIENT, PORT, Player, SERVER, Setting, with_stage};

/// In which everything has ended and come to rest.
const TICKS_MAX: u64 = 20_000;
/// What a receiver reports of a store that failed.
const BROKEN_STORE: Error = Error::Sink { code: 28 };
/// What a sink that fails answers.
const FULL: Error = Error::Sink { code: 7 };

/// A tray that fails in one of its calls.
#[derive(Clone)]
struct Cracked {
    tray: Tray,
    calls: Rc<Cell<usize>>,
    fails_at: Option<usize>,
}

impl Sink for Cracked {
    fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        let call = self.calls.replace(self.calls.get() + 1);
        if self.fails_at == Some(call) {
            return Err(FULL);
        }
        self.tray.write(data)
    }
}

impl Cracked {
    fn new(fails_at: Option<usize>) -> Self {
        Self {
            tray: Tray::default(),
            calls: Rc::default(),
            fails_at,
        }
    }
}

/// How the sender and the receiver ended, with a store whose `call`-th call fails, and with `and_abandon` every attempt
/// to throw away, too. The next sender succeeds. Returns which calls there were.
fn send_into_failing_store(
    name: Option<&'static str>,
    call: Option<usize>,
    and_abandon: bool,
) -> (Result<(), Error>, Vec<Call>) {
    let (book, shelf) = (Book::new(2_000), Shelf::new());
    let what = format!("Receive, {name:?}, call {call:?} fails, abandon too: {and_abandon}");
    {
        let mut shared = shelf.get();
        shared.bite = Some(300);
        // The data is acknowledged before its fate is known.
        shared.waits = Some((Call::Commit, 20));
        shared.fails_at = call;
        shared.fails_always = and_abandon.then_some(Call::Abandon);
    }
    with_stage(Setting::Guarded, None, |stage| {
        let mut receive = receiver(stage, &shelf);
        let mut first = sender(stage, name, &book);
        stage.run(TICKS_MAX, &mut first, &mut receive);
        let outcome = first.outcome();
        let ends = stage.log().ends(SERVER);
        let expected = match outcome {
            Some(Ok(())) => Ok(()),
            _ => Err(BROKEN_STORE),
        };
        assert_eq!(ends, [expected], "{what}{}", stage.log());
        let calls = core::mem::take(&mut shelf.get().calls);
        shelf.get().fails_at = None;
        shelf.get().fails_always = None;
        if outcome != Some(Ok(())) {
            assert!(shelf.get().files.is_empty(), "{what}");
            let mut next = sender(stage, name, &book);
            stage.run(TICKS_MAX, &mut next, &mut receive);
            assert_eq!(next.outcome(), Some(Ok(())), "{what}, next{}", stage.log());
        }
        assert_eq!(shelf.file().bytes, book.bytes(), "{what}");
        assert_eq!(shelf.held(), None, "{what}");
        (outcome.expect(&what), calls)
    })
}

#[test]
fn a_store_that_fails_at_any_call_and_then_cannot_throw_away_costs_one_try() {
    for (name, refusal) in [
        (Some("name"), Error::ReceiverRefused(4)),
        // The plain form has no word for it.
        (None, Error::Reset),
    ] {
        for and_abandon in [false, true] {
            let (outcome, calls) = send_into_failing_store(name, None, and_abandon);
            assert_eq!(outcome, Ok(()));
            let kinds = [Call::Begin, Call::Write, Call::Commit];
            assert!(kinds.iter().all(|kind| calls.contains(kind)), "{calls:?}");
            for call in 0..calls.len() {
                let (outcome, _) = send_into_failing_store(name, Some(call), and_abandon);
                assert_eq!(
                    outcome,
                    Err(refusal),
                    "{name:?}, call {call}, {and_abandon}"
                );
            }
        }
    }
}

#[test]
fn a_file_whose_reading_fails_at_any_call_costs_the_sender_its_try_and_the_receiver_nothing() {
    for name in [Some("name"), None] {
        let whole = Book::new(2_000).bites(300);
        let count = send_failing_book(name, &whole).1;
        assert!((7..20).contains(&count), "{count} reads");
        for read in 0..count {
            let book = Book::new(2_000).bites(300).fails_at(read);
            let (outcome, _) = send_failing_book(name, &book);
            assert_eq!(
                outcome,
                Err(UNREADABLE),
                "Send, {name:?}, read {read} fails"
            );
        }
    }
}

/// Sends a file that may fail, and then a whole one. How the first ended, and how often it was read.
fn send_failing_book(name: Option<&'static str>, book: &Book) -> (Result<(), Error>, usize) {
    let (shelf, whole) = (Shelf::new(), Book::new(2_000));
    with_stage(Setting::Guarded, None, |stage| {
        let mut receive = receiver(stage, &shelf);
        let mut first = sender(stage, name, book);
        stage.run(TICKS_MAX, &mut first, &mut receive);
        let outcome = first.outcome().unwrap();
        if outcome.is_err() {
            assert!(shelf.get().files.is_empty(), "{}", stage.log());
            let mut next = sender(stage, name, &whole);
            stage.run(TICKS_MAX, &mut next, &mut receive);
            assert_eq!(next.outcome(), Some(Ok(())), "next{}", stage.log());
        }
        assert_eq!(shelf.file().bytes, whole.bytes(), "{}", stage.log());
        (outcome, book.reads())
    })
}

/// One GET into a sink that fails in a call. How it ended, what the sink has, and how often it was called.
fn get_into(fails_at: Option<usize>) -> (Result<(), Error>, Cracked) {
    let sink = Cracked::new(fails_at);
    let head = b"HTTP/1.0 200 OK\r\nContent-Length: 2000\r\n\r\n";
    let acts = [Act::Expect(b"\r\n\r\n"), Act::Send(head), Act::Fill(2_000)];
    let outcome = with_stage(Setting::Guarded, None, |stage| {
        let listen = Opening::Listen(PORT);
        let mut server = Player::new(Script::new(stage.socket(SERVER), listen, &acts));
        let mut get = getter(stage, sink.clone());
        stage.run(TICKS_MAX, &mut get, &mut server);
        assert_eq!(
            stage.open_socket(),
            None,
            "Get, call {fails_at:?}{}",
            stage.log()
        );
        get.outcome().expect("a GET ends by itself")
    });
    (outcome, sink)
}

#[test]
fn get_ends_with_the_error_of_its_sink_whichever_call_fails() {
    let (outcome, whole) = get_into(None);
    assert_eq!((outcome, whole.tray.0.borrow().len()), (Ok(()), 2_000));
    let count = whole.calls.get();
    assert!(count >= 2, "{count} calls");
    for call in 0..count {
        let (outcome, sink) = get_into(Some(call));
        assert_eq!(outcome, Err(FULL), "Get, call {call} fails");
        assert_eq!(
            sink.calls.get(),
            call + 1,
            "nothing is written behind a failure"
        );
        assert!(whole.tray.0.borrow().starts_with(&sink.tray.0.borrow()));
    }
}

/// A chat that hears two lines with a sink that fails in a call.
fn chat_into(fails_at: Option<usize>) -> (Option<Result<(), Error>>, Cracked) {
    let sink = Cracked::new(fails_at);
    let acts = [Act::Send(b"one\ntwo\nlast"), Act::Close, Act::ExpectEnd];
    let outcome = with_stage(Setting::Guarded, None, |stage| {
        let sockets = [stage.socket(SERVER), stage.socket(SERVER)];
        let (line, queue) = (stage.bytes(80), stage.bytes(80));
        let mut peer = Peer::new(sockets, line, queue, sink.clone(), Options::DEFAULT);
        peer.listen(PORT);
        let dial = Opening::Dial(stage.server());
        let mut caller = Player::new(Script::new(stage.socket(CLIENT), dial, &acts));
        let mut peer = Player::new(peer);
        stage.run(TICKS_MAX, &mut caller, &mut peer);
        assert_eq!(
            stage.open_socket(),
            None,
            "Chat, call {fails_at:?}{}",
            stage.log()
        );
        peer.outcome()
    });
    (outcome, sink)
}

#[test]
fn chat_ends_with_the_error_of_its_sink_whichever_call_fails() {
    let (outcome, whole) = chat_into(None);
    assert_eq!(outcome, None, "a listener goes on");
    assert_eq!(*whole.tray.0.borrow(), b"one\ntwo\nlast\n");
    for call in 0..whole.calls.get() {
        let (outcome, sink) = chat_into(Some(call));
        assert_eq!(outcome, Some(Err(FULL)), "Chat, call {call} fails");
        assert_eq!(
            sink.calls.get(),
            call + 1,
            "nothing is written behind a failure"
        );
        assert!(whole.tray.0.borrow().starts_with(&sink.tray.0.borrow()));
    }
}
