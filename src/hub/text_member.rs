//! Members over WebSocket: a text is a message.

use super::chunks::Sent;
use super::{ENTRIES_MAX, Hub, JoinError, MemberId, Name, PARTING_MAX, PostError, Wants};
use crate::websocket::{Channel, CloseCode, Endpoint, Kind, Part, WebSocketError};
use crate::{Deadline, Tick, TimeoutKind};

/// A member of a [`Hub`] over WebSocket: each text is a message, and it gets the lines that a
/// [member over TCP](super::LinesSession) gets, one a text and without line ends.
///
/// Where there is no place it is closed with 1013, when it is too slow with 1008, after a text that is
/// too long with 1009, after bytes with 1003, and with 1001 when the hub is [closed](Hub::close).
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TextMember<'h, 'm> {
    hub: &'h Hub<'m>,
    room: Name,
    name: Option<Name>,
    member: Option<MemberId>,
    /// How much of the present entry was sent.
    sent: Sent,
    /// When the member may speak again.
    held_until: Option<Tick>,
    /// Until when the member of a closed hub may get what was said before.
    parts_by: Option<Tick>,
}

impl<'h, 'm> TextMember<'h, 'm> {
    /// A member that will be in the room `lobby` under a name that is made up.
    pub fn new(hub: &'h Hub<'m>) -> Self {
        Self {
            hub,
            room: Name::lobby(),
            name: None,
            member: None,
            sent: Sent::NOTHING,
            held_until: None,
            parts_by: None,
        }
    }

    /// Says where the next member wants to be, and under which name.
    pub fn set_wishes(&mut self, room: Name, name: Option<Name>) {
        (self.room, self.name) = (room, name);
    }

    /// The member, while there is one.
    pub const fn member(&self) -> Option<MemberId> {
        self.member
    }

    fn leave(&mut self) {
        if let Some(id) = self.member.take() {
            self.hub.leave(id);
        }
    }
}

impl Endpoint for TextMember<'_, '_> {
    fn on_open(&mut self, channel: &mut Channel) {
        self.sent = Sent::NOTHING;
        (self.held_until, self.parts_by) = (None, None);
        match self
            .hub
            .join(&self.room, self.name.as_ref(), Wants::Messages)
        {
            Ok(id) => self.member = Some(id),
            Err(JoinError::Closed) => channel.close(CloseCode::GOING_AWAY, ""),
            Err(_) => channel.close(CloseCode::TRY_AGAIN_LATER, "there is no place"),
        }
    }

    fn on_part(&mut self, channel: &mut Channel, part: Part) -> bool {
        let Some(id) = self.member.filter(|_| !channel.is_closing()) else {
            return true;
        };
        if part.kind == Kind::Binary {
            channel.close(CloseCode::UNSUPPORTED, "text only");
            return true;
        }
        match self.hub.post(channel.now(), id, part.bytes) {
            Ok(_) => true,
            Err(PostError::TooLong) => {
                channel.close(CloseCode::TOO_BIG, "too long");
                true
            }
            Err(PostError::Early(until)) => {
                self.held_until = Some(until);
                false
            }
        }
    }

    fn transmit(&mut self, channel: &mut Channel) {
        let Some(id) = self.member.filter(|_| !channel.is_closing()) else {
            return;
        };
        if self.hub.is_closed() {
            self.parts_by.get_or_insert(channel.now() + PARTING_MAX);
        }
        for _ in 0..ENTRIES_MAX {
            let sent = &mut self.sent;
            let is_sent = self.hub.read(id, |entry| {
                sent.send(channel, |write| entry.line().into_iter().for_each(write))
            });
            match is_sent {
                Ok(Some(true)) => self.hub.advance(id),
                Ok(None) if self.hub.is_closed() => {
                    self.leave();
                    return channel.close(CloseCode::GOING_AWAY, "");
                }
                Ok(_) => return,
                Err(_) => {
                    self.leave();
                    return channel.close(CloseCode::POLICY, "too slow");
                }
            }
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        let due = |awaits| move |at| Deadline::new(at, awaits);
        let held = self.held_until.map(due(TimeoutKind::Sink));
        Deadline::earlier(held, self.parts_by.map(due(TimeoutKind::Flush)))
    }

    /// The message that waits is offered again, or the member of a closed hub has got all that it
    /// takes.
    fn on_deadline(&mut self, channel: &mut Channel) {
        let now = channel.now();
        let is_due = |at: &mut Tick| *at <= now;
        self.held_until.take_if(is_due);
        if self.parts_by.take_if(is_due).is_some() {
            self.leave();
            channel.close(CloseCode::GOING_AWAY, "");
        }
    }

    fn on_close(&mut self, _channel: &mut Channel, _code: Option<CloseCode>, _reason: &str) {
        self.leave();
    }

    fn take_news(&mut self) -> bool {
        self.hub.take_news()
    }

    fn on_end(&mut self, _result: &Result<(), WebSocketError>) {
        self.leave();
    }
}
