//! What is counted over many seeds.

use std::collections::BTreeMap;

use tickwire_sim::AttemptCounts;
use tickwire_sim::ethernet::{Cause, Change, Counts};

use crate::caught::failure;
use crate::ran::Ran;

/// The sums over many seeds.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) seeds: u64,
    pub(crate) failures: BTreeMap<u64, String>,
    pub(crate) virtual_ticks: u128,
    pub(crate) turns: u64,
    pub(crate) crashes: u64,
    pub(crate) freezes: u64,
    pub(crate) attempts: [AttemptCounts; 3],
    /// The number of seeds whose last failed attempt ended in an error, by app and error.
    pub(crate) errors: BTreeMap<(usize, String), u64>,
    pub(crate) faults: BTreeMap<String, u64>,
}

impl Summary {
    /// The summary of one seed.
    pub(crate) fn of(seed: u64, result: &Result<Ran, String>) -> Self {
        let mut summary = Self::default();
        summary.add(seed, result);
        summary
    }

    /// Adds a seed.
    pub(crate) fn add(&mut self, seed: u64, result: &Result<Ran, String>) {
        self.seeds += 1;
        if let Some(broken) = failure(result) {
            self.failures.insert(seed, broken);
        }
        if let Ok(ran) = result {
            self.add_counts(ran);
        }
    }

    fn add_counts(&mut self, Ran { report, counts }: &Ran) {
        self.virtual_ticks += u128::from(report.ended_at.as_millis());
        self.turns += report.turns;
        self.crashes += u64::from(report.crashes);
        self.freezes += u64::from(report.freezes);
        for (app, (sum, counts)) in self.attempts.iter_mut().zip(&report.attempts).enumerate() {
            sum.add(counts);
            if let Some(error) = counts.last_error {
                *self.errors.entry((app, error.to_string())).or_default() += 1;
            }
        }
        for (what, value) in counts {
            *self.faults.entry(what.clone()).or_default() += value;
        }
        for counts in &report.counts {
            count(counts, |name, value| {
                *self.faults.entry(name).or_default() += value;
            });
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.failures.extend(other.failures);
        self.virtual_ticks += other.virtual_ticks;
        self.turns += other.turns;
        self.crashes += other.crashes;
        self.freezes += other.freezes;
        for (sum, counts) in self.attempts.iter_mut().zip(&other.attempts) {
            sum.add(counts);
        }
        for (key, value) in other.errors {
            *self.errors.entry(key).or_default() += value;
        }
        for (key, value) in other.faults {
            *self.faults.entry(key).or_default() += value;
        }
    }

    /// The share of attempts that succeeded, in percent.
    pub(crate) fn success(&self, app: usize) -> Option<f64> {
        let counts = self.attempts.get(app).filter(|counts| counts.begun > 0)?;
        Some(f64::from(counts.succeeded) * 100.0 / f64::from(counts.begun))
    }
}

/// Calls `note` with every count that is not 0, and its name.
fn count(counts: &Counts, mut note: impl FnMut(String, u64)) {
    let mut note = |name: String, value: u64| {
        if value > 0 {
            note(name, value);
        }
    };
    note("sent".into(), counts.sent);
    note("delivered".into(), counts.delivered);
    note("duplicated".into(), counts.duplicated);
    note("held back".into(), counts.held_back);
    note("clogged".into(), counts.clogged);
    for cause in Cause::ALL {
        note(format!("dropped: {cause:?}"), counts.dropped(cause));
    }
    for change in Change::ALL {
        note(format!("changed: {change:?}"), counts.changed(change));
    }
}

/// One line for each port that has sent something: what happened to its frames.
pub(crate) fn faults(ports: &[Counts]) -> Vec<String> {
    let ports = ports.iter().enumerate();
    let lines = ports
        .filter(|(_, counts)| counts.sent > 0)
        .map(|(port, counts)| {
            let mut line = format!("port {port}:");
            count(counts, |name, value| line += &format!(" {name} {value},"));
            line.pop();
            line
        });
    lines.collect()
}
