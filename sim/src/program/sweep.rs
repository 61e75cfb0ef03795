//! Many seeds on all cores.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::all_cores::on_all;
use crate::caught::{run_caught, run_memory};
use crate::cli::Cli;
use crate::clock::Stopwatch;
use crate::result_file::ResultFile;
use crate::summary::Summary;

/// Runs a range of seeds. Returns whether all is well.
pub(crate) fn run(cli: &Cli, out: &mut dyn Write) -> io::Result<bool> {
    // Before the sweep: hours of work must not end in a result that cannot be written.
    let file = ResultFile::create(cli)?;
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
    let written = file.map_or(Ok(()), |file| file.write(cli, &summary, seconds, None));
    print(cli, &summary, seconds, out)?;
    written?;
    Ok(summary.failures.is_empty())
}

fn run_one(cli: &Cli, seed: u64, memory: &mut [u8], summary: &mut Summary) {
    let result = run_caught(seed, &cli.workload(), memory, &mut ());
    summary.add(seed, &result);
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
