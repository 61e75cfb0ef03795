//! Members over plain TCP: a line is a message.

use core::fmt::Write;

use heapless::String;
use managed::ManagedSlice;

use super::command::Command;
use super::perform::{Reply, Taken, perform};
use super::pieces::{Written, tell_others};
use super::text::cut_len;
use super::{ENTRIES_MAX, Hub, JoinError, MemberId, NAME_BYTES_MAX, Name, PARTING_MAX};
use super::{SessionError, Wants};
use crate::chat::{Ending, LineSplitter, Silence};
use crate::net::Keepalive;
use crate::{Connection, Deadline, Error, Received, Session, Step, Tick, TimeoutKind};

/// The last line to members of a hub that is closed.
const GOING_AWAY: Reply = Reply::Line("* the server is going away\n");
/// The longest character in bytes, in UTF-8.
const CHARACTER_LEN_MAX: usize = 4;

/// A member of a [`Hub`] over plain TCP, such as `nc`, in the room `lobby` at first.
///
/// A line is a message; `/name N`, `/room R`, `/who` and `/quit` are commands, and `//` at the front
/// stands for a slash. The member gets lines: `N: message`, `* N joined`, `* N left`, `* N is now M`,
/// and answers to its commands, which begin with `* ` as well.
///
/// Bytes are split into lines as in the [chat](crate::chat). A line that is longer than the memory
/// for it becomes several messages. Who says too much is not read for a while: the TCP window closes,
/// and nothing is lost. The peer's FIN ends the membership, after what was said before. A peer that
/// vanished is noticed within 60 s.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LinesSession<'h, 'm> {
    hub: &'h Hub<'m>,
    state: State,
    lines: LineSplitter<'m>,
    /// The last message was only the front of its line.
    is_continued: bool,
    silence: Silence,
    /// When the member may speak again.
    held_until: Option<Tick>,
    reply: Option<Reply>,
    /// What is said after the reply.
    last_line: Option<Reply>,
    /// How much of the present entry was written.
    written: Written,
    keepalive: Keepalive,
    /// Until when the peer must show a sign of life.
    alive_by: Option<Deadline>,
}

/// ```text
/// Outside -> Member -> Parting -> Outside
///    '-----> Refused
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum State {
    /// Nobody is connected, or everything was said.
    Outside,
    /// Speaks and hears.
    Member(MemberId),
    /// Gets what was said before it went, until this time at most.
    Parting(MemberId, Tick),
    /// There was no place, and it is told why.
    Refused,
}

impl<'h, 'm> LinesSession<'h, 'm> {
    /// A session for one member of `hub` after the other. The caller lends `line`, whose length is
    /// that of the longest line that stays one message.
    ///
    /// # Panics
    /// When `line` has fewer than 4 bytes, which is one character.
    pub fn new(hub: &'h Hub<'m>, line: impl Into<ManagedSlice<'m, u8>>) -> Self {
        let line = line.into();
        assert!(
            line.len() >= CHARACTER_LEN_MAX,
            "a line has memory for a character"
        );
        Self {
            hub,
            state: State::Outside,
            lines: LineSplitter::new(line),
            is_continued: false,
            silence: Silence::new(),
            held_until: None,
            reply: None,
            last_line: None,
            written: Written::default(),
            keepalive: Keepalive::new(Tick::ZERO),
            alive_by: None,
        }
    }

    /// The member, while there is one.
    pub const fn member(&self) -> Option<MemberId> {
        match self.state {
            State::Member(id) | State::Parting(id, _) => Some(id),
            State::Outside | State::Refused => None,
        }
    }

    fn leave(&mut self) {
        if let Some(id) = self.member() {
            self.hub.leave(id);
        }
        self.state = State::Outside;
    }

    /// Whether more of what the member says can be taken now.
    fn may_read(&self) -> bool {
        matches!(self.state, State::Member(_)) && self.reply.is_none()
    }

    /// Takes the next message, or bytes of it. Whether something moved.
    fn read(&mut self, connection: &mut Connection) -> Result<bool, Error> {
        let now = connection.now();
        let State::Member(id) = self.state else {
            return Ok(false);
        };
        if !self.may_read() || self.held_until.is_some_and(|until| until > now) {
            return Ok(false);
        }
        self.held_until = None;
        let needs_bytes = self.lines.message().is_none();
        if needs_bytes && !self.receive(connection)? {
            return Ok(false);
        }
        Ok(self.take(now, id) || needs_bytes)
    }

