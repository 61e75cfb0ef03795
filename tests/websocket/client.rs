//! The client's half of the handshake, against our server and against servers that get it wrong.

use tickwire::http::{Header, HeaderError, Url};
use tickwire::websocket::{
    ClientRequest, ClientSession, HandshakeError, Violation, WebSocketError, accept_key,
};
use tickwire::{
    Backoff, Client, ClientOptions, Connection, Error, NoRetry, Received, Retry, Session, Step,
    TimeoutKind,
};

use super::handshake::serve_site;
use super::*;

/// Says something, waits for its echo, and closes.
#[derive(Default)]
struct Hello {
    is_said: bool,
    heard: Vec<String>,
    ended: Option<Result<(), WebSocketError>>,
}

impl Endpoint for Hello {
    fn on_open(&mut self, channel: &mut Channel) {
        self.is_said = channel.send(Part::text("hello"));
    }

    fn on_part(&mut self, channel: &mut Channel, part: Part) -> bool {
        self.heard.push(part.as_text().unwrap().to_owned());
        channel.close(CloseCode::NORMAL, "all was said");
        true
    }

    fn on_end(&mut self, result: &Result<(), WebSocketError>) {
        self.ended = Some(*result);
    }
}

type HelloClient = Client<ClientSession<'static, Hello>>;

fn start(net: &mut Fixture, path: &str, protocols: &'static [&'static str]) -> TaskId<HelloClient> {
    start_with(net, path, protocols, Hello::default(), NoRetry)
}

fn start_with<E: Endpoint + 'static, R: Retry + 'static>(
    net: &mut Fixture,
    path: &str,
    protocols: &'static [&'static str],
    endpoint: E,
    retry: R,
) -> TaskId<Client<ClientSession<'static, E>, R>> {
    let url = format!("ws://10.0.0.1{path}").leak();
    let url = Url::parse_websocket(url).unwrap();
    let request = ClientRequest::new(&url, &[], protocols).unwrap();
    let options = Options::default();
    let location = leak(0, 100);
    let session = ClientSession::new(request, location, leak(0, 500), options, endpoint);
    let socket = net.add_socket(CALLER, BUFFER);
    let remote = url.endpoint().unwrap();
    let client = Client::with_retry(socket, remote, session, ClientOptions::default(), retry);
    net.start(CALLER, client)
}

#[test]
fn a_client_talks_with_our_server_and_both_end_in_order() {
    let (mut net, _) = serve_site(&[]);
    let client = start(&mut net, "/ws", &["chat"]);
    assert_eq!(net.finish(client, secs(60)), Ok(()), "{}", net.log.borrow());
    let session = net.app(client).session();
    assert_eq!(session.endpoint().heard, ["hello"]);
    assert_eq!(session.endpoint().ended, Some(Ok(())));
    assert_eq!(session.protocol(), Some("chat"));
    net.run(secs(3));
    assert_eq!(end(&net), "disconnected");
    assert!(net.has_told(SERVER, "Closed { code: Some(CloseCode(1000)) }"));
}

#[test]
fn a_refusal_is_its_status_and_a_redirect_is_told_and_not_followed() {
    for (path, status, location) in [
        ("/none", 404, &b""[..]),
        ("/busy", 503, b""),
        ("/moved", 302, b"/ws"),
    ] {
        let (mut net, _) = serve_site(&[]);
        let client = start(&mut net, path, &[]);
        let refused = Err(WebSocketError::Status(status));
        assert_eq!(net.finish(client, secs(60)), refused);
        let session = net.app(client).session();
        assert_eq!(session.location(), location);
        assert!(!session.is_open() && session.endpoint().ended.is_none());
    }
}

