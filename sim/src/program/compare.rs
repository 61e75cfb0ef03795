//! `--compare-guard`: smoltcp sockets without a guard and with one, side by side.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tickwire_sim::{TRIAL_BYTES, TRIAL_MEMORY_BYTES, TrialKind, TrialOutcome, transfer_trial};

use crate::all_cores::on_all;
use crate::cli::Cli;

/// The transfers: whether both ends send, whether readers are slow, and their name.
const TRANSFERS: [(bool, bool, &str); 4] = [
    (false, false, "one way"),
    (false, true, "one way, slow reader"),
    (true, false, "both ways"),
    (true, true, "both ways, slow readers"),
];

/// How the transfers of one kind ended.
#[derive(Debug, Default)]
struct Row {
    /// Times of those that arrived whole, in ticks.
    whole: Vec<u64>,
    stuck: u64,
    endless: u64,
    corrupt: u64,
    truncated: u64,
    reset: u64,
    panicked: u64,
}

impl Row {
    fn add(&mut self, outcome: Option<TrialOutcome>) {
        match outcome {
            Some(TrialOutcome::Whole(ticks)) => self.whole.push(ticks),
            Some(TrialOutcome::Stuck) => self.stuck += 1,
            Some(TrialOutcome::Endless) => self.endless += 1,
            Some(TrialOutcome::Corrupt) => self.corrupt += 1,
            Some(TrialOutcome::Truncated) => self.truncated += 1,
            Some(TrialOutcome::Reset) => self.reset += 1,
            None => self.panicked += 1,
        }
    }

    fn merge(&mut self, mut other: Self) {
        self.whole.append(&mut other.whole);
        self.stuck += other.stuck;
        self.endless += other.endless;
        self.corrupt += other.corrupt;
        self.truncated += other.truncated;
        self.reset += other.reset;
        self.panicked += other.panicked;
    }

    /// The time within which this percentage of the whole ones arrived, in seconds.
    fn percentile(&mut self, percent: usize) -> f64 {
        self.whole.sort_unstable();
        let index = self.whole.len().saturating_sub(1) * percent / 100;
        self.whole
            .get(index)
            .map_or(0.0, |ticks| *ticks as f64 / 1_000.0)
    }
}

/// The transfers of one kind: bare, guarded, and the guarded ones of those seeds whose bare
/// transfer arrived whole (the twins).
#[derive(Debug, Default)]
struct Rows([Row; 3]);

/// Prints what is compared, and the heads of the columns.
fn print_head(cli: &Cli, count: u64, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{TRIAL_BYTES} bytes from smoltcp to smoltcp, {count} seeds from {} on",
        cli.seeds.start
    )?;
    writeln!(
        out,
        "loss 0-30 %, duplicates 0-20 %, jitter 0-100 ms, bit flips 0-5 %, buffers 512 B-16 KiB"
    )?;
    writeln!(
        out,
        "{:23} {:8} {:>6} {:>7} {:>7} {:>9} {:>5} {:>5} {:>8} {:>8}",
        "", "", "stuck", "endless", "corrupt", "truncated", "reset", "panic", "p50 s", "p99 s"
    )
}

/// Runs each kind over the range of seeds. Returns whether every guarded transfer was fine.
pub(crate) fn run(cli: &Cli, out: &mut dyn Write) -> io::Result<bool> {
    let count = cli.seeds.end - cli.seeds.start;
    print_head(cli, count, out)?;
    let mut guarded = Row::default();
    for (is_hostile, (both_ways, slow_readers, name)) in [false, true]
        .into_iter()
        .flat_map(|is_hostile| TRANSFERS.map(|transfer| (is_hostile, transfer)))
    {
        let states = on_all(
            count,
            || (Rows::default(), vec![0; TRIAL_MEMORY_BYTES]),
            |(rows, memory), number| {
                let kind = |is_guarded| TrialKind {
                    both_ways,
                    slow_readers,
                    is_hostile,
                    is_guarded,
                };
                let mut end = |is_guarded| {
                    let seed = cli.seeds.start + number;
                    let run = || transfer_trial(seed, kind(is_guarded), memory);
                    catch_unwind(AssertUnwindSafe(run)).ok()
                };
                let (bare, guarded) = (end(false), end(true));
                let Rows([first, second, third]) = rows;
                first.add(bare);
                second.add(guarded);
                if let (Some(TrialOutcome::Whole(_)), Some(TrialOutcome::Whole(_))) =
                    (bare, guarded)
                {
                    third.add(guarded);
                }
            },
        );
        let mut rows = [(); 3].map(|()| Row::default());
        for (Rows(parts), _) in states {
            for (row, part) in rows.iter_mut().zip(parts) {
                row.merge(part);
            }
        }
        for (row, how) in rows.iter_mut().zip(["bare", "guarded", "twins"]) {
            let (p50, p99) = (row.percentile(50), row.percentile(99));
            let mark = if is_hostile { '*' } else { ' ' };
            writeln!(
                out,
                "{mark}{name:22} {how:8} {:>6} {:>7} {:>7} {:>9} {:>5} {:>5} {p50:>8.1} {p99:>8.1}",
                row.stuck, row.endless, row.corrupt, row.truncated, row.reset, row.panicked
            )?;
        }
        let [_, second, _] = rows;
        guarded.merge(second);
    }
    writeln!(
        out,
        "twins: the guarded transfers of those seeds whose bare transfer came whole\n\
         * with a forger who sees the connection, or with devices that have no room at times"
    )?;
    writeln!(
        out,
        "guarded: stuck {}, endless {}, corrupt {}, truncated {}",
        guarded.stuck, guarded.endless, guarded.corrupt, guarded.truncated
    )?;
    let defects = guarded.stuck + guarded.endless + guarded.corrupt + guarded.truncated;
    Ok(defects + guarded.panicked == 0)
}
