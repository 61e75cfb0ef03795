//! What a seed decides: nodes, apps, sizes, buffers and faults of nodes. The faults of links are in
//! [`FaultPlan`](crate::FaultPlan).

use core::fmt;

use heapless::Vec;
use tickwire::{Duration, Tick};

use super::app_plans::{ChatPlan, FilePlan, GetPlan, chat_plan, file_plan, get_plan};
use crate::{Generator, Profile, streams};

/// Nodes of a run: two whose apps talk to each other, and a third that calls or attacks them.
pub(crate) const NODES: usize = 3;
/// The node with the GET client. Which of the first two has the chat's listener and which the file
/// receiver depends on the seed.
pub(crate) const GET_CLIENT: usize = 0;
/// The node with the server that the GET client asks.
pub(crate) const GET_SERVER: usize = 1;
/// The third node.
pub(crate) const OUTSIDER: usize = 2;
/// How often the nodes of a run may restart.
pub(crate) const RESTARTS_MAX: usize = 3;

/// Which apps run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scenario {
    /// All of them at the same time, on the same nodes.
    #[default]
    All,
    /// A GET from a scripted server.
    Get,
    /// A chat between two peers, and a second caller.
    Chat,
    /// Files, checked and plain.
    File,
}

impl Scenario {
    /// The name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Get => "get",
            Self::Chat => "chat",
            Self::File => "file",
        }
    }
}

/// What does not depend on the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How severe the faults are.
    pub profile: Profile,
    /// Which apps run.
    pub scenario: Scenario,
    /// Whether the nodes have guards.
    pub is_guarded: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            profile: Profile::Bad,
            scenario: Scenario::All,
            is_guarded: true,
        }
    }
}

/// Something that happens to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeFault {
    /// It loses its power and starts again after a time, with the same random values or others.
    Crash { down: Duration, same_seed: bool },
    /// Its loop gets no turn for a time.
    Freeze { time: Duration },
}

/// How exact a node's loop and clock are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LoopPlan {
    pub(crate) late_max: Duration,
    pub(crate) extra_ppm: u32,
    /// What its tick counter shows at its boot.
    pub(crate) counter: u32,
}

/// Everything that a seed decides, except the faults of links.
#[derive(Debug, Clone)]
pub(crate) struct RunPlan {
    /// When all faults end.
    pub(crate) heal_at: Tick,
    pub(crate) connect_timeout: Duration,
    pub(crate) loops: [LoopPlan; NODES],
    /// When, where and what, in the order of their times.
    pub(crate) node_faults: Vec<(Tick, usize, NodeFault), 4>,
    pub(crate) get: Option<GetPlan>,
    pub(crate) chat: Option<ChatPlan>,
    pub(crate) file: Option<FilePlan>,
}

impl RunPlan {
    pub(crate) fn from_seed(seed: u64, options: &Options) -> Self {
        let root = Generator::new(seed).fork(streams::PLAN, options.scenario as u64);
        let is_bad = options.profile == Profile::Bad;
        let is_hostile = options.profile == Profile::Hostile;
        let last = if is_hostile { 60_000 } else { 120_000 };
        let heal_at = root.fork(streams::HEAL_TIME, 0).log_uniform(5_000, last);
        let has = |scenario| options.scenario == Scenario::All || options.scenario == scenario;
        let stream = |label| root.fork(label, 0);
        let mut plan = Self {
            heal_at: Tick::from_millis(heal_at),
            connect_timeout: if options.profile == Profile::Mild {
                Duration::from_secs(15)
            } else {
                Duration::from_secs(5)
            },
            loops: [LoopPlan::default(); NODES],
            node_faults: Vec::new(),
            get: has(Scenario::Get).then(|| get_plan(&mut stream(streams::GET_PLAN), is_bad)),
            chat: has(Scenario::Chat).then(|| chat_plan(&mut stream(streams::CHAT_PLAN), is_bad)),
            file: has(Scenario::File).then(|| file_plan(&mut stream(streams::FILE_PLAN), is_bad)),
        };
        if is_bad && options.scenario == Scenario::File {
            plan.add_word_swaps(&mut stream(streams::WORD_SWAPS));
        }
        if is_hostile {
            plan.repeat_until_healed();
        }
        if is_bad {
            plan.add_loop_faults(&mut stream(streams::LOOP_PLANS));
            plan.add_node_faults(&mut stream(streams::NODE_FAULTS), heal_at);
        }
        plan
    }

    /// Some runs have only files with digests, and a link that swaps words.
    fn add_word_swaps(&mut self, random: &mut Generator) {
        let swap_ppm = random.between(1, 50_000) as u32;
        if let Some(file) = &mut self.file
            && random.chance(250_000)
        {
            file.word_swap_ppm = swap_ppm;
            for each in &mut file.files {
                each.is_checked = true;
            }
        }
    }

    /// Clients go on asking as long as there is a hostile peer.
    fn repeat_until_healed(&mut self) {
        if let Some(get) = &mut self.get {
            get.wanted = u32::MAX;
        }
        if let Some(chat) = &mut self.chat {
            chat.wanted = u32::MAX;
            chat.has_second_caller = false;
        }
        if let Some(file) = &mut self.file {
            file.wanted = u32::MAX;
        }
    }

    fn add_loop_faults(&mut self, random: &mut Generator) {
        let (is_late, has_extra) = (random.chance(300_000), random.chance(200_000));
        for each in &mut self.loops {
            let (late, extra) = (random.log_uniform(1, 100), random.between(1, 300_000));
            *each = LoopPlan {
                late_max: Duration::from_millis(if is_late { late } else { 0 }),
                // Below a million.
                extra_ppm: if has_extra { extra as u32 } else { 0 },
                counter: if random.chance(250_000) {
                    // It wraps within the first two minutes.
                    u32::MAX - random.below(120_000) as u32
                } else {
                    0
                },
            };
        }
    }

    fn add_node_faults(&mut self, random: &mut Generator, heal_at: u64) {
        let count = if random.chance(500_000) {
            random.between(1, 3)
        } else {
            0
        };
        for _ in 0..count {
            let at = random.log_uniform(1, heal_at);
            let node = random.below(2) as usize;
            let fault = if random.chance(650_000) {
                NodeFault::Crash {
                    down: Duration::from_millis(random.log_uniform(1, 120_000)),
                    same_seed: random.chance(500_000),
                }
            } else {
                NodeFault::Freeze {
                    time: Duration::from_millis(random.log_uniform(10, 30_000)),
                }
            };
            // At most three.
            let _ = self.node_faults.push((Tick::from_millis(at), node, fault));
        }
        self.node_faults
            .sort_unstable_by_key(|(at, node, _)| (*at, *node));
    }
}

impl fmt::Display for RunPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "faults end at {}, connect timeout {}",
            self.heal_at, self.connect_timeout
        )?;
        for (node, each) in self.loops.iter().enumerate() {
            writeln!(f, "node {node}: {each:?}")?;
        }
        for (at, node, fault) in &self.node_faults {
            writeln!(f, "at {at} node {node}: {fault:?}")?;
        }
        if let Some(get) = &self.get {
            writeln!(f, "{get:?}")?;
        }
        if let Some(chat) = &self.chat {
            writeln!(f, "{chat:?}")?;
        }
        if let Some(file) = &self.file {
            writeln!(f, "{file:?}")?;
        }
        Ok(())
    }
}
