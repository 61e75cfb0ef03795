//! The TAP interface as a smoltcp device. Its two frame buffers are allocated once; no frame
//! allocates.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use tun_tap::{Iface, Mode};

use super::netlink::Netlink;
use crate::cli::values;
use crate::exit::{Exit, Failure, io_error_text};
use crate::system::unsafe_calls::{borrow_descriptor, disable_offload};

/// The size of an Ethernet header. smoltcp's maximum transmission unit includes it, the interface's
/// MTU does not.
pub const ETHERNET_HEADER_BYTES: usize = 14;
/// The longest frame: an IPv4 packet has at most 65,535 bytes (RFC 791, section 3.1).
pub const FRAME_BYTES_MAX: usize = 65_535 + ETHERNET_HEADER_BYTES;
/// How many bad frames one call of `receive` drops before it returns to the event loop.
const DROPS_PER_CALL_MAX: usize = 32;

/// Counts of frames that passed through the TAP, and of those that were dropped. A dropped frame is
/// like any other loss on a link: TCP retransmits it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames from the kernel that the stack received.
    pub received: u64,
    /// Frames from the stack that the kernel accepted.
    pub sent: u64,
    /// Frames from the kernel shorter than an Ethernet header.
    pub received_short: u64,
    /// Frames from the kernel longer than the MTU plus the header.
    pub received_long: u64,
    /// Reads that failed for any reason other than `EAGAIN`.
    pub receive_errors: u64,
    /// Frames from the stack longer than the MTU plus the header. They are never written, because
    /// the kernel would accept them.
    pub refused_long: u64,
    /// Frames from the stack dropped because the kernel's queue was full (`EAGAIN`, `ENOBUFS`).
    pub dropped_full: u64,
    /// Frames from the stack dropped because the link was down (`EIO`).
    pub dropped_down: u64,
    /// Frames from the stack that the kernel refused for any other reason.
    pub dropped_other: u64,
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received, sent, .. } = self;
        write!(f, "{received} received, {sent} sent")?;
        for (count, what) in [
            (self.received_short, "too short"),
            (self.received_long, "too long"),
            (self.receive_errors, "failed reads"),
            (self.refused_long, "refused as too long"),
            (self.dropped_full, "dropped because the queue was full"),
            (self.dropped_down, "dropped because the link was down"),
            (self.dropped_other, "dropped for another reason"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// A TAP interface. It reads and writes whole frames, and never blocks.
#[derive(Debug)]
pub struct Tap {
    port: Port,
    /// The last frame that `receive` read. The token lends it to the stack until the next call.
    rx: Box<[u8]>,
    /// The frame that the stack is writing. The kernel has copied it when `consume` returns.
    tx: Box<[u8]>,
}

/// What both tokens need: the interface and its counters.
#[derive(Debug)]
struct Port {
    iface: Iface,
    /// The kernel's own Ethernet address on the interface.
    kernel_mac: [u8; 6],
    frame_bytes_max: usize,
    counters: Counters,
    is_deleted: bool,
}

impl Tap {
    /// Opens the interface `name`. If it is missing, the kernel creates it for a privileged caller.
    ///
    /// # Errors
    /// [`Exit::Usage`] for an invalid name; otherwise [`Exit::Tap`] with the cause and how to fix
    /// it.
    pub fn open(name: &str) -> Result<Self, Failure> {
        // tun-tap would silently truncate a long name and open another interface.
        values::interface_name(name)
            .map_err(|why| Failure::new(Exit::Usage, format!("interface '{name}': {why}")))?;
        let iface = Iface::without_packet_info(name, Mode::Tap)
            .map_err(|error| Failure::new(Exit::Tap, explain(name, &error)))?;
        Self::with_iface(iface).map_err(|error| {
            let cause = io_error_text(&error);
            Failure::new(Exit::Tap, format!("cannot use the TAP {name}: {cause}"))
        })
    }

    fn with_iface(iface: Iface) -> io::Result<Self> {
        iface.set_non_blocking()?;
        disable_offload(borrow_descriptor(&iface))?;
        let link = Netlink::open()?.link(iface.name())?;
        let link = link.ok_or(io::ErrorKind::NotFound)?;
        let frame_bytes_max = link.mtu + ETHERNET_HEADER_BYTES;
        Ok(Self {
            port: Port {
                iface,
                kernel_mac: link.ethernet_address(),
                frame_bytes_max,
                counters: Counters::default(),
                is_deleted: false,
            },
            // A read silently truncates a frame. One extra byte shows that the frame was too long.
            rx: vec![0; frame_bytes_max + 1].into_boxed_slice(),
            tx: vec![0; frame_bytes_max].into_boxed_slice(),
        })
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        self.port.iface.name()
    }

    /// The kernel's own Ethernet address on the interface.
    pub fn kernel_mac(&self) -> [u8; 6] {
        self.port.kernel_mac
    }

    /// The MTU in bytes, as the kernel reported it when the TAP was opened.
    pub fn mtu(&self) -> usize {
        self.port.frame_bytes_max - ETHERNET_HEADER_BYTES
    }

    /// How many frames passed through, and how many were dropped.
    pub fn counters(&self) -> Counters {
        self.port.counters
    }

    /// Whether the interface was deleted while it was open. Its descriptor then always polls as
    /// ready, so the program must end.
    pub fn is_deleted(&self) -> bool {
        self.port.is_deleted
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        borrow_descriptor(&self.port.iface)
    }
}

impl Port {
    /// Reads the next valid frame and returns its length.
    fn read(&mut self, rx: &mut [u8]) -> Option<usize> {
        for _ in 0..DROPS_PER_CALL_MAX {
            match self.iface.recv(rx) {
                Ok(length) if length > self.frame_bytes_max => self.counters.received_long += 1,
                Ok(length) if length < ETHERNET_HEADER_BYTES => self.counters.received_short += 1,
                Ok(length) => {
                    self.counters.received += 1;
                    return Some(length);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) => {
                    self.counters.receive_errors += 1;
                    self.check_deleted(&error);
                    return None;
                }
            }
        }
        None
    }

    fn write(&mut self, frame: &[u8]) {
        match self.iface.send(frame) {
            Ok(length) if length == frame.len() => self.counters.sent += 1,
            Ok(_) => self.counters.dropped_other += 1,
            Err(error) => {
                match Errno::from_io_error(&error) {
                    Some(Errno::AGAIN | Errno::NOBUFS) => self.counters.dropped_full += 1,
                    Some(Errno::IO) => self.counters.dropped_down += 1,
                    _ => self.counters.dropped_other += 1,
                }
                self.check_deleted(&error);
            }
        }
    }

    /// The kernel reports `EBADFD` for a descriptor whose interface was deleted.
    fn check_deleted(&mut self, error: &io::Error) {
        self.is_deleted |= Errno::from_io_error(error) == Some(Errno::BADFD);
    }
}

impl Device for Tap {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let length = self.port.read(&mut self.rx)?;
        let frame = self.rx.get(..length)?;
        let (port, tx) = (&mut self.port, &mut *self.tx);
        Some((RxToken { frame }, TxToken { port, tx }))
    }

    /// Never `None`: smoltcp would lose the packet silently, while a frame dropped here is counted.
    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_>> {
        let (port, tx) = (&mut self.port, &mut *self.tx);
        Some(TxToken { port, tx })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.port.frame_bytes_max;
        capabilities
    }
}

/// A frame from the kernel.
#[derive(Debug)]
pub struct RxToken<'a> {
    frame: &'a [u8],
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }
}

