//! Why a hub says no.

use core::fmt;

use crate::{Error, Tick};

/// Why somebody does not become a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum JoinError {
    /// There is memory for so many members and no more.
    MembersFull,
    /// The room is a new one, and there is memory for so many and no more.
    RoomsFull,
    /// The hub is [closed](super::Hub::close).
    Closed,
}

impl JoinError {
    /// The error in words.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::MembersFull => "there is no place for another member",
            Self::RoomsFull => "there is no place for another room",
            Self::Closed => "the server is going away",
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Why a message did not go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PostError {
    /// It has more than [`Limits::message_bytes_max`](super::Limits::message_bytes_max) bytes, each
    /// control character counted as what stands for it.
    TooLong,
    /// The member has said too much lately, and may go on at this time.
    Early(Tick),
}

/// Why a member has not got another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RenameError {
    /// Somebody else has it.
    Taken,
    /// As [`PostError::Early`].
    Early(Tick),
}

/// Why a member has not gone to another room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MoveError {
    /// As [`JoinError::RoomsFull`].
    RoomsFull,
    /// As [`PostError::Early`].
    Early(Tick),
}

/// A member was so slow that what it has still to get is gone. Its connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lapped;

/// Why the connection of a member failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SessionError {
    /// What can happen to every connection.
    Connection(Error),
    /// The member was [`Lapped`].
    TooSlow,
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::TooSlow => f.write_str("the member was too slow for its room"),
        }
    }
}

impl core::error::Error for SessionError {}

impl From<Error> for SessionError {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

impl From<Lapped> for SessionError {
    fn from(_lapped: Lapped) -> Self {
        Self::TooSlow
    }
}
