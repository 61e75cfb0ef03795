//! Response heads: the same at every split, and as httparse reads them, but for the differences named here.

use httparse::{Header, ParserConfig, Status};
use tickwire::http::{Framing, Head, HeadParser, INTERIM_HEADS_MAX, Location, Malformed};

use crate::pieces::Cuts;

/// Small, so that heads over the limit are found.
const HEAD_BYTES_MAX: usize = 200;
const LOCATION_BYTES_MAX: usize = 24;

/// A response and the cuts.
pub fn run(data: &[u8]) {
    let Some((bytes, cuts)) = Cuts::split_off(data) else {
        return;
    };
    let whole = read([bytes].into_iter());
    assert_eq!(
        whole,
        read(cuts.pieces(bytes)),
        "the cuts changed the result"
    );
    compare(bytes, &whole);
}

#[derive(Debug, PartialEq, Eq)]
struct Reading {
    /// The head, and how many bytes it took.
    outcome: Result<Option<(Head, usize)>, Malformed>,
    location: Vec<u8>,
    location_is_truncated: bool,
}

fn read<'d>(pieces: impl Iterator<Item = &'d [u8]>) -> Reading {
    let mut memory = [0; LOCATION_BYTES_MAX];
    let mut location = Location::new(&mut memory);
    let mut parser = HeadParser::new(HEAD_BYTES_MAX as u32);
    let mut taken = 0;
    let mut outcome = Ok(None);
    for piece in pieces {
        match parser.feed(piece, &mut location) {
            Ok((count, head)) => {
                taken += count;
                outcome = Ok(head.map(|head| (head, taken)));
            }
            Err(how) => outcome = Err(how),
        }
        if outcome != Ok(None) {
            let again = parser.feed(b"x", &mut location);
            let again = again.map(|(_, head)| head.map(|head| (head, taken)));
            assert_eq!(again, outcome, "an outcome is final");
            break;
        }
    }
    Reading {
        outcome,
        location: location.as_bytes().to_vec(),
        location_is_truncated: location.is_truncated(),
    }
}

fn compare(bytes: &[u8], ours: &Reading) {
    let mut bytes = bytes.to_vec();
    let mut start = 0;
    for interim in 0..=u8::MAX {
        let rest = &mut bytes[start..];
        let version_minor = hide_minor_version(rest);
        let mut headers = vec![httparse::EMPTY_HEADER; rest.len()];
        let mut theirs = httparse::Response::new(&mut headers);
        let parsed = config().parse_response(&mut theirs, rest);
        let Ok(Status::Complete(len)) = parsed else {
            return compare_unfinished(rest, ours, parsed);
        };
        let status = theirs.code.expect("a complete head has a status");
        let head = Theirs {
            bytes: &rest[..len],
            status,
            version_minor: version_minor.unwrap_or(theirs.version.expect("and a version")),
            headers: theirs.headers,
        };
        let complaints = head.complaints(interim);
        if !complaints.is_empty() {
            let how = ours.outcome.expect_err("we are stricter here");
            assert!(
                complaints.contains(&how),
                "{how:?} is none of {complaints:?}"
            );
            return;
        }
        start += len;
        if status >= 200 {
            assert_eq!(ours.outcome, Ok(Some((head.expected(), start))));
            return head.compare_location(ours);
        }
    }
}

/// **Difference: folds.** We accept folded lines in fields of no interest, as httparse does when it is asked to.
fn config() -> ParserConfig {
    let mut config = ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    config
}

/// **Difference: minor versions.** We accept every `HTTP/1.x` (RFC 9110, 2.5: an unknown minor version is read as the highest
/// known one), httparse only 0 and 1, so it is shown a 1.
fn hide_minor_version(head: &mut [u8]) -> Option<u8> {
    let minor = head.strip_prefix(b"HTTP/1.")?.first()?;
    let minor = minor.is_ascii_digit().then(|| minor - b'0')?;
    if minor > 1 {
        head[7] = b'1';
    }
    Some(minor)
}

/// httparse has not found a whole head.
fn compare_unfinished(rest: &[u8], ours: &Reading, parsed: httparse::Result<usize>) {
    match (parsed, &ours.outcome) {
        (Ok(_), Ok(None)) | (Err(_), Err(_)) => {}
        // **Difference: the time.** We judge each byte as it comes, httparse no value at all, and for this reason
        // not before the end of a head.
        (Ok(_), Err(how)) => assert!(
            matches!(
                how,
                Malformed::StatusLine
                    | Malformed::SwitchingProtocols
                    | Malformed::UnexpectedStatus
                    | Malformed::TooManyInterim
                    | Malformed::FoldedLength
                    | Malformed::Length
                    | Malformed::DifferingLengths
                    | Malformed::Coding
                    | Malformed::HeadTooLong
            ),
            "{how:?} in a head that httparse likes so far"
        ),
        // **Difference: the byte.** httparse refuses a CR or a blank in a name at once, we the byte behind it, which
        // tells what was meant.
        (Err(_), Ok(None)) => {
            for next in [b"x", b":", b"\n"] {
                let outcome = read([rest, next].into_iter()).outcome;
                assert!(outcome.is_err(), "{outcome:?} behind what httparse refuses");
            }
        }
        (theirs, ours) => panic!("httparse says {theirs:?}, we say {ours:?}"),
    }
}

