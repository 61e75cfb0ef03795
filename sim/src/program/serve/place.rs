//! Where a member comes from, and how far its hearing was checked.

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::{Client, ClientOptions, Error, Session, Task, Tick};
use tickwire_sim::Node;

use super::Broken;
use super::member::{Member, Speech};
use super::servers::{LINES_PORT, WEB_PORT};
use super::truth::Truth;

pub(super) const HUB: usize = 0;
pub(super) const ROOMS: [&str; 2] = ["lobby", "attic"];

/// The names of the members' tasks.
const TASK_NAMES: [&str; 6] = [
    "member 0", "member 1", "member 2", "member 3", "member 4", "member 5",
];

type MemberTask = Task<Client<Member>>;

/// A member and its socket.
pub(super) struct Place {
    number: usize,
    pub(super) node: usize,
    pub(super) socket: SocketHandle,
    pub(super) speech: Speech,
    pub(super) room: usize,
    pub(super) connections: u32,
    pub(super) task: MemberTask,
    /// When it connects again, after an end.
    pub(super) again_at: Option<Tick>,
    /// Since when it has this connection.
    pub(super) since: Tick,
    /// How much of what it has heard was checked.
    pub(super) checked: usize,
    /// How far in the truth that is; `None` before its coming.
    pub(super) position: Option<usize>,
    /// Messages that it has said after the faults.
    pub(super) fresh: u32,
}

impl Place {
    /// The first connection of a member.
    pub(super) fn new(
        number: usize,
        node: usize,
        socket: SocketHandle,
        speech: Speech,
        room: usize,
    ) -> Self {
        Self {
            number,
            node,
            socket,
            speech,
            room,
            connections: 0,
            task: member_task(number, 0, socket, speech, room),
            again_at: None,
            since: Tick::ZERO,
            checked: 0,
            position: None,
            fresh: 0,
        }
    }

    pub(super) fn connect_again(&mut self, now: Tick) {
        self.connections += 1;
        let (number, connections) = (self.number, self.connections);
        self.task = member_task(number, connections, self.socket, self.speech, self.room);
        self.again_at = None;
        self.since = now;
        (self.checked, self.position, self.fresh) = (0, None, 0);
    }

    /// What it has still to hear.
    pub(super) fn rest<'t>(&'t self, truth: &'t Truth) -> impl Iterator<Item = (usize, &'t str)> {
        let member = self.task.app().session();
        let from = self.position.unwrap_or(usize::MAX);
        let told = truth.told.iter().enumerate().skip(from);
        told.filter_map(|(at, told)| {
            Some((at, told.for_member(member.tag(), member.wants_packets())?))
        })
    }

    pub(super) fn check(&mut self, truth: &Truth) -> Result<(), Broken> {
        while let Some(text) = self.task.app().session().heard.get(self.checked) {
            let at = match self.position {
                Some(_) => self.rest(truth).next().filter(|(_, told)| told == text),
                None => {
                    let member = self.task.app().session();
                    let told = truth.told.iter().enumerate();
                    let told =
                        told.map(|(at, told)| (at, told.for_member("", member.wants_packets())));
                    let coming = told
                        .rev()
                        .find(|(_, told)| told.is_some_and(|told| told == text));
                    coming
                        .filter(|_| text.contains("joined"))
                        .and_then(|(at, told)| Some((at, told?)))
                }
            };
            let (at, _) = at.ok_or(Broken {
                invariant: 16,
                node: Some(self.node),
                what: "a member heard something else than the others, or at another place",
            })?;
            self.position = Some(at + 1);
            self.checked += 1;
        }
        Ok(())
    }
}

fn member_task(
    number: usize,
    connection: u32,
    socket: SocketHandle,
    speech: Speech,
    room: usize,
) -> MemberTask {
    let tag = format!("{number}.{connection}");
    let port = match speech {
        Speech::Lines => LINES_PORT,
        Speech::Text | Speech::SocketIo => WEB_PORT,
    };
    client(
        socket,
        port,
        Member::new(TASK_NAMES[number], speech, ROOMS[room], tag),
    )
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
