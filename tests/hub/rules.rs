//! What a hub promises, rule by rule.

use tickwire::Tick;
use tickwire::hub::{
    Hub, JoinError, Lapped, Limits, MemberId, MemberSlot, MoveError, Name, PostError, RenameError,
    RoomSlot, Wants,
};

use crate::common::fixture::leak;

pub(crate) fn hub(members: usize, rooms: usize, log_bytes: usize) -> Hub<'static> {
    let (members, rooms) = (
        leak(MemberSlot::EMPTY, members),
        leak(RoomSlot::EMPTY, rooms),
    );
    let logs = leak(0, log_bytes * rooms.len());
    Hub::new(members, rooms, logs, Limits::DEFAULT)
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn join(hub: &Hub, room: &str, who: &str) -> MemberId {
    hub.join(&name(room), Some(&name(who)), Wants::Messages)
        .unwrap()
}

fn post(hub: &Hub, id: MemberId, text: &str) -> usize {
    hub.post(Tick::ZERO, id, text.as_bytes()).unwrap()
}

/// Everything that a member has still to get.
pub(crate) fn read_all(hub: &Hub, id: MemberId) -> Result<Vec<String>, Lapped> {
    let mut lines = Vec::new();
    while let Some(line) = hub.read(id, |entry| entry.line().concat())? {
        lines.push(line);
        hub.advance(id);
    }
    Ok(lines)
}

#[test]
fn all_members_of_a_room_get_the_same_in_the_same_order_and_nobody_else_does() {
    let hub = hub(4, 2, 4_096);
    let [alice, bob] = ["alice", "bob"].map(|who| join(&hub, "lobby", who));
    let eve = join(&hub, "attic", "eve");
    assert_eq!(post(&hub, alice, "one"), 1);
    assert_eq!(post(&hub, bob, "two"), 1);
    assert_eq!(post(&hub, eve, "three"), 0);
    let told = ["* bob joined", "alice: one", "bob: two"];
    assert_eq!(read_all(&hub, bob).unwrap(), told);
    let all = [&["* alice joined"][..], &told].concat();
    assert_eq!(read_all(&hub, alice).unwrap(), all);
    assert_eq!(read_all(&hub, eve).unwrap(), ["* eve joined", "eve: three"]);
    assert_eq!(read_all(&hub, eve).unwrap(), [""; 0]);
}

#[test]
fn names_are_made_up_where_none_is_given_and_numbered_where_they_are_taken() {
    let hub = hub(6, 2, 4_096);
    let wanted = [Some("alice"), Some("ALICE"), None, None, Some("alice")];
    let given = wanted.map(|wanted| {
        let wanted = wanted.map(name);
        let room = if wanted.is_some() { "lobby" } else { "attic" };
        let id = hub.join(&name(room), wanted.as_ref(), Wants::Messages);
        hub.name(id.unwrap()).unwrap().as_str().to_owned()
    });
    assert_eq!(given, ["alice", "ALICE-2", "guest-1", "guest-2", "alice-3"]);
}

#[test]
fn a_member_can_take_another_name_but_nobody_elses() {
    let hub = hub(2, 1, 4_096);
    let [alice, bob] = ["alice", "bob"].map(|who| join(&hub, "lobby", who));
    let rename = |new| hub.rename(Tick::ZERO, alice, &name(new));
    assert_eq!(rename("BOB"), Err(RenameError::Taken));
    assert_eq!(rename("carol"), Ok(()));
    assert_eq!(rename("Carol"), Ok(()), "her own in another form");
    let told = read_all(&hub, bob).unwrap();
    assert_eq!(told[1..], ["* alice is now carol", "* carol is now Carol"]);
}

#[test]
fn who_goes_to_another_room_is_gone_from_the_first() {
    let hub = hub(3, 2, 4_096);
    let [alice, bob] = ["alice", "bob"].map(|who| join(&hub, "lobby", who));
    assert_eq!(hub.move_to(Tick::ZERO, alice, &name("attic")), Ok(()));
    assert_eq!(hub.move_to(Tick::ZERO, alice, &name("Attic")), Ok(()));
    assert_eq!(post(&hub, bob, "anybody?"), 0);
    assert_eq!(read_all(&hub, alice).unwrap(), ["* alice joined"]);
    let told = read_all(&hub, bob).unwrap();
    assert_eq!(told, ["* bob joined", "* alice left", "bob: anybody?"]);
    assert_eq!(hub.room(alice), Some(name("attic")));
    join(&hub, "lobby", "eve");
    assert_eq!(
        hub.move_to(Tick::ZERO, bob, &name("cellar")),
        Err(MoveError::RoomsFull)
    );
}

#[test]
fn who_is_alone_takes_the_place_of_its_room_along() {
    let hub = hub(2, 1, 4_096);
    let alice = join(&hub, "lobby", "alice");
    post(&hub, alice, "secret");
    assert_eq!(hub.move_to(Tick::ZERO, alice, &name("attic")), Ok(()));
    assert_eq!(hub.room(alice), Some(name("attic")));
    assert_eq!(read_all(&hub, alice).unwrap(), ["* alice joined"]);
    join(&hub, "attic", "bob");
    let back = hub.move_to(Tick::ZERO, alice, &name("lobby"));
    assert_eq!(back, Err(MoveError::RoomsFull), "bob stays");
}