    fn receive(&mut self, connection: &mut Connection) -> Result<bool, Error> {
        let now = connection.now();
        let silence_at = self.silence.ends_at(&self.lines);
        let (lines, silence) = (&mut self.lines, &mut self.silence);
        match connection.read_with(|bytes| (silence.feed(now, lines, bytes), ()))? {
            Received::Data(()) => Ok(true),
            Received::Nothing => Ok(silence_at <= now && self.lines.flush_silence()),
            Received::End if self.lines.close() => Ok(true),
            Received::End => {
                self.part(now);
                Ok(true)
            }
        }
    }

    fn part(&mut self, now: Tick) {
        if let State::Member(id) = self.state {
            self.state = State::Parting(id, now + PARTING_MAX);
            // It speaks no more.
            self.held_until = None;
        }
    }

    /// Does what a message wants, if one is ready; whether it was done. A character that was cut at
    /// its end waits for the rest of it.
    fn take(&mut self, now: Tick, id: MemberId) -> bool {
        let Some(message) = self.lines.message() else {
            return false;
        };
        let (is_piece, mut text) = (message.ending == Ending::Piece, message.bytes);
        let mut cut = [0; CHARACTER_LEN_MAX];
        let mut cut_bytes = 0;
        if is_piece && let Some((whole, rest)) = text.split_at_checked(text.len() - cut_len(text)) {
            text = whole;
            cut.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            cut_bytes = rest.len();
        }
        let command = if self.is_continued {
            Command::Say(text)
        } else {
            Command::parse(text)
        };
        // What comes from another room must not end half a line of this one.
        if self.written.is_midway() && matches!(command, Command::Room(Some(_))) {
            return false;
        }
        let (taken, reply) = perform(self.hub, now, id, &command);
        let is_quit = command == Command::Quit;
        if let Taken::Later(until) = taken {
            self.held_until = Some(until);
            return false;
        }
        self.reply = reply;
        self.is_continued = is_piece;
        self.lines.take();
        self.lines.feed(cut.get(..cut_bytes).unwrap_or_default());
        if is_quit {
            self.part(now);
        }
        true
    }

    /// Writes what there is room for. Whether something whole was written.
    fn write(&mut self, connection: &mut Connection) -> Result<bool, SessionError> {
        for count in 0..ENTRIES_MAX {
            let has_written = self.write_next(connection)?;
            if !has_written {
                return Ok(count > 0);
            }
        }
        Ok(true)
    }

    /// A reply comes after what was said before it, and stays in one piece.
    fn write_next(&mut self, connection: &mut Connection) -> Result<bool, SessionError> {
        let is_in_reply = self.reply.is_some_and(Reply::has_begun);
        if !is_in_reply && self.write_entry(connection)? {
            return Ok(true);
        }
        match self.reply {
            Some(reply) if !self.written.is_midway() => Ok(self.write_reply(connection, reply)?),
            _ => Ok(false),
        }
    }

    fn write_entry(&mut self, connection: &mut Connection) -> Result<bool, SessionError> {
        let Some(id) = self.member() else {
            return Ok(false);
        };
        let written = &mut self.written;
        let is_whole = self.hub.read(id, |entry| {
            let line = entry.line().into_iter().chain(["\n"]);
            written.write(connection, line)
        })?;
        let is_whole = is_whole.transpose()?.unwrap_or(false);
        if is_whole {
            self.hub.advance(id);
        }
        Ok(is_whole)
    }

    fn write_reply(&mut self, connection: &mut Connection, reply: Reply) -> Result<bool, Error> {
        let is_written = match reply {
            Reply::Line(line) => connection.write_all(line.as_bytes())?,
            Reply::Names { from, is_first } => self.write_names(connection, from, is_first)?,
        };
        if is_written {
            self.reply = self.last_line.take();
        }
        Ok(is_written)
    }

