//! What the caller of a DHCP client decides.

use core::net::Ipv4Addr;

use crate::Duration;

/// Options of a [`Dhcp`](super::Dhcp) client.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DhcpOptions<'a> {
    /// Our name, for the server's list of names: one label without dots, at most
    /// [`HOST_NAME_LEN_MAX`](super::HOST_NAME_LEN_MAX) bytes. Empty for none.
    pub host_name: &'a str,
    /// Who we are for the server, instead of the hardware address; at most
    /// [`CLIENT_ID_LEN_MAX`](super::CLIENT_ID_LEN_MAX) bytes.
    pub client_id: Option<&'a [u8]>,
    /// The address of the last lease, where the caller has kept it over a restart. It is asked for
    /// first, which takes one message each way instead of two.
    pub last_address: Option<Ipv4Addr>,
    /// How a granted address is tested.
    pub probing: Probing,
    /// With the feature `dns`: only the program's name servers are asked, and those of a lease are
    /// told. By default those of the lease are asked after the program's, while it is ours.
    pub keeps_name_servers: bool,
}

/// How a granted address is tested by ARP before it is used: each probe asks whether another host
/// has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Probing {
    /// How many probes; 0 for no test.
    pub count: u8,
    /// The first comes within this time, and each next one after this time to twice this time.
    pub interval: Duration,
    /// How long the last one waits for an answer.
    pub settle: Duration,
}

impl Probing {
    /// No test.
    pub const OFF: Self = Self {
        count: 0,
        interval: Duration::ZERO,
        settle: Duration::ZERO,
    };
    /// Three probes within at most 0.7 s: for hosts that answer as fast as those of a LAN do.
    pub const QUICK: Self = Self {
        count: 3,
        interval: Duration::from_millis(100),
        settle: Duration::from_millis(200),
    };
    /// The times of RFC 5227, section 1.1: 4 s to 7 s.
    pub const RFC5227: Self = Self {
        count: 3,
        interval: Duration::from_secs(1),
        settle: Duration::from_secs(2),
    };
}

impl Default for Probing {
    /// [`Probing::QUICK`].
    fn default() -> Self {
        Self::QUICK
    }
}
