//! The commands of a chat: lines that begin with a slash.

use smoltcp::wire::IpEndpoint;

use crate::cli::CHAT_PORT;
use crate::exit::{Exit, Failure};
use crate::terminal::clean_line;
use crate::values::{self, Host, Peer};

/// What a person, or a script, may tell a running chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Connect(IpEndpoint),
    Listen(u16),
    Disconnect,
    Quit,
}

impl Command {
    /// Reads a line that begins with one slash.
    ///
    /// # Errors
    /// What is wrong with it, in words that may be shown.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default();
        let argument = words.next();
        if words.next().is_some() {
            return Err(format!("{}: too many words", clean_line(line)));
        }
        match (command, argument) {
            ("/connect", Some(host)) => {
                let wrong = |why: String| format!("/connect {}: {why}", clean_line(host));
                let peer = values::peer(host, CHAT_PORT).map_err(wrong)?;
                endpoint(&peer)
                    .map(Self::Connect)
                    .map_err(|why| why.message)
            }
            ("/connect", None) => Err("/connect needs HOST[:PORT]".to_owned()),
            ("/listen", port) => match port.map(values::port) {
                None => Ok(Self::Listen(CHAT_PORT)),
                Some(Ok(port)) => Ok(Self::Listen(port)),
                Some(Err(why)) => Err(format!("/listen: {why}")),
            },
            ("/disconnect", None) => Ok(Self::Disconnect),
            ("/quit", None) => Ok(Self::Quit),
            _ => Err(format!(
                "{} is none of /connect HOST[:PORT], /listen [PORT], /disconnect and /quit; // sends a slash",
                clean_line(line.trim_end())
            )),
        }
    }
}

/// Whom to call; names need a resolver, which is not there yet.
///
/// # Errors
/// [`Exit::Name`].
pub(super) fn endpoint(peer: &Peer) -> Result<IpEndpoint, Failure> {
    match &peer.host {
        Host::Address(address) => Ok(IpEndpoint::new(*address, peer.port)),
        Host::Name(name) => {
            let text = format!("cannot resolve '{name}': names are not supported, give an address");
            Err(Failure::new(Exit::Name, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smoltcp::wire::IpAddress;

    #[test]
    fn commands_are_read_and_mistakes_named() {
        let remote = |port| IpEndpoint::new(IpAddress::v4(10, 0, 0, 7), port);
        for (line, command) in [
            ("/connect 10.0.0.7", Command::Connect(remote(1001))),
            ("/connect  10.0.0.7:4444 ", Command::Connect(remote(4444))),
            ("/listen", Command::Listen(1001)),
            ("/listen 4444\r", Command::Listen(4444)),
            ("/disconnect", Command::Disconnect),
            ("/quit", Command::Quit),
        ] {
            assert_eq!(Command::parse(line), Ok(command), "{line}");
        }
        for (line, named) in [
            ("/connect", "HOST"),
            ("/connect a.example", "a.example"),
            ("/connect 10.0.0.7:0", "port"),
            ("/connect a b", "too many"),
            ("/listen x", "port"),
            ("/quit now", "/quit now"),
            ("/", "none of"),
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
