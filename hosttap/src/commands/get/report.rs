//! `--json`: what became of each URL, one object a line.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tickwire::http::{Complete, Proof};
use tickwire::{Duration, Sink, SinkError};

use crate::exit::{Exit, Failure};
use crate::storage::hex;
use crate::storage::target::Target;

/// A target that hashes what it takes, where somebody asks for the digest.
#[derive(Debug)]
pub(super) struct Hashed {
    pub(super) target: Target,
    hasher: Option<Sha256>,
}

impl Hashed {
    pub(super) fn new(target: Target, is_wanted: bool) -> Self {
        Self {
            target,
            hasher: is_wanted.then(Sha256::new),
        }
    }

    /// The target, and the digest in hexadecimal.
    pub(super) fn finish(self) -> (Target, Option<String>) {
        let digest = self.hasher.map(|hasher| hex::encode(&hasher.finalize()));
        (self.target, digest)
    }
}

impl Sink for Hashed {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        let taken = self.target.write(data)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(data.get(..taken).unwrap_or(data));
        }
        Ok(taken)
    }
}

/// A body that was fetched and stored.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) complete: Complete,
    pub(super) time: Duration,
    pub(super) digest: Option<String>,
}

/// Prints one object on stdout.
///
/// # Errors
/// [`Exit::Write`].
pub(super) fn print(
    url: &str,
    path: &Path,
    status: Option<u16>,
    result: Result<&Fetched, &Failure>,
) -> Result<(), Failure> {
    let line = object(url, path, status, result).to_string();
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::from_io(Exit::Write, "stdout", &error))
}

/// Every field is always there; what is not known is null.
fn object(
    url: &str,
    path: &Path,
    status: Option<u16>,
    result: Result<&Fetched, &Failure>,
) -> Value {
    let (exit, error) = match result {
        Ok(_) => (Exit::Success, None),
        Err(failure) => (failure.exit, Some(&failure.message)),
    };
    let fetched = result.ok();
    let complete = fetched.map(|fetched| fetched.complete);
    json!({
        "url": url,
        "file": path.to_string_lossy(),
        "exit": exit as u8,
        "error": error,
        "status": status,
        "bytes": complete.map(|complete| complete.bytes),
        "seconds": fetched.map(|fetched| fetched.time.as_millis() as f64 / 1_000.0),
        "proof": complete.map(|complete| proof_name(complete.proof)),
        "sha256": fetched.and_then(|fetched| fetched.digest.as_ref()),
        "attempts": 1,
    })
}

const fn proof_name(proof: Proof) -> &'static str {
    match proof {
        Proof::Length => "length",
        Proof::LastChunk => "last-chunk",
        Proof::Empty => "empty",
        Proof::CloseOnly => "close-only",
    }
}
