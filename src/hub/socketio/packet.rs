//! Packets of Engine.IO 4 and, in them, of Socket.IO 5, as text frames of a WebSocket carry them.

use super::json::{Json, JsonError};

/// Digits of the largest acknowledgement id.
const ID_DIGITS_MAX: usize = 15;

/// Why a frame is no packet that a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PacketError {
    /// No type that there is, or one that only a server sends.
    Type,
    /// The id of an acknowledgement is missing or has more than 15 digits.
    Id,
    /// The payload is no JSON.
    Json(JsonError),
    /// The payload is not what the type wants, or an event has a reserved name.
    Payload,
    /// A packet with binary attachments.
    Binary,
}

impl From<JsonError> for PacketError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

/// A packet of Engine.IO, from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Engine<'p> {
    /// `1`: the session is over.
    Close,
    /// `3`: the answer to our ping.
    Pong,
    /// `4` and a packet of Socket.IO.
    Message(&'p str),
    /// `5` or `6`: an upgrade that is none, or nothing at all.
    Nothing,
}

impl<'p> Engine<'p> {
    /// The packet in a text frame.
    ///
    /// # Errors
    /// [`PacketError::Type`]: a ping is the server's to send.
    pub fn parse(frame: &'p str) -> Result<Self, PacketError> {
        match frame.as_bytes().first() {
            Some(b'1') => Ok(Self::Close),
            Some(b'3') => Ok(Self::Pong),
            Some(b'4') => Ok(Self::Message(frame.get(1..).unwrap_or_default())),
            Some(b'5' | b'6') => Ok(Self::Nothing),
            _ => Err(PacketError::Type),
        }
    }
}

/// A packet of Socket.IO, from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Packet<'p> {
    /// With its slash; `/` where none is named.
    pub namespace: &'p str,
    /// What it wants.
    pub body: Body<'p>,
}

/// What a packet wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Body<'p> {
    /// To join the namespace. What it brings for authentication is not looked at.
    Connect,
    /// To leave it.
    Disconnect,
    /// A named event: an array whose first element is a string.
    Event {
        /// To be answered with this id.
        id: Option<u64>,
        /// Name and arguments.
        array: Json<'p>,
    },
    /// The answer to our event with this id: an array.
    Ack {
        /// The id.
        id: u64,
        /// The arguments.
        array: Json<'p>,
    },
}

/// Names that the stock clients use for themselves.
const RESERVED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

impl<'p> Packet<'p> {
    /// The packet in a message of Engine.IO.
    ///
    /// # Errors
    /// What is wrong with it first.
    pub fn parse(text: &'p str) -> Result<Self, PacketError> {
        let (kind, rest) = text.split_at_checked(1).ok_or(PacketError::Type)?;
        let (namespace, rest) = split_namespace(rest);
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (id, payload) = rest.split_at_checked(digits).unwrap_or((rest, ""));
        let id = parse_id(id)?;
        let body = match kind {
            "0" => {
                let is_sound = payload.is_empty() || Json::parse(payload)?.is_object();
                is_sound.then_some(Body::Connect)
            }
            "1" => payload.is_empty().then_some(Body::Disconnect),
            "2" => {
                let array = Json::parse(payload)?;
                is_event(&array).then_some(Body::Event { id, array })
            }
            "3" => {
                let (array, id) = (Json::parse(payload)?, id.ok_or(PacketError::Id)?);
                array.elements().map(|_| Body::Ack { id, array })
            }
            "5" | "6" => return Err(PacketError::Binary),
            _ => return Err(PacketError::Type),
        };
        let body = body.ok_or(PacketError::Payload)?;
        Ok(Self { namespace, body })
    }
}

fn split_namespace(text: &str) -> (&str, &str) {
    if !text.starts_with('/') {
        return ("/", text);
    }
    text.split_once(',').unwrap_or((text, ""))
}

