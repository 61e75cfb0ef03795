//! What a lost frame costs: the trials of `sim --recovery`.

use tickwire::Duration;
use tickwire_sim::{
    RECOVERY_MEMORY_BYTES, RecoveryKind, RecoveryRun, TrialGuard, TrialOutcome, recovery_trial,
};

const CLEAN: RecoveryKind = RecoveryKind {
    loss_ppm: 0,
    reorder_ppm: 0,
    reorder_max: Duration::from_millis(1),
    round_trip: Duration::from_millis(20),
    send_buffer_bytes: 8_192,
    both_ways: false,
    guard: TrialGuard::Recovery,
};

fn run(seed: u64, kind: RecoveryKind) -> RecoveryRun {
    recovery_trial(seed, &kind, &mut vec![0; RECOVERY_MEMORY_BYTES])
}

#[test]
fn a_transfer_without_loss_sends_nothing_twice_and_takes_its_round_trips() {
    for both_ways in [false, true] {
        let clean = run(1, RecoveryKind { both_ways, ..CLEAN });
        let counts = clean.retransmissions;
        assert_eq!((counts.repeated, counts.lost), (0, 0));
        // 1 MiB in windows of 8 KiB: 128 round trips, and delayed acknowledgements.
        let TrialOutcome::Whole(ticks) = clean.outcome else {
            panic!("{clean:?}");
        };
        assert!((128 * 20..3_000).contains(&ticks), "{ticks}");
    }
}

#[test]
fn every_lost_segment_is_sent_again_and_reordering_loses_none() {
    let lossy = RecoveryKind {
        loss_ppm: 50_000,
        ..CLEAN
    };
    let counts = run(2, lossy).retransmissions;
    assert!(counts.lost > 0 && counts.repeated > 0, "{counts:?}");
    let reordered = RecoveryKind {
        reorder_ppm: 50_000,
        ..CLEAN
    };
    let reordered = run(2, reordered);
    assert!(matches!(reordered.outcome, TrialOutcome::Whole(_)));
    assert_eq!(reordered.retransmissions.lost, 0);
}
