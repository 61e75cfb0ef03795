//! Chunked bodies: the same at every split and with every sink, and as httparse reads them, but for the
//! differences named here.

use httparse::Status;
use tickwire::http::{BodyDecoder, BodyError, Framing, Malformed, Piece, Proof};

use crate::pieces::Cuts;

/// Small, so that extensions and trailers over the limit are found.
const SKIPPED_BYTES_MAX: usize = 40;

/// A chunked body, how much the sink takes at a time, and the cuts.
pub fn run(data: &[u8]) {
    let Some((bytes, cuts)) = Cuts::split_off(data) else {
        return;
    };
    let Some((bytes, &[sink_takes])) = bytes.split_last_chunk() else {
        return;
    };
    let whole = decode(bytes, [bytes.len()].into_iter(), usize::MAX);
    let split = decode(bytes, cuts.ends(bytes), 1 + usize::from(sink_takes));
    assert_eq!(whole, split, "the cuts changed the result");
    compare(bytes, &whole);
}

#[derive(Debug, PartialEq, Eq)]
struct Decoded {
    payload: Vec<u8>,
    /// Where the body ends; none when it has not ended.
    outcome: Result<Option<usize>, Malformed>,
}

fn decode(bytes: &[u8], ends: impl Iterator<Item = usize>, sink_takes: usize) -> Decoded {
    let mut decoder = BodyDecoder::new(Framing::Chunked, SKIPPED_BYTES_MAX as u32);
    let mut payload = Vec::new();
    let mut at = 0;
    for end in ends {
        loop {
            let outcome = match decoder.next(&bytes[at..end]) {
                Ok(Piece::Framing(0)) => break,
                Ok(Piece::Framing(count)) => {
                    at += count;
                    continue;
                }
                Ok(Piece::Payload(offered)) => {
                    let taken = offered.len().min(sink_takes);
                    payload.extend(&offered[..taken]);
                    decoder.consume(taken);
                    at += taken;
                    continue;
                }
                Ok(Piece::End(proof)) => {
                    assert_eq!(proof, Proof::LastChunk);
                    assert_eq!(decoder.finish(), Ok(proof));
                    Ok(Some(at))
                }
                Err(how) => {
                    assert_eq!(decoder.next(b"x"), Err(how), "an error is final");
                    Err(how)
                }
            };
            return Decoded { payload, outcome };
        }
    }
    assert_eq!(decoder.finish(), Err(BodyError::Truncated));
    Decoded {
        payload,
        outcome: Ok(None),
    }
}

fn compare(bytes: &[u8], ours: &Decoded) {
    let mut payload = Vec::<u8>::new();
    let mut at = 0;
    let mut skipped = 0;
    loop {
        let rest = &bytes[at..];
        let (len, size) = match httparse::parse_chunk_size(rest) {
            Ok(Status::Complete(line)) => line,
            theirs => {
                assert_eq!(ours.payload, payload);
                return compare_unfinished(theirs.is_err(), ours.outcome);
            }
        };
        let complaints = complaints(&rest[..len - 2], &mut skipped);
        if !complaints.is_empty() {
            let how = ours.outcome.expect_err("we are stricter here");
            assert!(
                complaints.contains(&how),
                "{how:?} is none of {complaints:?}"
            );
            return;
        }
        at += len;
        if size == 0 {
            assert_eq!(ours.payload, payload);
            return compare_trailers(&bytes[at..], at, skipped, ours.outcome);
        }
        let data = &bytes[at..];
        let count = usize::try_from(size).map_or(data.len(), |size| size.min(data.len()));
        payload.extend(&data[..count]);
        at += count;
        // httparse does not look at the line end behind a chunk.
        match data.get(count..).unwrap_or_default() {
            [b'\r', b'\n', ..] => at += 2,
            [] | [b'\r'] => {
                assert_eq!(ours.payload, payload);
                return assert_eq!(ours.outcome, Ok(None));
            }
            _ => return assert_eq!(ours.outcome, Err(Malformed::ChunkEnd)),
        }
    }
}

/// Where a line of framing that httparse accepts is an error to us.
fn complaints(line: &[u8], skipped: &mut usize) -> Vec<Malformed> {
    let mut complaints = Vec::new();
    let is_digit = |byte: &u8| byte.is_ascii_hexdigit();
    let digits = line
        .iter()
        .position(|byte| !is_digit(byte))
        .unwrap_or(line.len());
    // **Difference: no size.** httparse reads an empty size as 0.
    if digits == 0 {
        complaints.push(Malformed::ChunkSize);
    }
    // **Difference: bytes of an extension.** httparse accepts all but a CR without LF.
    if line.contains(&b'\n') {
        complaints.push(Malformed::ChunkEnd);
    }
    if line
        .iter()
        .any(|&byte| byte.is_ascii_control() && byte != b'\t')
    {
        complaints.push(Malformed::ControlByte);
    }
    // **Difference: the limit.** httparse leaves it to its caller.
    *skipped += line.len() - digits;
    if *skipped > SKIPPED_BYTES_MAX {
        complaints.push(Malformed::TrailerTooLong);
    }
    complaints
}

/// **Difference: the time.** We judge each byte as it comes, httparse only whole lines.
fn compare_unfinished(refused: bool, ours: Result<Option<usize>, Malformed>) {
    match ours {
        Ok(None) if !refused => {}
        Err(_) if refused => {}
        Err(
            Malformed::ChunkSize
            | Malformed::ChunkEnd
            | Malformed::ControlByte
            | Malformed::TrailerTooLong,
        ) => {}
        ours => panic!("httparse refuses: {refused}, but we say {ours:?}"),
    }
}

fn compare_trailers(
    rest: &[u8],
    start: usize,
    mut skipped: usize,
    ours: Result<Option<usize>, Malformed>,
) {
    let mut headers = vec![httparse::EMPTY_HEADER; rest.len()];
    let theirs = httparse::parse_headers(rest, &mut headers);
    match (theirs, ours) {
        (Ok(Status::Complete((len, _))), Ok(Some(end))) => assert_eq!(start + len, end),
        (Ok(Status::Partial), Ok(None)) | (Err(_), Err(_)) => {}
        (Ok(_), Err(how)) => {
            // **Difference: line ends.** httparse accepts LF alone. **Difference: the limit**, as above.
            let lines = rest.split(|&byte| byte == b'\n');
            let is_bare = |line: &[u8]| !line.ends_with(b"\r");
            let has_bare_lf = lines.clone().take(lines.clone().count() - 1).any(is_bare);
            skipped += rest
                .iter()
                .filter(|byte| !matches!(byte, b'\r' | b'\n'))
                .count();
            match how {
                Malformed::ChunkEnd => assert!(has_bare_lf),
                Malformed::TrailerTooLong => assert!(skipped > SKIPPED_BYTES_MAX),
                how => panic!("httparse accepts the trailers, we say {how:?}"),
            }
        }
        // **Difference: the form of trailers.** We skip them unread, whatever their names and folds.
        (Err(_), Ok(end)) => {
            let end = end.map_or(rest.len(), |end| end - start);
            let is_text = |byte: &u8| !byte.is_ascii_control() || b"\r\n\t".contains(byte);
            assert!(rest[..end].iter().all(is_text));
        }
        (theirs, ours) => panic!("httparse says {theirs:?}, we say {ours:?}"),
    }
}
