//! The command line.

use std::ops::Range;
use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Parser, ValueEnum};
use tickwire_sim::{Options, Profile, Scenario};

/// Runs seeds of deterministic networks and prints which of them broke an invariant.
#[derive(Debug, Parser)]
#[command(name = "sim", version, after_help = EXITS)]
pub(crate) struct Cli {
    /// The seeds to run, from A to B - 1
    #[arg(
        long,
        value_name = "A..B",
        value_parser = seeds,
        default_value = "0..1000",
        default_value_if("canaries", "true", "0..10000"),
        default_value_if("compare_guard", "true", "0..20000"),
        default_value_if("recovery", "true", "0..200"),
        default_value_if("explore", "true", "0..1000000"),
        default_value_if("mutants", "compare", "0..1000"),
        conflicts_with = "seed"
    )]
    pub(crate) seeds: Range<u64>,
    /// Run one seed and print its options, events, fault counts and trace
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// How severe the faults are
    #[arg(long, value_enum, default_value = "bad")]
    profile: ProfileName,
    /// Which apps run
    #[arg(long, value_enum, default_value = "all")]
    scenario: ScenarioName,
    /// Run without guards: smoltcp as it is
    #[arg(long, conflicts_with_all = ["compare_guard", "recovery", "downloads", "mutants"])]
    pub(crate) no_guard: bool,
    /// Run only every N-th seed, starting with the I-th; I is 0 to N - 1
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "0/1", conflicts_with = "seed")]
    pub(crate) shard: (u64, u64),
    /// Write the frames of the one seed to a file for Wireshark
    #[arg(long, value_name = "FILE", requires = "seed", conflicts_with_all = SWEEPS, value_parser = file())]
    pub(crate) pcap: Option<PathBuf>,
    /// Draw the one seed: nodes as lanes, frames as arrows, states as bars, events as marks
    #[arg(long, value_name = "FILE.svg", requires = "seed", conflicts_with_all = SWEEPS, value_parser = file())]
    pub(crate) timeline: Option<PathBuf>,
    /// Compare smoltcp sockets without a guard and with one, without any app
    #[arg(long, conflicts_with_all = ["seed", "json", "shard"])]
    pub(crate) compare_guard: bool,
    /// Run short scripts against one smoltcp socket, one a seed: the lowest seeds are all scripts of
    /// up to four acts, the others are drawn
    #[arg(long, conflicts_with_all = ["seed", "json", "shard", "compare_guard"])]
    pub(crate) explore: bool,
    /// Transfer over links that lose frames, without a guard and with one, and print the times
    #[arg(long, conflicts_with_all = ["seed", "json", "shard", "compare_guard", "explore"])]
    pub(crate) recovery: bool,
    /// Download files that change from a server that lies, with a client that crashes
    #[arg(long, conflicts_with_all = ["seed", "json", "shard", "compare_guard", "explore", "recovery"])]
    pub(crate) downloads: bool,
    /// Plant one bug after the other in a copy of the sources and print which seed finds it
    #[arg(long, conflicts_with_all = ["seed", "json", "shard", "compare_guard", "explore", "recovery", "downloads"])]
    pub(crate) canaries: bool,
    /// Plant one bug after the other in a copy of the guard and print whether its tests, the scripts
    /// or the transfers notice it
    #[arg(long, value_enum, value_name = "BY", num_args = 0..=1, default_missing_value = "tests",
        conflicts_with_all = ["seed", "json", "shard", "compare_guard", "explore", "recovery", "canaries"])]
    pub(crate) mutants: Option<NoticedBy>,
    /// Write the result as JSON
    #[arg(long, value_name = "FILE", value_parser = file())]
    pub(crate) json: Option<PathBuf>,
}

const EXITS: &str = "Exit codes: 0 all is well, 1 a seed failed, 2 wrong usage, 23 a file or the output cannot be written.";
/// Options for more than one seed. All of them conflict with `seed`: clap does not require an
/// argument that conflicts with one that is present.
const SWEEPS: [&str; 7] = [
    "seeds",
    "compare_guard",
    "explore",
    "recovery",
    "downloads",
    "canaries",
    "mutants",
];

