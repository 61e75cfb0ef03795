//! Sees every frame of the simulated Ethernet.

use std::io::{self, Write};
use std::time::Duration;

use smoltcp::phy::{Medium, TracerDirection, TracerPacket};
use smoltcp::time::Instant;
use tickwire_sim::ethernet::{Fate, FrameEvent, FrameObserver};

use super::frame_counter::FrameCounter;
use crate::cli::LinkOptions;
use crate::exit::Failure;
use crate::link::pcap::{Capture, print_frame};

/// Counts the frames, and captures and prints them where the options ask for it.
#[derive(Debug)]
pub(super) struct FrameWatch {
    counter: FrameCounter,
    capture: Capture,
    is_verbose: bool,
}

impl FrameWatch {
    /// # Errors
    /// The capture file cannot be created.
    pub(super) fn new(link: &LinkOptions) -> Result<Self, Failure> {
        let capture = match &link.pcap {
            // Tick 0 is the time 0: the same seed gives the same file. Nothing has to be cleaned up
            // after a signal, so none is caught.
            Some(path) => Capture::create(path, Duration::ZERO, &|| false)?,
            None => Capture::disabled(),
        };
        capture.begin();
        Ok(Self {
            counter: FrameCounter::default(),
            capture,
            is_verbose: link.verbose,
        })
    }

    /// The counts since they were last taken.
    pub(super) fn take_counts(&mut self) -> FrameCounter {
        std::mem::take(&mut self.counter)
    }

    /// Why the capture is not whole, if it is not.
    pub(super) fn finish(&self) -> Option<String> {
        self.capture.flush();
        self.capture.failure()
    }
}

/// Prints a line to stderr.
pub(super) fn note(text: &str) {
    // If stderr cannot be written, nobody can be told.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

impl FrameObserver for FrameWatch {
    fn observe(&mut self, event: &FrameEvent, frame: &[u8]) {
        self.counter.observe(event, frame);
        let micros = i64::try_from(event.at_micros).unwrap_or(i64::MAX);
        let now = Instant::from_micros(micros);
        match event.fate {
            Fate::Sent => self.capture.add(now, frame),
            Fate::Dropped(_) if self.is_verbose => note("        this frame is lost"),
            _ => {}
        }
        if self.is_verbose && event.fate == Fate::Sent {
            let packet = TracerPacket {
                buffer: frame,
                medium: Medium::Ethernet,
                direction: TracerDirection::TX,
            };
            print_frame(now, packet);
        }
    }
}
