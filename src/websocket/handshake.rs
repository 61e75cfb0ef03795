//! A client's half of the handshake as pure bytes (RFC 6455, 4.1): its request, and what the answer
//! must say.

use core::fmt;

use heapless::String;

use super::key::{accept_key, new_key};
use crate::http::{
    Additions, Fields, Header, HeaderError, Location, NameFinder, Request, Url, UrlError, Value,
};

/// Fields of the handshake, which only the client itself may set.
const RESERVED: [&str; 6] = [
    "Upgrade",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Accept",
];

impl<'a> Url<'a> {
    /// Parses and checks the URL of a WebSocket: `ws://` in place of `http://` (RFC 6455, 3). It is a
    /// `Url` from here on, and is shown as one.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_websocket(text: &'a str) -> Result<Self, UrlError> {
        match Self::parse_scheme(text, ["ws", "wss"])? {
            (url, None) => Ok(url),
            (_, Some(_)) => Err(UrlError::UserInfo),
        }
    }
}

/// Why the server's answer to our handshake is no WebSocket's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HandshakeError {
    /// `Upgrade` is not `websocket`, or `Connection` does not say `Upgrade`.
    NoUpgrade,
    /// `Sec-WebSocket-Accept` is missing or does not belong to our key: whoever answered does not
    /// speak WebSocket.
    Accept,
    /// The server chose a protocol that was not offered, or more than one.
    Protocol,
    /// The server wants an extension; none was offered.
    Extension,
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::NoUpgrade => "the server did not switch to WebSocket",
            Self::Accept => "the server's answer does not belong to our key",
            Self::Protocol => "the server chose a protocol that was not offered",
            Self::Extension => "the server wants an extension that was not offered",
        })
    }
}

impl core::error::Error for HandshakeError {}

/// What a client asks for: a checked URL with headers of the caller, and the protocols that it offers.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClientRequest<'a> {
    request: Request<'a>,
    /// Borrowed from the caller for the life of the request.
    protocols: &'a [&'a str],
}

impl<'a> ClientRequest<'a> {
    /// A handshake with the server of `url`, which [`Url::parse_websocket`] has made. `protocols` are
    /// offered in Sec-WebSocket-Protocol, the dearest first.
    ///
    /// # Errors
    /// [`HeaderError`] of the first header that must not be sent, [`HeaderError::ValueByte`] when a
    /// protocol is no token.
    pub fn new(
        url: &Url<'a>,
        headers: &'a [Header<'a>],
        protocols: &'a [&'a str],
    ) -> Result<Self, HeaderError> {
        let is_reserved = |header: &Header| RESERVED.iter().any(|name| header.is_named(name));
        if headers.iter().any(is_reserved) {
            return Err(HeaderError::Reserved);
        }
        let is_token = |protocol: &&str| crate::http::is_token(protocol);
        if !protocols.iter().all(is_token) {
            return Err(HeaderError::ValueByte);
        }
        let request = Request::new(url, headers)?;
        Ok(Self { request, protocols })
    }

    /// The request with the key of one attempt.
    pub(super) const fn with_key<'k>(&self, key: &'k Key) -> Request<'a, Upgrade<'k>>
    where
        'a: 'k,
    {
        self.request.with(Upgrade {
            key,
            protocols: self.protocols,
        })
    }
}

/// The key of one attempt.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Key(String<24>);

impl Key {
    /// A key of two random numbers.
    pub(super) fn new(random: [u64; 2]) -> Self {
        Self(new_key(random))
    }
}

/// What the handshake adds to the caller's headers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upgrade<'k> {
    key: &'k Key,
    protocols: &'k [&'k str],
}

