//! `--recovery`: what a lost frame costs smoltcp sockets without a guard, with one that leaves
//! losses alone, and with one that recovers from them, as a table.

use std::collections::HashMap;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tickwire::Duration;
use tickwire_sim::{
    RECOVERY_BYTES, RECOVERY_MEMORY_BYTES, RecoveryKind, Retransmissions, TrialGuard, TrialOutcome,
    recovery_trial,
};

use crate::all_cores::on_all;
use crate::cli::Cli;

const LOSS_PERCENTS: [u32; 4] = [0, 1, 5, 10];
const ROUND_TRIPS: [Duration; 3] = [
    Duration::from_millis(1),
    Duration::from_millis(20),
    Duration::from_millis(200),
];
const SEND_BUFFERS: [usize; 3] = [2_048, 8_192, 65_536];
/// Where frames are only reordered, one of a hundred is late, by at most half a round trip.
const REORDER_PPM: u32 = 10_000;
const CONTENDERS: [TrialGuard; 3] = [
    TrialGuard::Bare,
    TrialGuard::HangsOnly,
    TrialGuard::Recovery,
];

/// All transfers of one kind by one contender.
#[derive(Debug, Default)]
struct Cell {
    /// Times of those that arrived whole, in ticks.
    whole: Vec<u64>,
    /// Those that did not.
    failed: u64,
    retransmissions: Retransmissions,
}

/// The transfers of one kind, by each contender.
type Row = [Cell; CONTENDERS.len()];

impl Cell {
    fn merge(&mut self, mut other: Self) {
        self.whole.append(&mut other.whole);
        self.failed += other.failed;
        self.retransmissions.add(&other.retransmissions);
    }

    /// The time of the transfer in the middle, in seconds. One that never came whole took for ever.
    fn median(&mut self) -> f64 {
        self.whole.sort_unstable();
        let middle = (self.whole.len() as u64 + self.failed).saturating_sub(1) / 2;
        let ticks = self.whole.get(middle as usize);
        ticks.map_or(f64::INFINITY, |ticks| *ticks as f64 / 1_000.0)
    }

    fn spurious_percent(&self) -> f64 {
        let counts = &self.retransmissions;
        counts.spurious() as f64 * 100.0 / counts.segments.max(1) as f64
    }
}

/// Runs every kind over the range of seeds. Returns whether every guarded transfer came whole.
pub(crate) fn run(cli: &Cli, out: &mut dyn Write) -> io::Result<bool> {
    print_head(cli, out)?;
    let mut failed = 0;
    for both_ways in [false, true] {
        // What the same transfers take where nothing is lost: those rows come first.
        let mut lossless = HashMap::new();
        for kind in kinds(both_ways) {
            let mut row = run_kind(cli, &kind);
            let path = (kind.round_trip, kind.send_buffer_bytes);
            let [bare, ..] = &mut row;
            let least = *lossless.entry(path).or_insert_with(|| bare.median());
            print_row(&kind, &mut row, least, out)?;
            let [_, guarded, recovering] = row;
            failed += guarded.failed + recovering.failed;
        }
    }
    writeln!(out, "guarded: {failed} transfers did not come whole")?;
    Ok(failed == 0)
}

fn kinds(both_ways: bool) -> impl Iterator<Item = RecoveryKind> {
    let lossy = LOSS_PERCENTS.map(|percent| (percent * 10_000, 0));
    let faults = lossy.into_iter().chain([(0, REORDER_PPM)]);
    faults.flat_map(move |(loss_ppm, reorder_ppm)| {
        ROUND_TRIPS.into_iter().flat_map(move |round_trip| {
            SEND_BUFFERS.map(move |send_buffer_bytes| RecoveryKind {
                loss_ppm,
                reorder_ppm,
                reorder_max: Duration::from_millis((round_trip.as_millis() / 2).max(1)),
                round_trip,
                send_buffer_bytes,
                both_ways,
                guard: TrialGuard::Bare,
            })
        })
    })
}

fn run_kind(cli: &Cli, kind: &RecoveryKind) -> Row {
    let states = on_all(
        cli.seeds.end - cli.seeds.start,
        || (Row::default(), vec![0; RECOVERY_MEMORY_BYTES]),
        |(row, memory), number| {
            for (guard, cell) in CONTENDERS.into_iter().zip(row) {
                let seed = cli.seeds.start + number;
                let kind = RecoveryKind { guard, ..*kind };
                let run = || recovery_trial(seed, &kind, memory);
                // A panic is a transfer that did not come whole.
                let Ok(run) = catch_unwind(AssertUnwindSafe(run)) else {
                    cell.failed += 1;
                    continue;
                };
                cell.retransmissions.add(&run.retransmissions);
                match run.outcome {
                    TrialOutcome::Whole(ticks) => cell.whole.push(ticks),
                    _ => cell.failed += 1,
                }
            }
        },
    );
    let mut row = Row::default();
    for (parts, _) in states {
        for (cell, part) in row.iter_mut().zip(parts) {
            cell.merge(part);
        }
    }
    row
}

fn print_head(cli: &Cli, out: &mut dyn Write) -> io::Result<()> {
    let count = cli.seeds.end - cli.seeds.start;
    writeln!(
        out,
        "{RECOVERY_BYTES} bytes from smoltcp to smoltcp; median seconds over {count} seeds from {} on,",
        cli.seeds.start
    )?;
    writeln!(
        out,
        "and the percentage of data segments that were sent again although nothing was lost; `possible`"
    )?;
    writeln!(
        out,
        "is how much faster than bare a transfer is that loses nothing"
    )?;
    writeln!(
        out,
        "{:9} {:>9} {:>10} {:>7}  {:>7} {:>7} {:>8} {:>6} {:>8}  {:>7} {:>7} {:>8}",
        "",
        "loss",
        "round trip",
        "buffer",
        "bare",
        "hangs",
        "recovery",
        "faster",
        "possible",
        "bare",
        "hangs",
        "recovery"
    )
}

/// `lossless` is what the transfer takes without any loss.
fn print_row(
    kind: &RecoveryKind,
    row: &mut Row,
    lossless: f64,
    out: &mut dyn Write,
) -> io::Result<()> {
    let way = if kind.both_ways {
        "both ways"
    } else {
        "one way"
    };
    let fault = if kind.reorder_ppm > 0 {
        "reordered".to_owned()
    } else {
        format!("{} %", kind.loss_ppm / 10_000)
    };
    let round_trip = kind.round_trip.as_millis();
    let buffer = kind.send_buffer_bytes / 1_024;
    write!(
        out,
        "{way:9} {fault:>9} {round_trip:>7} ms {buffer:>3} KiB "
    )?;
    let [bare, hangs, recovery] = row.each_mut().map(Cell::median);
    let (faster, possible) = (bare / recovery, bare / lossless);
    write!(
        out,
        " {bare:>7.3} {hangs:>7.3} {recovery:>8.3} {faster:>6.2} {possible:>8.2} "
    )?;
    let [bare, hangs, recovery] = row.each_ref().map(Cell::spurious_percent);
    writeln!(out, " {bare:>5.2} % {hangs:>5.2} % {recovery:>6.2} %")
}
