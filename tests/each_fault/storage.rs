//! Every call to a store, a source or a sink fails.
//!
//! `tests/file/broken.rs` does it to the checked form, where the failure is told to the sender.
//! Here are the others.

use core::cell::Cell;
use std::rc::Rc;

use tickwire::chat::{Chat, ChatError, Options};
use tickwire::file::{ReceiveError, SendError};
use tickwire::http::GetError;
use tickwire::{Duration, Error, Sink, SinkError};
use tickwire_sim::{Act, SimError};

use crate::common::faulty_store::{Call, FaultyStore};
use crate::common::fixture::secs;
use crate::common::mem_source::{MemSource, UNREADABLE};
use crate::context::{AppSlot, PORT, SERVER, Setting, with_context};
use crate::scenarios::{SharedSink, getter, receiver, sender};

/// In which everything has ended and come to rest.
const TIME_MAX: Duration = secs(20);
/// What a receiver reports of a store that failed.
const BROKEN_STORE: ReceiveError = ReceiveError::Store { code: 28 };
/// What a sink that fails answers.
const FULL: SinkError = SinkError::Failed { code: 7 };

/// A sink that fails in one of its calls.
#[derive(Clone)]
struct FailingSink {
    inner: SharedSink,
    calls: Rc<Cell<usize>>,
    fails_at: Option<usize>,
}

impl Sink for FailingSink {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        let call = self.calls.replace(self.calls.get() + 1);
        if self.fails_at == Some(call) {
            return Err(FULL);
        }
        self.inner.write(data)
    }
}

impl FailingSink {
    fn new(fails_at: Option<usize>) -> Self {
        Self {
            inner: SharedSink::default(),
            calls: Rc::default(),
            fails_at,
        }
    }
}

/// How the sender and the receiver ended, with a store whose `call`-th call fails, and with
/// `and_abandon` every attempt to throw away, too. The next sender succeeds. Returns which calls
/// there were.
fn send_into_failing_store(
    name: Option<&'static str>,
    call: Option<usize>,
    and_abandon: bool,
) -> (Result<(), SimError>, Vec<Call>) {
    let (source, store) = (MemSource::new(2_000), FaultyStore::new());
    let what = format!("FileReceiver, {name:?}, call {call:?} fails, abandon too: {and_abandon}");
    {
        let mut medium = store.get();
        medium.write_max = Some(300);
        // The data is acknowledged before its fate is known.
        medium.waits = Some((Call::Commit, 20));
        medium.fails_at = call;
        medium.fails_always = and_abandon.then_some(Call::Abandon);
    }
    with_context(Setting::Guarded, None, |context| {
        let mut receive = receiver(context, &store);
        let mut first = sender(context, name, &source);
        context.run(TIME_MAX, &mut first, &mut receive);
        let outcome = first.outcome();
        let ends = context.log().ends(SERVER);
        let expected = match outcome {
            Some(Ok(())) => Ok(()),
            _ => Err(BROKEN_STORE.into()),
        };
        assert_eq!(ends, [expected], "{what}{}", context.log());
        let calls = core::mem::take(&mut store.get().calls);
        store.get().fails_at = None;
        store.get().fails_always = None;
        if outcome != Some(Ok(())) {
            assert!(store.get().files.is_empty(), "{what}");
            let mut next = sender(context, name, &source);
            context.run(TIME_MAX, &mut next, &mut receive);
            assert_eq!(
                next.outcome(),
                Some(Ok(())),
                "{what}, next{}",
                context.log()
            );
        }
        assert_eq!(store.file().bytes, source.bytes(), "{what}");
        assert_eq!(store.held(), None, "{what}");
        (outcome.expect(&what), calls)
    })
}

#[test]
fn a_store_that_fails_at_any_call_and_then_cannot_throw_away_costs_one_try() {
    for (name, refusal) in [
        (Some("name"), SimError::from(SendError::Refused(4))),
        // The plain form has no word for it.
        (None, Error::Reset.into()),
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
        let whole = MemSource::new(2_000).with_read_max(300);
        let count = send_failing_source(name, &whole).1;
        assert!((7..20).contains(&count), "{count} reads");
        for read in 0..count {
            let source = MemSource::new(2_000).with_read_max(300).fails_at(read);
            let (outcome, _) = send_failing_source(name, &source);
            assert_eq!(
                outcome,
                Err(UNREADABLE.into()),
                "FileSender, {name:?}, read {read} fails"
            );
        }
    }
}

