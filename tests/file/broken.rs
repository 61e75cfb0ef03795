//! Stores that fail.

use tickwire::Error;
use tickwire_sim::Act;

use crate::book::Book;
use crate::receiver::Bench;
use crate::shelf::Call;
use crate::words::{answer, bytes, receipt};

/// The error that a refusal for the storage's sake is to the sender.
const STORAGE_FAILED: Error = Error::ReceiverRefused(4);

/// A transfer that resumes, has its bytes written in pieces, and is repeated; the store fails in its `call`-th call of all.
/// Returns the senders' results up to the first that is fine.
fn transfer_with_failure(call: Option<usize>, held: usize) -> (Vec<Result<(), Error>>, Bench) {
    let book = Book::new(4_000);
    let mut bench = Bench::new();
    let front = [book.offer("name"), book.front(held).0].concat();
    bench.serve(&[Act::Send(bytes(front)), Act::Wait(50), Act::Close]);
    {
        let mut shared = bench.shelf.get();
        shared.bite = Some(300);
        shared.calls.clear();
        shared.fails_at = call;
    }
    let mut results = Vec::new();
    while results.last() != Some(&Ok(())) {
        bench.world.forget_told(0);
        bench.world.send(2, 0, Some("name"), &book);
        results.push(bench.world.finish(2, 60));
        bench.world.finish_talk(0, 5);
        assert!(results.len() < 4, "call {call:?}: {results:?}");
    }
    assert_eq!(bench.shelf.file().bytes, book.bytes(), "call {call:?}");
    (results, bench)
}

#[test]
fn a_store_that_fails_once_at_any_call_costs_at_most_one_try() {
    for held in [0, 2_500] {
        let (results, bench) = transfer_with_failure(None, held);
        assert_eq!(results, [Ok(())]);
        let calls = bench.shelf.get().calls.clone();
        for (call, &kind) in calls.iter().enumerate() {
            let (results, bench) = transfer_with_failure(Some(call), held);
            let expected = match kind {
                // What is held and cannot be read is got again.
                Call::Read => vec![Ok(())],
                _ => vec![Err(STORAGE_FAILED), Ok(())],
            };
            assert_eq!(results, expected, "call {call}, {kind:?}");
            let told = bench.world.told(0);
            assert!(!told.iter().any(|line| line.starts_with("failed")));
        }
        assert!(calls.len() > 7, "{calls:?}");
    }
}

#[test]
fn a_store_that_goes_on_failing_is_status_4_every_time() {
    let book = Book::new(1_000);
    for (broken, status) in [
        (Call::Begin, answer(4, 0)),
        (Call::Write, receipt(4, 0)),
        (Call::Commit, receipt(4, 1_000)),
    ] {
        let mut bench = Bench::new();
        bench.shelf.get().fails_always = Some(broken);
        for _ in 0..3 {
            let acts = [
                Act::Send(bytes([book.offer("name"), book.bytes().0].concat())),
                Act::Expect(status),
                Act::ExpectEnd,
            ];
            assert_eq!(bench.serve(&acts), "failed Sink { code: 28 }");
            assert_eq!(bench.world.finish(1, 5), Ok(()), "{broken:?}: no RST");
            let acts = [Act::Send(bytes(book.plain())), Act::ExpectEnd];
            assert_eq!(bench.serve(&acts), "failed Sink { code: 28 }");
            assert_eq!(bench.world.finish(1, 5), Err(Error::Reset), "{broken:?}");
        }
        bench.shelf.get().fails_always = None;
        bench.prove_alive();
    }
}

#[test]
fn a_store_that_cannot_throw_away_still_says_what_was_wrong() {
    let book = Book::new(1_000);
    let mut bench = Bench::new();
    bench.shelf.get().fails_always = Some(Call::Abandon);
    let acts = [
        Act::Send(bytes([book.offer("name"), vec![0; 1_000]].concat())),
        Act::Expect(receipt(5, 0)),
        Act::ExpectEnd,
    ];
    assert_eq!(bench.serve(&acts), "failed DigestMismatch");
    // The wrong bytes are still there; they are found out and cannot be used.
    bench.world.send(2, 0, Some("name"), &book);
    assert_eq!(bench.world.finish(2, 5), Err(STORAGE_FAILED));
    bench.shelf.get().fails_always = None;
    bench.world.finish_talk(0, 5);
    bench.world.send(2, 0, Some("name"), &book);
    assert_eq!(bench.world.finish(2, 5), Ok(()));
    bench.world.finish_talk(0, 5);
    assert_eq!(bench.shelf.file().bytes, book.bytes());
}
