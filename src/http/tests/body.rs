//! Bodies in every framing, cut at every byte.

extern crate std;

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use crate::http::{BodyDecoder, BodyError, Framing, Malformed, Piece, Proof};

const LIMIT: u32 = 20;

/// Decodes `bytes` into a sink that takes all, then a FIN. Returns the payload and the outcome.
fn decode(framing: Framing, mut bytes: &[u8]) -> (Vec<u8>, Result<Proof, BodyError>) {
    let mut decoder = BodyDecoder::new(framing, LIMIT);
    let mut sink = Vec::new();
    while !bytes.is_empty() {
        match decoder.next(bytes) {
            Ok(Piece::Payload(payload)) => {
                sink.extend_from_slice(payload);
                decoder.consume(payload.len());
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
fn decodes_to(
    framing: Framing,
    text: impl AsRef<[u8]>,
    payload: &str,
    end: Result<Proof, BodyError>,
) {
    let text = text.as_ref();
    let expected = (payload.as_bytes().to_vec(), end);
    assert_eq!(
        decode(framing, text),
        expected,
        "{:?}",
        String::from_utf8_lossy(text)
    );
}

#[track_caller]
fn chunks_decode_to(text: &str, payload: &str) {
    decodes_to(Framing::Chunked, text, payload, Ok(Proof::LastChunk));
}

#[track_caller]
fn chunks_fail_with(text: &str, payload: &str, how: Malformed) {
    decodes_to(
        Framing::Chunked,
        text,
        payload,
        Err(BodyError::Malformed(how)),
    );
}

#[test]
fn a_length_ends_the_body_and_the_bytes_after_it_are_no_payload() {
    decodes_to(Framing::Length(5), "hello", "hello", Ok(Proof::Length));
    decodes_to(
        Framing::Length(5),
        "hello, world",
        "hello",
        Ok(Proof::Length),
    );
    decodes_to(Framing::Length(0), "", "", Ok(Proof::Length));
    decodes_to(Framing::Length(0), "hello", "", Ok(Proof::Length));
    decodes_to(
        Framing::Length(5),
        "hell",
        "hell",
        Err(BodyError::Truncated),
    );
    decodes_to(
        Framing::Length(u64::MAX),
        "hell",
        "hell",
        Err(BodyError::Truncated),
    );
    decodes_to(Framing::Empty, "hello", "", Ok(Proof::Empty));
}

#[test]
fn without_a_length_only_the_close_ends_the_body() {
    decodes_to(Framing::Close, "", "", Ok(Proof::CloseOnly));
    decodes_to(Framing::Close, "hello", "hello", Ok(Proof::CloseOnly));
    assert_eq!(BodyDecoder::new(Framing::Close, LIMIT).is_complete(), None);
}

#[test]
fn chunks_are_joined() {
    chunks_decode_to(
        "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\nmore",
        "hello, world",
    );
    chunks_decode_to("0\r\n\r\n", "");
    chunks_decode_to("000\r\n\r\n", "");
    chunks_decode_to("a\r\n0123456789\r\n0\r\n\r\n", "0123456789");
    chunks_decode_to("0000000000000005\r\n\r\n\r\n0\r\n0\r\n\r\n", "\r\n\r\n0");
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
        chunks_fail_with(&format!("{size}\r\nhello\r\n"), "", Malformed::ChunkSize);
    }
    let most = "fFfFfFfFfFfFfFfF\r\nhello";
    decodes_to(Framing::Chunked, most, "hello", Err(BodyError::Truncated));
}

#[test]
fn chunk_framing_is_strict_crlf() {
    chunks_fail_with("5\nhello\r\n0\r\n\r\n", "", Malformed::ChunkEnd);
    chunks_fail_with("5 \nhello\r\n0\r\n\r\n", "", Malformed::ChunkEnd);
    chunks_fail_with("5;a\nhello\r\n0\r\n\r\n", "", Malformed::ChunkEnd);
    chunks_fail_with("5\rhello\r\n0\r\n\r\n", "", Malformed::ChunkEnd);
    chunks_fail_with("5\r\nhello\n0\r\n\r\n", "hello", Malformed::ChunkEnd);
    chunks_fail_with("5\r\nhello0\r\n\r\n", "hello", Malformed::ChunkEnd);
    chunks_fail_with("5\r\nhello\rx", "hello", Malformed::ChunkEnd);
    chunks_fail_with("0\r\n\n", "", Malformed::ChunkEnd);
    chunks_fail_with("0\r\n\rx", "", Malformed::ChunkEnd);
    chunks_fail_with("0\r\nX: y\n\r\n", "", Malformed::ChunkEnd);
    chunks_fail_with("0\r\nX: y\rz", "", Malformed::ChunkEnd);
}

#[test]
fn extensions_and_trailers_are_skipped() {
    chunks_decode_to("5;a=\"b\"\r\nhello\r\n0 ;c\r\n\r\n", "hello");
    chunks_decode_to("5 \t\r\nhello\r\n0\r\n\r\n", "hello");
    chunks_decode_to("0\r\nX: y\r\nZ: \u{e4}\r\n\r\n", "");
    chunks_fail_with("5;a\0\r\n", "", Malformed::ControlByte);
    chunks_fail_with("0\r\nX: \u{1b}\r\n\r\n", "", Malformed::ControlByte);
}

#[test]
fn extensions_and_trailers_share_one_limit_over_the_whole_body() {
    // Eight bytes of extensions, twelve of trailers.
    let most = "1;234\r\na\r\n0;678\r\n901234\r\n567890\r\n\r\n";
    chunks_decode_to(most, "a");
    chunks_fail_with(
        &most.replace("567890", "567890X"),
        "a",
        Malformed::TrailerTooLong,
    );
    chunks_fail_with(
        &most.replace(";234", ";234 "),
        "a",
        Malformed::TrailerTooLong,
    );
    chunks_fail_with(
        &format!("1;{}", "x".repeat(20)),
        "",
        Malformed::TrailerTooLong,
    );
    chunks_fail_with(
        &"1;a\r\nx\r\n".repeat(11),
        &"x".repeat(10),
        Malformed::TrailerTooLong,
    );
}

#[test]
fn a_close_anywhere_before_the_last_byte_is_truncated() {
    let whole = "5;a\r\nhello\r\n0\r\nX: y\r\n\r\n";
    for cut in 0..whole.len() {
        let (_, end) = decode(Framing::Chunked, &whole.as_bytes()[..cut]);
        assert_eq!(end, Err(BodyError::Truncated), "cut at {cut}");
    }
    chunks_decode_to(whole, "hello");
}

#[test]
fn payload_counts_only_after_the_sink_took_it() {
    let mut decoder = BodyDecoder::new(Framing::Length(5), LIMIT);
    for _ in 0..3 {
        assert_eq!(decoder.next(b"hel"), Ok(Piece::Payload(b"hel")));
        decoder.consume(0);
        assert_eq!(decoder.remaining(), Some(5));
    }
    decoder.consume(2);
    assert_eq!(decoder.remaining(), Some(3));
    assert_eq!(decoder.next(b"lo!"), Ok(Piece::Payload(b"lo!")));
    decoder.consume(3);
    assert_eq!(decoder.is_complete(), Some(Proof::Length));
    assert_eq!(decoder.next(b"more"), Ok(Piece::End(Proof::Length)));
}

#[test]
fn framing_is_reported_before_the_bytes_after_it() {
    let mut decoder = BodyDecoder::new(Framing::Chunked, LIMIT);
    assert_eq!(decoder.next(b""), Ok(Piece::Framing(0)));
    assert_eq!(decoder.next(b"5\r\nhello"), Ok(Piece::Framing(3)));
    assert_eq!(decoder.next(b""), Ok(Piece::Framing(0)));
    assert_eq!(decoder.next(b"hello\r\n"), Ok(Piece::Payload(b"hello")));
    decoder.consume(5);
    assert_eq!(decoder.next(b"\r\n0\r\n\r\nmore"), Ok(Piece::Framing(7)));
    assert_eq!(decoder.remaining(), Some(0));
    assert_eq!(decoder.next(b"more"), Ok(Piece::End(Proof::LastChunk)));
}

#[test]
fn every_call_after_an_error_returns_it_again() {
    let mut decoder = BodyDecoder::new(Framing::Chunked, LIMIT);
    assert_eq!(decoder.next(b"0\r\nX\n"), Err(Malformed::ChunkEnd));
    assert_eq!(decoder.next(b"\r\n"), Err(Malformed::ChunkEnd));
    assert_eq!(
        decoder.finish(),
        Err(BodyError::Malformed(Malformed::ChunkEnd))
    );
    assert_eq!(decoder.is_complete(), None);
}

#[test]
#[should_panic(expected = "no more than it was offered")]
fn a_sink_that_takes_more_than_it_was_offered_panics() {
    let mut decoder = BodyDecoder::new(Framing::Length(5), LIMIT);
    decoder.consume(6);
}

#[test]
fn each_proof_has_its_own_text() {
    let proofs = [
        Proof::Length,
        Proof::LastChunk,
        Proof::Empty,
        Proof::CloseOnly,
    ];
    let mut texts: Vec<String> = proofs.iter().map(ToString::to_string).collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), proofs.len());
}
