//! How often each rule acted, and what passed by.

/// Counts since the guard was made; each stays at its maximum rather than wrap.
///
/// A rule whose count stays 0 in the field costs nothing; a rule that acts often points at a peer, a buffer size or
/// a device that deserves a look. The rules are those of [the module](super).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Counters {
    /// R1: segments refused because they acknowledge what was never sent.
    pub unsent_acks_refused: u32,
    /// R2: FINs taken off a segment that our window cuts short.
    pub cut_fins_removed: u32,
    /// R3: ACKs moved into our window, although their sequence number is old, or at the window's end.
    pub old_acks_revived: u32,
    /// R4: closed windows hidden while data is in flight.
    pub early_zero_windows_opened: u32,
    /// R5: duplicate ACKs made distinct while only our FIN is out.
    pub fin_duplicates_varied: u32,
    /// R6: closed windows hidden after our FIN was acknowledged.
    pub late_zero_windows_opened: u32,
    /// R7: our own ACKs brought forward to what the peer expects.
    pub rewound_acks_advanced: u32,
    /// R8: frames of ours dropped because the device refused while a fast retransmit may have been due.
    pub frames_dropped: u32,
    /// R9: SYN-ACKs refused because they answer no SYN of ours.
    pub early_syn_acks_refused: u32,
    /// R10: possible duplicate ACKs made distinct while the neighbour's address may have expired.
    pub unsure_duplicates_varied: u32,
    /// Incoming TCP segments refused because their checksum is wrong.
    pub bad_checksums: u32,
    /// Incoming IPv4 fragments of TCP segments, refused because their checksum cannot be verified.
    pub fragments_refused: u32,
    /// Incoming TCP segments of no known flow, passed untouched.
    pub unknown_segments: u32,
    /// Incoming frames passed untouched although a rule applied, because they are longer than the guard's buffer.
    pub frames_too_long: u32,
    /// Live flows forgotten to make room for a new one; not 0 means that the table is too small.
    pub flows_evicted: u32,
}

impl Counters {
    pub(super) const ZERO: Self = Self {
        unsent_acks_refused: 0,
        cut_fins_removed: 0,
        old_acks_revived: 0,
        early_zero_windows_opened: 0,
        fin_duplicates_varied: 0,
        late_zero_windows_opened: 0,
        rewound_acks_advanced: 0,
        frames_dropped: 0,
        early_syn_acks_refused: 0,
        unsure_duplicates_varied: 0,
        bad_checksums: 0,
        fragments_refused: 0,
        unknown_segments: 0,
        frames_too_long: 0,
        flows_evicted: 0,
    };

    /// How often any of the rules acted.
    pub fn acts(&self) -> u64 {
        let acts = [
            self.unsent_acks_refused,
            self.cut_fins_removed,
            self.old_acks_revived,
            self.early_zero_windows_opened,
            self.fin_duplicates_varied,
            self.late_zero_windows_opened,
            self.rewound_acks_advanced,
            self.frames_dropped,
            self.early_syn_acks_refused,
            self.unsure_duplicates_varied,
        ];
        acts.iter().copied().map(u64::from).sum()
    }
}

/// Counts one more.
pub(super) fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}
