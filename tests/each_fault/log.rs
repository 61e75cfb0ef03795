//! What the hosts of a run told, for the message of a test that fails.

use core::fmt;

use smoltcp::wire::{EthernetFrame, PrettyPrinter};
use tickwire::{Duration, Event, Tick, file};
use tickwire_sim::ethernet::{Fate, FrameEvent};
use tickwire_sim::{SimError, Tracer};

use crate::common::fixture::ms;
use crate::common::log::words;
use crate::context::Fault;

/// What was told, and what the frame was that the fault struck.
#[derive(Default)]
pub(crate) struct Log {
    fault: Option<Fault>,
    struck: Option<Vec<u8>>,
    lines: Vec<(Tick, usize, String)>,
    ends: Vec<(usize, Result<(), SimError>)>,
    resumed: Option<u64>,
    last_frame_micros: u64,
}

impl Log {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        Self {
            fault,
            ..Self::default()
        }
    }

    /// How the conversations of a host ended.
    pub(crate) fn ends(&self, host: usize) -> Vec<Result<(), SimError>> {
        let ends = self.ends.iter().filter(|(at, _)| *at == host);
        ends.map(|(_, end)| *end).collect()
    }

    /// Where a transfer went on that was resumed.
    pub(crate) const fn resumed(&self) -> Option<u64> {
        self.resumed
    }

    /// When the last frame was sent or arrived.
    pub(crate) const fn last_frame_time(&self) -> Duration {
        ms(self.last_frame_micros.div_ceil(1_000))
    }

    /// Whether the frame of the fault was sent at all.
    pub(crate) const fn has_struck(&self) -> bool {
        self.struck.is_some()
    }
}

impl Tracer for Log {
    fn event(&mut self, now: Tick, host: usize, _task: &'static str, event: &Event) {
        match *event {
            Event::Disconnected { .. } => self.ends.push((host, Ok(()))),
            Event::Failed { .. } => {
                let error = SimError::of(event).expect("an error of a known type");
                self.ends.push((host, Err(error)));
            }
            _ => {}
        }
        let own = event.app::<file::Event>();
        if let Some(file::Event::Resumed { offset }) = own {
            self.resumed = Some(*offset);
        }
        let is_hashed = matches!(own, Some(file::Event::Hashed { .. }));
        if !is_hashed && !matches!(event, Event::Progress { .. }) {
            let line = match event {
                Event::State { old, new } => Some(format!("{old} => {new}")),
                _ => words(event),
            };
            self.lines.extend(line.map(|line| (now, host, line)));
        }
    }

    fn frame(&mut self, event: &FrameEvent, frame: &[u8]) {
        self.last_frame_micros = event.at_micros;
        let is_struck = |fault: Fault| (fault.from, fault.number) == (event.from, event.number);
        if event.fate == Fate::Sent && self.fault.is_some_and(is_struck) {
            self.struck = Some(frame.to_vec());
        }
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Some(fault) = &self.fault {
            write!(f, "{fault}")?;
        }
        if let Some(frame) = &self.struck {
            let frame = PrettyPrinter::<EthernetFrame<&[u8]>>::new("\n  ", &frame);
            write!(f, ", which was{frame}")?;
        }
        for (now, host, line) in &self.lines {
            write!(f, "\n  {now} host {host}: {line}")?;
        }
        Ok(())
    }
}
