//! One seed, from its first turn to its report.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use tickwire::dhcp::DhcpOptions;
use tickwire::{Duration, Tick};
use tickwire_sim::ethernet::{Ethernet, Frame, PortState};
use tickwire_sim::{FaultPlan, Generator, Profile, Report, Tracer, World};

use super::client::{Client, Memory, Start};
use super::judge::Judge;
use super::plan::{Mishap, Plan};
use super::server::{ServerMemory, ServerNode};
use super::user::User;
use super::{CLIENT, CLIENT_MAC, PORTS, SERVERS};
use crate::ran::Ran;

const FRAMES: usize = 256;
const FRAME_BYTES: usize = 1_514;
/// The longest time from the end of all faults until everything has succeeded.
const HEALED_MAX: Duration = Duration::from_secs(300);
/// Within which a lease is given back.
const RELEASE_MAX: Duration = Duration::from_secs(3);
/// Rounds of a seed; most need some thousands.
const ROUNDS_MAX: u64 = 3_000_000;
/// How often the client starts at most.
const LIVES_MAX: usize = 4;

/// Prints what a seed decides.
pub(crate) fn describe(seed: u64, profile: Profile, out: &mut dyn fmt::Write) -> fmt::Result {
    let root = Generator::new(seed);
    let plan = Plan::new(root.fork("net plan", 0), profile);
    write!(out, "{plan}")?;
    let faults = FaultPlan::from_seed(seed, profile, PORTS, plan.heal_at);
    for port in 0..PORTS {
        writeln!(out, "link {port}: {:?}", faults.link(port))?;
    }
    for (at, change) in faults.changes() {
        writeln!(out, "at {at}: {change:?}")?;
    }
    Ok(())
}

/// Runs a seed.
pub(crate) fn run(seed: u64, profile: Profile, is_guarded: bool, tracer: &mut dyn Tracer) -> Ran {
    let root = Generator::new(seed);
    let plan = Plan::new(root.fork("net plan", 0), profile);
    let faults = FaultPlan::from_seed(seed, profile, PORTS, plan.heal_at);
    let judge = RefCell::new(Judge::new(tracer));
    let mut bytes = vec![0; FRAMES * FRAME_BYTES];
    let mut frames: Vec<_> = bytes.chunks_mut(FRAME_BYTES).map(Frame::new).collect();
    let mut ports = [const { PortState::new() }; PORTS];
    let world = World::new(Ethernet::new(seed, &mut ports[..], &mut frames[..]));
    world.ethernet.observe(Some(&judge));
    world.ethernet.set_address(CLIENT, CLIENT_MAC);
    faults.set_links(&world.ethernet);
    let mut server_memory = [(); SERVERS.len()].map(|()| ServerMemory::default());
    let mut servers: Vec<_> = (1..)
        .zip(&mut server_memory)
        .map(|(port, memory)| ServerNode::new(&world, port, &root, profile, memory))
        .collect();
    let mut memories: Vec<_> = (0..LIVES_MAX).map(|_| Memory::default()).collect();
    let mut trial = Trial {
        world: &world,
        judge: &judge,
        plan,
        faults,
        mishaps_done: 0,
        user: User::new(root.fork("net user", 0)),
        random: root.fork("net turns", 0),
        is_guarded,
        is_link_up: true,
        healed_at: None,
        released_at: None,
        seed,
        rounds: 0,
        turns: 0,
        crashes: 0,
        freezes: 0,
    };
    let mut options = trial.plan.options;
    for memory in &mut memories {
        match trial.live(memory, options, &mut servers) {
            Some(kept) => options = kept,
            None => break,
        }
    }
    trial.report(&servers)
}

struct Trial<'a, 'e, 't> {
    world: &'a World<'e>,
    judge: &'a RefCell<Judge<'t>>,
    plan: Plan,
    faults: FaultPlan,
    mishaps_done: usize,
    user: User,
    random: Generator,
    is_guarded: bool,
    is_link_up: bool,
    healed_at: Option<Tick>,
    released_at: Option<Tick>,
    seed: u64,
    rounds: u64,
    turns: u64,
    crashes: u32,
    freezes: u32,
}

impl<'a> Trial<'a, '_, '_> {
    /// One life of the client. Returns what the next one begins with; `None` after the last one.
    fn live(
        &mut self,
        memory: &'a mut Memory<'a>,
        options: DhcpOptions<'static>,
        servers: &mut [ServerNode<'_>],
    ) -> Option<DhcpOptions<'static>> {
        let now = self.world.now();
        let start = Start {
            seed: self.seed ^ u64::from(self.crashes) << 32,
            now,
            options,
            is_guarded: self.is_guarded,
            is_link_up: self.is_link_up,
        };
        let mut client = Client::new(&self.world.ethernet, memory, &start);
        loop {
            if let Some(keeps_address) = self.apply_events(&mut client, servers) {
                self.judge.borrow_mut().forget();
                let last_address = client.address().filter(|_| keeps_address);
                return Some(DhcpOptions {
                    last_address,
                    ..self.plan.options
                });
            }
            for server in &mut *servers {
                server.turn_due(self.world, self.judge);
            }
            self.turn(&mut client);
            self.rounds += 1;
            if self.rounds > ROUNDS_MAX {
                self.fail(7, "the clock stands still");
            }
            if self.judge.borrow().finding.is_some() || self.is_over(&mut client) {
                return None;
            }
            let now = self.world.now();
            let next = self.next(&client, servers).unwrap_or(now);
            self.world.ethernet.set_now(next.max(now));
        }
    }

