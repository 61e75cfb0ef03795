//! The command line, whole: every command, option and default.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use crate::exit::{Exit, Failure};
use crate::values::{self, HeaderField, Peer};

/// The chat peer's port.
pub const CHAT_PORT: u16 = 1001;
/// The file transfer's port.
pub const FILE_PORT: u16 = 2001;
/// The echo server's port.
pub const ECHO_PORT: u16 = 12345;

const EXAMPLES: &str = "\
Examples:
  hosttap                                           the tour on the virtual wire; needs no privilege
  sudo ip tuntap add dev tap0 mode tap user $USER   make the TAP once, for yourself ...
  sudo ip addr add 192.168.69.100/24 dev tap0       ... give the kernel's side an address ...
  sudo ip link set tap0 up                          ... and bring it up
  hosttap doctor                                    check all that, and say what mends it
  hosttap get http://192.168.69.100:8000/file -o file
  hosttap chat --connect 192.168.69.100
  hosttap recv --dir incoming
  hosttap send 192.168.69.100 picture.jpg

Data goes to stdout, everything else to stderr. Exit codes are curl's: 0 fine, 2 usage, 3 URL,
6 name not resolved, 7 could not connect, 8 malformed, 18 truncated, 22 status 3xx or >= 400,
23 cannot write, 25 refused by the receiver, 26 cannot read the file, 28 timed out,
45 TAP unusable, 56 reset, 63 too large, 130 interrupted.";

/// tickwire's apps over a TAP interface: an own TCP/IP stack beside the kernel's.
#[derive(Debug, Parser)]
#[command(name = "hosttap", version, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    /// Where and how the stack is attached.
    #[command(flatten)]
    pub link: LinkOptions,
    /// What to do; without a command, `demo`.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of the link; they stand before the command or behind it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Link options")]
pub struct LinkOptions {
    /// TAP interface; created when missing (needs CAP_NET_ADMIN), or made beforehand for a user
    #[arg(short = 'i', long, value_name = "IFACE", default_value = "tap0", global = true, value_parser = values::interface_name)]
    pub tap: String,
    /// Our own address and the length of its network's prefix
    #[arg(long, value_name = "CIDR", default_value = "192.168.69.1/24", global = true, value_parser = values::host_cidr)]
    pub address: IpCidr,
    /// Router for peers outside our network
    #[arg(long, value_name = "IP", global = true, value_parser = values::address)]
    pub gateway: Option<IpAddress>,
    /// Our Ethernet address [default: 02:00 and the IPv4 address]
    #[arg(long, value_name = "MAC", global = true, value_parser = values::mac)]
    pub mac: Option<EthernetAddress>,
    /// Also give the kernel's side of the TAP this address and bring it up (needs CAP_NET_ADMIN)
    #[arg(long, value_name = "CIDR", global = true, value_parser = values::host_cidr)]
    pub host_address: Option<IpCidr>,
    /// Seed of ports and sequence numbers [default: random]
    #[arg(long, value_name = "N", global = true)]
    pub seed: Option<u64>,
    /// Write every frame to this file, for tshark or Wireshark
    #[arg(long, value_name = "FILE", global = true)]
    pub pcap: Option<PathBuf>,
    /// Leave out the guard that keeps smoltcp's connections from getting stuck
    #[arg(long, global = true)]
    pub no_guard: bool,
    /// Say what happens, and show every frame as one line
    #[arg(short = 'v', long, global = true, overrides_with = "verbose")]
    pub verbose: bool,
    /// Say nothing but errors
    #[arg(
        short = 'q',
        long,
        global = true,
        conflicts_with = "verbose",
        overrides_with = "quiet"
    )]
    pub quiet: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The whole tour on the virtual wire; needs no privilege
    Demo,
    /// Fetch a URL over HTTP/1.0
    Get(GetOptions),
    /// Chat with one peer, listening or calling
    Chat(ChatOptions),
    /// Receive files (no authentication: whoever reaches the port can store a file)
    Recv(RecvOptions),
    /// Send a file
    Send(SendOptions),
    /// Send back what comes
    Echo(EchoOptions),
    /// Say what is wrong with the TAP set-up, and the commands that mend it
    Doctor,
}

