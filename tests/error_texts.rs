//! What errors say to people: each something of its own, in a line that fits after a colon.

#[path = "common/malformed.rs"]
mod malformed;

use std::fmt::Display;

use tickwire::chat::ChatError;
use tickwire::dns::{self, NameError, ResolveError};
use tickwire::file::{OfferError, ReceiveError, SendError, Status};
use tickwire::http::server::{RequestError, ServeError};
use tickwire::http::{
    Authority, BodyError, DownloadError, GetError, HeaderError, Host, Malformed, Proof,
    RedirectError, SetupError, Url, UrlError,
};
use tickwire::store::LayoutError;
use tickwire::{Error, SinkError, SourceError, Tick, TimeoutKind, UdpError};

fn assert_texts<E: Display>(all: &[E]) {
    let texts: Vec<_> = all.iter().map(ToString::to_string).collect();
    for text in &texts {
        assert!(!text.is_empty() && !text.contains(char::is_control));
        assert!(!text.ends_with('.') && text.trim() == text, "{text:?}");
        let says_it = |other: &&String| *other == text;
        assert_eq!(texts.iter().filter(says_it).count(), 1, "{text:?}");
    }
}

/// All that can happen to a connection.
const ERRORS: [Error; 10] = [
    Error::Unaddressable,
    Error::Unreachable,
    Error::DestinationUnreachable,
    Error::NoLocalPort,
    Error::SocketInUse,
    Error::Refused,
    Error::Reset,
    Error::AddressLost,
    Error::TimedOut(TimeoutKind::Reply),
    Error::Spinning,
];

#[test]
fn every_error_of_a_connection_says_something_of_its_own() {
    assert_texts(&ERRORS);
    assert_texts(&[
        TimeoutKind::Connect,
        TimeoutKind::Handshake,
        TimeoutKind::Send,
        TimeoutKind::Request,
        TimeoutKind::Reply,
        TimeoutKind::Receive,
        TimeoutKind::Flush,
        TimeoutKind::Peer,
        TimeoutKind::Close,
        TimeoutKind::Sink,
        TimeoutKind::Total,
    ]);
    assert_texts(&[
        UdpError::SocketInUse,
        UdpError::PortInUse,
        UdpError::Unaddressable,
        UdpError::Unreachable,
        UdpError::NoRoom,
        UdpError::TooLong,
    ]);
    let missing = Error::TimedOut(TimeoutKind::Receive).to_string();
    assert_eq!(missing, "timed out waiting for more data");
    // Nobody but we ourselves made it wait.
    let sink = Error::TimedOut(TimeoutKind::Sink).to_string();
    assert_eq!(sink, "the data was not taken in time");
}

#[test]
fn every_error_of_a_get_says_something_of_its_own() {
    assert_texts(&[
        BodyError::Truncated,
        BodyError::Malformed(Malformed::Length),
    ]);
    let own = [
        GetError::Truncated,
        GetError::Malformed(Malformed::Length),
        GetError::Status(404),
        GetError::TooLarge,
        GetError::Sink { code: 28 },
    ];
    assert_texts(&[&own[..], &ERRORS.map(GetError::Connection)].concat());
    let late = GetError::Connection(Error::TimedOut(TimeoutKind::Reply));
    assert_eq!(late.to_string(), "timed out waiting for the response head");
    assert_eq!(GetError::Status(404).to_string(), "status 404");
    assert_texts(&malformed::ALL);
    let error = GetError::from(Malformed::BareCr).to_string();
    assert!(error.ends_with(&Malformed::BareCr.to_string()) && error.starts_with("malformed: "));
}

#[test]
fn every_error_of_a_download_says_something_of_its_own() {
    let redirects = [
        RedirectError::NoLocation,
        RedirectError::TooLong,
        RedirectError::Url(UrlError::Https),
        RedirectError::NoAddress,
        RedirectError::Loop,
        RedirectError::TooMany,
    ];
    assert_texts(&redirects);
    let own = [
        DownloadError::Get(GetError::Truncated),
        DownloadError::CannotRestart,
    ];
    assert_texts(&[&own[..], &redirects.map(DownloadError::Redirect)].concat());
    assert_texts(&[
        SetupError::Url(UrlError::Empty),
        SetupError::Header(HeaderError::Reserved),
        SetupError::UrlTooLong,
        SetupError::NoAddress,
    ]);
}

