//! `--pcap` and `-v`: writes every frame to a file for Wireshark, or as one line to stderr.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use rustix::stdio::stdout;
use smoltcp::phy::{Device, PcapLinkType, PcapMode, PcapSink, PcapWriter, Tracer, TracerPacket};
use smoltcp::time::Instant;

use crate::cli::is_stdout;
use crate::exit::{Exit, Failure, io_error_text};
use crate::system::fifo::{is_fifo, open_existing};
use crate::system::patient::PatientFile;

/// A device whose frames are captured and printed where the options ask for it. Without either, it
/// costs a branch or two per frame.
pub type TracedDevice<D> = PcapWriter<Tracer<D>, CaptureSink>;

/// Wraps `device`: every frame goes to `capture` and, with `print_frames`, to stderr.
pub fn trace<D: Device>(device: D, capture: &Capture, print_frames: bool) -> TracedDevice<D> {
    let writer = if print_frames {
        print_frame
    } else {
        ignore_frame
    };
    PcapWriter::new(
        Tracer::new(device, writer),
        CaptureSink(capture.clone()),
        PcapMode::Both,
    )
}

/// A capture in the pcap format. Clones share it: the device writes to it, and the program asks for
/// its error.
///
/// A slow reader is waited for: a dropped frame would be a gap. A full disk never stops the program.
/// It ends the capture, and [`failure`](Self::failure) then returns the cause.
#[derive(Debug, Clone)]
pub struct Capture(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    /// `None` without `--pcap`, and after a failure.
    file: Option<BufWriter<PatientFile>>,
    /// The file name, for messages.
    name: String,
    /// The wall-clock time at tick 0.
    start_unix: Duration,
    failure: Option<String>,
}

impl Capture {
    /// A capture that discards every frame.
    pub fn disabled() -> Self {
        Self::new(None, String::new(), Duration::ZERO)
    }

    /// A capture to `path`, whose old content is lost; `-` is stdout. `start_unix` is the wall-clock
    /// time at tick 0. If nobody reads a FIFO there, waits for a reader until `interrupted` returns
    /// true.
    ///
    /// # Errors
    /// [`Exit::Write`] if the file cannot be created; [`Exit::Interrupted`] if the wait was
    /// interrupted.
    pub fn create(
        path: &Path,
        start_unix: Duration,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Self, Failure> {
        let is_stdout = is_stdout(path);
        let name = if is_stdout {
            "stdout".to_owned()
        } else {
            path.display().to_string()
        };
        let opened = if is_stdout {
            open_stdout()
        } else {
            open(path, interrupted)
        };
        let file = opened.map_err(|error| match error.kind() {
            ErrorKind::Interrupted => Failure::interrupted(),
            _ => Failure::from_io(Exit::Write, &name, &error),
        })?;
        let file = Some(BufWriter::with_capacity(256 * 1024, PatientFile(file)));
        Ok(Self::new(file, name, start_unix))
    }

    fn new(file: Option<BufWriter<PatientFile>>, name: String, start_unix: Duration) -> Self {
        Self(Rc::new(RefCell::new(State {
            file,
            name,
            start_unix,
            failure: None,
        })))
    }

    /// Hands everything to the kernel, so that a reader of the growing file sees whole frames. Call
    /// it before each wait.
    pub fn flush(&self) {
        self.0.borrow_mut().try_with_file(Write::flush);
    }

    /// Writes the head of the file, where no [`TracedDevice`] does it.
    pub fn begin(&self) {
        CaptureSink(self.clone()).global_header(PcapLinkType::Ethernet);
    }

    /// Writes a frame, where no [`TracedDevice`] does it.
    pub fn add(&self, now: Instant, frame: &[u8]) {
        CaptureSink(self.clone()).packet(now, frame);
    }

    /// Why the capture ended early, if it did.
    pub fn failure(&self) -> Option<String> {
        self.0.borrow().failure.clone()
    }
}

fn open(path: &Path, interrupted: &dyn Fn() -> bool) -> io::Result<File> {
    if !is_fifo(path) {
        return File::create(path);
    }
    open_existing(path, interrupted)
}

fn open_stdout() -> io::Result<File> {
    if io::stdout().is_terminal() {
        let text = "a capture is binary, and this is a terminal: use --pcap FILE, or a pipe";
        return Err(io::Error::other(text));
    }
    Ok(stdout().try_clone_to_owned()?.into())
}

impl State {
    /// Runs `action` on the file, if there is one. The first error ends the capture.
    fn try_with_file(
        &mut self,
        action: impl FnOnce(&mut BufWriter<PatientFile>) -> io::Result<()>,
    ) {
        let Some(file) = &mut self.file else {
            return;
        };
        if let Err(error) = action(file) {
            let cause = io_error_text(&error);
            self.failure = Some(format!("{}: the capture ends here: {cause}", self.name));
            if let Some(file) = self.file.take() {
                // Dropping the `BufWriter` would try to write the rest once more.
                drop(file.into_parts());
            }
        }
    }
}

/// The side of a [`Capture`] that smoltcp writes to.
#[derive(Debug)]
pub struct CaptureSink(Capture);

impl PcapSink for CaptureSink {
    fn write(&mut self, data: &[u8]) {
        let mut state = self.0.0.borrow_mut();
        state.try_with_file(|file| file.write_all(data));
    }

    fn packet(&mut self, timestamp: Instant, packet: &[u8]) {
        if self.0.0.borrow().file.is_none() {
            return;
        }
        self.packet_header(timestamp, packet.len());
        let captured = usize::try_from(self.max_packet_size()).unwrap_or(usize::MAX);
        self.write(packet.get(..captured).unwrap_or(packet));
    }

    /// Frames carry the wall-clock time, so that two captures of one exchange can be compared.
    fn packet_header(&mut self, timestamp: Instant, length: usize) {
        let start_unix = self.0.0.borrow().start_unix;
        let elapsed = Duration::from_micros(u64::try_from(timestamp.total_micros()).unwrap_or(0));
        let time = start_unix.saturating_add(elapsed);
        // The format has 32 bits for the seconds, which suffices until 2106.
        self.write_u32(u32::try_from(time.as_secs()).unwrap_or(u32::MAX));
        self.write_u32(time.subsec_micros());
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.write_u32(length.min(self.max_packet_size()));
        self.write_u32(length);
    }
}

fn ignore_frame(_now: Instant, _frame: TracerPacket<'_>) {}

/// Prints a frame as one line to stderr.
pub fn print_frame(now: Instant, frame: TracerPacket<'_>) {
    // If stderr cannot be written, nobody can be told.
    let _ = writeln!(io::stderr().lock(), "{}", format_frame(now, frame));
}

/// smoltcp's tree for a frame as one line: `  1.042 <- EthernetII .. | IPv4 .. | TCP ..`.
fn format_frame(now: Instant, frame: TracerPacket<'_>) -> String {
    let millis = now.total_millis();
    let tree = frame.to_string();
    let parts: Vec<_> = tree
        .lines()
        .map(|part| part.trim_start_matches([' ', '\\']))
        .collect();
    format!(
        "{:3}.{:03} {}",
        millis / 1_000,
        millis % 1_000,
        parts.join(" | ")
    )
}

#[cfg(test)]
mod tests;
