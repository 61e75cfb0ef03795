//! The peer's stream ends by FIN, or by RST, after each of its bytes.
//!
//! `tests/file/replies.rs` does the same to what a file receiver says, and `tests/file/receiver.rs`
//! lets the stream of a file sender fall silent there, too.

use tickwire::chat::{Chat, Options};
use tickwire::file::ReceiveError;
use tickwire::http::{GetError, Proof};
use tickwire::{Duration, Echo, Error};
use tickwire_sim::{Act, SimError};

use crate::common::faulty_store::FaultyStore;
use crate::common::fixture::secs;
use crate::common::mem_source::MemSource;
use crate::context::{AppSlot, CLIENT, PORT, RunContext, SERVER, Setting, with_context};
use crate::scenarios::{SharedSink, getter, receiver, sender};

/// In which everything has ended: a peer that reads a FIN or a RST waits for nothing but its
/// lingering.
const TIME_MAX: Duration = secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With the last bytes.
    Fin,
    /// In a segment of its own, once all bytes are acknowledged.
    LateFin,
    Reset,
}

impl End {
    /// What a peer reports that was promised more; `truncated` is its word for an orderly end.
    fn early(self, truncated: impl Into<SimError>) -> SimError {
        match self {
            Self::Fin | Self::LateFin => truncated.into(),
            Self::Reset => Error::Reset.into(),
        }
    }

    /// What a peer reports for which any orderly end is a good one.
    fn result(self) -> Result<(), SimError> {
        match self {
            Self::Fin | Self::LateFin => Ok(()),
            Self::Reset => Err(Error::Reset.into()),
        }
    }

    /// Sends all of `front`, and ends.
    fn after<'b>(self, front: &'b [u8]) -> Vec<Act<'b>> {
        let tail: &[Act<'_>] = match self {
            Self::Fin => &[Act::Close, Act::ExpectEnd],
            Self::LateFin => &[Act::Flush, Act::Close, Act::ExpectEnd],
            // What is not acknowledged would be thrown away.
            Self::Reset => &[Act::Flush, Act::Reset],
        };
        [&[Act::Send(front)], tail].concat()
    }

    /// How a server's conversations end. One that was reset before its first byte had not begun:
    /// the RST came together with the last step of its handshake.
    fn heard(self, front: &[u8], end: Result<(), SimError>) -> Vec<Result<(), SimError>> {
        let is_call = self != Self::Reset || !front.is_empty();
        is_call.then_some(end).into_iter().collect()
    }
}

/// Every front of `stream`, the empty one and all of it too, with each end.
fn cuts(stream: &[u8]) -> impl Iterator<Item = (&[u8], End)> {
    let fronts = (0..=stream.len()).map(|count| &stream[..count]);
    fronts.flat_map(|front| [End::Fin, End::LateFin, End::Reset].map(|end| (front, end)))
}

/// A response, and what it is worth.
struct Response {
    head: &'static str,
    body: &'static str,
    /// The body as the sink gets it.
    payload: &'static str,
    proof: Proof,
    /// Bytes after the response's own end.
    surplus: &'static str,
}

const RESPONSES: [Response; 5] = [
    Response {
        head: "HTTP/1.0 200 OK\r\nContent-Length: 11\r\n\r\n",
        body: "hello world",
        payload: "hello world",
        proof: Proof::Length,
        surplus: "more",
    },
    Response {
        head: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        body: "5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: 1\r\n\r\n",
        payload: "hello world",
        proof: Proof::LastChunk,
        surplus: "more",
    },
    Response {
        head: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n",
        body: "ok",
        payload: "ok",
        proof: Proof::Length,
        surplus: "",
    },
    Response {
        head: "HTTP/1.0 204 No Content\r\n\r\n",
        body: "",
        payload: "",
        proof: Proof::Empty,
        surplus: "more",
    },
    Response {
        head: "HTTP/1.0 200 OK\r\nServer: old\r\n\r\n",
        body: "hello world",
        payload: "hello world",
        proof: Proof::CloseOnly,
        surplus: "",
    },
];