fn parse_id(digits: &str) -> Result<Option<u64>, PacketError> {
    match digits.len() {
        0 => Ok(None),
        1..=ID_DIGITS_MAX => digits.parse().map(Some).map_err(|_| PacketError::Id),
        _ => Err(PacketError::Id),
    }
}

fn is_event(array: &Json) -> bool {
    let name = array.elements().and_then(|mut elements| elements.next());
    name.is_some_and(|name| {
        name.chars().is_some() && !RESERVED.iter().any(|reserved| name.is_string(reserved))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: Option<u64>, array: &str) -> Body<'_> {
        let array = Json::parse(array).unwrap();
        Body::Event { id, array }
    }

    #[test]
    fn packets_of_the_stock_clients_are_understood() {
        let parse = |text| Packet::parse(text).map(|packet| (packet.namespace, packet.body));
        assert_eq!(parse("0"), Ok(("/", Body::Connect)));
        assert_eq!(parse("0/test,"), Ok(("/test", Body::Connect)));
        assert_eq!(parse("0/test"), Ok(("/test", Body::Connect)));
        assert_eq!(
            parse(r#"0/test,{"token":"123"}"#),
            Ok(("/test", Body::Connect))
        );
        assert_eq!(parse("1"), Ok(("/", Body::Disconnect)));
        assert_eq!(parse("1/test,"), Ok(("/test", Body::Disconnect)));
        assert_eq!(parse(r#"2["a",1]"#), Ok(("/", event(None, r#"["a",1]"#))));
        let told = parse(r#"2/test,17["my other event",{"my":"data"}]"#);
        let array = r#"["my other event",{"my":"data"}]"#;
        assert_eq!(told, Ok(("/test", event(Some(17), array))));
        let array = Json::parse("[]").unwrap();
        assert_eq!(
            parse("3/test,0[]"),
            Ok(("/test", Body::Ack { id: 0, array }))
        );
    }

    #[test]
    fn what_no_client_may_send_is_refused() {
        let parse = |text| Packet::parse(text).map(|_| ()).unwrap_err();
        for text in ["", "7", "4{\"message\":\"no\"}", "x"] {
            assert_eq!(parse(text), PacketError::Type, "{text}");
        }
        for text in [r#"51-["a",{"_placeholder":true,"num":0}]"#, "61-/test,1[]"] {
            assert_eq!(parse(text), PacketError::Binary);
        }
        for text in ["3[]", r#"21234567890123456["a"]"#] {
            assert_eq!(parse(text), PacketError::Id);
        }
        for text in ["2", "2[", "2x", "0{", "3/a,1", "2[\"a\"]]"] {
            assert_eq!(parse(text), PacketError::Json(JsonError::Syntax), "{text}");
        }
        let payloads = [
            "2{}",
            "2[]",
            "2[1]",
            "2[null]",
            "2\"a\"",
            "0[]",
            "0\"a\"",
            "1{}",
            "30{}",
            "2[\"connect\"]",
            "2[\"disconnect\",1]",
            "2[\"c\\u006fnnect\"]",
            "2[\"newListener\"]",
        ];
        for text in payloads {
            assert_eq!(parse(text), PacketError::Payload, "{text}");
        }
    }

    #[test]
    fn frames_of_engine_io_are_told_apart() {
        assert_eq!(Engine::parse("3"), Ok(Engine::Pong));
        assert_eq!(Engine::parse("3probe"), Ok(Engine::Pong));
        assert_eq!(Engine::parse("1"), Ok(Engine::Close));
        assert_eq!(Engine::parse("5"), Ok(Engine::Nothing));
        assert_eq!(Engine::parse("42[\"a\"]"), Ok(Engine::Message("2[\"a\"]")));
        for frame in ["", "0{}", "2", "2probe", "7", "b4AQ=="] {
            assert_eq!(Engine::parse(frame), Err(PacketError::Type), "{frame}");
        }
    }
}