#[test]
fn nobody_and_silence_are_told_apart() {
    let mut net = Fixture::guarded(1, 3);
    let client = start(&mut net, "/ws", &[]);
    let refused = WebSocketError::Connection(Error::Refused);
    assert_eq!(net.finish(client, secs(60)), Err(refused));
    let mut net = Fixture::guarded(1, 3);
    net.script(SERVER, Opening::Listen(80), &[Act::Wait(secs(60))]);
    let client = start(&mut net, "/ws", &[]);
    let silent = Error::TimedOut(TimeoutKind::Reply);
    let silent = WebSocketError::Connection(silent);
    assert_eq!(net.finish(client, secs(60)), Err(silent));
    assert_eq!(net.now().as_millis(), 10_000);
}

/// A server that gives the right answer with some changes, and what follows it.
struct Wrong {
    /// Replaced in the answer, and by what.
    change: (&'static str, &'static str),
    then: &'static [u8],
    request: Vec<u8>,
    is_answered: bool,
}

impl Session for Wrong {
    type Error = Error;

    fn name(&self) -> &'static str {
        "wrong"
    }

    fn begin(&mut self, _: &mut Connection) -> Result<(), Error> {
        self.request.clear();
        self.is_answered = false;
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        let mut buffer = [0; 100];
        match connection.read(&mut buffer)? {
            Received::Data(bytes) => self.request.extend_from_slice(bytes),
            Received::Nothing => return Ok(Step::Wait),
            Received::End => return Ok(Step::Done),
        }
        if !self.is_answered && self.request.ends_with(b"\r\n\r\n") {
            self.is_answered = true;
            let request = str::from_utf8(&self.request).unwrap();
            check_request(request);
            let (_, key) = request.split_once("Sec-WebSocket-Key: ").unwrap();
            let accept = accept_key(&key[..24]);
            let answer = format!(
                "HTTP/1.1 101 Sure\r\nUpgrade: WebSocket\r\nConnection: x, upgrade\r\n\
                 Sec-WebSocket-Accept: {accept}\r\nX: y\r\n\r\n"
            );
            let answer = answer.replace(self.change.0, self.change.1);
            assert!(connection.write_all(&[answer.as_bytes(), self.then].concat())?);
        }
        Ok(Step::Again)
    }
}

fn check_request(request: &str) {
    let (line, fields) = request.split_once("\r\n").unwrap();
    assert_eq!(line, "GET /ws HTTP/1.1");
    for field in [
        "Host: 10.0.0.1\r\n",
        "\r\nConnection: Upgrade\r\n",
        "\r\nUpgrade: websocket\r\n",
        "\r\nSec-WebSocket-Version: 13\r\n",
        "\r\nSec-WebSocket-Protocol: one, two\r\n",
    ] {
        assert!(fields.contains(field), "{field:?} is not in {request}");
    }
}

/// How a client ends with a server that is wrong in this way.
fn result_with(
    change: (&'static str, &'static str),
    then: &'static [u8],
) -> Result<(), WebSocketError> {
    let mut net = serve_wrong(change, then);
    let client = start(&mut net, "/ws", &["one", "two"]);
    net.finish(client, secs(60))
}

/// A server that is wrong in this way.
fn serve_wrong(change: (&'static str, &'static str), then: &'static [u8]) -> Fixture {
    let mut net = Fixture::guarded(1, 3);
    let socket = net.add_socket(SERVER, BUFFER);
    let wrong = Wrong {
        change,
        then,
        request: Vec::new(),
        is_answered: false,
    };
    let server = Server::new([socket], PORT, [wrong], ServerOptions::default());
    net.start(SERVER, server);
    net
}