#[test]
fn every_error_of_a_server_says_something_of_its_own() {
    let requests = [
        RequestError::RequestLine,
        RequestError::Target,
        RequestError::Method,
        RequestError::Version,
        RequestError::LineTooLong,
        RequestError::FieldsTooLong,
        RequestError::LineEnd,
        RequestError::Field(Malformed::NoColon),
        RequestError::Host,
        RequestError::Misdirected,
        RequestError::Length,
        RequestError::Framing,
        RequestError::Unframed,
        RequestError::Coding,
        RequestError::Expectation,
        RequestError::Body(Malformed::ChunkSize),
        RequestError::BodyTooLong,
        RequestError::Truncated,
    ];
    assert_texts(&requests);
    let own = [ServeError::Source(SourceError::Changed), ServeError::Short];
    let requests = requests.map(ServeError::<Error>::Request);
    let connections = ERRORS.map(ServeError::Connection);
    assert_texts(&[&own[..], &requests, &connections].concat());
    let upgrade = ServeError::Upgrade(Error::Reset);
    assert_eq!(upgrade.to_string(), Error::Reset.to_string());
}

#[test]
fn every_error_of_a_chat_says_something_of_its_own() {
    let own = [ChatError::SinkFull, ChatError::Sink { code: 28 }];
    assert_texts(&[&own[..], &ERRORS.map(ChatError::Connection)].concat());
}

#[test]
fn every_error_of_a_hub_says_something_of_its_own() {
    use tickwire::hub::{JoinError, SessionError};

    assert_texts(&[JoinError::MembersFull, JoinError::RoomsFull]);
    let own = [SessionError::TooSlow];
    assert_texts(&[&own[..], &ERRORS.map(SessionError::Connection)].concat());
}

#[test]
fn every_error_of_a_transfer_says_something_of_its_own() {
    let own = [
        SendError::Name,
        SendError::TooLarge,
        SendError::Source { code: 5 },
        SendError::SourceChanged,
        SendError::Refused(3),
        SendError::BadReply,
        SendError::Truncated,
    ];
    assert_texts(&[&own[..], &ERRORS.map(SendError::Connection)].concat());
    let own = [
        ReceiveError::Malformed(OfferError::Length),
        ReceiveError::Truncated,
        ReceiveError::TooLarge,
        ReceiveError::Busy,
        ReceiveError::Store { code: 28 },
        ReceiveError::DigestMismatch,
    ];
    assert_texts(&[&own[..], &ERRORS.map(ReceiveError::Connection)].concat());
    assert_texts(&[
        OfferError::Magic,
        OfferError::Version,
        OfferError::Name,
        OfferError::Length,
    ]);
}

#[test]
fn every_app_takes_over_the_error_of_its_connection() {
    for error in ERRORS {
        assert_eq!(GetError::from(error), GetError::Connection(error));
        assert_eq!(ChatError::from(error), ChatError::Connection(error));
        assert_eq!(SendError::from(error), SendError::Connection(error));
        assert_eq!(ReceiveError::from(error), ReceiveError::Connection(error));
    }
}

#[test]
fn every_error_of_payload_says_something_of_its_own() {
    assert_texts(&[SinkError::Full, SinkError::Failed { code: 28 }]);
    assert_texts(&[SourceError::Changed, SourceError::Failed { code: 5 }]);
}

#[test]
fn every_mistake_of_a_user_says_something_of_its_own() {
    assert_texts(&[
        UrlError::Empty,
        UrlError::Space,
        UrlError::ControlByte,
        UrlError::NoScheme,
        UrlError::Https,
        UrlError::OtherScheme,
        UrlError::UserInfo,
        UrlError::EmptyHost,
        UrlError::HostTooLong,
        UrlError::LabelTooLong,
        UrlError::EmptyLabel,
        UrlError::HostNotAscii,
        UrlError::HostByte,
        UrlError::BadIpv4,
        UrlError::UnclosedBracket,
        UrlError::BadIpv6,
        UrlError::NoIpv6,
        UrlError::ZoneId,
        UrlError::BadPort,
        UrlError::PortZero,
        UrlError::PortTooLarge,
    ]);
    assert_texts(&[
        HeaderError::NoColon,
        HeaderError::EmptyName,
        HeaderError::NameByte,
        HeaderError::ValueByte,
        HeaderError::Reserved,
        HeaderError::SecondHost,
    ]);
    assert_texts(&[
        LayoutError::Unaligned,
        LayoutError::OutOfFlash,
        LayoutError::Overlap,
        LayoutError::JournalTooSmall,
        LayoutError::BufferTooSmall,
    ]);
}

#[test]
fn every_status_of_a_transfer_says_something_of_its_own() {
    let statuses: Vec<_> = (0..=u8::MAX).map(Status).collect();
    assert_texts(&statuses);
    assert_eq!(Status(7).to_string(), "status 7");
    assert_texts(&[
        Proof::Length,
        Proof::LastChunk,
        Proof::Empty,
        Proof::CloseOnly,
    ]);
}

