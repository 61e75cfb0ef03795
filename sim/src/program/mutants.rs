//! `--mutants`: bugs planted in the guard, and whether a check notices them.
//!
//! Each bug of `guard/mutants.txt` replaces one text of `guard/src`. A copy of the sources below
//! `target/mutants` gets one after the other, and the check runs there. The guard's tests must
//! notice each of them. The scripts and the transfers, which know nothing of the rules, must notice
//! half of the first sixteen, which let a connection hang or break.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::canaries::{last_words, mirror};
use crate::cli::{Cli, NoticedBy};

/// How the line begins after which the other bugs stand.
const REST: &str = "\n# The rest ";

/// A bug: in a file of `guard/src`, one text in the place of another.
#[derive(Debug, PartialEq, Eq)]
struct Mutant<'t> {
    name: &'t str,
    file: &'t str,
    old: &'t str,
    new: &'t str,
}

/// What became of one bug.
enum Verdict {
    Noticed,
    Missed,
    /// Its text is not in the file once, or the sources do not build with it.
    Unusable(String),
}

/// Plants one bug after the other. Returns whether each one was noticed.
pub(crate) fn run(cli: &Cli, by: NoticedBy, out: &mut dyn Write) -> io::Result<bool> {
    let Some(root) = Path::new(env!("CARGO_MANIFEST_DIR")).parent() else {
        return Ok(false);
    };
    let Ok(text) = fs::read_to_string(root.join("guard/mutants.txt")) else {
        eprintln!("sim: --mutants needs the repository that this program was built from");
        return Ok(false);
    };
    let listed = match by {
        NoticedBy::Tests => &text,
        NoticedBy::Explore | NoticedBy::Compare => hangs(&text),
    };
    let mutants = parse(listed);
    let ground = Ground {
        root: root.to_owned(),
        place: root.join("target/mutants"),
        by,
    };
    // Without a bug the check must be content, or it notices anything.
    if let Some(why) = ground.complaint(cli)? {
        writeln!(out, "without any bug: {why}")?;
        return Ok(false);
    }
    let mut noticed = 0;
    for mutant in &mutants {
        let verdict = match ground.plant(cli, mutant)? {
            Verdict::Noticed => {
                noticed += 1;
                "noticed"
            }
            Verdict::Missed => "NOT NOTICED",
            Verdict::Unusable(why) => &format!("UNUSABLE: {why}"),
        };
        writeln!(out, "{:64} {verdict}", mutant.name)?;
        out.flush()?;
    }
    let wanted = match by {
        NoticedBy::Tests => mutants.len(),
        NoticedBy::Explore | NoticedBy::Compare => mutants.len().div_ceil(2),
    };
    writeln!(
        out,
        "{noticed} of {} bugs noticed, at least {wanted} must be",
        mutants.len()
    )?;
    Ok(noticed >= wanted && noticed > 0)
}

/// The bugs that let a connection hang or break.
fn hangs(text: &str) -> &str {
    text.split_once(REST).map_or(text, |(hangs, _)| hangs)
}

/// The bugs of a text: a line each for the name, the file, what goes and what comes.
fn parse(text: &str) -> Vec<Mutant<'_>> {
    let lines: Vec<_> = text.lines().collect();
    let entries = lines.windows(4).filter_map(|entry| match entry {
        [name, file, old, new] => Some(Mutant {
            name: name.strip_prefix("= ")?,
            file,
            old: old.strip_prefix("- ")?,
            new: new.strip_prefix("+ ")?,
        }),
        _ => None,
    });
    entries.collect()
}

/// The repository, the place where the bugs are planted, and what has to notice them.
struct Ground {
    root: PathBuf,
    place: PathBuf,
    by: NoticedBy,
}

