//! What becomes of a name when our own program has stood still.

use tickwire::dns::ResolveError;
use tickwire::http::GetError;
use tickwire::{Duration, Error, INGRESS_MAX, TimeoutKind};
use tickwire_sim::Opening;

use crate::common::fixture::{endpoint, secs};
use crate::dialling::{
    ANSWER, DNS, FAR, FAR_NOBODY, WEB, answer, dialled, failed, get, get_within, near,
    rig as web_rig,
};
use crate::rig::{Rig, right};

/// Longer than anything waits.
const LONG: Duration = secs(30);
/// What the peers get back of an absence of that length.
const EXCUSE_MAX: Duration = secs(20);

/// Our host stands still, and all others go on.
fn pause(rig: &mut Rig, pause: Duration) {
    rig.net.hosts[0].is_paused = true;
    rig.net.run(pause);
    rig.net.hosts[0].is_paused = false;
}

#[test]
fn a_server_is_asked_again_when_we_are_back() {
    let mut rig = Rig::new(1);
    let lookup = rig.look_up("www.example.com");
    rig.question(1);
    pause(&mut rig, LONG);
    let again = rig.question(1);
    rig.answer(1, &again);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

#[test]
fn a_name_that_nobody_knows_anything_about_has_an_end_after_an_absence_as_well() {
    let mut rig = Rig::new(1);
    let lookup = rig.look_up("www.example.com");
    rig.question(1);
    pause(&mut rig, LONG);
    let back = rig.net.now();
    assert_eq!(rig.finish(lookup), Err(ResolveError::NoAnswer));
    assert!(rig.net.now().since(back) <= EXCUSE_MAX);
}

#[test]
fn a_name_that_is_dialled_is_resolved_and_dialled_when_we_are_back() {
    let mut rig = web_rig();
    rig.net.script(WEB, Opening::Listen(80), &ANSWER);
    let get = get(&mut rig, "http://www.example.com/");
    rig.question(DNS);
    pause(&mut rig, LONG);
    let again = rig.question(DNS);
    answer(&mut rig, &again, &[FAR_NOBODY[0], near(WEB)]);
    assert_eq!(rig.net.finish(get, secs(60)), Ok(()));
}

#[test]
fn an_answer_that_came_meanwhile_is_dialled_when_we_are_back() {
    let mut rig = web_rig();
    rig.net.script(WEB, Opening::Listen(80), &ANSWER);
    let get = get(&mut rig, "http://www.example.com/");
    let question = rig.question(DNS);
    rig.net.hosts[0].is_paused = true;
    answer(&mut rig, &question, &[near(WEB)]);
    pause(&mut rig, LONG);
    assert_eq!(rig.net.finish(get, secs(60)), Ok(()));
}

#[test]
fn an_absence_is_not_taken_for_the_silence_of_an_address() {
    for away in [secs(2), LONG] {
        let mut rig = web_rig();
        rig.net.script(WEB, Opening::Listen(80), &ANSWER);
        let get = get(&mut rig, "http://www.example.com/");
        let question = rig.question(DNS);
        answer(&mut rig, &question, &[FAR_NOBODY[0], FAR_NOBODY[1], FAR]);
        pause(&mut rig, away);
        assert_eq!(rig.net.finish(get, secs(60)), Ok(()), "{away}");
        let addresses: Vec<_> = dialled(&rig).iter().map(|(address, _)| *address).collect();
        let [first, second] = FAR_NOBODY;
        assert_eq!(addresses, [first, first, second, FAR], "{away}");
    }
}

#[test]
fn a_dialled_name_without_an_answer_has_an_end_after_an_absence_as_well() {
    let no_answer: GetError = Error::Unresolved(ResolveError::NoAnswer).into();
    for (addresses, error) in [
        (&[][..], Err(no_answer)),
        (
            &FAR_NOBODY[..],
            failed(Error::TimedOut(TimeoutKind::Connect)),
        ),
    ] {
        let mut rig = web_rig();
        let get = get(&mut rig, "http://www.example.com/");
        let question = rig.question(DNS);
        if !addresses.is_empty() {
            answer(&mut rig, &question, addresses);
        }
        pause(&mut rig, LONG);
        let back = rig.net.now();
        assert_eq!(rig.net.finish(get, secs(60)), error);
        assert!(rig.net.now().since(back) <= EXCUSE_MAX);
    }
}

#[test]
fn what_came_during_an_absence_is_read_before_an_address_is_given_up() {
    let mut rig = web_rig();
    rig.net.script(WEB, Opening::Listen(80), &ANSWER);
    let get = get_within(&mut rig, "http://www.example.com/", secs(1));
    let question = rig.question(DNS);
    rig.net.hosts[WEB].is_paused = true;
    answer(&mut rig, &question, &[near(WEB)]);
    rig.net.hosts[0].is_paused = true;
    // One turn does not read them all.
    for _ in 0..=INGRESS_MAX {
        rig.send(DNS, endpoint(0, 9), b"");
    }
    rig.net.hosts[WEB].is_paused = false;
    pause(&mut rig, secs(2));
    assert_eq!(rig.net.finish(get, secs(60)), Ok(()));
    assert_eq!(dialled(&rig), [(near(WEB), 0)]);
}
