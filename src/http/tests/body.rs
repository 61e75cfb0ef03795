//! Bodies in every framing, cut everywhere.

extern crate std;

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use crate::http::{BodyDecoder, Framing, Piece, Proof};
use crate::http::{GetError, Malformed};

const LIMIT: u32 = 20;

/// Pours `bytes` through a decoder into a sink that takes all; returns what it got, then how it ended at a FIN.
fn pour(framing: Framing, mut bytes: &[u8]) -> (Vec<u8>, Result<Proof, GetError>) {
    let mut decoder = BodyDecoder::new(framing, LIMIT);
    let mut sink = Vec::new();
    while !bytes.is_empty() {
        match decoder.next(bytes) {
            Ok(Piece::Payload(payload)) => {
                sink.extend_from_slice(payload);
                decoder.taken(payload.len());
                bytes = &bytes[payload.len()..];
            }
            Ok(Piece::Framing(count)) => bytes = &bytes[count..],
            Ok(Piece::End(_)) => break,
            Err(how) => return (sink, Err(how.into())),
        }
    }
    (sink, decoder.finish())
}

#[track_caller]
fn gives(framing: Framing, text: impl AsRef<[u8]>, payload: &str, end: Result<Proof, GetError>) {
    let text = text.as_ref();
    let expected = (payload.as_bytes().to_vec(), end);
    assert_eq!(
        pour(framing, text),
        expected,
        "{:?}",
        String::from_utf8_lossy(text)
    );
}

#[track_caller]
fn chunks_give(text: &str, payload: &str) {
    gives(Framing::Chunked, text, payload, Ok(Proof::LastChunk));
}

#[track_caller]
fn chunks_break(text: &str, payload: &str, how: Malformed) {
    gives(
        Framing::Chunked,
        text,
        payload,
        Err(GetError::Malformed(how)),
    );
}

#[test]
fn a_length_ends_the_body_and_what_follows_is_no_payload() {
    gives(Framing::Length(5), "hello", "hello", Ok(Proof::Length));
    gives(
        Framing::Length(5),
        "hello, world",
        "hello",
        Ok(Proof::Length),
    );
    gives(Framing::Length(0), "", "", Ok(Proof::Length));
    gives(Framing::Length(0), "hello", "", Ok(Proof::Length));
    gives(Framing::Length(5), "hell", "hell", Err(GetError::Truncated));
    gives(
        Framing::Length(u64::MAX),
        "hell",
        "hell",
        Err(GetError::Truncated),
    );
    gives(Framing::Empty, "hello", "", Ok(Proof::Empty));
}

#[test]
fn without_a_length_only_the_close_ends_the_body() {
    gives(Framing::Close, "", "", Ok(Proof::CloseOnly));
    gives(Framing::Close, "hello", "hello", Ok(Proof::CloseOnly));
    assert_eq!(BodyDecoder::new(Framing::Close, LIMIT).is_complete(), None);
}

#[test]
fn chunks_are_joined() {
    chunks_give(
        "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\nmore",
        "hello, world",
    );
    chunks_give("0\r\n\r\n", "");
    chunks_give("000\r\n\r\n", "");
    chunks_give("a\r\n0123456789\r\n0\r\n\r\n", "0123456789");
    chunks_give("0000000000000005\r\n\r\n\r\n0\r\n0\r\n\r\n", "\r\n\r\n0");
}

#[test]
fn chunk_sizes_are_1_to_16_hexadecimal_digits() {
    for size in [
        "",
        "+5",
        "-5",
        "0x5",
        "g",
        " 5",
        "5 5",
        "5g",
        "00000000000000005",
        "5\0",
    ] {
        chunks_break(&format!("{size}\r\nhello\r\n"), "", Malformed::ChunkSize);
    }
    let most = "fFfFfFfFfFfFfFfF\r\nhello";
    gives(Framing::Chunked, most, "hello", Err(GetError::Truncated));
}

#[test]
fn chunk_framing_is_strict_crlf() {
    chunks_break("5\nhello\r\n0\r\n\r\n", "", Malformed::ChunkEnd);
    chunks_break("5 \nhello\r\n0\r\n\r\n", "", Malformed::ChunkEnd);
    chunks_break("5;a\nhello\r\n0\r\n\r\n", "", Malformed::ChunkEnd);
    chunks_break("5\rhello\r\n0\r\n\r\n", "", Malformed::ChunkEnd);
    chunks_break("5\r\nhello\n0\r\n\r\n", "hello", Malformed::ChunkEnd);
    chunks_break("5\r\nhello0\r\n\r\n", "hello", Malformed::ChunkEnd);
    chunks_break("5\r\nhello\rx", "hello", Malformed::ChunkEnd);
    chunks_break("0\r\n\n", "", Malformed::ChunkEnd);
    chunks_break("0\r\n\rx", "", Malformed::ChunkEnd);
    chunks_break("0\r\nX: y\n\r\n", "", Malformed::ChunkEnd);
    chunks_break("0\r\nX: y\rz", "", Malformed::ChunkEnd);
}

