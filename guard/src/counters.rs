//! How often each rule was applied, and what else the guard saw.

/// Counts since the [`Storage`](crate::Storage) was made. A count that has reached its maximum
/// stays there.
///
/// The [crate's page](crate#rules) explains the rules. A rule that is applied often points at a
/// peer, a buffer size or a device that deserves a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Counters {
    /// R1: segments refused because they acknowledge data that was never sent.
    pub unsent_acks_refused: u32,
    /// R2: FINs removed from segments whose data exceeds our window.
    pub fins_removed: u32,
    /// R3: ACKs with a sequence number before our window or at its end, moved into the window.
    pub acks_moved_into_window: u32,
    /// R4: zero windows changed to the one before, or to 1, because data is in flight.
    pub zero_windows_opened: u32,
    /// R5: duplicate ACKs made distinct because only our FIN is in flight.
    pub fin_duplicates_varied: u32,
    /// R6: zero windows changed to 1 because they acknowledge our FIN.
    pub zero_windows_opened_after_fin: u32,
    /// R7: our own ACKs and RSTs whose sequence number had gone back, moved forward again: to what
    /// the peer has acknowledged, or a RST to the end of what was sent.
    pub rewound_acks_advanced: u32,
    /// R8: our own frames dropped because the device had no room while a fast retransmit may have
    /// been due.
    pub frames_dropped: u32,
    /// R9: SYN-ACKs refused because they answer no SYN of ours.
    pub unexpected_syn_acks_refused: u32,
    /// R10: possible duplicate ACKs made distinct because the neighbour's hardware address may have
    /// expired.
    pub neighbour_duplicates_varied: u32,
    /// R11: segments whose acknowledgement was older than one that came before, raised to it.
    pub old_acks_raised: u32,
    /// R12: segments refused because their data exceeds the window of our SYN.
    pub data_beyond_window_refused: u32,
    /// R13: acknowledgements lowered by one while the peer's window is closed after its FIN.
    pub bytes_held_back: u32,
    /// A1 and A2: SYNs and RSTs on open connections that smoltcp answered with a challenge ACK
    /// instead of dropping or obeying them, unless it had done so within a second.
    pub segments_challenged: u32,
    /// A3: refusals of callers that were held back so that they call again.
    pub refusals_held_back: u32,
    /// A4: connections that we were opening and that the network said cannot be made.
    pub dials_refused: u32,
    /// Reports that the peer of an open connection cannot be reached, which changed nothing.
    pub unreachable_ignored: u32,
    /// A5: reports that a path takes shorter packets, which were believed.
    pub path_mtus_learnt: u32,
    /// A5: how often a segment of ours was cut in two, because its path takes shorter packets.
    pub segments_cut: u32,
    /// R14: segments refused because their data comes after the peer's FIN.
    pub data_after_fin_refused: u32,
    /// L1: smoltcp asked to resend because an acknowledgement was late.
    pub tail_loss_probes: u32,
    /// L2: smoltcp asked to resend because an acknowledgement moved, but not far enough.
    pub partial_acks: u32,
    /// L3: smoltcp asked to resend because of a third duplicate acknowledgement.
    pub third_duplicates: u32,
    /// L4: smoltcp asked to resend because what was sent later arrived a while ago.
    pub reordering_windows_expired: u32,
    /// L5: segments that smoltcp resent, dropped because the peer has them.
    pub segments_withheld: u32,
    /// L6: duplicate acknowledgements made distinct, so that smoltcp resends only when asked.
    pub duplicates_made_distinct: u32,
    /// Incoming TCP segments refused because their checksum is wrong.
    pub bad_checksums: u32,
    /// Incoming IPv4 fragments of TCP segments, refused because their checksum cannot be verified.
    pub fragments_refused: u32,
    /// Incoming TCP segments of connections that the guard does not know. They pass untouched.
    pub unknown_segments: u32,
    /// Incoming frames that a rule should have changed, but that are longer than the frame buffer.
    /// They pass untouched.
    pub frames_too_long: u32,
    /// Live connections forgotten to make room for a new one. If this is not 0, the table is too
    /// small.
    pub flows_evicted: u32,
    /// Live connections forgotten because another SYN or SYN-ACK of ours went out on the same
    /// addresses and ports: a socket dialled or accepted again before the last connection ended.
    pub flows_replaced: u32,
    /// Hosts that asked whether our address is taken, and learnt that it is.
    pub probes_answered: u32,
    /// Announcements of our address because another host uses it too.
    pub addresses_defended: u32,
    /// Frames whose priority tag (VLAN 0) was removed, because smoltcp reads none.
    pub priority_tags_removed: u32,
    /// Neighbours with a new hardware address that smoltcp would not have believed.
    pub neighbours_moved: u32,
    /// Reports of the multicast groups that we listen to, to routers and bridges.
    pub groups_reported: u32,
    /// Parts of our own segments that were lost because the device had no room.
    pub own_frames_lost: u32,
    /// Notices that were lost because nobody took the ones before them.
    pub notices_lost: u32,
}