    fn fail(&self, invariant: u8, what: &'static str) {
        let now = self.world.now();
        self.judge.borrow_mut().fail(now, invariant, what);
    }

    /// The client's turn, if it is due, and what its user makes of it.
    fn turn(&mut self, client: &mut Client<'a>) {
        let now = self.world.now();
        if client.next_turn().is_some_and(|at| at <= now) {
            self.turns += 1;
            client.turn(now, self.judge);
            if self.released_at.is_none() && client.has_stopped() {
                self.fail(2, "a task ended that never ends by itself");
            }
            let late = self.random.between(0, self.plan.late_max.as_millis());
            client.late = Duration::from_millis(late);
        }
        if self.released_at.is_none() && !client.is_frozen(now) {
            self.user.drive(now, client, self.judge);
        }
    }

    /// What happens to links, servers and the client. Returns whether the client keeps its address,
    /// if it crashes.
    fn apply_events(
        &mut self,
        client: &mut Client<'_>,
        servers: &mut [ServerNode<'_>],
    ) -> Option<bool> {
        let now = self.world.now();
        if self.healed_at.is_some() {
            return None;
        }
        if now >= self.plan.heal_at {
            self.heal(client, servers);
            return None;
        }
        self.faults.apply(&self.world.ethernet, now);
        while let Some((at, mishap)) = self.plan.mishaps.get(self.mishaps_done).copied()
            && at <= now
        {
            self.mishaps_done += 1;
            let mut text = String::new();
            // A string takes everything.
            let _ = write!(text, "{mishap:?}");
            self.judge.borrow_mut().note_on_client(now, &text);
            match mishap {
                Mishap::LinkDown => self.set_link(client, false),
                Mishap::LinkUp => self.set_link(client, true),
                Mishap::Freeze(time) => {
                    self.freezes += 1;
                    client.freeze(now + time);
                }
                Mishap::Crash { keeps_address } => {
                    if self.crashes as usize + 1 < LIVES_MAX {
                        self.crashes += 1;
                        return Some(keeps_address);
                    }
                }
            }
        }
        None
    }

    fn set_link(&mut self, client: &mut Client<'_>, is_up: bool) {
        self.is_link_up = is_up;
        self.world.ethernet.set_up(CLIENT, is_up);
        client.dhcp.app_mut().set_link(is_up);
        client.wake_now(self.world.now());
    }

    /// Everything works from now on.
    fn heal(&mut self, client: &mut Client<'_>, servers: &mut [ServerNode<'_>]) {
        let now = self.world.now();
        self.healed_at = Some(now);
        self.judge
            .borrow_mut()
            .note_on_client(now, "all faults end");
        self.faults.heal(&self.world.ethernet);
        self.plan.late_max = Duration::ZERO;
        client.late = Duration::ZERO;
        self.set_link(client, true);
        self.user.heal(client);
        for server in servers {
            server.answerer.borrow_mut().mood.is_honest = true;
        }
    }

    /// Whether everything has succeeded after the end of all faults, and the lease was given back.
    fn is_over(&mut self, client: &mut Client<'_>) -> bool {
        let now = self.world.now();
        let Some(healed_at) = self.healed_at else {
            return false;
        };
        if let Some(released_at) = self.released_at {
            let is_late = now.since(released_at) > RELEASE_MAX;
            if is_late {
                self.fail(3, "the lease was not given back");
            }
            let is_over = client.dhcp.is_finished();
            if is_over && client.address().is_some() {
                self.fail(13, "the client kept the address that it gave back");
            }
            return is_over || is_late;
        }
        if self.user.is_done() {
            self.released_at = Some(now);
            client.dhcp.app_mut().release();
            client.wake_now(now);
        } else if now.since(healed_at) > HEALED_MAX {
            self.fail(
                12,
                "after all faults a lookup, a transfer or the clock failed",
            );
        }
        false
    }

    /// When anything happens next.
    fn next(&self, client: &Client<'_>, servers: &[ServerNode<'_>]) -> Option<Tick> {
        let now = self.world.now();
        let mishap = self.plan.mishaps.get(self.mishaps_done).map(|(at, _)| *at);
        let events = match self.healed_at {
            None => [Some(self.plan.heal_at), self.faults.next_change(), mishap],
            Some(healed_at) => {
                let end = healed_at + HEALED_MAX + Duration::from_millis(1);
                [Some(end), None, None]
            }
        };
        let servers = servers.iter().filter_map(|server| server.node.next_turn());
        let events = events.into_iter().flatten().filter(|at| *at > now);
        let user = self.user.next(now);
        let client = client.next_turn();
        servers.chain(events).chain(user).chain(client).min()
    }

    fn report(self, servers: &[ServerNode<'_>]) -> Ran {
        let mut counts = BTreeMap::new();
        for server in servers {
            for (what, count) in server.answerer.borrow().mood.counts() {
                *counts.entry(format!("server: {what}")).or_default() += count;
            }
        }
        let judge = self.judge.borrow();
        let report = Report {
            trace: judge.trace(),
            finding: judge.finding,
            ended_at: self.world.now(),
            turns: self.turns,
            counts: self.world.ethernet.first_counts(),
            crashes: self.crashes,
            freezes: self.freezes,
            attempts: self.user.attempts,
        };
        Ran { report, counts }
    }
}
