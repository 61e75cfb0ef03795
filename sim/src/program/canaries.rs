//! `--canaries`: planted bugs, and the seeds that find them.
//!
//! Each bug is a patch of `sim/canaries` against the repository. A copy of the sources below
//! `target/canaries` gets one after the other, is built, and runs seeds until one of them fails.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::iter;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clap::Parser as _;

use crate::caught::{failure, run_caught, run_memory};
use crate::cli::Cli;

/// Seeds of the first run; each further one has twice as many.
const FIRST_SEEDS: u64 = 64;
/// What begins the line of a patch's head that says which options find the bug.
const OPTIONS: &str = "options: ";

/// What became of one bug.
enum Verdict {
    Found {
        seed: u64,
        broken: String,
    },
    NotFound,
    /// The patch does not apply, or the sources do not build with it.
    Unusable(String),
}

/// Plants one bug after the other. Returns whether each one was found.
pub(crate) fn run(cli: &Cli, out: &mut dyn Write) -> io::Result<bool> {
    let Some(ground) = Ground::find() else {
        eprintln!("sim: --canaries needs the repository that this program was built from");
        return Ok(false);
    };
    let patches = ground.patches()?;
    let mut found = 0;
    for patch in &patches {
        let name = patch.file_stem().unwrap_or_default().to_string_lossy();
        match ground.plant(cli, patch)? {
            Verdict::Found { seed, broken } => {
                found += 1;
                writeln!(out, "{name:32} found by seed {seed:>5}: {broken}")?;
            }
            Verdict::NotFound => writeln!(out, "{name:32} NOT FOUND")?,
            Verdict::Unusable(why) => writeln!(out, "{name:32} {why}")?,
        }
        out.flush()?;
    }
    let found_all = found == patches.len() && found > 0;
    writeln!(
        out,
        "{} planted bugs, {}",
        patches.len(),
        if found_all {
            "all found"
        } else {
            "not all found"
        }
    )?;
    Ok(found_all)
}

/// The repository, and the place where the bugs are planted.
struct Ground {
    root: PathBuf,
    place: PathBuf,
}

impl Ground {
    fn find() -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.to_owned();
        let is_there = root.join("sim/canaries").is_dir() && root.join("Cargo.toml").is_file();
        let place = root.join("target/canaries");
        is_there.then_some(Self { root, place })
    }

    fn patches(&self) -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.root.join("sim/canaries"))?;
        let paths: io::Result<Vec<_>> = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect();
        let mut paths = paths?;
        paths.retain(|path| path.extension() == Some(OsStr::new("patch")));
        paths.sort();
        Ok(paths)
    }

    fn plant(&self, cli: &Cli, patch: &Path) -> io::Result<Verdict> {
        let sources = self.place.join("src");
        mirror(&self.root, &sources)?;
        let applied = self.apply(&sources, patch)?;
        if !applied.status.success() {
            let why = format!("DOES NOT APPLY: {}", last_words(&applied));
            return Ok(Verdict::Unusable(why));
        }
        let built = Command::new("cargo")
            .args("build --quiet --locked --release --package tickwire-sim".split(' '))
            .arg("--target-dir")
            .arg(self.place.join("build"))
            .current_dir(&sources)
            // A bug changes one file, it is found by the first seeds, and nobody looks at the lines of
            // a backtrace.
            .env("CARGO_INCREMENTAL", "1")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .output()?;
        if !built.status.success() {
            let why = format!("DOES NOT BUILD: {}", last_words(&built));
            return Ok(Verdict::Unusable(why));
        }
        self.hunt(cli, &options(cli, &fs::read_to_string(patch)?))
    }

    /// `git apply` would take the copy for a folder of the repository that it lies in, and skip what
    /// is not below it.
    fn apply(&self, sources: &Path, patch: &Path) -> io::Result<Output> {
        let with_git = Command::new("git")
            .arg("apply")
            .arg(patch)
            .current_dir(sources)
            .env_remove("GIT_DIR")
            .env("GIT_CEILING_DIRECTORIES", &self.place)
            .output();
        match with_git {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Command::new("patch")
                .args(["--batch", "--forward", "--fuzz=0", "--strip=1", "--input"])
                .arg(patch)
                .current_dir(sources)
                .output(),
            output => output,
        }
    }

    /// Runs seeds until the bug makes one of them fail, or none is left.
    fn hunt(&self, cli: &Cli, options: &[String]) -> io::Result<Verdict> {
        let Ok(own) =
            Cli::try_parse_from(iter::once("sim").chain(options.iter().map(AsRef::as_ref)))
        else {
            return Ok(Verdict::Unusable("HAS UNKNOWN OPTIONS".to_owned()));
        };
        let mut memory = run_memory();
        // A seed that fails in this program, too, says nothing about the bug.
        let workload = own.workload();
        let mut is_fine_here =
            |seed| failure(&run_caught(seed, &workload, &mut memory, &mut ())).is_none();
        for seeds in doubling(&cli.seeds) {
            let output = Command::new(self.place.join("build/release/sim"))
                .args(["--seeds", &format!("{}..{}", seeds.start, seeds.end)])
                .args(options)
                .output()?;
            if output.status.success() {
                continue;
            }
            let text = String::from_utf8_lossy(&output.stdout);
            let failures: Vec<_> = text.lines().filter_map(failed_seed).collect();
            if failures.is_empty() {
                let why = format!("DOES NOT RUN: {}", last_words(&output));
                return Ok(Verdict::Unusable(why));
            }
            let mut failures = failures.into_iter();
            if let Some((seed, broken)) = failures.find(|(seed, _)| is_fine_here(*seed)) {
                let broken = broken.to_owned();
                return Ok(Verdict::Found { seed, broken });
            }
        }
        Ok(Verdict::NotFound)
    }
}

