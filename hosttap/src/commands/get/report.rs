//! `--json`: what became of each URL, one object a line.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};
use tickwire::Duration;
use tickwire::http::{Complete, Proof};

use super::checked::FileDigest;
use crate::exit::{Exit, Failure};
use crate::storage::hex;

/// What is known of a transfer, however it ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// The status that the last server answered with, where it tells how the transfer ended.
    pub(super) status: Option<u16>,
    /// Number of attempts, the first included.
    pub(super) attempts: u32,
}

/// A body that was fetched and stored.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) complete: Complete,
    pub(super) time: Duration,
    pub(super) digest: Option<FileDigest>,
    /// Number of bytes that came from an earlier run.
    pub(super) resumed_bytes: u64,
}

/// Prints one object on stdout.
///
/// # Errors
/// [`Exit::Write`].
pub(super) fn print(
    url: &str,
    path: &Path,
    seen: Seen,
    result: Result<&Fetched, &Failure>,
) -> Result<(), Failure> {
    let line = object(url, path, seen, result).to_string();
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::from_io(Exit::Write, "stdout", &error))
}

/// Every field is always there; what is not known is null.
fn object(url: &str, path: &Path, seen: Seen, result: Result<&Fetched, &Failure>) -> Value {
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
        "status": seen.status,
        "bytes": complete.map(|complete| complete.bytes),
        "seconds": fetched.map(|fetched| fetched.time.as_millis() as f64 / 1_000.0),
        "proof": complete.map(|complete| proof_name(complete.proof)),
        "sha256": fetched.and_then(|fetched| fetched.digest.as_ref().map(|bytes| hex::encode(bytes))),
        "attempts": seen.attempts,
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
