//! Why a name was not resolved.

use core::fmt;

use super::NameError;

/// Why a name was not resolved. It is part of [`Error::Unresolved`](crate::Error::Unresolved) where a
/// connection was to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ResolveError {
    /// The text is neither a name nor an address.
    NotAName(NameError),
    /// No server is known or can be reached, or the stack has no room for a name.
    NoServer,
    /// The servers say that there is no such name.
    NoSuchName,
    /// The name has no address of the families that were asked for.
    NoAddress,
    /// Nobody answered in time.
    NoAnswer,
    /// All servers refuse to answer us.
    Refused,
    /// No server could find an answer.
    ServerFailed,
    /// More than eight aliases, or a loop of them.
    TooManyAliases,
}

impl ResolveError {
    /// What to say when two families failed: that a name is not there is true only when both say so,
    /// and who got no answer may get one later.
    pub(super) fn joined(self, other: Self) -> Self {
        match (self, other) {
            (Self::NoSuchName, worse) | (worse, Self::NoSuchName) => worse,
            (Self::NoAddress, worse) | (worse, Self::NoAddress) => worse,
            (first, _) => first,
        }
    }
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::NotAName(error) => return error.fmt(f),
            Self::NoServer => "no name server can be asked",
            Self::NoSuchName => "there is no such name",
            Self::NoAddress => "the name has no address",
            Self::NoAnswer => "nobody answered",
            Self::Refused => "the name servers refused to answer",
            Self::ServerFailed => "the name servers found no answer",
            Self::TooManyAliases => "the name has too many aliases",
        })
    }
}

impl core::error::Error for ResolveError {}

#[cfg(test)]
mod tests {
    use super::ResolveError::{self, NoAddress, NoAnswer, NoSuchName, ServerFailed};

    #[test]
    fn of_two_families_the_one_that_may_have_an_address_later_is_told() {
        for (one, other, told) in [
            (NoSuchName, NoSuchName, NoSuchName),
            (NoSuchName, NoAddress, NoAddress),
            (NoSuchName, NoAnswer, NoAnswer),
            (NoAddress, NoAddress, NoAddress),
            (NoAddress, ServerFailed, ServerFailed),
        ] {
            assert_eq!(one.joined(other), told);
            assert_eq!(other.joined(one), told);
        }
        // Where both may, either is true.
        assert_eq!(ResolveError::joined(NoAnswer, ServerFailed), NoAnswer);
    }
}
