//! The TAP interface as a smoltcp device: two frame buffers, made once; no allocation for a frame.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use tun_tap::{Iface, Mode};

use crate::exit::{Exit, Failure, system_text};
use crate::netlink::Netlink;
use crate::{sys, values};

/// Bytes of an Ethernet header: smoltcp's maximum counts it, the interface's MTU does not.
pub const ETHERNET_HEADER_BYTES: usize = 14;
/// Bytes of the longest frame: an IPv4 packet has at most 65,535 bytes (RFC 791, section 3.1).
pub const FRAME_BYTES_MAX: usize = 65_535 + ETHERNET_HEADER_BYTES;
/// Frames that `receive` drops in one call before it gives the loop its turn back.
const DROPS_A_CALL_MAX: usize = 32;

/// What went through the TAP and what did not. A dropped frame is the wire's ordinary loss: TCP repeats it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames from the kernel that were given to the stack.
    pub received: u64,
    /// Frames of the stack that the kernel took whole.
    pub sent: u64,
    /// Frames from the kernel shorter than an Ethernet header.
    pub received_short: u64,
    /// Frames from the kernel longer than the MTU and the header.
    pub received_long: u64,
    /// Reads that failed other than for want of a frame.
    pub receive_errors: u64,
    /// Frames of the stack longer than the MTU and the header: never written, since the kernel would take them.
    pub refused_long: u64,
    /// Frames of the stack dropped because the kernel's queue was full (`EAGAIN`, `ENOBUFS`).
    pub dropped_full: u64,
    /// Frames of the stack dropped because the link was down (`EIO`).
    pub dropped_down: u64,
    /// Frames of the stack that the kernel did not take for any other reason.
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
            (self.dropped_full, "dropped at a full queue"),
            (self.dropped_down, "dropped at a link that is down"),
            (self.dropped_other, "dropped otherwise"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// A TAP interface. It reads and writes whole frames and never blocks.
#[derive(Debug)]
pub struct Tap {
    port: Port,
    /// The frame that `receive` read last; the token lends it to the stack until the next `receive`.
    rx: Box<[u8]>,
    /// The frame that the stack is writing; the kernel has copied it when `consume` returns.
    tx: Box<[u8]>,
}

/// What both tokens need: the interface and the books.
#[derive(Debug)]
struct Port {
    iface: Iface,
    frame_bytes_max: usize,
    counters: Counters,
    gone: bool,
}

impl Tap {
    /// Opens the interface `name`; the kernel creates it when it is missing and the caller may.
    ///
    /// # Errors
    /// [`Exit::Usage`] for an impossible name, [`Exit::Tap`] with the reason and the remedy for the rest.
    pub fn open(name: &str) -> Result<Self, Failure> {
        // tun-tap would cut a long name in silence and open another interface.
        values::interface_name(name)
            .map_err(|why| Failure::new(Exit::Usage, format!("interface '{name}': {why}")))?;
        let iface = Iface::without_packet_info(name, Mode::Tap)
            .map_err(|error| Failure::new(Exit::Tap, explain(name, &error)))?;
        Self::with_iface(iface).map_err(|error| {
            let cause = system_text(&error);
            Failure::new(Exit::Tap, format!("cannot use the TAP {name}: {cause}"))
        })
    }

    fn with_iface(iface: Iface) -> io::Result<Self> {
        iface.set_non_blocking()?;
        sys::disable_offload(sys::borrow_descriptor(&iface))?;
        let link = Netlink::open()?.link(iface.name())?;
        let link = link.ok_or(io::ErrorKind::NotFound)?;
        let frame_bytes_max = link.mtu + ETHERNET_HEADER_BYTES;
        Ok(Self {
            port: Port {
                iface,
                frame_bytes_max,
                counters: Counters::default(),
                gone: false,
            },
            // A read cuts what does not fit in silence: one more byte shows that a frame was too long.
            rx: vec![0; frame_bytes_max + 1].into_boxed_slice(),
            tx: vec![0; frame_bytes_max].into_boxed_slice(),
        })
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        self.port.iface.name()
    }

    /// Largest IP packet in bytes, as the kernel said when the TAP was opened.
    pub fn mtu(&self) -> usize {
        self.port.frame_bytes_max - ETHERNET_HEADER_BYTES
    }

    /// What went through and what was dropped.
    pub fn counters(&self) -> Counters {
        self.port.counters
    }

    /// Whether the interface was deleted under us. Its descriptor then polls as ready for ever: end the program.
    pub fn is_gone(&self) -> bool {
        self.port.gone
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        sys::borrow_descriptor(&self.port.iface)
    }
}

impl Port {
    /// Reads the next good frame and returns its length.
    fn read(&mut self, rx: &mut [u8]) -> Option<usize> {
        for _ in 0..DROPS_A_CALL_MAX {
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
                    self.note(&error);
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
                self.note(&error);
            }
        }
    }

    /// `EBADFD` is the kernel's word for a descriptor whose interface was deleted.
    fn note(&mut self, error: &io::Error) {
        self.gone |= Errno::from_io_error(error) == Some(Errno::BADFD);
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

    /// Never `None`: smoltcp loses what a device refuses, while a frame that is dropped here is counted.
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

/// One frame from the kernel.
#[derive(Debug)]
pub struct RxToken<'a> {
    frame: &'a [u8],
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }
}

