//! `--downloads`: a client that crashes at any moment, and a server whose file changes at any moment
//! and that lies about it.

mod files;
mod server;
mod sink;
mod trial;

use std::io::{self, Write};
use std::panic::catch_unwind;

use crate::all_cores::on_all;
use crate::cli::Cli;

use trial::Counts;

/// What one core has seen.
#[derive(Debug, Default)]
struct Sum {
    counts: Counts,
    failures: Vec<(u64, &'static str)>,
}

impl Sum {
    fn add(&mut self, other: &Self) {
        let (sum, more) = (&mut self.counts, &other.counts);
        sum.whole += more.whole;
        sum.resumed += more.resumed;
        sum.failed += more.failed;
        sum.crashes += more.crashes;
        sum.lies += more.lies;
        self.failures.extend(&other.failures);
    }
}

/// Runs the range of seeds. Returns whether no file was ever mixed, cut or lost.
pub(crate) fn run(cli: &Cli, out: &mut dyn Write) -> io::Result<bool> {
    let count = cli.seeds.end - cli.seeds.start;
    let sums = on_all(count, Sum::default, |sum, number| {
        let seed = cli.seeds.start + number;
        match catch_unwind(|| trial::run(seed)).unwrap_or(Err("a panic")) {
            Ok(counts) => sum.add(&Sum {
                counts,
                failures: Vec::new(),
            }),
            Err(what) => sum.failures.push((seed, what)),
        }
    });
    let mut all = Sum::default();
    for sum in &sums {
        all.add(sum);
    }
    all.failures.sort_unstable();
    for (seed, what) in &all.failures {
        writeln!(
            out,
            "seed {seed}: {what}: sim --downloads --seeds {seed}..{}",
            seed + 1
        )?;
    }
    let Counts {
        whole,
        resumed,
        failed,
        crashes,
        lies,
    } = all.counts;
    writeln!(
        out,
        "{count} seeds, {} failed, {whole} downloads whole, {resumed} of them resumed, {failed} given up, \
         {crashes} crashes, {lies} lies",
        all.failures.len()
    )?;
    Ok(all.failures.is_empty())
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_seed_mixes_two_files() {
        for seed in 0..20 {
            let counts =
                super::trial::run(seed).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
            assert!(
                counts.whole > 0 && counts.crashes > 0 && counts.lies > 0,
                "seed {seed}"
            );
        }
    }
}
