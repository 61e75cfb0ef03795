//! FIN and RST at every byte of what a peer says: the end counts as success only where all was said.

use sha2::{Digest, Sha256};
use tickwire::chat::{Options, Peer};
use tickwire::file::{Offer, Receive, ReceiveOptions, Send, SendOptions};
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::store::MemoryStore;
use tickwire::{BufferSink, Error};
use tickwire_sim::{Act, Opening, Script};

use crate::stage::{Stage, leak, listener};

const CONTENT: &[u8] = b"Hello over the wire!\n";

/// Calls `converse` for each prefix of `said` with how the peer ends after it and the error that this is. The peer
/// dials unless it answers.
fn enumerate(
    said: &[u8],
    is_answered: bool,
    converse: impl Fn(&'static [u8], Act<'static>, Error),
) {
    let said: &'static [u8] = said.to_vec().leak();
    for count in 0..=said.len() {
        for (end, error) in [(Act::Close, Error::Truncated), (Act::Reset, Error::Reset)] {
            if count == 0 && end == Act::Reset && !is_answered {
                // The RST overtakes the end of the handshake, and nobody was there.
                continue;
            }
            println!("{end:?} after {count} bytes");
            converse(&said[..count], end, error);
        }
    }
}

fn expected(is_whole: bool, error: Error) -> Result<(), Error> {
    if is_whole { Ok(()) } else { Err(error) }
}

#[test]
fn a_get_succeeds_only_behind_the_last_byte() {
    let response = b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nabcdef";
    enumerate(response, true, |prefix, end, error| {
        let mut stage = Stage::new([&[], &[]]);
        let acts = [Act::Expect(b"\r\n\r\n"), Act::Send(prefix), Act::Flush, end];
        let mut script = Script::new(stage.socket(1), Opening::Listen(80), &acts);
        let request = Request::new(&Url::parse("http://10.0.0.2/").unwrap(), &[]).unwrap();
        let mut sink = BufferSink::new(leak(0, 16));
        let (socket, options) = (stage.socket(0), GetOptions::default());
        let mut get = Get::new(socket, listener(80), request, options, &mut [], &mut sink);
        let [outcome, _] = stage.run(&mut get, &mut script);
        let is_whole = prefix.len() == response.len();
        assert_eq!(outcome, expected(is_whole, error));
        let head = response.len() - 6;
        assert_eq!(sink.bytes(), prefix.get(head..).unwrap_or_default());
    });
}

#[test]
fn a_file_is_stored_only_behind_its_last_byte() {
    let digest = Sha256::digest(CONTENT).into();
    let offer = Offer::new("name", CONTENT.len() as u64, &digest).unwrap();
    let mut checked = vec![0; 64];
    let length = offer.write_from(0, &mut checked);
    checked.truncate(length);
    checked.extend(CONTENT);
    let plain = [&21u32.to_le_bytes()[..], CONTENT].concat();
    for said in [checked, plain] {
        enumerate(&said, false, |prefix, end, error| {
            let mut stage = Stage::new([&[], &[]]);
            let acts = [Act::Send(prefix), Act::Flush, end, Act::ExpectEnd];
            let opening = Opening::Dial(listener(2001));
            let mut script = Script::new(stage.socket(0), opening, &acts);
            let store = MemoryStore::new(leak(0, 64), leak(0, 64));
            let options = ReceiveOptions {
                once: true,
                ..ReceiveOptions::default()
            };
            let mut receive = Receive::new(stage.socket(1), 2001, store, options);
            let [_, outcome] = stage.run(&mut script, &mut receive);
            let is_whole = prefix.len() == said.len();
            assert_eq!(outcome, expected(is_whole, error));
            let image = receive.store().image().map(|image| image.bytes);
            assert_eq!(image, is_whole.then_some(CONTENT));
        });
    }
}

#[test]
fn a_sender_is_done_only_behind_the_whole_receipt() {
    let mut said = b"TWA\x81\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    said.extend(b"TWR\x81\0\0\0\0\x15\0\0\0\0\0\0\0");
    enumerate(&said, true, |prefix, end, error| {
        let (answer, receipt) = prefix.split_at(prefix.len().min(16));
        let has_answer = answer.len() == 16;
        let acts = [
            Act::Expect(b"name"),
            Act::Send(answer),
            Act::Read(if has_answer { 52 + 21 } else { 0 }),
            Act::Send(receipt),
            Act::Flush,
            end,
        ];
        let mut stage = Stage::new([&[], &[]]);
        let mut script = Script::new(stage.socket(1), Opening::Listen(2001), &acts);
        let (socket, options) = (stage.socket(0), SendOptions::default());
        let mut send = Send::checked(socket, listener(2001), "name", CONTENT, options);
        let [outcome, _] = stage.run(&mut send, &mut script);
        assert_eq!(outcome, expected(prefix.len() == 32, error));
        assert_eq!(send.sent().is_some(), outcome.is_ok());
    });
}

#[test]
fn a_chat_delivers_what_came_before_the_end_whatever_it_is() {
    enumerate(b"one\r\ntwo\nrest", false, |prefix, end, _| {
        let mut stage = Stage::new([&[], &[]]);
        let acts = [Act::Send(prefix), Act::Flush, end, Act::ExpectEnd];
        let opening = Opening::Dial(listener(1001));
        let mut script = Script::new(stage.socket(0), opening, &acts);
        let sockets = [stage.socket(1), stage.socket(1)];
        let options = Options {
            once: true,
            ..Options::DEFAULT
        };
        let sink = BufferSink::new(leak(0, 64));
        let mut peer = Peer::new(sockets, leak(0, 64), leak(0, 64), sink, options);
        peer.listen(1001);
        let [_, outcome] = stage.run(&mut script, &mut peer);
        assert_eq!(outcome, expected(end == Act::Close, Error::Reset));
        // CRLF and LF alike, and an end for what had none.
        let mut text = String::from_utf8(prefix.to_vec()).unwrap();
        text = text.replace("\r\n", "\n");
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        assert_eq!(String::from_utf8_lossy(peer.sink_mut().bytes()), text);
    });
}
