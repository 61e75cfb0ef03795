//! A hub against a model of it, under drawn acts.

use std::collections::VecDeque;

use tickwire::hub::{Hub, Lapped, MemberId, PostError, Wants};
use tickwire::{Duration, Tick};
use tickwire_sim::Generator;

use crate::rules::{hub, name};

const MEMBERS: usize = 6;
const ROOMS: [&str; 3] = ["lobby", "attic", "cellar"];

/// A member as it should be.
struct Member {
    id: MemberId,
    name: String,
    room: usize,
    wants: Wants,
    /// What it has still to get.
    pending: VecDeque<String>,
}

struct Model {
    hub: Hub<'static>,
    log_bytes: usize,
    random: Generator,
    now: Tick,
    members: Vec<Member>,
    /// Looks of members for what is next, and how many of them found that they were lapped.
    reads: u32,
    lapped: u32,
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut random = Generator::new(seed);
        let log_bytes = random.between(200, 2_000) as usize;
        Self {
            hub: hub(MEMBERS, ROOMS.len(), log_bytes),
            log_bytes,
            random,
            now: Tick::ZERO,
            members: Vec::new(),
            reads: 0,
            lapped: 0,
        }
    }

    /// Puts a line into what everybody in a room has to get.
    fn tell(&mut self, room: usize, line: &str) {
        let here = self.members.iter_mut().filter(|member| member.room == room);
        here.for_each(|member| member.pending.push_back(line.to_owned()));
    }

    fn act(&mut self, number: usize) {
        self.now = self.now + Duration::from_millis(self.random.below(40));
        let (at, kind) = (
            self.random.below(MEMBERS as u64) as usize,
            self.random.below(10),
        );
        let has_place = self.members.len() < MEMBERS;
        match (kind, at < self.members.len()) {
            (0, _) if has_place => self.join(),
            (0, true) => self.leave(at),
            (1, true) => self.move_to(at),
            (2 | 3, true) => self.post(at, number),
            (4, true) => self.post_event(at, number),
            (_, true) => self.read(at),
            (_, false) => {}
        }
    }

    fn join(&mut self) {
        let room = self.random.below(3) as usize;
        let wants = [Wants::Messages, Wants::Events][self.random.below(2) as usize];
        let id = self.hub.join(&name(ROOMS[room]), None, wants).unwrap();
        let name = self.hub.name(id).unwrap().as_str().to_owned();
        let line = format!("* {name} joined");
        self.members.push(Member {
            id,
            name,
            room,
            wants,
            pending: VecDeque::new(),
        });
        self.tell(room, &line);
    }

    fn leave(&mut self, at: usize) {
        let member = self.members.remove(at);
        self.hub.leave(member.id);
        self.tell(member.room, &format!("* {} left", member.name));
    }

    fn move_to(&mut self, at: usize) {
        let room = self.random.below(3) as usize;
        let member = &mut self.members[at];
        let old = member.room;
        let moved = self.hub.move_to(self.now, member.id, &name(ROOMS[room]));
        if moved.is_err() || old == room {
            return;
        }
        member.room = room;
        member.pending.clear();
        let who = member.name.clone();
        self.tell(old, &format!("* {who} left"));
        self.tell(room, &format!("* {who} joined"));
    }

    fn post(&mut self, at: usize, number: usize) {
        let max = self.hub.limits().message_bytes_max;
        let len = self.random.below(max as u64 + 2) as usize;
        let text = format!("{number:.>len$}");
        let text = &text[text.len() - len..];
        let member = &self.members[at];
        let (room, line) = (member.room, format!("{}: {text}", member.name));
        match self.hub.post(self.now, member.id, text.as_bytes()) {
            Ok(_) => self.tell(room, &line),
            Err(PostError::TooLong) => assert!(len > max),
            Err(PostError::Early(until)) => assert!(until > self.now),
        }
    }

    fn post_event(&mut self, at: usize, number: usize) {
        let (room, id) = (self.members[at].room, self.members[at].id);
        let json = format!("[\"{number}\"]");
        let Ok(count) = self.hub.post_event(self.now, id, &json) else {
            return;
        };
        let wants = |other: &&mut Member| {
            other.wants == Wants::Events && other.id != id && other.room == room
        };
        let others: Vec<_> = self.members.iter_mut().filter(wants).collect();
        assert_eq!(others.len(), count);
        others
            .into_iter()
            .for_each(|other| other.pending.push_back(format!("* {json}")));
    }

    /// Lets a member read one entry: what the model says, or that the member was lapped.
    fn read(&mut self, at: usize) {
        self.reads += 1;
        let member = &mut self.members[at];
        let next = self.hub.read(member.id, |entry| entry.line().concat());
        if next == Err(Lapped) {
            self.lapped += 1;
            self.leave(at);
            return;
        }
        assert_eq!(
            next.unwrap().as_ref(),
            member.pending.front(),
            "{}",
            self.log_bytes
        );
        if member.pending.pop_front().is_some() {
            self.hub.advance(member.id);
        }
    }
}

#[test]
fn members_get_what_the_model_says_or_are_lapped() {
    let (mut reads, mut lapped) = (0, 0);
    for seed in 0..60 {
        let mut model = Model::new(seed);
        (0..2_000).for_each(|number| model.act(number));
        reads += model.reads;
        lapped += model.lapped;
    }
    assert!(
        reads > 10_000 && lapped > 100,
        "{reads} reads, {lapped} lapped"
    );
    assert!(lapped < reads / 10, "{reads} reads, {lapped} lapped");
}
