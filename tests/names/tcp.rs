//! Answers over TCP.

use tickwire::dns::ResolveError;
use tickwire::{Connection, Error, Received, Server, ServerOptions, Session, Step};

use crate::common::fixture::ms;
use crate::reply::Reply;
use crate::rig::{DNS_PORT, RIGHT, Rig, WRONG, answer_to, right};

/// How a server answers over TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Whole,
    /// Byte by byte, each in a segment of its own.
    Drip,
    /// With the letters of the question in lower case.
    LowerCase,
    /// With an id of its own.
    OtherId,
    Half,
    Silent,
    Truncated,
    /// It announces more than we have room for.
    TooLong,
}

/// A name server over TCP.
struct OverTcp {
    manner: Manner,
    answer: Vec<u8>,
    sent: usize,
}

impl Session for OverTcp {
    type Error = Error;

    fn name(&self) -> &'static str {
        "dns-server"
    }

    fn begin(&mut self, _: &mut Connection) -> Result<(), Error> {
        self.answer.clear();
        self.sent = 0;
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        if self.answer.is_empty() {
            let received = connection.read_with(|bytes| (bytes.len(), bytes.to_vec()))?;
            let Received::Data(query) = received else {
                return Ok(Step::Wait);
            };
            // RFC 7766, 8: the length comes with the message, in one segment.
            assert_eq!(usize::from(query[1]) + 2, query.len());
            self.answer = self.manner.answer(&query[2..]);
        }
        let rest = self.answer.get(self.sent..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(match self.manner {
                Manner::Half => Step::Done,
                _ => Step::Wait,
            });
        }
        if self.manner == Manner::Drip && connection.unacknowledged() > 0 {
            return Ok(Step::Wait);
        }
        let count = if self.manner == Manner::Drip {
            1
        } else {
            rest.len()
        };
        self.sent += connection.write(&rest[..count])?;
        Ok(Step::Again)
    }
}

impl Manner {
    fn answer(self, query: &[u8]) -> Vec<u8> {
        let mut reply = answer_to(query, RIGHT);
        match self {
            Self::LowerCase => reply.bytes[12..28].make_ascii_lowercase(),
            Self::OtherId => reply.bytes[0] ^= 1,
            Self::Truncated => reply = reply.truncated(),
            Self::Silent => return Vec::new(),
            Self::Whole | Self::Drip | Self::Half | Self::TooLong => {}
        }
        let length = match self {
            Self::TooLong => u16::MAX,
            _ => u16::try_from(reply.bytes.len()).unwrap(),
        };
        let mut message = [&length.to_be_bytes()[..], &reply.bytes].concat();
        if self == Self::Half {
            message.truncate(20);
        }
        message
    }
}

/// A rig whose server answers over TCP.
fn rig(manner: Manner) -> Rig {
    let mut rig = Rig::new(1);
    let sockets = [rig.net.add_socket(1, 1_024), rig.net.add_socket(1, 1_024)];
    let sessions = sockets.map(|_| OverTcp {
        manner,
        answer: Vec::new(),
        sent: 0,
    });
    let server = Server::new(sockets, DNS_PORT, sessions, ServerOptions::default());
    rig.net.start(1, server);
    rig
}

/// The outcome of a lookup whose answer found no room in a datagram.
fn truncated(manner: Manner) -> Result<Vec<smoltcp::wire::IpAddress>, ResolveError> {
    let mut rig = rig(manner);
    let lookup = rig.look_up("www.example.com");
    let question = rig.question(1);
    let reply = Reply::to(&question.bytes)
        .a("www.example.com", 60, WRONG)
        .truncated();
    rig.send(1, question.from, &reply.bytes);
    rig.finish(lookup)
}

#[test]
fn an_answer_that_found_no_room_comes_over_tcp() {
    for manner in [Manner::Whole, Manner::Drip, Manner::LowerCase] {
        assert_eq!(truncated(manner), Ok(right()), "{manner:?}");
    }
}

#[test]
fn a_server_that_fails_over_tcp_has_failed() {
    for manner in [
        Manner::OtherId,
        Manner::Half,
        Manner::Truncated,
        Manner::TooLong,
    ] {
        assert_eq!(
            truncated(manner),
            Err(ResolveError::ServerFailed),
            "{manner:?}"
        );
    }
}

#[test]
fn nobody_waits_for_ever_over_tcp() {
    assert_eq!(truncated(Manner::Silent), Err(ResolveError::NoAnswer));
}

#[test]
fn a_server_without_tcp_has_failed() {
    let mut rig = Rig::new(2);
    let lookup = rig.look_up("www.example.com");
    let first = rig.question(1);
    rig.send(1, first.from, &Reply::to(&first.bytes).truncated().bytes);
    let second = rig.question(2);
    rig.answer(2, &second);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

#[test]
fn two_truncated_answers_share_the_connection_one_after_the_other() {
    let mut rig = rig(Manner::Whole);
    let lookups = ["a.x", "b.x"].map(|name| rig.look_up(name));
    for _ in lookups {
        let question = rig.question(1);
        rig.send(
            1,
            question.from,
            &Reply::to(&question.bytes).truncated().bytes,
        );
    }
    for lookup in lookups {
        assert_eq!(rig.finish(lookup), Ok(right()));
    }
}

#[test]
fn a_changed_case_is_asked_again_over_tcp() {
    let mut rig = rig(Manner::Whole);
    let lookup = rig.look_up("www.example.com");
    let question = rig.question(1);
    let mut bytes = answer_to(&question.bytes, WRONG).bytes;
    bytes[13] ^= 0x20;
    rig.send(1, question.from, &bytes);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

#[test]
fn who_guesses_a_few_times_meets_tcp() {
    let mut rig = rig(Manner::Whole);
    let lookup = rig.look_up("www.example.com");
    let question = rig.question(1);
    for guess in 0..4 {
        let mut bytes = answer_to(&question.bytes, WRONG).bytes;
        bytes[0] ^= guess + 1;
        rig.send(1, question.from, &bytes);
    }
    rig.net.run(ms(100));
    assert_eq!(rig.finish(lookup), Ok(right()));
}
