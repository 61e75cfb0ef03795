//! Many seeds on all cores.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::all_cores::on_all;
use crate::caught::{failure, run_caught, run_memory};
use crate::cli::Cli;
use crate::clock::Stopwatch;
use crate::summary::Summary;

/// Runs a range of seeds. Returns whether all is well.
pub(crate) fn run(cli: &Cli, out: &mut dyn Write) -> io::Result<bool> {
    // Before the sweep: hours of work must not end in a result that cannot be written.
    let named = |path: &Path, error: io::Error| {
        io::Error::new(error.kind(), format!("{}: {error}", path.display()))
    };
    let file = cli.json.as_deref().map(|path| {
        let file = File::create(path).map_err(|error| named(path, error));
        file.map(|file| (path, file))
    });
    let file = file.transpose()?;
    let stopwatch = Stopwatch::start();
    let (shard, shards) = cli.shard;
    let range = &cli.seeds;
    let count = (range.end - range.start)
        .saturating_sub(shard)
        .div_ceil(shards);
    let states = on_all(
        count,
        || (Summary::default(), run_memory()),
        |(summary, memory), number| {
            run_one(cli, range.start + shard + number * shards, memory, summary);
        },
    );
    let mut summary = Summary::default();
    for (part, _) in states {
        summary.merge(part);
    }
    let seconds = stopwatch.elapsed().as_secs_f64();
    let written = file.map_or(Ok(()), |(path, mut file)| {
        let text = json(cli, &summary, seconds);
        file.write_all(text.as_bytes())
            .map_err(|error| named(path, error))
    });
    print(cli, &summary, seconds, out)?;
    written?;
    Ok(summary.failures.is_empty())
}

fn run_one(cli: &Cli, seed: u64, memory: &mut [u8], summary: &mut Summary) {
    let result = run_caught(seed, &cli.workload(), memory, &mut ());
    summary.seeds += 1;
    if let Some(broken) = failure(&result) {
        summary.failures.insert(seed, broken);
    }
    if let Ok(ran) = &result {
        summary.add(ran);
    }
}

fn print(cli: &Cli, summary: &Summary, seconds: f64, out: &mut dyn Write) -> io::Result<()> {
    let workload = cli.workload();
    let apps = workload.attempts();
    for (name, value) in &summary.faults {
        writeln!(out, "{name:24} {value}")?;
    }
    writeln!(
        out,
        "{:24} {}\n{:24} {}",
        "crashes", summary.crashes, "freezes", summary.freezes
    )?;
    for ((app, error), count) in &summary.errors {
        let app = apps.get(*app).copied().unwrap_or_default();
        writeln!(out, "{app:5} last failed in {count} seeds: {error}")?;
    }
    for (seed, broken) in &summary.failures {
        writeln!(out, "seed {seed}: {broken}\n    {}", cli.replay(*seed))?;
    }
    let mut line = format!(
        "{} seeds, {} failed, {} {}",
        summary.seeds,
        summary.failures.len(),
        workload.profile().name(),
        workload.scenario(),
    );
    for (app, name) in apps.iter().enumerate() {
        if let Some(share) = summary.success(app) {
            // A string takes everything.
            let _ = write!(line, ", {name} {share:.1} % of attempts");
        }
    }
    let virtual_seconds = summary.virtual_ticks as f64 / 1_000.0;
    writeln!(
        out,
        "{line}, {:.0} seeds/s, {:.0} virtual seconds/s",
        summary.seeds as f64 / seconds,
        virtual_seconds / seconds,
    )
}

fn json(cli: &Cli, summary: &Summary, seconds: f64) -> String {
    let workload = cli.workload();
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
        "{{\"seeds\":{},\"failed\":{},\"profile\":{},\"scenario\":{},\"guarded\":{},\"first\":{},\"end\":{},\
         \"shard\":\"{}/{}\",\"seconds\":{seconds:.3},\"virtual_seconds\":{:.3},\"turns\":{},\"crashes\":{},\
         \"apps\":{{{}}},\"faults\":{{{}}},\"failures\":[{}]}}\n",
        summary.seeds,
        summary.failures.len(),
        quoted(workload.profile().name()),
        quoted(workload.scenario()),
        workload.is_guarded(),
        cli.seeds.start,
        cli.seeds.end,
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
