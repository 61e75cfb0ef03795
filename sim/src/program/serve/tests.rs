//! Seeds, and the rules by themselves.

use smoltcp::iface::SocketHandle;
use tickwire::Tick;
use tickwire::hub::{Name, Wants};
use tickwire_sim::ethernet::{Fate, FrameEvent};
use tickwire_sim::{Node, Profile, Tracer as _};

use super::allowance::Allowances;
use super::chronicle::Chronicle;
use super::ear::Ear;
use super::member::Speech;
use super::packets::Heard;
use super::place::{Awaited, Place};
use super::plan::MemberPlan;
use super::recorder::Recorder;
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

/// A node takes a damaged ARP packet for the hub's address a moment before the faults end, and sends
/// to nobody for 60 s.
#[test]
fn nobody_is_slowed_by_others_while_it_sends_to_nobody() {
    let ran = run(194_663, Profile::Bad, true, &mut ());
    assert_eq!(ran.report.finding, None);
}

/// When all faults end, clogged links hold back more than a hundred frames for longer than a second.
#[test]
fn nobody_is_slowed_by_what_links_hold_back() {
    let ran = run(183_415, Profile::Bad, true, &mut ());
    assert_eq!(ran.report.finding, None);
}

/// All quit in the very moment in which a terminal has heard nothing for 50 s and has asked before.
#[test]
fn who_quits_waits_as_long_as_who_asks() {
    let ran = run(60_052, Profile::Bad, true, &mut ());
    assert_eq!(ran.report.finding, None);
}

#[test]
fn only_who_misses_the_hub_is_excused() {
    let (hub, one, two) = (0, 1, 2);
    let (true_arp, false_arp) = (
        arp(hub, [2, 0, 10, 0, 0, 1]),
        arp(hub, [2, 0, 10, 128, 0, 1]),
    );
    let misled = |frame: &[u8], fate, to| {
        let mut tracer = ();
        let mut recorder = Recorder::new(&mut tracer);
        let event = FrameEvent {
            fate,
            from: hub,
            to: Some(to),
            number: 0,
            sent_micros: 0,
            at_micros: 5_000_000,
        };
        recorder.frame(&event, frame);
        [one, two].map(|node| recorder.misled_until(node).as_millis())
    };
    assert_eq!(misled(&true_arp, Fate::Delivered, one), [0, 0]);
    assert_eq!(misled(&false_arp, Fate::Sent, one), [0, 0]);
    assert_eq!(misled(&false_arp, Fate::Delivered, one), [65_000, 0]);
    let about_two = arp(two, [2, 0, 10, 0, 0, 1]);
    assert_eq!(misled(&about_two, Fate::Delivered, hub), [0, 65_000]);
    assert_eq!(misled(&about_two, Fate::Delivered, one), [0, 0]);
}

/// An ARP reply that gives the address of the node at `port` to `mac`.
fn arp(port: usize, mac: [u8; 6]) -> Vec<u8> {
    let mut frame = vec![0; 42];
    frame[12..22].copy_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 2]);
    frame[22..28].copy_from_slice(&mac);
    frame[28..32].copy_from_slice(&Node::address_of(port).octets());
    frame
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
    assert_eq!(ear.waits_since(&chronicle, None), None);
    assert!(ear.has_gone(&chronicle, None));
    assert!(!ear.hear(&chronicle, None, going));
}

/// A terminal misses its end, and another connection that is half-open stands for it in its room.
#[test]
fn who_has_gone_without_knowing_it_is_not_settled() {
    for seed in [4_199, 9_369, 10_935, 18_439] {
        let ran = run(seed, Profile::Bad, true, &mut ());
        assert_eq!(ran.report.finding, None, "{seed}");
    }
}

#[test]
fn a_name_is_listed_as_often_as_it_came() {
    let mut memory = HubMemory::new(ROOMS.len() + 2);
    let hub = memory.hub();
    let mut chronicle = Chronicle::watch(&hub);
    let (lobby, ann) = (Name::parse(ROOMS[0]), Name::parse("ann"));
    let lobby = lobby.expect("it is a name");
    let join = |name| hub.join(&lobby, name, Wants::Messages);
    join(None).expect("there is a place");
    chronicle
        .look(Tick::ZERO, &hub)
        .expect("no rule was broken");
    let told = chronicle.rooms[0].told.last().expect("somebody came");
    let there = told.present.to_vec();
    let coming = told.for_member(None).expect("it is a line").to_owned();
    let mut ear = Ear::new(0, Tick::ZERO);
    assert!(ear.hear(&chronicle, None, &coming));
    for times in 0..3 {
        for listed in 0..4 {
            let mut names = there.clone();
            names.extend((0..listed).map(|_| "ann".to_owned()));
            let is_possible = ear.may_be_present(&chronicle, &names);
            assert_eq!(is_possible, listed <= times, "{listed} of {times}");
        }
        let member = join(ann.as_ref()).expect("there is a place");
        hub.leave(member);
        chronicle
            .look(Tick::ZERO, &hub)
            .expect("no rule was broken");
    }
    assert!(!ear.may_be_present(&chronicle, &there[1..]));
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
