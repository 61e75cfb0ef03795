//! Where a member comes from, and what it must hear.

use std::collections::VecDeque;

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::{Client, ClientOptions, Error, Session, Task, Tick};
use tickwire_sim::Node;

use super::chronicle::Chronicle;
use super::ear::Ear;
use super::member::{Member, Speech, Wish};
use super::packets::{Heard, front};
use super::plan::MemberPlan;
use super::servers::{LINES_PORT, WEB_PORT};
use super::{Broken, HUB};

/// The names of the members' tasks.
const TASK_NAMES: [&str; 6] = [
    "member 0", "member 1", "member 2", "member 3", "member 4", "member 5",
];

type MemberTask = Task<Client<Member>>;

/// An acknowledgement that a client of Socket.IO waits for.
pub(super) struct Awaited {
    pub(super) space: usize,
    pub(super) id: u64,
    /// The number of what it said.
    pub(super) number: usize,
    /// All others get it, and not only those who want events.
    pub(super) is_for_all: bool,
}

/// A member, with one connection after the other over one socket.
pub(super) struct Place {
    number: usize,
    pub(super) node: usize,
    pub(super) socket: SocketHandle,
    pub(super) speech: Speech,
    /// The room in which a browser is all the time, and others at the end.
    pub(super) home: usize,
    /// The name that it asks for when it comes.
    name: Option<&'static str>,
    connections: u32,
    /// Of this connection.
    pub(super) tag: String,
    own_events: Option<String>,
    pub(super) task: MemberTask,
    /// When it connects again, after an end.
    pub(super) again_at: Option<Tick>,
    /// Since when it has this connection.
    pub(super) since: Tick,
    pub(super) ears: Vec<Ear>,
    pub(super) awaited: VecDeque<Awaited>,
    /// Messages that it has said after the faults.
    pub(super) fresh: u32,
    /// When the newest of what it has heard was told.
    pub(super) heard_until: Tick,
    /// It has heard what was told after the faults, and after the time in which damaged ARP packets
    /// were believed, and all of it, so nothing slows it any more.
    pub(super) is_prompt: bool,
}

impl Place {
    /// The first connection of a member.
    pub(super) fn new(number: usize, node: usize, socket: SocketHandle, plan: &MemberPlan) -> Self {
        let MemberPlan { speech, home, name } = *plan;
        let member = Member::new(TASK_NAMES[number], speech, home, name);
        let mut place = Self {
            number,
            node,
            socket,
            speech,
            home,
            name,
            connections: 0,
            tag: String::new(),
            own_events: None,
            task: member_task(socket, member),
            again_at: None,
            since: Tick::ZERO,
            ears: Vec::new(),
            awaited: VecDeque::new(),
            fresh: 0,
            heard_until: Tick::ZERO,
            is_prompt: false,
        };
        place.begin(Tick::ZERO);
        place
    }

    pub(super) fn connect_again(&mut self, now: Tick) {
        self.connections += 1;
        let member = Member::new(TASK_NAMES[self.number], self.speech, self.home, self.name);
        self.task = member_task(self.socket, member);
        self.begin(now);
    }

    fn begin(&mut self, now: Tick) {
        self.tag = format!("{}.{}", self.number, self.connections);
        self.ears.clear();
        match self.speech {
            Speech::Lines => self.ears.push(Ear::new(0, now)),
            Speech::Text => self.ears.push(Ear::new(self.home, now)),
            Speech::SocketIo => self.own_events = Some(format!("[\"event\",\"our{}#", self.tag)),
        }
        self.awaited.clear();
        (self.again_at, self.since) = (None, now);
        (self.fresh, self.is_prompt) = (0, false);
        self.heard_until = Tick::ZERO;
    }

    pub(super) const fn member(&self) -> &Member {
        self.task.app().session()
    }

    pub(super) const fn member_mut(&mut self) -> &mut Member {
        self.task.app_mut().session_mut()
    }

