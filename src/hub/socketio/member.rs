//! A client of Socket.IO: members of a hub in one room or several, over one WebSocket.

use heapless::Vec;

use super::heartbeat::Heartbeat;
use super::namespace::Namespace;
use super::outgoing::{NEWS_ID, OURS, Path, Reply, render_entry};
use super::{Body, Engine, Json, Packet, PacketError};
use crate::hub::chunks::Sent;
use crate::hub::rate::Rate;
use crate::hub::{ENTRIES_MAX, Hub, MemberId, Name, PARTING_MAX, PostError, Wants};
use crate::websocket::{Channel, CloseCode, Endpoint, Kind, Part, WebSocketError};
use crate::{Deadline, Duration, Tick, TimeoutKind};

/// Namespaces that one client may be in at a time.
pub const NAMESPACES_MAX: usize = 4;
/// For a new client to join one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(45);

/// What a client of Socket.IO tells beyond what every connection tells, in
/// [`Event::App`](crate::Event::App).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event {
    /// A client has acknowledged the event `news` of a namespace that it has joined.
    Acknowledged,
}

/// A client of Socket.IO, in the rooms of a [`Hub`]: a namespace is a room, and `/` is `lobby`.
///
/// The event `message` with a string is a message to the room. Any other event goes to the other
/// clients of Socket.IO in the room as it is, but for `joined`, `left` and `renamed`, which only the
/// hub sends, and a `message` without a string; those go to nobody. An acknowledgement says how many
/// others there are. Binary events are refused with 1003, and a [closed](Hub::close) hub ends with 1001.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SocketIo<'h, 'm> {
    hub: &'h Hub<'m>,
    name: Option<Name>,
    namespaces: Vec<Namespace, NAMESPACES_MAX>,
    reply: Option<Reply>,
    sending: Sending,
    /// The place of the namespace whose turn was last.
    last_place: usize,
    /// How much of it was sent.
    sent: Sent,
    heartbeat: Heartbeat,
    /// How much it has said lately in namespaces that it has left, and how often it has joined one.
    rate: Rate,
    /// When the client may speak again.
    held_until: Option<Tick>,
    /// Until when it must have joined a namespace.
    connect_by: Option<Tick>,
    /// Until when the client of a closed hub may get what was said before.
    parts_by: Option<Tick>,
}

/// What is sent, or was sent last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Sending {
    Ping,
    Reply,
    /// The next entry for the namespace at this place.
    Entry(usize),
}

