//! Seeds that once broke an invariant, each with the reason.
//!
//! A seed tells its story only as long as its draws stay the same. Those of 747 and 1,224 still do:
//! without guards both end in the panic of smoltcp. The others are plain seeds since the apps draw
//! other numbers; where the reason has a script of its own, that one stands for ever.

use tickwire_sim::{MEMORY_BYTES, Options, Profile, Scenario, run};

/// Profile, seed, and what was wrong.
const SEEDS: &[(Profile, u64, &str)] = &[
    (
        Profile::Bad,
        747,
        "smoltcp panicked at a SYN-ACK for a SYN that still waited for its neighbour; the guard \
         refuses it now (guard/tests/rules/defects.rs)",
    ),
    (Profile::Bad, 1_224, "the same"),
    (
        Profile::Bad,
        3_418,
        "a server that lost its power took along what a slow reader had not taken",
    ),
    (
        Profile::Bad,
        9_412,
        "a damaged ARP packet gave a host's address to another, for a minute",
    ),
    (
        Profile::Bad,
        1_000_443,
        "a sender that waits for a receipt notices a receiver that started again only at its \
         deadline",
    ),
    (
        Profile::Bad,
        1_096_664,
        "the queue of a slow line outlived the faults; another link is free",
    ),
    (
        Profile::Bad,
        5_004_711,
        "the simulator starved a host whose loop was late: each new request for a turn put off \
         the one before",
    ),
    (
        Profile::Hostile,
        719,
        "the simulator lost a moment in a minimum: it was due before, on a host without power",
    ),
    (
        Profile::Hostile,
        1_012_180,
        "the simulator gave a line to a chat that had ended",
    ),
];

#[test]
fn seeds_that_once_failed_do_not_fail_again() {
    let mut memory = vec![0; MEMORY_BYTES];
    for &(profile, seed, reason) in SEEDS {
        let options = Options {
            profile,
            scenario: Scenario::All,
            is_guarded: true,
        };
        let report = run(seed, &options, &mut memory, &mut ());
        assert_eq!(report.finding, None, "{profile:?} {seed}: {reason}");
    }
}