/// What a GET must make of a response of which this number of bytes came before the end.
fn judge(response: &Response, came: usize, end: End) -> Result<Proof, SimError> {
    let whole = response.head.len() + response.body.len();
    let is_whole = match (response.proof, end) {
        (Proof::CloseOnly, End::Reset) => false,
        (Proof::CloseOnly, _) => came >= response.head.len(),
        _ => came >= whole,
    };
    if is_whole {
        Ok(response.proof)
    } else {
        Err(end.early(GetError::Truncated))
    }
}

#[test]
fn get_knows_at_every_byte_of_the_response_what_an_end_there_means() {
    for response in &RESPONSES {
        let stream = [response.head, response.body, response.surplus].concat();
        for (front, end) in cuts(stream.as_bytes()) {
            let acts = [vec![Act::Expect(b"\r\n\r\n")], end.after(front)].concat();
            let sink = SharedSink::default();
            with_context(Setting::Guarded, None, |context| {
                let mut server = context.scripted_server(&acts);
                let mut get = getter(context, sink.clone());
                context.run(TIME_MAX, &mut get, &mut server);
                let expected = judge(response, front.len(), end);
                let what = format!("Get, {end:?} after byte {} of {stream:?}", front.len());
                let log = context.log();
                assert_eq!(get.outcome(), Some(expected.map(drop)), "{what}{log}");
                let taken = String::from_utf8(sink.0.borrow().clone()).unwrap();
                let is_prefix = response.payload.starts_with(&taken);
                let is_all =
                    taken.len() == response.payload.len() || expected == Ok(Proof::CloseOnly);
                assert!(
                    is_prefix && (is_all || expected.is_err()),
                    "{what}: {taken:?}"
                );
                if response.payload == response.body {
                    let came = front.len().saturating_sub(response.head.len());
                    assert_eq!(taken.len(), came.min(response.payload.len()), "{what}");
                }
            });
        }
    }
}

#[test]
fn echo_tells_at_every_byte_an_end_from_a_reset_and_hears_the_next_caller() {
    let words = b"some words\n";
    for (front, end) in cuts(words) {
        let what = format!("Echo, {end:?} after byte {}", front.len());
        let count = front.len() as u64;
        let echoed = [vec![Act::Send(front), Act::Read(count)], end.after(b"")].concat();
        for acts in [end.after(front), echoed] {
            let next = [Act::Send(words), Act::Expect(words)];
            with_context(Setting::Guarded, None, |context| {
                let mut echo = AppSlot::new(Echo::<1>::echo([context.socket(SERVER)], PORT, false));
                let mut caller = context.scripted_caller(&acts);
                context.run(TIME_MAX, &mut caller, &mut echo);
                assert_eq!(caller.outcome(), Some(Ok(())), "{what}{}", context.log());
                let ends = end.heard(front, end.result());
                assert_eq!(context.log().ends(SERVER), ends, "{what}{}", context.log());
                let mut caller = context.scripted_caller(&next);
                context.run(TIME_MAX, &mut caller, &mut echo);
                assert_eq!(
                    caller.outcome(),
                    Some(Ok(())),
                    "{what}, next{}",
                    context.log()
                );
            });
        }
    }
}

/// What a chat shows of these bytes: each line and the unfinished one after them, with an LF.
fn shown(front: &[u8]) -> String {
    let mut text = String::from_utf8(front.to_vec()).unwrap();
    text = text.replace("\r\n", "\n");
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn chat<'a>(context: &mut RunContext<'a>, host: usize, sink: &SharedSink) -> Chat<'a, SharedSink> {
    let sockets = [context.socket(host), context.socket(host)];
    let (line, queue) = (context.bytes(80), context.bytes(80));
    let options = Options {
        once: host == CLIENT || context.is_once(),
        ..Options::DEFAULT
    };
    Chat::new(sockets, line, queue, sink.clone(), options)
}

