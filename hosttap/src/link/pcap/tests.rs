//! Captures in a real directory, and frames as lines.

use super::*;
use crate::system::clock::Clock;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use smoltcp::phy::{DeviceCapabilities, Medium, RxToken, TracerDirection, TxToken};

/// An ARP request as the kernel sends it.
const ARP: [u8; 42] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0,
    0, 9, 192, 168, 69, 100, 0, 0, 0, 0, 0, 0, 192, 168, 69, 1,
];
/// A SYN with the MSS option.
const SYN: [u8; 58] = [
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0, 0x45, 0, 0, 44, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 168,
    69, 100, 192, 168, 69, 1, 0x80, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 2, 0xff, 0xff, 0, 0, 0,
    0, 2, 4, 5, 180,
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
    let capture = Capture::create(&path, clock.start_unix(), &|| false).unwrap();
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
    let capture = Capture::create(Path::new("/dev/full"), Clock::start().start_unix(), &|| {
        false
    })
    .unwrap();
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
    assert!(Capture::create(Path::new("/none/x"), Clock::start().start_unix(), &|| false).is_err());
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
    let failure = Capture::create(&path, Clock::start().start_unix(), &|| true).unwrap_err();
    assert_eq!(failure.exit, Exit::Interrupted);
    let reader = std::thread::spawn({
        let path = path.clone();
        move || std::fs::read(path).unwrap()
    });
    let capture = Capture::create(&path, Clock::start().start_unix(), &|| false).unwrap();
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
