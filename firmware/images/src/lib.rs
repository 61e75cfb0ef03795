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

pub mod app;
pub mod boot;
pub mod exit;
pub mod flash;
pub mod single;

use core::net::Ipv4Addr;

use board::host::{self, Arguments, Line, decimal};
use board::{Clock, Ethernet, Nic, stack};
use smoltcp::iface::{Config, Interface};
use smoltcp::phy::Device;
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Cidr};

use exit::Failure;

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
    /// The parameter that is missing or malformed.
    pub fn from_arguments(arguments: &Arguments<'_>) -> Result<Self, Failure> {
        let seed = number(arguments, "seed", 1)?;
        Ok(Self {
            address: arguments
                .get("address")
                .and_then(cidr)
                .ok_or(Failure::usage("address=A.B.C.D/N is needed"))?,
            gateway: address(arguments, "gateway")?,
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

    /// smoltcp's interface on `device` with these parameters.
    pub fn interface(&self, clock: &mut Clock, device: &mut impl Device) -> Interface {
        let mut config = Config::new(EthernetAddress(self.mac()).into());
        config.random_seed = self.seed;
        let mut interface = Interface::new(config, device, clock.now().to_smoltcp());
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

/// `A.B.C.D/N`.
fn cidr(text: &str) -> Option<Ipv4Cidr> {
    let slash = text.bytes().position(|byte| byte == b'/')?;
    let prefix = decimal(text.get(slash + 1..)?).ok()?;
    let prefix = u8::try_from(prefix).ok().filter(|&prefix| prefix <= 32)?;
    Some(Ipv4Cidr::new(text.get(..slash)?.parse().ok()?, prefix))
}

/// The address that `key` names, which may be missing but not malformed.
///
/// # Errors
/// It is no IPv4 address.
pub fn address(arguments: &Arguments<'_>, key: &str) -> Result<Option<Ipv4Addr>, Failure> {
    let malformed = Failure::usage("a parameter is no IPv4 address");
    arguments
        .get(key)
        .map(|text| text.parse().map_err(|_| malformed))
        .transpose()
}

/// The number that `key` names, or `default`.
///
/// # Errors
/// It is no number, or too large.
pub fn number<N: TryFrom<u32>>(
    arguments: &Arguments<'_>,
    key: &str,
    default: N,
) -> Result<N, Failure> {
    let malformed = Failure::usage("a parameter is no number, or too large");
    match arguments.number(key) {
        Ok(None) => Ok(default),
        Ok(Some(number)) => N::try_from(number).map_err(|_| malformed),
        Err(_) => Err(malformed),
    }
}

/// Says on stderr what the run cost: counts of the core's clock, bytes of stack, and frames.
///
/// Under QEMU's `-icount shift=0` an instruction is a nanosecond, so that the counts tell instructions.
pub fn report_cost(clock: &mut Clock, nic: &mut Nic<'_, Ethernet>) {
    let frames = nic.counters();
    let spent = clock.spent();
    let numbers = [
        ("cost: awake ", spent.awake_counts),
        (" asleep ", spent.asleep_counts),
        (" sleeps ", spent.sleeps.into()),
        (" stack ", stack::usage().used_bytes as u64),
        (" frames in ", frames.received.into()),
        (" damaged ", frames.damaged.into()),
        (" long ", frames.too_long.into()),
        (" overrun ", frames.overrun.into()),
        (" out ", frames.sent.into()),
        (" dropped ", frames.dropped.into()),
        (" failed ", frames.failed.into()),
    ];
    let mut line = Line::new();
    for (name, number) in numbers {
        line.text(name).number(number);
    }
    host::report(&mut line);
}