/// Options of `get`. Times are milliseconds here and seconds on the command line.
#[derive(Debug, Args)]
pub struct GetOptions {
    /// The URL, not parsed yet: a bad one has an exit code of its own.
    #[arg(help = "http://HOST[:PORT]/PATH, with HOST as an address")]
    pub url: String,
    /// Write to FILE, which appears whole or not at all; without it, or with `-`, to stdout as bytes come
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// One more header; Host replaces ours
    #[arg(long, value_name = "N: V", value_parser = values::header)]
    pub header: Vec<HeaderField>,
    /// Longest time for the connection
    #[arg(long = "connect-timeout", value_name = "SECONDS", default_value = "5", value_parser = values::seconds)]
    pub connect_ticks: u64,
    /// Longest time from the request to the end of the response's head
    #[arg(long = "first-byte-timeout", value_name = "SECONDS", default_value = "10", value_parser = values::seconds)]
    pub first_byte_ticks: u64,
    /// Longest time in which next to nothing arrives
    #[arg(long = "idle-timeout", value_name = "SECONDS", default_value = "20", value_parser = values::seconds)]
    pub idle_ticks: u64,
    /// Longest time for everything [default: no limit]
    #[arg(long = "max-time", value_name = "SECONDS", value_parser = values::seconds)]
    pub total_ticks: Option<u64>,
    /// Refuse a larger body; k, M and G are accepted [default: no limit]
    #[arg(long, value_name = "BYTES", value_parser = values::size)]
    pub max_size: Option<u64>,
    /// Take a body that ends only with the connection as truncated
    #[arg(long)]
    pub require_length: bool,
}

const CHAT_COMMANDS: &str = "\
Commands, on a terminal or with --commands:
  /connect HOST[:PORT]   end the present conversation in order, and call HOST
  /listen [PORT]         end it, and wait for a caller
  /disconnect            end it, or the attempt; a listener listens again
  /quit                  end it and the program
  //text                 send /text

The end of stdin (Ctrl-D) closes our side of the conversation; the peer is heard until it closes its own.";

/// Options of `chat`.
#[derive(Debug, Args)]
#[command(after_help = CHAT_COMMANDS)]
pub struct ChatOptions {
    /// Wait for a caller (this is what chat does without a part) [default port: 1001]
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "1001",
          conflicts_with = "connect", value_parser = values::port)]
    pub listen: Option<u16>,
    /// Call HOST [default port: 1001]
    #[arg(long, value_name = "HOST[:PORT]", value_parser = |text: &str| values::peer(text, CHAT_PORT))]
    pub connect: Option<Peer>,
    /// Send text as it is, without line ends
    #[arg(long)]
    pub raw: bool,
    /// End after one conversation
    #[arg(long)]
    pub once: bool,
    /// Call again, with growing pauses, when the peer cannot be reached or has gone
    #[arg(long)]
    pub retry: bool,
    /// Take lines that begin with / as commands, also when stdin is no terminal
    #[arg(long)]
    pub commands: bool,
    /// Encoding of the peer's text, as browsers name it
    #[arg(long, value_name = "LABEL", default_value = "utf-8")]
    pub encoding: String,
}

/// Options of `recv`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("target").required(true).args(["dir", "output"]))]
pub struct RecvOptions {
    /// Port to listen on
    #[arg(long, default_value_t = FILE_PORT, value_parser = values::port)]
    pub port: u16,
    /// Keep the files in this folder, under cleaned names
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Replace FILE by what arrives
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// End after one file
    #[arg(long)]
    pub once: bool,
    /// Refuse a larger file; k, M and G are accepted [default: no limit]
    #[arg(long, value_name = "BYTES", value_parser = values::size)]
    pub max_size: Option<u64>,
    /// Longest time in which next to nothing arrives
    #[arg(long = "idle-timeout", value_name = "SECONDS", default_value = "20", value_parser = values::seconds)]
    pub idle_ticks: u64,
}