impl Ground {
    fn plant(&self, cli: &Cli, mutant: &Mutant<'_>) -> io::Result<Verdict> {
        let sources = self.sources()?;
        let path = sources.join("guard/src").join(mutant.file);
        let text = fs::read_to_string(&path)?;
        let count = text.matches(mutant.old).count();
        if count != 1 {
            let why = format!("its text is there {count} times");
            return Ok(Verdict::Unusable(why));
        }
        fs::write(&path, text.replace(mutant.old, mutant.new))?;
        let built = self.cargo(&sources, self.build()).output()?;
        if !built.status.success() {
            return Ok(Verdict::Unusable(last_words(&built)));
        }
        Ok(match self.check(cli, &sources)? {
            None => Verdict::Missed,
            Some(_) => Verdict::Noticed,
        })
    }

    /// What the check says of the sources as they are. None when it is content.
    fn complaint(&self, cli: &Cli) -> io::Result<Option<String>> {
        let sources = self.sources()?;
        let built = self.cargo(&sources, self.build()).output()?;
        if !built.status.success() {
            return Ok(Some(last_words(&built)));
        }
        self.check(cli, &sources)
    }

    /// The copy, with no bug in it.
    fn sources(&self) -> io::Result<PathBuf> {
        let sources = self.place.join("src");
        mirror(&self.root, &sources)?;
        Ok(sources)
    }

    const fn build(&self) -> &'static str {
        match self.by {
            NoticedBy::Tests => {
                "test --quiet --no-run --package smoltcp-guard --features ipv6 --lib --test rules"
            }
            _ => "build --quiet --release --package tickwire-sim",
        }
    }

    fn check(&self, cli: &Cli, sources: &Path) -> io::Result<Option<String>> {
        let seeds = format!("{}..{}", cli.seeds.start, cli.seeds.end);
        let sim = self.place.join("build/release/sim");
        let runs = match self.by {
            NoticedBy::Tests => {
                let tests =
                    "test --quiet --package smoltcp-guard --features ipv6 --lib --test rules";
                vec![self.cargo(sources, tests)]
            }
            NoticedBy::Explore => ["0..451776", "100000000..102000000"]
                .map(|scripts| {
                    let mut run = Command::new(&sim);
                    run.args(["--explore", "--seeds", scripts]);
                    run
                })
                .into(),
            NoticedBy::Compare => {
                let mut run = Command::new(&sim);
                run.args(["--compare-guard", "--seeds", &seeds]);
                vec![run]
            }
        };
        for mut run in runs {
            let output = run.output()?;
            if !output.status.success() {
                return Ok(Some(last_words(&output)));
            }
        }
        Ok(None)
    }

    fn cargo(&self, sources: &Path, line: &str) -> Command {
        let mut command = Command::new("cargo");
        command
            .args(line.split(' '))
            .args(["--locked", "--target-dir"])
            .arg(self.place.join("build"))
            .current_dir(sources)
            // A bug changes one file, and nobody looks at the lines of a backtrace.
            .env("RUST_BACKTRACE", "0")
            .env("CARGO_INCREMENTAL", "1")
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "64");
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_the_guard_has_bugs_of_both_kinds_and_each_is_complete() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../guard/mutants.txt");
        let Ok(text) = fs::read_to_string(path) else {
            // A published crate has no guard beside it.
            return;
        };
        let names = |text: &str| text.lines().filter(|line| line.starts_with("= ")).count();
        assert_eq!(parse(&text).len(), names(&text));
        assert!(names(hangs(&text)) == 16 && names(&text) > 90);
    }

    #[test]
    fn a_list_of_bugs_is_read_and_anything_else_is_left_out() {
        let text = "# Bugs\n\n= one\nflow.rs\n- a\n+ b\n\n= no file\n- a\n+ b\n\n= two\nrules.rs\n- c d\n+ e\n";
        let mutant = |name, file, old, new| Mutant {
            name,
            file,
            old,
            new,
        };
        assert_eq!(
            parse(text),
            [
                mutant("one", "flow.rs", "a", "b"),
                mutant("two", "rules.rs", "c d", "e"),
            ]
        );
    }
}
