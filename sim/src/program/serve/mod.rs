//! `--scenario serve`: rooms with members who play by the rules, and hostile browsers.

#![expect(
    clippy::indexing_slicing,
    reason = "a place that is not there is a failure of the trial, which a panic tells"
)]

mod hostile;
mod member;
mod place;
mod trial;
mod truth;

use std::io::{self, Write};
use std::panic::catch_unwind;

use tickwire_sim::Profile;

use crate::all_cores::on_all;
use crate::cli::Cli;

use trial::Counts;

/// What one core has seen.
#[derive(Debug, Default)]
struct Sum {
    counts: Counts,
    failures: Vec<(u64, &'static str)>,
}

/// Runs the range of seeds, or the one. Returns whether no rule was broken.
pub(crate) fn run(cli: &Cli, out: &mut dyn Write) -> io::Result<bool> {
    let profile = cli.workload().profile();
    let range = match cli.seed {
        Some(seed) => seed..seed + 1,
        None => cli.seeds.clone(),
    };
    let (shard, shards) = cli.shard;
    let count = (range.end - range.start)
        .saturating_sub(shard)
        .div_ceil(shards);
    let sums = on_all(count, Sum::default, |sum: &mut Sum, number| {
        let seed = range.start + shard + number * shards;
        match catch_unwind(|| trial::run(seed, profile)).unwrap_or(Err("a panic")) {
            Ok(more) => {
                sum.counts.heard += more.heard;
                sum.counts.ended += more.ended;
                sum.counts.hostile += more.hostile;
            }
            Err(what) => sum.failures.push((seed, what)),
        }
    });
    let total = |what: fn(&Counts) -> u64| sums.iter().map(|sum| what(&sum.counts)).sum::<u64>();
    let mut failures: Vec<_> = sums.iter().flat_map(|sum| &sum.failures).collect();
    failures.sort_unstable();
    for (seed, what) in &failures {
        writeln!(out, "seed {seed}: {what}\n    {}", cli.replay(*seed))?;
    }
    writeln!(
        out,
        "{count} seeds, {} failed, {} serve, {} entries heard, {} connections ended early, \
         {} hostile connections",
        failures.len(),
        profile.name(),
        total(|counts| counts.heard),
        total(|counts| counts.ended),
        total(|counts| counts.hostile),
    )?;
    Ok(failures.is_empty())
}

/// Whether a seed breaks no rule.
pub(crate) fn is_fine(seed: u64, profile: Profile) -> bool {
    matches!(catch_unwind(|| trial::run(seed, profile)), Ok(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::{Profile, trial};

    #[test]
    fn no_seed_breaks_the_order_of_a_room_or_slows_its_members() {
        for profile in [Profile::Mild, Profile::Bad, Profile::Hostile] {
            let mut heard = 0;
            for seed in 0..15 {
                let counts = trial::run(seed, profile);
                let counts = counts.unwrap_or_else(|what| panic!("{profile:?} {seed}: {what}"));
                heard += counts.heard;
            }
            assert!(heard > 1_000, "{profile:?}: {heard}");
        }
    }
}
