//! The table of hostile responses, fed to the pure bytes of `http` in every cut and into every size
//! of sink.

use proptest::prelude::*;
use tickwire::Error;
use tickwire::http::{BodyDecoder, Framing, GetError, Head, HeadParser, Location, Piece, Proof};

#[path = "../common/hostile/mod.rs"]
mod hostile;
#[path = "../common/malformed.rs"]
mod malformed;

use hostile::{Case, End, HEAD_BYTES_MAX};

/// What a transfer came to.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// What the sink got.
    delivered: Vec<u8>,
    /// `None` while the transfer would still wait.
    result: Option<Result<Proof, GetError>>,
    /// The front of a redirect's Location, and whether it was longer.
    location: (Vec<u8>, bool),
}

/// The least that a client does with the parser and the decoder: no sockets and no time.
struct Client<'l> {
    require_length: bool,
    max_size_bytes: u64,
    parser: HeadParser,
    location: Location<'l>,
    body: Option<BodyDecoder>,
    /// Received and not yet taken.
    queue: Vec<u8>,
    /// Bytes that the sink takes at once; 0 is refused by every second offer.
    sink_bytes: usize,
    sink_is_stalled: bool,
    delivered: Vec<u8>,
    result: Option<Result<Proof, GetError>>,
}

impl<'l> Client<'l> {
    fn new(case: &Case, location: &'l mut [u8], sink_bytes: usize) -> Self {
        Self {
            require_length: case.require_length,
            max_size_bytes: case.max_size_bytes.unwrap_or(u64::MAX),
            parser: HeadParser::new(HEAD_BYTES_MAX as u32),
            location: Location::new(location),
            body: None,
            queue: Vec::new(),
            sink_bytes,
            sink_is_stalled: false,
            delivered: Vec::new(),
            result: None,
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.queue.extend_from_slice(bytes);
        while self.result.is_none() && !self.queue.is_empty() {
            match self.step() {
                Ok(taken) => drop(self.queue.drain(..taken)),
                Err(error) => self.result = Some(Err(error)),
            }
            if let Some(proof) = self.body.as_ref().and_then(BodyDecoder::is_complete) {
                self.result = Some(Ok(proof));
            }
        }
    }

    fn step(&mut self) -> Result<usize, GetError> {
        let Some(body) = &mut self.body else {
            let (taken, head) = self.parser.feed(&self.queue, &mut self.location)?;
            if let Some(head) = head {
                self.begin_body(head)?;
            }
            return Ok(taken);
        };
        match body.next(&self.queue)? {
            Piece::Payload(payload) => {
                let room = self.max_size_bytes - self.delivered.len() as u64;
                if room == 0 {
                    return Err(GetError::TooLarge);
                }
                self.sink_is_stalled = !self.sink_is_stalled;
                let count = match self.sink_is_stalled {
                    true => 0,
                    false => self
                        .sink_bytes
                        .min(payload.len())
                        .min(room.min(1 << 20) as usize),
                };
                self.delivered.extend(payload.iter().take(count));
                body.consume(count);
                Ok(count)
            }
            Piece::Framing(count) => {
                assert!(count > 0, "framing of no bytes would turn for ever");
                Ok(count)
            }
            Piece::End(_) => panic!("the outcome was decided before"),
        }
    }

    fn begin_body(&mut self, head: Head) -> Result<(), GetError> {
        if head.status >= 300 {
            return Err(GetError::Status(head.status));
        }
        if let Framing::Length(length) = head.framing
            && length > self.max_size_bytes
        {
            return Err(GetError::TooLarge);
        }
        self.body = Some(BodyDecoder::new(head.framing, HEAD_BYTES_MAX as u32));
        Ok(())
    }

    fn end(mut self, end: End) -> Outcome {
        if let End::Drip(drip) = end {
            for byte in drip.iter().cycle().take(60) {
                self.receive(&[*byte]);
            }
        }
        if self.result.is_none() {
            self.result = match end {
                End::Fin => Some(self.close()),
                End::Rst => Some(Err(GetError::Connection(Error::Reset))),
                End::Silence | End::Drip(_) => None,
            };
        }
        Outcome {
            delivered: self.delivered,
            result: self.result,
            location: (
                self.location.as_bytes().to_vec(),
                self.location.is_truncated(),
            ),
        }
    }

    fn close(&self) -> Result<Proof, GetError> {
        match self.body.as_ref().ok_or(GetError::Truncated)?.finish()? {
            Proof::CloseOnly if self.require_length => Err(GetError::Truncated),
            proof => Ok(proof),
        }
    }
}

fn pour<'b>(case: &Case, pieces: impl IntoIterator<Item = &'b [u8]>, sink_bytes: usize) -> Outcome {
    let mut location = [0; 10];
    let mut client = Client::new(case, &mut location, sink_bytes);
    for piece in pieces {
        client.receive(piece);
    }
    client.end(case.end)
}

fn exit_of(result: Option<Result<Proof, GetError>>) -> i32 {
    match result {
        None => hostile::TIMED_OUT,
        Some(Ok(_)) => hostile::FINE,
        Some(Err(GetError::Malformed(_))) => hostile::MALFORMED,
        Some(Err(GetError::Truncated)) => hostile::TRUNCATED,
        Some(Err(GetError::Status(_))) => hostile::STATUS,
        Some(Err(GetError::Connection(Error::Reset))) => hostile::RESET,
        Some(Err(GetError::TooLarge)) => hostile::TOO_LARGE,
        Some(Err(error)) => panic!("no such outcome: {error}"),
    }
}