/// Sends a file that may fail, and then a whole one. How the first ended, and how often it was
/// read.
fn send_failing_source(
    name: Option<&'static str>,
    source: &MemSource,
) -> (Result<(), SimError>, usize) {
    let (store, whole) = (FaultyStore::new(), MemSource::new(2_000));
    with_context(Setting::Guarded, None, |context| {
        let mut receive = receiver(context, &store);
        let mut first = sender(context, name, source);
        context.run(TIME_MAX, &mut first, &mut receive);
        let outcome = first.outcome().unwrap();
        if outcome.is_err() {
            assert!(store.get().files.is_empty(), "{}", context.log());
            let mut next = sender(context, name, &whole);
            context.run(TIME_MAX, &mut next, &mut receive);
            assert_eq!(next.outcome(), Some(Ok(())), "next{}", context.log());
        }
        assert_eq!(store.file().bytes, whole.bytes(), "{}", context.log());
        (outcome, source.reads())
    })
}

/// One GET into a sink that fails in a call. How it ended, what the sink has, and how often it was
/// called.
fn get_into(fails_at: Option<usize>) -> (Result<(), SimError>, FailingSink) {
    let sink = FailingSink::new(fails_at);
    let head = b"HTTP/1.0 200 OK\r\nContent-Length: 2000\r\n\r\n";
    let acts = [Act::Expect(b"\r\n\r\n"), Act::Send(head), Act::Fill(2_000)];
    let outcome = with_context(Setting::Guarded, None, |context| {
        let mut server = context.scripted_server(&acts);
        let mut get = getter(context, sink.clone());
        context.run(TIME_MAX, &mut get, &mut server);
        assert_eq!(
            context.open_socket(),
            None,
            "Get, call {fails_at:?}{}",
            context.log()
        );
        get.outcome().expect("a GET ends by itself")
    });
    (outcome, sink)
}

#[test]
fn get_ends_with_the_error_of_its_sink_whichever_call_fails() {
    let (outcome, whole) = get_into(None);
    assert_eq!((outcome, whole.inner.0.borrow().len()), (Ok(()), 2_000));
    let count = whole.calls.get();
    assert!(count >= 2, "{count} calls");
    for call in 0..count {
        let (outcome, sink) = get_into(Some(call));
        assert_eq!(
            outcome,
            Err(GetError::from(FULL).into()),
            "Get, call {call} fails"
        );
        assert_eq!(
            sink.calls.get(),
            call + 1,
            "nothing is written after a failure"
        );
        assert!(whole.inner.0.borrow().starts_with(&sink.inner.0.borrow()));
    }
}

/// A chat that hears two lines with a sink that fails in a call.
fn chat_into(fails_at: Option<usize>) -> (Option<Result<(), SimError>>, FailingSink) {
    let sink = FailingSink::new(fails_at);
    let acts = [Act::Send(b"one\ntwo\nlast"), Act::Close, Act::ExpectEnd];
    let outcome = with_context(Setting::Guarded, None, |context| {
        let sockets = [context.socket(SERVER), context.socket(SERVER)];
        let (line, queue) = (context.bytes(80), context.bytes(80));
        let mut peer = Chat::new(sockets, line, queue, sink.clone(), Options::DEFAULT);
        peer.listen(PORT);
        let mut caller = context.scripted_caller(&acts);
        let mut peer = AppSlot::new(peer);
        context.run(TIME_MAX, &mut caller, &mut peer);
        assert_eq!(
            context.open_socket(),
            None,
            "Chat, call {fails_at:?}{}",
            context.log()
        );
        peer.outcome()
    });
    (outcome, sink)
}

#[test]
fn chat_ends_with_the_error_of_its_sink_whichever_call_fails() {
    let (outcome, whole) = chat_into(None);
    assert_eq!(outcome, None, "a server goes on");
    assert_eq!(*whole.inner.0.borrow(), b"one\ntwo\nlast\n");
    for call in 0..whole.calls.get() {
        let (outcome, sink) = chat_into(Some(call));
        assert_eq!(
            outcome,
            Some(Err(ChatError::from(FULL).into())),
            "Chat, call {call} fails"
        );
        assert_eq!(
            sink.calls.get(),
            call + 1,
            "nothing is written after a failure"
        );
        assert!(whole.inner.0.borrow().starts_with(&sink.inner.0.borrow()));
    }
}
