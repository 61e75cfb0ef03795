//! A host stops before every tick of a conversation, loses all that was on its way to it, and
//! starts again.
//!
//! What a receiver stored outlives it; `flash` shows the same of a real medium. That one which is
//! cut off in the middle of a write keeps it too is shown in `tests/file/flash.rs` and
//! `tests/store_flash`.

use tickwire::{Duration, Error};
use tickwire_sim::{Idle, SimError};

use crate::common::faulty_store::{Call, StoredFile};
use crate::common::fixture::{ms, secs};
use crate::context::{AppSlot, CLIENT, RunContext, SERVER, Setting, with_context};
use crate::scenarios::{KINDS, Kind, Scenario};

/// In which a conversation ends that nothing disturbs.
const TIME_MAX: Duration = secs(20);
/// In which whoever is left notices that the other is gone, and is ready for the next: longer than
/// any deadline of ours.
const NOTICE_TIME_MAX: Duration = secs(62);

/// Every scenario in every setting.
fn scenarios() -> impl Iterator<Item = (Setting, Kind)> {
    let settings = [Setting::Guarded, Setting::Small].into_iter();
    settings.flat_map(|setting| KINDS.map(|kind| (setting, kind)))
}

/// When the last frame of an undisturbed conversation moves.
fn last_frame(setting: Setting, kind: Kind) -> u64 {
    with_context(setting, None, |context| {
        let scenario = slow_scenario(kind);
        let (mut server, mut caller) = (scenario.server(context), scenario.caller(context, 0));
        context.run(TIME_MAX, &mut caller, &mut server);
        assert_eq!(caller.outcome(), Some(Ok(())), "{kind:?}{}", context.log());
        let last = context.log().last_frame_time().as_millis();
        assert!((10..200).contains(&last), "{kind:?}: {last}");
        last
    })
}

/// A scenario whose receiver has an old file, and takes some time for making a new one durable.
fn slow_scenario(kind: Kind) -> Scenario {
    let scenario = Scenario::new(kind);
    scenario.store.get().files.push(old_file());
    scenario.store.get().waits = Some((Call::Commit, 5));
    scenario
}

fn old_file() -> StoredFile {
    StoredFile {
        name: Some("old".into()),
        bytes: Scenario::file(100).bytes(),
        digest: None,
    }
}

/// Only whole files are there, and a partial is the front of the file that was on its way; so is
/// what was heard.
fn assert_stored(scenario: &Scenario, what: &str) {
    assert!(scenario.has_only_front(), "{what}");
    let medium = scenario.store.get();
    let new = Scenario::file(0).bytes();
    let (first, others) = medium.files.split_first().unwrap();
    assert_eq!(first, &old_file(), "{what}");
    assert!(others.iter().all(|file| file.bytes == new), "{what}");
    for partial in &medium.partials {
        assert!(new.starts_with(&partial.file.bytes), "{what}");
    }
}

/// The next caller brings what the last one brought, and is served. Returns where its transfer was
/// resumed.
fn serve_next<'a>(
    context: &mut RunContext<'a>,
    scenario: &Scenario,
    server: &mut AppSlot<'a>,
    what: &str,
) -> u64 {
    // It may have been for one caller.
    if server.outcome().is_some() {
        *server = scenario.server(context);
    }
    let held = scenario.store.held().map_or(0, |held| held.len() as u64);
    let is_here = scenario.store.get().files.len() > 1;
    let mut next = scenario.caller(context, 0);
    context.run(TIME_MAX, &mut next, server);
    let what = format!("{what}, next caller{}", context.log());
    assert_eq!(next.outcome(), Some(Ok(())), "{what}");
    // What a chat's server had to say may have gone down with the conversation before.
    let has_arrived =
        scenario.has_arrived(0) || scenario.kind == Kind::Chat && scenario.has_arrived(1);
    assert!(has_arrived, "{what}");
    let resumed = context.log().resumed().unwrap_or(0);
    if scenario.kind == Kind::Checked {
        assert_eq!(scenario.store.get().files.len(), 2, "{what}");
        assert!(is_here || resumed == held, "{what}: {held} held");
    }
    resumed
}

/// Resumed transfers went on at many places of the file.
fn assert_resumed(kind: Kind, offsets: &[u64]) {
    let later = offsets.windows(2).filter(|pair| pair[0] < pair[1]);
    assert!(kind != Kind::Checked || later.count() >= 3, "{offsets:?}");
}

#[test]
fn a_server_that_stops_at_any_tick_and_starts_again_serves_the_next_caller() {
    for (setting, kind) in scenarios() {
        let (mut ends, mut offsets) = (Vec::new(), Vec::new());
        for tick in 1..=last_frame(setting, kind) {
            let what = format!("{setting:?} {kind:?}, server stops before tick {tick}");
            let scenario = slow_scenario(kind);
            with_context(setting, None, |context| {
                let (mut server, mut caller) =
                    (scenario.server(context), scenario.caller(context, 0));
                context.run(ms(tick), &mut caller, &mut server);
                assert_stored(&scenario, &what);
                context.crash(SERVER, tick);
                server = scenario.server(context);
                context.run(NOTICE_TIME_MAX, &mut caller, &mut server);
                let outcome = caller.outcome();
                match outcome {
                    // The plain form has no receipt: its sender knows of acknowledged bytes alone.
                    Some(Ok(())) if kind == Kind::Plain => {}
                    Some(Ok(())) => assert!(scenario.has_arrived(0), "{what}{}", context.log()),
                    Some(Err(SimError::Connection(Error::Reset | Error::TimedOut(_)))) => {}
                    _ => panic!("{what}: {outcome:?}{}", context.log()),
                }
                ends.push(outcome);
                assert_stored(&scenario, &what);
                offsets.push(serve_next(context, &scenario, &mut server, &what));
            });
        }
        let has_both =
            ends.contains(&Some(Ok(()))) && ends.contains(&Some(Err(Error::Reset.into())));
        assert!(
            has_both,
            "{setting:?} {kind:?} was cut before and after its end: {ends:?}"
        );
        assert_resumed(kind, &offsets);
    }
}

#[test]
fn a_caller_that_stops_at_any_tick_and_starts_again_is_served() {
    for (setting, kind) in scenarios() {
        let (mut ends, mut offsets) = (Vec::new(), Vec::new());
        for tick in 1..=last_frame(setting, kind) {
            let what = format!("{setting:?} {kind:?}, caller stops before tick {tick}");
            let scenario = slow_scenario(kind);
            with_context(setting, None, |context| {
                let (mut server, mut caller) =
                    (scenario.server(context), scenario.caller(context, 0));
                context.run(ms(tick), &mut caller, &mut server);
                context.crash(CLIENT, tick);
                context.run(NOTICE_TIME_MAX, &mut AppSlot::new(Idle), &mut server);
                assert_eq!(context.open_socket(), None, "{what}{}", context.log());
                ends.extend(context.log().ends(SERVER));
                assert_stored(&scenario, &what);
                offsets.push(serve_next(context, &scenario, &mut server, &what));
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
