//! A target whose bytes are hashed on their way.

use std::io;
use std::os::fd::BorrowedFd;

use sha2::{Digest, Sha256};
use tickwire::http::{RestartSink, Version};
use tickwire::{Sink, SinkError};

use crate::storage::target::Target;

/// SHA-256.
pub(super) type FileDigest = [u8; 32];

/// A [`Target`], and the digest of all that it holds where somebody wants that.
#[derive(Debug)]
pub(super) struct Checked {
    target: Target,
    hasher: Option<Sha256>,
    /// Number of bytes that the target held from an earlier run, and still does.
    resumed_bytes: u64,
}

impl Checked {
    /// A target; what it holds already is hashed again, as long as `goes_on` returns `true`.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::Interrupted`] if `goes_on` returned `false`.
    pub(super) fn new(
        target: Target,
        has_digest: bool,
        mut goes_on: impl FnMut() -> bool,
    ) -> io::Result<Self> {
        let mut hasher = has_digest.then(Sha256::new);
        let mut resumed_bytes = 0;
        if let Target::Part(part) = &target
            && let Some((bytes, _)) = part.found()
        {
            resumed_bytes = bytes;
            if let Some(hasher) = &mut hasher {
                part.read_all(|block| {
                    hasher.update(block);
                    goes_on()
                })?;
            }
        }
        Ok(Self {
            target,
            hasher,
            resumed_bytes,
        })
    }

    /// The target.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// The target, to be committed.
    pub(super) fn into_target(self) -> Target {
        self.target
    }

    /// Number of bytes that come from an earlier run.
    pub(super) fn resumed_bytes(&self) -> u64 {
        self.resumed_bytes
    }

    /// The digest of what the target holds now.
    pub(super) fn digest(&self) -> Option<FileDigest> {
        let hasher = self.hasher.as_ref()?;
        Some(hasher.clone().finalize().into())
    }

    /// The descriptor to wait for, see [`Target::blocked`].
    pub(super) fn blocked(&self) -> Option<BorrowedFd<'_>> {
        self.target.blocked()
    }
}

impl Sink for Checked {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        let taken = self.target.write(data)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(data.get(..taken).unwrap_or(data));
        }
        Ok(taken)
    }
}

impl RestartSink for Checked {
    fn restart(&mut self, version: &Version<'_>) -> Result<(), SinkError> {
        self.resumed_bytes = 0;
        if let Some(hasher) = &mut self.hasher {
            *hasher = Sha256::new();
        }
        self.target.restart(version)
    }

    fn can_restart(&self) -> bool {
        self.target.can_restart()
    }
}
