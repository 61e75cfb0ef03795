//! What the server of these tests serves.

use std::task::Poll;

use tickwire::http::Header;
use tickwire::http::server::{Handler, Method, Reply, Request, Response, Switch};
use tickwire::{EchoSession, SinkError, SourceError};

/// Bodies that the site takes, in bytes.
pub(crate) const BODY_BYTES_MAX: u64 = 1_000;

/// One handler for all paths.
#[derive(Debug, Default)]
pub(crate) struct Site {
    /// What its streams give: `len` letters.
    len: u64,
    /// Bytes of the body that is coming in.
    pub(crate) body: Vec<u8>,
    /// How often it says that it is not ready before it is.
    delays: u32,
    /// What was called, by the first letter: `r`espond, `b`ody, `e`nd, `u`pgrade.
    pub(crate) calls: String,
}

/// The letter at this offset of every stream.
pub(crate) fn letter(offset: u64) -> u8 {
    b'a' + u8::try_from(offset % 26).unwrap()
}

impl Site {
    fn get(&mut self, request: &Request<'_>, response: Response<'_>) -> Reply {
        self.len = request.parameter("n").map_or(0, |n| n.parse().unwrap());
        let head = response.status(200);
        match request.path() {
            "/" => head.text("hello\n"),
            "/long" => head.stream(self.len),
            "/short" => head.stream(self.len + 1),
            "/chunks" => head.chunked(),
            "/big" => head.text(&"x".repeat(600)),
            "/split" => head.field("A", "b\r\nC: d").empty(),
            "/framed" => head.field("content-length", "5").empty(),
            "/dated" => head.field("Date", "Sun, 06 Nov 1994 08:49:37 GMT").empty(),
            "/kept" => head.field("connection", "keep-alive").empty(),
            _ => unreachable!("{} is not routed here", request.path()),
        }
    }
}

impl Handler for Site {
    type Upgrade = EchoSession;

    fn respond(&mut self, request: &Request<'_>, response: Response<'_>) -> Reply {
        self.calls.push('r');
        self.delays = 3;
        match (request.method(), request.path()) {
            (_, "/none") => response.status(204).empty(),
            (Method::Post, "/never") => response.status(403).reason(),
            (Method::Post, _) => {
                self.body.clear();
                response.receive(BODY_BYTES_MAX)
            }
            (Method::Get | Method::Head, "/" | "/long" | "/short" | "/chunks" | "/big")
            | (Method::Get, "/split" | "/framed" | "/dated" | "/kept") => {
                self.get(request, response)
            }
            (_, "/") => response.status(405).field("Allow", "GET, HEAD").reason(),
            _ => response.status(404).reason(),
        }
    }

    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        if data.contains(&b'!') {
            return Err(SinkError::Failed { code: 5 });
        }
        if data.contains(&b'?') {
            return Ok(0);
        }
        if data.contains(&b'~') && self.delays > 0 {
            self.delays -= 1;
            return Ok(0);
        }
        let taken = data.len().min(100);
        self.body.extend_from_slice(&data[..taken]);
        Ok(taken)
    }

    fn respond_to_body(
        &mut self,
        request: &Request<'_>,
        received: Result<(), SinkError>,
        response: Response<'_>,
    ) -> Poll<Reply> {
        if request.path() == "/never-answers" {
            return Poll::Pending;
        }
        if request.path() == "/later" && self.delays > 0 {
            self.delays -= 1;
            return Poll::Pending;
        }
        self.calls.push('b');
        Poll::Ready(match received {
            Ok(()) => response.status(200).bytes(&self.body),
            Err(_) => response.status(507).reason(),
        })
    }

    fn fill(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, SourceError>> {
        if offset > 0 && self.delays > 0 {
            self.delays -= 1;
            return Poll::Pending;
        }
        let rest = usize::try_from(self.len - offset).unwrap();
        let count = rest.min(buffer.len());
        for (place, offset) in buffer[..count].iter_mut().zip(offset..) {
            *place = letter(offset);
        }
        Poll::Ready(Ok(count))
    }

    fn upgrade(
        &mut self,
        request: &Request<'_>,
        response: Response<'_>,
        _session: &mut EchoSession,
    ) -> Result<Switch, Reply> {
        if !request.has_token("Upgrade", "echo") {
            return Err(self.respond(request, response));
        }
        if request.path() != "/echo" {
            return Err(response.status(403).reason());
        }
        self.calls.push('u');
        let field = Header {
            name: "X-Echo",
            value: "1",
        };
        Ok(response.switch_to("echo", &[field]))
    }

    fn end(&mut self) {
        self.calls.push('e');
    }
}