/// Options of `send`.
#[derive(Debug, Args)]
pub struct SendOptions {
    /// The receiver [default port: 2001]
    #[arg(value_name = "HOST[:PORT]", value_parser = |text: &str| values::peer(text, FILE_PORT))]
    pub peer: Peer,
    /// The file to send
    pub file: PathBuf,
    /// Plain form: a length, then the bytes; no name, no digest, no receipt
    #[arg(long)]
    pub plain: bool,
    /// Try again and go on where the receiver stopped, until it has the file
    #[arg(long)]
    pub retry: bool,
    /// Longest time for the connection
    #[arg(long = "connect-timeout", value_name = "SECONDS", default_value = "5", value_parser = values::seconds)]
    pub connect_ticks: u64,
    /// Longest time in which next to nothing is taken
    #[arg(long = "idle-timeout", value_name = "SECONDS", default_value = "20", value_parser = values::seconds)]
    pub idle_ticks: u64,
}

/// Options of `echo`.
#[derive(Debug, Args)]
pub struct EchoOptions {
    /// Port to listen on
    #[arg(long, default_value_t = ECHO_PORT, value_parser = values::port)]
    pub port: u16,
    /// End after one conversation
    #[arg(long)]
    pub once: bool,
}

impl LinkOptions {
    /// Our Ethernet address: the one given, or 02:00 and the last four bytes of the IP address.
    pub fn ethernet_address(&self) -> EthernetAddress {
        self.mac.unwrap_or_else(|| {
            let [a, b, c, d] = match self.address.address() {
                IpAddress::Ipv4(address) => address.octets(),
                IpAddress::Ipv6(address) => {
                    let [.., a, b, c, d] = address.octets();
                    [a, b, c, d]
                }
            };
            EthernetAddress([0x02, 0x00, a, b, c, d])
        })
    }

    /// Bytes of the smallest MTU that our address's family allows us: what every host must take whole (RFC 791, 3.1;
    /// RFC 8200, 5).
    pub const fn mtu_min(&self) -> usize {
        match self.address {
            IpCidr::Ipv4(_) => 576,
            IpCidr::Ipv6(_) => 1280,
        }
    }

    /// Whether `gateway` can be reached without a gateway. IPv6 routers mostly go by their link-local address (RFC 4861,
    /// 4.2), which is on every link.
    fn is_on_link(&self, gateway: IpAddress) -> bool {
        let is_link_local =
            matches!(gateway, IpAddress::Ipv6(address) if address.is_unicast_link_local());
        let is_local = is_link_local && matches!(self.address, IpCidr::Ipv6(_));
        is_local || self.address.contains_addr(&gateway)
    }

    /// Checks what one value alone does not show.
    ///
    /// # Errors
    /// [`Exit::Usage`]: a gateway that is no host of our network, one address used twice, or `-v` with `-q`.
    pub fn check(&self) -> Result<(), Failure> {
        let usage = |message: String| Err(Failure::new(Exit::Usage, message));
        // clap looks for conflicts on each side of the command by itself.
        if self.verbose && self.quiet {
            return usage("--verbose cannot be used with --quiet".to_owned());
        }
        let ours = self.address.address();
        if let Some(gateway) = self.gateway {
            if gateway == ours {
                return usage(format!("--gateway {gateway} is our own --address"));
            }
            if !self.is_on_link(gateway) {
                return usage(format!(
                    "--gateway {gateway} is not in the network of --address {}; nothing could reach it",
                    self.address
                ));
            }
            let cidr = format!("{gateway}/{}", self.address.prefix_len());
            if let Err(why) = values::host_cidr(&cidr) {
                return usage(format!("--gateway {gateway}: {why}"));
            }
        }
        if let Some(host) = self.host_address {
            if host.address() == ours {
                return usage(format!(
                    "--host-address {ours} is our own --address; the kernel's side needs another one"
                ));
            }
            if !host.contains_addr(&ours) || !self.address.contains_addr(&host.address()) {
                return usage(format!(
                    "--host-address {host} and --address {} are not in one network",
                    self.address
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "cli_tests.rs"]
mod tests;