#[test]
fn chat_shows_at_every_byte_what_came_and_tells_an_end_from_a_reset() {
    for (front, end) in cuts(b"one\ntwo\r\n\nunfinished") {
        let acts = end.after(front);
        let expected = end.result();
        for (setting, dials) in [
            (Setting::Guarded, false),
            (Setting::Guarded, true),
            (Setting::Small, false),
        ] {
            let sink = SharedSink::default();
            let at = front.len();
            let what = format!("Chat, {setting:?}, dials: {dials}, {end:?} after byte {at}");
            with_context(setting, None, |context| {
                let (chats, mut script) = if dials {
                    (CLIENT, context.scripted_server(&acts))
                } else {
                    (SERVER, context.scripted_caller(&acts))
                };
                let mut peer = chat(context, chats, &sink);
                if dials {
                    peer.dial(context.server());
                } else {
                    peer.listen(PORT);
                }
                let mut peer = AppSlot::new(peer);
                if dials {
                    context.run(TIME_MAX, &mut peer, &mut script);
                    assert_eq!(peer.outcome(), Some(expected), "{what}{}", context.log());
                } else {
                    context.run(TIME_MAX, &mut script, &mut peer);
                }
                let ends = if dials {
                    vec![expected]
                } else {
                    end.heard(front, expected)
                };
                assert_eq!(context.log().ends(chats), ends, "{what}{}", context.log());
                let heard = String::from_utf8(sink.0.borrow().clone()).unwrap();
                assert_eq!(heard, shown(front), "{what}{}", context.log());
                if context.is_once() {
                    assert_eq!(peer.outcome(), ends.first().copied(), "{what}");
                } else if !dials {
                    assert_next_line_comes(context, &mut peer, &sink, &what);
                }
            });
        }
    }
}

fn assert_next_line_comes(
    context: &mut RunContext<'_>,
    peer: &mut AppSlot<'_>,
    sink: &SharedSink,
    what: &str,
) {
    sink.0.borrow_mut().clear();
    let next = End::Fin.after(b"next\n");
    let mut caller = context.scripted_caller(&next);
    context.run(TIME_MAX, &mut caller, peer);
    assert_eq!(caller.outcome(), Some(Ok(())), "{what}{}", context.log());
    assert_eq!(*sink.0.borrow(), b"next\n", "{what}{}", context.log());
}

#[test]
fn a_file_receiver_knows_at_every_byte_what_an_end_there_means_and_the_next_try_succeeds() {
    let source = MemSource::new(40);
    let checked = [source.offer("name"), source.bytes().0].concat();
    for (stream, name) in [(checked, Some("name")), (source.plain(), None)] {
        let settings = |cut| [(Setting::Guarded, cut), (Setting::Small, cut)];
        for (setting, (front, end)) in cuts(&stream).flat_map(settings) {
            let acts = end.after(front);
            let is_whole = front.len() == stream.len();
            let at = front.len();
            let what = format!("FileReceiver, {setting:?}, {name:?}, {end:?} after byte {at}");
            let store = FaultyStore::new();
            with_context(setting, None, |context| {
                let mut receive = receiver(context, &store);
                let mut caller = context.scripted_caller(&acts);
                context.run(TIME_MAX, &mut caller, &mut receive);
                let expected = if is_whole {
                    Ok(())
                } else {
                    Err(end.early(ReceiveError::Truncated))
                };
                let ends = end.heard(front, expected);
                assert_eq!(context.log().ends(SERVER), ends, "{what}{}", context.log());
                assert_eq!(store.get().files.len(), usize::from(is_whole), "{what}");
                if context.is_once() {
                    assert_eq!(receive.outcome(), ends.first().copied(), "{what}");
                }
                if receive.outcome().is_some() {
                    receive = receiver(context, &store);
                }
                let mut send = sender(context, name, &source);
                context.run(TIME_MAX, &mut send, &mut receive);
                assert_eq!(
                    send.outcome(),
                    Some(Ok(())),
                    "{what}, next{}",
                    context.log()
                );
            });
            let medium = store.get();
            // Only a digest tells that a file is here already.
            let files = if name.is_none() && is_whole { 2 } else { 1 };
            assert_eq!(medium.files.len(), files, "{what}");
            assert!(
                medium.files.iter().all(|file| file.bytes == source.bytes()),
                "{what}"
            );
            assert!(medium.partials.is_empty(), "{what}");
        }
    }
}
