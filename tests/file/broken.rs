//! Stores that fail.

use core::task::Poll;

use tickwire::file::{ReceiverOptions, SendError};
use tickwire::store::{Begun, Store, StoreError, Upload};
use tickwire::{Error, Tick};
use tickwire_sim::{Act, SimError};

use crate::common::faulty_store::Call;
use crate::common::fixture::{ms, secs};
use crate::common::mem_source::MemSource;
use crate::messages::{answer, bytes, receipt};
use crate::receiver::Bench;
use crate::world::World;

/// The error that a refusal for the storage's sake is to the sender.
const STORAGE_FAILED: SendError = SendError::Refused(4);

/// A transfer that resumes, has its bytes written in pieces, and is repeated; the store fails in
/// its `call`-th call of all. Returns the senders' results up to the first that is fine.
fn transfer_with_failure(call: Option<usize>, held: usize) -> (Vec<Result<(), SimError>>, Bench) {
    let source = MemSource::new(4_000);
    let mut bench = Bench::new();
    let front = [source.offer("name"), source.front(held).0].concat();
    bench.serve(&[Act::Send(bytes(front)), Act::Wait(ms(50)), Act::Close]);
    {
        let mut medium = bench.store.get();
        medium.write_max = Some(300);
        medium.calls.clear();
        medium.fails_at = call;
    }
    let mut results = Vec::new();
    while results.last() != Some(&Ok(())) {
        bench.world.forget_told(0);
        bench.world.send(2, 0, Some("name"), &source);
        results.push(bench.world.finish(2, secs(60)));
        bench.world.finish_talk(0, secs(5));
        assert!(results.len() < 4, "call {call:?}: {results:?}");
    }
    assert_eq!(bench.store.file().bytes, source.bytes(), "call {call:?}");
    (results, bench)
}

#[test]
fn a_store_that_fails_once_at_any_call_costs_at_most_one_try() {
    for held in [0, 2_500] {
        let (results, bench) = transfer_with_failure(None, held);
        assert_eq!(results, [Ok(())]);
        let calls = bench.store.get().calls.clone();
        for (call, &kind) in calls.iter().enumerate() {
            let (results, bench) = transfer_with_failure(Some(call), held);
            let expected = match kind {
                // What is held and cannot be read is got again.
                Call::Read => vec![Ok(())],
                _ => vec![Err(STORAGE_FAILED.into()), Ok(())],
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
    let source = MemSource::new(1_000);
    for (broken, status) in [
        (Call::Begin, answer(4, 0)),
        (Call::Write, receipt(4, 0)),
        (Call::Commit, receipt(4, 1_000)),
    ] {
        let mut bench = Bench::new();
        bench.store.get().fails_always = Some(broken);
        for _ in 0..3 {
            let acts = [
                Act::Send(bytes([source.offer("name"), source.bytes().0].concat())),
                Act::Expect(status),
                Act::ExpectEnd,
            ];
            assert_eq!(bench.serve(&acts), "failed Store { code: 28 }");
            assert_eq!(bench.world.finish(1, secs(5)), Ok(()), "{broken:?}: no RST");
            let acts = [Act::Send(bytes(source.plain())), Act::ExpectEnd];
            assert_eq!(bench.serve(&acts), "failed Store { code: 28 }");
            assert_eq!(
                bench.world.finish(1, secs(5)),
                Err(Error::Reset.into()),
                "{broken:?}"
            );
        }
        bench.store.get().fails_always = None;
        bench.prove_alive();
    }
}

#[test]
fn a_store_that_cannot_throw_away_still_says_what_was_wrong() {
    let source = MemSource::new(1_000);
    let mut bench = Bench::new();
    bench.store.get().fails_always = Some(Call::Abandon);
    let acts = [
        Act::Send(bytes([source.offer("name"), vec![0; 1_000]].concat())),
        Act::Expect(receipt(5, 0)),
        Act::ExpectEnd,
    ];
    assert_eq!(bench.serve(&acts), "failed DigestMismatch");
    // The wrong bytes are still there; they are found out and cannot be used.
    bench.world.send(2, 0, Some("name"), &source);
    assert_eq!(bench.world.finish(2, secs(5)), Err(STORAGE_FAILED.into()));
    bench.store.get().fails_always = None;
    bench.world.finish_talk(0, secs(5));
    bench.world.send(2, 0, Some("name"), &source);
    assert_eq!(bench.world.finish(2, secs(5)), Ok(()));
    bench.world.finish_talk(0, secs(5));
    assert_eq!(bench.store.file().bytes, source.bytes());
}

/// Stores whose answers do not fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inconsistent {
    HoldsTooMuch,
    HoldsWithoutDigest,
    FinishedWithoutDigest,
    ReadsNothing,
    ReadsTooMuch,
    TakesTooMuch,
}

impl Store for Inconsistent {
    fn begin(&mut self, _now: Tick, upload: &Upload<'_>) -> Poll<Result<Begun, StoreError>> {
        Poll::Ready(Ok(match self {
            Self::HoldsTooMuch => Begun::Held(upload.length + 1),
            Self::HoldsWithoutDigest => Begun::Held(1),
            Self::FinishedWithoutDigest => Begun::Finished,
            Self::ReadsNothing | Self::ReadsTooMuch => Begun::Held(upload.length),
            Self::TakesTooMuch => Begun::Held(0),
        }))
    }

    fn read(&mut self, _offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        let reads_nothing = *self == Self::ReadsNothing;
        Poll::Ready(Ok(if reads_nothing { 0 } else { buffer.len() + 1 }))
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        Poll::Ready(Ok(data.len() + 1))
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        Poll::Ready(Ok(()))
    }

    fn abandon(&mut self, _keep: bool) -> Poll<Result<(), StoreError>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn an_inconsistent_store_fails_the_transfer_and_not_the_receiver() {
    let source = MemSource::new(3_000);
    for (store, name, result, told) in [
        (
            Inconsistent::HoldsTooMuch,
            Some("name"),
            Err(STORAGE_FAILED.into()),
            "failed Store { code: 0 }",
        ),
        (
            Inconsistent::HoldsWithoutDigest,
            None,
            Err(Error::Reset.into()),
            "failed Store { code: 0 }",
        ),
        (
            Inconsistent::FinishedWithoutDigest,
            None,
            Err(Error::Reset.into()),
            "failed Store { code: 0 }",
        ),
        (
            Inconsistent::ReadsNothing,
            Some("name"),
            Err(STORAGE_FAILED.into()),
            "failed Store { code: 0 }",
        ),
        (
            Inconsistent::ReadsTooMuch,
            Some("name"),
            Err(STORAGE_FAILED.into()),
            "failed Store { code: 0 }",
        ),
        (
            Inconsistent::TakesTooMuch,
            Some("name"),
            Ok(()),
            "disconnected",
        ),
        (Inconsistent::TakesTooMuch, None, Ok(()), "disconnected"),
    ] {
        let mut world = World::new(1, 2);
        world.receive(0, store, ReceiverOptions::default());
        world.send(1, 0, name, &source);
        assert_eq!(world.finish(1, secs(5)), result, "{store:?}");
        world.finish_talk(0, secs(5));
        assert_eq!(world.last_told(0), told, "{store:?}");
    }
}
