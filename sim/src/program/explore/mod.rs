//! `--explore`: short scripts of segments, writes, closes, pauses and refusals against one smoltcp
//! socket, and what they break.
//!
//! Each number is one script. Where the sweeps of whole transfers meet a rare order of events only
//! by chance, this tries all orders of a few.

#![allow(
    clippy::indexing_slicing,
    reason = "scripts are made here: an index that is wrong is a bug of this tool"
)]

mod cable;
mod host;
mod judge;
mod peer;
mod script;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use crate::all_cores::on_all;
use crate::cli::Cli;
use judge::{Defect, judge};
use script::{Act, Script, first_drawn};

/// Scripts of each defect that a core makes shorter, and that are printed.
const SHORTENED_MAX: u64 = 500;
const PRINTED_MAX: usize = 6;

/// A script that broke something, made shorter.
struct Found {
    number: u64,
    script: Script,
}

impl Found {
    /// What is to be printed first.
    fn rank(&self) -> (usize, u64) {
        (self.script.acts.len(), self.number)
    }
}

/// The scripts that broke the same.
#[derive(Default)]
struct Finding {
    count: u64,
    /// The first of each shape.
    found: BTreeMap<String, Found>,
}

impl Finding {
    fn add(&mut self, found: Found) {
        let entry = self.found.entry(shape(&found.script));
        let first = entry.or_insert_with(|| Found {
            number: found.number,
            script: found.script.clone(),
        });
        if found.rank() < first.rank() {
            *first = found;
        }
    }
}

type Findings = BTreeMap<Defect, Finding>;

/// Runs a range of scripts. Returns whether none of them broke anything.
pub(crate) fn run(cli: &Cli, out: &mut dyn Write) -> io::Result<bool> {
    let is_guarded = !cli.no_guard;
    let range = &cli.seeds;
    let count = range.end - range.start;
    let states = on_all(count, Findings::default, |findings, number| {
        let number = range.start + number;
        let script = Script::numbered(number);
        if let Err(defect) = judge(&script, is_guarded) {
            let finding = findings.entry(defect).or_default();
            finding.count += 1;
            if finding.count <= SHORTENED_MAX {
                let script = shorten(script, defect, is_guarded);
                finding.add(Found { number, script });
            }
        }
    });
    let mut findings = Findings::default();
    for (defect, finding) in states.into_iter().flatten() {
        let all = findings.entry(defect).or_default();
        all.count += finding.count;
        finding.found.into_values().for_each(|found| all.add(found));
    }
    print(&findings, out)?;
    let failed: u64 = findings.values().map(|finding| finding.count).sum();
    let drawn = range.end.saturating_sub(range.start.max(first_drawn()));
    writeln!(
        out,
        "{count} scripts from {} on, {drawn} of them drawn, {}: {failed} failed",
        range.start,
        if is_guarded { "guarded" } else { "bare" },
    )?;
    Ok(failed == 0)
}

fn print(findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    for (defect, finding) in findings {
        writeln!(out, "{defect}: {} scripts", finding.count)?;
        let mut list: Vec<_> = finding.found.values().collect();
        list.sort_by_key(|found| found.rank());
        for found in list.iter().take(PRINTED_MAX) {
            let text = describe(&found.script);
            writeln!(out, "    script {}: {text}", found.number)?;
        }
    }
    Ok(())
}

/// Removes acts as long as the script still breaks the same.
fn shorten(mut script: Script, defect: Defect, is_guarded: bool) -> Script {
    let mut at = 0;
    while at < script.acts.len() {
        let mut fewer = script.clone();
        fewer.acts.remove(at);
        if judge(&fewer, is_guarded) == Err(defect) {
            script = fewer;
            at = 0;
        } else {
            at += 1;
        }
    }
    script
}

/// The acts without most of their numbers: of many scripts with one cause, one is printed.
fn shape(script: &Script) -> String {
    let acts = script.acts.iter().map(|act| match act {
        Act::Receive(received) => match (received.has_fin, received.len) {
            (false, 0) => "ack",
            (false, _) => "data",
            (true, 0) => "fin",
            (true, _) => "data fin",
        },
        Act::Write(_) => "write",
        Act::Again(_) => "again",
        Act::Acknowledge(_) => "acknowledge",
        Act::Continue(_, false) => "continue",
        Act::Continue(_, true) => "continue fin",
        Act::Resend => "resend",
        Act::Pass(_) | Act::Sleep => "time",
        Act::Close => "close",
        Act::Read => "read",
        Act::Refuse => "refuse",
        Act::Accept => "accept",
    });
    acts.collect::<Vec<_>>().join(" ")
}

fn describe(script: &Script) -> String {
    let setup = script.setup;
    let mut text = format!("window {}, peer's {}", setup.window, setup.peer_window);
    for (is_set, name) in [
        (setup.has_keep_alive, ", keep-alive"),
        (setup.has_nagle, ", Nagle"),
        (!setup.delays_acks, ", no delayed ACKs"),
    ] {
        if is_set {
            text += name;
        }
    }
    for act in &script.acts {
        // A string takes everything.
        let _ = match act {
            Act::Receive(received) => write!(
                text,
                "; receive{} seq {} ack {} window {} length {}",
                if received.has_fin { " FIN" } else { "" },
                received.seq,
                received.ack,
                received.window,
                received.len
            ),
            Act::Write(len) => write!(text, "; write {len}"),
            Act::Again(count) => write!(text, "; again {count}"),
            Act::Acknowledge(window) => write!(text, "; acknowledge all, window {window}"),
            Act::Continue(len, has_fin) => {
                let fin = if *has_fin { " FIN" } else { "" };
                write!(text, "; receive{fin} the next {len}")
            }
            Act::Resend => write!(text, "; receive again what is not acknowledged"),
            Act::Pass(millis) => write!(text, "; pass {millis} ms"),
            Act::Close => write!(text, "; close"),
            Act::Read => write!(text, "; read"),
            Act::Sleep => write!(text, "; sleep"),
            Act::Refuse => write!(text, "; device full"),
            Act::Accept => write!(text, "; device free"),
        };
    }
    text
}
