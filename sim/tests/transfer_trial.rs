//! Transfers between smoltcp's own sockets that once got stuck in spite of the guard, each with the
//! reason.

use tickwire_sim::{TRIAL_MEMORY_BYTES, TrialKind, TrialOutcome, transfer_trial};

#[test]
fn a_fast_retransmit_is_not_lost_with_the_neighbours_address() {
    // The third duplicate ACK came in a frame with a damaged source address, which does not refresh
    // the neighbour, 7 ms after the 60 s in which the neighbour was known.
    let seed = 203_117;
    let mut memory = vec![0; TRIAL_MEMORY_BYTES];
    let mut run = |is_guarded| {
        let kind = TrialKind {
            both_ways: false,
            slow_readers: true,
            is_hostile: false,
            is_guarded,
        };
        transfer_trial(seed, kind, &mut memory)
    };
    assert_eq!(run(false), TrialOutcome::Stuck);
    assert!(matches!(run(true), TrialOutcome::Whole(_)));
}