/// Why the client must go.
type Refusal = (CloseCode, &'static str);

impl<'h, 'm> SocketIo<'h, 'm> {
    /// A client whose members will have this name, or one that is made up.
    pub const fn new(hub: &'h Hub<'m>, name: Option<Name>) -> Self {
        Self {
            hub,
            name,
            namespaces: Vec::new(),
            reply: None,
            sending: Sending::Reply,
            last_place: 0,
            sent: Sent::NOTHING,
            heartbeat: Heartbeat::Over,
            rate: Rate::NEW,
            held_until: None,
            connect_by: None,
            parts_by: None,
        }
    }

    fn leave_all(&mut self) {
        for namespace in &self.namespaces {
            self.hub.leave(namespace.member);
        }
        self.namespaces.clear();
    }

    fn close(&mut self, channel: &mut Channel, (code, reason): Refusal) {
        channel.close(code, reason);
        self.leave_all();
    }

    fn find(&self, path: &str) -> Option<usize> {
        self.namespaces
            .iter()
            .position(|namespace| namespace.path == path)
    }

    /// Does what a frame wants; whether it could be done now.
    fn take(&mut self, channel: &mut Channel, frame: &str) -> Result<bool, Refusal> {
        let packet = match Engine::parse(frame).map_err(refusal)? {
            Engine::Message(text) => Packet::parse(text).map_err(refusal)?,
            Engine::Close => return Err((CloseCode::NORMAL, "")),
            Engine::Pong | Engine::Nothing => return Ok(true),
        };
        let place = self.find(packet.namespace);
        match (packet.body, place) {
            (Body::Connect, None) => {
                let per_second = self.hub.limits().messages_per_second;
                if let Err(until) = self.rate.charge(channel.now(), per_second) {
                    self.held_until = Some(until);
                    return Ok(false);
                }
                self.connect(channel, packet.namespace)
            }
            (Body::Connect, Some(_)) | (Body::Disconnect, None) => Ok(true),
            (Body::Disconnect, Some(place)) => Ok(self.disconnect(place)),
            (Body::Event { id, array }, Some(place)) => {
                self.event(channel.now(), place, id, &array)
            }
            (Body::Ack { id, .. }, Some(_)) => {
                if id == NEWS_ID {
                    channel.emit(&crate::Event::App(&Event::Acknowledged));
                }
                Ok(true)
            }
            (Body::Event { .. } | Body::Ack { .. }, None) => {
                Err((CloseCode::POLICY, "this namespace was not joined"))
            }
        }
    }

    fn connect(&mut self, channel: &mut Channel, path: &str) -> Result<bool, Refusal> {
        let room = match path {
            "/" => Some(Name::lobby()),
            path => Name::parse(path.get(1..).unwrap_or_default()),
        };
        let path = Path::try_from(path);
        let path = path.map_err(|_| (CloseCode::POLICY, "the namespace is too long"))?;
        let joined = match room {
            _ if self.namespaces.is_full() => Err("too many namespaces"),
            None => Err("Invalid namespace"),
            Some(room) => {
                let joined = self.hub.join(&room, self.name.as_ref(), Wants::Events);
                joined.map_err(|error| error.text())
            }
        };
        self.reply = Some(match joined {
            Ok(member) => {
                self.connect_by = None;
                self.hub.set_rate(member, self.rate);
                let sid = [channel.random(), channel.random()];
                let namespace = Namespace {
                    path: path.clone(),
                    member,
                };
                // It was not full.
                let _ = self.namespaces.push(namespace);
                Reply::Connected { path, sid }
            }
            Err(reason) => Reply::Refused { path, reason },
        });
        Ok(true)
    }

    /// Not in the middle of an entry, which must come to its end.
    fn disconnect(&mut self, place: usize) -> bool {
        if self.sent.is_midway() {
            return false;
        }
        let namespace = self.namespaces.swap_remove(place);
        self.rate = self.rate.max(self.hub.rate(namespace.member));
        self.hub.leave(namespace.member);
        true
    }

    fn event(
        &mut self,
        now: Tick,
        place: usize,
        id: Option<u64>,
        array: &Json,
    ) -> Result<bool, Refusal> {
        let Some(namespace) = self.namespaces.get(place) else {
            return Ok(true);
        };
        let count = match post(self.hub, now, namespace.member, array) {
            Ok(count) => count,
            Err(PostError::TooLong) => return Err((CloseCode::TOO_BIG, "too long")),
            Err(PostError::Early(until)) => {
                self.held_until = Some(until);
                return Ok(false);
            }
        };
        let path = namespace.path.clone();
        self.reply = id.map(|id| Reply::Ack { path, id, count });
        Ok(true)
    }

    /// What is sent next, if there is something.
    fn next(&self) -> Result<Option<Sending>, Refusal> {
        if self.sent.is_midway() {
            return Ok(Some(self.sending));
        }
        if self.reply.is_some() {
            return Ok(Some(Sending::Reply));
        }
        if let Heartbeat::Due(_) = self.heartbeat {
            return Ok(Some(Sending::Ping));
        }
        // Each namespace in its turn.
        let places = self.namespaces.iter().enumerate().cycle();
        let count = self.namespaces.len();
        for (place, namespace) in places.skip(self.last_place + 1).take(count) {
            let has_entry = self.hub.read(namespace.member, |_| ());
            if has_entry.map_err(|_| (CloseCode::POLICY, "too slow"))? == Some(()) {
                return Ok(Some(Sending::Entry(place)));
            }
        }
        if self.hub.is_closed() {
            return Err((CloseCode::GOING_AWAY, ""));
        }
        Ok(None)
    }

    /// Sends what has room of `self.sending`; whether it is sent.
    fn send(&mut self, channel: &mut Channel) -> Result<bool, Refusal> {
        let sent = &mut self.sent;
        match self.sending {
            Sending::Ping => {
                let is_sent = sent.send(channel, |write| write("2"));
                if is_sent {
                    self.heartbeat.sent(channel.now());
                }
                Ok(is_sent)
            }
            Sending::Reply => {
                let payload_max = self.hub.limits().message_bytes_max;
                let Some(reply) = &self.reply else {
                    return Ok(true);
                };
                let is_sent = sent.send(channel, |write| reply.render(payload_max, write));
                if is_sent {
                    self.reply = match self.reply.take() {
                        Some(Reply::Connected { path, .. }) => Some(Reply::News { path }),
                        _ => None,
                    };
                }
                Ok(is_sent)
            }
            Sending::Entry(place) => {
                let Some(Namespace { path, member }) = self.namespaces.get(place) else {
                    return Ok(true);
                };
                let is_sent = self.hub.read(*member, |entry| {
                    sent.send(channel, |write| render_entry(path, &entry, write))
                });
                let is_sent = is_sent.map_err(|_| (CloseCode::POLICY, "too slow"))?;
                if is_sent == Some(true) {
                    self.hub.advance(*member);
                }
                Ok(is_sent == Some(true))
            }
        }
    }

    fn send_all(&mut self, channel: &mut Channel) -> Result<(), Refusal> {
        for _ in 0..ENTRIES_MAX {
            let Some(next) = self.next()? else {
                break;
            };
            self.sending = next;
            if let Sending::Entry(place) = next {
                self.last_place = place;
            }
            if !self.send(channel)? {
                break;
            }
        }
        Ok(())
    }
}

/// Sends an event to the room; how many others get it.
fn post(hub: &Hub, now: Tick, id: MemberId, array: &Json) -> Result<usize, PostError> {
    let mut elements = array.elements().into_iter().flatten();
    let (Some(name), argument) = (elements.next(), elements.next()) else {
        return Ok(0);
    };
    if !OURS.iter().any(|ours| name.is_string(ours)) {
        return hub.post_event(now, id, array.as_str());
    }
    match argument.and_then(|argument| argument.chars()) {
        Some(chars) if name.is_string("message") => hub.post_chars(now, id, chars),
        _ => Ok(0),
    }
}

fn refusal(error: PacketError) -> Refusal {
    match error {
        PacketError::Binary => (CloseCode::UNSUPPORTED, "no binary events"),
        PacketError::Json(_) | PacketError::Payload => (CloseCode::POLICY, "no such payload"),
        PacketError::Type | PacketError::Id => (CloseCode::POLICY, "no such packet"),
    }
}

impl Endpoint for SocketIo<'_, '_> {
    fn on_open(&mut self, channel: &mut Channel) {
        let sid = [channel.random(), channel.random()];
        let now = channel.now();
        *self = Self {
            reply: Some(Reply::Open { sid }),
            heartbeat: Heartbeat::begin(now),
            connect_by: Some(now + CONNECT_TIMEOUT),
            ..Self::new(self.hub, self.name.take())
        };
    }

    fn on_part(&mut self, channel: &mut Channel, part: Part) -> bool {
        if channel.is_closing() {
            return true;
        }
        self.heartbeat.heard(channel.now());
        // What waits is parsed again only when it may be taken.
        if self.reply.is_some() || self.held_until.is_some() {
            return false;
        }
        let taken = match (part.kind, part.as_text()) {
            (Kind::Text, Some(frame)) => self.take(channel, frame),
            _ => Err(refusal(PacketError::Binary)),
        };
        taken.unwrap_or_else(|refusal| {
            self.close(channel, refusal);
            true
        })
    }

    fn transmit(&mut self, channel: &mut Channel) {
        if channel.is_closing() {
            return;
        }
        if self.hub.is_closed() {
            self.parts_by.get_or_insert(channel.now() + PARTING_MAX);
        }
        if let Err(refusal) = self.send_all(channel) {
            self.close(channel, refusal);
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        let due = |awaits| move |at| Deadline::new(at, awaits);
        let held = self.held_until.map(due(TimeoutKind::Sink));
        let connect = self.connect_by.map(due(TimeoutKind::Request));
        let heartbeat = self.heartbeat.deadline().map(due(TimeoutKind::Peer));
        let parting = self.parts_by.map(due(TimeoutKind::Flush));
        let soon = Deadline::earlier(held, parting);
        Deadline::earlier(soon, Deadline::earlier(connect, heartbeat))
    }

    fn on_deadline(&mut self, channel: &mut Channel) {
        let now = channel.now();
        let is_due = |at: &mut Tick| *at <= now;
        self.held_until.take_if(is_due);
        if self.connect_by.take_if(is_due).is_some() {
            self.close(channel, (CloseCode::POLICY, "no namespace was joined"));
        }
        if self.parts_by.take_if(is_due).is_some() {
            self.close(channel, (CloseCode::GOING_AWAY, ""));
        }
        if self.heartbeat.deadline().is_some_and(|at| at <= now) {
            self.heartbeat.expire(now);
        }
        if self.heartbeat == Heartbeat::Over {
            self.close(channel, (CloseCode::POLICY, "ping timeout"));
        }
    }

    fn on_close(&mut self, _channel: &mut Channel, _code: Option<CloseCode>, _reason: &str) {
        self.leave_all();
    }

    fn take_news(&mut self) -> bool {
        self.hub.take_news()
    }

    fn on_end(&mut self, _result: &Result<(), WebSocketError>) {
        self.leave_all();
    }
}
