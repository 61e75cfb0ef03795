//! Sinks that can begin anew with another version of a file.

use super::UrlHash;
use crate::{BufferSink, Discard, Sink, SinkError};

/// The file that a sink begins to take.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Version<'v> {
    /// Where the file is, after all redirects.
    pub url: &'v str,
    /// What proves later that it is still the same; nothing where the server gave no such thing.
    pub validator: Option<&'v [u8]>,
    /// Its length in bytes, where the server told it.
    pub total: Option<u64>,
}

impl Version<'_> {
    /// What a sink has that holds the first `bytes` of this version.
    pub fn kept(&self, bytes: u64) -> Kept<'_> {
        Kept {
            bytes,
            url: UrlHash::of(self.url.as_bytes()),
            validator: self.validator,
            total: self.total,
        }
    }
}

/// What a sink has of a version, from before a restart of the program.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Kept<'v> {
    /// Number of bytes, from the first one on.
    pub bytes: u64,
    /// Where the file is: of [`Version::url`].
    pub url: UrlHash,
    /// As [`Version::validator`].
    pub validator: Option<&'v [u8]>,
    /// As [`Version::total`].
    pub total: Option<u64>,
}

/// A sink that can begin anew.
pub trait RestartSink: Sink {
    /// Forgets everything that was taken. The bytes that follow are the first ones of `version`.
    ///
    /// A sink that outlives a power cut must keep `version` for good before it takes the next byte,
    /// and must lose the old version before that: what is in it later belongs to one version only.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn restart(&mut self, version: &Version<'_>) -> Result<(), SinkError>;

    /// Whether bytes that were taken can be forgotten. Those on a pipe cannot.
    fn can_restart(&self) -> bool {
        true
    }

    /// What it has from before a restart of the program. It is asked when a download is made.
    fn kept(&self) -> Option<Kept<'_>> {
        None
    }

    /// Whether it took less than it was offered because it works piece by piece. It is then offered
    /// the rest at once, and not when its caller turns next.
    fn is_working(&self) -> bool {
        false
    }
}

impl<S: RestartSink + ?Sized> RestartSink for &mut S {
    fn restart(&mut self, version: &Version<'_>) -> Result<(), SinkError> {
        (**self).restart(version)
    }

    fn can_restart(&self) -> bool {
        (**self).can_restart()
    }

    fn kept(&self) -> Option<Kept<'_>> {
        (**self).kept()
    }

    fn is_working(&self) -> bool {
        (**self).is_working()
    }
}

impl RestartSink for Discard {
    fn restart(&mut self, _version: &Version<'_>) -> Result<(), SinkError> {
        Ok(())
    }
}

impl RestartSink for BufferSink<'_> {
    fn restart(&mut self, _version: &Version<'_>) -> Result<(), SinkError> {
        self.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_restarts_holds_nothing_of_the_version_before() {
        let version = Version {
            url: "http://10.0.0.2/",
            validator: None,
            total: None,
        };
        let mut room = [0; 8];
        let mut buffer = BufferSink::new(&mut room[..]);
        assert_eq!(buffer.write(b"before"), Ok(6));
        let mut lent = &mut buffer;
        assert!(RestartSink::can_restart(&lent));
        assert_eq!(RestartSink::restart(&mut lent, &version), Ok(()));
        assert_eq!(buffer.write(b"now"), Ok(3));
        assert_eq!(buffer.bytes(), b"now");
    }
}
