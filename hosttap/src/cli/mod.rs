//! The command line: every command, option and default.

mod link;
mod recovery;
mod serve;
pub mod values;

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use rustix::io::Errno;
use tickwire::Duration;
use tickwire::sntp::NTP_PORT;

use crate::exit::{Exit, Failure};
use crate::system::unsafe_calls::stdout_was_closed;
pub use link::LinkOptions;
pub use recovery::RecoveryOptions;
pub use serve::{HubOptions, ServeOptions};
use values::{HeaderField, Peer};

/// The default port of `chat`.
pub const CHAT_PORT: u16 = 1001;
/// The default port of `recv` and `send`.
pub const FILE_PORT: u16 = 2001;
/// The default port of `serve`.
pub const HTTP_PORT: u16 = 80;
/// The default port of `echo`.
pub const ECHO_PORT: u16 = 12345;

const EXAMPLES: &str = "\
Examples:
  hosttap                                           the demo on a simulated network; no privileges
  sudo ip tuntap add dev tap0 mode tap user $(id -un)   create the TAP once, for your user ...
  sudo ip addr add 192.168.69.100/24 dev tap0       ... give the kernel's side an address ...
  sudo ip link set tap0 up                          ... and bring it up
  hosttap doctor                                    check all that, and print what fixes it
  hosttap get http://192.168.69.100:8000/file -o file
  hosttap chat --connect 192.168.69.100
  hosttap recv --dir incoming
  hosttap send 192.168.69.100 picture.jpg notes/
  hosttap serve --dir pictures                      ... and open http://192.168.69.1/ in a browser

Data goes to stdout, everything else to stderr. Exit codes are curl's: 0 success, 2 usage, 3 URL,
6 name not resolved, 7 could not connect, 8 malformed, 18 truncated, 22 status 3xx or >= 400,
23 cannot write, 25 refused by the receiver, 26 cannot read the file, 28 timed out,
33 cannot resume, 45 TAP unusable, 47 too many redirects, 56 reset, 63 too large, 130 interrupted.";

/// tickwire's apps over a TAP interface, on a TCP/IP stack separate from the kernel's.
#[derive(Debug, Parser)]
#[command(name = "hosttap", version, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    /// How the stack is attached to the network.
    #[command(flatten)]
    pub link: LinkOptions,
    /// The command; `demo` if there is none.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show every app on a simulated network; needs no privileges
    Demo,
    /// Fetch URLs over HTTP/1.0
    Get(GetOptions),
    /// Chat with one peer that connects to us or that we connect to
    Chat(ChatOptions),
    /// Receive files (no authentication: every host that reaches the port can store a file)
    Recv(RecvOptions),
    /// Send files
    Send(SendOptions),
    /// Serve a page, the files of a folder, and rooms for talk to browsers (HTTP)
    Serve(ServeOptions),
    /// Send back every byte that arrives
    Echo(EchoOptions),
    /// Print the time of day that a server tells (SNTP)
    Time(TimeOptions),
    /// Print the addresses of a name
    Resolve(ResolveOptions),
    /// Check the TAP set-up, and print the commands that fix it
    Doctor,
    /// Print the completions for a shell
    Completions(CompletionsOptions),
    /// Write the manual pages to a folder
    Man(ManOptions),
}

/// Options of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsOptions {
    /// The shell
    pub shell: Shell,
}

/// Options of `man`.
#[derive(Debug, Args)]
pub struct ManOptions {
    /// The folder, such as /usr/local/share/man/man1
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
}

