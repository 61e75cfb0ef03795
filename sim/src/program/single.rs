//! One seed, told in full.

use std::fmt;
use std::io::{self, Write};

use std::path::Path;

use tickwire::{Event, Tick};
use tickwire_sim::ethernet::FrameEvent;
use tickwire_sim::{Witness, describe};

use crate::capture::Capture;
use crate::cli::Cli;
use crate::guarded::{attempt, memory, verdict};
use crate::scene::Scene;
use crate::summary::faults;
use crate::timeline;

/// Prints what happens, and collects what is to be drawn or captured.
struct Teller<'o> {
    out: &'o mut dyn Write,
    /// Whether all could be printed so far. A run does not end for that, and a panic here would look like one of the seed.
    printed: io::Result<()>,
    capture: Option<Capture>,
    scene: Option<Scene>,
}

impl Teller<'_> {
    fn tell(&mut self, line: fmt::Arguments<'_>) {
        if self.printed.is_ok() {
            self.printed = writeln!(self.out, "{line}");
        }
    }
}

impl Witness for Teller<'_> {
    fn event(&mut self, now: Tick, host: usize, app: usize, event: &Event<'_>) {
        if !matches!(event, Event::Progress { .. }) {
            self.tell(format_args!("{now:>12} host {host} seat {app} {event:?}"));
        }
        if let Some(scene) = &mut self.scene {
            scene.event(now, host, app, event);
        }
    }

    fn note(&mut self, now: Tick, host: Option<usize>, text: &str) {
        if let Some(scene) = &mut self.scene {
            scene.note(now, host, text);
        }
        let host = host.map_or(String::new(), |host| format!(" host {host}"));
        self.tell(format_args!("{now:>12}{host} {text}"));
    }

    fn frame(&mut self, event: &FrameEvent, frame: &[u8]) {
        if let Some(capture) = &mut self.capture {
            capture.add(event, frame);
        }
        if let Some(scene) = &mut self.scene {
            scene.frame(event, frame);
        }
    }
}

/// Runs one seed. Returns whether all is well.
pub(crate) fn run(cli: &Cli, seed: u64, out: &mut dyn Write) -> io::Result<bool> {
    let options = cli.options();
    let mut text = String::new();
    // A string takes everything.
    let _ = describe(seed, &options, &mut text);
    writeln!(
        out,
        "seed {seed}, profile {}, scenario {}",
        options.profile.name(),
        options.scenario.name()
    )?;
    write!(out, "{text}")?;
    let mut teller = Teller {
        out: &mut *out,
        printed: Ok(()),
        capture: cli.pcap.as_ref().map(|_| Capture::new()),
        scene: cli.timeline.as_ref().map(|_| Scene::default()),
    };
    let result = attempt(seed, &options, &mut memory(), &mut teller);
    teller.printed?;
    if let (Some(path), Some(capture)) = (&cli.pcap, &teller.capture) {
        write(path, capture.bytes())?;
    }
    if let (Some(path), Some(scene)) = (&cli.timeline, &mut teller.scene) {
        scene.finish();
        write(path, timeline::draw(scene, &cli.replay(seed)).as_bytes())?;
    }
    if let Ok(report) = &result {
        for line in faults(&report.counts) {
            writeln!(out, "{line}")?;
        }
        writeln!(
            out,
            "ended at {}, {} turns, {:?}",
            report.ended_at, report.turns, report.tallies
        )?;
    }
    let broken = verdict(&result);
    if let Some(broken) = &broken {
        writeln!(out, "FAILED: {broken}")?;
    }
    if let Ok(report) = &result {
        writeln!(out, "trace {:016x}", report.trace)?;
    }
    Ok(broken.is_none())
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    std::fs::write(path, bytes)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
