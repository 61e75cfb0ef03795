//! Every frame of a whole conversation is lost, late, doubled or damaged.

use tickwire::file::SendError;
use tickwire::{Duration, Error, TimeoutKind};
use tickwire_sim::SimError;
use tickwire_sim::ethernet::{Action, Change};

use crate::common::fixture::secs;
use crate::context::{CLIENT, Fault, SERVER, Setting, with_context};
use crate::scenarios::{KINDS, Kind, Scenario};

/// In which a conversation with one fault has to end.
const TIME_MAX: Duration = secs(20);
/// In which one has to end that does not understand its peer any more: no deadline of ours is
/// longer.
const LOST_TIME_MAX: Duration = secs(62);
/// In which everything has come to rest: longer than any deadline, TIME-WAIT, or what a neighbour
/// cache keeps.
const REST_TIME: Duration = secs(65);

/// Damage that only a digest can tell.
const SWAP: Action = Action::Change(Change::WordSwap);

/// Late by less than a retransmission takes, and by more.
const DELAYS_MICROS: [u64; 3] = [15_000, 1_500_000, 5_000_000];

/// One conversation with a fault, and one after it unless the server was for one caller. Returns
/// how many frames each side sent for the first.
fn converse(setting: Setting, kind: Kind, fault: Option<Fault>) -> [u64; 2] {
    with_context(setting, fault, |context| {
        let scenario = Scenario::new(kind);
        let mut server = scenario.server(context);
        let mut caller = scenario.caller(context, 0);
        context.run(time_max(fault), &mut caller, &mut server);
        let frames = context.frames();
        assert_eq!(
            context.log().has_struck(),
            fault.is_some(),
            "{}",
            context.log()
        );
        let outcome = caller.outcome();
        let is_fine = outcome == Some(Ok(()));
        assert!(
            is_fine || matches!(outcome, Some(Err(error)) if is_right(fault, error)),
            "{setting:?} {kind:?}: {outcome:?} after {}",
            context.log()
        );
        context.run(REST_TIME, &mut caller, &mut server);
        let open = context.open_socket();
        assert_eq!(open, None, "{setting:?} {kind:?} after {}", context.log());
        if is_fine {
            let log = context.log();
            assert!(
                scenario.has_arrived(0),
                "{setting:?} {kind:?}: not what was sent after {log}"
            );
            assert_eq!(scenario.arrivals(), 1, "{setting:?} {kind:?} after {log}");
            let told = log.ends(SERVER);
            assert!(
                kind == Kind::Get || told == [Ok(())],
                "{setting:?} {kind:?}: {told:?} after {log}"
            );
        }
        if context.is_once() {
            let is_over = server.outcome() == Some(Ok(()));
            assert!(
                is_over || !is_fine,
                "{kind:?}, server after {}",
                context.log()
            );
            return frames;
        }
        if kind == Kind::Get {
            server = scenario.server(context);
        }
        assert_eq!(
            server.outcome(),
            None,
            "{setting:?} {kind:?} after {}",
            context.log()
        );
        let mut next = scenario.caller(context, 1);
        context.run(TIME_MAX, &mut next, &mut server);
        let log = context.log();
        assert_eq!(
            next.outcome(),
            Some(Ok(())),
            "{setting:?} {kind:?}, next caller after {log}"
        );
        assert!(
            scenario.has_arrived(1),
            "{setting:?} {kind:?}, next caller after {log}"
        );
        frames
    })
}

/// How long a conversation with this fault may take.
const fn time_max(fault: Option<Fault>) -> Duration {
    if is_swap(fault) {
        LOST_TIME_MAX
    } else {
        TIME_MAX
    }
}

const fn is_swap(fault: Option<Fault>) -> bool {
    matches!(fault, Some(Fault { action: SWAP, .. }))
}

/// Whether a conversation may fail in this way.
const fn is_right(fault: Option<Fault>, error: SimError) -> bool {
    // An offer with its words swapped is another offer, no offer, or the plain form's announcement
    // of much more; a reply becomes another or none; and data has another digest.
    is_swap(fault)
        && matches!(
            error,
            SimError::Connection(Error::TimedOut(TimeoutKind::Reply) | Error::Reset)
                | SimError::Send(
                    SendError::Refused(2 | 5) | SendError::BadReply | SendError::Truncated
                )
        )
}

/// Does it to every frame of every conversation, one at a time, in every setting.
fn strike_every_frame(kinds: &[Kind], actions: &[Action]) {
    let settings = [Setting::Guarded, Setting::Bare, Setting::Small];
    let scenarios = settings
        .iter()
        .flat_map(|&setting| kinds.iter().map(move |&kind| (setting, kind)));
    for (setting, kind) in scenarios {
        let frames = converse(setting, kind, None);
        assert!(
            frames.iter().all(|count| (5..60).contains(count)),
            "{setting:?} {kind:?}: {frames:?}"
        );
        for &action in actions {
            for from in [CLIENT, SERVER] {
                for number in 0..frames[from] {
                    let fault = Fault {
                        from,
                        number,
                        action,
                    };
                    converse(setting, kind, Some(fault));
                }
            }
        }
    }
}

#[test]
fn a_frame_that_is_lost_costs_nothing_but_time() {
    strike_every_frame(&KINDS, &[Action::Drop]);
}

#[test]
fn a_frame_that_comes_twice_costs_nothing() {
    strike_every_frame(
        &KINDS,
        &[0, DELAYS_MICROS[0], DELAYS_MICROS[2]]
            .map(|after_micros| Action::Duplicate { after_micros }),
    );
}

#[test]
fn a_frame_that_is_late_costs_nothing_but_time() {
    strike_every_frame(
        &KINDS,
        &DELAYS_MICROS.map(|by_micros| Action::Delay { by_micros }),
    );
}

#[test]
fn a_frame_that_is_damaged_counts_as_lost() {
    let noticed = [
        Change::BitFlip,
        Change::Truncation,
        Change::Padding,
        Change::Junk,
    ];
    strike_every_frame(&KINDS, &noticed.map(Action::Change));
}

#[test]
fn a_frame_whose_damage_no_checksum_shows_costs_a_try_and_stores_nothing_wrong() {
    // Nothing else has a digest: there, what came is what was sent as far as anybody can know.
    strike_every_frame(&[Kind::Checked], &[SWAP]);
}
