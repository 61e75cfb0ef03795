//! The sender against receivers that do as they please.

use smoltcp::wire::{IpAddress, IpEndpoint};
use tickwire::file::{SendError, SenderOptions, Sent};
use tickwire::{Error, TimeoutKind};
use tickwire_sim::{Act, SimError};

use crate::common::fixture::{ms, secs};
use crate::common::mem_source::{MemSource, UNREADABLE};
use crate::messages::{ENDS, End, answer, bytes, receipt};
use crate::world::{PORT, World, endpoint};

/// A sender on host 0 against a script on host 1: how it ended, and the world afterwards.
#[track_caller]
pub(crate) fn send(
    name: Option<&'static str>,
    source: &MemSource,
    acts: &[Act<'static>],
) -> (Result<(), SimError>, World) {
    let mut world = World::new(1, 2);
    world.script(1, None, acts);
    world.run(ms(10));
    world.send(0, 1, name, source);
    let result = world.finish(0, secs(3_600));
    (result, world)
}

/// As [`send`] in the checked form; the result alone.
#[track_caller]
pub(crate) fn offer(source: &MemSource, acts: &[Act<'static>]) -> Result<(), SimError> {
    send(Some("name"), source, acts).0
}

/// The end of an offer by this name: what a script waits for before it answers.
pub(crate) const OFFERED: Act<'static> = Act::Expect(b"name");

#[test]
fn an_offer_and_its_data_go_out_byte_for_byte() {
    let source = MemSource::new(3_000);
    for offset in [0, 1, 2_999, 3_000] {
        let acts = [
            Act::Expect(bytes(source.offer("name"))),
            Act::Send(answer(0, offset)),
            Act::Read(52 + 3_000 - offset),
            Act::Send(receipt(0, 3_000)),
            Act::ExpectEnd,
        ];
        let (result, mut world) = send(Some("name"), &source, &acts);
        assert_eq!(result, Ok(()));
        let sent = Sent {
            length: 3_000,
            offset,
            digest: Some(source.digest()),
        };
        assert_eq!(world.sent(0), Some(sent));
        assert_eq!(world.finish(1, secs(5)), Ok(()), "it closes in order");
        assert_eq!(world.heard(1), 52 + 3_000 - offset);
        assert_eq!(world.hashed(0), Some((3_000, 3_000)));
    }
    // The data itself, from an offset on.
    let rest = bytes(&source.bytes()[2_800..]);
    let acts = [
        OFFERED,
        Act::Send(answer(0, 2_800)),
        Act::Expect(rest),
        Act::Send(receipt(0, 3_000)),
    ];
    assert_eq!(offer(&source, &acts), Ok(()));
    let (result, world) = send(
        None,
        &source,
        &[Act::Read(3_004), Act::Close, Act::ExpectEnd],
    );
    assert_eq!(result, Ok(()));
    assert_eq!(world.heard(1), 3_004);
}

#[test]
fn a_receiver_that_stops_in_the_middle_of_the_data_has_its_own_error() {
    let source = MemSource::new(100_000);
    for end in ENDS {
        let acts = [OFFERED, Act::Send(answer(0, 0)), Act::Read(30_000)];
        let stop = if end == End::Silence {
            Act::Stall(ms(1_000_000))
        } else {
            end.act()
        };
        let acts = [&acts[..], &[stop]].concat();
        let expected: SimError = match end {
            End::Fin => SendError::Truncated.into(),
            End::Reset => Error::Reset.into(),
            End::Silence => Error::TimedOut(TimeoutKind::Flush).into(),
        };
        let (result, world) = send(Some("name"), &source, &acts);
        assert_eq!(result, Err(expected));
        if end == End::Silence {
            let now = world.now().as_millis();
            assert!((20_000..21_000).contains(&now), "{now}");
        }
        // The plain form reads nothing, so that an early FIN is not the end of it.
        let acts = [Act::Read(30_000), stop];
        let expected = match end {
            End::Fin => Ok(()),
            End::Reset => Err(Error::Reset.into()),
            End::Silence => Err(Error::TimedOut(TimeoutKind::Flush).into()),
        };
        let acts = [&acts[..], &[Act::Read(100_004)]].concat();
        assert_eq!(send(None, &source, &acts).0, expected);
    }
}

#[test]
fn a_receiver_that_reads_in_drips_cannot_hold_the_sender() {
    let source = MemSource::new(100_000);
    for name in [Some("name"), None] {
        let mut world = World::new(1, 2);
        // Ten bytes a second pass through this window.
        world.set_buffers(1, 10, 100);
        let mut acts = vec![];
        if name.is_some() {
            acts.extend([OFFERED, Act::Send(answer(0, 0))]);
        }
        for second in 1..200 {
            acts.extend([Act::Read(52 + second * 10), Act::Stall(ms(1_000))]);
        }
        world.script(1, None, &acts);
        world.run(ms(10));
        world.send(0, 1, name, &source);
        assert_eq!(
            world.finish(0, secs(100)),
            Err(Error::TimedOut(TimeoutKind::Flush).into()),
            "{name:?}"
        );
        assert!(world.now().as_millis() < 42_000);
    }
}

#[test]
fn a_plain_receiver_answers_by_its_end_alone() {
    let source = MemSource::new(1_000);
    let all = Act::Read(1_004);
    for (acts, expected, millis) in [
        (vec![all, Act::Close], Ok(()), 0..100),
        (vec![all, Act::Wait(ms(200)), Act::Close], Ok(()), 200..400),
        (
            vec![all, Act::Wait(ms(5)), Act::Reset],
            Err(Error::Reset.into()),
            0..100,
        ),
        (vec![all, Act::Wait(ms(9_000))], Ok(()), 1_000..1_100),
        // It says something that nobody asked for.
        (
            vec![Act::Send(receipt(4, 0)), all, Act::Fill(9_000), Act::Close],
            Ok(()),
            0..200,
        ),
        // It closed its side before it read.
        (vec![Act::Close, all, Act::Wait(ms(100))], Ok(()), 0..100),
    ] {
        let (result, mut world) = send(None, &source, &acts);
        assert_eq!(result, expected, "{acts:?}");
        let now = world.now().as_millis();
        if acts.contains(&Act::Close) {
            assert_eq!(world.finish(1, secs(5)), Ok(()), "{acts:?}: FIN, no RST");
        }
        assert!(millis.contains(&now), "{acts:?}: {now}");
        let sent = Sent {
            length: 1_000,
            offset: 0,
            digest: None,
        };
        assert_eq!(world.sent(0), expected.is_ok().then_some(sent));
    }
}

#[test]
fn what_cannot_be_sent_is_found_before_connecting() {
    let long = MemSource::new(10).claiming(1 << 31);
    let (result, world) = send(None, &long, &[OFFERED]);
    assert_eq!(result, Err(SendError::TooLarge.into()));
    assert!(world.told(0).is_empty() && long.reads() == 0);
    let name: &'static str = "n".repeat(256).leak();
    for name in ["", name] {
        let (result, world) = send(Some(name), &MemSource::new(10), &[OFFERED]);
        assert_eq!(result, Err(SendError::Name.into()));
        assert!(world.told(0).is_empty());
    }
    let (result, _) = send(
        Some("name"),
        &MemSource::new(10).claiming(1 << 63),
        &[OFFERED],
    );
    assert_eq!(result, Err(SendError::TooLarge.into()));
}

#[test]
fn a_receiver_that_is_not_there_has_its_own_error() {
    let source = MemSource::new(10);
    for name in [Some("name"), None] {
        let mut world = World::new(1, 2);
        world.send(0, 1, name, &source);
        assert_eq!(world.finish(0, secs(10)), Err(Error::Refused.into()));
        // Neither ARP nor SYN is answered.
        // The RST of the attempt before cannot leave either, and the next waits a second for it.
        for (nobody, millis) in [(9, 5_000), (1, 6_000)] {
            world.cut(0, 1);
            let start = world.now();
            world.send(0, nobody, name, &source);
            let timed_out = Err(Error::TimedOut(TimeoutKind::Connect).into());
            assert_eq!(world.finish(0, secs(10)), timed_out);
            let took = world.now().since(start).as_millis();
            assert!((millis..millis + 100).contains(&took), "{took}");
        }
        let elsewhere = IpEndpoint::new(IpAddress::v4(192, 0, 2, 1), PORT);
        world.send_with(0, elsewhere, name, &source, SenderOptions::default());
        assert_eq!(world.finish(0, secs(10)), Err(Error::Unreachable.into()));
        world.send_with(0, endpoint(0), name, &source, SenderOptions::default());
        assert_eq!(world.finish(0, secs(10)), Err(Error::Unaddressable.into()));
    }
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_an_error() {
    type Edit = fn(&mut Vec<u8>);
    let edits: [(Edit, &str); 3] = [
        (|file| file.truncate(60_000), "shrinks"),
        (|file| file.push(1), "grows"),
        (Vec::clear, "is emptied"),
    ];
    for (edit, what) in edits {
        for name in [Some("name"), None] {
            let source = MemSource::new(100_000);
            let mut world = World::new(1, 2);
            let mut acts = vec![Act::Read(1_000_000)];
            if name.is_some() {
                acts.splice(0..0, [OFFERED, Act::Send(answer(0, 0))]);
            }
            world.script(1, None, &acts);
            world.run(ms(10));
            world.send(0, 1, name, &source);
            world.run_until(ms(1_000), |world| world.progress(0) > 10_000);
            source.edit(edit);
            assert_eq!(
                world.finish(0, secs(5)),
                Err(SendError::SourceChanged.into()),
                "{what}"
            );
            assert_eq!(
                world.finish(1, secs(5)),
                Err(Error::Reset.into()),
                "no end that reads as one"
            );
            assert!(world.heard(1) < 100_004, "never the whole file");
        }
    }
    // While it is hashed.
    let source = MemSource::new(500_000);
    let mut world = World::new(1, 2);
    world.send(0, 1, Some("name"), &source);
    world.run_until(ms(1_000), |world| world.hashed(0).is_some());
    source.edit(|file| file.push(1));
    assert_eq!(
        world.finish(0, secs(5)),
        Err(SendError::SourceChanged.into())
    );
    assert!(world.told(0).is_empty());
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    // 98 blocks are hashed before the rest is sent.
    for read in [0, 50, 98, 120] {
        let source = MemSource::new(100_000).fails_at(read);
        let acts = [OFFERED, Act::Send(answer(0, 0)), Act::Read(1_000_000)];
        let (result, world) = send(Some("name"), &source, &acts);
        assert_eq!(result, Err(UNREADABLE.into()), "{read}");
        assert_eq!(world.told(0).is_empty(), read < 98);
    }
    let source = MemSource::new(100_000).fails_at(3);
    let (result, _) = send(None, &source, &[Act::Read(1_000_000)]);
    assert_eq!(result, Err(UNREADABLE.into()));
}

#[test]
fn a_receiver_that_vanishes_is_noticed_in_every_state() {
    let source = MemSource::new(100_000);
    let checked = Some("name");
    for (name, state, millis) in [
        (checked, "Offering", 60_000),
        (checked, "Answer", 60_000),
        (checked, "Data", 20_000),
        (checked, "Receipt", 60_000),
        (checked, "Closing", 1_000),
        (None, "Closing", 1_000),
    ] {
        let mut acts = vec![Act::Read(100_000), Act::Wait(ms(50))];
        if name.is_some() {
            acts = vec![
                OFFERED,
                Act::Send(answer(0, 0)),
                Act::Read(100_052),
                Act::Wait(ms(50)),
                Act::Send(receipt(0, 100_000)),
            ];
        }
        let mut world = World::new(1, 2);
        world.script(1, None, &acts);
        world.run(ms(10));
        world.send(0, 1, name, &source);
        world.run_until(ms(5_000), |world| {
            world.state(0) == state || state == "Offering" && world.state(0) == "Answer"
        });
        world.cut(0, 1);
        let start = world.now();
        let result = world.finish(0, secs(70));
        let took = world.now().since(start).as_millis();
        assert!((millis..millis + 200).contains(&took), "{state}: {took}");
        assert_eq!(result.is_ok(), millis == 1_000, "{state}: {result:?}");
    }
}

#[test]
fn a_receiver_that_does_not_read_the_offer_is_given_up() {
    let source = MemSource::new(1_000);
    for (name, awaited) in [
        (Some("name"), TimeoutKind::Send),
        (None, TimeoutKind::Flush),
    ] {
        let mut world = World::new(1, 2);
        world.set_buffers(0, 100, 8);
        world.set_buffers(1, 8, 100);
        world.script(1, None, &[Act::Stall(ms(1_000_000))]);
        world.run(ms(10));
        world.send(0, 1, name, &source);
        assert_eq!(
            world.finish(0, secs(60)),
            Err(Error::TimedOut(awaited).into())
        );
        let now = world.now().as_millis();
        assert!((20_000..21_100).contains(&now), "{now}");
    }
}
