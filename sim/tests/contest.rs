//! Transfers between smoltcp's own sockets that once got stuck in spite of the guard, each with the reason.

use tickwire_sim::{CONTEST_MEMORY, Contest, Ending, contest};

#[test]
fn a_fast_retransmit_is_not_lost_with_the_neighbours_address() {
    // The third duplicate ACK came in a frame with a damaged source address, which does not refresh the neighbour, 7 ms after
    // the 60 s in which the neighbour was known (guard/tests/rules/neighbour.rs).
    let seed = 203_117;
    let mut memory = vec![0; CONTEST_MEMORY];
    let mut end = |is_guarded| {
        let kind = Contest {
            both_ways: false,
            slow_readers: true,
            is_guarded,
        };
        contest(seed, kind, &mut memory)
    };
    assert_eq!(end(false), Ending::Stuck);
    assert!(matches!(end(true), Ending::Whole(_)));
}
