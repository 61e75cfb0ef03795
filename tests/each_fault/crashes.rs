//! A host stops before every tick of a conversation, loses all that was on its way to it, and starts again.
//!
//! What a receiver stored outlives it; `flash` shows the same of a real medium. That one which is cut off in the middle of
//! a write keeps it too is shown in `tests/file/flash.rs` and `tests/store_flash`.

use tickwire::Error;
use tickwire_sim::Idle;

use crate::play::{KINDS, Kind, Play};
use crate::shelf::{Call, Kept};
use crate::stage::{CLIENT, Player, SERVER, Setting, Stage, with_stage};

/// In which a conversation ends that nothing disturbs.
const TICKS_MAX: u64 = 20_000;
/// In which whoever is left notices that the other is gone, and is ready for the next: longer than any deadline of ours.
const NOTICE_TICKS_MAX: u64 = 62_000;

/// All that is played, and on what.
fn plays() -> impl Iterator<Item = (Setting, Kind)> {
    let settings = [Setting::Guarded, Setting::Small].into_iter();
    settings.flat_map(|setting| KINDS.map(|kind| (setting, kind)))
}

/// When the last frame of an undisturbed conversation moves.
fn last_tick(setting: Setting, kind: Kind) -> u64 {
    with_stage(setting, None, |stage| {
        let play = slow_play(kind);
        let (mut listener, mut caller) = (play.listener(stage), play.caller(stage, 0));
        stage.run(TICKS_MAX, &mut caller, &mut listener);
        assert_eq!(caller.outcome(), Some(Ok(())), "{kind:?}{}", stage.log());
        let last = stage.log().last_frame_ticks();
        assert!((10..200).contains(&last), "{kind:?}: {last}");
        last
    })
}

/// A play whose receiver has an old file, and takes some ticks for making a new one durable.
fn slow_play(kind: Kind) -> Play {
    let play = Play::new(kind);
    play.shelf.get().files.push(old_file());
    play.shelf.get().waits = Some((Call::Commit, 5));
    play
}

fn old_file() -> Kept {
    Kept {
        name: Some("old".into()),
        bytes: Play::book(100).bytes(),
        digest: None,
    }
}

/// Only whole files are there, and a partial is the front of the file that was on its way; so is what was heard.
fn assert_stored(play: &Play, context: &str) {
    assert!(play.has_only_front(), "{context}");
    let shared = play.shelf.get();
    let new = Play::book(0).bytes();
    let (first, others) = shared.files.split_first().unwrap();
    assert_eq!(first, &old_file(), "{context}");
    assert!(others.iter().all(|file| file.bytes == new), "{context}");
    for partial in &shared.partials {
        assert!(new.starts_with(&partial.file.bytes), "{context}");
    }
}

/// The next caller brings what the last one brought, and is served. Returns where its transfer was resumed.
fn serve_next<'a>(
    stage: &mut Stage<'a>,
    play: &Play,
    listener: &mut Player<'a>,
    what: &str,
) -> u64 {
    // It may have been for one caller.
    if listener.outcome().is_some() {
        *listener = play.listener(stage);
    }
    let held = play.shelf.held().map_or(0, |held| held.len() as u64);
    let is_here = play.shelf.get().files.len() > 1;
    let mut next = play.caller(stage, 0);
    stage.run(TICKS_MAX, &mut next, listener);
    let context = format!("{what}, next caller{}", stage.log());
    assert_eq!(next.outcome(), Some(Ok(())), "{context}");
    // What a chat's listener had to say may have gone down with the conversation before.
    let has_arrived = play.has_arrived(0) || play.kind == Kind::Chat && play.has_arrived(1);
    assert!(has_arrived, "{context}");
    let resumed = stage.log().resumed().unwrap_or(0);
    if play.kind == Kind::Checked {
        assert_eq!(play.shelf.get().files.len(), 2, "{context}");
        assert!(is_here || resumed == held, "{context}: {held} held");
    }
    resumed
}

/// Resumed transfers went on at many places of the file.
fn assert_resumed(kind: Kind, offsets: &[u64]) {
    let later = offsets.windows(2).filter(|pair| pair[0] < pair[1]);
    assert!(kind != Kind::Checked || later.count() >= 3, "{offsets:?}");
}

#[test]
fn a_listener_that_stops_at_any_tick_and_starts_again_serves_the_next_caller() {
    for (setting, kind) in plays() {
        let (mut ends, mut offsets) = (Vec::new(), Vec::new());
        for tick in 1..=last_tick(setting, kind) {
            let what = format!("{setting:?} {kind:?}, listener stops before tick {tick}");
            let play = slow_play(kind);
            with_stage(setting, None, |stage| {
                let (mut listener, mut caller) = (play.listener(stage), play.caller(stage, 0));
                stage.run(tick, &mut caller, &mut listener);
                assert_stored(&play, &what);
                stage.crash(SERVER, tick);
                listener = play.listener(stage);
                stage.run(NOTICE_TICKS_MAX, &mut caller, &mut listener);
                let outcome = caller.outcome();
                match outcome {
                    // The plain form has no receipt: its sender knows of acknowledged bytes alone.
                    Some(Ok(())) if kind == Kind::Plain => {}
                    Some(Ok(())) => assert!(play.has_arrived(0), "{what}{}", stage.log()),
                    Some(Err(Error::Reset | Error::TimedOut(_))) => {}
                    _ => panic!("{what}: {outcome:?}{}", stage.log()),
                }
                ends.push(outcome);
                assert_stored(&play, &what);
                offsets.push(serve_next(stage, &play, &mut listener, &what));
            });
        }
        let has_both = ends.contains(&Some(Ok(()))) && ends.contains(&Some(Err(Error::Reset)));
        assert!(
            has_both,
            "{setting:?} {kind:?} was cut before and behind its end: {ends:?}"
        );
        assert_resumed(kind, &offsets);
    }
}

#[test]
fn a_caller_that_stops_at_any_tick_and_starts_again_is_served() {
    for (setting, kind) in plays() {
        let (mut ends, mut offsets) = (Vec::new(), Vec::new());
        for tick in 1..=last_tick(setting, kind) {
            let what = format!("{setting:?} {kind:?}, caller stops before tick {tick}");
            let play = slow_play(kind);
            with_stage(setting, None, |stage| {
                let (mut listener, mut caller) = (play.listener(stage), play.caller(stage, 0));
                stage.run(tick, &mut caller, &mut listener);
                stage.crash(CLIENT, tick);
                stage.run(NOTICE_TICKS_MAX, &mut Player::new(Idle), &mut listener);
                assert_eq!(stage.open_socket(), None, "{what}{}", stage.log());
                ends.extend(stage.log().ends(SERVER));
                assert_stored(&play, &what);
                offsets.push(serve_next(stage, &play, &mut listener, &what));
            });
        }
        // A scripted server tells nothing.
        let is_noticed = ends.iter().any(Result::is_err) && ends.contains(&Ok(()));
        assert!(
            kind == Kind::Get || is_noticed,
            "{setting:?} {kind:?}: {ends:?}"
        );
        assert_resumed(kind, &offsets);
    }
}