    /// Whether it is in the room in which it must be at least.
    pub(super) fn is_in(&self) -> bool {
        let mut ears = self.ears.iter();
        let is_home = |ear: &Ear| self.speech == Speech::Lines || ear.room == self.home;
        ears.any(|ear| ear.is_in() && !ear.is_leaving && is_home(ear))
    }

    /// Joins a namespace.
    pub(super) fn join(&mut self, space: usize, now: Tick) {
        self.member_mut().send_text(&front("40", space));
        self.ears.push(Ear::new(space, now));
    }

    /// The rooms in which it is and stays.
    pub(super) fn rooms(&self) -> impl Iterator<Item = &Ear> {
        self.ears.iter().filter(|ear| !ear.is_leaving)
    }

    /// Since when it should have heard what it hears next; `None` when it has heard all.
    pub(super) fn waits_since(&self, chronicle: &Chronicle) -> Option<Tick> {
        let own = self.own_events.as_deref();
        let waits = self
            .rooms()
            .filter_map(|ear| ear.waits_since(chronicle, own));
        waits.min()
    }

    /// Whether it is where it wants to be, and has heard and got all.
    pub(super) fn is_settled(&self, chronicle: &Chronicle) -> bool {
        let (said, heard) = chronicle.count(&self.tag);
        let has_got_all = self.member().wishes.is_empty() && self.awaited.is_empty();
        let own = self.own_events.as_deref();
        !self.task.is_finished()
            && self.is_in()
            && self
                .rooms()
                .all(|ear| ear.is_in() && !ear.has_gone(chronicle, own))
            && said == heard
            && !chronicle.is_cut(&self.tag)
            && has_got_all
            && self.waits_since(chronicle).is_none()
    }

    /// Compares what it has heard with what was told. Returns how much that was.
    pub(super) fn check(&mut self, chronicle: &Chronicle, now: Tick) -> Result<u64, Broken> {
        let mut count = 0;
        while let Some(heard) = self.member_mut().heard.pop_front() {
            self.hear(chronicle, heard, now)?;
            count += 1;
        }
        Ok(count)
    }

    fn hear(&mut self, chronicle: &Chronicle, heard: Heard, now: Tick) -> Result<(), Broken> {
        match heard {
            Heard::Entry { space, text } => self.hear_entry(chronicle, space, &text),
            Heard::Names(names) => {
                let wish = self.take_wish(|wish| *wish == Wish::Who);
                let ear = self.ears.first();
                let is_right = ear.is_some_and(|ear| ear.may_be_present(chronicle, &names));
                self.rule(
                    19,
                    wish.is_some() && is_right,
                    "/who lists others than who is there",
                )
            }
            Heard::Taken => {
                let wish = self.take_wish(|wish| matches!(wish, Wish::Name(_)));
                let is_taken = wish.is_some_and(|(wish, since)| match wish {
                    Wish::Name(name) => chronicle.was_present(&name, since),
                    _ => false,
                });
                self.rule(19, is_taken, "a name that nobody had was called taken")
            }
            Heard::Open => {
                self.join(self.home, now);
                Ok(())
            }
            Heard::Connected { space } => {
                self.ears.retain(|ear| ear.room != space || !ear.is_leaving);
                let ear = self.ears.iter_mut().find(|ear| ear.room == space);
                let is_new = ear.is_some_and(|ear| !std::mem::replace(&mut ear.is_connected, true));
                self.rule(16, is_new, "a namespace was connected that nobody wanted")
            }
            Heard::News { space, id } => {
                let ear = self.ears.iter_mut().find(|ear| ear.room == space);
                let is_due = ear
                    .filter(|ear| ear.is_connected)
                    .is_some_and(|ear| !std::mem::replace(&mut ear.has_news, true));
                let answer = format!("{}{id}[]", front("43", space));
                self.member_mut().send_text(&answer);
                self.rule(
                    16,
                    is_due,
                    "the event for newcomers came again, or too early",
                )
            }
            Heard::Refused { space } => {
                self.ears.retain(|ear| ear.room != space || ear.is_leaving);
                Ok(())
            }
            Heard::Ack { space, id, count } => self.hear_ack(chronicle, space, id, count),
            // The hub closes the connection.
            Heard::Full => Ok(()),
            Heard::Nonsense(what) => self.rule(16, false, what),
        }
    }

