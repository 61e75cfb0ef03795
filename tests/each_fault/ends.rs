//! The peer's stream ends by FIN, or by RST, behind every one of its bytes.
//!
//! `tests/file/replies.rs` does the same to what a file receiver says, and `tests/file/receiver.rs` lets the stream of a
//! file sender fall silent there, too.

use tickwire::chat::{Options, Peer};
use tickwire::http::Proof;
use tickwire::{Echo, Error};
use tickwire_sim::{Act, Opening, Script};

use crate::book::Book;
use crate::play::{Tray, getter, receiver, sender};
use crate::shelf::Shelf;
use crate::stage::{CLIENT, PORT, Player, SERVER, Setting, Stage, with_stage};

/// In which everything has ended: a peer that reads a FIN or a RST waits for nothing but its lingering.
const TICKS_MAX: u64 = 3_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With the last bytes.
    Fin,
    /// In a segment of its own, once all bytes are acknowledged.
    LateFin,
    Reset,
}

impl End {
    /// What a peer reports that was promised more.
    const fn early(self) -> Error {
        match self {
            Self::Fin | Self::LateFin => Error::Truncated,
            Self::Reset => Error::Reset,
        }
    }

    /// What a peer reports for which any orderly end is a good one.
    const fn result(self) -> Result<(), Error> {
        match self {
            Self::Fin | Self::LateFin => Ok(()),
            Self::Reset => Err(Error::Reset),
        }
    }

    /// Sends all of `front`, and ends.
    fn behind<'b>(self, front: &'b [u8]) -> Vec<Act<'b>> {
        let tail: &[Act<'_>] = match self {
            Self::Fin => &[Act::Close, Act::ExpectEnd],
            Self::LateFin => &[Act::Flush, Act::Close, Act::ExpectEnd],
            // What is not acknowledged would be thrown away.
            Self::Reset => &[Act::Flush, Act::Reset],
        };
        [&[Act::Send(front)], tail].concat()
    }

    /// How a listener's conversations end. One that was reset before its first byte had not begun: the RST came together
    /// with the last step of its handshake.
    fn heard(self, front: &[u8], end: Result<(), Error>) -> Vec<Result<(), Error>> {
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
    /// Bytes behind the response's own end.
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

/// What a GET must make of a response of which so many bytes came before the end.
fn judge(response: &Response, came: usize, end: End) -> Result<Proof, Error> {
    let whole = response.head.len() + response.body.len();
    let is_whole = match (response.proof, end) {
        (Proof::CloseOnly, End::Reset) => false,
        (Proof::CloseOnly, _) => came >= response.head.len(),
        _ => came >= whole,
    };
    if is_whole {
        Ok(response.proof)
    } else {
        Err(end.early())
    }
}

#[test]
fn get_knows_at_every_byte_of_the_response_what_an_end_there_means() {
    for response in &RESPONSES {
        let stream = [response.head, response.body, response.surplus].concat();
        for (front, end) in cuts(stream.as_bytes()) {
            let acts = [vec![Act::Expect(b"\r\n\r\n")], end.behind(front)].concat();
            let tray = Tray::default();
            with_stage(Setting::Guarded, None, |stage| {
                let listen = Opening::Listen(PORT);
                let mut server = Player::new(Script::new(stage.socket(SERVER), listen, &acts));
                let mut get = getter(stage, tray.clone());
                stage.run(TICKS_MAX, &mut get, &mut server);
                let expected = judge(response, front.len(), end);
                let context = format!("Get, {end:?} behind byte {} of {stream:?}", front.len());
                let log = stage.log();
                assert_eq!(get.outcome(), Some(expected.map(drop)), "{context}{log}");
                let taken = String::from_utf8(tray.0.borrow().clone()).unwrap();
                let is_prefix = response.payload.starts_with(&taken);
                let is_all =
                    taken.len() == response.payload.len() || expected == Ok(Proof::CloseOnly);
                assert!(
                    is_prefix && (is_all || expected.is_err()),
                    "{context}: {taken:?}"
                );
                if response.payload == response.body {
                    let came = front.len().saturating_sub(response.head.len());
                    assert_eq!(taken.len(), came.min(response.payload.len()), "{context}");
                }
            });
        }
    }
}

#[test]
fn echo_tells_at_every_byte_an_end_from_a_reset_and_hears_the_next_caller() {
    let words = b"some words\n";
    for (front, end) in cuts(words) {
        let context = format!("Echo, {end:?} behind byte {}", front.len());
        let count = front.len() as u64;
        let echoed = [vec![Act::Send(front), Act::Read(count)], end.behind(b"")].concat();
        for acts in [end.behind(front), echoed] {
            let next = [Act::Send(words), Act::Expect(words)];
            with_stage(Setting::Guarded, None, |stage| {
                let mut echo = Player::new(Echo::new(stage.socket(SERVER), PORT, false));
                let dial = Opening::Dial(stage.server());
                let mut caller = Player::new(Script::new(stage.socket(CLIENT), dial, &acts));
                stage.run(TICKS_MAX, &mut caller, &mut echo);
                assert_eq!(caller.outcome(), Some(Ok(())), "{context}{}", stage.log());
                let ends = end.heard(front, end.result());
                assert_eq!(stage.log().ends(SERVER), ends, "{context}{}", stage.log());
                let dial = Opening::Dial(stage.server());
                let mut caller = Player::new(Script::new(stage.socket(CLIENT), dial, &next));
                stage.run(TICKS_MAX, &mut caller, &mut echo);
                assert_eq!(
                    caller.outcome(),
                    Some(Ok(())),
                    "{context}, next{}",
                    stage.log()
                );
            });
        }
    }
}

/// What a chat shows of these bytes: each line and the unfinished one behind them with an LF.
fn shown(front: &[u8]) -> String {
    let mut text = String::from_utf8(front.to_vec()).unwrap();
    text = text.replace("\r\n", "\n");
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn chat<'a>(stage: &mut Stage<'a>, host: usize, tray: &Tray) -> Peer<'a, Tray> {
    let sockets = [stage.socket(host), stage.socket(host)];
    let (line, queue) = (stage.bytes(80), stage.bytes(80));
    let options = Options {
        once: host == CLIENT || stage.is_once(),
        ..Options::DEFAULT
    };
    Peer::new(sockets, line, queue, tray.clone(), options)
}

