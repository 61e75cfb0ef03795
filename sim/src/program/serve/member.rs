//! A member who plays by the rules: a terminal, a browser, or a client of Socket.IO.

use std::collections::VecDeque;

use tickwire::{Connection, Deadline, Duration, Error, Received, Session, Step, Tick, TimeoutKind};

/// A member that has heard nothing for so long wants to know whether its hub is still there: a client
/// of Socket.IO gives up, and so does a browser, which hears a Ping more often; a user at a terminal
/// asks who is there.
const SILENCE_MAX: Duration = Duration::from_secs(50);

/// How a member talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    /// In the lobby.
    Lines,
    Text,
    SocketIo,
}

/// What a member says and hears on one connection.
pub(super) struct Member {
    task_name: &'static str,
    speech: Speech,
    room: &'static str,
    /// Of this member and this connection alone.
    tag: String,
    out: VecDeque<u8>,
    pub(super) incoming: Vec<u8>,
    /// The parts of a message that is not whole.
    fragments: Vec<u8>,
    is_upgraded: bool,
    /// It is in its room.
    pub(super) is_in: bool,
    pub(super) heard: Vec<String>,
    /// How many messages and events it has said.
    pub(super) said: u32,
    /// It reads nothing.
    pub(super) is_frozen: bool,
    /// When it has heard something last, or has asked.
    heard_at: Tick,
    /// Since then it has asked who is there.
    has_asked: bool,
    /// It ends: in order, or by RST.
    pub(super) end: Option<bool>,
}

impl Member {
    pub(super) fn new(
        task_name: &'static str,
        speech: Speech,
        room: &'static str,
        tag: String,
    ) -> Self {
        let mut member = Self {
            task_name,
            speech,
            room,
            tag,
            out: VecDeque::new(),
            incoming: Vec::new(),
            fragments: Vec::new(),
            is_upgraded: speech == Speech::Lines,
            is_in: false,
            heard: Vec::new(),
            said: 0,
            is_frozen: false,
            heard_at: Tick::ZERO,
            has_asked: false,
            end: None,
        };
        let target = match speech {
            Speech::Lines => return member,
            Speech::Text => format!("/ws?room={room}"),
            Speech::SocketIo => "/socket.io/?EIO=4&transport=websocket".to_owned(),
        };
        member.out.extend(handshake(&target).bytes());
        member
    }

    /// Says the next message, with filling up to `len` bytes; as an event where it can.
    pub(super) fn say(&mut self, len: usize, is_event: bool) {
        let front = format!("our{}#{};", self.tag, self.said);
        let text = format!("{front:.<len$}");
        let space = self.namespace();
        match self.speech {
            Speech::Lines => self.out.extend(format!("{text}\n").bytes()),
            Speech::Text => self.send(0x1, text.as_bytes()),
            Speech::SocketIo => {
                let event = if is_event { "event" } else { "message" };
                self.send(0x1, format!("42{space}[\"{event}\",\"{text}\"]").as_bytes());
            }
        }
        self.said += 1;
    }

    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    pub(super) fn wants_packets(&self) -> bool {
        self.speech == Speech::SocketIo
    }

    fn namespace(&self) -> String {
        match self.room {
            "lobby" => String::new(),
            room => format!("/{room},"),
        }
    }

    /// A frame with a mask that changes nothing.
    fn send(&mut self, opcode: u8, payload: &[u8]) {
        self.out.extend(frame(opcode, payload));
    }

    /// Takes what has come apart.
    fn take(&mut self) -> Result<(), Error> {
        if !self.is_upgraded {
            let end = self
                .incoming
                .windows(4)
                .position(|four| four == b"\r\n\r\n");
            let Some(end) = end else {
                return Ok(());
            };
            if !self.incoming.starts_with(b"HTTP/1.1 101 ") {
                return Err(Error::Refused);
            }
            self.incoming.drain(..end + 4);
            self.is_upgraded = true;
        }
        while let Some(text) = self.next_message() {
            self.hear(text);
        }
        Ok(())
    }