impl Counters {
    pub(crate) const ZERO: Self = Self {
        unsent_acks_refused: 0,
        fins_removed: 0,
        acks_moved_into_window: 0,
        zero_windows_opened: 0,
        fin_duplicates_varied: 0,
        zero_windows_opened_after_fin: 0,
        rewound_acks_advanced: 0,
        frames_dropped: 0,
        unexpected_syn_acks_refused: 0,
        neighbour_duplicates_varied: 0,
        old_acks_raised: 0,
        data_beyond_window_refused: 0,
        bytes_held_back: 0,
        data_after_fin_refused: 0,
        segments_challenged: 0,
        refusals_held_back: 0,
        dials_refused: 0,
        unreachable_ignored: 0,
        path_mtus_learnt: 0,
        segments_cut: 0,
        tail_loss_probes: 0,
        partial_acks: 0,
        third_duplicates: 0,
        reordering_windows_expired: 0,
        segments_withheld: 0,
        duplicates_made_distinct: 0,
        bad_checksums: 0,
        fragments_refused: 0,
        unknown_segments: 0,
        frames_too_long: 0,
        flows_evicted: 0,
        flows_replaced: 0,
        probes_answered: 0,
        addresses_defended: 0,
        priority_tags_removed: 0,
        neighbours_moved: 0,
        groups_reported: 0,
        own_frames_lost: 0,
        notices_lost: 0,
    };

    /// How often rules were applied, all of them together.
    pub fn rules_applied(&self) -> u64 {
        let counts = [
            self.unsent_acks_refused,
            self.fins_removed,
            self.acks_moved_into_window,
            self.zero_windows_opened,
            self.fin_duplicates_varied,
            self.zero_windows_opened_after_fin,
            self.rewound_acks_advanced,
            self.frames_dropped,
            self.unexpected_syn_acks_refused,
            self.neighbour_duplicates_varied,
            self.old_acks_raised,
            self.data_beyond_window_refused,
            self.bytes_held_back,
            self.data_after_fin_refused,
            self.segments_challenged,
            self.refusals_held_back,
            self.dials_refused,
            self.segments_cut,
            self.tail_loss_probes,
            self.partial_acks,
            self.third_duplicates,
            self.reordering_windows_expired,
            self.segments_withheld,
            self.duplicates_made_distinct,
        ];
        counts.iter().copied().map(u64::from).sum()
    }
}

/// Adds one.
pub(crate) fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_applied_counts_the_rules_and_nothing_else() {
        let rules = Counters {
            unsent_acks_refused: 1,
            fins_removed: 1 << 1,
            acks_moved_into_window: 1 << 2,
            zero_windows_opened: 1 << 3,
            fin_duplicates_varied: 1 << 4,
            zero_windows_opened_after_fin: 1 << 5,
            rewound_acks_advanced: 1 << 6,
            frames_dropped: 1 << 7,
            unexpected_syn_acks_refused: 1 << 8,
            neighbour_duplicates_varied: 1 << 9,
            segments_challenged: 1 << 10,
            refusals_held_back: 1 << 11,
            dials_refused: 1 << 12,
            segments_cut: 1 << 13,
            old_acks_raised: 1 << 14,
            data_beyond_window_refused: 1 << 15,
            bytes_held_back: 1 << 16,
            data_after_fin_refused: 1 << 17,
            tail_loss_probes: 1 << 18,
            partial_acks: 1 << 19,
            third_duplicates: 1 << 20,
            reordering_windows_expired: 1 << 21,
            segments_withheld: 1 << 22,
            duplicates_made_distinct: 1 << 23,
            ..Counters::ZERO
        };
        let all = Counters {
            unreachable_ignored: 1,
            path_mtus_learnt: 1,
            bad_checksums: 1,
            fragments_refused: 1,
            unknown_segments: 1,
            frames_too_long: 1,
            flows_evicted: 1,
            flows_replaced: 1,
            probes_answered: 1,
            addresses_defended: 1,
            priority_tags_removed: 1,
            neighbours_moved: 1,
            groups_reported: 1,
            own_frames_lost: 1,
            notices_lost: 1,
            ..rules
        };
        assert_eq!(rules.rules_applied(), (1 << 24) - 1);
        assert_eq!(all.rules_applied(), rules.rules_applied());
    }

    #[test]
    fn a_count_stays_at_its_maximum() {
        let mut counter = u32::MAX - 1;
        count(&mut counter);
        count(&mut counter);
        assert_eq!(counter, u32::MAX);
    }
}