#[test]
fn chat_shows_at_every_byte_what_came_and_tells_an_end_from_a_reset() {
    for (front, end) in cuts(b"one\ntwo\r\n\nunfinished") {
        let acts = end.behind(front);
        let expected = end.result();
        for (setting, dials) in [
            (Setting::Guarded, false),
            (Setting::Guarded, true),
            (Setting::Small, false),
        ] {
            let tray = Tray::default();
            let at = front.len();
            let context = format!("Chat, {setting:?}, dials: {dials}, {end:?} behind byte {at}");
            with_stage(setting, None, |stage| {
                let opening = if dials {
                    Opening::Listen(PORT)
                } else {
                    Opening::Dial(stage.server())
                };
                let (chats, plays) = if dials {
                    (CLIENT, SERVER)
                } else {
                    (SERVER, CLIENT)
                };
                let mut script = Player::new(Script::new(stage.socket(plays), opening, &acts));
                let mut peer = chat(stage, chats, &tray);
                if dials {
                    peer.dial(stage.server());
                } else {
                    peer.listen(PORT);
                }
                let mut peer = Player::new(peer);
                if dials {
                    stage.run(TICKS_MAX, &mut peer, &mut script);
                    assert_eq!(peer.outcome(), Some(expected), "{context}{}", stage.log());
                } else {
                    stage.run(TICKS_MAX, &mut script, &mut peer);
                }
                let ends = if dials {
                    vec![expected]
                } else {
                    end.heard(front, expected)
                };
                assert_eq!(stage.log().ends(chats), ends, "{context}{}", stage.log());
                let heard = String::from_utf8(tray.0.borrow().clone()).unwrap();
                assert_eq!(heard, shown(front), "{context}{}", stage.log());
                if stage.is_once() {
                    assert_eq!(peer.outcome(), ends.first().copied(), "{context}");
                } else if !dials {
                    assert_next_line_comes(stage, &mut peer, &tray, &context);
                }
            });
        }
    }
}

fn assert_next_line_comes(
    stage: &mut Stage<'_>,
    peer: &mut Player<'_>,
    tray: &Tray,
    context: &str,
) {
    tray.0.borrow_mut().clear();
    let next = End::Fin.behind(b"next\n");
    let dial = Opening::Dial(stage.server());
    let mut caller = Player::new(Script::new(stage.socket(CLIENT), dial, &next));
    stage.run(TICKS_MAX, &mut caller, peer);
    assert_eq!(caller.outcome(), Some(Ok(())), "{context}{}", stage.log());
    assert_eq!(*tray.0.borrow(), b"next\n", "{context}{}", stage.log());
}

#[test]
fn a_file_receiver_knows_at_every_byte_what_an_end_there_means_and_the_next_try_succeeds() {
    let book = Book::new(40);
    let checked = [book.offer("name"), book.bytes().0].concat();
    for (stream, name) in [(checked, Some("name")), (book.plain(), None)] {
        let settings = |cut| [(Setting::Guarded, cut), (Setting::Small, cut)];
        for (setting, (front, end)) in cuts(&stream).flat_map(settings) {
            let acts = end.behind(front);
            let is_whole = front.len() == stream.len();
            let at = front.len();
            let context = format!("Receive, {setting:?}, {name:?}, {end:?} behind byte {at}");
            let shelf = Shelf::new();
            with_stage(setting, None, |stage| {
                let mut receive = receiver(stage, &shelf);
                let dial = Opening::Dial(stage.server());
                let mut caller = Player::new(Script::new(stage.socket(CLIENT), dial, &acts));
                stage.run(TICKS_MAX, &mut caller, &mut receive);
                let expected = if is_whole { Ok(()) } else { Err(end.early()) };
                let ends = end.heard(front, expected);
                assert_eq!(stage.log().ends(SERVER), ends, "{context}{}", stage.log());
                assert_eq!(shelf.get().files.len(), usize::from(is_whole), "{context}");
                if stage.is_once() {
                    assert_eq!(receive.outcome(), ends.first().copied(), "{context}");
                }
                if receive.outcome().is_some() {
                    receive = receiver(stage, &shelf);
                }
                let mut send = sender(stage, name, &book);
                stage.run(TICKS_MAX, &mut send, &mut receive);
                assert_eq!(
                    send.outcome(),
                    Some(Ok(())),
                    "{context}, next{}",
                    stage.log()
                );
            });
            let shared = shelf.get();
            // Only a digest tells that a file is here already.
            let files = if name.is_none() && is_whole { 2 } else { 1 };
            assert_eq!(shared.files.len(), files, "{context}");
            assert!(
                shared.files.iter().all(|file| file.bytes == book.bytes()),
                "{context}"
            );
            assert!(shared.partials.is_empty(), "{context}");
        }
    }
}
