//! The options of `serve`.

use std::path::PathBuf;

use clap::Args;

use super::{HTTP_PORT, values};

const HUB: &str = "\
With --hub, browsers and scripts talk in rooms; each message goes to all in the room:
  ws://HOST/ws?room=R&name=N   WebSocket; without R the room is lobby, without N a name is made up
  http://HOST/R                Socket.IO with transports: ['websocket']; its namespace is the room,
                               and / is lobby
  nc HOST PORT                 lines, with --lines PORT; commands: /name N, /room R, /who, /quit
Whoever reaches the ports can join any room under any name that is free.";

/// Options of `serve`.
#[derive(Debug, Args)]
#[command(after_help = HUB)]
pub struct ServeOptions {
    /// Port to listen on
    #[arg(long, default_value_t = HTTP_PORT, value_parser = values::port)]
    pub port: u16,
    /// Serve the files of this folder under /files/, but no name that begins with a dot
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Take files into the folder: POST to /files/NAME, or a form with one file to /files/ (no
    /// authentication: every host that reaches the port can store a file)
    #[arg(long, requires = "dir")]
    pub upload: bool,
    /// Refuse a larger file; the units k, M and G are accepted [default: no limit]
    #[arg(long, value_name = "BYTES", requires = "upload", value_parser = values::size)]
    pub max_size: Option<u64>,
    /// A name by which this server is called, beside its addresses, names without a dot, and names
    /// that nobody leads here from the public DNS, such as those in .local and .lan; may be repeated
    /// (`*`: every name, also one that a hostile page leads here)
    #[arg(long, value_name = "NAME", value_parser = values::host_name)]
    pub host: Vec<String>,
    /// A page that may send files and talk, such as http://a.example:8080, beside those of this
    /// server; may be repeated (`*`: every page)
    #[arg(long, value_name = "ORIGIN", value_parser = values::origin)]
    pub origin: Vec<String>,
    /// Rooms in which callers talk.
    #[command(flatten)]
    pub hub: HubOptions,
}

/// Options of `serve` for the hub.
#[derive(Debug, Args)]
pub struct HubOptions {
    /// Let browsers and scripts talk in rooms, by WebSocket and Socket.IO
    #[arg(long = "hub")]
    pub is_on: bool,
    /// Let terminals talk there too, in lines over plain TCP on this port
    #[arg(long, value_name = "PORT", requires = "is_on", value_parser = values::port)]
    pub lines: Option<u16>,
    /// Members of all rooms together; at most 96 browsers and scripts, and 16 terminals, are
    /// connected
    #[arg(long, value_name = "N", requires = "is_on", default_value_t = 64,
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub max_members: u16,
    /// Rooms at a time
    #[arg(long, value_name = "N", requires = "is_on", default_value_t = 16,
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub max_rooms: u16,
    /// Longest message in bytes, from 64 to 16k
    #[arg(long, value_name = "BYTES", requires = "is_on", default_value_t = 4_096,
          value_parser = values::message_size)]
    pub max_message: u16,
    /// Messages of one member in a second; more have to wait
    #[arg(long, value_name = "N", requires = "is_on", default_value_t = 20,
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub max_rate: u16,
}