/// Options of `get`.
#[derive(Debug, Args)]
pub struct GetOptions {
    /// The URLs, not parsed yet, because a bad URL has its own exit code.
    #[arg(required = true, value_name = "URL", help = "http://HOST[:PORT]/PATH")]
    pub urls: Vec<String>,
    /// Write the body to FILE, which appears complete or not at all [default, or `-`: stdout]; with
    /// DIR/, to a file in this folder with the name that the URL has
    #[arg(short = 'o', long, value_name = "FILE|DIR/")]
    pub output: Option<PathBuf>,
    /// Write the body to a file with the name that the URL has
    #[arg(short = 'O', long, conflicts_with = "output")]
    pub remote_name: bool,
    /// Print what became of each URL as a JSON object on stdout
    #[arg(long)]
    pub json: bool,
    /// Stop at the first URL that fails
    #[arg(long)]
    pub fail_early: bool,
    /// What a download does beyond one request.
    #[command(flatten)]
    pub recovery: RecoveryOptions,
    /// Add a header; Host replaces the default one
    #[arg(long, value_name = "N: V", value_parser = values::header)]
    pub header: Vec<HeaderField>,
    /// Time limit for the connection to be established
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "5",
        value_parser = values::seconds,
    )]
    pub connect_timeout: Duration,
    /// Time limit from the request to the end of the response head
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "10",
        value_parser = values::seconds,
    )]
    pub first_byte_timeout: Duration,
    /// Give up if almost nothing arrives in this time
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "20",
        value_parser = values::seconds,
    )]
    pub idle_timeout: Duration,
    /// Time limit for the whole transfer [default: no limit]
    #[arg(long = "max-time", value_name = "SECONDS", value_parser = values::seconds)]
    pub total_timeout: Option<Duration>,
    /// Refuse a larger body; the units k, M and G are accepted [default: no limit]
    #[arg(long, value_name = "BYTES", value_parser = values::size)]
    pub max_size: Option<u64>,
    /// Fail with 18 if only the end of the connection marks the end of the body
    #[arg(long)]
    pub require_length: bool,
}

const CHAT_COMMANDS: &str = "\
Commands, on a terminal or with --commands:
  /connect HOST[:PORT]   close the current conversation, and connect to HOST
  /listen [PORT]         close it, and wait for a peer to connect
  /disconnect            close it, or stop the attempt; a listener listens again
  /help                  show these commands
  /quit                  close it, and quit
  //text                 send /text

The end of stdin (Ctrl-D) closes our side of the conversation. The peer's messages still appear
until the peer closes its side.";

/// Options of `chat`.
#[derive(Debug, Args)]
#[command(after_help = CHAT_COMMANDS)]
pub struct ChatOptions {
    /// Wait for a peer to connect (the default mode) [default port: 1001]
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "1001",
          conflicts_with = "connect", value_parser = values::port)]
    pub listen: Option<u16>,
    /// Connect to HOST [default port: 1001]
    #[arg(
        long,
        value_name = "HOST[:PORT]",
        value_parser = |text: &str| values::peer(text, CHAT_PORT),
    )]
    pub connect: Option<Peer>,
    /// Ask for a WebSocket: each line is a text message. The end of stdin closes it
    #[arg(long, value_name = "ws://URL", conflicts_with_all = ["listen", "connect", "raw"])]
    pub ws: Option<String>,
    /// Send text without adding line ends
    #[arg(long)]
    pub raw: bool,
    /// Quit after one conversation
    #[arg(long)]
    pub once: bool,
    /// Reconnect, with growing delays, if the peer is unreachable or disconnects
    #[arg(long)]
    pub retry: bool,
    /// Treat lines that begin with / as commands even if stdin is not a terminal
    #[arg(long)]
    pub commands: bool,
    /// Encoding of the peer's text (a WHATWG label, such as euc-kr)
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
    /// Store the files in this directory, under sanitized names
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Replace FILE with each file that arrives (`-`: write it to stdout)
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Quit after one file
    #[arg(long)]
    pub once: bool,
    /// Refuse a larger file; the units k, M and G are accepted [default: no limit]
    #[arg(long, value_name = "BYTES", value_parser = values::size)]
    pub max_size: Option<u64>,
    /// Give up if almost nothing arrives in this time
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "20",
        value_parser = values::seconds,
    )]
    pub idle_timeout: Duration,
}

