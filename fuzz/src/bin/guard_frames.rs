//! The guard's fuzz target over inputs of random bytes: no coverage guides it, so it has many more frames in the same time.
//!
//! `guard_frames FRAMES [SEED]`

use tickwire::guard::Counters;
use tickwire_fuzz::guard::{PLACES, run};

/// Longer than libFuzzer's inputs, so that flows live through more frames.
const INPUT_BYTES: usize = 4096;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse());
    let (Some(Ok(wanted)), seed) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: guard_frames FRAMES [SEED]");
        std::process::exit(2);
    };
    let seed = seed.and_then(Result::ok).unwrap_or(1);
    println!("seed {seed}");
    let mut random = Random(seed);
    let (mut frames, mut turns) = ([0; PLACES.len()], [0; PLACES.len()]);
    let mut acted = [[0; PLACES.len()]; ACTIONS.len()];
    while frames.iter().sum::<u64>() < wanted {
        let mut input = [0; INPUT_BYTES];
        random.fill(&mut input);
        let report = run(&input);
        frames[report.choice] += report.frames;
        turns[report.choice] += report.turns;
        for (sums, (_, count)) in acted.iter_mut().zip(ACTIONS) {
            sums[report.choice] += u64::from(count(&report.counters));
        }
    }
    print("places in the table", PLACES.map(|places| places as u64));
    print("frames", frames);
    print("turns", turns);
    for ((name, _), sums) in ACTIONS.iter().zip(acted) {
        print(name, sums);
    }
}

/// A line of the table, with a column for each size of the guard's.
fn print(name: &str, columns: [u64; PLACES.len()]) {
    print!("{name:20}");
    for column in columns {
        print!("{column:>12}");
    }
    println!();
}

type Action = (&'static str, fn(&Counters) -> u32);

const ACTIONS: [Action; 34] = [
    ("R1", |counters| counters.unsent_acks_refused),
    ("R2", |counters| counters.fins_removed),
    ("R3", |counters| counters.acks_moved_into_window),
    ("R4", |counters| counters.zero_windows_opened),
    ("R5", |counters| counters.fin_duplicates_varied),
    ("R6", |counters| counters.zero_windows_opened_after_fin),
    ("R7", |counters| counters.rewound_acks_advanced),
    ("R9", |counters| counters.unexpected_syn_acks_refused),
    ("R10", |counters| counters.neighbour_duplicates_varied),
    ("R11", |counters| counters.old_acks_raised),
    ("R12", |counters| counters.data_beyond_window_refused),
    ("R13", |counters| counters.bytes_held_back),
    ("R14", |counters| counters.data_after_fin_refused),
    ("A1, A2", |counters| counters.segments_challenged),
    ("A3", |counters| counters.refusals_held_back),
    ("A4", |counters| counters.dials_refused),
    ("A5, learnt", |counters| counters.path_mtus_learnt),
    ("A5, cut", |counters| counters.segments_cut),
    ("L1", |counters| counters.tail_loss_probes),
    ("L2", |counters| counters.partial_acks),
    ("L3", |counters| counters.third_duplicates),
    ("L4", |counters| counters.reordering_windows_expired),
    ("L5", |counters| counters.segments_withheld),
    ("L6", |counters| counters.duplicates_made_distinct),
    ("N1", |counters| counters.probes_answered),
    ("N2", |counters| counters.addresses_defended),
    ("N3", |counters| counters.neighbours_moved),
    ("N4", |counters| counters.priority_tags_removed),
    ("N5", |counters| counters.groups_reported),
    ("A4, ignored", |counters| counters.unreachable_ignored),
    ("wrong checksums", |counters| counters.bad_checksums),
    ("fragments", |counters| counters.fragments_refused),
    ("evicted flows", |counters| counters.flows_evicted),
    ("unknown flows", |counters| counters.unknown_segments),
];

/// splitmix64.
struct Random(u64);

impl Random {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = self.0;
            mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            chunk.copy_from_slice(&mixed.to_be_bytes()[..chunk.len()]);
        }
    }
}
