//! What a server says in Engine.IO and Socket.IO, in pieces.

use core::fmt::{self, Write as _};

use heapless::String;

use super::escape;
use super::heartbeat::{PING_INTERVAL, PING_TIMEOUT};
use crate::hub::Entry;

/// A namespace, with its slash. One that could be no room has as much room as one that tells so.
pub(super) type Path = String<64>;

/// What a client alone gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// The first packet: a session is open.
    Open { sid: [u64; 2] },
    /// A namespace was joined.
    Connected { path: Path, sid: [u64; 2] },
    /// The event for a newcomer, to be acknowledged.
    News { path: Path },
    /// A namespace was not joined.
    Refused { path: Path, reason: &'static str },
    /// How many others got an event.
    Ack { path: Path, id: u64, count: usize },
}

/// The id of the acknowledgement that we want for `news`.
pub(super) const NEWS_ID: u64 = 0;

/// Pieces of a packet, for the formatting of numbers.
struct Pieces<'w>(&'w mut dyn FnMut(&str));

impl fmt::Write for Pieces<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        (self.0)(piece);
        Ok(())
    }
}

impl Reply {
    /// Writes the packet. It never fails, for no piece does.
    pub(super) fn render(&self, payload_bytes_max: usize, write: &mut dyn FnMut(&str)) {
        let mut out = Pieces(write);
        let _ = match self {
            Self::Open { sid: [high, low] } => write!(
                out,
                "0{{\"sid\":\"{high:016x}{low:016x}\",\"upgrades\":[],\"pingInterval\":{},\
                 \"pingTimeout\":{},\"maxPayload\":{payload_bytes_max}}}",
                PING_INTERVAL.as_millis(),
                PING_TIMEOUT.as_millis(),
            ),
            Self::Connected {
                path,
                sid: [high, low],
            } => {
                begin(&mut out, '0', path);
                write!(out, "{{\"sid\":\"{high:016x}{low:016x}\"}}")
            }
            Self::News { path } => {
                begin(&mut out, '2', path);
                write!(out, "{NEWS_ID}[\"news\",{{\"hello\":\"world\"}}]")
            }
            Self::Refused { path, reason } => {
                begin(&mut out, '4', path);
                write!(out, "{{\"message\":\"{reason}\"}}")
            }
            Self::Ack { path, id, count } => {
                begin(&mut out, '3', path);
                write!(out, "{id}[{count}]")
            }
        };
    }
}

/// Writes what a namespace's members get of an entry of its room.
pub(super) fn render_entry(path: &str, entry: &Entry, write: &mut dyn FnMut(&str)) {
    begin(&mut Pieces(write), '2', path);
    let (event, first, second) = match *entry {
        Entry::Event { json } => return write(json),
        Entry::Message { name, text } => ("message", name, Some(("text", text))),
        Entry::Joined { name } => ("joined", name, None),
        Entry::Left { name } => ("left", name, None),
        Entry::Renamed { name, new } => ("renamed", name, Some(("new", new))),
    };
    for piece in ["[\"", event, "\",{\"name\":\""] {
        write(piece);
    }
    escape(first, write);
    if let Some((key, value)) = second {
        for piece in ["\",\"", key, "\":\""] {
            write(piece);
        }
        escape(value, write);
    }
    write("\"}]");
}

/// Events that come from the hub. A client that sends one of them could speak in another's name.
pub(super) const OURS: [&str; 4] = ["message", "joined", "left", "renamed"];

/// Begins a packet of Socket.IO in a message of Engine.IO.
fn begin(out: &mut Pieces, kind: char, path: &str) {
    let _ = match path {
        "/" => write!(out, "4{kind}"),
        path => write!(out, "4{kind}{path},"),
    };
}

#[cfg(feature = "defmt")]
impl defmt::Format for Reply {
    fn format(&self, f: defmt::Formatter) {
        let name = match self {
            Self::Open { .. } => "Open",
            Self::Connected { .. } => "Connected",
            Self::News { .. } => "News",
            Self::Refused { .. } => "Refused",
            Self::Ack { .. } => "Ack",
        };
        defmt::write!(f, "{=str}", name);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::String;

    use super::*;
    use crate::hub::socketio::Json;

    fn path(text: &str) -> Path {
        Path::try_from(text).unwrap()
    }

    fn text(reply: &Reply) -> String {
        let mut text = String::new();
        reply.render(4_096, &mut |piece| text.push_str(piece));
        text
    }

    fn entry(path: &str, entry: &Entry) -> String {
        let mut text = String::new();
        render_entry(path, entry, &mut |piece| text.push_str(piece));
        text
    }

    #[test]
    fn packets_of_a_server_are_those_of_the_protocol() {
        let open = r#"0{"sid":"00000000000000010000000000000002","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":4096}"#;
        assert_eq!(text(&Reply::Open { sid: [1, 2] }), open);
        let (root, test) = (path("/"), path("/test"));
        let connected = text(&Reply::Connected {
            path: root.clone(),
            sid: [0xab, u64::MAX],
        });
        assert_eq!(connected, r#"40{"sid":"00000000000000abffffffffffffffff"}"#);
        let news = text(&Reply::News { path: test.clone() });
        assert_eq!(news, r#"42/test,0["news",{"hello":"world"}]"#);
        let refused = Reply::Refused {
            path: test.clone(),
            reason: "no",
        };
        assert_eq!(text(&refused), r#"44/test,{"message":"no"}"#);
        let ack = Reply::Ack {
            path: root,
            id: 12,
            count: 3,
        };
        assert_eq!(text(&ack), "4312[3]");
        let ack = Reply::Ack {
            path: test,
            id: 12,
            count: 3,
        };
        assert_eq!(text(&ack), "43/test,12[3]");
    }

    #[test]
    fn entries_are_events_with_sound_json_whatever_was_said() {
        let name = "bob";
        let message = Entry::Message {
            name,
            text: "a\"b\\c\td",
        };
        assert_eq!(
            entry("/", &message),
            r#"42["message",{"name":"bob","text":"a\"b\\c\u0009d"}]"#
        );
        let joined = entry("/test", &Entry::Joined { name });
        assert_eq!(joined, r#"42/test,["joined",{"name":"bob"}]"#);
        assert_eq!(
            entry("/", &Entry::Left { name }),
            r#"42["left",{"name":"bob"}]"#
        );
        let renamed = entry("/", &Entry::Renamed { name, new: "rob" });
        assert_eq!(renamed, r#"42["renamed",{"name":"bob","new":"rob"}]"#);
        let json = r#"["my other event",{"my":"data"}]"#;
        assert_eq!(
            entry("/", &Entry::Event { json }),
            String::from("42") + json
        );
        for entry in [entry("/", &message), joined.replace("/test,", ""), renamed] {
            assert!(Json::parse(&entry[2..]).is_ok());
        }
    }
}
