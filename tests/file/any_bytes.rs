//! Whatever bytes a peer sends, it ends in a typed result, and in bounded time.

use proptest::prelude::*;
use tickwire_sim::Act;

use crate::common::fixture::{ms, secs};
use crate::common::mem_source::MemSource;
use crate::messages::{ENDS, End, answer, bytes, receipt};
use crate::receiver::Bench;
use crate::world::World;

/// What a hostile peer does next.
fn act(words: Vec<Vec<u8>>) -> impl Strategy<Value = Act<'static>> {
    let send = |data: Vec<u8>| Act::Send(bytes(data));
    let words = prop::sample::select(words);
    let changed = (words.clone(), any::<prop::sample::Index>(), any::<u8>());
    prop_oneof![
        4 => words.clone().prop_map(send),
        3 => changed.prop_map(move |(mut word, at, mask)| {
            let at = at.index(word.len());
            word[at] ^= mask;
            send(word)
        }),
        2 => (words, any::<prop::sample::Index>())
            .prop_map(move |(word, at)| send(word[..at.index(word.len())].to_vec())),
        2 => prop::collection::vec(any::<u8>(), 0..100).prop_map(send),
        1 => (0..5_000u64).prop_map(Act::Fill),
        1 => (0..70_000u64).prop_map(|millis| Act::Wait(ms(millis))),
        1 => (0..30_000u64).prop_map(|millis| Act::Stall(ms(millis))),
    ]
}

fn acts(words: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<Act<'static>>> {
    let end = prop::sample::select(&ENDS[..]).prop_map(End::act);
    (prop::collection::vec(act(words), 0..8), end).prop_map(|(mut acts, end)| {
        acts.push(end);
        acts
    })
}

fn short() -> MemSource {
    MemSource::new(300)
}

fn from_senders() -> Vec<Vec<u8>> {
    let source = short();
    vec![
        source.offer("n"),
        source.offer("../\u{202e}name"),
        [source.offer("n"), source.bytes().0].concat(),
        source.plain(),
        source.bytes().0,
        vec![0, 0, 0, 0],
        vec![0xff; 4],
    ]
}

fn from_receivers() -> Vec<Vec<u8>> {
    let words = [
        answer(0, 0),
        answer(0, 0),
        answer(0, 150),
        answer(0, 300),
        answer(6, 0),
        answer(3, 0),
        receipt(0, 300),
        receipt(0, 300),
        receipt(6, 0),
        receipt(5, 0),
    ];
    words.iter().map(|word| word.to_vec()).collect()
}

/// For how many milliseconds a script at most keeps its peer busy.
fn millis(acts: &[Act<'_>]) -> u64 {
    acts.iter()
        .map(|act| match act {
            Act::Wait(time) | Act::Stall(time) => time.as_millis().min(70_000),
            _ => 0,
        })
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_bytes_from_a_sender_end_in_a_typed_result(acts in acts(from_senders())) {
        let mut bench = Bench::new();
        let start = bench.world.now();
        // A peer that resets at once may never have been a caller.
        let acts = [&[Act::Wait(ms(5))], &acts[..]].concat();
        let told = bench.serve(&acts);
        let took = bench.world.now().since(start).as_millis();
        // Twice the timeout (for the announcement, for the data), and the way out.
        prop_assert!(took <= millis(&acts) + 63_000, "{took}");
        let typed = [
            "disconnected", "failed Truncated", "failed Reset", "failed TimedOut(Request)", "failed TimedOut(Receive)",
            "failed DigestMismatch", "failed Malformed(",
        ];
        prop_assert!(typed.iter().any(|known| told.starts_with(known)), "{told}");
        let stored = bench.world.told(0).iter().filter(|line| line.starts_with("stored")).count();
        prop_assert_eq!(stored, bench.store.get().files.len());
        prop_assert_eq!(stored == 1, told == "disconnected");
        // What is stored under a digest has it (the store asserts that), and what is held is a
        // prefix.
        for partial in &bench.store.get().partials {
            prop_assert!((partial.file.bytes.len() as u64) < partial.length.max(1));
        }
        bench.prove_alive();
    }

    #[test]
    fn any_bytes_from_a_receiver_end_in_a_typed_result(
        acts in acts(from_receivers()),
        is_checked in prop::bool::weighted(0.8),
    ) {
        let source = short();
        let mut world = World::new(1, 2);
        world.script(1, None, &acts);
        world.run(ms(10));
        let start = world.now();
        world.send(0, 1, is_checked.then_some("n"), &source);
        let result = world.finish(0, secs(3_600));
        let took = world.now().since(start).as_millis();
        prop_assert!(took <= millis(&acts) + 81_000, "{took}");
        prop_assert_eq!(result.is_ok(), world.sent(0).is_some());
        if is_checked && result.is_ok() {
            let mut said = acts.iter().filter_map(|act| match act {
                Act::Send(bytes) => Some(*bytes),
                _ => None,
            });
            prop_assert!(said.any(|word| word.starts_with(&receipt(0, 300)[..5])), "a receipt or nothing");
        }
    }
}