impl Additions for Upgrade<'_> {
    fn before_host(&self) -> &'static [u8] {
        b" HTTP/1.1\r\nHost: "
    }

    fn connection(&self) -> &'static [u8] {
        b"\r\nConnection: Upgrade\r\n"
    }

    fn has_upgrade(&self) -> bool {
        true
    }

    fn write_pieces(&self, write: &mut dyn FnMut(&[u8])) {
        write(b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
        write(self.key.0.as_bytes());
        for (index, protocol) in self.protocols.iter().enumerate() {
            write(if index == 0 {
                b"\r\nSec-WebSocket-Protocol: "
            } else {
                b", "
            });
            write(protocol.as_bytes());
        }
        write(b"\r\n");
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Name {
    Upgrade,
    Connection,
    Accept,
    Protocol,
    Extensions,
}

const NAMES: [(Name, &[u8]); 5] = [
    (Name::Upgrade, b"upgrade"),
    (Name::Connection, b"connection"),
    (Name::Accept, b"sec-websocket-accept"),
    (Name::Protocol, b"sec-websocket-protocol"),
    (Name::Extensions, b"sec-websocket-extensions"),
];

/// Hears the fields of the answer, in constant memory.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Answer<'a> {
    pub(super) location: Location<'a>,
    /// The key that is to be answered, and the protocols that were offered.
    key: Key,
    protocols: &'a [&'a str],
    name: NameFinder<Name>,
    /// Of the present field. One that is too long is none of those that are looked for.
    value: Value,
    is_upgrade: bool,
    is_connection: bool,
    is_accepted: bool,
    protocol: Option<&'a str>,
    /// What makes the answer unusable, whatever else it says.
    error: Option<HandshakeError>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(request: &ClientRequest<'a>, location: &'a mut [u8]) -> Self {
        Self {
            location: Location::new(location),
            key: Key::new([0; 2]),
            protocols: request.protocols,
            name: NameFinder::new(&NAMES),
            value: Value::default(),
            is_upgrade: false,
            is_connection: false,
            is_accepted: false,
            protocol: None,
            error: None,
        }
    }

    /// A fresh answer to another key.
    pub(super) fn begin(&mut self, key: Key) {
        self.key = key;
        self.begin_head(0);
    }

    /// The key that is to be answered.
    pub(super) const fn key(&self) -> &Key {
        &self.key
    }

    /// The protocol that the server chose.
    pub(super) const fn protocol(&self) -> Option<&'a str> {
        self.protocol
    }

    /// Whether an answer with 101 is a WebSocket's, for our key (RFC 6455, 4.1).
    pub(super) fn check(&self) -> Result<(), HandshakeError> {
        if !self.is_upgrade || !self.is_connection {
            return Err(HandshakeError::NoUpgrade);
        }
        if !self.is_accepted {
            return Err(HandshakeError::Accept);
        }
        self.error.map_or(Ok(()), Err)
    }

    fn on_value(&mut self, name: Name) {
        let value = self.value.get().unwrap_or_default();
        match name {
            Name::Upgrade => self.is_upgrade |= value.eq_ignore_ascii_case(b"websocket"),
            Name::Connection => {
                let mut tokens = value.split(|&byte| byte == b',');
                let is_upgrade = |token: &[u8]| token.trim_ascii().eq_ignore_ascii_case(b"upgrade");
                self.is_connection |= tokens.any(is_upgrade);
            }
            Name::Accept => {
                if value == accept_key(&self.key.0).as_bytes() {
                    self.is_accepted = true;
                } else {
                    self.error.get_or_insert(HandshakeError::Accept);
                }
            }
            Name::Protocol => {
                let mut offered = self.protocols.iter();
                let chosen = offered.find(|offer| offer.as_bytes() == value).copied();
                if chosen.is_none() || self.protocol.is_some() {
                    self.error.get_or_insert(HandshakeError::Protocol);
                }
                self.protocol = chosen;
            }
            Name::Extensions => {
                self.error.get_or_insert(HandshakeError::Extension);
            }
        }
    }
}

impl Fields for Answer<'_> {
    fn begin_head(&mut self, _status: u16) {
        self.location.clear();
        self.is_upgrade = false;
        self.is_connection = false;
        self.is_accepted = false;
        self.protocol = None;
        self.error = None;
    }

    fn begin_name(&mut self) {
        self.name.begin();
    }

    fn name_byte(&mut self, byte: u8) {
        self.name.push(byte);
    }

    fn begin_value(&mut self) {
        self.name.find();
        self.value.clear();
        self.value.begin();
    }

    fn value_byte(&mut self, byte: u8) {
        if self.name.current().is_some() {
            self.value.push(byte);
        }
    }

    fn end_value(&mut self) {
        if let Some(name) = self.name.end() {
            self.on_value(name);
        }
    }

    fn has_location(&self) -> bool {
        self.location.has_location()
    }

    fn location_byte(&mut self, byte: u8) {
        self.location.location_byte(byte);
    }

    fn end_location(&mut self) {
        self.location.end_location();
    }
}
