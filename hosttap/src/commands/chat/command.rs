//! Chat commands: lines that begin with a slash.

use crate::cli::CHAT_PORT;
use crate::cli::values::{self, Peer};
use crate::terminal::text::sanitize_line;

/// What each command does, a line each.
pub(super) const HELP: [&str; 6] = [
    "/connect HOST[:PORT]  end this conversation, and connect to HOST",
    "/listen [PORT]        end it, and wait for a peer to connect",
    "/disconnect           end it, or stop the attempt; a listener goes on",
    "/help                 show this",
    "/quit                 end it, and quit",
    "//text                send /text",
];

/// A command of the user or of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Connect(Peer),
    Listen(u16),
    Disconnect,
    Help,
    Quit,
}

impl Command {
    /// Parses a line that begins with one slash.
    ///
    /// # Errors
    /// A description of what is wrong, safe to print on a terminal.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default();
        let argument = words.next();
        if words.next().is_some() {
            return Err(format!("{}: too many words", sanitize_line(line)));
        }
        match (command, argument) {
            ("/connect", Some(host)) => {
                let invalid = |why: String| format!("/connect {}: {why}", sanitize_line(host));
                values::peer(host, CHAT_PORT)
                    .map(Self::Connect)
                    .map_err(invalid)
            }
            ("/connect", None) => Err("/connect needs HOST[:PORT]".to_owned()),
            ("/listen", port) => match port.map(values::port) {
                None => Ok(Self::Listen(CHAT_PORT)),
                Some(Ok(port)) => Ok(Self::Listen(port)),
                Some(Err(why)) => Err(format!("/listen: {why}")),
            },
            ("/disconnect", None) => Ok(Self::Disconnect),
            ("/help", None) => Ok(Self::Help),
            ("/quit", None) => Ok(Self::Quit),
            _ => Err(format!(
                "{} is not a command; /help names the commands, and // sends a slash",
                sanitize_line(line.trim_end())
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_parsed_and_mistakes_are_named() {
        let peer = |host: &str, port| Peer {
            host: host.to_owned(),
            port,
        };
        for (line, command) in [
            (
                "/connect 10.0.0.7",
                Command::Connect(peer("10.0.0.7", 1001)),
            ),
            (
                "/connect  10.0.0.7:4444 ",
                Command::Connect(peer("10.0.0.7", 4444)),
            ),
            (
                "/connect a.example:http",
                Command::Connect(peer("a.example", 80)),
            ),
            ("/listen", Command::Listen(1001)),
            ("/listen 4444\r", Command::Listen(4444)),
            ("/disconnect", Command::Disconnect),
            ("/help", Command::Help),
            ("/quit", Command::Quit),
        ] {
            assert_eq!(Command::parse(line), Ok(command), "{line}");
        }
        for (line, named) in [
            ("/connect", "HOST"),
            ("/connect a/example", "a/example"),
            ("/connect 10.0.0.7:0", "port"),
            ("/connect a b", "too many"),
            ("/listen x", "port"),
            ("/quit now", "/quit now"),
            ("/", "not a command"),
            ("/\u{1b}[2J", "\u{241b}[2J"),
        ] {
            let why = Command::parse(line).unwrap_err();
            assert!(
                why.contains(named) && !why.contains('\u{1b}'),
                "{line}: {why}"
            );
        }
    }
}
