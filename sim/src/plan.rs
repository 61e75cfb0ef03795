//! What a seed draws: hosts, apps, sizes, buffers and mishaps. The weather is drawn beside it.

use core::fmt;

use crate::Generator;
use heapless::Vec;
use tickwire::Tick;

use crate::Profile;
use crate::draw::{draw_chat, draw_file, draw_get};
use crate::pattern::{Pattern, Reading};
use crate::vault::Moods;
use crate::weather::draw_log;

/// Hosts of a world: two that talk, and a stranger.
pub(crate) const HOSTS: usize = 3;
/// The two that talk, and the stranger.
pub(crate) const HERE: usize = 0;
pub(crate) const THERE: usize = 1;
pub(crate) const STRANGER: usize = 2;
/// How often a host may start anew.
pub(crate) const RESTARTS_MAX: usize = 3;

/// Which apps run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scenario {
    /// All of them at the same time, on the same hosts.
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

/// What is not drawn from the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How bad it gets.
    pub profile: Profile,
    /// Which apps run.
    pub scenario: Scenario,
    /// Whether the hosts' loops stand behind guards.
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

/// How a server says where its body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length,
    Chunked,
    Close,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct GetPlan {
    pub(crate) framing: Framing,
    pub(crate) length: u64,
    /// Before the calm the server at times ends its bodies after so many bytes, in order or not.
    pub(crate) cut: Option<(u64, bool)>,
    pub(crate) reading: Option<Reading>,
    pub(crate) total_ticks: Option<u64>,
    /// Receive buffer of the client, send buffer of the server.
    pub(crate) buffers: [usize; 2],
    /// Bodies to fetch before the calm.
    pub(crate) goals: u32,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct ChatPlan {
    pub(crate) listener: usize,
    /// Lines of each host before the calm.
    pub(crate) lines: [u32; 2],
    /// The longest line, in bytes.
    pub(crate) line_bytes_max: u64,
    /// Ticks between two lines, at most.
    pub(crate) gap_ticks_max: u64,
    /// The buffer of the line that comes in, and of the queue that goes out.
    pub(crate) memory: [usize; 2],
    pub(crate) is_raw: bool,
    pub(crate) redials: bool,
    pub(crate) reading: Option<Reading>,
    pub(crate) buffers: [usize; 2],
    pub(crate) salt: u64,
    /// Sessions before the calm.
    pub(crate) goals: u32,
    /// Whether a stranger calls, too.
    pub(crate) has_second_caller: bool,
}

/// The most files of a run; the last is sent in the calm.
pub(crate) const FILES_MAX: usize = 4;

/// One file to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) pattern: Pattern,
    pub(crate) is_checked: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct FilePlan {
    pub(crate) receiver: usize,
    pub(crate) files: Vec<File, FILES_MAX>,
    pub(crate) is_flash: bool,
    pub(crate) slot_bytes: usize,
    pub(crate) moods: Moods,
    /// The power of the receiver fails in this write or erase.
    pub(crate) cut_after: Option<u64>,
    /// Words of the sender's segments that change places, which only a digest notices, in parts per million.
    pub(crate) word_swap_ppm: u32,
    /// Files to send before the calm.
    pub(crate) goals: u32,
    pub(crate) buffers: [usize; 2],
}

/// Something that happens to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// It loses its power, and starts again so many ticks later; with the same random values or others.
    Crash { down_ticks: u64, same_seed: bool },
    /// Its loop gets no turn for so many ticks.
    Freeze { ticks: u64 },
}

/// How exact a host's loop is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Loop {
    pub(crate) late_ticks_max: u64,
    pub(crate) extra_ppm: u32,
    /// What its tick counter shows when it boots.
    pub(crate) counter: u32,
}

/// All that a seed draws but the weather.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) calm_at: Tick,
    pub(crate) connect_ticks: u64,
    pub(crate) loops: [Loop; HOSTS],
    pub(crate) mishaps: Vec<(Tick, usize, Mishap), 4>,
    pub(crate) get: Option<GetPlan>,
    pub(crate) chat: Option<ChatPlan>,
    pub(crate) file: Option<FilePlan>,
}

impl Plan {
    pub(crate) fn draw(seed: u64, options: &Options) -> Self {
        let root = Generator::new(seed).fork("plan", options.scenario as u64);
        let is_bad = options.profile == Profile::Bad;
        let mut random = root.fork("time", 0);
        let is_hostile = options.profile == Profile::Hostile;
        let last = if is_hostile { 60_000 } else { 120_000 };
        let calm_at = draw_log(&mut random, 5_000, last);
        let has = |scenario| options.scenario == Scenario::All || options.scenario == scenario;
        let mut plan = Self {
            calm_at: Tick::from_millis(calm_at),
            connect_ticks: if options.profile == Profile::Mild {
                15_000
            } else {
                5_000
            },
            loops: [Loop::default(); HOSTS],
            mishaps: Vec::new(),
            get: has(Scenario::Get).then(|| draw_get(&mut root.fork("get", 0), is_bad)),
            chat: has(Scenario::Chat).then(|| draw_chat(&mut root.fork("chat", 0), is_bad)),
            file: has(Scenario::File).then(|| draw_file(&mut root.fork("file", 0), is_bad)),
        };
        if is_bad && options.scenario == Scenario::File {
            plan.draw_swaps(&mut root.fork("swaps", 0));
        }
        if is_hostile {
            plan.draw_goals();
        }
        if is_bad {
            plan.draw_loops(&mut root.fork("loops", 0));
            plan.draw_mishaps(&mut root.fork("mishaps", 0), calm_at);
        }
        plan
    }

    /// Some runs have nothing but files with digests, and a link that swaps words.
    fn draw_swaps(&mut self, random: &mut Generator) {
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

    /// Where peers lie, clients ask until the calm.
    fn draw_goals(&mut self) {
        if let Some(get) = &mut self.get {
            get.goals = u32::MAX;
        }
        if let Some(chat) = &mut self.chat {
            chat.goals = u32::MAX;
            chat.has_second_caller = false;
        }
        if let Some(file) = &mut self.file {
            file.goals = u32::MAX;
        }
    }

    fn draw_loops(&mut self, random: &mut Generator) {
        let (is_late, has_extra) = (random.chance(300_000), random.chance(200_000));
        for each in &mut self.loops {
            let (late, extra) = (draw_log(random, 1, 100), random.between(1, 300_000));
            *each = Loop {
                late_ticks_max: if is_late { late } else { 0 },
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

    fn draw_mishaps(&mut self, random: &mut Generator, calm_at: u64) {
        let count = if random.chance(500_000) {
            random.between(1, 3)
        } else {
            0
        };
        for _ in 0..count {
            let at = draw_log(random, 1, calm_at);
            let host = random.below(2) as usize;
            let mishap = if random.chance(650_000) {
                Mishap::Crash {
                    down_ticks: draw_log(random, 1, 120_000),
                    same_seed: random.chance(500_000),
                }
            } else {
                Mishap::Freeze {
                    ticks: draw_log(random, 10, 30_000),
                }
            };
            // At most as many as drawn.
            let _ = self.mishaps.push((Tick::from_millis(at), host, mishap));
        }
        self.mishaps
            .sort_unstable_by_key(|(at, host, _)| (*at, *host));
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "calm at {}, connect deadline {} ticks",
            self.calm_at, self.connect_ticks
        )?;
        for (host, each) in self.loops.iter().enumerate() {
            writeln!(f, "host {host}: {each:?}")?;
        }
        for (at, host, mishap) in &self.mishaps {
            writeln!(f, "at {at} host {host}: {mishap:?}")?;
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