/// Permission to write one frame.
#[derive(Debug)]
pub struct TxToken<'a> {
    port: &'a mut Port,
    tx: &'a mut [u8],
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let Some(frame) = self.tx.get_mut(..length) else {
            // The stack must respect our MTU, so this is its bug. The kernel would accept any
            // length.
            self.port.counters.refused_long += 1;
            return f(&mut vec![0; length]);
        };
        let result = f(frame);
        self.port.write(frame);
        result
    }
}

/// Why the TAP cannot be opened, and how to fix that.
fn explain(name: &str, error: &io::Error) -> String {
    let cause = io_error_text(error);
    let fix = match Errno::from_io_error(error) {
        Some(Errno::PERM) => format!(
            "this needs CAP_NET_ADMIN, or a TAP that was created for you beforehand:\n  \
             sudo ip tuntap add dev {name} mode tap user $(id -un)"
        ),
        Some(Errno::BUSY) => {
            format!("another program holds {name}; end it, or choose another interface with --tap")
        }
        Some(Errno::INVAL) => format!(
            "{name} is not a plain TAP (another kind of interface, a TUN, or a TAP created with \
             multi_queue); choose another name with --tap"
        ),
        Some(Errno::ACCESS) => {
            "you have no permission to open /dev/net/tun:\n  sudo chmod 666 /dev/net/tun".to_owned()
        }
        Some(Errno::NOENT) => "/dev/net/tun does not exist:\n  sudo modprobe tun\n\
             and if it is still missing:\n  \
             sudo mkdir -p /dev/net && sudo mknod -m 666 /dev/net/tun c 10 200"
            .to_owned(),
        Some(Errno::NODEV | Errno::NXIO) => {
            "the kernel's TUN/TAP driver is not loaded:\n  sudo modprobe tun".to_owned()
        }
        _ => "`hosttap doctor` may show the cause".to_owned(),
    };
    format!("cannot open the TAP {name}: {cause}: {fix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_comes_with_its_fix() {
        for (errno, fix) in [
            (Errno::PERM, "ip tuntap add dev tap9 mode tap user"),
            (Errno::BUSY, "another program holds tap9"),
            (Errno::INVAL, "multi_queue"),
            (Errno::ACCESS, "chmod 666 /dev/net/tun"),
            (Errno::NOENT, "modprobe tun"),
            (Errno::NODEV, "modprobe tun"),
        ] {
            let text = explain("tap9", &errno.into());
            assert!(text.contains(fix), "{text}");
            assert!(!text.contains("os error"), "{text}");
        }
    }

    #[test]
    fn an_invalid_name_is_refused_before_the_kernel_sees_it() {
        let failure = Tap::open("sixteen-letters-").unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("16 bytes"), "{failure}");
    }
}