    fn hear_entry(
        &mut self,
        chronicle: &Chronicle,
        space: Option<usize>,
        text: &str,
    ) -> Result<(), Broken> {
        const ELSE: &str = "a member heard something else than the others, or at another place";
        let own = self.own_events.as_deref();
        let ear = match space {
            None => self.ears.first_mut(),
            Some(space) => self
                .ears
                .iter_mut()
                .find(|ear| ear.room == space && ear.has_news),
        };
        let Some(ear) = ear else {
            return self.rule(
                16,
                false,
                "a member heard something of a room that it is not in",
            );
        };
        if space.is_none() && ear.is_in() && text == format!("* {} joined", ear.name) {
            let wish = self.take_wish(|wish| matches!(wish, Wish::Room(_)));
            let Some((Wish::Room(room), since)) = wish else {
                return self.rule(16, false, "a member came to a room that it did not ask for");
            };
            let mut ear = Ear::new(room, since);
            let is_right = ear.hear(chronicle, None, text);
            self.ears = vec![ear];
            return self.rule(16, is_right, ELSE);
        }
        let before = ear.name.clone();
        let is_right = ear.hear(chronicle, own, text);
        let is_renamed = ear.name != before && !before.is_empty();
        let name = ear.name.clone();
        self.heard_until = self.heard_until.max(ear.heard_until);
        self.rule(16, is_right, ELSE)?;
        if is_renamed {
            let wish = self.take_wish(|wish| *wish == Wish::Name(name));
            self.rule(
                19,
                wish.is_some(),
                "a member got a name that it did not ask for",
            )?;
        }
        Ok(())
    }

    fn hear_ack(
        &mut self,
        chronicle: &Chronicle,
        space: usize,
        id: u64,
        count: usize,
    ) -> Result<(), Broken> {
        let next = self.awaited.pop_front();
        let next = next.filter(|next| (next.space, next.id) == (space, id));
        let is_right = next.is_some_and(|next| {
            let others = chronicle.others(&self.tag, next.number);
            others.is_some_and(|others| {
                count == others || !next.is_for_all && (1..=others).contains(&count)
            })
        });
        self.rule(
            19,
            is_right,
            "an acknowledgement counts others than who were there",
        )
    }

    fn take_wish(&mut self, is_it: impl FnOnce(&Wish) -> bool) -> Option<(Wish, Tick)> {
        let wishes = &mut self.member_mut().wishes;
        let is_next = wishes.front().is_some_and(|(wish, _)| is_it(wish));
        is_next.then(|| wishes.pop_front()).flatten()
    }

    /// A rule that holds, or is broken.
    pub(super) fn rule(
        &self,
        invariant: u8,
        holds: bool,
        what: &'static str,
    ) -> Result<(), Broken> {
        let node = Some(self.node);
        let broken = Broken {
            invariant,
            node,
            what,
        };
        if holds { Ok(()) } else { Err(broken) }
    }
}

fn member_task(socket: SocketHandle, member: Member) -> MemberTask {
    let port = match member.speech {
        Speech::Lines => LINES_PORT,
        Speech::Text | Speech::SocketIo => WEB_PORT,
    };
    client(socket, port, member)
}

pub(super) fn client<S: Session<Error = Error>>(
    socket: SocketHandle,
    port: u16,
    session: S,
) -> Task<Client<S>> {
    let hub = IpEndpoint::new(Node::address_of(HUB).into(), port);
    let options = ClientOptions {
        idle_timeout: None,
        ..ClientOptions::default()
    };
    Task::new(Client::new(socket, hub, session, options))
}
