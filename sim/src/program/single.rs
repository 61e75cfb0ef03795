//! One seed, with everything that happens.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use tickwire::dhcp::DhcpEvent;
use tickwire::http::server::{self, ServeError};
use tickwire::hub::socketio;
use tickwire::sntp::SntpEvent;
use tickwire::websocket::{self, WebSocketError};
use tickwire::{Event, Tick, chat, file, http};
use tickwire_sim::ethernet::FrameEvent;
use tickwire_sim::{SimError, Tracer, describe};

use crate::capture::Capture;
use crate::caught::{failure, run_caught, run_memory};
use crate::cli::{Cli, Workload};
use crate::clock::Stopwatch;
use crate::net;
use crate::ran::Ran;
use crate::result_file::ResultFile;
use crate::serve;
use crate::summary::{Summary, faults};
use crate::timeline;
use crate::timeline_data::TimelineData;

/// Prints what happens, and keeps what is to be drawn or captured.
struct Printer<'o> {
    out: &'o mut dyn Write,
    /// Whether everything could be printed so far. A run does not end when it could not: a panic
    /// here would look like one of the seed.
    printed: io::Result<()>,
    capture: Option<Capture>,
    data: Option<TimelineData>,
}

impl Printer<'_> {
    fn print(&mut self, line: fmt::Arguments<'_>) {
        if self.printed.is_ok() {
            self.printed = writeln!(self.out, "{line}");
        }
    }
}

impl Tracer for Printer<'_> {
    fn event(&mut self, now: Tick, node: usize, task: &'static str, event: &Event) {
        if !matches!(event, Event::Progress { .. }) {
            let text = describe_event(event);
            self.print(format_args!("{now:>12} node {node} {task} {text}"));
        }
        if let Some(data) = &mut self.data {
            data.event(now, node, task, event);
        }
    }

    fn note(&mut self, now: Tick, node: Option<usize>, text: &str) {
        if let Some(data) = &mut self.data {
            data.note(now, node, text);
        }
        let node = node.map_or(String::new(), |node| format!(" node {node}"));
        self.print(format_args!("{now:>12}{node} {text}"));
    }

    fn frame(&mut self, event: &FrameEvent, frame: &[u8]) {
        if let Some(capture) = &mut self.capture {
            capture.add(event, frame);
        }
        if let Some(data) = &mut self.data {
            data.frame(event, frame);
        }
    }
}

/// Runs one seed. Returns whether all is well.
pub(crate) fn run(cli: &Cli, seed: u64, out: &mut dyn Write) -> io::Result<bool> {
    let workload = cli.workload();
    let mut text = String::new();
    // A string takes everything.
    let _ = match &workload {
        Workload::Apps(options) => describe(seed, options, &mut text),
        Workload::Net { profile, .. } => net::describe(seed, *profile, &mut text),
        Workload::Serve { profile, .. } => serve::describe(seed, *profile, &mut text),
    };
    writeln!(
        out,
        "seed {seed}, profile {}, scenario {}",
        workload.profile().name(),
        workload.scenario()
    )?;
    write!(out, "{text}")?;
    let file = ResultFile::create(cli)?;
    let stopwatch = Stopwatch::start();
    let mut printer = Printer {
        out: &mut *out,
        printed: Ok(()),
        capture: cli.pcap.as_ref().map(|_| Capture::new()),
        data: cli.timeline.as_ref().map(|_| TimelineData::default()),
    };
    let result = run_caught(seed, &workload, &mut run_memory(), &mut printer);
    printer.printed?;
    if let Some(file) = file {
        let seconds = stopwatch.elapsed().as_secs_f64();
        let trace = result.as_ref().ok().map(|ran| ran.report.trace);
        file.write(cli, &Summary::of(seed, &result), seconds, trace)?;
    }
    if let (Some(path), Some(capture)) = (&cli.pcap, &printer.capture) {
        write(path, capture.bytes())?;
    }
    if let (Some(path), Some(data)) = (&cli.timeline, &mut printer.data) {
        data.finish();
        write(path, timeline::draw(data, &cli.replay(seed)).as_bytes())?;
    }
    if let Ok(Ran { report, counts }) = &result {
        for line in faults(&report.counts) {
            writeln!(out, "{line}")?;
        }
        for (what, count) in counts {
            writeln!(out, "{what} {count}")?;
        }
        writeln!(
            out,
            "ended at {}, {} turns, {:?}",
            report.ended_at, report.turns, report.attempts
        )?;
    }
    let broken = failure(&result);
    if let Some(broken) = &broken {
        writeln!(out, "FAILED: {broken}")?;
    }
    if let Ok(Ran { report, .. }) = &result {
        writeln!(out, "trace {:016x}", report.trace)?;
    }
    Ok(broken.is_none())
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    std::fs::write(path, bytes)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// An event with what tickwire's own apps define.
fn describe_event(event: &Event) -> String {
    if let (Event::Failed { remote, .. }, Some(error)) = (event, SimError::of(event)) {
        return format!("Failed {{ remote: {remote:?}, error: {error:?} }}");
    }
    if let (Event::Failed { remote, .. }, Some(error)) =
        (event, event.error::<ServeError<WebSocketError>>())
    {
        return format!("Failed {{ remote: {remote:?}, error: {error:?} }}");
    }
    None.or_else(|| event.app::<http::Event>().map(|own| format!("{own:?}")))
        .or_else(|| event.app::<chat::Event>().map(|own| format!("{own:?}")))
        .or_else(|| event.app::<file::Event>().map(|own| format!("{own:?}")))
        .or_else(|| event.app::<DhcpEvent>().map(|own| format!("{own:?}")))
        .or_else(|| event.app::<SntpEvent>().map(|own| format!("{own:?}")))
        .or_else(|| event.app::<server::Event>().map(|own| format!("{own:?}")))
        .or_else(|| {
            event
                .app::<websocket::Event>()
                .map(|own| format!("{own:?}"))
        })
        .or_else(|| event.app::<socketio::Event>().map(|own| format!("{own:?}")))
        .unwrap_or_else(|| format!("{event:?}"))
}
