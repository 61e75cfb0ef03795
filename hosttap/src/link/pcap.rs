//! `--pcap` and `-v`: writes every frame to a file for Wireshark, or as one line to stderr.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_setfl};
use smoltcp::phy::{Device, PcapMode, PcapSink, PcapWriter, Tracer, TracerPacket};
use smoltcp::time::Instant;

use crate::exit::{Exit, Failure, io_error_text};
use crate::system::clock::Clock;
use crate::system::fifo::{is_fifo, open_existing};

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
/// A full disk never stops the program. It ends the capture, and [`failure`](Self::failure) then
/// returns the cause.
#[derive(Debug, Clone)]
pub struct Capture(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    /// `None` without `--pcap`, and after a failure.
    file: Option<BufWriter<File>>,
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

    /// A capture to `path`, whose old content is lost. If nobody reads a FIFO there, waits for a
    /// reader until `interrupted` returns true.
    ///
    /// # Errors
    /// [`Exit::Write`] if the file cannot be created; [`Exit::Interrupted`] if the wait was
    /// interrupted.
    pub fn create(
        path: &Path,
        clock: &Clock,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let file = open(path, interrupted).map_err(|error| match error.kind() {
            ErrorKind::Interrupted => Failure::interrupted(),
            _ => Failure::from_io(Exit::Write, &name, &error),
        })?;
        let file = Some(BufWriter::with_capacity(256 * 1024, file));
        Ok(Self::new(file, name, clock.start_unix()))
    }

    fn new(file: Option<BufWriter<File>>, name: String, start_unix: Duration) -> Self {
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

    /// Why the capture ended early, if it did.
    pub fn failure(&self) -> Option<String> {
        self.0.borrow().failure.clone()
    }
}

fn open(path: &Path, interrupted: &dyn Fn() -> bool) -> io::Result<File> {
    if !is_fifo(path) {
        return File::create(path);
    }
    let fifo = open_existing(path, interrupted)?;
    // Blocking writes wait for a slow reader. A dropped frame would be a gap in the capture.
    fcntl_setfl(&fifo, OFlags::empty())?;
    Ok(fifo)
}

impl State {
    /// Runs `action` on the file, if there is one. The first error ends the capture.
    fn try_with_file(&mut self, action: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) {
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

fn print_frame(now: Instant, frame: TracerPacket<'_>) {
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
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use smoltcp::phy::{DeviceCapabilities, Medium, RxToken, TracerDirection, TxToken};

    /// An ARP request as the kernel sends it.
    const ARP: [u8; 42] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0,
        0, 0, 0, 9, 192, 168, 69, 100, 0, 0, 0, 0, 0, 0, 192, 168, 69, 1,
    ];
    /// A SYN with the MSS option.
    const SYN: [u8; 58] = [
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0, 0x45, 0, 0, 44, 0, 0, 0x40, 0, 64, 6, 0, 0, 192,
        168, 69, 100, 192, 168, 69, 1, 0x80, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 2, 0xff, 0xff,
        0, 0, 0, 0, 2, 4, 5, 180,
    ];

    /// A device that always receives the same frame and accepts every frame.
    struct ArpSource;
    struct Rx;
    struct Tx;

    impl RxToken for Rx {
        fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
            f(&ARP)
        }
    }

    impl TxToken for Tx {
        fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
            f(&mut vec![0; length])
        }
    }

    impl Device for ArpSource {
        type RxToken<'a> = Rx;
        type TxToken<'a> = Tx;

        fn receive(&mut self, _now: Instant) -> Option<(Rx, Tx)> {
            Some((Rx, Tx))
        }

        fn transmit(&mut self, _now: Instant) -> Option<Tx> {
            Some(Tx)
        }

        fn capabilities(&self) -> DeviceCapabilities {
            let mut capabilities = DeviceCapabilities::default();
            capabilities.medium = Medium::Ethernet;
            capabilities
        }
    }

    fn exchange(device: &mut TracedDevice<ArpSource>, now: Instant) {
        let (rx, tx) = device.receive(now).unwrap();
        rx.consume(|frame| assert_eq!(frame, ARP));
        tx.consume(SYN.len(), |frame| frame.copy_from_slice(&SYN));
    }

    #[test]
    fn a_capture_has_a_header_and_both_directions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pcap");
        let clock = Clock::start();
        let capture = Capture::create(&path, &clock, &|| false).unwrap();
        let mut device = trace(ArpSource, &capture, false);
        exchange(&mut device, Instant::from_millis(1_234));
        capture.flush();
        let file = std::fs::read(&path).unwrap();
        let word = |at: usize| u32::from_ne_bytes(file[at..at + 4].try_into().unwrap());
        assert_eq!(word(0), 0xa1b2_c3d4);
        assert_eq!(word(20), 1, "link type Ethernet");
        let time = clock.start_unix() + Duration::from_millis(1_234);
        assert_eq!(u64::from(word(24)), time.as_secs());
        assert_eq!(word(28), time.subsec_micros());
        assert_eq!((word(32), word(36)), (42, 42));
        assert_eq!(file[40..82], ARP);
        assert_eq!(word(90), 58);
        assert_eq!(file[98..], SYN);
        assert_eq!(capture.failure(), None);
    }

    #[test]
    fn a_full_disk_ends_the_capture_and_nothing_else() {
        let capture = Capture::create(Path::new("/dev/full"), &Clock::start(), &|| false).unwrap();
        let mut device = trace(ArpSource, &capture, false);
        for _ in 0..5_000 {
            exchange(&mut device, Instant::from_millis(1));
        }
        capture.flush();
        let failure = capture.failure().unwrap();
        assert_eq!(
            failure,
            "/dev/full: the capture ends here: No space left on device"
        );
        assert!(Capture::create(Path::new("/none/x"), &Clock::start(), &|| false).is_err());
        exchange(
            &mut trace(ArpSource, &Capture::disabled(), false),
            Instant::ZERO,
        );
    }

    #[test]
    fn a_fifo_without_a_reader_is_waited_for_until_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        let (kind, mode) = (FileType::Fifo, Mode::from_raw_mode(0o600));
        mknodat(CWD, &path, kind, mode, 0).unwrap();
        let failure = Capture::create(&path, &Clock::start(), &|| true).unwrap_err();
        assert_eq!(failure.exit, Exit::Interrupted);
        let reader = std::thread::spawn({
            let path = path.clone();
            move || std::fs::read(path).unwrap()
        });
        let capture = Capture::create(&path, &Clock::start(), &|| false).unwrap();
        let mut device = trace(ArpSource, &capture, false);
        // More than a pipe holds.
        for _ in 0..5_000 {
            exchange(&mut device, Instant::ZERO);
        }
        capture.flush();
        assert_eq!(capture.failure(), None);
        drop((device, capture));
        assert_eq!(
            reader.join().unwrap().len(),
            24 + 5_000 * (16 + 42 + 16 + 58)
        );
    }

    fn format(buffer: &[u8]) -> String {
        let (medium, direction) = (Medium::Ethernet, TracerDirection::RX);
        format_frame(
            Instant::from_millis(1_042),
            TracerPacket {
                buffer,
                medium,
                direction,
            },
        )
    }

    #[test]
    fn a_frame_is_one_line() {
        let text = format(&SYN);
        assert!(
            text.starts_with("  1.042 <- EthernetII src=02-00-00-00-00-09"),
            "{text}"
        );
        assert!(text.contains(" | IPv4 src=192.168.69.100"), "{text}");
        assert!(text.contains(" | TCP src=32768 dst=80"), "{text}");
        assert!(format(&ARP).contains(" | ARP"), "{}", format(&ARP));
    }

    #[test]
    fn hostile_frames_are_printed_without_a_panic() {
        // Random bytes after every kind of header, with versions and protocols that get parsed.
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            let mut frame = [0; 120];
            for byte in &mut frame {
                random = random
                    .wrapping_mul(0x5851_f42d_4c95_7f2d)
                    .wrapping_add(0x1405);
                *byte = (random >> 56) as u8;
            }
            let kinds = [[8, 0, 0x45], [8, 6, 0], [0x86, 0xdd, 0x60]];
            let kind = kinds[usize::from(frame[0] % 3)];
            frame[12..15].copy_from_slice(&kind);
            frame[20] = [0, 6, 17, 58, 44, 60][usize::from(frame[1] % 6)];
            frame[23] = [1, 2, 6, 17][usize::from(frame[2] % 4)];
            (frame[16], frame[18]) = (0, 0);
            assert!(!format(&frame).contains('\n'));
        }
        // Every byte has every value, and every frame every length.
        for frame in [ARP.as_slice(), &SYN] {
            for length in 0..=frame.len() {
                assert!(!format(&frame[..length]).contains('\n'));
            }
            for at in 0..frame.len() {
                let mut hostile = frame.to_vec();
                for value in 0..=255 {
                    hostile[at] = value;
                    assert!(!format(&hostile).contains('\n'));
                }
            }
        }
    }
}