    fn next_message(&mut self) -> Option<String> {
        if self.speech == Speech::Lines {
            let end = self.incoming.iter().position(|&byte| byte == b'\n')?;
            let line: Vec<u8> = self.incoming.drain(..=end).collect();
            return Some(String::from_utf8_lossy(&line[..end]).into_owned());
        }
        loop {
            let (&first, &second) = (self.incoming.first()?, self.incoming.get(1)?);
            let (head, len) = match second {
                126 => {
                    let len = [*self.incoming.get(2)?, *self.incoming.get(3)?];
                    (4, usize::from(u16::from_be_bytes(len)))
                }
                len => (2, usize::from(len)),
            };
            if self.incoming.len() < head + len {
                return None;
            }
            let payload: Vec<u8> = self.incoming.drain(..head + len).skip(head).collect();
            match first & 0xf {
                0x0 | 0x1 => {
                    self.fragments.extend(payload);
                    if first & 0x80 != 0 {
                        let message = core::mem::take(&mut self.fragments);
                        return Some(String::from_utf8_lossy(&message).into_owned());
                    }
                }
                0x8 => self.send(0x8, &payload),
                0x9 => self.send(0xa, &payload),
                _ => {}
            }
        }
    }

    fn hear(&mut self, text: String) {
        if self.speech == Speech::Lines && is_list(&text) {
            return;
        }
        if self.speech != Speech::SocketIo {
            self.is_in = true;
            return self.heard.push(text);
        }
        let space = self.namespace();
        match text.as_str() {
            "2" => self.send(0x1, b"3"),
            open if open.starts_with('0') => self.send(0x1, format!("40{space}").as_bytes()),
            _ => {
                if let Some(event) = text.strip_prefix(&format!("42{space}["))
                    && !event.starts_with("\"news\"")
                {
                    self.is_in = true;
                    self.heard.push(format!("[{event}"));
                }
            }
        }
    }
}

/// Whether a line is the answer to `/who`: names have no spaces.
fn is_list(line: &str) -> bool {
    let names = line.strip_prefix("* ");
    names.is_some_and(|names| names.split(", ").all(|name| !name.contains(' ')))
}

/// A masked frame, whose mask changes nothing.
pub(super) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match u8::try_from(payload.len()) {
        Ok(len) if len < 126 => frame.push(0x80 | len),
        _ => {
            frame.push(0x80 | 126);
            frame.extend((payload.len() as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// The request for a WebSocket.
pub(super) fn handshake(target: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: 10.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

impl Session for Member {
    type Error = Error;

    fn name(&self) -> &'static str {
        self.task_name
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), Error> {
        connection.set_idle_timeout(None, TimeoutKind::Receive);
        self.heard_at = connection.now();
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        match self.end {
            Some(true) => return Ok(Step::Done),
            Some(false) => return Err(Error::Reset),
            None => {}
        }
        let count = connection.write(self.out.make_contiguous())?;
        self.out.drain(..count);
        if self.is_frozen {
            return Ok(Step::Wait);
        }
        let incoming = &mut self.incoming;
        let received = connection.read_with(|bytes| {
            incoming.extend(bytes);
            (bytes.len(), ())
        })?;
        match received {
            Received::Data(()) => {
                (self.heard_at, self.has_asked) = (connection.now(), false);
                self.take().map(|()| Step::Again)
            }
            Received::Nothing => Ok(Step::Wait),
            Received::End => Ok(Step::Done),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        Some(Deadline::new(
            self.heard_at + SILENCE_MAX,
            TimeoutKind::Peer,
        ))
    }

    fn expired(&mut self, connection: &mut Connection, missed: Deadline) -> Result<Step, Error> {
        self.heard_at = connection.now();
        if !self.is_frozen {
            if self.speech != Speech::Lines || self.has_asked {
                return Err(Error::TimedOut(missed.awaits));
            }
            self.has_asked = true;
            self.out.extend(b"/who\n");
        }
        Ok(Step::Again)
    }
}
