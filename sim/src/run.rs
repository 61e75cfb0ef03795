//! One seed, from its first turn to its verdict.

use crate::Generator;
use crate::ethernet::{Ethernet, Frame, PortState};
use core::cell::RefCell;

use smoltcp::iface::SocketStorage;
use tickwire::Tick;

use crate::arena::Arena;
use crate::cast::{Machine, SOCKETS};
use crate::flash::Supply;
use crate::host::Pulse;
use crate::plan::{HERE, HOSTS, Mishap, Options, Plan, RESTARTS_MAX, STRANGER, THERE};
use crate::recorder::{EXCUSE_TICKS, Recorder};
use crate::stage::Stage;
use crate::task_get::{ACTS_MAX, acts};
use crate::tasks::Tasks;
use crate::{Act, Host, Profile, Report, Weather, Witness, task_chat, task_file, task_get};

/// Frames that can be in flight.
const FRAMES: usize = 256;
/// Acts of all scripts of a liar.
const LIES: usize = 768;
/// Bytes of a frame.
const FRAME_BYTES: usize = 1_514;
/// Bytes that a run needs at most.
pub const MEMORY_BYTES: usize = 2 * 1_024 * 1_024;
/// Starts of all hosts together.
const STARTS_MAX: usize = HOSTS + RESTARTS_MAX + 1;
/// How long the calm may last until everything has come to its end.
const CALM_TICKS: u64 = 300_000;

/// A run between its start and its end.
struct Run<'a, 'w> {
    stage: Stage<'a, 'w>,
    tasks: Tasks<'a>,
    plan: &'a Plan,
    weather: Weather,
    mishaps_done: usize,
    crashes: u32,
    freezes: u32,
    turns: u64,
    calm_at: Option<Tick>,
}