#[test]
fn every_case_ends_as_the_table_says() {
    for case in hostile::cases() {
        let Outcome {
            delivered, result, ..
        } = pour(&case, [case.response.as_slice()], usize::MAX);
        assert_eq!(exit_of(result), case.exit, "{}: {result:?}", case.name);
        let how = match result {
            Some(Err(GetError::Malformed(how))) => Some(format!("{how:?}")),
            _ => None,
        };
        assert_eq!(how.as_deref(), case.malformed, "{}", case.name);
        let dripped = delivered.strip_prefix(case.delivered.as_slice());
        let dripped = dripped.unwrap_or_else(|| panic!("{}: {delivered:?}", case.name));
        let drips = matches!(case.end, End::Drip(_));
        assert!(dripped.is_empty() || drips, "{}", case.name);
        let is_saved = matches!(result, Some(Ok(_)));
        assert_eq!(case.saved().is_some(), is_saved, "{}", case.name);
    }
}

#[test]
fn every_cut_and_every_sink_gives_the_same() {
    for case in hostile::cases() {
        let whole = pour(&case, [case.response.as_slice()], usize::MAX);
        let length = case.response.len();
        // All cuts up to 2 KiB, above that those near both ends and some between.
        let cuts = (0..=length)
            .filter(|cut| length <= 2_048 || *cut < 64 || length - cut < 64 || cut % 4_001 == 0);
        for cut in cuts {
            let (front, back) = case.response.split_at(cut);
            assert_eq!(
                pour(&case, [front, back], 7),
                whole,
                "{}, cut at {cut}",
                case.name
            );
        }
        for sink_bytes in [1, 2, 3, 7, usize::MAX] {
            let bytes = pour(&case, case.response.chunks(1), sink_bytes);
            assert_eq!(bytes, whole, "{}, sink of {sink_bytes}", case.name);
        }
    }
}

#[test]
fn the_table_covers_every_way_a_response_can_be_malformed() {
    let cases = hostile::cases();
    for how in malformed::ALL {
        let name = format!("{how:?}");
        assert!(
            cases.iter().any(|case| case.malformed == Some(&name)),
            "{name}"
        );
    }
    let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
}

/// Bytes that resemble a response: words of the protocol in any order, and a few of anything.
fn resembling() -> impl Strategy<Value = Vec<u8>> {
    let words: &[&'static str] = &[
        "HTTP/1.1 200 OK",
        "HTTP/1.0 200",
        "HTTP/1.1 100 C\r\n\r\n",
        "HTTP/1.1 204 x",
        "\r\n",
        "\r\n",
        "\n",
        "\r",
        " ",
        "\t",
        ":",
        "Content-Length: ",
        "Transfer-Encoding: ",
        "chunked",
        "Location: ",
        "X: ",
        "5",
        "05",
        ",",
        "0",
        "a",
        ";",
        "hello",
        "\r\n\r\n",
        "5\r\nhello\r\n",
        "0\r\n\r\n",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
    ];
    let word = prop_oneof![
        9 => prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

fn plain(response: Vec<u8>) -> Case {
    let mut case = hostile::cases().swap_remove(0);
    case.response = response;
    case
}

/// Cuts `bytes` into pieces whose lengths go round `lengths`.
fn cut<'b>(mut bytes: &'b [u8], lengths: &[usize]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    for length in lengths.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*length).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_typed_result_that_no_cut_changes(
        front in prop_oneof![Just(&b""[..]), Just(&b"HTTP/1.1 200 OK\r\n"[..]),
            Just(&b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..])],
        back in resembling(),
        lengths in prop::collection::vec(1usize..9, 1..6),
        sink_bytes in 1usize..9,
    ) {
        let case = plain([front, &back].concat());
        let whole = pour(&case, [case.response.as_slice()], usize::MAX);
        prop_assert!(whole.result.is_some(), "a FIN decides everything");
        prop_assert_eq!(&pour(&case, cut(&case.response, &lengths), sink_bytes), &whole);
    }

    #[test]
    fn a_flipped_byte_ends_in_a_typed_result_that_no_cut_changes(
        index in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        lengths in prop::collection::vec(1usize..9, 1..6),
        sink_bytes in 1usize..9,
    ) {
        let mut cases = hostile::cases();
        cases.retain(|case| (1..2_048).contains(&case.response.len()));
        let mut case = index.get(&cases).clone();
        let at = at.index(case.response.len());
        case.response[at] = byte;
        let whole = pour(&case, [case.response.as_slice()], usize::MAX);
        prop_assert_eq!(&pour(&case, cut(&case.response, &lengths), sink_bytes), &whole);
    }

    #[test]
    fn any_payload_comes_out_of_any_chunks(
        payload in prop::collection::vec(any::<u8>(), 0..300),
        chunks in prop::collection::vec(1usize..40, 1..6),
        lengths in prop::collection::vec(1usize..9, 1..6),
        sink_bytes in 1usize..9,
    ) {
        let mut response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in cut(&payload, &chunks) {
            response.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
            response.extend_from_slice(chunk);
            response.extend_from_slice(b"\r\n");
        }
        response.extend_from_slice(b"0\r\n\r\nmore");
        let case = plain(response);
        let outcome = pour(&case, cut(&case.response, &lengths), sink_bytes);
        prop_assert_eq!(outcome.result, Some(Ok(Proof::LastChunk)));
        prop_assert_eq!(outcome.delivered, payload);
    }
}
