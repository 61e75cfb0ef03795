//! What errors say to people: each something of its own, in a line that fits behind a colon.

use std::fmt::Display;

use tickwire::file::Status;
use tickwire::http::{Authority, HeaderError, Host, Proof, Url, UrlError};
use tickwire::store::LayoutError;
use tickwire::{Awaited, Error, Malformed, Tick};

fn assert_texts<E: Display>(all: &[E]) {
    let texts: Vec<_> = all.iter().map(ToString::to_string).collect();
    for text in &texts {
        assert!(!text.is_empty() && !text.contains(char::is_control));
        assert!(!text.ends_with('.') && text.trim() == text, "{text:?}");
        let says_it = |other: &&String| *other == text;
        assert_eq!(texts.iter().filter(says_it).count(), 1, "{text:?}");
    }
}

#[test]
fn every_error_says_something_of_its_own() {
    assert_texts(&[
        Error::Unaddressable,
        Error::Unreachable,
        Error::NoLocalPort,
        Error::SocketInUse,
        Error::Refused,
        Error::Reset,
        Error::AddressLost,
        Error::TimedOut(Awaited::Head),
        Error::Truncated,
        Error::Malformed(Malformed::Length),
        Error::Status(404),
        Error::TooLarge,
        Error::Sink { code: 28 },
        Error::StalledSink,
        Error::Source { code: 5 },
        Error::SourceChanged,
        Error::ReceiverRefused(3),
        Error::BadReceipt,
        Error::DigestMismatch,
        Error::Spinning,
    ]);
    assert_eq!(
        Error::TimedOut(Awaited::Head).to_string(),
        "timed out waiting for the response head"
    );
    assert_eq!(Error::Status(404).to_string(), "status 404");
}

#[test]
fn every_breach_of_a_protocol_and_every_wait_says_something_of_its_own() {
    assert_texts(&[
        Malformed::StatusLine,
        Malformed::SwitchingProtocols,
        Malformed::UnexpectedStatus,
        Malformed::TooManyInterim,
        Malformed::NoColon,
        Malformed::EmptyName,
        Malformed::FieldName,
        Malformed::SpaceBeforeColon,
        Malformed::SpaceBeforeFirstField,
        Malformed::ControlByte,
        Malformed::BareCr,
        Malformed::FoldedLength,
        Malformed::Length,
        Malformed::DifferingLengths,
        Malformed::LengthAndCoding,
        Malformed::Coding,
        Malformed::CodingInHttp10,
        Malformed::HeadTooLong,
        Malformed::ChunkSize,
        Malformed::ChunkEnd,
        Malformed::TrailerTooLong,
        Malformed::OfferMagic,
        Malformed::OfferVersion,
        Malformed::OfferName,
        Malformed::OfferLength,
    ]);
    assert_texts(&[
        Awaited::Connect,
        Awaited::Handshake,
        Awaited::Send,
        Awaited::Head,
        Awaited::Body,
        Awaited::Total,
        Awaited::Offer,
        Awaited::Answer,
        Awaited::Receipt,
        Awaited::Flush,
        Awaited::Peer,
        Awaited::Close,
    ]);
    let error = Error::from(Malformed::BareCr).to_string();
    assert!(error.ends_with(&Malformed::BareCr.to_string()) && error.starts_with("malformed: "));
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
