//! What happened in a room, in the order in which all its members must learn it.

use std::collections::HashMap;

use super::Broken;
use tickwire::hub::socketio::escape;
use tickwire::hub::{Entry, Hub, MemberId, Name, Wants};

/// One entry, as its members get it.
pub(super) struct Told {
    /// What members who talk in lines get; `None` for an event.
    line: Option<String>,
    /// What members of Socket.IO get in the namespace of the room, without the packet's front.
    pub(super) packet: String,
}

/// All that happened in a room since the world began, as a member of the hub itself sees it.
pub(super) struct Truth {
    member: MemberId,
    pub(super) told: Vec<Told>,
    /// The number of the next message or event of each member, by its tag.
    next: HashMap<String, u32>,
}

impl Truth {
    /// Watches the room of this name. Whoever watches must [look](Truth::look) after each turn.
    pub(super) fn watch(hub: &Hub<'_>, room: &str) -> Self {
        let room = Name::parse(room).expect("it is a name");
        let member = hub.join(&room, None, Wants::Events);
        Self {
            member: member.expect("nobody else is there yet"),
            told: Vec::new(),
            next: HashMap::new(),
        }
    }

    /// Writes down what has happened.
    ///
    /// # Errors
    /// A message that comes twice, or out of its order, or that could command a terminal.
    pub(super) fn look(&mut self, hub: &Hub<'_>) -> Result<(), Broken> {
        loop {
            let seen = hub.read(self.member, |entry| (told(&entry), said(&entry)));
            let seen = seen
                .map_err(|_| Broken::at_hub(18, "a member who had read everything was lapped"))?;
            let Some((told, said)) = seen else {
                return Ok(());
            };
            hub.advance(self.member);
            let is_command = |c: char| c.is_control() && c != '\t';
            if told.line.iter().any(|line| line.chars().any(is_command)) {
                return Err(Broken::at_hub(17, "a line has a control character"));
            }
            if let Some((tag, number)) = said {
                let next = self.next.entry(tag).or_default();
                if *next != number {
                    return Err(Broken::at_hub(
                        17,
                        "a message came twice, or one before it is lost",
                    ));
                }
                *next += 1;
            }
            self.told.push(told);
        }
    }

    /// How many members the room has.
    pub(super) fn members(&self, hub: &Hub<'_>) -> usize {
        let mut count = 0;
        hub.who(self.member, 0, |_| {
            count += 1;
            true
        });
        count
    }

    /// How many messages and events with this tag have come.
    pub(super) fn count(&self, tag: &str) -> u32 {
        self.next.get(tag).copied().unwrap_or_default()
    }
}

impl Told {
    /// What a member gets of it, if it does.
    pub(super) fn for_member(&self, tag: &str, wants_packets: bool) -> Option<&str> {
        if !wants_packets {
            return self.line.as_deref();
        }
        let own = format!("[\"event\",\"our{tag}#");
        (!self.packet.starts_with(&own)).then_some(&self.packet)
    }
}

fn told(entry: &Entry<'_>) -> Told {
    let line = entry.line().concat();
    let escaped = |text: &str| {
        let mut escaped = String::new();
        escape(text, &mut |piece| escaped.push_str(piece));
        escaped
    };
    let event = |event: &str, name: &str| format!("[\"{event}\",{{\"name\":\"{name}\"}}]");
    let packet = match *entry {
        Entry::Event { json } => {
            return Told {
                line: None,
                packet: json.to_owned(),
            };
        }
        Entry::Message { name, text } => {
            let text = escaped(text);
            format!("[\"message\",{{\"name\":\"{name}\",\"text\":\"{text}\"}}]")
        }
        Entry::Joined { name } => event("joined", name),
        Entry::Left { name } => event("left", name),
        Entry::Renamed { name, new } => {
            format!("[\"renamed\",{{\"name\":\"{name}\",\"new\":\"{new}\"}}]")
        }
    };
    Told {
        line: Some(line),
        packet,
    }
}

/// Tag and number of what one of our members said: `TAG#NUMBER` and filling.
fn said(entry: &Entry<'_>) -> Option<(String, u32)> {
    let text = match *entry {
        Entry::Message { text, .. } => text,
        Entry::Event { json } => json.strip_prefix("[\"event\",\"")?,
        _ => return None,
    };
    let (tag, rest) = text.split_once('#')?;
    // The last words of a member that closes may be cut.
    let (digits, _) = rest.split_once(';')?;
    Some((tag.strip_prefix("our")?.to_owned(), digits.parse().ok()?))
}