/// What has to notice a bug that is planted in the guard.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum NoticedBy {
    Tests,
    Explore,
    Compare,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ProfileName {
    Mild,
    Bad,
    Hostile,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScenarioName {
    All,
    Get,
    Chat,
    File,
    /// A client that joins by DHCP, looks names up, and keeps its clock
    Net,
    /// Rooms whose members are terminals, browsers and clients of Socket.IO, and hostile browsers
    Serve,
}

/// What runs for each seed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Workload {
    /// Apps that talk to each other.
    Apps(Options),
    /// A client that joins a network.
    Net { profile: Profile, is_guarded: bool },
    /// Rooms and their members.
    Serve { profile: Profile, is_guarded: bool },
}

impl Workload {
    pub(crate) const fn profile(&self) -> Profile {
        match self {
            Self::Apps(options) => options.profile,
            Self::Net { profile, .. } | Self::Serve { profile, .. } => *profile,
        }
    }

    pub(crate) const fn is_guarded(&self) -> bool {
        match self {
            Self::Apps(options) => options.is_guarded,
            Self::Net { is_guarded, .. } | Self::Serve { is_guarded, .. } => *is_guarded,
        }
    }

    /// The name of the scenario on a command line.
    pub(crate) const fn scenario(&self) -> &'static str {
        match self {
            Self::Apps(options) => options.scenario.name(),
            Self::Net { .. } => "net",
            Self::Serve { .. } => "serve",
        }
    }

    /// What is attempted, in the order of a report's attempts.
    pub(crate) const fn attempts(&self) -> [&'static str; 3] {
        match self {
            Self::Apps(_) => ["get", "chat", "file"],
            Self::Net { .. } => ["transfer", "lookup", "time"],
            Self::Serve { .. } => ["lines", "text", "socketio"],
        }
    }
}

impl Cli {
    pub(crate) const fn workload(&self) -> Workload {
        let profile = match self.profile {
            ProfileName::Mild => Profile::Mild,
            ProfileName::Bad => Profile::Bad,
            ProfileName::Hostile => Profile::Hostile,
        };
        let is_guarded = !self.no_guard;
        let scenario = match self.scenario {
            ScenarioName::All => Scenario::All,
            ScenarioName::Get => Scenario::Get,
            ScenarioName::Chat => Scenario::Chat,
            ScenarioName::File => Scenario::File,
            ScenarioName::Net => {
                return Workload::Net {
                    profile,
                    is_guarded,
                };
            }
            ScenarioName::Serve => {
                return Workload::Serve {
                    profile,
                    is_guarded,
                };
            }
        };
        Workload::Apps(Options {
            profile,
            scenario,
            is_guarded,
        })
    }

    /// The command that replays one seed.
    pub(crate) fn replay(&self, seed: u64) -> String {
        let workload = self.workload();
        let (profile, scenario) = (workload.profile().name(), workload.scenario());
        let mut command = format!("sim --seed {seed} --profile {profile}");
        if scenario != Scenario::All.name() {
            command += &format!(" --scenario {scenario}");
        }
        if self.no_guard {
            command += " --no-guard";
        }
        command
    }
}

/// A file for a result.
fn file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| {
        let is_stdout = path.as_os_str() == "-";
        let refused = "stdout has the report; name a file";
        (!is_stdout).then_some(path).ok_or(refused)
    })
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let (first, end) = text.split_once("..").ok_or("expected A..B")?;
    let number = |text: &str| text.parse().map_err(|error| format!("{text:?}: {error}"));
    let range = number(first)?..number(end)?;
    if range.is_empty() {
        return Err("there is no seed between them".into());
    }
    Ok(range)
}

fn shard(text: &str) -> Result<(u64, u64), String> {
    let (index, count) = text.split_once('/').ok_or("expected I/N")?;
    let number = |text: &str| text.parse().map_err(|error| format!("{text:?}: {error}"));
    let (index, count): (u64, u64) = (number(index)?, number(count)?);
    if index >= count {
        return Err("I is 0 to N - 1".into());
    }
    Ok((index, count))
}
