//! A member who plays by the rules: a terminal, a browser, or a client of Socket.IO.

use std::collections::VecDeque;

use tickwire::{Connection, Deadline, Duration, Error, Received, Session, Step, Tick, TimeoutKind};

use super::ROOMS;
use super::frames::{FrameReader, Incoming, frame, handshake};
use super::packets::{Heard, line, packet};

/// A member that has heard nothing for so long wants to know whether its hub is still there: a client
/// of Socket.IO gives up, and so does a browser, which hears a Ping more often; a user at a terminal
/// asks who is there.
const SILENCE_MAX: Duration = Duration::from_secs(50);

/// How a member talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    Lines,
    Text,
    SocketIo,
}

/// What a member has asked for and not got yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Another name.
    Name(String),
    /// Another room.
    Room(usize),
    /// The names of those who are there.
    Who,
}

/// How a member ends its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With FIN, after what it has said.
    Flushed,
    /// With FIN at once, which may cut its last words.
    Cut,
    /// With RST.
    Reset,
    /// By its protocol: the hub closes the connection.
    Quit,
}

/// What a member says and hears on one connection.
pub(super) struct Member {
    task_name: &'static str,
    pub(super) speech: Speech,
    out: VecDeque<u8>,
    reader: FrameReader,
    is_upgraded: bool,
    /// What has come and nobody has looked at yet.
    pub(super) heard: VecDeque<Heard>,
    /// In the order in which they were asked for, with the time.
    pub(super) wishes: VecDeque<(Wish, Tick)>,
    /// It reads nothing.
    pub(super) is_frozen: bool,
    /// When it has heard something last, or has said what is answered.
    heard_at: Tick,
    /// Since then it has asked who is there.
    has_asked: bool,
    pub(super) end: Option<End>,
}

impl Member {
    /// One that will be in this room of a browser, under a name where it wants one.
    pub(super) fn new(
        task_name: &'static str,
        speech: Speech,
        room: usize,
        name: Option<&str>,
    ) -> Self {
        let mut member = Self {
            task_name,
            speech,
            out: VecDeque::new(),
            reader: FrameReader::default(),
            is_upgraded: speech == Speech::Lines,
            heard: VecDeque::new(),
            wishes: VecDeque::new(),
            is_frozen: false,
            heard_at: Tick::ZERO,
            has_asked: false,
            end: None,
        };
        let name = name.map_or(String::new(), |name| format!("&name={name}"));
        let target = match speech {
            Speech::Lines => return member,
            Speech::Text => format!("/ws?room={}{name}", ROOMS[room]),
            Speech::SocketIo => format!("/socket.io/?EIO=4&transport=websocket{name}"),
        };
        member.out.extend(handshake(&target).bytes());
        member
    }

    /// Sends a line, without its end.
    pub(super) fn send_line(&mut self, line: &str) {
        self.out.extend(line.bytes());
        self.out.push_back(b'\n');
    }

    /// Sends a text, or a packet of Socket.IO.
    pub(super) fn send_text(&mut self, text: &str) {
        self.out.extend(frame(0x1, text.as_bytes()));
    }

    /// Asks for something, at a terminal.
    pub(super) fn wish(&mut self, wish: Wish, now: Tick) {
        match &wish {
            Wish::Name(name) => self.send_line(&format!("/name {name}")),
            Wish::Room(room) => self.send_line(&format!("/room {}", ROOMS[*room])),
            Wish::Who => self.send_line("/who"),
        }
        self.wishes.push_back((wish, now));
    }

    pub(super) fn end(&mut self, end: End, now: Tick) {
        if self.end.is_some() {
            return;
        }
        (self.end, self.heard_at) = (Some(end), now);
        match self.speech {
            _ if end != End::Quit => {}
            Speech::Lines => self.send_line("/quit"),
            // Going away, which is how a browser leaves a page.
            Speech::Text => self.out.extend(frame(0x8, &[0x03, 0xe9])),
            Speech::SocketIo => self.send_text("1"),
        }
    }

    /// Takes apart what has come.
    fn take(&mut self) -> Result<(), Error> {
        if !self.is_upgraded {
            let is_whole = self.reader.take_head().map_err(|()| Error::Refused)?;
            if !is_whole {
                return Ok(());
            }
            self.is_upgraded = true;
        }
        if self.speech == Speech::Lines {
            while let Some(bytes) = self.reader.next_line() {
                self.heard.push_back(line(&bytes));
            }
            return Ok(());
        }
        while let Some(incoming) = self.reader.next() {
            match incoming {
                Ok(Incoming::Text(text)) if self.speech == Speech::Text => {
                    self.heard.push_back(Heard::Entry { space: None, text });
                }
                Ok(Incoming::Text(text)) if text == "2" => self.send_text("3"),
                Ok(Incoming::Text(text)) => self.heard.push_back(packet(&text)),
                Ok(Incoming::Ping(payload)) => self.out.extend(frame(0xa, &payload)),
                Ok(Incoming::Close(payload)) => self.out.extend(frame(0x8, &payload)),
                Err(what) => self.heard.push_back(Heard::Nonsense(what)),
            }
        }
        Ok(())
    }
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
        let count = connection.write(self.out.make_contiguous())?;
        self.out.drain(..count);
        match self.end {
            Some(End::Cut) => return Ok(Step::Done),
            Some(End::Flushed) if self.out.is_empty() => return Ok(Step::Done),
            Some(End::Reset) => return Err(Error::Reset),
            _ => {}
        }
        if self.is_frozen {
            return Ok(Step::Wait);
        }
        let incoming = &mut self.reader.bytes;
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
        let at = self.heard_at + SILENCE_MAX;
        Some(Deadline::new(at, TimeoutKind::Peer))
    }

    fn expired(&mut self, connection: &mut Connection, missed: Deadline) -> Result<Step, Error> {
        self.heard_at = connection.now();
        if !self.is_frozen {
            if self.speech != Speech::Lines || self.has_asked || self.end.is_some() {
                return Err(Error::TimedOut(missed.awaits));
            }
            self.has_asked = true;
            self.wish(Wish::Who, connection.now());
        }
        Ok(Step::Again)
    }
}
