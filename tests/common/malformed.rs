//! Every way in which a response can be malformed.

use tickwire::http::Malformed;

pub(crate) const ALL: [Malformed; 21] = [
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
];
