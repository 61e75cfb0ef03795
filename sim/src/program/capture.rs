//! `--pcap`: the frames of one seed for Wireshark.

use tickwire_sim::ethernet::{Fate, FrameEvent};

/// Link type: Ethernet.
const ETHERNET: u32 = 1;
/// The most bytes of a frame that are kept.
const SNAP_BYTES: u32 = 65_535;

/// Frames as they were sent, and those that were altered once more as they arrived. The times are
/// the world's.
pub(crate) struct Capture(Vec<u8>);

impl Capture {
    pub(crate) fn new() -> Self {
        let mut bytes = Vec::new();
        // Microseconds, version 2.4, UTC, no accuracy given.
        for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, SNAP_BYTES, ETHERNET] {
            bytes.extend(u32::to_le_bytes(word));
        }
        Self(bytes)
    }

    pub(crate) fn add(&mut self, event: &FrameEvent, frame: &[u8]) {
        if !matches!(event.fate, Fate::Sent | Fate::Changed(_)) {
            return;
        }
        // A run ends long before its seconds need more than 32 bits, and frames are short.
        let seconds = (event.at_micros / 1_000_000) as u32;
        let micros = (event.at_micros % 1_000_000) as u32;
        let length = frame.len() as u32;
        for word in [seconds, micros, length, length] {
            self.0.extend(word.to_le_bytes());
        }
        self.0.extend(frame);
    }

    /// The content of the file.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
