//! What the images share: parameters, the interface's set-up, the report at the end, and exit codes.
//!
//! An image's parameters are words of the form `key=value`:
//!
//! | key | value | default |
//! |---|---|---|
//! | `address` | our IPv4 address and prefix length, as `192.168.69.2/24` | required |
//! | `gateway` | the default router | none |
//! | `seed` | a number: local ports, TCP's initial sequence numbers | 1 |
#![no_std]
#![forbid(unsafe_code)]

pub mod single;

use core::net::Ipv4Addr;

use board::host::{self, Arguments, Line};
use board::{Absent, Clock, Ethernet, Nic, stack};
use smoltcp::iface::{Config, Interface};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Cidr};

/// Exit code: all went well.
pub const EXIT_FINE: i32 = 0;
/// Exit code: a test of the board failed.
pub const EXIT_FAILED: i32 = 1;
/// Exit code: the parameters make no sense.
pub const EXIT_USAGE: i32 = 2;
/// Exit code: no connection.
pub const EXIT_CONNECT: i32 = 7;
/// Exit code: the peer fell silent.
pub const EXIT_TIMEOUT: i32 = 28;
/// Exit code: a part of the board does not answer.
pub const EXIT_BOARD: i32 = 45;
/// Exit code: the peer reset the connection.
pub const EXIT_RESET: i32 = 56;

/// How an image ends that does not succeed: its exit code, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// The emulator's exit code.
    pub code: i32,
    /// One line for stderr.
    pub why: &'static str,
}

impl Failure {
    /// Any failure.
    pub const fn new(code: i32, why: &'static str) -> Self {
        Self { code, why }
    }

    /// A parameter that is missing or malformed.
    pub const fn usage(why: &'static str) -> Self {
        Self::new(EXIT_USAGE, why)
    }
}

impl From<Absent> for Failure {
    fn from(part: Absent) -> Self {
        Self::new(EXIT_BOARD, part.as_str())
    }
}

/// The parameters that every networked image takes.
#[derive(Debug, Clone, Copy)]
pub struct Network {
    /// Our address.
    pub address: Ipv4Cidr,
    /// The default router.
    pub gateway: Option<Ipv4Addr>,
    /// Makes one run's ports and sequence numbers differ from another's.
    pub seed: u64,
}

impl Network {
    /// Reads the parameters.
    ///
    /// # Errors
    /// The parameter that is missing or malformed, with [`EXIT_USAGE`].
    pub fn from_arguments(arguments: &Arguments<'_>) -> Result<Self, Failure> {
        let address = arguments
            .get("address")
            .and_then(|text| text.split_once('/'))
            .and_then(|(address, prefix)| Some((address.parse().ok()?, prefix.parse().ok()?)))
            .filter(|(_, prefix)| *prefix <= 32)
            .map(|(address, prefix)| Ipv4Cidr::new(address, prefix))
            .ok_or(Failure::usage("address=A.B.C.D/N is needed"))?;
        let gateway = optional(arguments, "gateway", "gateway= is no IPv4 address")?;
        let seed = optional(arguments, "seed", "seed= is no number")?.unwrap_or(1);
        Ok(Self {
            address,
            gateway,
            seed,
        })
    }

    /// The hardware address that hosttap would choose too: 02:00 and the IPv4 address.
    pub fn mac(&self) -> [u8; 6] {
        let [a, b, c, d] = self.address.address().octets();
        [0x02, 0x00, a, b, c, d]
    }

    /// One of the dynamic ports (RFC 6335, 6: 49152 to 65535), by the seed.
    pub const fn local_port(&self) -> u16 {
        // Masked to 14 bits.
        0xC000 | (self.seed & 0x3FFF) as u16
    }

    /// smoltcp's interface on `nic` with these parameters.
    pub fn interface(&self, clock: &mut Clock, nic: &mut Nic<'_, Ethernet>) -> Interface {
        let mut config = Config::new(EthernetAddress(self.mac()).into());
        config.random_seed = self.seed;
        let mut interface = Interface::new(config, nic, clock.now().to_smoltcp());
        interface.update_ip_addrs(|addresses| {
            // `expect` on these results would draw in their formatting, 3 KiB.
            let pushed = addresses.push(IpCidr::Ipv4(self.address)).is_ok();
            assert!(pushed, "an interface has room for its first address");
        });
        if let Some(gateway) = self.gateway {
            let added = interface.routes_mut().add_default_ipv4_route(gateway);
            assert!(
                added.is_ok(),
                "a routing table has room for its first route"
            );
        }
        interface
    }
}

/// The value of `key`, which may be missing but not malformed.
///
/// # Errors
/// `malformed`, with [`EXIT_USAGE`].
pub fn optional<T: core::str::FromStr>(
    arguments: &Arguments<'_>,
    key: &str,
    malformed: &'static str,
) -> Result<Option<T>, Failure> {
    arguments
        .get(key)
        .map(|text| text.parse().map_err(|_| Failure::usage(malformed)))
        .transpose()
}

/// Says on stderr what the run cost: counts of the core's clock, bytes of stack, and frames.
///
/// Under QEMU's `-icount shift=0` an instruction is a nanosecond, so that the counts tell instructions.
pub fn report_cost(clock: &mut Clock, nic: &Nic<'_, Ethernet>) {
    let frames = nic.counters();
    let spent = clock.spent();
    let stack = stack::usage();
    let mut line = Line::new();
    line.text("cost: awake ")
        .number(spent.awake_counts)
        .text(" asleep ")
        .number(spent.asleep_counts)
        .text(" sleeps ")
        .number(spent.sleeps.into())
        .text(" stack ")
        .number(stack.used_bytes as u64)
        .text(" frames in ")
        .number(frames.received.into())
        .text(" damaged ")
        .number(frames.damaged.into())
        .text(" long ")
        .number(frames.too_long.into())
        .text(" out ")
        .number(frames.sent.into())
        .text(" dropped ")
        .number(frames.dropped.into());
    host::report(&mut line);
}

/// Ends the image as `result` says, a failure with its line on stderr.
pub fn finish(result: Result<(), Failure>) -> ! {
    match result {
        Ok(()) => host::exit(EXIT_FINE),
        Err(failure) => {
            host::report(Line::new().text(failure.why));
            host::exit(failure.code)
        }
    }
}
