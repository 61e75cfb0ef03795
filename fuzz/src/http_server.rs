//! Requests: the same at every split, and read as httparse reads them; and a whole server under a hostile caller.

use httparse::Status;
use tickwire::http::Framing;
use tickwire::http::server::{Request, RequestError, RequestParser};

use crate::app;
use crate::pieces::Cuts;

/// Small, so that heads over the limit are found.
const HEAD_BYTES_MAX: usize = 200;

/// The first byte says which of both: `p` and every other even one is a head alone.
pub fn run(data: &[u8]) {
    match data.split_first() {
        Some((choice, rest)) if choice % 2 == 0 => parse(rest),
        Some((_, rest)) => app::run_server(rest),
        None => {}
    }
}

/// What a head says, with what it took.
#[derive(Debug, PartialEq, Eq)]
struct Reading {
    taken: usize,
    method: &'static str,
    target: String,
    version_minor: u8,
    framing: Framing,
    is_keep_alive: bool,
    kept: Vec<u8>,
}

fn parse(data: &[u8]) {
    let Some((bytes, cuts)) = Cuts::split_off(data) else {
        return;
    };
    let whole = read([bytes].into_iter());
    assert_eq!(
        whole,
        read(cuts.pieces(bytes)),
        "the cuts changed the result"
    );
    let mut headers = [httparse::EMPTY_HEADER; HEAD_BYTES_MAX];
    let mut theirs = httparse::Request::new(&mut headers);
    let parsed = theirs.parse(bytes);
    match whole {
        // httparse accepts more: a line that ends in LF, a second empty line before the first one, a bare CR.
        Err(_) => {}
        Ok(None) => assert!(!matches!(parsed, Ok(Status::Complete(_))), "{theirs:?}"),
        Ok(Some(ours)) => {
            // **Difference: the version.** We read every `HTTP/1.x`, httparse only 0 and 1.
            if ours.version_minor < 2 {
                assert_eq!(parsed, Ok(Status::Complete(ours.taken)), "{ours:?}");
                compare(&ours, &theirs);
            }
        }
    }
}

fn read<'d>(pieces: impl Iterator<Item = &'d [u8]>) -> Result<Option<Reading>, RequestError> {
    let mut memory = [0; HEAD_BYTES_MAX];
    let mut parser = RequestParser::new();
    let mut taken = 0;
    for piece in pieces {
        let (count, is_complete) = match parser.feed(piece, &mut memory) {
            Ok(fed) => fed,
            Err(error) => {
                assert_eq!(
                    parser.feed(b"x", &mut memory),
                    Err(error),
                    "an outcome is final"
                );
                return Err(error);
            }
        };
        taken += count;
        if is_complete {
            assert_eq!(
                parser.feed(b"x", &mut memory),
                Ok((0, true)),
                "an outcome is final"
            );
            let kept = parser.kept(&memory);
            let request = Request::parse(kept)?;
            return Ok(Some(Reading {
                taken,
                method: request.method().as_str(),
                target: request.target().to_owned(),
                version_minor: request.version_minor(),
                framing: request.framing(),
                is_keep_alive: request.is_keep_alive(),
                kept: kept.to_vec(),
            }));
        }
        assert_eq!(count, piece.len(), "an incomplete head takes all");
    }
    Ok(None)
}

fn compare(ours: &Reading, theirs: &httparse::Request<'_, '_>) {
    assert_eq!(Some(ours.method), theirs.method);
    assert_eq!(Some(ours.version_minor), theirs.version);
    let path = theirs.path.expect("a complete head has a path");
    let is_short = matches!(ours.target.as_str(), "/" | "*");
    assert!(
        path.ends_with(&ours.target) || is_short,
        "{path:?} is {ours:?}"
    );
    let request = Request::parse(&ours.kept).expect("it was read before");
    for header in theirs.headers.iter() {
        let mut values = request.fields(header.name);
        assert!(values.any(|value| value == header.value), "{header:?}");
    }
    // What two recipients could see differently, judged by what the other parser saw.
    let named = |name: &str| {
        let is_it = |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case(name);
        theirs.headers.iter().filter(is_it).count()
    };
    let (lengths, codings) = (named("Content-Length"), named("Transfer-Encoding"));
    match ours.framing {
        Framing::Chunked => assert_eq!((lengths, codings, ours.version_minor > 0), (0, 1, true)),
        Framing::Length(0) => assert!(lengths < 2 && codings == 0),
        Framing::Length(_) => assert_eq!((lengths, codings), (1, 0)),
        framing => panic!("a request is never {framing:?}"),
    }
    assert!(named("Host") < 2 && named("Host") + usize::from(ours.version_minor == 0) > 0);
}
