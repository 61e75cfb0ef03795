//! What came out of one seed or many, as JSON.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::cli::Cli;
use crate::summary::Summary;

/// The file of `--json`.
pub(crate) struct ResultFile<'a> {
    path: &'a Path,
    file: File,
}

impl<'a> ResultFile<'a> {
    /// Creates it, if it is asked for.
    pub(crate) fn create(cli: &'a Cli) -> io::Result<Option<Self>> {
        let create = |path| {
            let file = File::create(path).map_err(|error| named(path, &error))?;
            Ok(Self { path, file })
        };
        cli.json.as_deref().map(create).transpose()
    }

    /// Writes the result of `seconds` of work, with the `trace` of a single seed.
    pub(crate) fn write(
        mut self,
        cli: &Cli,
        summary: &Summary,
        seconds: f64,
        trace: Option<u64>,
    ) -> io::Result<()> {
        let text = json(cli, summary, seconds, trace);
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| named(self.path, &error))
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn json(cli: &Cli, summary: &Summary, seconds: f64, trace: Option<u64>) -> String {
    let workload = cli.workload();
    let (first, end) = match cli.seed {
        Some(seed) => (seed, u128::from(seed) + 1),
        None => (cli.seeds.start, cli.seeds.end.into()),
    };
    let trace = trace.map_or(String::new(), |trace| {
        format!(",\"trace\":\"{trace:016x}\"")
    });
    let failures = summary.failures.iter().map(|(seed, broken)| {
        format!(
            "{{\"seed\":{seed},\"finding\":{},\"replay\":{}}}",
            quoted(broken),
            quoted(&cli.replay(*seed))
        )
    });
    let attempts = workload.attempts();
    let attempts = attempts
        .iter()
        .zip(&summary.attempts)
        .map(|(name, counts)| {
            format!(
                "{}:{{\"begun\":{},\"succeeded\":{},\"failed\":{},\"crashed\":{}}}",
                quoted(name),
                counts.begun,
                counts.succeeded,
                counts.failed,
                counts.crashed
            )
        });
    let faults = summary
        .faults
        .iter()
        .map(|(name, value)| format!("{}:{value}", quoted(name)));
    format!(
        "{{\"seeds\":{},\"failed\":{},\"profile\":{},\"scenario\":{},\"guarded\":{},\"first\":{first},\"end\":{end},\
         \"shard\":\"{}/{}\",\"seconds\":{seconds:.3},\"virtual_seconds\":{:.3},\"turns\":{},\"crashes\":{},\
         \"apps\":{{{}}},\"faults\":{{{}}},\"failures\":[{}]{trace}}}\n",
        summary.seeds,
        summary.failures.len(),
        quoted(workload.profile().name()),
        quoted(workload.scenario()),
        workload.is_guarded(),
        cli.shard.0,
        cli.shard.1,
        summary.virtual_ticks as f64 / 1_000.0,
        summary.turns,
        summary.crashes,
        attempts.collect::<Vec<_>>().join(","),
        faults.collect::<Vec<_>>().join(","),
        failures.collect::<Vec<_>>().join(","),
    )
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => quoted += &format!("\\u{:04x}", u32::from(control)),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