#[test]
fn extensions_and_trailers_are_skipped() {
    chunks_give("5;a=\"b\"\r\nhello\r\n0 ;c\r\n\r\n", "hello");
    chunks_give("5 \t\r\nhello\r\n0\r\n\r\n", "hello");
    chunks_give("0\r\nX: y\r\nZ: \u{e4}\r\n\r\n", "");
    chunks_break("5;a\0\r\n", "", Malformed::ControlByte);
    chunks_break("0\r\nX: \u{1b}\r\n\r\n", "", Malformed::ControlByte);
}

#[test]
fn extensions_and_trailers_share_one_limit_over_the_whole_body() {
    // Eight bytes of extensions, twelve of trailers.
    let most = "1;234\r\na\r\n0;678\r\n901234\r\n567890\r\n\r\n";
    chunks_give(most, "a");
    chunks_break(
        &most.replace("567890", "567890X"),
        "a",
        Malformed::TrailerTooLong,
    );
    chunks_break(
        &most.replace(";234", ";234 "),
        "a",
        Malformed::TrailerTooLong,
    );
    chunks_break(
        &format!("1;{}", "x".repeat(20)),
        "",
        Malformed::TrailerTooLong,
    );
    chunks_break(
        &"1;a\r\nx\r\n".repeat(11),
        &"x".repeat(10),
        Malformed::TrailerTooLong,
    );
}

#[test]
fn a_close_anywhere_before_the_last_byte_is_truncated() {
    let whole = "5;a\r\nhello\r\n0\r\nX: y\r\n\r\n";
    for cut in 0..whole.len() {
        let (_, end) = pour(Framing::Chunked, &whole.as_bytes()[..cut]);
        assert_eq!(end, Err(GetError::Truncated), "cut at {cut}");
    }
    chunks_give(whole, "hello");
}

#[test]
fn nothing_counts_until_the_sink_has_taken_it() {
    let mut decoder = BodyDecoder::new(Framing::Length(5), LIMIT);
    for _ in 0..3 {
        assert_eq!(decoder.next(b"hel"), Ok(Piece::Payload(b"hel")));
        decoder.taken(0);
        assert_eq!(decoder.remaining(), Some(5));
    }
    decoder.taken(2);
    assert_eq!(decoder.remaining(), Some(3));
    assert_eq!(decoder.next(b"lo!"), Ok(Piece::Payload(b"lo!")));
    decoder.taken(3);
    assert_eq!(decoder.is_complete(), Some(Proof::Length));
    assert_eq!(decoder.next(b"more"), Ok(Piece::End(Proof::Length)));
}

#[test]
fn framing_is_reported_before_what_follows_it() {
    let mut decoder = BodyDecoder::new(Framing::Chunked, LIMIT);
    assert_eq!(decoder.next(b""), Ok(Piece::Framing(0)));
    assert_eq!(decoder.next(b"5\r\nhello"), Ok(Piece::Framing(3)));
    assert_eq!(decoder.next(b""), Ok(Piece::Framing(0)));
    assert_eq!(decoder.next(b"hello\r\n"), Ok(Piece::Payload(b"hello")));
    decoder.taken(5);
    assert_eq!(decoder.next(b"\r\n0\r\n\r\nmore"), Ok(Piece::Framing(7)));
    assert_eq!(decoder.remaining(), Some(0));
    assert_eq!(decoder.next(b"more"), Ok(Piece::End(Proof::LastChunk)));
}

#[test]
fn an_error_stays() {
    let mut decoder = BodyDecoder::new(Framing::Chunked, LIMIT);
    assert_eq!(decoder.next(b"0\r\nX\n"), Err(Malformed::ChunkEnd));
    assert_eq!(decoder.next(b"\r\n"), Err(Malformed::ChunkEnd));
    assert_eq!(
        decoder.finish(),
        Err(GetError::Malformed(Malformed::ChunkEnd))
    );
    assert_eq!(decoder.is_complete(), None);
}

#[test]
#[should_panic(expected = "no more than it was offered")]
fn a_sink_that_takes_more_than_it_was_offered_is_a_bug() {
    let mut decoder = BodyDecoder::new(Framing::Length(5), LIMIT);
    decoder.taken(6);
}

#[test]
fn each_proof_has_its_own_words() {
    let proofs = [
        Proof::Length,
        Proof::LastChunk,
        Proof::Empty,
        Proof::CloseOnly,
    ];
    let mut words: Vec<String> = proofs.iter().map(ToString::to_string).collect();
    words.sort();
    words.dedup();
    assert_eq!(words.len(), proofs.len());
}
