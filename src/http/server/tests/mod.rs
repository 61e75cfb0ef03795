//! Requests and answers as pure bytes.

extern crate std;

mod date;
mod entity;
#[cfg(feature = "file")]
mod form;
mod head;
mod smuggling;

use std::string::String;
use std::vec;
use std::vec::Vec;

use super::{Request, RequestError, RequestParser};

const LIMIT: usize = 400;

/// What became of a head: the error, or `None` where it is not complete yet, or the number of bytes
/// that it took.
type Outcome = Result<Option<usize>, RequestError>;

/// Reads `text` in pieces that end at each of `cuts`; `use_it` gets the request.
fn read(text: &[u8], cuts: &[usize], use_it: &mut dyn FnMut(Request<'_>)) -> Outcome {
    let mut memory = vec![0; LIMIT];
    let mut parser = RequestParser::new();
    let mut taken = 0;
    let mut start = 0;
    for &end in cuts.iter().chain([&text.len()]) {
        let (count, is_complete) = parser.feed(&text[start..end], &mut memory)?;
        taken += count;
        if is_complete {
            use_it(Request::parse(parser.kept(&memory))?);
            return Ok(Some(taken));
        }
        assert_eq!(count, end - start, "an incomplete head takes all");
        start = end;
    }
    Ok(None)
}

/// The outcome, which is the same wherever the text is cut once, and byte by byte.
#[track_caller]
fn outcome(text: impl AsRef<[u8]>) -> Outcome {
    let text = text.as_ref();
    let shown = String::from_utf8_lossy(text);
    let whole = read(text, &[], &mut |_| {});
    for cut in 0..text.len() {
        assert_eq!(read(text, &[cut], &mut |_| {}), whole, "{shown:?} at {cut}");
    }
    let all: Vec<usize> = (0..text.len()).collect();
    assert_eq!(read(text, &all, &mut |_| {}), whole, "{shown:?}");
    whole
}

#[track_caller]
fn refuses(text: impl AsRef<[u8]>, error: RequestError) {
    let shown = String::from_utf8_lossy(text.as_ref()).into_owned();
    assert_eq!(outcome(text), Err(error), "{shown:?}");
}

/// Hands the request of a whole head to `look`.
#[track_caller]
fn reads(text: &str, look: impl Fn(Request<'_>)) {
    assert_eq!(outcome(text), Ok(Some(text.len())), "{text:?}");
    let taken = read(text.as_bytes(), &[], &mut |request| look(request));
    assert_eq!(taken, Ok(Some(text.len())));
}