/// Options of `send`.
#[derive(Debug, Args)]
pub struct SendOptions {
    /// The receiver [default port: 2001]
    #[arg(value_name = "HOST[:PORT]", value_parser = |text: &str| values::peer(text, FILE_PORT))]
    pub peer: Peer,
    /// The files to send; `-` is stdin, and a folder stands for the files in it
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Fail unless stdin brings exactly this number of bytes
    #[arg(long, value_name = "BYTES", value_parser = values::size)]
    pub length: Option<u64>,
    /// Use the plain form: length and bytes only; no name, digest or receipt
    #[arg(long)]
    pub plain: bool,
    /// Retry and resume until the receiver has the whole file
    #[arg(long)]
    pub retry: bool,
    /// Time limit for the connection to be established
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "5",
        value_parser = values::seconds,
    )]
    pub connect_timeout: Duration,
    /// Give up if the receiver accepts almost nothing in this time
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "20",
        value_parser = values::seconds,
    )]
    pub idle_timeout: Duration,
}

/// Options of `echo`.
#[derive(Debug, Args)]
pub struct EchoOptions {
    /// Port to listen on
    #[arg(long, default_value_t = ECHO_PORT, value_parser = values::port)]
    pub port: u16,
    /// Send back every message of a WebSocket, at any path
    #[arg(long)]
    pub ws: bool,
    /// Ask for a WebSocket, ws://HOST:PORT/PATH, and send back every message; ask again after it
    #[arg(long, value_name = "URL", conflicts_with_all = ["ws", "port"])]
    pub connect: Option<String>,
    /// Quit after one conversation
    #[arg(long)]
    pub once: bool,
}

/// Options of `time`.
#[derive(Debug, Args)]
pub struct TimeOptions {
    /// The server [default: those of the lease, with `--address dhcp`; default port: 123]
    #[arg(value_name = "SERVER", value_parser = |text: &str| values::peer(text, NTP_PORT))]
    pub server: Option<Peer>,
}

/// Options of `resolve`.
#[derive(Debug, Args)]
pub struct ResolveOptions {
    /// The name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Ask for these records only [default: those that we could connect to]
    #[arg(long = "type", value_name = "TYPE", ignore_case = true)]
    pub kind: Option<AddressType>,
}

/// Records with addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AddressType {
    /// IPv4 addresses
    #[value(name = "A")]
    A,
    /// IPv6 addresses
    #[value(name = "AAAA")]
    Aaaa,
}

impl Cli {
    /// Checks the options against each other, and that stdout is there if they need it.
    ///
    /// # Errors
    /// [`Exit::Usage`], see [`LinkOptions::check`]; also if stdout would get a capture and something
    /// else. [`Exit::Write`] if the program was started without the stdout that it needs.
    pub fn check(&self) -> Result<(), Failure> {
        self.link.check()?;
        if let (None | Some(Command::Demo), Some(option)) = (&self.command, self.link.real_only()) {
            let text = format!("demo runs on a simulated network, which has no {option}");
            return Err(Failure::new(Exit::Usage, text));
        }
        let captures_to_stdout = self.link.pcap.as_deref().is_some_and(is_stdout);
        if captures_to_stdout && self.writes_to_stdout() {
            let text = "--pcap - needs stdout for itself, and this command writes to it too";
            return Err(Failure::new(Exit::Usage, text));
        }
        if (captures_to_stdout || self.writes_to_stdout()) && stdout_was_closed() {
            let error = Errno::BADF.into();
            return Err(Failure::from_io(Exit::Write, "stdout", &error));
        }
        Ok(())
    }

    /// Whether the command has data of its own for stdout.
    fn writes_to_stdout(&self) -> bool {
        match &self.command {
            Some(Command::Get(options)) => options.json || options.writes_to_stdout(),
            Some(Command::Recv(options)) => options.output.as_deref().is_some_and(is_stdout),
            Some(Command::Send(_) | Command::Echo(_) | Command::Serve(_)) => false,
            Some(Command::Demo) | None => !self.link.quiet,
            Some(
                Command::Chat(_)
                | Command::Time(_)
                | Command::Resolve(_)
                | Command::Doctor
                | Command::Completions(_)
                | Command::Man(_),
            ) => true,
        }
    }
}

impl GetOptions {
    /// Whether bodies go to stdout.
    pub fn writes_to_stdout(&self) -> bool {
        !self.remote_name && self.output.as_deref().is_none_or(is_stdout)
    }
}

/// Whether a file name stands for stdout.
pub fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

#[cfg(test)]
mod tests;