/// Leave to write one frame.
#[derive(Debug)]
pub struct TxToken<'a> {
    port: &'a mut Port,
    tx: &'a mut [u8],
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let Some(frame) = self.tx.get_mut(..length) else {
            // The stack keeps to our MTU, so this is its bug; the kernel would take even 70,000 bytes.
            self.port.counters.refused_long += 1;
            return f(&mut vec![0; length]);
        };
        let result = f(frame);
        self.port.write(frame);
        result
    }
}

/// Why the TAP cannot be opened, and what to do.
fn explain(name: &str, error: &io::Error) -> String {
    let cause = system_text(error);
    let remedy = match Errno::from_io_error(error) {
        Some(Errno::PERM) => format!(
            "this needs CAP_NET_ADMIN, or a TAP that was made for you beforehand:\n  \
             sudo ip tuntap add dev {name} mode tap user $USER"
        ),
        Some(Errno::BUSY) => {
            format!("another program holds {name}; end it, or take another interface with --tap")
        }
        Some(Errno::INVAL) => format!(
            "{name} is no plain TAP (another kind of interface, a TUN, or a TAP made with multi_queue); \
             take another name with --tap"
        ),
        Some(Errno::ACCESS) => {
            "you may not open /dev/net/tun:\n  sudo chmod 666 /dev/net/tun".to_owned()
        }
        Some(Errno::NOENT) => "there is no /dev/net/tun:\n  sudo modprobe tun\n\
             and if it is still missing:\n  \
             sudo mkdir -p /dev/net && sudo mknod -m 666 /dev/net/tun c 10 200"
            .to_owned(),
        Some(Errno::NODEV | Errno::NXIO) => {
            "the kernel's TUN/TAP driver is not there:\n  sudo modprobe tun".to_owned()
        }
        _ => "`hosttap doctor` may know more".to_owned(),
    };
    format!("cannot open the TAP {name}: {cause}: {remedy}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_comes_with_its_remedy() {
        for (errno, remedy) in [
            (Errno::PERM, "ip tuntap add dev tap9 mode tap user"),
            (Errno::BUSY, "another program holds tap9"),
            (Errno::INVAL, "multi_queue"),
            (Errno::ACCESS, "chmod 666 /dev/net/tun"),
            (Errno::NOENT, "modprobe tun"),
            (Errno::NODEV, "modprobe tun"),
        ] {
            let text = explain("tap9", &errno.into());
            assert!(text.contains(remedy), "{text}");
            assert!(!text.contains("os error"), "{text}");
        }
    }

    #[test]
    fn an_impossible_name_is_refused_before_the_kernel_sees_it() {
        let failure = Tap::open("sixteen-letters-").unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("16 bytes"), "{failure}");
    }
}