/// A head as httparse read it.
struct Theirs<'h, 'b> {
    bytes: &'b [u8],
    status: u16,
    version_minor: u8,
    headers: &'h [Header<'b>],
}

impl Theirs<'_, '_> {
    /// **Difference: meaning.** httparse reads the form alone. These are the errors that we must find in what the
    /// head says; one of them is ours, the one that comes first.
    fn complaints(&self, interim: u8) -> Vec<Malformed> {
        let mut complaints = Vec::new();
        // httparse skips empty lines before the status line (RFC 9112, 2.2 asks that of servers only).
        if self.bytes.starts_with(b"\r") || self.bytes.starts_with(b"\n") {
            complaints.push(Malformed::StatusLine);
        }
        match self.status {
            0..=99 => complaints.push(Malformed::StatusLine),
            101 => complaints.push(Malformed::SwitchingProtocols),
            100..=199 if interim >= INTERIM_HEADS_MAX => complaints.push(Malformed::TooManyInterim),
            206 | 304 => complaints.push(Malformed::UnexpectedStatus),
            _ => {}
        }
        if self.bytes.len() > HEAD_BYTES_MAX {
            complaints.push(Malformed::HeadTooLong);
        }
        let mut framing = self
            .named("content-length")
            .chain(self.named("transfer-encoding"));
        if framing.any(|header| self.is_folded(header)) {
            complaints.push(Malformed::FoldedLength);
        }
        let lengths: Vec<_> = self.lengths().collect();
        if lengths.contains(&None) {
            complaints.push(Malformed::Length);
        }
        if lengths.windows(2).any(|pair| pair[0] != pair[1]) {
            complaints.push(Malformed::DifferingLengths);
        }
        let codings: Vec<_> = self.named("transfer-encoding").collect();
        let is_chunked = |coding: &&Header<'_>| coding.value.eq_ignore_ascii_case(b"chunked");
        if codings.len() > 1 || !codings.iter().all(is_chunked) {
            complaints.push(Malformed::Coding);
        }
        match (self.is_chunked(), lengths.is_empty()) {
            (true, false) => complaints.push(Malformed::LengthAndCoding),
            (true, true) if self.version_minor == 0 => complaints.push(Malformed::CodingInHttp10),
            _ => {}
        }
        complaints
    }

    fn named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Header<'s>> {
        self.headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
    }

    /// Whether the line behind that of the name begins with a blank.
    fn is_folded(&self, header: &Header<'_>) -> bool {
        let name_at = header.name.as_ptr() as usize - self.bytes.as_ptr() as usize;
        let behind = &self.bytes[name_at..];
        let line_end = behind.iter().position(|&byte| byte == b'\n');
        line_end.is_some_and(|at| matches!(behind.get(at + 1), Some(b' ' | b'\t')))
    }

    /// All numbers of all Content-Lengths, none for what is no number.
    fn lengths(&self) -> impl Iterator<Item = Option<u64>> {
        let elements = |header: &Header<'_>| {
            let text = String::from_utf8_lossy(header.value).into_owned();
            let elements = text
                .split(',')
                .map(|element| element.trim_matches([' ', '\t']));
            elements.map(str::to_owned).collect::<Vec<_>>()
        };
        self.named("content-length")
            .flat_map(elements)
            .map(|element| {
                let is_number = element.bytes().all(|byte| byte.is_ascii_digit());
                element.parse().ok().filter(|_| is_number)
            })
    }

    fn is_chunked(&self) -> bool {
        self.named("transfer-encoding").next().is_some()
    }

    fn expected(&self) -> Head {
        let framing = match (
            self.status,
            self.is_chunked(),
            self.lengths().next().flatten(),
        ) {
            (204, ..) => Framing::Empty,
            (_, true, _) => Framing::Chunked,
            (_, false, Some(length)) => Framing::Length(length),
            (_, false, None) => Framing::Close,
        };
        Head {
            status: self.status,
            version_minor: self.version_minor,
            framing,
        }
    }

    /// The first Location that says something, of a redirect alone, with its folds taken out.
    fn compare_location(&self, ours: &Reading) {
        let unfolded = |header: &Header<'_>| {
            let bytes = header.value.iter().copied();
            bytes
                .filter(|byte| !matches!(byte, b'\r' | b'\n'))
                .collect::<Vec<_>>()
        };
        let mut locations = self.named("location").map(unfolded);
        let location = locations.find(|location| !location.is_empty());
        let expected = location
            .filter(|_| (300..400).contains(&self.status))
            .unwrap_or_default();
        if ours.location_is_truncated {
            assert!(expected.len() > LOCATION_BYTES_MAX);
            assert_eq!(ours.location, &expected[..LOCATION_BYTES_MAX]);
        } else {
            assert_eq!(ours.location, expected);
        }
    }
}