#[test]
fn a_host_is_written_as_in_a_url_and_a_tick_in_seconds() {
    let hosts = [
        ("http://10.0.0.1:81/", "10.0.0.1", "10.0.0.1:81"),
        ("http://[fd00::0:1]/", "[fd00::1]", "[fd00::0:1]"),
        ("http://example:80", "example", "example"),
    ];
    for (text, host, authority) in hosts {
        let url = Url::parse(text).unwrap();
        let (named, called): (Host<'_>, Authority<'_>) = (url.host(), url.authority());
        assert_eq!(
            (named.to_string().as_str(), called.to_string().as_str()),
            (host, authority)
        );
    }
    assert_eq!(Tick::from_millis(61_007).to_string(), "61.007 s");
}

#[test]
fn every_error_of_a_name_says_something_of_its_own() {
    let names = [
        NameError::EmptyLabel,
        NameError::LabelTooLong,
        NameError::TooLong,
        NameError::BadByte,
        NameError::Number,
    ];
    assert_texts(&names);
    let resolving = [
        ResolveError::NotAName(NameError::BadByte),
        ResolveError::NoServer,
        ResolveError::NoSuchName,
        ResolveError::NoAddress,
        ResolveError::NoAnswer,
        ResolveError::Refused,
        ResolveError::ServerFailed,
        ResolveError::TooManyAliases,
    ];
    assert_texts(&resolving);
    assert_texts(&resolving.map(Error::Unresolved));
    assert_texts(&[
        dns::Malformed::Short,
        dns::Malformed::LabelType,
        dns::Malformed::Pointer,
        dns::Malformed::NameTooLong,
        dns::Malformed::RecordLength,
    ]);
}

#[test]
fn every_error_of_joining_a_network_says_something_of_its_own() {
    use tickwire::dhcp::{self, LossReason};
    use tickwire::sntp::{SntpError, Unusable};

    assert_texts(&[
        dhcp::Malformed::Short,
        dhcp::Malformed::Header,
        dhcp::Malformed::Option,
        dhcp::Malformed::Type,
    ]);
    assert_texts(&[
        LossReason::Expired,
        LossReason::Withdrawn,
        LossReason::Conflict,
        LossReason::Released,
    ]);
    assert_texts(&[
        SntpError::Loop(Error::Spinning),
        SntpError::NoServer,
        SntpError::NoAnswer,
        SntpError::Udp(UdpError::Unreachable),
        SntpError::Unusable(Unusable::Malformed),
        SntpError::Unusable(Unusable::Stranger),
        SntpError::Unusable(Unusable::Unsynchronised),
        SntpError::Unusable(Unusable::Kiss(*b"RATE")),
    ]);
}

#[test]
fn every_error_of_a_websocket_says_something_of_its_own() {
    use tickwire::websocket::{CloseCode, HandshakeError, QueueError, Violation, WebSocketError};

    let violations = [
        Violation::ReservedBits,
        Violation::Opcode,
        Violation::FragmentedControl,
        Violation::LongControl,
        Violation::Length,
        Violation::Unmasked,
        Violation::Masked,
        Violation::NothingToContinue,
        Violation::MessageInMessage,
        Violation::CloseLength,
        Violation::CloseCode,
        Violation::NotUtf8,
        Violation::TooLong,
    ];
    assert_texts(&violations);
    let handshakes = [
        HandshakeError::NoUpgrade,
        HandshakeError::Accept,
        HandshakeError::Protocol,
        HandshakeError::Extension,
    ];
    assert_texts(&handshakes);
    assert_texts(&[QueueError::Full, QueueError::TooLong]);
    let own = [
        WebSocketError::Malformed(Malformed::StatusLine),
        WebSocketError::Status(404),
        WebSocketError::Closed(CloseCode::POLICY),
        WebSocketError::ClosedByPeer(CloseCode::POLICY),
        WebSocketError::Truncated,
    ];
    let all: Vec<_> = ERRORS
        .map(WebSocketError::from)
        .into_iter()
        .chain(violations.map(WebSocketError::from))
        .chain(handshakes.map(WebSocketError::from))
        .chain(own)
        .collect();
    assert_texts(&all);
}

#[test]
fn a_password_in_a_url_is_not_printed() {
    let (_, user) = Url::parse_with_user_info("http://me:secret@10.0.0.2/").unwrap();
    assert_eq!(format!("{:?}", user.unwrap()), "UserInfo(..)");
}