/// What a line of a sweep says of a seed that failed.
fn failed_seed(line: &str) -> Option<(u64, &str)> {
    let (seed, broken) = line.strip_prefix("seed ")?.split_once(": ")?;
    Some((seed.parse().ok()?, broken))
}

/// Parts of a range, each twice as long as the one before.
fn doubling(seeds: &Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
    let (mut start, end, mut count) = (seeds.start, seeds.end, FIRST_SEEDS);
    iter::from_fn(move || {
        let part = start..end.min(start.saturating_add(count));
        (start, count) = (part.end, count.saturating_mul(2));
        (!part.is_empty()).then_some(part)
    })
}

/// The options of the runs: those of the patch's head, or of the command line.
fn options(cli: &Cli, patch: &str) -> Vec<String> {
    let head = patch
        .lines()
        .take_while(|line| !line.starts_with("diff ") && !line.starts_with("--- "));
    let mut own = head.filter_map(|line| line.strip_prefix(OPTIONS));
    let workload = cli.workload();
    let (profile, scenario) = (workload.profile().name(), workload.scenario());
    let guard = if cli.no_guard { "--no-guard" } else { "" };
    let ours = format!("--profile {profile} --scenario {scenario} {guard}");
    let words = own.next().unwrap_or(&ours).split_whitespace();
    words.map(str::to_owned).collect()
}

/// The line of a failed command's stderr that says most.
pub(crate) fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.clone().find(|line| line.starts_with("error"));
    let line = first.or_else(|| lines.next()).unwrap_or("it says nothing");
    line.to_owned()
}

/// Makes `to` the same as `from`, without what is hidden or built. What is the same already is not
/// touched, so that cargo does not build it again.
pub(crate) fn mirror(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let mut names = Vec::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "target" || name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let (source, copy) = (entry.path(), to.join(&name));
        if source.is_dir() {
            mirror(&source, &copy)?;
        } else {
            let bytes = fs::read(&source)?;
            if fs::read(&copy).ok().as_ref() != Some(&bytes) {
                fs::write(&copy, bytes)?;
            }
        }
        names.push(name);
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if names.contains(&entry.file_name()) {
            continue;
        }
        if entry.path().is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
