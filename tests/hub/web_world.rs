//! Members of a hub over WebSockets, after the handshake.

use std::collections::VecDeque;

use tickwire::hub::{Hub, TextMember};
use tickwire::websocket::{
    CloseCode, Decoder, Delivery, Endpoint, FrameHeader, Incoming, Mask, Opcode, Options, WebSocket,
};
use tickwire::{
    Client, Connection, Deadline, Error, Received, Role, Server, ServerOptions, Session, Step,
    TimeoutKind,
};

use crate::common::fixture::{BUFFER, Fixture, TaskId, leak};
use crate::world::{self, CALLERS, HUB, NEVER};

pub(crate) const WEB_PORT: u16 = 80;
/// Longest message that a member may send.
pub(crate) const MESSAGE_BYTES: usize = 8_192;

pub(crate) type WebTalker = Client<WebTalk>;

/// Lets host 0 serve WebSockets of these endpoints.
pub(crate) fn serve<E: Endpoint + 'static>(net: &mut Fixture, endpoint: impl Fn() -> E) {
    let sockets = [(); CALLERS].map(|()| net.add_socket(HUB, BUFFER));
    let sessions = [(); CALLERS]
        .map(|()| WebSocket::server(leak(0, MESSAGE_BYTES), Options::default(), endpoint()));
    let options = ServerOptions::default();
    net.start(HUB, Server::new(sockets, WEB_PORT, sessions, options));
}

/// Lets host 0 serve WebSockets for members who talk in texts.
pub(crate) fn serve_texts(net: &mut Fixture, hub: &'static Hub<'static>) {
    serve(net, || TextMember::new(hub));
}

/// A browser, or a script: says what its test wants, and keeps what it hears.
pub(crate) struct WebTalk {
    /// Frames that it still has to send.
    says: VecDeque<u8>,
    decoder: Decoder<'static>,
    pub(crate) heard: Vec<String>,
    pub(crate) closed: Option<CloseCode>,
    /// It reads nothing.
    pub(crate) is_frozen: bool,
    /// It answers no ping of Engine.IO.
    pub(crate) is_mute: bool,
    /// It speaks Engine.IO.
    is_engine: bool,
}

impl WebTalk {
    fn new(is_engine: bool) -> Self {
        let buffer = leak(0, MESSAGE_BYTES);
        Self {
            says: VecDeque::new(),
            decoder: Decoder::new(buffer, Delivery::Whole, u64::MAX, Role::Client),
            heard: Vec::new(),
            closed: None,
            is_frozen: false,
            is_mute: false,
            is_engine,
        }
    }

    pub(crate) fn send(&mut self, opcode: Opcode, payload: &[u8]) {
        let mask = Mask([1, 2, 3, 4]);
        let header = FrameHeader {
            is_last: true,
            opcode,
            mask: Some(mask),
            length: payload.len() as u64,
        };
        let mut payload = payload.to_vec();
        mask.apply(0, &mut payload);
        self.says
            .extend(header.encode().iter().copied().chain(payload));
    }

    fn take(&mut self) {
        let (mut pong, is_mute) = (None, self.is_mute);
        match self.decoder.ready().unwrap() {
            Incoming::Part(part) => {
                let text = part.as_text().expect("a text").to_owned();
                match text.as_str() {
                    "2" if is_mute => {}
                    "2" if self.is_engine => pong = Some((Opcode::Text, b"3".to_vec())),
                    _ => self.heard.push(text),
                }
            }
            Incoming::Ping(payload) => pong = Some((Opcode::Pong, payload.to_vec())),
            Incoming::Pong(_) => {}
            Incoming::Close(code, _) => self.closed = code,
        }
        self.decoder.take();
        if let Some((opcode, payload)) = pong {
            self.send(opcode, &payload);
        }
        if self.closed.is_some() {
            self.send(Opcode::Close, &[]);
        }
    }
}

impl Session for WebTalk {
    type Error = Error;

    fn name(&self) -> &'static str {
        "web"
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), Error> {
        connection.set_idle_timeout(None, TimeoutKind::Receive);
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        let bytes = self.says.make_contiguous();
        let count = connection.write(bytes)?;
        self.says.drain(..count);
        if self.is_frozen {
            return Ok(Step::Wait);
        }
        if self.decoder.is_ready() {
            self.take();
            return Ok(Step::Again);
        }
        let decoder = &mut self.decoder;
        let read = connection.read_with(|bytes| (decoder.feed(bytes).unwrap(), ()))?;
        Ok(match read {
            Received::Data(()) => Step::Again,
            Received::Nothing => Step::Wait,
            Received::End => Step::Done,
        })
    }

    fn deadline(&self) -> Option<Deadline> {
        Some(NEVER)
    }
}

fn call_as(net: &mut Fixture, host: usize, is_engine: bool) -> TaskId<WebTalker> {
    world::call(net, host, WEB_PORT, WebTalk::new(is_engine))
}

/// Lets somebody at a host connect.
pub(crate) fn call(net: &mut Fixture, host: usize) -> TaskId<WebTalker> {
    call_as(net, host, false)
}

/// Lets a client of Engine.IO at a host connect.
pub(crate) fn call_engine(net: &mut Fixture, host: usize) -> TaskId<WebTalker> {
    call_as(net, host, true)
}

/// Lets somebody say something.
pub(crate) fn say(net: &mut Fixture, id: TaskId<WebTalker>, text: &str) {
    net.app_mut(id)
        .session_mut()
        .send(Opcode::Text, text.as_bytes());
}

/// What somebody has heard.
pub(crate) fn heard(net: &Fixture, id: TaskId<WebTalker>) -> Vec<String> {
    net.app(id).session().heard.clone()
}

/// With which code somebody was closed.
pub(crate) fn closed(net: &Fixture, id: TaskId<WebTalker>) -> Option<u16> {
    net.app(id).session().closed.map(|code| code.0)
}
