//! Seeds, and the rules by themselves.

use smoltcp::iface::SocketHandle;
use tickwire::Tick;
use tickwire::hub::{Name, Wants};
use tickwire_sim::Profile;

use super::allowance::Allowances;
use super::chronicle::Chronicle;
use super::ear::Ear;
use super::member::Speech;
use super::packets::Heard;
use super::place::{Awaited, Place};
use super::plan::MemberPlan;
use super::servers::{HubMemory, LIMITS};
use super::{Broken, ROOMS, run};

#[test]
fn no_seed_breaks_the_order_of_a_room_or_slows_its_members() {
    for profile in [Profile::Mild, Profile::Bad, Profile::Hostile] {
        let mut heard = 0;
        for seed in 0..6 {
            let ran = run(seed, profile, true, &mut ());
            assert_eq!(ran.report.finding, None, "{profile:?} {seed}");
            heard += ran.counts.get("hub: entries heard").unwrap_or(&0);
        }
        assert!(heard > 1_000, "{profile:?}: {heard}");
    }
}

/// Each of `heard` is posted where a member said "whole" on one connection.
fn look_at(heard: [&str; 2], speech: Speech) -> Result<(), Broken> {
    let mut memory = HubMemory::new(ROOMS.len() + 1);
    let hub = memory.hub();
    let mut chronicle = Chronicle::watch(&hub);
    let lobby = Name::parse(ROOMS[0]).expect("it is a name");
    let member = hub.join(&lobby, None, Wants::Messages);
    let member = member.expect("there is a place");
    for (number, heard) in heard.into_iter().enumerate() {
        let begin = format!("our0.0#{number};");
        chronicle.will_say("0.0", speech, 0, begin.clone() + "whole");
        let posted = hub.post(Tick::ZERO, member, (begin + heard).as_bytes());
        posted.expect("two messages are within the limits");
    }
    chronicle.look(Tick::ZERO, &hub)
}

#[test]
fn only_the_last_words_of_a_terminal_may_be_cut() {
    look_at(["whole", "whole"], Speech::Text).expect("nothing was altered");
    look_at(["whole", "who"], Speech::Lines).expect("the last words were cut");
    look_at(["whole", "w\u{FFFD}"], Speech::Lines).expect("they were cut within a character");
    for (heard, speech) in [
        (["who", "whole"], Speech::Lines),
        (["who", "who"], Speech::Lines),
        (["whole", "whose"], Speech::Lines),
        (["whole", "who"], Speech::Text),
        (["whole", "who"], Speech::SocketIo),
    ] {
        let broken = look_at(heard, speech).expect_err("it was altered");
        assert_eq!(broken.what, "a message was altered", "{heard:?} {speech:?}");
    }
}

#[test]
fn nobody_hears_its_own_going() {
    let mut memory = HubMemory::new(ROOMS.len() + 1);
    let hub = memory.hub();
    let mut chronicle = Chronicle::watch(&hub);
    let lobby = Name::parse(ROOMS[0]).expect("it is a name");
    let member = hub.join(&lobby, None, Wants::Messages);
    hub.leave(member.expect("there is a place"));
    chronicle
        .look(Tick::ZERO, &hub)
        .expect("no rule was broken");
    let told = chronicle.rooms[0].told.iter();
    let lines: Vec<_> = told.filter_map(|told| told.for_member(None)).collect();
    // The first is the coming of whoever looks.
    let [_, coming, going] = lines[..] else {
        panic!("{lines:?}");
    };
    let mut ear = Ear::new(0, Tick::ZERO);
    assert!(ear.hear(&chronicle, None, coming));
    assert!(!ear.hear(&chronicle, None, going));
}

#[test]
fn our_own_members_say_no_more_than_the_limit() {
    let mut allowances = Allowances::default();
    // One more than the limit, as its coming would have cost nothing.
    for _ in 0..=LIMITS.messages_per_second {
        let charged = allowances.charge_ours("0.0", Speech::Text, Tick::ZERO);
        charged.expect("it is within the limit");
    }
    let charged = allowances.charge_ours("0.0", Speech::Text, Tick::ZERO);
    assert_eq!(charged.expect_err("it is too much").invariant, 18);
    let charged = allowances.charge_ours("0.1", Speech::Text, Tick::ZERO);
    charged.expect("it is another connection");
}

#[test]
fn a_message_that_nobody_heard_is_not_acknowledged() {
    let mut memory = HubMemory::new(ROOMS.len());
    let hub = memory.hub();
    let mut chronicle = Chronicle::watch(&hub);
    let plan = MemberPlan {
        speech: Speech::SocketIo,
        home: 0,
        name: None,
    };
    let mut place = Place::new(0, 1, SocketHandle::default(), &plan);
    chronicle.will_say(&place.tag, plan.speech, 0, "our0.0#0;".to_owned());
    place.awaited.push_back(Awaited {
        space: 0,
        id: 7,
        number: 0,
        is_for_all: true,
    });
    place.member_mut().heard.push_back(Heard::Ack {
        space: 0,
        id: 7,
        count: 0,
    });
    let broken = place
        .check(&chronicle, Tick::ZERO)
        .expect_err("it was not heard");
    assert_eq!(broken.invariant, 19);
}
