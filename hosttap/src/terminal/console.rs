//! Messages on stderr, filtered by verbosity, and the progress bar.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use smoltcp::wire::IpEndpoint;
use tickwire::{Duration, Tick};

use super::progress_row::ProgressRow;
use super::row::is_dumb;
use super::text::{Sanitizer, to_socket_addr};
use crate::app_error::AppError;
use crate::exit::{Exit, Failure};
use crate::system::wait::is_writable;

/// How often the progress bar is drawn. A higher rate would only cost time.
const DRAWS_PER_SECOND: u8 = 10;

/// How often the bar is drawn while nothing moves, so that rate and time left stay true.
const TICK_PERIOD: Duration = Duration::from_secs(1);
/// After this time without progress the bar says that the transfer is stalled.
const STALL_MIN: Duration = Duration::from_secs(3);

/// How much to print on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// `-q`: errors only.
    Quiet,
    /// What a user must know.
    Normal,
    /// `-v`: every transition and every frame.
    Verbose,
}

/// stderr, and the progress bar on it.
#[derive(Debug)]
pub struct Console {
    verbosity: Verbosity,
    /// stderr is a terminal, for which text is sanitized.
    is_terminal: bool,
    /// Whether progress may be shown: on a terminal that shows nothing else.
    shows_progress: bool,
    bar: Option<Bar>,
    /// The last error of a connection that was reported.
    reported: Option<AppError>,
}

/// The progress bar.
#[derive(Debug)]
struct Bar {
    bar: ProgressBar,
    bytes: u64,
    /// When `bytes` last changed.
    moved_at: Tick,
}

impl Console {
    /// stderr with the verbosity that `-v` and `-q` select.
    pub fn new(verbose: bool, quiet: bool) -> Self {
        let verbosity = match (quiet, verbose) {
            (true, _) => Verbosity::Quiet,
            (false, false) => Verbosity::Normal,
            (false, true) => Verbosity::Verbose,
        };
        Self {
            verbosity,
            is_terminal: io::stderr().is_terminal(),
            shows_progress: io::stderr().is_terminal()
                && !is_dumb()
                && verbosity != Verbosity::Quiet,
            bar: None,
            reported: None,
        }
    }

    /// Shows no progress if data goes to stdout and that is a terminal too: the bar would be drawn
    /// into the data.
    #[must_use]
    pub fn with_data_on_stdout(mut self, is_on_stdout: bool) -> Self {
        self.shows_progress &= !(is_on_stdout && io::stdout().is_terminal());
        self
    }

    /// How much to print.
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Prints an error, at every verbosity.
    pub fn error(&self, text: impl Display) {
        self.print(Verbosity::Quiet, text);
    }

    /// Prints how a connection failed.
    pub fn connection_error(&mut self, remote: Option<IpEndpoint>, error: AppError) {
        let subject = remote.map_or_else(
            || "a connection".to_owned(),
            |remote| to_socket_addr(remote).to_string(),
        );
        self.error(Failure::from_core(&subject, error));
        self.reported = Some(error);
    }

    /// The failure of a command. Its message is empty if [`connection_error`] printed this error.
    ///
    /// [`connection_error`]: Self::connection_error
    pub fn failure(&self, subject: &str, error: impl Into<AppError>) -> Failure {
        let error = error.into();
        if self.reported == Some(error) {
            return Failure::new(Exit::from(error), "");
        }
        Failure::from_core(subject, error)
    }

    /// Prints what a user must know.
    pub fn status(&self, text: impl Display) {
        self.print(Verbosity::Normal, text);
    }

    /// Prints a detail for `-v`.
    pub fn detail(&self, text: impl Display) {
        self.print(Verbosity::Verbose, text);
    }

    /// Prints `text` if the verbosity is `level` or higher. The caller has sanitized a peer's text
    /// in it; the line ends are the caller's own.
    pub fn print(&self, level: Verbosity, text: impl Display) {
        if level > self.verbosity {
            return;
        }
        let text = format!("hosttap: {text}\n");
        let mut out = Vec::with_capacity(text.len());
        if self.is_terminal {
            Sanitizer::default().push(text.as_bytes(), &mut out);
        } else {
            out.extend_from_slice(text.as_bytes());
        }
        // If stderr cannot be written, nobody can be told.
        let write = || drop(io::stderr().lock().write_all(&out));
        match &self.bar {
            Some(bar) => bar.bar.suspend(write),
            None => write(),
        }
    }

    /// Shows on a terminal that `bytes` of `total` have been transferred, with rate and time left.
    pub fn progress(&mut self, now: Tick, bytes: u64, total: Option<u64>) {
        if !self.shows_progress || !has_room() {
            return;
        }
        let Bar {
            bar,
            bytes: shown,
            moved_at,
        } = self.bar.get_or_insert_with(|| Bar {
            bar: new_bar(total),
            bytes: 0,
            moved_at: now,
        });
        if let Some(total) = total
            && bar.length() != Some(total)
        {
            bar.set_length(total);
            bar.set_style(style(true));
        }
        if *shown != bytes {
            (*shown, *moved_at) = (bytes, now);
            bar.set_message("");
        }
        bar.set_position(bytes);
    }

    /// Draws the bar again while nothing moves. Returns when to call this next, which is `wake` or
    /// earlier.
    pub fn tick(&self, now: Tick, wake: Option<Tick>) -> Option<Tick> {
        let Some(Bar { bar, moved_at, .. }) = &self.bar else {
            return wake;
        };
        let still = now.since(*moved_at);
        if still >= TICK_PERIOD && has_room() {
            if still >= STALL_MIN {
                let seconds = still.as_millis() / 1_000;
                bar.set_message(format!("  stalled for {seconds} s"));
            }
            bar.tick();
        }
        let next = now + TICK_PERIOD;
        Some(wake.map_or(next, |wake| wake.min(next)))
    }

    /// Removes the progress bar.
    pub fn end_progress(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.bar.finish_and_clear();
        }
    }
}

/// Whether stderr takes more. A terminal that is slow, or stopped by Ctrl-S, must not block the event
/// loop: the bar is then not drawn.
fn has_room() -> bool {
    is_writable(rustix::stdio::stderr()).unwrap_or(false)
}

fn new_bar(total: Option<u64>) -> ProgressBar {
    let row = Box::new(ProgressRow::default());
    let target = ProgressDrawTarget::term_like_with_hz(row, DRAWS_PER_SECOND);
    ProgressBar::with_draw_target(total, target).with_style(style(total.is_some()))
}

fn style(total_is_known: bool) -> ProgressStyle {
    let template = if total_is_known {
        "{bar:24} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left{msg}"
    } else {
        "{spinner} {decimal_bytes}  {decimal_bytes_per_sec}  {elapsed}{msg}"
    };
    // Both templates are constant, and a test parses them.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_templates_of_the_progress_bar_are_valid() {
        for template in [style(true), style(false)] {
            let bar = ProgressBar::with_draw_target(Some(9), ProgressDrawTarget::hidden());
            bar.set_style(template);
        }
        assert!(ProgressStyle::with_template("{wide_bar} {eta} left").is_ok());
    }
}