#[test]
fn a_server_that_accepts_and_closes_is_asked_ever_more_rarely_and_one_that_talks_is_not() {
    for (then, delays) in [
        (&b"\x88\x02\x03\xf4"[..], ["1000", "2000", "4000", "8000"]),
        (
            b"\x89\x00\x88\x02\x03\xf4",
            ["1000", "2000", "4000", "8000"],
        ),
        (
            b"\x8a\x00\x88\x02\x03\xf4",
            ["1000", "1000", "1000", "1000"],
        ),
        (
            b"\x81\x01a\x88\x02\x03\xf4",
            ["1000", "1000", "1000", "1000"],
        ),
    ] {
        let mut net = serve_wrong(("Sure", "Fine"), then);
        let backoff = Backoff::new(secs(1), secs(20)).without_jitter();
        start_with(&mut net, "/ws", &["one", "two"], Echo::default(), backoff);
        net.run(secs(60));
        let told = net.told(CALLER);
        let told = told
            .iter()
            .filter_map(|line| line.strip_prefix("retrying in "));
        let told: Vec<_> = told.take(4).collect();
        assert_eq!(told, delays, "{then:?}");
    }
}

#[test]
fn an_answer_that_is_no_websockets_is_refused() {
    use HandshakeError::{Accept, Extension, NoUpgrade, Protocol};
    const BYE: &[u8] = b"\x88\x02\x03\xe8";
    assert_eq!(result_with(("Sure", "Fine"), BYE), Ok(()));
    let protocol = ("X: y", "Sec-WebSocket-Protocol: two");
    assert_eq!(result_with(protocol, BYE), Ok(()));
    for (change, error) in [
        (("Upgrade: WebSocket\r\n", ""), NoUpgrade),
        (("Upgrade: WebSocket", "Upgrade: h2c"), NoUpgrade),
        (("x, upgrade", "keep-alive"), NoUpgrade),
        (("Sec-WebSocket-Accept", "X-Accept"), Accept),
        (("Accept: ", "Accept: A"), Accept),
        (
            ("X: y", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            Accept,
        ),
        (("X: y", "Sec-WebSocket-Protocol: three"), Protocol),
        (("X: y", "Sec-WebSocket-Protocol: one, two"), Protocol),
        (
            (
                "X: y",
                "Sec-WebSocket-Protocol: one\r\nSec-WebSocket-Protocol: one",
            ),
            Protocol,
        ),
        (
            ("X: y", "Sec-WebSocket-Extensions: permessage-deflate"),
            Extension,
        ),
    ] {
        let refused = Err(WebSocketError::Handshake(error));
        assert_eq!(result_with(change, BYE), refused, "{change:?}");
    }
    let malformed = result_with(("HTTP/1.1", "HTTP/2"), b"");
    assert!(matches!(malformed, Err(WebSocketError::Malformed(_))));
}

#[test]
fn a_server_that_breaks_the_protocol_is_told_so() {
    for (bytes, how) in [
        (&b"\x81\x81\0\0\0\0a"[..], Violation::Masked),
        (b"\xf1\x00", Violation::ReservedBits),
        (b"\x81\x01\xff", Violation::NotUtf8),
    ] {
        let result = result_with(("Sure", "Fine"), bytes);
        assert_eq!(result, Err(WebSocketError::Violation(how)));
    }
    let closed = result_with(("Sure", "Fine"), b"\x88\x02\x03\xf3");
    let code = CloseCode(1011);
    assert_eq!(closed, Err(WebSocketError::ClosedByPeer(code)));
}

#[test]
fn fields_of_the_handshake_are_not_the_callers_to_set() {
    let url = Url::parse_websocket("ws://a.example/").unwrap();
    let request = |name, protocols| {
        let headers: &'static [Header] = vec![Header { name, value: "x" }].leak();
        ClientRequest::new(&url, headers, protocols).map(drop)
    };
    assert_eq!(request("Origin", &["a"]), Ok(()));
    for name in ["upgrade", "Sec-WebSocket-Key", "Connection"] {
        assert_eq!(request(name, &[]), Err(HeaderError::Reserved));
    }
    assert_eq!(request("Origin", &["a b"]), Err(HeaderError::ValueByte));
    assert_eq!(request("Origin", &[""]), Err(HeaderError::ValueByte));
}
