//! What the tour prints on stdout.

use std::fmt::{Arguments, Display};
use std::io::{self, Write};

use sha2::{Digest, Sha256};
use tickwire::{Sink, SinkError, Tick};

use super::frame_counter::FrameCounter;
use super::network::LOSS_PPM;
use crate::exit::{Exit, Failure};
use crate::storage::hex;

/// A transfer prints its progress after each of this many parts.
const PROGRESS_PARTS: u64 = 4;

/// stdout. After its first error, nothing more is printed.
#[derive(Debug)]
pub(super) struct Output {
    is_quiet: bool,
    error: Option<io::Error>,
}

impl Output {
    /// With `is_quiet`, nothing is printed: the exit code says how the tour ended.
    pub(super) const fn new(is_quiet: bool) -> Self {
        Self {
            is_quiet,
            error: None,
        }
    }

    /// Prints one line.
    pub(super) fn print(&mut self, text: Arguments<'_>) {
        if self.error.is_none() && !self.is_quiet {
            self.error = writeln!(io::stdout().lock(), "{text}").err();
        }
    }

    /// Says what the tour shows.
    pub(super) fn print_introduction(&mut self, seed: u64) {
        let percent = LOSS_PPM / 10_000;
        self.print(format_args!(
            "A device (10.0.0.1) and a laptop (10.0.0.2) on one Ethernet that takes 5 ms and loses \
             {percent} % of all frames.\n\
             Both run tickwire in this process, under a virtual clock; \
             seed {seed} replays every frame.",
        ));
    }

    /// Prints the title of a part.
    pub(super) fn print_title(&mut self, number: u8, title: &str) {
        self.print(format_args!("\n{number}. {title}"));
    }

    /// Prints what happened to the frames of a part.
    pub(super) fn print_frame_counts(&mut self, frames: &FrameCounter) {
        let FrameCounter {
            sent,
            lost,
            retransmitted,
            ..
        } = frames;
        self.print(format_args!(
            "   wire: {sent} frames sent, {lost} lost, {retransmitted} segments sent again"
        ));
    }

    /// Compares the digests of the sent and the received bytes.
    ///
    /// # Errors
    /// [`Exit::Malformed`] if they differ.
    pub(super) fn compare_digests(&mut self, sent: &[u8], arrived: &[u8]) -> Result<(), Failure> {
        let (sent, arrived) = (sha256_hex(sent), sha256_hex(arrived));
        self.print(format_args!("   SHA-256 sent    {sent}"));
        self.print(format_args!("   SHA-256 arrived {arrived}"));
        if sent == arrived {
            self.print(format_args!("   equal"));
            return Ok(());
        }
        Err(Failure::new(Exit::Malformed, "the digests differ"))
    }

    /// Says what to try next.
    pub(super) fn print_next_steps(&mut self) {
        let program = std::env::args().next();
        let program = program.as_deref().unwrap_or("hosttap");
        self.print(format_args!(
            "\nThe same code over a real interface, against this machine's own kernel (as root):\n   \
             python3 -m http.server 8000 &\n   \
             {program} --host-address 192.168.69.100/24 get http://192.168.69.100:8000/\n\
             What is missing for that, and the commands that mend it: {program} doctor\n\
             All commands: {program} --help",
        ));
    }

    /// The result of the command.
    ///
    /// # Errors
    /// [`Exit::Write`] if stdout failed.
    pub(super) fn finish(self) -> Result<Exit, Failure> {
        match self.error {
            None => Ok(Exit::Success),
            Some(error) => Err(Failure::from_io(Exit::Write, "stdout", &error)),
        }
    }
}

/// Prints the progress of a transfer, a few times per transfer.
#[derive(Debug, Default)]
pub(super) struct ProgressPrinter {
    printed_parts: u64,
}

impl ProgressPrinter {
    /// Prints that `bytes` of `total` have arrived, if another part is complete.
    pub(super) fn update(&mut self, output: &mut Output, now: Tick, bytes: u64, total: u64) {
        let parts = bytes * PROGRESS_PARTS / total.max(1);
        if parts > self.printed_parts {
            self.printed_parts = parts;
            let percent = parts * 100 / PROGRESS_PARTS;
            output.print(format_args!(
                "   {}  {percent:3} %  {bytes} of {total} bytes",
                time_column(now),
            ));
        }
    }
}

/// The virtual time, right-aligned in a column.
pub(super) fn time_column(now: Tick) -> impl Display {
    format!("{:>9}", now.to_string())
}

/// A sink that keeps all bytes.
#[derive(Debug, Default)]
pub(super) struct VecSink(pub(super) Vec<u8>);

impl Sink for VecSink {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        self.0.extend_from_slice(data);
        Ok(data.len())
    }
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}
