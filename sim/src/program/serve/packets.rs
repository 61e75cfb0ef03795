//! What a member hears: lines, and packets of Socket.IO.

use super::ROOMS;

/// One thing that a member hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// Something that happened in its room, or in that of a namespace.
    Entry { space: Option<usize>, text: String },
    /// The answer to `/who`.
    Names(Vec<String>),
    /// The answer to `/name N` for a name that somebody else has.
    Taken,
    /// A session of Socket.IO is open.
    Open,
    /// A namespace was joined.
    Connected { space: usize },
    /// The event for a newcomer, which wants an acknowledgement.
    News { space: usize, id: u64 },
    /// A namespace was not joined.
    Refused { space: usize },
    /// How many others got an event.
    Ack { space: usize, id: u64, count: usize },
    /// There is no place for another member.
    Full,
    /// What nobody who plays by the rules gets.
    Nonsense(&'static str),
}

/// What a line of the hub says.
pub(super) fn line(bytes: &[u8]) -> Heard {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Heard::Nonsense("a line of the hub is no UTF-8");
    };
    match text {
        "* this name is taken" => return Heard::Taken,
        "* there is no place for another member" => return Heard::Full,
        _ if text.starts_with("* commands:") || text.starts_with("* not sent") => {
            return Heard::Nonsense("the hub did not know a command, or refused a message");
        }
        _ => {}
    }
    if let Some(names) = text.strip_prefix("* ") {
        let names: Vec<_> = names.split(", ").map(str::to_owned).collect();
        // In an entry there are spaces.
        if names.iter().all(|name| !name.contains(' ')) {
            return Heard::Names(names);
        }
    }
    Heard::Entry {
        space: None,
        text: text.to_owned(),
    }
}

/// What a packet of the hub says.
pub(super) fn packet(text: &str) -> Heard {
    try_packet(text).unwrap_or(Heard::Nonsense("the hub sent a packet that it may not"))
}

fn try_packet(text: &str) -> Option<Heard> {
    if text.starts_with("0{") {
        return Some(Heard::Open);
    }
    let (kind, rest) = text.split_at_checked(2)?;
    let (space, rest) = match rest.strip_prefix('/') {
        Some(rest) => {
            let (name, rest) = rest.split_once(',')?;
            (ROOMS.iter().position(|room| *room == name)?, rest)
        }
        None => (0, rest),
    };
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(digits);
    let id = digits.parse().ok();
    match (kind, id) {
        ("40", None) => Some(Heard::Connected { space }),
        ("44", None) => Some(Heard::Refused { space }),
        ("42", Some(id)) if rest.starts_with("[\"news\"") => Some(Heard::News { space, id }),
        ("42", None) => Some(Heard::Entry {
            space: Some(space),
            text: rest.to_owned(),
        }),
        ("43", Some(id)) => {
            let count = rest.strip_prefix('[')?.strip_suffix(']')?;
            let count = count.parse().ok()?;
            Some(Heard::Ack { space, id, count })
        }
        _ => None,
    }
}

/// The front of a packet of Socket.IO for a namespace.
pub(super) fn front(kind: &str, space: usize) -> String {
    match space {
        0 => kind.to_owned(),
        space => format!("{kind}/{},", ROOMS[space]),
    }
}