/// Runs one seed in `memory`, of which it needs [`MEMORY_BYTES`] at most, before a witness of all that happens.
///
/// The same seed and options give the same report, and the witness the same calls, on every platform.
///
/// # Panics
/// When `memory` is too short.
pub fn run(seed: u64, options: &Options, memory: &mut [u8], witness: &mut dyn Witness) -> Report {
    let plan = Plan::draw(seed, options);
    let mut weather = Weather::draw(seed, options.profile, HOSTS, plan.calm_at);
    let supply = Supply::default();
    let mut sockets = [SocketStorage::EMPTY; SOCKETS * STARTS_MAX];
    let mut arena = Arena::new(memory, &mut sockets);
    let mut frames: [Frame<'_>; FRAMES] =
        core::array::from_fn(|_| Frame::new(arena.bytes(FRAME_BYTES)));
    let root = Generator::new(seed).fork("run", 0);
    let mut script = |cut| {
        plan.get.map_or([Act::Flush; ACTS_MAX], |get| {
            acts(&get, &mut arena, root.fork("chunks", 0), cut)
        })
    };
    let scripts = [None, plan.get.and_then(|get| get.cut)].map(&mut script);
    let mut lies = [Act::Flush; LIES];
    let mut ports = [const { PortState::new() }; HOSTS];
    let recorder = RefCell::new(Recorder::new(witness));
    let ethernet = Ethernet::new(seed, &mut ports[..], &mut frames[..]);
    if let Some(file) = &plan.file
        && let Some(link) = weather.link_mut(1 - file.receiver)
    {
        link.word_swap_ppm = file.word_swap_ppm;
    }
    ethernet.observe(Some(&recorder));
    weather.begin(&ethernet);
    let mut stage = Stage {
        options: *options,
        ethernet: &ethernet,
        machines: core::array::from_fn(Machine::new),
        arena,
        supply: &supply,
        recorder: &recorder,
        chance: root.fork("partners", 0),
        root,
        is_calm: false,
        finding: None,
    };
    let tasks = Tasks::new(
        &plan,
        scripts.each_ref().map(<[Act<'_>; ACTS_MAX]>::as_slice),
        &mut lies,
        &mut stage,
    );
    let mut run = Run {
        stage,
        tasks,
        plan: &plan,
        weather,
        mishaps_done: 0,
        crashes: 0,
        freezes: 0,
        turns: 0,
        calm_at: None,
    };
    run.play();
    run.report()
}

impl Run<'_, '_> {
    fn play(&mut self) {
        loop {
            self.blow();
            self.start_hosts();
            self.turn_due();
            self.tasks.direct(&mut self.stage);
            if self.stage.finding.is_some() || self.is_over() {
                return;
            }
            let Some(next) = self.next() else {
                self.stage
                    .find(HERE, (3, "nothing is due, and not all is done"));
                return;
            };
            let now = self.stage.now();
            self.stage.ethernet.set_now(next.max(now));
        }
    }

    /// Changes of the weather, mishaps, and the end of both.
    fn blow(&mut self) {
        let now = self.stage.now();
        if self.calm_at.is_none() && (now >= self.plan.calm_at || self.tasks.is_done()) {
            self.calm();
        }
        self.weather.blow(self.stage.ethernet, now);
        while self.calm_at.is_none()
            && let Some((at, host, mishap)) = self.plan.mishaps.get(self.mishaps_done).copied()
            && at <= now
        {
            self.mishaps_done += 1;
            match mishap {
                Mishap::Crash { down_ticks, .. } => self.crash(host, down_ticks),
                Mishap::Freeze { ticks } => {
                    self.freezes += 1;
                    self.stage
                        .recorder
                        .borrow_mut()
                        .note(now, Some(host), "freezes");
                    if let Some(host) = &mut self.stage.machine(host).host {
                        host.freeze(now.after(ticks));
                    }
                }
            }
        }
        if let Some(host) = self.tasks.cut(&self.stage) {
            self.crash(host, 1_000);
        }
    }

    fn crash(&mut self, host: usize, down_ticks: u64) {
        let now = self.stage.now();
        if !self.stage.is_up(host) {
            return;
        }
        self.crashes += 1;
        self.stage
            .recorder
            .borrow_mut()
            .note(now, Some(host), "crashes");
        self.stage.ethernet.set_up(host, false);
        let [get, mut chat, file] = self.stage.machine(host).crash(now.after(down_ticks));
        drop(get);
        self.tasks.crashed(now, host, &mut chat, file);
    }

    /// Everything works from now on.
    fn calm(&mut self) {
        let now = self.stage.now();
        self.calm_at = Some(now);
        self.stage.is_calm = true;
        self.stage.recorder.borrow_mut().note(now, None, "calm");
        self.weather.calm(self.stage.ethernet);
        for machine in &mut self.stage.machines {
            match &mut machine.host {
                Some(host) => host.calm(),
                None => machine.up_at = Some(now),
            }
        }
        if self.stage.options.profile == Profile::Hostile {
            // The liar is gone, without a word.
            self.crash(STRANGER, 0);
            self.stage.machine(STRANGER).up_at = None;
            let excused_until = &mut self.stage.recorder.borrow_mut().excused_until;
            *excused_until = now.after(EXCUSE_TICKS).max(*excused_until);
        }
        self.tasks.calm(&mut self.stage);
    }

    fn start_hosts(&mut self) {
        for host in 0..HOSTS {
            let machine = self.stage.machine(host);
            if machine.host.is_none() && machine.up_at.is_some_and(|at| at <= self.stage.now()) {
                self.start(host);
            }
        }
    }

    fn start(&mut self, host: usize) {
        let now = self.stage.now();
        let stage = &mut self.stage;
        let boots = stage.machine(host).boots;
        let same_seed = self.plan.mishaps.iter().any(|(_, who, mishap)| {
            *who == host
                && matches!(
                    mishap,
                    Mishap::Crash {
                        same_seed: true,
                        ..
                    }
                )
        });
        let life = if same_seed { 0 } else { boots as u64 };
        let seed = stage.root.fork("boot", life).u64();
        let storage = stage.arena.sockets(SOCKETS);
        stage.ethernet.set_up(host, true);
        let is_guarded = stage.options.is_guarded;
        let mut booted = Host::boot(stage.ethernet, host, seed, storage, now, is_guarded);
        if let (Some(each), false) = (self.plan.loops.get(host), stage.is_calm) {
            let random = stage.root.fork("pulse", host as u64);
            booted.set_counter(each.counter);
            booted.set_pulse(Pulse::new(random, each.late_ticks_max, each.extra_ppm));
        }
        let machine = stage.machine(host);
        machine.host = Some(booted);
        machine.up_at = None;
        machine.boots += 1;
        for is_listening in [false, true] {
            self.tasks.install(stage, host, is_listening);
        }
    }

    fn turn_due(&mut self) {
        let now = self.stage.now();
        let Stage {
            machines, recorder, ..
        } = &mut self.stage;
        let mut broken = None;
        for machine in machines.iter_mut().filter(|machine| machine.host.is_some()) {
            if machine.is_due(now) {
                self.turns += 1;
                if let Err(found) = machine.turn(now, recorder) {
                    broken = Some((machine.port, found));
                }
            }
        }
        if let Some((host, broken)) = broken {
            self.stage.find(host, broken);
        }
    }

    /// Whether all is done and at rest; a calm that lasts too long is a finding.
    fn is_over(&mut self) -> bool {
        let Some(calm_at) = self.calm_at else {
            return false;
        };
        let (now, is_done) = (self.stage.now(), self.tasks.is_done());
        if is_done && self.is_at_rest() {
            self.tasks.check_end(&mut self.stage);
            return true;
        }
        if now.since(calm_at) > CALM_TICKS {
            let what = if is_done {
                (8, "sockets did not come back to rest")
            } else {
                (3, "an operation did not end in the calm")
            };
            self.stage.find(HERE, what);
        }
        false
    }

    /// Whether every listener listens, and no other socket carries a connection.
    fn is_at_rest(&self) -> bool {
        let services = [
            self.plan.get.map(|_| (THERE, task_get::PORT)),
            self.plan.chat.map(|chat| (chat.listener, task_chat::PORT)),
            self.plan
                .file
                .as_ref()
                .map(|file| (file.receiver, task_file::PORT)),
        ];
        let machines = &self.stage.machines;
        machines.iter().all(Machine::is_at_rest)
            && services.iter().flatten().all(|(host, port)| {
                machines
                    .get(*host)
                    .is_some_and(|machine| machine.listens(*port))
            })
    }

    /// When anything happens next.
    fn next(&self) -> Option<Tick> {
        let now = self.stage.now();
        let machines = self.stage.machines.iter().filter_map(Machine::next);
        let tasks = self.tasks.next(now);
        let mishap = self.plan.mishaps.get(self.mishaps_done).map(|(at, ..)| *at);
        let events = match self.calm_at {
            None => [Some(self.plan.calm_at), self.weather.next(), mishap],
            Some(calm_at) => [Some(calm_at.after(CALM_TICKS + 1)), None, None],
        };
        // What was due by now has happened.
        let events = events.into_iter().flatten().filter(|at| *at > now);
        machines.chain(events).chain(tasks).min()
    }

    fn report(mut self) -> Report {
        let ethernet = &self.stage.ethernet;
        Report {
            trace: core::hash::Hasher::finish(&self.stage.recorder.borrow().trace),
            finding: self.stage.finding,
            ended_at: self.stage.now(),
            turns: self.turns,
            counts: core::array::from_fn(|port| ethernet.counts(port)),
            crashes: self.crashes,
            freezes: self.freezes,
            tallies: self.tasks.finish(),
        }
    }
}