    /// Writes the names that have room, and remembers where to go on. Whether that was all.
    fn write_names(
        &mut self,
        connection: &mut Connection,
        mut from: u16,
        mut is_first: bool,
    ) -> Result<bool, Error> {
        let Some(id) = self.member() else {
            return Ok(true);
        };
        let mut error = None;
        let rest = self.hub.who(id, from, |name| {
            let mut item = String::<{ NAME_BYTES_MAX + 2 }>::new();
            // It has room for the longest.
            let _ = write!(item, "{}{name}", if is_first { "* " } else { ", " });
            let is_written = connection.write_all(item.as_bytes());
            is_first &= !matches!(is_written, Ok(true));
            is_written.unwrap_or_else(|cause| {
                error = Some(cause);
                false
            })
        });
        if let Some(error) = error {
            return Err(error);
        }
        let is_end = rest.is_none() && connection.write_all(b"\n")?;
        from = rest.unwrap_or(u16::MAX);
        self.reply = Some(Reply::Names { from, is_first });
        Ok(is_end)
    }

    /// Whether everything was said that can be.
    fn is_over(&self, now: Tick, has_written: bool) -> bool {
        let is_idle = !has_written && !self.written.is_midway() && self.reply.is_none();
        let has_entry = |id| matches!(self.hub.read(id, |_| ()), Ok(Some(())));
        match self.state {
            State::Parting(id, until) => until <= now || is_idle && !has_entry(id),
            State::Refused => self.reply.is_none(),
            State::Outside => true,
            State::Member(_) => false,
        }
    }
}

impl Session for LinesSession<'_, '_> {
    type Error = SessionError;

    fn name(&self) -> &'static str {
        "lines"
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), SessionError> {
        self.lines.reset();
        self.is_continued = false;
        self.held_until = None;
        self.last_line = None;
        self.written = Written::default();
        self.keepalive = Keepalive::new(connection.now());
        // Members may be silent for as long as they like.
        connection.set_idle_timeout(None, TimeoutKind::Receive);
        connection.socket().set_nagle_enabled(false);
        (self.state, self.reply) = match self.hub.join(&Name::lobby(), None, Wants::Messages) {
            Ok(id) => (State::Member(id), None),
            Err(JoinError::Closed) => (State::Refused, Some(GOING_AWAY)),
            Err(_) => (
                State::Refused,
                Some(Reply::Line("* there is no place for another member\n")),
            ),
        };
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, SessionError> {
        let (now, queued) = (connection.now(), connection.unacknowledged());
        if self.hub.is_closed() && matches!(self.state, State::Member(_)) {
            self.part(now);
            match self.reply {
                Some(_) => self.last_line = Some(GOING_AWAY),
                None => self.reply = Some(GOING_AWAY),
            }
        }
        let has_read = self.read(connection)?;
        let has_written = self.write(connection)?;
        let is_over = self.is_over(now, has_written);
        if is_over {
            self.leave();
        }
        let sent = connection.unacknowledged().saturating_sub(queued);
        let handle = connection.handle();
        self.alive_by = self
            .keepalive
            .observe(connection.io, handle, sent, has_read);
        let has_news = tell_others(self.hub, connection);
        Ok(match has_read || has_written {
            _ if is_over => Step::Done,
            // Others get their step before this member speaks again.
            true if !has_news => Step::Again,
            _ => Step::Wait,
        })
    }

    fn deadline(&self) -> Option<Deadline> {
        let silence = || Deadline::new(self.silence.ends_at(&self.lines), TimeoutKind::Peer);
        let awaits_silence = self.may_read() && self.lines.awaits_silence();
        let silence = awaits_silence.then(silence);
        let held = self
            .held_until
            .map(|at| Deadline::new(at, TimeoutKind::Sink));
        let parting = match self.state {
            State::Parting(_, at) => Some(Deadline::new(at, TimeoutKind::Flush)),
            _ => None,
        };
        let own = Deadline::earlier(Deadline::earlier(silence, held), parting);
        Deadline::earlier(self.alive_by, own)
    }

    fn expired(
        &mut self,
        connection: &mut Connection,
        _missed: Deadline,
    ) -> Result<Step, SessionError> {
        match self.alive_by {
            Some(missed) if missed.at <= connection.now() => {
                Err(Error::TimedOut(missed.awaits).into())
            }
            _ => self.step(connection),
        }
    }

    fn end(
        &mut self,
        connection: &mut Connection,
        result: Result<(), SessionError>,
    ) -> Result<(), SessionError> {
        self.leave();
        tell_others(self.hub, connection);
        result
    }
}