#[test]
fn places_are_limited_and_free_again_when_somebody_leaves() {
    let hub = hub(3, 1, 4_096);
    let join_in = |room| hub.join(&name(room), None, Wants::Messages);
    let first = join_in("lobby").unwrap();
    assert_eq!(join_in("attic"), Err(JoinError::RoomsFull));
    let second = join_in("lobby").unwrap();
    join_in("lobby").unwrap();
    assert_eq!(join_in("lobby"), Err(JoinError::MembersFull));
    hub.leave(second);
    let third = join_in("lobby").unwrap();
    assert_ne!(second, third);
    assert_eq!(
        read_all(&hub, second),
        Err(Lapped),
        "who has left is not the next"
    );
    hub.leave(second);
    assert_eq!(hub.name(third), Some(name("guest-4")));
    assert_eq!(hub.name(first), Some(name("guest-1")));
}

#[test]
fn a_room_that_everybody_has_left_is_another_when_it_is_opened_again() {
    let hub = hub(2, 1, 4_096);
    let alice = join(&hub, "lobby", "alice");
    post(&hub, alice, "secret");
    hub.leave(alice);
    let bob = join(&hub, "attic", "bob");
    assert_eq!(read_all(&hub, bob).unwrap(), ["* bob joined"]);
}

#[test]
fn a_message_has_4_kib_and_a_member_20_of_them_a_second() {
    let hub = hub(2, 2, 65_536);
    let alice = join(&hub, "lobby", "alice");
    let post = |text: &str| hub.post(Tick::ZERO, alice, text.as_bytes());
    assert_eq!(post(&"x".repeat(4_097)), Err(PostError::TooLong));
    // What stands for a control character counts.
    assert_eq!(post(&"\u{1b}".repeat(1_366)), Err(PostError::TooLong));
    for _ in 0..20 {
        assert_eq!(post(&"x".repeat(4_096)), Ok(0));
    }
    let early = Tick::from_millis(50);
    assert_eq!(post("x"), Err(PostError::Early(early)));
    let rename = hub.rename(Tick::ZERO, alice, &name("bob"));
    assert_eq!(rename, Err(RenameError::Early(early)));
    let move_to = |room| hub.move_to(Tick::ZERO, alice, &name(room));
    assert_eq!(move_to("attic"), Err(MoveError::Early(early)));
    assert_eq!(move_to("lobby"), Ok(()), "nothing was done");
    assert_eq!(hub.post(early, alice, b"x"), Ok(0));
}

#[test]
fn who_has_read_everything_is_not_lapped_by_one_message_and_who_lags_is() {
    let hub = hub(3, 1, 8_400);
    let [alice, bob, slow] = ["alice", "bob", "slow"].map(|who| join(&hub, "lobby", who));
    for number in 0..20 {
        hub.post(Tick::ZERO, alice, &vec![b'x'; 4_000 + number])
            .unwrap();
        assert!(!read_all(&hub, bob).unwrap().is_empty(), "{number}");
    }
    assert_eq!(read_all(&hub, slow), Err(Lapped));
    hub.leave(slow);
    assert_eq!(read_all(&hub, bob).unwrap(), ["* slow left"]);
}

#[test]
fn events_go_to_those_others_who_want_them_and_count_them() {
    let hub = hub(4, 1, 4_096);
    let join = |wants| hub.join(&name("lobby"), None, wants).unwrap();
    let [text, sender, other] = [Wants::Messages, Wants::Events, Wants::Events].map(join);
    let json = r#"["my other event",{"my":"data"}]"#;
    assert_eq!(hub.post_event(Tick::ZERO, sender, json), Ok(1));
    assert_eq!(hub.post(Tick::ZERO, sender, b"hi"), Ok(2));
    assert_eq!(hub.emit(&name("lobby"), r#"["state",1]"#), Ok(2));
    assert_eq!(hub.emit(&name("attic"), r#"["state",1]"#), Ok(0));
    let event = format!("* {json}");
    let ends = |id, count: usize| {
        let told = read_all(&hub, id).unwrap();
        told[told.len() - count..].to_vec()
    };
    assert_eq!(ends(text, 2), ["* guest-3 joined", "guest-2: hi"]);
    assert_eq!(
        ends(sender, 3),
        ["* guest-3 joined", "guest-2: hi", "* [\"state\",1]"]
    );
    assert_eq!(ends(other, 3), [&event, "guest-2: hi", "* [\"state\",1]"]);
}

#[test]
fn what_somebody_does_not_want_does_not_lap_it() {
    let hub = hub(3, 1, 1_024);
    let join = |wants| hub.join(&name("lobby"), None, wants).unwrap();
    let [text, sender] = [Wants::Messages, Wants::Events].map(join);
    read_all(&hub, text).unwrap();
    for second in 0..200 {
        hub.post_event(Tick::from_millis(second * 1_000), sender, r#"["x"]"#)
            .unwrap();
        assert_eq!(read_all(&hub, text), Ok(vec![]));
    }
}

#[test]
fn names_of_a_room_can_be_read_in_portions() {
    let hub = hub(5, 2, 4_096);
    let ids = ["alice", "bob", "carol"].map(|who| join(&hub, "lobby", who));
    join(&hub, "attic", "eve");
    let (mut names, mut from) = (Vec::new(), 0);
    loop {
        let mut room = 1;
        let rest = hub.who(ids[0], from, |name| {
            room -= 1;
            if room >= 0 {
                names.push(name.to_owned());
            }
            room >= 0
        });
        match rest {
            Some(rest) => from = rest,
            None => break,
        }
    }
    assert_eq!(names, ["alice", "bob", "carol"]);
}
