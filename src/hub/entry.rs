//! What a member gets.

use super::log::{Kind, RawEntry};

/// One thing that happened in a room, as its members get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Entry<'e> {
    /// Somebody said something. The speaker gets it, too, at the same place of the order.
    Message {
        /// Who.
        name: &'e str,
        /// What: no line end in it and nothing that commands a terminal.
        text: &'e str,
    },
    /// Somebody came. The newcomer gets it first of all.
    Joined {
        /// Who.
        name: &'e str,
    },
    /// Somebody went.
    Left {
        /// Who.
        name: &'e str,
    },
    /// Somebody has another name from now on.
    Renamed {
        /// The name before.
        name: &'e str,
        /// The name from now on.
        new: &'e str,
    },
    /// A named event, only for [members that want them](super::Wants::Events), and not for whoever
    /// sent it.
    Event {
        /// A JSON array, as it came: the name of the event and its arguments.
        json: &'e str,
    },
}

impl<'e> Entry<'e> {
    pub(super) const fn from_raw(raw: &RawEntry<'e>) -> Self {
        let (name, text) = (raw.name, raw.text);
        match raw.kind {
            Kind::Message => Self::Message { name, text },
            Kind::Joined => Self::Joined { name },
            Kind::Left => Self::Left { name },
            Kind::Renamed => Self::Renamed { name, new: text },
            Kind::Event => Self::Event { json: text },
        }
    }

    /// The entry as one line without its end, in pieces: `N: message`, `* N joined`.
    pub const fn line(&self) -> [&'e str; 4] {
        match *self {
            Self::Message { name, text } => [name, ": ", text, ""],
            Self::Joined { name } => ["* ", name, " joined", ""],
            Self::Left { name } => ["* ", name, " left", ""],
            Self::Renamed { name, new } => ["* ", name, " is now ", new],
            Self::Event { json } => ["* ", json, "", ""],
        }
    }
}
